/* Handshakes without memory: what a cookie knows, what opens one and what does not. [RFC 4987 3.6; RFC 7323 5.3] */
#include "door.h"

#include "cookie/syn_cookie.h"
#include "gate/stateless.h"

#define SLOT_US (INT64_C(4096000))

static const struct hf_listen_options always = {.cookies = HF_COOKIES_ALWAYS};
static const struct hf_listen_options cache_only = {.cookies = HF_COOKIES_OFF};

/* The client's side of a handshake: its SYN, and the ACK to what came back. */
struct attempt {
    struct flow flow;
    struct segment syn, answer, ack;
};

static struct attempt attempt_of(const struct door *door, const struct tcp_options *options,
                                 bool v6)
{
    struct attempt a = {.flow = door_flow(door, 0, 4000)};

    if (v6) {
        a.flow.local = door->addresses[1];
        assert_int_equal(hf_address_parse(&a.flow.remote, "2001:db8::9"), HF_OK);
    }
    a.syn = (struct segment){
        .seq = {0xfffffff0}, .flags = TCP_SYN, .window = 5000, .options = *options};
    return a;
}

static enum gate_verdict send_syn(struct door *door, struct attempt *a)
{
    struct gate_segment arrived = door_segment(&a->flow, &a->syn);
    enum gate_verdict verdict;

    arrived.local = !hf_address_is_v4(&a->flow.local);
    verdict = gate_on_syn(&door->gate, &arrived, &a->answer, door->now_us);
    if (verdict != GATE_ANSWER)
        return verdict;
    a->ack = (struct segment){
        .seq = a->answer.ack, .ack = seq_add(a->answer.seq, 1), .flags = TCP_ACK, .window = 600};
    if (a->answer.options.present & TCP_OPTION_TIMESTAMPS)
        a->ack.options = (struct tcp_options){.present = TCP_OPTION_TIMESTAMPS,
                                              .ts_value = a->syn.options.ts_value + 1,
                                              .ts_echo = a->answer.options.ts_value};
    return verdict;
}

static enum gate_verdict send_ack(struct door *door, const struct attempt *a,
                                  struct handshake *handshake)
{
    struct gate_segment arrived = door_segment(&a->flow, &a->ack);

    return gate_on_ack(&door->gate, &arrived, handshake, door->now_us);
}

static struct tcp_options linux_options(void)
{
    return (struct tcp_options){.present = TCP_OPTION_MSS | TCP_OPTION_SCALE |
                                           TCP_OPTION_SACK_PERMITTED | TCP_OPTION_TIMESTAMPS,
                                .mss = 1460,
                                .scale = 7,
                                .ts_value = 77};
}

/* What the cache tier agrees on with the same SYN. */
static struct handshake by_cache(const struct tcp_options *options, uint8_t config_options, bool v6)
{
    struct door door;
    union gate_result result;

    door_open_with(&door, 4, &cache_only);
    door.gate.config.options = config_options;
    struct attempt a = attempt_of(&door, options, v6);
    struct gate_segment arrived = door_segment(&a.flow, &a.ack);

    assert_int_equal(send_syn(&door, &a), GATE_ANSWER);
    uint32_t slot = gate_find(&door.gate, arrived.hash, &a.flow);

    arrived.local = !hf_address_is_v4(&a.flow.local);
    assert_int_equal(half_open_on_segment(&door.gate, slot, &arrived, &result, door.now_us),
                     GATE_HANDSHAKE);
    door_close(&door);
    return result.handshake;
}

/* Scales are agreed on both ways or not at all; else a smaller one only makes us believe in a smaller window. */
static void check_scale(const struct handshake *cookie, const struct handshake *cache,
                        const struct segment *syn_ack)
{
    bool told = syn_ack->options.present & TCP_OPTION_SCALE;

    assert_int_equal(told, cookie->send_scale != SCALE_NONE);
    assert_int_equal(told, cookie->receive_scale != SCALE_NONE);
    if (!told)
        return;
    assert_true(cookie->send_scale <= cache->send_scale);
    assert_int_equal(cookie->receive_scale, cache->receive_scale);
}

