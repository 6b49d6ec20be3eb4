/* Rules of the gate that act in a corner only: what the mutation check showed untested. [RFC 9293 3.10.7.2; RFC 4987 3] */
#include "door.h"

static const struct hf_listen_options usual = {.cookies = HF_COOKIES_UNDER_PRESSURE};

/* A listener without cookies finds the cache full of others' half-opens, of which he may take none, and has none himself. */
static void nobody_gives_way(void **state)
{
    struct segment answer;
    struct door door;
    uint16_t port = 0;

    (void)state;
    door_open_with(&door, 8, &usual);
    door.gate.listeners[0].source_limit = door.gate.listeners[1].source_limit = 100;
    door.gate.listeners[2].cookies = HF_COOKIES_OFF;
    door.gate.listeners[2].source_limit = 100;
    for (uint32_t i = 0; i < 12; i++)
        door_syn(&door, i % 2, ++port, &answer);
    assert_int_equal(gate_half_opens(&door.gate), 8);
    assert_int_equal(door_syn(&door, 2, 80, &answer), GATE_SILENT);
    assert_int_equal(door.gate.reason, HF_STAT_syn_cache_full);
    assert_int_equal(gate_half_opens(&door.gate), 8);
    door_close(&door);
}

/* A gate with more listeners than a door has. */
static void door_widen(struct door *door, uint32_t listeners, uint32_t half_opens)
{
    struct hf_listen_options options = {.cookies = HF_COOKIES_OFF};
    struct gate_config config = door->gate.config;
    struct arena arena = {NULL, 0};

    config.max_listeners = listeners;
    config.cache.capacity = half_opens;
    gate_init(&door->gate, &arena, &config, door->now_us);
    free(door->memory);
    door->memory = arena.base = aligned_alloc(CACHE_LINE, arena.used);
    arena.used = 0;
    gate_init(&door->gate, &arena, &config, door->now_us);
    for (uint32_t i = 0; i < listeners; i++) {
        options.local.port = (uint16_t)(80 + i);
        gate_listener_open(&door->gate, i, &options, door->now_us);
    }
}

static uint32_t held(const struct door *door, uint32_t listener)
{
    return door->gate.listeners[listener].half_opens.count;
}

/* Wherever the largest holder stands, he is found by whoever needs room; each of three is asked once. */
static void the_largest_is_found(void **state)
{
    struct segment answer;

    (void)state;
    for (uint32_t largest = 0; largest < LISTENERS; largest++)
        for (uint32_t asker = 0; asker < LISTENERS; asker++) {
            struct door door;

            if (asker == largest)
                continue;
            door_open(&door, 6);
            for (uint16_t port = 1; port <= 4; port++)
                door_syn(&door, largest, port, &answer);
            for (uint32_t i = 0; i < LISTENERS; i++)
                if (i != largest)
                    door_syn(&door, i, 9, &answer);
            for (uint32_t left = 3; left >= 2; left--) {
                door_syn(&door, asker, (uint16_t)(20 + left), &answer);
                assert_int_equal(held(&door, largest), left);
                assert_int_equal(door.gate.next_victim, 0);
            }
            door_close(&door);
        }
}

/* Between equals nobody gives way to the other: it is one's own oldest that goes. */
static void equals_keep_theirs(void **state)
{
    struct segment answer;
    struct door door;

    (void)state;
    door_open(&door, 4);
    for (uint16_t port = 1; port <= 2; port++) {
        door_syn(&door, 0, port, &answer);
        door_syn(&door, 1, port, &answer);
    }
    door_syn(&door, 0, 3, &answer);
    assert_int_equal(held(&door, 1), 2);
    assert_int_equal(door_find(&door, 0, 1), SLOT_NONE);
    door_close(&door);
}

