/* All conversations of a capture, in bounded memory: each packet finds its own, and what was odd is counted.
 *
 * When all places are taken, one that is over or was never completed gives way, as in any server.
 */
#ifndef EXPLAIN_OBSERVER_H
#define EXPLAIN_OBSERVER_H

#include "base/table.h"
#include "crypto/siphash.h"
#include "explain/conversation.h"
#include "explain/dissect.h"
#include "explain/flood.h"

#define OBSERVER_LEFT 10 /* half-opens that are named at the end, beside those of floods */
#define OBSERVER_CONVERSATIONS (UINT32_C(1) << 20)

struct observer {
    struct table table;
    struct pool pool; /* struct conversation */
    struct siphash_key key;
    void *memory;
    size_t memory_bytes;
    uint32_t hand;
    uint64_t conversations, packets, bytes, gave_way, joined;
    uint64_t counts[ANOMALIES]; /* by bit */
    struct floods floods;
    struct left_half_open {
        struct flow flow;
        uint64_t number;
    } left[OBSERVER_LEFT];
    unsigned left_count;
};

/* What became of a packet. */
struct observation {
    struct conversation *conversation;
    unsigned from; /* which end sent it: 0 opened the conversation */
    unsigned odd;  /* enum anomaly */
    bool begins;
    bool of_flood; /* a half-open of a server under a SYN flood */
};

/* `conversations`: places, OBSERVER_CONVERSATIONS for real captures. False: no memory. */
bool observer_init(struct observer *observer, uint32_t conversations, struct siphash_key key);
void observer_free(struct observer *observer);

void observer_see(struct observer *observer, const struct dissected *dissected, int64_t at_us,
                  struct observation *seen);

/* No more packets: half-opens that are left are counted, by server too. */
void observer_finish(struct observer *observer);

#endif
