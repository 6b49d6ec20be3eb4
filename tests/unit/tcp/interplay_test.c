/* What one part of a connection does to another: probes, windows, timers and flags that meet. [RFC 9293 3.8, 3.10] */
#include "solo.h"

/* A connection whose probe of a closed window is out: SND.NXT is a byte beyond the peer's right edge. */
static struct solo *probing(void)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    solo->window = 0;
    solo_ack(solo, 1);
    solo_write(solo, 1000);
    solo_pass(solo, 1100000);
    assert_int_equal(solo->end.stats.window_probes, 1);
    assert_int_equal(seq_distance(solo->end.tcb.snd_una, solo->end.tcb.snd_nxt), 1);
    return solo;
}

/* The peer's window is closed, but it sends: our ACKs must lie in its window, or it would not take them until the next
 * probe, and what it sends would come a window at a time at the pace of probes. [RFC 9293 3.10.7.4 first, MUST-66] */
static void acks_beside_a_probe(void **state)
{
    struct solo *solo = probing();

    (void)state;
    solo->count = 0;
    for (uint32_t at = 1; at < 14601; at += 1460)
        solo_in(solo, 0, at, 1460, 1);
    solo_out(solo);
    assert_int_equal(solo_last(solo)->ack.value, 14601);
    assert_int_equal(solo_last(solo)->length, 0);
    assert_int_equal(solo_last(solo)->seq.value, 1);

    solo->window = 1000; /* and from its end on as ever */
    solo_ack(solo, 2);
    solo_out(solo);
    assert_int_equal(solo_last(solo)->length, 999);
    solo_in(solo, 0, 14601, 1460, 2);
    solo_in(solo, 0, 16061, 1460, 2);
    solo_out(solo);
    assert_int_equal(solo_last(solo)->seq.value, 1001);
    solo_free(solo);
}

/* A window that shrank to nothing on what is in flight was open for it: the peer may have it all, and its window is there. */
static void acks_beside_a_flight(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo_write(solo, 2);
    solo_out(solo);
    solo->window = 0;
    solo_ack(solo, 1);
    solo_in(solo, TCP_PSH, 1, 2920, 1);
    solo_out(solo);
    assert_int_equal(solo_last(solo)->ack.value, 2921);
    assert_int_equal(solo_last(solo)->seq.value, 3);
    solo_free(solo);
}

/* Both probe, both take the other's byte, and neither hears that: what acknowledges the probe is heard from one byte back, and
 * answered, or each would speak for ever from where the other expects nothing. [RFC 9293 3.8.6.1] */
static void probes_cross(void **state)
{
    struct solo *solo = probing();

    (void)state;
    solo_in(solo, TCP_PSH, 1, 1, 1);
    solo_pass(solo, 50000);
    assert_int_equal(solo_last(solo)->ack.value, 2);
    assert_int_equal(solo_last(solo)->seq.value, 1);
    solo_in(solo, 0, 1, 0, 1); /* says nothing new: nothing is heard */
    solo_in(solo, 0, 0, 0, 2); /* nor from further back */
    assert_int_equal(solo->end.tcb.snd_una.value - SOLO_ISS, 1);
    solo_in(solo, 0, 1, 0, 2);
    assert_int_equal(solo->end.tcb.snd_una.value - SOLO_ISS, 2);
    assert_int_equal(solo->end.stats.duplicate_acks, 0);
    solo_out(solo);
    assert_int_equal(solo_last(solo)->seq.value, 2);
    solo_free(solo);
}

/* A RST from beyond the window is not even challenged. [RFC 5961 3.2] */
static void reset_beside_a_probe(void **state)
{
    struct solo *solo = probing();

    (void)state;
    tcp_abort(&solo->end.tcp, &solo->end.tcb, solo->now_us);
    assert_true(solo->end.tcp.reset.wanted);
    assert_int_equal(solo->end.tcp.reset.seq.value - SOLO_ISS, 1);
    solo_free(solo);
}

/* A window closed for minutes leaves no timeout of minutes behind: the first loss after it is repaired as ever. */
static void timeout_after_probes(void **state)
{
    struct solo *solo = probing();
    uint32_t before = solo->config.initial_rto_ms * US_PER_MS;

    (void)state;
    solo_pass(solo, 100 * INT64_C(1000000));
    assert_true(solo->end.tcb.rto_us >= 32000000);
    solo->window = 65535;
    solo_ack(solo, 1);
    solo_out(solo);
    assert_int_equal(solo->end.tcb.rto_us, before);
    solo->count = 0;
    solo_pass(solo, before + 1000);
    assert_int_equal(solo->count, 1);
    assert_int_equal(solo_last(solo)->seq.value, 1);
    solo_free(solo);
}

