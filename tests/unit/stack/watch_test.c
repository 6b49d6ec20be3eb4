/* The watch of the living: who stands still goes when a limit nears, and nobody else. [RFC 6429 3, 4] [RFC 9293 MUST-37] */
#include "peer.h"

#define POOL_CHUNKS 64u
#define MOST 64u

struct guest {
    struct flow flow;
    hf_socket socket;
    seq next; /* the peer's next sequence number */
};

struct house {
    struct peer peer;
    hf_socket listener;
    struct guest guests[MOST];
};

static struct hf_config house_config(void)
{
    struct hf_config config = peer_config();

    config.max_connections = MOST;
    config.promise_bytes = 0;
    config.pool_bytes = POOL_CHUNKS * 2048;
    config.send_bytes = 65536;
    return config;
}

static void house_open(struct house *house, const struct hf_config *config)
{
    peer_open(&house->peer, config);
    house->listener = peer_listen(&house->peer, NULL);
}

static void hush(struct house *house)
{
    while (peer_take(&house->peer))
        ;
}

static void say(struct house *house, struct guest *guest, uint32_t ack, uint16_t window,
                uint8_t flags)
{
    struct segment seg = {.seq = guest->next, .ack = {ack}, .flags = flags, .window = window};

    peer_send_flow(&house->peer, &guest->flow, &seg);
}

static struct hf_status status_of(struct house *house, const struct guest *guest)
{
    struct hf_status status;

    assert_int_equal(hf_status(house->peer.stack, guest->socket, &status), HF_OK);
    return status;
}

/* A guest from `address`, accepted, whose window is `window`. */
static struct guest *enter(struct house *house, unsigned number, uint32_t address, uint16_t window)
{
    struct guest *guest = &house->guests[number];
    struct peer *peer = &house->peer;
    seq next;

    guest->flow = peer_flow(peer);
    guest->flow.remote = address_v4(address);
    guest->flow.remote_port = (uint16_t)(1000 + number);
    next = peer_connect(peer, &guest->flow, 5000);
    guest->next = seq_of(5001);
    say(house, guest, next.value, window, TCP_ACK);
    assert_int_equal(hf_accept(peer->stack, house->listener, &guest->socket), HF_OK);
    return guest;
}

static void hand_over(struct house *house, const struct guest *guest, size_t bytes)
{
    static const uint8_t text[65536];

    assert_int_equal(hf_send(house->peer.stack, guest->socket, text, bytes, house->peer.now_us),
                     bytes);
    hush(house);
}

/* All that our side has sent is acknowledged, with this window. */
static void take_all(struct house *house, struct guest *guest, uint16_t window)
{
    for (int i = 0; i < 64; i++) {
        uint32_t sent = status_of(house, guest).snd_nxt;

        say(house, guest, sent, window, TCP_ACK);
        hush(house);
        if (status_of(house, guest).snd_nxt == sent)
            break;
    }
}

static bool lives(struct house *house, const struct guest *guest)
{
    return status_of(house, guest).state >= HF_STATE_ESTABLISHED;
}

static void wait_s(struct house *house, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        peer_wait(&house->peer, 1000);
        hush(house);
    }
}

static bool event_of(struct house *house, enum hf_event_kind kind, struct hf_event *event)
{
    while (hf_event_take(&house->peer.sink, event))
        if (event->kind == kind)
            return true;
    return false;
}

/* As long as there is room, a closed window is waited for. [RFC 9293 MUST-37] */
static void with_room_nobody_goes(void **state)
{
    struct hf_config config = house_config();
    struct house house;
    struct guest *guest;

    (void)state;
    house_open(&house, &config);
    guest = enter(&house, 0, 0xc0000205, 0);
    hand_over(&house, guest, 20000);
    for (int i = 0; i < 20; i++) { /* he answers our probes, for ever */
        wait_s(&house, 60);
        say(&house, guest, status_of(&house, guest).snd_una, 0, TCP_ACK);
    }
    assert_true(lives(&house, guest));
    assert_stat(&house.peer, watch_zero_window, 0);
    peer_close(&house.peer);
}

