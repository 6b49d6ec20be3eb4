/* Cookies that come back where they should not: again, elsewhere, too late, after their connection. [HF1; RFC 4987 3.6]
 * Rows: docs/attacks.md. */
#include "attack.h"

#include "cookie/key_ring.h"

#define SEED 0x5eed0008
#define SLOT_US (4096 * (int64_t)US_PER_MS)

static struct field *open_field(bool v6)
{
    struct field_setup setup = field_setup_default(SEED);

    setup.v6 = v6;
    setup.listen.cookies = HF_COOKIES_ALWAYS;
    setup.server.msl_ms = 100; /* 2 MSL are long over while cookies live */
    field_open(&the_field, &setup);
    return &the_field;
}

static const uint8_t request[40] = "what is remembered of this";

/* A peer who has sent a SYN; the ACK that returns its cookie, with text, as somebody on the path has kept it. */
struct recorded {
    struct attack_peer peer;
    uint8_t frame[ATTACK_FRAME_MAX];
    uint32_t length;
};

static void record(struct recorded *recorded, struct field *field, uint16_t port, bool timestamps)
{
    struct segment ack;

    attack_peer_init(&recorded->peer, field, attack_address(&field->random, field->v6), port,
                     FIELD_PORT);
    recorded->peer.timestamps = timestamps;
    assert_int_equal(attack_peer_syn(&recorded->peer, field), HF_STAT_none);
    assert_int_equal(recorded->peer.syn_acks, 1);
    assert_int_equal(field_held(field).half_opens, 0);
    ack = attack_peer_segment(&recorded->peer, TCP_ACK | TCP_PSH);
    ack.text = request;
    ack.length = sizeof request;
    recorded->length = attack_frame_segment(recorded->frame, &recorded->peer.flow, &ack);
}

static enum hf_stat replay(const struct recorded *recorded, struct field *field)
{
    return field_give(field, recorded->frame, recorded->length);
}

/* The same ACK a thousand times while its connection lives: one connection, its text once. */
static void the_same_ack_opens_once(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct field *field = open_field(kind & 1);
        struct recorded recorded;

        record(&recorded, field, 5000, kind & 2);
        assert_int_equal(replay(&recorded, field), HF_STAT_none);
        assert_int_equal(stat(field, cookie_opened), 1);
        for (unsigned i = 0; i < 1000; i++)
            replay(&recorded, field);
        assert_int_equal(field_held(field).connections, 1);
        assert_int_equal(stat(field, cookie_opened), 1);
        assert_int_equal(stat(field, bytes_received), sizeof request);
        field_close(field);
    }
}

enum ending {
    ENDS_BY_CLIENT_FIN = 0,
    ENDS_BY_SERVER_FIN,
    ENDS_BY_CLIENT_RESET,
    ENDS_BY_SERVER_ABORT,
    ENDINGS,
};

static void end(struct recorded *recorded, struct field *field, hf_socket socket, enum ending how)
{
    struct attack_peer *peer = &recorded->peer;
    struct hf_stack *stack = field->server.stack;
    uint8_t got[64];

    peer->snd_nxt = seq_add(peer->snd_nxt, sizeof request);
    assert_int_equal(hf_receive(stack, socket, got, sizeof got, field->now_us), sizeof request);
    switch (how) {
    case ENDS_BY_CLIENT_FIN:
        attack_peer_say(peer, field, TCP_FIN | TCP_ACK, NULL, 0);
        hf_close(stack, socket, field->now_us);
        field_drain(field);
        attack_peer_say(peer, field, TCP_ACK, NULL, 0);
        break;
    case ENDS_BY_SERVER_FIN:
        hf_close(stack, socket, field->now_us);
        field_drain(field);
        attack_peer_say(peer, field, TCP_FIN | TCP_ACK, NULL, 0);
        break;
    case ENDS_BY_CLIENT_RESET:
        attack_peer_say(peer, field, TCP_RST, NULL, 0);
        hf_close(stack, socket, field->now_us);
        break;
    case ENDS_BY_SERVER_ABORT: hf_abort(stack, socket, field->now_us); break;
    case ENDINGS: break;
    }
    field_drain(field);
    assert_int_equal(field_held(field).connections, 0);
}

/* After the connection is over, however it ended, its cookie opens no ghost: as long as it would be good, and afterwards.
 * [R1337-02] */