/* Who has reached his own limit takes from himself, however much others hold. */
static void his_own_limit(void **state)
{
    struct segment answer;
    struct door door;

    (void)state;
    door_open(&door, 16);
    door.gate.listeners[0].limit = 2;
    for (uint16_t port = 1; port <= 5; port++)
        door_syn(&door, 1, port, &answer);
    for (uint16_t port = 1; port <= 3; port++)
        door_syn(&door, 0, port, &answer);
    assert_int_equal(held(&door, 0), 2);
    assert_int_equal(held(&door, 1), 5);
    door_close(&door);
}

/* Of many listeners sixteen are asked, and the next search goes on with the seventeenth. */
static void sixteen_are_asked(void **state)
{
    struct segment answer;
    struct door door;

    (void)state;
    door_open(&door, 8);
    door_widen(&door, 20, 4);
    for (uint16_t port = 1; port <= 3; port++)
        door_syn(&door, 19, port, &answer);
    door_syn(&door, 0, 1, &answer);
    door_syn(&door, 0, 2, &answer); /* the largest is not among them: from himself */
    assert_int_equal(door.gate.next_victim, 16);
    assert_int_equal(held(&door, 19), 3);
    door_syn(&door, 0, 3, &answer);
    assert_int_equal(door.gate.next_victim, 12);
    assert_int_equal(held(&door, 19), 2);
    door_close(&door);
}

/* An ISS that would be the floor itself lies above it, by one and what chance gives. [RFC 6191 2] */
static void at_the_floor(void **state)
{
    struct segment syn = {.seq = {1000}, .flags = TCP_SYN}, answer;
    struct gate_segment arrived;
    struct door door;
    struct flow flow;
    seq iss;

    (void)state;
    door_open(&door, 8);
    flow = door_flow(&door, 0, 7);
    arrived = door_segment(&flow, &syn);
    assert_int_equal(gate_on_syn(&door.gate, &arrived, &answer, door.now_us), GATE_ANSWER);
    iss = answer.seq;
    gate_forget(&door.gate, door_find(&door, 0, 7), arrived.hash);
    arrived.has_iss_floor = true;
    arrived.iss_floor = iss;
    assert_int_equal(gate_on_syn(&door.gate, &arrived, &answer, door.now_us), GATE_ANSWER);
    assert_int_equal(answer.seq.value - iss.value, 1 + (iss.value & 0x3ffff));
    door_close(&door);
}

/* A cap of one a window is one: the second SYN is not answered, unless its prefix is proven. */
static void a_cap_of_one(void **state)
{
    struct hf_listen_options options = {.cookies = HF_COOKIES_OFF, .syn_ack_cap_per_s = 10};
    struct segment answer;
    struct door door;

    (void)state;
    door_open_with(&door, 8, &options);
    assert_int_equal(door_syn(&door, 0, 1, &answer), GATE_ANSWER);
    assert_int_equal(door_syn(&door, 0, 2, &answer), GATE_SILENT);
    assert_int_equal(door.gate.reason, HF_STAT_syn_capped);
    door_close(&door);
}

/* A half-open that has less than the hurried time anyhow gains none by the hurry. */
static void hurry_prolongs_nothing(void **state)
{
    struct hf_listen_options options = usual;
    struct reaper_task task;
    struct segment answer;
    struct door door;

    (void)state;
    options.half_open_timeout_ms = 500;
    door_open_with(&door, 64, &options);
    door_syn(&door, 0, 7, &answer);
    door.gate.listeners[0].pressure.level = HF_STRAINED;
    assert_int_equal(reaper_tick(&door.gate, &task, door.now_us + 499000), REAPER_DONE);
    assert_int_equal(reaper_tick(&door.gate, &task, door.now_us + 502000), REAPER_FORGET);
    assert_int_equal(gate_half_opens(&door.gate), 0);
    door_close(&door);
}

static struct gate_config config_of(struct door *door)
{
    struct gate_config config;

    door_open(door, 8);
    config = door->gate.config;
    return config;
}

