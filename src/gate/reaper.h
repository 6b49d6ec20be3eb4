/* Half-opens whose time is over, and those of a listener that closes. [RFC 9293 3.8.3, 3.10.4; RFC 4987 3.2] */
#ifndef GATE_REAPER_H
#define GATE_REAPER_H

#include "gate/gate.h"

enum reaper_task_kind {
    REAPER_DONE = 0, /* no more for now                                */
    REAPER_RESEND,   /* send task->seg, the SYN-ACK, again             */
    REAPER_RESET,    /* the half-open is gone; send task->seg, a RST   */
    REAPER_FORGET,   /* the half-open is gone, nothing is sent         */
};

struct reaper_task {
    struct flow flow;
    uint64_t hash;
    struct hf_mac to; /* the link address that the SYN came from */
    struct segment seg;
};

/* What is due: one half-open at a time, until REAPER_DONE. */
enum reaper_task_kind reaper_tick(struct gate *gate, struct reaper_task *task, int64_t now_us);

/* A listener closes: REAPER_RESET for each of its half-opens, then REAPER_DONE. */
enum reaper_task_kind reaper_listener_closed(struct gate *gate, uint32_t listener,
                                             struct reaper_task *task);

#endif
