/* The MACs of libhandfast-os, by the examples that were published for them (RFC 2202, RFC 4231, RFC 4493).
 * [RFC 5926 3.2.1, 3.2.2; R5926-01, R5926-08, R5926-09] */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <handfast/os.h>

#include "crypto/crypto_ops.h"

#define LONG_TEXT "Test Using Larger Than Block-Size Key - Hash Key First"
#define AES_TEXT                                                       \
    "\x6b\xc1\xbe\xe2\x2e\x40\x9f\x96\xe9\x3d\x7e\x11\x73\x93\x17\x2a" \
    "\xae\x2d\x8a\x57\x1e\x03\xac\x9c\x9e\xb7\x6f\xac\x45\xaf\x8e\x51" \
    "\x30\xc8\x1c\x46\xa3\x5c\xe4\x11\xe5\xfb\xc1\x19\x1a\x0a\x52\xef" \
    "\xf6\x9f\x24\x45\xdf\x4f\x9b\x17\xad\x2b\x41\x7b\xe6\x6c\x37\x10"
#define AES_KEY "\x2b\x7e\x15\x16\x28\xae\xd2\xa6\xab\xf7\x15\x88\x09\xcf\x4f\x3c"

static const struct row {
    const char *name;
    enum hf_mac_kind kind;
    const char *key; /* NULL: `repeated` times `byte` */
    uint8_t byte;
    size_t key_length;
    const char *text;
    size_t length;
    const char *mac; /* hexadecimal */
} rows[] = {
    {"SHA-1", HF_MAC_HMAC_SHA1_96, NULL, 0x0b, 20, "Hi There", 8,
     "b617318655057264e28bc0b6fb378c8ef146be00"},
    {"SHA-1, long key", HF_MAC_HMAC_SHA1_96, NULL, 0xaa, 80, LONG_TEXT, sizeof LONG_TEXT - 1,
     "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
    {"SHA-256", HF_MAC_HMAC_SHA256_128, NULL, 0x0b, 20, "Hi There", 8,
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"SHA-256, long key", HF_MAC_HMAC_SHA256_128, NULL, 0xaa, 131, LONG_TEXT, sizeof LONG_TEXT - 1,
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {"CMAC of nothing", HF_MAC_AES_128_CMAC_96, AES_KEY, 0, 16, AES_TEXT, 0,
     "bb1d6929e95937287fa37d129b756746"},
    {"CMAC of 16", HF_MAC_AES_128_CMAC_96, AES_KEY, 0, 16, AES_TEXT, 16,
     "070a16b46b4d4144f79bdd9dd04a287c"},
    {"CMAC of 40", HF_MAC_AES_128_CMAC_96, AES_KEY, 0, 16, AES_TEXT, 40,
     "dfa66747de9ae63030ca32611497c827"},
    {"CMAC of 64", HF_MAC_AES_128_CMAC_96, AES_KEY, 0, 16, AES_TEXT, 64,
     "51f0bebf7e3b9d92fc49741779363cfe"},
};

static void assert_mac(const struct row *row, const uint8_t *mac)
{
    char text[2 * HF_MAC_BYTES_MAX + 1] = "";

    for (size_t i = 0; i < hf_mac_bytes(row->kind); i++)
        snprintf(text + 2 * i, 3, "%02x", mac[i]);
    assert_string_equal(text, row->mac);
}

/* In three parts, cut wherever it may be. */
static void published_examples_in_any_parts(void **state)
{
    const struct hf_crypto_ops *ops = hf_os_crypto();

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        uint8_t key[131], mac[HF_MAC_BYTES_MAX];
        struct hf_mac_key opened;

        memset(key, row->byte, sizeof key);
        if (row->key)
            memcpy(key, row->key, row->key_length);
        print_message("%s\n", row->name);
        assert_int_equal(ops->key_open(ops->context, row->kind, key, row->key_length, &opened),
                         HF_OK);
        for (size_t a = 0; a <= row->length; a++)
            for (size_t b = a; b <= row->length; b += 7) {
                const struct hf_mac_part parts[3] = {
                    {row->text, a}, {row->text + a, b - a}, {row->text + b, row->length - b}};

                ops->sign(ops->context, &opened, parts, 3, mac);
                assert_mac(row, mac);
            }
        ops->key_close(ops->context, &opened);
        for (size_t byte = 0; byte < sizeof opened.state; byte++)
            assert_int_equal(opened.state[byte], 0);
    }
}

static void lengths_that_a_kind_does_not_take(void **state)
{
    const struct hf_crypto_ops *ops = hf_os_crypto();
    uint8_t key[HF_MD5_KEY_MAX + 1] = {0};
    struct hf_mac_key opened;

    (void)state;
    assert_int_equal(ops->key_open(ops->context, HF_MAC_AES_128_CMAC_96, key, 15, &opened),
                     HF_INVALID);
    assert_int_equal(ops->key_open(ops->context, HF_MAC_AES_128_CMAC_96, key, 17, &opened),
                     HF_INVALID);
    assert_int_equal(ops->key_open(ops->context, HF_MAC_MD5, key, 0, &opened), HF_INVALID);
    assert_int_equal(ops->key_open(ops->context, HF_MAC_MD5, key, sizeof key, &opened), HF_INVALID);
    assert_int_equal(ops->key_open(ops->context, HF_MAC_MD5, key, HF_MD5_KEY_MAX, &opened), HF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_examples_in_any_parts),
        cmocka_unit_test(lengths_that_a_kind_does_not_take),
    };

    if (!hf_os_crypto())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
