/* Challenges of one connection say nothing about another: the side channel of a shared counter is not there.
 * [RFC 5961 7] [RFC 5961 10] */
#include "peer.h"

#define VICTIM_PORT 4001
#define OWN_PORT 4002

/* What somebody forges at the victim's connection: all of it is challenged, if the guess is good. */
enum forged {
    FORGED_NOTHING,
    FORGED_RST,
    FORGED_SYN,
    FORGED_ACK,
    FORGED_KINDS,
};

static struct segment forge(enum forged what, seq rcv_nxt, seq snd_nxt)
{
    struct segment seg = {.seq = seq_add(rcv_nxt, 100), .ack = snd_nxt, .window = 8000};

    seg.flags = what == FORGED_RST ? TCP_RST : what == FORGED_SYN ? TCP_SYN : TCP_ACK;
    if (what == FORGED_ACK)
        seg.ack = seq_add(snd_nxt, 100000); /* of what was never sent */
    return seg;
}

/* How many challenges the attacker gets at his own connection within a second, after `forged` was sent to the victim's. */
static unsigned own_challenges(enum forged forged, enum forged own_kind)
{
    struct hf_config config = peer_config();
    struct flow victim, own;
    struct segment seg;
    unsigned challenges = 0;
    struct peer peer;
    seq at_victim, at_own;

    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    victim = own = peer_flow(&peer);
    victim.remote = address_v4(0xc6336407);
    victim.remote_port = VICTIM_PORT;
    own.remote_port = OWN_PORT;
    at_victim = peer_connect(&peer, &victim, 5000);
    at_own = peer_connect(&peer, &own, 7000);
    for (int i = 0; i < 2000 && forged != FORGED_NOTHING; i++) {
        seg = forge(forged, seq_of(5001), at_victim);
        peer_send_flow(&peer, &victim, &seg);
        while (peer_take(&peer))
            ;
    }
    for (int i = 0; i < 2000; i++) {
        seg = forge(own_kind, seq_of(7001), at_own);
        peer_send_flow(&peer, &own, &seg);
        while (peer_take(&peer))
            challenges += peer.packet.kind == PACKET_TCP;
        if (i % 4 == 0)
            peer_wait(&peer, 2);
    }
    peer_close(&peer);
    return challenges;
}

/* [R5961-11] */
static void one_connection_says_nothing_about_another(void **state)
{
    (void)state;
    for (int own = FORGED_RST; own < FORGED_KINDS; own++) {
        unsigned quiet = own_challenges(FORGED_NOTHING, (enum forged)own);

        assert_true(quiet > 0 && quiet < 200); /* throttled by itself */
        for (int forged = FORGED_RST; forged < FORGED_KINDS; forged++)
            assert_int_equal(own_challenges((enum forged)forged, (enum forged)own), quiet);
    }
}

/* Nor does a connection draw on what strangers get, or the other way round. */
static void connections_and_strangers_do_not_share(void **state)
{
    struct hf_config config = peer_config();
    struct segment stray = {.seq = {1}, .ack = {2}, .flags = TCP_ACK}, rst;
    struct peer peer;
    struct flow own;
    seq at_own;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    own = peer_flow(&peer);
    own.remote_port = OWN_PORT;
    at_own = peer_connect(&peer, &own, 7000);
    for (int i = 0; i < 5000; i++) /* every budget of the prefix is used up */
        peer_send(&peer, &stray);
    while (peer_take(&peer))
        ;
    assert_true(stat_of(&peer, HF_STAT_stray_over_budget) > 0);
    rst = forge(FORGED_RST, seq_of(7001), at_own);
    peer_send_flow(&peer, &own, &rst);
    assert_int_equal(peer_receive(&peer), TCP_ACK);
    peer_close(&peer);
}

/* Half-opens are challenged from a budget that flows of other prefixes share, so it is not one that can be counted: what
 * another prefix used up is within what every second draws anew. */
static void half_opens_say_little(void **state)
{
    struct hf_config config = peer_config();
    unsigned least = UINT32_MAX, most = 0;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    for (uint16_t second = 0; second < 40; second++) {
        struct segment syn = syn_of(1), odd = {.seq = {7}, .flags = TCP_ACK, .ack = {9}};
        struct flow flow = peer_flow(&peer);
        unsigned answers = 0;

        peer_wait(&peer, 2000);
        flow.remote_port = (uint16_t)(1000 + second);
        peer_send_flow(&peer, &flow, &syn);
        while (peer_take(&peer))
            ;
        for (int i = 0; i < 400; i++) {
            peer_send_flow(&peer, &flow, &odd);
            while (peer_take(&peer))
                answers++;
        }
        assert_true(answers > 0 && answers <= 62);
        least = answers < least ? answers : least;
        most = answers > most ? answers : most;
    }
    peer_close(&peer);
    print_message("%u to %u answers\n", least, most);
    assert_true(most > least);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_says_nothing_about_another),
        cmocka_unit_test(connections_and_strangers_do_not_share),
        cmocka_unit_test(half_opens_say_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
