/* One direction of a bad link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/time.h"
#include "sim/link.h"
#include "wire/checksum.h"

#define FRAMES 10000

static struct link link_of(struct link_setup setup)
{
    struct random random;
    struct link link;

    random_seed(&random, 11);
    link_init(&link, &setup, random);
    return link;
}

static void test_perfect(void **state)
{
    struct link link = link_of((struct link_setup){.delay_us = 5000});
    struct link_delivery deliveries[LINK_COPIES_MAX];
    unsigned count;

    (void)state;
    for (int64_t now = 0; now < FRAMES; now++) {
        assert_int_equal(link_send(&link, 1500, now, deliveries, &count), LINK_CARRIED);
        assert_int_equal(count, 1);
        assert_int_equal(deliveries[0].at_us, now + 5000);
        assert_int_equal(deliveries[0].marks, 0);
    }
    assert_int_equal(link.count.frames, FRAMES);
}

static void test_loss_and_duplicates(void **state)
{
    struct link link = link_of((struct link_setup){.loss = 100000, .duplicate = 50000});
    struct link_delivery deliveries[LINK_COPIES_MAX];
    unsigned count, arrived = 0;

    (void)state;
    for (int i = 0; i < FRAMES; i++) {
        enum link_fate fate = link_send(&link, 100, i, deliveries, &count);

        assert_int_equal(fate == LINK_LOST, count == 0);
        if (count == 2)
            assert_true(deliveries[1].marks & LINK_DUPLICATE);
        arrived += count;
    }
    assert_in_range(link.count.lost, 850, 1150);
    assert_in_range(link.count.duplicated, 340, 560);
    assert_int_equal(arrived, FRAMES - link.count.lost + link.count.duplicated);
}

/* Jitter keeps the order, reordering breaks it. */
static void test_order(void **state)
{
    struct link_delivery deliveries[LINK_COPIES_MAX];
    unsigned count;

    (void)state;
    for (int reorder = 0; reorder < 2; reorder++) {
        struct link link = link_of((struct link_setup){.delay_us = 1000,
                                                       .jitter_us = 700,
                                                       .reorder = reorder ? 100000 : 0,
                                                       .reorder_us = 3000});
        int64_t last = 0;
        unsigned overtaken = 0;

        for (int64_t now = 0; now < FRAMES; now += 10) {
            link_send(&link, 100, now, deliveries, &count);
            assert_true(deliveries[0].at_us >= now + 1000);
            assert_true(reorder || deliveries[0].at_us <= now + 1700);
            overtaken += deliveries[0].at_us < last;
            last = time_max(last, deliveries[0].at_us);
        }
        assert_int_equal(overtaken > 0, reorder);
    }
}

/* 1,000 bytes at 8 Mbit/s take a millisecond; a queue of 5,000 bytes holds five of them. */
static void test_bandwidth(void **state)
{
    struct link link = link_of((struct link_setup){.bits_per_s = 8000000, .queue_bytes = 5000});
    struct link_delivery deliveries[LINK_COPIES_MAX];
    unsigned count;

    (void)state;
    for (int i = 0; i < 10; i++) {
        enum link_fate fate = link_send(&link, 1000, 0, deliveries, &count);

        assert_int_equal(fate, i < 5 ? LINK_CARRIED : LINK_QUEUE_FULL);
        if (count > 0)
            assert_int_equal(deliveries[0].at_us, (i + 1) * 1000);
    }
    assert_int_equal(link.count.queue_full, 5);
    assert_int_equal(link_send(&link, 1000, 1000, deliveries, &count), LINK_CARRIED);
}

/* Damage is what the Internet checksum always finds, and it leaves the link header alone. [RFC 1071] */
static void test_damage(void **state)
{
    struct link link = link_of((struct link_setup){0});
    uint8_t sound[100], data[100];
    uint32_t length = sizeof data;

    (void)state;
    for (unsigned i = 0; i < sizeof sound; i++)
        sound[i] = (uint8_t)(i % 7 == 0 ? 0xff : i % 5 == 0 ? 0 : i);
    for (int i = 0; i < FRAMES; i++) {
        memcpy(data, sound, sizeof data);
        link_damage(&link, LINK_CORRUPTED, 14, data, &length);
        assert_memory_equal(data, sound, 14);
        uint16_t before = checksum_sum(sound + 14, 86), after = checksum_sum(data + 14, 86);
        assert_int_not_equal(before % 0xffff, after % 0xffff);
    }
    for (int i = 0; i < 100; i++) {
        length = sizeof data;
        link_damage(&link, LINK_TRUNCATED, 14, data, &length);
        assert_in_range(length, 0, sizeof data - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_perfect), cmocka_unit_test(test_loss_and_duplicates),
        cmocka_unit_test(test_order),   cmocka_unit_test(test_bandwidth),
        cmocka_unit_test(test_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
