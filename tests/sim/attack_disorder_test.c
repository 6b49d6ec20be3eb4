/* Text in the worst order and fragments that never make a datagram: what they may cost is a constant. [RFC 9293 3.10.7.4;
 * RFC 5722; RFC 8200 4.5]
 * Rows: docs/attacks.md. */
#include "attack.h"

#include <time.h>

#include "base/chunk_pool.h"
#include "sim/attack_disorder.h"
#include "sim/attack_fragments.h"
#include "sim/peer_app.h"

#define SEED 0x5eed0004
#define RANGES_MAX 32 /* tcp/reassembly.c */
#define KEY 77u

static struct field *open_field(bool v6, uint32_t receive_bytes)
{
    struct field_setup setup = field_setup_default(SEED);

    setup.v6 = v6;
    setup.server.receive_bytes = receive_bytes;
    field_open(&the_field, &setup);
    return &the_field;
}

/* For people: is the last segment as cheap as the first? HF_ATTACK_FIGURES=1 says. */
static void print_cost(const char *what, clock_t took, uint64_t count)
{
    if (getenv("HF_ATTACK_FIGURES"))
        print_message("    %s: %.0f ns each\n", what,
                      1e9 * (double)took / CLOCKS_PER_SEC / (double)count);
}

/* What was stored out of order is right once the gaps are closed: every byte, in order. */
static void finish_and_check(struct field *field, struct attack_peer *peer, hf_socket socket,
                             uint32_t bytes)
{
    uint8_t text[1000], got[1000];
    uint32_t sent = 0, received = 0;

    while (received < bytes) {
        uint32_t length = bytes - sent < sizeof text ? bytes - sent : (uint32_t)sizeof text;
        ptrdiff_t count;

        for (uint32_t i = 0; i < length; i++)
            text[i] = app_pattern(KEY, sent + i);
        if (length > 0)
            attack_peer_say(peer, field, TCP_ACK | TCP_PSH, text, length);
        sent += length;
        while ((count = hf_receive(field->server.stack, socket, got, sizeof got, field->now_us)) >
               0)
            for (ptrdiff_t i = 0; i < count; i++)
                assert_int_equal(got[i], app_pattern(KEY, received++));
        assert_true(length > 0 || received == bytes);
    }
}

/* A million segments of one byte in the worst orders: ranges and chunks are capped, each segment has one answer. */
static void a_million_bytes_in_the_worst_order(void **state)
{
    static const char *const names[] = {"descending", "scattered", "random", "inward"};
    uint64_t count = from_environment("HF_ATTACK_SEGMENTS", scaled(1000000, 20000));

    (void)state;
    for (enum disorder order = 0; order < DISORDERS; order++) {
        struct field *field = open_field(order % 2, 524288);
        struct attack_peer peer;
        hf_socket socket;
        uint64_t most = 0;

        attack_peer_init(&peer, field, attack_address(&field->random, field->v6), 7000, FIELD_PORT);
        assert_true(attack_peer_open(&peer, field));
        assert_int_equal(hf_accept(field->server.stack, field->listener, &socket), HF_OK);
        for (unsigned tenth = 0; tenth < 10; tenth++) {
            clock_t began = clock();

            disorder_storm(&peer, field, order, count / 10, KEY);
            if (tenth == 0 || tenth == 9)
                print_cost(tenth ? "last tenth" : "first tenth", clock() - began, count / 10);
            if (field_held(field).pool_bytes > most)
                most = field_held(field).pool_bytes;
        }
        print_message("%s: %" PRIu64 " segments, %" PRIu64 " kept, %" PRIu64 " dropped, %" PRIu64
                      " duplicates, %" PRIu64 " bytes of memory at most\n",
                      names[order], count, stat(field, segment_out_of_order),
                      stat(field, out_of_order_dropped), stat(field, segment_duplicate), most);
        assert_true(most <= (RANGES_MAX + 2) * CHUNK_BYTES);
        assert_true(peer.frames <= count + 2);
        assert_int_equal(stat(field, bytes_received), 0);
        finish_and_check(field, &peer, socket, 100000);
        hf_abort(field->server.stack, socket, field->now_us);
        field_drain(field);
        assert_int_equal(field_held(field).pool_bytes, 0);
        field_close(field);
    }
}

