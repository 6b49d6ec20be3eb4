/* Half-opens one by one: those that are there, and no others. */
#include "world.h"

#define PORTS 12 /* a prefix may have 16 */

/* The client's SYNs arrive; the SYN-ACKs do not. */
static void only_syns(struct world *world, int to, struct hf_frame *frame)
{
    if (to == SERVER)
        world_deliver(world, to, frame);
}

static uint32_t count(struct world *w, uint64_t user)
{
    struct hf_half_open half_open;
    uint64_t cursor = 0;
    uint32_t found = 0;
    int answer;

    while ((answer = hf_next_half_open(server_of(w), &cursor, &half_open)) != HF_AGAIN) {
        if (answer != HF_OK)
            continue;
        found++;
        assert_int_equal(half_open.user, user);
        assert_int_equal(half_open.local.port, 80);
        assert_true(half_open.syn_acks >= 1);
        assert_true(half_open.mss >= 536);
        assert_true(half_open.timestamps && half_open.sack && half_open.window_scaling);
    }
    return found;
}

static void those_that_are_there_and_no_others(void **state)
{
    struct hf_listen_options options = {.local.port = 80, .user = 42};
    hf_socket listener, clients[PORTS];
    struct hf_gauges gauges;
    struct world w;

    (void)state;
    world_make(&w, false);
    assert_int_equal(hf_listen_with(server_of(&w), &options, &listener), HF_OK);
    assert_int_equal(count(&w, 42), 0);
    world_connect(&w, 81); /* refused; but now they know each other's link addresses */
    w.meddle = only_syns;
    for (int i = 0; i < PORTS; i++)
        clients[i] = world_connect(&w, 80);
    assert_int_equal(count(&w, 42), PORTS);
    for (int i = 0; i < PORTS; i += 2) /* a RST of half of them: their places are free */
        hf_abort(client_of(&w), clients[i], w.now);
    w.meddle = NULL;
    world_pass(&w, 5 * SECOND); /* the others finish */
    hf_gauges(server_of(&w), &gauges);
    assert_int_equal(gauges.half_opens, count(&w, 42));
    world_pass(&w, 30 * SECOND);
    assert_int_equal(count(&w, 42), 0);
    w.meddle = only_syns;
    world_connect(&w, 80); /* a place that was used is used again, and found once */
    assert_int_equal(count(&w, 42), 1);
    world_unmake(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(those_that_are_there_and_no_others)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
