/* What is sent, and what waits. [RFC 9293 3.7.4, 3.8.6.2.1, MUST-17, MUST-38, MUST-60, MUST-61, SHLD-7; RFC 6691] */
#include "solo.h"

static struct solo *open_with(bool nagle, uint32_t segmentation, bool timestamps)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();

    config.nagle = nagle;
    config.segmentation_bytes = segmentation;
    config.send_bytes = 1 << 20;
    h.timestamps = timestamps;
    h.ts_recent = 100;
    return solo_open_as(&config, &h);
}

static void option(struct solo *solo, enum hf_option name, uint32_t value)
{
    assert_int_equal(tcp_set_option(&solo->end.tcp, &solo->end.tcb, name, value, solo->now_us),
                     HF_OK);
}

/* One small segment may be outstanding; what comes meanwhile is joined. [RFC 9293 3.7.4] */
static void nagle(void **state)
{
    struct solo *solo = open_with(true, 0, false);

    (void)state;
    solo_write(solo, 10);
    assert_int_equal(solo_out(solo), 1);
    for (int i = 0; i < 20; i++) {
        solo_write(solo, 10);
        assert_int_equal(solo_out(solo), 0);
    }
    solo_ack(solo, 11);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->length, 200);
    solo_write(solo, 1500); /* a full segment need not wait, its rest must */
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->length, 1460);
    solo_ack(solo, 1671);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->length, 40);
    solo_free(solo);
}

/* The user may do without, for all connections or one. [RFC 9293 MUST-17] */
static void nodelay(void **state)
{
    struct solo *all = open_with(false, 0, false), *one = open_with(true, 0, false);

    (void)state;
    option(one, HF_NODELAY, 1);
    for (int i = 0; i < 5; i++) {
        solo_write(all, 10);
        solo_write(one, 10);
        assert_int_equal(solo_out(all), 1);
        assert_int_equal(solo_out(one), 1);
    }
    option(one, HF_NODELAY, 0);
    solo_write(one, 10);
    assert_int_equal(solo_out(one), 0);
    solo_free(all);
    solo_free(one);
}

/* Cork: full segments only, until it is drawn. */
static void cork(void **state)
{
    struct solo *solo = open_with(false, 0, false);

    (void)state;
    option(solo, HF_CORK, 1);
    solo_write(solo, 1000);
    assert_int_equal(solo_out(solo), 0);
    solo_write(solo, 1000);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->length, 1460);
    option(solo, HF_CORK, 0);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->length, 540);
    option(solo, HF_CORK, 1);
    solo_write(solo, 10);
    tcp_shutdown(&solo->end.tcp, &solo->end.tcb, solo->now_us); /* the last of it */
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->flags, TCP_FIN | TCP_PSH | TCP_ACK);
    solo_free(solo);
}

/* A corked rest is not forgotten: the override sends it. */
static void cork_forgotten(void **state)
{
    struct solo *solo = open_with(true, 0, false);

    (void)state;
    option(solo, HF_CORK, 1);
    solo_write(solo, 100);
    solo_pass(solo, 199000);
    assert_int_equal(solo->count, 0);
    solo_pass(solo, 2000);
    assert_int_equal(solo->count, 1);
    solo_free(solo);
}

/* A part of what waits, as a small window would cut it, waits for more window, but for half of the largest seen, and not for
 * ever: 0.1 to 1 s. [RFC 9293 3.8.6.2.1, MUST-38, X-18] */
static void sws_override(void **state)
{
    struct solo *solo = open_with(true, 0, false);

    (void)state;
    solo->window = 1000;
    solo_ack(solo, 1);
    solo_write(solo, 5000);
    assert_int_equal(solo_out(solo), 0);
    solo_pass(solo, 199999);
    assert_int_equal(solo->count, 0);
    solo_pass(solo, 1);
    assert_int_equal(solo->count, 1);
    assert_int_equal(solo_last(solo)->length, 1000);
    solo_free(solo);
}

static void sws_half_window(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo;

    (void)state;
    h.first_window = 1000;
    solo = solo_open_as(&config, &h);
    solo->window = 499;
    solo_ack(solo, 1);
    solo_write(solo, 5000);
    assert_int_equal(solo_out(solo), 0);
    solo->window = 500;
    solo_ack(solo, 1);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->length, 500);
    solo_free(solo);
}

