/* What the MD5 option signs. [RFC 2385 2.0; R2385-01] */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <handfast/os.h>

#include "auth/md5_option.h"

#define TEXT "BGPBGPBGPBGPBGPBGPBGP"

static struct key the_key(void)
{
    const struct hf_crypto_ops *ops = hf_os_crypto();
    struct key key = {.algorithm = HF_KEY_MD5};

    assert_int_equal(ops->key_open(ops->context, HF_MAC_MD5, "a secret", 8, &key.master), HF_OK);
    return key;
}

/* 192.0.2.1:40000 (2001:db8::1) to port 179 of .2 (::2), 20 bytes of options. */
static void assert_digest(const char *from, const char *to, const uint8_t digest[16])
{
    uint8_t header[40] = {0x9c, 0x40, 0x00, 0xb3, 1,    2,    3,    4,    10,  11,
                          12,   13,   0xa0, 0x18, 0x10, 0x00, 0xde, 0xad, 0x0, 0x0};
    uint8_t mac[HF_MAC_BYTES_MAX];
    const struct key key = the_key();
    struct flow flow = {.local_port = 40000, .remote_port = 179};
    struct auth_bytes bytes = {.flow = &flow,
                               .header = header,
                               .header_length = sizeof header,
                               .text = TEXT,
                               .text_length = sizeof TEXT - 1};

    assert_int_equal(hf_address_parse(&flow.local, from), HF_OK);
    assert_int_equal(hf_address_parse(&flow.remote, to), HF_OK);
    md5_option_mac(hf_os_crypto(), &key, &bytes, mac);
    assert_memory_equal(mac, digest, 16);

    /* The receiver sees the same segment from the other side; options and checksum do not count. */
    flow = (struct flow){flow.local, flow.remote, flow.local_port, flow.remote_port};
    bytes.inbound = true;
    memset(header + 16, 0x55, 2);
    memset(header + 20, 0x77, 20);
    md5_option_mac(hf_os_crypto(), &key, &bytes, mac);
    assert_memory_equal(mac, digest, 16);
    header[7] ^= 1;
    md5_option_mac(hf_os_crypto(), &key, &bytes, mac);
    assert_memory_not_equal(mac, digest, 16);
}

static void over_ipv4(void **state)
{
    static const uint8_t digest[16] = {0x44, 0x60, 0x0a, 0xff, 0x1c, 0x96, 0xb1, 0x26,
                                       0xcb, 0xa1, 0x21, 0x40, 0x8a, 0x72, 0xa2, 0xab};

    (void)state;
    assert_digest("192.0.2.1", "192.0.2.2", digest);
}

static void over_ipv6(void **state)
{
    static const uint8_t digest[16] = {0xa2, 0x5d, 0xf7, 0xe5, 0xc0, 0xa5, 0x4f, 0x21,
                                       0x31, 0x81, 0xf5, 0xf7, 0x28, 0x1b, 0x1d, 0x8b};

    (void)state;
    assert_digest("2001:db8::1", "2001:db8::2", digest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(over_ipv4), cmocka_unit_test(over_ipv6)};

    if (!hf_os_crypto())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