/* Eight bits for each that might be remembered, and 64 where they are few, to a power of two and not beyond. */
static void bits_of_a_filter(void **state)
{
    static const struct {
        uint32_t connections, bits;
    } rows[] = {{1, 1024},   {16, 1024},   {17, 2048},    {64, 4096},        {512, 4096},
                {513, 8192}, {1024, 8192}, {1025, 16384}, {1 << 22, 1 << 23}};
    struct arena arena;
    struct gate gate;
    struct door door;
    struct gate_config config = config_of(&door);

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        arena = (struct arena){NULL, 0};
        config.max_connections = rows[i].connections;
        gate_init(&gate, &arena, &config, 0);
        assert_int_equal(gate.proven.mask + 1, rows[i].bits);
    }
    door_close(&door);
}

/* As many listeners as were asked for are made, and what lies behind them is left alone. */
static void listeners_have_an_end(void **state)
{
    struct arena arena = {NULL, 0};
    struct gate gate;
    struct door door;
    struct gate_config config = config_of(&door);
    const uint8_t *behind;
    uint8_t *memory;

    (void)state;
    config.max_listeners = CACHE_LINE; /* no gap of alignment behind them */
    gate_init(&gate, &arena, &config, 0);
    memory = arena.base = aligned_alloc(CACHE_LINE, arena.used);
    memset(memory, 0xa5, arena.used);
    arena.used = 0;
    gate_init(&gate, &arena, &config, 0);
    for (uint32_t i = 0; i < CACHE_LINE; i++) {
        assert_false(gate.listeners[i].open);
        assert_int_equal(gate.listeners[i].half_opens.first, SLOT_NONE);
    }
    behind = (const uint8_t *)&gate.listeners[CACHE_LINE];
    assert_ptr_equal(behind, syn_cache_at(&gate.cache, 0));
    for (unsigned i = 0; i < sizeof(struct list); i++)
        assert_int_equal(behind[i], 0xa5); /* a slot that was never taken */
    free(memory);
    door_close(&door);
}

static uint32_t width_for(uint32_t half_opens)
{
    struct arena arena = {NULL, 0};
    struct source_limit limit;

    source_limit_init(&limit, &arena, (struct siphash_key){1, 2}, half_opens);
    return limit.mask + 1;
}

/* Two rows of counters are all that they take, and all that is cleared. */
static void memory_of_counters(void **state)
{
    struct arena arena = {.base = aligned_alloc(CACHE_LINE, 4096)};
    struct source_limit limit;

    (void)state;
    memset(arena.base, 0xa5, 4096);
    source_limit_init(&limit, &arena, (struct siphash_key){1, 2}, 16);
    assert_int_equal(arena.used, 2 * 32 * 4);
    for (unsigned i = 0; i < 4096; i++)
        assert_int_equal(arena.base[i], i < arena.used ? 0 : 0xa5);
    free(arena.base);
}

static enum gate_verdict stray_ack(struct door *door)
{
    struct segment ack = {.seq = {1}, .ack = {2}, .flags = TCP_ACK};
    struct flow flow = door_flow(door, 0, 9);
    struct gate_segment arrived = door_segment(&flow, &ack);
    struct handshake handshake;

    return gate_on_ack(&door->gate, &arrived, &handshake, door->now_us);
}

/* Where cookies are off an ACK brings none, whoever else has the key, but for those that were sent before. */
static void no_cookies_no_guess(void **state)
{
    struct hf_listen_options always = {.cookies = HF_COOKIES_ALWAYS},
                             off = {.cookies = HF_COOKIES_OFF};
    struct segment answer;
    struct door door;

    (void)state;
    door_open_with(&door, 8, &always);
    assert_int_equal(stray_ack(&door), GATE_STRAY);
    assert_int_equal(door_syn(&door, 0, 1, &answer), GATE_ANSWER);
    assert_int_equal(stray_ack(&door), GATE_SILENT);
    gate_listener_change(&door.gate, 0, &off, door.now_us);
    assert_int_equal(stray_ack(&door), GATE_SILENT);
    door.now_us += 60 * S;
    assert_int_equal(stray_ack(&door), GATE_STRAY);
    door.gate.config.cookie_key_shared = true;
    assert_int_equal(stray_ack(&door), GATE_STRAY);
    gate_listener_change(&door.gate, 0, &always, door.now_us);
    assert_int_equal(stray_ack(&door), GATE_SILENT);
    door_close(&door);
}

