/* Fragments to datagrams, in bounded memory. [RFC 791 3.2; RFC 8200 4.5; RFC 5722 3]
 *
 * What an attacker can do: fill what is here with pieces that never become whole. It costs others nothing as long as he keeps
 * to one bucket of sources (a quarter of the datagrams, half of the blocks); with forged sources he evicts the oldest, and
 * honest fragments, which come together within milliseconds, outrun him. Each fragment is O(1) but for its bytes. Pieces that
 * overlap would let him slip a second version of a header past a filter, so they void the datagram.
 */
#include "stack/ip_reassembly.h"

#include "base/bytes.h"
#include "base/must.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define UNIT 8u /* fragment offsets count units of eight bytes */
#define UNITS_PER_BLOCK (IP_REASSEMBLY_BLOCK_BYTES / UNIT)
#define WORDS_PER_BLOCK (UNITS_PER_BLOCK / 64)
#define TCP_HEADER_MIN 20u
#define ICMP_HEADER_MIN 8u
#define ECN_NOT_ECT 0x1u /* bits of seen_ecn, by codepoint [RFC 3168 5.3] */
#define ECN_CE 0x8u

struct block {
    uint64_t present[WORDS_PER_BLOCK]; /* units that came                  */
    uint64_t starts[WORDS_PER_BLOCK];  /* ... as the first of a fragment   */
    uint8_t bytes[IP_REASSEMBLY_BLOCK_BYTES];
};

struct datagram {
    struct hf_address source, destination;
    uint32_t id;
    uint8_t version, protocol;
    uint8_t ttl, traffic_class; /* of the first fragment                */
    uint8_t seen_ecn;
    uint8_t bucket;
    bool given_up;     /* an overlap: nothing more is kept     */
    bool has_first;    /* the fragment at offset 0 came        */
    uint32_t total;    /* bytes; 0: the last has not come yet  */
    uint32_t highest;  /* one past the last byte that came     */
    uint32_t received; /* bytes                                */
    uint32_t blocks;   /* held                                 */
    int64_t ends_at_us;
    struct list_link by_age, by_source;
    uint32_t block[IP_REASSEMBLY_BLOCKS_EACH];
};

static struct datagram *datagram_at(const struct ip_reassembly *reassembly, uint32_t slot)
{
    return pool_at(&reassembly->datagrams, slot);
}

static struct list_links by_age(const struct ip_reassembly *reassembly)
{
    return list_links_in(&reassembly->datagrams, offsetof(struct datagram, by_age));
}

static struct list_links by_source(const struct ip_reassembly *reassembly)
{
    return list_links_in(&reassembly->datagrams, offsetof(struct datagram, by_source));
}

/* Fragments belong together by both addresses, identification and protocol. [RFC 791 3.2; RFC 8200 4.5] IPv6 has no
 * protocol in it, but a datagram whose pieces disagree is nobody's loss. */
static uint64_t hash_of(const struct ip_reassembly *reassembly, const struct hf_address *source,
                        const struct hf_address *destination, uint32_t id, uint8_t protocol)
{
    uint64_t words[5] = {siphash_load(source->bytes), siphash_load(source->bytes + 8),
                         siphash_load(destination->bytes), siphash_load(destination->bytes + 8),
                         (uint64_t)id << 32 | protocol};

    return siphash_40(reassembly->key, words);
}

static uint64_t hash_of_slot(const void *context, uint32_t slot)
{
    const struct ip_reassembly *reassembly = context;
    const struct datagram *d = datagram_at(reassembly, slot);

    return hash_of(reassembly, &d->source, &d->destination, d->id, d->protocol);
}

void ip_reassembly_init(struct ip_reassembly *reassembly, struct arena *arena,
                        uint32_t max_reassemblies, struct siphash_key key, struct hf_stats *stats)
{
    uint32_t blocks = max_reassemblies > 16 ? max_reassemblies * 4 : 66;

    *reassembly = (struct ip_reassembly){.stats = stats, .key = key};
    if (max_reassemblies == 0)
        blocks = 0;
    /* A whole datagram fits into the share of one source: 33 of at least 66 blocks. */
    reassembly->blocks_each = blocks / 2;
    reassembly->datagrams_each = max_reassemblies > 4 ? max_reassemblies / 4 : 1;
    pool_init(&reassembly->datagrams, arena, sizeof(struct datagram), max_reassemblies);
    pool_init(&reassembly->blocks, arena, sizeof(struct block), blocks);
    table_init(&reassembly->table, arena, max_reassemblies, hash_of_slot, reassembly);
    if (max_reassemblies)
        reassembly->whole = arena_take(arena, IPV6_HEADER + 65535);
    list_init(&reassembly->by_age);
    for (uint32_t i = 0; i < IP_REASSEMBLY_SOURCES; i++)
        list_init(&reassembly->by_source[i]);
}

