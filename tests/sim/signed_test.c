/* What signed segments hold against: forged and replayed ones, missing and wrong signatures, keys that change, numbers that
 * wrap, and what only looks like a peer. [RFC 5925 7; RFC 2385 2.0, 4.1; RFC 9187 3] */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <handfast/os.h>

#include "sim/signed_pair.h"
#include "stack/stack.h"
#include "wire/icmpv4.h"
#include "wire/ip_protocol.h"
#include "wire/ipv4.h"
#include "wire/tcp_option.h"

#define EACH(algorithm)                                                                         \
    for (enum hf_key_algorithm algorithm = HF_KEY_HMAC_SHA_1_96; algorithm < HF_KEY_ALGORITHMS; \
         algorithm = (enum hf_key_algorithm)(algorithm + 1))
#define EACH_AO(algorithm)                                                               \
    for (enum hf_key_algorithm algorithm = HF_KEY_HMAC_SHA_1_96; algorithm < HF_KEY_MD5; \
         algorithm = (enum hf_key_algorithm)(algorithm + 1))

static struct tcb *tcb_of(struct pair *pair, int end)
{
    return &connection_at(&pair->end[end].stack->connections, socket_slot(pair->end[end].socket))
                ->tcb;
}

static void assert_silent(struct pair *pair, int end)
{
    struct pair_frame frame;
    struct packet packet;

    assert_false(pair_take(pair, end, &frame, &packet));
}

static void begin(struct pair *pair, enum hf_key_algorithm algorithm)
{
    pair_open(pair, NULL);
    pair_add_keys(pair, algorithm, 61);
    assert_true(pair_connect(pair, 5000));
}

/* Every segment of a life is signed, in both directions, and nothing is refused. [R5925-18, R5925-21, R2385-04] */
static void a_whole_life_is_signed(void **state)
{
    (void)state;
    EACH(algorithm)
    {
        struct pair pair;

        begin(&pair, algorithm);
        pair_send(&pair, CLIENT, 60000);
        pair_send(&pair, SERVER, 60000);
        hf_close(pair.end[CLIENT].stack, pair.end[CLIENT].socket, pair.now_us);
        pair_settle(&pair);
        hf_close(pair.end[SERVER].stack, pair.end[SERVER].socket, pair.now_us);
        pair_wait(&pair, 1000000);
        for (uint32_t i = 0; i < pair.kept_count; i++)
            assert_int_not_equal(pair_mac_at(&pair.kept[i]), 0);
        for (int end = 0; end < 2; end++) {
            const struct hf_stats *stats = pair_stats(&pair, end);

            assert_int_equal(stats->auth_signed, stats->segments_out);
            assert_int_equal(stats->auth_verified, stats->segments_in);
            assert_int_equal(stats->auth_wrong + stats->auth_missing + stats->auth_no_key, 0);
        }
        pair_close(&pair);
    }
}

/* A RST exactly at the edge, unsigned or wrongly signed, ends nothing and is answered by nothing; signed, it resets.
 * [RFC 5961 3.2; R5925-26, R2385-02, R2385-05] */
static void a_forged_reset_does_nothing(void **state)
{
    (void)state;
    EACH(algorithm)
    {
        struct pair pair;
        struct pair_frame frame;
        struct segment rst;

        begin(&pair, algorithm);
        rst = (struct segment){.seq = tcb_of(&pair, SERVER)->rcv_nxt, .flags = TCP_RST};
        pair_forge_unsigned(&pair, CLIENT, &rst, &frame);
        assert_false(pair_give(&pair, SERVER, frame.data, frame.length));
        assert_int_equal(pair.end[SERVER].last_reason, HF_STAT_auth_missing);
        assert_silent(&pair, SERVER);

        pair_forge(&pair, CLIENT, &rst, &frame);
        for (uint32_t bit = 0; bit < 96; bit++) {
            struct pair_frame wrong = frame;

            wrong.data[pair_mac_at(&frame) + bit / 8] ^= (uint8_t)(1 << bit % 8);
            pair_mend(&wrong);
            assert_false(pair_give(&pair, SERVER, wrong.data, wrong.length));
            assert_int_equal(pair.end[SERVER].last_reason, HF_STAT_auth_wrong);
            assert_silent(&pair, SERVER);
        }
        assert_int_equal(pair_state(&pair, SERVER), HF_STATE_ESTABLISHED);
        pair_send(&pair, CLIENT, 1000);
        rst.seq = tcb_of(&pair, SERVER)->rcv_nxt;
        rst.options.present = 0;
        pair_forge(&pair, CLIENT, &rst, &frame);
        assert_true(pair_give(&pair, SERVER, frame.data, frame.length));
        assert_int_equal(pair_state(&pair, SERVER), HF_STATE_CLOSED);
        pair_close(&pair);
    }
}

