/* Who was here lately: a keyed set in fixed memory that forgets by itself. [Bloom, 1970]
 *
 * Two bitmaps take turns: what is noted goes into the younger, and each turn the older is cleared. So a member is
 * remembered for at least one turn and at most two. A stranger is taken for a member with the chance that both of his bits
 * are set in one of the bitmaps: (n / bits * 2)^2 for n members, and nobody without the key can choose them.
 */
#ifndef GATE_AGE_FILTER_H
#define GATE_AGE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct age_filter {
    uint64_t *bits; /* two bitmaps, one after the other */
    uint32_t mask;  /* bits of one, minus one           */
    uint32_t young; /* which of them is written         */
    int64_t turn_us;
    int64_t turns_at_us;
};

/* bits: of one bitmap, a power of two, at least 64. A turn lasts turn_us. */
void age_filter_init(struct age_filter *filter, struct arena *arena, uint32_t bits, int64_t turn_us,
                     int64_t now_us);

/* hash: of the member, under a key that is nobody else's. */
void age_filter_add(struct age_filter *filter, uint64_t hash, int64_t now_us);
bool age_filter_has(struct age_filter *filter, uint64_t hash, int64_t now_us);

#endif
