/* What the adapter sees in packets and packetdrill does not: each fault is made and must be found. [RFC 1071; RFC 7323 4.3;
 * RFC 1191 3] */
#include "../world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "wire/checksum.h"

#define TCP 20 /* where the TCP header begins */
#define LENGTH 60

static struct watch watch;

/* 192.168.0.1:8080 > 192.0.2.1:40001 with MSS, SACK permitted, timestamps and a window scale; a SYN+ACK. */
static void build(uint8_t packet[LENGTH + 40], uint8_t flags, uint32_t value, uint32_t echo)
{
    static const uint8_t header[TCP] = {0x45, 0, 0,   LENGTH, 0, 0, 0x40, 0, 64, 6,
                                        0,    0, 192, 168,    0, 1, 192,  0, 2,  1};
    static const uint8_t options[20] = {2, 4, 5, 180, 4, 2, 8, 10, [16] = 1, 3, 3, 7};
    uint8_t *tcp = packet + TCP;

    memset(packet, 0, LENGTH + 40);
    memcpy(packet, header, TCP);
    put_be16(packet + 10, (uint16_t)~checksum_sum(packet, TCP));
    put_be16(tcp, 8080);
    put_be16(tcp + 2, 40001);
    tcp[12] = 10 << 4;
    tcp[13] = flags;
    memcpy(tcp + 20, options, sizeof options);
    put_be32(tcp + 28, value);
    put_be32(tcp + 32, echo);
    put_be16(tcp + 16, watch_transport_sum(packet, LENGTH, TCP));
}

/* The same with both ends exchanged: what the peer sends. */
static void heard(uint32_t value)
{
    uint8_t packet[LENGTH + 40];

    build(packet, 0x02, value, 0);
    memcpy(packet + 12, (uint8_t[]){192, 0, 2, 1, 192, 168, 0, 1}, 8);
    put_be16(packet + TCP, 40001);
    put_be16(packet + TCP + 2, 8080);
    watch_in(&watch, packet, LENGTH);
}

static const char *said(const uint8_t *packet)
{
    return watch_out(&watch, packet, LENGTH);
}

static void test_right_packet(void **state)
{
    uint8_t packet[LENGTH + 40];

    (void)state;
    heard(700);
    build(packet, 0x12, 100, 700);
    assert_null(said(packet));
}

static void test_checksums(void **state)
{
    uint8_t packet[LENGTH + 40];

    (void)state;
    heard(700);
    build(packet, 0x12, 100, 700);
    packet[8] ^= 1;
    assert_string_equal(said(packet), "a wrong IPv4 header checksum");
    build(packet, 0x12, 100, 700);
    packet[TCP + 16] ^= 1;
    assert_string_equal(said(packet), "a wrong transport checksum");
    build(packet, 0x12, 100, 700);
    packet[3]++;
    assert_string_equal(said(packet), "an IP header that does not fit its length");
}

/* Changes the flags and identification of the header and mends its checksum. */
static void fragmenting(uint8_t *packet, uint16_t identification, uint16_t fragment)
{
    put_be16(packet + 4, identification);
    put_be16(packet + 6, fragment);
    put_be16(packet + 10, 0);
    put_be16(packet + 10, (uint16_t)~checksum_sum(packet, TCP));
}

static void test_fragmenting(void **state)
{
    uint8_t packet[LENGTH + 40];
    uint8_t icmp[28 + 28] = {0x45, 0, 0, 56, 0, 0, 0x40, 0, 64, 1, [20] = 3, 4, [26] = 0, 68};

    (void)state;
    heard(700);
    build(packet, 0x12, 100, 700);
    fragmenting(packet, 7, 0x4000);
    assert_string_equal(said(packet), "an identification beside DF");
    fragmenting(packet, 7, 0x2000);
    assert_string_equal(said(packet), "a fragment of a TCP segment");
    fragmenting(packet, 7, 0);
    assert_string_equal(said(packet), "no DF though the path takes 552 bytes");
    watch_in(&watch, icmp, sizeof icmp);
    assert_null(said(packet));
}

static void test_echo(void **state)
{
    uint8_t packet[LENGTH + 40];

    (void)state;
    heard(700);
    heard(800);
    build(packet, 0x12, 100, 701);
    assert_string_equal(said(packet), "a TS.ecr that the peer never sent");
    build(packet, 0x02, 100, 700);
    assert_string_equal(said(packet), "a TS.ecr without ACK");
    build(packet, 0x12, 100, 800);
    assert_null(said(packet));
    build(packet, 0x12, 100, 700);
    assert_string_equal(said(packet), "a TS.ecr older than the last one");
}

static void test_order(void **state)
{
    static const uint8_t freebsd[20] = {2, 4,  5, 180, 1, 3,   3, 7, 4, 2,
                                        8, 10, 0, 0,   0, 100, 0, 0, 2, 188};
    uint8_t packet[LENGTH + 40];

    (void)state;
    heard(700);
    build(packet, 0x12, 100, 700);
    assert_int_equal(order_options(packet, LENGTH, ORDER_FREEBSD), LENGTH);
    assert_memory_equal(packet + TCP + 20, freebsd, sizeof freebsd);
    assert_null(said(packet));
    build(packet, 0x10, 100, 700); /* no SYN: as it was */
    memset(packet + TCP + 20, 1, 8);
    assert_int_equal(order_options(packet, LENGTH, ORDER_FREEBSD), LENGTH);
    assert_int_equal(packet[TCP + 20], 1);
}

static int forget(void **state)
{
    (void)state;
    watch = (struct watch){0};
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_right_packet, forget),
        cmocka_unit_test_setup(test_checksums, forget),
        cmocka_unit_test_setup(test_fragmenting, forget),
        cmocka_unit_test_setup(test_echo, forget),
        cmocka_unit_test_setup(test_order, forget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
