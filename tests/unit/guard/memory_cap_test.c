/* memory.max: the least of a group and those above it; limits that fit, and are left alone if they do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/memory_cap.h"
#include "guard/relay.h"

#define MIB (UINT64_C(1) << 20)

static char root[64];

static const char *at(const char *path)
{
    static char text[2][256];
    static int turn;

    turn = !turn;
    snprintf(text[turn], sizeof text[turn], "%s%s", root, path);
    return text[turn];
}

static void write_file(const char *path, const char *words)
{
    FILE *file = fopen(at(path), "w");

    assert_non_null(file);
    fputs(words, file);
    fclose(file);
}

static int setup(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/memory_cap_XXXXXX");
    if (mkdtemp(root) == NULL)
        return 1;
    mkdir(at("/a"), 0755);
    mkdir(at("/a/b"), 0755);
    return 0;
}

static int teardown(void **state)
{
    static const char *const files[] = {"/self", "/memory.max", "/a/memory.max", "/a/b/memory.max"};

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(at(files[i]));
    rmdir(at("/a/b"));
    rmdir(at("/a"));
    return rmdir(root);
}

static void the_least_above_us_counts(void **state)
{
    (void)state;
    write_file("/self", "12:memory:/elsewhere\n0::/a/b\n");
    assert_true(memory_cap_read(at("/self"), root) == UINT64_MAX);
    write_file("/a/b/memory.max", "max\n");
    write_file("/a/memory.max", "268435456\n");
    assert_true(memory_cap_read(at("/self"), root) == 256 * MIB);
    write_file("/a/b/memory.max", "536870912\n");
    assert_true(memory_cap_read(at("/self"), root) == 256 * MIB);
    write_file("/a/b/memory.max", "134217728\n");
    assert_true(memory_cap_read(at("/self"), root) == 128 * MIB);
    write_file("/memory.max", "1048576\n"); /* of a container that sees itself as the root */
    assert_true(memory_cap_read(at("/self"), root) == MIB);
    write_file("/self", "0::/\n");
    assert_true(memory_cap_read(at("/self"), root) == MIB);
}

static void without_groups_there_is_no_limit(void **state)
{
    (void)state;
    assert_true(memory_cap_read(at("/none"), root) == UINT64_MAX);
    write_file("/self", "4:memory:/a\n");
    assert_true(memory_cap_read(at("/self"), root) == UINT64_MAX);
    write_file("/self", "");
    assert_true(memory_cap_read(at("/self"), root) == UINT64_MAX);
    write_file("/self", "0::/a/b\n");
    write_file("/a/b/memory.max", "none of your business\n");
    assert_true(memory_cap_read(at("/self"), root) == UINT64_MAX);
}

static struct config *make_config(void)
{
    struct config *config = calloc(1, sizeof *config);

    assert_non_null(config);
    config->services = 1;
    config->service[0].listen.count = 1;
    config->service[0].half_open_limit = 4096;
    config->service[0].backlog = 512;
    config->service[0].max_connections = 10000;
    config->uplink.mtu = 1500;
    config->uplink.addresses.count = 1;
    assert_int_equal(hf_prefix_parse(&config->uplink.addresses.items[0].prefix, "192.0.2.1/24"),
                     HF_OK);
    config->limits = (struct config_limits){.max_connections = 10000,
                                            .receive_buffer = 256 * 1024,
                                            .send_buffer = 256 * 1024,
                                            .buffer_memory = 256 * MIB,
                                            .stall_timeout_ms = 60000};
    return config;
}

static uint64_t could_use(const struct config *config)
{
    struct hf_config stack;

    config_stack(config, &stack);
    assert_true(hf_memory_needed(&stack) > 0);
    return hf_memory_needed(&stack) +
           (uint64_t)config->limits.max_connections * sizeof(struct relay);
}

static void what_fits_is_left_alone(void **state)
{
    struct config *config = make_config(), *before = make_config();
    char said[MEMORY_CAP_TEXT_MAX];

    (void)state;
    assert_false(memory_cap_apply(config, UINT64_MAX, said));
    assert_false(memory_cap_apply(config, 4096 * MIB, said));
    assert_memory_equal(config, before, sizeof *config);
    free(config);
    free(before);
}

static void buffers_give_way_first_and_then_connections(void **state)
{
    struct config *config = make_config();
    char said[MEMORY_CAP_TEXT_MAX];

    (void)state;
    assert_true(memory_cap_apply(config, 256 * MIB, said));
    assert_true(could_use(config) <= 192 * MIB);
    assert_true(config->limits.buffer_memory < 256 * MIB);
    assert_int_equal(config->limits.max_connections, 10000);
    assert_non_null(strstr(said, "256 MiB"));

    assert_true(memory_cap_apply(config, 64 * MIB, said));
    assert_true(could_use(config) <= 48 * MIB);
    assert_in_range(config->limits.max_connections, 100, 9999);
    assert_int_equal(config->service[0].max_connections, config->limits.max_connections);
    assert_non_null(strstr(said, "64 MiB"));
    assert_null(strstr(said, "too much"));

    assert_true(memory_cap_apply(config, MIB, said)); /* it is tried, and said */
    assert_int_equal(config->limits.max_connections, 16);
    assert_non_null(strstr(said, "even that may be too much"));
    free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_least_above_us_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(without_groups_there_is_no_limit, setup, teardown),
        cmocka_unit_test(what_fits_is_left_alone),
        cmocka_unit_test(buffers_give_way_first_and_then_connections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
