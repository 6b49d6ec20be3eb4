/* Which listener a SYN meets, and who may listen. [RFC 9293 3.10.1, MUST-41, MUST-42] */
#include "peer.h"

static int listen_at(struct peer *peer, const char *text, hf_socket *listener)
{
    struct hf_endpoint local;

    assert_int_equal(hf_endpoint_parse(&local, text), HF_OK);
    return hf_listen(peer->stack, &local, listener);
}

static void own_address_comes_before_any(void **state)
{
    struct hf_config config = peer_config();
    struct peer peer;
    hf_socket any, exact;
    struct hf_address v4 = address_of("192.0.2.1"), v6 = address_of("2001:db8::1");

    (void)state;
    peer_open(&peer, &config);
    assert_int_equal(listen_at(&peer, ":80", &any), HF_OK);
    assert_int_equal(listen_at(&peer, "192.0.2.1:80", &exact), HF_OK);
    assert_int_equal(listener_find(&peer.stack->listeners, &v4, 80), socket_slot(exact));
    assert_int_equal(listener_find(&peer.stack->listeners, &v6, 80), socket_slot(any));
    assert_int_equal(listener_find(&peer.stack->listeners, &v6, 81), SLOT_NONE);
    assert_int_equal(hf_close(peer.stack, exact, peer.now_us), HF_OK);
    assert_int_equal(listener_find(&peer.stack->listeners, &v4, 80), socket_slot(any));
    peer_close(&peer);
}

static void impossible_listeners_are_refused(void **state)
{
    struct hf_config config = peer_config();
    struct hf_endpoint nothing = {.port = 0};
    struct peer peer;
    hf_socket listener;

    (void)state;
    config.max_listeners = 2;
    peer_open(&peer, &config);
    assert_int_equal(hf_listen(peer.stack, &nothing, &listener), HF_INVALID);
    assert_int_equal(listen_at(&peer, "192.0.2.77:80", &listener), HF_NO_ADDRESS);
    assert_int_equal(listen_at(&peer, ":80", &listener), HF_OK);
    assert_int_equal(listen_at(&peer, ":80", &listener), HF_ADDRESS_IN_USE);
    assert_int_equal(listen_at(&peer, ":81", &listener), HF_OK);
    assert_int_equal(listen_at(&peer, ":82", &listener), HF_NO_ROOM);
    peer_close(&peer);
}

/* A slot used again has another value, and nothing of its former life. */
static void a_closed_listener_is_gone(void **state)
{
    struct hf_config config = peer_config();
    struct peer peer;
    hf_socket first, second, connection;

    (void)state;
    config.max_listeners = 1;
    peer_open(&peer, &config);
    first = peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);
    peer_connect(&peer, &flow, 1);
    assert_int_equal(hf_close(peer.stack, first, peer.now_us), HF_OK);
    assert_int_equal(hf_accept(peer.stack, first, &connection), HF_NO_SOCKET);
    second = peer_listen(&peer, NULL);
    assert_true(first != second);
    assert_int_equal(hf_accept(peer.stack, second, &connection), HF_AGAIN);
    peer_close(&peer);
}

/* What is set on a listener holds for those that it accepts. */
static void options_are_handed_on(void **state)
{
    struct hf_config config = peer_config();
    struct hf_status status;
    struct peer peer;
    hf_socket listener, connection;

    (void)state;
    peer_open(&peer, &config);
    listener = peer_listen(&peer, NULL);
    assert_int_equal(hf_set_option(peer.stack, listener, HF_NODELAY, 1, peer.now_us), HF_OK);
    struct flow flow = peer_flow(&peer);
    peer_connect(&peer, &flow, 1);
    assert_int_equal(hf_accept(peer.stack, listener, &connection), HF_OK);
    assert_int_equal(hf_status(peer.stack, connection, &status), HF_OK);
    assert_true(status.nodelay);
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_address_comes_before_any),
        cmocka_unit_test(impossible_listeners_are_refused),
        cmocka_unit_test(a_closed_listener_is_gone),
        cmocka_unit_test(options_are_handed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
