/* How a connection is signed, and with what. [RFC 5925 7.1] */
#include <handfast/auth.h>

#include "socket/lookup.h"
#include "stack/signing.h"
#include "stack/stack.h"

/* The session of a signed connection, or NULL. */
static struct auth_session *session_of(const struct hf_stack *stack, hf_socket socket, int *error)
{
    struct hf_stack *mutable = (struct hf_stack *)(uintptr_t)stack;
    uint32_t slot;

    *error = lookup_connection(mutable, socket, &slot);
    if (*error != HF_OK || !signing_is_signed(connection_at(&stack->connections, slot)))
        return NULL;
    return mutable->signing.calls->session(mutable, slot);
}

int hf_signing(const struct hf_stack *stack, hf_socket socket, struct hf_signing *signing)
{
    int error;
    const struct auth_session *session = session_of(stack, socket, &error);

    *signing = (struct hf_signing){.algorithm = HF_KEY_NONE};
    if (session)
        *signing = (struct hf_signing){
            .algorithm = (enum hf_key_algorithm)session->terms.algorithm,
            .send_id = session->terms.send_id,
            .next_id = session->terms.next_id,
            .received_id = session->terms.received_id,
            .received_next_id = session->terms.received_next_id,
        };
    return error;
}

int hf_sign_with(struct hf_stack *stack, hf_socket socket, uint8_t send_id, uint8_t next_id)
{
    const struct key_chain *keys = &stack->signing.auth.keys;
    const struct flow *flow;
    struct auth_session *session;
    uint32_t slot;
    int error;

    session = session_of(stack, socket, &error);
    if (error != HF_OK)
        return error;
    if (!session || session->terms.algorithm == HF_KEY_MD5 ||
        lookup_connection(stack, socket, &slot) != HF_OK)
        return HF_INVALID;
    flow = &connection_at(&stack->connections, slot)->flow;
    if (!key_chain_sends(keys, flow, send_id) || !key_chain_receives(keys, flow, next_id))
        return HF_INVALID;
    session->terms.send_id = send_id;
    session->terms.next_id = next_id;
    return HF_OK;
}
