/* Receivers that lie gain nothing: neither window nor bytes nor memory. [RFC 5681 3; RFC 3465 2; RFC 2018 8;
 * RFC 9293 3.8.6]
 * Rows: docs/attacks.md. */
#include "attack.h"

#include "sim/attack_liar.h"

#define SEED 0x5eed0003
#define RTT_US (50 * US_PER_MS)
#define RESPONSE 6000000

/* What a receiver had after a time. */
struct gain {
    uint64_t text_bytes; /* that were sent to him, with repetitions   */
    uint64_t acked;      /* that he could acknowledge                 */
    uint64_t frames;
    uint32_t cwnd_most;
    uint64_t acks; /* that he spent                             */
    uint64_t resent;
    uint64_t pool_most;
    bool whole;
};

static struct crowd the_crowd;
static struct liar the_liar;

static void enter(struct field *field, const struct liar_setup *setup)
{
    struct field_setup field_setup = field_setup_default(SEED);

    field_setup.server.send_bytes = 1 << 20;
    field_setup.server.max_connections = 64;
    field_open(field, &field_setup);
    crowd_enter(&the_crowd, field, &(struct crowd_setup){.request = 1, .response = RESPONSE});
    liar_enter(&the_liar, field, setup);
}

static void leave(struct field *field)
{
    assert_int_equal(field->unsound, 0);
    liar_leave(&the_liar);
    crowd_leave(&the_crowd, field);
    field_close(field);
}

static uint32_t cwnd_now(struct field *field)
{
    struct hf_status status;
    hf_socket socket;
    uint64_t cursor = 0;
    uint32_t cwnd = 0;

    while (hf_next_socket(field->server.stack, &cursor, &socket) == HF_OK)
        if (hf_status(field->server.stack, socket, &status) == HF_OK &&
            status.state != HF_STATE_LISTEN)
            cwnd = status.congestion_window;
    return cwnd;
}

static struct gain play(const struct liar_setup *setup, int64_t lasts_us)
{
    struct field *field = &the_field;
    struct gain gain = {0};

    enter(field, setup);
    for (int64_t end = field->now_us + lasts_us; field->now_us < end;) {
        field_pass(field, 5 * US_PER_MS);
        uint32_t cwnd = cwnd_now(field);

        if (cwnd > gain.cwnd_most)
            gain.cwnd_most = cwnd;
        if (field_held(field).pool_bytes > gain.pool_most)
            gain.pool_most = field_held(field).pool_bytes;
    }
    gain.text_bytes = the_liar.peer.text_bytes;
    gain.frames = the_liar.peer.frames;
    gain.acked = stat(field, bytes_acknowledged);
    gain.resent = stat(field, segments_resent);
    gain.acks = the_liar.acks;
    gain.whole = the_liar.peer.text_bytes >= RESPONSE;
    leave(field);
    return gain;
}

static void print_gain(const char *who, const struct gain *gain)
{
    print_message("%-24s %8" PRIu64 " bytes in %5" PRIu64 " frames for %6" PRIu64 " ACKs, %8" PRIu64
                  " acknowledged, %4" PRIu64 " resent, cwnd %7u at most\n",
                  who, gain->text_bytes, gain->frames, gain->acks, gain->acked, gain->resent,
                  gain->cwnd_most);
}

/* What an honest receiver of the same path has, or less: bytes that he had not before, and window. One in twenty more or less
 * is where the lost segments fell. What he is sent twice for claiming losses that were none is never more than what he was
 * sent once. */
static void assert_no_gain(const struct gain *honest, const struct gain *liar)
{
    assert_true(liar->acked <= honest->acked + honest->acked / 20 + 3000);
    assert_true(liar->cwnd_most <= honest->cwnd_most + honest->cwnd_most / 20 + 3000);
    assert_true(liar->text_bytes <= 2 * honest->text_bytes);
}

/* The better of two honest receivers: who acknowledges every second segment, and who does each. */
static struct gain play_honestly(uint32_t lose_every, int64_t lasts_us)
{
    struct liar_setup setup = {.port = 6000, .rtt_us = RTT_US, .lose_every = lose_every};
    struct gain second = play(&setup, lasts_us), each;

