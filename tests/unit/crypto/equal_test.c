/* Comparing and wiping secrets. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/crypto_ops.h"
#include "crypto/equal.h"
#include "crypto/wipe.h"

static void one_bit_anywhere_differs(void **state)
{
    uint8_t a[37], b[37];

    (void)state;
    for (uint8_t i = 0; i < sizeof a; i++)
        a[i] = b[i] = (uint8_t)(i * 7);
    assert_true(equal_bytes(a, b, sizeof a));
    for (uint32_t bit = 0; bit < 8 * sizeof a; bit++) {
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(equal_bytes(a, b, sizeof a));
        assert_true(equal_bytes(a, b, bit / 8)); /* what lies behind the length does not count */
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(equal_bytes(a, b, 0));
}

static void words(void **state)
{
    (void)state;
    assert_true(equal_u64(0x0123456789abcdef, 0x0123456789abcdef));
    for (uint32_t bit = 0; bit < 64; bit++)
        assert_false(equal_u64(0x0123456789abcdef, 0x0123456789abcdef ^ UINT64_C(1) << bit));
}

static void wiped_to_the_last_byte(void **state)
{
    uint8_t secret[34];

    (void)state;
    memset(secret, 0x55, sizeof secret);
    wipe(secret + 1, 32);
    assert_int_equal(secret[0], 0x55);
    for (uint32_t i = 1; i < 33; i++)
        assert_int_equal(secret[i], 0);
    assert_int_equal(secret[33], 0x55);
}

/* [RFC 5926 3.2]: both of its MACs are cut to 96 bits. */
static void macs_on_the_wire(void **state)
{
    (void)state;
    assert_int_equal(hf_mac_wire_bytes(HF_MAC_HMAC_SHA1_96), 12);
    assert_int_equal(hf_mac_wire_bytes(HF_MAC_AES_128_CMAC_96), 12);
    assert_int_equal(hf_mac_wire_bytes(HF_MAC_HMAC_SHA256_128), 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_bit_anywhere_differs),
        cmocka_unit_test(words),
        cmocka_unit_test(wiped_to_the_last_byte),
        cmocka_unit_test(macs_on_the_wire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
