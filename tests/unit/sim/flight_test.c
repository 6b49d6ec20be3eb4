/* The frames that are under way come out by time, and in their order at the same time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "sim/flight.h"
#include "sim/random.h"

static void test_order(void **state)
{
    struct flight flight;
    struct random random;
    int64_t last = -1;
    uint64_t last_id = 0;

    (void)state;
    flight_init(&flight);
    random_seed(&random, 21);
    for (uint64_t i = 0; i < 1000; i++)
        flight_insert(&flight, &(struct flight_frame){
                                   .at_us = (int64_t)random_below(&random, 50),
                                   .id = i,
                                   .data = malloc(1),
                               });
    for (int i = 0; i < 900; i++) {
        int64_t next = flight_next_us(&flight);
        struct flight_frame frame = flight_take(&flight);

        assert_int_equal(frame.at_us, next);
        assert_true(frame.at_us > last || (frame.at_us == last && frame.id > last_id));
        last = frame.at_us;
        last_id = frame.id;
        free(frame.data);
    }
    flight_deinit(&flight); /* frees what is left */
    assert_int_equal(flight_next_us(&flight), NEVER_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
