/* What a SYN said, as much as a cookie can remember: the tables and their rounding. [HF1] Freestanding. */
#ifndef COOKIE_SYN_INFO_H
#define COOKIE_SYN_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/siphash.h"

#define SYN_SCALE_NONE 15
#define SYN_MSS_FLOOR 216 /* a lower offer is raised to it, in the cache tier too */

struct syn_info {
    uint16_t mss;
    uint8_t scale;   /* 0 to 14, SYN_SCALE_NONE */
    uint8_t version; /* 4 or 6 */
    bool sack, ecn, timestamps;
};

/* The sizes that a cookie knows, lowest first. [HF1 table] */
SIPHASH_INLINE uint16_t syn_mss_of_8(uint8_t version, uint32_t index)
{
    static const uint16_t v4[8] = {216, 536, 1200, 1300, 1360, 1400, 1440, 1460};
    static const uint16_t v6[8] = {216, 536, 1220, 1280, 1340, 1380, 1420, 1440};

    return version == 4 ? v4[index & 7] : v6[index & 7];
}

SIPHASH_INLINE uint16_t syn_mss_of_4(uint8_t version, uint32_t index)
{
    static const uint16_t v4[4] = {216, 536, 1300, 1440};
    static const uint16_t v6[4] = {216, 536, 1280, 1420};

    return version == 4 ? v4[index & 3] : v6[index & 3];
}

/* The largest entry that is not above mss; the first if all are. From the top, where most offers are. */
SIPHASH_INLINE uint32_t syn_mss_index_8(uint8_t version, uint16_t mss)
{
    uint32_t index = 7;

    while (index > 0 && syn_mss_of_8(version, index) > mss)
        index--;
    return index;
}

SIPHASH_INLINE uint32_t syn_mss_index_4(uint8_t version, uint16_t mss)
{
    uint32_t index = 3;

    while (index > 0 && syn_mss_of_4(version, index) > mss)
        index--;
    return index;
}

/* Two bits for a scale: none, 0, 6, 8, rounded down. [R4987-07] */
SIPHASH_INLINE uint32_t syn_scale_index(uint8_t scale)
{
    if (scale == SYN_SCALE_NONE)
        return 0;
    return scale < 6 ? 1 : scale < 8 ? 2 : 3;
}

SIPHASH_INLINE uint8_t syn_scale_of(uint32_t index)
{
    static const uint8_t scales[4] = {SYN_SCALE_NONE, 0, 6, 8};

    return scales[index & 3];
}

#endif
