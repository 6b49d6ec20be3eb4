/* Configurations that take each other's place while clients talk: what changes, what does not, and who loses nothing. */
#include "unit/guard/world.h"

#include "guard/reload.h"

#define HEAD                                                               \
    "control = \"\"\nuplink \"hf0\" { addresses = { \"203.0.113.10/24\", " \
    "\"2001:db8::10/64\" } }\n"
#define LIMITS                                                                              \
    "limits { max_connections = 64 receive_buffer = 64k send_buffer = 64k buffer_memory = " \
    "16m }\n"

struct scene {
    struct world world;
    char error[GUARD_ERROR_MAX];
    char target[32]; /* the backend's */
};

static void open_scene(struct scene *scene)
{
    *scene = (struct scene){.error = ""};
    world_open_v4(&scene->world, "} }");
    snprintf(scene->target, sizeof scene->target, "127.0.0.1:%u",
             world_port(scene->world.listener));
}

static void close_scene(struct scene *scene)
{
    world_close(&scene->world);
}

static void write_file(struct scene *scene, const char *text)
{
    FILE *stream;

    snprintf(scene->world.file, sizeof scene->world.file, P_tmpdir "/reload_test%d", getpid());
    stream = fopen(scene->world.file, "w");
    assert_non_null(stream);
    fputs(text, stream);
    assert_int_equal(fclose(stream), 0);
}

/* A service in the words of a file; its backend is the world's. */
static const char *service(const struct scene *scene, const char *name, const char *keys)
{
    static char texts[4][512];
    static unsigned next;
    char *text = texts[next++ % 4];

    snprintf(text, sizeof texts[0],
             "service \"%s\" { check_interval = 0 %s backend \"b\" { to = \"%s\" client_address = "
             "none } }\n",
             name, keys, scene->target);
    return text;
}

static bool reload_text(struct scene *scene, const char *text)
{
    char error[CONFIG_ERROR_MAX];
    struct config *config;

    write_file(scene, text);
    config = config_read(scene->world.file, error);
    unlink(scene->world.file);
    if (config == NULL)
        fail_msg("%s", error);
    if (guard_reload(&scene->world.guard, config, scene->error, scene->world.now_us))
        return true;
    config_free(config);
    return false;
}

/* The head, the limits and up to two services. */
static bool reload_services(struct scene *scene, const char *one, const char *other)
{
    char text[2048];

    snprintf(text, sizeof text, HEAD LIMITS "%s%s", one, other);
    return reload_text(scene, text);
}

struct talk {
    hf_socket client;
    int backend;
};

static struct talk begin(struct scene *scene, const char *to)
{
    struct talk talk;

    talk.client = world_connect(&scene->world, to);
    talk.backend = world_accept(&scene->world);
    return talk;
}

/* A few bytes each way, all of which arrive. */
static void assert_talks(struct scene *scene, const struct talk *talk)
{
    struct world *world = &scene->world;
    char bytes[16];

    assert_int_equal(hf_send(world->client, talk->client, "question", 8, world->now_us), 8);
    assert_int_equal(world_read(world, talk->backend, bytes, sizeof bytes), 8);
    assert_memory_equal(bytes, "question", 8);
    assert_int_equal(write(talk->backend, "answer", 6), 6);
    assert_int_equal(world_receive(world, talk->client, bytes, sizeof bytes), 6);
    assert_memory_equal(bytes, "answer", 6);
}

static void finish(struct scene *scene, const struct talk *talk)
{
    close(talk->backend);
    hf_close(scene->world.client, talk->client, scene->world.now_us);
    world_steps(&scene->world, 200);
}

/* ---- what goes on ---- */

static void connections_go_on_with_their_backend(void **state)
{
    struct scene scene;
    struct talk old, new;
    int before;

    (void)state;
    open_scene(&scene);
    old = begin(&scene, "203.0.113.10:80");
    assert_talks(&scene, &old);

    before = scene.world.listener;
    scene.world.listener = world_listen_v4(64); /* another backend under the same name */
    snprintf(scene.target, sizeof scene.target, "127.0.0.1:%u", world_port(scene.world.listener));
    assert_true(
        reload_services(&scene, service(&scene, "web", "listen = \":80\" idle_timeout = 7m"), ""));
    assert_int_equal(scene.world.guard.services[0].config->idle_timeout_ms, 7 * 60 * 1000);
    assert_talks(&scene, &old);
    new = begin(&scene, "203.0.113.10:80"); /* accepted at the new one */
    assert_talks(&scene, &new);
    assert_talks(&scene, &old);
    finish(&scene, &old);
    finish(&scene, &new);
    close(before);
    assert_int_equal(scene.world.guard.relays.active, 0);
    assert_int_equal(world_count(&scene.world)->closed, 2);
    close_scene(&scene);
}

