/* The cap on SYN-ACKs: kept, and shared out by chance. */
#include "filters.h"

#include "gate/syn_ack_cap.h"

static void no_cap_admits_all(void **state)
{
    struct syn_ack_cap cap;

    (void)state;
    syn_ack_cap_init(&cap, 0, 0);
    for (int i = 0; i < 1000; i++)
        assert_true(syn_ack_cap_admits(&cap, UINT32_MAX, 0));
}

/* 1000 a second, 100,000 asked: never more than the cap in any window, nearly all of it used, and late in a window as likely as
 * early. */
static void a_flood_is_thinned_evenly(void **state)
{
    struct syn_ack_cap cap;
    uint64_t seed = 0xca9;
    uint32_t admitted = 0, in_second_half = 0;

    (void)state;
    print_message("seed %#lx\n", (unsigned long)seed);
    syn_ack_cap_init(&cap, 1000, 0);
    for (int64_t now = 0; now < 10 * SECOND; now += 10) {
        bool in = syn_ack_cap_admits(&cap, (uint32_t)chance(&seed), now);

        if (now < SECOND) /* it takes a window to learn the rate */
            continue;
        admitted += in;
        in_second_half += in && now % SYN_ACK_CAP_WINDOW_US >= SYN_ACK_CAP_WINDOW_US / 2;
    }
    print_message("%u admitted, %u in the second halves\n", admitted, in_second_half);
    assert_in_range(admitted, 8000, 9000);
    assert_in_range(in_second_half, admitted * 4 / 10, admitted * 6 / 10);
}

static void below_the_cap_nobody_waits(void **state)
{
    struct syn_ack_cap cap;

    (void)state;
    syn_ack_cap_init(&cap, 1000, 0);
    for (int64_t now = 0; now < 5 * SECOND; now += 1100)
        assert_true(syn_ack_cap_admits(&cap, UINT32_MAX, now));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_cap_admits_all),
        cmocka_unit_test(a_flood_is_thinned_evenly),
        cmocka_unit_test(below_the_cap_nobody_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