static void give_blocks(struct ip_reassembly *reassembly, struct datagram *d)
{
    for (uint32_t i = 0; i < IP_REASSEMBLY_BLOCKS_EACH; i++) {
        if (d->block[i] == SLOT_NONE)
            continue;
        pool_give(&reassembly->blocks, d->block[i]);
        d->block[i] = SLOT_NONE;
    }
    reassembly->source_blocks[d->bucket] -= d->blocks;
    d->blocks = 0;
}

static void forget(struct ip_reassembly *reassembly, uint32_t slot)
{
    struct datagram *d = datagram_at(reassembly, slot);

    give_blocks(reassembly, d);
    table_remove(&reassembly->table, hash_of_slot(reassembly, slot), slot);
    list_remove(&reassembly->by_age, by_age(reassembly), slot);
    list_remove(&reassembly->by_source[d->bucket], by_source(reassembly), slot);
    pool_give(&reassembly->datagrams, slot);
}

/* An unfinished datagram makes room for another. [R1122-37] */
static void evict(struct ip_reassembly *reassembly, uint32_t slot)
{
    reassembly->stats->ip_fragment_refused++;
    forget(reassembly, slot);
}

static uint32_t find(const struct ip_reassembly *reassembly, const struct packet *packet)
{
    uint64_t hash = hash_of(reassembly, &packet->source, &packet->destination, packet->fragment_id,
                            packet->protocol);
    struct table_cursor cursor = table_find(&reassembly->table, hash);

    for (uint32_t slot; (slot = table_next(&reassembly->table, &cursor)) != SLOT_NONE;) {
        const struct datagram *d = datagram_at(reassembly, slot);

        if (d->id == packet->fragment_id && d->protocol == packet->protocol &&
            address_equal(&d->source, &packet->source) &&
            address_equal(&d->destination, &packet->destination))
            return slot;
    }
    return SLOT_NONE;
}

/* One host owns at least an IPv6 /64. */
static uint8_t bucket_of(const struct ip_reassembly *reassembly, const struct hf_address *source)
{
    uint64_t low = hf_address_is_v4(source) ? siphash_load(source->bytes + 8) : 0;

    return siphash_16(reassembly->key, siphash_load(source->bytes), low) % IP_REASSEMBLY_SOURCES;
}

static uint32_t insert(struct ip_reassembly *reassembly, const struct packet *packet,
                       int64_t now_us)
{
    uint8_t bucket = bucket_of(reassembly, &packet->source);

    if (reassembly->by_source[bucket].count >= reassembly->datagrams_each)
        evict(reassembly, reassembly->by_source[bucket].first);
    if (reassembly->datagrams.count == reassembly->datagrams.capacity)
        evict(reassembly, reassembly->by_age.first);
    uint32_t slot = pool_take(&reassembly->datagrams, NULL);
    struct datagram *d = datagram_at(reassembly, slot);

    *d = (struct datagram){
        .source = packet->source,
        .destination = packet->destination,
        .id = packet->fragment_id,
        .version = packet->version,
        .protocol = packet->protocol,
        .bucket = bucket,
        .ends_at_us = now_us + IP_REASSEMBLY_TIMEOUT_US,
    };
    for (uint32_t i = 0; i < IP_REASSEMBLY_BLOCKS_EACH; i++)
        d->block[i] = SLOT_NONE;
    list_link_init(&d->by_age);
    list_link_init(&d->by_source);
    table_insert(&reassembly->table, hash_of_slot(reassembly, slot), slot);
    list_append(&reassembly->by_age, by_age(reassembly), slot);
    list_append(&reassembly->by_source[bucket], by_source(reassembly), slot);
    return slot;
}

/* The transport header behind extension headers that are part of the fragmentable text; false if the fragment ends before
 * it. All headers must be in the first fragment. [RFC 8200 4.5] */