static void a_removed_service_finishes_what_it_has(void **state)
{
    struct scene scene;
    struct talk talk;
    hf_socket late;

    (void)state;
    open_scene(&scene);
    talk = begin(&scene, "203.0.113.10:80");
    assert_true(reload_services(&scene, service(&scene, "other", "listen = \":81\""), ""));
    assert_null(service_find(&scene.world.guard.relays, "web"));
    late = world_connect(&scene.world, "203.0.113.10:80");
    assert_int_equal(world_end_of(&scene.world, late), HF_REFUSED);
    assert_talks(&scene, &talk);
    assert_int_equal(scene.world.guard.services[0].life, SERVICE_REMOVED);
    finish(&scene, &talk);
    assert_int_equal(scene.world.guard.services[0].life, SERVICE_FREE);

    assert_true(reload_services(&scene, service(&scene, "other", "listen = \":81\""),
                                service(&scene, "web", "listen = \":80\"")));
    talk = begin(&scene, "203.0.113.10:80");
    assert_talks(&scene, &talk);
    finish(&scene, &talk);
    close_scene(&scene);
}

/* A client in the midst of its handshake, and one that waits to be accepted, do not notice another name. */
static void a_listener_that_changes_hands_keeps_its_half_opens(void **state)
{
    struct scene scene;
    struct talk talk;

    (void)state;
    open_scene(&scene);
    talk.client = world_connect(&scene.world, "203.0.113.10:80");
    for (int i = 0; i < 8 && scene.world.guard.relays.active == 0; i++) {
        struct hf_gauges gauges;

        hf_gauges(scene.world.guard.stack, &gauges);
        if (gauges.half_opens > 0)
            break;
        world_client_turn(&scene.world); /* ARP, then the SYN */
        scene.world.now_us += STEP_US;
        guard_step(&scene.world.guard, scene.world.now_us);
    }
    assert_int_equal(world_status(&scene.world, talk.client).state, HF_STATE_SYN_SENT);
    assert_true(reload_services(&scene, service(&scene, "www", "listen = \":80\""), ""));
    talk.backend = world_accept(&scene.world);
    assert_talks(&scene, &talk);
    assert_int_equal(service_find(&scene.world.guard.relays, "www")->count.accepted, 1);
    assert_int_equal(hf_stats(scene.world.guard.stack)->resets_sent, 0);
    finish(&scene, &talk);
    close_scene(&scene);
}

static void services_exchange_their_ports(void **state)
{
    struct scene scene;
    struct service *web, *other;

    (void)state;
    open_scene(&scene);
    assert_true(reload_services(&scene, service(&scene, "web", "listen = \":80\""),
                                service(&scene, "other", "listen = \":81\"")));
    web = service_find(&scene.world.guard.relays, "web");
    other = service_find(&scene.world.guard.relays, "other");
    for (int i = 0; i < 4; i++) {
        uint64_t before = (i % 2 ? web : other)->count.accepted;
        struct talk talk;

        assert_true(reload_services(
            &scene, service(&scene, "web", i % 2 ? "listen = \":80\"" : "listen = \":81\""),
            service(&scene, "other", i % 2 ? "listen = \":81\"" : "listen = \":80\"")));
        talk = begin(&scene, "203.0.113.10:80");
        assert_talks(&scene, &talk);
        finish(&scene, &talk);
        assert_int_equal((i % 2 ? web : other)->count.accepted, before + 1);
    }
    close_scene(&scene);
}

static void a_drained_service_stays_drained(void **state)
{
    struct scene scene;
    struct service *web;
    struct talk talk;

    (void)state;
    open_scene(&scene);
    web = service_find(&scene.world.guard.relays, "web");
    service_drain(&scene.world.guard.relays, web, scene.world.now_us);
    assert_true(
        reload_services(&scene, service(&scene, "web", "listen = { \":80\", \":82\" }"), ""));
    assert_int_equal(web->life, SERVICE_DRAINED);
    assert_int_equal(world_end_of(&scene.world, world_connect(&scene.world, "203.0.113.10:82")),
                     HF_REFUSED);
    assert_int_equal(service_resume(&scene.world.guard.relays, web, scene.world.now_us), HF_OK);
    talk = begin(&scene, "203.0.113.10:82"); /* as the new configuration says */
    assert_talks(&scene, &talk);
    finish(&scene, &talk);
    close_scene(&scene);
}

