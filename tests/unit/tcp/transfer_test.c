/* Bytes from end to end, both ways, over a path that loses, reorders and duplicates. [RFC 9293 3.8] */
#include "pair.h"

static uint8_t pattern(int from, uint64_t at)
{
    return (uint8_t)(at * 2654435761u >> 13 ^ at ^ (from ? 0x5a : 0));
}

struct flow_job {
    uint64_t to_send, sent, received;
    bool closed;
};

static void push(struct pair *pair, int from, struct flow_job *job)
{
    struct end *end = &pair->end[from];
    uint8_t data[5000];

    while (end->open && end->tcb.end == TCP_END_NONE && job->sent < job->to_send) {
        size_t length = 1 + pair_random(pair) % sizeof data;
        ptrdiff_t taken;

        if (length > job->to_send - job->sent)
            length = (size_t)(job->to_send - job->sent);
        for (size_t i = 0; i < length; i++)
            data[i] = pattern(from, job->sent + i);
        taken = tcp_send(&end->tcp, &end->tcb, data, length, pair->now_us);
        if (taken <= 0)
            break;
        job->sent += (uint64_t)taken;
    }
    if (end->open && job->sent == job->to_send && !job->closed &&
        end->tcb.state >= TCP_ESTABLISHED && end->tcb.end == TCP_END_NONE) {
        assert_int_equal(tcp_shutdown(&end->tcp, &end->tcb, pair->now_us), HF_OK);
        job->closed = true;
    }
}

static void pull(struct pair *pair, int at, struct flow_job *job)
{
    struct end *end = &pair->end[at];
    uint8_t data[3000];
    ptrdiff_t got;

    if (!end->open)
        return;
    while ((got = tcp_receive(&end->tcp, &end->tcb, data, 1 + pair_random(pair) % sizeof data,
                              pair->now_us)) > 0) {
        for (ptrdiff_t i = 0; i < got; i++)
            assert_int_equal(data[i], pattern(1 - at, job->received + (uint64_t)i));
        job->received += (uint64_t)got;
    }
}

static void transfer(const struct hf_config *config, uint64_t seed, struct flow_job job[2],
                     unsigned faults)
{
    struct pair *pair = pair_new(config, seed);
    int64_t end_us = pair->now_us + 3000ll * US_PER_S;

    pair->loss_percent = faults;
    pair->reorder_percent = faults * 2;
    pair->duplicate_percent = faults;
    pair_connect(pair);
    do {
        for (int i = 0; i < 2; i++) {
            push(pair, i, &job[i]);
            pull(pair, i, &job[1 - i]);
        }
    } while (pair_step(pair) && pair->now_us < end_us);
    for (int i = 0; i < 2; i++) {
        if (job[i].received != job[i].to_send)
            fail_msg("seed %llu: end %d sent %llu of %llu, peer has %llu, states %d %d",
                     (unsigned long long)seed, i, (unsigned long long)job[i].sent,
                     (unsigned long long)job[i].to_send, (unsigned long long)job[i].received,
                     pair->end[0].tcb.state, pair->end[1].tcb.state);
        assert_true(pair->end[i].tcb.state == TCP_CLOSED ||
                    pair->end[i].tcb.state == TCP_TIME_WAIT);
        assert_int_equal(pair->end[i].tcb.rcv_held + pair->end[i].tcb.snd_held, 0);
    }
    pair_free(pair);
}

static struct hf_config config_of(uint64_t seed)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    config.timestamps = seed & 1;
    config.sack = seed & 2;
    config.window_scaling = seed & 4;
    config.nagle = seed & 8;
    config.receive_bytes = seed & 16 ? 300000 : 8000;
    config.send_bytes = seed & 32 ? 500000 : 5000;
    config.segmentation_bytes = seed & 64 ? 65535 : 0;
    return config;
}

static void clean_path(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 128; seed++) {
        struct hf_config config = config_of(seed);

        transfer(&config, seed, (struct flow_job[2]){{.to_send = 200000}, {.to_send = 70000}}, 0);
    }
}

static void bad_path(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 256; seed++) {
        struct hf_config config = config_of(seed);

        transfer(&config, seed, (struct flow_job[2]){{.to_send = 100000}, {.to_send = 30000}},
                 1 + (unsigned)(seed % 10));
    }
}

static void nothing_to_send(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 64; seed++) {
        struct hf_config config = config_of(seed);

        transfer(&config, seed, (struct flow_job[2]){{0}, {0}}, (unsigned)(seed % 20));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_path),
        cmocka_unit_test(bad_path),
        cmocka_unit_test(nothing_to_send),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