static bool skip_extensions(uint8_t *protocol, const uint8_t **text, uint32_t *length)
{
    for (int i = 0; i < IPV6_CHAIN_HEADERS_MAX; i++) {
        if (*protocol != IP_DESTINATION_OPTIONS && *protocol != IP_ROUTING)
            return true;
        if (*length < 8 || *length < ((*text)[1] + 1u) * 8)
            return false;
        uint32_t header = ((*text)[1] + 1u) * 8;

        *protocol = (*text)[0];
        *text += header;
        *length -= header;
    }
    return false;
}

/* The first fragment must show the whole transport header, so that nothing can be hidden in the second. [RFC 1858 3]
 * [R8200-11, R7112-01, R1858-01] */
static bool first_is_tiny(const struct packet *packet)
{
    uint8_t protocol = packet->protocol;
    const uint8_t *text = packet->payload;
    uint32_t length = packet->payload_length;

    if (packet->version == 6 && !skip_extensions(&protocol, &text, &length))
        return true;
    if (protocol != IP_TCP)
        return length < ICMP_HEADER_MIN;
    return length < TCP_HEADER_MIN || length < (uint32_t)(text[12] >> 4) * 4;
}

/* Whether a fragment can be part of any datagram. */
static bool is_possible(const struct packet *packet)
{
    uint32_t limit = packet->version == 4 ? 65535 - IPV4_HEADER : 65535;

    if (packet->payload_length == 0 ||
        (packet->fragment_more && packet->payload_length % UNIT != 0))
        return false;
    if (packet->fragment_offset + packet->payload_length > limit)
        return false;
    if (packet->fragment_offset == 0)
        return !first_is_tiny(packet);
    /* Behind a first fragment with a whole TCP header nothing begins below 20. [RFC 1858 3.2.2] */
    return packet->protocol != IP_TCP || packet->fragment_offset >= TCP_HEADER_MIN;
}

static bool is_ours(uint8_t protocol, uint8_t version)
{
    if (version == 4)
        return protocol == IP_TCP || protocol == IP_ICMPV4;
    return protocol == IP_TCP || protocol == IP_ICMPV6 || protocol == IP_DESTINATION_OPTIONS ||
           protocol == IP_ROUTING;
}

static bool bit(const uint64_t *words, uint32_t index)
{
    return words[index / 64] >> index % 64 & 1;
}

static bool unit_present(const struct ip_reassembly *reassembly, const struct datagram *d,
                         uint32_t unit)
{
    uint32_t slot = d->block[unit / UNITS_PER_BLOCK];

    return slot != SLOT_NONE && bit(((struct block *)pool_at(&reassembly->blocks, slot))->present,
                                    unit % UNITS_PER_BLOCK);
}

static bool unit_starts(const struct ip_reassembly *reassembly, const struct datagram *d,
                        uint32_t unit)
{
    uint32_t slot = d->block[unit / UNITS_PER_BLOCK];

    return slot != SLOT_NONE && bit(((struct block *)pool_at(&reassembly->blocks, slot))->starts,
                                    unit % UNITS_PER_BLOCK);
}

enum overlap {
    OVERLAP_NONE = 0,
    OVERLAP_DUPLICATE, /* the same fragment once more: the network does that [RFC 8200 4.5] */
    OVERLAP_ATTACK,
};

static bool bytes_equal(const struct ip_reassembly *reassembly, const struct datagram *d,
                        const struct packet *packet)
{
    uint32_t done = 0;

    while (done < packet->payload_length) {
        uint32_t at = packet->fragment_offset + done;
        uint32_t in_block = at % IP_REASSEMBLY_BLOCK_BYTES;
        uint32_t run = min_u32(packet->payload_length - done, IP_REASSEMBLY_BLOCK_BYTES - in_block);
        const struct block *block =
            pool_at(&reassembly->blocks, d->block[at / IP_REASSEMBLY_BLOCK_BYTES]);

        if (memcmp(block->bytes + in_block, packet->payload + done, run) != 0)
            return false;
        done += run;
    }
    return true;
}

/* [R1122-37, R8200-12, R5722-01] */
static enum overlap overlap_of(const struct ip_reassembly *reassembly, const struct datagram *d,
                               const struct packet *packet)
{
    uint32_t first = packet->fragment_offset / UNIT;
    uint32_t units = (packet->payload_length + UNIT - 1) / UNIT;
    uint32_t end = packet->fragment_offset + packet->payload_length;
    uint32_t there = 0, starts = 0;

    for (uint32_t i = 0; i < units; i++) {
        there += unit_present(reassembly, d, first + i);
        starts += unit_starts(reassembly, d, first + i);
    }
    if (there == 0)
        return OVERLAP_NONE;
    /* Exactly one fragment lies here, from the first unit to the last, and says the same. */
    bool ends_here = packet->fragment_more ? !unit_present(reassembly, d, first + units) ||
                                                 unit_starts(reassembly, d, first + units)
                                           : d->total == end;

    if (there == units && starts == 1 && unit_starts(reassembly, d, first) && ends_here &&
        (packet->fragment_more || d->total != 0) && bytes_equal(reassembly, d, packet))
        return OVERLAP_DUPLICATE;
    return OVERLAP_ATTACK;
}