static void limits_and_lists_change(void **state)
{
    struct scene scene;
    struct talk talk;
    hf_socket socket;
    char text[1024];

    (void)state;
    open_scene(&scene);
    talk = begin(&scene, "203.0.113.10:80");
    snprintf(text, sizeof text,
             HEAD "limits { max_connections = 64 receive_buffer = 64k send_buffer = 64k "
                  "buffer_memory = 16m reset_budget = 0 }\n%s",
             service(&scene, "web", "listen = \":80\" allow = \"198.51.100.0/24\""));
    assert_true(reload_text(&scene, text));
    socket = world_connect(&scene.world, "203.0.113.10:99");
    world_steps(&scene.world, 300);
    assert_int_equal(world_status(&scene.world, socket).state, HF_STATE_SYN_SENT);
    assert_int_equal(hf_stats(scene.world.guard.stack)->resets_sent, 0);

    socket = world_connect(&scene.world, "203.0.113.10:80"); /* we are not in the list */
    world_steps(&scene.world, 300);
    assert_int_equal(world_status(&scene.world, socket).state, HF_STATE_SYN_SENT);
    assert_talks(&scene, &talk); /* who was in already goes on */
    finish(&scene, &talk);
    close_scene(&scene);
}

/* Every byte of a connection that talks through two hundred reloads. */
static void two_hundred_reloads_lose_nothing(void **state)
{
    struct scene scene;
    struct talk talks[4];

    (void)state;
    open_scene(&scene);
    for (int i = 0; i < 4; i++)
        talks[i] = begin(&scene, "203.0.113.10:80");
    for (int i = 0; i < 200; i++) {
        assert_true(reload_services(&scene,
                                    service(&scene, i % 3 ? "web" : "www",
                                            i % 2 ? "listen = \":80\" half_open_timeout = 3s"
                                                  : "listen = { \":80\", \":81\" } backlog = 7"),
                                    i % 5 ? service(&scene, "more", "listen = \":90\"") : ""));
        assert_talks(&scene, &talks[i % 4]);
    }
    for (int i = 0; i < 4; i++)
        finish(&scene, &talks[i]);
    assert_int_equal(scene.world.guard.relays.active, 0);
    close_scene(&scene);
}

/* ---- what is refused ---- */

static void what_needs_a_restart_is_named(void **state)
{
    static const struct {
        const char *text, *key, *before;
        int line;
    } rows[] = {
        {"control = \"/run/x.sock\"\n", "control", "\"\"", 1},
        {"control = \"\"\n\nuser = \"nobody\"\n", "user", "\"handfast\"", 3},
        {"control = \"\" metrics = \"127.0.0.1:1\"\n", "metrics", "\"\"", 1},
    };
    struct scene scene;
    const struct config *before;
    char text[1024], expected[GUARD_ERROR_MAX];

    (void)state;
    open_scene(&scene);
    before = scene.world.guard.config;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text,
                 "%suplink \"hf0\" { addresses = { \"203.0.113.10/24\", "
                 "\"2001:db8::10/64\" } }\n" LIMITS "%s",
                 rows[i].text, service(&scene, "web", "listen = \":80\""));
        assert_false(reload_text(&scene, text));
        snprintf(expected, sizeof expected,
                 "%s:%d: %s is another than %s, accepted is that after a restart", scene.world.file,
                 rows[i].line, rows[i].key, rows[i].before);
        assert_string_equal(scene.error, expected);
    }
    snprintf(text, sizeof text,
             HEAD "limits { receive_buffer = 64k send_buffer = 64k buffer_memory = 16m\n"
                  "max_connections = 65 }\n%s",
             service(&scene, "web", "listen = \":80\""));
    assert_false(reload_text(&scene, text));
    snprintf(expected, sizeof expected,
             "%s:4: max_connections = 65, accepted are at most the 64 of the start until a restart",
             scene.world.file);
    assert_string_equal(scene.error, expected);
    snprintf(text, sizeof text,
             "control = \"\"\nuplink \"hf0\" {\naddresses = \"203.0.113.10/24\" }\n" LIMITS "%s",
             service(&scene, "web", "listen = \":80\""));
    assert_false(reload_text(&scene, text));
    snprintf(expected, sizeof expected,
             "%s:3: addresses is another than 2 values, accepted is that after a restart",
             scene.world.file);
    assert_string_equal(scene.error, expected);
    snprintf(text, sizeof text,
             "control = \"\"\nuplink \"hf1\" { addresses = \"203.0.113.10/24\" }\n" LIMITS "%s",
             service(&scene, "web", "listen = \":80\""));
    assert_false(reload_text(&scene, text));
    snprintf(expected, sizeof expected,
             "%s:2: uplink \"hf1\" is another than \"hf0\", accepted is that after a restart",
             scene.world.file);
    assert_string_equal(scene.error, expected);
    assert_ptr_equal(scene.world.guard.config, before);
    close_scene(&scene);
}

