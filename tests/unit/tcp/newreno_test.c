/* cwnd and ssthresh by the numbers. [RFC 5681 3.1; RFC 3465 2; RFC 6928] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tcp/congestion.h"

#define MSS 1000u

static const struct congestion_module *const module = &congestion_newreno;

/* [R5681-04] */
static void opened(void **state)
{
    struct congestion c;

    (void)state;
    module->open(&c, MSS, 10);
    assert_int_equal(c.cwnd, 10 * MSS);
    assert_true(c.ssthresh > 1u << 28);
}

/* Slow start: bytes, but two segments an ACK at the most. */
static void slow_start(void **state)
{
    struct congestion c;

    (void)state;
    module->open(&c, MSS, 10);
    module->acknowledged(&c, 1, MSS);
    assert_int_equal(c.cwnd, 10 * MSS + 1);
    module->acknowledged(&c, 2 * MSS, MSS);
    assert_int_equal(c.cwnd, 12 * MSS + 1);
    module->acknowledged(&c, 50 * MSS, MSS);
    assert_int_equal(c.cwnd, 14 * MSS + 1);
}

/* Congestion avoidance: a segment for each cwnd of bytes, whatever ACKs they came in. [R5681-06] */
static void avoidance(void **state)
{
    (void)state;
    for (uint32_t each = 1; each <= 2000; each += 333) {
        struct congestion c;
        uint32_t bytes = 0;

        module->open(&c, MSS, 10);
        c.ssthresh = 5 * MSS;
        while (c.cwnd == 10 * MSS) {
            module->acknowledged(&c, each, MSS);
            bytes += each;
        }
        assert_int_equal(c.cwnd, 11 * MSS);
        assert_in_range(bytes, 10 * MSS, 10 * MSS + each);
    }
}

/* ssthresh = max(FlightSize / 2, 2 SMSS), and not cwnd / 2. */
static void loss(void **state)
{
    struct congestion c;

    (void)state;
    module->open(&c, MSS, 10);
    c.cwnd = 100 * MSS;
    module->lost(&c, 30 * MSS, MSS);
    assert_int_equal(c.ssthresh, 15 * MSS);
    assert_int_equal(c.cwnd, 100 * MSS); /* recovery's business */
    module->lost(&c, MSS, MSS);
    assert_int_equal(c.ssthresh, 2 * MSS);
}

/* A timeout: one segment; repeated ones leave ssthresh alone; then slow start by one segment an ACK until ssthresh.
 * [R5681-07] */
static void timeout(void **state)
{
    struct congestion c;

    (void)state;
    module->open(&c, MSS, 10);
    module->timed_out(&c, 10 * MSS, MSS, true);
    assert_int_equal(c.cwnd, MSS);
    assert_int_equal(c.ssthresh, 5 * MSS);
    module->timed_out(&c, MSS, MSS, false);
    assert_int_equal(c.ssthresh, 5 * MSS);
    for (uint32_t i = 2; i <= 5; i++) {
        module->acknowledged(&c, 9 * MSS, MSS);
        assert_int_equal(c.cwnd, i * MSS);
    }
    module->acknowledged(&c, MSS, MSS);
    assert_int_equal(c.cwnd, 5 * MSS);
}

/* However long it goes well, cwnd stays below half the circle. */
static void bounded(void **state)
{
    struct congestion c;

    (void)state;
    module->open(&c, 65000, 10);
    for (int i = 0; i < 100000; i++)
        module->acknowledged(&c, 130000, 65000);
    assert_true(c.cwnd <= 1u << 29);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opened), cmocka_unit_test(slow_start), cmocka_unit_test(avoidance),
        cmocka_unit_test(loss),   cmocka_unit_test(timeout),    cmocka_unit_test(bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
