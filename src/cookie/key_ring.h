/* The keys of cookies: one for tuples, and one for each epoch of 17.5 minutes. [HF1 Keys, Time] Freestanding.
 *
 * Keys are made off the packet path (key_ring_advance); a packet only picks one. The epochs before, now and after are there,
 * so no cookie in flight meets a missing key at a boundary.
 */
#ifndef COOKIE_KEY_RING_H
#define COOKIE_KEY_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "crypto/siphash.h"

#define COOKIE_SLOT_SHIFT 12 /* a slot is 4096 ms   */
#define COOKIE_EPOCH_SHIFT 8 /* an epoch, 256 slots */
#define KEY_RING_EPOCHS 4

struct key_ring {
    struct siphash_key master, tuple;
    struct siphash_key epoch_key[KEY_RING_EPOCHS]; /* by epoch modulo */
    uint32_t epoch[KEY_RING_EPOCHS];
};

/* The slot of an instant of wall time. */
SIPHASH_INLINE uint32_t cookie_slot(int64_t wall_us)
{
    return time_ms(wall_us >> COOKIE_SLOT_SHIFT);
}

SIPHASH_INLINE void key_ring_make(struct key_ring *ring, uint32_t epoch)
{
    uint32_t i = epoch % KEY_RING_EPOCHS;

    if (ring->epoch[i] == epoch)
        return;
    ring->epoch_key[i] = siphash_derive(ring->master, "hf1 epoch", epoch);
    ring->epoch[i] = epoch;
}

/* Makes what is missing of the keys around `slot`. To be called at least once an epoch. [R4987-11] */
SIPHASH_INLINE void key_ring_advance(struct key_ring *ring, uint32_t slot)
{
    uint32_t epoch = slot >> COOKIE_EPOCH_SHIFT;

    key_ring_make(ring, epoch - 1);
    key_ring_make(ring, epoch);
    key_ring_make(ring, epoch + 1);
}

SIPHASH_INLINE void key_ring_init(struct key_ring *ring, struct siphash_key master, uint32_t slot)
{
    uint32_t epoch = slot >> COOKIE_EPOCH_SHIFT;

    ring->master = master;
    ring->tuple = siphash_derive(master, "hf1 tuple", 0);
    for (uint32_t i = 0; i < KEY_RING_EPOCHS; i++)
        ring->epoch[i] = epoch + 2; /* no epoch whose key is there: belongs to another place */
    ring->epoch[(epoch + 2) % KEY_RING_EPOCHS] = epoch + 3;
    key_ring_advance(ring, slot);
}

/* The key of a slot's epoch, or NULL if it is too far from now to have one. */
SIPHASH_INLINE const struct siphash_key *key_ring_of(const struct key_ring *ring, uint32_t slot)
{
    uint32_t epoch = slot >> COOKIE_EPOCH_SHIFT, i = epoch % KEY_RING_EPOCHS;

    return ring->epoch[i] == epoch ? &ring->epoch_key[i] : 0;
}

#endif
