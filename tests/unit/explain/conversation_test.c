/* Both ends' states and what is odd, from what is said alone. [RFC 9293 3.5, 3.6; RFC 5961 3.2] */
#include "explain/conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct conversation talk;

static uint8_t ttl = 64; /* of what is said */

static unsigned say(unsigned from, uint8_t flags, uint32_t number, uint32_t length, uint32_t ack)
{
    struct segment seg = {.seq = seq_of(number),
                          .ack = seq_of(ack),
                          .flags = flags,
                          .window = 1000,
                          .length = length};

    return conversation_see(&talk, from, &seg, ttl, 0);
}

static void begin(uint8_t flags, uint32_t number)
{
    struct segment seg = {.seq = seq_of(number), .flags = flags, .window = 1000};

    talk = (struct conversation){0};
    conversation_begin(&talk, &seg, 0);
}

static void expect(enum hf_state a, enum hf_state b)
{
    assert_string_equal(hf_state_text((enum hf_state)talk.end[0].state), hf_state_text(a));
    assert_string_equal(hf_state_text((enum hf_state)talk.end[1].state), hf_state_text(b));
}

static void open_it(void)
{
    begin(TCP_SYN, 100);
    assert_int_equal(say(0, TCP_SYN, 100, 0, 0), 0);
    expect(HF_STATE_SYN_SENT, HF_STATE_SYN_RECEIVED);
    assert_true(talk.half_open);
    assert_int_equal(say(1, TCP_SYN | TCP_ACK, 500, 0, 101), 0);
    expect(HF_STATE_ESTABLISHED, HF_STATE_SYN_RECEIVED);
    assert_int_equal(say(0, TCP_ACK, 101, 0, 501), 0);
    expect(HF_STATE_ESTABLISHED, HF_STATE_ESTABLISHED);
    assert_false(talk.half_open);
    assert_true(talk.completed);
}

static void test_close(void **state)
{
    (void)state;
    open_it();
    assert_int_equal(say(1, TCP_FIN | TCP_ACK, 501, 0, 101), 0);
    expect(HF_STATE_CLOSE_WAIT, HF_STATE_FIN_WAIT_1);
    assert_int_equal(say(0, TCP_ACK, 101, 10, 502), 0);
    expect(HF_STATE_CLOSE_WAIT, HF_STATE_FIN_WAIT_2);
    assert_int_equal(say(0, TCP_FIN | TCP_ACK, 111, 0, 502), 0);
    expect(HF_STATE_LAST_ACK, HF_STATE_TIME_WAIT);
    assert_int_equal(say(1, TCP_ACK, 502, 0, 112), 0);
    expect(HF_STATE_CLOSED, HF_STATE_TIME_WAIT);
}

static void test_simultaneous_close(void **state)
{
    (void)state;
    open_it();
    say(1, TCP_FIN | TCP_ACK, 501, 0, 101);
    assert_int_equal(say(0, TCP_FIN | TCP_ACK, 101, 0, 501), 0);
    say(1, TCP_ACK, 502, 0, 102);
    say(0, TCP_ACK, 102, 0, 502);
    expect(HF_STATE_TIME_WAIT, HF_STATE_TIME_WAIT); /* [RFC 9293 3.6] */
}

static void test_simultaneous_open(void **state)
{
    (void)state;
    begin(TCP_SYN, 100);
    say(0, TCP_SYN, 100, 0, 0);
    talk.end[1].state = HF_STATE_SYN_SENT; /* its SYN crosses */
    say(1, TCP_SYN, 500, 0, 0);
    expect(HF_STATE_SYN_RECEIVED, HF_STATE_SYN_RECEIVED);
    say(0, TCP_ACK, 101, 0, 501);
    say(1, TCP_ACK, 501, 0, 101);
    expect(HF_STATE_ESTABLISHED, HF_STATE_ESTABLISHED);
}

