/* Loss and its repair. [RFC 9293 MUST-19; RFC 5681 3; RFC 6582; RFC 3042; RFC 6928; RFC 3465] */
#include "solo.h"

#include "tcp/recovery.h"

#define MSS 1460u

static struct hf_config big(void)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    config.send_bytes = 1 << 20;
    return config;
}

/* Sends n full segments; the window holds more than that. */
static struct solo *sending(uint32_t segments)
{
    struct hf_config config = big();
    struct solo *solo = solo_open(&config);

    solo_write(solo, segments * MSS);
    solo_out(solo);
    return solo;
}

/* Ten segments, not one more. [RFC 6928 2] [R5681-02] */
static void initial_window(void **state)
{
    struct solo *solo = sending(40);

    (void)state;
    assert_int_equal(solo->count, 10);
    assert_int_equal(solo->end.tcb.congestion.cwnd, 10 * MSS);
    solo_free(solo);
}

/* A lost SYN-ACK leaves one. [RFC 5681 3.1] [R5681-03] */
static void initial_window_after_loss(void **state)
{
    struct hf_config config = big();
    struct handshake h = solo_handshake();
    struct solo *solo;

    (void)state;
    h.syn_ack_count = 2;
    solo = solo_open_as(&config, &h);
    solo_write(solo, 10 * MSS);
    assert_int_equal(solo_out(solo), 1);
    solo_free(solo);
}

/* What has not been timed yet is given three seconds, if the handshake lost something. [RFC 6298 5.7] [R6298-11] */
static void patient_after_a_lost_syn(void **state)
{
    struct hf_config config = big();
    struct handshake h = solo_handshake();

    (void)state;
    for (uint8_t count = 1; count <= 2; count++) {
        struct solo *solo;
        struct hf_status status = {0};

        h.syn_ack_count = count;
        h.timestamps = false;
        h.rtt_us = 0;
        solo = solo_open_as(&config, &h);
        tcp_status(&solo->end.tcb, &status);
        assert_int_equal(status.rto_us, count == 2 ? 3000000 : 1000000);
        solo_free(solo);
    }
}

/* Slow start: as many bytes more as were acknowledged, two segments an ACK at most. [RFC 5681 3.1; RFC 3465 2.2, 2.3]
 * [R5681-01] */
static void slow_start(void **state)
{
    struct solo *solo = sending(40);

    (void)state;
    solo_ack(solo, 1 + MSS);
    assert_int_equal(solo->end.tcb.congestion.cwnd, 11 * MSS);
    solo_ack(solo, 1 + 3 * MSS);
    assert_int_equal(solo->end.tcb.congestion.cwnd, 13 * MSS);
    solo_ack(solo, 1 + 10 * MSS);
    assert_int_equal(solo->end.tcb.congestion.cwnd, 15 * MSS);
    solo_free(solo);
}

/* Congestion avoidance: one segment for each window acknowledged, however many ACKs that takes. [R5681-06] */
static void congestion_avoidance(void **state)
{
    struct solo *solo = sending(600);
    struct congestion *c = &solo->end.tcb.congestion;
    uint32_t acked = 1;

    (void)state;
    c->ssthresh = c->cwnd;
    for (uint32_t window = 10; window < 15; window++) {
        for (uint32_t i = 0; i < window; i++) {
            assert_int_equal(c->cwnd, window * MSS);
            acked += MSS;
            solo_ack(solo, acked);
            solo_out(solo);
        }
        assert_int_equal(c->cwnd, (window + 1) * MSS);
    }
    solo_free(solo);
}

/* A receiver that acknowledges each byte by itself gains nothing. [RFC 3465 3.3; RFC 5681 3.1] [R5681-05] */
static void ack_division(void **state)
{
    struct solo *honest = sending(40), *greedy = sending(40);

    (void)state;
    solo_ack(honest, 1 + MSS);
    for (uint32_t byte = 1; byte <= MSS; byte++)
        solo_ack(greedy, 1 + byte);
    assert_int_equal(greedy->end.tcb.congestion.cwnd, honest->end.tcb.congestion.cwnd);
    greedy->end.tcb.congestion.ssthresh = honest->end.tcb.congestion.ssthresh = MSS;
    solo_ack(honest, 1 + 2 * MSS);
    for (uint32_t byte = 1; byte <= MSS; byte++)
        solo_ack(greedy, 1 + MSS + byte);
    assert_int_equal(greedy->end.tcb.congestion.cwnd, honest->end.tcb.congestion.cwnd);
    solo_free(honest);
    solo_free(greedy);
}