/* The most bytes first, and only as many as must. */
static void the_most_bytes_go_first(void **state)
{
    static const size_t bytes[] = {2000, 8000, 40000, 16000, 20000, 4000, 24000};
    struct hf_config config = house_config();
    struct hf_event event;
    struct house house;

    (void)state;
    house_open(&house, &config);
    for (unsigned i = 0; i < 7; i++) {
        enter(&house, i, 0xc0000205 + i, 0);
        hand_over(&house, &house.guests[i], bytes[i]);
    }
    wait_s(&house, 3);
    for (unsigned i = 0; i < 7; i++) /* an eighth is left, but nobody has waited long */
        assert_true(lives(&house, &house.guests[i]));
    wait_s(&house, 60);
    for (unsigned i = 0; i < 7; i++)
        assert_int_equal(lives(&house, &house.guests[i]), i != 2);
    assert_stat(&house.peer, watch_zero_window, 1);
    assert_int_equal(status_of(&house, &house.guests[2]).error, HF_ABORTED);
    assert_true(event_of(&house, HF_EVENT_HELD, &event));
    assert_int_equal(event.value, HF_HELD_ZERO_WINDOW);
    assert_int_equal(event.count, 20 * 2048);
    assert_int_equal(event.remote.port, 1002);
    assert_in_range(event.at_us - event.since_us, 60 * 1000000, 64 * 1000000);
    peer_close(&house.peer);
}

/* RFC 6429's way out: a RST, and the user hears of it. [RFC 6429 4] */
static void who_goes_is_reset(void **state)
{
    struct hf_config config = house_config();
    struct hf_ready ready;
    struct house house;
    struct guest *guest;

    (void)state;
    house_open(&house, &config);
    guest = enter(&house, 0, 0xc0000205, 0);
    hand_over(&house, guest, 60000);
    hand_over(&house, enter(&house, 1, 0xc0000206, 0), 60000);
    while (hf_take_ready(house.peer.stack, &ready, 1))
        ;
    for (int i = 0; i < 70 && lives(&house, guest); i++)
        peer_wait(&house.peer, 1000);
    assert_false(lives(&house, guest));
    do
        assert_true(peer_take(&house.peer));
    while (!(house.peer.packet.segment.flags & TCP_RST));
    assert_int_equal(hf_take_ready(house.peer.stack, &ready, 1), 1);
    assert_true(ready.what & HF_ENDED);
    peer_close(&house.peer);
}

/* Not a matter of the window but of what comes through it. */
static void next_to_nothing_is_not_progress(void **state)
{
    struct hf_config config = house_config();
    struct guest *slow, *steady;
    struct house house;

    (void)state;
    house_open(&house, &config);
    slow = enter(&house, 0, 0xc0000205, 0);
    steady = enter(&house, 1, 0xc0000206, 0);
    hand_over(&house, slow, 60000);
    hand_over(&house, steady, 60000);
    for (int i = 0; i < 200; i++) {
        wait_s(&house, 1);
        if (lives(&house, slow))
            say(&house, slow, status_of(&house, slow).snd_nxt, 1, TCP_ACK);
        say(&house, steady, status_of(&house, steady).snd_nxt, 1000, TCP_ACK);
        hush(&house);
        if (status_of(&house, steady).send_queued < 58000)
            hand_over(&house, steady, 1000);
        assert_true(lives(&house, steady));
    }
    assert_false(lives(&house, slow));
    assert_stat(&house.peer, watch_slow, 1);
    peer_close(&house.peer);
}

/* Bytes that our own user leaves unread are no fault of the peer, however long they lie. */
static void what_waits_for_us_stays(void **state)
{
    static const uint8_t text[1000];
    struct hf_config config = house_config();
    struct house house;

    (void)state;
    config.receive_bytes = 32768;
    house_open(&house, &config);
    for (unsigned i = 0; i < 4; i++) {
        struct guest *guest = enter(&house, i, 0xc0000205 + i, 8000);

        for (int n = 0; n < 40; n++) {
            struct segment seg = {.seq = guest->next,
                                  .ack = {status_of(&house, guest).snd_nxt},
                                  .flags = TCP_ACK | TCP_PSH,
                                  .window = 8000,
                                  .text = text,
                                  .length = sizeof text};

            if (peer_send_flow(&house.peer, &guest->flow, &seg) == HF_STAT_none)
                guest->next = seq_add(guest->next, sizeof text);
            hush(&house);
        }
    }
    assert_true(stack_is_short(house.peer.stack));
    wait_s(&house, 300);
    for (unsigned i = 0; i < 4; i++)
        assert_true(lives(&house, &house.guests[i]));
    peer_close(&house.peer);
}

