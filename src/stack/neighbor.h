/* Link addresses of next hops: ARP and neighbour discovery in one state machine. [RFC 826; RFC 1122 2.3.2; RFC 4861 7.3]
 *
 * Entries are made only because our side wants to send (neighbor_resolve) or because a peer has proved itself
 * (neighbor_confirm); what others send unasked makes no entry and overwrites none: at most it makes us ask again. So a
 * flood of requests and advertisements costs nothing but the answers, which wait in a small ring.
 *
 * No packet waits here. A connection whose next hop is unknown is put by the caller into the entry's `waiters`, and taken
 * out of it when neighbor_take_changed names the entry.
 */
#ifndef STACK_NEIGHBOR_H
#define STACK_NEIGHBOR_H

#include <handfast/stats.h>

#include "base/list.h"
#include "base/ring.h"
#include "base/table.h"
#include "base/time.h"
#include "crypto/siphash.h"
#include "stack/route.h"
#include "wire/packet.h"

#define NEIGHBOR_RETRANSMIT_US \
    (1 * US_PER_S)              /* RETRANS_TIMER [RFC 4861 10]                               */
#define NEIGHBOR_SOLICITS_MAX 3 /* MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT [RFC 4861 10]  */
#define NEIGHBOR_REACHABLE_US \
    (30 * US_PER_S) /* REACHABLE_TIME [RFC 4861 10], ARP timeout [RFC 1122 2.3.2.1] */
#define NEIGHBOR_FAILED_US \
    (3 * US_PER_S)          /* before a next hop that did not answer is asked again      */
#define NEIGHBOR_REPLIES 32 /* answers that wait for hf_output; more are dropped         */

enum neighbor_state {
    NEIGHBOR_FREE = 0,
    NEIGHBOR_INCOMPLETE, /* asked; the link address is unknown                     */
    NEIGHBOR_REACHABLE,  /* answered not long ago                                  */
    NEIGHBOR_STALE,      /* known; it is asked again when it is next used          */
    NEIGHBOR_PROBE,      /* known and used meanwhile; asked                        */
    NEIGHBOR_FAILED,     /* did not answer                                         */
};

enum neighbor_verdict {
    NEIGHBOR_READY = 0, /* *mac is filled                                                        */
    NEIGHBOR_WAIT,      /* being asked: wait in its list                                         */
    NEIGHBOR_NO_ANSWER, /* did not answer lately: what is to be sent is dropped                  */
    NEIGHBOR_NO_ROOM,   /* every entry is being waited for                                       */
};

/* Whoever sends often keeps one, so that looking up costs a comparison; it may go stale at any time. All zero: empty. */
struct neighbor_ref {
    uint32_t slot, generation;
};

struct neighbor {
    struct hf_address address;
    struct hf_mac mac;
    uint8_t state;       /* enum neighbor_state                                              */
    uint8_t queue;       /* which list by_state is in: none, to_ask, asked                   */
    uint8_t solicits;    /* questions since the last answer                                  */
    bool ask_all;        /* who it is is in doubt: PROBE asks everyone, not the link address */
    uint32_t generation; /* never 0 while in use                                             */
    int64_t deadline_us; /* REACHABLE: until; asked: the next question; FAILED: until        */
    int64_t doubted_us;  /* when a claim made us ask last                                    */
    struct list_link by_use, by_state, by_change;
    struct list waiters; /* the caller's: slots of its own */
};

struct neighbor_reply;

struct neighbors {
    const struct hf_ethernet *calls; /* NULL: a link without addresses                   */
    const struct hf_ipv6 *ipv6;      /* NULL: ARP alone                                  */
    struct pool pool;                /* struct neighbor */
    struct table table;
    struct list by_use; /* least recently used first             */
    struct list to_ask; /* a question is due now                 */
    struct list asked;  /* ... was sent, earliest deadline first */
    struct list changed;
    struct ring replies; /* struct neighbor_reply                */
    const struct route *route;
    struct hf_stats *stats;
    struct hf_event_sink *events;
    struct siphash_key key;
    struct hf_mac mac;
    uint16_t vlan;
    bool ethernet;
    bool
        shared; /* another stack answers for our addresses: what would be said of them is left to it */
    uint32_t last_found; /* found last: most often there is one next hop */
    uint32_t generations;
    /* announcements: address by address, then the groups, in rounds */
    uint8_t announce_next, announce_rounds;
    bool announce_addresses;
    bool report_due; /* our groups, in one MLDv2 report */
    int64_t announce_at_us, reported_us;
    int64_t conflict_us; /* of the last conflict that was told, defended */
};

