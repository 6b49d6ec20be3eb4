/* Services that change while they serve: limits per prefix, timeouts, draining, reloading, removing; relays listed and killed. */
#include "unit/guard/world.h"

static struct service *web(struct world *world)
{
    return &world->guard.services[0];
}

static hf_socket connect_v4(struct world *world)
{
    return world_connect(world, "203.0.113.10:80");
}

static hf_socket connect_v6(struct world *world)
{
    return world_connect(world, "[2001:db8::10]:80");
}

/* Turns until so many relays are there. */
static void until_active(struct world *world, uint32_t count)
{
    for (int i = 0; i < STEPS_MAX && world->guard.relays.active != count; i++)
        world_step(world);
    assert_int_equal(world->guard.relays.active, count);
}

/* ---- limits and timeouts ---- */

static void a_prefix_has_so_many_connections_and_no_more(void **state)
{
    struct world world;

    (void)state;
    world_open_v4(&world, "} max_per_prefix = 2 }");
    for (int i = 0; i < 2; i++) {
        connect_v4(&world);
        connect_v6(&world);
    }
    until_active(&world, 4);
    assert_int_equal(world_end_of(&world, connect_v4(&world)), HF_RESET);
    assert_int_equal(world_end_of(&world, connect_v6(&world)), HF_RESET);
    assert_int_equal(world_count(&world)->prefix_refused, 2);
    assert_int_equal(world.guard.relays.active, 4);

    close(world_accept(&world)); /* one of IPv4 ends, and there is room for one */
    hf_socket first = connect_v4(&world);
    world_steps(&world, 1000);
    assert_int_equal(world_count(&world)->prefix_refused, 3);
    assert_int_equal(world_status(&world, first).error, HF_RESET);
    world_close(&world);
}

static void a_connection_that_ended_is_not_counted(void **state)
{
    struct world world;

    (void)state;
    world_open_v4(&world, "} max_per_prefix = 1 }");
    for (int i = 0; i < 5; i++) {
        hf_socket client = connect_v4(&world);
        int fd = world_accept(&world);

        until_active(&world, 1);
        close(fd);
        hf_close(world.client, client, world.now_us);
        until_active(&world, 0);
    }
    assert_int_equal(world_count(&world)->prefix_refused, 0);
    world_close(&world);
}

static void an_observer_counts_and_accepts(void **state)
{
    struct world world;

    (void)state;
    world_open_v4(&world, "} max_per_prefix = 1 enforce = no }");
    for (int i = 0; i < 3; i++)
        connect_v4(&world);
    until_active(&world, 3);
    assert_int_equal(world_count(&world)->prefix_refused, 0);
    assert_int_equal(world_count(&world)->would_refuse, 2);
    world_close(&world);
}

static void the_total_timeout_ends_what_is_busy(void **state)
{
    struct world world;

    (void)state;
    world_open_v4(&world, "} total_timeout = 1s }");
    hf_socket client = connect_v4(&world);
    int backend = world_accept(&world);
    int64_t began_us = world.now_us;

    while (world_status(&world, client).error == HF_OK && world.now_us - began_us < 2000000) {
        assert_true(hf_send(world.client, client, "x", 1, world.now_us) != HF_NO_SOCKET);
        world_steps(&world, 100);
    }
    assert_int_equal(world_status(&world, client).error, HF_RESET);
    assert_in_range(world.now_us - began_us, 900000, 1100000);
    assert_int_equal(world_count(&world)->total_timed_out, 1);
    close(backend);
    world_close(&world);
}

/* ---- listing and killing ---- */

struct list_of_views {
    struct relay_view views[8];
    uint32_t count, limit;
};

static bool keep(void *context, const struct relay_view *view)
{
    struct list_of_views *list = context;

    list->views[list->count++] = *view;
    return list->count < list->limit;
}

static void relays_are_listed(void **state)
{
    struct list_of_views list = {.limit = 8};
    struct world world;
    char bytes[64];

    (void)state;
    world_open_v4(&world, "}}");
    hf_socket client = connect_v4(&world);
    int backend = world_accept(&world);
    hf_socket other = connect_v6(&world);
    int second = world_accept(&world);

    assert_int_equal(hf_send(world.client, client, "hello", 5, world.now_us), 5);
    assert_int_equal(world_read(&world, backend, bytes, sizeof bytes), 5);
    assert_int_equal(write(backend, "hi", 2), 2);
    assert_int_equal(world_receive(&world, client, bytes, sizeof bytes), 2);
    hf_shutdown(world.client, other, world.now_us);
    assert_int_equal(world_read(&world, second, bytes, sizeof bytes), 0);
    world_steps(&world, 5000);

    assert_true(relays_visit(&world.guard.relays, keep, &list, world.now_us));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.views[0].service, "web");
    assert_string_equal(list.views[0].backend, "b");
    assert_string_equal(list.views[0].state, "open");
    assert_int_equal(list.views[0].tcp_state, HF_STATE_ESTABLISHED);
    assert_int_equal(list.views[0].bytes_in, 5);
    assert_int_equal(list.views[0].bytes_out, 2);
    assert_int_equal(list.views[0].client.port, world_status(&world, client).local.port);
    assert_int_equal(list.views[0].local.port, 80);
    assert_in_range(list.views[0].idle_us, 1000000, list.views[0].age_us);
    assert_true(list.views[0].rtt_us > 0);
    assert_string_equal(list.views[1].state, "client-closed");
    assert_true(list.views[1].id != list.views[0].id);

    list = (struct list_of_views){.limit = 1};
    assert_false(relays_visit(&world.guard.relays, keep, &list, world.now_us));
    close(backend);
    close(second);
    world_close(&world);
}

