/* A connection's life around its TCB: tables, queues, users, events. [RFC 9293 3.10.4, 3.10.5] */
#include "peer.h"

struct scene {
    struct peer peer;
    struct flow flow;
    hf_socket listener, connection;
    seq snd; /* what the stack sends next */
};

static void scene_open(struct scene *scene)
{
    struct hf_config config = peer_config();

    peer_open(&scene->peer, &config);
    scene->flow = peer_flow(&scene->peer);
    scene->listener = peer_listen(&scene->peer, NULL);
    scene->snd = peer_connect(&scene->peer, &scene->flow, 100);
    assert_int_equal(hf_accept(scene->peer.stack, scene->listener, &scene->connection), HF_OK);
}

static enum hf_stat from_peer(struct scene *scene, uint8_t flags, uint32_t at, const char *text)
{
    struct segment seg = {.seq = {at},
                          .ack = scene->snd,
                          .flags = flags,
                          .window = 8000,
                          .text = (const uint8_t *)text,
                          .length = (uint32_t)strlen(text)};

    return peer_send_flow(&scene->peer, &scene->flow, &seg);
}

static uint32_t slots_in_use(const struct scene *scene)
{
    return scene->peer.stack->connections.pool.count;
}

static uint32_t flows_known(const struct scene *scene)
{
    return scene->peer.stack->connections.table.count;
}

/* A RST ends the flow at once; the slot stays until its user has been told and closes. */
static void reset_leaves_the_slot_to_its_user(void **state)
{
    struct scene scene;
    struct hf_status status;
    struct hf_ready ready[4];

    (void)state;
    scene_open(&scene);
    assert_int_equal(from_peer(&scene, TCP_RST, 101, ""), HF_STAT_none);
    assert_int_equal(flows_known(&scene), 0);
    assert_int_equal(slots_in_use(&scene), 1);
    assert_int_equal(hf_take_ready(scene.peer.stack, ready, 4),
                     1 + 1); /* the listener's, and ours */
    assert_true(ready[1].what & HF_ENDED);
    assert_int_equal(hf_status(scene.peer.stack, scene.connection, &status), HF_OK);
    assert_int_equal(status.error, HF_RESET);
    assert_int_equal(hf_close(scene.peer.stack, scene.connection, scene.peer.now_us), HF_OK);
    assert_int_equal(slots_in_use(&scene), 0);
    assert_int_equal(hf_status(scene.peer.stack, scene.connection, &status), HF_NO_SOCKET);
    peer_close(&scene.peer);
}

/* Nobody has accepted it yet: it leaves without a trace. */
static void reset_in_the_accept_queue_frees_the_slot(void **state)
{
    struct scene scene;
    hf_socket connection;

    (void)state;
    scene_open(&scene);
    scene.flow.remote_port++;
    scene.snd = peer_connect(&scene.peer, &scene.flow, 100);
    assert_int_equal(slots_in_use(&scene), 2);
    assert_int_equal(from_peer(&scene, TCP_RST, 101, ""), HF_STAT_none);
    assert_int_equal(slots_in_use(&scene), 1);
    assert_int_equal(hf_accept(scene.peer.stack, scene.listener, &connection), HF_AGAIN);
    peer_close(&scene.peer);
}

/* TIME-WAIT begins while text is unread: the record speaks for the flow, the user reads on. */
static void time_wait_leaves_unread_text(void **state)
{
    struct scene scene;
    struct hf_status status;
    char buffer[16];

    (void)state;
    scene_open(&scene);
    assert_int_equal(hf_shutdown(scene.peer.stack, scene.connection, scene.peer.now_us), HF_OK);
    assert_int_equal(peer_receive(&scene.peer), TCP_FIN | TCP_ACK);
    scene.snd = seq_add(scene.snd, 1);
    assert_int_equal(from_peer(&scene, TCP_ACK | TCP_FIN, 101, "last words"), HF_STAT_none);
    assert_int_equal(peer_receive(&scene.peer), TCP_ACK);
    assert_int_equal(scene.peer.packet.segment.ack.value, 112);
    assert_int_equal(flows_known(&scene), 0);
    assert_int_equal(slots_in_use(&scene), 1);
    assert_int_equal(time_wait_count(&scene.peer.stack->time_waits), 1);
    assert_int_equal(hf_status(scene.peer.stack, scene.connection, &status), HF_OK);
    assert_int_equal(status.state, HF_STATE_TIME_WAIT);
    assert_int_equal(status.error, HF_OK);
    assert_int_equal(
        hf_receive(scene.peer.stack, scene.connection, buffer, sizeof buffer, scene.peer.now_us),
        10);
    assert_int_equal(
        hf_receive(scene.peer.stack, scene.connection, buffer, sizeof buffer, scene.peer.now_us),
        0);
    assert_int_equal(hf_close(scene.peer.stack, scene.connection, scene.peer.now_us), HF_OK);
    assert_int_equal(slots_in_use(&scene), 0);
    assert_int_equal(scene.peer.stack->tcp.chunks.pool.count, 0);
    peer_wait(&scene.peer, 60100);
    assert_int_equal(time_wait_count(&scene.peer.stack->time_waits), 0);
    peer_close(&scene.peer);
}

/* hf_close with text unread: the peer hears of the loss. [RFC 9293 MAY-1, SHLD-3] */
static void closing_over_unread_text_resets(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene);
    from_peer(&scene, TCP_ACK, 101, "unread");
    assert_int_equal(hf_close(scene.peer.stack, scene.connection, scene.peer.now_us), HF_OK);
    assert_int_equal(peer_receive(&scene.peer), TCP_RST | TCP_ACK);
    assert_int_equal(slots_in_use(&scene), 0);
    assert_stat(&scene.peer, resets_sent, 1);
    peer_close(&scene.peer);
}

