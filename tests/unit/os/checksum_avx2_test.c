/* The AVX2 checksum equals the portable one, at every length and alignment. [RFC 1071] */
#include "unit/os/test.h"

#include <stdlib.h>

#include "os/checksum_avx2.h"
#include "wire/checksum.h"

#define BYTES 70000

#if defined(__x86_64__)

static int make_memory(void **state)
{
    *state = test_malloc(2 * BYTES);
    return 0;
}

static int clean(void **state)
{
    test_free(*state);
    return 0;
}

/* One length at one alignment of source and target; the bytes around the target stay. */
static void compare(uint8_t *memory, size_t from_at, size_t to_at, size_t length)
{
    const uint8_t *from = memory + from_at;
    uint8_t *to = memory + BYTES + to_at;

    memset(memory + BYTES, 0xa5, to_at + length + 1);
    assert_int_equal(checksum_avx2(from, length), checksum_sum(from, length));
    assert_int_equal(checksum_avx2_copy(to, from, length), checksum_sum(from, length));
    assert_memory_equal(to, from, length);
    assert_int_equal(to[length], 0xa5);
    if (to_at)
        assert_int_equal(to[-1], 0xa5);
}

static void every_short_length_at_every_alignment(void **state)
{
    uint64_t seed = 0xc0ffee;

    if (!__builtin_cpu_supports("avx2"))
        skip();
    test_fill(&seed, *state, BYTES);
    for (size_t length = 0; length <= 300; length++)
        for (size_t at = 0; at < 33; at++)
            compare(*state, at, (at * 7) % 32, length);
}

static void random_lengths(void **state)
{
    uint64_t seed = 0x1071;

    if (!__builtin_cpu_supports("avx2"))
        skip();
    print_message("seed %#llx\n", (unsigned long long)seed);
    for (int i = 0; i < 2000; i++) {
        size_t length = test_random(&seed) % (i % 10 ? 2000 : 65600);

        test_fill(&seed, *state, i % 50 ? 64 : BYTES);
        compare(*state, test_random(&seed) % 64, test_random(&seed) % 64, length);
    }
}

/* All ones is the largest sum: nothing may overflow on the way. */
static void the_largest_sum(void **state)
{
    if (!__builtin_cpu_supports("avx2"))
        skip();
    memset(*state, 0xff, BYTES);
    for (size_t length = 65500; length <= 65535; length++)
        compare(*state, 1, 3, length);
    memset(*state, 0, BYTES);
    compare(*state, 0, 0, 65535);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_short_length_at_every_alignment, make_memory, clean),
        cmocka_unit_test_setup_teardown(random_lengths, make_memory, clean),
        cmocka_unit_test_setup_teardown(the_largest_sum, make_memory, clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 77;
}

#endif
