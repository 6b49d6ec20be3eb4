/* What the parts of the attacker share: its order, its caps, its interface, its pace. */
#ifndef TESTS_LAB_ATTACKER_H
#define TESTS_LAB_ATTACKER_H

#include <stdbool.h>
#include <stdint.h>

#include "forge.h"

/* Nothing that is asked for goes beyond these. */
#define ATTACKER_SECONDS_MAX 60u
#define ATTACKER_FRAMES_MAX UINT64_C(100000000)
#define ATTACKER_HELD_MAX 65535u

enum attacker_mode {
    MODE_SYN, /* SYNs from random addresses of a prefix and random ports                          */
    MODE_ACK, /* the same with ACKs                                                               */
    MODE_RESET, /* RSTs in the name of one flow, sequence numbers swept                             */
    MODE_HOLD, /* clients that ask and keep their window closed                                    */
    MODE_ECHO, /* echo requests in the name of others                                              */
};

struct attacker_order {
    enum attacker_mode mode;
    struct forge_plan plan;
    uint32_t from; /* network order: the prefix, or the client whose name is used */
    uint8_t from_length;
    uint16_t from_port; /* 0: random                                */
    uint32_t step;      /* MODE_RESET: between sequence numbers     */
    uint32_t first;     /* MODE_RESET: the first one                */
    uint64_t rate;      /* frames a second, or new clients a second; 0: as fast as it goes */
    uint64_t count;     /* frames, or clients; then it ends         */
    uint32_t seconds;
    int lab_fd;
};

struct attacker {
    struct attacker_order order;
    int fd; /* a packet socket on the one interface */
    uint64_t sent, refused;
    uint64_t random;
    int64_t began_us, ends_us;
    struct forge_template template; /* generate.c's */
    int program, map;
    void *progress;
};

/* Whether it is to go on: neither told to stop, nor at a cap, nor left by the lab. */
bool attacker_goes_on(struct attacker *attacker);

/* How many frames are due now, at most `most`; sleeps a little when there are none. */
uint32_t attacker_due(struct attacker *attacker, uint64_t done, uint32_t most);

uint64_t attacker_random(struct attacker *attacker);
int64_t attacker_now_us(void);

void attacker_flood(struct attacker *attacker); /* all modes but MODE_HOLD */
void attacker_hold(struct attacker *attacker);

#endif
