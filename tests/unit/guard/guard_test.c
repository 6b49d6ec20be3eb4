/* The guard's life: serving, draining, cutting, and what it says when it cannot begin. */
#include "unit/guard/world.h"

#include <sys/stat.h>

static void a_guard_drains_when_its_connections_end(void **state)
{
    struct world world;
    char byte;

    (void)state;
    world_open_v4(&world, "}}");
    hf_socket client = world_connect(&world, "203.0.113.10:80");
    int backend = world_accept(&world);

    guard_drain(&world.guard, world.now_us);
    hf_socket late = world_connect(&world, "203.0.113.10:80");
    assert_int_equal(world_end_of(&world, late), HF_REFUSED);
    world_steps(&world, 1000);
    assert_int_equal(world.guard.life, GUARD_DRAINING);

    close(backend);
    assert_int_equal(world_receive(&world, client, &byte, 1), 0);
    hf_close(world.client, client, world.now_us);
    world_steps(&world, 1000);
    assert_int_equal(world.guard.life, GUARD_ENDED);
    assert_int_equal(world.guard.cut, 0);
    assert_int_equal(world.guard.unfinished, 0);
    world_close(&world);
}

static void what_does_not_end_is_cut(void **state)
{
    struct world world;
    char byte;

    (void)state;
    world_open_v4(&world, "}}");
    hf_socket client = world_connect(&world, "203.0.113.10:80");
    int backend = world_accept(&world);

    guard_drain(&world.guard, world.now_us);
    world_steps(&world, 4900000 / STEP_US);
    assert_int_equal(world.guard.life, GUARD_DRAINING);
    world_steps(&world, 200000 / STEP_US);
    assert_int_equal(world.guard.life, GUARD_ENDED);
    assert_int_equal(world.guard.cut, 1);
    assert_int_equal(world_end_of(&world, client), HF_RESET);
    assert_int_equal(world_read(&world, backend, &byte, 1), -ECONNRESET);
    close(backend);
    world_close(&world);
}

static void a_second_word_cuts_at_once(void **state)
{
    struct world world;

    (void)state;
    world_open_v4(&world, "}}");
    hf_socket client = world_connect(&world, "203.0.113.10:80");
    int backend = world_accept(&world);

    guard_drain(&world.guard, world.now_us);
    guard_drain(&world.guard, world.now_us);
    world_step(&world);
    assert_int_equal(world.guard.life, GUARD_ENDED);
    assert_int_equal(world.guard.cut, 1);
    assert_int_equal(world_end_of(&world, client), HF_RESET);
    close(backend);
    world_close(&world);
}

static void a_capture_begins_as_one(void **state)
{
    static const uint8_t section[] = {0x0a, 0x0d, 0x0d, 0x0a};
    struct world world;
    char path[64], extra[128];
    uint8_t head[4];
    struct stat status;

    (void)state;
    snprintf(path, sizeof path, P_tmpdir "/guard_test_%d.pcapng", (int)getpid());
    snprintf(extra, sizeof extra, "}}\ncapture = \"%s\" #", path);
    world_open_v4(&world, extra);
    world_connect(&world, "203.0.113.10:80");
    close(world_accept(&world));
    world_close(&world);

    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    assert_int_equal(fread(head, 1, 4, stream), 4);
    assert_int_equal(fstat(fileno(stream), &status), 0);
    fclose(stream);
    unlink(path);
    assert_memory_equal(head, section, 4);
    assert_true(status.st_size > 500);
}

static void what_it_serves_is_told_in_one_line(void **state)
{
    struct world world;
    char text[200], expected[200];

    (void)state;
    world_open_v4(&world, "client_address = proxy-v2 }}");
    guard_describe(world.config, text, sizeof text);
    snprintf(expected, sizeof expected, "web: [::]:80 -> 127.0.0.1:%u (proxy-v2)",
             world_port(world.listener));
    assert_string_equal(text, expected);
    guard_describe(world.config, text, 8);
    assert_string_equal(text, "web: [:");
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guard_drains_when_its_connections_end),
        cmocka_unit_test(what_does_not_end_is_cut),
        cmocka_unit_test(a_second_word_cuts_at_once),
        cmocka_unit_test(a_capture_begins_as_one),
        cmocka_unit_test(what_it_serves_is_told_in_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
