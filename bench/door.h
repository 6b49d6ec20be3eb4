/* A server and the frames of strangers at its door: made by hand, so that only the server is timed. */
#ifndef BENCH_DOOR_H
#define BENCH_DOOR_H

#include <handfast/os.h>
#include <handfast/socket.h>

#include "wire/segment.h"

#define DOOR_BATCH 64
#define DOOR_SLOT 256
#define DOOR_PORT 7

struct door {
    struct hf_stack *stack;
    struct hf_env env;
    hf_socket listener;
    struct hf_frame in[DOOR_BATCH], out[DOOR_BATCH];
    uint8_t *buffers;
    uint64_t chance; /* state of a generator: the same frames in every run */
    int64_t now_us;
    int64_t ns;      /* timed so far */
    uint64_t frames; /* in it        */
};

struct hf_config door_config(void);
void door_open(struct door *door, const struct hf_config *config,
               const struct hf_listen_options *options);
void door_close(struct door *door);

uint32_t door_chance(struct door *door);

/* Frame number i of the next batch: a segment from a stranger (address and port by chance), or from the sender of frame i. */
void door_write(struct door *door, size_t i, const struct segment *seg);
void door_write_again(struct door *door, size_t i, const struct segment *seg);

/* ... from a sender that is known; the text must fit into DOOR_SLOT with its headers. */
struct flow;
void door_write_flow(struct door *door, size_t i, const struct flow *flow,
                     const struct segment *seg);

/* A SYN as Linux sends it: MSS, SACK permitted, timestamps, scale. */
struct segment door_syn(struct door *door);

/* The batch goes in, and whatever comes out is fetched: both timed. Returns how many came out. */
size_t door_time(struct door *door, size_t count);

/* The same untimed. */
size_t door_pass(struct door *door, size_t count);

#endif