static bool is_empty(const struct age_filter *filter)
{
    for (uint32_t i = 0; i < 2 * (filter->mask / 64 + 1); i++)
        if (filter->bits[i])
            return false;
    return true;
}

/* Only who was sent a cookie without timestamps, by a listener who asks for it, is remembered as seen. */
static void seen_by_policy(void **state)
{
    static const struct {
        uint8_t policy;
        bool stamped, seen;
    } rows[] = {{HF_PLAIN_SEEN, false, true},
                {HF_PLAIN_SEEN, true, false},
                {HF_PLAIN_STRICT, false, false},
                {HF_PLAIN_STRICT, true, false}};

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct segment answer, syn = {.seq = {1}, .flags = TCP_SYN, .window = 9};
        struct door door;
        struct flow flow;
        struct gate_segment arrived;

        door_open_with(&door, 8,
                       &(struct hf_listen_options){.cookies = HF_COOKIES_ALWAYS,
                                                   .without_timestamps = rows[i].policy});
        flow = door_flow(&door, 0, 5);
        arrived = door_segment(&flow, &syn);
        syn.options.present = rows[i].stamped ? TCP_OPTION_TIMESTAMPS : 0;
        assert_int_equal(gate_on_syn(&door.gate, &arrived, &answer, door.now_us), GATE_ANSWER);
        assert_int_equal(is_empty(&door.gate.seen), !rows[i].seen);
        door_close(&door);
    }
}

/* What was not offered is not agreed on, and has no value either. */
static void nothing_agreed(void **state)
{
    struct segment syn = {.flags = TCP_SYN, .options = {.scale = 7, .ts_value = 9, .mss = 1000}};
    struct gate_config config = {.options = HALF_OPEN_OPTIONS};
    struct syn_terms terms = syn_ack_agree(&config, &syn, true);

    (void)state;
    assert_int_equal(terms.flags, 0);
    assert_int_equal(terms.scale, 0);
    assert_int_equal(terms.ts_value, 0);
    assert_int_equal(terms.mss, 536);
}

/* A counter for each half-open where they are few, for four where they are many, to a power of two, within bounds. */
static void width_of_counters(void **state)
{
    (void)state;
    assert_int_equal(width_for(1), 32);
    assert_int_equal(width_for(32), 32);
    assert_int_equal(width_for(33), 64);
    assert_int_equal(width_for(256), 256);
    assert_int_equal(width_for(1024), 256);
    assert_int_equal(width_for(1028), 512);
    assert_int_equal(width_for(2048), 512);
    assert_int_equal(width_for(2052), 1024);
    assert_int_equal(width_for(262144), 65536);
    assert_int_equal(width_for(1 << 24), 65536);
}

/* Two turns: at the end of the first what is old is forgotten, and not a microsecond before; after a pause of a whole turn all
 * is. */
static void turns_of_a_filter(void **state)
{
    static const struct {
        int64_t asked_us;
        bool there;
    } rows[] = {{19, true}, {20, false}};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct arena arena = {.base = aligned_alloc(CACHE_LINE, 4096)};
        struct age_filter filter;

        age_filter_init(&filter, &arena, 512, 10, 0);
        age_filter_add(&filter, 5, 9);
        assert_true(age_filter_has(&filter, 5, 9));
        assert_int_equal(age_filter_has(&filter, 5, rows[i].asked_us), rows[i].there);
        free(arena.base);
    }
}

