/* What arrives at the edge of a window, with a byte, or with a flag too many. [RFC 9293 3.10.7.3, 3.10.7.4; RFC 5961; RFC 2883] */
#include "solo.h"

#define MSS 1460u

static struct solo *plain(void)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    return solo_open(&config);
}

/* A window of `window` bytes, all that the queue may hold; SACK agreed. */
static struct solo *narrow(uint16_t window)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();

    config.receive_bytes = window;
    h.announced_window = window;
    h.sack = true;
    return solo_open_as(&config, &h);
}

/* A byte too old by its timestamp is answered each time; only what is empty is throttled. [RFC 7323 5.3 R1] */
static void an_old_byte_is_answered(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo;

    (void)state;
    h.timestamps = true;
    h.ts_recent = 1000;
    solo = solo_open_as(&config, &h);
    solo->peer_ts = 999;
    for (int i = 0; i < 20; i++) {
        solo_in(solo, TCP_PSH, 1, 1, 1);
        assert_int_equal(solo_out(solo), 1);
    }
    assert_int_equal(solo->end.stats.challenge_throttled, 0);
    solo_free(solo);
}

/* So is a byte outside of the window, and a FIN; an empty segment ten times a second. */
static void a_stray_byte_is_answered(void **state)
{
    static const struct {
        uint8_t flags;
        uint32_t length;
        int answered;
    } rows[] = {{0, 1, 20}, {TCP_FIN, 0, 20}, {0, 0, 10}};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct solo *solo = plain();
        int answered = 0;

        solo_in(solo, TCP_PSH, 1, 100, 1);
        assert_int_equal(solo_read(solo, 100), 100);
        solo_pass(solo, 100000);
        for (int n = 0; n < 20; n++) {
            solo_in(solo, rows[i].flags, 50, rows[i].length, 1);
            answered += (int)solo_out(solo);
        }
        assert_int_equal(answered, rows[i].answered);
        solo_free(solo);
    }
}

/* At the right edge a byte is out of the window, where an empty segment is not. [RFC 9293 3.10.7.4 first] */
static void a_byte_at_the_right_edge(void **state)
{
    struct solo *solo = narrow(1000);

    (void)state;
    solo_in(solo, 0, 1001, 0, 1);
    assert_int_equal(solo->end.stats.segment_out_of_window, 0);
    solo_in(solo, 0, 1001, 1, 1);
    assert_int_equal(solo->end.stats.segment_out_of_window, 1);
    solo_in(solo, 0, 1002, 0, 1);
    assert_int_equal(solo->end.stats.segment_out_of_window, 2);
    solo_in(solo, 0, 1000, 1, 1);
    assert_int_equal(solo->end.stats.segment_out_of_window, 2);
    solo_in(solo, 0, 0, 0, 1);
    assert_int_equal(solo->end.stats.segment_out_of_window, 3);
    solo_free(solo);
}

/* Old text is reported as a duplicate, be it a byte; an old FIN has none, and what lies beyond the window is none. */
static void what_is_a_duplicate(void **state)
{
    static const struct {
        const char *name;
        uint8_t flags;
        uint32_t at, length;
        bool duplicate;
    } rows[] = {
        {"a byte", 0, 50, 1, true},
        {"a bare FIN", TCP_FIN, 50, 0, false},
        {"beyond the window", 0, 2000, 10, false},
        {"a bare FIN beyond the window", TCP_FIN, 2000, 0, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct solo *solo = narrow(1000);

        print_message("%s\n", rows[i].name);
        solo_in(solo, TCP_PSH, 1, 100, 1);
        solo_read(solo, 100);
        solo_pass(solo, 100000);
        solo_in(solo, rows[i].flags, rows[i].at, rows[i].length, 1);
        assert_int_equal(solo->end.stats.segment_out_of_window, 1);
        assert_int_equal(solo->end.stats.segment_duplicate, rows[i].duplicate);
        solo_out(solo);
        assert_int_equal(solo_last(solo)->options.sack_count, rows[i].duplicate);
        if (rows[i].duplicate) {
            assert_int_equal(solo_last(solo)->options.sack[0].left.value, 50);
            assert_int_equal(solo_last(solo)->options.sack[0].right.value, 51);
        }
        solo_free(solo);
    }
}

/* A FIN behind a window that its text fills is not taken, neither at once nor when a gap before it closes. [RFC 9293 X-12] */
static void a_fin_behind_a_full_window(void **state)
{
    struct solo *solo = narrow(1000);

    (void)state;
    solo_in(solo, TCP_FIN, 1, 1000, 1);
    assert_int_equal(solo->end.tcb.state, TCP_ESTABLISHED);
    assert_int_equal(solo->end.tcb.rcv_nxt.value - SOLO_IRS, 1001);
    assert_int_equal(solo_read(solo, 2000), 1000);
    solo_free(solo);

    solo = narrow(1000);
    solo_in(solo, TCP_FIN, 801, 200, 1);
    solo_in(solo, TCP_PSH, 1, 800, 1);
    assert_int_equal(solo->end.tcb.state, TCP_ESTABLISHED);
    assert_int_equal(solo->end.tcb.rcv_nxt.value - SOLO_IRS, 1001);
    solo_free(solo);

    solo = narrow(1000); /* with a byte less it fits */
    solo_in(solo, TCP_FIN, 801, 199, 1);
    solo_in(solo, TCP_PSH, 1, 800, 1);
    assert_int_equal(solo->end.tcb.state, TCP_CLOSE_WAIT);
    solo_free(solo);
}

/* A FIN takes no room of the window, and where there is none, none is left. */
static void the_window_after_a_fin(void **state)
{
    static const struct {
        uint32_t text;
        uint32_t window;
    } rows[] = {{0, 1000}, {10, 990}, {998, 2}, {999, 0}};

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct solo *solo = narrow(1000);

        solo_in(solo, TCP_FIN, 1, rows[i].text, 1);
        assert_int_equal(solo->end.tcb.state, TCP_CLOSE_WAIT);
        assert_int_equal(tcb_rcv_wnd(&solo->end.tcb), rows[i].window);
        solo_free(solo);
    }
}