/* As the standard draws it: each says its SYN again, with the ACK of the other's. [RFC 9293 3.5] */
static void test_crossed_syns(void **state)
{
    (void)state;
    begin(TCP_SYN, 100);
    say(0, TCP_SYN, 100, 0, 0);
    assert_int_equal(say(1, TCP_SYN, 500, 0, 0), 0);
    expect(HF_STATE_SYN_RECEIVED, HF_STATE_SYN_RECEIVED);
    assert_int_equal(say(0, TCP_SYN | TCP_ACK, 100, 0, 501), 0);
    expect(HF_STATE_SYN_RECEIVED, HF_STATE_ESTABLISHED);
    assert_true(talk.half_open);
    assert_int_equal(say(1, TCP_SYN | TCP_ACK, 500, 0, 101), 0);
    expect(HF_STATE_ESTABLISHED, HF_STATE_ESTABLISHED);
    assert_true(talk.completed && !talk.half_open);
    assert_int_equal(say(1, TCP_SYN | TCP_ACK, 500, 0, 101), ANOMALY_RETRANSMISSION);
    assert_int_equal(say(0, TCP_ACK, 101, 10, 501), 0);
}

/* Captures of one direction alone. */
static void test_one_way(void **state)
{
    (void)state;
    begin(TCP_SYN, 100);
    say(0, TCP_SYN, 100, 0, 0);
    assert_int_equal(say(0, TCP_ACK, 101, 0, 501), 0);
    expect(HF_STATE_ESTABLISHED, HF_STATE_ESTABLISHED);
    assert_false(talk.half_open);
    assert_int_equal(say(0, TCP_ACK, 101, 50, 501), 0);
    assert_int_equal(say(0, TCP_ACK, 151, 0, 801), 0);
    assert_int_equal(say(0, TCP_FIN | TCP_ACK, 151, 0, 801), 0);
    expect(HF_STATE_FIN_WAIT_1, HF_STATE_CLOSE_WAIT);
}

static void test_odd_flags(void **state)
{
    (void)state;
    begin(TCP_SYN, 100);
    assert_int_equal(say(0, TCP_SYN | TCP_FIN, 100, 0, 0), ANOMALY_ODD_FLAGS);
    open_it();
    assert_int_equal(say(0, 0, 101, 0, 0), ANOMALY_ODD_FLAGS);
    assert_int_equal(say(0, TCP_FIN | TCP_PSH | TCP_URG, 101, 0, 0), ANOMALY_ODD_FLAGS);
    assert_int_equal(say(1, TCP_PSH, 501, 20, 0), ANOMALY_ODD_FLAGS);
    expect(HF_STATE_ESTABLISHED, HF_STATE_ESTABLISHED); /* without ACK nothing counts */
    assert_int_equal(say(1, TCP_ACK, 501, 20, 101), 0);
    assert_int_equal(say(1, TCP_SYN | TCP_RST, 9, 0, 0), ANOMALY_ODD_FLAGS | ANOMALY_FORGED_RST);
}

static void test_refused(void **state)
{
    (void)state;
    begin(TCP_SYN, 100);
    say(0, TCP_SYN, 100, 0, 0);
    assert_int_equal(say(1, TCP_RST | TCP_ACK, 0, 0, 77), ANOMALY_FORGED_RST);
    expect(HF_STATE_SYN_SENT, HF_STATE_SYN_RECEIVED);
    assert_int_equal(say(1, TCP_RST | TCP_ACK, 0, 0, 101), ANOMALY_REFUSED);
    expect(HF_STATE_CLOSED, HF_STATE_CLOSED);
}

static void test_resets(void **state)
{
    (void)state;
    open_it();
    assert_int_equal(say(0, TCP_RST, 5000, 0, 0), ANOMALY_FORGED_RST);
    assert_int_equal(say(0, TCP_RST, 100, 0, 0), ANOMALY_FORGED_RST);
    assert_int_equal(say(0, TCP_RST, 900, 0, 0), ANOMALY_CHALLENGED_RST);
    expect(HF_STATE_ESTABLISHED, HF_STATE_ESTABLISHED);
    assert_int_equal(say(0, TCP_RST, 101, 0, 0), 0);
    expect(HF_STATE_CLOSED, HF_STATE_CLOSED);
    assert_int_equal(say(1, TCP_ACK, 501, 30, 101), 0); /* was on its way */
    expect(HF_STATE_CLOSED, HF_STATE_CLOSED);
}

static void test_a_reset_from_elsewhere(void **state)
{
    (void)state;
    open_it();
    ttl = 51;
    assert_int_equal(say(0, TCP_RST, 900, 0, 0), ANOMALY_CHALLENGED_RST | ANOMALY_OTHER_TTL);
    assert_int_equal(say(0, TCP_RST, 101, 0, 0), ANOMALY_OTHER_TTL);
    ttl = 64;
    expect(HF_STATE_CLOSED, HF_STATE_CLOSED);
    assert_int_equal(say(0, TCP_ACK, 101, 20, 501), ANOMALY_WENT_ON);
    expect(HF_STATE_ESTABLISHED, HF_STATE_ESTABLISHED);
    assert_int_equal(say(1, TCP_ACK, 501, 0, 121), 0);
}

