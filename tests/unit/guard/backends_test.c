/* Several backends: turns, retries, checks, and what is lost when they are gone. */
#include "unit/guard/world.h"

#include <sys/resource.h>

enum { BACKENDS = 3 };

/* A world whose service "web" has BACKENDS backends b, c, d, each a listener of its own. */
struct many {
    struct world world;
    int listeners[BACKENDS];
    uint16_t ports[BACKENDS];
};

/* At its port of before, if it had one. */
static void revive_backend(struct many *many, uint32_t which)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(many->ports[which]),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 64), 0);
    many->listeners[which] = fd;
    many->ports[which] = world_port(fd);
}

static void many_open(struct many *many, uint32_t count, const char *client_address,
                      const char *keys)
{
    char target[32], rest[640];
    int used = snprintf(rest, sizeof rest, "client_address = %s }", client_address);

    *many = (struct many){.world.listener = -1};
    for (uint32_t i = 0; i < count; i++) {
        revive_backend(many, i);
        if (i > 0)
            used += snprintf(rest + used, sizeof rest - (size_t)used,
                             " backend \"%c\" { to = \"127.0.0.1:%u\" client_address = %s }",
                             'b' + (int)i, many->ports[i], client_address);
    }
    snprintf(rest + used, sizeof rest - (size_t)used, " connect_timeout = 300ms %s }", keys);
    snprintf(target, sizeof target, "127.0.0.1:%u", many->ports[0]);
    world_open(&many->world, target, rest);
}

static void many_close(struct many *many)
{
    world_close(&many->world);
    for (uint32_t i = 0; i < BACKENDS; i++)
        if (many->listeners[i] > 0)
            close(many->listeners[i]);
}

static void kill_backend(struct many *many, uint32_t which)
{
    close(many->listeners[which]);
    many->listeners[which] = 0;
}

/* Turns until this backend has somebody to accept. */
static int accept_at(struct many *many, uint32_t which)
{
    many->world.listener = many->listeners[which];
    int fd = world_accept(&many->world);

    many->world.listener = -1;
    return fd;
}

static bool somebody_waits_at(const struct many *many, uint32_t which)
{
    int fd = accept4(many->listeners[which], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static hf_socket web(struct many *many)
{
    return world_connect(&many->world, "203.0.113.10:80");
}

static void until_health(struct many *many, uint32_t which, bool up)
{
    const struct health *health = &many->world.guard.services[0].backends[which].health;

    for (int i = 0; i < STEPS_MAX && !(health->known && health->up == up); i++) {
        world_step(&many->world);
        for (uint32_t j = 0; j < BACKENDS; j++)
            if (many->listeners[j] > 0)
                somebody_waits_at(many, j); /* the checks */
    }
    assert_true(health->known && health->up == up);
}

/* ---- turns and retries ---- */

static void clients_take_turns(void **state)
{
    struct many many;

    (void)state;
    many_open(&many, 3, "none", "");
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 3; i++) {
            web(&many);
            int fd = accept_at(&many, i);
            close(fd);
        }
    many_close(&many);
}

static void a_refusal_costs_no_client(void **state)
{
    struct many many;
    char byte;

    (void)state;
    many_open(&many, 2, "none", "");
    kill_backend(&many, 0);
    hf_socket client = web(&many);
    assert_int_equal(hf_send(many.world.client, client, "x", 1, many.world.now_us), 1);
    int fd = accept_at(&many, 1);
    assert_int_equal(world_read(&many.world, fd, &byte, 1), 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(world_count(&many.world)->retried, 1);
    assert_int_equal(world_count(&many.world)->backend_refused, 0);
    close(fd);
    many_close(&many);
}

/* As many others as connect_retries says. */
static void retries_have_a_limit(void **state)
{
    struct many many;

    (void)state;
    many_open(&many, 3, "none", "connect_retries = 1");
    kill_backend(&many, 0);
    kill_backend(&many, 1);
    hf_socket client = web(&many);
    assert_int_equal(world_end_of(&many.world, client), HF_RESET);
    assert_int_equal(world_count(&many.world)->retried, 1);
    assert_int_equal(world_count(&many.world)->backend_refused, 1);
    assert_false(somebody_waits_at(&many, 2));
    many_close(&many);
}

/* A backend whose queue is full leaves SYNs without an answer. */
static void silence_costs_connect_timeout_and_no_client(void **state)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    struct many many;
    int fillers[4];

    (void)state;
    many_open(&many, 2, "none", "");
    assert_int_equal(listen(many.listeners[0], 0), 0);
    assert_int_equal(getsockname(many.listeners[0], (struct sockaddr *)&address, &length), 0);
    for (int i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fillers[i], (const struct sockaddr *)&address, sizeof address);
    }
    int64_t began_us = many.world.now_us;

    web(&many);
    int fd = accept_at(&many, 1);
    assert_true(many.world.now_us - began_us >= 300000);
    assert_int_equal(world_count(&many.world)->retried, 1);
    assert_int_equal(world_count(&many.world)->connect_timed_out, 0);
    close(fd);
    for (int i = 0; i < 4; i++)
        close(fillers[i]);
    many_close(&many);
}

