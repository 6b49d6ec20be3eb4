/* Flows chosen to fall into one bucket: the table is keyed, and what a peer can see of a flow's hash (its timestamp offset,
 * its cookie) says nothing about the bucket.
 * Rows: docs/attacks.md. */
#include "attack.h"

#include "stack/stack.h"

#define SEED 0x5eed000c
#define ENTRIES 16384u
#define CHAIN_MOST 3u /* buckets: chance alone makes no longer chain of so many entries */

static struct field *open_field(void)
{
    struct field_setup setup = field_setup_default(SEED);

    setup.server.max_half_opens = 65536;
    setup.server.max_connections = 64;
    setup.listen.cookies = HF_COOKIES_OFF;
    field_open(&the_field, &setup);
    return &the_field;
}

/* Buckets in the longest chain of the SYN cache, and entries in it. */
static unsigned longest_chain(const struct field *field, uint32_t *count)
{
    const struct table *table = &field->server.stack->gate.cache.table;
    unsigned longest = 0;

    for (uint32_t i = 0; i < table->used; i++) {
        unsigned length = 1;
        uint32_t overflow = table->buckets[i].overflow;

        for (; overflow != SLOT_NONE; length++)
            overflow = ((struct table_bucket *)pool_at(&table->overflow, overflow))->overflow;
        if (length > longest)
            longest = length;
    }
    *count = table->count;
    return longest;
}

static uint32_t seen_offset;

static void keep(void *self, struct field *field, const struct packet *packet)
{
    (void)self;
    seen_offset = packet->segment.options.ts_value - (uint32_t)(field->now_us / US_PER_MS);
}

static void send_syn(struct field *field, struct flow *flow)
{
    struct segment syn = {.seq = seq_of(1), .flags = TCP_SYN, .window = 1000};

    flow->local = field_server(field);
    flow->local_port = FIELD_PORT;
    syn.options.present = TCP_OPTION_TIMESTAMPS;
    assert_int_equal(field_give_segment(field, flow, &syn), HF_STAT_none);
}

static void assert_short_chains(const struct field *field, const char *what)
{
    uint32_t count;
    unsigned longest = longest_chain(field, &count);

    print_message("%s: %u entries, longest chain %u buckets\n", what, count, longest);
    assert_true(longest <= CHAIN_MOST);
}

static void patterns_do_not_collide(void **state)
{
    static const char *const names[] = {"ports in a row", "addresses in a row", "one bit each",
                                        "multiples of 65,536"};

    (void)state;
    for (unsigned pattern = 0; pattern < 4; pattern++) {
        struct field *field = open_field();

        for (uint32_t i = 0; i < ENTRIES; i++) {
            struct flow flow = {.remote = address_v4(0x0b000001), .remote_port = 4000};

            if (pattern == 0)
                flow.remote_port = (uint16_t)(1024 + i);
            else if (pattern == 1)
                flow.remote = address_v4(0x0b000001 + i);
            else if (pattern == 2)
                flow.remote = address_v4(0x0b000001 ^ 1u << i % 24 ^ i / 24 << 9);
            else
                flow.remote = address_v4(0x0b000001 + (i % 4096 << 16)),
                flow.remote_port = (uint16_t)(4096 * (1 + i / 4096));
            send_syn(field, &flow);
        }
        assert_short_chains(field, names[pattern]);
        field_close(field);
    }
}

/* An attacker asks from addresses of his own, sees the timestamp offset of each flow, which is a part of its hash, and then
 * uses those alone whose offsets agree in their low, or high, or middle bits: 2^18 asked, 4,096 chosen. */
static void chosen_by_timestamp_they_do_not_collide(void **state)
{
    static const unsigned shifts[] = {0, 13, 26};
    uint32_t asked = (uint32_t)scaled(262144, 32768);

    (void)state;
    for (unsigned k = 0; k < 3; k++) {
        struct field *field = open_field();
        struct flow *chosen = calloc(asked, sizeof *chosen);
        uint32_t count = 0;

        assert_non_null(chosen);
        field->on_packet = keep;
        for (uint32_t i = 0; i < asked; i++) {
            struct flow flow = {.remote = address_v4(0x0b000001 + i / 32768),
                                .remote_port = (uint16_t)(1024 + i % 32768)};
            struct segment rst = {.seq = seq_of(2), .flags = TCP_RST};

            send_syn(field, &flow);
            field_give_segment(field, &flow, &rst);
            if ((seen_offset >> shifts[k] & 63) == 7)
                chosen[count++] = flow;
        }
        assert_int_equal(field_held(field).half_opens, 0);
        for (uint32_t i = 0; i < count; i++)
            send_syn(field, &chosen[i]);
        print_message("offsets that agree from bit %u on: ", shifts[k]);
        assert_short_chains(field, "chosen");
        free(chosen);
        field_close(field);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_do_not_collide),
        cmocka_unit_test(chosen_by_timestamp_they_do_not_collide),
    };

    return cmocka_run_group_tests_name("sim/attack_collision", tests, NULL, NULL);
}