static void test_again_and_old(void **state)
{
    struct segment old = {.seq = seq_of(101),
                          .ack = seq_of(501),
                          .flags = TCP_ACK,
                          .window = 1000,
                          .length = 10,
                          .options = {.present = TCP_OPTION_TIMESTAMPS, .ts_value = 7}};

    (void)state;
    open_it();
    say(0, TCP_ACK, 101, 50, 501);
    assert_int_equal(say(0, TCP_ACK, 101, 50, 501), ANOMALY_RETRANSMISSION);
    say(1, TCP_ACK, 501, 0, 151);
    assert_int_equal(say(0, TCP_ACK, 251, 50, 501), ANOMALY_GAP);
    assert_int_equal(say(0, TCP_ACK, 151, 100, 501), ANOMALY_LATE);
    assert_int_equal(say(0, TCP_ACK, 151, 100, 501), ANOMALY_RETRANSMISSION);
    assert_int_equal(say(0, TCP_SYN, 90, 0, 0), ANOMALY_OLD_DUPLICATE);
    assert_int_equal(say(0, TCP_SYN, 9000, 0, 0), ANOMALY_CHALLENGED_SYN); /* started anew? */
    expect(HF_STATE_ESTABLISHED, HF_STATE_ESTABLISHED);

    old.options.ts_value = 9;
    old.seq = seq_of(301);
    assert_int_equal(conversation_see(&talk, 0, &old, 64, 0), 0);
    old.options.ts_value = 8;
    old.seq = seq_of(101);
    assert_int_equal(conversation_see(&talk, 0, &old, 64, 0), ANOMALY_OLD_DUPLICATE);
}

/* An onlooker who lost packets says what he did not see, not what was not there. */
static void test_gaps(void **state)
{
    (void)state;
    open_it();
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(say(0, TCP_ACK, 111 + 20 * i, 10, 501), ANOMALY_GAP);
    assert_int_equal(say(0, TCP_ACK, 104, 2, 501), ANOMALY_LATE); /* in the middle of the first */
    assert_int_equal(say(0, TCP_ACK, 104, 2, 501), ANOMALY_RETRANSMISSION);
    assert_int_equal(say(0, TCP_ACK, 141, 10, 501), ANOMALY_LATE);
    assert_int_equal(say(0, TCP_ACK, 111, 10, 501), ANOMALY_RETRANSMISSION);
    assert_int_equal(say(0, TCP_ACK, 101, 80, 501), ANOMALY_LATE); /* all that is left */
    assert_int_equal(say(0, TCP_ACK, 101, 80, 501), ANOMALY_RETRANSMISSION);
    for (uint32_t i = 0; i < 9; i++)
        assert_int_equal(say(0, TCP_ACK, 191 + 20 * i, 10, 501), ANOMALY_GAP);
    assert_int_equal(say(0, TCP_ACK, 181, 10, 501), ANOMALY_LATE);
    assert_true(talk.end[0].gap_count <= CONVERSATION_GAPS);
}

/* What comes late was sent again if it is younger than what is behind it, or if its sender had reason to. */
static void test_late_or_again(void **state)
{
    struct segment seg = {.ack = seq_of(501),
                          .flags = TCP_ACK,
                          .window = 1000,
                          .length = 10,
                          .options = {.present = TCP_OPTION_TIMESTAMPS}};
    const struct {
        uint32_t before, behind, filler;
        unsigned duplicates;
        int64_t apart_us;
        unsigned odd;
    } rows[] = {
        {0, 0, 0, 0, 0, ANOMALY_LATE},           {0, 0, 0, 2, 199999, ANOMALY_LATE},
        {0, 0, 0, 3, 0, ANOMALY_RETRANSMISSION}, {0, 0, 0, 0, 200000, ANOMALY_RETRANSMISSION},
        {7, 8, 9, 0, 0, ANOMALY_RETRANSMISSION}, {7, 9, 8, 3, 200000, ANOMALY_LATE},
        {7, 8, 8, 0, 0, ANOMALY_LATE},           {7, 8, 8, 3, 0, ANOMALY_RETRANSMISSION},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        open_it();
        seg.options.present = rows[i].before ? TCP_OPTION_TIMESTAMPS : 0;
        seg.seq = seq_of(101);
        seg.options.ts_value = rows[i].before;
        assert_int_equal(conversation_see(&talk, 0, &seg, 64, 0), 0);
        assert_int_equal(say(1, TCP_ACK, 501, 0, 111), 0);
        seg.seq = seq_of(121);
        seg.options.ts_value = rows[i].behind;
        assert_int_equal(conversation_see(&talk, 0, &seg, 64, 0), ANOMALY_GAP);
        for (unsigned d = 0; d < rows[i].duplicates; d++)
            assert_int_equal(say(1, TCP_ACK, 501, 0, 111), 0);
        seg.seq = seq_of(111);
        seg.options.ts_value = rows[i].filler;
        assert_int_equal(conversation_see(&talk, 0, &seg, 64, rows[i].apart_us), rows[i].odd);
    }
}

