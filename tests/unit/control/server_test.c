/* The control socket: words and JSON, nonsense, slow and silent clients. */
#include "unit/os/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <handfast/os.h>

#include "control/client.h"
#include "control/server.h"

struct world {
    char directory[64], path[100];
    struct loop loop;
    struct control_server *server;
    int asked, streams, pulled;
    bool closed;
};

static json_t *echo(void *context, const json_t *request)
{
    struct world *world = context;

    world->asked++;
    return json_pack("{s:O}", "echo", request);
}

#define ROW "[\"a row of an answer that is longer than any socket's buffer\"]\n"
#define ROW_BYTES (sizeof ROW - 1)

/* ---- a stream: so many rows, then it waits until it is told to say more, or to stop ---- */

struct rows {
    struct control_stream stream;
    struct world *world;
    int left;
    bool endless;
};

static enum control_more more_rows(struct control_stream *self, struct control_chunk *chunk,
                                   bool stopping, int64_t now_us)
{
    struct rows *rows = loop_owner(self, struct rows, stream);

    (void)now_us;
    rows->world->pulled++;
    for (int i = 0; i < 500 && rows->left > 0 && !stopping; i++, rows->left--)
        control_chunk_bytes(chunk, ROW, ROW_BYTES);
    if (rows->left > 0 && !stopping)
        return CONTROL_MORE;
    if (rows->endless && !stopping)
        return CONTROL_WAIT;
    control_chunk_json(chunk, json_pack("{s:b}", "end", true));
    return CONTROL_END;
}

static void end_rows(struct control_stream *self)
{
    struct rows *rows = loop_owner(self, struct rows, stream);

    rows->world->streams--;
    free(rows);
}

static struct rows *make_rows(struct world *world, int left, bool endless)
{
    struct rows *rows = calloc(1, sizeof *rows);

    rows->stream = (struct control_stream){more_rows, end_rows};
    rows->world = world;
    rows->left = left;
    rows->endless = endless;
    world->streams++;
    return rows;
}

static json_t *large(void *context, const json_t *request, struct control_stream **stream)
{
    (void)request;
    *stream = &make_rows(context, 200000, false)->stream;
    return NULL;
}

static json_t *follow(void *context, const json_t *request, struct control_stream **stream)
{
    (void)request;
    *stream = &make_rows(context, 1, true)->stream;
    return json_pack("{s:b}", "following", true);
}

static json_t *endless(void *context, const json_t *request, struct control_stream **stream)
{
    (void)request;
    *stream = &make_rows(context, INT32_MAX, false)->stream;
    return NULL;
}

static json_t *too_large(void *context, const json_t *request)
{
    json_t *rows = json_array();

    (void)context;
    (void)request;
    for (int i = 0; i < 200000; i++)
        json_array_append_new(rows, json_string("a row of an answer that is too large"));
    return json_pack("{s:o}", "rows", rows);
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    snprintf(world->directory, sizeof world->directory, "/tmp/handfast_control_XXXXXX");
    if (!mkdtemp(world->directory) || loop_init(&world->loop) != HF_OK)
        return 1;
    snprintf(world->path, sizeof world->path, "%s/sub/guard.sock", world->directory);
    if (control_server_open(&world->server, &world->loop, world->path) != HF_OK)
        return 1;
    control_server_register(world->server, "echo", echo, world);
    control_server_register(world->server, "too_large", too_large, world);
    control_server_register_stream(world->server, "large", large, world);
    control_server_register_lasting(world->server, "follow", follow, world);
    control_server_register_stream(world->server, "endless", endless, world);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    char sub[80];

    control_server_close(world->server);
    loop_deinit(&world->loop);
    snprintf(sub, sizeof sub, "%s/sub", world->directory);
    int left = rmdir(sub) | rmdir(world->directory); /* fails if the socket is still there */
    free(world);
    return left;
}

/* ---- a client in the same thread ---- */

static int dial(struct world *world)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    memcpy(address.sun_path, world->path, strlen(world->path));
    while (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        assert_int_equal(errno, EAGAIN); /* the server rests, and many wait at the door */
        loop_step(&world->loop, hf_os_now_us() + 1000);
    }
    return fd;
}

static void rounds(struct world *world, int count)
{
    for (int i = 0; i < count; i++)
        loop_step(&world->loop, 0);
}

#define PATIENCE_US ((int64_t)20 * 1000 * 1000)

