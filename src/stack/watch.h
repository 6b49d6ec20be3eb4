/* The watch of the living: connections that hold memory without progress, and are released when a limit nears. [RFC 6429 3, 4;
 * RFC 9293 3.8.6.1, MUST-37]
 *
 * What an attacker can do: open connections and let them stand. Each costs a slot; each whose window he closes, or opens by
 * a byte at a time, also costs the bytes that wait for him, as long as he answers our probes. RFC 9293 bids us wait, and
 * RFC 6429 says who may end the waiting: whoever runs short. So nothing is done while there is room, or while nobody
 * wants it. When the room left falls below an eighth, those that made no progress for stall_timeout_ms are released, below
 * a sixteenth after a quarter of it, below a thirty-second after a sixteenth. Once newcomers are turned away, those that
 * hold bytes and take none have a sixty-fourth: a second, of the default minute.
 *
 * Who goes first: those that hold most bytes, by the lists here, one for each power of two. Among those that hold none,
 * those that nobody of ours holds any more, then the prefix (/32, /64) that has most connections. Progress is at
 * least a sixteenth of what waits to be acknowledged; who makes it is never touched. Nor is who only waits for us: bytes
 * that our own user leaves unread are no fault of the peer.
 *
 * What it costs: a connection that holds no more chunks than before, one comparison. Lists are only an upper bound: a
 * connection moves up when it holds more, and down when the watch meets it.
 */
#ifndef STACK_WATCH_H
#define STACK_WATCH_H

#include <handfast/event.h>

#include "base/list.h"
#include "crypto/siphash.h"

#define WATCH_LISTS 24u     /* by log2 of chunks held: 2 GB */
#define WATCH_VISITS 128u   /* connections without bytes that one run looks at */
#define WATCH_REST_US 10000 /* after a run that released nothing */
#define WATCH_TOLD_PER_S 10
#define WATCH_PLACES_MOST 4096u

/* What the watch keeps of a connection. */
struct watched {
    struct list_link by_held;
    uint32_t moved; /* text moved, in 16 bytes, when it was last noted                 */
    uint32_t noted : 27,
        queued : 5; /* when, in 8.192 ms; log2 of the bytes that waited then, plus one */
    uint32_t
        list : 5; /* the list it is in, plus one: it belongs higher with 2^list chunks; 0: in none */
    uint32_t place : 12,
        other_place : 12; /* of its prefix in the counters                             */
};

_Static_assert(sizeof(struct watched) == 20, "an idle connection costs at most 512 bytes in all");

struct watch {
    struct siphash_key key;
    struct list held[WATCH_LISTS]; /* of 2^i chunks and more                                 */
    uint32_t filled;               /* a bit for each that is not empty                       */
    uint32_t hand;                 /* the slot to look at next for those that hold nothing   */
    uint32_t *counts[2];  /* connections by prefix: two keyed counters, each at least right */
    uint32_t places;      /* in each; a power of two                                */
    uint32_t heaviest;    /* about the count of the heaviest prefix                 */
    uint32_t slots_high;  /* connections from which on it is near; never if the watch is off */
    uint32_t chunks_high; /* chunks held or promised, likewise */
    uint32_t stall_ms;    /* 0: the watch is off */
    int64_t next_us;      /* no run before */
    int64_t opened_us, no_slot_us,
        no_bytes_us; /* when a connection was last opened, or had no room */
    int64_t told_us; /* when the bucket of events will be full again */
};

struct hf_stack;
struct arena;

void watch_init(struct watch *watch, struct arena *arena, const struct hf_config *config,
                struct siphash_key key);

/* A connection begins, and ends (while its flow is still known). */
void watch_open(struct hf_stack *stack, uint32_t slot, int64_t now_us);
void watch_close(struct hf_stack *stack, uint32_t slot);

/* Whether it holds more chunks than its list says. */
static inline bool watch_is_above(const struct watched *watched, uint32_t chunks)
{
    return chunks >> watched->list;
}

/* Then this must be called. */
void watch_grew(struct hf_stack *stack, uint32_t slot, int64_t now_us);

/* One of its timers fired: a good moment to note how far it came. */
void watch_note(struct hf_stack *stack, uint32_t slot, int64_t now_us);

/* Releases who must go: a bounded number is looked at. For the end of hf_input and hf_tick, if stack_is_short: slots may be
 * gone afterwards. */
void watch_run(struct hf_stack *stack, int64_t now_us);

/* The part of a stack that watches: what stands above. */
struct hf_watch {
    void (*init)(struct watch *watch, struct arena *arena, const struct hf_config *config,
                 struct siphash_key key);
    void (*open)(struct hf_stack *stack, uint32_t slot, int64_t now_us);
    void (*close)(struct hf_stack *stack, uint32_t slot);
    void (*grew)(struct hf_stack *stack, uint32_t slot, int64_t now_us);
    void (*note)(struct hf_stack *stack, uint32_t slot, int64_t now_us);
    void (*run)(struct hf_stack *stack, int64_t now_us);
};

#endif
