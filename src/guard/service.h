/* A service in operation: its listeners, its backends, how many it serves, what became of them. */
#ifndef HF_GUARD_SERVICE_H
#define HF_GUARD_SERVICE_H

#include "base/list.h"
#include "guard/config.h"
#include "guard/health.h"

#include <handfast/socket.h>

/* All only grow. How a relayed connection ended is counted once: from `closed` on. */
#define SERVICE_COUNTERS(X)                                                           \
    X(accepted, "connections taken from the stack")                                   \
    X(bytes_in, "bytes from clients given to a backend")                              \
    X(bytes_out, "bytes from a backend given to clients")                             \
    X(retried, "attempts on another backend, before a byte of the client's was sent") \
    X(prefix_refused, "connections reset as their prefix had max_per_prefix already") \
    X(would_refuse, "connections that enforce = yes would have reset so")             \
    X(closed, "connections that both sides closed in order")                          \
    X(client_reset, "connections that the client, or the network to it, ended")       \
    X(backend_reset, "connections that the backend reset")                            \
    X(backend_refused, "connections reset as the backend could not be reached")       \
    X(no_backend, "connections reset as no backend was up")                           \
    X(connect_timed_out, "connections reset as no backend answered in time")          \
    X(idle_timed_out, "connections reset as nothing moved for idle_timeout")          \
    X(total_timed_out, "connections reset as they were older than total_timeout")     \
    X(killed, "connections reset by command")                                         \
    X(cut, "connections reset as the guard ended")

struct service_counters {
#define SERVICE_FIELD(name, meaning) uint64_t name;
    SERVICE_COUNTERS(SERVICE_FIELD)
#undef SERVICE_FIELD
};

enum service_life {
    SERVICE_FREE, /* a slot without a service                                     */
    SERVICE_OPEN,
    SERVICE_DRAINED, /* takes no new connections until it is resumed             */
    SERVICE_REMOVED, /* the configuration has it no more; free once the last ends */
};

#define SERVICE_LISTENERS_MAX (2 * CONFIG_LIST_MAX) /* while new ones take over from old ones */

struct service_listener {
    hf_socket socket; /* HF_NO_SUCH_SOCKET: none */
    struct hf_endpoint local;
    bool acceptable; /* connections may wait there: the stack says so only once */
};

/* Slots for those of the configuration and for as many that finish what they have. If still more vanish, the last slot
 * stands for all whose name is forgotten. */
#define SERVICE_BACKENDS_MAX (2 * CONFIG_BACKENDS_MAX + 1)
#define SERVICE_BACKEND_FORGOTTEN (SERVICE_BACKENDS_MAX - 1)

struct service_backend {
    const struct config_backend *config; /* NULL: the configuration has it no more */
    char name[CONFIG_NAME_MAX];          /* empty: a free slot                     */
    struct health health;
    uint32_t source;            /* which address connects next      */
    uint32_t active;            /* relays that use it or try to     */
    uint64_t connected, failed; /* attempts, since it was configured */
};

/* Something of our own that connections to backends lack: nobody is accepted meanwhile. */
struct want {
    bool now;         /* until those that wait try again */
    int64_t since_us; /* 0: it is not lacking */
};

struct service {
    const struct config_service *config; /* its owner keeps it */
    struct config_service *kept;         /* NULL; once removed, our own copy */
    enum service_life life;
    bool acceptable; /* some listener is */
    struct service_listener listeners[SERVICE_LISTENERS_MAX];
    struct service_backend backends[SERVICE_BACKENDS_MAX];
    uint32_t next_backend;        /* round robin begins here */
    struct want ports;            /* no address has one left for a backend */
    uint32_t active;              /* relays */
    struct list connecting, idle; /* relays, by when something last moved */
    struct list ages;             /* relays, by when they were accepted   */
    struct service_counters count;
};

/* `config` is set in a slot that is free: listens on every address, with its number as the user word. HF_OK; or the first
 * error, *item then says where, and the slot is free still. */
int service_open(struct service *service, struct hf_stack *stack, uint32_t index, uint32_t *item);

/* Accepts no more: half-opens and waiting connections are reset. */
void service_close(struct service *service, struct hf_stack *stack, int64_t now_us);

struct relays;

/* No new connections from now on, until it is resumed: SYNs are refused, connections that are there go on. */
void service_drain(struct relays *relays, struct service *service, int64_t now_us);

/* HF_OK, or why it cannot listen again. */
int service_resume(struct relays *relays, struct service *service, int64_t now_us);

/* Another configuration under the same name; the owner keeps it as he kept the one before. Backends are matched by name;
 * those that vanished finish what they have. HF_OK, or the first error of a new listener: then nothing has changed. */
int service_reconfigure(struct relays *relays, struct service *service,
                        const struct config_service *config, int64_t now_us);

/* The configuration has it no more: it listens no more, its relays go on until they end, then its slot is free. */
void service_remove(struct relays *relays, struct service *service, int64_t now_us);

/* The last relay of a service that was removed has ended. */
void service_release(struct service *service);

/* The service of this name that is open or drained, or NULL; and a free slot for a new one, or NULL. Their index is the
 * distance from relays->services. */
struct service *service_find(const struct relays *relays, const char *name);
struct service *service_free_slot(struct relays *relays);

/* A relay has left this backend; one that vanished is free when the last has. */
void service_leave_backend(struct service_backend *backend);

/* Backends that are up, of those in the configuration. */
uint32_t service_backends_up(const struct service *service);

/* A listener's user word in the stack; relays have their slot's number instead. */
#define SERVICE_USER (UINT64_C(1) << 63)

_Static_assert(SERVICE_LISTENERS_MAX <= 256, "a listener's number has eight bits");

static inline uint64_t service_user(uint32_t service, uint32_t listener)
{
    return SERVICE_USER | (uint64_t)service << 8 | listener;
}

#endif
