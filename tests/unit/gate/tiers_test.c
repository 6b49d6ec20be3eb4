/* Which SYN gets an entry, which a cookie, which nothing. [RFC 4987 3; RFC 9293 3.10.7.2] */
#include "door.h"

#define LIMIT 64

static const struct hf_listen_options usual = {.cookies = HF_COOKIES_UNDER_PRESSURE};

/* A SYN of a host: each its own prefix. */
static struct flow flow_from(const struct door *door, uint32_t host, uint16_t port)
{
    struct flow flow = door_flow(door, 0, port);

    flow.remote = address_v4(0x0a000000 + host);
    return flow;
}

static enum gate_verdict syn_from(struct door *door, const struct flow *flow, uint32_t isn,
                                  struct segment *answer)
{
    struct segment syn = {.seq = {isn}, .flags = TCP_SYN, .window = 5000};
    struct gate_segment arrived = door_segment(flow, &syn);

    return gate_on_syn(&door->gate, &arrived, answer, door->now_us);
}

static bool is_cached(const struct door *door, const struct flow *flow)
{
    return gate_find(&door->gate, flow_hash(flow), flow) != SLOT_NONE;
}

/* SYNs of `count` hosts; those that were answered. */
static unsigned flood(struct door *door, uint32_t first, uint32_t count)
{
    struct segment answer;
    unsigned answered = 0;

    for (uint32_t host = first; host < first + count; host++) {
        struct flow flow = flow_from(door, host, 1);

        answered += syn_from(door, &flow, 1000, &answer) == GATE_ANSWER;
    }
    return answered;
}

/* A host finishes a handshake: its prefix is proven. */
static void prove(struct door *door, uint32_t host)
{
    struct flow flow = flow_from(door, host, 9);
    struct segment answer, ack;
    struct gate_segment arrived = door_segment(&flow, &ack);
    union gate_result result;

    assert_int_equal(syn_from(door, &flow, 1000, &answer), GATE_ANSWER);
    assert_true(is_cached(door, &flow));
    ack = (struct segment){.seq = {1001}, .ack = seq_add(answer.seq, 1), .flags = TCP_ACK};
    uint32_t slot = gate_find(&door->gate, arrived.hash, &flow);

    assert_int_equal(half_open_on_segment(&door->gate, slot, &arrived, &result, door->now_us),
                     GATE_HANDSHAKE);
    gate_commit(&door->gate, slot, &arrived, &result.handshake, door->now_us);
}

static enum hf_pressure level(const struct door *door)
{
    return door->gate.listeners[0].pressure.level;
}

/* Calm, an entry each; from three quarters on entries for the proven alone; when the cookies that nobody answers are too
 * many, for nobody. Everybody is answered, nothing is evicted. [R4987-08] */
static void levels_decide_who_is_kept(void **state)
{
    struct segment answer;
    struct door door;

    (void)state;
    door_open_with(&door, LIMIT, &usual);
    prove(&door, 9999);
    assert_int_equal(flood(&door, 0, 48), 48);
    assert_int_equal(level(&door), HF_CALM);
    assert_int_equal(gate_half_opens(&door.gate), 48);

    assert_int_equal(flood(&door, 100, 20), 20);
    assert_int_equal(level(&door), HF_STRAINED);
    assert_true(door.gate.tell_pressure);
    assert_int_equal(gate_half_opens(&door.gate), 48);
    assert_int_equal(door.stats.syn_cookie_sent, 20);
    struct flow friend = flow_from(&door, 9999, 10);
    assert_int_equal(syn_from(&door, &friend, 1, &answer), GATE_ANSWER);
    assert_true(is_cached(&door, &friend));

    assert_int_equal(flood(&door, 1000, 200), 200);
    assert_int_equal(level(&door), HF_FLOODED);
    friend.remote_port++;
    assert_int_equal(syn_from(&door, &friend, 1, &answer), GATE_ANSWER);
    assert_false(is_cached(&door, &friend));
    assert_int_equal(door.stats.syn_cache_evicted, 0);
    assert_int_equal(door.stats.pressure_strained, 1);
    assert_int_equal(door.stats.pressure_flooded, 1);
    door_close(&door);
}

