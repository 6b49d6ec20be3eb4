/* TCP options, every kind. [RFC 9293 3.2; RFC 7323 2.2, 3.2; RFC 2018 2, 3; RFC 2385 3; RFC 5925 2.2; RFC 7413 4.1.1] */
#include "base/bytes.h"
#include "unit/wire/frames.h"
#include "unit/wire/support.h"
#include "wire/tcp_option.h"

/* Options behind 20 bytes of header, in memory that ends with them. */
static void parse(struct tcp_options *options, const void *bytes, uint32_t length)
{
    uint8_t *header = malloc(20 + length);

    assert_non_null(header);
    memset(header, 0xa5, 20);
    if (length)
        memcpy(header + 20, bytes, length);
    memset(options, 0xa5, sizeof *options);
    tcp_option_parse(options, header, 20 + length);
    free(header);
}

/* [RFC 9293 MUST-4, MUST-14]: end, no operation and MSS at least. */
static void a_syn_of_linux(void **state)
{
    struct tcp_options options;
    uint8_t built[TCP_OPTIONS_MAX];

    (void)state;
    parse(&options, syn_v4 + 54, 20);
    assert_int_equal(options.present, TCP_OPTION_MSS | TCP_OPTION_SACK_PERMITTED |
                                          TCP_OPTION_TIMESTAMPS | TCP_OPTION_SCALE);
    assert_int_equal(options.mss, 1460);
    assert_int_equal(options.scale, 7);
    assert_int_equal(options.ts_value, 0x4a3b2c1d);
    assert_int_equal(options.ts_echo, 0);
    assert_int_equal(tcp_option_length(&options), 20);
    assert_int_equal(tcp_option_build(built, &options), 20);
    assert_memory_equal(built, syn_v4 + 54, 20);
}

/* [R7323-12] */
static void timestamps_alone(void **state)
{
    struct tcp_options options;
    uint8_t built[TCP_OPTIONS_MAX];

    (void)state;
    parse(&options, data_v4 + 54, 12);
    assert_int_equal(options.present, TCP_OPTION_TIMESTAMPS);
    assert_int_equal(options.ts_value, 0x4a3b2c1d);
    assert_int_equal(options.ts_echo, 0x00bc614e);
    assert_int_equal(options.sack_count, 0);
    assert_int_equal(tcp_option_build(built, &options), 12);
    assert_memory_equal(built, data_v4 + 54, 12);
}

static void no_options(void **state)
{
    struct tcp_options options;
    uint8_t built[TCP_OPTIONS_MAX];

    (void)state;
    parse(&options, "", 0);
    assert_int_equal(options.present, 0);
    assert_int_equal(tcp_option_length(&options), 0);
    assert_int_equal(tcp_option_build(built, &options), 0);
}

static void sack_blocks_are_rebuilt(void **state)
{
    struct tcp_options options;
    uint8_t built[TCP_OPTIONS_MAX];

    (void)state;
    parse(&options, sack_v4 + 54, 24);
    assert_int_equal(options.present, TCP_OPTION_TIMESTAMPS | TCP_OPTION_SACK);
    assert_int_equal(options.sack_count, 1);
    assert_int_equal(options.sack[0].left.value, 0x11223344);
    assert_int_equal(options.sack[0].right.value, 0x11223b00);
    assert_int_equal(tcp_option_build(built, &options), 24);
    assert_memory_equal(built, sack_v4 + 54, 24);
}

/* [RFC 2018 3]: 8n+2 bytes, at most four blocks. [R2018-12] */
static void sack_of_every_length(void **state)
{
    (void)state;
    for (unsigned length = 0; length < 256; length++) {
        uint8_t bytes[40] = {TCP_KIND_SACK, (uint8_t)length};
        struct tcp_options options;
        bool good = length == 10 || length == 18 || length == 26 || length == 34;

        parse(&options, bytes, sizeof bytes);
        assert_int_equal(options.present, good ? TCP_OPTION_SACK : TCP_OPTION_MALFORMED);
        assert_int_equal(options.sack_count, good ? (length - 2) / 8 : 0);
    }
}

/* [RFC 5925 2.2]: from 4 bytes on; [RFC 2385 3.0]: 18. */
static void signatures_of_every_length(void **state)
{
    (void)state;
    for (unsigned length = 0; length < 256; length++) {
        uint8_t bytes[40] = {TCP_KIND_NOP, TCP_KIND_AO, (uint8_t)length};
        struct tcp_options options;

        parse(&options, bytes, sizeof bytes);
        if (length >= 4 && length <= 39) {
            assert_int_equal(options.present, TCP_OPTION_AO);
            assert_int_equal(options.ao_offset, 21);
            assert_int_equal(options.ao_length, length);
        } else {
            assert_int_equal(options.present, TCP_OPTION_MALFORMED | TCP_OPTION_BAD_SIGNATURE);
        }
        bytes[1] = TCP_KIND_MD5;
        parse(&options, bytes, sizeof bytes);
        assert_int_equal(options.present, length == 18
                                              ? TCP_OPTION_MD5
                                              : (TCP_OPTION_MALFORMED | TCP_OPTION_BAD_SIGNATURE));
        if (length == 18)
            assert_int_equal(options.md5_offset, 21);
    }
}