/* One byte: said again while it is not acknowledged, and a keepalive when it is. */
static void test_the_last_byte(void **state)
{
    (void)state;
    open_it();
    assert_int_equal(say(0, TCP_ACK, 101, 1, 501), 0);
    assert_int_equal(say(0, TCP_ACK, 101, 1, 501), ANOMALY_RETRANSMISSION);
    assert_int_equal(say(1, TCP_ACK, 501, 0, 102), 0);
    assert_int_equal(say(0, TCP_ACK, 101, 1, 501), ANOMALY_PROBE);
    assert_int_equal(say(0, TCP_ACK, 101, 0, 501), ANOMALY_PROBE);
}

/* Figure 9: an old SYN is answered, its supposed sender resets that, and goes on. [RFC 9293 3.5] */
static void test_an_old_syn_is_answered(void **state)
{
    (void)state;
    begin(TCP_SYN, 100);
    assert_int_equal(say(0, TCP_SYN, 100, 0, 0), 0);
    assert_int_equal(say(0, TCP_SYN, 90, 0, 0), ANOMALY_OLD_DUPLICATE);
    assert_int_equal(say(1, TCP_SYN | TCP_ACK, 300, 0, 91), ANOMALY_OTHER_ANSWER);
    expect(HF_STATE_SYN_SENT, HF_STATE_SYN_RECEIVED);
    assert_int_equal(say(0, TCP_RST, 91, 0, 0), 0);
    expect(HF_STATE_SYN_SENT, HF_STATE_LISTEN);
    assert_int_equal(say(0, TCP_SYN, 100, 0, 0), ANOMALY_RETRANSMISSION);
    expect(HF_STATE_SYN_SENT, HF_STATE_SYN_RECEIVED);
    assert_int_equal(say(1, TCP_SYN | TCP_ACK, 400, 0, 101), 0);
    assert_int_equal(say(0, TCP_ACK, 101, 0, 401), 0);
    expect(HF_STATE_ESTABLISHED, HF_STATE_ESTABLISHED);
}

/* Of two SYNs, the one that its sender goes on with counts, whatever was thought of it. */
static void test_the_other_syn_counts(void **state)
{
    (void)state;
    begin(TCP_SYN, 100);
    assert_int_equal(say(0, TCP_SYN, 100, 0, 0), 0);
    assert_int_equal(say(0, TCP_SYN, 90, 0, 0), ANOMALY_OLD_DUPLICATE);
    assert_int_equal(say(1, TCP_SYN | TCP_ACK, 300, 0, 91), ANOMALY_OTHER_ANSWER);
    assert_int_equal(say(0, TCP_ACK, 91, 0, 301), 0);
    expect(HF_STATE_ESTABLISHED, HF_STATE_ESTABLISHED);
    assert_int_equal(say(0, TCP_ACK, 91, 10, 301), 0);
    assert_int_equal(say(1, TCP_ACK, 301, 10, 101), 0);

    begin(TCP_SYN, 100); /* answered, and then another: its sender began anew */
    say(0, TCP_SYN, 100, 0, 0);
    assert_int_equal(say(1, TCP_SYN | TCP_ACK, 300, 0, 101), 0);
    assert_int_equal(say(0, TCP_SYN, 5000, 0, 0), ANOMALY_OTHER_SYN);
    assert_int_equal(say(1, TCP_SYN | TCP_ACK, 700, 0, 5001), ANOMALY_OTHER_ANSWER);
    assert_int_equal(say(0, TCP_ACK, 5001, 20, 701), 0);
    assert_int_equal(say(1, TCP_ACK, 701, 0, 5021), 0);
    expect(HF_STATE_ESTABLISHED, HF_STATE_ESTABLISHED);
}

