/* Every command asked of a guard in memory, with words that make sense and words that make none. */
#include "unit/guard/world.h"

#include <linux/sockios.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/un.h>

#include "control/commands.h"
#include "control/prometheus.h"
#include "unit/os/test.h"

#define ANSWER_MAX ((size_t)4 << 20)

struct asked {
    struct world world;
    char path[64];
    struct control_server *server;
    int fd;
    char *text; /* what has come, of ANSWER_MAX */
    size_t length;
};

static int setup(void **state)
{
    struct asked *asked = calloc(1, sizeof *asked);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    world_open_v4(&asked->world, "}}\nstate_directory = \"\"\n");
    snprintf(asked->path, sizeof asked->path, P_tmpdir "/commands_test.%d", (int)getpid());
    if (control_server_open(&asked->server, &asked->world.guard.loop, asked->path) != HF_OK)
        return 1;
    control_commands_register(asked->server, &asked->world.guard);
    memcpy(address.sun_path, asked->path, strlen(asked->path));
    asked->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    asked->text = malloc(ANSWER_MAX);
    *state = asked;
    return connect(asked->fd, (struct sockaddr *)&address, sizeof address);
}

static int teardown(void **state)
{
    struct asked *asked = *state;

    close(asked->fd);
    control_server_close(asked->server);
    world_close(&asked->world);
    free(asked->text);
    free(asked);
    return 0;
}

static void send_line(struct asked *asked, const char *line)
{
    assert_int_equal(send(asked->fd, line, strlen(line), MSG_NOSIGNAL), strlen(line));
    assert_int_equal(send(asked->fd, "\n", 1, MSG_NOSIGNAL), 1);
}

/* Turns the guard until one whole line has come; a new value. */
static json_t *next_line(struct asked *asked)
{
    int64_t until_us = hf_os_now_us() + 20 * (int64_t)1000000;
    char *end;

    while ((end = memchr(asked->text, '\n', asked->length)) == NULL) {
        ssize_t got = recv(asked->fd, asked->text + asked->length, ANSWER_MAX - asked->length, 0);

        assert_true(got > 0 || (got < 0 && errno == EAGAIN));
        assert_true(hf_os_now_us() < until_us);
        if (got > 0)
            asked->length += (size_t)got;
        else
            world_step(&asked->world);
    }
    json_t *line = json_loadb(asked->text, (size_t)(end - asked->text), 0, NULL);
    assert_non_null(line);
    asked->length -= (size_t)(end + 1 - asked->text);
    memmove(asked->text, end + 1, asked->length);
    return line;
}

static json_t *ask(struct asked *asked, const char *line)
{
    send_line(asked, line);
    return next_line(asked);
}

