/* Where signatures meet connections, half-opens, TIME-WAIT and strangers. [RFC 5925 7; RFC 2385]
 *
 * Whatever is wrong with a signature meets silence: no RST, no ACK, one counter and, a few times a second at most, an event.
 * So nobody who lacks the key can move a connection, end it, or learn whether it is there. [R5925-26, R2385-02, R2385-03, R2385-05]
 */
#include "stack/signing.h"

#include "crypto/wipe.h"
#include "stack/demux.h"
#include "stack/stack.h"
#include "wire/tcp_header.h"

struct session {
    uint32_t free_link; /* a free slot's */
    uint32_t connection;
    struct auth_session auth;
};

static struct session *session_at(const struct signing *signing, uint32_t slot)
{
    return pool_at(&signing->sessions, slot);
}

void signing_init(struct hf_stack *stack, struct arena *arena, const struct hf_config *config)
{
    struct signing *signing = &stack->signing;
    uint32_t sessions = config->max_signed ? config->max_signed : config->max_connections;
    uint32_t stride = (sizeof(struct session) + CACHE_LINE - 1) & ~(CACHE_LINE - 1u);

    signing->calls = NULL;
    signing->door_keyed = false;
    if (config->max_keys == 0) {
        sessions = 0;
        signing->of_connection = NULL;
    } else {
        signing->of_connection =
            arena_take(arena, (size_t)config->max_connections * sizeof *signing->of_connection);
    }
    key_chain_init(&signing->auth.keys, arena, config->max_keys, stack->env.crypto);
    pool_init(&signing->sessions, arena, stride, sessions);
}

/* ---- refusals ---- */

static enum hf_stat refuse(struct hf_stack *stack, const struct flow *flow, enum hf_stat stat,
                           enum hf_signature_fault fault, int64_t now_us)
{
    stack_count(stack, stat);
    stack_event(stack, HF_EVENT_SIGNATURE, flow, fault, now_us);
    return stat;
}

enum hf_stat signing_refuse_stray(struct hf_stack *stack, const struct flow *flow, int64_t now_us)
{
    return refuse(stack, flow, HF_STAT_auth_stray, HF_SIGNATURE_STRAY, now_us);
}

enum hf_stat signing_refuse_both(struct hf_stack *stack, const struct flow *flow, int64_t now_us)
{
    return refuse(stack, flow, HF_STAT_auth_both, HF_SIGNATURE_BOTH, now_us);
}