/* What is answered to a signed question is signed too: the challenge ACK. [RFC 5961 3.2] */
static void a_challenge_is_signed(void **state)
{
    (void)state;
    EACH(algorithm)
    {
        struct pair pair;
        struct pair_frame frame, answer;
        struct packet packet;
        struct segment rst;

        begin(&pair, algorithm);
        rst =
            (struct segment){.seq = seq_add(tcb_of(&pair, SERVER)->rcv_nxt, 100), .flags = TCP_RST};
        pair_forge(&pair, CLIENT, &rst, &frame);
        (void)pair_give(&pair, SERVER, frame.data, frame.length);
        assert_int_equal(pair.end[SERVER].last_reason, HF_STAT_rst_challenged);
        assert_true(pair_take(&pair, SERVER, &answer, &packet));
        assert_int_not_equal(pair_mac_at(&answer), 0);
        assert_true(pair_give(&pair, CLIENT, answer.data, answer.length));
        assert_int_equal(pair_stats(&pair, CLIENT)->auth_wrong, 0);
        pair_close(&pair);
    }
}

/* Our own RST is signed: the peer believes it. */
static void our_reset_is_believed(void **state)
{
    (void)state;
    EACH(algorithm)
    {
        struct pair pair;

        begin(&pair, algorithm);
        hf_abort(pair.end[CLIENT].stack, pair.end[CLIENT].socket, pair.now_us);
        pair_settle(&pair);
        assert_int_equal(pair_state(&pair, SERVER), HF_STATE_CLOSED);
        assert_int_equal(pair_stats(&pair, SERVER)->connections_reset, 1);
        pair_close(&pair);
    }
}

/* A connection's segments mean nothing to the next one of the same ports: its initial numbers are in the keys.
 * [RFC 5925 5.2; R5925-12] */
static void replays_are_strangers(void **state)
{
    (void)state;
    EACH_AO(algorithm)
    {
        struct pair pair;
        uint32_t old;

        begin(&pair, algorithm);
        pair_send(&pair, CLIENT, 20000);
        hf_abort(pair.end[SERVER].stack, pair.end[SERVER].socket, pair.now_us);
        pair_settle(&pair);
        hf_close(pair.end[CLIENT].stack, pair.end[CLIENT].socket, pair.now_us);
        old = pair.kept_count;
        pair_wait(&pair, 100000);
        assert_true(pair_connect(&pair, 5000));
        for (uint32_t i = 0; i < old; i++) {
            const struct pair_frame *frame = &pair.kept[i];
            uint64_t verified = pair_stats(&pair, frame->to)->auth_verified;
            bool bare_syn = (frame->data[IPV4_HEADER + 13] & (TCP_SYN | TCP_ACK)) == TCP_SYN;

            (void)pair_give(&pair, frame->to, frame->data, frame->length);
            assert_int_equal(pair_stats(&pair, frame->to)->auth_verified, verified + bare_syn);
        }
        pair_settle(&pair); /* the old SYN was challenged, no more */
        pair_send(&pair, CLIENT, 5000);
        pair_send(&pair, SERVER, 5000);
        pair_close(&pair);
    }
}

/* The same segment again is verified again, and TCP knows that it had it. */
static void a_duplicate_is_a_duplicate(void **state)
{
    struct pair pair;
    uint32_t last;

    (void)state;
    begin(&pair, HF_KEY_HMAC_SHA_1_96);
    pair_send(&pair, CLIENT, 500);
    for (last = pair.kept_count; pair.kept[--last].to != SERVER || pair.kept[last].length < 500;)
        continue;
    (void)pair_give(&pair, SERVER, pair.kept[last].data, pair.kept[last].length);
    assert_int_equal(pair.end[SERVER].last_reason, HF_STAT_segment_out_of_window);
    assert_int_equal(pair_stats(&pair, SERVER)->auth_wrong, 0);
    pair_close(&pair);
}

/* ---- at the door ---- */

static void one_syn(struct pair *pair, int64_t now_us, struct pair_frame *frame)
{
    struct hf_endpoint remote, local = {.port = 6000};
    struct packet packet;

    assert_int_equal(hf_endpoint_parse(&remote, "192.0.2.2:80"), HF_OK);
    assert_int_equal(
        hf_connect(pair->end[CLIENT].stack, &local, &remote, &pair->end[CLIENT].socket, now_us),
        HF_OK);
    assert_true(pair_take(pair, CLIENT, frame, &packet));
}

/* Without the key: silence, one counter, and an event. [R5925-20, R5925-23] */
static void a_syn_without_its_key_meets_silence(void **state)
{
    (void)state;
    EACH(algorithm)
    {
        const struct hf_key key = pair_key(algorithm, 61);
        struct hf_event event;
        struct pair_frame frame;
        struct pair pair;

        pair_open(&pair, NULL);
        pair_add_key(&pair, SERVER, &key);
        one_syn(&pair, pair.now_us, &frame);
        assert_false(pair_give(&pair, SERVER, frame.data, frame.length));
        assert_int_equal(pair.end[SERVER].last_reason, HF_STAT_auth_syn_missing);
        assert_int_equal(pair_stats(&pair, SERVER)->auth_syn_missing, 1);
        assert_int_equal(pair_stats(&pair, SERVER)->syn_received, 0);
        assert_silent(&pair, SERVER);
        assert_true(hf_event_take(&pair.end[SERVER].events, &event));
        assert_int_equal(event.kind, HF_EVENT_SIGNATURE);
        assert_int_equal(event.value, HF_SIGNATURE_MISSING);
        pair_close(&pair);
    }
}

static void other_listener(struct pair *pair, bool require_key)
{
    const struct hf_listen_options options = {.require_key = require_key};

    assert_int_equal(hf_listen_change(pair->end[SERVER].stack, pair->end[SERVER].listener, &options,
                                      pair->now_us),
                     HF_OK);
}

