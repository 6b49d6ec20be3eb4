/* TIME-WAIT records: every kind of segment that may meet one. [RFC 9293 3.10.7.4; RFC 1337 3; RFC 6191 2] */
#include "support.h"

#include "stack/time_wait.h"

#define NOW INT64_C(5000000)

struct world {
    struct hf_stats stats;
    struct route route;
    struct time_waits waits;
    struct arena arena;
    struct flow flow;
    uint32_t slot;
};

/* Not keyed: the table must work under any hash. */
static uint64_t hash_of(const void *context, const struct flow *flow)
{
    uint64_t h = 0;

    (void)context;
    for (size_t i = 0; i < sizeof *flow; i++)
        h = (h ^ ((const uint8_t *)flow)[i]) * 0x100000001b3;
    return h ^ h >> 29;
}

static void make(struct world *w, uint32_t capacity, bool timestamps)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct time_wait_setup setup = {
        .capacity = capacity,
        .msl_ms = 30000,
        .timestamps = timestamps,
        .route = &w->route,
        .stats = &w->stats,
        .hash_of = hash_of,
    };
    struct arena measure = {0};

    memset(w, 0, sizeof *w);
    config.addresses[0] = prefix("192.0.2.1/24");
    config.addresses[1] = prefix("2001:db8::1/64");
    route_init(&w->route, &config);
    time_wait_init(&w->waits, &measure, &setup);
    w->arena = make_arena(measure.used);
    time_wait_init(&w->waits, &w->arena, &setup);
    assert_int_equal(w->arena.used, measure.used);
}

static struct flow flow_number(uint16_t number)
{
    return (struct flow){address("2001:db8::9"), address("2001:db8::1"), number, 80};
}

static uint32_t add(struct world *w, const struct flow *flow, bool timestamps, int64_t now_us)
{
    struct tcp_remains remains = {
        .snd_nxt = seq_of(1000),
        .rcv_nxt = seq_of(2000),
        .rcv_wnd = 8192,
        .ts_recent = 500,
        .ts_offset = 77,
        .rcv_wind_shift = 3,
        .timestamps = timestamps,
    };

    time_wait_insert(&w->waits, hash_of(NULL, flow), flow, &remains, now_us);
    return time_wait_find(&w->waits, hash_of(NULL, flow), flow);
}

static void one(struct world *w, bool timestamps)
{
    make(w, 8, true);
    w->flow = flow_number(4000);
    w->slot = add(w, &w->flow, timestamps, NOW);
    assert_int_not_equal(w->slot, SLOT_NONE);
}

static struct segment segment(uint8_t flags, uint32_t number, uint32_t ack)
{
    return (struct segment){
        .flags = flags, .seq = seq_of(number), .ack = seq_of(ack), .window = 1000};
}

static struct segment stamped(struct segment seg, uint32_t value)
{
    seg.options.present = TCP_OPTION_TIMESTAMPS;
    seg.options.ts_value = value;
    return seg;
}