/* Membership is two bits, not one, and in one of the bitmaps, not both together. */
static void both_bits_of_one_turn(void **state)
{
    const uint64_t member = UINT64_C(3) << 32 | 70;
    struct arena arena = {.base = aligned_alloc(CACHE_LINE, 4096)};
    struct age_filter filter;

    (void)state;
    age_filter_init(&filter, &arena, 512, 10, 0);
    age_filter_add(&filter, member, 0);
    assert_true(age_filter_has(&filter, member, 0));
    assert_false(age_filter_has(&filter, UINT64_C(3) << 32 | 71, 0));
    assert_false(age_filter_has(&filter, UINT64_C(4) << 32 | 70, 0));
    assert_false(age_filter_has(&filter, UINT64_C(4) << 32 | 71, 0));
    age_filter_add(&filter, UINT64_C(9) << 32 | 9, 10); /* another turn: the member is old */
    assert_true(age_filter_has(&filter, member, 10));
    assert_false(age_filter_has(&filter, UINT64_C(3) << 32 | 9, 10));
    assert_false(age_filter_has(&filter, UINT64_C(9) << 32 | 70, 10));
    free(arena.base);
}

/* A window's cap is its part of a second's, at least one; who asked in the window before makes a lot dearer, who asked earlier
 * does not. */
static void windows_of_a_cap(void **state)
{
    const int64_t window = SYN_ACK_CAP_WINDOW_US;
    const uint32_t windows = (uint32_t)(S / SYN_ACK_CAP_WINDOW_US);
    struct syn_ack_cap cap;

    (void)state;
    syn_ack_cap_init(&cap, 1, 0);
    assert_int_equal(cap.per_window, 1);
    syn_ack_cap_init(&cap, 2 * windows, 0);
    assert_int_equal(cap.per_window, 2);
    assert_true(syn_ack_cap_admits(&cap, UINT32_MAX, 0));
    assert_true(syn_ack_cap_admits(&cap, UINT32_MAX, window - 1));
    assert_false(syn_ack_cap_admits(&cap, 0, window - 1)); /* used up */
    assert_int_equal(cap.asked, 3);
    assert_true(syn_ack_cap_admits(&cap, 0x80000000, window)); /* 1.5 of three */
    assert_int_equal(cap.asked_before, 3);
    assert_int_equal(cap.asked, 1);
    assert_false(syn_ack_cap_admits(&cap, 0xaaaaaaab, window)); /* two of three */
    assert_true(syn_ack_cap_admits(&cap, 0xaaaaaaaa, window));
    assert_true(syn_ack_cap_admits(&cap, 0, 3 * window - 1));
    assert_int_equal(cap.asked_before, 3);
    assert_true(syn_ack_cap_admits(&cap, UINT32_MAX, 5 * window - 1)); /* nobody asked in between */
    assert_int_equal(cap.asked_before, 0);
}

static struct pressure pressure_of(uint32_t limit)
{
    struct pressure pressure;

    pressure_init(&pressure, limit, 0);
    return pressure;
}

static void syns_of(struct pressure *pressure, uint8_t prefix, unsigned count)
{
    struct hf_address remote = {.bytes = {[15] = prefix}};

    while (count-- > 0)
        pressure_note_syn(pressure, &remote, prefix);
}

/* Whoever leads by an eighth of all is not named, by more he is; and a lead that was lost is somebody else's chance. */
static void the_lead(void **state)
{
    struct pressure_change change;

    (void)state;
    for (unsigned more = 0; more < 2; more++) {
        struct pressure pressure = pressure_of(100);

        syns_of(&pressure, 1, 9 + more);
        syns_of(&pressure, 2, 7); /* 2 of 16, 3 of 17 */
        assert_int_equal(pressure.lead, 2 + more);
        assert_true(pressure_rise(&pressure, 75, &change, 0));
        assert_int_equal(change.has_loudest, more);
    }
    struct pressure pressure = pressure_of(100);

    syns_of(&pressure, 1, 2);
    syns_of(&pressure, 2, 2);
    assert_int_equal(pressure.lead, 0);
    syns_of(&pressure, 2, 1);
    assert_int_equal(pressure.lead, 1);
    assert_int_equal(pressure.loudest_prefix, 2);
}

