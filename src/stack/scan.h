/* Who tries one closed port after another, or flags that no stack sends: told, never punished, as a source that has proved
 * nothing may be anybody's. [RFC 9293 3.10.7.1; RFC 6056 1]
 *
 * Fixed memory: sets of a keyed table, a few prefixes each. A prefix that is met again and again wears the others of its set
 * down, so that a flood of forged sources, each seen once, does not hide a scanner (the frequent-items sketch of Misra and
 * Gries, 1982).
 */
#ifndef STACK_SCAN_H
#define STACK_SCAN_H

#include <handfast/event.h>

#include "crypto/siphash.h"
#include "wire/flow.h"

#define SCAN_SETS 64 /* a power of two */
#define SCAN_WAYS 4
#define SCAN_WINDOW_S \
    60u /* what is older does not count, and who was told is not told again before */
#define SCAN_TOLD_PER_S 4   /* events, all prefixes together */
#define SCAN_PORTS_MOST 48u /* of 64 bits that ports fall into: more could not be told apart */

struct scan_suspect {
    uint64_t ports; /* a bit for each closed port, by a keyed hash */
    uint32_t tag;   /* of the prefix; 0: free                      */
    uint32_t since_s;
    uint32_t count;  /* segments since then  */
    uint32_t odd;    /* ... with odd flags   */
    uint32_t weight; /* worn down by others that need the place; at 0 it gives way */
    bool told;
};

struct scan {
    struct siphash_key key;
    int64_t told_us; /* when the bucket of events will be full again */
    uint32_t ports;  /* how many make a scan; 0: none is told */
    struct scan_suspect suspects[SCAN_SETS][SCAN_WAYS];
};

enum scan_try {
    SCAN_CLOSED_PORT, /* a SYN to a port that is not open       */
    SCAN_ODD_FLAGS,   /* flags that only a scanner sends        */
};

void scan_init(struct scan *scan, uint8_t ports, struct siphash_key key);

/* Somebody tried something. true: *event says that his prefix scans, and is to be told. */
bool scan_note(struct scan *scan, const struct flow *flow, enum scan_try what,
               struct hf_event *event, int64_t now_us);

struct hf_stack;

/* The part of a stack that looks for scans: what stands above, and whom it finds is told. */
struct hf_scan {
    void (*init)(struct scan *scan, uint8_t ports, struct siphash_key key);
    void (*look)(struct hf_stack *stack, const struct flow *flow, enum scan_try what,
                 int64_t now_us);
};

#endif
