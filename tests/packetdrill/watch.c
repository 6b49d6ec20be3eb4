/* What packetdrill does not look at in packets of the stack: checksums, TS.ecr, DF. [RFC 1071; RFC 7323 4.3; RFC 1191] */
#include "world.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/checksum.h"

#define PROTOCOL_ICMP 1
#define PROTOCOL_TCP 6
#define PROTOCOL_ICMPV6 58
#define V6_HEADER 40
#define SMALLEST_WITH_DF 552 /* RFC 1191's floor: a path below it gets packets without DF */
#define ACK_BIT 0x10
#define SYN_BIT 0x02
#define RST_BIT 0x04

/* A raw IP packet, found out once. */
struct layout {
    bool v4;
    uint8_t protocol;
    size_t offset, length; /* of the transport header; of the whole */
};

static bool find_layout(struct layout *layout, const uint8_t *packet, size_t length)
{
    layout->v4 = length >= 20 && packet[0] >> 4 == 4;
    layout->length = length;
    if (layout->v4) {
        layout->offset = (size_t)(packet[0] & 15) * 4;
        layout->protocol = packet[9];
        return layout->offset >= 20 && layout->offset <= length && get_be16(packet + 2) == length;
    }
    layout->offset = V6_HEADER;
    layout->protocol = length >= V6_HEADER ? packet[6] : 0;
    return length >= V6_HEADER && packet[0] >> 4 == 6 && get_be16(packet + 4) == length - V6_HEADER;
}

uint16_t watch_transport_sum(const uint8_t *packet, size_t length, size_t offset)
{
    bool v4 = packet[0] >> 4 == 4;
    uint8_t protocol = v4 ? packet[9] : packet[6];
    uint32_t segment = (uint32_t)(length - offset);
    uint16_t sum = checksum_sum(packet + offset, segment);

    if (protocol == PROTOCOL_ICMP)
        return (uint16_t)~sum;
    sum = checksum_add(sum, v4 ? checksum_sum(packet + 12, 8) : checksum_sum(packet + 8, 32));
    return (uint16_t)~checksum_fold((uint64_t)sum + segment + protocol);
}

static const char *check_sums(const struct layout *layout, const uint8_t *packet)
{
    if (layout->v4 && checksum_sum(packet, layout->offset) != 0xffff)
        return "a wrong IPv4 header checksum";
    if (watch_transport_sum(packet, layout->length, layout->offset) != 0)
        return "a wrong transport checksum";
    return NULL;
}

static const char *check_fragmenting(const struct watch *watch, const struct layout *layout,
                                     const uint8_t *packet)
{
    uint16_t fragment = layout->v4 ? get_be16(packet + 6) : 0;
    bool may_lack = watch->small_path && layout->length <= SMALLEST_WITH_DF;

    if (!layout->v4 || layout->protocol != PROTOCOL_TCP)
        return NULL;
    if (fragment & 0x3fff)
        return "a fragment of a TCP segment";
    if (!(fragment & 0x4000) && !may_lack)
        return "no DF though the path takes 552 bytes";
    if (fragment & 0x4000 && get_be16(packet + 4) != 0)
        return "an identification beside DF";
    return NULL;
}

/* The text of an option of a TCP header, or NULL. */
static const uint8_t *find_option(const uint8_t *tcp, size_t length, uint8_t kind, uint8_t bytes)
{
    size_t end = (size_t)(tcp[12] >> 4) * 4;

    for (size_t at = 20; end <= length && at + 1 < end;) {
        if (tcp[at] == 0)
            return NULL;
        if (tcp[at] == 1) {
            at++;
            continue;
        }
        if (tcp[at] == kind && tcp[at + 1] == bytes && at + bytes <= end)
            return tcp + at + 2;
        if (tcp[at + 1] < 2)
            return NULL;
        at += tcp[at + 1];
    }
    return NULL;
}

static const uint8_t *find_stamp(const uint8_t *tcp, size_t length)
{
    return find_option(tcp, length, 8, 10);
}

static const uint8_t *find_scale(const uint8_t *tcp, size_t length)
{
    return find_option(tcp, length, 3, 3);
}

static struct watched_flow *find_flow(struct watch *watch, const struct layout *layout,
                                      const uint8_t *packet, bool ours)
{
    size_t bytes = layout->v4 ? 4 : 16, first = layout->v4 ? 12 : 8;
    const uint8_t *tcp = packet + layout->offset;
    uint8_t key[sizeof watch->flows[0].key] = {0};
    struct watched_flow *flow;

    memcpy(key, packet + first + (ours ? 0 : bytes), bytes);
    memcpy(key + 16, packet + first + (ours ? bytes : 0), bytes);
    memcpy(key + 32, tcp + (ours ? 0 : 2), 2);
    memcpy(key + 34, tcp + (ours ? 2 : 0), 2);
    for (uint32_t i = 0; i < WATCH_FLOWS; i++)
        if (watch->flows[i].used && memcmp(watch->flows[i].key, key, sizeof key) == 0)
            return &watch->flows[i];
    flow = &watch->flows[watch->next++ % WATCH_FLOWS];
    *flow = (struct watched_flow){.used = true};
    memcpy(flow->key, key, sizeof key);
    return flow;
}

