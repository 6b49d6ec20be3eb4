/* Where signatures meet connections, half-opens, TIME-WAIT and strangers. [RFC 5925 7; RFC 2385]
 *
 * Nobody below knows of it: a segment is verified before gate or tcp sees it, and signed when its frame is built; tcp only
 * leaves room for the option. Who has no key pays one branch.
 */
#ifndef STACK_SIGNING_H
#define STACK_SIGNING_H

#include "auth/auth.h"
#include "gate/gate.h"
#include "stack/connection.h"
#include "stack/repeat.h"

struct signing_calls;

struct signing {
    struct auth auth;
    /* NULL until there is a key: who never adds one has none of this in his image. */
    const struct signing_calls *calls;
    struct pool sessions;    /* of connections */
    uint32_t *of_connection; /* by slot; means something while its TCB leaves room for an option */
    /* For the segment that admit deals with; a half-open or TIME-WAIT record has put its terms into it. */
    struct auth_session door;
    bool door_keyed;
};

struct arena;
void signing_init(struct hf_stack *stack, struct arena *arena, const struct hf_config *config);

/* What a stack with keys does. */
struct signing_calls {
    /* ---- segments that belong to no connection ---- */

    /* Who this flow's keys are; to be called before a segment is admitted, and ended after it. */
    void (*door_open)(struct hf_stack *stack, const struct flow *flow);
    void (*door_close)(struct hf_stack *stack);

    /* The segment was signed for a connection with these initial numbers (NULL: those that were resumed). HF_STAT_none, or
     * why it is refused: silently. */
    enum hf_stat (*check_door)(struct hf_stack *stack, const struct gate_segment *arrived,
                               const struct auth_isns *isns, int64_t now_us);

    /* The same for a SYN, and for a segment that meets a half-open or a TIME-WAIT record, signed or not. */
    enum hf_stat (*check_syn)(struct hf_stack *stack, const struct gate_segment *arrived,
                              int64_t now_us);
    enum hf_stat (*check_half_open)(struct hf_stack *stack, const struct gate_segment *arrived,
                                    uint32_t slot, int64_t now_us);
    enum hf_stat (*check_time_wait)(struct hf_stack *stack, const struct gate_segment *arrived,
                                    uint32_t record, int64_t now_us);

    /* The terms by which an answer to the segment at the door is signed, or NULL: unsigned. */
    const struct auth_terms *(*answer_terms)(struct hf_stack *stack, const struct segment *answer);

    /* The same for what nobody asked for: a SYN-ACK again, the RST of a half-open. *terms is filled if it is to be signed. */
    const struct auth_terms *(*spontaneous_terms)(const struct hf_stack *stack,
                                                  const struct flow *flow,
                                                  const struct segment *seg,
                                                  struct auth_terms *terms);

    /* ---- connections ---- */

    /* Option bytes that a new connection of this flow must leave free: 0 if it goes unsigned. */
    uint8_t (*option_bytes)(const struct hf_stack *stack, const struct flow *flow);

    /* A connection whose TCB leaves that room gets a session: from the door if `passive`. false: there is none left. */
    bool (*open)(struct hf_stack *stack, uint32_t slot, bool passive);
    void (*close)(struct hf_stack *stack, uint32_t slot);

    /* A segment for a signed connection: HF_STAT_none, or why it is refused. */
    enum hf_stat (*check)(struct hf_stack *stack, uint32_t slot, const struct segment *seg,
                          int64_t now_us);

    /* The session of a signed connection, with its numbers; NULL: it has none any more. */
    struct auth_session *(*session)(struct hf_stack *stack, uint32_t slot);

    /* Whether ICMP may not speak about it: it is signed by TCP-AO. */
    bool (*ignores_icmp)(struct hf_stack *stack, uint32_t slot);

    /* It leaves a TIME-WAIT record, which goes on with its terms. */
    void (*seal)(struct hf_stack *stack, uint32_t slot);

    /* ---- frames ---- */

    /* The option that `seg` must carry. false: nobody can sign it any more, it is not to be sent. */
    bool (*reserve)(struct hf_stack *stack, const struct flow *flow,
                    const struct auth_session *session, struct segment *seg);

    /* Signs the segment that lies at `header`; returns what its checksum must have beside the rest. */
    uint64_t (*sign)(struct hf_stack *stack, const struct flow *flow, struct auth_session *session,
                     uint8_t *header, uint32_t length);

    /* A session for the moment in which one segment is signed by these terms, and its end. false: as `reserve`, and there is
     * nothing to end. */
    bool (*resume)(struct hf_stack *stack, const struct flow *flow, const struct auth_terms *terms,
                   struct auth_session *session, struct segment *seg);
    void (*end)(struct hf_stack *stack, struct auth_session *session);
};

static inline bool signing_is_signed(const struct connection *connection)
{
    return __builtin_expect(tcb_option_bytes(&connection->tcb) != 0, 0);
}

/* Refuses it without looking at what it has. */
enum hf_stat signing_refuse_stray(struct hf_stack *stack, const struct flow *flow, int64_t now_us);
enum hf_stat signing_refuse_unsigned(struct hf_stack *stack, const struct flow *flow,
                                     const struct segment *seg, int64_t now_us);
enum hf_stat signing_refuse_both(struct hf_stack *stack, const struct flow *flow, int64_t now_us);

#endif
