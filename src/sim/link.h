/* One direction of a bad link: what becomes of each frame, and when it arrives. All from the seed. */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include <handfast/handfast.h>

#include "sim/random.h"

/* Faults are chances in a million frames. All zero: a perfect link of no delay. */
struct link_setup {
    uint32_t loss, duplicate, reorder, corrupt, truncate;
    int64_t delay_us;
    int64_t jitter_us;    /* up to so much more, in order                                      */
    int64_t reorder_us;   /* how long a frame that is overtaken is held back, at most          */
    uint64_t bits_per_s;  /* 0: no limit                                                       */
    uint32_t queue_bytes; /* before the bandwidth; 0: no limit                                 */
    uint32_t mtu;         /* of a network in between, see router.h; 0: no limit                */
};

/* What became of a frame. */
enum link_fate {
    LINK_CARRIED = 0,
    LINK_LOST,
    LINK_QUEUE_FULL,
    LINK_TOO_BIG, /* the network in between has a smaller MTU */
    LINK_FATES,
};

/* What happened to a frame that was carried: bits. */
enum link_mark {
    LINK_DUPLICATE = 1, /* the second copy              */
    LINK_REORDERED = 2, /* held back: others overtake it */
    LINK_CORRUPTED = 4,
    LINK_TRUNCATED = 8,
};

struct link_count {
    uint64_t frames, bytes;
    uint64_t lost, queue_full, too_big, duplicated, reordered, corrupted, truncated, fragmented;
};

struct link {
    struct link_setup setup;
    struct random random;
    int64_t busy_until_us;   /* the last bit of what is queued leaves then  */
    int64_t last_arrival_us; /* of a frame that was not held back            */
    struct link_count count;
};

struct link_delivery {
    int64_t at_us;
    unsigned marks; /* enum link_mark */
};

#define LINK_COPIES_MAX 2

void link_init(struct link *link, const struct link_setup *setup, struct random random);

/* Takes a frame of `length` bytes; fills how and when its copies arrive and how many there are (0 unless LINK_CARRIED).
 * Size is not looked at: that is the router's affair. */
enum link_fate link_send(struct link *link, uint32_t length, int64_t now_us,
                         struct link_delivery deliveries[LINK_COPIES_MAX], unsigned *count);

/* Does to the bytes what the marks say. Damage is what a TCP or IP checksum must find: it lies in one aligned 16-bit word
 * behind the first `sound` bytes, and never turns all zeros to all ones (the same sum). */
void link_damage(struct link *link, unsigned marks, uint32_t sound, uint8_t *data,
                 uint32_t *length);

#endif