/* Two listeners too many, found after others could be opened: all stays as it was. */
static void what_cannot_be_listened_on_changes_nothing(void **state)
{
    struct scene scene;
    struct talk talk;
    static char text[65536];
    size_t used;

    (void)state;
    open_scene(&scene);
    talk = begin(&scene, "203.0.113.10:80");
    used = (size_t)snprintf(text, sizeof text, HEAD LIMITS);
    for (unsigned s = 0; s < 4; s++) {
        char keys[2048] = "listen = { ";

        for (unsigned i = 0; i < 48; i++)
            snprintf(keys + strlen(keys), sizeof keys - strlen(keys), "%s\":%u\"",
                     i > 0 ? ", " : "", 1000 + 100 * s + i);
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "service \"s%u\" { %s } backend \"b\" { to = \"%s\" } }\n", s,
                                 keys, scene.target);
    }
    assert_false(reload_text(&scene, text));
    assert_non_null(strstr(scene.error, "there are too many listeners"));
    assert_non_null(service_find(&scene.world.guard.relays, "web"));
    assert_null(service_find(&scene.world.guard.relays, "s0"));
    assert_talks(&scene, &talk);
    finish(&scene, &talk);
    talk = begin(&scene, "203.0.113.10:80");
    assert_talks(&scene, &talk);
    finish(&scene, &talk);
    close_scene(&scene);
}

/* What memory.max made of the limits is in force still, and no difference to the file. */
static void limits_that_the_start_lowered_stay_low(void **state)
{
    struct scene scene;
    struct talk talk;

    (void)state;
    open_scene(&scene);
    scene.world.config->limits.max_connections = 32;
    snprintf(scene.world.config->control, sizeof scene.world.config->control, "/run/other.sock");
    assert_true(reload_services(&scene, service(&scene, "web", "listen = \":80\""), ""));
    assert_int_equal(scene.world.guard.config->limits.max_connections, 32);
    assert_int_equal(scene.world.guard.config->service[0].max_connections, 32);
    assert_string_equal(scene.world.guard.config->control, "/run/other.sock");
    talk = begin(&scene, "203.0.113.10:80");
    assert_talks(&scene, &talk);
    finish(&scene, &talk);
    close_scene(&scene);
}

/* Who is above a lower limit is not cut; nobody is added until there are fewer, and those wait. */
static void a_lower_limit_of_connections_cuts_nobody(void **state)
{
    struct scene scene;
    struct talk talks[3];
    hf_socket waiting;
    char text[1024];

    (void)state;
    open_scene(&scene);
    for (int i = 0; i < 3; i++)
        talks[i] = begin(&scene, "203.0.113.10:80");
    snprintf(text, sizeof text,
             HEAD "limits { max_connections = 2 receive_buffer = 64k send_buffer = 64k "
                  "buffer_memory = 16m }\n%s",
             service(&scene, "web", "listen = \":80\""));
    assert_true(reload_text(&scene, text));
    waiting = world_connect(&scene.world, "203.0.113.10:80");
    world_steps(&scene.world, 300);
    assert_int_equal(world_status(&scene.world, waiting).state, HF_STATE_ESTABLISHED);
    assert_int_equal(scene.world.guard.relays.active, 3);
    for (int i = 0; i < 3; i++)
        assert_talks(&scene, &talks[i]);
    finish(&scene, &talks[0]);
    assert_int_equal(scene.world.guard.relays.active, 2);
    finish(&scene, &talks[1]);
    talks[0] = (struct talk){waiting, world_accept(&scene.world)};
    assert_talks(&scene, &talks[0]);

    assert_true(reload_services(&scene, service(&scene, "web", "listen = \":80\""), ""));
    assert_int_equal(scene.world.guard.relays.limit, 64); /* as at the start */
    talks[1] = begin(&scene, "203.0.113.10:80");
    for (int i = 0; i < 3; i++)
        finish(&scene, &talks[i]);
    close_scene(&scene);
}