void watch_in(struct watch *watch, const uint8_t *packet, size_t length)
{
    struct layout layout;
    struct watched_flow *flow;
    const uint8_t *stamp;

    if (!find_layout(&layout, packet, length) || layout.offset + 20 > length) {
        if (length >= 28 && packet[0] >> 4 == 4 && packet[9] == PROTOCOL_ICMP)
            watch->small_path |=
                packet[20] == 3 && packet[21] == 4 && get_be16(packet + 26) < SMALLEST_WITH_DF;
        return;
    }
    if (layout.protocol == PROTOCOL_ICMP && packet[layout.offset] == 3 &&
        packet[layout.offset + 1] == 4 && get_be16(packet + layout.offset + 6) < SMALLEST_WITH_DF)
        watch->small_path = true;
    if (layout.protocol != PROTOCOL_TCP)
        return;
    flow = find_flow(watch, &layout, packet, false);
    if ((packet[layout.offset + 13] & (SYN_BIT | ACK_BIT)) == SYN_BIT)
        flow->echoed = false; /* perhaps another connection: its clock may be another one */
    if (packet[layout.offset + 13] & SYN_BIT && !flow->told)
        flow->peer_scales = find_scale(packet + layout.offset, length - layout.offset) != NULL;
    stamp = find_stamp(packet + layout.offset, length - layout.offset);
    if (stamp)
        flow->stamps[flow->stamp_count++ % WATCH_STAMPS] = get_be32(stamp);
}

/* An echo is a TS.val that the peer sent, and never older than the echo before. */
static const char *check_echo(struct watch *watch, const struct layout *layout,
                              const uint8_t *packet)
{
    const uint8_t *tcp = packet + layout->offset;
    const uint8_t *stamp = find_stamp(tcp, layout->length - layout->offset);
    struct watched_flow *flow;
    uint32_t echo, known;

    if (!stamp)
        return NULL;
    echo = get_be32(stamp + 4);
    if (!(tcp[13] & ACK_BIT))
        return echo == 0 ? NULL : "a TS.ecr without ACK";
    flow = find_flow(watch, layout, packet, true);
    known = flow->stamp_count < WATCH_STAMPS ? flow->stamp_count : WATCH_STAMPS;
    for (uint32_t i = 0; i < known; i++) {
        if (flow->stamps[i] != echo)
            continue;
        if (flow->echoed && (int32_t)(echo - flow->last_echo) < 0)
            return "a TS.ecr older than the last one";
        flow->echoed = true;
        flow->last_echo = echo;
        return NULL;
    }
    return "a TS.ecr that the peer never sent";
}

size_t watch_tcp_offset(const uint8_t *packet, size_t length)
{
    struct layout layout;
    bool whole = find_layout(&layout, packet, length) && layout.protocol == PROTOCOL_TCP &&
                 layout.offset + 20 <= length;

    return whole ? layout.offset : 0;
}

/* A segment of ours tells the peer of a window. */
static void note_window(struct watch *watch, const struct layout *layout, const uint8_t *packet)
{
    const uint8_t *tcp = packet + layout->offset;
    const uint8_t *scale = find_scale(tcp, layout->length - layout->offset);
    struct watched_flow *flow = find_flow(watch, layout, packet, true);
    bool scaled;

    if (tcp[13] & SYN_BIT) {
        flow->we_scale = scale != NULL;
        flow->shift = scale ? *scale : 0;
        flow->told = false;
    }
    if (!(tcp[13] & ACK_BIT) || tcp[13] & RST_BIT)
        return;
    scaled = !(tcp[13] & SYN_BIT) && flow->we_scale && flow->peer_scales;
    flow->told = true;
    flow->left = get_be32(tcp + 8);
    flow->window = (uint32_t)get_be16(tcp + 14) << (scaled ? flow->shift : 0);
}

bool watch_window(struct watch *watch, const uint8_t *packet, size_t length, uint32_t *left,
                  uint32_t *window)
{
    struct watched_flow *flow;
    struct layout layout;

    if (watch_tcp_offset(packet, length) == 0 || !find_layout(&layout, packet, length))
        return false;
    flow = find_flow(watch, &layout, packet, false);
    *left = flow->left;
    *window = flow->window;
    return flow->told;
}

const char *watch_out(struct watch *watch, const uint8_t *packet, size_t length)
{
    struct layout layout;
    const char *wrong;

    if (!find_layout(&layout, packet, length))
        return "an IP header that does not fit its length";
    if (layout.protocol != PROTOCOL_TCP && layout.protocol != PROTOCOL_ICMP &&
        layout.protocol != PROTOCOL_ICMPV6)
        return NULL;
    wrong = check_sums(&layout, packet);
    if (!wrong)
        wrong = check_fragmenting(watch, &layout, packet);
    if (!wrong && layout.protocol == PROTOCOL_TCP)
        wrong = check_echo(watch, &layout, packet);
    if (!wrong && layout.protocol == PROTOCOL_TCP)
        note_window(watch, &layout, packet);
    return wrong;
}