/* A listener that requires keys knows nobody of whom none speaks. */
static void a_listener_that_requires_keys(void **state)
{
    const struct hf_key other = {.algorithm = HF_KEY_HMAC_SHA_1_96,
                                 .remote = {{{[10] = 0xff, [11] = 0xff, 198, 51, 100, 0}}, 24},
                                 .secret = "x",
                                 .secret_length = 1};
    struct pair_frame frame;
    struct pair pair;

    (void)state;
    pair_open(&pair, NULL);
    pair_add_key(&pair, SERVER, &other);
    other_listener(&pair, true);
    one_syn(&pair, pair.now_us, &frame);
    assert_false(pair_give(&pair, SERVER, frame.data, frame.length));
    assert_int_equal(pair.end[SERVER].last_reason, HF_STAT_auth_syn_missing);
    assert_silent(&pair, SERVER);
    other_listener(&pair, false);
    assert_true(pair_give(&pair, SERVER, frame.data, frame.length));
    pair_close(&pair);
}

/* Each way to be wrong has its name; all meet silence. [R5925-02, R5925-03, R5925-08, R5925-22,
 * R5925-24] */
static void each_fault_has_its_counter(void **state)
{
    struct pair pair;
    struct pair_frame syn, frame;

    (void)state;
    pair_open(&pair, NULL);
    pair_add_keys(&pair, HF_KEY_HMAC_SHA_1_96, 61);
    one_syn(&pair, pair.now_us, &syn);

    frame = syn;
    frame.data[pair_mac_at(&frame) - 2] = 62; /* KeyID */
    pair_mend(&frame);
    assert_false(pair_give(&pair, SERVER, frame.data, frame.length));
    assert_int_equal(pair.end[SERVER].last_reason, HF_STAT_auth_no_key);

    frame = syn;
    frame.data[pair_mac_at(&frame) - 3] = 12; /* length, the rest of the MAC padded away */
    memset(frame.data + pair_mac_at(&frame) + 8, TCP_KIND_NOP, 4);
    pair_mend(&frame);
    assert_false(pair_give(&pair, SERVER, frame.data, frame.length));
    assert_int_equal(pair.end[SERVER].last_reason, HF_STAT_auth_length);

    frame = syn;
    memset(frame.data + pair_mac_at(&frame) + 12, TCP_KIND_NOP, 20); /* a second one behind it */
    frame.data[pair_mac_at(&frame) + 12] = TCP_KIND_AO;
    frame.data[pair_mac_at(&frame) + 13] = 16;
    pair_mend(&frame);
    assert_false(pair_give(&pair, SERVER, frame.data, frame.length));
    assert_int_equal(pair.end[SERVER].last_reason, HF_STAT_auth_both);

    frame.data[pair_mac_at(&frame) + 12] = TCP_KIND_MD5; /* the other kind beside it */
    frame.data[pair_mac_at(&frame) + 13] = 18;
    pair_mend(&frame);
    assert_false(pair_give(&pair, SERVER, frame.data, frame.length));
    assert_int_equal(pair.end[SERVER].last_reason, HF_STAT_auth_both);
    assert_silent(&pair, SERVER);
    assert_true(pair_give(&pair, SERVER, syn.data, syn.length));
    pair_close(&pair);
}

/* A signature that nobody has a key for is no reason to refuse whom no key speaks of. [R5925-19] */
static void an_unknown_signature_of_a_stranger_is_ignored(void **state)
{
    const struct hf_key key = pair_key(HF_KEY_HMAC_SHA_1_96, 61);
    struct pair_frame frame;
    struct packet packet;
    struct pair pair;

    (void)state;
    pair_open(&pair, NULL);
    pair_add_key(&pair, CLIENT, &key);
    one_syn(&pair, pair.now_us, &frame);
    assert_true(pair_give(&pair, SERVER, frame.data, frame.length));
    assert_true(pair_take(&pair, SERVER, &frame, &packet));
    assert_int_equal(pair_mac_at(&frame), 0);
    assert_false(pair_give(&pair, CLIENT, frame.data, frame.length)); /* but the client minds */
    assert_int_equal(pair.end[CLIENT].last_reason, HF_STAT_auth_missing);
    pair_close(&pair);
}

/* To no connection, from a peer with a key: silence where others are told RST, and an event. */
static void strays_meet_silence(void **state)
{
    (void)state;
    EACH(algorithm)
    {
        struct pair pair;
        struct hf_event event;
        uint32_t strays = 0;
        bool told = false;

        begin(&pair, algorithm);
        pair_send(&pair, CLIENT, 100);
        hf_abort(pair.end[CLIENT].stack, pair.end[CLIENT].socket, pair.now_us);
        hf_close(pair.end[SERVER].stack, pair.end[SERVER].socket, pair.now_us);
        pair_settle(&pair);
        for (uint32_t i = 0; i < pair.kept_count; i++) {
            const struct pair_frame *frame = &pair.kept[i];
            uint8_t flags = frame->data[IPV4_HEADER + 13];

            if (frame->to != SERVER || (flags & (TCP_RST | TCP_SYN)))
                continue;
            assert_false(pair_give(&pair, SERVER, frame->data, frame->length));
            assert_int_equal(pair.end[SERVER].last_reason, HF_STAT_auth_stray);
            assert_silent(&pair, SERVER);
            strays++;
        }
        assert_true(strays > 1);
        while (hf_event_take(&pair.end[SERVER].events, &event))
            told |= event.kind == HF_EVENT_SIGNATURE && event.value == HF_SIGNATURE_STRAY;
        assert_true(told);
        pair_close(&pair);
    }
}