/* New text after CLOSE resets, be it a byte. [RFC 9293 MAY-1, SHLD-3] */
static void a_byte_after_close(void **state)
{
    struct solo *solo = plain();

    (void)state;
    assert_int_equal(tcp_close(&solo->end.tcp, &solo->end.tcb, solo->now_us), HF_OK);
    solo_out(solo);
    solo_in(solo, TCP_PSH, 1, 1, 1);
    assert_int_equal(solo->end.stats.segment_after_close, 1);
    assert_int_equal(solo->end.tcb.end, TCP_END_ABORTED);
    assert_true(solo->end.tcp.reset.wanted);
    assert_int_equal(solo->end.tcb.acks_owed, 0);
    assert_int_equal(solo->end.tcb.rtt_sent_us, solo->now_us); /* timers end where they end */
    solo_free(solo);
}

static void windowed(struct solo *solo, uint32_t at, uint32_t length, uint32_t ack, uint16_t window)
{
    solo->window = window;
    solo_in(solo, 0, at, length, ack);
}

/* The send window follows what is newest: by the segment's number, then by its ACK. [RFC 9293 3.10.7.4 fifth; X-09] */
static void the_newest_window(void **state)
{
    struct solo *solo = plain();
    const struct tcb *tcb = &solo->end.tcb;

    (void)state;
    solo_write(solo, 3000);
    solo_out(solo);
    windowed(solo, 1, 100, 1, 5000);
    windowed(solo, 101, 100, 1, 6000);
    assert_int_equal(tcb->snd_wnd, 6000);
    windowed(solo, 51, 200, 1, 7000); /* older, with something new behind */
    assert_int_equal(tcb->rcv_nxt.value - SOLO_IRS, 251);
    assert_int_equal(tcb->snd_wnd, 6000);
    windowed(solo, 251, 0, 1461, 8000);
    assert_int_equal(tcb->snd_wnd, 8000);
    windowed(solo, 251, 10, 1461, 8000);
    windowed(solo, 261, 10, 1, 9000); /* newer, but it knows less of us */
    assert_int_equal(tcb->rcv_nxt.value - SOLO_IRS, 271);
    assert_int_equal(tcb->snd_wnd, 8000);
    windowed(solo, 271, 0, 1461, 4000);
    assert_int_equal(tcb->snd_wnd, 4000);
    solo_free(solo);
}

/* A window that was a byte wide does not open anew: nothing is sent again for it. */
static void a_byte_wide_is_not_closed(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo;

    (void)state;
    h.first_window = 1;
    solo = solo_open_as(&config, &h);
    solo_write(solo, 10);
    assert_int_equal(solo_out(solo), 1);
    for (int i = 1; i <= 2; i++) { /* and duplicates count */
        windowed(solo, 1, 0, 1, 1);
        assert_int_equal(solo->end.stats.duplicate_acks, i);
    }
    windowed(solo, 1, 0, 1, 1000);
    assert_int_equal(solo->end.tcb.rtx_nxt.value, solo->end.tcb.rtx_end.value);
    solo_free(solo);
}