/* The capture lacks how a connection ended; its ports are used again. */
static void test_an_end_that_was_not_seen(void **state)
{
    (void)state;
    for (int joined = 0; joined < 2; joined++) {
        if (joined) {
            begin(TCP_ACK, 101);
            say(0, TCP_ACK, 101, 0, 501);
            say(1, TCP_ACK, 501, 0, 101);
        } else {
            open_it();
        }
        assert_int_equal(say(0, TCP_SYN, 9000, 0, 0), ANOMALY_CHALLENGED_SYN);
        expect(HF_STATE_ESTABLISHED, HF_STATE_ESTABLISHED);
        assert_int_equal(say(1, TCP_SYN | TCP_ACK, 70000, 0, 9001), ANOMALY_OTHER_ANSWER);
        expect(HF_STATE_ESTABLISHED, HF_STATE_SYN_RECEIVED);
        assert_int_equal(say(0, TCP_ACK, 9001, 0, 70001), 0);
        expect(HF_STATE_ESTABLISHED, HF_STATE_ESTABLISHED);
        assert_true(talk.completed && !talk.half_open);
        assert_int_equal(say(0, TCP_ACK, 9001, 20, 70001), 0);
        assert_int_equal(say(1, TCP_ACK, 70001, 20, 9021), 0);
        assert_int_equal(say(0, TCP_FIN | TCP_ACK, 9021, 0, 70021), 0);
        expect(HF_STATE_FIN_WAIT_1, HF_STATE_CLOSE_WAIT);
    }
}

/* Who keeps nothing answers a SYN that comes again with another number: a cookie of another time. */
static void test_another_answer(void **state)
{
    (void)state;
    begin(TCP_SYN, 100);
    say(0, TCP_SYN, 100, 0, 0);
    assert_int_equal(say(1, TCP_SYN | TCP_ACK, 500, 0, 101), 0);
    assert_int_equal(say(0, TCP_SYN, 100, 0, 0), ANOMALY_RETRANSMISSION);
    assert_int_equal(say(1, TCP_SYN | TCP_ACK, 80, 0, 101), ANOMALY_OTHER_ANSWER);
    assert_int_equal(say(0, TCP_ACK, 101, 0, 81), 0);
    expect(HF_STATE_ESTABLISHED, HF_STATE_ESTABLISHED);
    assert_true(talk.completed && !talk.half_open);
    assert_int_equal(say(1, TCP_ACK, 81, 10, 101), 0);
}

/* A SYN with text, of which the answer takes nothing; or a RST refuses it. [RFC 7413 4.2; RFC 9293 3.10.7.3] */
static void test_a_syn_with_text(void **state)
{
    (void)state;
    begin(TCP_SYN, 100);
    say(0, TCP_SYN, 100, 50, 0);
    assert_int_equal(say(1, TCP_SYN | TCP_ACK, 500, 0, 101), 0);
    assert_int_equal(say(0, TCP_ACK, 101, 50, 501), ANOMALY_RETRANSMISSION);
    expect(HF_STATE_ESTABLISHED, HF_STATE_ESTABLISHED);
    begin(TCP_SYN, 100);
    say(0, TCP_SYN, 100, 50, 0);
    assert_int_equal(say(1, TCP_RST | TCP_ACK, 0, 0, 101), ANOMALY_REFUSED);
    expect(HF_STATE_CLOSED, HF_STATE_CLOSED);
}

/* What is not known of windows is not said of them. */
static void test_windows_of_unknown_scale(void **state)
{
    (void)state;
    begin(TCP_ACK, 7000);
    say(0, TCP_ACK, 7000, 100, 40);
    assert_int_equal(say(1, TCP_ACK, 40, 0, 7100), 0);
    assert_int_equal(say(0, TCP_ACK, 7100, 1460, 40), 0); /* 1000, or 1000 << 7? */
    open_it();
    say(0, TCP_ACK, 101, 600, 501);
    struct segment smaller = {
        .seq = seq_of(501), .ack = seq_of(401), .flags = TCP_ACK, .window = 10};

    assert_int_equal(conversation_see(&talk, 1, &smaller, 64, 0), 0);
    assert_int_equal(say(0, TCP_ACK, 701, 400, 501), 0); /* offered before it shrank */
    assert_int_equal(say(0, TCP_ACK, 1103, 10, 501), ANOMALY_OUTSIDE);
}