/* ---- cache and cookies ---- */

static void no_memory_for_syns(struct hf_config *config)
{
    config->max_half_opens = 1;
}

/* Nothing is kept of a SYN, and the ACK that brings the cookie back is verified with the numbers in it. */
static void cookies_are_signed(void **state)
{
    (void)state;
    EACH(algorithm)
    {
        struct hf_listen_options options = {.cookies = HF_COOKIES_ALWAYS};
        struct pair_frame frame;
        struct packet packet;
        struct pair pair;

        pair_open(&pair, no_memory_for_syns);
        pair_add_keys(&pair, algorithm, 61);
        hf_listen_change(pair.end[SERVER].stack, pair.end[SERVER].listener, &options, pair.now_us);
        one_syn(&pair, pair.now_us, &frame);
        assert_true(pair_give(&pair, SERVER, frame.data, frame.length));
        assert_true(pair_take(&pair, SERVER, &frame, &packet));
        assert_true(pair_give(&pair, CLIENT, frame.data, frame.length));
        assert_true(pair_take(&pair, CLIENT, &frame, &packet)); /* the ACK */
        frame.data[pair_mac_at(&frame)] ^= 1;
        pair_mend(&frame);
        assert_false(pair_give(&pair, SERVER, frame.data, frame.length));
        assert_int_equal(pair_stats(&pair, SERVER)->cookie_opened, 0);
        frame.data[pair_mac_at(&frame)] ^=
            1; /* it was not committed: the right one is still good */
        pair_mend(&frame);
        assert_true(pair_give(&pair, SERVER, frame.data, frame.length));
        assert_int_equal(pair_stats(&pair, SERVER)->cookie_opened, 1);
        assert_int_equal(
            hf_accept(pair.end[SERVER].stack, pair.end[SERVER].listener, &pair.end[SERVER].socket),
            HF_OK);
        pair_send(&pair, CLIENT, 5000);
        pair_send(&pair, SERVER, 5000);
        pair_close(&pair);
    }
}

/* The client gives up and asks anew, and gets a cookie beside his half-open: what brings it back is verified with the numbers
 * that it names itself. */
static void a_cookie_beside_a_half_open_is_signed(void **state)
{
    (void)state;
    EACH(algorithm)
    {
        struct hf_listen_options options = {.cookies = HF_COOKIES_ALWAYS};
        struct pair_frame frame;
        struct packet packet;
        struct pair pair;

        pair_open(&pair, NULL);
        pair_add_keys(&pair, algorithm, 61);
        one_syn(&pair, pair.now_us, &frame);
        assert_true(pair_give(&pair, SERVER, frame.data, frame.length));
        assert_true(pair_take(&pair, SERVER, &frame, &packet)); /* lost */
        hf_close(pair.end[CLIENT].stack, pair.end[CLIENT].socket, pair.now_us);
        hf_listen_change(pair.end[SERVER].stack, pair.end[SERVER].listener, &options, pair.now_us);
        pair.now_us += 100000;
        one_syn(&pair, pair.now_us, &frame);
        assert_true(pair_give(&pair, SERVER, frame.data, frame.length));
        assert_true(pair_take(&pair, SERVER, &frame, &packet));
        assert_true(pair_give(&pair, CLIENT, frame.data, frame.length));
        assert_true(pair_take(&pair, CLIENT, &frame, &packet)); /* the ACK */
        assert_true(pair_give(&pair, SERVER, frame.data, frame.length));
        assert_int_equal(pair_stats(&pair, SERVER)->cookie_opened, 1);
        pair_close(&pair);
    }
}

/* A SYN-ACK that is sent again is signed again. */
static void a_syn_ack_again_is_signed(void **state)
{
    struct pair_frame frame;
    struct packet packet;
    struct pair pair;

    (void)state;
    pair_open(&pair, NULL);
    pair_add_keys(&pair, HF_KEY_AES_128_CMAC_96, 61);
    one_syn(&pair, pair.now_us, &frame);
    assert_true(pair_give(&pair, SERVER, frame.data, frame.length));
    assert_true(pair_take(&pair, SERVER, &frame, &packet)); /* lost */
    pair.now_us += 1100000;
    hf_tick(pair.end[SERVER].stack, pair.now_us);
    assert_true(pair_take(&pair, SERVER, &frame, &packet));
    assert_int_equal(packet.segment.flags, TCP_SYN | TCP_ACK);
    assert_true(pair_give(&pair, CLIENT, frame.data, frame.length));
    pair_settle(&pair);
    assert_int_equal(pair_state(&pair, CLIENT), HF_STATE_ESTABLISHED);
    pair_close(&pair);
}