/* It is calm again after quiet times, told by gate_tick at the instants that gate_deadline names. */
static void calm_returns(void **state)
{
    struct pressure_change change;
    struct reaper_task task;
    struct door door;
    uint32_t number;
    int changes = 0;

    (void)state;
    door_open_with(&door, LIMIT, &usual);
    flood(&door, 0, 1000);
    assert_int_equal(level(&door), HF_FLOODED);
    for (int i = 0; i < 500 && gate_deadline(&door.gate) != NEVER_US; i++) {
        door.now_us = gate_deadline(&door.gate);
        while (reaper_tick(&door.gate, &task, door.now_us) != REAPER_DONE)
            ;
        while (gate_tick(&door.gate, &number, &change, door.now_us)) {
            assert_int_equal(number, 0);
            changes++;
        }
    }
    assert_int_equal(changes, 2);
    assert_int_equal(level(&door), HF_CALM);
    assert_int_equal(door.stats.pressure_calmed, 1);
    assert_true(door.now_us <= 100 * S + 2 * PRESSURE_QUIET_US + 10 * S);
    assert_int_equal(change.alarm_syns, 1000 - 49);
    door_close(&door);
}

/* Under pressure a new half-open has three seconds and one SYN-ACK; an older one gets no second one. [R4987-02] */
static void time_is_short_under_pressure(void **state)
{
    struct segment answer;
    struct reaper_task task;
    struct door door;
    unsigned forgotten = 0;

    (void)state;
    door_open_with(&door, LIMIT, &usual);
    prove(&door, 9999);
    flood(&door, 0, 50);
    assert_int_equal(level(&door), HF_STRAINED);
    struct flow friend = flow_from(&door, 9999, 10);
    syn_from(&door, &friend, 1, &answer);
    for (int64_t end_us = door.now_us + 3006000; door.now_us < end_us; door.now_us += 1000) {
        enum reaper_task_kind kind;

        while ((kind = reaper_tick(&door.gate, &task, door.now_us)) != REAPER_DONE) {
            assert_int_equal(kind, REAPER_FORGET);
            assert_true(door.now_us >= 100 * S + 2990000);
            forgotten++;
        }
    }
    assert_int_equal(forgotten, 49);
    assert_int_equal(gate_half_opens(&door.gate), 0);
    door_close(&door);
}

/* One prefix gets its share of the cache; beyond it is stateless, and others notice nothing. */
static void one_prefix_has_its_share(void **state)
{
    struct segment answer;
    struct door door;

    (void)state;
    door_open_with(&door, LIMIT, &usual);
    for (uint16_t port = 1; port <= 1000; port++) {
        struct flow flow = flow_from(&door, 7, port);

        assert_int_equal(syn_from(&door, &flow, 1000, &answer), GATE_ANSWER);
        assert_int_equal(is_cached(&door, &flow), port <= LIMIT / 16);
    }
    assert_int_equal(gate_half_opens(&door.gate), LIMIT / 16);
    assert_int_equal(door.stats.syn_source_limited, 1000 - LIMIT / 16);
    assert_int_equal(level(&door), HF_CALM);
    struct flow other = flow_from(&door, 8, 1);
    syn_from(&door, &other, 1000, &answer);
    assert_true(is_cached(&door, &other));
    door_close(&door);
}

