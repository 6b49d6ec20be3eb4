/* HF1: the ISS that remembers a SYN, so that nothing else has to. [HF1] Freestanding: the same for library and kernel.
 *
 * The SYN-ACK's sequence number (and its timestamp, if the SYN had one) is a keyed MAC over the flow's tuple hash T, the
 * client's ISN, the time slot and the options, with the options folded in. Whoever never saw it must guess: per blind ACK
 * 2^-52 with timestamps (55 bits, eight slots), 2^-26 without (27 bits, two slots), 2^-29 by the strict policy (30 bits, two
 * slots). What an attacker gains by guessing is one connection; what it costs us is the MAC of each slot that is tried.
 */
#ifndef COOKIE_SYN_COOKIE_H
#define COOKIE_SYN_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

#include "cookie/key_ring.h"
#include "cookie/syn_info.h"

#define COOKIE_LIFE 8 /* slots: six past, now, one ahead */
#define COOKIE_LIFE_MS ((uint32_t)COOKIE_LIFE << COOKIE_SLOT_SHIFT)

enum cookie_format {
    COOKIE_TIMESTAMPS = 1,
    COOKIE_PLAIN = 2,
    COOKIE_STRICT = 3,
};

/* What is hashed and when: the parts of a handshake that both its segments tell. */
struct cookie_handshake {
    uint64_t tuple; /* T */
    uint32_t client_isn;
    uint32_t slot; /* now */
    bool strict;   /* without timestamps: nothing but the MSS is kept */
    bool shared;   /* keys shared with machines whose clock may be a slot ahead */
};

struct cookie {
    uint32_t isn;
    uint32_t ts_value; /* COOKIE_TIMESTAMPS only */
    enum cookie_format format;
};

SIPHASH_INLINE uint64_t cookie_mac(struct siphash_key key, const struct cookie_handshake *h,
                                   uint32_t slot, uint32_t opts_and_format)
{
    return siphash_20(key, h->tuple, (uint64_t)slot << 32 | h->client_isn, opts_and_format);
}

/* Nine bits that hide the options from those who do not know the key. */
SIPHASH_INLINE uint32_t cookie_pad(const struct cookie_handshake *h)
{
    return ((uint32_t)(h->tuple >> 32) + h->client_isn) & 0x1ff;
}

SIPHASH_INLINE struct cookie cookie_make_plain(struct siphash_key key,
                                               const struct cookie_handshake *h,
                                               const struct syn_info *syn)
{
    uint32_t format = h->strict ? COOKIE_STRICT : COOKIE_PLAIN, low = h->strict ? 3 : 0x1f;
    uint32_t opts = syn_mss_index_4(syn->version, syn->mss);
    uint64_t mac;

    if (!h->strict)
        opts |= syn_scale_index(syn->scale) << 2 | (uint32_t)syn->sack << 4;
    mac = cookie_mac(key, h, h->slot, opts | format << 16);
    return (struct cookie){
        .isn = ((uint32_t)mac & ~low) | (opts ^ (cookie_pad(h) & low)),
        .format = (enum cookie_format)format,
    };
}

/* The cookie that answers a SYN. key: of the epoch of h->slot. [HF1 formats] [R4987-05] */
SIPHASH_INLINE struct cookie syn_cookie_make(struct siphash_key key,
                                             const struct cookie_handshake *h,
                                             const struct syn_info *syn)
{
    uint32_t opts, stamp;
    uint64_t mac;

    if (!syn->timestamps)
        return cookie_make_plain(key, h, syn);
    opts = syn_mss_index_8(syn->version, syn->mss) | (uint32_t)syn->scale << 3 |
           (uint32_t)syn->sack << 7 | (uint32_t)syn->ecn << 8;
    mac = cookie_mac(key, h, h->slot, opts | (uint32_t)COOKIE_TIMESTAMPS << 16);
    stamp = ((h->slot - 1) & 0xfffff) << 12 | ((uint32_t)(mac >> 32) & 0xfff);
    return (struct cookie){
        .isn = ((uint32_t)mac & 0xfffffe00) | (opts ^ cookie_pad(h)),
        .ts_value = (uint32_t)h->tuple + stamp,
        .format = COOKIE_TIMESTAMPS,
    };
}