/* A SYN's options fit beside the longest signature: 40 bytes. [R5925-25, R2385-06] */
static void all_options_fit(void **state)
{
    (void)state;
    EACH(algorithm)
    {
        struct pair_frame frame;
        struct pair pair;

        pair_open(&pair, NULL);
        pair_add_keys(&pair, algorithm, 61);
        one_syn(&pair, pair.now_us, &frame);
        assert_true(frame.data[IPV4_HEADER + 12] >> 4 <= 15);
        assert_true(pair_give(&pair, SERVER, frame.data, frame.length));
        pair_settle(&pair);
        assert_int_equal(
            hf_accept(pair.end[SERVER].stack, pair.end[SERVER].listener, &pair.end[SERVER].socket),
            HF_OK);
        struct hf_status status;
        assert_int_equal(hf_status(pair.end[SERVER].stack, pair.end[SERVER].socket, &status),
                         HF_OK);
        assert_true(status.timestamps && status.sack && status.window_scaling);
        pair_send(&pair, CLIENT, 20000);
        for (uint32_t i = 0; i < pair.kept_count; i++)
            assert_true(pair.kept[i].length <= 1500);
        pair_close(&pair);
    }
}

/* ---- TIME-WAIT ---- */

/* Its record takes a second slot, answers with a signature and hears nobody without one. */
static void time_wait_is_signed(void **state)
{
    (void)state;
    EACH(algorithm)
    {
        struct pair_frame fin, answer, wrong;
        struct hf_gauges gauges;
        struct packet packet;
        struct pair pair;
        bool found = false;

        begin(&pair, algorithm);
        hf_close(pair.end[SERVER].stack, pair.end[SERVER].socket, pair.now_us);
        pair_settle(&pair);
        hf_close(pair.end[CLIENT].stack, pair.end[CLIENT].socket, pair.now_us);
        pair_settle(&pair);
        hf_gauges(pair.end[SERVER].stack, &gauges);
        assert_int_equal(gauges.time_waits, 2);
        for (uint32_t i = 0; i < pair.kept_count; i++)
            if (pair.kept[i].to == SERVER && (pair.kept[i].data[IPV4_HEADER + 13] & TCP_FIN)) {
                fin = pair.kept[i];
                found = true;
            }
        assert_true(found);
        wrong = fin;
        wrong.data[pair_mac_at(&wrong)] ^= 1;
        pair_mend(&wrong);
        assert_false(pair_give(&pair, SERVER, wrong.data, wrong.length));
        assert_int_equal(pair.end[SERVER].last_reason, HF_STAT_auth_wrong);
        assert_silent(&pair, SERVER);
        pair.now_us += 2000000;
        assert_true(pair_give(&pair, SERVER, fin.data, fin.length));
        assert_true(pair_take(&pair, SERVER, &answer, &packet));
        assert_int_not_equal(pair_mac_at(&answer), 0);
        pair_wait(&pair, 1000000);
        assert_true(pair_connect(&pair, 5000)); /* and the port can be used again */
        pair_send(&pair, CLIENT, 1000);
        hf_gauges(pair.end[SERVER].stack, &gauges);
        assert_int_equal(gauges.time_waits, 0);
        pair_close(&pair);
    }
}

static void one_time_wait(struct hf_config *config)
{
    config->max_time_waits = 1;
}

/* With room for one slot there is no record at all, rather than one that is not signed. */
static void a_record_without_its_second_slot_is_none(void **state)
{
    struct hf_gauges gauges;
    struct pair pair;

    (void)state;
    pair_open(&pair, one_time_wait);
    pair_add_keys(&pair, HF_KEY_HMAC_SHA_1_96, 61);
    assert_true(pair_connect(&pair, 5000));
    hf_close(pair.end[SERVER].stack, pair.end[SERVER].socket, pair.now_us);
    pair_settle(&pair);
    hf_close(pair.end[CLIENT].stack, pair.end[CLIENT].socket, pair.now_us);
    pair_settle(&pair);
    hf_gauges(pair.end[SERVER].stack, &gauges);
    assert_int_equal(gauges.time_waits, 0);
    pair_close(&pair);
}

/* ---- keys ---- */

static struct hf_signing signing_of(const struct pair *pair, int end)
{
    struct hf_signing signing;

    assert_int_equal(hf_signing(pair->end[end].stack, pair->end[end].socket, &signing), HF_OK);
    return signing;
}

/* Both ends get a second key, one after the other; the connection goes over to it when both have it, and the first may go.
 * [RFC 5925 6.1; R5925-07, R5925-09, R5925-14, R5925-16] */
static void keys_take_over_under_traffic(void **state)
{
    (void)state;
    EACH_AO(algorithm)
    {
        const struct hf_key first = pair_key(algorithm, 61), second = pair_key(algorithm, 84);
        struct pair pair;

        begin(&pair, algorithm);
        pair_add_key(&pair, CLIENT, &second);
        pair_send(&pair, CLIENT, 5000);
        assert_int_equal(signing_of(&pair, CLIENT).next_id, 84); /* it asks ... */
        assert_int_equal(signing_of(&pair, SERVER).received_next_id, 84);
        assert_int_equal(signing_of(&pair, SERVER).send_id, 61); /* ... in vain */
        pair_add_key(&pair, SERVER, &second);
        pair_send(&pair, CLIENT, 5000);
        pair_send(&pair, SERVER, 5000);
        for (int end = 0; end < 2; end++) {
            assert_int_equal(signing_of(&pair, end).send_id, 84);
            assert_int_equal(signing_of(&pair, end).received_id, 84);
            assert_int_equal(hf_key_remove(pair.end[end].stack, &first), HF_OK);
        }
        pair_send(&pair, CLIENT, 5000);
        pair_send(&pair, SERVER, 5000);
        assert_int_equal(pair_stats(&pair, CLIENT)->auth_wrong, 0);
        assert_int_equal(pair_stats(&pair, CLIENT)->auth_no_key, 0);
        pair_close(&pair);
    }
}