/* [R6191-01, R6191-03, R6191-05, R6191-06] */
static void test_segments(void **state)
{
    static const struct {
        const char *what;
        bool stamps; /* the record has them */
        uint8_t flags;
        uint32_t seq, ack, length, ts; /* ts 0: none */
        enum time_wait_verdict verdict;
    } rows[] = {
        {"RST in the window", false, TCP_RST, 2000, 0, 0, 0, TIME_WAIT_SILENT},
        {"RST with ACK", false, TCP_RST | TCP_ACK, 2000, 1000, 0, 0, TIME_WAIT_SILENT},
        {"plain ACK of our FIN", false, TCP_ACK, 2000, 1000, 0, 0, TIME_WAIT_SILENT},
        {"old ACK", false, TCP_ACK, 2000, 900, 0, 0, TIME_WAIT_SILENT},
        {"ACK from beyond the FIN", false, TCP_ACK, 2001, 1000, 0, 0, TIME_WAIT_ANSWER},
        {"ACK of what we never sent", false, TCP_ACK, 2000, 1001, 0, 0, TIME_WAIT_ANSWER},
        {"ACK left of the window", false, TCP_ACK, 1999, 1000, 0, 0, TIME_WAIT_ANSWER},
        {"ACK right of the window", false, TCP_ACK, 2000 + 8192, 1000, 0, 0, TIME_WAIT_ANSWER},
        {"FIN again", false, TCP_FIN | TCP_ACK, 1999, 1000, 0, 0, TIME_WAIT_ANSWER},
        {"FIN again with its text", false, TCP_FIN | TCP_ACK, 1899, 1000, 100, 0, TIME_WAIT_ANSWER},
        {"text again", false, TCP_ACK, 1899, 1000, 100, 0, TIME_WAIT_ANSWER},
        {"text beyond the FIN", false, TCP_ACK, 2000, 1000, 10, 0, TIME_WAIT_ANSWER},
        {"no ACK bit", false, TCP_PSH, 2000, 0, 10, 0, TIME_WAIT_SILENT},
        {"SYN higher", false, TCP_SYN, 2000, 0, 0, 0, TIME_WAIT_NEW},
        {"SYN lower", false, TCP_SYN, 1999, 0, 0, 0, TIME_WAIT_ANSWER},
        {"SYN lower, now with timestamps", false, TCP_SYN, 1999, 0, 0, 9, TIME_WAIT_NEW},
        {"SYN half the circle away", false, TCP_SYN, 2000 + 0x80000000, 0, 0, 0, TIME_WAIT_ANSWER},
        {"SYN stamped newer", true, TCP_SYN, 5, 0, 0, 501, TIME_WAIT_NEW},
        {"SYN stamped the same, higher", true, TCP_SYN, 2000, 0, 0, 500, TIME_WAIT_NEW},
        {"SYN stamped the same, lower", true, TCP_SYN, 1999, 0, 0, 500, TIME_WAIT_ANSWER},
        {"SYN stamped older, though higher", true, TCP_SYN, 3000, 0, 0, 499, TIME_WAIT_ANSWER},
        {"SYN no longer stamped, higher", true, TCP_SYN, 2000, 0, 0, 0, TIME_WAIT_NEW},
        {"SYN no longer stamped, lower", true, TCP_SYN, 1999, 0, 0, 0, TIME_WAIT_ANSWER},
        {"SYN-ACK", false, TCP_SYN | TCP_ACK, 3000, 1000, 0, 0, TIME_WAIT_ANSWER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct segment seg = segment(rows[i].flags, rows[i].seq, rows[i].ack), answer;
        struct world w;

        one(&w, rows[i].stamps);
        seg.length = rows[i].length;
        if (rows[i].ts)
            seg = stamped(seg, rows[i].ts);
        enum time_wait_verdict verdict =
            time_wait_segment_arrives(&w.waits, w.slot, &seg, &answer, NOW + 1000);

        if (verdict != rows[i].verdict)
            print_error("row \"%s\"\n", rows[i].what);
        assert_int_equal(verdict, rows[i].verdict);
        assert_int_equal(time_wait_count(&w.waits), 1);
        if (verdict == TIME_WAIT_ANSWER) {
            assert_int_equal(answer.flags, TCP_ACK);
            assert_int_equal(answer.seq.value, 1000);
            assert_int_equal(answer.ack.value, 2000);
            assert_int_equal(answer.window, 8192 >> 3);
            assert_int_equal(answer.source_port, 80);
            assert_int_equal(answer.destination_port, 4000);
            assert_int_equal(answer.options.present, rows[i].stamps ? TCP_OPTION_TIMESTAMPS : 0);
            if (rows[i].stamps) {
                assert_int_equal(answer.options.ts_value, (NOW + 1000) / 1000 + 77);
                assert_int_equal(answer.options.ts_echo, 500);
            }
        }
        free(w.arena.base);
    }
}

/* Without timestamps of our own, those of a SYN say nothing. [RFC 6191 2] */
static void test_stamps_not_configured(void **state)
{
    struct segment seg = stamped(segment(TCP_SYN, 1999, 0), 9), answer;
    struct world w;

    (void)state;
    make(&w, 8, false);
    w.flow = flow_number(4000);
    w.slot = add(&w, &w.flow, false, NOW);
    assert_int_equal(time_wait_segment_arrives(&w.waits, w.slot, &seg, &answer, NOW),
                     TIME_WAIT_ANSWER);
    free(w.arena.base);
}

/* The one RST that counts: at RCV.NXT, within 3 s of our challenge to a SYN. [RFC 1337 3] */
static void test_released_by_rst(void **state)
{
    static const struct {
        const char *what;
        bool challenge;
        uint32_t seq;
        int64_t after_us;
        bool released;
    } rows[] = {
        {"in time, exact", true, 2000, 2999999, true},
        {"too late", true, 2000, 3001000, false},
        {"not exact", true, 2001, 1000, false},
        {"not challenged", false, 2000, 1000, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct segment syn = segment(TCP_SYN, 1500, 0), rst = segment(TCP_RST, rows[i].seq, 0);
        struct segment answer;
        struct world w;

        one(&w, false);
        if (rows[i].challenge)
            assert_int_equal(time_wait_segment_arrives(&w.waits, w.slot, &syn, &answer, NOW),
                             TIME_WAIT_ANSWER);
        enum time_wait_verdict verdict =
            time_wait_segment_arrives(&w.waits, w.slot, &rst, &answer, NOW + rows[i].after_us);

        if (verdict != (rows[i].released ? TIME_WAIT_OVER : TIME_WAIT_SILENT))
            print_error("row \"%s\"\n", rows[i].what);
        assert_int_equal(verdict, rows[i].released ? TIME_WAIT_OVER : TIME_WAIT_SILENT);
        assert_int_equal(time_wait_count(&w.waits), !rows[i].released);
        assert_int_equal(w.stats.time_wait_released, rows[i].released);
        assert_int_equal(w.stats.time_wait_rst_ignored, !rows[i].released);
        free(w.arena.base);
    }
}

/* Two ends that both wait cannot be set against each other. [RFC 5961 7] */
static void test_throttle(void **state)
{
    struct segment old = segment(TCP_ACK, 1000, 1000), answer;
    struct world w;
    uint32_t answers = 0;

    (void)state;
    one(&w, false);
    for (int64_t t = 0; t < 2000; t += 10)
        answers += time_wait_segment_arrives(&w.waits, w.slot, &old, &answer, NOW + t * 1000) ==
                   TIME_WAIT_ANSWER;
    assert_int_equal(answers, 4);
    assert_int_equal(w.stats.challenge_throttled, 196);
    free(w.arena.base);
}

/* 2 MSL, started again by the FIN but by nothing else. [RFC 9293 3.10.7.4] */
static void test_lasts(void **state)
{
    struct segment fin = segment(TCP_FIN | TCP_ACK, 1999, 1000), answer;
    struct world w;

    (void)state;
    one(&w, false);
    assert_int_equal(time_wait_deadline(&w.waits, NOW), NOW + 60 * US_PER_S);
    time_wait_tick(&w.waits, NOW + 60 * US_PER_S - 1000);
    assert_int_equal(time_wait_count(&w.waits), 1);

    int64_t later = NOW + 59 * US_PER_S;

    time_wait_segment_arrives(&w.waits, w.slot, &fin, &answer, later);
    time_wait_tick(&w.waits, NOW + 61 * US_PER_S);
    assert_int_equal(time_wait_count(&w.waits), 1);
    assert_int_equal(time_wait_deadline(&w.waits, later), later + 60 * US_PER_S);
    time_wait_tick(&w.waits, later + 60 * US_PER_S);
    assert_int_equal(time_wait_count(&w.waits), 0);
    assert_int_equal(time_wait_deadline(&w.waits, later), NEVER_US);

    /* An old duplicate of the FIN, by its timestamp, keeps nothing alive. */
    w.slot = add(&w, &w.flow, true, NOW);
    fin = stamped(fin, 499);
    time_wait_segment_arrives(&w.waits, w.slot, &fin, &answer, later);
    time_wait_tick(&w.waits, NOW + 60 * US_PER_S);
    assert_int_equal(time_wait_count(&w.waits), 0);
    free(w.arena.base);
}

/* Milliseconds in 32 bits wrap in between. */
static void test_clock_wraps(void **state)
{
    int64_t now = (int64_t)UINT32_MAX * 1000 - 5 * US_PER_S;
    struct world w;
    struct flow flow = flow_number(1);

    (void)state;
    make(&w, 8, true);
    add(&w, &flow, false, now);
    assert_int_equal(time_wait_deadline(&w.waits, now), now + 60 * US_PER_S);
    time_wait_tick(&w.waits, now + 59 * US_PER_S);
    assert_int_equal(time_wait_count(&w.waits), 1);
    time_wait_tick(&w.waits, now + 60 * US_PER_S);
    assert_int_equal(time_wait_count(&w.waits), 0);
    free(w.arena.base);
}

/* Full: the oldest gives way; a FIN that came again makes a record younger. */
static void test_eviction(void **state)
{
    struct segment fin = segment(TCP_FIN | TCP_ACK, 1999, 1000), answer;
    struct world w;

    (void)state;
    make(&w, 100, true);
    for (uint16_t i = 1; i <= 100; i++) {
        struct flow flow = flow_number(i);

        assert_int_not_equal(add(&w, &flow, false, NOW + i), SLOT_NONE);
    }
    assert_int_equal(w.stats.time_wait_evicted, 0);

    struct flow first = flow_number(1), second = flow_number(2), next = flow_number(101);

    time_wait_segment_arrives(&w.waits, time_wait_find(&w.waits, hash_of(NULL, &first), &first),
                              &fin, &answer, NOW + 200);
    add(&w, &next, false, NOW + 300);
    assert_int_equal(w.stats.time_wait_evicted, 1);
    assert_int_equal(time_wait_count(&w.waits), 100);
    assert_int_equal(time_wait_find(&w.waits, hash_of(NULL, &second), &second), SLOT_NONE);
    assert_int_not_equal(time_wait_find(&w.waits, hash_of(NULL, &first), &first), SLOT_NONE);

    time_wait_end(&w.waits, time_wait_find(&w.waits, hash_of(NULL, &next), &next));
    assert_int_equal(w.stats.time_wait_reused, 1);
    assert_int_equal(time_wait_find(&w.waits, hash_of(NULL, &next), &next), SLOT_NONE);
    free(w.arena.base);
}

/* A guard knows one ACK by its ISS, for as long as a cookie lives, and is in nobody's way. */
static void test_guards(void **state)
{
    struct flow flow = flow_number(7), other = flow_number(8);
    uint64_t hash = hash_of(NULL, &flow);
    struct world w;

    (void)state;
    make(&w, 100, true);
    time_wait_guard(&w.waits, hash, &flow, seq_of(77), NOW);
    time_wait_guard(&w.waits, hash, &flow, seq_of(99), NOW + 1000);
    assert_int_equal(time_wait_find(&w.waits, hash, &flow), SLOT_NONE);
    assert_int_equal(time_wait_count(&w.waits), 0);
    assert_int_equal(time_wait_records(&w.waits), 2);
    assert_int_not_equal(add(&w, &flow, false, NOW), SLOT_NONE);
    assert_true(time_wait_is_replay(&w.waits, hash, &flow, seq_of(77)));
    assert_true(time_wait_is_replay(&w.waits, hash, &flow, seq_of(99)));
    assert_false(time_wait_is_replay(&w.waits, hash, &flow, seq_of(78)));
    assert_false(time_wait_is_replay(&w.waits, hash_of(NULL, &other), &other, seq_of(77)));

    int64_t ends_us = NOW + INT64_C(8) * 4096000;

    assert_int_equal(time_wait_deadline(&w.waits, NOW), ends_us);
    time_wait_tick(&w.waits, ends_us - 1000);
    assert_int_equal(time_wait_records(&w.waits), 3);
    time_wait_tick(&w.waits, ends_us);
    assert_false(time_wait_is_replay(&w.waits, hash, &flow, seq_of(77)));
    assert_true(time_wait_is_replay(&w.waits, hash, &flow, seq_of(99)));
    time_wait_tick(&w.waits, NOW + INT64_C(60000000));
    assert_int_equal(time_wait_records(&w.waits), 0);
    free(w.arena.base);
}

/* Neither kind drives out all of the other: the longer list gives way. */
static void test_guards_and_waits_share(void **state)
{
    struct world w;

    (void)state;
    make(&w, 100, true);
    for (uint16_t i = 1; i <= 100; i++) {
        struct flow flow = flow_number(i);

        add(&w, &flow, false, NOW + i);
    }
    for (uint16_t i = 1001; i <= 2000; i++) {
        struct flow flow = flow_number(i);

        time_wait_guard(&w.waits, hash_of(NULL, &flow), &flow, seq_of(i), NOW + i);
    }
    assert_int_equal(time_wait_records(&w.waits), 100);
    assert_in_range(time_wait_count(&w.waits), 49, 51);
    free(w.arena.base);
}

/* Who opens by cookie from one port over and over leaves as many guards of one flow: they lie apart all the same, or they would
 * fill a chain of the table, which is made for what chance does. */
static void test_guards_of_one_flow(void **state)
{
    enum { GUARDS = 30000 };
    struct flow flow = flow_number(7);
    uint64_t hash = hash_of(NULL, &flow);
    uint32_t candidates = 0;
    struct table_cursor cursor;
    struct world w;

    (void)state;
    make(&w, 65536, true);
    for (uint32_t i = 0; i < GUARDS; i++)
        time_wait_guard(&w.waits, hash, &flow, seq_of(i * 977), NOW + i);
    assert_int_equal(time_wait_records(&w.waits), GUARDS);
    for (uint32_t i = 0; i < GUARDS; i++) {
        assert_true(time_wait_is_replay(&w.waits, hash, &flow, seq_of(i * 977)));
        assert_false(time_wait_is_replay(&w.waits, hash, &flow, seq_of(i * 977 + 1)));
    }
    cursor = table_find(&w.waits.table, hash);
    while (table_next(&w.waits.table, &cursor) != SLOT_NONE)
        candidates++;
    assert_true(candidates < 10);
    time_wait_tick(&w.waits, NOW + INT64_C(60000000));
    assert_int_equal(time_wait_records(&w.waits), 0);
    free(w.arena.base);
}

/* A machine that slept for weeks wakes to a clock that is far ahead: what ended meanwhile is over. */
static void test_a_long_sleep(void **state)
{
    static const int64_t days[] = {1, 24, 25, 26, 30, 49, 51, 75};

    (void)state;
    for (unsigned i = 0; i < sizeof days / sizeof *days; i++) {
        int64_t now_us = NOW + days[i] * 86400 * US_PER_S;
        struct flow other = flow_number(9);
        struct world w;

        one(&w, false);
        time_wait_guard(&w.waits, hash_of(NULL, &other), &other, seq_of(77), NOW);
        assert_true(time_wait_deadline(&w.waits, now_us) <= now_us);
        time_wait_tick(&w.waits, now_us);
        assert_int_equal(time_wait_records(&w.waits), 0);
        free(w.arena.base);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_stamps_not_configured),
        cmocka_unit_test(test_throttle),
        cmocka_unit_test(test_released_by_rst),
        cmocka_unit_test(test_lasts),
        cmocka_unit_test(test_clock_wraps),
        cmocka_unit_test(test_guards_of_one_flow),
        cmocka_unit_test(test_a_long_sleep),
        cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_guards),
        cmocka_unit_test(test_guards_and_waits_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