static void refused(struct asked *asked, const char *line, const char *says)
{
    json_t *reply = ask(asked, line);
    const char *error = json_string_value(json_object_get(reply, "error"));

    if (error == NULL || strstr(error, says) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", line, error ? error : "(no error)", says);
    json_decref(reply);
}

/* All rows of a stream, up to its end. */
static json_t *rows_of(struct asked *asked, const char *request)
{
    json_t *rows = json_array(), *line = ask(asked, request);

    while (!json_is_true(json_object_get(line, "end"))) {
        assert_null(json_object_get(line, "error"));
        if (json_object_get(line, "rows"))
            json_array_extend(rows, json_object_get(line, "rows"));
        else
            json_array_append(rows, line);
        json_decref(line);
        line = next_line(asked);
    }
    json_decref(line);
    return rows;
}

static size_t count_of(struct asked *asked, const char *request)
{
    json_t *rows = rows_of(asked, request);
    size_t count = json_array_size(rows);

    json_decref(rows);
    return count;
}

static json_int_t number(const json_t *object, const char *name)
{
    assert_true(json_is_integer(json_object_get(object, name)));
    return json_integer_value(json_object_get(object, name));
}

static hf_socket relayed(struct asked *asked, int *backend)
{
    hf_socket client = world_connect(&asked->world, "203.0.113.10:80");

    *backend = world_accept(&asked->world);
    return client;
}

/* ---- tests ---- */

static void connections_are_listed_and_killed(void **state)
{
    struct asked *asked = *state;
    int backends[40];
    hf_socket clients[40];

    for (int i = 0; i < 40; i++)
        clients[i] = relayed(asked, &backends[i]);
    json_t *rows = rows_of(asked, "connections");
    assert_int_equal(json_array_size(rows), 40);
    const json_t *row = json_array_get(rows, 7);
    assert_string_equal(json_string_value(json_object_get(row, "state")), "ESTABLISHED");
    assert_string_equal(json_string_value(json_object_get(row, "service")), "web");
    assert_string_equal(json_string_value(json_object_get(row, "local")), "203.0.113.10:80");
    json_decref(rows);
    assert_int_equal(count_of(asked, "connections service web state open"), 40);
    assert_int_equal(count_of(asked, "connections from 203.0.113.0/28"), 0);
    assert_int_equal(count_of(asked, "connections half-open"), 0);

    json_t *killed = ask(asked, "kill from 203.0.113.20 state established");
    assert_int_equal(number(killed, "killed"), 40);
    json_decref(killed);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(world_end_of(&asked->world, clients[i]), HF_RESET);
        close(backends[i]);
    }
    assert_int_equal(count_of(asked, "connections"), 0);
    assert_int_equal(world_count(&asked->world)->killed, 40);
}

/* The slot of one who ended after the question is another's when the killer comes to it. */
static void who_comes_after_the_question_is_not_killed(void **state)
{
    struct asked *asked = *state;
    struct world *world = &asked->world;
    struct relays *relays = &world->guard.relays;
    int backend;

    relays_set_limit(relays, 1);
    relayed(asked, &backend);
    hf_socket next = world_connect(world, "203.0.113.10:80"); /* waits for the place */
    while (world_status(world, next).state != HF_STATE_ESTABLISHED)
        world_step(world);
    world_steps(world, 10);
    send_line(asked, "kill service web");
    for (int unread = 1; unread > 0;) { /* then it is understood, and nobody was looked at */
        world_step(world);
        assert_int_equal(ioctl(asked->fd, SIOCOUTQ, &unread), 0);
    }
    assert_int_equal(relays->active, 1);
    assert_true(relays_kill(relays, 0, relays->next_id, world->now_us));
    guard_step(&world->guard, world->now_us);
    assert_int_equal(relays->active, 1); /* in the same slot */

    json_t *answer = next_line(asked);
    assert_int_equal(number(answer, "killed"), 0);
    json_decref(answer);
    assert_int_equal(relays->active, 1);
    close(backend);
}

static void status_and_stats(void **state)
{
    struct asked *asked = *state;
    int backend;

    relayed(asked, &backend);
    json_t *status = ask(asked, "status");
    assert_int_equal(number(json_object_get(status, "load"), "relayed"), 1);
    assert_int_equal(json_array_size(json_object_get(status, "alarms")), 0);
    json_decref(status);
    json_decref(ask(asked, "drain web"));
    status = ask(asked, "status");
    assert_int_equal(json_array_size(json_object_get(status, "alarms")), 1);
    json_decref(status);
    json_decref(ask(asked, "resume web"));

    json_t *stats = ask(asked, "stats");
    const json_t *service = json_array_get(json_object_get(stats, "services"), 0);
    assert_int_equal(number(service, "accepted"), 1);
    json_decref(stats);
    json_t *page = ask(asked, "stats prometheus");
    const char *text = json_string_value(json_object_get(page, "prometheus"));
    assert_non_null(strstr(text, "\nhandfast_service_accepted_total{service=\"web\"} 1\n"));
    assert_non_null(strstr(text, "\nhandfast_backend_up{service=\"web\",backend=\"b\"} 1\n"));
    assert_int_equal(text[strlen(text) - 1], '\n');
    json_decref(page);
    close(backend);
}

