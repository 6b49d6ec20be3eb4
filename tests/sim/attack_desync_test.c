/* Two honest ends driven out of step: what they then say to each other ends. [RFC 9293 3.10.7.4; RFC 5961 7]
 * Rows: docs/attacks.md. */
#include "attack.h"

#define SEED 0x5eed0007

static uint64_t server_said, clients_said;

/* Takes both ends through time until nothing is left to do; every packet is carried at once, as on a short wire. */
static uint64_t packets_until_quiet(struct field *field, int64_t at_most_us)
{
    uint64_t before = field->to_clients.frames + field->honest.frames;

    field_pass(field, at_most_us);
    server_said = field->to_clients.frames;
    clients_said = field->honest.frames;
    return field->to_clients.frames + field->honest.frames - before;
}

static void give_clients(struct field *field, const struct flow *flow, const struct segment *seg)
{
    uint8_t frame[ATTACK_FRAME_MAX];
    struct hf_frame in = {.data = frame, .capacity = sizeof frame, .link = HF_RAW_IP};

    in.length = attack_frame_segment(frame, flow, seg);
    hf_input(field->clients.stack, &in, 1, field->now_us);
}

struct pair {
    hf_socket client, server;
    struct hf_status of_client, of_server;
};

static void open_pair(struct field *field, struct pair *pair)
{
    struct hf_endpoint local = {field_client(field, 0), 5555};
    struct hf_endpoint remote = {field_server(field), FIELD_PORT};

    assert_int_equal(
        hf_connect(field->clients.stack, &local, &remote, &pair->client, field->now_us), HF_OK);
    field_pass(field, US_PER_S);
    assert_int_equal(hf_accept(field->server.stack, field->listener, &pair->server), HF_OK);
    hf_status(field->clients.stack, pair->client, &pair->of_client);
    hf_status(field->server.stack, pair->server, &pair->of_server);
}

/* An attacker on the path gives each end text that the other never sent: from now on each takes the other's numbers for
 * old. The timestamps are those that the ends have seen. */
static void desynchronise(struct field *field, const struct pair *pair, uint32_t bytes)
{
    static const uint8_t text[1000] = "forged";
    struct flow at_server = {field_client(field, 0), field_server(field), 5555, FIELD_PORT};
    struct flow at_client = {at_server.local, at_server.remote, FIELD_PORT, 5555};
    struct segment seg = {
        .flags = TCP_ACK | TCP_PSH, .window = 1000, .text = text, .length = bytes};

    seg.seq = seq_of(pair->of_client.snd_nxt);
    seg.ack = seq_of(pair->of_server.snd_nxt);
    assert_int_equal(field_give_segment(field, &at_server, &seg), HF_STAT_none);
    seg.seq = seq_of(pair->of_server.snd_nxt);
    seg.ack = seq_of(pair->of_client.snd_nxt);
    give_clients(field, &at_client, &seg);
}

/* `both` ends then have something to say. All the packets of ten minutes, in which both user timeouts pass, are few: each
 * retransmission provokes an answer, and answers to answers are throttled to ten a second and connection. */
static void storm(uint32_t bytes, bool both, bool timestamps)
{
    struct field_setup setup = field_setup_default(SEED);
    struct field *field = &the_field;
    uint64_t first_second, all;
    struct pair pair;

    setup.server.timestamps = timestamps;
    setup.server.user_timeout_ms = 120000;
    field_open(field, &setup);
    open_pair(field, &pair);
    desynchronise(field, &pair, bytes);
    hf_send(field->server.stack, pair.server, "honest", 6, field->now_us);
    if (both)
        hf_send(field->clients.stack, pair.client, "honest too", 10, field->now_us);
    first_second = packets_until_quiet(field, US_PER_S);
    all = first_second + packets_until_quiet(field, 600 * US_PER_S);
    print_message("%u forged bytes each, %s has something to say: %" PRIu64
                  " packets in the first second, %" PRIu64 " in ten minutes\n",
                  bytes, both ? "each end" : "one end", first_second, all);
    assert_true(first_second <= 60);
    assert_true(all <= 2000);
    /* and it is over: nobody says anything any more */
    assert_int_equal(packets_until_quiet(field, 600 * US_PER_S), 0);
    field_close(field);
}

static void storms_end(void **state)
{
    (void)state;
    storm(1, false, false);
    storm(1, true, false);
    storm(1000, true, false);
}

/* Forged ACKs to both ends that say they saw what was never sent. */
static void forged_acks_start_nothing(void **state)
{
    struct field_setup setup = field_setup_default(SEED);
    struct field *field = &the_field;
    struct segment seg = {.flags = TCP_ACK, .window = 1000};
    struct flow at_server, at_client;
    struct pair pair;
    uint64_t packets;

    (void)state;
    setup.server.timestamps = false;
    field_open(field, &setup);
    open_pair(field, &pair);
    at_server = (struct flow){field_client(field, 0), field_server(field), 5555, FIELD_PORT};
    at_client = (struct flow){at_server.local, at_server.remote, FIELD_PORT, 5555};
    for (unsigned i = 0; i < 1000; i++) {
        seg.seq = seq_of(pair.of_client.snd_nxt);
        seg.ack = seq_of(pair.of_server.snd_nxt + 1000);
        field_give_segment(field, &at_server, &seg);
        seg.seq = seq_of(pair.of_server.snd_nxt);
        seg.ack = seq_of(pair.of_client.snd_nxt + 1000);
        give_clients(field, &at_client, &seg);
    }
    packets = field->to_clients.frames + field->honest.frames;
    packets = packets_until_quiet(field, 60 * US_PER_S) + packets;
    print_message("2,000 forged ACKs: %" PRIu64 " packets\n", packets);
    assert_true(packets <= 50);
    assert_int_equal(hf_send(field->server.stack, pair.server, "still", 5, field->now_us), 5);
    field_pass(field, US_PER_S);
    hf_status(field->clients.stack, pair.client, &pair.of_client);
    assert_int_equal(pair.of_client.bytes_received, 5);
    field_close(field);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(storms_end),
        cmocka_unit_test(forged_acks_start_nothing),
    };

    return cmocka_run_group_tests_name("sim/attack_desync", tests, NULL, NULL);
}
