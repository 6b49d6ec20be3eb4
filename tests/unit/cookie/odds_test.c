/* How often a random ACK opens a cookie, with a MAC so narrow that accidents can be counted. (HF1, Strength)
 *
 * Bits of the MAC that are masked are zero, and the forger knows it: he only guesses the others. So the chance of each try is
 * that of the full MAC, times two for each bit that he was given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "crypto/siphash.h"

#define ISN_BITS UINT64_C(0x0000001f00000000)      /* of the MAC's upper half: the stamp's ...  */
#define MAC_BITS (UINT64_C(0xf8000000) | ISN_BITS) /* ... and the topmost five of the ISN */
#define STAMP_GUESSED 0x1fu
#define ISN_GUESSED 0xf8000000u

static uint64_t narrow(struct siphash_key key, uint64_t a, uint64_t b, uint32_t rest)
{
    return siphash_20(key, a, b, rest) & MAC_BITS;
}

#define siphash_20 narrow
#include "cookie/syn_cookie.h"

#define NOW 440832123u

static uint64_t chance(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static struct key_ring ring_of(uint64_t *seed)
{
    struct key_ring ring;

    key_ring_init(&ring, (struct siphash_key){chance(seed), chance(seed)}, NOW);
    return ring;
}

/* Within four standard deviations of what was stated. */
static void check(const char *name, uint64_t tries, uint64_t opened, double stated)
{
    double expected = (double)tries * stated, deviation = sqrt(expected);

    print_message("%s: %llu of %llu opened, %.0f expected\n", name, (unsigned long long)opened,
                  (unsigned long long)tries, expected);
    assert_true(fabs((double)opened - expected) <= 4 * deviation);
}

/* Of all 2^20 slots that a timestamp can name, exactly eight are asked. [R4987-06] */
static void eight_slots_are_open(void **state)
{
    unsigned open = 0;

    (void)state;
    for (uint32_t named = 0; named < 1u << 20; named++) {
        uint32_t age = NOW - cookie_slot_named(NOW, named << 12);

        open += age + 1 < COOKIE_LIFE;
    }
    assert_int_equal(open, COOKIE_LIFE);
}

/* Ten bits are left of the 35 that the format has beside the slot's twenty: 2^-10 for each try in an open slot. */
static void with_timestamps(void **state)
{
    enum { TRIES = 4000000 };
    uint64_t seed = 0x4f1, opened = 0;
    struct key_ring ring;

    (void)state;
    print_message("seed %#llx\n", (unsigned long long)seed);
    ring = ring_of(&seed);
    for (int i = 0; i < TRIES; i++) {
        struct cookie_handshake h = {
            .tuple = chance(&seed), .client_isn = (uint32_t)chance(&seed), .slot = NOW};
        uint64_t guess = chance(&seed);
        uint32_t slot = NOW + 1 - (uint32_t)(guess >> 61);
        uint32_t stamp = ((slot - 1) & 0xfffff) << 12 | ((uint32_t)guess & STAMP_GUESSED);
        uint32_t isn = ((uint32_t)(guess >> 8) & ISN_GUESSED) |
                       (((uint32_t)(guess >> 40) & 0x1ff) ^ cookie_pad(&h));
        uint32_t echo = stamp + (uint32_t)h.tuple;
        struct syn_info syn = {.version = 4};

        opened += syn_cookie_open(&ring, &h, isn, &echo, &syn);
    }
    check("with timestamps", TRIES, opened, 1.0 / 1024);
}

/* Five bits are left of 27 or 30; two slots are asked, with shared keys three. */
static void without_timestamps(void **state)
{
    enum { TRIES = 400000 };
    static const struct {
        const char *name;
        bool strict, shared;
        double slots;
    } rows[] = {{"accepted", false, false, 2},
                {"strict", true, false, 2},
                {"accepted, shared keys", false, true, 3}};
    uint64_t seed = 0x4f2;

    (void)state;
    print_message("seed %#llx\n", (unsigned long long)seed);
    for (unsigned row = 0; row < sizeof rows / sizeof *rows; row++) {
        struct key_ring ring = ring_of(&seed);
        uint64_t opened = 0;

        for (int i = 0; i < TRIES; i++) {
            struct cookie_handshake h = {.tuple = chance(&seed),
                                         .client_isn = (uint32_t)chance(&seed),
                                         .slot = NOW,
                                         .strict = rows[row].strict,
                                         .shared = rows[row].shared};
            uint32_t low = h.strict ? 3 : 0x1f;
            uint64_t guess = chance(&seed);
            uint32_t isn = ((uint32_t)guess & ISN_GUESSED) |
                           (((uint32_t)(guess >> 32) ^ cookie_pad(&h)) & low);
            struct syn_info syn = {.version = 6};

            opened += syn_cookie_open(&ring, &h, isn, NULL, &syn);
        }
        /* Two slots that both match open once. */
        check(rows[row].name, TRIES, opened, 1 - pow(1 - 1.0 / 32, rows[row].slots));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_slots_are_open),
        cmocka_unit_test(with_timestamps),
        cmocka_unit_test(without_timestamps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