    setup.pieces = 1;
    each = play(&setup, lasts_us);
    return each.text_bytes > second.text_bytes ? each : second;
}

static void compare_at(const char *who, struct liar_setup setup, uint32_t lose_every)
{
    bool hides_losses = setup.lie == LIE_UNSENT;
    struct gain honest = play_honestly(hides_losses ? 0 : lose_every, 450 * US_PER_MS), liar;

    setup.port = 6000;
    setup.rtt_us = RTT_US;
    setup.lose_every = lose_every;
    liar = play(&setup, 450 * US_PER_MS);
    print_message("%s\n", lose_every ? "one segment in 300 is lost:" : "no loss:");
    print_gain("honest", &honest);
    print_gain(who, &liar);
    assert_no_gain(&honest, &liar);
}

static void compare(const char *who, struct liar_setup setup)
{
    compare_at(who, setup, 0);
    compare_at(who, setup, 300);
}

/* cwnd grows by bytes, not by ACKs. [RFC 3465] [R5681-05] */
static void divided_acks_gain_nothing(void **state)
{
    (void)state;
    compare("ACKs in 100 pieces", (struct liar_setup){.lie = LIE_DIVIDED, .pieces = 100});
    compare("ACKs byte by byte", (struct liar_setup){.lie = LIE_DIVIDED, .pieces = 1448});
}

/* Duplicates of true ACKs look like loss: the window is halved. [R5681-13] */
static void spoofed_duplicates_gain_nothing(void **state)
{
    (void)state;
    compare("4 duplicates of each", (struct liar_setup){.lie = LIE_DUPLICATED, .pieces = 4});
    compare("50 duplicates of each", (struct liar_setup){.lie = LIE_DUPLICATED, .pieces = 50});
}

/* Duplicates without end inflate the window by what was in flight when they began, once. [RFC 5681 3.2] */
static void duplicates_without_end_gain_nothing(void **state)
{
    (void)state;
    compare("nothing but duplicates",
            (struct liar_setup){.lie = LIE_ONLY_DUPLICATES, .pieces = 20});
}

/* Bytes that were never sent cannot be acknowledged. [RFC 5961 5.2] */
static void acks_of_the_unsent_gain_nothing(void **state)
{
    (void)state;
    compare("100 segments ahead", (struct liar_setup){.lie = LIE_UNSENT, .pieces = 100});
}

/* Who acknowledges what is still under way shortens his round trip, which nobody can see from here. But his window grows by
 * the same bytes; it is never larger than he was sent; and what he says he has, and has lost, he never gets. */
static void early_acks_grow_by_the_same_bytes(void **state)
{
    struct liar_setup setup = {.port = 6000, .rtt_us = RTT_US};
    struct gain honest = play_honestly(0, 400 * US_PER_MS), liar;

    (void)state;
    setup.lie = LIE_EARLY;
    liar = play(&setup, 200 * US_PER_MS);
    print_gain("honest, 400 ms", &honest);
    print_gain("early, 200 ms", &liar);
    assert_true(liar.cwnd_most <= honest.cwnd_most + 3000);
    setup.lose_every = 300;
    liar = play(&setup, 3 * US_PER_S);
    print_gain("early, with loss", &liar);
    assert_int_equal(liar.resent, 0);
    assert_true(liar.text_bytes < RESPONSE);
}

/* SACK is a hint: blocks that split every segment into bytes change nothing. [R2018-12] */
static void sack_lies_gain_nothing(void **state)
{
    (void)state;
    compare("SACK of single bytes", (struct liar_setup){.lie = LIE_SACKED});
}

/* What was SACKed and thrown away is sent again: nothing leaves the queue before it is acknowledged. [RFC 2018 8]
 * [R2018-10] [R2018-07] */
static void reneging_loses_nothing(void **state)
{
    struct liar_setup setup = {
        .lie = LIE_RENEGED, .port = 6000, .rtt_us = RTT_US / 10, .lose_every = 100};
    struct gain liar;

    (void)state;
    liar = play(&setup, 200 * US_PER_S);
    print_gain("reneging", &liar);
    assert_int_equal(liar.acked, RESPONSE);
}

/* A window taken back: what was sent stays acceptable, nothing new goes beyond it, all arrives. [RFC 9293 3.8.6, SHLD-14]
 * [R7323-11] */
