/* "top": what it answers about real relays, and how it refuses. */
#include "unit/guard/world.h"

#include <stdio.h>

#include <jansson.h>

#include "control/command_top.h"

struct top_world {
    struct world world;
    char directory[64], control[100];
    struct control_server *server;
    struct command_top *top;
    int fd; /* of the client of the control socket */
};

static void dial(struct top_world *w)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, w->control, strlen(w->control));
    w->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(w->fd, (struct sockaddr *)&address, sizeof address), 0);
}

static int setup(void **state)
{
    struct top_world *w = calloc(1, sizeof *w);

    snprintf(w->directory, sizeof w->directory, P_tmpdir "/top_testXXXXXX");
    if (!mkdtemp(w->directory))
        return 1;
    snprintf(w->control, sizeof w->control, "%s/top.sock", w->directory);
    world_open_v4(&w->world, "} }\n");
    if (control_server_open(&w->server, &w->world.guard.loop, w->control) != HF_OK)
        return 1;
    w->top = command_top_open(w->server, &w->world.guard);
    dial(w);
    *state = w;
    return w->top == NULL;
}

static int teardown(void **state)
{
    struct top_world *w = *state;

    close(w->fd);
    command_top_close(w->top);
    control_server_close(w->server);
    world_close(&w->world);
    int left = rmdir(w->directory);
    free(w);
    return left;
}

static json_t *ask(struct top_world *w, const char *request)
{
    static char text[1 << 18];
    size_t length = 0;

    assert_int_equal(send(w->fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    assert_int_equal(send(w->fd, "\n", 1, MSG_NOSIGNAL), 1);
    for (int i = 0; i < STEPS_MAX && !memchr(text, '\n', length); i++) {
        world_step(&w->world);
        ssize_t got = recv(w->fd, text + length, sizeof text - length, 0);
        length += got > 0 ? (size_t)got : 0;
    }
    json_t *reply = json_loadb(text, length, JSON_DISABLE_EOF_CHECK, NULL);
    assert_non_null(reply);
    return reply;
}

static json_int_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* Asks until a pass over all relays has been finished. */
static json_t *ask_for_pass(struct top_world *w, const char *request)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        json_t *reply = ask(w, request);

        if (number(reply, "passes") > 0)
            return reply;
        json_decref(reply);
    }
    fail_msg("no pass is finished");
    return NULL;
}

static void a_first_answer_has_all_but_the_connections(void **state)
{
    json_t *reply = ask(*state, "top");
    const json_t *service = json_array_get(json_object_get(reply, "services"), 0);

    assert_true(json_is_object(json_object_get(reply, "counters")));
    assert_true(number(reply, "now_us") > 0);
    assert_int_equal(json_array_size(json_object_get(service, "listeners")), 1);
    assert_int_equal(json_array_size(json_object_get(reply, "top")), 0);
    assert_int_equal(json_array_size(json_object_get(reply, "prefixes")), 0);
    assert_true(json_is_null(json_object_get(reply, "detail")));
    json_decref(reply);
}

static void connections_in_their_order_and_one_in_detail(void **state)
{
    struct top_world *w = *state;
    char request[96], text[64];
    hf_socket clients[3];
    int fds[3];

    for (size_t i = 0; i < 3; i++) {
        clients[i] = world_connect(&w->world, "203.0.113.10:80");
        fds[i] = world_accept(&w->world);
        assert_int_equal(
            hf_send(w->world.client, clients[i], "0123456789", 2 + 3 * i, w->world.now_us),
            2 + 3 * i);
        assert_int_equal(world_read(&w->world, fds[i], text, sizeof text), 2 + 3 * i);
    }
    json_t *reply = ask_for_pass(w, "{\"command\": \"top\", \"order\": \"bytes\", \"limit\": 2}");
    const json_t *rows = json_object_get(reply, "top");
    const json_t *first = json_array_get(rows, 0);

    assert_int_equal(json_array_size(rows), 2);
    assert_int_equal(number(reply, "seen"), 3);
    assert_int_equal(number(first, "bytes_in"), 8);
    assert_int_equal(number(json_array_get(rows, 1), "bytes_in"), 5);
    const json_t *prefix = json_array_get(json_object_get(reply, "prefixes"), 0);
    assert_string_equal(json_string_value(json_object_get(prefix, "prefix")), "203.0.113.20/32");
    assert_int_equal(number(prefix, "connections"), 3);

    json_int_t slot = number(first, "slot"), id = number(first, "id");
    snprintf(request, sizeof request, "{\"command\": \"top\", \"slot\": %lld, \"id\": %lld}",
             (long long)slot, (long long)id);
    json_t *one = ask(w, request);
    assert_int_equal(number(json_object_get(one, "detail"), "bytes_in"), 8);
    assert_true(number(json_object_get(one, "detail"), "mss") > 500);
    json_decref(one);

    hf_abort(w->world.client, clients[2], w->world.now_us);
    assert_true(world_read(&w->world, fds[2], text, sizeof text) < 0);
    world_steps(&w->world, 10);
    one = ask(w, request); /* its slot may be another's by now */
    assert_true(json_is_null(json_object_get(one, "detail")));
    json_decref(one);
    json_decref(reply);
    for (size_t i = 0; i < 3; i++)
        close(fds[i]);
}

static void what_cannot_be_meant_is_refused(void **state)
{
    static const struct {
        const char *request, *word;
    } rows[] = {
        {"{\"command\": \"top\", \"order\": \"size\"}", "rtt, bytes and age"},
        {"{\"command\": \"top\", \"order\": 7}", "rtt, bytes and age"},
        {"{\"command\": \"top\", \"limit\": 65}", "0 to 64"},
        {"{\"command\": \"top\", \"limit\": -1}", "0 to 64"},
    };
    static const char *const harmless[] = {
        "{\"command\": \"top\", \"slot\": -1, \"id\": 0}",
        "{\"command\": \"top\", \"slot\": 4294967296, \"id\": 1}",
        "{\"command\": \"top\", \"slot\": 63, \"id\": 1}",
        "{\"command\": \"top\", \"slot\": \"x\", \"id\": []}",
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *reply = ask(*state, rows[i].request);

        assert_non_null(strstr(json_string_value(json_object_get(reply, "error")), rows[i].word));
        json_decref(reply);
    }
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        json_t *reply = ask(*state, harmless[i]);

        assert_true(json_is_null(json_object_get(reply, "detail")));
        json_decref(reply);
    }
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROW(a_first_answer_has_all_but_the_connections),
        ROW(connections_in_their_order_and_one_in_detail),
        ROW(what_cannot_be_meant_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
