/* Who is still there when the time to drain is over. */
#include "guard/farewell.h"

#include <stdio.h>
#include <string.h>

struct farewell {
    const char *service;
    uint32_t seen;
    size_t length;
    char clients[FAREWELL_CLIENTS * (HF_ENDPOINT_TEXT_MAX + 2)];
};

static bool name_client(void *context, const struct relay_view *view)
{
    struct farewell *farewell = context;
    char text[HF_ENDPOINT_TEXT_MAX];

    if (strcmp(view->service, farewell->service) != 0)
        return true;
    if (farewell->seen++ < FAREWELL_CLIENTS)
        farewell->length += (size_t)snprintf(
            farewell->clients + farewell->length, sizeof farewell->clients - farewell->length,
            "%s%s", farewell->length > 0 ? ", " : "", hf_endpoint_format(text, &view->client));
    return true;
}

static void say_service(struct guard *guard, const struct service *service, int64_t now_us)
{
    struct farewell farewell = {.service = service->config->name};
    struct log_about about = {
        .level = LOG_LEVEL_WARNING,
        .event = "cut",
        .service = service->config->name,
        .count = service->active,
    };
    char more[32] = "";

    relays_visit(&guard->relays, name_client, &farewell, now_us);
    if (farewell.seen > FAREWELL_CLIENTS)
        snprintf(more, sizeof more, " and %u more", farewell.seen - FAREWELL_CLIENTS);
    log_about(&guard->log, now_us, &about, "service %s: %u connection%s cut: %s%s",
              service->config->name, service->active, service->active == 1 ? "" : "s",
              farewell.clients, more);
}

void farewell_say(struct guard *guard, int64_t now_us)
{
    for (uint32_t i = 0; i < guard->relays.service_count; i++)
        if (guard->services[i].life != SERVICE_FREE && guard->services[i].active > 0)
            say_service(guard, &guard->services[i], now_us);
}
