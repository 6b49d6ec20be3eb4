/* Cookies at the edges of their time: what the mutation check showed untested. [HF1 Time, Keys] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cookie/isn.h"
#include "cookie/syn_cookie.h"

#define NOW 440832123u
#define EPOCH (1u << COOKIE_EPOCH_SHIFT)

static const struct siphash_key master = {1, 2};

/* A slot whose epoch has no key opens nothing, whatever the ACK says. */
static void no_key_no_connection(void **state)
{
    struct cookie_handshake h = {.tuple = 99, .client_isn = 7, .slot = NOW + 20 * EPOCH};
    struct syn_info info = {.version = 4};
    struct key_ring ring;
    uint32_t stamp = (uint32_t)h.tuple + (h.slot << 12);

    (void)state;
    key_ring_init(&ring, master, NOW);
    for (uint32_t isn = 0; isn < 64; isn++) {
        assert_false(syn_cookie_open(&ring, &h, isn << 26, NULL, &info));
        assert_false(syn_cookie_open(&ring, &h, isn << 26, &stamp, &info));
    }
}

/* Keys are made from the beginning: what the memory happened to hold before is no key, though its number be right. */
static void keys_are_made(void **state)
{
    (void)state;
    for (uint32_t now = NOW; now < NOW + 4 * EPOCH; now += EPOCH) {
        uint32_t epoch = now >> COOKIE_EPOCH_SHIFT;
        struct key_ring ring = {.epoch_key = {{0, 0}}};

        for (uint32_t i = 0; i < 4; i++)
            ring.epoch[(epoch - 1 + i) % 4] = epoch - 1 + i;
        key_ring_init(&ring, master, now);
        for (uint32_t near = epoch - 1; near <= epoch + 1; near++) {
            struct siphash_key wanted = siphash_derive(master, "hf1 epoch", near);
            const struct siphash_key *key = key_ring_of(&ring, near << COOKIE_EPOCH_SHIFT);

            assert_non_null(key);
            assert_memory_equal(key, &wanted, sizeof wanted);
        }
        assert_null(key_ring_of(&ring, (epoch - 2) << COOKIE_EPOCH_SHIFT));
        assert_null(key_ring_of(&ring, (epoch + 2) << COOKIE_EPOCH_SHIFT));
        assert_null(key_ring_of(&ring, (epoch + 3) << COOKIE_EPOCH_SHIFT));
    }
}

/* The tables as HF1 writes them: what two machines must agree on, entry by entry, and around again. [HF1 table] */
static void the_tables_of_hf1(void **state)
{
    static const uint16_t eight[2][8] = {{216, 536, 1200, 1300, 1360, 1400, 1440, 1460},
                                         {216, 536, 1220, 1280, 1340, 1380, 1420, 1440}};
    static const uint16_t four[2][4] = {{216, 536, 1300, 1440}, {216, 536, 1280, 1420}};
    static const uint8_t scales[4] = {SYN_SCALE_NONE, 0, 6, 8};

    (void)state;
    for (uint32_t i = 0; i < 16; i++) {
        assert_int_equal(syn_mss_of_8(4, i), eight[0][i % 8]);
        assert_int_equal(syn_mss_of_8(6, i), eight[1][i % 8]);
        assert_int_equal(syn_mss_of_4(4, i), four[0][i % 4]);
        assert_int_equal(syn_mss_of_4(6, i), four[1][i % 4]);
        assert_int_equal(syn_scale_of(i), scales[i % 4]);
    }
}

/* ISN = M + F: the clock of four microseconds, and the flow's own keyed number. [RFC 6528 3] */
static void an_isn_is_a_sum(void **state)
{
    const uint64_t tuple = 0x123456789abcdef0;
    uint32_t own = (uint32_t)siphash_8(master, tuple);

    (void)state;
    assert_int_equal(isn_make(master, tuple, 0), own);
    assert_int_equal(isn_make(master, tuple, 3), own);
    assert_int_equal(isn_make(master, tuple, 4), own + 1);
    assert_int_equal(isn_make(master, tuple, 4000000), own + 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_key_no_connection),
        cmocka_unit_test(keys_are_made),
        cmocka_unit_test(the_tables_of_hf1),
        cmocka_unit_test(an_isn_is_a_sum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
