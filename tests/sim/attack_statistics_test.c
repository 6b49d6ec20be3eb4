/* What an attacker might predict: initial sequence numbers, timestamps, ports and IP identifications of 2^16 connections.
 * Seeds are fixed, so every verdict is the same each time; limits are those that good numbers exceed about once in a
 * million. [RFC 6528; RFC 6056; RFC 7323 5.4; RFC 6864]
 * Rows: docs/attacks.md. */
#include "attack.h"

#include <math.h>

#include "stack/demux.h"
#include "stack/stack.h"

#define SEED 0x5eed0009
#define SAMPLES 65536u
#define Z 4.9 /* of a normal variable: once in a million, both sides */

static uint32_t numbers[4][SAMPLES];

/* Below this a chi-square of so many degrees of freedom stays but once in a million. [Wilson and Hilferty, 1931] */
static double chi_square_limit(double degrees)
{
    double third = 2.0 / (9.0 * degrees);

    return degrees * pow(1.0 - third + 4.75 * sqrt(third), 3);
}

/* Whether the values of one byte are equally often there. */
static void assert_even(const char *what, const uint32_t *values, unsigned shift)
{
    uint32_t counts[256] = {0};
    double sum = 0, expected = SAMPLES / 256.0;

    for (uint32_t i = 0; i < SAMPLES; i++)
        counts[values[i] >> shift & 0xff]++;
    for (unsigned i = 0; i < 256; i++)
        sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    print_message("  %s, bits %u to %u: chi-square %.1f (limit %.1f)\n", what, shift, shift + 7,
                  sum, chi_square_limit(255));
    assert_true(sum < chi_square_limit(255));
}

/* Whether a value says anything about the next: differences as even as the values, and no linear correlation. */
static void assert_unrelated(const char *what, const uint32_t *values, unsigned bits)
{
    static uint32_t differences[SAMPLES];
    double mean = 0, variance = 0, covariance = 0, r;

    for (uint32_t i = 0; i < SAMPLES; i++) {
        differences[i] = values[(i + 1) % SAMPLES] - values[i];
        mean += (double)(values[i]) / SAMPLES;
    }
    for (uint32_t i = 0; i < SAMPLES; i++) {
        double x = (double)values[i] - mean, y = (double)values[(i + 1) % SAMPLES] - mean;

        variance += x * x;
        covariance += x * y;
    }
    r = covariance / variance;
    print_message("  %s, neighbours: correlation %.5f (limit %.5f)\n", what, r, Z / sqrt(SAMPLES));
    assert_true(fabs(r) < Z / sqrt(SAMPLES));
    for (unsigned shift = 0; shift + 8 <= bits; shift += 8)
        assert_even("differences of neighbours", differences, shift);
}

static void assert_random(const char *what, const uint32_t *values, unsigned bits)
{
    print_message("%s\n", what);
    for (unsigned shift = 0; shift + 8 <= bits; shift += 8)
        assert_even(what, values, shift);
    assert_unrelated(what, values, bits);
}

/* The same tuple's numbers beside its neighbour's, bit by bit: each differs in half of the cases. */
static void assert_avalanche(const char *what, const uint32_t *a, const uint32_t *b, unsigned bits)
{
    for (unsigned bit = 0; bit < bits; bit++) {
        uint32_t differ = 0;

        for (uint32_t i = 0; i < SAMPLES; i++)
            differ += (a[i] ^ b[i]) >> bit & 1;
        if (fabs(differ - SAMPLES / 2.0) >= Z * sqrt(SAMPLES) / 2)
            print_error("%s: bit %u differs %u times of %u\n", what, bit, differ, SAMPLES);
        assert_true(fabs(differ - SAMPLES / 2.0) < Z * sqrt(SAMPLES) / 2);
    }
    print_message("  %s: all %u bits differ in half of the cases\n", what, bits);
}

static struct field *open_field(bool cookies)
{
    struct field_setup setup = field_setup_default(SEED);

    setup.server.max_half_opens = 1024;
    setup.listen.cookies = cookies ? HF_COOKIES_ALWAYS : HF_COOKIES_OFF;
    field_open(&the_field, &setup);
    return &the_field;
}

struct answers {
    uint32_t seq, ts_value;
    unsigned count;
};

static void keep(void *self, struct field *field, const struct packet *packet)
{
    struct answers *answers = self;

    (void)field;
    answers->seq = packet->segment.seq.value;
    answers->ts_value = packet->segment.options.ts_value;
    answers->count++;
}

/* How the tuples of a run follow each other. */
enum neighbours {
    NEIGHBOUR_PORTS,     /* one address, all its ports     */
    NEIGHBOUR_ADDRESSES, /* one port of 2^16 hosts in a row */
};

/* ISS and timestamp offsets of 2^16 SYN-ACKs, all of one instant. */
static void collect(enum neighbours neighbours, bool cookies)
{
    struct field *field = open_field(cookies);
    struct answers answers = {0};

    field->on_packet = keep;
    field->on_packet_self = &answers;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        struct flow flow = {address_v4(0x0a000001), field_server(field), (uint16_t)(i ? i : 1),
                            FIELD_PORT};
        struct segment syn = {.seq = seq_of(1000), .flags = TCP_SYN, .window = 1000};

        if (neighbours == NEIGHBOUR_ADDRESSES) {
            flow.remote = address_v4(0x0a000001 + i);
            flow.remote_port = 4000;
        }
        syn.options.present = TCP_OPTION_TIMESTAMPS | TCP_OPTION_MSS;
        syn.options.mss = 1460;
        assert_int_equal(field_give_segment(field, &flow, &syn), HF_STAT_none);
        assert_int_equal(answers.count, i + 1);
        numbers[2 * neighbours][i] = answers.seq;
        numbers[2 * neighbours + 1][i] =
            answers.ts_value - (cookies ? 0 : (uint32_t)(field->now_us / US_PER_MS));
    }
    field_close(field);
}

