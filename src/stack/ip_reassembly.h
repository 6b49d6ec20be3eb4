/* Fragments to datagrams, in bounded memory. [RFC 791 3.2; RFC 8200 4.5; RFC 5722; RFC 1858]
 *
 * Text lies in blocks of a shared pool, taken as fragments touch them; a bitmap a block says which units of 8 bytes came.
 * An overlap gives the datagram up, and it stays given up until its time is over. A source (keyed: its bucket of sources)
 * has a share of datagrams and blocks: beyond it, it evicts its own oldest.
 */
#ifndef STACK_IP_REASSEMBLY_H
#define STACK_IP_REASSEMBLY_H

#include "base/list.h"
#include "base/table.h"
#include "base/time.h"
#include "crypto/siphash.h"
#include "wire/packet.h"

#define IP_REASSEMBLY_TIMEOUT_US \
    (30 * US_PER_S) /* within the 60 s of RFC 8200 4.5 and RFC 1122 3.3.2 */
#define IP_REASSEMBLY_BLOCK_BYTES 2048u
#define IP_REASSEMBLY_BLOCKS_EACH 33u /* a datagram's most: 65536 / 2048, and one */
#define IP_REASSEMBLY_SOURCES 64u     /* buckets of sources                       */

enum ip_reassembly_verdict {
    IP_REASSEMBLY_KEPT = 0, /* more is to come                                                    */
    IP_REASSEMBLY_WHOLE,    /* *whole is a whole packet for packet_parse_ip                       */
    IP_REASSEMBLY_REFUSED,  /* tiny, misaligned, too large or without room (ip_fragment_refused)  */
    IP_REASSEMBLY_OVERLAP,  /* ip_fragment_overlap                                                */
    IP_REASSEMBLY_FOREIGN,  /* a fragment of a protocol that is not ours                          */
};

struct ip_reassembly {
    struct pool datagrams, blocks;
    struct table table;
    struct list by_age;                           /* oldest first: all have the same timeout */
    struct list by_source[IP_REASSEMBLY_SOURCES]; /* oldest first                            */
    uint32_t source_blocks[IP_REASSEMBLY_SOURCES];
    uint32_t datagrams_each, blocks_each; /* a source's share */
    uint8_t *whole;
    struct hf_stats *stats;
    struct siphash_key key;
};

struct ip_reassembly_whole {
    uint8_t *ip; /* valid until the next ip_reassembly_add */
    uint32_t length;
};

/* max_reassemblies 0: every fragment is refused, no memory is taken. */
void ip_reassembly_init(struct ip_reassembly *reassembly, struct arena *arena,
                        uint32_t max_reassemblies, struct siphash_key key, struct hf_stats *stats);

/* A PACKET_FRAGMENT to us arrived. Counts all but frame_foreign. */
enum ip_reassembly_verdict ip_reassembly_add(struct ip_reassembly *reassembly,
                                             const struct packet *packet,
                                             struct ip_reassembly_whole *whole, int64_t now_us);

int64_t ip_reassembly_deadline(const struct ip_reassembly *reassembly);
void ip_reassembly_tick(struct ip_reassembly *reassembly, int64_t now_us);

/* The part of a stack that puts fragments together: what stands above. */
struct hf_reassembly {
    void (*init)(struct ip_reassembly *reassembly, struct arena *arena, uint32_t max_reassemblies,
                 struct siphash_key key, struct hf_stats *stats);
    enum ip_reassembly_verdict (*add)(struct ip_reassembly *reassembly, const struct packet *packet,
                                      struct ip_reassembly_whole *whole, int64_t now_us);
    void (*parse)(struct packet *packet, const struct packet_rules *rules, uint8_t *ip,
                  uint32_t length, enum hf_checksum checksum); /* packet_parse_ip */
    int64_t (*deadline)(const struct ip_reassembly *reassembly);
    void (*tick)(struct ip_reassembly *reassembly, int64_t now_us);
};

static inline uint32_t ip_reassembly_count(const struct ip_reassembly *reassembly)
{
    return reassembly->datagrams.count;
}

#endif