struct neighbor_setup {
    const struct hf_config *config;
    const struct route *route;
    struct hf_mac mac; /* ours */
    struct hf_stats *stats;
    struct hf_event_sink *events;
    struct siphash_key key;
};

/* setup->route and ->stats must live as long as *neighbors. While arena->base is NULL only setup->config is read. */
void neighbor_init(struct neighbors *neighbors, struct arena *arena,
                   const struct neighbor_setup *setup, int64_t now_us);

/* The link address of a next hop (unicast, on the link). Looks at *ref first and keeps it right. On NEIGHBOR_WAIT and
 * NEIGHBOR_NO_ANSWER ref->slot is the entry. [RFC 4861 7.2.2, 7.3.3] */
enum neighbor_verdict neighbor_resolve(struct neighbors *neighbors, struct neighbor_ref *ref,
                                       const struct hf_address *next_hop, struct hf_mac *mac,
                                       int64_t now_us);

static inline struct neighbor *neighbor_at(const struct neighbors *neighbors, uint32_t slot)
{
    return pool_at(&neighbors->pool, slot);
}

/* Routes have changed: whoever keeps a neighbor_ref asks anew which next hop is his. */
static inline void neighbor_renew(struct neighbors *neighbors)
{
    for (uint32_t slot = 0; slot < neighbors->pool.high; slot++)
        if (neighbor_at(neighbors, slot)->generation != 0) {
            neighbors->generations += neighbors->generations == UINT32_MAX ? 2 : 1;
            neighbor_at(neighbors, slot)->generation = neighbors->generations;
        }
}

/* The list of those who wait for an entry; while it is not empty the entry stays. */
static inline struct list *neighbor_waiters(const struct neighbors *neighbors, uint32_t slot)
{
    return &neighbor_at(neighbors, slot)->waiters;
}

/* An entry with waiters that was answered, or failed: see neighbor_resolve for which. SLOT_NONE: no more. The caller must
 * empty its list. */
uint32_t neighbor_take_changed(struct neighbors *neighbors);

/* A handshake was finished with a peer behind this next hop, in frames from and to `mac`. An unknown next hop becomes STALE:
 * usable, and asked when it is used; a known one with this link address has proved reachable. [RFC 4861 7.3.1] */
void neighbor_confirm(struct neighbors *neighbors, const struct hf_address *next_hop,
                      const struct hf_mac *mac, int64_t now_us);

/* What we sent was acknowledged [RFC 4861 7.3.1]; or it was not, again and again [RFC 9293 3.8.3; RFC 1122 3.3.1.4]. */
void neighbor_progress(struct neighbors *neighbors, const struct neighbor_ref *ref, int64_t now_us);
void neighbor_doubt(struct neighbors *neighbors, const struct neighbor_ref *ref);

/* What arrived; HF_STAT_none, or why it was refused (arp_malformed, frame_foreign: ARP between others), which is counted
 * here. */
enum hf_stat neighbor_on_arp(struct neighbors *neighbors, const struct packet *packet,
                             int64_t now_us);

#define NEIGHBOR_FRAME_MAX (HF_LINK_HEADER_MAX + 56 + 20 * HF_ADDRESSES_MAX)

/* Builds the next message into a frame of at least NEIGHBOR_FRAME_MAX bytes, checksums complete; 0: none is due. A frame is
 * returned as its whole length, link header included. */
uint32_t neighbor_next_message(struct neighbors *neighbors, uint8_t *frame, int64_t now_us);

static inline bool neighbor_has_announcement(const struct neighbors *neighbors)
{
    return neighbors->announce_addresses && neighbors->announce_next < neighbors->route->our_count;
}

/* Whether neighbor_next_message might give one now. */
static inline bool neighbor_wants_output(const struct neighbors *neighbors)
{
    return ring_count(&neighbors->replies) || neighbors->to_ask.count || neighbors->report_due ||
           neighbor_has_announcement(neighbors);
}

/* Whether neighbor_tick will have something to do, when, and doing it. */
static inline bool neighbor_has_deadline(const struct neighbors *neighbors)
{
    return neighbors->announce_rounds || neighbors->asked.count;
}

int64_t neighbor_deadline(const struct neighbors *neighbors);
void neighbor_tick(struct neighbors *neighbors, int64_t now_us);

static inline uint32_t neighbor_count(const struct neighbors *neighbors)
{
    return neighbors->pool.count;
}

#endif
