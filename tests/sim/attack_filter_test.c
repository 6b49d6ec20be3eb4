/* Filters under attack: a denied prefix leaves no trace and learns nothing, and who is allowed is served during its flood; an
 * old filter gives way to a new one while packets flow. [RFC 2827; RFC 4987 3.1]
 * Rows: docs/attacks.md, 17 and 24. */
#include "attack.h"

#include <handfast/filter.h>

#define SEED 0x5eed0017

struct made {
    struct hf_filter *filter;
    void *memory;
};

static struct made make(struct hf_filter_setup *setup)
{
    struct made made = {.filter = NULL};
    size_t bytes = hf_filter_needed(setup);

    made.memory = aligned_alloc(64, bytes);
    assert_non_null(made.memory);
    assert_int_equal(hf_filter_build(&made.filter, setup, made.memory, bytes), HF_OK);
    return made;
}

static struct hf_filter_entry entry(const char *prefix)
{
    struct hf_filter_entry made = {.value = 1};

    assert_int_equal(hf_prefix_parse(&made.prefix, prefix), HF_OK);
    return made;
}

/* Everything but the networks of honest clients. */
static struct made deny_strangers(void)
{
    struct hf_filter_entry entries[] = {entry("0.0.0.0/0"), entry("::/0"), entry("192.0.2.0/24"),
                                        entry("2001:db8::/64")};
    struct hf_filter_setup setup = {.entries = entries, .entry_count = 4};

    setup.lists[0].counter = HF_STAT_filter_denied;
    setup.lists[1].allow = true;
    entries[2].value = entries[3].value = 2;
    return make(&setup);
}

static struct made deny_nobody(void)
{
    struct hf_filter_setup setup = {.entry_count = 0};

    return make(&setup);
}

static struct crowd_setup clients(void)
{
    return (struct crowd_setup){.clients = 300, .per_s = 500, .request = 300, .response = 3000};
}

/* Floods of each kind from addresses that are denied: not a byte comes back, nothing is kept, nobody honest notices. */
static void a_denied_flood_leaves_no_trace(void **state)
{
    static const enum flood_kind kinds[] = {FLOOD_SYN, FLOOD_ACK,    FLOOD_RST,
                                            FLOOD_FIN, FLOOD_CLOSED, FLOOD_ECHO};

    (void)state;
    for (unsigned i = 0; i < 2 * sizeof kinds / sizeof *kinds; i++) {
        struct field_setup setup = field_setup_default(SEED + i);
        struct flood_setup attack = {
            .kind = kinds[i / 2], .frames = scaled(200000, 20000), .per_s = 200000};
        struct crowd_setup honest = clients();
        struct made made = deny_strangers();
        struct field_held before, after;
        struct flood flood;
        struct crowd crowd;
        struct field *field;

        setup.v6 = i % 2;
        field = field_with(&setup);
        hf_set_filter(field->server.stack, 0, made.filter);
        before = field_held(field);
        flood_enter(&flood, field, &attack);
        crowd_enter(&crowd, field, &honest);
        crowd_run(&crowd, field, 60 * (int64_t)US_PER_S);
        field_pass(field, COOKIE_LIFE_US);
        after = field_held(field);
        assert_all_served(&crowd);
        assert_int_equal(crowd.strangers, 0);
        assert_int_equal(field->to_others.frames, 0);
        assert_int_equal(stat(field, filter_denied), flood.attacker.frames);
        assert_int_equal(hf_filter_list_packets(made.filter, 0), flood.attacker.frames);
        assert_int_equal(stat(field, pressure_strained), 0);
        assert_int_equal(stat(field, syn_cookie_sent), 0);
        assert_held_equal(&before, &after);
        crowd_leave(&crowd, field);
        field_close(field);
        free(made.memory);
    }
}

/* Row 24: sources that nobody can have are refused before anything is asked of the gate; our own network is none of them. The
 * attacker's IPv6 sources are of a network for documentation, a few of his IPv4 ones are bogons by chance. [RFC 6890] */
static void forged_sources_are_refused(void **state)
{
    struct hf_prefix inside[] = {entry("192.0.2.0/24").prefix, entry("2001:db8::/64").prefix};

    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct field_setup setup = field_setup_default(SEED + 200 + v6);
        struct flood_setup attack = {
            .kind = FLOOD_SYN, .frames = scaled(200000, 20000), .per_s = 200000};
        struct hf_filter_setup filter = {
            .inside = inside, .inside_count = 2, .bogons = HF_BOGONS_REFUSE};
        struct crowd_setup honest = clients();
        struct made made = make(&filter);
        struct flood flood;
        struct crowd crowd;
        struct field *field;

        setup.v6 = v6;
        field = field_with(&setup);
        hf_set_filter(field->server.stack, 0, made.filter);
        flood_enter(&flood, field, &attack);
        crowd_enter(&crowd, field, &honest);
        crowd_run(&crowd, field, 60 * (int64_t)US_PER_S);
        assert_all_served(&crowd);
        print_message("IPv%u: %" PRIu64 " of %" PRIu64 " refused\n", v6 ? 6 : 4,
                      stat(field, filter_bogon), flood.attacker.frames);
        if (v6) {
            assert_int_equal(stat(field, filter_bogon), flood.attacker.frames);
            assert_int_equal(field->to_others.frames, 0);
        } else {
            assert_true(stat(field, filter_bogon) > flood.attacker.frames / 500);
        }
        crowd_leave(&crowd, field);
        field_close(field);
        free(made.memory);
    }
}

/* Filters swapped 500 times a second, between batches, while clients are served: nobody notices. */
static void filters_swap_under_load(void **state)
{
    struct field_setup setup = field_setup_default(SEED + 100);
    struct flood_setup attack = {.kind = FLOOD_SYN, .frames = 100000, .per_s = 100000};
    struct crowd_setup honest = clients();
    struct made filters[2] = {deny_strangers(), deny_nobody()};
    struct flood flood;
    struct crowd crowd;
    struct field *field;

    (void)state;
    field = field_with(&setup);
    flood_enter(&flood, field, &attack);
    crowd_enter(&crowd, field, &honest);
    for (unsigned i = 0; i < 2000; i++) {
        hf_set_filter(field->server.stack, i % 2, filters[i / 2 % 2].filter);
        hf_set_filter(field->server.stack, !(i % 2), NULL);
        field_pass(field, 2 * US_PER_MS);
    }
    crowd_run(&crowd, field, 60 * (int64_t)US_PER_S);
    assert_all_served(&crowd);
    assert_true(stat(field, filter_denied) > 1000);
    assert_true(stat(field, syn_received) > 1000);
    crowd_leave(&crowd, field);
    field_close(field);
    free(filters[0].memory);
    free(filters[1].memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_denied_flood_leaves_no_trace),
        cmocka_unit_test(forged_sources_are_refused),
        cmocka_unit_test(filters_swap_under_load),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
