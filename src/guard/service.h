/* A service in operation: its listeners, how many it serves, what became of them. */
#ifndef HF_GUARD_SERVICE_H
#define HF_GUARD_SERVICE_H

#include "base/list.h"
#include "guard/config.h"

#include <handfast/socket.h>

/* All only grow. How a relayed connection ended is counted once. */
#define SERVICE_COUNTERS(X)                                                     \
    X(accepted, "connections taken from the stack")                             \
    X(bytes_in, "bytes from clients given to the backend")                      \
    X(bytes_out, "bytes from the backend given to clients")                     \
    X(closed, "connections that both sides closed in order")                    \
    X(client_reset, "connections that the client, or the network to it, ended") \
    X(backend_reset, "connections that the backend reset")                      \
    X(backend_refused, "connections reset as the backend could not be reached") \
    X(connect_timed_out, "connections reset as the backend never answered")     \
    X(idle_timed_out, "connections reset as nothing moved for idle_timeout")    \
    X(cut, "connections reset as the guard ended")

struct service_counters {
#define SERVICE_FIELD(name, meaning) uint64_t name;
    SERVICE_COUNTERS(SERVICE_FIELD)
#undef SERVICE_FIELD
};

struct service {
    const struct config_service *config;
    hf_socket listeners[CONFIG_LIST_MAX];
    bool acceptable[CONFIG_LIST_MAX]; /* connections may wait there: the stack says so only once */
    uint32_t active;                  /* relays */
    struct list connecting, idle;     /* relays, by when something last moved */
    struct service_counters count;
};

/* Listens on every address. HF_OK or the first error; *item then says where. */
int service_open(struct service *service, struct hf_stack *stack, uint32_t index, uint32_t *item);

/* Accepts no more: half-opens and waiting connections are reset. */
void service_close(struct service *service, struct hf_stack *stack, int64_t now_us);

struct relays;

/* No new connections from now on, until it is resumed: SYNs are refused, connections that are there go on. */
void service_drain(struct relays *relays, struct service *service, int64_t now_us);

/* HF_OK, or why it cannot listen again. */
int service_resume(struct relays *relays, struct service *service, int64_t now_us);

/* Another configuration under the same name. Backends are matched by name; those that vanished finish what they have. The
 * configuration is copied. HF_OK, or the first error of a new listener, and then nothing has changed. */
int service_reconfigure(struct relays *relays, struct service *service,
                        const struct config_service *config, int64_t now_us);

/* The configuration has it no more: it listens no more, its relays go on until they end, then its slot is free
 * (config == NULL). */
void service_remove(struct relays *relays, struct service *service, int64_t now_us);

/* The service of this name that takes or may take connections, or NULL; and a free slot for a new one (set config, then
 * service_open), or NULL. A slot's index is its distance from relays->services. */
struct service *service_find(const struct relays *relays, const char *name);
struct service *service_free_slot(struct relays *relays);

/* A listener's user word in the stack; relays have their slot's number instead. */
#define SERVICE_USER (UINT64_C(1) << 63)

static inline uint64_t service_user(uint32_t service, uint32_t listener)
{
    return SERVICE_USER | (uint64_t)service << 8 | listener;
}

#endif