static void a_shrinking_window_loses_nothing(void **state)
{
    struct liar_setup setup = {.lie = LIE_SHRUNK, .port = 6000, .rtt_us = RTT_US / 10};
    struct gain liar;

    (void)state;
    liar = play(&setup, 300 * US_PER_S);
    print_gain("shrinking window", &liar);
    assert_int_equal(liar.acked, RESPONSE);
}

/* A window of one byte, for ever: a byte for each ACK, and no more memory than the send queue may hold. That he takes next to
 * nothing is the watch's affair, once a limit nears. */
static void a_tiny_window_is_not_filled(void **state)
{
    struct liar_setup setup = {.lie = LIE_TINY, .port = 6000, .rtt_us = US_PER_MS};
    struct gain liar;

    (void)state;
    liar = play(&setup, 60 * US_PER_S);
    print_gain("one byte, for a minute", &liar);
    assert_true(liar.frames <= liar.acks + 20); /* one for one */
    assert_true(liar.pool_most <= (1 << 20) + 65536);
}

/* A closed window is probed ever more seldom. [RFC 9293 3.8.6.1] */
static void a_zero_window_is_probed_seldom(void **state)
{
    struct liar_setup setup = {.lie = LIE_ZERO, .port = 6000, .rtt_us = US_PER_MS};
    struct gain liar;

    (void)state;
    liar = play(&setup, 60 * US_PER_S);
    print_gain("no window, for a minute", &liar);
    assert_true(liar.frames <= 20);
}

/* Who takes each probe and says "no window" has his byte at the pace of the probes: five in a second. */
static void sips_are_slow(void **state)
{
    struct liar_setup setup = {.lie = LIE_SIPPED, .port = 6000, .rtt_us = US_PER_MS};
    struct gain liar;

    (void)state;
    liar = play(&setup, 60 * US_PER_S);
    print_gain("sips, for a minute", &liar);
    assert_true(liar.frames <= 310);
}

/* Who offers a tiny MSS would be sent mostly headers: 216 is the least, whether the cache or a cookie answered. [HF1] */
static void a_tiny_mss_is_raised(void **state)
{
    static const uint16_t offers[] = {0, 1, 48, 88, 215};

    (void)state;
    for (unsigned i = 0; i < 2 * sizeof offers / sizeof *offers; i++) {
        struct field_setup setup = field_setup_default(SEED);
        struct field *field = &the_field;
        struct attack_peer peer;

        setup.listen.cookies = i % 2 ? HF_COOKIES_ALWAYS : HF_COOKIES_OFF;
        field_open(field, &setup);
        crowd_enter(&the_crowd, field, &(struct crowd_setup){.request = 1, .response = 2000});
        attack_peer_init(&peer, field, attack_address(&field->random, false), 6000, FIELD_PORT);
        peer.mss = offers[i / 2];
        assert_true(attack_peer_open(&peer, field));
        attack_peer_say(&peer, field, TCP_ACK | TCP_PSH, "?", 1);
        field_pass(field, US_PER_MS);
        assert_true(peer.text_bytes >= 204 * 9);
        assert_true(peer.text_bytes / (peer.frames - 2) >= 190);
        attack_peer_forget(&peer, field);
        crowd_leave(&the_crowd, field);
        field_close(field);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(divided_acks_gain_nothing),
        cmocka_unit_test(spoofed_duplicates_gain_nothing),
        cmocka_unit_test(duplicates_without_end_gain_nothing),
        cmocka_unit_test(acks_of_the_unsent_gain_nothing),
        cmocka_unit_test(early_acks_grow_by_the_same_bytes),
        cmocka_unit_test(sack_lies_gain_nothing),
        cmocka_unit_test(reneging_loses_nothing),
        cmocka_unit_test(a_shrinking_window_loses_nothing),
        cmocka_unit_test(a_tiny_window_is_not_filled),
        cmocka_unit_test(a_zero_window_is_probed_seldom),
        cmocka_unit_test(sips_are_slow),
        cmocka_unit_test(a_tiny_mss_is_raised),
    };

    return cmocka_run_group_tests_name("sim/attack_liar", tests, NULL, NULL);
}