/* Two signatures are a way to have one checked and another believed. */
static void a_second_signature_is_malformed(void **state)
{
    /* [R5925-03, R5925-04] */
    static const uint8_t two_md5[36] = {19, 18, [18] = 19, [19] = 18};
    static const uint8_t two_ao[20] = {29, 8, [8] = 29, [9] = 12};
    struct tcp_options options;

    (void)state;
    parse(&options, two_md5, sizeof two_md5);
    assert_int_equal(options.present,
                     TCP_OPTION_MD5 | TCP_OPTION_MALFORMED | TCP_OPTION_BAD_SIGNATURE);
    assert_int_equal(options.md5_offset, 20);
    parse(&options, two_ao, sizeof two_ao);
    assert_int_equal(options.present,
                     TCP_OPTION_AO | TCP_OPTION_MALFORMED | TCP_OPTION_BAD_SIGNATURE);
    assert_int_equal(options.ao_length, 8);
}

/* [RFC 9293 MUST-6]: skipped by their length, and what follows is read. [R5482-10, R6994-02] */
static void unknown_kinds_are_passed_over(void **state)
{
    static const uint8_t known[] = {0, 1, 2, 3, 4, 5, 8, 19, 29, 34};

    (void)state;
    for (unsigned kind = 0; kind < 256; kind++) {
        uint8_t bytes[8] = {(uint8_t)kind, 4, 0xff, 0xff, TCP_KIND_MSS, 4, 0x05, 0xb4};
        struct tcp_options options;

        if (memchr(known, (int)kind, sizeof known))
            continue;
        parse(&options, bytes, sizeof bytes);
        assert_int_equal(options.present, TCP_OPTION_UNKNOWN | TCP_OPTION_MSS);
        assert_int_equal(options.mss, 1460);
    }
}