/* Whoever recorded the first SYN has one segment of the old key that is right for ever. It begins another connection, and says
 * nothing about the keys of this one: neither what it signs with, nor what an operator is told of its peer. [RFC 5925 7.5] */
static void an_old_syn_moves_no_key(void **state)
{
    (void)state;
    EACH_AO(algorithm)
    {
        const struct hf_key second = pair_key(algorithm, 84);
        struct pair_frame syn;
        struct pair pair;
        uint64_t verified;

        begin(&pair, algorithm);
        syn = pair.kept[0];
        assert_int_equal(syn.data[IPV4_HEADER + 13], TCP_SYN);
        pair_add_key(&pair, CLIENT, &second);
        pair_add_key(&pair, SERVER, &second);
        pair_send(&pair, CLIENT, 5000);
        pair_send(&pair, SERVER, 5000);
        assert_int_equal(signing_of(&pair, SERVER).send_id, 84);
        verified = pair_stats(&pair, SERVER)->auth_verified;
        (void)pair_give(&pair, SERVER, syn.data, syn.length);
        assert_int_equal(pair_stats(&pair, SERVER)->auth_verified, verified + 1);
        assert_int_equal(signing_of(&pair, SERVER).send_id, 84);
        assert_int_equal(signing_of(&pair, SERVER).received_id, 84);
        pair_send(&pair, SERVER, 5000);
        pair_close(&pair);
    }
}

/* A TCP-AO key is for the next connection: one that MD5 signs stays as it is. [R5925-02, R5925-29] */
static void a_better_key_is_for_the_next_connection(void **state)
{
    struct pair pair;

    (void)state;
    begin(&pair, HF_KEY_MD5);
    pair_add_keys(&pair, HF_KEY_HMAC_SHA_1_96, 84);
    pair_send(&pair, CLIENT, 20000);
    pair_send(&pair, SERVER, 20000);
    assert_int_equal(signing_of(&pair, CLIENT).algorithm, HF_KEY_MD5);
    for (uint32_t i = 0; i < pair.kept_count; i++)
        assert_true(pair.kept[i].length <= 1500);
    assert_true(pair_connect(&pair, 5001));
    assert_int_equal(signing_of(&pair, CLIENT).algorithm, HF_KEY_HMAC_SHA_1_96);
    pair_send(&pair, CLIENT, 5000);
    pair_close(&pair);
}

/* A longer signature under way: segments still fit the path. */
static void a_longer_signature_takes_over(void **state)
{
    const struct hf_key second = pair_key(HF_KEY_HMAC_SHA_256_128, 84);
    struct pair pair;

    (void)state;
    begin(&pair, HF_KEY_HMAC_SHA_1_96);
    pair_send(&pair, CLIENT, 20000);
    pair_add_key(&pair, CLIENT, &second);
    pair_add_key(&pair, SERVER, &second);
    pair_send(&pair, CLIENT, 40000);
    pair_send(&pair, SERVER, 40000);
    assert_int_equal(signing_of(&pair, CLIENT).send_id, 84);
    for (uint32_t i = 0; i < pair.kept_count; i++)
        assert_true(pair.kept[i].length <= 1500);
    pair_close(&pair);
}

/* The user may choose what is signed with and what is asked for. [R5925-16, R5925-17] */
static void keys_can_be_chosen(void **state)
{
    const struct hf_key second = pair_key(HF_KEY_HMAC_SHA_1_96, 84);
    struct hf_key listed;
    uint64_t cursor = 0;
    struct pair pair;

    (void)state;
    begin(&pair, HF_KEY_HMAC_SHA_1_96);
    pair_add_key(&pair, SERVER, &second);
    pair_add_key(&pair, CLIENT, &second);
    assert_int_equal(hf_sign_with(pair.end[CLIENT].stack, pair.end[CLIENT].socket, 84, 61), HF_OK);
    assert_int_equal(hf_sign_with(pair.end[CLIENT].stack, pair.end[CLIENT].socket, 85, 61),
                     HF_INVALID);
    assert_int_equal(signing_of(&pair, CLIENT).send_id, 84);
    assert_int_equal(signing_of(&pair, CLIENT).next_id, 61);
    assert_int_equal(hf_key_next(pair.end[CLIENT].stack, &cursor, &listed), HF_OK);
    assert_int_equal(listed.send_id, 61);
    assert_null(listed.secret);
    assert_int_equal(hf_key_next(pair.end[CLIENT].stack, &cursor, &listed), HF_OK);
    assert_int_equal(listed.send_id, 84);
    assert_int_equal(hf_key_next(pair.end[CLIENT].stack, &cursor, &listed), HF_AGAIN);
    pair_close(&pair);
}

