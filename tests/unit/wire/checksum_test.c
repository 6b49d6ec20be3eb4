/* The Internet checksum against a sum of one word at a time. [RFC 1071] */
#include "unit/wire/support.h"

static uint16_t slow_sum(const uint8_t *data, size_t length)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < length; i++) {
        sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

/* [R1071-01] */
static void the_example_of_rfc_1071(void **state)
{
    static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

    (void)state;
    assert_int_equal(checksum_sum(data, sizeof data), 0xddf2); /* [RFC 1071 3] */
}

/* [R1071-01] */
static void every_length_at_every_alignment(void **state)
{
    uint64_t seed = 0x5eed1071;
    uint8_t data[420];

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)next_random(&seed);
    for (size_t offset = 0; offset < 16; offset++) {
        for (size_t length = 0; length <= 400; length++) {
            uint8_t *copy = exact_copy(data + offset, length);
            uint8_t *to = exact_copy(data, length + 1);
            uint8_t guard = to[length];

            assert_int_equal(checksum_sum(copy, length), slow_sum(copy, length));
            assert_int_equal(checksum_sum(data + offset, length), slow_sum(copy, length));
            assert_int_equal(checksum_finish(checksum_short(0, copy, (uint32_t)length)),
                             slow_sum(copy, length));
            assert_int_equal(checksum_copy(to, copy, length), slow_sum(copy, length));
            if (length)
                assert_memory_equal(to, copy, length);
            assert_int_equal(to[length], guard);
            free(copy);
            free(to);
        }
    }
}

/* Every lane full of ones: the sum of the largest frame and of a megabyte and more does not overflow. */
static void all_ones_of_any_length(void **state)
{
    static const size_t lengths[] = {64, 65, 1460, 65535, 65549, 1 << 20, (2 << 20) + 77};

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        uint8_t *data = malloc(lengths[i]);

        assert_non_null(data);
        memset(data, 0xff, lengths[i]);
        assert_int_equal(checksum_sum(data, lengths[i]), slow_sum(data, lengths[i]));
        free(data);
    }
}

static void parts_add_up(void **state)
{
    uint64_t seed = 0xadd;
    uint8_t data[101];

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)next_random(&seed);
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        uint16_t first = checksum_sum(data, cut),
                 second = checksum_sum(data + cut, sizeof data - cut);

        if (cut % 2)
            second = checksum_swap(second);
        assert_int_equal(checksum_add(first, second), slow_sum(data, sizeof data));
    }
}

/* [R8200-18] */
static void pseudo_headers_of_both_families(void **state)
{
    struct hf_address a4 = address_of("192.0.2.1"), b4 = address_of("192.0.2.2");
    struct hf_address a6 = address_of("2001:db8::1"), b6 = address_of("fe80::ffff:ffff");
    uint8_t v4[12], v6[40] = {0};

    (void)state;
    memcpy(v4, (uint8_t[]){192, 0, 2, 1, 192, 0, 2, 2, 0, 6, 0x12, 0x34}, 12);
    assert_int_equal(checksum_pseudo_header(&a4, &b4, 6, 0x1234), slow_sum(v4, 12));
    memcpy(v6, &a6, 16);
    memcpy(v6 + 16, &b6, 16);
    memcpy(v6 + 32, (uint8_t[]){0, 1, 0, 2, 0, 0, 0, 58}, 8);
    assert_int_equal(checksum_pseudo_header(&a6, &b6, 58, 0x10002), slow_sum(v6, 40));
}

/* [RFC 1624 4]: the case that the older formula gets wrong, and random ones. [R1624-01] */
static void a_changed_word_updates_the_field(void **state)
{
    uint64_t seed = 0x1624;
    uint8_t data[20];

    (void)state;
    assert_int_equal(checksum_update(0xdd2f, 0x5555, 0x3285), 0x0000);
    for (unsigned round = 0; round < 10000; round++) {
        for (size_t i = 0; i < sizeof data; i++)
            data[i] = (uint8_t)next_random(&seed);
        uint16_t field = (uint16_t)~slow_sum(data, sizeof data);
        uint16_t before = (uint16_t)(data[4] << 8 | data[5]), after = (uint16_t)next_random(&seed);

        data[4] = (uint8_t)(after >> 8);
        data[5] = (uint8_t)after;
        assert_int_equal(checksum_update(field, before, after),
                         (uint16_t)~slow_sum(data, sizeof data));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_rfc_1071),
        cmocka_unit_test(every_length_at_every_alignment),
        cmocka_unit_test(all_ones_of_any_length),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(pseudo_headers_of_both_families),
        cmocka_unit_test(a_changed_word_updates_the_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
