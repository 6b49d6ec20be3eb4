/* The relay: bytes, FINs and resets from a client's stack through the guard's to a backend, and back. */
#include "unit/guard/world.h"

/* A stream whose every byte is known by its place. */
static uint8_t byte_at(uint64_t place, uint8_t salt)
{
    return (uint8_t)((place * 2654435761u >> 7) + salt);
}

struct stream {
    uint64_t length, done;
    uint8_t salt;
    bool ended;
};

static size_t make(const struct stream *stream, uint8_t *to, size_t capacity)
{
    size_t length = stream->length - stream->done < capacity
                        ? (size_t)(stream->length - stream->done)
                        : capacity;

    for (size_t i = 0; i < length; i++)
        to[i] = byte_at(stream->done + i, stream->salt);
    return length;
}

static void take(struct stream *stream, const uint8_t *bytes, size_t length)
{
    assert_true(stream->done + length <= stream->length);
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != byte_at(stream->done + i, stream->salt))
            fail_msg("byte %llu is wrong", (unsigned long long)(stream->done + i));
    stream->done += length;
}

/* One conversation: what each side sends, and how far each has come. */
struct talk {
    hf_socket client;
    int backend;
    struct stream up_sent, up_taken, down_sent, down_taken;
};

static void client_part(struct world *world, struct talk *talk)
{
    static uint8_t bytes[16384];
    ptrdiff_t moved;

    while (!talk->up_sent.ended) {
        size_t length = make(&talk->up_sent, bytes, sizeof bytes);

        if (length == 0) {
            assert_int_equal(hf_shutdown(world->client, talk->client, world->now_us), HF_OK);
            talk->up_sent.ended = true;
            break;
        }
        moved = hf_send(world->client, talk->client, bytes, length, world->now_us);
        if (moved == HF_AGAIN)
            break;
        assert_true(moved > 0);
        talk->up_sent.done += (size_t)moved;
    }
    while ((moved = hf_receive(world->client, talk->client, bytes, sizeof bytes, world->now_us)) >
           0)
        take(&talk->down_taken, bytes, (size_t)moved);
    if (moved == 0)
        talk->down_taken.ended = true;
    else if (moved != HF_AGAIN && moved != HF_NOT_CONNECTED)
        fail_msg("the client met %s", hf_error_text((int)moved));
}

static void backend_part(struct talk *talk)
{
    static uint8_t bytes[16384];
    ssize_t moved;

    while (!talk->down_sent.ended) {
        size_t length = make(&talk->down_sent, bytes, sizeof bytes);

        if (length == 0) {
            assert_int_equal(shutdown(talk->backend, SHUT_WR), 0);
            talk->down_sent.ended = true;
            break;
        }
        moved = send(talk->backend, bytes, length, MSG_NOSIGNAL);
        if (moved < 0)
            break;
        talk->down_sent.done += (size_t)moved;
    }
    while ((moved = read(talk->backend, bytes, sizeof bytes)) > 0)
        take(&talk->up_taken, bytes, (size_t)moved);
    if (moved == 0)
        talk->up_taken.ended = true;
    else
        assert_int_equal(errno, EAGAIN);
}

static void talk_to_the_end(struct world *world, const char *to, uint64_t up, uint64_t down)
{
    struct talk talk = {
        .client = world_connect(world, to),
        .up_sent = {.length = up, .salt = 3},
        .up_taken = {.length = up, .salt = 3},
        .down_sent = {.length = down, .salt = 77},
        .down_taken = {.length = down, .salt = 77},
    };

    talk.backend = world_accept(world);
    for (int i = 0; i < STEPS_MAX && !(talk.up_taken.ended && talk.down_taken.ended); i++) {
        client_part(world, &talk);
        backend_part(&talk);
        world_step(world);
    }
    assert_int_equal(talk.up_taken.done, up);
    assert_int_equal(talk.down_taken.done, down);
    assert_true(talk.up_taken.ended && talk.down_taken.ended);
    close(talk.backend);
    hf_close(world->client, talk.client, world->now_us);
}

