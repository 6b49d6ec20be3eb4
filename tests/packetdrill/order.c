/* The options of a SYN in the order of another system: scripts written for it compare them byte by byte. [RFC 9293 3.1]
 *
 * Ours is that of Linux: MSS, SACK permitted with timestamps (or two NOPs), NOP and window scale. FreeBSD writes MSS, NOP and
 * window scale, SACK permitted, timestamps at a multiple of four less two, and pads with the end of the list. Only SYNs
 * differ. */
#include "world.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/checksum.h"

#define SYN_BIT 0x02

enum kind { END = 0, NOP = 1, MSS = 2, SCALE = 3, SACK_PERMITTED = 4, STAMP = 8 };

/* Where an option stands among `bytes` bytes, or NULL. */
static const uint8_t *find(const uint8_t *options, size_t bytes, enum kind kind)
{
    for (size_t at = 0; at + 1 < bytes && options[at] != END;) {
        if (options[at] == NOP) {
            at++;
            continue;
        }
        if (options[at] == kind)
            return options + at;
        if (options[at + 1] < 2)
            return NULL;
        at += options[at + 1];
    }
    return NULL;
}

static size_t put(uint8_t *to, size_t at, const uint8_t *option)
{
    memcpy(to + at, option, option[1]);
    return at + option[1];
}

static size_t as_freebsd(uint8_t to[40], const uint8_t *options, size_t bytes)
{
    const uint8_t *option;
    size_t at = 0;

    if ((option = find(options, bytes, MSS)) != NULL)
        at = put(to, at, option);
    if ((option = find(options, bytes, SCALE)) != NULL) {
        to[at++] = NOP;
        at = put(to, at, option);
    }
    if ((option = find(options, bytes, SACK_PERMITTED)) != NULL)
        at = put(to, at, option);
    if ((option = find(options, bytes, STAMP)) != NULL) {
        while (at % 4 != 2)
            to[at++] = NOP;
        at = put(to, at, option);
    }
    while (at % 4 != 0)
        to[at++] = END;
    return at;
}

size_t order_options(uint8_t *packet, size_t length, enum option_order order)
{
    bool v4 = packet[0] >> 4 == 4;
    size_t offset = v4 ? (size_t)(packet[0] & 15) * 4 : 40;
    uint8_t *tcp = packet + offset;
    uint8_t other[40];
    size_t header, bytes;

    if (order == ORDER_LINUX || packet[v4 ? 9 : 6] != 6 || !(tcp[13] & SYN_BIT))
        return length;
    header = (size_t)(tcp[12] >> 4) * 4;
    bytes = as_freebsd(other, tcp + 20, header - 20);
    memmove(tcp + 20 + bytes, tcp + header, length - offset - header);
    memcpy(tcp + 20, other, bytes);
    length = length - header + 20 + bytes;
    tcp[12] = (uint8_t)((20 + bytes) / 4 << 4 | (tcp[12] & 15));
    put_be16(tcp + 16, 0);
    if (v4) {
        put_be16(packet + 2, (uint16_t)length);
        put_be16(packet + 10, 0);
        put_be16(packet + 10, (uint16_t)~checksum_sum(packet, offset));
    } else {
        put_be16(packet + 4, (uint16_t)(length - 40));
    }
    put_be16(tcp + 16, watch_transport_sum(packet, length, offset));
    return length;
}
