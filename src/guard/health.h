/* Whether a backend is up: a connection attempt every check_interval says so, check_fall failures in a row make it down and
 * check_rise successes up again. The first check decides alone. Attempts never block: each is a socket in the loop. */
#ifndef HF_GUARD_HEALTH_H
#define HF_GUARD_HEALTH_H

#include "os/loop.h"

struct relays;

struct health {
    struct loop_handler probe; /* fd -1: none is under way */
    struct relays *relays;
    int64_t next_at_us;  /* the next attempt, or when the one under way is given up */
    int64_t began_at_us; /* the last attempt */
    int64_t since_us;    /* up or down       */
    bool up, known;      /* known: at least one check was decided */
    bool silent;         /* down, and the last attempt met no answer at all */
    bool answered;       /* the attempt under way is decided */
    int error;           /* of the last attempt that failed */
    uint32_t streak;     /* attempts in a row that say otherwise than `up` */
};

/* Up until it is known. */
void health_init(struct health *health);

/* Forgets the attempt under way. */
void health_stop(struct health *health);

/* Begins and ends what is due, of all backends. */
void health_run(struct relays *relays, int64_t now_us);

/* A client's connection met no answer or a refusal: the next check comes earlier. */
struct service;
void health_suspect(struct relays *relays, struct service *service, uint32_t backend,
                    int64_t now_us);

#endif
