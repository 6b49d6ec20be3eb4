/* The chance that a blind ACK opens a connection: as many slots as are tried, times two to the minus width of the MAC. Both
 * factors are measured with a MAC narrowed to so few bits that guessing can be watched. [HF1 "Strength per blind ACK"] */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/siphash.h"

/* What is left of the MAC: its other bits are zero, in what is made and in what is guessed. */
static uint64_t narrow = UINT64_MAX;

static inline uint64_t narrow_siphash_20(struct siphash_key key, uint64_t a, uint64_t b, uint32_t c)
{
    return siphash_20(key, a, b, c) & narrow;
}

#define siphash_20 narrow_siphash_20
#include "cookie/syn_cookie.h"
#undef siphash_20

#include "sim/random.h"

#define SEED 0x5eed000a
#define NOW 400000u
#define Z 4.9 /* once in a million, both sides */

static struct random the_random;
static struct key_ring ring;

static struct cookie_handshake draw(bool strict, bool shared)
{
    return (struct cookie_handshake){.tuple = random_next(&the_random),
                                     .client_isn = (uint32_t)random_next(&the_random),
                                     .slot = NOW,
                                     .strict = strict,
                                     .shared = shared};
}

static int set_up(void **state)
{
    (void)state;
    random_seed(&the_random, SEED);
    key_ring_init(&ring, (struct siphash_key){random_next(&the_random), random_next(&the_random)},
                  NOW);
    narrow = UINT64_MAX;
    print_message("seed %#x\n", SEED);
    return 0;
}

static void assert_chance(const char *what, uint64_t good, uint64_t tried, double chance)
{
    double expected = (double)tried * chance, off = ((double)good - expected) / sqrt(expected);

    print_message("%s: %" PRIu64 " of %" PRIu64 " guesses, %.1f expected (%.2f sigma)\n", what,
                  good, tried, expected, off);
    assert_true(fabs(off) < Z);
}

/* With timestamps: eight slots of 2^20, and each bit of 23 + 12 halves the chance. 2^-17 * 2^-35 = 2^-52. */
static void eight_slots_of_a_million(void **state)
{
    struct cookie_handshake h = draw(false, false);
    unsigned good = 0;

    (void)state;
    narrow = 0; /* every MAC fits */
    for (uint32_t slot = 0; slot < 1u << 20; slot++) {
        uint32_t echo = (uint32_t)h.tuple + (slot << 12);
        struct syn_info syn = {.version = 4};

        good += syn_cookie_open(&ring, &h, (uint32_t)random_next(&the_random) & 0x1ff, &echo, &syn);
    }
    assert_int_equal(good, COOKIE_LIFE);
    assert_int_equal(COOKIE_LIFE, 8);
}

/* A narrowed MAC, and guesses at all that is left of it. */
static void each_bit_halves_the_chance_with_timestamps(void **state)
{
    uint64_t tried = getenv("HF_SIM_SEEDS") ? 1 << 20 : 1 << 22, good = 0;

    (void)state;
    narrow = UINT64_C(0x00000181) << 32 | 0x81010200; /* 3 and 4 bits */
    for (uint64_t i = 0; i < tried; i++) {
        struct cookie_handshake h = draw(false, false);
        uint32_t slot = NOW - 1 - 6 + (uint32_t)random_below(&the_random, 8);
        uint32_t isn = (uint32_t)random_next(&the_random);
        uint32_t stamp = (uint32_t)random_next(&the_random) & (uint32_t)(narrow >> 32);
        uint32_t echo = (uint32_t)h.tuple + (slot << 12 | stamp);
        struct syn_info syn = {.version = 4};

        isn &= (uint32_t)narrow | 0x1ff;
        good += syn_cookie_open(&ring, &h, isn, &echo, &syn);
    }
    assert_chance("7 bits, a good slot", good, tried, 1.0 / 128);
}

static void guess_plain(const char *what, bool strict, bool shared, unsigned slots)
{
    uint64_t tried = getenv("HF_SIM_SEEDS") ? 1 << 18 : 1 << 21, good = 0;

    narrow = 0xff000300; /* 10 bits */
    for (uint64_t i = 0; i < tried; i++) {
        struct cookie_handshake h = draw(strict, shared);
        uint32_t isn = (uint32_t)random_next(&the_random) & ((uint32_t)narrow | (strict ? 3 : 31));
        struct syn_info syn = {.version = 6};

        good += syn_cookie_open(&ring, &h, isn, NULL, &syn);
    }
    /* two slots may both fit: then it is one connection */
    assert_chance(what, good, tried, 1 - pow(1 - 1.0 / 1024, slots));
}

/* Without: two slots (three with shared keys) and 27 bits, or 30 by the strict policy. 2 * 2^-27 = 2^-26, 2^-29. */
static void each_bit_halves_the_chance_without_timestamps(void **state)
{
    (void)state;
    guess_plain("10 bits, plain", false, false, 2);
    guess_plain("10 bits, plain, shared keys", false, true, 3);
    guess_plain("10 bits, strict", true, false, 2);
}

/* The widths: every one of these bits is compared, and no other. */
static void all_bits_of_the_mac_are_compared(void **state)
{
    (void)state;
    for (unsigned format = COOKIE_TIMESTAMPS; format <= COOKIE_STRICT; format++) {
        static const unsigned widths[] = {0, 23 + 12, 27, 30};
        struct cookie_handshake h = draw(format == COOKIE_STRICT, false);
        struct syn_info syn = {.mss = 1460,
                               .scale = 7,
                               .version = 4,
                               .sack = true,
                               .timestamps = format == COOKIE_TIMESTAMPS};
        struct cookie cookie = syn_cookie_make(*key_ring_of(&ring, NOW), &h, &syn);
        uint32_t low = format == COOKIE_TIMESTAMPS ? 9 : format == COOKIE_PLAIN ? 5 : 2;
        unsigned compared = 0;

        for (unsigned bit = 0; bit < 32 + 12; bit++) {
            uint32_t isn = cookie.isn, offset = (uint32_t)h.tuple, stamp = cookie.ts_value - offset;
            uint32_t echo;
            struct syn_info found = {.version = 4};

            if (bit < low)
                continue; /* options: another MAC altogether */
            if (bit < 32)
                isn ^= 1u << bit;
            else
                stamp ^= 1u << (bit - 32);
            echo = offset + stamp;
            if (bit < 32 || format == COOKIE_TIMESTAMPS)
                compared += !syn_cookie_open(&ring, &h, isn,
                                             format == COOKIE_TIMESTAMPS ? &echo : NULL, &found);
        }
        assert_int_equal(compared, widths[format]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(eight_slots_of_a_million, set_up),
        cmocka_unit_test_setup(each_bit_halves_the_chance_with_timestamps, set_up),
        cmocka_unit_test_setup(each_bit_halves_the_chance_without_timestamps, set_up),
        cmocka_unit_test_setup(all_bits_of_the_mac_are_compared, set_up),
    };

    return cmocka_run_group_tests_name("sim/attack_guess", tests, NULL, NULL);
}