/* The value of a socket that is gone names nobody, though its slot is used again. */
static void slots_have_generations(void **state)
{
    struct scene scene;
    hf_socket old, connection;

    (void)state;
    scene_open(&scene);
    old = scene.connection;
    assert_int_equal(hf_abort(scene.peer.stack, old, scene.peer.now_us), HF_OK);
    scene.flow.remote_port++;
    assert_int_equal(peer_receive(&scene.peer), TCP_RST | TCP_ACK);
    peer_connect(&scene.peer, &scene.flow, 100);
    assert_int_equal(hf_accept(scene.peer.stack, scene.listener, &connection), HF_OK);
    assert_int_equal(socket_slot(old), socket_slot(connection));
    assert_true(old != connection);
    assert_int_equal(hf_close(scene.peer.stack, old, scene.peer.now_us), HF_NO_SOCKET);
    assert_int_equal(hf_close(scene.peer.stack, connection, scene.peer.now_us), HF_OK);
    peer_close(&scene.peer);
}

static void events_tell_of_life_and_death(void **state)
{
    struct scene scene;
    struct hf_event event;

    (void)state;
    scene_open(&scene);
    from_peer(&scene, TCP_RST, 101, "");
    assert_true(hf_event_take(&scene.peer.sink, &event));
    assert_int_equal(event.kind, HF_EVENT_CONNECTION_OPENED);
    assert_int_equal(event.remote.port, PEER_PORT);
    assert_true(hf_event_take(&scene.peer.sink, &event));
    assert_int_equal(event.kind, HF_EVENT_CONNECTION_ENDED);
    assert_int_equal((int)event.value, HF_RESET);
    assert_false(hf_event_take(&scene.peer.sink, &event));
    peer_close(&scene.peer);
}

/* Deadlines that move away stay filed where they are and are looked at again when they fire. */
static void deadlines_are_filed_lazily(void **state)
{
    struct scene scene;
    int64_t before_us;

    (void)state;
    scene_open(&scene);
    hf_send(scene.peer.stack, scene.connection, "x", 1, scene.peer.now_us);
    while (peer_receive(&scene.peer) >= 0)
        ;
    before_us = wheel_next_us(&scene.peer.stack->connections.wheel);
    assert_true(before_us < INT64_MAX);
    scene.snd = seq_add(scene.snd, 1);
    from_peer(&scene, TCP_ACK, 101, "");
    assert_int_equal(wheel_next_us(&scene.peer.stack->connections.wheel), before_us);
    peer_wait(&scene.peer, 5000);
    assert_int_equal(wheel_next_us(&scene.peer.stack->connections.wheel), INT64_MAX);
    assert_int_equal(peer_receive(&scene.peer), -1);
    peer_close(&scene.peer);
}

/* A deadline weeks ahead (keepalive, a timeout of the user's) is never taken for one that has passed: what is due in a second
 * is filed before it. */
static void a_far_deadline_keeps_no_near_one_waiting(void **state)
{
    static const uint32_t idle_ms[] = {7200000, 2000000000, 2300000000, UINT32_MAX};

    (void)state;
    for (unsigned i = 0; i < sizeof idle_ms / sizeof *idle_ms; i++) {
        struct scene scene;

        scene_open(&scene);
        while (peer_receive(&scene.peer) >= 0)
            ;
        peer_wait(&scene.peer, 1000);
        assert_int_equal(hf_set_option(scene.peer.stack, scene.connection, HF_KEEPALIVE_IDLE_MS,
                                       idle_ms[i], scene.peer.now_us),
                         HF_OK);
        hf_send(scene.peer.stack, scene.connection, "x", 1, scene.peer.now_us);
        assert_int_equal(peer_receive(&scene.peer), TCP_PSH | TCP_ACK);
        peer_wait(&scene.peer, 5000);
        assert_int_equal(peer_receive(&scene.peer), TCP_PSH | TCP_ACK); /* again */
        peer_close(&scene.peer);
    }
}

/* A flow that is in use cannot be opened again. [RFC 9293 3.10.1] */
static void open_of_a_flow_in_use_is_refused(void **state)
{
    struct scene scene;
    hf_socket socket;

    (void)state;
    scene_open(&scene);
    hf_close(scene.peer.stack, scene.listener, scene.peer.now_us);
    struct hf_endpoint local = {scene.flow.local, scene.flow.local_port};
    struct hf_endpoint remote = {scene.flow.remote, scene.flow.remote_port};
    assert_int_equal(hf_connect(scene.peer.stack, &local, &remote, &socket, scene.peer.now_us),
                     HF_ADDRESS_IN_USE);
    peer_close(&scene.peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_leaves_the_slot_to_its_user),
        cmocka_unit_test(reset_in_the_accept_queue_frees_the_slot),
        cmocka_unit_test(time_wait_leaves_unread_text),
        cmocka_unit_test(closing_over_unread_text_resets),
        cmocka_unit_test(slots_have_generations),
        cmocka_unit_test(events_tell_of_life_and_death),
        cmocka_unit_test(deadlines_are_filed_lazily),
        cmocka_unit_test(a_far_deadline_keeps_no_near_one_waiting),
        cmocka_unit_test(open_of_a_flow_in_use_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