/* The window opens on a probe that is outstanding: it goes out as text, with the whole RTO and no back-off. */
static void opens_on_a_probe(void **state)
{
    struct solo *solo = plain();
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    windowed(solo, 1, 0, 1, 0);
    solo_write(solo, 1000);
    solo_pass(solo, 3500000);
    assert_int_equal(solo->end.stats.window_probes, 2);
    assert_true(tcb->backoff > 0);
    windowed(solo, 1, 0, 1, 5000);
    assert_int_equal(tcb->backoff, 0);
    assert_true(tcb->deadline_us[TCP_TIMER_RETRANSMIT] == solo->now_us + tcb->rto_us);
    assert_false(tcb->flags & TCB_PERSIST);
    assert_true(solo_out(solo) > 0);
    solo_free(solo);
}

/* Without URG its pointer says nothing. */
static void a_pointer_without_urg(void **state)
{
    struct solo *solo = plain();
    struct segment seg = {.seq = seq_of(SOLO_IRS + 1),
                          .ack = seq_of(SOLO_ISS + 1),
                          .flags = TCP_ACK,
                          .window = 65535,
                          .urgent = 5,
                          .length = 10};

    (void)state;
    solo_segment(solo, &seg);
    assert_false(solo->end.tcb.flags & TCB_RCV_URGENT);
    assert_int_equal(solo->end.stats.urgent_received, 0);
    solo_free(solo);
}

/* The last byte before the FIN is urgent: it is so until it is read, and not a byte less. [RFC 9293 MUST-31] */
static void urgent_before_the_fin(void **state)
{
    struct solo *solo = plain();
    struct segment seg = {.seq = seq_of(SOLO_IRS + 1),
                          .ack = seq_of(SOLO_ISS + 1),
                          .flags = TCP_ACK | TCP_URG | TCP_FIN,
                          .window = 65535,
                          .urgent = 10,
                          .length = 10};

    (void)state;
    solo_segment(solo, &seg);
    assert_int_equal(solo_read(solo, 8), 8);
    assert_true(solo->end.tcb.flags & TCB_RCV_URGENT);
    assert_int_equal(solo_read(solo, 1), 1);
    assert_true(solo->end.tcb.flags & TCB_RCV_URGENT);
    assert_int_equal(solo_read(solo, 1), 1);
    assert_false(solo->end.tcb.flags & TCB_RCV_URGENT);
    solo_free(solo);
}

/* In SYN-SENT nothing but an answered SYN brings text. [RFC 9293 3.10.7.3] */
static void no_text_in_syn_sent(void **state)
{
    static const struct {
        const char *name;
        uint8_t flags;
        uint32_t ack;
        enum tcp_state state;
        uint32_t text;
    } rows[] = {
        {"a SYN-ACK with text", TCP_SYN | TCP_ACK, 1, TCP_ESTABLISHED, 10},
        {"of what we never sent", TCP_SYN | TCP_ACK, 2, TCP_SYN_SENT, 0},
        {"a reset", TCP_RST | TCP_ACK, 1, TCP_CLOSED, 0},
        {"a reset without ACK", TCP_RST, 0, TCP_SYN_SENT, 0},
        {"no SYN", TCP_ACK, 1, TCP_SYN_SENT, 0},
        {"a SYN alone", TCP_SYN, 0, TCP_SYN_RECEIVED, 0},
    };
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct tcp_open open = {.iss = seq_of(SOLO_ISS), .path_mss = MSS};

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct solo *solo = solo_new(&config, 64);
        struct segment seg = {.seq = seq_of(SOLO_IRS),
                              .ack = seq_of(rows[i].ack ? SOLO_ISS + rows[i].ack : 0),
                              .flags = (uint8_t)(rows[i].flags | TCP_URG),
                              .window = 65535,
                              .urgent = 3,
                              .length = 10};

        print_message("%s\n", rows[i].name);
        assert_true(tcp_open_active(&solo->end.tcp, &solo->end.tcb, &open, solo->now_us));
        solo->end.open = true;
        assert_int_equal(solo_out(solo), 1);
        solo_segment(solo, &seg);
        assert_int_equal(solo->end.tcb.state, rows[i].state);
        assert_int_equal(solo->end.tcb.rcv_queue.length, rows[i].text);
        assert_int_equal(solo->end.stats.bytes_received, rows[i].text);
        assert_int_equal(!!(solo->end.tcb.flags & TCB_RCV_URGENT), rows[i].text > 0);
        assert_int_equal(solo->end.stats.urgent_received, rows[i].text > 0);
        solo_free(solo);
    }
}

