/* pcapng of both orders of bytes, of interfaces that differ, and of bytes that mean nothing. See draft-ietf-opsawg-pcapng. */
#include "explain/pcapng_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define BYTES_MAX 4096

/* A file that is written block by block, in the order of bytes that is chosen. */
static struct {
    uint8_t bytes[BYTES_MAX];
    size_t length, block;
    bool big;
} out;

static void put(uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        out.bytes[out.length++] = (uint8_t)(value >> 8 * (out.big ? size - 1 - i : i));
}

static void begin(uint32_t type)
{
    out.block = out.length;
    put(type, 4);
    put(0, 4);
}

static void end(void)
{
    size_t last;

    while (out.length % 4)
        out.bytes[out.length++] = 0;
    last = out.length + 4;
    out.length = out.block + 4;
    put(last - out.block, 4);
    out.length = last - 4;
    put(last - out.block, 4);
}

static void put_section(bool big)
{
    out.big = big;
    begin(0x0a0d0d0a);
    put(0x1a2b3c4d, 4);
    put(1, 2);
    put(0, 2);
    put(UINT64_MAX, 8);
    end();
}

static void put_interface(unsigned link, unsigned resolution, uint64_t offset_s)
{
    begin(1);
    put(link, 2);
    put(0, 2);
    put(40, 4);
    put(9, 2); /* if_tsresol */
    put(1, 2);
    put(resolution, 1);
    out.length += 3;
    put(14, 2); /* if_tsoffset */
    put(8, 2);
    put(offset_s, 8);
    put(0, 4);
    end();
}

static void put_packet(unsigned which, uint64_t ticks, const char *text)
{
    begin(6);
    put(which, 4);
    put(ticks >> 32, 4);
    put(ticks & UINT32_MAX, 4);
    put(strlen(text), 4);
    put(strlen(text) + 1000, 4);
    memcpy(out.bytes + out.length, text, strlen(text));
    out.length += strlen(text);
    end();
}

static int set_up(void **state)
{
    (void)state;
    memset(&out, 0, sizeof out);
    return 0;
}

static char error[CAPTURE_ERROR_MAX];

/* Packets until the file ends, or breaks. */
static enum capture_read read_all(const uint8_t *bytes, size_t length, unsigned *packets)
{
    FILE *file = fmemopen((void *)(uintptr_t)bytes, length, "r");
    struct capture_packet packet;
    enum capture_read read;

    assert_non_null(file);
    struct pcapng_file *capture = pcapng_file_open(file);

    assert_non_null(capture);
    *packets = 0;
    while ((read = pcapng_file_next(capture, &packet, error)) == CAPTURE_PACKET) {
        uint32_t sum = 0;

        for (uint32_t i = 0; i < packet.captured; i++) /* a sanitizer sees each byte too many */
            sum += packet.data[i];
        assert_true(sum < UINT32_MAX);
        ++*packets;
    }
    pcapng_file_close(capture);
    return read;
}

static struct capture_packet first;
static char text[64];

static void read_first(void)
{
    FILE *file = fmemopen(out.bytes, out.length, "r");
    struct pcapng_file *capture = pcapng_file_open(file);

    assert_non_null(capture);
    assert_int_equal(pcapng_file_next(capture, &first, error), CAPTURE_PACKET);
    snprintf(text, sizeof text, "%.*s", (int)first.captured, (const char *)first.data);
    pcapng_file_close(capture);
}