/* [R7323-29, R6528-02] */
static void initial_sequence_numbers_and_timestamps(void **state)
{
    (void)state;
    print_message("seed %#x\n", SEED);
    for (unsigned cookies = 0; cookies < 2; cookies++) {
        print_message("%s:\n", cookies ? "by cookie" : "from the cache");
        collect(NEIGHBOUR_PORTS, cookies);
        collect(NEIGHBOUR_ADDRESSES, cookies);
        assert_random("ISS, neighbouring ports", numbers[0], 32);
        assert_random("ISS, neighbouring addresses", numbers[2], 32);
        assert_random("timestamp offsets, neighbouring ports", numbers[1], 32);
        assert_random("timestamp offsets, neighbouring addresses", numbers[3], 32);
        assert_avalanche("ISS beside timestamp offset", numbers[0], numbers[1], 32);
        assert_avalanche("ISS of ports beside ISS of addresses", numbers[0], numbers[2], 32);
    }
}

/* One tuple after the other at growing times: the ISS rises with the 4 us clock and nothing else. [RFC 6528 3]
 * [R6528-03] */
static void one_tuple_rises_with_the_clock(void **state)
{
    struct field *field = open_field(false);
    struct flow flow = {address_v4(0x0a000001), field_server(field), 4000, FIELD_PORT};
    struct answers answers = {0};
    uint32_t first = 0;

    (void)state;
    field->on_packet = keep;
    field->on_packet_self = &answers;
    for (uint32_t i = 0; i < 1000; i++) {
        struct segment seg = {.seq = seq_of(1000), .flags = TCP_SYN, .window = 1000};

        field_give_segment(field, &flow, &seg);
        if (i == 0)
            first = answers.seq;
        assert_int_equal(answers.seq - first, i * 1000);
        seg = (struct segment){.seq = seq_of(1001), .flags = TCP_RST};
        field_give_segment(field, &flow, &seg); /* the half-open is gone */
        field_pass(field, 4000);
    }
    field_close(field);
}

/* Ports that we choose for 2^16 servers in a row, and for the ports of one. [R6056-01, R6056-03, R5927-03] */
static void ephemeral_ports(void **state)
{
    struct field *field = open_field(false);
    uint32_t counts[256] = {0};
    double sum = 0, expected, covariance = 0, variance = 0, mean = (1024 + 65535) / 2.0;

    (void)state;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        struct hf_endpoint remote = {address_v4(0x0a000001 + i), 443};
        struct hf_status status;
        hf_socket socket;

        assert_int_equal(hf_connect(field->server.stack, NULL, &remote, &socket, field->now_us),
                         HF_OK);
        assert_int_equal(hf_status(field->server.stack, socket, &status), HF_OK);
        numbers[0][i] = status.local.port;
        hf_abort(field->server.stack, socket, field->now_us);
        field_drain(field);
    }
    field_close(field);
    for (uint32_t i = 0; i < SAMPLES; i++) {
        double x = numbers[0][i] - mean, y = numbers[0][(i + 1) % SAMPLES] - mean;

        assert_true(numbers[0][i] >= 1024);
        counts[(numbers[0][i] - 1024) * 256 / (65536 - 1024)]++;
        variance += x * x;
        covariance += x * y;
    }
    expected = SAMPLES / 256.0;
    for (unsigned i = 0; i < 256; i++)
        sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    print_message("ports: chi-square %.1f (limit %.1f), correlation of neighbours %.5f "
                  "(limit %.5f)\n",
                  sum, chi_square_limit(255), covariance / variance, Z / sqrt(SAMPLES));
    assert_true(sum < chi_square_limit(255));
    assert_true(fabs(covariance / variance) < Z / sqrt(SAMPLES));
    for (uint32_t i = 0; i < SAMPLES; i++)
        numbers[1][i] = (numbers[0][(i + 1) % SAMPLES] - numbers[0][i]) & 0xff;
    assert_even("differences of neighbouring ports", numbers[1], 0);
}

/* Without DF, for 2^16 destinations in a row: what one sees tells nothing of the next. [RFC 6864 4.1] [R6864-02] */
static void ip_identifications(void **state)
{
    struct field *field = open_field(false);

    (void)state;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        struct hf_address remote = address_v4(0x0a000001 + i);

        numbers[0][i] = demux_ip_id(field->server.stack, &remote);
    }
    for (uint32_t i = 0; i < SAMPLES; i++) {
        struct hf_address remote = address_v4(0x0a000001 + i);

        numbers[1][i] = demux_ip_id(field->server.stack, &remote);
    }
    field_close(field);
    assert_random("IP identifications, neighbouring destinations", numbers[0], 16);
    for (uint32_t i = 0; i < SAMPLES; i++) /* in one row each counts on, others between */
        assert_true((uint16_t)(numbers[1][i] - numbers[0][i]) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initial_sequence_numbers_and_timestamps),
        cmocka_unit_test(one_tuple_rises_with_the_clock),
        cmocka_unit_test(ephemeral_ports),
        cmocka_unit_test(ip_identifications),
    };

    return cmocka_run_group_tests_name("sim/attack_statistics", tests, NULL, NULL);
}