static void blocks(void **state)
{
    struct asked *asked = *state;
    char line[80];

    for (int i = 0; i < 200; i++) {
        snprintf(line, sizeof line, "block 198.51.%d.0/24 for 1h reason number %d", i, i);
        json_t *reply = ask(asked, line);
        assert_int_equal(number(reply, "blocks"), i + 1);
        json_decref(reply);
    }
    json_t *rows = rows_of(asked, "blocks");
    assert_int_equal(json_array_size(rows), 200);
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 7), "prefix")),
                        "198.51.7.0/24");
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 7), "reason")),
                        "number 7");
    json_decref(rows);
    json_decref(ask(asked, "unblock 198.51.7.0/24"));
    assert_int_equal(count_of(asked, "blocks"), 199);
    refused(asked, "unblock 198.51.7.0/24", "is not blocked");
    refused(asked, "block 198.51.7.0/24 for ever", "ms, s, m, h or d");
    refused(asked, "block nobody", "203.0.113.0/24");
    refused(asked, "block 198.51.7.0/24 until tomorrow", "for and reason");
}

/* Blocks stand in an order of their own, IPv4 first, and a list goes on in it whatever comes meanwhile. */
static void a_list_of_blocks_goes_on_while_they_change(void **state)
{
    struct asked *asked = *state;
    struct blocks *blocks = &asked->world.guard.filter.blocks;
    struct block block = {.reason = ""};
    char error[BLOCKS_ERROR_MAX], line[80];
    json_t *rows = json_array(), *answer; /* a page has 64 */

    assert_int_equal(hf_prefix_parse(&block.prefix, "::1/128"), HF_OK);
    assert_true(blocks_add(blocks, &block, 0, asked->world.now_us, error));
    for (int i = 0; i < 64; i++) {
        snprintf(line, sizeof line, "198.51.%d.0/24", i);
        assert_int_equal(hf_prefix_parse(&block.prefix, line), HF_OK);
        assert_true(blocks_add(blocks, &block, 0, asked->world.now_us, error));
    }
    answer = ask(asked, "blocks");
    assert_int_equal(hf_prefix_parse(&block.prefix, "10.0.0.0/8"), HF_OK);
    assert_true(blocks_add(blocks, &block, 0, asked->world.now_us, error));
    for (; !json_is_true(json_object_get(answer, "end")); answer = next_line(asked)) {
        json_array_extend(rows, json_object_get(answer, "rows"));
        json_decref(answer);
    }
    json_decref(answer);
    assert_int_equal(json_array_size(rows), 65);
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 64), "prefix")),
                        "::1/128");
    json_decref(rows);
}

static void events_come_as_they_happen(void **state)
{
    struct asked *asked = *state;

    asked->world.guard.relays.log = &asked->world.guard.log; /* its lines are events */
    json_decref(ask(asked, "drain web"));
    send_line(asked, "events follow 1");
    json_t *line = next_line(asked);
    assert_string_equal(json_string_value(json_object_get(line, "kind")), "drained");
    json_int_t first = number(line, "number");
    json_decref(line);
    for (uint64_t i = 1; i <= 3 * EVENTS_KEPT; i++) /* faster than he follows */
        events_say(&asked->world.guard.events, asked->world.now_us, "test", "fact");
    line = next_line(asked);
    assert_int_equal(number(line, "missed"), 2 * EVENTS_KEPT);
    json_decref(line);
    line = next_line(asked);
    assert_int_equal(number(line, "number"), first + 1 + 2 * EVENTS_KEPT);
    json_decref(line);
    send_line(asked, "enough");
    for (;;) {
        line = next_line(asked);
        bool end = json_is_true(json_object_get(line, "end"));
        json_decref(line);
        if (end)
            break;
    }
}

