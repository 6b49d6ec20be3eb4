/* Relays begin: connections are taken from the stack, as far as the limits of service and prefix allow. */
#include "guard/relay_life.h"

static void say_prefix(struct relays *relays, const struct service *service,
                       const struct hf_address *client, int64_t now_us)
{
    const struct config_service *config = service->config;
    char text[PREFIX_COUNT_TEXT_MAX];
    struct log_about about = {
        .level = LOG_LEVEL_WARNING,
        .event = "prefix-limit",
        .service = config->name,
        .prefix = prefix_count_text(text, client),
        .count = config->max_per_prefix,
    };

    log_about(relays->log, now_us, &about, "service %s: %s has its %u connections: another %s",
              config->name, text, config->max_per_prefix,
              config->enforce == CONFIG_OBSERVE ? "would have been reset" : "was reset");
}

/* True: this prefix may have one more; it has been counted. */
static bool prefix_may(struct relays *relays, struct service *service,
                       const struct hf_address *client, uint32_t *entry, int64_t now_us)
{
    const struct config_service *config = service->config;

    *entry = prefix_count_add(&relays->prefixes, (uint32_t)(service - relays->services), client);
    if (config->max_per_prefix == 0 ||
        relays->prefixes.entries[*entry].count <= config->max_per_prefix)
        return true;
    say_prefix(relays, service, client, now_us);
    if (config->enforce == CONFIG_OBSERVE) {
        service->count.would_refuse++;
        return true;
    }
    prefix_count_remove(&relays->prefixes, *entry);
    service->count.prefix_refused++;
    return false;
}

static void begin(struct relays *relays, struct service *service, hf_socket client, int64_t now_us)
{
    struct hf_status status;
    uint32_t entry;

    service->count.accepted++;
    if (hf_status(relays->stack, client, &status) != HF_OK ||
        !prefix_may(relays, service, &status.remote.address, &entry, now_us)) {
        hf_abort(relays->stack, client, now_us);
        return;
    }
    struct relay *relay = relay_take(relays, service, client, now_us);

    relay->prefix = entry;
    relay->client_is_v4 = hf_address_is_v4(&status.remote.address);
    relay_connect(relay, now_us);
}

static bool has_room(const struct relays *relays, const struct service *service)
{
    return relays->active < relays->limit && service->active < service->config->max_connections &&
           !relays->descriptors.now && !service->ports.now;
}

/* True: this listener may have more, and there is room for them. */
static bool accept_from(struct relays *relays, struct service *service,
                        struct service_listener *listener, int64_t now_us)
{
    for (uint32_t taken = 0; taken < RELAY_ACCEPTS_PER_TURN; taken++) {
        hf_socket client;

        if (!has_room(relays, service))
            return false; /* the end of another, or of our want, comes back to it */
        if (hf_accept(relays->stack, listener->socket, &client) != HF_OK) {
            listener->acceptable = false;
            return false;
        }
        begin(relays, service, client, now_us);
    }
    return true;
}

/* The same for all of a service's. */
static bool accept_for(struct relays *relays, struct service *service, int64_t now_us)
{
    bool more = false;

    service->acceptable = false;
    for (uint32_t i = 0; i < SERVICE_LISTENERS_MAX; i++) {
        if (service->listeners[i].acceptable)
            more |= accept_from(relays, service, &service->listeners[i], now_us);
        service->acceptable |= service->listeners[i].acceptable;
    }
    return more;
}

void relay_accept_all(struct relays *relays, int64_t now_us)
{
    bool more = false;

    relays->accepting = false;
    for (uint32_t i = 0; i < relays->service_count; i++) {
        struct service *service = &relays->services[i];

        if (service->life == SERVICE_OPEN && service->acceptable)
            more |= accept_for(relays, service, now_us);
    }
    relays->accepting |= more;
}

void relay_accept_waiting(struct relays *relays, struct service *service, int64_t now_us)
{
    for (uint32_t j = 0; j < SERVICE_LISTENERS_MAX; j++)
        while (service->listeners[j].socket != HF_NO_SUCH_SOCKET &&
               accept_from(relays, service, &service->listeners[j], now_us))
            ;
}