static void check_one(struct door *door, const struct tcp_options *options, bool v6)
{
    struct attempt a = attempt_of(door, options, v6);
    struct handshake cookie, cache = by_cache(options, door->gate.config.options, v6);
    uint16_t told;

    assert_int_equal(send_syn(door, &a), GATE_ANSWER);
    told = a.answer.options.present;
    assert_int_equal(told & ~options->present, 0);
    assert_int_equal(send_ack(door, &a, &cookie), GATE_HANDSHAKE);

    assert_true(cookie.from_cookie && cookie.rtt_us == 0 && !cookie.ecn);
    assert_int_equal(cookie.iss.value, a.answer.seq.value);
    assert_int_equal(cookie.irs.value, a.syn.seq.value);
    assert_true(cookie.mss <= cache.mss && cookie.mss >= 216);
    check_scale(&cookie, &cache, &a.answer);
    assert_int_equal(cookie.sack, !!(told & TCP_OPTION_SACK_PERMITTED));
    assert_true(cookie.sack <= cache.sack);
    assert_int_equal(cookie.timestamps, !!(told & TCP_OPTION_TIMESTAMPS));
    assert_int_equal(cookie.timestamps, cache.timestamps);
    assert_int_equal(cookie.announced_window, cache.announced_window);
    assert_int_equal(cookie.first_window, cache.first_window);
    if (cookie.timestamps) {
        assert_int_equal(cookie.send_scale, cache.send_scale);
        assert_int_equal(cookie.sack, cache.sack);
    }
}

/* Over the whole space of options, of configurations, both families and both ways of the cookie without timestamps: what the
 * cookie gives is what the cache would have known, or strictly more conservative; and the peer is told no more.
 * [R4987-07] */
static void cookie_knows_no_more_than_the_cache(void **state)
{
    static const uint16_t sizes[] = {0,    1,    215,  216,  217,  535,  536,  1199, 1200,
                                     1219, 1220, 1279, 1280, 1300, 1340, 1360, 1380, 1400,
                                     1419, 1420, 1439, 1440, 1459, 1460, 1461, 8960, 65535};
    static const uint8_t plain[] = {HF_PLAIN_ACCEPT, HF_PLAIN_STRICT};
    unsigned checked = 0;

    (void)state;
    for (unsigned policy = 0; policy < 2; policy++) {
        struct hf_listen_options listen = always;
        struct door door;

        listen.without_timestamps = plain[policy];
        door_open_with(&door, 4, &listen);
        for (unsigned row = 0; row < 8 * 16 * 2 * sizeof sizes / sizeof *sizes; row++) {
            unsigned bits = row % 16, config = row / 16 % 8, mss = row / 256;
            struct tcp_options options = {
                .present =
                    (uint16_t)((bits & 1 ? TCP_OPTION_MSS : 0) | (bits & 2 ? TCP_OPTION_SCALE : 0) |
                               (bits & 4 ? TCP_OPTION_SACK_PERMITTED : 0) |
                               (bits & 8 ? TCP_OPTION_TIMESTAMPS : 0)),
                .mss = sizes[mss],
                .ts_value = row * 0x01000193u,
            };

            door.gate.config.options =
                (uint8_t)((config & 1 ? HALF_OPEN_SCALING : 0) | (config & 2 ? HALF_OPEN_SACK : 0) |
                          (config & 4 ? HALF_OPEN_TIMESTAMPS : 0));
            for (unsigned scale = 0; scale <= (bits & 2 ? 16 : 0); scale++) {
                options.scale = (uint8_t)scale;
                check_one(&door, &options, row / 128 % 2);
                checked++;
            }
        }
        assert_int_equal(gate_half_opens(&door.gate), 0);
        door_close(&door);
    }
    print_message("%u SYNs\n", checked);
}

/* Our clock goes on from what the peer has seen, one tick a millisecond; his own is the ACK's. [RFC 7323 5.3] */
static void timestamps_go_on(void **state)
{
    struct tcp_options options = linux_options();
    struct handshake h;
    struct door door;

    (void)state;
    door_open_with(&door, 4, &always);
    struct attempt a = attempt_of(&door, &options, false);

    send_syn(&door, &a);
    assert_int_equal(a.answer.options.ts_echo, 77);
    for (int ms = 0; ms < 20000; ms += 333, door.now_us += 333000) {
        assert_int_equal(send_ack(&door, &a, &h), GATE_HANDSHAKE);
        assert_int_equal((uint32_t)(door.now_us / 1000) + h.ts_offset, a.ack.options.ts_echo);
        assert_int_equal(h.ts_recent, a.ack.options.ts_value);
    }
    door_close(&door);
}