/* Closed in SYN-RECEIVED: what was queued follows in segments that the peer takes, and keep-alive watches what is left.
 * [RFC 9293 MUST-16, 3.8.4] */
static void closed_in_syn_received(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo;

    (void)state;
    config.keepalive_idle_ms = 10000;
    solo = solo_new(&config, 64);
    assert_true(tcp_open_active(&solo->end.tcp, &solo->end.tcb,
                                &(struct tcp_open){.iss = seq_of(SOLO_ISS), .path_mss = 1460},
                                solo->now_us));
    solo->end.open = true;
    solo_out(solo);
    solo_segment(solo, &(struct segment){.seq = seq_of(SOLO_IRS),
                                         .flags = TCP_SYN,
                                         .window = 65535,
                                         .options = {.present = TCP_OPTION_MSS, .mss = 600}});
    solo_out(solo);
    assert_int_equal(solo->end.tcb.state, TCP_SYN_RECEIVED);
    solo_write(solo, 1800);
    assert_int_equal(tcp_shutdown(&solo->end.tcp, &solo->end.tcb, solo->now_us), HF_OK);
    solo->count = 0;
    solo_ack(solo, 1);
    assert_int_equal(solo_out(solo), 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(solo->sent[i].segment.length, 600);
    assert_int_equal(solo_last(solo)->flags & TCP_FIN, TCP_FIN);
    assert_true(solo->end.tcb.deadline_us[TCP_TIMER_KEEP] == solo->now_us + 10000000);
    solo_free(solo);
}

/* Text that is written between the keep-alive timer and its probe is the probe. [RFC 9293 MUST-26] */
static void text_instead_of_keep_alive(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo;

    (void)state;
    config.keepalive_idle_ms = 10000;
    solo = solo_open(&config);
    solo->now_us += 10000000;
    tcp_timeout(&solo->end.tcp, &solo->end.tcb, solo->now_us);
    solo_write(solo, 100);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->length, 100);
    assert_int_equal(solo->end.stats.keepalive_probes, 0);
    solo_free(solo);
}

/* The override of text held back ends when the window closes: the probe may carry all of that text, and the leave would be
 * left for other text that is to be held. [RFC 9293 3.8.6.2.1] */
static void override_beside_a_probe(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    tcp_set_option(&solo->end.tcp, &solo->end.tcb, HF_CORK, 1, solo->now_us);
    solo_write(solo, 1);
    assert_int_equal(solo_out(solo), 0);
    assert_true(solo->end.tcb.deadline_us[TCP_TIMER_HOLD] != NEVER_US);
    solo->window = 0;
    solo_ack(solo, 1);
    solo_pass(solo, 1100000);
    assert_int_equal(solo->end.stats.window_probes, 1);
    solo->window = 65535;
    solo_ack(solo, 2);
    solo->count = 0;
    solo_write(solo, 10);
    assert_int_equal(solo_out(solo), 0);
    solo_pass(solo, 250000);
    assert_int_equal(solo->count, 1);
    solo_free(solo);
}

/* Forged SYNs wear out the throttle of challenges, but not the answers to keep-alive and to probes of our window, which come from
 * a byte that no blind attacker knows; nor are these without a limit. [RFC 5961 7, RFC 9293 3.8.4] */
static void questions_beside_challenges(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    for (uint32_t i = 0; i < 20; i++) {
        solo_in(solo, TCP_SYN, 77777 * i, 0, 1);
        assert_int_equal(solo_out(solo), i < 10);
    }
    for (uint32_t i = 0; i < 20; i++) {
        solo_in(solo, 0, 0, 0, 1);
        assert_int_equal(solo_out(solo), i < 10);
    }
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acks_beside_a_probe),
        cmocka_unit_test(acks_beside_a_flight),
        cmocka_unit_test(probes_cross),
        cmocka_unit_test(reset_beside_a_probe),
        cmocka_unit_test(timeout_after_probes),
        cmocka_unit_test(closed_in_syn_received),
        cmocka_unit_test(text_instead_of_keep_alive),
        cmocka_unit_test(override_beside_a_probe),
        cmocka_unit_test(questions_beside_challenges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
