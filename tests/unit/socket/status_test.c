/* STATUS, options, walking all sockets, and readiness as a list. [RFC 9293 3.10.6, 3.9.1] */
#include "world.h"

static bool of(void **state)
{
    return *(const bool *)*state;
}

static void test_user_and_ready_list(void **state)
{
    struct world w;
    hf_socket listener, clients[5], servers[5];
    struct hf_ready ready[8];
    unsigned seen = 0;

    world_make(&w, of(state));
    listener = world_listen(&w, 80);
    assert_int_equal(hf_set_user(server_of(&w), listener, 99), HF_OK);
    for (uint32_t i = 0; i < 5; i++) {
        clients[i] = world_connect(&w, 80);
        assert_int_equal(hf_accept(server_of(&w), listener, &servers[i]), HF_OK);
        assert_int_equal(hf_set_user(server_of(&w), servers[i], 100 + i), HF_OK);
        assert_int_equal(world_status(&w, SERVER, servers[i]).user, 100 + i);
    }
    assert_int_equal(world_status(&w, SERVER, listener).user, 99);
    while (hf_take_ready(server_of(&w), ready, 8))
        ;

    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(hf_send(client_of(&w), clients[i], "x", 1, w.now), 1);
        world_pump(&w);
        assert_int_equal(hf_send(client_of(&w), clients[i], "y", 1, w.now), 1);
        world_pump(&w);
    }
    /* Each once, however often it was told; in pieces as small as the caller likes. */
    assert_int_equal(hf_take_ready(server_of(&w), ready, 2), 2);
    assert_int_equal(hf_take_ready(server_of(&w), ready + 2, 6), 3);
    assert_int_equal(hf_take_ready(server_of(&w), ready, 0), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ready[i].what & HF_READABLE, HF_READABLE);
        assert_true(ready[i].user >= 100 && ready[i].user < 105);
        assert_int_equal(ready[i].socket, servers[ready[i].user - 100]);
        seen |= 1u << (ready[i].user - 100);
    }
    assert_int_equal(seen, 31);
    assert_int_equal(hf_take_ready(server_of(&w), ready, 8), 0);

    /* A socket that was given up is not announced. */
    assert_int_equal(hf_send(client_of(&w), clients[0], "z", 1, w.now), 1);
    world_pump(&w);
    assert_int_equal(hf_abort(server_of(&w), servers[0], w.now), HF_OK);
    assert_int_equal(hf_take_ready(server_of(&w), ready, 8), 0);
    world_unmake(&w);
}

static void test_options(void **state)
{
    struct world w;
    hf_socket listener, s[2];

    world_make(&w, of(state));
    listener = world_listen(&w, 80);
    assert_int_equal(hf_set_option(server_of(&w), listener, HF_NODELAY, 1, w.now), HF_OK);
    assert_int_equal(hf_set_option(server_of(&w), listener, HF_SEND_BYTES, 5000, w.now), HF_OK);
    assert_int_equal(hf_set_option(server_of(&w), listener, (enum hf_option)99, 1, w.now),
                     HF_INVALID);
    assert_int_equal(hf_set_option(server_of(&w), listener, (enum hf_option)0, 1, w.now),
                     HF_INVALID);
    world_open(&w, listener, 80, s);
    assert_true(world_status(&w, SERVER, s[SERVER]).nodelay);
    assert_false(world_status(&w, CLIENT, s[CLIENT]).nodelay);

    static uint8_t bytes[20000];

    assert_int_equal(hf_send(server_of(&w), s[SERVER], bytes, sizeof bytes, w.now), 5000);
    assert_int_equal(hf_set_option(client_of(&w), s[CLIENT], HF_NODELAY, 1, w.now), HF_OK);
    assert_true(world_status(&w, CLIENT, s[CLIENT]).nodelay);
    assert_int_equal(hf_set_option(client_of(&w), s[CLIENT], (enum hf_option)99, 1, w.now),
                     HF_INVALID);

    /* A cork keeps short segments back. */
    assert_int_equal(hf_set_option(client_of(&w), s[CLIENT], HF_CORK, 1, w.now), HF_OK);
    assert_int_equal(hf_send(client_of(&w), s[CLIENT], bytes, 100, w.now), 100);
    world_pump(&w);
    assert_int_equal(world_status(&w, SERVER, s[SERVER]).receive_queued, 0);
    assert_int_equal(hf_set_option(client_of(&w), s[CLIENT], HF_CORK, 0, w.now), HF_OK);
    world_pump(&w);
    assert_int_equal(world_status(&w, SERVER, s[SERVER]).receive_queued, 100);
    world_unmake(&w);
}

