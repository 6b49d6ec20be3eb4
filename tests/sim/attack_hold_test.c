/* Connections that cost memory and give nothing back: near a limit they go, and honest clients find room. [RFC 6429;
 * RFC 9293 3.8.6.1]
 * Rows: docs/attacks.md. */
#include "attack.h"

#include "sim/attack_hold.h"

#define SEED 0x5eed0005

struct row {
    const char *name;
    enum hold_kind kind;
    enum hold_from from;
};

static const struct row rows[] = {
    {"zero windows, one source", HOLD_ZERO_WINDOW, HOLD_FROM_ONE},
    {"zero windows, many sources", HOLD_ZERO_WINDOW, HOLD_FROM_MANY},
    {"tiny windows", HOLD_TINY_WINDOW, HOLD_FROM_MANY},
    {"slow senders", HOLD_SLOW_SENDER, HOLD_FROM_ONE},
    {"slow senders, many sources", HOLD_SLOW_SENDER, HOLD_FROM_MANY},
    {"silence", HOLD_SILENT, HOLD_FROM_ONE},
    {"silence, many sources", HOLD_SILENT, HOLD_FROM_MANY},
    {"no acknowledgments", HOLD_NEVER_ACKS, HOLD_FROM_MANY},
    {"half-closed", HOLD_HALF_CLOSED, HOLD_FROM_MANY},
};

/* Three times as many holders as there is room for, while honest clients come and go. Those who come once the room is used
 * up wait for a connection that made no progress to be released: so all are served, if not at once. */
static void hold(const struct row *row)
{
    struct field *field = &the_field;
    struct field_setup setup = field_setup_default(SEED);
    struct field_held before, after;
    struct hold hold;
    struct crowd crowd;

    setup.server.max_connections = 512;
    setup.server.stall_timeout_ms = 10000;
    setup.server.user_timeout_ms = 120000;
    setup.server.fin_wait_2_ms = 20000;
    field_open(field, &setup);
    before = field_held(field);
    crowd_enter(
        &crowd, field,
        &(struct crowd_setup){.clients = 400, .per_s = 20, .request = 200, .response = 20000});
    hold_enter(&hold, field,
               &(struct hold_setup){.kind = row->kind,
                                    .from = row->from,
                                    .connections = 1500,
                                    .per_s = 200,
                                    .request = 200});
    crowd_run(&crowd, field, 60 * US_PER_S);
    print_message("%s: %" PRIu64 " held, %" PRIu64 " of them reset; %u of %u clients, connected "
                  "after %" PRId64 " ms at worst, p99 %" PRId64 " ms\n",
                  row->name, hold.established, hold.resets, crowd.succeeded, crowd.setup.clients,
                  crowd_connect_us(&crowd, 1000) / 1000, crowd_connect_us(&crowd, 990) / 1000);
    assert_true(hold.established > 512);
    assert_all_served(&crowd);
    assert_true(stat(field, watch_zero_window) + stat(field, watch_slow) +
                    stat(field, watch_unacknowledged) + stat(field, watch_closing) +
                    stat(field, watch_fin_wait_2) + stat(field, watch_idle) >
                0);
    assert_true(field_held(field).connections <= 512);
    crowd_leave(&crowd, field);
    hf_close(field->server.stack, field->listener, field->now_us);
    after = field_held(field);
    assert_true(after.pool_bytes <= before.memory_bytes);
    hold_leave(&hold);
    field_close(field);
}

/* [R6429-02] */
static void holders_give_way(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        hold(&rows[i]);
}

/* While there is room nobody is released: who is slow for good reasons stays. */
static void nobody_is_released_without_need(void **state)
{
    struct field *field = &the_field;
    struct field_setup setup = field_setup_default(SEED);
    struct hold hold;
    struct crowd crowd;

    (void)state;
    setup.server.stall_timeout_ms = 10000;
    field_open(field, &setup);
    crowd_enter(&crowd, field, &(struct crowd_setup){.request = 200, .response = 20000});
    hold_enter(&hold, field,
               &(struct hold_setup){.kind = HOLD_SLOW_SENDER,
                                    .from = HOLD_FROM_ONE,
                                    .connections = 100,
                                    .per_s = 100,
                                    .request = 200});
    field_pass(field, 120 * US_PER_S);
    assert_int_equal(hold.established, 100);
    assert_int_equal(hold.resets, 0);
    assert_int_equal(field_held(field).connections, 100);
    crowd_leave(&crowd, field);
    hold_leave(&hold);
    field_close(field);
}

/* The packets that a held connection costs: a probe ever more seldom. */
static void a_held_connection_is_cheap(void **state)
{
    struct field *field = &the_field;
    struct field_setup setup = field_setup_default(SEED);
    struct hold hold;
    struct crowd crowd;
    uint64_t frames;

    (void)state;
    field_open(field, &setup);
    crowd_enter(&crowd, field, &(struct crowd_setup){.request = 200, .response = 20000});
    hold_enter(&hold, field,
               &(struct hold_setup){
                   .kind = HOLD_ZERO_WINDOW, .connections = 100, .per_s = 1000, .request = 200});
    field_pass(field, 10 * US_PER_S);
    frames = field->to_others.frames;
    field_pass(field, 120 * US_PER_S);
    print_message("100 closed windows: %" PRIu64 " packets in two minutes\n",
                  field->to_others.frames - frames);
    assert_true(field->to_others.frames - frames <= 100 * 8);
    crowd_leave(&crowd, field);
    hold_leave(&hold);
    field_close(field);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holders_give_way),
        cmocka_unit_test(nobody_is_released_without_need),
        cmocka_unit_test(a_held_connection_is_cheap),
    };

    return cmocka_run_group_tests_name("sim/attack_hold", tests, NULL, NULL);
}
