/* A TCP-AO option of every length, put into every segment of a connection's life, in whatever state it is met. [RFC 5925 2.2, 7.3]
 * Rows: docs/attacks.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "sim/signed_pair.h"
#include "wire/ipv4.h"
#include "wire/tcp_header.h"

#define LENGTH_AT (IPV4_HEADER + TCP_HEADER + 1)
#define LENGTHS 256
#define WAITING_MAX 32

/* What an end has said, oldest first. */
struct waiting {
    struct pair_frame frames[WAITING_MAX];
    uint32_t count, taken;
};

struct life {
    struct pair pair;
    struct waiting from[2];
    struct pair_frame last_fin;           /* of the client */
    unsigned met[HF_STATE_TIME_WAIT + 1]; /* segments, by the state of who got them */
};

static void drain(struct life *life, int end)
{
    struct waiting *waiting = &life->from[end];
    struct packet packet;

    while (waiting->count < WAITING_MAX &&
           pair_take(&life->pair, end, &waiting->frames[waiting->count], &packet))
        waiting->count++;
}

/* None of them is used, none is answered; then the segment itself is. */
static void give_each_length(struct life *life, const struct pair_frame *frame)
{
    struct pair *pair = &life->pair;
    struct pair_frame wrong, answer;
    struct packet packet;
    int to = frame->to;
    enum hf_state before = pair_state(pair, to);

    assert_int_not_equal(pair_mac_at(frame), 0);
    for (unsigned length = 0; length < LENGTHS; length++) {
        if (length == frame->data[LENGTH_AT])
            continue;
        wrong = *frame;
        wrong.data[LENGTH_AT] = (uint8_t)length;
        pair_mend(&wrong);
        if (pair_give(pair, to, wrong.data, wrong.length))
            fail_msg("length %u was believed in %s", length, hf_state_text(before));
        if (pair_take(pair, to, &answer, &packet))
            fail_msg("length %u was answered in %s", length, hf_state_text(before));
    }
    assert_int_equal(pair_state(pair, to), before);
    life->met[before]++;
    if (to == SERVER && (frame->data[IPV4_HEADER + 13] & TCP_FIN))
        life->last_fin = *frame;
    if (!pair_give(pair, to, frame->data, frame->length))
        fail_msg("the segment itself was refused in %s: %s", hf_state_text(before),
                 hf_stat_name(pair->end[to].last_reason));
    life->pair.now_us += 100;
}

static void settle(struct life *life)
{
    bool moved = true;

    while (moved) {
        moved = false;
        drain(life, CLIENT);
        drain(life, SERVER);
        for (int from = CLIENT; from <= SERVER; from++) {
            struct waiting *waiting = &life->from[from];

            while (waiting->taken < waiting->count) {
                give_each_length(life, &waiting->frames[waiting->taken++]);
                drain(life, CLIENT);
                drain(life, SERVER);
                moved = true;
            }
            waiting->count = waiting->taken = 0;
        }
    }
}

static void wait_a_second(struct life *life)
{
    settle(life);
    for (int step = 0; step < 20; step++) { /* an ACK may wait, nothing is sent again */
        life->pair.now_us += 50000;
        hf_tick(life->pair.end[CLIENT].stack, life->pair.now_us);
        hf_tick(life->pair.end[SERVER].stack, life->pair.now_us);
        settle(life);
    }
}

static void live(struct life *life)
{
    struct pair_end *client = &life->pair.end[CLIENT], *server = &life->pair.end[SERVER];
    struct hf_endpoint local = {.port = 5000}, remote;
    int64_t *now_us = &life->pair.now_us;
    char text[16];

    assert_int_equal(hf_endpoint_parse(&remote, "192.0.2.2:80"), HF_OK);
    assert_int_equal(hf_connect(client->stack, &local, &remote, &client->socket, *now_us), HF_OK);
    settle(life);
    assert_int_equal(hf_accept(server->stack, server->listener, &server->socket), HF_OK);
    assert_int_equal(hf_send(client->stack, client->socket, "a question", 10, *now_us), 10);
    wait_a_second(life);
    assert_int_equal(hf_receive(server->stack, server->socket, text, sizeof text, *now_us), 10);
    assert_int_equal(hf_send(server->stack, server->socket, "an answer", 9, *now_us), 9);
    wait_a_second(life);
    assert_int_equal(hf_receive(client->stack, client->socket, text, sizeof text, *now_us), 9);
    assert_int_equal(hf_shutdown(server->stack, server->socket, *now_us), HF_OK);
    wait_a_second(life);
    assert_int_equal(hf_send(client->stack, client->socket, "one more", 8, *now_us), 8);
    wait_a_second(life);
    assert_int_equal(hf_receive(server->stack, server->socket, text, sizeof text, *now_us), 8);
    assert_int_equal(hf_shutdown(client->stack, client->socket, *now_us), HF_OK);
    settle(life);
    hf_close(client->stack, client->socket, *now_us);
    hf_close(server->stack, server->socket, *now_us); /* what is left of it is a record */
    wait_a_second(life);
    give_each_length(life, &life->last_fin);
}

static void every_length_in_every_state(void **state)
{
    (void)state;
    for (enum hf_key_algorithm algorithm = HF_KEY_HMAC_SHA_1_96; algorithm < HF_KEY_MD5;
         algorithm = (enum hf_key_algorithm)(algorithm + 1)) {
        static struct life life;
        struct hf_gauges gauges;

        memset(&life, 0, sizeof life);
        pair_open(&life.pair, NULL);
        pair_add_keys(&life.pair, algorithm, 61);
        live(&life);
        hf_gauges(life.pair.end[SERVER].stack, &gauges);
        assert_int_equal(gauges.time_waits, 2);      /* a signed record has two slots */
        assert_true(life.met[HF_STATE_CLOSED] >= 2); /* listener and half-open: no socket yet */
        assert_true(life.met[HF_STATE_SYN_SENT] == 1);
        assert_true(life.met[HF_STATE_ESTABLISHED] >= 4);
        assert_true(life.met[HF_STATE_FIN_WAIT_2] >= 2);
        assert_true(life.met[HF_STATE_LAST_ACK] == 1);
        pair_close(&life.pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_in_every_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
