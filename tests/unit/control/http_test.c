/* /metrics over HTTP: what it answers, whom it does not listen to, and that nobody holds it up. */
#include "unit/os/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <handfast/os.h>

#include "control/http.h"

struct world {
    struct loop loop;
    struct http_server *server;
    struct hf_endpoint at;
    int pages;
    size_t page_bytes;
};

static char *make_page(void *context)
{
    struct world *world = context;
    char *text = malloc(world->page_bytes + 64);
    int length = snprintf(text, 64, "page %d\n", ++world->pages);

    memset(text + length, 'x', world->page_bytes);
    text[(size_t)length + world->page_bytes] = '\0';
    return text;
}

/* A port that was free a moment ago. */
static uint16_t some_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    if (loop_init(&world->loop) != HF_OK || hf_endpoint_parse(&world->at, "127.0.0.1:1") != HF_OK)
        return 1;
    for (int i = 0; i < 20; i++) { /* another may have taken it meanwhile */
        world->at.port = some_port();
        if (http_open(&world->server, &world->loop, &world->at, make_page, world) == HF_OK)
            break;
    }
    *state = world;
    return world->server == NULL;
}

static int teardown(void **state)
{
    struct world *world = *state;

    http_close(world->server);
    assert_int_equal(world->loop.timers, 0);
    loop_deinit(&world->loop);
    free(world);
    return 0;
}

static int dial(const struct world *world)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(world->at.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void rounds(struct world *world, int count)
{
    for (int i = 0; i < count; i++)
        loop_step(&world->loop, 0);
}

/* Says it and hears until `word` has come, or the end; the text, ended by zero. */
static const char *exchange(struct world *world, int fd, const char *request, const char *word)
{
    static char text[1 << 16];
    size_t length = 0;

    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    text[0] = '\0';
    for (int i = 0; i < 100000 && !strstr(text, word); i++) {
        rounds(world, 1);
        ssize_t got = recv(fd, text + length, sizeof text - 1 - length, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            break;
        length += got > 0 ? (size_t)got : 0;
        text[length] = '\0';
    }
    return text;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static void the_page_is_there(void **state)
{
    struct world *world = *state;
    int fd = dial(world);
    const char *text = exchange(world, fd, GET("/metrics"), "page 1\n");

    assert_non_null(strstr(text, "HTTP/1.1 200 OK"));
    assert_non_null(strstr(text, "Content-Type: text/plain; version=0.0.4"));
    assert_non_null(strstr(text, "page 1\n"));
    assert_non_null(strstr(exchange(world, fd, GET("/metrics"), "page"), "200 OK")); /* kept open */
    close(fd);
}

static void other_paths_and_methods_are_refused(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *request, *answer;
    } rows[] = {
        {GET("/"), " 404 "},
        {GET("/metrics/"), " 404 "},
        {GET("/metricsx"), " 404 "},
        {GET("/../metrics"), " 404 "},
        {"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", " 405 "},
        {"DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", " 405 "},
        {"nonsense\r\n\r\n", ""},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int fd = dial(world);
        const char *text = exchange(world, fd, rows[i].request, "\r\n\r\n");

        assert_non_null(strstr(text, rows[i].answer));
        assert_null(strstr(text, " 200 "));
        close(fd);
        rounds(world, 3);
    }
    assert_int_equal(world->pages, 0); /* the page was not even made */
}

static void a_page_is_not_made_for_each_who_asks(void **state)
{
    struct world *world = *state;
    int64_t start_us = hf_os_now_us();

    for (int i = 0; i < 50; i++) {
        int fd = dial(world);

        assert_non_null(strstr(exchange(world, fd, GET("/metrics"), "page"), "200 OK"));
        close(fd);
        rounds(world, 2);
    }
    assert_true(world->pages <= 1 + (hf_os_now_us() - start_us) / HTTP_PAGE_LIFE_US + 1);
}

static void many_silent_clients_hold_up_nobody(void **state)
{
    struct world *world = *state;
    int silent[2 * HTTP_CONNECTIONS_MAX];

    for (size_t i = 0; i < 2 * HTTP_CONNECTIONS_MAX; i++)
        silent[i] = dial(world), rounds(world, 2);
    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++) /* as many leave as were let in */
        close(silent[i]);
    rounds(world, 10);
    for (size_t i = HTTP_CONNECTIONS_MAX; i < 2 * HTTP_CONNECTIONS_MAX - 1; i++)
        close(silent[i]);
    int fd = silent[2 * HTTP_CONNECTIONS_MAX - 1];
    assert_non_null(strstr(exchange(world, fd, GET("/metrics"), "page"), "200 OK"));
    close(fd);
}

static void a_reader_that_does_not_read_holds_up_nobody(void **state)
{
    struct world *world = *state;

    world->page_bytes = HTTP_PAGE_MAX - 64;
    int slow = dial(world), fd = dial(world);
    assert_true(send(slow, GET("/metrics"), strlen(GET("/metrics")), MSG_NOSIGNAL) > 0);
    rounds(world, 20);
    assert_non_null(strstr(exchange(world, fd, GET("/"), "\r\n\r\n"), " 404 "));
    close(slow);
    close(fd);
}

static void nonsense_hurts_nobody(void **state)
{
    struct world *world = *state;
    uint64_t seed = 0x4e77;
    char bytes[600];

    print_message("seed %#llx\n", (unsigned long long)seed);
    for (int i = 0; i < 300; i++) {
        int fd = dial(world);
        size_t length = test_random(&seed) % sizeof bytes;

        test_fill(&seed, bytes, length);
        if (i % 2 == 0 && length > 14)
            memcpy(bytes, "GET /metrics H", 14);
        send(fd, bytes, length, MSG_NOSIGNAL);
        rounds(world, 3);
        close(fd);
        rounds(world, 2);
    }
    int fd = dial(world);
    assert_non_null(strstr(exchange(world, fd, GET("/metrics"), "page"), "200 OK"));
    close(fd);
}

static void only_loopback_is_taken(void **state)
{
    struct world *world = *state;
    static const char *const refused[] = {"0.0.0.0:9648",       "192.0.2.1:9648", "[::]:9648",
                                          "[2001:db8::1]:9648", "128.0.0.1:9648", "127.0.0.1:0"};
    static const char *const accepted[] = {"127.0.0.1:1", "127.8.9.10:1", "[::1]:1"};
    struct http_server *server = NULL;
    struct hf_endpoint at;

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_int_equal(hf_endpoint_parse(&at, refused[i]), HF_OK);
        assert_int_equal(http_open(&server, &world->loop, &at, make_page, world), HF_INVALID);
    }
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        assert_int_equal(hf_endpoint_parse(&at, accepted[i]), HF_OK);
        assert_true(http_is_loopback(&at.address));
    }
}

static void a_port_in_use_is_said(void **state)
{
    struct world *world = *state;
    struct http_server *server = NULL;

    assert_int_equal(http_open(&server, &world->loop, &world->at, make_page, world),
                     HF_ADDRESS_IN_USE);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROW(the_page_is_there),
        ROW(other_paths_and_methods_are_refused),
        ROW(a_page_is_not_made_for_each_who_asks),
        ROW(many_silent_clients_hold_up_nobody),
        ROW(a_reader_that_does_not_read_holds_up_nobody),
        ROW(nonsense_hurts_nobody),
        ROW(only_loopback_is_taken),
        ROW(a_port_in_use_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