/* Whatever the ACK's parts, each bit that is wrong closes the door. */
static void every_bit_counts(void **state)
{
    struct tcp_options options = linux_options();
    struct handshake h;
    struct door door;

    (void)state;
    door_open_with(&door, 4, &always);
    struct attempt good = attempt_of(&door, &options, false);

    send_syn(&door, &good);
    for (unsigned bit = 0; bit < 32; bit++) {
        struct attempt bad = good;

        bad.ack.seq.value ^= 1u << bit;
        assert_int_equal(send_ack(&door, &bad, &h), GATE_SILENT);
        bad = good;
        bad.ack.ack.value ^= 1u << bit;
        assert_int_equal(send_ack(&door, &bad, &h), GATE_SILENT);
        bad = good;
        bad.ack.options.ts_echo ^= 1u << bit;
        assert_int_equal(send_ack(&door, &bad, &h), GATE_SILENT);
        bad = good;
        bad.flow.remote.bytes[12 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(send_ack(&door, &bad, &h), GATE_SILENT);
    }
    for (unsigned bit = 0; bit < 16; bit++) {
        struct attempt bad = good;

        bad.flow.remote_port ^= (uint16_t)(1u << bit);
        assert_int_equal(send_ack(&door, &bad, &h), GATE_SILENT);
    }
    struct attempt other = good; /* another listener, whose cookies are about as well */

    other.flow.local_port++;
    door.gate.listeners[1].has_cookies = true;
    door.gate.listeners[1].cookie_slot = door.gate.listeners[0].cookie_slot;
    assert_int_equal(send_ack(&door, &other, &h), GATE_SILENT);
    assert_int_equal(door.gate.reason, HF_STAT_cookie_bad);
    other = good;
    other.ack.options.present = 0; /* a cookie of one format is none of the other */
    assert_int_equal(send_ack(&door, &other, &h), GATE_SILENT);
    assert_int_equal(door.stats.cookie_bad, 32 * 4 + 16 + 2);
    assert_int_equal(send_ack(&door, &good, &h), GATE_HANDSHAKE);
    door_close(&door);
}

/* Six slots old it opens, seven it does not; without timestamps one, and two. When none can be outstanding the ACK is a stray.
 * [R4987-06] */
static void cookies_expire(void **state)
{
    struct tcp_options stamped = linux_options(), plain = {.present = TCP_OPTION_MSS, .mss = 1400};

    (void)state;
    for (unsigned with = 0; with < 2; with++) {
        struct handshake h;
        struct door door;
        int64_t lives = with ? 6 : 1;

        door_open_with(&door, 4, &always);
        struct attempt a = attempt_of(&door, with ? &stamped : &plain, false);

        /* The clock of cookies is the wall's: from the beginning of a slot on. */
        door.now_us += SLOT_US - (door.now_us + door.gate.config.wall_minus_now_us) % SLOT_US;
        send_syn(&door, &a);
        door.now_us += (lives + 1) * SLOT_US - 1;
        assert_int_equal(send_ack(&door, &a, &h), GATE_HANDSHAKE);
        door.now_us += 1;
        assert_int_equal(send_ack(&door, &a, &h), GATE_SILENT);
        door.now_us += (7 - lives) * SLOT_US;
        assert_int_equal(send_ack(&door, &a, &h), GATE_STRAY);
        door.gate.config.cookie_key_shared = true; /* who knows what the others have sent */
        assert_int_equal(send_ack(&door, &a, &h), GATE_SILENT);
        door_close(&door);
    }
}

/* Keys change every 256 slots, whether or not hf_tick is called: a cookie opens across the change. [R4987-11] */
static void keys_change_under_way(void **state)
{
    struct tcp_options options = linux_options();
    struct handshake h;
    struct door door;

    (void)state;
    door_open_with(&door, 4, &always);
    for (int i = 0; i < 1500; i++) {
        struct attempt a = attempt_of(&door, &options, false);

        assert_int_equal(send_syn(&door, &a), GATE_ANSWER);
        door.now_us += 5 * SLOT_US;
        assert_int_equal(send_ack(&door, &a, &h), GATE_HANDSHAKE);
        door.now_us += i % 100 ? SLOT_US / 3 : 1000 * SLOT_US;
    }
    door_close(&door);
}

static enum gate_verdict with_policy(struct hf_listen_options listen, bool forget_seen,
                                     struct door *door)
{
    struct tcp_options plain = {.present = TCP_OPTION_MSS, .mss = 1400};
    struct handshake h;

    listen.cookies = HF_COOKIES_ALWAYS;
    door_open_with(door, 4, &listen);
    struct attempt a = attempt_of(door, &plain, false);

    if (send_syn(door, &a) != GATE_ANSWER)
        return GATE_SILENT;
    if (forget_seen)
        memset(door->gate.seen.bits, 0, ((size_t)door->gate.seen.mask + 1) / 4);
    return send_ack(door, &a, &h);
}

/* SYNs without timestamps: by the listener's policy. A listener that only observes refuses nothing and counts it. */
static void policies_without_timestamps(void **state)
{
    static const struct {
        const char *name;
        struct hf_listen_options listen;
        bool forget_seen;
        enum gate_verdict verdict;
        unsigned would_refuse;
    } rows[] = {
        {"accept", {.without_timestamps = HF_PLAIN_ACCEPT}, false, GATE_HANDSHAKE, 0},
        {"strict", {.without_timestamps = HF_PLAIN_STRICT}, false, GATE_HANDSHAKE, 0},
        {"seen", {.without_timestamps = HF_PLAIN_SEEN}, false, GATE_HANDSHAKE, 0},
        {"not seen", {.without_timestamps = HF_PLAIN_SEEN}, true, GATE_SILENT, 0},
        {"not seen, observed",
         {.without_timestamps = HF_PLAIN_SEEN, .observe = true},
         true,
         GATE_HANDSHAKE,
         1},
        {"refuse", {.without_timestamps = HF_PLAIN_REFUSE}, false, GATE_SILENT, 0},
        {"refuse, observed",
         {.without_timestamps = HF_PLAIN_REFUSE, .observe = true},
         false,
         GATE_HANDSHAKE,
         1},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct door door;

        print_message("%s\n", rows[i].name);
        assert_int_equal(with_policy(rows[i].listen, rows[i].forget_seen, &door), rows[i].verdict);
        assert_int_equal(door.stats.would_refuse, rows[i].would_refuse);
        door_close(&door);
    }
}

/* Where no SYN without timestamps is answered, no ACK without them can be an answer: whoever guesses may not choose the weaker
 * format. Here he has guessed right. */
static void a_format_that_is_refused_opens_nothing(void **state)
{
    static const struct {
        bool observe;
        enum gate_verdict verdict;
    } rows[] = {{false, GATE_SILENT}, {true, GATE_HANDSHAKE}};

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hf_listen_options listen = {.cookies = HF_COOKIES_ALWAYS};
        struct tcp_options plain = {.present = TCP_OPTION_MSS, .mss = 1400};
        struct handshake h;
        struct door door;

        door_open_with(&door, 4, &listen);
        struct attempt a = attempt_of(&door, &plain, false);

        assert_int_equal(send_syn(&door, &a), GATE_ANSWER);
        listen.without_timestamps = HF_PLAIN_REFUSE;
        listen.observe = rows[i].observe;
        gate_listener_change(&door.gate, 0, &listen, door.now_us);
        assert_int_equal(send_ack(&door, &a, &h), rows[i].verdict);
        assert_int_equal(door.stats.cookie_bad, !rows[i].observe);
        door_close(&door);
    }
}

