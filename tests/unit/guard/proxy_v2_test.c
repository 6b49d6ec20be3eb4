/* PROXY protocol version 2: every byte of the header, for both families. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard/proxy_v2.h"

static struct hf_endpoint endpoint(const char *text)
{
    struct hf_endpoint parsed;

    assert_int_equal(hf_endpoint_parse(&parsed, text), HF_OK);
    return parsed;
}

static void ipv4_header_has_28_bytes(void **state)
{
    static const uint8_t expected[] = {
        0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, /* signature */
        0x21, 0x11, 0x00, 0x0c, /* PROXY, TCP over IPv4, 12 bytes */
        198,  51,   100,  7,    203,  0,    113,  10,   0xc0, 0x01, 0x01, 0xbb,
    };
    struct hf_endpoint client = endpoint("198.51.100.7:49153"),
                       local = endpoint("203.0.113.10:443");
    uint8_t header[PROXY_V2_MAX];

    (void)state;
    assert_int_equal(proxy_v2_build(header, &client, &local), sizeof expected);
    assert_memory_equal(header, expected, sizeof expected);
}

static void ipv6_header_has_52_bytes(void **state)
{
    static const uint8_t expected[] = {
        0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21,
        0x21, 0x00, 0x24, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x05, 0,    0,    0,    0,
        0,    0,    0,    0,    0,    0x07, 0x20, 0x01, 0x0d, 0xb8, 0,    0,    0,
        0,    0,    0,    0,    0,    0,    0,    0,    0x10, 0x00, 0x50, 0xff, 0xff,
    };
    struct hf_endpoint client = endpoint("[2001:db8:5::7]:80"),
                       local = endpoint("[2001:db8::10]:65535");
    uint8_t header[PROXY_V2_MAX];

    (void)state;
    assert_int_equal(proxy_v2_build(header, &client, &local), sizeof expected);
    assert_memory_equal(header, expected, sizeof expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_header_has_28_bytes),
        cmocka_unit_test(ipv6_header_has_52_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