/* A process that is killed resets what waits in its accept queue: no byte was lost, so another takes over. */
static void a_reset_before_the_first_byte_costs_no_client(void **state)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    uint8_t header[64];
    struct many many;
    char byte;

    (void)state;
    many_open(&many, 2, "proxy-v2", "");
    hf_socket client = web(&many);
    int first = accept_at(&many, 0);
    assert_int_equal(world_read(&many.world, first, header, sizeof header), 28);
    setsockopt(first, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(first);
    int second = accept_at(&many, 1);
    assert_int_equal(world_read(&many.world, second, header, sizeof header), 28);
    assert_int_equal(hf_send(many.world.client, client, "y", 1, many.world.now_us), 1);
    assert_int_equal(world_read(&many.world, second, &byte, 1), 1);

    setsockopt(second, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(second); /* and now one was given */
    assert_int_equal(world_end_of(&many.world, client), HF_RESET);
    assert_int_equal(world_count(&many.world)->backend_reset, 1);
    many_close(&many);
}

/* A client who has been told the end cannot be given to another backend any more. */
static void after_an_end_of_stream_no_other_backend_is_asked(void **state)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct many many;
    char byte;

    (void)state;
    many_open(&many, 2, "none", "");
    hf_socket client = web(&many);
    int first = accept_at(&many, 0);
    assert_int_equal(shutdown(first, SHUT_WR), 0);
    assert_int_equal(world_receive(&many.world, client, &byte, 1), 0);
    setsockopt(first, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(first);
    assert_int_equal(world_end_of(&many.world, client), HF_RESET);
    assert_int_equal(world_count(&many.world)->backend_reset, 1);
    assert_int_equal(world_count(&many.world)->retried, 0);
    assert_false(somebody_waits_at(&many, 1));
    many_close(&many);
}

/* ---- checks ---- */

static void a_dead_backend_is_found_and_comes_back(void **state)
{
    struct many many;

    (void)state;
    many_open(&many, 2, "none", "check_interval = 100ms check_fall = 2 check_rise = 2");
    until_health(&many, 0, true);
    kill_backend(&many, 0);
    until_health(&many, 0, false);
    assert_int_equal(service_backends_up(&many.world.guard.services[0]), 1);
    for (int i = 0; i < 3; i++) {
        web(&many);
        close(accept_at(&many, 1));
    }
    assert_int_equal(world_count(&many.world)->retried, 0);
    revive_backend(&many, 0);
    until_health(&many, 0, true);
    many_close(&many);
}

/* One check is enough for the first verdict, and not for the next. */
static void the_first_check_decides_alone(void **state)
{
    struct many many;

    (void)state;
    many_open(&many, 2, "none", "check_interval = 100ms check_fall = 3 check_rise = 3");
    const struct health *health = &many.world.guard.services[0].backends[0].health;

    kill_backend(&many, 0);
    for (int i = 0; i < STEPS_MAX && !health->known; i++)
        world_step(&many.world);
    assert_false(health->up);
    revive_backend(&many, 0);
    int64_t began_us = many.world.now_us;
    until_health(&many, 0, true);
    assert_true(many.world.now_us - began_us >= 200000);
    many_close(&many);
}

static void with_all_down_clients_are_reset_and_back_they_are_served(void **state)
{
    struct many many;

    (void)state;
    many_open(&many, 2, "none", "check_interval = 10s");
    kill_backend(&many, 0);
    kill_backend(&many, 1);
    until_health(&many, 0, false);
    until_health(&many, 1, false);
    assert_int_equal(world_end_of(&many.world, web(&many)), HF_RESET);
    assert_int_equal(world_count(&many.world)->backend_refused, 1);
    assert_int_equal(many.world.guard.relays.active, 0);

    revive_backend(&many, 1); /* and no check has seen it */
    web(&many);
    close(accept_at(&many, 1));
    many_close(&many);
}

static void nobody_waits_for_backends_that_are_silent(void **state)
{
    struct many many;
    int64_t began_us;

    (void)state;
    many_open(&many, 1, "none", "");
    many.world.guard.services[0].backends[0].health.up = false;
    many.world.guard.services[0].backends[0].health.silent = true;
    /* without checks it would be called up again at the next look; there is none in this step */
    many.world.guard.relays.health_at_us = INT64_MAX;
    began_us = many.world.now_us;
    assert_int_equal(world_end_of(&many.world, web(&many)), HF_RESET);
    assert_true(many.world.now_us - began_us < 300000);
    assert_int_equal(world_count(&many.world)->no_backend, 1);
    many_close(&many);
}

static void a_check_of_a_proxied_backend_says_that_it_is_one(void **state)
{
    static const uint8_t expected[] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51,
                                       0x55, 0x49, 0x54, 0x0a, 0x20, 0,    0,    0};
    uint8_t header[64];
    struct many many;

    (void)state;
    many_open(&many, 1, "proxy-v2", "check_interval = 1s");
    int fd = accept_at(&many, 0);
    assert_int_equal(world_read(&many.world, fd, header, sizeof header), sizeof expected);
    assert_memory_equal(header, expected, sizeof expected);
    assert_int_equal(world_read(&many.world, fd, header, sizeof header), 0);
    close(fd);
    many_close(&many);
}