/* The slot that a timestamp names: the one nearest to now with the same low 20 bits. */
SIPHASH_INLINE uint32_t cookie_slot_named(uint32_t now_slot, uint32_t stamp)
{
    uint32_t age = (now_slot - ((stamp >> 12) + 1)) & 0xfffff;

    if (age & 0x80000)
        age |= 0xfff00000; /* from the future: a negative age */
    return now_slot - age;
}

SIPHASH_INLINE bool cookie_open_timestamps(const struct key_ring *ring,
                                           const struct cookie_handshake *h, uint32_t isn,
                                           uint32_t ts_echo, struct syn_info *syn)
{
    uint32_t stamp = ts_echo - (uint32_t)h->tuple, slot = cookie_slot_named(h->slot, stamp);
    uint32_t opts = (isn ^ cookie_pad(h)) & 0x1ff, age = h->slot - slot;
    const struct siphash_key *key = key_ring_of(ring, slot);
    uint64_t mac;

    if (age + 1 >= COOKIE_LIFE || !key)
        return false;
    mac = cookie_mac(*key, h, slot, opts | (uint32_t)COOKIE_TIMESTAMPS << 16);
    /* One comparison of all bits together: its time tells nothing. */
    if ((((uint32_t)mac ^ isn) & 0xfffffe00) | (((uint32_t)(mac >> 32) ^ stamp) & 0xfff))
        return false;
    syn->mss = syn_mss_of_8(syn->version, opts & 7);
    syn->scale = opts >> 3 & 15;
    syn->sack = opts >> 7 & 1;
    syn->ecn = opts >> 8 & 1;
    syn->timestamps = true;
    return true;
}

SIPHASH_INLINE bool cookie_matches(const struct key_ring *ring, const struct cookie_handshake *h,
                                   uint32_t slot, uint32_t isn)
{
    uint32_t format = h->strict ? COOKIE_STRICT : COOKIE_PLAIN, low = h->strict ? 3 : 0x1f;
    const struct siphash_key *key = key_ring_of(ring, slot);
    uint32_t opts = (isn ^ cookie_pad(h)) & low;

    if (!key)
        return false;
    return (((uint32_t)cookie_mac(*key, h, slot, opts | format << 16) ^ isn) & ~low) == 0;
}

SIPHASH_INLINE bool cookie_open_plain(const struct key_ring *ring, const struct cookie_handshake *h,
                                      uint32_t isn, struct syn_info *syn)
{
    uint32_t opts = (isn ^ cookie_pad(h)) & (h->strict ? 3 : 0x1f);
    int match = cookie_matches(ring, h, h->slot, isn);

    /* Every slot is tried, whichever matches. */
    match |= cookie_matches(ring, h, h->slot - 1, isn);
    if (h->shared)
        match |= cookie_matches(ring, h, h->slot + 1, isn);
    if (!match)
        return false;
    syn->mss = syn_mss_of_4(syn->version, opts & 3);
    syn->scale = h->strict ? SYN_SCALE_NONE : syn_scale_of(opts >> 2);
    syn->sack = !h->strict && (opts >> 4 & 1);
    syn->ecn = false;
    syn->timestamps = false;
    return true;
}

/* Whether an ACK returns a cookie of ours, and what the SYN had said. isn: SEG.ACK - 1. ts_echo: NULL without timestamps; with
 * them only that format is tried. syn->version is given, the rest is filled. [HF1 Opening an ACK] [R4987-06] */
SIPHASH_INLINE bool syn_cookie_open(const struct key_ring *ring, const struct cookie_handshake *h,
                                    uint32_t isn, const uint32_t *ts_echo, struct syn_info *syn)
{
    if (ts_echo)
        return cookie_open_timestamps(ring, h, isn, *ts_echo, syn);
    return cookie_open_plain(ring, h, isn, syn);
}

#endif