/* Turns the loop until the client has heard `what` (NULL: until he is hung up on). Returns the length; world->closed: that was the end. */
static size_t hear(struct world *world, int fd, char *to, size_t capacity, const char *what)
{
    int64_t until_us = hf_os_now_us() + PATIENCE_US;
    size_t length = 0;

    world->closed = false;
    while (length < capacity) {
        ssize_t got = recv(fd, to + length, capacity - length, 0);

        if (got > 0)
            length += (size_t)got;
        world->closed = got == 0 || (got < 0 && errno != EAGAIN);
        if (world->closed || (what && memmem(to, length, what, strlen(what))))
            return length;
        assert_true(hf_os_now_us() < until_us);
        if (got < 0)
            loop_step(&world->loop, hf_os_now_us() + 1000);
    }
    return length;
}

static void say(struct world *world, int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    rounds(world, 3);
}

static json_t *line_as_json(struct world *world, int fd)
{
    static char text[8192];
    size_t length = hear(world, fd, text, sizeof text, "\n");

    assert_true(length > 0 && text[length - 1] == '\n');
    assert_ptr_equal(memchr(text, '\n', length), text + length - 1); /* one line */
    json_t *json = json_loadb(text, length, 0, NULL);
    assert_non_null(json);
    return json;
}

static const char *string_at(const json_t *json, const char *a, const char *b)
{
    return json_string_value(json_object_get(json_object_get(json, a), b));
}

/* ---- tests ---- */

static void words_and_objects(void **state)
{
    struct world *world = *state;
    int fd = dial(world);

    say(world, fd, "  echo service  web\r\n");
    json_t *reply = line_as_json(world, fd);
    assert_string_equal(string_at(reply, "echo", "command"), "echo");
    json_t *arguments = json_object_get(json_object_get(reply, "echo"), "arguments");
    assert_int_equal(json_array_size(arguments), 2);
    assert_string_equal(json_string_value(json_array_get(arguments, 1)), "web");
    json_decref(reply);

    say(world, fd, "{\"command\": \"echo\", \"x\": 7}\n");
    reply = line_as_json(world, fd);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(reply, "echo"), "x")), 7);
    json_decref(reply);

    say(world, fd, "dance\n");
    reply = line_as_json(world, fd);
    assert_string_equal(json_string_value(json_object_get(reply, "error")),
                        "there is no command dance");
    assert_int_equal(json_array_size(json_object_get(reply, "commands")), 5);
    json_decref(reply);
    close(fd);
}

static void a_line_in_pieces_and_lines_in_one_piece(void **state)
{
    struct world *world = *state;
    int fd = dial(world);
    char text[4096];

    for (const char *at = "echo\n"; *at; at++)
        assert_int_equal(send(fd, at, 1, 0), 1), rounds(world, 2);
    say(world, fd, "echo 1\necho 2\necho 3\n");
    size_t length = hear(world, fd, text, sizeof text, "\"3\"]}}\n");
    int lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    assert_int_equal(lines, 4);
    assert_int_equal(world->asked, 4);
    assert_false(world->closed);
    close(fd);
    rounds(world, 3);
}

static void a_line_without_end_is_refused(void **state)
{
    struct world *world = *state;
    int fd = dial(world);
    char text[4096];

    memset(text, 'x', sizeof text);
    for (int i = 0; i < 3; i++)
        send(fd, text, sizeof text, MSG_NOSIGNAL);
    size_t length = hear(world, fd, text, sizeof text, NULL);
    assert_true(length > 0 && memmem(text, length, "at most 4096 bytes", 18));
    assert_true(world->closed);
    close(fd);
}

static void nonsense_hurts_nobody(void **state)
{
    struct world *world = *state;
    uint64_t seed = 0xc0a7;
    char bytes[600], text[65536];

    print_message("seed %#llx\n", (unsigned long long)seed);
    for (int i = 0; i < 500; i++) {
        int fd = dial(world);
        size_t length = test_random(&seed) % sizeof bytes;

        test_fill(&seed, bytes, length);
        if (i % 3 == 0 && length > 3)
            bytes[0] = '{', bytes[length - 1] = '\n';
        if (i % 3 == 1)
            for (size_t j = 0; j < length; j++)
                bytes[j] = "{}[]\":,\n\\ u0e-1"[(uint8_t)bytes[j] % 15];
        send(fd, bytes, length, MSG_NOSIGNAL);
        rounds(world, i % 4);
        if (i % 2)
            (void)!recv(fd, text, sizeof text, 0);
        close(fd);
        rounds(world, 2);
    }
    int fd = dial(world);
    say(world, fd, "echo\n");
    json_decref(line_as_json(world, fd));
    close(fd);
}

