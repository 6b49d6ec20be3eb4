/* The servers that are attacked: both echo, both are one thread; one is our stack over a TAP, the other the Linux kernel's. */
#ifndef LAB_TARGET_H
#define LAB_TARGET_H

#include <stdatomic.h>

#include <handfast/socket.h>
#include <handfast/stats.h>

#include "lab/siege_network.h"

/* What is done about a flood: the cures of the textbook, one by one, then together. */
enum defence {
    DEFENCE_NONE, /* half-opens wait long, and whoever comes when the queue is full is not heard    */
    DEFENCE_RELEASE, /* the oldest half-open gives way, and each waits but briefly                     */
    DEFENCE_CACHE, /* the same with a large cache, of which one source gets only a share             */
    DEFENCE_COOKIE, /* nothing is kept: every SYN is answered by a cookie                             */
    DEFENCE_ALL, /* a cache while it is calm, cookies under pressure: what Handfast does           */
    DEFENCES,
};

const char *defence_name(enum defence defence);

struct target_plan {
    enum defence defence;
    uint32_t connections; /* 0: 8192                           */
    uint64_t pool_bytes;  /* 0: the stack's own choice         */
    bool second_queue;    /* bare SYNs wait in a queue of their own, which is drained last */
};

/* What our stack did, as it was when it was last asked. */
struct target_report {
    uint64_t honest_syns;     /* honest clients that a SYN reached hf_input from        */
    uint64_t honest_accepted; /* of them, those whose connection came out of hf_accept  */
    uint64_t accepted;
    uint64_t frames_in, frames_out, send_dropped;
    int64_t cpu_us;
    uint32_t pressure; /* enum hf_pressure: the highest since the start */
    struct hf_stats stats;
    struct hf_gauges gauges;
    uint32_t connections_peak;
    uint64_t pool_peak_bytes;
};

/* A server and what it shares with the lab. */
struct target {
    struct target_plan plan;
    atomic_int state; /* enum target_state */
    int error;        /* TARGET_FAILED: enum hf_error */
    atomic_uint asked, told;
    struct target_report report; /* as of `told` */
};

enum target_state {
    TARGET_STARTING = 0,
    TARGET_READY,
    TARGET_FAILED,
};

/* As children (siege_child.run); shared is a struct target. */
void target_run(void *shared);
void kernel_target_run(void *shared);

/* Asks a running target for its figures as they are now. False: it does not answer within ten seconds. */
bool target_ask(struct target *target);

#endif