static void a_kill_resets_both_sides_of_the_one_that_is_meant(void **state)
{
    struct relay_view view;
    struct world world;
    char byte;

    (void)state;
    world_open_v4(&world, "}}");
    hf_socket client = connect_v4(&world);
    int backend = world_accept(&world);
    until_active(&world, 1);
    world_steps(&world, 10);

    assert_true(relays_view(&world.guard.relays, 0, &view, world.now_us));
    assert_false(relays_kill(&world.guard.relays, 0, view.id + 1, world.now_us));
    assert_false(relays_kill(&world.guard.relays, 7, view.id, world.now_us));
    assert_true(relays_kill(&world.guard.relays, 0, view.id, world.now_us));
    assert_false(relays_kill(&world.guard.relays, 0, view.id, world.now_us));
    assert_int_equal(world_end_of(&world, client), HF_RESET);
    assert_int_equal(world_read(&world, backend, &byte, 1), -ECONNRESET);
    assert_int_equal(world_count(&world)->killed, 1);

    connect_v4(&world); /* in the same slot, under another number */
    until_active(&world, 1);
    assert_false(relays_kill(&world.guard.relays, 0, view.id, world.now_us));
    close(backend);
    world_close(&world);
}

/* ---- draining ---- */

static void a_drained_service_finishes_what_it_has(void **state)
{
    struct world world;
    char byte;

    (void)state;
    world_open_v4(&world, "}}");
    hf_socket client = connect_v4(&world);
    int backend = world_accept(&world);
    until_active(&world, 1);

    service_drain(&world.guard.relays, web(&world), world.now_us);
    assert_int_equal(world_end_of(&world, connect_v4(&world)), HF_REFUSED);
    assert_int_equal(write(backend, "x", 1), 1);
    assert_int_equal(world_receive(&world, client, &byte, 1), 1);

    assert_int_equal(service_resume(&world.guard.relays, web(&world), world.now_us), HF_OK);
    connect_v4(&world);
    close(world_accept(&world));
    close(backend);
    world_close(&world);
}

/* Who has finished his handshake is let in, even if the service has not seen him yet. */
static void a_drain_leaves_nobody_in_the_queue(void **state)
{
    hf_socket clients[5];
    struct world world;

    (void)state;
    world_open_v4(&world, "} max_connections = 2 }");
    for (int i = 0; i < 2; i++)
        clients[i] = connect_v4(&world);
    until_active(&world, 2);
    world_steps(&world, 10);
    service_drain(&world.guard.relays, web(&world), world.now_us);
    world_steps(&world, 100);
    for (int i = 0; i < 2; i++)
        assert_int_equal(world_status(&world, clients[i]).error, HF_OK);
    world_close(&world);
}

/* ---- another configuration ---- */

/* A copy of the one in force, to be changed. */
static struct config_service *copy_of(struct world *world)
{
    struct config_service *copy = malloc(sizeof *copy);

    *copy = world->config->service[0];
    return copy;
}

static void a_reload_keeps_connections_and_changes_limits(void **state)
{
    struct world world;
    char byte;

    (void)state;
    world_open_v4(&world, "} max_connections = 1 }");
    struct config_service *next = copy_of(&world);

    hf_socket first = connect_v4(&world);
    int backend = world_accept(&world);
    connect_v4(&world);
    world_steps(&world, 500);
    assert_int_equal(web(&world)->active, 1);

    next->max_connections = 2;
    assert_int_equal(service_reconfigure(&world.guard.relays, web(&world), next, world.now_us),
                     HF_OK);
    until_active(&world, 2);
    assert_int_equal(write(backend, "x", 1), 1);
    assert_int_equal(world_receive(&world, first, &byte, 1), 1);
    close(backend);
    world_close(&world);
    free(next);
}

static void a_backend_that_vanishes_finishes_what_it_has(void **state)
{
    struct world world;
    char byte;

    (void)state;
    world_open_v4(&world, "}}");
    struct config_service *next = copy_of(&world);
    int other = world_listen_v4(8), old = world.listener;

    hf_socket first = connect_v4(&world);
    int backend = world_accept(&world);
    until_active(&world, 1);
    world_steps(&world, 10);
    memcpy(next->backend[0].name, "c", sizeof "c");
    next->backend[0].to.endpoint.port = world_port(other);
    assert_int_equal(service_reconfigure(&world.guard.relays, web(&world), next, world.now_us),
                     HF_OK);

    world.listener = other;
    connect_v4(&world);
    close(world_accept(&world));
    assert_int_equal(write(backend, "x", 1), 1);
    assert_int_equal(world_receive(&world, first, &byte, 1), 1);
    assert_string_equal(web(&world)->backends[0].name, "b");
    close(backend);
    hf_close(world.client, first, world.now_us);
    for (int i = 0; i < 1000; i++)
        world_step(&world);
    assert_string_equal(web(&world)->backends[0].name, ""); /* and the slot is free */
    close(old);
    world_close(&world);
    free(next);
}