static void a_stream_is_pulled_no_faster_than_it_is_read(void **state)
{
    struct world *world = *state;
    int slow = dial(world), fd = dial(world);
    static char text[1 << 20];
    size_t length = 0;

    say(world, slow, "large\n");
    for (int i = 0; i < 100; i++) {
        say(world, fd, "echo\n");
        json_decref(line_as_json(world, fd));
    }
    assert_true(world->pulled < 40); /* of 400: the socket's buffer is full, and nothing grows */
    for (bool end = false; !end;) {  /* he reads at last: all is there */
        size_t got = hear(world, slow, text, sizeof text, "{\"end\":true}\n");

        length += got;
        end = memmem(text, got, "{\"end\":true}\n", 13) != NULL;
    }
    assert_int_equal(length, 200000 * ROW_BYTES + 13);
    assert_int_equal(world->streams, 0);
    say(world, slow, "echo\n"); /* and he may go on asking */
    json_decref(line_as_json(world, slow));
    close(slow);
    close(fd);
}

static void a_stream_that_waits_ends_when_told_to(void **state)
{
    struct world *world = *state;
    int fd = dial(world);
    char text[4096];

    say(world, fd, "follow\n");
    size_t length = hear(world, fd, text, sizeof text, ROW);
    assert_true(length > 0 && strncmp(text, "{\"following\":true}\n", 19) == 0);
    int pulled = world->pulled;
    rounds(world, 50); /* it waits: nobody asks it again and again */
    assert_true(world->pulled <= pulled + 1);
    say(world, fd, "stop\n");
    length = hear(world, fd, text, sizeof text, "\n");
    assert_memory_equal(text, "{\"end\":true}\n", length);
    assert_int_equal(world->streams, 0);
    close(fd);
}

static void who_hangs_up_ends_his_stream(void **state)
{
    struct world *world = *state;
    int waiting = dial(world), flowing = dial(world);

    say(world, waiting, "follow\n");
    say(world, flowing, "large\n");
    assert_int_equal(world->streams, 2);
    close(waiting);
    close(flowing);
    for (int64_t until_us = hf_os_now_us() + PATIENCE_US; world->streams > 0;) {
        assert_true(hf_os_now_us() < until_us);
        loop_step(&world->loop, hf_os_now_us() + 1000);
    }
}

static void streams_are_bounded_and_do_not_give_way(void **state)
{
    struct world *world = *state;
    int streams[CONTROL_STREAMS_MAX], others[CONTROL_CLIENTS_MAX];
    char text[4096];

    for (int i = 0; i < CONTROL_STREAMS_MAX; i++) {
        streams[i] = dial(world);
        say(world, streams[i], "follow\n");
        hear(world, streams[i], text, sizeof text, ROW);
    }
    int fd = dial(world);
    say(world, fd, "follow\n");
    json_t *refusal = line_as_json(world, fd);
    assert_non_null(json_object_get(refusal, "error"));
    json_decref(refusal);
    say(world, fd, "large\n"); /* a list, a kill, a reload: nobody who follows keeps one from it */
    hear(world, fd, text, sizeof text, ROW);
    assert_int_equal(world->streams, CONTROL_STREAMS_MAX + 1);
    close(fd);
    for (int64_t until_us = hf_os_now_us() + PATIENCE_US; world->streams > CONTROL_STREAMS_MAX;) {
        assert_true(hf_os_now_us() < until_us);
        loop_step(&world->loop, hf_os_now_us() + 1000);
    }
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) { /* more than there are places */
        others[i] = dial(world);
        rounds(world, 3);
    }
    assert_int_equal(world->streams, CONTROL_STREAMS_MAX);
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
        close(others[i]);
    for (int i = 0; i < CONTROL_STREAMS_MAX; i++)
        close(streams[i]);
}