enum hf_stat signing_refuse_unsigned(struct hf_stack *stack, const struct flow *flow,
                                     const struct segment *seg, int64_t now_us)
{
    bool bare_syn = (seg->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;

    return refuse(stack, flow, bare_syn ? HF_STAT_auth_syn_missing : HF_STAT_auth_missing,
                  HF_SIGNATURE_MISSING, now_us);
}

/* ---- in ---- */

static enum hf_stat check(struct hf_stack *stack, struct auth_session *session,
                          const struct flow *flow, const struct segment *seg, int64_t now_us)
{
    struct auth_bytes bytes = {
        .flow = flow,
        .header = (uint8_t *)(uintptr_t)seg->text - seg->data_offset,
        .header_length = seg->data_offset,
        .text = seg->text,
        .text_length = seg->length,
        .inbound = true,
        .isns = session->terms.isns,
    };

    if ((seg->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
        bytes.isns.remote = seg->seq; /* of the incarnation that it wants to begin */
    switch (auth_verify(&stack->signing.auth, session, &bytes, seg)) {
    case AUTH_VERIFIED: count_one(&stack->stats, auth_verified); return HF_STAT_none;
    case AUTH_MISSING: return signing_refuse_unsigned(stack, flow, seg, now_us);
    case AUTH_WRONG: return refuse(stack, flow, HF_STAT_auth_wrong, HF_SIGNATURE_WRONG, now_us);
    case AUTH_NO_KEY: return refuse(stack, flow, HF_STAT_auth_no_key, HF_SIGNATURE_NO_KEY, now_us);
    case AUTH_LENGTH: return refuse(stack, flow, HF_STAT_auth_length, HF_SIGNATURE_LENGTH, now_us);
    case AUTH_BOTH: break;
    }
    return signing_refuse_both(stack, flow, now_us);
}

/* ---- at the door ---- */

static void signing_door_open(struct hf_stack *stack, const struct flow *flow)
{
    struct signing *signing = &stack->signing;

    signing->door_keyed = auth_begin(&signing->auth, flow, &signing->door);
}

static void signing_door_close(struct hf_stack *stack)
{
    struct signing *signing = &stack->signing;

    if (signing->door_keyed)
        auth_end(&signing->auth, &signing->door);
    signing->door_keyed = false;
}

static enum hf_stat signing_check_door(struct hf_stack *stack, const struct gate_segment *arrived,
                                       const struct auth_isns *isns, int64_t now_us)
{
    if (isns)
        auth_set_isns(&stack->signing.door, isns);
    return check(stack, &stack->signing.door, arrived->flow, arrived->seg, now_us);
}

/* A SYN-ACK names both initial numbers itself, and so does what a half-open says: its own are one below. */
static struct auth_isns isns_in(const struct segment *seg)
{
    return (struct auth_isns){seg->flags & TCP_SYN ? seg->seq : seq_sub(seg->seq, 1),
                              seq_sub(seg->ack, 1)};
}

/* A SYN of a peer of whom a key speaks [R5925-23]: it names its own initial number, and cannot know ours. */
static enum hf_stat signing_check_syn(struct hf_stack *stack, const struct gate_segment *arrived,
                                      int64_t now_us)
{
    const struct auth_isns isns = {seq_of(0), arrived->seg->seq};

    return signing_check_door(stack, arrived, &isns, now_us);
}

/* A record that is signed hears signed segments only. One that is not may give way to a signed successor. */
static enum hf_stat signing_check_time_wait(struct hf_stack *stack,
                                            const struct gate_segment *arrived, uint32_t record,
                                            int64_t now_us)
{
    struct auth_terms *terms = time_wait_terms(&stack->time_waits, record);
    struct auth_session *door = &stack->signing.door;
    enum hf_stat refusal;

    if (!terms)
        return stack->signing.door_keyed ? signing_check_syn(stack, arrived, now_us) : HF_STAT_none;
    if (!stack->signing.door_keyed) /* the key was removed meanwhile */
        return signing_refuse_stray(stack, arrived->flow, now_us);
    if ((arrived->seg->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
        return signing_check_syn(stack, arrived, now_us);
    auth_resume(terms, door);
    refusal = signing_check_door(stack, arrived, NULL, now_us);
    if (refusal == HF_STAT_none)
        *terms = door->terms;
    return refusal;
}

/* An ACK that is not this half-open's may be a cookie's, whose numbers it names itself. */
static enum hf_stat signing_check_half_open(struct hf_stack *stack,
                                            const struct gate_segment *arrived, uint32_t slot,
                                            int64_t now_us)
{
    const struct half_open *half_open = syn_cache_at(&stack->gate.cache, slot);
    const struct segment *seg = arrived->seg;
    struct auth_isns isns = {half_open->iss, half_open->irs};

    if ((seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_ACK &&
        !seq_eq(seg->ack, seq_add(half_open->iss, 1)))
        isns = (struct auth_isns){seq_sub(seg->ack, 1), seq_sub(seg->seq, 1)};
    return signing_check_door(stack, arrived, &isns, now_us);
}

static const struct auth_terms *signing_answer_terms(struct hf_stack *stack,
                                                     const struct segment *answer)
{
    struct auth_session *door = &stack->signing.door;
    struct auth_isns isns = isns_in(answer);

    if (!stack->signing.door_keyed)
        return NULL;
    if (answer->flags & TCP_SYN)
        auth_set_isns(door, &isns);
    return &door->terms;
}

static const struct auth_terms *signing_spontaneous_terms(const struct hf_stack *stack,
                                                          const struct flow *flow,
                                                          const struct segment *seg,
                                                          struct auth_terms *terms)
{
    const struct auth *auth = &stack->signing.auth;
    struct auth_isns isns = isns_in(seg);
    struct auth_session session;

    if (auth->keys.pool.count == 0 || !auth_begin(auth, flow, &session))
        return NULL;
    auth_set_isns(&session, &isns);
    *terms = session.terms;
    return terms;
}

/* ---- connections ---- */

static uint8_t signing_option_bytes(const struct hf_stack *stack, const struct flow *flow)
{
    const struct auth *auth = &stack->signing.auth;

    return auth->keys.pool.count ? (uint8_t)auth_option_bytes(auth, flow) : 0;
}

static struct auth_session *signing_session(struct hf_stack *stack, uint32_t slot)
{
    const struct tcb *tcb = &connection_at(&stack->connections, slot)->tcb;
    uint32_t session = stack->signing.of_connection[slot];
    struct auth_session *auth;

    if (session == SLOT_NONE)
        return NULL;
    auth = &session_at(&stack->signing, session)->auth;
    auth->terms.isns = (struct auth_isns){tcb->iss, tcb->irs};
    return auth;
}

static bool signing_open(struct hf_stack *stack, uint32_t slot, bool passive)
{
    struct signing *signing = &stack->signing;
    const struct connection *connection = connection_at(&stack->connections, slot);
    uint32_t number = pool_take(&signing->sessions, NULL);
    struct session *session;

    if (number == SLOT_NONE) {
        count_one(&stack->stats, auth_no_room);
        return false;
    }
    session = session_at(signing, number);
    session->connection = slot;
    signing->of_connection[slot] = number;
    if (passive) { /* what verified the handshake goes on */
        session->auth = signing->door;
        wipe(&signing->door, sizeof signing->door);
        signing->door_keyed = false;
        session->auth.terms.sent = connection->tcb.iss.value;
        return true;
    }
    (void)auth_begin(&signing->auth, &connection->flow, &session->auth);
    auth_set_isns(&session->auth, &(struct auth_isns){connection->tcb.iss, seq_of(0)});
    return true;
}

static void signing_close(struct hf_stack *stack, uint32_t slot)
{
    struct signing *signing = &stack->signing;
    uint32_t number = signing->of_connection[slot];
    struct session *session;

    if (number == SLOT_NONE)
        return;
    session = session_at(signing, number);
    auth_end(&signing->auth, &session->auth);
    session->connection = SLOT_NONE;
    signing->of_connection[slot] = SLOT_NONE;
    pool_give(&signing->sessions, number);
}

/* In SYN-SENT the peer's number is the segment's own, and its position begins there. [RFC 5925 5.2, 6.2] */
static enum hf_stat signing_check(struct hf_stack *stack, uint32_t slot, const struct segment *seg,
                                  int64_t now_us)
{
    const struct connection *connection = connection_at(&stack->connections, slot);
    struct auth_session *session = signing_session(stack, slot);

    if (!session)
        return signing_refuse_stray(stack, &connection->flow, now_us);
    if (connection->tcb.state == TCP_SYN_SENT)
        auth_set_isns(session, &(struct auth_isns){connection->tcb.iss, seg->seq});
    return check(stack, session, &connection->flow, seg, now_us);
}

static bool signing_ignores_icmp(struct hf_stack *stack, uint32_t slot)
{
    struct auth_session *session = signing_session(stack, slot);

    return session && session->terms.algorithm != HF_KEY_MD5;
}

/* ---- frames ---- */

static bool signing_reserve(struct hf_stack *stack, const struct flow *flow,
                            const struct auth_session *session, struct segment *seg)
{
    if (session && auth_reserve(&stack->signing.auth, flow, session, &seg->options))
        return true;
    count_one(&stack->stats, auth_mute);
    return false;
}

static uint64_t signing_sign(struct hf_stack *stack, const struct flow *flow,
                             struct auth_session *session, uint8_t *header, uint32_t length)
{
    uint32_t header_length = (uint32_t)(header[12] >> 4) * 4;
    const struct auth_bytes bytes = {
        .flow = flow,
        .header = header,
        .header_length = header_length,
        .option = TCP_HEADER + (session->terms.algorithm == HF_KEY_MD5 ? 2u : 0u),
        .text = header + header_length,
        .text_length = length - header_length,
        .isns = session->terms.isns,
    };

    count_one(&stack->stats, auth_signed);
    return auth_sign(&stack->signing.auth, session, &bytes);
}

static bool signing_resume(struct hf_stack *stack, const struct flow *flow,
                           const struct auth_terms *terms, struct auth_session *session,
                           struct segment *seg)
{
    auth_resume(terms, session);
    return signing_reserve(stack, flow, session, seg);
}

static void signing_end(struct hf_stack *stack, struct auth_session *session)
{
    auth_end(&stack->signing.auth, session);
}

static void signing_seal(struct hf_stack *stack, uint32_t slot)
{
    const struct connection *connection = connection_at(&stack->connections, slot);
    const struct auth_session *session = signing_session(stack, slot);

    if (session)
        time_wait_seal(&stack->time_waits, connection->hash, &connection->flow, &session->terms);
}

/* ---- keys ---- */

static const struct signing_calls signing_calls = {
    .door_open = signing_door_open,
    .door_close = signing_door_close,
    .check_door = signing_check_door,
    .check_syn = signing_check_syn,
    .check_half_open = signing_check_half_open,
    .check_time_wait = signing_check_time_wait,
    .answer_terms = signing_answer_terms,
    .spontaneous_terms = signing_spontaneous_terms,
    .option_bytes = signing_option_bytes,
    .open = signing_open,
    .close = signing_close,
    .check = signing_check,
    .session = signing_session,
    .ignores_icmp = signing_ignores_icmp,
    .seal = signing_seal,
    .reserve = signing_reserve,
    .sign = signing_sign,
    .resume = signing_resume,
    .end = signing_end,
};

/* Live connections ask for the newest key at once, and leave the one that is gone. */
static void keys_changed(struct hf_stack *stack)
{
    struct signing *signing = &stack->signing;

    for (uint32_t number = 0; number < signing->sessions.high; number++) {
        struct session *session = session_at(signing, number);
        struct connection *connection;
        uint32_t bytes;

        if (session->connection == SLOT_NONE ||
            signing->of_connection[session->connection] != number)
            continue;
        connection = connection_at(&stack->connections, session->connection);
        auth_keys_changed(&signing->auth, &connection->flow, &session->auth);
        bytes = auth_option_bytes(&signing->auth, &connection->flow);
        if (bytes && session->auth.terms.algorithm != HF_KEY_MD5) /* its length never changes */
            tcb_set_option_bytes(&connection->tcb, bytes);
    }
}

int hf_key_add(struct hf_stack *stack, const struct hf_key *key)
{
    int error = key_chain_add(&stack->signing.auth.keys, key);

    if (error != HF_OK)
        return error;
    stack->signing.calls = &signing_calls;
    keys_changed(stack);
    return HF_OK;
}

int hf_key_remove(struct hf_stack *stack, const struct hf_key *key)
{
    uint32_t slot = key_chain_same(&stack->signing.auth.keys, key);

    if (slot == SLOT_NONE)
        return HF_NO_SOCKET;
    key_chain_remove(&stack->signing.auth.keys, slot);
    keys_changed(stack);
    return HF_OK;
}

int hf_key_next(const struct hf_stack *stack, uint64_t *cursor, struct hf_key *key)
{
    const struct key_chain *chain = &stack->signing.auth.keys;
    const struct key *found;
    uint32_t slot = chain->all.first;

    while (slot != SLOT_NONE && key_chain_at(chain, slot)->serial <= *cursor)
        slot = key_chain_at(chain, slot)->by_order.next;
    if (slot == SLOT_NONE)
        return HF_AGAIN;
    found = key_chain_at(chain, slot);
    *cursor = found->serial;
    *key = (struct hf_key){
        .algorithm = (enum hf_key_algorithm)found->algorithm,
        .remote = found->remote,
        .local = found->local,
        .remote_port = found->remote_port,
        .local_port = found->local_port,
        .send_id = found->send_id,
        .receive_id = found->receive_id,
        .options_excluded = found->options_excluded,
    };
    return HF_OK;
}