/* A fragment past the end, or a second end. */
static bool contradicts_end(const struct datagram *d, const struct packet *packet)
{
    uint32_t end = packet->fragment_offset + packet->payload_length;

    if (packet->fragment_more)
        return d->total && end > d->total;
    return (d->total && d->total != end) || d->highest > end;
}

/* Blocks for a fragment, at the cost of older datagrams: first of the same source, then of anyone. */
static bool take_blocks(struct ip_reassembly *reassembly, uint32_t slot,
                        const struct packet *packet)
{
    struct datagram *d = datagram_at(reassembly, slot);
    uint32_t first = packet->fragment_offset / IP_REASSEMBLY_BLOCK_BYTES;
    uint32_t last =
        (packet->fragment_offset + packet->payload_length - 1) / IP_REASSEMBLY_BLOCK_BYTES;

    for (uint32_t i = first; i <= last; i++) {
        if (d->block[i] != SLOT_NONE)
            continue;
        while (reassembly->source_blocks[d->bucket] >= reassembly->blocks_each ||
               reassembly->blocks.count == reassembly->blocks.capacity) {
            bool share = reassembly->source_blocks[d->bucket] >= reassembly->blocks_each;
            uint32_t oldest =
                share ? reassembly->by_source[d->bucket].first : reassembly->by_age.first;

            if (oldest == slot)
                return false;
            evict(reassembly, oldest);
        }
        d->block[i] = pool_take(&reassembly->blocks, NULL);
        d->blocks++;
        reassembly->source_blocks[d->bucket]++;
        struct block *block = pool_at(&reassembly->blocks, d->block[i]);

        memset(block->present, 0, sizeof block->present);
        memset(block->starts, 0, sizeof block->starts);
    }
    return true;
}

static void store(const struct ip_reassembly *reassembly, struct datagram *d,
                  const struct packet *packet)
{
    uint32_t end = packet->fragment_offset + packet->payload_length;

    for (uint32_t at = packet->fragment_offset; at < end; at += UNIT) {
        struct block *block =
            pool_at(&reassembly->blocks, d->block[at / IP_REASSEMBLY_BLOCK_BYTES]);
        uint32_t unit = at / UNIT % UNITS_PER_BLOCK;

        block->present[unit / 64] |= UINT64_C(1) << unit % 64;
        if (at == packet->fragment_offset)
            block->starts[unit / 64] |= UINT64_C(1) << unit % 64;
        memcpy(block->bytes + at % IP_REASSEMBLY_BLOCK_BYTES,
               packet->payload + (at - packet->fragment_offset), min_u32(UNIT, end - at));
    }
    d->received += packet->payload_length;
    d->highest = max_u32(d->highest, end);
    d->seen_ecn |= (uint8_t)(1u << (packet->traffic_class & 3));
    if (!packet->fragment_more)
        d->total = end;
    if (packet->fragment_offset == 0) {
        d->has_first = true;
        d->ttl = packet->ttl;
        d->traffic_class = packet->traffic_class;
    }
}

static uint32_t build_header(const struct datagram *d, uint8_t *ip)
{
    uint8_t traffic_class = d->traffic_class;

    if (d->seen_ecn & ECN_CE)
        traffic_class |= 3;
    if (d->version == 4) {
        return ipv4_build(ip, &(struct ipv4){
                                  .source = d->source,
                                  .destination = d->destination,
                                  .total_length = (uint16_t)(IPV4_HEADER + d->total),
                                  .ttl = d->ttl,
                                  .protocol = d->protocol,
                                  .traffic_class = traffic_class,
                              });
    }
    return ipv6_build(ip, &(struct ipv6){
                              .source = d->source,
                              .destination = d->destination,
                              .payload_length = (uint16_t)d->total,
                              .next_header = d->protocol,
                              .hop_limit = d->ttl,
                              .traffic_class = traffic_class,
                          });
}

