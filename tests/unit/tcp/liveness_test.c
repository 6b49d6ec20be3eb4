/* Two ends that do what users and networks do, in any order; then the network behaves, and both read: all text must arrive and
 * both must close; no byte takes minutes. Whoever waits has a timer, or somebody who will answer. [RFC 9293 3.8, MUST-36] */
#include "pair.h"

#include "base/bytes.h"

#define SECOND_US INT64_C(1000000)
#define PATIENCE_US (100 * SECOND_US) /* for the next byte: five times max_rto */

struct talk {
    struct pair *pair;
    uint64_t seed;
    uint32_t written[2], read[2];
    bool closed[2];
    unsigned idle; /* steps in which nothing was left to happen */
};

static uint8_t pattern(uint32_t at)
{
    return (uint8_t)(at * 2654435761u >> 9 ^ at);
}

static uint32_t below(struct talk *talk, uint32_t limit)
{
    return pair_random(talk->pair) % limit;
}

/* Small ones often, large ones at times. */
static uint32_t amount(struct talk *talk)
{
    return 1 + below(talk, 1u << below(talk, 15));
}

static void user_writes(struct talk *talk, int i, uint32_t length, bool urgent)
{
    struct end *end = &talk->pair->end[i];
    uint8_t text[32768];
    ptrdiff_t taken;

    for (uint32_t at = 0; at < length; at++)
        text[at] = pattern(talk->written[i] + at);
    taken = (urgent ? tcp_send_urgent : tcp_send)(&end->tcp, &end->tcb, text, length,
                                                  talk->pair->now_us);
    if (taken > 0)
        talk->written[i] += (uint32_t)taken;
}

static void user_reads(struct talk *talk, int i, uint32_t most)
{
    struct end *end = &talk->pair->end[i];
    uint8_t text[32768];
    ptrdiff_t got = tcp_receive(&end->tcp, &end->tcb, text, most, talk->pair->now_us);

    for (ptrdiff_t at = 0; at < got; at++)
        if (text[at] != pattern(talk->read[i] + (uint32_t)at))
            fail_msg("seed %llu: end %d reads a wrong byte", (unsigned long long)talk->seed, i);
    if (got > 0)
        talk->read[i] += (uint32_t)got;
}

static void user_sets(struct talk *talk, int i)
{
    static const enum hf_option options[] = {HF_NODELAY, HF_CORK, HF_QUICK_ACK, HF_SEND_BYTES,
                                             HF_RECEIVE_BYTES};
    struct end *end = &talk->pair->end[i];
    unsigned which = below(talk, 5);

    tcp_set_option(&end->tcp, &end->tcb, options[which], which < 3 ? below(talk, 2) : amount(talk),
                   talk->pair->now_us);
}

static void path_shrinks(struct talk *talk, int i)
{
    struct end *end = &talk->pair->end[i];
    seq quoted = seq_add(end->tcb.snd_una, below(talk, 3000));

    tcp_icmp_too_big(&end->tcp, &end->tcb, quoted, 500 + below(talk, 1000), talk->pair->now_us);
}

static void something_happens(struct talk *talk)
{
    struct pair *pair = talk->pair;
    int i = (int)below(talk, 2);

    switch (below(talk, 12)) {
    case 0:
    case 1:
    case 2:
    case 3: user_writes(talk, i, amount(talk), false); break;
    case 4: user_writes(talk, i, amount(talk), true); break;
    case 5:
    case 6: user_reads(talk, i, amount(talk)); break;
    case 7: user_sets(talk, i); break;
    case 8: path_shrinks(talk, i); break;
    case 9: pair->loss_percent = below(talk, 3) ? below(talk, 40) : 100; break;
    case 10: pair->reorder_percent = below(talk, 60); break;
    default:
        if (below(talk, 20) == 0) {
            struct end *end = &pair->end[i];

            tcp_shutdown(&end->tcp, &end->tcb, pair->now_us);
            talk->closed[i] = true;
        }
    }
}