/* A receiver that acknowledges what it was never sent is challenged and gains nothing. [RFC 5961 5.2] */
static void optimistic_ack(void **state)
{
    struct solo *solo = sending(40);
    uint32_t una = solo->end.tcb.snd_una.value, cwnd = solo->end.tcb.congestion.cwnd;

    (void)state;
    solo_ack(solo, 1 + 20 * MSS);
    assert_int_equal(solo->end.tcb.snd_una.value, una);
    assert_int_equal(solo->end.tcb.congestion.cwnd, cwnd);
    assert_int_equal(solo->end.stats.ack_challenged, 1);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->length, 0);
    solo_free(solo);
}

/* Not limited by cwnd: it does not grow by what would not have been sent. */
static void not_limited(void **state)
{
    struct hf_config config = big();
    struct solo *solo = solo_open(&config);

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        solo_write(solo, 100);
        assert_int_equal(solo_out(solo), 1);
        solo_ack(solo, 101 + 100 * i);
    }
    assert_int_equal(solo->end.tcb.congestion.cwnd, 10 * MSS);
    solo_free(solo);
}

/* The first two duplicates let one new segment each go; cwnd stays. [RFC 3042 2] [R5681-11, R3042-01] */
static void limited_transmit(void **state)
{
    struct solo *solo = sending(40);

    (void)state;
    for (uint32_t i = 1; i <= 2; i++) {
        solo_ack(solo, 1);
        assert_int_equal(solo_out(solo), 1);
        assert_int_equal(solo_last(solo)->seq.value, 1 + (9 + i) * MSS);
        assert_int_equal(solo->end.tcb.congestion.cwnd, 10 * MSS);
    }
    solo_free(solo);
}

/* The third starts a recovery: the first segment again, ssthresh = flight / 2, cwnd inflated. [RFC 5681 3.2 (2), (3)]
 * [R5681-10, R5681-12] [R2018-09] */
static void fast_retransmit(void **state)
{
    struct solo *solo = sending(10);
    struct congestion *c = &solo->end.tcb.congestion;

    (void)state;
    solo_ack(solo, 1);
    solo_ack(solo, 1);
    assert_int_equal(solo_out(solo), 0);
    solo_ack(solo, 1);
    assert_int_equal(c->ssthresh, 5 * MSS);
    assert_int_equal(c->cwnd, 8 * MSS);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->seq.value, 1);
    assert_int_equal(solo_last(solo)->length, MSS);
    assert_int_equal(solo->end.stats.fast_retransmits, 1);
    /* each further duplicate has left the network: one more may enter */
    solo_write(solo, 10 * MSS);
    for (int i = 0; i < 2; i++)
        solo_ack(solo, 1);
    assert_int_equal(solo_out(solo), 0);
    solo_ack(solo, 1);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->seq.value, 1 + 10 * MSS);
    solo_free(solo);
}

/* A full ACK ends it: cwnd = min(ssthresh, flight + MSS). [RFC 6582 3.2 (3)] [R5681-12, R6582-03] */
static void full_ack(void **state)
{
    struct solo *solo = sending(10);

    (void)state;
    for (int i = 0; i < 3; i++)
        solo_ack(solo, 1);
    solo_out(solo);
    solo_ack(solo, 1 + 10 * MSS);
    assert_false(solo->end.tcb.flags & TCB_RECOVERY);
    assert_int_equal(solo->end.tcb.congestion.cwnd, 2 * MSS);
    assert_int_equal(solo->end.tcb.congestion.ssthresh, 5 * MSS);
    solo_free(solo);
}

/* What is lost in two windows halves twice. [RFC 5681 4.3] [R5681-16] */
static void two_windows_two_reductions(void **state)
{
    struct solo *solo = sending(10);
    struct congestion *c = &solo->end.tcb.congestion;
    uint32_t first, flight;

    (void)state;
    for (int i = 0; i < 3; i++)
        solo_ack(solo, 1);
    first = c->ssthresh;
    solo_out(solo);
    solo_ack(solo, 1 + 10 * MSS);
    solo_write(solo, 20 * MSS);
    for (int i = 0; i < 3; i++) { /* a few rounds, so that there is a window to lose from */
        solo_out(solo);
        solo_ack(solo, seq_distance(solo->end.tcb.iss, solo->end.tcb.snd_nxt));
    }
    solo_out(solo);
    flight = seq_distance(solo->end.tcb.snd_una, solo->end.tcb.snd_nxt);
    assert_true(flight >= 4 * MSS && flight < 2 * first);
    for (int i = 0; i < 3; i++)
        solo_ack(solo, seq_distance(solo->end.tcb.iss, solo->end.tcb.snd_una));
    assert_int_equal(solo->end.stats.fast_retransmits, 2);
    assert_true(c->ssthresh < first);
    solo_free(solo);
}