/* Idle guests hold nothing but their places: the prefix that has most gives up some, whoever came first. */
static void at_zero_bytes_the_biggest_crowd_goes(void **state)
{
    struct hf_config config = house_config();
    unsigned gone = 0;
    struct house house;

    (void)state;
    house_open(&house, &config);
    for (unsigned i = 0; i < 20; i++) /* each from elsewhere, and here for long */
        enter(&house, i, 0xc6336400 + i, 8000);
    wait_s(&house, 600);
    for (unsigned i = 20; i < 60; i++)
        enter(&house, i, 0xcb007107, 8000);
    wait_s(&house, 80); /* full, but nobody else wants in */
    assert_stat(&house.peer, watch_idle, 0);
    for (unsigned i = 60; i < 64; i++)
        enter(&house, i, 0xc0000205 + i, 8000);
    peer_wait(&house.peer, 20);
    for (unsigned i = 0; i < 20; i++)
        assert_true(lives(&house, &house.guests[i]));
    for (unsigned i = 20; i < 60; i++)
        gone += !lives(&house, &house.guests[i]);
    assert_int_equal(gone, 9); /* 55 of 64: more than an eighth is free */
    assert_stat(&house.peer, watch_idle, 9);
    peer_close(&house.peer);
}

/* A keep-alive answers nothing; a word each way does. */
static void a_word_keeps_a_place(void **state)
{
    static const uint8_t word[40];
    struct hf_config config = house_config();
    struct house house;

    (void)state;
    house_open(&house, &config);
    for (unsigned i = 0; i < 62; i++)
        enter(&house, i, 0xcb007107, 8000);
    for (int s = 0; s < 100; s++) {
        wait_s(&house, 1);
        for (unsigned i = 0; i < 62; i++) {
            struct guest *guest = &house.guests[i];
            struct segment seg = {.seq = guest->next,
                                  .flags = TCP_ACK,
                                  .window = 8000,
                                  .text = word,
                                  .length = i < 30 ? sizeof word : 0};
            uint8_t got[64];

            if (!lives(&house, guest))
                continue;
            seg.ack = seq_of(status_of(&house, guest).snd_nxt);
            peer_send_flow(&house.peer, &guest->flow, &seg);
            guest->next = seq_add(guest->next, seg.length);
            (void)hf_receive(house.peer.stack, guest->socket, got, sizeof got, house.peer.now_us);
        }
        hush(&house);
        if (s >= 98)
            enter(&house, 62 + (unsigned)s % 2, 0xc0000205, 8000);
    }
    peer_wait(&house.peer, 20);
    for (unsigned i = 0; i < 30; i++)
        assert_true(lives(&house, &house.guests[i]));
    assert_stat(&house.peer, watch_idle, 9);
    peer_close(&house.peer);
}

/* Half-closed and never finished: FIN-WAIT-1, FIN-WAIT-2 and LAST-ACK go under their own names. [R6429-03] */
static void farewells_that_never_end(void **state)
{
    struct hf_config config = house_config();
    struct house house;

    (void)state;
    config.fin_wait_2_ms = 3600000;
    config.user_timeout_ms = 3600000;
    house_open(&house, &config);
    for (unsigned i = 0; i < 60; i++) {
        struct guest *guest = enter(&house, i, 0xc6336405, 8000);

        if (i % 3 == 2) /* LAST-ACK: he closed first */
            say(&house, guest, status_of(&house, guest).snd_nxt, 8000, TCP_ACK | TCP_FIN);
        hush(&house);
        assert_int_equal(hf_shutdown(house.peer.stack, guest->socket, house.peer.now_us), HF_OK);
        hush(&house);
        if (i % 3 == 1) /* FIN-WAIT-2 */
            take_all(&house, guest, 8000);
    }
    assert_int_equal(status_of(&house, &house.guests[0]).state, HF_STATE_FIN_WAIT_1);
    assert_int_equal(status_of(&house, &house.guests[1]).state, HF_STATE_FIN_WAIT_2);
    assert_int_equal(status_of(&house, &house.guests[2]).state, HF_STATE_LAST_ACK);
    wait_s(&house, 70);
    enter(&house, 60, 0xc0000205, 8000);
    peer_wait(&house.peer, 20);
    assert_stat(&house.peer, watch_closing, 4);
    assert_stat(&house.peer, watch_fin_wait_2, 2);
    peer_close(&house.peer);
}