/* Somebody else's SYN, or another of the same peer, does not touch a live entry: he gets a cookie beside it, and both ACKs open. */
static void live_entries_stay(void **state)
{
    struct segment first, syn, ack;
    struct door door;
    union gate_result result;

    (void)state;
    door_open_with(&door, LIMIT, &usual);
    struct flow flow = flow_from(&door, 7, 7);
    struct gate_segment arrived = door_segment(&flow, &syn);

    syn_from(&door, &flow, 1000, &first);
    flood(&door, 100, 60);
    assert_int_equal(level(&door), HF_STRAINED);
    uint32_t slot = gate_find(&door.gate, arrived.hash, &flow);

    syn = (struct segment){.seq = {5000}, .flags = TCP_SYN};
    assert_int_equal(half_open_on_segment(&door.gate, slot, &arrived, &result, door.now_us),
                     GATE_ANSWER);
    struct segment second = result.answer;

    assert_int_equal(second.ack.value, 5001);
    arrived.seg = &ack;
    ack = (struct segment){.seq = {1001}, .ack = seq_add(first.seq, 1), .flags = TCP_ACK};
    assert_int_equal(half_open_on_segment(&door.gate, slot, &arrived, &result, door.now_us),
                     GATE_HANDSHAKE);
    assert_false(result.handshake.from_cookie);
    ack = (struct segment){.seq = {5001}, .ack = seq_add(second.seq, 1), .flags = TCP_ACK};
    assert_int_equal(half_open_on_segment(&door.gate, slot, &arrived, &result, door.now_us),
                     GATE_HANDSHAKE);
    assert_true(result.handshake.from_cookie);
    gate_commit(&door.gate, slot, &arrived, &result.handshake, door.now_us);
    assert_false(is_cached(&door, &flow));
    assert_int_equal(door.stats.cookie_opened, 1);

    ack.ack = seq_add(ack.ack, 1); /* a guess at it meets silence */
    assert_int_equal(gate_on_ack(&door.gate, &arrived, &result.handshake, door.now_us),
                     GATE_SILENT);
    door_close(&door);
}

/* Without cookies: the oldest gives way, or the newcomer; the latter is the server that a flood closes. */
static void policies_without_cookies(void **state)
{
    static const struct {
        const char *name;
        struct hf_listen_options listen;
        unsigned answered, evicted, would_refuse;
        uint32_t hurried;
    } rows[] = {
        {"evict the oldest", {.cookies = HF_COOKIES_OFF}, 200, 200 - LIMIT, 0, 1},
        {"drop the new", {.cookies = HF_COOKIES_OFF, .when_full = HF_DROP_NEW}, LIMIT, 0, 0, 0},
        {"drop the new, observed",
         {.cookies = HF_COOKIES_OFF, .when_full = HF_DROP_NEW, .observe = true},
         200,
         200 - LIMIT,
         200 - LIMIT,
         0},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct door door;

        print_message("%s\n", rows[i].name);
        door_open_with(&door, LIMIT, &rows[i].listen);
        assert_int_equal(flood(&door, 0, 200), rows[i].answered);
        assert_int_equal(door.stats.syn_cache_evicted, rows[i].evicted);
        assert_int_equal(door.stats.would_refuse, rows[i].would_refuse);
        assert_int_equal(door.stats.syn_cookie_sent, 0);
        assert_int_equal(gate_half_opens(&door.gate), LIMIT);
        assert_int_equal(gate_is_hurried(&door.gate.listeners[0]), rows[i].hurried);
        assert_true(level(&door) != HF_CALM); /* told in any case */
        door_close(&door);
    }
}

/* A listener that evicts does not evict the half-opens of one that has cookies, however many it holds. */
static void eviction_stays_at_home(void **state)
{
    struct hf_listen_options evicting = {.local.port = 80, .cookies = HF_COOKIES_OFF};
    struct reaper_task task;
    struct segment answer;
    struct door door;

    (void)state;
    door_open_with(&door, LIMIT, &usual);
    assert_int_equal(reaper_listener_closed(&door.gate, 0, &task), REAPER_DONE);
    gate_listener_open(&door.gate, 0, &evicting, door.now_us);
    for (uint32_t host = 0; host < 40; host++) {
        struct flow flow = flow_from(&door, host, 1);

        flow.local_port = 81;
        assert_int_equal(syn_from(&door, &flow, 1, &answer), GATE_ANSWER);
    }
    assert_int_equal(flood(&door, 1000, 500), 500);
    assert_int_equal(door.gate.listeners[0].half_opens.count, LIMIT - 40);
    assert_int_equal(door.gate.listeners[1].half_opens.count, 40);
    door_close(&door);
}

/* A share that is asked for holds without cookies too: there is nothing left but to refuse. */
static void asked_for_share_is_kept_without_cookies(void **state)
{
    struct hf_listen_options listen = {.cookies = HF_COOKIES_OFF, .source_limit = 5};
    struct segment answer;
    struct door door;

    (void)state;
    door_open_with(&door, LIMIT, &listen);
    for (uint16_t port = 1; port <= 20; port++) {
        struct flow flow = flow_from(&door, 7, port);

        assert_int_equal(syn_from(&door, &flow, 1, &answer), port <= 5 ? GATE_ANSWER : GATE_SILENT);
    }
    assert_int_equal(door.stats.syn_source_limited, 15);
    assert_int_equal(door.gate.reason, HF_STAT_syn_source_limited);
    door_close(&door);
}

