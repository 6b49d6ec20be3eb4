/* Opening, accepting, closing, and what a handle answers afterwards. [RFC 9293 3.9.1, 3.10] */
#include "world.h"

static bool of(void **state)
{
    return *(const bool *)*state;
}

static void test_open_and_close(void **state)
{
    struct world w;
    hf_socket s[2], listener;

    world_make(&w, of(state));
    listener = world_listen(&w, 80);
    world_open(&w, listener, 80, s);
    struct hf_status a = world_status(&w, CLIENT, s[CLIENT]);
    struct hf_status b = world_status(&w, SERVER, s[SERVER]);

    assert_int_equal(a.state, HF_STATE_ESTABLISHED);
    assert_int_equal(b.state, HF_STATE_ESTABLISHED);
    assert_memory_equal(&a.local, &b.remote, sizeof a.local);
    assert_memory_equal(&a.remote, &b.local, sizeof a.local);
    assert_int_equal(a.iss, b.irs);
    assert_int_equal(b.iss, a.irs);
    assert_int_equal(world_ready(&w, CLIENT, s[CLIENT]) & HF_CONNECTED, HF_CONNECTED);

    assert_int_equal(hf_close(client_of(&w), s[CLIENT], w.now), HF_OK);
    world_pump(&w);
    unsigned ready = world_ready(&w, SERVER, s[SERVER]);
    char byte;

    assert_int_equal(ready & (HF_READABLE | HF_PEER_CLOSED), HF_READABLE | HF_PEER_CLOSED);
    assert_int_equal(hf_receive(server_of(&w), s[SERVER], &byte, 1, w.now), 0);
    assert_int_equal(world_status(&w, SERVER, s[SERVER]).state, HF_STATE_CLOSE_WAIT);
    assert_int_equal(hf_close(server_of(&w), s[SERVER], w.now), HF_OK);
    world_pump(&w);
    world_pass(&w, 61 * SECOND);

    struct hf_gauges gauges;

    for (int end = 0; end < 2; end++) {
        hf_gauges(w.ends[end].stack, &gauges);
        assert_int_equal(gauges.connections_used, 0);
        assert_int_equal(gauges.time_waits, 0);
        assert_int_equal(hf_stats(w.ends[end].stack)->connections_closed, 1);
    }
    assert_int_equal(w.refused, 0);
    world_unmake(&w);
}

static void test_refused(void **state)
{
    struct world w;
    char byte = 0;

    world_make(&w, of(state));
    hf_socket socket = world_connect(&w, 81);

    assert_int_equal(world_ready(&w, CLIENT, socket) & (HF_ENDED | HF_CONNECTED), HF_ENDED);
    struct hf_status status = world_status(&w, CLIENT, socket);

    assert_int_equal(status.error, HF_REFUSED);
    assert_int_equal(status.state, HF_STATE_CLOSED);
    assert_int_equal(hf_send(client_of(&w), socket, &byte, 1, w.now), HF_REFUSED);
    assert_int_equal(hf_receive(client_of(&w), socket, &byte, 1, w.now), HF_REFUSED);
    assert_int_equal(hf_close(client_of(&w), socket, w.now), HF_OK);
    assert_int_equal(hf_close(client_of(&w), socket, w.now), HF_NO_SOCKET);
    world_unmake(&w);
}

