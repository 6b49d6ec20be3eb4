/* The link in memory: order, limits, offload asked for or not. */
#include "unit/os/test.h"

#include <stdlib.h>

#include "driver/driver.h"
#include "driver/memory_link.h"

#define SLOTS 8u
#define SLOT_BYTES 100u

static struct memory_link wire_link;
static void *memory;

static int setup(void **state)
{
    size_t bytes = memory_link_needed(SLOTS, SLOT_BYTES);

    memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    memory_link_init(&wire_link, memory, SLOTS, SLOT_BYTES, *state != NULL);
    return !memory;
}

static int teardown(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

/* Sends up to count frames whose first byte counts from `first`; returns how many there was room for. */
static size_t send_numbered(unsigned side, uint8_t first, size_t count)
{
    struct hf_frame frames[2 * SLOTS];
    size_t slots = memory_link_slots(&wire_link, side, frames, count);

    for (size_t i = 0; i < slots; i++) {
        assert_true(frames[i].capacity >= SLOT_BYTES);
        memset(frames[i].data, 0, frames[i].capacity);
        frames[i].data[0] = (uint8_t)(first + i);
        frames[i].length = 1;
    }
    memory_link_transmit(&wire_link, side, frames, slots);
    return slots;
}

static void frames_arrive_in_order_both_ways(void **state)
{
    struct hf_frame frames[SLOTS];
    uint8_t sent = 0, seen = 0;

    (void)state;
    for (int round = 0; round < 100; round++) {
        sent = (uint8_t)(sent + send_numbered(0, sent, (size_t)(round % 7)));
        send_numbered(1, 200, 1);
        for (size_t n = memory_link_receive(&wire_link, 1, frames, 3), i = 0; i < n; i++)
            assert_int_equal(frames[i].data[0], seen++);
        assert_int_equal(memory_link_receive(&wire_link, 0, frames, SLOTS), 1);
        assert_int_equal(frames[0].data[0], 200);
    }
}

static void full_is_no_slot_and_what_is_held_stays(void **state)
{
    struct hf_frame frames[SLOTS], slots[SLOTS];

    (void)state;
    assert_int_equal(send_numbered(0, 0, 2 * SLOTS), SLOTS);
    assert_int_equal(memory_link_slots(&wire_link, 0, slots, 1), 0);
    assert_int_equal(memory_link_receive(&wire_link, 1, frames, 3), 3);
    assert_int_equal(memory_link_slots(&wire_link, 0, slots, 1),
                     0); /* the receiver still looks at them */
    assert_int_equal(frames[2].data[0], 2);
    assert_int_equal(memory_link_receive(&wire_link, 1, frames, 1), 1);
    assert_int_equal(memory_link_slots(&wire_link, 0, slots, SLOTS), 3);
}

static void without_offload_a_wire_cannot_carry_it(void **state)
{
    struct hf_frame frames[SLOTS];

    (void)state;
    assert_int_equal(memory_link_slots(&wire_link, 0, frames, 3), 3);
    for (int i = 0; i < 3; i++)
        frames[i].length = 10;
    frames[0].checksum = HF_CHECKSUM_PARTIAL;
    frames[1].gso_size = 5;
    frames[2].data[0] = 77;
    memory_link_transmit(&wire_link, 0, frames, 3);
    assert_int_equal(memory_link_receive(&wire_link, 1, frames, SLOTS), 1);
    assert_int_equal(frames[0].data[0], 77);
    assert_int_equal(wire_link.dropped, 2);
}

static void with_offload_it_counts_as_verified(void **state)
{
    struct hf_frame frames[SLOTS];

    (void)state;
    assert_int_equal(memory_link_slots(&wire_link, 0, frames, 2), 2);
    frames[0].length = frames[1].length = 10;
    frames[0].checksum = HF_CHECKSUM_PARTIAL;
    frames[0].gso_size = 5;
    memory_link_transmit(&wire_link, 0, frames, 2);
    struct memory_link_end end = {&wire_link, 1};
    assert_int_equal(driver_memory_link.receive(&end, frames, SLOTS), 2);
    assert_int_equal(frames[0].checksum, HF_CHECKSUM_VERIFIED);
    assert_int_equal(frames[0].gso_size, 5);
    assert_int_equal(frames[1].checksum, HF_CHECKSUM_NONE);
    assert_int_equal(driver_memory_link.descriptor(&end), -1);
}

int main(void)
{
    static int yes;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frames_arrive_in_order_both_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(full_is_no_slot_and_what_is_held_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(without_offload_a_wire_cannot_carry_it, setup, teardown),
        cmocka_unit_test_prestate_setup_teardown(with_offload_it_counts_as_verified, setup,
                                                 teardown, &yes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