/* The last key is gone: nothing is sent and nothing believed, and nothing crashes. */
static void without_its_last_key_a_connection_is_mute(void **state)
{
    (void)state;
    EACH(algorithm)
    {
        const struct hf_key key = pair_key(algorithm, 61);
        struct pair pair;

        begin(&pair, algorithm);
        assert_int_equal(hf_key_remove(pair.end[SERVER].stack, &key), HF_OK);
        assert_int_equal(hf_key_remove(pair.end[SERVER].stack, &key), HF_NO_SOCKET);
        assert_true(hf_send(pair.end[CLIENT].stack, pair.end[CLIENT].socket, "x", 1, pair.now_us) ==
                    1);
        assert_true(hf_send(pair.end[SERVER].stack, pair.end[SERVER].socket, "x", 1, pair.now_us) ==
                    1);
        pair_wait(&pair, 3000000);
        assert_true(pair_stats(&pair, SERVER)->auth_mute > 0);
        assert_true(pair_stats(&pair, SERVER)->auth_no_key > 0);
        assert_int_equal(pair_stats(&pair, SERVER)->bytes_received, 0);
        pair_close(&pair);
    }
}

static bool has(const struct pair_end *end, const void *what, size_t length)
{
    return memmem(end->memory, end->memory_bytes, what, length) != NULL;
}

/* No secret is left in the stack's memory once its key is removed; but for the ciphers' own keys none was ever there. */
static void secrets_are_wiped(void **state)
{
    (void)state;
    EACH(algorithm)
    {
        const struct hf_key key = pair_key(algorithm, 61);
        struct auth_session before;
        struct pair pair;
        uint32_t slot;

        begin(&pair, algorithm);
        pair_send(&pair, CLIENT, 3000);
        pair_send(&pair, SERVER, 3000);
        slot = socket_slot(pair.end[SERVER].socket);
        before = *pair.end[SERVER].stack->signing.calls->session(pair.end[SERVER].stack, slot);
        if (algorithm != HF_KEY_MD5) {
            assert_true(has(&pair.end[SERVER], before.send.key.state, 32));
            assert_true(has(&pair.end[SERVER], before.receive.key.state, 32));
        }
        assert_int_equal(hf_key_remove(pair.end[SERVER].stack, &key), HF_OK);
        assert_false(has(&pair.end[SERVER], key.secret, key.secret_length));
        if (algorithm != HF_KEY_MD5) {
            assert_false(has(&pair.end[SERVER], before.send.key.state, 32));
            assert_false(has(&pair.end[SERVER], before.receive.key.state, 32));
        }
        pair_close(&pair);
    }
}

static void without_crypto_nothing_is_signed(void **state)
{
    const struct hf_key key = pair_key(HF_KEY_HMAC_SHA_1_96, 61);
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct hf_env env = {0};
    struct hf_stack *stack;

    (void)state;
    config.max_keys = 4;
    assert_int_equal(hf_prefix_parse(&config.addresses[0], "192.0.2.1/24"), HF_OK);
    env.memory_bytes = hf_memory_needed(&config);
    env.memory = aligned_alloc(64, (env.memory_bytes + 63) & ~(size_t)63);
    assert_int_equal(hf_init(&stack, &config, &env, 0), HF_OK);
    assert_int_equal(hf_key_add(stack, &key), HF_NO_CRYPTO);
    free(env.memory);
}

static void one_session(struct hf_config *config)
{
    config->max_signed = 1;
}

static void sessions_have_a_limit(void **state)
{
    struct hf_endpoint remote;
    hf_socket second;
    struct pair pair;

    (void)state;
    pair_open(&pair, one_session);
    pair_add_keys(&pair, HF_KEY_HMAC_SHA_1_96, 61);
    assert_true(pair_connect(&pair, 5000));
    assert_int_equal(hf_endpoint_parse(&remote, "192.0.2.2:80"), HF_OK);
    assert_int_equal(hf_connect(pair.end[CLIENT].stack, NULL, &remote, &second, pair.now_us),
                     HF_NO_ROOM);
    assert_int_equal(pair_stats(&pair, CLIENT)->auth_no_room, 1);
    hf_abort(pair.end[CLIENT].stack, pair.end[CLIENT].socket, pair.now_us);
    pair_settle(&pair);
    assert_true(pair_connect(&pair, 5001)); /* the session is free again */
    pair_close(&pair);
}

/* ---- sequence numbers that wrap ---- */

/* A connection whose numbers wrap after 20000 bytes: the clock in the initial number is set to that. */
static void connect_near_the_end(struct pair *pair)
{
    struct hf_status status;

    assert_true(pair_connect(pair, 5000));
    assert_int_equal(hf_status(pair->end[CLIENT].stack, pair->end[CLIENT].socket, &status), HF_OK);
    hf_abort(pair->end[CLIENT].stack, pair->end[CLIENT].socket, pair->now_us);
    pair_settle(pair);
    hf_close(pair->end[SERVER].stack, pair->end[SERVER].socket, pair->now_us);
    pair->now_us += 4 * (int64_t)(uint32_t)(0u - 20000u - status.iss);
    hf_tick(pair->end[CLIENT].stack, pair->now_us);
    hf_tick(pair->end[SERVER].stack, pair->now_us);
    assert_true(pair_connect(pair, 5000));
    assert_int_equal(hf_status(pair->end[CLIENT].stack, pair->end[CLIENT].socket, &status), HF_OK);
    assert_true(status.iss > 0xffff0000u);
}

/* The extension rises at both ends, and what was sent before the wrap and arrives after it still has the old one.
 * [RFC 9187 4; R5925-15] */