/* What waits for an answer counts in its period and the next, to the microsecond. */
static void periods(void **state)
{
    struct pressure pressure = pressure_of(100);

    (void)state;
    pressure_note_pending(&pressure, 0);
    pressure_note_pending(&pressure, PRESSURE_PERIOD_US - 1);
    assert_int_equal(pressure.pending, 2);
    pressure_note_pending(&pressure, PRESSURE_PERIOD_US);
    assert_int_equal(pressure.pending, 1);
    assert_int_equal(pressure.pending_before, 2);
    pressure_note_pending(&pressure, 3 * PRESSURE_PERIOD_US - 1);
    assert_int_equal(pressure.pending_before, 1);
    pressure_note_pending(&pressure, 5 * PRESSURE_PERIOD_US - 1);
    assert_int_equal(pressure.pending_before, 0);
    assert_int_equal(pressure.pending, 1);
}

/* An answer is taken off this period, then off the one before, and then there is nothing to take off. */
static void answers_are_taken_off(void **state)
{
    struct pressure pressure = pressure_of(100);

    (void)state;
    pressure_note_pending(&pressure, 0);
    pressure_note_pending(&pressure, PRESSURE_PERIOD_US);
    pressure_note_answered(&pressure);
    assert_int_equal(pressure.pending, 0);
    assert_int_equal(pressure.pending_before, 1);
    pressure_note_answered(&pressure);
    pressure_note_answered(&pressure);
    assert_int_equal(pressure.pending, 0);
    assert_int_equal(pressure.pending_before, 0);
}

/* What an alarm counts: all levels since it was calm, each once. */
static void an_alarm_counts_all(void **state)
{
    struct pressure pressure = pressure_of(100);
    struct pressure_change change;

    (void)state;
    syns_of(&pressure, 1, 10);
    assert_true(pressure_rise(&pressure, 75, &change, 5));
    assert_int_equal(change.alarm_syns, 10);
    syns_of(&pressure, 1, 20);
    assert_true(pressure_rise(&pressure, 400, &change, 6));
    assert_int_equal(change.alarm_syns, 20);
    syns_of(&pressure, 1, 30);
    assert_true(pressure_fall(&pressure, 0, &change, 6 + PRESSURE_QUIET_US));
    assert_int_equal(change.alarm_syns, 50);
    syns_of(&pressure, 1, 40);
    assert_true(pressure_fall(&pressure, 0, &change, 6 + 2 * PRESSURE_QUIET_US));
    assert_int_equal(change.syns, 40);
    assert_int_equal(change.alarm_syns, 90);
    assert_int_equal(change.alarm_us, 5);
    assert_int_equal(change.now, HF_CALM);
    syns_of(&pressure, 1, 1);
    assert_true(pressure_rise(&pressure, 75, &change, S * 1000));
    assert_int_equal(change.since_us, 6 + 2 * PRESSURE_QUIET_US);
}

/* Half of what raised a level is rounded up: of six it is three, and three are still too many. */
static void half_of_an_even_number(void **state)
{
    struct pressure pressure = pressure_of(8);
    struct pressure_change change;

    (void)state;
    assert_false(pressure_rise(&pressure, 5, &change, 0));
    assert_true(pressure_rise(&pressure, 6, &change, 0));
    assert_false(pressure_fall(&pressure, 3, &change, PRESSURE_QUIET_US));
    assert_true(pressure_fall(&pressure, 2, &change, 2 * PRESSURE_QUIET_US));
}

/* With a new level everybody begins at nothing: the first SYN names the loudest. */
static void a_new_race(void **state)
{
    struct pressure pressure = pressure_of(100);
    struct pressure_change change;

    (void)state;
    syns_of(&pressure, 1, 50);
    assert_true(pressure_rise(&pressure, 75, &change, 0));
    syns_of(&pressure, 2, 1);
    assert_int_equal(pressure.loudest_prefix, 2);
    assert_int_equal(pressure.lead, 1);
}