/* A queue that was just filled has not waited long, however long its connection was silent before. */
static void what_was_just_said_has_time(void **state)
{
    struct hf_config config = house_config();
    struct house house;

    (void)state;
    house_open(&house, &config);
    for (unsigned i = 0; i < 3; i++) {
        struct guest *guest = enter(&house, i, 0xc0000205 + i, 60000);

        hand_over(&house, guest, 8000);
        take_all(&house, guest, 0);
    }
    wait_s(&house, 100);
    for (unsigned i = 0; i < 3; i++)
        hand_over(&house, &house.guests[i], 40000); /* all three: a sixteenth is left */
    assert_true(stack_is_short(house.peer.stack));
    wait_s(&house, 58);
    for (unsigned i = 0; i < 3; i++)
        assert_true(lives(&house, &house.guests[i]));
    wait_s(&house, 5);
    assert_stat(&house.peer, watch_zero_window, 1);
    peer_close(&house.peer);
}

static void off_is_off(void **state)
{
    struct hf_config config = house_config();
    struct house house;

    (void)state;
    config.stall_timeout_ms = 0;
    house_open(&house, &config);
    for (unsigned i = 0; i < MOST; i++)
        enter(&house, i, 0xcb007107, 0);
    wait_s(&house, 200);
    for (unsigned i = 0; i < MOST; i++)
        assert_true(lives(&house, &house.guests[i]));
    peer_close(&house.peer);
}

/* Lists and counters hold who lives and nobody else, whatever happened. */
static void lists_say_the_truth(void **state)
{
    struct hf_config config = house_config();
    uint32_t seed = 77, counted[2] = {0, 0}, listed = 0;
    struct hf_stack *stack;
    struct house house;

    (void)state;
    house_open(&house, &config);
    stack = house.peer.stack;
    for (unsigned i = 0; i < MOST; i++)
        enter(&house, i, 0xc0000203 + i, (uint16_t)(i * 100));
    for (int step = 0; step < 5000; step++) {
        struct guest *guest = &house.guests[(seed >> 8) % MOST];

        seed = seed * 1664525 + 1013904223;
        if (!lives(&house, guest))
            continue;
        if (seed >> 28 < 8)
            (void)hf_send(stack, guest->socket, house.peer.out_bytes, seed >> 17 & 8191,
                          house.peer.now_us);
        else if (seed >> 28 < 14)
            say(&house, guest, status_of(&house, guest).snd_nxt, (uint16_t)(seed >> 18), TCP_ACK);
        else if ((seed >> 20 & 255) == 0)
            (void)hf_shutdown(stack, guest->socket, house.peer.now_us);
        else
            peer_wait(&house.peer, seed >> 20 & 255);
        hush(&house);
    }
    for (uint32_t i = 0; i < WATCH_LISTS; i++) {
        assert_int_equal(stack->watch.filled >> i & 1, stack->watch.held[i].count > 0);
        listed += stack->watch.held[i].count;
    }
    for (int which = 0; which < 2; which++)
        for (uint32_t i = 0; i < stack->watch.places; i++)
            counted[which] += stack->watch.counts[which][i];
    assert_int_equal(counted[0], stack->connections.table.count);
    assert_int_equal(counted[1], stack->connections.table.count);
    assert_true(listed <= stack->connections.table.count);
    for (uint32_t slot = 0; slot < stack->connections.pool.high; slot++) {
        const struct connection *connection = connection_at(&stack->connections, slot);

        if ((connection->flags & (CONNECTION_OPEN | CONNECTION_DETACHED)) != CONNECTION_OPEN)
            continue;
        assert_false(watch_is_above(&connection->watched,
                                    connection->tcb.snd_held + connection->tcb.rcv_held));
        listed -= connection->watched.list > 0;
    }
    assert_int_equal(listed, 0);
    peer_close(&house.peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_room_nobody_goes),
        cmocka_unit_test(the_most_bytes_go_first),
        cmocka_unit_test(who_goes_is_reset),
        cmocka_unit_test(next_to_nothing_is_not_progress),
        cmocka_unit_test(what_waits_for_us_stays),
        cmocka_unit_test(at_zero_bytes_the_biggest_crowd_goes),
        cmocka_unit_test(a_word_keeps_a_place),
        cmocka_unit_test(farewells_that_never_end),
        cmocka_unit_test(what_was_just_said_has_time),
        cmocka_unit_test(off_is_off),
        cmocka_unit_test(lists_say_the_truth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