static void bytes_of_every_size_arrive_both_ways(void **state)
{
    static const uint64_t sizes[] = {0, 1, 1460, 65537, 5 << 20};
    struct world world;

    (void)state;
    world_open_v4(&world, "}}");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        talk_to_the_end(&world, "203.0.113.10:80", sizes[i], 0);
        talk_to_the_end(&world, "203.0.113.10:80", 0, sizes[i]);
        talk_to_the_end(&world, "[2001:db8::10]:80", sizes[i], sizes[i]);
    }
    world_steps(&world, 100);
    assert_int_equal(world.guard.relays.active, 0);
    assert_int_equal(world_count(&world)->accepted, 15);
    assert_int_equal(world_count(&world)->closed, 15);
    assert_int_equal(world_count(&world)->bytes_in, world_count(&world)->bytes_out);
    world_close(&world);
}

static void the_client_may_close_first_and_still_listen(void **state)
{
    struct world world;
    char bytes[64];

    (void)state;
    world_open_v4(&world, "}}");
    hf_socket client = world_connect(&world, "203.0.113.10:80");
    int backend = world_accept(&world);

    assert_int_equal(hf_send(world.client, client, "ask", 3, world.now_us), 3);
    assert_int_equal(hf_shutdown(world.client, client, world.now_us), HF_OK);
    assert_int_equal(world_read(&world, backend, bytes, sizeof bytes), 3);
    assert_int_equal(world_read(&world, backend, bytes, sizeof bytes), 0);
    world_steps(&world, 1000);
    assert_int_equal(world.guard.relays.active, 1);

    assert_int_equal(write(backend, "answer", 6), 6);
    assert_int_equal(world_receive(&world, client, bytes, sizeof bytes), 6);
    close(backend);
    assert_int_equal(world_receive(&world, client, bytes, sizeof bytes), 0);
    world_steps(&world, 100);
    assert_int_equal(world.guard.relays.active, 0);
    world_close(&world);
}

static void the_server_may_close_first_and_still_listen(void **state)
{
    struct world world;
    char bytes[64];

    (void)state;
    world_open_v4(&world, "}}");
    hf_socket client = world_connect(&world, "203.0.113.10:80");
    int backend = world_accept(&world);

    assert_int_equal(write(backend, "hello", 5), 5);
    assert_int_equal(shutdown(backend, SHUT_WR), 0);
    assert_int_equal(world_receive(&world, client, bytes, sizeof bytes), 5);
    assert_int_equal(world_receive(&world, client, bytes, sizeof bytes), 0);
    world_steps(&world, 1000);
    assert_int_equal(world.guard.relays.active, 1);

    assert_int_equal(hf_send(world.client, client, "bye", 3, world.now_us), 3);
    hf_close(world.client, client, world.now_us);
    assert_int_equal(world_read(&world, backend, bytes, sizeof bytes), 3);
    assert_int_equal(world_read(&world, backend, bytes, sizeof bytes), 0);
    world_steps(&world, 100);
    assert_int_equal(world.guard.relays.active, 0);
    close(backend);
    world_close(&world);
}

static void a_clients_reset_reaches_the_backend(void **state)
{
    struct world world;
    char bytes[64];

    (void)state;
    world_open_v4(&world, "}}");
    hf_socket client = world_connect(&world, "203.0.113.10:80");
    int backend = world_accept(&world);

    assert_int_equal(hf_send(world.client, client, "x", 1, world.now_us), 1);
    assert_int_equal(world_read(&world, backend, bytes, sizeof bytes), 1);
    hf_abort(world.client, client, world.now_us);
    assert_int_equal(world_read(&world, backend, bytes, sizeof bytes), -ECONNRESET);
    assert_int_equal(world_count(&world)->client_reset, 1);
    assert_int_equal(world.guard.relays.active, 0);
    close(backend);
    world_close(&world);
}