static void test_abort(void **state)
{
    struct world w;
    hf_socket s[2];
    char bytes[8] = "text";

    world_make(&w, of(state));
    world_open(&w, world_listen(&w, 80), 80, s);
    assert_int_equal(hf_send(client_of(&w), s[CLIENT], bytes, 4, w.now), 4);
    world_pump(&w);
    assert_int_equal(hf_abort(client_of(&w), s[CLIENT], w.now), HF_OK);
    assert_int_equal(hf_send(client_of(&w), s[CLIENT], bytes, 4, w.now), HF_NO_SOCKET);
    world_pump(&w);

    /* What was queued is flushed [RFC 9293 3.10.7.4], and the answer stays. */
    assert_int_equal(world_ready(&w, SERVER, s[SERVER]) & HF_ENDED, HF_ENDED);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hf_receive(server_of(&w), s[SERVER], bytes, 8, w.now), HF_RESET);
        assert_int_equal(hf_send(server_of(&w), s[SERVER], bytes, 4, w.now), HF_RESET);
        assert_int_equal(world_status(&w, SERVER, s[SERVER]).error, HF_RESET);
    }
    assert_int_equal(hf_shutdown(server_of(&w), s[SERVER], w.now), HF_RESET);
    assert_int_equal(hf_close(server_of(&w), s[SERVER], w.now), HF_OK);
    assert_int_equal(hf_receive(server_of(&w), s[SERVER], bytes, 8, w.now), HF_NO_SOCKET);
    assert_int_equal(hf_stats(server_of(&w))->connections_reset, 1);
    assert_int_equal(hf_stats(client_of(&w))->connections_aborted, 1);
    world_unmake(&w);
}

/* Closing over unread bytes tells the peer. [RFC 9293 SHLD-3] */
static void test_close_unread(void **state)
{
    struct world w;
    hf_socket s[2];
    char bytes[8];

    world_make(&w, of(state));
    world_open(&w, world_listen(&w, 80), 80, s);
    assert_int_equal(hf_send(client_of(&w), s[CLIENT], "text", 4, w.now), 4);
    world_pump(&w);
    assert_int_equal(hf_close(server_of(&w), s[SERVER], w.now), HF_OK);
    world_pump(&w);
    assert_int_equal(hf_receive(client_of(&w), s[CLIENT], bytes, 8, w.now), HF_RESET);
    world_unmake(&w);
}

/* The oldest first; a full queue drops the SYN, whose next try succeeds once there is room. */
static void test_accept_queue(void **state)
{
    struct world w;
    struct hf_listen_options options = {.local.port = 80, .backlog = 2, .user = 42};
    hf_socket listener, clients[3], accepted;
    struct hf_ready ready;

    world_make(&w, of(state));
    assert_int_equal(hf_listen_with(server_of(&w), &options, &listener), HF_OK);
    assert_int_equal(hf_accept(server_of(&w), listener, &accepted), HF_AGAIN);
    for (int i = 0; i < 3; i++)
        clients[i] = world_connect(&w, 80);
    assert_int_equal(hf_take_ready(server_of(&w), &ready, 1), 1);
    assert_int_equal(ready.socket, listener);
    assert_int_equal(ready.user, 42);
    assert_int_equal(ready.what, HF_ACCEPTABLE);
    assert_int_equal(world_status(&w, SERVER, listener).accept_queued, 2);
    assert_int_equal(world_status(&w, SERVER, listener).state, HF_STATE_LISTEN);
    assert_int_equal(world_status(&w, CLIENT, clients[2]).state, HF_STATE_SYN_SENT);
    assert_true(hf_stats(server_of(&w))->syn_accept_queue_full >= 1);

    for (int i = 0; i < 2; i++) {
        assert_int_equal(hf_accept(server_of(&w), listener, &accepted), HF_OK);
        assert_int_equal(world_status(&w, SERVER, accepted).remote.port,
                         world_status(&w, CLIENT, clients[i]).local.port);
    }
    assert_int_equal(hf_accept(server_of(&w), listener, &accepted), HF_AGAIN);
    world_pass(&w, 2 * SECOND);
    assert_int_equal(hf_accept(server_of(&w), listener, &accepted), HF_OK);
    world_unmake(&w);
}