/* Sixty-four such peers, a pool that is scarce, and honest clients: what lies ahead gives way to what is next. */
static void storms_leave_room_for_honest_clients(void **state)
{
    struct field *field = &the_field;
    struct field_setup setup = field_setup_default(SEED);
    static struct attack_peer peers[64];
    struct crowd crowd;

    (void)state;
    setup.server.max_connections = 128;
    setup.server.pool_bytes = 128 * 8192;
    setup.server.receive_bytes = 524288;
    field_open(field, &setup);
    crowd_enter(
        &crowd, field,
        &(struct crowd_setup){.clients = 300, .per_s = 100, .request = 20000, .response = 20000});
    for (unsigned i = 0; i < 64; i++) {
        attack_peer_init(&peers[i], field, attack_address(&field->random, false),
                         (uint16_t)(7000 + i), FIELD_PORT);
        assert_true(attack_peer_open(&peers[i], field));
    }
    for (unsigned round = 0; round < 60; round++) {
        for (unsigned i = 0; i < 64; i++)
            disorder_storm(&peers[i], field, DISORDER_SCATTERED, 40, KEY);
        field_pass(field, 50 * US_PER_MS);
    }
    crowd_run(&crowd, field, 20 * US_PER_S);
    print_message("%" PRIu64 " bytes out of order given up again, %" PRIu64 " segments in order "
                  "refused; answers after %" PRId64 " us at worst\n",
                  stat(field, out_of_order_reclaimed), stat(field, receive_no_memory),
                  crowd_answer_us(&crowd, 1000));
    assert_all_served(&crowd);
    crowd_leave(&crowd, field);
    field_close(field);
}

/* Nothing is said about fragments, no more datagrams are kept than configured, all are forgotten, nobody else notices.
 * [R1122-37] */
static void a_storm_of_fragments(void **state)
{
    static const char *const names[] = {"first only",  "last only", "tiny",  "overlapping",
                                        "beyond 64 K", "scattered", "random"};

    (void)state;
    for (enum fragments_kind kind = 0; kind < FRAGMENTS_KINDS; kind++) {
        struct field *field = open_field(kind % 2, 32768);
        struct field_held before = field_held(field), after;
        struct fragments fragments;
        struct crowd crowd;
        uint32_t most = 0;

        crowd_enter(
            &crowd, field,
            &(struct crowd_setup){.clients = 100, .per_s = 100, .request = 3000, .response = 3000});
        fragments_enter(&fragments, field, kind, scaled(40000, 4000), 40000);
        for (unsigned i = 0; i < 110; i++) {
            field_pass(field, 10 * US_PER_MS);
            if (field_held(field).reassemblies > most)
                most = field_held(field).reassemblies;
        }
        crowd_run(&crowd, field, 5 * US_PER_S);
        field_pass(field, 120 * US_PER_S);
        after = field_held(field);
        print_message("%s: %" PRIu64 " fragments, %" PRIu64 " refused, %" PRIu64
                      " overlaps, %" PRIu64 " made whole, %u datagrams at most\n",
                      names[kind], fragments.attacker.frames, stat(field, ip_fragment_refused),
                      stat(field, ip_fragment_overlap), stat(field, ip_reassembled), most);
        assert_all_served(&crowd);
        assert_true(most <= field->server.config.max_reassemblies);
        assert_int_equal(field->to_others.frames, 0);
        assert_held_equal(&before, &after);
        crowd_leave(&crowd, field);
        field_close(field);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_bytes_in_the_worst_order),
        cmocka_unit_test(storms_leave_room_for_honest_clients),
        cmocka_unit_test(a_storm_of_fragments),
    };

    return cmocka_run_group_tests_name("sim/attack_disorder", tests, NULL, NULL);
}