static void no_ghost_after_the_end(void **state)
{
    (void)state;
    for (enum ending how = 0; how < ENDINGS; how++)
        for (unsigned kind = 0; kind < 4; kind++) {
            struct field *field = open_field(kind & 1);
            struct recorded recorded;
            hf_socket socket;

            record(&recorded, field, 5000, kind & 2);
            assert_int_equal(replay(&recorded, field), HF_STAT_none);
            assert_int_equal(hf_accept(field->server.stack, field->listener, &socket), HF_OK);
            end(&recorded, field, socket, how);
            for (unsigned i = 0; i < 1000; i++) {
                replay(&recorded, field);
                field_pass(field, 50 * US_PER_MS); /* fifty seconds in all */
            }
            assert_int_equal(field_held(field).connections, 0);
            assert_true(stat(field, time_wait_segments) + stat(field, cookie_replayed) >= 80);
            assert_int_equal(stat(field, cookie_opened), 1);
            assert_int_equal(stat(field, bytes_received), sizeof request);
            assert_int_equal(hf_accept(field->server.stack, field->listener, &socket), HF_AGAIN);
            field_pass(field, COOKIE_LIFE_US);
            assert_int_equal(field_held(field).time_waits, 0);
            field_close(field);
        }
}

/* Records are as many as configured. When more connections than that were opened by cookies and ended within the life of one,
 * the oldest records are gone: then a replay by somebody on the path of that old connection opens a ghost. It is a limit, and
 * this test its measure: no ghost while there are records, and never more than connections without one. */
static void ghosts_need_more_ends_than_records(void **state)
{
    struct field_setup setup = field_setup_default(SEED);
    struct field *field = &the_field;
    static struct recorded recorded[48];

    (void)state;
    setup.listen.cookies = HF_COOKIES_ALWAYS;
    setup.server.max_time_waits = 32;
    field_open(field, &setup);
    for (unsigned i = 0; i < 48; i++) {
        hf_socket socket;

        record(&recorded[i], field, (uint16_t)(5000 + i), true);
        assert_int_equal(replay(&recorded[i], field), HF_STAT_none);
        assert_int_equal(hf_accept(field->server.stack, field->listener, &socket), HF_OK);
        end(&recorded[i], field, socket, ENDS_BY_CLIENT_RESET);
    }
    for (unsigned i = 48; i-- > 0;)
        replay(&recorded[i], field);
    print_message("48 connections, 32 records: %" PRIu64 " ghosts\n",
                  stat(field, cookie_opened) - 48);
    assert_true(stat(field, cookie_opened) - 48 <= 48 - 32);
    field_close(field);
}

/* The cookie belongs to its four-tuple: any other port or address, of either end, and it is none. */
static void another_tuple_opens_nothing(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct field *field = open_field(kind & 1);
        struct hf_listen_options other = {.local.port = 81, .cookies = HF_COOKIES_ALWAYS};
        struct recorded recorded, elsewhere;
        struct segment ack;
        struct flow flow;
        hf_socket listener;

        assert_int_equal(hf_listen_with(field->server.stack, &other, &listener), HF_OK);
        record(&recorded, field, 5000, kind & 2);
        record(&elsewhere, field, 5001, kind & 2);
        flow = elsewhere.peer.flow;
        flow.local_port = 81; /* and there is a cookie under way at the other listener */
        ack = (struct segment){.flags = TCP_SYN, .seq = elsewhere.peer.iss, .window = 1000};
        field_give_segment(field, &flow, &ack);
        ack = attack_peer_segment(&recorded.peer, TCP_ACK);
        for (unsigned i = 0; i < 2000; i++) {
            flow = recorded.peer.flow;
            if (i % 4 == 0)
                flow.remote_port = (uint16_t)(1024 + i * 31 + (i * 31 == 3976));
            else if (i % 4 == 1)
                flow.remote = attack_address(&field->random, kind & 1);
            else if (i % 4 == 2)
                flow.local_port = 81;
            else
                ack.seq = seq_add(recorded.peer.snd_nxt, 1 + i);
            assert_int_equal(field_give_segment(field, &flow, &ack), HF_STAT_cookie_bad);
            ack.seq = recorded.peer.snd_nxt;
        }
        assert_int_equal(field_held(field).connections, 0);
        assert_int_equal(replay(&recorded, field), HF_STAT_none); /* the right one still does */
        assert_int_equal(stat(field, cookie_opened), 1);
        field_close(field);
    }
}

/* When a cookie is too old: with timestamps after six slots more (25 to 29 s), without after one (4 to 8 s); and never again,
 * in other epochs, or when the 20 bits of the slot that a timestamp carries come round after 50 days. */
