/* "stats": every counter, exact; as JSON, or as a page for Prometheus. */
#include <stdlib.h>
#include <string.h>

#include <handfast/os.h>

#include "control/commands.h"
#include "control/describe.h"
#include "control/describe_filter.h"
#include "control/filter_text.h"
#include "control/prometheus.h"
#include "control/snapshot.h"

static json_t *driver(const struct hf_tap *tap)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", tap->name, "received",
                     (json_int_t)tap->received, "transmitted", (json_int_t)tap->transmitted,
                     "dropped", (json_int_t)tap->dropped, "errors", (json_int_t)tap->errors);
}

static json_t *prometheus(const struct guard *guard, int64_t now_us)
{
    char *text = prometheus_text(guard, now_us);
    json_t *reply = text ? json_pack("{s:s}", "prometheus", text) : NULL;

    free(text);
    return reply;
}

/* {"counters", "gauges", "connections", "relays", "services", "driver", "filter"}, or with the word "prometheus" {"prometheus": page}. */
static json_t *answer(void *context, const json_t *request)
{
    const struct guard *guard = context;
    int64_t now_us = hf_os_now_us();
    const char *word = request_word(request, 0);

    if (word && strcmp(word, "prometheus") == 0)
        return prometheus(guard, now_us);
    if (word)
        return control_error("stats %.40s is not understood; accepted is prometheus", word);

    json_t *reply = snapshot_of(guard->stack);
    json_t *services = json_array();

    for (uint32_t i = 0; i < guard->relays.service_count; i++) {
        const struct service *service = describe_service_at(guard, i);

        if (service)
            json_array_append_new(services, describe_service(guard, service, now_us));
    }
    json_object_set_new(reply, "services", services);
    json_object_set_new(reply, "relays",
                        json_pack("{s:I, s:I}", "active", (json_int_t)guard->relays.active, "limit",
                                  (json_int_t)guard->relays.limit));
    json_object_set_new(reply, "driver", driver(&guard->tap));
    json_object_set_new(reply, "filter", describe_filter(guard));
    return reply;
}

void command_stats_register(struct control_server *server, struct guard *guard)
{
    control_server_register(server, "stats", answer, guard);
}
