/* Two stacks in one process, joined in memory: what most benchmarks stand on. */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

#include <handfast/os.h>
#include <handfast/socket.h>

#define PAIR_BATCH 64

struct pair_side {
    struct hf_stack *stack;
    struct hf_env env;
    hf_socket listener;
    struct hf_frame out[PAIR_BATCH]; /* slots in `buffers` */
    uint8_t *buffers;
};

struct pair {
    struct pair_side
        side[2];    /* 0: 192.0.2.1 the client, 1: 192.0.2.2 the server, listening on port 7 */
    int64_t now_us; /* virtual */
};

/* What both sides have; addresses are filled in. */
struct hf_config pair_config(uint32_t connections);

void pair_open(struct pair *pair, const struct hf_config *config);
void pair_close(struct pair *pair);

/* Carries all frames to and fro until both are silent. */
void pair_settle(struct pair *pair);

/* One batch from `from` to its peer; returns how many frames. */
size_t pair_carry(struct pair *pair, int from);

/* An established connection: its ends by side. */
void pair_connect(struct pair *pair, hf_socket ends[2]);

struct hf_endpoint pair_server(void);

#endif