static void tell(const struct talk *talk, const char *what)
{
    for (int i = 0; i < 2; i++) {
        const struct tcb *tcb = &talk->pair->end[i].tcb;

        print_message(
            "end %d: state %d end %d flags %#x in flight %u SND.WND %u cwnd %u mss %u rtx %d "
            "send queue %u RCV.WND %u receive queue %u limit %u RTO %u deadline %lld\n",
            i, tcb->state, tcb->end, tcb->flags, seq_distance(tcb->snd_una, tcb->snd_nxt),
            tcb->snd_wnd, tcb->congestion.cwnd, tcb->mss, seq_diff(tcb->rtx_end, tcb->rtx_nxt),
            tcb->snd_queue.length, tcb_rcv_wnd(tcb), tcb->rcv_queue.length, tcb->rcv_limit,
            tcb->rto_us, (long long)(tcb_deadline(tcb) - talk->pair->now_us));
    }
    fail_msg("seed %llu: %s", (unsigned long long)talk->seed, what);
}

static bool all_arrived(const struct talk *talk)
{
    return talk->read[0] == talk->written[1] && talk->read[1] == talk->written[0];
}

static bool is_over(const struct talk *talk, int i)
{
    const struct tcb *tcb = &talk->pair->end[i].tcb;

    return tcb->end == TCP_END_CLOSED || tcb->state == TCP_TIME_WAIT;
}

static void both_read(struct talk *talk)
{
    for (int i = 0; i < 2; i++)
        user_reads(talk, i, 32768);
    for (int i = 0; i < 2; i++)
        pair_pump(talk->pair, i);
}

/* One event, and both read what there is. */
static void behave(struct talk *talk, int64_t until_us, const char *what)
{
    talk->idle = pair_step(talk->pair) ? 0 : talk->idle + 1;
    both_read(talk);
    for (int i = 0; i < 2; i++)
        if (talk->pair->end[i].tcb.end > TCP_END_CLOSED)
            tell(talk, "an end gave up");
    if (talk->pair->now_us > until_us || talk->idle > 2)
        tell(talk, what);
}

static void come_to_an_end(struct talk *talk)
{
    struct pair *pair = talk->pair;
    int64_t until_us = pair->now_us + PATIENCE_US;

    pair->loss_percent = pair->reorder_percent = pair->duplicate_percent = 0;
    both_read(talk);
    while (!all_arrived(talk)) {
        uint32_t before = talk->read[0] + talk->read[1];

        behave(talk, until_us, "all text arrives");
        if (talk->read[0] + talk->read[1] != before)
            until_us = pair->now_us + PATIENCE_US;
    }
    until_us = pair->now_us + PATIENCE_US;
    for (int i = 0; i < 2; i++)
        if (!talk->closed[i])
            assert_int_equal(tcp_shutdown(&pair->end[i].tcp, &pair->end[i].tcb, pair->now_us),
                             HF_OK);
    while (!is_over(talk, 0) || !is_over(talk, 1))
        behave(talk, until_us, "both ends close");
}

static struct hf_config some_config(uint64_t seed)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    config.user_timeout_ms = 24u * 3600 * 1000;
    config.timestamps = seed & 1;
    config.sack = seed & 2;
    config.nagle = seed & 4;
    config.window_scale = seed & 8 ? (uint8_t)(seed >> 4 & 15) % 15 : 0;
    config.delayed_ack_ms = seed & 256 ? 40 : 0;
    config.receive_bytes = seed & 512 ? 3000 : 65536;
    config.max_rto_ms = 20000;
    return config;
}

static void talk_once(uint64_t seed)
{
    struct hf_config config = some_config(seed * 0x9e3779b97f4a7c15u >> 20);
    struct talk talk = {.pair = pair_established(&config, seed), .seed = seed};

    talk.pair->duplicate_percent = (unsigned)(seed % 3) * 5;
    for (unsigned i = below(&talk, 300); i > 0; i--) {
        something_happens(&talk);
        for (unsigned steps = below(&talk, 8); steps > 0; steps--)
            pair_step(talk.pair);
        if (talk.pair->end[0].tcb.end > TCP_END_CLOSED ||
            talk.pair->end[1].tcb.end > TCP_END_CLOSED)
            tell(&talk, "an end gave up");
    }
    come_to_an_end(&talk);
    pair_free(talk.pair);
}

static void talks(void **state)
{
    const char *text = getenv("HF_LIVENESS_SEEDS");
    uint64_t first = text ? strtoull(text, NULL, 10) : 0, count = text ? 100000000 : 1500;

    (void)state;
    for (uint64_t seed = first; seed < first + count; seed++)
        talk_once(seed);
    talk_once(12121); /* a window that shrank on a flight, at both ends */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(talks)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
