/* Bytes between two stacks, by every call there is for them. [RFC 9293 3.10.2, 3.10.3, 3.8.2, 3.6] */
#include "world.h"

#define BULK 300000

static uint8_t sent[BULK], got[BULK + 1];

static bool of(void **state)
{
    return *(const bool *)*state;
}

static void fill_sent(uint32_t seed)
{
    for (uint32_t i = 0; i < BULK; i++) {
        seed = seed * 1664525 + 1013904223;
        sent[i] = (uint8_t)(seed >> 24);
    }
}

static void open_pair(struct world *w, bool v6, hf_socket s[2])
{
    world_make(w, v6);
    world_open(w, world_listen(w, 80), 80, s);
}

/* All of `sent`, through queues much smaller than it. */
static void test_bulk(void **state)
{
    struct world w;
    hf_socket s[2];
    size_t in = 0, out = 0;
    uint32_t partly = 0;

    fill_sent(1);
    open_pair(&w, of(state), s);
    while (out < BULK) {
        ptrdiff_t n =
            in < BULK ? hf_send(client_of(&w), s[CLIENT], sent + in, BULK - in, w.now) : 0;

        partly += n < (ptrdiff_t)(BULK - in);
        if (n != HF_AGAIN)
            in += (size_t)n;
        world_pump(&w);
        n = hf_receive(server_of(&w), s[SERVER], got + out, 5000, w.now);
        if (n == HF_AGAIN)
            world_pass(&w, 10000);
        else
            out += (size_t)n;
        assert_true(n == HF_AGAIN || n > 0);
    }
    assert_int_equal(in, BULK);
    assert_memory_equal(sent, got, BULK);
    assert_true(partly > 5);
    world_pass(&w, SECOND);
    struct hf_status status = world_status(&w, CLIENT, s[CLIENT]);

    assert_int_equal(status.bytes_sent, BULK);
    assert_int_equal(status.send_queued, 0);
    assert_int_equal(status.retransmits, 0);
    assert_int_equal(world_status(&w, SERVER, s[SERVER]).bytes_received, BULK);
    assert_int_equal(w.refused, 0);
    world_unmake(&w);
}

/* A full queue is announced as writable once the peer has taken from it. */
static void test_writable(void **state)
{
    struct world w;
    hf_socket s[2];
    size_t in = 0;
    ptrdiff_t n;

    fill_sent(2);
    open_pair(&w, of(state), s);
    while ((n = hf_send(client_of(&w), s[CLIENT], sent + in, BULK - in, w.now)) > 0) {
        in += (size_t)n;
        world_pump(&w);
    }
    assert_int_equal(n, HF_AGAIN);
    assert_true(in >= 2 * 32768 - 4096 && in <= 2 * 32768);
    world_ready(&w, CLIENT, s[CLIENT]);
    world_pump(&w);
    assert_int_equal(world_ready(&w, CLIENT, s[CLIENT]), 0);
    assert_int_equal(hf_receive(server_of(&w), s[SERVER], got, 20000, w.now), 20000);
    world_pass(&w, SECOND);
    assert_int_equal(world_ready(&w, CLIENT, s[CLIENT]) & HF_WRITABLE, HF_WRITABLE);
    assert_true(hf_send(client_of(&w), s[CLIENT], sent + in, 1000, w.now) == 1000);
    world_unmake(&w);
}

/* Queued before the handshake is finished. [RFC 9293 3.10.2] */
static void test_send_early(void **state)
{
    struct world w;
    struct hf_endpoint remote;
    hf_socket s[2], listener;

    world_make(&w, of(state));
    listener = world_listen(&w, 80);
    remote = world_endpoint(&w, SERVER, 80);
    assert_int_equal(hf_connect(client_of(&w), NULL, &remote, &s[CLIENT], w.now), HF_OK);
    assert_int_equal(hf_send(client_of(&w), s[CLIENT], "early", 5, w.now), 5);
    assert_int_equal(hf_receive(client_of(&w), s[CLIENT], got, 5, w.now), HF_AGAIN);
    world_pump(&w);
    assert_int_equal(hf_accept(server_of(&w), listener, &s[SERVER]), HF_OK);
    assert_int_equal(hf_receive(server_of(&w), s[SERVER], got, 9, w.now), 5);
    assert_memory_equal(got, "early", 5);
    world_unmake(&w);
}

