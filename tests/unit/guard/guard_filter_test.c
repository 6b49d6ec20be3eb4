/* A guard's filters: who is denied by file, by a service or by a block is not answered; blocks end; a reload's filter takes
 * the place of the one before. */
#include "world.h"

#include "guard/guard_filter.h"

static char deny_path[64];

static void write_deny(const char *text)
{
    FILE *file = fopen(deny_path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void open_denying(struct world *world, const char *text, const char *allow)
{
    char service[256];

    snprintf(deny_path, sizeof deny_path, P_tmpdir "/guard_filter_%d", (int)getpid());
    write_deny(text);
    snprintf(service, sizeof service,
             "} %s%s%s } state_directory = \"\" filter { deny_files = { \"%s\" } }",
             allow ? "allow = { \"" : "", allow ? allow : "", allow ? "\" }" : "", deny_path);
    world_open_v4(world, service);
}

static uint64_t counted(const struct world *world, enum hf_stat stat)
{
    return ((const uint64_t *)(const void *)hf_stats(world->guard.stack))[stat];
}

/* Connects from the client's address and lets a second pass. */
static enum hf_state try(struct world *world, const char *to)
{
    hf_socket socket = world_connect(world, to);
    enum hf_state state;

    world_steps(world, 1000000 / STEP_US / 4);
    state = world_status(world, socket).state;
    hf_abort(world->client, socket, world->now_us);
    world_steps(world, 10);
    hf_close(world->client, socket, world->now_us);
    return state;
}

static void block(struct world *world, const char *prefix, int64_t for_us)
{
    char error[BLOCKS_ERROR_MAX];
    struct block block = {.reason = "a test"};

    assert_int_equal(hf_prefix_parse(&block.prefix, prefix), HF_OK);
    assert_true(blocks_add(&world->guard.filter.blocks, &block, for_us, world->now_us, error));
}

static void files_deny(void **state)
{
    struct world world;

    (void)state;
    open_denying(&world, "203.0.113.20\n# nobody else\n", NULL);
    assert_int_equal(try(&world, "203.0.113.10:80"), HF_STATE_SYN_SENT);
    assert_true(counted(&world, HF_STAT_filter_denied) > 0);
    assert_int_equal(counted(&world, HF_STAT_syn_received), 0);
    assert_int_equal(try(&world, "[2001:db8::10]:80"), HF_STATE_ESTABLISHED);
    world_close(&world);
    unlink(deny_path);
}

static void services_allow(void **state)
{
    struct world world;

    (void)state;
    open_denying(&world, "", "2001:db8::/64");
    assert_int_equal(try(&world, "203.0.113.10:80"), HF_STATE_SYN_SENT);
    assert_true(counted(&world, HF_STAT_filter_not_allowed) > 0);
    assert_int_equal(try(&world, "[2001:db8::10]:80"), HF_STATE_ESTABLISHED);
    world_close(&world);
    unlink(deny_path);
}

static void blocks_are_in_force_and_end(void **state)
{
    struct world world;
    struct hf_prefix prefix;

    (void)state;
    open_denying(&world, "", NULL);
    assert_int_equal(try(&world, "203.0.113.10:80"), HF_STATE_ESTABLISHED);
    block(&world, "203.0.113.0/24", 0);
    assert_int_equal(try(&world, "203.0.113.10:80"), HF_STATE_SYN_SENT);
    assert_true(counted(&world, HF_STAT_filter_blocked) > 0);
    block(&world, "203.0.113.0/24", 1000); /* from now on a millisecond */
    world_steps(&world, 10);
    assert_int_equal(world.guard.filter.blocks.count, 0);
    assert_int_equal(try(&world, "203.0.113.10:80"), HF_STATE_ESTABLISHED);
    block(&world, "203.0.113.20", 0);
    assert_int_equal(hf_prefix_parse(&prefix, "203.0.113.20"), HF_OK);
    assert_true(blocks_remove(&world.guard.filter.blocks, &prefix));
    assert_int_equal(try(&world, "203.0.113.10:80"), HF_STATE_ESTABLISHED);
    world_close(&world);
    unlink(deny_path);
}

/* Who is connected stays so; a filter made anew is in force at once; one with an error changes nothing. */
static void a_new_filter_takes_the_place(void **state)
{
    char error[GUARD_FILTER_ERROR_MAX];
    struct filter_image image;
    struct world world;
    hf_socket socket;
    int backend;

    (void)state;
    open_denying(&world, "", NULL);
    socket = world_connect(&world, "203.0.113.10:80");
    backend = world_accept(&world);
    write_deny("203.0.113.0/24\n");
    assert_true(filter_image_make(&image, world.config, error));
    guard_filter_install(&world.guard.filter, world.config, &image, world.guard.stack);
    assert_null(image.memory);
    assert_int_equal(try(&world, "203.0.113.10:80"), HF_STATE_SYN_SENT);
    assert_int_equal(world_status(&world, socket).state, HF_STATE_ESTABLISHED);
    assert_int_equal(hf_send(world.client, socket, "still", 5, world.now_us), 5);
    char text[8];
    assert_int_equal(world_read(&world, backend, text, sizeof text), 5);

    write_deny("192.0.2.0/24\nhello\n");
    assert_false(filter_image_make(&image, world.config, error));
    assert_non_null(strstr(error, ":2: \"hello\", accepted is"));
    assert_memory_equal(error, deny_path, strlen(deny_path));
    close(backend);
    world_close(&world);
    unlink(deny_path);
}

/* What the configuration's other keys make of a filter. `filter` follows in its section. */
static bool make_with(struct world *world, struct filter_image *image, const char *service,
                      const char *filter, char error[GUARD_FILTER_ERROR_MAX])
{
    char rest[512];
    bool good;

    snprintf(rest, sizeof rest, "} %s } state_directory = \"\" filter { %s }", service, filter);
    world->config = world_config(world, "127.0.0.1:8080", rest);
    good = filter_image_make(image, world->config, error);
    config_free(world->config);
    return good;
}

static void rules_and_egress(void **state)
{
    static const struct {
        const char *rules, *keys, *error, *note;
    } rows[] = {
        {"allow in port 22\ndeny in\n", "", NULL, ""},
        {"deny in\nallow in port 22\n", "", ":2: a rule that contradicts line 1", NULL},
        {"deny in port 1-99\n\ndeny in port 22\n", "", NULL,
         ":3: a rule that is never reached: line 1"},
        {"deny in\nnonsense\n", "", ":2: \"nonsense\", accepted is allow, deny or default", NULL},
        {"", "egress = { \"127.0.0.1:8080\" }", NULL, ""},
        {"", "egress = { \":8080\" }", NULL, ""},
        {"", "egress = { \"127.0.0.1:8081\" }",
         ": backend \"b\" goes to 127.0.0.1:8080, accepted is what egress lists", NULL},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        char error[GUARD_FILTER_ERROR_MAX] = "", filter[256];
        struct filter_image image;
        struct world world;
        bool good;

        snprintf(deny_path, sizeof deny_path, P_tmpdir "/guard_filter_%d", (int)getpid());
        write_deny(rows[i].rules);
        snprintf(filter, sizeof filter, "rules = \"%s\" %s", deny_path, rows[i].keys);
        good = make_with(&world, &image, "", filter, error);
        if (good != (rows[i].error == NULL) || (!good && strstr(error, rows[i].error) == NULL))
            fail_msg("row %u: %s", i, error);
        if (good)
            assert_true(rows[i].note[0] == '\0' ? image.note[0] == '\0'
                                                : strstr(image.note, rows[i].note) != NULL);
        filter_image_free(&image);
        unlink(deny_path);
    }
}

/* A filter costs something for each packet: there is none where nothing is to be filtered. */
static void none_where_none_is_needed(void **state)
{
    static const struct {
        const char *service, *filter;
        bool needed;
    } rows[] = {
        {"", "", false},
        {"", "bogons = refuse", true},
        {"", "reverse_path = loose", true},
        {"allow = \"192.0.2.0/24\"", "", true},
        {"} service \"smb\" { listen = \":445\" backend \"c\" { to = \"127.0.0.1:445\" }", "",
         true},
        {"} service \"smb\" { listen = \":445\" backend \"c\" { to = \"127.0.0.1:445\" }",
         "file_sharing = accept", false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        char error[GUARD_FILTER_ERROR_MAX] = "";
        struct filter_image image;
        struct world world;

        assert_true(make_with(&world, &image, rows[i].service, rows[i].filter, error));
        assert_int_equal(image.filter != NULL, rows[i].needed);
        filter_image_free(&image);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_deny),
        cmocka_unit_test(services_allow),
        cmocka_unit_test(blocks_are_in_force_and_end),
        cmocka_unit_test(a_new_filter_takes_the_place),
        cmocka_unit_test(rules_and_egress),
        cmocka_unit_test(none_where_none_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