/* A partial ACK: the next hole is repaired at once, cwnd deflated by what was acknowledged. [RFC 6582 3.2 (3)]
 * [R6582-04] */
static void partial_ack(void **state)
{
    struct solo *solo = sending(10);
    uint32_t before;

    (void)state;
    for (int i = 0; i < 5; i++)
        solo_ack(solo, 1);
    solo_out(solo);
    before = solo->end.tcb.congestion.cwnd;
    solo_ack(solo, 1 + 4 * MSS);
    assert_true(solo->end.tcb.flags & TCB_RECOVERY);
    assert_int_equal(solo->end.tcb.congestion.cwnd, before - 4 * MSS + MSS);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->seq.value, 1 + 4 * MSS);
    solo_ack(solo, 1 + 7 * MSS);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->seq.value, 1 + 7 * MSS);
    solo_ack(solo, 1 + 10 * MSS);
    assert_false(solo->end.tcb.flags & TCB_RECOVERY);
    solo_free(solo);
}

/* Duplicates out of thin air inflate cwnd by what is in flight at the most. [RFC 5681 3.2 (3)] [R5681-13] */
static void spoofed_duplicates(void **state)
{
    struct solo *solo = sending(40);
    uint32_t sent;

    (void)state;
    for (int i = 0; i < 100000; i++)
        solo_ack(solo, 1);
    sent = solo_out(solo);
    assert_true(solo->end.tcb.congestion.cwnd <= solo->end.tcb.congestion.ssthresh + 65535 + MSS);
    assert_true(sent < 40);
    for (int i = 0; i < 100000; i++) {
        solo_ack(solo, 1);
        sent += solo_out(solo);
    }
    assert_true(sent < 40);
    solo_free(solo);
}

/* What is no duplicate ACK by RFC 5681's five conditions. [R5681-17] */
static void no_duplicates(void **state)
{
    struct solo *solo = sending(10);

    (void)state;
    for (int i = 0; i < 5; i++) {
        solo->window = (uint16_t)(60000 + i); /* another window */
        solo_ack(solo, 1);
    }
    for (uint32_t i = 0; i < 5; i++) /* text */
        solo_in(solo, TCP_PSH, 1 + i, 1, 1);
    assert_int_equal(solo->end.stats.duplicate_acks, 0);
    solo_ack(solo, 1 + 10 * MSS);
    solo->count = 0;
    for (int i = 0; i < 5; i++) /* nothing outstanding */
        solo_ack(solo, 1 + 10 * MSS);
    assert_int_equal(solo->end.stats.duplicate_acks, 0);
    assert_int_equal(solo->end.stats.fast_retransmits, 0);
    solo_free(solo);
}

/* The timer: cwnd is one segment, ssthresh half of what was in flight, and only the first of a row counts.
 * [RFC 5681 3.1; RFC 6298 5.4 to 5.6] [R5681-07, R6298-10] */
static void timeout(void **state)
{
    struct solo *solo = sending(10);
    struct congestion *c = &solo->end.tcb.congestion;

    (void)state;
    solo_pass(solo, 1000000);
    assert_int_equal(c->cwnd, MSS);
    assert_int_equal(c->ssthresh, 5 * MSS);
    assert_int_equal(solo->count, 11);
    assert_int_equal(solo_last(solo)->seq.value, 1);
    solo_pass(solo, 2000000);
    assert_int_equal(c->ssthresh, 5 * MSS);
    assert_int_equal(solo->count, 12);
    assert_int_equal(solo_last(solo)->seq.value, 1);
    solo_free(solo);
}

/* After a timeout slow start grows by one segment an ACK, whatever it covers. [RFC 3465 2.3] */
static void timeout_then_slow_start(void **state)
{
    struct solo *solo = sending(40);
    struct congestion *c = &solo->end.tcb.congestion;

    (void)state;
    c->ssthresh = 100 * MSS;
    solo_pass(solo, 1000000);
    c->ssthresh = 100 * MSS;
    solo_ack(solo,
             1 + 8 * MSS); /* a hole was filled: it says little about what has left the network */
    assert_int_equal(c->cwnd, 2 * MSS);
    solo_free(solo);
}