/* More names than there are slots: each reload another one, and every one has a connection. */
static void names_are_forgotten_and_connections_are_not(void **state)
{
    enum { RELOADS = 40 };
    struct config_service *configs[RELOADS];
    hf_socket clients[RELOADS];
    int backends[RELOADS];
    struct world world;
    char byte;

    (void)state;
    world_open_v4(&world, "}}");
    for (int i = 0; i < RELOADS; i++) {
        configs[i] = copy_of(&world);
        snprintf(configs[i]->backend[0].name, CONFIG_NAME_MAX, "b%d", i);
        assert_int_equal(
            service_reconfigure(&world.guard.relays, web(&world), configs[i], world.now_us), HF_OK);
        clients[i] = connect_v4(&world);
        backends[i] = world_accept(&world);
        world_steps(&world, 10);
    }
    for (int i = 0; i < RELOADS; i++) {
        assert_int_equal(write(backends[i], "x", 1), 1);
        assert_int_equal(world_receive(&world, clients[i], &byte, 1), 1);
        close(backends[i]);
        hf_close(world.client, clients[i], world.now_us);
    }
    until_active(&world, 0);
    for (uint32_t i = 0; i < SERVICE_BACKENDS_MAX; i++)
        assert_int_equal(web(&world)->backends[i].active, 0);
    world_close(&world);
    for (int i = 0; i < RELOADS; i++)
        free(configs[i]);
}

static void listeners_come_and_go(void **state)
{
    struct world world;

    (void)state;
    world_open_v4(&world, "}}");
    struct config_service *next = copy_of(&world), *bad = copy_of(&world);

    next->listen.items[0].endpoint.port = 81;
    assert_int_equal(service_reconfigure(&world.guard.relays, web(&world), next, world.now_us),
                     HF_OK);
    assert_int_equal(world_end_of(&world, connect_v4(&world)), HF_REFUSED);
    world_connect(&world, "203.0.113.10:81");
    close(world_accept(&world));

    bad->listen.count = 2; /* the second is none of ours: nothing changes */
    assert_int_equal(hf_endpoint_parse(&bad->listen.items[1].endpoint, "198.51.100.1:80"), HF_OK);
    assert_int_equal(service_reconfigure(&world.guard.relays, web(&world), bad, world.now_us),
                     HF_NO_ADDRESS);
    assert_int_equal(world_end_of(&world, connect_v4(&world)), HF_REFUSED);
    world_connect(&world, "203.0.113.10:81");
    close(world_accept(&world));
    world_close(&world);
    free(next);
    free(bad);
}

static void a_removed_service_is_free_when_its_last_connection_ends(void **state)
{
    struct world world;
    char byte;

    (void)state;
    world_open_v4(&world, "}}");
    hf_socket client = connect_v4(&world);
    int backend = world_accept(&world);
    until_active(&world, 1);
    world_steps(&world, 10);

    service_remove(&world.guard.relays, web(&world), world.now_us);
    assert_null(service_find(&world.guard.relays, "web"));
    assert_int_equal(web(&world)->life, SERVICE_REMOVED);
    memset(world.config->service, 0xee, sizeof world.config->service[0]); /* it is ours no more */
    assert_int_equal(world_end_of(&world, connect_v4(&world)), HF_REFUSED);
    assert_int_equal(write(backend, "x", 1), 1);
    assert_int_equal(world_receive(&world, client, &byte, 1), 1);
    close(backend);
    hf_close(world.client, client, world.now_us);
    until_active(&world, 0);
    assert_int_equal(web(&world)->life, SERVICE_FREE);
    assert_ptr_equal(service_free_slot(&world.guard.relays), web(&world));
    world.config->services = 0;
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prefix_has_so_many_connections_and_no_more),
        cmocka_unit_test(a_connection_that_ended_is_not_counted),
        cmocka_unit_test(an_observer_counts_and_accepts),
        cmocka_unit_test(the_total_timeout_ends_what_is_busy),
        cmocka_unit_test(relays_are_listed),
        cmocka_unit_test(a_kill_resets_both_sides_of_the_one_that_is_meant),
        cmocka_unit_test(a_drained_service_finishes_what_it_has),
        cmocka_unit_test(a_drain_leaves_nobody_in_the_queue),
        cmocka_unit_test(a_reload_keeps_connections_and_changes_limits),
        cmocka_unit_test(a_backend_that_vanishes_finishes_what_it_has),
        cmocka_unit_test(names_are_forgotten_and_connections_are_not),
        cmocka_unit_test(listeners_come_and_go),
        cmocka_unit_test(a_removed_service_is_free_when_its_last_connection_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
