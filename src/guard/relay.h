/* Relays: each joins one connection of our stack to one of a backend's, both ways, without a buffer of its own.
 *
 * Bytes go from the stack's receive queue to the kernel and from the kernel into the stack's send queue, one copy each.
 * Whichever side is slow stops the other: what the backend does not take stays in the receive queue and closes the
 * client's window; what the client does not acknowledge fills the send queue, and then the backend is not read. FIN and
 * RST pass through in both directions.
 *
 * Readiness comes as edges from both sides (hf_take_ready, EPOLLET), so a relay remembers what it was told (readable,
 * writable) until a call answers "again", and each edge puts the relay on the run list. A turn of a relay moves at most
 * RELAY_TURN_BYTES each way; one that could go on stays on the list, and then the loop does not sleep.
 *
 * The slots are allocated once, at the start; full slots leave connections in the accept queue.
 */
#ifndef HF_GUARD_RELAY_H
#define HF_GUARD_RELAY_H

#include "base/list.h"
#include "guard/log.h"
#include "guard/proxy_v2.h"
#include "guard/service.h"
#include "os/loop.h"

#define RELAY_TURN_BYTES ((size_t)256 * 1024)
#define RELAY_ACCEPTS_PER_TURN 64 /* of one listener */
#define RELAY_RETRY_US 5000       /* after a unix socket's queue was full */

enum relay_state {
    RELAY_FREE,
    RELAY_RETRYING, /* the backend's queue was full */
    RELAY_CONNECTING,
    RELAY_OPEN,
};

struct relays;

struct relay {
    struct loop_handler backend; /* fd -1: none */
    struct relays *relays;
    struct service *service;
    hf_socket client;
    int64_t moved_at_us; /* when something last moved, or when it was accepted */
    struct list_link run_link, timer_link;
    enum relay_state state;
    bool readable, writable; /* the backend, as far as we know */
    bool ended;              /* the stack says that the client's connection is over */
    bool finishing;    /* the backend's end of stream has come; it may not have been read yet */
    bool broken;       /* the backend's socket met an error */
    bool client_done;  /* the client's FIN was passed on */
    bool backend_done; /* the backend's end of stream was passed on */
    uint8_t header_length, header_sent;
    uint8_t header[PROXY_V2_MAX];
};

struct relays {
    struct hf_stack *stack;
    struct loop *loop;
    struct log *log; /* NULL: silent */
    struct service *services;
    uint32_t service_count;
    struct relay *slots;
    uint32_t limit, active;
    uint32_t unused; /* slots from here on were never used */
    struct list free_list, run_list, retry_list;
    int64_t retry_at_us; /* for all that retry */
    bool accepting;      /* a listener may have more */
};

/* `relays` has stack, loop, log and services set. HF_OK or HF_NO_MEMORY. */
int relays_init(struct relays *relays, uint32_t limit);

/* Resets whatever is left. */
void relays_deinit(struct relays *relays, int64_t now_us);

/* Something of hf_take_ready. */
void relays_on_ready(struct relays *relays, const struct hf_ready *ready);

/* Accepts, and gives every relay on the run list its turn. */
void relays_run(struct relays *relays, int64_t now_us);

/* Connections that take too long. */
void relays_expire(struct relays *relays, int64_t now_us);

/* When relays_run or relays_expire has something to do; 0: at once, INT64_MAX: nothing is known. */
int64_t relays_deadline(const struct relays *relays);

/* What is known of one relay, for people. The names and texts live as long as the call. */
struct relay_view {
    uint64_t id;   /* never used again */
    uint32_t slot; /* where relays_kill finds it */
    uint32_t rtt_us;
    const char *service, *backend; /* backend: "" while there is none */
    const char *state;             /* "connecting", "waiting", "open", "closing" */
    struct hf_endpoint client, local;
    uint64_t bytes_in, bytes_out; /* from the client, to the client */
    int64_t age_us, idle_us;
};

/* The relay in a slot below relays->unused. False: there is none. */
bool relays_view(const struct relays *relays, uint32_t slot, struct relay_view *view,
                 int64_t now_us);

/* Shows all of them, until `visit` answers false. True: all were shown. */
bool relays_visit(const struct relays *relays,
                  bool (*visit)(void *context, const struct relay_view *view), void *context,
                  int64_t now_us);

/* Resets one, both ways. False: it has ended already. */
bool relays_kill(struct relays *relays, uint32_t slot, uint64_t id, int64_t now_us);

/* Resets every relay, counted as cut. Returns how many. */
uint32_t relays_cut(struct relays *relays, int64_t now_us);

#endif