static void a_capture_of_one_service(void **state)
{
    struct asked *asked = *state;
    int backend;
    size_t bytes = 0;

    json_decref(ask(asked, "capture for 1h service web from 203.0.113.20"));
    relayed(asked, &backend);
    world_steps(&asked->world, 50);
    send_line(asked, "stop");
    for (;;) {
        json_t *line = next_line(asked);
        size_t length = (size_t)json_integer_value(json_object_get(line, "bytes"));
        json_int_t packets = json_integer_value(json_object_get(line, "packets"));
        bool end = json_is_true(json_object_get(line, "end"));

        json_decref(line);
        if (end) {
            assert_true(packets >= 3); /* SYN, SYN-ACK, ACK */
            break;
        }
        while (asked->length < length) {
            ssize_t got =
                recv(asked->fd, asked->text + asked->length, ANSWER_MAX - asked->length, 0);

            if (got > 0)
                asked->length += (size_t)got;
            else
                world_step(&asked->world);
        }
        if (bytes == 0)
            assert_memory_equal(asked->text, "\x0a\x0d\x0d\x0a", 4);
        bytes += length;
        asked->length -= length;
        memmove(asked->text, asked->text + length, asked->length);
    }
    assert_true(bytes > 300);
    assert_null(asked->world.guard.watchers);
    refused(asked, "capture state established", "no state");
    refused(asked, "capture for 2d", "at most 1d");
    close(backend);
}

/* Words thrown together: each request has an answer, and the guard serves on. */
static void nonsense(void **state)
{
    static const char *const words[] = {
        "status",      "stats",     "events",
        "connections", "kill",      "block",
        "unblock",     "blocks",    "drain",
        "resume",      "service",   "from",
        "state",       "half-open", "web",
        "nobody",      "0.0.0.0/0", "203.0.113.20",
        "::/0",        "for",       "reason",
        "1h",          "0s",        "99999999999d",
        "open",        "\\u0000",   "-1",
        "4294967296",  "{}",        "prometheus",
        "\xc3\xa9",    "%s%n",      "2001:db8::/129",
    };
    struct asked *asked = *state;
    uint64_t seed = 0x6e05;
    int answered = 0, backend;

    print_message("seed %#llx\n", (unsigned long long)seed);
    hf_socket client = relayed(asked, &backend);
    for (int i = 0; i < 3000; i++) {
        char line[400] = "";
        uint64_t count = 1 + test_random(&seed) % 6;

        for (uint64_t j = 0; j < count; j++) {
            const char *word = words[test_random(&seed) % (sizeof words / sizeof *words)];

            if (strcmp(word, "kill") == 0 && j == 0)
                word = "connections"; /* the connection is to live */
            strncat(line, word, sizeof line - strlen(line) - 2);
            strncat(line, " ", sizeof line - strlen(line) - 1);
        }
        json_t *reply = ask(asked, line);
        bool stream = json_object_get(reply, "rows") || json_object_get(reply, "number") ||
                      json_object_get(reply, "missed");
        json_decref(reply);
        while (stream) {
            reply = next_line(asked);
            stream = !json_is_true(json_object_get(reply, "end"));
            json_decref(reply);
        }
        answered++;
    }
    assert_int_equal(answered, 3000);
    json_decref(ask(asked, "resume web"));
    for (bool more = true; more;) { /* whoever was blocked in passing is let in again */
        json_t *rows = rows_of(asked, "blocks");
        char line[128];

        more = json_array_size(rows) > 0;
        if (more) {
            snprintf(line, sizeof line, "unblock %s",
                     json_string_value(json_object_get(json_array_get(rows, 0), "prefix")));
            json_decref(ask(asked, line));
        }
        json_decref(rows);
    }
    assert_int_equal(world_status(&asked->world, client).state, HF_STATE_ESTABLISHED);
    int other;
    relayed(asked, &other);
    close(other);
    close(backend);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(connections_are_listed_and_killed),
        TEST(who_comes_after_the_question_is_not_killed),
        TEST(status_and_stats),
        TEST(blocks),
        TEST(a_list_of_blocks_goes_on_while_they_change),
        TEST(events_come_as_they_happen),
        TEST(a_capture_of_one_service),
        TEST(nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