/* Eight clients who read as fast as they can, and the loop has most of its time for others all the same. */
static void all_clients_together_get_a_fifth_of_the_time(void **state)
{
    struct world *world = *state;
    int fds[CONTROL_STREAMS_MAX];
    static char text[1 << 16];
    int pulled = 0;
    uint64_t idle = 0, rounds_made = 0;

    for (int i = 0; i < CONTROL_STREAMS_MAX; i++) {
        fds[i] = dial(world);
        say(world, fds[i], "endless\n");
    }
    for (int64_t until_us = hf_os_now_us() + 500000; hf_os_now_us() < until_us;) {
        loop_step(&world->loop, 0);
        idle += world->pulled == pulled;
        pulled = world->pulled;
        rounds_made++;
        for (int i = 0; i < CONTROL_STREAMS_MAX; i++)
            while (recv(fds[i], text, sizeof text, 0) > 0)
                ;
    }
    print_message("%llu of %llu rounds without work for them, %d chunks\n",
                  (unsigned long long)idle, (unsigned long long)rounds_made, pulled);
    assert_true(pulled > 0);
    assert_true(idle > rounds_made / 2);
    for (int i = 0; i < CONTROL_STREAMS_MAX; i++)
        close(fds[i]);
}

static void an_answer_that_is_too_large_says_so(void **state)
{
    struct world *world = *state;
    int fd = dial(world);

    say(world, fd, "too_large\n");
    json_t *reply = line_as_json(world, fd);
    assert_string_equal(json_string_value(json_object_get(reply, "error")),
                        "the answer is too large");
    json_decref(reply);
    close(fd);
}

static void who_says_no_more_still_hears_his_answers(void **state)
{
    struct world *world = *state;
    int fd = dial(world);
    char text[4096];

    say(world, fd, "echo 1\necho 2\n");
    shutdown(fd, SHUT_WR);
    size_t length = hear(world, fd, text, sizeof text, NULL);
    assert_true(world->closed && memmem(text, length, "\"2\"", 3) != NULL);
    close(fd);
}

static void more_clients_than_places(void **state)
{
    struct world *world = *state;
    int fds[CONTROL_CLIENTS_MAX + 8];

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX + 8; i++) {
        fds[i] = dial(world);
        rounds(world, 2);
    }
    say(world, fds[CONTROL_CLIENTS_MAX + 7], "echo\n"); /* the oldest silent ones gave way */
    json_decref(line_as_json(world, fds[CONTROL_CLIENTS_MAX + 7]));
    char byte;
    assert_int_equal(recv(fds[0], &byte, 1, 0), 0);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX + 8; i++)
        close(fds[i]);
}

static void two_servers_and_what_a_dead_one_left(void **state)
{
    struct world *world = *state;
    struct control_server *other;
    struct stat about;
    char path[120];

    assert_int_equal(control_server_open(&other, &world->loop, world->path), HF_ADDRESS_IN_USE);
    snprintf(path, sizeof path, "%s.2", world->path);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof address), 0);
    close(dead);
    assert_int_equal(control_server_open(&other, &world->loop, path), HF_OK);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0660);
    control_server_close(other);
    assert_int_equal(stat(path, &about), -1);
    assert_int_equal(control_server_open(&other, &world->loop, ""), HF_INVALID);
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = 0;
    assert_int_equal(control_server_open(&other, &world->loop, path), HF_INVALID);
}

static void the_client_of_the_commands(void **state)
{
    struct world *world = *state;
    json_t *request = json_pack("{s:s}", "command", "echo"), *reply = NULL;
    char path[CONTROL_PATH_MAX];
    int status;
    pid_t child = fork();

    if (child == 0) {
        int error = control_ask(world->path, request, &reply);
        _exit(error == HF_OK && string_at(reply, "echo", "command") ? 0 : 1);
    }
    while (waitpid(child, &status, WNOHANG) == 0)
        loop_step(&world->loop, hf_os_now_us() + 1000);
    assert_int_equal(status, 0);
    assert_int_equal(control_ask("/tmp/there_is_no_such_socket", request, &reply), HF_REFUSED);
    assert_int_equal(control_path(path, "guard"), HF_OK);
    assert_string_equal(path, "/run/handfast/guard.sock");
    json_decref(request);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(words_and_objects),
        TEST(a_line_in_pieces_and_lines_in_one_piece),
        TEST(a_line_without_end_is_refused),
        TEST(nonsense_hurts_nobody),
        TEST(a_stream_is_pulled_no_faster_than_it_is_read),
        TEST(a_stream_that_waits_ends_when_told_to),
        TEST(who_hangs_up_ends_his_stream),
        TEST(streams_are_bounded_and_do_not_give_way),
        TEST(all_clients_together_get_a_fifth_of_the_time),
        TEST(an_answer_that_is_too_large_says_so),
        TEST(who_says_no_more_still_hears_his_answers),
        TEST(more_clients_than_places),
        TEST(two_servers_and_what_a_dead_one_left),
        TEST(the_client_of_the_commands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
