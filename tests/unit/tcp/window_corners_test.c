/* The receive window to the byte: what is offered, what is kept back, and what is worth a segment. [RFC 9293 3.8.6.2.2] */
#include "solo.h"

#define MSS 1460u

static struct solo *narrow(uint16_t window, uint32_t chunks)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo;

    config.receive_bytes = window;
    h.announced_window = window;
    solo = solo_new(&config, chunks);
    assert_true(tcp_open_established(&solo->end.tcp, &solo->end.tcb, &h,
                                     &(struct tcp_open){.path_mss = MSS}, solo->now_us));
    solo->end.open = true;
    return solo;
}

static void take(struct solo *solo, uint32_t bytes)
{
    for (uint32_t done = 0; done < bytes;) {
        uint32_t length = bytes - done < 1000 ? bytes - done : 1000;

        solo_in(solo, TCP_PSH, solo->end.tcb.rcv_nxt.value - SOLO_IRS, length, 1);
        done += length;
    }
    solo_pass(solo, 100000);
}

static void limit(struct solo *solo, uint32_t bytes)
{
    assert_int_equal(
        tcp_set_option(&solo->end.tcp, &solo->end.tcb, HF_RECEIVE_BYTES, bytes, solo->now_us),
        HF_OK);
}

/* A buffer of two bytes: full, it offers nothing; half read, the half. */
static void two_bytes(void **state)
{
    struct solo *solo = narrow(2, 64);

    (void)state;
    take(solo, 2);
    assert_int_equal(solo_last(solo)->window, 0);
    assert_int_equal(solo_read(solo, 1), 1);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->window, 1);
    solo_free(solo);
}

/* A limit lowered below what waits moves no edge, in neither direction, and reading makes no noise until it counts again. */
static void lowered_below_what_waits(void **state)
{
    struct solo *solo = narrow(10000, 64);
    seq edge;

    (void)state;
    take(solo, 3000);
    edge = solo->end.tcb.rcv_edge;
    limit(solo, 500);
    take(solo, 1000);
    assert_int_equal(solo->end.tcb.rcv_edge.value, edge.value);
    assert_int_equal(solo_last(solo)->window, 6000);
    assert_int_equal(solo_read(solo, 3800),
                     3800); /* 200 wait, 300 could be offered: less than is */
    assert_int_equal(solo_out(solo), 0);
    assert_int_equal(solo->end.tcb.rcv_edge.value, edge.value);
    solo_free(solo);
}

/* Between the limit and the pool the smaller counts. */
static void limit_and_pool(void **state)
{
    struct solo *solo = narrow(6000, 6);

    (void)state;
    take(solo, 3000);
    assert_int_equal(solo_last(solo)->window, 3000);
    solo_free(solo);
}

/* A hundred bytes more are not worth a move of the edge, not even on an ACK that goes anyway. [RFC 9293 MUST-39] */
static void a_little_is_kept_back(void **state)
{
    struct solo *solo = narrow(10000, 64);

    (void)state;
    take(solo, 1000);
    assert_int_equal(solo_read(solo, 100), 100);
    take(solo, 1000);
    assert_int_equal(solo_last(solo)->window, 8000);
    assert_int_equal(solo_read(solo, 1360), 1360); /* with these it is a segment */
    take(solo, 1000);
    assert_int_equal(solo_last(solo)->window, 10000 - 3000 + 1460);
    solo_free(solo);
}

/* A row: what waits, and how much of it must be read for an ACK of its own; a byte less is none. */
static void worth_telling(void **state)
{
    static const struct {
        const char *name;
        uint16_t buffer;
        uint32_t waits, read;
    } rows[] = {
        {"a quarter", 30000, 10000, 7500},
        {"a quarter, but two segments", 8000, 3000, 2 * MSS},
        {"as much as is offered", 10000, 8000, 2000},
        {"anything that counts, where nothing is offered", 30000, 30000, MSS},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct solo *solo = narrow(rows[i].buffer, 64);

        print_message("%s\n", rows[i].name);
        take(solo, rows[i].waits);
        assert_int_equal(solo_last(solo)->window, rows[i].buffer - rows[i].waits);
        assert_int_equal(solo_read(solo, rows[i].read - 1), rows[i].read - 1);
        assert_int_equal(solo_out(solo), 0);
        assert_int_equal(solo_read(solo, 1), 1);
        assert_int_equal(solo_out(solo), 1);
        assert_int_equal(solo_last(solo)->window, rows[i].buffer - rows[i].waits + rows[i].read);
        solo_free(solo);
    }
}

/* A byte that nobody read is lost by a close: the peer must know. [RFC 9293 SHLD-3] */
static void one_byte_unread(void **state)
{
    struct solo *solo = narrow(1000, 64);

    (void)state;
    take(solo, 1);
    assert_int_equal(tcp_close(&solo->end.tcp, &solo->end.tcb, solo->now_us), HF_OK);
    assert_int_equal(solo->end.tcb.end, TCP_END_ABORTED);
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_bytes),      cmocka_unit_test(lowered_below_what_waits),
        cmocka_unit_test(limit_and_pool), cmocka_unit_test(a_little_is_kept_back),
        cmocka_unit_test(worth_telling),  cmocka_unit_test(one_byte_unread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