/* A change of options voids no cookie that is under way: not even the one that makes an end of cookies. */
static void cookies_under_way_survive_a_change(void **state)
{
    struct hf_listen_options listen = {.cookies = HF_COOKIES_ALWAYS};
    struct tcp_options options = linux_options();
    struct handshake h;
    struct door door;

    (void)state;
    door_open_with(&door, 4, &listen);
    struct attempt a = attempt_of(&door, &options, false);

    assert_int_equal(send_syn(&door, &a), GATE_ANSWER);
    listen.cookies = HF_COOKIES_OFF;
    gate_listener_change(&door.gate, 0, &listen, door.now_us);
    door.now_us += S;
    assert_int_equal(send_ack(&door, &a, &h), GATE_HANDSHAKE);
    door.now_us += 60 * S;
    assert_int_equal(send_ack(&door, &a, &h), GATE_STRAY); /* it was the last */
    door_close(&door);
}

/* 100,000 SYNs answered: not a byte of the gate's memory is another, but the listener's own counters. */
static void nothing_is_left_behind(void **state)
{
    enum { SYNS = 100000 };
    struct tcp_options options = linux_options();
    struct door door;

    (void)state;
    door_open_with(&door, 64, &always);
    size_t skip = (size_t)((uint8_t *)(door.gate.listeners + LISTENERS) - (uint8_t *)door.memory);
    size_t bytes = door.memory_bytes - skip;
    uint8_t *before = malloc(bytes);

    memcpy(before, (uint8_t *)door.memory + skip, bytes);
    for (uint32_t i = 0; i < SYNS; i++) {
        struct attempt a = attempt_of(&door, &options, false);

        memcpy(a.flow.remote.bytes + 12, &i, sizeof i);
        a.syn.seq.value = i * 0x9e3779b9;
        assert_int_equal(send_syn(&door, &a), GATE_ANSWER);
        door.now_us += 10;
    }
    assert_memory_equal(before, (uint8_t *)door.memory + skip, bytes);
    assert_int_equal(door.stats.syn_cookie_sent, SYNS);
    assert_int_equal(door.stats.syn_ack_sent, SYNS);
    assert_true(door.gate.listeners[0].cookies_sent == SYNS);
    free(before);
    door_close(&door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookie_knows_no_more_than_the_cache),
        cmocka_unit_test(timestamps_go_on),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(cookies_expire),
        cmocka_unit_test(keys_change_under_way),
        cmocka_unit_test(policies_without_timestamps),
        cmocka_unit_test(a_format_that_is_refused_opens_nothing),
        cmocka_unit_test(cookies_under_way_survive_a_change),
        cmocka_unit_test(nothing_is_left_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
