/* The receive window: never taken back, opened in steps that are worth a segment. [RFC 9293 3.8.6, SHLD-14, MUST-38, MUST-39; RFC 7323 2.4] */
#include "solo.h"

#include "base/bytes.h"
#include "tcp/window.h"

static struct solo *open_with(uint32_t receive_bytes, uint8_t scale)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();

    config.receive_bytes = receive_bytes;
    h.announced_window = (uint16_t)(receive_bytes < 65535 ? receive_bytes : 65535);
    if (scale) {
        h.send_scale = 0;
        h.receive_scale = scale;
    }
    return solo_open_as(&config, &h);
}

static uint32_t edge(const struct solo *solo)
{
    return solo->end.tcb.rcv_edge.value - SOLO_IRS;
}

/* Every segment that fits is taken; RCV.NXT + RCV.WND stays where it was announced. [R7323-08] */
static void never_shrinks(void **state)
{
    struct solo *solo = open_with(10000, 0);
    uint32_t at = 1, before = edge(solo);

    (void)state;
    while (at < 10001) {
        uint32_t length = 10001 - at < 700 ? 10001 - at : 700;

        solo_in(solo, 0, at, length, 1);
        at += length;
        solo_out(solo);
        assert_int_equal(edge(solo), before);
        assert_int_equal(solo->end.tcb.rcv_nxt.value - SOLO_IRS, at);
    }
    solo_pass(solo, 50000);
    assert_int_equal(solo_last(solo)->window, 0);
    assert_int_equal(solo_last(solo)->ack.value, 10001);
    solo_free(solo);
}

/* A limit that the user lowers takes back nothing either. */
static void never_shrinks_by_option(void **state)
{
    struct solo *solo = open_with(10000, 0);
    uint32_t before = edge(solo);

    (void)state;
    tcp_set_option(&solo->end.tcp, &solo->end.tcb, HF_RECEIVE_BYTES, 100, solo->now_us);
    solo_in(solo, TCP_PSH, 1, 50, 1);
    solo_pass(solo, 50000);
    assert_int_equal(edge(solo), before);
    solo_read(solo, 50);
    solo_out(solo);
    assert_int_equal(edge(solo), before);
    solo_free(solo);
}

/* A reader of single bytes does not bring out single bytes of window. [RFC 9293 3.8.6.2.2, X-19] */
static void silly_reader(void **state)
{
    struct solo *solo = open_with(10000, 0);
    unsigned updates = 0;
    uint32_t at = 1;

    (void)state;
    for (; at < 10001; at += 1000)
        solo_in(solo, 0, at, 1000, 1);
    solo_pass(solo, 50000);
    assert_int_equal(solo_last(solo)->window, 0);
    for (uint32_t i = 0; i < 10000; i++) {
        solo_read(solo, 1);
        if (solo_out(solo)) {
            updates++;
            assert_true(solo_last(solo)->window >= 1460);
        }
    }
    assert_true(updates >= 2 && updates <= 7);
    solo_free(solo);
}

/* With a buffer smaller than two segments, half of it is worth one. */
static void small_buffer(void **state)
{
    struct solo *solo = open_with(1024, 0);

    (void)state;
    solo_in(solo, 0, 1, 1024, 1);
    solo_pass(solo, 50000);
    assert_int_equal(solo_last(solo)->window, 0);
    solo_read(solo, 511);
    assert_int_equal(solo_out(solo), 0);
    solo_read(solo, 1);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->window, 512);
    solo_free(solo);
}

/* What is announced with a scale is a multiple of its grain, and the edge is where the peer believes it to be. [RFC 7323 2.4] */
static void grain(void **state)
{
    struct solo *solo = open_with(1000000, 4);
    uint32_t random = 12345, at = 1;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        uint32_t length, believed;

        random = random * 1103515245 + 12345;
        length = 1 + (random >> 16) % 1460;
        solo_in(solo, 0, at, length, 1);
        at += length;
        if (random >> 28 < 12)
            solo_read(solo, (random >> 8) % 2000);
        for (unsigned before = solo->count, sent = solo_out(solo); sent > 0; sent--, before++) {
            const struct segment *seg = &solo->sent[before].segment;

            believed = seg->ack.value + ((uint32_t)seg->window << 4);
            assert_int_equal(believed, edge(solo));
        }
        solo->count = 0;
    }
    solo_free(solo);
}