/* ---- by a thread ---- */

struct answers {
    unsigned good, bad;
    char error[GUARD_ERROR_MAX];
};

static void on_done(void *context, bool ok, const char *error)
{
    struct answers *answers = context;

    answers->good += ok;
    answers->bad += !ok;
    snprintf(answers->error, sizeof answers->error, "%s", error);
}

static void until_answers(struct scene *scene, const struct answers *answers, unsigned count)
{
    for (int i = 0; i < 100000 && answers->good + answers->bad < count; i++) {
        loop_step(&scene->world.guard.loop, hf_os_now_us() + 10000);
        scene->world.now_us += STEP_US;
    }
    assert_int_equal(answers->good + answers->bad, count);
}

static void a_thread_reads_the_file(void **state)
{
    struct scene scene;
    struct answers answers = {0};
    struct reload *reload;
    struct talk talk;
    char text[1024];

    (void)state;
    open_scene(&scene);
    snprintf(text, sizeof text, HEAD LIMITS "%s", service(&scene, "web", "listen = \":80\""));
    write_file(&scene, text);
    reload = reload_open(&scene.world.guard, scene.world.file);
    assert_non_null(reload);
    assert_true(reload_request(reload, on_done, &answers));
    assert_true(reload_request(reload, on_done, &answers)); /* while it reads: once more */
    until_answers(&scene, &answers, 2);
    assert_int_equal(answers.good, 2);

    write_file(&scene, HEAD LIMITS "frog = 1\n");
    assert_true(reload_request(reload, on_done, &answers));
    until_answers(&scene, &answers, 3);
    assert_int_equal(answers.bad, 1);
    assert_non_null(strstr(answers.error, ":4: \"frog\" is no key here"));
    unlink(scene.world.file);
    assert_true(reload_request(reload, on_done, &answers));
    until_answers(&scene, &answers, 4);
    assert_non_null(strstr(answers.error, "No such file or directory"));

    talk = begin(&scene, "203.0.113.10:80");
    assert_talks(&scene, &talk);
    finish(&scene, &talk);
    assert_true(reload_request(reload, on_done, &answers));
    reload_forget(reload, &answers);
    reload_close(reload); /* while it may read */
    assert_int_equal(answers.good + answers.bad, 4);
    close_scene(&scene);
}

static void more_than_can_ask_are_told(void **state)
{
    struct scene scene;
    struct answers answers = {0};
    struct reload *reload;
    unsigned taken = 0;

    (void)state;
    open_scene(&scene);
    reload = reload_open(&scene.world.guard, "/nonexistent/guard.conf");
    assert_non_null(reload);
    while (taken < 1000 && reload_request(reload, on_done, &answers))
        taken++;
    assert_int_equal(taken, 64);
    until_answers(&scene, &answers, 64);
    assert_int_equal(answers.bad, 64);
    reload_close(reload);
    close_scene(&scene);
}

static void a_guard_that_ends_takes_nothing_new(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene);
    guard_drain(&scene.world.guard, scene.world.now_us);
    assert_false(reload_services(&scene, service(&scene, "web", "listen = \":80\""), ""));
    assert_string_equal(scene.error,
                        "the guard is ending: a configuration is of no use to it any more");
    close_scene(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_go_on_with_their_backend),
        cmocka_unit_test(a_removed_service_finishes_what_it_has),
        cmocka_unit_test(a_listener_that_changes_hands_keeps_its_half_opens),
        cmocka_unit_test(services_exchange_their_ports),
        cmocka_unit_test(a_drained_service_stays_drained),
        cmocka_unit_test(limits_and_lists_change),
        cmocka_unit_test(two_hundred_reloads_lose_nothing),
        cmocka_unit_test(what_needs_a_restart_is_named),
        cmocka_unit_test(what_cannot_be_listened_on_changes_nothing),
        cmocka_unit_test(limits_that_the_start_lowered_stay_low),
        cmocka_unit_test(a_lower_limit_of_connections_cuts_nobody),
        cmocka_unit_test(a_thread_reads_the_file),
        cmocka_unit_test(more_than_can_ask_are_told),
        cmocka_unit_test(a_guard_that_ends_takes_nothing_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
