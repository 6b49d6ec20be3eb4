/* Relays: each joins one connection of our stack to one of a backend's, both ways, without a buffer of its own.
 *
 * Bytes go from the stack's receive queue to the kernel and from the kernel into the stack's send queue, one copy each.
 * Whichever side is slow stops the other: what the backend does not take stays in the receive queue and closes the
 * client's window; what the client does not acknowledge fills the send queue, and then the backend is not read. FIN and
 * RST pass through in both directions. The kernel's buffers of a backend's socket have the limits of ours: by themselves
 * they would grow to some megabytes for whoever reads slowly.
 *
 * Readiness comes as edges from both sides (hf_take_ready, EPOLLET), so a relay remembers what it was told (readable,
 * writable) until a call answers "again", and each edge puts the relay on the run list. A turn of a relay moves at most
 * RELAY_TURN_BYTES each way; one that could go on stays on the list, and then the loop does not sleep.
 *
 * As long as no byte of the client's was given to a backend and none came from it, another backend may take its place:
 * refusals, silence and early resets cost the client a moment, not the connection. What we ourselves lack (descriptors,
 * ports) makes a relay wait until connect_timeout, and nobody new is accepted meanwhile.
 *
 * The slots are allocated once, at the start; full slots leave connections in the accept queue.
 */
#ifndef HF_GUARD_RELAY_H
#define HF_GUARD_RELAY_H

#include "base/list.h"
#include "guard/log.h"
#include "guard/prefix_count.h"
#include "guard/proxy_v2.h"
#include "guard/service.h"
#include "os/loop.h"

#define RELAY_TURN_BYTES ((size_t)256 * 1024)
#define RELAY_ACCEPTS_PER_TURN 64 /* of one listener */
#define RELAY_RETRY_US 5000       /* after something was full or lacking */

enum relay_state {
    RELAY_FREE,
    RELAY_WAITING, /* the backend's queue was full, or we lacked a descriptor or a port */
    RELAY_CONNECTING,
    RELAY_OPEN,
};

#define RELAY_NO_BACKEND UINT8_MAX

struct relays;

struct relay {
    struct loop_handler backend; /* fd -1: none */
    struct relays *relays;
    struct service *service;
    hf_socket client;
    uint64_t id;
    uint64_t bytes_in, bytes_out;
    int64_t moved_at_us; /* when something last moved, or when this attempt began */
    int64_t born_at_us;
    struct list_link run_link, timer_link, age_link;
    uint32_t prefix; /* its entry of relays->prefixes         */
    uint32_t tried;  /* backends that failed it, a bit each   */
    int error;       /* errno: why it waits                   */
    enum relay_state state;
    uint8_t server;          /* of the service's backends, or RELAY_NO_BACKEND */
    uint8_t attempts;        /* that failed */
    bool readable, writable; /* the backend, as far as we know */
    bool ended;              /* the stack says that the client's connection is over */
    bool finishing;    /* the backend's end of stream has come; it may not have been read yet */
    bool broken;       /* the backend's socket met an error */
    bool lost;         /* ... and what could be read was passed on: a reset is left */
    bool client_done;  /* the client's FIN was passed on */
    bool backend_done; /* the backend's end of stream was passed on */
    bool client_is_v4;
    uint8_t header_length, header_sent;
    uint8_t header[PROXY_V2_MAX];
};

_Static_assert(SERVICE_BACKENDS_MAX <= 32, "a bit for each backend");

struct relays {
    struct hf_stack *stack;
    struct loop *loop;
    struct log *log; /* NULL: silent */
    struct service *services;
    uint32_t service_count; /* slots from here on were never used */
    struct relay *slots;
    uint32_t slot_count; /* that were made */
    uint32_t limit, active;
    uint32_t from_backend_bytes, to_backend_bytes; /* the kernel's buffers; 0: as it likes */
    uint32_t unused;                               /* slots from here on were never used */
    uint64_t next_id;
    struct prefix_count prefixes;
    struct list free_list, run_list, retry_list;
    int64_t now_us;      /* of the last turn, for who acts between two */
    int64_t retry_at_us; /* for all that wait */
    struct want descriptors;
    int64_t health_at_us; /* the next check of a backend */
    bool accepting;       /* a listener may have more */
};

/* `relays` has what guard_start gives it. HF_OK, HF_NO_MEMORY or HF_SYSTEM. */
int relays_init(struct relays *relays, uint32_t limit);

/* Another limit, up to the first. If more are active already, no more are taken until there are fewer. */
void relays_set_limit(struct relays *relays, uint32_t limit);

/* Resets whatever is left. */
void relays_deinit(struct relays *relays, int64_t now_us);

/* Something of hf_take_ready. */
void relays_on_ready(struct relays *relays, const struct hf_ready *ready);

/* Accepts, and gives every relay on the run list its turn. */
void relays_run(struct relays *relays, int64_t now_us);

/* Connections that take too long, attempts that are due, checks of backends. */
void relays_expire(struct relays *relays, int64_t now_us);

/* When relays_run or relays_expire has something to do; 0: at once, INT64_MAX: nothing is known. */
int64_t relays_deadline(const struct relays *relays);

/* What is known of one relay, for people. The names live as long as the call. */
struct relay_view {
    uint64_t id;   /* never used again */
    uint32_t slot; /* where relays_kill finds it */
    uint32_t rtt_us;
    const char *service, *backend; /* backend: "" while there is none */
    const char *state; /* "waiting", "connecting", "open", "client-closed", "backend-closed" */
    enum hf_state tcp_state; /* of the client's connection */
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
void relays_cut_service(struct relays *relays, const struct service *service, int64_t now_us);

/* NULL, or what is not true of them between two turns (relay_check.c). It looks at everything: for tests. */
const char *relays_check(const struct relays *relays);

#endif