/* One direction ends, the other goes on, and both ends close in order. [RFC 9293 3.6] */
static void test_half_close(void **state)
{
    struct world w;
    hf_socket s[2];
    size_t out = 0;

    fill_sent(3);
    open_pair(&w, of(state), s);
    assert_int_equal(hf_send(client_of(&w), s[CLIENT], "question", 8, w.now), 8);
    assert_int_equal(hf_shutdown(client_of(&w), s[CLIENT], w.now), HF_OK);
    assert_int_equal(hf_shutdown(client_of(&w), s[CLIENT], w.now), HF_CLOSING);
    assert_int_equal(hf_send(client_of(&w), s[CLIENT], "more", 4, w.now), HF_CLOSING);
    world_pump(&w);
    assert_int_equal(world_status(&w, CLIENT, s[CLIENT]).state, HF_STATE_FIN_WAIT_2);
    assert_int_equal(world_status(&w, SERVER, s[SERVER]).state, HF_STATE_CLOSE_WAIT);
    assert_true(world_status(&w, SERVER, s[SERVER]).peer_closed);
    assert_int_equal(hf_receive(server_of(&w), s[SERVER], got, 100, w.now), 8);
    assert_int_equal(hf_receive(server_of(&w), s[SERVER], got, 100, w.now), 0);

    assert_int_equal(hf_send(server_of(&w), s[SERVER], sent, 20000, w.now), 20000);
    assert_int_equal(hf_close(server_of(&w), s[SERVER], w.now), HF_OK);
    world_pass(&w, SECOND);
    assert_int_equal(world_status(&w, CLIENT, s[CLIENT]).state, HF_STATE_TIME_WAIT);
    while (out < 20000) {
        ptrdiff_t n = hf_receive(client_of(&w), s[CLIENT], got + out, 3000, w.now);

        assert_true(n > 0);
        out += (size_t)n;
    }
    assert_memory_equal(sent, got, 20000);
    assert_int_equal(hf_receive(client_of(&w), s[CLIENT], got, 1, w.now), 0);
    assert_int_equal(hf_receive(client_of(&w), s[CLIENT], got, 1, w.now), 0);
    assert_int_equal(world_status(&w, CLIENT, s[CLIENT]).error, HF_OK);
    world_pass(&w, 61 * SECOND);
    assert_int_equal(world_status(&w, CLIENT, s[CLIENT]).state, HF_STATE_CLOSED);
    assert_int_equal(hf_close(client_of(&w), s[CLIENT], w.now), HF_OK);
    world_unmake(&w);
}

/* Without copies on the receiving side: what is peeked stays until it is consumed. */
static void test_peek_and_consume(void **state)
{
    struct world w;
    hf_socket s[2];
    struct hf_span spans[16];
    const void *data;
    size_t out = 0;

    fill_sent(4);
    open_pair(&w, of(state), s);
    assert_int_equal(hf_peek(server_of(&w), s[SERVER], &data), HF_AGAIN);
    assert_null(data);
    assert_int_equal(hf_send(client_of(&w), s[CLIENT], sent, 10000, w.now), 10000);
    world_pass(&w, SECOND);

    ptrdiff_t first = hf_peek(server_of(&w), s[SERVER], &data);

    assert_true(first > 0);
    assert_memory_equal(data, sent, (size_t)first);
    size_t count = 16;
    ptrdiff_t all = hf_peek_spans(server_of(&w), s[SERVER], spans, &count);

    assert_int_equal(all, 10000);
    assert_true(count > 1 && count <= 16);
    for (size_t i = 0; i < count; i++) {
        assert_memory_equal(spans[i].data, sent + out, spans[i].length);
        out += spans[i].length;
    }
    assert_int_equal(out, 10000);
    assert_int_equal(hf_consume(server_of(&w), s[SERVER], 10001, w.now), HF_INVALID);
    assert_int_equal(hf_consume(server_of(&w), s[SERVER], 9999, w.now), HF_OK);
    assert_int_equal(hf_peek(server_of(&w), s[SERVER], &data), 1);
    assert_memory_equal(data, sent + 9999, 1);
    assert_int_equal(hf_consume(server_of(&w), s[SERVER], 1, w.now), HF_OK);
    assert_int_equal(hf_peek(server_of(&w), s[SERVER], &data), HF_AGAIN);

    hf_shutdown(client_of(&w), s[CLIENT], w.now);
    world_pump(&w);
    assert_int_equal(hf_peek(server_of(&w), s[SERVER], &data), 0);
    world_unmake(&w);
}

/* Without copies on the sending side. */
static void test_reserve_and_commit(void **state)
{
    struct world w;
    hf_socket s[2];
    size_t in = 0, out = 0;

    fill_sent(5);
    open_pair(&w, of(state), s);
    while (in < 60000) {
        struct hf_span spans[4];
        size_t count = 4;
        ptrdiff_t room = hf_reserve(client_of(&w), s[CLIENT], spans, &count);
        size_t written = 0;

        if (room == HF_AGAIN) {
            ptrdiff_t n = hf_receive(server_of(&w), s[SERVER], got + out, 7000, w.now);

            assert_true(n > 0);
            out += (size_t)n;
            world_pass(&w, SECOND);
            continue;
        }
        assert_true(room > 0);
        for (size_t i = 0; i < count; i++) {
            memcpy(spans[i].data, sent + in + written, spans[i].length);
            written += spans[i].length;
        }
        assert_int_equal(written, room);
        written -= written / 3; /* less than there is room for */
        assert_int_equal(hf_commit(client_of(&w), s[CLIENT], written, w.now), HF_OK);
        in += written;
        world_pump(&w);
    }
    for (ptrdiff_t n; out < in; out += (size_t)n) {
        world_pass(&w, SECOND);
        n = hf_receive(server_of(&w), s[SERVER], got + out, 7000, w.now);
        assert_true(n > 0);
    }
    assert_memory_equal(sent, got, in);
    world_unmake(&w);
}