static void the_extension_rises_at_the_wrap(void **state)
{
    (void)state;
    EACH_AO(algorithm)
    {
        struct pair_frame old;
        struct pair pair;
        uint64_t verified;
        uint32_t before;

        pair_open(&pair, NULL);
        pair_add_keys(&pair, algorithm, 61);
        connect_near_the_end(&pair);
        before = pair.kept_count;
        pair_send(&pair, CLIENT, 100000);
        assert_int_equal(
            pair.end[CLIENT]
                    .stack->signing.calls
                    ->session(pair.end[CLIENT].stack, socket_slot(pair.end[CLIENT].socket))
                    ->terms.sent >>
                32,
            1);
        assert_int_equal(
            pair.end[SERVER]
                    .stack->signing.calls
                    ->session(pair.end[SERVER].stack, socket_slot(pair.end[SERVER].socket))
                    ->terms.received >>
                32,
            1);
        assert_int_equal(pair_stats(&pair, SERVER)->auth_wrong, 0);
        while (pair.kept[before].to != SERVER || pair.kept[before].length < 1000)
            before++;
        old = pair.kept[before];
        assert_true(get_be32(old.data + IPV4_HEADER + 4) > 0xffff0000u);
        verified = pair_stats(&pair, SERVER)->auth_verified;
        (void)pair_give(&pair, SERVER, old.data, old.length); /* TCP knows that it had it */
        assert_int_equal(pair_stats(&pair, SERVER)->auth_verified, verified + 1);
        assert_int_equal(pair_stats(&pair, SERVER)->auth_wrong, 0);
        pair_close(&pair);
    }
}

/* ---- ICMP ---- */

static uint32_t too_big(uint8_t *packet, const struct pair_frame *quoted, uint16_t mtu)
{
    const struct ipv4 header = {
        .source = address_v4(0xc00002fe),
        .destination = address_v4(0xc0000201),
        .total_length = IPV4_HEADER + 8 + 28,
        .ttl = 64,
        .protocol = IP_ICMPV4,
    };
    uint8_t *message = packet + ipv4_build(packet, &header);

    memset(message, 0, 8);
    message[0] = 3;
    message[1] = 4;
    put_be16(message + 6, mtu);
    memcpy(message + 8, quoted->data, 28);
    put_be16(message + 2, (uint16_t)~checksum_sum(message, 36));
    return IPV4_HEADER + 36;
}

/* "Packet too big" about a segment in flight: ignored with TCP-AO, heard with MD5. [R5925-27] */
static void icmp_is_ignored_with_ao(void **state)
{
    (void)state;
    EACH(algorithm)
    {
        struct pair_frame sent;
        struct packet packet;
        struct pair pair;
        uint8_t message[128], text[3000] = {0};
        uint16_t mss;

        begin(&pair, algorithm);
        mss = tcb_of(&pair, CLIENT)->mss;
        hf_send(pair.end[CLIENT].stack, pair.end[CLIENT].socket, text, sizeof text, pair.now_us);
        assert_true(pair_take(&pair, CLIENT, &sent, &packet));
        (void)pair_give(&pair, CLIENT, message, too_big(message, &sent, 1000));
        if (algorithm == HF_KEY_MD5) {
            assert_true(tcb_of(&pair, CLIENT)->mss < mss);
            assert_int_equal(pair_stats(&pair, CLIENT)->auth_icmp_ignored, 0);
        } else {
            assert_int_equal(tcb_of(&pair, CLIENT)->mss, mss);
            assert_int_equal(pair_stats(&pair, CLIENT)->auth_icmp_ignored, 1);
        }
        pair_close(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_life_is_signed),
        cmocka_unit_test(a_forged_reset_does_nothing),
        cmocka_unit_test(a_challenge_is_signed),
        cmocka_unit_test(our_reset_is_believed),
        cmocka_unit_test(replays_are_strangers),
        cmocka_unit_test(a_duplicate_is_a_duplicate),
        cmocka_unit_test(a_syn_without_its_key_meets_silence),
        cmocka_unit_test(a_listener_that_requires_keys),
        cmocka_unit_test(each_fault_has_its_counter),
        cmocka_unit_test(an_unknown_signature_of_a_stranger_is_ignored),
        cmocka_unit_test(strays_meet_silence),
        cmocka_unit_test(cookies_are_signed),
        cmocka_unit_test(a_cookie_beside_a_half_open_is_signed),
        cmocka_unit_test(a_syn_ack_again_is_signed),
        cmocka_unit_test(all_options_fit),
        cmocka_unit_test(time_wait_is_signed),
        cmocka_unit_test(a_record_without_its_second_slot_is_none),
        cmocka_unit_test(keys_take_over_under_traffic),
        cmocka_unit_test(an_old_syn_moves_no_key),
        cmocka_unit_test(a_better_key_is_for_the_next_connection),
        cmocka_unit_test(a_longer_signature_takes_over),
        cmocka_unit_test(keys_can_be_chosen),
        cmocka_unit_test(without_its_last_key_a_connection_is_mute),
        cmocka_unit_test(secrets_are_wiped),
        cmocka_unit_test(without_crypto_nothing_is_signed),
        cmocka_unit_test(sessions_have_a_limit),
        cmocka_unit_test(the_extension_rises_at_the_wrap),
        cmocka_unit_test(icmp_is_ignored_with_ao),
    };

    if (!hf_os_crypto())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
