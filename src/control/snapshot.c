/* A stack's counters and gauges as JSON. */
#include "control/snapshot.h"

static json_t *counters(const struct hf_stats *stats)
{
    json_t *object = json_object();

#define ROW(name, unit, meaning)        \
    if (HF_STAT_##name != HF_STAT_none) \
        json_object_set_new(object, #name, json_integer((json_int_t)stats->name));
    HF_STATS(ROW)
#undef ROW
    return object;
}

static json_t *connections(const struct hf_gauges *gauges)
{
    json_t *object = json_object();

    for (unsigned state = 0; state < HF_STATES; state++)
        json_object_set_new(object, hf_state_text((enum hf_state)state),
                            json_integer(gauges->connections[state]));
    return object;
}

json_t *snapshot_of(const struct hf_stack *stack)
{
    struct hf_gauges g;
    json_t *object = json_object();

    hf_gauges(stack, &g);
#define GAUGE(name) json_object_set_new(object, #name, json_integer((json_int_t)g.name))
    GAUGE(connections_used);
    GAUGE(max_connections);
    GAUGE(half_opens);
    GAUGE(max_half_opens);
    GAUGE(time_waits);
    GAUGE(max_time_waits);
    GAUGE(listeners);
    GAUGE(neighbors);
    GAUGE(reassemblies);
    GAUGE(pool_used_bytes);
    GAUGE(pool_bytes);
    GAUGE(memory_bytes);
#undef GAUGE
    return json_pack("{s:o, s:o, s:o}", "counters", counters(hf_stats(stack)), "gauges", object,
                     "connections", connections(&g));
}