/* What arrives before hf_accept is announced afterwards. */
static void test_ready_before_accept(void **state)
{
    struct world w;
    hf_socket s[2], listener;
    char bytes[8];

    world_make(&w, of(state));
    listener = world_listen(&w, 80);
    s[CLIENT] = world_connect(&w, 80);
    assert_int_equal(hf_send(client_of(&w), s[CLIENT], "early", 5, w.now), 5);
    assert_int_equal(hf_shutdown(client_of(&w), s[CLIENT], w.now), HF_OK);
    world_pump(&w);
    assert_int_equal(world_ready(&w, SERVER, listener), HF_ACCEPTABLE);
    assert_int_equal(hf_accept(server_of(&w), listener, &s[SERVER]), HF_OK);
    unsigned ready = world_ready(&w, SERVER, s[SERVER]);

    assert_int_equal(ready & (HF_READABLE | HF_PEER_CLOSED), HF_READABLE | HF_PEER_CLOSED);
    assert_int_equal(hf_receive(server_of(&w), s[SERVER], bytes, 8, w.now), 5);
    assert_memory_equal(bytes, "early", 5);
    assert_int_equal(hf_receive(server_of(&w), s[SERVER], bytes, 8, w.now), 0);
    world_unmake(&w);
}

/* Closing a listener resets who waits in it. [RFC 9293 3.10.4] */
static void test_close_listener(void **state)
{
    struct world w;
    struct hf_endpoint local = {.port = 80};
    hf_socket listener, client, again;

    world_make(&w, of(state));
    listener = world_listen(&w, 80);
    client = world_connect(&w, 80);
    assert_int_equal(world_status(&w, CLIENT, client).state, HF_STATE_ESTABLISHED);
    assert_int_equal(hf_listen(server_of(&w), &local, &again), HF_ADDRESS_IN_USE);
    assert_int_equal(hf_close(server_of(&w), listener, w.now), HF_OK);
    world_pump(&w);
    assert_int_equal(world_status(&w, CLIENT, client).error, HF_RESET);
    assert_int_equal(hf_accept(server_of(&w), listener, &again), HF_NO_SOCKET);
    assert_int_equal(hf_close(server_of(&w), listener, w.now), HF_NO_SOCKET);
    assert_int_equal(hf_listen(server_of(&w), &local, &again), HF_OK);
    assert_int_not_equal(again, listener);
    assert_int_equal(hf_close(server_of(&w), listener, w.now), HF_NO_SOCKET);
    assert_int_equal(world_status(&w, SERVER, again).state, HF_STATE_LISTEN);
    world_unmake(&w);
}

static void test_listen_errors(void **state)
{
    struct world w;
    struct hf_endpoint local = {.port = 0};
    hf_socket listener;

    world_make(&w, of(state));
    assert_int_equal(hf_listen(server_of(&w), &local, &listener), HF_INVALID);
    local = world_endpoint(&w, CLIENT, 80);
    assert_int_equal(hf_listen(server_of(&w), &local, &listener), HF_NO_ADDRESS);
    local = world_endpoint(&w, SERVER, 80);
    assert_int_equal(hf_listen(server_of(&w), &local, &listener), HF_OK);
    assert_int_equal(hf_listen(server_of(&w), &local, &listener), HF_ADDRESS_IN_USE);
    for (uint16_t port = 81; port < 88; port++)
        world_listen(&w, port);
    local.port = 99;
    assert_int_equal(hf_listen(server_of(&w), &local, &listener), HF_NO_ROOM);
    world_unmake(&w);
}