/* ---- what we lack ourselves ---- */

struct shortage {
    struct rlimit before;
    int filler[2048], fillers;
};

/* From now on there is no descriptor for anybody. */
static void take_descriptors(struct shortage *shortage)
{
    struct rlimit none;

    shortage->fillers = 0;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &shortage->before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = shortage->before.rlim_max};
    none.rlim_cur = (rlim_t)(dup(0) + 1); /* as many as are open */
    close((int)none.rlim_cur - 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    while (shortage->fillers < 2048 && (shortage->filler[shortage->fillers] = dup(0)) >= 0)
        shortage->fillers++;
}

static void give_descriptors(struct shortage *shortage)
{
    while (shortage->fillers > 0)
        close(shortage->filler[--shortage->fillers]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &shortage->before), 0);
}

static void without_descriptors_clients_wait(void **state)
{
    struct shortage shortage;
    struct many many;

    (void)state;
    many_open(&many, 1, "none", "max_connections = 50");
    take_descriptors(&shortage);

    hf_socket client = web(&many), other = web(&many);
    world_steps(&many.world, 500);
    assert_int_equal(many.world.guard.relays.active, 1); /* the other is not even accepted */
    assert_int_equal(world_status(&many.world, client).error, HF_OK);

    give_descriptors(&shortage);
    close(accept_at(&many, 0));
    close(accept_at(&many, 0));
    assert_int_equal(world_status(&many.world, other).error, HF_OK);
    many_close(&many);
}

/* The one who waited is gone, in whichever way: whoever comes later is served all the same. */
static void a_want_ends_with_nobody_left_to_feel_it(void **state)
{
    for (int way = 0; way < 3; way++) {
        struct shortage shortage;
        struct many many;

        (void)state;
        many_open(&many, 1, "none", "");
        take_descriptors(&shortage);
        hf_socket client = web(&many);
        while (many.world.guard.relays.retry_list.count == 0)
            world_step(&many.world);
        if (way == 0) /* connect_timeout */
            assert_int_equal(world_end_of(&many.world, client), HF_RESET);
        else if (way == 1)
            assert_int_equal(relays_cut(&many.world.guard.relays, many.world.now_us), 1);
        else
            hf_abort(many.world.client, client, many.world.now_us);
        while (many.world.guard.relays.active > 0)
            world_step(&many.world);
        give_descriptors(&shortage);
        web(&many);
        close(accept_at(&many, 0));
        many_close(&many);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_take_turns),
        cmocka_unit_test(a_refusal_costs_no_client),
        cmocka_unit_test(retries_have_a_limit),
        cmocka_unit_test(silence_costs_connect_timeout_and_no_client),
        cmocka_unit_test(a_reset_before_the_first_byte_costs_no_client),
        cmocka_unit_test(after_an_end_of_stream_no_other_backend_is_asked),
        cmocka_unit_test(a_dead_backend_is_found_and_comes_back),
        cmocka_unit_test(the_first_check_decides_alone),
        cmocka_unit_test(with_all_down_clients_are_reset_and_back_they_are_served),
        cmocka_unit_test(nobody_waits_for_backends_that_are_silent),
        cmocka_unit_test(a_check_of_a_proxied_backend_says_that_it_is_one),
        cmocka_unit_test(without_descriptors_clients_wait),
        cmocka_unit_test(a_want_ends_with_nobody_left_to_feel_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
