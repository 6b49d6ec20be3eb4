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

struct signing {
    struct auth auth;
    struct pool sessions;    /* of connections */
    uint32_t *of_connection; /* by slot; means something while its TCB leaves room for an option */
    struct repeat refused;
    /* For the segment that admit deals with; a half-open or TIME-WAIT record has put its terms into it. */
    struct auth_session door;
    bool door_keyed;
};

struct arena;
void signing_init(struct hf_stack *stack, struct arena *arena, const struct hf_config *config);

/* ---- segments that belong to no connection ---- */

/* Who this flow's keys are; to be called before a segment is admitted, and ended after it. */
void signing_door_open(struct hf_stack *stack, const struct flow *flow);
void signing_door_close(struct hf_stack *stack);

/* The segment was signed for a connection with these initial numbers (NULL: those that were resumed). HF_STAT_none, or why it is refused: silently. */
enum hf_stat signing_check_door(struct hf_stack *stack, const struct gate_segment *arrived,
                                const struct auth_isns *isns, int64_t now_us);

/* Refuses it without looking at what it has. */
enum hf_stat signing_refuse_stray(struct hf_stack *stack, const struct flow *flow, int64_t now_us);
enum hf_stat signing_refuse_unsigned(struct hf_stack *stack, const struct flow *flow,
                                     const struct segment *seg, int64_t now_us);
enum hf_stat signing_refuse_both(struct hf_stack *stack, const struct flow *flow, int64_t now_us);

/* The terms by which an answer to the segment at the door is signed, or NULL: unsigned. */
const struct auth_terms *signing_answer_terms(struct hf_stack *stack, const struct segment *answer);

/* The same for what nobody asked for: a SYN-ACK again, the RST of a half-open. *terms is filled if it is to be signed. */
const struct auth_terms *signing_spontaneous_terms(const struct hf_stack *stack,
                                                   const struct flow *flow,
                                                   const struct segment *seg,
                                                   struct auth_terms *terms);

/* ---- connections ---- */

/* Option bytes that a new connection of this flow must leave free: 0 if it goes unsigned. */
uint8_t signing_option_bytes(const struct hf_stack *stack, const struct flow *flow);

/* A connection whose TCB leaves that room gets a session: from the door if `passive`. false: there is none left. */
bool signing_open(struct hf_stack *stack, uint32_t slot, bool passive);
void signing_close(struct hf_stack *stack, uint32_t slot);

static inline bool signing_is_signed(const struct connection *connection)
{
    return __builtin_expect(tcb_option_bytes(&connection->tcb) != 0, 0);
}

/* A segment for a signed connection: HF_STAT_none, or why it is refused. */
enum hf_stat signing_check(struct hf_stack *stack, uint32_t slot, const struct segment *seg,
                           int64_t now_us);

/* The session of a signed connection, with its numbers; NULL: it has none any more. */
struct auth_session *signing_session(struct hf_stack *stack, uint32_t slot);

/* Whether ICMP may not speak about it: it is signed by TCP-AO. */
bool signing_ignores_icmp(struct hf_stack *stack, uint32_t slot);

/* ---- frames ---- */

/* The option that `seg` must carry. false: nobody can sign it any more, it is not to be sent. */
bool signing_reserve(struct hf_stack *stack, const struct flow *flow,
                     const struct auth_session *session, struct segment *seg);

/* Signs the segment that lies at `header`; returns what its checksum must have beside the rest. */
uint64_t signing_sign(struct hf_stack *stack, const struct flow *flow, struct auth_session *session,
                      uint8_t *header, uint32_t length);

#endif