/* A peer whose segments never end on a grain gains little by it: with nobody reading, the window closes near the limit. */
static void short_of_a_grain(void **state)
{
    struct solo *solo = open_with(20000, 6);
    uint32_t at = 1;

    (void)state;
    for (uint32_t length = 1; edge(solo) - at > 1; at += length) {
        length = at % 3 ? 1 : min_u32(edge(solo) - at - 1, 1459);
        solo_in(solo, 0, at, length, 1);
        solo_pass(solo, 50000);
        solo->count = 0;
        assert_true(at <= 1 + 20000 + 2500 + 64);
    }
    assert_true(at > 20000);
    assert_int_equal(solo->end.tcb.rcv_queue.length, at - 1);
    solo_free(solo);
}

/* A limit below the grain: no update that the field cannot show, and one grain when all is read. */
static void below_a_grain(void **state)
{
    struct solo *solo = open_with(32768, 14);
    uint32_t at = 1;

    (void)state;
    assert_int_equal(
        tcp_set_option(&solo->end.tcp, &solo->end.tcb, HF_RECEIVE_BYTES, 8192, solo->now_us),
        HF_OK);
    for (uint32_t length; edge(solo) != at; at += length) {
        length = min_u32(edge(solo) - at, 1024);
        solo_in(solo, 0, at, length, 1);
        solo_pass(solo, 50000);
    }
    assert_int_equal(solo_last(solo)->window, 0);
    solo->count = 0;
    solo_read(solo, at - 2);
    assert_int_equal(solo_out(solo), 0);
    solo_read(solo, 1);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->window, 1);
    assert_int_equal(edge(solo), at + 16384);
    solo_free(solo);
}

/* A window of less than a grain beyond a lowered limit is announced as none; the peer hears of it when all is read. */
static void less_than_a_grain_is_left(void **state)
{
    struct solo *solo = open_with(32768, 14);

    (void)state;
    assert_int_equal(
        tcp_set_option(&solo->end.tcp, &solo->end.tcb, HF_RECEIVE_BYTES, 190, solo->now_us), HF_OK);
    for (uint32_t at = 1; at < 32001; at += 1000)
        solo_in(solo, 0, at, 1000, 1);
    solo_pass(solo, 50000);
    assert_int_equal(solo_last(solo)->ack.value, 32001);
    assert_int_equal(solo_last(solo)->window, 0);
    assert_int_equal(edge(solo), 32769);
    solo->count = 0;
    solo_read(solo, 31999);
    assert_int_equal(solo_out(solo), 0);
    solo_read(solo, 1);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->window, 1);
    solo_free(solo);
}

/* The first window lies in a SYN and is never scaled. [RFC 7323 2.2] */
static void first(void **state)
{
    struct solo *small = open_with(1024, 0), *large = open_with(1000000, 4);

    (void)state;
    assert_int_equal(window_first(&small->end.tcp), 1024);
    assert_int_equal(window_first(&large->end.tcp), 65535);
    assert_int_equal(edge(large), 1 + 65535);
    solo_free(small);
    solo_free(large);
}

/* No more is offered than the pool could give, but always what was promised. */
static void pool_bounds(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo;

    (void)state;
    config.receive_bytes = 60000;
    h.announced_window = 1000;
    solo = solo_new(&config, 8); /* 16 KB */
    assert_true(tcp_open_established(&solo->end.tcp, &solo->end.tcb, &h,
                                     &(struct tcp_open){.path_mss = 1460}, solo->now_us));
    solo->end.open = true;
    solo_in(solo, TCP_PSH, 1, 1, 1);
    solo_pass(solo, 50000);
    assert_true(tcb_rcv_wnd(&solo->end.tcb) <= 8 * CHUNK_BYTES);
    assert_true(tcb_rcv_wnd(&solo->end.tcb) >= 2 * CHUNK_BYTES - 1);
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_shrinks), cmocka_unit_test(never_shrinks_by_option),
        cmocka_unit_test(silly_reader),  cmocka_unit_test(small_buffer),
        cmocka_unit_test(grain),         cmocka_unit_test(short_of_a_grain),
        cmocka_unit_test(below_a_grain), cmocka_unit_test(less_than_a_grain_is_left),
        cmocka_unit_test(first),         cmocka_unit_test(pool_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
