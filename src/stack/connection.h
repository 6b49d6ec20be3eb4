/* A connection: a TCB, the flow it belongs to, and its places in tables, lists and the timer wheel. [RFC 9293 3.3.1]
 *
 * Life: opened (by gate_commit or hf_connect) -> in the flow table until the TCB ends or enters TIME-WAIT -> if a user still
 * holds the socket, the slot stays (detached) until he gives it up -> released. After every tcp_* call on a connection
 * connection_after() must be called: it does what the call asks for.
 */
#ifndef STACK_CONNECTION_H
#define STACK_CONNECTION_H

#include <handfast/event.h>

#include "base/list.h"
#include "base/table.h"
#include "base/wheel.h"
#include "stack/neighbor.h"
#include "stack/watch.h"
#include "tcp/tcp.h"
#include "wire/flow.h"
#include "wire/packet.h"

enum connection_flag {
    CONNECTION_OPEN = 0x01,     /* the slot is in use                                             */
    CONNECTION_HAS_USER = 0x02, /* somebody holds the socket: hf_connect, or taken by hf_accept   */
    CONNECTION_QUEUED = 0x04,   /* in its listener's accept queue                                 */
    CONNECTION_DETACHED = 0x08, /* over: no longer in the flow table                              */
    CONNECTION_TIME_WAIT =
        0x10,                /* ... and a TIME-WAIT record was left: hf_status says TIME-WAIT  */
    CONNECTION_WAITS = 0x20, /* by_output is in its next hop's list of waiters                 */
    CONNECTION_TOLD_OPEN =
        0x40, /* HF_EVENT_CONNECTION_OPENED was put                             */
};

struct connection {
    _Alignas(CACHE_LINE) struct flow flow;
    uint32_t flags;             /* enum connection_flag */
    uint64_t hash;              /* T of the flow        */
    struct list_link by_output; /* the output list, or a neighbour's waiters */
    struct neighbor_ref neighbor;
    struct tcb tcb;
    struct wheel_entry timer;
    struct watched watched;
    struct list_link by_ready;
    struct list_link by_accept;
    uint32_t generation;      /* of the slot: never 0 in a socket's value */
    uint32_t listener;        /* slot of the listener that it came from, SLOT_NONE */
    uint32_t ready;           /* enum hf_readiness, to be taken by hf_take_ready   */
    uint32_t cookie_until_ms; /* opened by a cookie: until then its ACK may come again */
    uint64_t user;
};

_Static_assert(sizeof(struct connection) <= 448,
               "an idle connection costs at most 512 bytes in all");

struct connections {
    struct pool pool;
    struct table table; /* by T */
    struct wheel wheel;
    struct list output; /* want tcp_output, next first */
    struct list ready;  /* ready != 0 and a user to tell */
};

struct hf_stack;

void connections_init(struct connections *connections, struct arena *arena, uint32_t capacity,
                      int64_t now_us);

static inline struct connection *connection_at(const struct connections *connections, uint32_t slot)
{
    return pool_at(&connections->pool, slot);
}

static inline uint32_t connection_slot(const struct connections *connections,
                                       const struct connection *connection)
{
    return (uint32_t)((size_t)((const uint8_t *)connection - connections->pool.slots) /
                      connections->pool.stride);
}

/* The connection of a flow, or SLOT_NONE. */
uint32_t connection_find(const struct connections *connections, uint64_t hash,
                         const struct flow *flow);

/* Active OPEN of a new flow (demux_is_new): HF_OK or HF_NO_ROOM. The connection has a user. [RFC 9293 3.10.1] */
int connection_open_active(struct hf_stack *stack, const struct flow *flow, uint64_t hash,
                           uint32_t *slot, int64_t now_us);

/* A handshake is finished at arrived->listener: the connection joins its accept queue. SLOT_NONE: there is no room. */
struct gate_segment;
uint32_t connection_open_passive(struct hf_stack *stack, const struct gate_segment *arrived,
                                 const struct handshake *handshake, int64_t now_us);

/* What must follow every tcp_* call on a connection: a wanted RST goes into the outbox, readiness into the ready list, the
 * earliest deadline into the wheel, wanted output into the output list; a connection that ended leaves the flow table, and
 * its slot, if nobody holds it. So the slot may be gone afterwards. `from`: the link address of the frame that caused the call,
 * or NULL. */
void connection_after(struct hf_stack *stack, uint32_t slot, const struct hf_mac *from,
                      int64_t now_us);

/* hf_close and hf_abort, after tcp_close or tcp_abort: nobody holds the socket any more. Calls connection_after. */
void connection_drop_user(struct hf_stack *stack, uint32_t slot, int64_t now_us);

/* hf_accept: the oldest in the listener's queue, now with a user, or SLOT_NONE. Readiness that came before is announced. */
uint32_t connection_accept(struct hf_stack *stack, uint32_t listener);

/* All of a listener's connections that nobody has accepted are aborted. */
void connection_abort_queued(struct hf_stack *stack, uint32_t listener, int64_t now_us);

/* Files the earliest deadline in the wheel, if it is not filed already. */
void connection_file_deadline(struct connections *connections, uint32_t slot);

/* Deadlines that are due. */
void connections_tick(struct hf_stack *stack, int64_t now_us);

/* Next hops that were answered or failed: who waited for them may go on. */
void connections_wake(struct hf_stack *stack);

/* An error of the network about a flow: found and handed to tcp. false: no such connection. */
bool connection_icmp_error(struct hf_stack *stack, const struct flow *flow, seq quoted,
                           enum tcp_end hard, int64_t now_us);
bool connection_icmp_too_big(struct hf_stack *stack, const struct flow *flow, seq quoted,
                             uint32_t mtu, int64_t now_us);

/* Sockets as values: generation, kind, slot + 1. [socket.h] */
#define SOCKET_LISTENER_BIT UINT64_C(0x80000000)

static inline uint64_t socket_value(uint32_t generation, uint32_t slot, bool listener)
{
    return (uint64_t)generation << 32 | (listener ? SOCKET_LISTENER_BIT : 0) | (slot + 1);
}

static inline bool socket_is_listener(uint64_t socket)
{
    return socket & SOCKET_LISTENER_BIT;
}

static inline uint32_t socket_slot(uint64_t socket) /* SLOT_NONE if the value is 0 */
{
    return ((uint32_t)socket & 0x7fffffff) - 1;
}

static inline uint32_t socket_generation(uint64_t socket)
{
    return (uint32_t)(socket >> 32);
}

#endif