/* Every listener and connection once; those without a user too, by a value that only hf_status takes. */
static void test_walk(void **state)
{
    struct world w;
    hf_socket listener, clients[4], socket, orphan = 0;
    uint64_t cursor = 0;
    uint32_t states[HF_STATES] = {0}, count = 0;
    struct hf_status status;

    world_make(&w, of(state));
    listener = world_listen(&w, 80);
    for (int i = 0; i < 4; i++)
        clients[i] = world_connect(&w, 80); /* they wait in the accept queue */
    assert_int_equal(hf_accept(server_of(&w), listener, &socket), HF_OK);

    for (hf_socket found; hf_next_socket(server_of(&w), &cursor, &found) == HF_OK; count++) {
        assert_int_equal(hf_status(server_of(&w), found, &status), HF_OK);
        states[status.state]++;
        if (found != socket && found != listener)
            orphan = found;
    }
    assert_int_equal(count, 5);
    assert_int_equal(states[HF_STATE_LISTEN], 1);
    assert_int_equal(states[HF_STATE_ESTABLISHED], 4);
    assert_int_equal(hf_close(server_of(&w), orphan, w.now), HF_NO_SOCKET);
    assert_int_equal(hf_send(server_of(&w), orphan, "x", 1, w.now), HF_NO_SOCKET);

    hf_abort(client_of(&w), clients[0], w.now);
    cursor = count = 0;
    for (hf_socket found; hf_next_socket(client_of(&w), &cursor, &found) == HF_OK;)
        count++;
    assert_int_equal(count, 3);
    world_unmake(&w);
}

static void test_status_fields(void **state)
{
    struct world w;
    hf_socket s[2];
    struct hf_status status;

    world_make(&w, of(state));
    world_open(&w, world_listen(&w, 80), 80, s);
    assert_int_equal(hf_send(client_of(&w), s[CLIENT], "hello", 5, w.now), 5);
    status = world_status(&w, CLIENT, s[CLIENT]);
    assert_int_equal(status.send_queued, 5);
    assert_int_equal(status.unsent, 5);
    w.cut = true;
    world_pump(&w);
    status = world_status(&w, CLIENT, s[CLIENT]);
    assert_int_equal(status.unsent, 0);
    assert_int_equal(status.snd_nxt - status.snd_una, 5);
    assert_int_equal(status.mss, 1500 - (w.v6 ? 60 : 40));
    assert_true(status.timestamps && status.sack && status.window_scaling);
    assert_int_equal(status.error, HF_OK);
    w.cut = false;
    world_pass(&w, 5 * SECOND);
    status = world_status(&w, CLIENT, s[CLIENT]);
    assert_int_equal(status.send_queued, 0);
    assert_int_equal(status.bytes_sent, 5);
    assert_true(status.retransmits >= 1);
    status = world_status(&w, SERVER, s[SERVER]);
    assert_int_equal(status.receive_queued, 5);
    assert_int_equal(status.bytes_received, 5);
    world_unmake(&w);
}

static bool v4 = false, v6 = true;
#define both(test) cmocka_unit_test_prestate(test, &v4), cmocka_unit_test_prestate(test, &v6)

int main(void)
{
    const struct CMUnitTest tests[] = {
        both(test_user_and_ready_list),
        both(test_options),
        both(test_walk),
        both(test_status_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
