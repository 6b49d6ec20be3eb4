/* Two buckets: all together, and one for each prefix; what an answer costs nobody knows. [RFC 9293 3.10.7.1] [RFC 4443 2.4] */
#include "peer.h"

#include "stack/budget.h"

#define S (INT64_C(1000000))

static const struct siphash_key key = {1, 2};
static int64_t places[BUDGET_PREFIXES_MOST];

static uint32_t taken_by(struct budget *budget, const char *remote, uint32_t tries, int64_t now_us)
{
    struct hf_address address = address_of(remote);
    uint32_t taken = 0;

    for (uint32_t i = 0; i < tries; i++)
        taken += budget_take(budget, &address, now_us);
    return taken;
}

/* What was configured is the most; a price is never more than half above it. */
#define assert_about(taken, most) assert_in_range(taken, (most)*2 / 3 - 1, most)

static void one_prefix_has_a_sixteenth(void **state)
{
    struct budget budget = {.prefix = places, .mask = BUDGET_PREFIXES_MOST - 1};

    (void)state;
    budget_init(&budget, 1600, key, 5 * S);
    assert_about(taken_by(&budget, "192.0.2.9", 1000, 5 * S), 100);
    assert_about(taken_by(&budget, "198.51.100.7", 1000, 5 * S), 100);
    assert_about(taken_by(&budget, "192.0.2.9", 1000, 5 * S + S / 2), 51);
    assert_about(taken_by(&budget, "192.0.2.9", 1000, 60 * S), 100); /* never more than full */
}

static void ipv6_counts_by_64(void **state)
{
    struct budget budget = {.prefix = places, .mask = BUDGET_PREFIXES_MOST - 1};
    uint32_t first;

    (void)state;
    budget_init(&budget, 1600, key, 0);
    first = taken_by(&budget, "2001:db8::1", 60, 0);
    assert_int_equal(first, 60);
    assert_about(first + taken_by(&budget, "2001:db8::ffff:1", 60, 0), 100);
    assert_int_equal(taken_by(&budget, "2001:db8:0:1::1", 60, 0), 60);
}

/* Whatever comes, and from however many prefixes: one second's worth at once, then the rate. */
static void all_together_have_the_budget(void **state)
{
    struct budget budget = {.prefix = places, .mask = BUDGET_PREFIXES_MOST - 1};
    uint32_t taken = 0;

    (void)state;
    budget_init(&budget, 100, key, 0);
    for (uint32_t i = 0; i < 100000; i++) {
        struct hf_address address = address_v4(0xc6336400 + i * 7919);

        taken += budget_take(&budget, &address, i * INT64_C(100)); /* ten seconds */
    }
    assert_in_range(taken, 666, 1100);
}

static void little_and_nothing(void **state)
{
    struct budget budget = {.prefix = places, .mask = BUDGET_PREFIXES_MOST - 1};

    (void)state;
    budget_init(&budget, 3, key, 0);
    assert_in_range(taken_by(&budget, "192.0.2.9", 10, 0), 2, 3);
    budget_init(&budget, 0, key, 0);
    assert_int_equal(taken_by(&budget, "192.0.2.9", 10, 50 * S), 0);
}

/* One a second is one: a full bucket has an answer, whatever is drawn for its price, and each key draws others. */
static void one_a_second(void **state)
{
    struct budget budget = {.prefix = places, .mask = BUDGET_PREFIXES_MOST - 1};
    uint32_t taken;

    (void)state;
    for (uint64_t secret = 1; secret <= 20; secret++) {
        budget_init(&budget, 1, (struct siphash_key){secret, 2}, 0);
        assert_int_equal(taken_by(&budget, "192.0.2.9", 10, 0), 1);
        taken = 0;
        for (int64_t now_us = 2 * S; now_us < 62 * S; now_us += S / 100)
            taken += taken_by(&budget, "192.0.2.9", 1, now_us);
        assert_in_range(taken, 39, 60);
    }
}