/* PSH on the last of what the user gave. [RFC 9293 MUST-61] [RFC 9293 SHLD-27] */
static void push(void **state)
{
    struct solo *solo = open_with(false, 0, false);

    (void)state;
    solo_write(solo, 3000);
    assert_int_equal(solo_out(solo), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(!!(solo->sent[i].segment.flags & TCP_PSH), i == 2);
    solo_free(solo);
}

/* Whole segments for a driver that cuts them; timestamps make each shorter. [RFC 9293 MUST-16; RFC 6691]
 * [RFC 9293 SHLD-28] */
static void segmentation(void **state)
{
    struct solo *solo = open_with(true, 65535, true);

    (void)state;
    solo->end.tcb.congestion.cwnd = 1 << 20;
    solo_write(solo, 200000);
    solo->window = 65535;
    solo_out(solo);
    for (unsigned i = 0; i + 1 < solo->count; i++)
        assert_int_equal(solo->sent[i].segment.length % 1448, 0);
    assert_true(solo->count <= 3);
    solo_free(solo);
}

static void no_segmentation(void **state)
{
    struct solo *solo = open_with(true, 0, true);

    (void)state;
    solo_write(solo, 20000);
    assert_int_equal(solo_out(solo), 10);
    for (unsigned i = 0; i < solo->count; i++)
        assert_int_equal(solo->sent[i].segment.length, 1448);
    solo_free(solo);
}

/* Never beyond SND.UNA + SND.WND, whatever the user has given. [RFC 9293 3.8.6] [R7323-10, R5681-01] */
static void within_the_window(void **state)
{
    struct solo *solo = open_with(false, 0, false);
    uint32_t random = 7;

    (void)state;
    solo->end.tcb.congestion.cwnd = 1 << 20;
    solo_write(solo, 500000);
    for (int i = 0; i < 1000; i++) {
        uint32_t una = solo->end.tcb.snd_una.value, flight = solo->end.tcb.snd_nxt.value - una;

        random = random * 1103515245 + 12345;
        solo->window = (uint16_t)(flight + (random >> 16) % 4000);
        solo_ack(solo, una - SOLO_ISS + (random >> 8) % (flight + 1));
        solo_out(solo);
        assert_true(solo->end.tcb.snd_nxt.value - solo->end.tcb.snd_una.value <=
                    (solo->end.tcb.snd_wnd > flight ? solo->end.tcb.snd_wnd : flight));
        solo->count = 0;
    }
    solo_free(solo);
}

/* A peer that shrinks its window is obeyed for new text, and what was sent is not taken back. [RFC 9293 MUST-34, SHLD-15, SHLD-16]
 * [R7323-11] */
static void window_shrinks(void **state)
{
    struct solo *solo = open_with(false, 0, false);

    (void)state;
    solo_write(solo, 14600);
    assert_int_equal(solo_out(solo), 10);
    solo->window = 2000;
    solo_ack(solo, 1);
    solo_write(solo, 5000);
    assert_int_equal(solo_out(solo), 0);
    solo_pass(solo, 1000000); /* what was sent is sent again, though it lies beyond the window */
    assert_int_equal(solo->count, 11);
    solo_ack(solo, 14601);
    solo_out(solo);
    assert_int_equal(solo->end.tcb.snd_nxt.value - SOLO_ISS,
                     14601 + 1460); /* 540 more: not worth it */
    solo_free(solo);
}

/* Room for text is told once there is enough, and only to one who met none. */
static void writable(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo;
    uint8_t text[5000] = {0};

    (void)state;
    config.send_bytes = 4000;
    solo = solo_open(&config);
    assert_int_equal(tcp_send(&solo->end.tcp, &solo->end.tcb, text, 5000, solo->now_us), 4000);
    assert_int_equal(tcp_send(&solo->end.tcp, &solo->end.tcb, text, 1, solo->now_us), HF_AGAIN);
    solo->written = 0;
    solo->end.tcb.ready = 0;
    for (struct tcp_outgoing out = {.text_max = 65535};
         tcp_output(&solo->end.tcp, &solo->end.tcb, &out, solo->now_us);)
        ;
    solo_ack(solo, 1461);
    assert_int_equal(solo->end.tcb.ready, 0);
    solo_ack(solo, 2921);
    assert_int_equal(solo->end.tcb.ready, HF_WRITABLE);
    solo_free(solo);
}

/* URG reaches 65,535 bytes; further ahead the pointer says so much. [RFC 9293 3.8.5; RFC 6093 2.1] */
static void urgent_far_ahead(void **state)
{
    struct solo *solo = open_with(false, 0, false);
    uint8_t byte = solo_pattern(100000);

    (void)state;
    solo_write(solo, 100000);
    assert_int_equal(tcp_send_urgent(&solo->end.tcp, &solo->end.tcb, &byte, 1, solo->now_us), 1);
    assert_int_equal(solo_out(solo), 10);
    for (uint32_t i = 0; i < 10; i++) {
        assert_true(solo->sent[i].segment.flags & TCP_URG);
        assert_int_equal(solo->sent[i].segment.urgent, 65535);
    }
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nagle),
        cmocka_unit_test(nodelay),
        cmocka_unit_test(cork),
        cmocka_unit_test(cork_forgotten),
        cmocka_unit_test(sws_override),
        cmocka_unit_test(sws_half_window),
        cmocka_unit_test(push),
        cmocka_unit_test(segmentation),
        cmocka_unit_test(no_segmentation),
        cmocka_unit_test(within_the_window),
        cmocka_unit_test(window_shrinks),
        cmocka_unit_test(writable),
        cmocka_unit_test(urgent_far_ahead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