/* [RFC 9293 3.8.5, MUST-31, MUST-32] */
static void test_urgent(void **state)
{
    struct world w;
    hf_socket s[2];

    open_pair(&w, of(state), s);
    assert_int_equal(hf_send(client_of(&w), s[CLIENT], "plain", 5, w.now), 5);
    assert_int_equal(hf_send_urgent(client_of(&w), s[CLIENT], "now!", 4, w.now), 4);
    world_pump(&w);
    assert_int_equal(world_ready(&w, SERVER, s[SERVER]) & HF_URGENT, HF_URGENT);
    assert_int_equal(world_status(&w, SERVER, s[SERVER]).urgent_bytes, 9);
    assert_int_equal(hf_receive(server_of(&w), s[SERVER], got, 5, w.now), 5);
    assert_int_equal(world_status(&w, SERVER, s[SERVER]).urgent_bytes, 4);
    assert_int_equal(hf_receive(server_of(&w), s[SERVER], got, 9, w.now), 4);
    assert_memory_equal(got, "now!", 4);
    assert_int_equal(world_status(&w, SERVER, s[SERVER]).urgent_bytes, 0);
    assert_true(hf_stats(server_of(&w))->urgent_received >= 1);
    world_unmake(&w);
}

/* Both close at once. [RFC 9293 3.6.1] */
static void test_simultaneous_close(void **state)
{
    struct world w;
    hf_socket s[2];

    open_pair(&w, of(state), s);
    assert_int_equal(hf_shutdown(client_of(&w), s[CLIENT], w.now), HF_OK);
    assert_int_equal(hf_shutdown(server_of(&w), s[SERVER], w.now), HF_OK);
    world_pump(&w);
    for (int end = 0; end < 2; end++) {
        assert_true(world_ready(&w, end, s[end]) & HF_PEER_CLOSED);
        assert_int_equal(hf_receive(w.ends[end].stack, s[end], got, 1, w.now), 0);
    }
    assert_int_equal(hf_close(client_of(&w), s[CLIENT], w.now), HF_OK);
    assert_int_equal(hf_close(server_of(&w), s[SERVER], w.now), HF_OK);
    world_pass(&w, 61 * SECOND);
    for (int end = 0; end < 2; end++)
        assert_int_equal(hf_stats(w.ends[end].stack)->connections_closed, 1);
    world_unmake(&w);
}

/* Lost frames are sent again, and what arrives is what was sent. */
static uint32_t lottery;

static void lose_some(struct world *w, int to, struct hf_frame *frame)
{
    lottery = lottery * 1664525 + 1013904223;
    if (lottery >> 28 != 0)
        world_deliver(w, to, frame);
}

static void test_loss(void **state)
{
    struct world w;
    hf_socket s[2];
    size_t in = 0, out = 0;

    lottery = 0x10551055;
    print_message("seed %#x\n", lottery);
    fill_sent(6);
    open_pair(&w, of(state), s);
    w.meddle = lose_some;
    for (int i = 0; i < 200000 && out < BULK; i++) {
        ptrdiff_t n =
            in < BULK ? hf_send(client_of(&w), s[CLIENT], sent + in, BULK - in, w.now) : 0;

        if (n > 0)
            in += (size_t)n;
        world_pass(&w, 5000);
        n = hf_receive(server_of(&w), s[SERVER], got + out, BULK - out, w.now);
        if (n > 0)
            out += (size_t)n;
    }
    assert_int_equal(out, BULK);
    assert_memory_equal(sent, got, BULK);
    assert_true(world_status(&w, CLIENT, s[CLIENT]).retransmits > 0);
    world_unmake(&w);
}

/* Nothing is lost to a connection whose peer is gone for a while. */
static void test_outage(void **state)
{
    struct world w;
    hf_socket s[2];

    open_pair(&w, of(state), s);
    w.cut = true;
    assert_int_equal(hf_send(client_of(&w), s[CLIENT], "hello", 5, w.now), 5);
    world_pass(&w, 20 * SECOND);
    w.cut = false;
    world_pass(&w, 20 * SECOND);
    assert_int_equal(hf_receive(server_of(&w), s[SERVER], got, 9, w.now), 5);
    w.cut = true;
    assert_int_equal(hf_send(client_of(&w), s[CLIENT], "hello", 5, w.now), 5);
    world_pass(&w, 400 * SECOND);
    assert_int_equal(hf_receive(client_of(&w), s[CLIENT], got, 9, w.now), HF_TIMED_OUT);
    assert_int_equal(world_status(&w, CLIENT, s[CLIENT]).error, HF_TIMED_OUT);
    world_unmake(&w);
}

static bool v4 = false, v6 = true;
#define both(test) cmocka_unit_test_prestate(test, &v4), cmocka_unit_test_prestate(test, &v6)

int main(void)
{
    const struct CMUnitTest tests[] = {
        both(test_bulk),       both(test_writable),           both(test_send_early),
        both(test_half_close), both(test_peek_and_consume),   both(test_reserve_and_commit),
        both(test_urgent),     both(test_simultaneous_close), both(test_loss),
        both(test_outage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
