/* Multicast listener reports. [RFC 3810 5.2] */
#include "base/bytes.h"
#include "unit/wire/support.h"
#include "wire/ipv6.h"
#include "wire/mld.h"

static void a_report_of_two_groups(void **state)
{
    struct hf_address source = address_of("fe80::1");
    struct hf_address groups[2] = {address_of("ff02::1:ff00:2"), address_of("ff02::1:ff00:3")};
    uint8_t *data = malloc(MLD_REPORT_LENGTH(2));
    struct ipv6 header;
    struct ipv6_chain chain;

    (void)state;
    assert_non_null(data);
    assert_int_equal(mld_build_join(data, &source, groups, 2), 96);
    assert_int_equal(ipv6_parse(&header, data, 96), HF_STAT_none);
    assert_int_equal(header.hop_limit, 1);
    assert_address(header.source, "fe80::1");
    assert_address(header.destination, "ff02::16");
    assert_int_equal(ipv6_walk(&chain, data, 96), HF_STAT_none);
    assert_int_equal(chain.protocol, IP_ICMPV6);
    assert_int_equal(chain.length, 48);
    assert_memory_equal(data + 42, ((uint8_t[]){5, 2, 0, 0}), 4); /* router alert */

    const uint8_t *report = data + 48;
    assert_int_equal(report[0], 143);
    assert_int_equal(get_be16(report + 6), 2);
    assert_int_equal(report[8], 4); /* change to exclude */
    assert_int_equal(get_be16(report + 10), 0);
    assert_memory_equal(report + 12, &groups[0], 16);
    assert_memory_equal(report + 32, &groups[1], 16);
    assert_int_equal(
        checksum_add(checksum_pseudo_header(&header.source, &header.destination, 58, 48),
                     checksum_sum(report, 48)),
        0xffff);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_of_two_groups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