/* All that was outstanding is sent again as cwnd allows, and what the peer has had all along is not. */
static void timeout_go_back(void **state)
{
    struct solo *solo = sending(10);

    (void)state;
    solo_pass(solo, 1000000);
    solo->count = 0;
    solo_ack(solo, 1 + MSS);
    assert_int_equal(solo_out(solo), 2);
    assert_int_equal(solo->sent[0].segment.seq.value, 1 + MSS);
    assert_int_equal(solo->sent[1].segment.seq.value, 1 + 2 * MSS);
    solo_ack(solo, 1 + 10 * MSS);
    assert_int_equal(solo_out(solo), 0);
    assert_int_equal(solo->end.tcb.rtx_nxt.value, solo->end.tcb.rtx_end.value);
    solo_free(solo);
}

/* The echo of our own repetitions starts no second recovery. [RFC 6582 3.2 (1), 4.1] [R6582-02, R6582-05] */
static void no_recovery_after_timeout(void **state)
{
    struct solo *solo = sending(10);

    (void)state;
    solo_pass(solo, 1000000);
    solo_ack(solo, 1 + MSS);
    solo_out(solo);
    for (int i = 0; i < 10; i++)
        solo_ack(solo, 1 + MSS);
    assert_int_equal(solo->end.stats.fast_retransmits, 0);
    solo_free(solo);
}

/* After an idle time cwnd starts again from the initial window. [RFC 5681 4.1] [R5681-14] */
static void idle_restart(void **state)
{
    struct solo *solo = sending(40);
    uint32_t acked = 1;

    (void)state;
    while (acked < 1 + 40 * MSS) {
        acked += 2 * MSS;
        solo_ack(solo, acked);
        solo_out(solo);
    }
    assert_true(solo->end.tcb.congestion.cwnd > 20 * MSS);
    solo_pass(solo, 5000000);
    solo_write(solo, 40 * MSS);
    assert_int_equal(solo_out(solo), 10);
    solo_free(solo);
}

/* A long time without loss: `recover` does not seem to lie ahead once 2 GB have gone by. */
static void recover_follows(void **state)
{
    struct hf_config config = big();
    struct solo *solo = solo_open(&config);
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    /* as if 3 GB had been sent and acknowledged, a quarter at a time */
    for (int i = 0; i < 6; i++) {
        tcb->snd_una = tcb->snd_nxt = tcb->rtx_nxt = tcb->rtx_end =
            seq_add(tcb->snd_una, 0x20000000);
        recovery_acknowledged(&solo->end.tcp, tcb, 1, false);
        assert_true(seq_lt(tcb->recover, tcb->snd_una));
    }
    solo_free(solo);
}

/* A retransmitted segment never reaches beyond what was sent, nor a FIN before its text; the text is compared with what was
 * sent first. [RFC 9293 X-24] */
static void fin_again(void **state)
{
    struct hf_config config = big();
    struct solo *solo = solo_open(&config);

    (void)state;
    solo_write(solo, 2 * MSS);
    tcp_shutdown(&solo->end.tcp, &solo->end.tcb, solo->now_us);
    assert_int_equal(solo_out(solo), 2);
    assert_int_equal(solo_last(solo)->flags, TCP_FIN | TCP_PSH | TCP_ACK);
    solo_pass(solo, 1000000);
    assert_int_equal(solo_last(solo)->seq.value, 1);
    assert_int_equal(solo_last(solo)->flags, TCP_ACK);
    solo_ack(solo, 1 + MSS);
    solo_out(solo);
    assert_int_equal(solo_last(solo)->seq.value, 1 + MSS);
    assert_int_equal(solo_last(solo)->flags, TCP_FIN | TCP_PSH | TCP_ACK);
    solo_ack(solo, 2 + 2 * MSS);
    assert_int_equal(solo->end.tcb.state, TCP_FIN_WAIT_2);
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initial_window),
        cmocka_unit_test(initial_window_after_loss),
        cmocka_unit_test(patient_after_a_lost_syn),
        cmocka_unit_test(slow_start),
        cmocka_unit_test(congestion_avoidance),
        cmocka_unit_test(ack_division),
        cmocka_unit_test(optimistic_ack),
        cmocka_unit_test(not_limited),
        cmocka_unit_test(limited_transmit),
        cmocka_unit_test(fast_retransmit),
        cmocka_unit_test(full_ack),
        cmocka_unit_test(two_windows_two_reductions),
        cmocka_unit_test(partial_ack),
        cmocka_unit_test(spoofed_duplicates),
        cmocka_unit_test(no_duplicates),
        cmocka_unit_test(timeout),
        cmocka_unit_test(timeout_then_slow_start),
        cmocka_unit_test(timeout_go_back),
        cmocka_unit_test(no_recovery_after_timeout),
        cmocka_unit_test(idle_restart),
        cmocka_unit_test(recover_follows),
        cmocka_unit_test(fin_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