/* A repetition that would end with the half-open's time is none: of three seconds one is before the first, two behind it. */
static void a_repeat_needs_time(void **state)
{
    struct gate_listener listener = {.timeout_ms = 3000, .retries = 5};
    struct half_open half_open = {.sent = 2};

    (void)state;
    assert_false(syn_ack_is_repeated(&listener, &half_open));
    assert_int_equal(syn_ack_interval_ms(&listener, &half_open), 2000);
    listener.timeout_ms = 3001;
    assert_true(syn_ack_is_repeated(&listener, &half_open));
}

/* Two flows of one hash are two flows: each part of the four-tuple counts. */
static void one_hash_two_flows(void **state)
{
    struct segment answer;
    struct door door;
    struct flow flow, other;
    uint64_t hash;

    (void)state;
    door_open(&door, 8);
    door_syn(&door, 0, 7, &answer);
    flow = door_flow(&door, 0, 7);
    hash = flow_hash(&flow);
    assert_int_not_equal(gate_find(&door.gate, hash, &flow), SLOT_NONE);
    for (int part = 0; part < 4; part++) {
        other = flow;
        other.remote_port ^= (uint16_t)(part == 0);
        other.local_port ^= (uint16_t)(part == 1);
        other.remote.bytes[15] ^= (uint8_t)(part == 2);
        other.local.bytes[15] ^= (uint8_t)(part == 3);
        assert_int_equal(gate_find(&door.gate, hash, &other), SLOT_NONE);
    }
    door_close(&door);
}

/* The keys of now are there from the beginning: no SYN has to wait until they are made. */
static void keys_from_the_beginning(void **state)
{
    struct door door;

    (void)state;
    door_open(&door, 8);
    assert_non_null(key_ring_of(&door.gate.keys,
                                cookie_slot(door.now_us + door.gate.config.wall_minus_now_us)));
    for (int epoch = 0; epoch < 5; epoch++) { /* and stay so while somebody ticks */
        struct pressure_change change;
        uint32_t number;

        door.now_us += (INT64_C(4096000) << COOKIE_EPOCH_SHIFT);
        assert_false(gate_tick(&door.gate, &number, &change, door.now_us));
        assert_non_null(key_ring_of(&door.gate.keys,
                                    cookie_slot(door.now_us + door.gate.config.wall_minus_now_us)));
    }
    door_close(&door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_gives_way),
        cmocka_unit_test(the_largest_is_found),
        cmocka_unit_test(equals_keep_theirs),
        cmocka_unit_test(his_own_limit),
        cmocka_unit_test(sixteen_are_asked),
        cmocka_unit_test(at_the_floor),
        cmocka_unit_test(a_cap_of_one),
        cmocka_unit_test(hurry_prolongs_nothing),
        cmocka_unit_test(bits_of_a_filter),
        cmocka_unit_test(listeners_have_an_end),
        cmocka_unit_test(memory_of_counters),
        cmocka_unit_test(no_cookies_no_guess),
        cmocka_unit_test(seen_by_policy),
        cmocka_unit_test(nothing_agreed),
        cmocka_unit_test(width_of_counters),
        cmocka_unit_test(turns_of_a_filter),
        cmocka_unit_test(both_bits_of_one_turn),
        cmocka_unit_test(windows_of_a_cap),
        cmocka_unit_test(the_lead),
        cmocka_unit_test(periods),
        cmocka_unit_test(answers_are_taken_off),
        cmocka_unit_test(an_alarm_counts_all),
        cmocka_unit_test(half_of_an_even_number),
        cmocka_unit_test(a_new_race),
        cmocka_unit_test(a_repeat_needs_time),
        cmocka_unit_test(one_hash_two_flows),
        cmocka_unit_test(keys_from_the_beginning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
