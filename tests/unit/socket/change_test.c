/* What may change while a stack runs: a listener's options, and limits. [RFC 9293 3.10.1] */
#include "world.h"

static void what_waits_in_a_listener_stays(void **state)
{
    struct world w;
    struct hf_listen_options options = {.local.port = 80, .backlog = 3, .user = 42};
    hf_socket listener, clients[3], accepted;

    (void)state;
    world_make(&w, false);
    assert_int_equal(hf_listen_with(server_of(&w), &options, &listener), HF_OK);
    for (int i = 0; i < 3; i++)
        clients[i] = world_connect(&w, 80);
    assert_int_equal(world_status(&w, SERVER, listener).accept_queued, 3);

    options = (struct hf_listen_options){.local.port = 4711, .backlog = 1, .user = 7};
    assert_int_equal(hf_listen_change(server_of(&w), listener, &options, w.now), HF_OK);
    assert_int_equal(world_status(&w, SERVER, listener).accept_queued, 3);
    assert_int_equal(world_status(&w, SERVER, listener).backlog, 1);
    assert_int_equal(world_status(&w, SERVER, listener).user, 42);
    assert_int_equal(world_status(&w, SERVER, listener).local.port, 80);
    for (int i = 0; i < 3; i++)
        assert_int_equal(world_status(&w, CLIENT, clients[i]).state, HF_STATE_ESTABLISHED);

    world_connect(&w, 80); /* its queue is full now */
    assert_int_equal(world_status(&w, SERVER, listener).accept_queued, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(hf_accept(server_of(&w), listener, &accepted), HF_OK);
    world_pass(&w, 2 * SECOND);
    assert_int_equal(hf_accept(server_of(&w), listener, &accepted), HF_OK);
    world_unmake(&w);
}

static void only_a_listener_can_be_changed(void **state)
{
    struct world w;
    struct hf_listen_options options = {.backlog = 1};
    hf_socket s[2], listener;

    (void)state;
    world_make(&w, false);
    listener = world_listen(&w, 80);
    world_open(&w, listener, 80, s);
    assert_int_equal(hf_listen_change(server_of(&w), s[SERVER], &options, w.now), HF_INVALID);
    assert_int_equal(hf_listen_change(server_of(&w), HF_NO_SUCH_SOCKET, &options, w.now),
                     HF_NO_SOCKET);
    hf_close(server_of(&w), listener, w.now);
    assert_int_equal(hf_listen_change(server_of(&w), listener, &options, w.now), HF_NO_SOCKET);
    world_unmake(&w);
}

static const struct hf_limits usual = {.reset_budget_per_s = 1000,
                                       .challenge_budget_per_s = 1000,
                                       .icmp_budget_per_s = 1000,
                                       .stall_timeout_ms = 60000,
                                       .scan_ports = 16};

/* SYNs to closed ports are answered by a reset while there is a budget. */
static uint64_t resets_for(struct world *w, int tries)
{
    uint64_t before = hf_stats(server_of(w))->resets_sent;

    for (int i = 0; i < tries; i++)
        world_connect(w, 4000);
    return hf_stats(server_of(w))->resets_sent - before;
}

static void a_budget_changes_at_once(void **state)
{
    struct world w;
    struct hf_limits limits = usual;

    (void)state;
    world_make(&w, false);
    assert_int_equal(resets_for(&w, 3), 3);
    limits.reset_budget_per_s = 0;
    assert_int_equal(hf_change_limits(server_of(&w), &limits), HF_OK);
    assert_int_equal(resets_for(&w, 3), 0);
    limits.reset_budget_per_s = 1000;
    assert_int_equal(hf_change_limits(server_of(&w), &limits), HF_OK);
    assert_int_equal(resets_for(&w, 3), 3);
    world_unmake(&w);
}

static void a_limit_out_of_range_changes_nothing(void **state)
{
    struct world w;
    struct hf_limits limits = usual;

    (void)state;
    world_make(&w, false);
    limits.reset_budget_per_s = 0;
    limits.scan_ports = 255;
    assert_int_equal(hf_change_limits(server_of(&w), &limits), HF_INVALID);
    limits.scan_ports = 1;
    limits.stall_timeout_ms = 0; /* the watch was made to watch */
    assert_int_equal(hf_change_limits(server_of(&w), &limits), HF_INVALID);
    assert_int_equal(resets_for(&w, 1), 1);
    world_unmake(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_in_a_listener_stays),
        cmocka_unit_test(only_a_listener_can_be_changed),
        cmocka_unit_test(a_budget_changes_at_once),
        cmocka_unit_test(a_limit_out_of_range_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
