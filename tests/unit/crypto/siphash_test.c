/* SipHash-2-4: the 64 published vectors by every path, and the keys of HF1. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/siphash.h"
#include "siphash_vectors.h"

static uint8_t input[64];

static struct siphash_key vector_key(void)
{
    uint8_t bytes[16];

    for (uint8_t i = 0; i < 16; i++)
        bytes[i] = i;
    return siphash_key_from(bytes);
}

static int fill_input(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 64; i++)
        input[i] = i;
    return 0;
}

static uint64_t expected(uint32_t length)
{
    return siphash_load(siphash_vectors[length]);
}

static void all_64_vectors(void **state)
{
    (void)state;
    for (uint32_t length = 0; length < 64; length++)
        assert_true(siphash_bytes(vector_key(), input, length) == expected(length));
}

static void any_alignment(void **state)
{
    uint8_t shifted[72];

    (void)state;
    for (uint32_t shift = 0; shift < 8; shift++) {
        memcpy(shifted + shift, input, 63);
        assert_true(siphash_bytes(vector_key(), shifted + shift, 63) == expected(63));
    }
}

static void fixed_sizes_agree(void **state)
{
    struct siphash_key key = vector_key();
    uint64_t w[5];

    (void)state;
    for (uint32_t i = 0; i < 5; i++)
        w[i] = siphash_load(input + 8 * i);
    assert_true(siphash_12(key, w[0], siphash_load32(input + 8)) == expected(12));
    assert_true(siphash_16(key, w[0], w[1]) == expected(16));
    assert_true(siphash_20(key, w[0], w[1], siphash_load32(input + 16)) == expected(20));
    assert_true(siphash_24(key, w[0], w[1], w[2]) == expected(24));
    assert_true(siphash_36(key, w, siphash_load32(input + 32)) == expected(36));
    assert_true(siphash_40(key, w) == expected(40));
}

static void the_length_is_hashed(void **state)
{
    static const uint8_t zeros[300];

    (void)state;
    for (uint32_t length = 1; length < 300; length++) /* past 255, where its low byte repeats */
        assert_true(siphash_bytes(vector_key(), zeros, length) !=
                    siphash_bytes(vector_key(), zeros, length - 1));
}

/* Keys of the HF1 vectors: master 40 41 .. 4f. */
static void derived_keys(void **state)
{
    static const struct {
        const char *label;
        uint32_t number;
        uint8_t key[16];
    } rows[] = {
        {"hf1 tuple",
         0,
         {0x86, 0x71, 0x46, 0x2c, 0xfc, 0x92, 0xb5, 0x89, 0x12, 0xc7, 0xa7, 0x96, 0x5c, 0x4f, 0xb6,
          0xd5}},
        {"hf1 epoch",
         0,
         {0xd5, 0x74, 0xd8, 0x21, 0x4b, 0xde, 0x62, 0x76, 0x84, 0x8c, 0x6b, 0xf4, 0x68, 0x3d, 0x1a,
          0x0d}},
        {"hf1 epoch",
         1,
         {0xa6, 0x16, 0x18, 0x3f, 0x1d, 0xb8, 0x04, 0xfb, 0x0d, 0x58, 0x7d, 0x94, 0x6b, 0xeb, 0x61,
          0x24}},
        {"hf1 epoch",
         1722000,
         {0x39, 0x47, 0xa0, 0x5c, 0x7b, 0xf4, 0xbc, 0x97, 0x31, 0x8d, 0xe6, 0xe4, 0xf3, 0x1e, 0x84,
          0x5d}},
    };
    uint8_t bytes[16];

    (void)state;
    for (uint8_t i = 0; i < 16; i++)
        bytes[i] = (uint8_t)(0x40 + i);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct siphash_key key =
            siphash_derive(siphash_key_from(bytes), rows[i].label, rows[i].number);

        assert_true(key.k0 == siphash_load(rows[i].key));
        assert_true(key.k1 == siphash_load(rows[i].key + 8));
    }
}

static void labels_and_numbers_part_keys(void **state)
{
    struct siphash_key a = siphash_derive(vector_key(), "flow", 0);
    struct siphash_key b = siphash_derive(vector_key(), "flow", 1);
    struct siphash_key c = siphash_derive(vector_key(), "flov", 0);
    static const char longest[] = "a label of exactly 32 characters";

    (void)state;
    assert_int_equal(sizeof longest - 1, SIPHASH_LABEL_MAX);
    assert_true(a.k0 != b.k0 && a.k1 != b.k1 && a.k0 != c.k0 && a.k1 != c.k1 && a.k0 != a.k1);
    assert_true(siphash_derive(vector_key(), longest, 7).k0 !=
                siphash_derive(vector_key(), longest, 8).k0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_64_vectors),    cmocka_unit_test(any_alignment),
        cmocka_unit_test(fixed_sizes_agree), cmocka_unit_test(the_length_is_hashed),
        cmocka_unit_test(derived_keys),      cmocka_unit_test(labels_and_numbers_part_keys),
    };

    return cmocka_run_group_tests(tests, fill_input, NULL);
}