/* [RFC 9293 MUST-7]: lengths that cannot be end the reading; nothing outside the header is read. [R7323-12] */
static void lengths_that_cannot_be(void **state)
{
    static const struct {
        const char *name;
        uint8_t bytes[8];
        uint32_t length;
        uint16_t present;
    } rows[] = {
        {"unknown, 0", {254, 0, 2, 4, 5, 0xb4, 1, 1}, 8, TCP_OPTION_MALFORMED},
        {"unknown, 1", {254, 1, 2, 4, 5, 0xb4, 1, 1}, 8, TCP_OPTION_MALFORMED},
        {"unknown, one too many", {1, 1, 1, 1, 254, 5, 0, 0}, 8, TCP_OPTION_MALFORMED},
        {"unknown, 255", {254, 255, 0, 0}, 4, TCP_OPTION_MALFORMED},
        {"length cut off", {1, 1, 1, 254}, 4, TCP_OPTION_MALFORMED},
        {"MSS, 0", {2, 0, 5, 0xb4}, 4, TCP_OPTION_MALFORMED},
        {"MSS, 3", {2, 3, 5, 0}, 4, TCP_OPTION_MALFORMED},
        {"MSS, 5", {2, 5, 5, 0xb4, 0, 0, 0, 0}, 8, TCP_OPTION_MALFORMED},
        {"MSS past the end", {1, 2, 4, 5}, 4, TCP_OPTION_MALFORMED},
        {"MSS, kind alone", {1, 1, 1, 2}, 4, TCP_OPTION_MALFORMED},
        {"scale, 2", {3, 2, 1, 1}, 4, TCP_OPTION_MALFORMED},
        {"scale, 4", {3, 4, 7, 0}, 4, TCP_OPTION_MALFORMED},
        {"timestamps, 8", {8, 8, 0, 0, 0, 0, 0, 0}, 8, TCP_OPTION_MALFORMED},
        {"timestamps past the end", {1, 1, 8, 10, 0, 0, 0, 0}, 8, TCP_OPTION_MALFORMED},
        {"TFO, 1", {34, 1, 0, 0}, 4, TCP_OPTION_MALFORMED},
        {"what came before stays",
         {2, 4, 5, 0xb4, 3, 0, 7, 0},
         8,
         TCP_OPTION_MSS | TCP_OPTION_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tcp_options options;

        parse(&options, rows[i].bytes, rows[i].length);
        if (options.present != rows[i].present)
            fail_msg("%s", rows[i].name);
    }
}

/* [R2018-01] */
static void sack_permitted_with_a_body_is_not_permission(void **state)
{
    static const uint8_t bytes[] = {4, 3, 0, 0};
    struct tcp_options options;

    (void)state;
    parse(&options, bytes, sizeof bytes);
    assert_int_equal(options.present, TCP_OPTION_MALFORMED);
}

static void nothing_behind_the_end_is_read(void **state)
{
    static const uint8_t bytes[] = {1, 0, 2, 0, 254, 0, 2, 4};
    struct tcp_options options;

    (void)state;
    parse(&options, bytes, sizeof bytes);
    assert_int_equal(options.present, 0);
}

static void the_last_of_a_repeated_kind_counts(void **state)
{
    static const uint8_t bytes[] = {2, 4, 2, 0, 2, 4, 5, 0xb4, 3, 3, 1, 3, 3, 15, 0, 0};
    struct tcp_options options;

    (void)state;
    parse(&options, bytes, sizeof bytes);
    assert_int_equal(options.mss, 1460);
    assert_int_equal(options.scale, 15); /* as found [RFC 7323 2.3] */
    assert_int_equal(options.present, TCP_OPTION_MSS | TCP_OPTION_SCALE);
}

/* [RFC 7413 4.1.1] */
static void fast_open_is_seen(void **state)
{
    static const uint8_t bytes[] = {1, 1, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8};
    struct tcp_options options;

    (void)state;
    parse(&options, bytes, sizeof bytes);
    assert_int_equal(options.present, TCP_OPTION_TFO);
    assert_int_equal(options.tfo_offset, 22);
    assert_int_equal(options.tfo_length, 10);
}

/* The layout with two NOPs but another content must not take the short way. */
static void twelve_bytes_of_something_else(void **state)
{
    static const uint8_t swapped[] = {8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1};
    static const uint8_t sack[] = {1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2};
    struct tcp_options options;

    (void)state;
    parse(&options, swapped, sizeof swapped);
    assert_int_equal(options.present, TCP_OPTION_TIMESTAMPS);
    assert_int_equal(options.ts_value, 1);
    assert_int_equal(options.ts_echo, 2);
    parse(&options, sack, sizeof sack);
    assert_int_equal(options.present, TCP_OPTION_SACK);
}

/* [RFC 2018 3]: three blocks beside timestamps, four without; with a signature what is left. [R2018-03] */
static void as_many_sack_blocks_as_fit(void **state)
{
    static const struct {
        uint16_t present;
        uint8_t ao_length;
        uint32_t room, length;
    } rows[] = {
        {0, 0, 4, 36},
        {TCP_OPTION_TIMESTAMPS, 0, 3, 40},
        {TCP_OPTION_MD5, 0, 2, 40},
        {TCP_OPTION_MD5 | TCP_OPTION_TIMESTAMPS, 0, 0, 32},
        {TCP_OPTION_AO, 16, 2, 36},
        {TCP_OPTION_AO | TCP_OPTION_TIMESTAMPS, 16, 1, 40},
        {TCP_OPTION_AO | TCP_OPTION_TIMESTAMPS, 20, 0, 32},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tcp_options options = {.present = (uint16_t)(rows[i].present | TCP_OPTION_SACK),
                                      .sack_count = 4,
                                      .ao_length = rows[i].ao_length};
        uint8_t *built = malloc(rows[i].length);
        struct tcp_options again;

        assert_non_null(built);
        assert_int_equal(tcp_option_sack_room(&options), rows[i].room);
        assert_int_equal(tcp_option_length(&options), rows[i].length);
        assert_int_equal(tcp_option_build(built, &options), rows[i].length);
        parse(&again, built, rows[i].length);
        assert_int_equal(again.sack_count, rows[i].room);
        free(built);
    }
}

/* Where `auth` finds the place for its MACs. [R5925-05] */
static void signatures_come_first(void **state)
{
    struct tcp_options options = {.present = TCP_OPTION_AO | TCP_OPTION_TIMESTAMPS,
                                  .ao_length = 15};
    uint8_t built[TCP_OPTIONS_MAX];
    struct tcp_options again;

    (void)state;
    parse(&again, built, tcp_option_build(built, &options));
    assert_int_equal(again.ao_offset, 20);
    assert_int_equal(again.ao_length, 15);
    options.present = TCP_OPTION_MD5 | TCP_OPTION_MSS | TCP_OPTION_SCALE | TCP_OPTION_TIMESTAMPS;
    assert_int_equal(tcp_option_build(built, &options), 40);
    parse(&again, built, 40);
    assert_int_equal(again.md5_offset, 22);
    assert_int_equal(again.present, options.present);
}

/* Options begin wherever those before them end. [RFC 9293 MUST-64] */
static void options_at_every_alignment(void **state)
{
    static const uint8_t plain[] = {2, 4, 0x05, 0xb4, 3, 3, 7, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};

    (void)state;
    for (unsigned shift = 0; shift < 8; shift++) {
        uint8_t bytes[40];
        struct tcp_options options;

        memset(bytes, 1, sizeof bytes); /* NOP */
        memcpy(bytes + shift, plain, sizeof plain);
        parse(&options, bytes, 28);
        assert_int_equal(options.present, TCP_OPTION_MSS | TCP_OPTION_SCALE |
                                              TCP_OPTION_SACK_PERMITTED | TCP_OPTION_TIMESTAMPS);
        assert_int_equal(options.mss, 1460);
        assert_int_equal(options.scale, 7);
        assert_int_equal(options.ts_value, 0x01020304);
        assert_int_equal(options.ts_echo, 0x05060708);
    }
}

/* parse(build(x)) == x for every set of options that fits. [RFC 9293 MUST-68] */
static void random_options_survive(void **state)
{
    uint64_t seed = 0x7323;

    (void)state;
    for (unsigned round = 0; round < 50000; round++) {
        struct tcp_options options = {
            .present = (uint16_t)(next_random(&seed) & 0x5f),
            .mss = (uint16_t)next_random(&seed),
            .scale = (uint8_t)next_random(&seed),
            .sack_count = (uint8_t)(1 + next_random(&seed) % 4),
            .ts_value = next_random(&seed),
            .ts_echo = next_random(&seed),
            .ao_length = (uint8_t)(4 + next_random(&seed) % 17),
        };
        struct tcp_options again;
        uint8_t built[64];
        uint32_t length = tcp_option_length(&options);

        for (unsigned i = 0; i < 4; i++)
            options.sack[i] =
                (struct sack_block){seq_of(next_random(&seed)), seq_of(next_random(&seed))};
        if (length > TCP_OPTIONS_MAX)
            continue;
        assert_int_equal(length % 4, 0);
        assert_int_equal(tcp_option_build(built, &options), length);
        parse(&again, built, length);
        if (options.present & TCP_OPTION_SACK && tcp_option_sack_room(&options) == 0)
            options.present &= (uint16_t)~TCP_OPTION_SACK;
        assert_int_equal(again.present, options.present);
        if (again.present & TCP_OPTION_SACK)
            assert_memory_equal(again.sack, options.sack, again.sack_count * sizeof *again.sack);
        if (again.present & TCP_OPTION_TIMESTAMPS)
            assert_true(again.ts_value == options.ts_value && again.ts_echo == options.ts_echo);
        if (again.present & TCP_OPTION_MSS)
            assert_int_equal(again.mss, options.mss);
        if (again.present & TCP_OPTION_SCALE)
            assert_int_equal(again.scale, options.scale);
    }
}

/* [R6994-05] */
static void random_bytes_of_every_length(void **state)
{
    uint64_t seed = 0xb17e5;

    (void)state;
    for (unsigned round = 0; round < 100000; round++) {
        uint8_t bytes[TCP_OPTIONS_MAX];
        uint32_t length = next_random(&seed) % 11 * 4;
        struct tcp_options options;

        for (unsigned i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)(next_random(&seed) % (round % 2 ? 40 : 256));
        parse(&options, bytes, length);
        assert_true(options.sack_count <= TCP_SACK_BLOCKS_MAX);
        if (options.present & TCP_OPTION_AO)
            assert_true(options.ao_offset + options.ao_length <= 20 + length);
        if (options.present & TCP_OPTION_MD5)
            assert_true(options.md5_offset + 18u <= 20 + length);
        if (options.present & TCP_OPTION_TFO)
            assert_true(options.tfo_offset + options.tfo_length <= 20 + length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_syn_of_linux),
        cmocka_unit_test(timestamps_alone),
        cmocka_unit_test(no_options),
        cmocka_unit_test(sack_blocks_are_rebuilt),
        cmocka_unit_test(sack_of_every_length),
        cmocka_unit_test(signatures_of_every_length),
        cmocka_unit_test(a_second_signature_is_malformed),
        cmocka_unit_test(unknown_kinds_are_passed_over),
        cmocka_unit_test(lengths_that_cannot_be),
        cmocka_unit_test(sack_permitted_with_a_body_is_not_permission),
        cmocka_unit_test(nothing_behind_the_end_is_read),
        cmocka_unit_test(the_last_of_a_repeated_kind_counts),
        cmocka_unit_test(fast_open_is_seen),
        cmocka_unit_test(twelve_bytes_of_something_else),
        cmocka_unit_test(as_many_sack_blocks_as_fit),
        cmocka_unit_test(signatures_come_first),
        cmocka_unit_test(options_at_every_alignment),
        cmocka_unit_test(random_options_survive),
        cmocka_unit_test(random_bytes_of_every_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