/* Urgent text that is given before the SYN is answered ends where it ends; and nothing is not urgent. [RFC 9293 MUST-30] */
static void urgent_in_syn_sent(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct tcp_open open = {.iss = seq_of(SOLO_ISS), .path_mss = MSS};
    struct solo *solo = solo_new(&config, 64);
    struct end *end = &solo->end;

    (void)state;
    assert_true(tcp_open_active(&end->tcp, &end->tcb, &open, solo->now_us));
    end->open = true;
    assert_int_equal(tcp_send_urgent(&end->tcp, &end->tcb, "", 0, solo->now_us), 0);
    assert_false(end->tcb.flags & TCB_SND_URGENT);
    assert_int_equal(tcp_send_urgent(&end->tcp, &end->tcb, "0123456789", 10, solo->now_us), 10);
    assert_int_equal(end->tcb.snd_up.value, SOLO_ISS + 11);
    assert_int_equal(tcp_send_urgent(&end->tcp, &end->tcb, "01", 2, solo->now_us), 2);
    assert_int_equal(end->tcb.snd_up.value, SOLO_ISS + 13);
    solo_free(solo);
}

/* Six chunks: each direction has two for itself, and the two others are whoever's. */
static struct solo *poor(void)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo = solo_new(&config, 6);

    assert_true(tcp_open_established(&solo->end.tcp, &solo->end.tcb, &h,
                                     &(struct tcp_open){.path_mss = MSS}, solo->now_us));
    solo->end.open = true;
    return solo;
}

/* Whoever waits for room to write hears of it when what he read makes some, in the pool and within his limit. */
static void reading_makes_room(void **state)
{
    static uint8_t text[8 * CHUNK_BYTES];
    struct solo *solo = poor();
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    for (uint32_t at = 0; at < 3 * CHUNK_BYTES; at += 1024)
        solo_in(solo, TCP_PSH, 1 + at, 1024, 1);
    assert_int_equal(tcp_send(&solo->end.tcp, tcb, text, sizeof text, solo->now_us),
                     3 * CHUNK_BYTES);
    assert_true(tcb->flags & TCB_WANT_ROOM);
    tcb->ready = 0;
    assert_int_equal(solo_read(solo, 100), 100); /* no chunk is free for it */
    assert_false(tcb->ready & HF_WRITABLE);
    assert_int_equal(solo_read(solo, CHUNK_BYTES), CHUNK_BYTES); /* one is */
    assert_true(tcb->ready & HF_WRITABLE);
    assert_false(tcb->flags & TCB_WANT_ROOM);
    tcb->ready = 0;
    assert_int_equal(solo_read(solo, CHUNK_BYTES), CHUNK_BYTES); /* he waits no more */
    assert_false(tcb->ready & HF_WRITABLE);
    solo_free(solo);
}

static void reading_is_not_sending(void **state)
{
    struct solo *solo = plain();
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    assert_int_equal(tcp_set_option(&solo->end.tcp, tcb, HF_SEND_BYTES, 10, solo->now_us), HF_OK);
    solo_write(solo, 10);
    assert_int_equal(tcp_send(&solo->end.tcp, tcb, "x", 1, solo->now_us), HF_AGAIN);
    solo_in(solo, TCP_PSH, 1, 100, 1);
    tcb->ready = 0;
    assert_int_equal(solo_read(solo, 100), 100);
    assert_false(tcb->ready & HF_WRITABLE); /* his limit, not the pool, is in the way */
    assert_true(tcb->flags & TCB_WANT_ROOM);
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_byte_is_answered),    cmocka_unit_test(a_stray_byte_is_answered),
        cmocka_unit_test(a_byte_at_the_right_edge),   cmocka_unit_test(what_is_a_duplicate),
        cmocka_unit_test(a_fin_behind_a_full_window), cmocka_unit_test(the_window_after_a_fin),
        cmocka_unit_test(a_byte_after_close),         cmocka_unit_test(the_newest_window),
        cmocka_unit_test(a_byte_wide_is_not_closed),  cmocka_unit_test(opens_on_a_probe),
        cmocka_unit_test(a_pointer_without_urg),      cmocka_unit_test(urgent_before_the_fin),
        cmocka_unit_test(no_text_in_syn_sent),        cmocka_unit_test(urgent_in_syn_sent),
        cmocka_unit_test(reading_makes_room),         cmocka_unit_test(reading_is_not_sending),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