/* The datagram as one packet, without IP options and extension headers, which were judged fragment by fragment. */
static void assemble(const struct ip_reassembly *reassembly, const struct datagram *d,
                     struct ip_reassembly_whole *whole)
{
    uint32_t header = build_header(d, reassembly->whole);

    for (uint32_t done = 0; done < d->total; done += IP_REASSEMBLY_BLOCK_BYTES) {
        const struct block *block =
            pool_at(&reassembly->blocks, d->block[done / IP_REASSEMBLY_BLOCK_BYTES]);

        memcpy(reassembly->whole + header + done, block->bytes,
               min_u32(d->total - done, IP_REASSEMBLY_BLOCK_BYTES));
    }
    whole->ip = reassembly->whole;
    whole->length = header + d->total;
}

static enum ip_reassembly_verdict refuse(struct ip_reassembly *reassembly)
{
    reassembly->stats->ip_fragment_refused++;
    return IP_REASSEMBLY_REFUSED;
}

static enum ip_reassembly_verdict give_up(struct ip_reassembly *reassembly, struct datagram *d)
{
    reassembly->stats->ip_fragment_overlap++;
    give_blocks(reassembly, d);
    d->given_up = true;
    return IP_REASSEMBLY_OVERLAP;
}

/* A possible fragment of a datagram that is known by now. [R3168-03] */
static enum ip_reassembly_verdict add_to(struct ip_reassembly *reassembly, uint32_t slot,
                                         const struct packet *packet,
                                         struct ip_reassembly_whole *whole)
{
    struct datagram *d = datagram_at(reassembly, slot);

    if (d->given_up) {
        reassembly->stats->ip_fragment_overlap++;
        return IP_REASSEMBLY_OVERLAP;
    }
    switch (overlap_of(reassembly, d, packet)) {
    case OVERLAP_NONE: break;
    case OVERLAP_DUPLICATE: return IP_REASSEMBLY_KEPT;
    case OVERLAP_ATTACK: return give_up(reassembly, d);
    }
    if (contradicts_end(d, packet))
        return give_up(reassembly, d);
    if (!take_blocks(reassembly, slot, packet)) {
        forget(reassembly, slot);
        return refuse(reassembly);
    }
    store(reassembly, d, packet);
    if (!d->has_first || d->total == 0 || d->received < d->total)
        return IP_REASSEMBLY_KEPT;

    must(d->received == d->total);
    bool mixed = (d->seen_ecn & ECN_CE) && (d->seen_ecn & ECN_NOT_ECT);

    if (!mixed)
        assemble(reassembly, d, whole);
    forget(reassembly, slot);
    if (mixed) /* marked and not capable of it: one of the fragments lies [RFC 3168 5.3] */
        return refuse(reassembly);
    reassembly->stats->ip_reassembled++;
    return IP_REASSEMBLY_WHOLE;
}

/* [R1122-12, R1122-35, R8200-17] */
enum ip_reassembly_verdict ip_reassembly_add(struct ip_reassembly *reassembly,
                                             const struct packet *packet,
                                             struct ip_reassembly_whole *whole, int64_t now_us)
{
    if (!is_ours(packet->protocol, packet->version))
        return IP_REASSEMBLY_FOREIGN;
    reassembly->stats->ip_fragments++;
    if (reassembly->datagrams.capacity == 0 || !is_possible(packet))
        return refuse(reassembly);

    uint32_t slot = find(reassembly, packet);

    if (slot == SLOT_NONE)
        slot = insert(reassembly, packet, now_us);
    return add_to(reassembly, slot, packet, whole);
}

int64_t ip_reassembly_deadline(const struct ip_reassembly *reassembly)
{
    if (reassembly->by_age.count == 0)
        return NEVER_US;
    return datagram_at(reassembly, reassembly->by_age.first)->ends_at_us;
}

void ip_reassembly_tick(struct ip_reassembly *reassembly, int64_t now_us)
{
    while (reassembly->by_age.count) {
        uint32_t slot = reassembly->by_age.first;
        const struct datagram *d = datagram_at(reassembly, slot);

        if (now_us < d->ends_at_us)
            return;
        if (!d->given_up)
            reassembly->stats->ip_reassembly_timeout++;
        forget(reassembly, slot);
    }
}

const struct hf_reassembly hf_reassembly = {
    .init = ip_reassembly_init,
    .add = ip_reassembly_add,
    .parse = packet_parse_ip,
    .deadline = ip_reassembly_deadline,
    .tick = ip_reassembly_tick,
};