static void test_clocks(void **state)
{
    static const struct {
        const char *name;
        unsigned resolution;
        uint64_t ticks, offset_s;
        int64_t us;
    } rows[] = {
        {"microseconds", 6, 1700000000123456, 0, 1700000000123456},
        {"nanoseconds", 9, 1700000000123456789, 0, 1700000000123456},
        {"milliseconds", 3, 1700000000123, 0, 1700000000123000},
        {"seconds", 0, 1700000000, 0, 1700000000000000},
        {"an offset", 6, 5, 1700000000, 1700000000000005},
        {"one before 1970", 6, 5, (uint64_t)-2, -1999995},
        {"2^-20", 0x94, (UINT64_C(1700000000) << 20) + (1u << 19), 0, 1700000000500000},
        {"2^-32", 0xa0, (UINT64_C(1700000000) << 32) + (1u << 30), 0, 1700000000250000},
        {"2^-63", 0xbf, (UINT64_C(1) << 63) + (UINT64_C(1) << 62), 0, 1500000},
        {"the end of time", 6, UINT64_MAX >> 1, 0, INT64_C(1) << 61},
        {"its beginning", 6, UINT64_C(1) << 63, 0, -(INT64_C(1) << 61)},
        {"2^-64", 0xc0, UINT64_MAX, 7, 7000000},
        {"10^-127", 0x7f, UINT64_MAX, 0, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int big = 0; big < 2; big++) {
            set_up(state);
            put_section(big);
            put_interface(101, rows[i].resolution, rows[i].offset_s);
            put_packet(0, rows[i].ticks, "hello");
            read_first();
            assert_string_equal(text, "hello");
            assert_int_equal(first.length, 1005);
            assert_int_equal(first.link, DISSECT_RAW_IP);
            if (first.at_us != rows[i].us)
                fail_msg("%s: %lld", rows[i].name, (long long)first.at_us);
        }
}

/* Interfaces of several kinds in a section; sections of both orders; kinds of blocks that say nothing to us. */
static void build_mixture(void)
{
    set_up(NULL);
    put_section(false);
    put_interface(1, 6, 0);
    put_interface(147, 6, 0); /* of somebody's own */
    put_interface(113, 6, 0);
    begin(5); /* statistics */
    put(0, 8);
    end();
    put_packet(2, 1, "cooked");
    put_packet(1, 2, "unknown");
    put_packet(0, 3, "ethernet");
    begin(3); /* simple */
    put(6, 4);
    memcpy(out.bytes + out.length, "simple", 6);
    out.length += 6;
    end();
    put_section(true);
    put_interface(101, 9, 0);
    begin(2); /* as it was before */
    put(0, 2);
    put(0xffff, 2);
    put(0, 4);
    put(9000, 4);
    put(3, 4);
    put(3, 4);
    memcpy(out.bytes + out.length, "old", 3);
    out.length += 3;
    end();
}

static void test_a_mixture(void **state)
{
    static const struct {
        const char *text;
        enum dissect_link link;
        int64_t at_us;
    } rows[] = {{"cooked", DISSECT_COOKED, 1},
                {"unknown", DISSECT_UNKNOWN, 2},
                {"ethernet", DISSECT_ETHERNET, 3},
                {"simple", DISSECT_ETHERNET, 0},
                {"old", DISSECT_RAW_IP, 9}};
    struct capture_packet packet;

    (void)state;
    build_mixture();
    struct pcapng_file *capture = pcapng_file_open(fmemopen(out.bytes, out.length, "r"));

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(pcapng_file_next(capture, &packet, error), CAPTURE_PACKET);
        assert_int_equal(packet.captured, strlen(rows[i].text));
        assert_memory_equal(packet.data, rows[i].text, packet.captured);
        assert_int_equal(packet.link, rows[i].link);
        assert_int_equal(packet.at_us, rows[i].at_us);
    }
    assert_int_equal(pcapng_file_next(capture, &packet, error), CAPTURE_END);
    pcapng_file_close(capture);
}

static void expect_broken(const char *why)
{
    unsigned packets;

    error[0] = '\0';
    assert_int_equal(read_all(out.bytes, out.length, &packets), CAPTURE_BROKEN);
    assert_string_equal(error, why);
}

static void test_what_cannot_be(void **state)
{
    put_section(false);
    put_interface(147, 6, 0);
    put_packet(0, 0, "x");
    expect_broken("packets of link type 147; accepted are " CAPTURE_LINKS);
    set_up(state);
    put_section(true);
    put_packet(0, 0, "x");
    expect_broken("a packet of an interface that was not described");
    set_up(state);
    put_section(false);
    out.bytes[12] = 2;
    expect_broken("a section of another version than 1");
    set_up(state);
    put_section(false);
    out.bytes[out.length - 4] ^= 4;
    expect_broken("a block with two lengths");
    set_up(state);
    put_section(false);
    out.bytes[8] = 0;
    expect_broken("a section without the mark of its order of bytes");
    set_up(state);
    put_section(false);
    put_interface(101, 6, 0);
    put_packet(0, 0, "text");
    out.bytes[out.length - 4 - 4 - 8] = 5; /* captured */
    expect_broken("a packet that is longer than its block");
}

static void test_cut_and_changed(void **state)
{
    uint64_t seed = 0x706361706e67u, random = seed;
    unsigned packets;

    (void)state;
    build_mixture();
    for (size_t cut = 1; cut <= out.length; cut++) {
        uint8_t *exact = malloc(cut);

        assert_non_null(exact);
        memcpy(exact, out.bytes, cut);
        enum capture_read read = read_all(exact, cut, &packets);

        assert_int_not_equal(read, CAPTURE_PACKET);
        assert_true(packets <= 5);
        if (cut == out.length)
            assert_true(read == CAPTURE_END && packets == 5);
        free(exact);
    }
    print_message("seed 0x%llx\n", (unsigned long long)seed);
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t changed[BYTES_MAX];

        memcpy(changed, out.bytes, out.length);
        for (unsigned i = 0; i <= round % 3; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            changed[(random >> 33) % out.length] = (uint8_t)(random >> 25);
        }
        assert_int_not_equal(read_all(changed, out.length, &packets), CAPTURE_PACKET);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_clocks, set_up),
        cmocka_unit_test_setup(test_a_mixture, set_up),
        cmocka_unit_test_setup(test_what_cannot_be, set_up),
        cmocka_unit_test_setup(test_cut_and_changed, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
