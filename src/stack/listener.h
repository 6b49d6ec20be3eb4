/* Listeners: which address and port takes connections, and the queue of those that wait for hf_accept. [RFC 9293 3.10.1] */
#ifndef STACK_LISTENER_H
#define STACK_LISTENER_H

#include <handfast/socket.h>

#include "base/list.h"
#include "base/table.h"
#include "wire/flow.h"

#define LISTENER_BACKLOG 128 /* when the options name none */
#define LISTENER_OPTIONS 9   /* numbers of enum hf_option are below */

struct listener {
    struct list_link by_ready; /* first: a free slot's link lies over it */
    uint32_t generation;
    uint32_t backlog;
    struct list accept_queue;  /* connections, by_accept, oldest first */
    struct hf_address address; /* all zero: any of ours */
    uint16_t port;
    bool open;
    bool require_key;
    uint16_t options_set; /* a bit for each enum hf_option that was set for those to be accepted */
    uint32_t ready;       /* enum hf_readiness, to be taken by hf_take_ready */
    uint32_t options[LISTENER_OPTIONS];
    uint64_t user;
};

struct listeners {
    struct pool pool;
    struct table table;
    struct list ready; /* by_ready */
    /* The last that was found, as a flood asks for one only; port 0: none. */
    struct hf_address last_address;
    uint16_t last_port;
    uint32_t last;
};

struct hf_stack;

void listeners_init(struct listeners *listeners, struct arena *arena, uint32_t capacity);

static inline struct listener *listener_at(const struct listeners *listeners, uint32_t slot)
{
    return pool_at(&listeners->pool, slot);
}

/* Passive OPEN: HF_OK, HF_INVALID (port 0), HF_NO_ADDRESS, HF_ADDRESS_IN_USE, HF_NO_ROOM. */
int listener_open(struct hf_stack *stack, const struct hf_listen_options *options, uint32_t *slot);

/* Other options for one that is open; its address and user stay. */
void listener_change(struct hf_stack *stack, uint32_t slot, const struct hf_listen_options *options,
                     int64_t now_us);

/* CLOSE: half-opens and connections not yet accepted are reset. [RFC 9293 3.10.4] */
void listener_close(struct hf_stack *stack, uint32_t slot, int64_t now_us);

/* The listener for a local address and port: that of the address first, then the one for any. SLOT_NONE: none. */
uint32_t listener_find(struct listeners *listeners, const struct hf_address *local, uint16_t port);

static inline bool listener_queue_is_full(const struct listener *listener)
{
    return listener->accept_queue.count >= listener->backlog;
}

/* A connection joined its accept queue: HF_ACCEPTABLE is announced. */
void listener_announce(struct listeners *listeners, uint32_t slot);

#endif