static void a_backends_reset_reaches_the_client(void **state)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct world world;

    (void)state;
    world_open_v4(&world, "}}");
    hf_socket client = world_connect(&world, "203.0.113.10:80");
    int backend = world_accept(&world);

    world_steps(&world, 10); /* the guard learns that it is connected */
    setsockopt(backend, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(backend);
    assert_int_equal(world_end_of(&world, client), HF_RESET);
    assert_int_equal(world_count(&world)->backend_reset, 1);
    assert_int_equal(world.guard.relays.active, 0);
    world_close(&world);
}

/* It closes with the client's bytes unread, as servers do that refuse a large request: the kernel sends its answer, then a RST. */
static void an_answer_before_a_reset_reaches_the_client(void **state)
{
    static const char request[5000], answer[] = "413 too large";
    struct world world;
    char bytes[64];

    (void)state;
    world_open_v4(&world, "}}");
    hf_socket client = world_connect(&world, "203.0.113.10:80");
    int backend = world_accept(&world);

    assert_int_equal(hf_send(world.client, client, request, sizeof request, world.now_us),
                     sizeof request);
    assert_int_equal(world_read(&world, backend, bytes, 1), 1);
    assert_int_equal(send(backend, answer, sizeof answer, MSG_NOSIGNAL), sizeof answer);
    close(backend);
    assert_int_equal(world_receive(&world, client, bytes, sizeof bytes), sizeof answer);
    assert_string_equal(bytes, answer);
    assert_int_equal(world_end_of(&world, client), HF_RESET);
    assert_int_equal(world_count(&world)->backend_reset, 1);
    assert_int_equal(world_count(&world)->bytes_out, sizeof answer);
    world_close(&world);
}