static void test_connect_errors(void **state)
{
    struct world w;
    struct hf_endpoint remote, local = {.port = 0};
    hf_socket socket;
    int64_t now;

    world_make(&w, of(state));
    now = w.now;
    remote = world_endpoint(&w, SERVER, 0);
    assert_int_equal(hf_connect(client_of(&w), NULL, &remote, &socket, now), HF_INVALID);
    remote = (struct hf_endpoint){.port = 80};
    assert_int_equal(hf_connect(client_of(&w), NULL, &remote, &socket, now), HF_INVALID);
    remote = world_endpoint(&w, CLIENT, 80);
    assert_int_equal(hf_connect(client_of(&w), NULL, &remote, &socket, now), HF_INVALID);
    hf_endpoint_parse(&remote, w.v6 ? "[ff02::1]:80" : "192.0.2.255:80");
    assert_int_equal(hf_connect(client_of(&w), NULL, &remote, &socket, now), HF_INVALID);
    hf_endpoint_parse(&remote, w.v6 ? "[2001:db9::1]:80" : "198.51.100.1:80");
    assert_int_equal(hf_connect(client_of(&w), NULL, &remote, &socket, now), HF_NO_ROUTE);
    remote = world_endpoint(&w, SERVER, 80);
    local = world_endpoint(&w, SERVER, 0);
    assert_int_equal(hf_connect(client_of(&w), &local, &remote, &socket, now), HF_NO_ADDRESS);

    world_listen(&w, 80);
    local = (struct hf_endpoint){.port = 5000};
    assert_int_equal(hf_connect(client_of(&w), &local, &remote, &socket, now), HF_OK);
    assert_int_equal(world_status(&w, CLIENT, socket).local.port, 5000);
    assert_int_equal(hf_connect(client_of(&w), &local, &remote, &socket, now), HF_ADDRESS_IN_USE);
    world_unmake(&w);
}

/* A handle outlives its slot's new owner without ever meaning it. */
static void test_generations(void **state)
{
    struct hf_config client = world_config(CLIENT), server = world_config(SERVER);
    struct world w;
    hf_socket s[2], old, listener;
    struct hf_status status;
    struct hf_span span;
    size_t count = 1;
    char byte = 0;

    client.max_connections = 1;
    server.max_connections = 1;
    client.pool_bytes = server.pool_bytes = 1 << 20;
    world_make_with(&w, of(state), &client, &server);
    listener = world_listen(&w, 80);
    world_open(&w, listener, 80, s);
    old = s[CLIENT];
    assert_int_equal(hf_abort(client_of(&w), s[CLIENT], w.now), HF_OK);
    world_pump(&w);
    assert_int_equal(hf_close(server_of(&w), s[SERVER], w.now), HF_OK);
    world_open(&w, listener, 80, s);
    assert_int_not_equal(old, s[CLIENT]);
    assert_int_equal((uint32_t)old, (uint32_t)s[CLIENT]); /* the same slot */

    struct hf_stack *stack = client_of(&w);
    const void *data;

    assert_int_equal(hf_send(stack, old, &byte, 1, w.now), HF_NO_SOCKET);
    assert_int_equal(hf_send_urgent(stack, old, &byte, 1, w.now), HF_NO_SOCKET);
    assert_int_equal(hf_receive(stack, old, &byte, 1, w.now), HF_NO_SOCKET);
    assert_int_equal(hf_peek(stack, old, &data), HF_NO_SOCKET);
    assert_int_equal(hf_peek_spans(stack, old, &span, &count), HF_NO_SOCKET);
    assert_int_equal(hf_consume(stack, old, 0, w.now), HF_NO_SOCKET);
    assert_int_equal(hf_reserve(stack, old, &span, &count), HF_NO_SOCKET);
    assert_int_equal(hf_commit(stack, old, 0, w.now), HF_NO_SOCKET);
    assert_int_equal(hf_shutdown(stack, old, w.now), HF_NO_SOCKET);
    assert_int_equal(hf_set_user(stack, old, 1), HF_NO_SOCKET);
    assert_int_equal(hf_set_option(stack, old, HF_NODELAY, 1, w.now), HF_NO_SOCKET);
    assert_int_equal(hf_status(stack, old, &status), HF_NO_SOCKET);
    assert_int_equal(hf_accept(stack, old, &s[SERVER]), HF_NO_SOCKET);
    assert_int_equal(hf_abort(stack, old, w.now), HF_NO_SOCKET);
    assert_int_equal(hf_close(stack, HF_NO_SUCH_SOCKET, w.now), HF_NO_SOCKET);
    assert_int_equal(hf_close(stack, UINT64_MAX, w.now), HF_NO_SOCKET);
    assert_int_equal(world_status(&w, CLIENT, s[CLIENT]).state, HF_STATE_ESTABLISHED);
    world_unmake(&w);
}

