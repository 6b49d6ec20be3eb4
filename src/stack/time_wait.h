/* TIME-WAIT without a connection: 64 bytes each. [RFC 9293 3.10.7.4; RFC 1337; RFC 6191; RFC 7323 5]
 *
 * Beside them, guards: the ACK that opened a connection by a cookie could open it again once it is over, however it ended. So
 * its ISS is remembered, in a record of the same kind, until the cookie is void [HF1 Afterwards]. A guard meets no other
 * segment.
 */
#ifndef STACK_TIME_WAIT_H
#define STACK_TIME_WAIT_H

#include <handfast/stats.h>

#include "auth/auth.h"
#include "base/count.h"
#include "base/list.h"
#include "base/table.h"
#include "base/time.h"
#include "stack/route.h"
#include "tcp/tcp.h"

#define TIME_WAIT_CHALLENGE_MS \
    3000u /* a RST that answers our challenge to a SYN counts for so long */
#define TIME_WAIT_THROTTLE_MS \
    500u /* between two ACKs of one record [RFC 5961 7]                  */

struct time_wait_record {
    _Alignas(CACHE_LINE) struct list_link by_age;
    struct hf_address remote;
    uint16_t remote_port, local_port;
    seq snd_nxt, rcv_nxt;
    uint32_t ts_recent, ts_offset;
    uint32_t ends_at_ms;
    uint32_t challenged_at_ms; /* our ACK to a SYN; valid if `challenged`           */
    uint32_t acked_at_ms;      /* last ACK that the throttle counts; valid if `acked` */
    uint16_t window;           /* as in a header, already scaled                    */
    uint8_t local;             /* which of our addresses                            */
    uint8_t timestamps : 1, challenged : 1, acked : 1, shift : 4;
    uint32_t guard : 1; /* it is one: snd_nxt is the ISS */
    uint32_t seal : 27; /* the slot that says how it is signed, plus one; 0: it is not */
};

/* A second slot for a signed connection. */
struct time_wait_seal {
    uint32_t free_link;
    struct auth_terms terms;
};

_Static_assert(sizeof(struct time_wait_seal) <= sizeof(struct time_wait_record),
               "two slots for a signed connection");
_Static_assert(sizeof(struct time_wait_record) == 64, "a TIME-WAIT record is 64 bytes");

/* The hash under which a flow is filed: the same that connections use. */
typedef uint64_t time_wait_hash_of(const void *context, const struct flow *flow);

struct time_waits {
    struct pool pool;
    struct table table;
    struct list by_age; /* earliest end first: all last equally long */
    struct list guards; /* likewise                                  */
    const struct route *route;
    struct hf_stats *stats;
    time_wait_hash_of *hash_of;
    const void *hash_context;
    uint32_t lasts_ms; /* 2 MSL */
    bool timestamps;   /* new connections may use them */
};

struct time_wait_setup {
    uint32_t capacity, msl_ms;
    bool timestamps; /* the configuration's */
    const struct route *route;
    struct hf_stats *stats;
    time_wait_hash_of *hash_of;
    const void *hash_context;
};

void time_wait_init(struct time_waits *waits, struct arena *arena,
                    const struct time_wait_setup *setup);

/* A connection of ours reached TIME-WAIT. `hash` is that of the flow, which must have no record. The oldest makes room. */
void time_wait_insert(struct time_waits *waits, uint64_t hash, const struct flow *flow,
                      const struct tcp_remains *remains, int64_t now_us);

/* The record that a flow has is signed on these terms: it takes a second slot. Without one there is no record. */
void time_wait_seal(struct time_waits *waits, uint64_t hash, const struct flow *flow,
                    const struct auth_terms *terms);

/* The terms of a record, to read and go on with; NULL: it is not signed. */
struct auth_terms *time_wait_terms(const struct time_waits *waits, uint32_t slot);

/* A connection that a cookie opened is over: the same ACK must not open it again. */
void time_wait_guard(struct time_waits *waits, uint64_t hash, const struct flow *flow, seq iss,
                     int64_t now_us);

/* Whether this cookie's connection has been and gone. */
bool time_wait_is_replay(const struct time_waits *waits, uint64_t hash, const struct flow *flow,
                         seq iss);

/* The record of a flow, or SLOT_NONE. */
uint32_t time_wait_find(const struct time_waits *waits, uint64_t hash, const struct flow *flow);

enum time_wait_verdict {
    TIME_WAIT_SILENT =
        0, /* nothing is to be done                                                       */
    TIME_WAIT_ANSWER, /* *answer is to be sent: an ACK                                               */
    TIME_WAIT_NEW, /* an acceptable SYN: to be admitted like any other, with an ISS above time_wait_snd_nxt; the
                             record ends (time_wait_end) at gate_commit                                   */
    TIME_WAIT_OVER, /* the record was released by a RST; nothing is to be sent                     */
};

/* A segment met a record. *answer is filled for TIME_WAIT_ANSWER: sequence, acknowledgment, window, flags, timestamps and
 * ports. Counts what it sees. */
enum time_wait_verdict time_wait_segment_arrives(struct time_waits *waits, uint32_t slot,
                                                 const struct segment *seg, struct segment *answer,
                                                 int64_t now_us);

seq time_wait_snd_nxt(const struct time_waits *waits, uint32_t slot);

/* Ends a record early: its successor is open (counts time_wait_reused). */
void time_wait_end(struct time_waits *waits, uint32_t slot);

int64_t time_wait_deadline(const struct time_waits *waits, int64_t now_us);
void time_wait_tick(struct time_waits *waits, int64_t now_us);

/* Connections in TIME-WAIT, and with the guards all records. */
static inline uint32_t time_wait_count(const struct time_waits *waits)
{
    return waits->by_age.count;
}

static inline uint32_t time_wait_records(const struct time_waits *waits)
{
    return waits->pool.count;
}

#endif