static void test_windows(void **state)
{
    struct segment closed = {.seq = seq_of(501), .ack = seq_of(151), .flags = TCP_ACK};

    (void)state;
    open_it();
    say(0, TCP_ACK, 101, 50, 501);
    assert_int_equal(conversation_see(&talk, 1, &closed, 64, 0), ANOMALY_ZERO_WINDOW);
    assert_int_equal(conversation_see(&talk, 1, &closed, 64, 0), 0);
    assert_int_equal(say(0, TCP_ACK, 151, 1, 501), ANOMALY_PROBE);
    assert_int_equal(say(0, TCP_ACK, 151, 0, 501), ANOMALY_PROBE); /* one before its next */
    assert_int_equal(say(1, TCP_ACK, 501, 0, 152), ANOMALY_WINDOW_OPENS);
    assert_int_equal(say(0, TCP_ACK, 3000, 10, 501), ANOMALY_OUTSIDE);
    assert_int_equal(say(1, TCP_ACK, 501, 0, 9000), ANOMALY_ACK_OF_UNSEEN);
}

static void test_in_the_middle(void **state)
{
    (void)state;
    begin(TCP_ACK, 7000);
    assert_true(talk.joined);
    assert_int_equal(say(0, TCP_ACK, 7000, 100, 40), 0);
    assert_int_equal(say(1, TCP_ACK, 40, 0, 7100), 0);
    expect(HF_STATE_ESTABLISHED, HF_STATE_ESTABLISHED);
    say(0, TCP_FIN | TCP_ACK, 7100, 0, 40);
    expect(HF_STATE_FIN_WAIT_1, HF_STATE_CLOSE_WAIT);
}

static void test_the_next_one(void **state)
{
    struct segment again = {.seq = seq_of(100), .flags = TCP_SYN};

    test_close(state);
    assert_false(conversation_is_over_for(&talk, &again, 0)); /* its own SYN, late */
    again.seq = seq_of(50);
    assert_false(conversation_is_over_for(&talk, &again, 0)); /* older */
    again.seq = seq_of(5000);
    assert_true(conversation_is_over_for(&talk, &again, 0));
    open_it();
    assert_false(conversation_is_over_for(&talk, &again, 0));
    say(1, TCP_RST, 501, 0, 0);
    again.seq = seq_of(50);
    assert_true(conversation_is_over_for(&talk, &again, 0)); /* nothing is remembered of it */

    begin(TCP_SYN, 100); /* nobody answers: the next try has another number */
    say(0, TCP_SYN, 100, 0, 0);
    assert_false(conversation_is_over_for(&talk, &again, 0));
    again.seq = seq_of(5000);
    assert_true(conversation_is_over_for(&talk, &again, 0));
    say(1, TCP_SYN | TCP_ACK, 500, 0, 101);
    assert_false(conversation_is_over_for(&talk, &again, 0));
}

static void test_words(void **state)
{
    (void)state;
    for (unsigned a = 0; a < ANOMALIES; a++) {
        assert_string_not_equal(anomaly_text(1u << a), "?");
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(anomaly_text(1u << a), anomaly_text(1u << b));
    }
    assert_string_equal(anomaly_text(1u << ANOMALIES), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_simultaneous_close),
        cmocka_unit_test(test_simultaneous_open),
        cmocka_unit_test(test_crossed_syns),
        cmocka_unit_test(test_one_way),
        cmocka_unit_test(test_odd_flags),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_resets),
        cmocka_unit_test(test_a_reset_from_elsewhere),
        cmocka_unit_test(test_again_and_old),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_late_or_again),
        cmocka_unit_test(test_the_last_byte),
        cmocka_unit_test(test_an_old_syn_is_answered),
        cmocka_unit_test(test_the_other_syn_counts),
        cmocka_unit_test(test_another_answer),
        cmocka_unit_test(test_an_end_that_was_not_seen),
        cmocka_unit_test(test_a_syn_with_text),
        cmocka_unit_test(test_windows_of_unknown_scale),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_in_the_middle),
        cmocka_unit_test(test_the_next_one),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