static void an_old_cookie_opens_nothing(void **state)
{
    (void)state;
    for (unsigned timestamps = 0; timestamps < 2; timestamps++) {
        struct field *field = open_field(false);
        int64_t good_us = (timestamps ? 7 : 2) * SLOT_US;
        struct recorded recorded;
        static const int64_t later_us[] = {
            0,          60 * (int64_t)US_PER_S, 256 * SLOT_US, 512 * SLOT_US, 1048576 * SLOT_US,
            4 * SLOT_US};
        struct recorded other;

        record(&recorded, field, 5000, timestamps);
        field_pass(field, good_us);
        for (unsigned i = 0; i < sizeof later_us / sizeof *later_us; i++) {
            field_pass(field, later_us[i]);
            assert_int_not_equal(replay(&recorded, field), HF_STAT_none);
            record(&other, field, (uint16_t)(6000 + i), timestamps); /* cookies are under way */
            assert_int_equal(replay(&recorded, field), HF_STAT_cookie_bad);
        }
        assert_int_equal(stat(field, cookie_opened), 0);
        assert_int_equal(field_held(field).connections, 0);
        field_close(field);
    }
}

/* Until then, whenever the ACK comes, it opens. */
static void a_late_ack_still_opens(void **state)
{
    (void)state;
    for (unsigned timestamps = 0; timestamps < 2; timestamps++)
        for (int64_t late = 0; late <= (timestamps ? 24 : 4); late++) {
            struct field *field = open_field(late % 2);
            struct recorded recorded;

            record(&recorded, field, 5000, timestamps);
            field_pass(field, late * US_PER_S);
            assert_int_equal(replay(&recorded, field), HF_STAT_none);
            assert_int_equal(stat(field, cookie_opened), 1);
            field_close(field);
        }
}

/* Two machines with one key open each other's cookies, whatever their secrets; one with another key opens none. */
static void machines_that_share_a_key(void **state)
{
    static const uint8_t keys[2][16] = {"one for us both", "one of its own"};

    (void)state;
    for (unsigned other = 0; other < 2; other++) {
        struct field_setup setup = field_setup_default(SEED);
        struct field *field = &the_field;
        struct recorded recorded;

        setup.listen.cookies = HF_COOKIES_ALWAYS;
        setup.cookie_key = keys[0];
        field_open(field, &setup);
        record(&recorded, field, 5000, true);
        field_close(field);
        setup.seed++; /* another machine */
        setup.cookie_key = keys[other];
        field_open(field, &setup);
        field_pass(field, 5 * US_PER_S);
        assert_int_equal(replay(&recorded, field), other ? HF_STAT_cookie_bad : HF_STAT_none);
        assert_int_equal(field_held(field).connections, !other);
        field_close(field);
    }
}

/* Row 1: an old duplicate SYN gets its SYN-ACK, and no connection: its supposed sender resets it, or is silent. */
static void an_old_duplicate_syn_opens_no_ghost(void **state)
{
    (void)state;
    for (unsigned cookies = 0; cookies < 2; cookies++)
        for (unsigned resets = 0; resets < 2; resets++) {
            struct field_setup setup = field_setup_default(SEED);
            struct field *field = &the_field;
            struct attack_peer peer;
            hf_socket socket;

            setup.listen.cookies = cookies ? HF_COOKIES_ALWAYS : HF_COOKIES_OFF;
            field_open(field, &setup);
            attack_peer_init(&peer, field, attack_address(&field->random, false), 5000, FIELD_PORT);
            attack_peer_syn(&peer, field);
            assert_int_equal(peer.syn_acks, 1);
            if (resets)
                field_give_segment(field, &peer.flow,
                                   &(struct segment){.seq = peer.snd_nxt, .flags = TCP_RST});
            field_pass(field, 60 * US_PER_S);
            assert_int_equal(hf_accept(field->server.stack, field->listener, &socket), HF_AGAIN);
            assert_int_equal(stat(field, handshake_done), 0);
            assert_int_equal(field_held(field).half_opens, 0);
            field_close(field);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_ack_opens_once),
        cmocka_unit_test(no_ghost_after_the_end),
        cmocka_unit_test(ghosts_need_more_ends_than_records),
        cmocka_unit_test(another_tuple_opens_nothing),
        cmocka_unit_test(an_old_cookie_opens_nothing),
        cmocka_unit_test(a_late_ack_still_opens),
        cmocka_unit_test(machines_that_share_a_key),
        cmocka_unit_test(an_old_duplicate_syn_opens_no_ghost),
    };

    return cmocka_run_group_tests_name("sim/attack_replay", tests, NULL, NULL);
}
