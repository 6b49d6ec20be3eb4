/* Two stacks in one process, joined in memory. Checksums are computed and verified. */
#include "pair.h"

#include <stdlib.h>

#include "bench.h"

#define SLOT_BYTES 2048

struct hf_config pair_config(uint32_t connections)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    config.max_connections = connections;
    config.max_half_opens = 1024;
    config.max_time_waits = 1024;
    config.nagle = false;
    return config;
}

static void side_open(struct pair_side *side, struct hf_config config, const char *address,
                      int64_t now_us)
{
    int error = hf_prefix_parse(&config.addresses[0], address);

    if (error == HF_OK)
        error = hf_os_env(&side->env, hf_memory_needed(&config));
    side->env.crypto = hf_os_crypto();
    if (error == HF_OK)
        error = hf_init(&side->stack, &config, &side->env, now_us);
    if (error == HF_OK)
        error = hf_listen_with(side->stack,
                               &(struct hf_listen_options){.local.port = 7, .backlog = 1024},
                               &side->listener);
    if (error != HF_OK)
        bench_fail(hf_error_text(error));
    side->buffers = aligned_alloc(64, (size_t)PAIR_BATCH * SLOT_BYTES);
    for (size_t i = 0; i < PAIR_BATCH; i++)
        side->out[i] =
            (struct hf_frame){.data = side->buffers + i * SLOT_BYTES, .capacity = SLOT_BYTES};
}

void pair_open(struct pair *pair, const struct hf_config *config)
{
    pair->now_us = 1000000;
    side_open(&pair->side[0], *config, "192.0.2.1/24", pair->now_us);
    side_open(&pair->side[1], *config, "192.0.2.2/24", pair->now_us);
    pair_settle(pair);
}

void pair_close(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        hf_os_env_free(&pair->side[i].env);
        free(pair->side[i].buffers);
    }
}

size_t pair_carry(struct pair *pair, int from)
{
    struct pair_side *side = &pair->side[from];
    size_t count = hf_output(side->stack, side->out, PAIR_BATCH, pair->now_us);

    if (count > 0)
        hf_input(pair->side[1 - from].stack, side->out, count, pair->now_us);
    return count;
}

void pair_settle(struct pair *pair)
{
    while (pair_carry(pair, 0) + pair_carry(pair, 1) > 0)
        pair->now_us++;
}

struct hf_endpoint pair_server(void)
{
    struct hf_endpoint server;

    if (hf_endpoint_parse(&server, "192.0.2.2:7") != HF_OK)
        bench_fail("192.0.2.2:7 does not parse");
    return server;
}

void pair_connect(struct pair *pair, hf_socket ends[2])
{
    struct hf_endpoint server = pair_server();
    struct hf_ready ready[16];
    int error = hf_connect(pair->side[0].stack, NULL, &server, &ends[0], pair->now_us);

    if (error != HF_OK)
        bench_fail(hf_error_text(error));
    for (int i = 0; i < 3; i++)
        pair_settle(pair);
    error = hf_accept(pair->side[1].stack, pair->side[1].listener, &ends[1]);
    if (error != HF_OK)
        bench_fail(hf_error_text(error));
    for (int i = 0; i < 2; i++)
        while (hf_take_ready(pair->side[i].stack, ready, 16) > 0)
            ;
}