/* How many answers an attacker with many prefixes gets in a second in which we said `others` things to other people. */
static uint32_t probe(struct budget *budget, uint32_t others, int64_t now_us)
{
    uint32_t taken = 0;

    for (uint32_t i = 0; i < others; i++) {
        struct hf_address victim = address_v4(0xc0000200 + i);

        (void)budget_take(budget, &victim, now_us);
    }
    for (uint32_t i = 0; i < 2000; i++) {
        struct hf_address own = address_v4(0x0a000000 + (i & 63));

        taken += budget_take(budget, &own, now_us);
    }
    return taken;
}

/* The side channel of a known limit: whoever gets one answer less than the limit knows that somebody else got one. Here two
 * seconds in which nothing else happens differ by more than that, and no two seconds in a row are alike. [RFC 5961 7, 10] */
static void a_second_says_nothing_about_others(void **state)
{
    struct budget budget = {.prefix = places, .mask = BUDGET_PREFIXES_MOST - 1};
    uint32_t least = UINT32_MAX, most = 0, quiet = 0, busy = 0;

    (void)state;
    budget_init(&budget, 1000, key, 0);
    for (int64_t second = 0; second < 200; second += 4) {
        uint32_t without = probe(&budget, 0, second * S),
                 with = probe(&budget, 1, (second + 2) * S);

        least = without < least ? without : least;
        most = without > most ? without : most;
        quiet += without;
        busy += with;
    }
    print_message("answers a second: %u to %u; fifty quiet seconds %u, fifty with one more %u\n",
                  least, most, quiet, busy);
    assert_true(most - least > 100);
    assert_true(most <= 1000);
    assert_true(quiet < busy + 50 * 30 && busy < quiet + 50 * 30);
}

/* Two prefixes that share a bucket are parted again within a minute. */
static void nobody_keeps_company_for_long(void **state)
{
    struct budget budget = {.prefix = places, .mask = BUDGET_PREFIXES_MOST - 1};
    struct hf_address victim = address_of("192.0.2.9"), own;
    uint32_t shared = 0;

    (void)state;
    budget_init(&budget, 1600, key, 0);
    for (uint32_t i = 0; i < 5000; i++) { /* who shares the victim's bucket now? */
        budget_init(&budget, 1600, key, 0);
        own = address_v4(0x0a000000 + i);
        while (budget_take(&budget, &victim, 0))
            ;
        if (budget_take(&budget, &own, 0))
            continue;
        shared++;
        budget_init(&budget, 1600, key, 0);
        while (budget_take(&budget, &victim, INT64_C(1) << BUDGET_EPOCH_SHIFT))
            ;
        assert_true(budget_take(&budget, &own, INT64_C(1) << BUDGET_EPOCH_SHIFT));
        if (shared == 3)
            break;
    }
    assert_true(shared > 0);
}

/* A flood of one kind leaves the others what they have. */
static void kinds_do_not_share(void **state)
{
    struct hf_config config = peer_config();
    struct segment stray = {.seq = {100}, .ack = {900}, .flags = TCP_ACK};
    struct peer peer;

    (void)state;
    config.reset_budget_per_s = 16;
    peer_open(&peer, &config);
    for (int i = 0; i < 100; i++)
        peer_send(&peer, &stray);
    assert_true(stat_of(&peer, HF_STAT_stray_over_budget) > 80);
    assert_int_equal(budget_take(&peer.stack->budgets[BUDGET_RESET],
                                 &(struct hf_address){.bytes = {0}}, peer.now_us),
                     true);
    for (int kind = BUDGET_CHALLENGE; kind < BUDGETS; kind++) {
        struct hf_address remote = peer_address(&peer);

        assert_true(budget_take(&peer.stack->budgets[kind], &remote, peer.now_us));
    }
    assert_stat(&peer, challenge_over_budget, 0);
    assert_stat(&peer, icmp_over_budget, 0);
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_prefix_has_a_sixteenth),
        cmocka_unit_test(ipv6_counts_by_64),
        cmocka_unit_test(all_together_have_the_budget),
        cmocka_unit_test(little_and_nothing),
        cmocka_unit_test(one_a_second),
        cmocka_unit_test(a_second_says_nothing_about_others),
        cmocka_unit_test(nobody_keeps_company_for_long),
        cmocka_unit_test(kinds_do_not_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