/* The next incarnation after a TIME-WAIT needs a higher ISS: an entry even under a flood. [RFC 6191 2] */
static void time_wait_is_followed_by_an_entry(void **state)
{
    struct segment syn = {.seq = {1000}, .flags = TCP_SYN}, answer;
    struct door door;

    (void)state;
    door_open_with(&door, LIMIT, &usual);
    flood(&door, 100, 1000);
    assert_int_equal(level(&door), HF_FLOODED);
    struct flow flow = flow_from(&door, 1, 1);
    struct gate_segment arrived = door_segment(&flow, &syn);

    arrived.has_iss_floor = true;
    arrived.iss_floor = seq_of(0xc0000000);
    assert_int_equal(gate_on_syn(&door.gate, &arrived, &answer, door.now_us), GATE_ANSWER);
    assert_true(is_cached(&door, &flow));
    assert_true(seq_gt(answer.seq, arrived.iss_floor));
    gate_forget(&door.gate, gate_find(&door.gate, arrived.hash, &flow), arrived.hash);
    door_close(&door);
}

/* The cap spares those who proved themselves, and a listener that observes only counts. */
static void cap_spares_the_proven(void **state)
{
    struct hf_listen_options listen = {.syn_ack_cap_per_s = 100};
    struct door door;
    struct segment answer;
    unsigned answered;

    (void)state;
    door_open_with(&door, LIMIT, &listen);
    prove(&door, 9999);
    answered =
        flood(&door, 0, 500); /* one instant: a tenth of a second's worth, less the one above */
    assert_int_equal(answered, 9);
    assert_int_equal(door.stats.syn_capped, 491);
    struct flow friend = flow_from(&door, 9999, 10);
    assert_int_equal(syn_from(&door, &friend, 1, &answer), GATE_ANSWER);
    door_close(&door);

    listen.observe = true;
    door_open_with(&door, LIMIT, &listen);
    assert_int_equal(flood(&door, 0, 500), 500);
    assert_int_equal(door.stats.would_refuse, 490);
    assert_int_equal(door.stats.syn_capped, 0);
    door_close(&door);
}

/* The counters of prefixes add up to the half-opens, whatever happens to these. */
static void sources_add_up(void **state)
{
    struct segment answer;
    struct reaper_task task;
    struct door door;
    uint64_t seed = 0x77, sum = 0;

    (void)state;
    print_message("seed %#lx\n", (unsigned long)seed);
    door_open_with(&door, LIMIT, &(struct hf_listen_options){.cookies = HF_COOKIES_OFF});
    for (int i = 0; i < 20000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        struct flow flow = flow_from(&door, seed >> 33 & 0xff, (uint16_t)(1 + (seed >> 50)));
        uint32_t slot = gate_find(&door.gate, flow_hash(&flow), &flow);

        if (slot == SLOT_NONE)
            syn_from(&door, &flow, 1, &answer);
        else if (seed & 1)
            gate_forget(&door.gate, slot, flow_hash(&flow));
        door.now_us += 5000;
        while (reaper_tick(&door.gate, &task, door.now_us) != REAPER_DONE)
            ;
    }
    for (uint32_t i = 0; i <= 2 * door.gate.sources.mask + 1; i++)
        sum += door.gate.sources.counters[i];
    assert_true(gate_half_opens(&door.gate) > 0);
    assert_int_equal(sum, 2 * gate_half_opens(&door.gate));
    door_close(&door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_decide_who_is_kept),
        cmocka_unit_test(calm_returns),
        cmocka_unit_test(time_is_short_under_pressure),
        cmocka_unit_test(one_prefix_has_its_share),
        cmocka_unit_test(live_entries_stay),
        cmocka_unit_test(policies_without_cookies),
        cmocka_unit_test(eviction_stays_at_home),
        cmocka_unit_test(asked_for_share_is_kept_without_cookies),
        cmocka_unit_test(time_wait_is_followed_by_an_entry),
        cmocka_unit_test(cap_spares_the_proven),
        cmocka_unit_test(sources_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
