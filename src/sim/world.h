/* A world: stacks, the links between them and virtual time. Nothing in it depends on anything but its seed.
 *
 * The stacks hang on one wire: what one sends, every other gets (with two of them, its peer). Each has its own direction of
 * the link with its own faults. One step goes to the next instant at which anything happens: frames arrive, timers run, the
 * actors (applications) act, what the stacks want to send is taken, and the invariants are checked.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <handfast/event.h>
#include <handfast/handfast.h>
#include <handfast/socket.h>
#include <handfast/stats.h>

#include "sim/flight.h"
#include "sim/link.h"
#include "sim/random.h"

#define WORLD_NODES_MAX 4
#define WORLD_BATCH_MAX 16
#define WORLD_MESSAGE_MAX 256
#define WORLD_READY_NONE UINT64_MAX

struct world;

/* A frame at one moment of its life. */
enum world_moment {
    WORLD_SENT,    /* as the wire carries it; fate is known; at_us is its arrival, if it has one  */
    WORLD_ARRIVED, /* the stack has taken it: verdict and reason are known; the data is as it came */
};

struct world_frame {
    enum world_moment moment;
    uint64_t id; /* copies, fragments and both moments of one frame share it */
    unsigned from, to;
    int64_t sent_us, at_us;
    const uint8_t *data;
    uint32_t length;
    enum hf_link link;
    enum link_fate fate;
    unsigned marks; /* enum link_mark */
    bool by_router; /* the network's own: an ICMP message */
    enum hf_verdict verdict;
    enum hf_stat reason;
};

struct world_hook {
    void (*on_frame)(void *self, struct world *world, const struct world_frame *frame);
    void *self;
};

/* Whatever acts in the world beside the stacks. */
struct world_actor {
    void (*act)(void *self, struct world *world); /* called in every step    */
    void (*on_ready)(void *self, unsigned node, const struct hf_ready *ready);
    int64_t (*next_us)(void *self); /* when it wants a step of its own; NEVER_US: not at all */
    void *self;
};

struct world_node {
    struct hf_stack *stack;
    struct hf_config config;
    void *memory;
    size_t memory_bytes;
    struct link link; /* from this node to the others */
    struct hf_event_sink events;
    struct hf_event event_ring[64];
    uint8_t *slot; /* for hf_output */
};

struct invariants;

#define WORLD_HOOKS_MAX 4

struct world {
    uint64_t seed;
    struct random random;
    int64_t start_us, now_us;
    uint64_t steps;
    unsigned node_count;
    struct world_node nodes[WORLD_NODES_MAX];
    struct flight flight;
    struct world_hook hooks[WORLD_HOOKS_MAX];
    unsigned hook_count;
    struct world_actor actor;
    struct invariants *invariants;
    unsigned batch;      /* frames given to one hf_input at most: 1 to WORLD_BATCH_MAX */
    uint64_t damaged_id; /* of the frame that was damaged last, plus one */
    uint64_t frames;     /* sent, by all            */
    uint64_t trace_hash; /* of all frames and times */
    uint64_t steps_at_this_instant;
    bool failed;
    char message[WORLD_MESSAGE_MAX]; /* the first failure */
    /* A scene's own fault: true loses the frame. NULL: none. */
    bool (*lose)(void *self, const struct world_frame *frame);
    void *lose_self;
};

/* An empty world whose clock begins at start_us. */
void world_init(struct world *world, uint64_t seed, int64_t start_us);
void world_deinit(struct world *world);

/* Another stack, on the wire by a link with this set-up. Its number, or -1: the configuration is refused (world->message).
 * Memory and secret are drawn from the seed; the memory is full of junk. */
int world_add(struct world *world, const struct hf_config *config, const struct link_setup *link);

/* At most WORLD_HOOKS_MAX: each sees every frame. */
void world_hook(struct world *world,
                void (*on_frame)(void *, struct world *, const struct world_frame *), void *self);

/* The next instant at which anything happens, NEVER_US: nothing will. */
int64_t world_next_us(const struct world *world);

/* Goes there and does it. false: the world has failed, or nothing will happen any more. */
bool world_step(struct world *world);

/* Says what is wrong; the first word counts. */
void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A frame of nobody's stack, put on the wire towards a node, to arrive now. */
void world_inject(struct world *world, unsigned to, const uint8_t *data, uint32_t length);

/* The name of the state in which a stack's connections are, for people: the state itself while there is one connection,
 * "3 ESTABLISHED" for more, LISTEN or CLOSED for none. */
#define WORLD_STATE_MAX 24
const char *world_state(const struct world *world, unsigned node, char text[WORLD_STATE_MAX]);

#endif