/* What only a connection can do, a listener answers so, and the other way round. */
static void test_wrong_kind(void **state)
{
    struct world w;
    hf_socket s[2], listener, none;
    char byte = 0;

    world_make(&w, of(state));
    listener = world_listen(&w, 80);
    world_open(&w, listener, 80, s);
    assert_int_equal(hf_send(server_of(&w), listener, &byte, 1, w.now), HF_NOT_CONNECTED);
    assert_int_equal(hf_receive(server_of(&w), listener, &byte, 1, w.now), HF_NOT_CONNECTED);
    assert_int_equal(hf_shutdown(server_of(&w), listener, w.now), HF_NOT_CONNECTED);
    assert_int_equal(hf_accept(server_of(&w), s[SERVER], &none), HF_INVALID);
    world_unmake(&w);
}

/* Local ports: in the range, all different, no pattern an outsider can extend. [RFC 6056 3.3.3] */
static void test_ports(void **state)
{
    struct hf_config client = world_config(CLIENT), server = world_config(SERVER);
    static bool used[65536];
    struct world w;
    uint32_t steps_of_one = 0;
    uint16_t last = 0;

    memset(used, 0, sizeof used);
    client.max_connections = 300;
    world_make_with(&w, of(state), &client, &server);
    w.cut = true;
    for (int i = 0; i < 300; i++) {
        struct hf_endpoint remote = world_endpoint(&w, SERVER, (uint16_t)(1 + i % 7));
        hf_socket socket;

        assert_int_equal(hf_connect(client_of(&w), NULL, &remote, &socket, w.now), HF_OK);
        uint16_t port = world_status(&w, CLIENT, socket).local.port;

        assert_true(port >= 1024);
        steps_of_one += port == last + 1;
        last = port;
        if (i % 7 == 0) {
            assert_false(used[port]); /* of one remote endpoint */
            used[port] = true;
        }
    }
    assert_true(steps_of_one < 30);
    struct hf_endpoint remote = world_endpoint(&w, SERVER, 80);
    hf_socket socket;

    assert_int_equal(hf_connect(client_of(&w), NULL, &remote, &socket, w.now), HF_NO_ROOM);
    world_unmake(&w);
}

/* Nobody there: the SYN is given up after syn_timeout_ms; no packet was sent but questions. */
static void test_nobody_there(void **state)
{
    struct hf_config client = world_config(CLIENT), server = world_config(SERVER);
    struct world w;
    hf_socket socket;

    client.syn_timeout_ms = 20000;
    world_make_with(&w, of(state), &client, &server);
    w.cut = true;
    socket = world_connect(&w, 80);
    world_pass(&w, 30 * SECOND);
    assert_int_equal(world_status(&w, CLIENT, socket).error, HF_TIMED_OUT);
    assert_true(hf_stats(client_of(&w))->neighbor_no_answer >= 1);
    assert_int_equal(hf_stats(client_of(&w))->connections_timed_out, 1);
    world_unmake(&w);
}

/* From a port that listens a connection may go out only if the configuration says so. */
static void test_connect_from_listening_port(void **state)
{
    struct world w;
    struct hf_endpoint local = {.port = 80}, remote;
    hf_socket socket;

    world_make(&w, of(state));
    world_listen(&w, 80);
    remote = world_endpoint(&w, CLIENT, 81);
    assert_int_equal(hf_connect(server_of(&w), &local, &remote, &socket, w.now), HF_ADDRESS_IN_USE);
    world_unmake(&w);
}

static bool v4 = false, v6 = true;
#define both(test) cmocka_unit_test_prestate(test, &v4), cmocka_unit_test_prestate(test, &v6)

int main(void)
{
    const struct CMUnitTest tests[] = {
        both(test_open_and_close), both(test_refused),
        both(test_abort),          both(test_close_unread),
        both(test_accept_queue),   both(test_ready_before_accept),
        both(test_close_listener), both(test_listen_errors),
        both(test_connect_errors), both(test_generations),
        both(test_wrong_kind),     both(test_ports),
        both(test_nobody_there),   both(test_connect_from_listening_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