/* The client has stopped reading and everything is full: the reset must still pass. */
static void a_reset_passes_while_everything_is_full(void **state)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    static const char bytes[65536];
    struct world world;

    (void)state;
    world_open_v4(&world, "}}");
    hf_socket client = world_connect(&world, "203.0.113.10:80");
    int backend = world_accept(&world);

    for (int i = 0; i < 500; i++) {
        while (send(backend, bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
            ;
        world_step(&world);
    }
    setsockopt(backend, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(backend);
    assert_int_equal(world_end_of(&world, client), HF_RESET);
    world_close(&world);
}

static void a_backend_that_refuses_resets_the_client(void **state)
{
    struct world world;

    (void)state;
    world_open_v4(&world, "}}");
    close(world.listener); /* its port is closed now */
    world.listener = -1;
    hf_socket client = world_connect(&world, "203.0.113.10:80");
    assert_int_equal(world_end_of(&world, client), HF_RESET);
    assert_int_equal(world_count(&world)->backend_refused, 1);
    assert_int_equal(world.guard.relays.active, 0);
    world_close(&world);
}

/* A backend whose queue is full: the kernel leaves SYNs without an answer. */
static void a_backend_that_never_answers_times_out(void **state)
{
    struct world world = {.listener = world_listen_v4(0)};
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int fillers[4];
    char target[32];

    (void)state;
    assert_int_equal(getsockname(world.listener, (struct sockaddr *)&address, &length), 0);
    for (int i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fillers[i], (const struct sockaddr *)&address, sizeof address);
    }
    snprintf(target, sizeof target, "127.0.0.1:%u", world_port(world.listener));
    world_open(&world, target, "} connect_timeout = 300ms }");
    hf_socket client = world_connect(&world, "203.0.113.10:80");

    world_steps(&world, 1000);
    assert_int_equal(world.guard.relays.active, 1);
    assert_int_equal(world_end_of(&world, client), HF_RESET);
    assert_int_equal(world_count(&world)->connect_timed_out, 1);
    for (int i = 0; i < 4; i++)
        close(fillers[i]);
    world_close(&world);
}

static void a_client_that_leaves_before_the_backend_is_there(void **state)
{
    struct world world;
    char byte;

    (void)state;
    world_open_v4(&world, "}}");
    hf_socket client = world_connect(&world, "203.0.113.10:80");
    while (world_status(&world, client).state != HF_STATE_ESTABLISHED)
        world_step(&world);
    hf_abort(world.client, client, world.now_us);
    for (int i = 0; i < STEPS_MAX && (i < 100 || world.guard.relays.active > 0); i++)
        world_step(&world);
    assert_int_equal(world.guard.relays.active, 0);
    /* The kernel may have finished the backend's handshake or not: if it has, the backend hears of the reset. */
    int backend = accept4(world.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (backend >= 0) {
        assert_int_equal(world_read(&world, backend, &byte, 1), -ECONNRESET);
        close(backend);
    }
    world_close(&world);
}

/* Both are bounded: the pool's use, and what the backend could get rid of. */
static void a_slow_client_stops_the_backend(void **state)
{
    static uint8_t bytes[65536];
    uint64_t sent = 0, quiet = 0, taken = 0;
    struct hf_gauges gauges;
    struct world world;

    (void)state;
    world_open_v4(&world, "}}");
    hf_socket client = world_connect(&world, "203.0.113.10:80");
    int backend = world_accept(&world);

    for (int i = 0; i < 20000 && quiet < 200; i++, quiet++) {
        for (ssize_t n; (n = send(backend, bytes, sizeof bytes, MSG_NOSIGNAL)) > 0; quiet = 0)
            sent += (uint64_t)n;
        world_step(&world);
    }
    assert_int_equal(quiet, 200); /* it has stopped */
    hf_gauges(world.guard.stack, &gauges);
    assert_true(gauges.pool_used_bytes <= 65536 + 4096);
    uint64_t before = world_count(&world)->bytes_out;
    world_steps(&world, 1000);
    assert_int_equal(world_count(&world)->bytes_out, before);
    assert_true(sent > before); /* the rest is the kernel's */

    shutdown(backend, SHUT_WR);
    for (ptrdiff_t n; (n = world_receive(&world, client, bytes, sizeof bytes)) > 0;)
        taken += (uint64_t)n;
    assert_int_equal(taken, sent);
    close(backend);
    world_close(&world);
}

static void a_slow_backend_closes_the_clients_window(void **state)
{
    static uint8_t bytes[65536];
    uint64_t sent = 0, taken = 0, quiet = 0;
    struct world world;

    (void)state;
    world_open_v4(&world, "}}");
    hf_socket client = world_connect(&world, "203.0.113.10:80");
    int backend = world_accept(&world);

    for (int i = 0; i < 40000 && quiet < 500; i++, quiet++) {
        for (ptrdiff_t n;
             (n = hf_send(world.client, client, bytes, sizeof bytes, world.now_us)) > 0; quiet = 0)
            sent += (uint64_t)n;
        world_step(&world);
    }
    assert_int_equal(quiet, 500);
    assert_true(world_status(&world, client).send_window < 1460);

    assert_int_equal(hf_shutdown(world.client, client, world.now_us), HF_OK);
    for (ssize_t n; (n = world_read(&world, backend, bytes, sizeof bytes)) > 0;)
        taken += (uint64_t)n;
    assert_int_equal(taken, sent);
    close(backend);
    world_close(&world);
}

static void the_proxy_header_comes_at_connect(void **state)
{
    uint8_t header[64];
    struct world world;

    (void)state;
    world_open_v4(&world, "client_address = proxy-v2 }}");
    hf_socket client = world_connect(&world, "203.0.113.10:80");
    int backend = world_accept(&world); /* and not a byte from the client */

    assert_int_equal(world_read(&world, backend, header, sizeof header), 28);
    assert_int_equal(header[13], 0x11);
    assert_memory_equal(header + 16, ((uint8_t[]){203, 0, 113, 20, 203, 0, 113, 10}), 8);
    assert_int_equal(header[24] << 8 | header[25], world_status(&world, client).local.port);
    assert_int_equal(header[26] << 8 | header[27], 80);

    hf_socket six = world_connect(&world, "[2001:db8::10]:80");
    int other = world_accept(&world);
    assert_int_equal(hf_send(world.client, six, "x", 1, world.now_us), 1);
    assert_int_equal(world_read(&world, other, header, 52), 52);
    assert_int_equal(header[13], 0x21);
    assert_int_equal(world_read(&world, other, header, sizeof header), 1);
    close(backend);
    close(other);
    world_close(&world);
}

static void a_unix_socket_serves_as_well(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct world world = {0};
    char target[80];

    (void)state;
    snprintf(world.path, sizeof world.path, P_tmpdir "/guard_test_%d.sock", (int)getpid());
    snprintf(address.sun_path, sizeof address.sun_path, "%s", world.path);
    world.listener = world_listen((const struct sockaddr *)&address, sizeof address, 1);
    snprintf(target, sizeof target, "unix:%s", world.path);
    world_open(&world, target, "}}");
    talk_to_the_end(&world, "203.0.113.10:80", 100000, 100000);

    /* Its queue holds two: the others are tried again until somebody accepts. */
    hf_socket clients[8];
    for (int i = 0; i < 8; i++)
        clients[i] = world_connect(&world, "203.0.113.10:80");
    world_steps(&world, 500);
    assert_int_equal(world.guard.relays.active, 8);
    for (int i = 0; i < 8; i++)
        close(world_accept(&world));
    for (int i = 0; i < 8; i++) {
        char byte;

        assert_int_equal(world_receive(&world, clients[i], &byte, 1), 0);
    }
    assert_int_equal(world_count(&world)->backend_refused, 0);
    world_close(&world);
}

static void idle_connections_are_reset(void **state)
{
    struct world world;
    char byte;

    (void)state;
    world_open_v4(&world, "} idle_timeout = 1s }");
    hf_socket quiet = world_connect(&world, "203.0.113.10:80");
    int quiet_backend = world_accept(&world);
    hf_socket busy = world_connect(&world, "203.0.113.10:80");
    int busy_backend = world_accept(&world);

    for (int i = 0; i < 20; i++) {
        assert_int_equal(hf_send(world.client, busy, "x", 1, world.now_us), 1);
        world_steps(&world, 300000 / STEP_US);
    }
    assert_int_equal(world_status(&world, quiet).error, HF_RESET);
    assert_int_equal(world_read(&world, quiet_backend, &byte, 1), -ECONNRESET);
    assert_int_equal(world_status(&world, busy).error, HF_OK);
    assert_int_equal(world_count(&world)->idle_timed_out, 1);
    close(quiet_backend);
    close(busy_backend);
    world_close(&world);
}

/* From the last byte, also when it came soon after another one. */
static void nobody_is_idle_too_early(void **state)
{
    struct world world;

    (void)state;
    world_open_v4(&world, "} idle_timeout = 1s }");
    hf_socket client = world_connect(&world, "203.0.113.10:80");
    int backend = world_accept(&world);

    for (uint64_t i = 1; i <= 2; i++) {
        assert_int_equal(hf_send(world.client, client, "x", 1, world.now_us), 1);
        while (world_count(&world)->bytes_in < i)
            world_step(&world);
        world_steps(&world, 80000 / STEP_US);
    }
    world_steps(&world, 900000 / STEP_US);
    assert_int_equal(world_status(&world, client).error, HF_OK);
    world_steps(&world, 300000 / STEP_US);
    assert_int_equal(world_status(&world, client).error, HF_RESET);
    assert_int_equal(world_count(&world)->idle_timed_out, 1);
    close(backend);
    world_close(&world);
}

static void beyond_max_connections_clients_wait_their_turn(void **state)
{
    hf_socket clients[5];
    struct world world;
    int first, second;

    (void)state;
    world_open_v4(&world, "} max_connections = 2 }");
    for (int i = 0; i < 5; i++)
        clients[i] = world_connect(&world, "203.0.113.10:80");
    world_steps(&world, 500);
    assert_int_equal(world.guard.services[0].active, 2);
    first = world_accept(&world);
    second = world_accept(&world);
    assert_int_equal(accept(world.listener, NULL, NULL), -1);

    close(first);
    for (int i = 0; i < 5; i++)
        hf_close(world.client, clients[i], world.now_us);
    close(second);
    for (int i = 0; i < 3; i++)
        close(world_accept(&world));
    world_steps(&world, 500);
    assert_int_equal(world_count(&world)->accepted, 5);
    assert_int_equal(world.guard.relays.active, 0);
    world_close(&world);
}

/* ---- many at once, more than there are slots ---- */

enum { TALKS = 100 };

static void begin_talks(struct world *world, struct talk talks[TALKS])
{
    for (uint32_t i = 0; i < TALKS; i++) {
        struct stream stream = {.length = 1 + i * 997, .salt = (uint8_t)i};

        talks[i] = (struct talk){
            .client = world_connect(world, i % 2 ? "203.0.113.10:80" : "[2001:db8::10]:80"),
            .up_sent = stream,
            .down_taken = stream, /* an echo */
        };
    }
    for (int i = 0; i < TALKS; i++) /* a FIN needs a connection [RFC 9293 3.10.4] */
        while (world_status(world, talks[i].client).state != HF_STATE_ESTABLISHED)
            world_step(world);
}

/* Sends back what can be sent back. True: it has all been. */
static bool echo(int backend)
{
    static uint8_t bytes[16384];
    ssize_t got, sent;

    while ((got = recv(backend, bytes, sizeof bytes, MSG_PEEK)) > 0) {
        sent = send(backend, bytes, (size_t)got, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        assert_int_equal(read(backend, bytes, (size_t)sent), sent);
    }
    return got == 0;
}

/* The client's part of one talk. True: it is over. */
static bool talk_on(struct world *world, struct talk *talk)
{
    if (talk->client == HF_NO_SUCH_SOCKET)
        return true;
    client_part(world, talk);
    if (!talk->down_taken.ended)
        return false;
    assert_int_equal(talk->down_taken.done, talk->up_sent.length);
    hf_close(world->client, talk->client, world->now_us);
    talk->client = HF_NO_SUCH_SOCKET;
    return true;
}

static void many_talk_at_once(void **state)
{
    static struct talk talks[TALKS];
    int backends[TALKS], accepted = 0, done = 0;
    struct world world;

    (void)state;
    world_open_v4(&world, "}}");
    begin_talks(&world, talks);
    for (int step = 0; step < STEPS_MAX && done < TALKS; step++) {
        int fd = accept4(world.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0)
            backends[accepted++] = fd;
        done = 0;
        for (int i = 0; i < TALKS; i++)
            done += talk_on(&world, &talks[i]);
        for (int i = 0; i < accepted; i++)
            if (backends[i] >= 0 && echo(backends[i])) {
                close(backends[i]);
                backends[i] = -1;
            }
        world_step(&world);
    }
    assert_int_equal(done, TALKS);
    assert_int_equal(world_count(&world)->accepted, TALKS);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_every_size_arrive_both_ways),
        cmocka_unit_test(the_client_may_close_first_and_still_listen),
        cmocka_unit_test(the_server_may_close_first_and_still_listen),
        cmocka_unit_test(a_clients_reset_reaches_the_backend),
        cmocka_unit_test(a_backends_reset_reaches_the_client),
        cmocka_unit_test(an_answer_before_a_reset_reaches_the_client),
        cmocka_unit_test(a_reset_passes_while_everything_is_full),
        cmocka_unit_test(a_backend_that_refuses_resets_the_client),
        cmocka_unit_test(a_backend_that_never_answers_times_out),
        cmocka_unit_test(a_client_that_leaves_before_the_backend_is_there),
        cmocka_unit_test(a_slow_client_stops_the_backend),
        cmocka_unit_test(a_slow_backend_closes_the_clients_window),
        cmocka_unit_test(the_proxy_header_comes_at_connect),
        cmocka_unit_test(a_unix_socket_serves_as_well),
        cmocka_unit_test(idle_connections_are_reset),
        cmocka_unit_test(nobody_is_idle_too_early),
        cmocka_unit_test(beyond_max_connections_clients_wait_their_turn),
        cmocka_unit_test(many_talk_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
