/* Who tries one closed port after another. [RFC 9293 3.10.7.1] */
#include "stack/scan.h"

#include "base/time.h"
#include "stack/source.h"
#include "stack/stack.h"

#define PORT_BITS 64u
#define TOLD_COST_US (US_PER_S / SCAN_TOLD_PER_S)

/* The keyed function's second word: what it is asked for. */
#define HASH_PREFIX 0u
#define HASH_PORT 1u

void scan_init(struct scan *scan, uint8_t ports, struct siphash_key key)
{
    memset(scan, 0, sizeof *scan);
    scan->ports = ports;
    scan->key = key;
}

static bool is_over(const struct scan_suspect *suspect, uint32_t now_s)
{
    return suspect->tag == 0 || now_s - suspect->since_s >= SCAN_WINDOW_S;
}

/* The suspect of a prefix, made if there is a place; NULL: others have worn less than he. */
static struct scan_suspect *suspect_of(struct scan *scan, const struct hf_address *remote,
                                       uint32_t now_s)
{
    uint64_t hash = siphash_12(scan->key, source_word(remote), HASH_PREFIX);
    struct scan_suspect *set = scan->suspects[hash & (SCAN_SETS - 1)], *place = &set[0];
    uint32_t tag = (uint32_t)(hash >> 32) | 1;

    for (int way = 0; way < SCAN_WAYS; way++) {
        if (set[way].tag == tag && !is_over(&set[way], now_s))
            return &set[way];
        if (!is_over(place, now_s) &&
            (is_over(&set[way], now_s) || set[way].weight < place->weight))
            place = &set[way];
    }
    if (!is_over(place, now_s) && --place->weight > 0)
        return NULL;
    *place = (struct scan_suspect){.tag = tag, .since_s = now_s};
    return place;
}

/* How many different ports leave so many bits set: each new one finds the bits ever fuller. */
static uint32_t ports_for(uint32_t bits)
{
    uint32_t sixteenths = 0;

    for (uint32_t i = 0; i < bits; i++)
        sixteenths += 16 * PORT_BITS / (PORT_BITS - i);
    return sixteenths / 16;
}

static bool may_tell(struct scan *scan, int64_t now_us)
{
    int64_t told_us = time_max(scan->told_us, now_us);

    if (told_us + TOLD_COST_US > now_us + US_PER_S)
        return false;
    scan->told_us = told_us + TOLD_COST_US;
    return true;
}

static void describe(const struct scan_suspect *suspect, const struct flow *flow,
                     struct hf_event *event, int64_t now_us)
{
    *event = (struct hf_event){
        .at_us = now_us,
        .kind = HF_EVENT_SCAN,
        .value = ports_for((uint32_t)__builtin_popcountll(suspect->ports)),
        .local = {flow->local, flow->local_port},
        .count = suspect->count,
        .since_us = (int64_t)suspect->since_s * US_PER_S,
    };
    source_describe(&flow->remote, event);
}

bool scan_note(struct scan *scan, const struct flow *flow, enum scan_try what,
               struct hf_event *event, int64_t now_us)
{
    struct scan_suspect *suspect;

    if (scan->ports == 0)
        return false;
    suspect = suspect_of(scan, &flow->remote, (uint32_t)(now_us / US_PER_S));
    if (!suspect)
        return false;
    suspect->count++;
    suspect->weight++;
    if (what == SCAN_ODD_FLAGS)
        suspect->odd++;
    else
        suspect->ports |= UINT64_C(1) << (siphash_12(scan->key, flow->local_port, HASH_PORT) & 63);
    if (suspect->told || (suspect->odd < scan->ports &&
                          (uint32_t)__builtin_popcountll(suspect->ports) < scan->ports))
        return false;
    suspect->told = may_tell(scan, now_us);
    if (suspect->told)
        describe(suspect, flow, event, now_us);
    return suspect->told;
}

static void look(struct hf_stack *stack, const struct flow *flow, enum scan_try what,
                 int64_t now_us)
{
    struct hf_event event;

    if (!scan_note(stack->scan, flow, what, &event, now_us))
        return;
    count_one(&stack->stats, scans_told);
    event_sink_put(stack->events, &event);
}

const struct hf_scan hf_scan = {.init = scan_init, .look = look};
