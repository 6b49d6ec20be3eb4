/* The layer's interface: verify a segment before anybody believes it, sign one after it was described. [RFC 5925 7.4, 7.5]
 *
 * A session is how one connection is signed. It lives as long as the connection; for what has no connection (a SYN at a
 * listener, a half-open, a TIME-WAIT record) one is made for a moment from numbers: auth_terms are all that must be kept.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "auth/ao.h"
#include "wire/segment.h"

struct auth {
    struct key_chain keys;
};

/* What must be known to go on, without any key: 32 bytes. */
struct auth_terms {
    struct auth_isns isns;
    uint64_t sent, received; /* positions of the sequence extension (sne.h) */
    uint8_t algorithm;       /* enum hf_key_algorithm; HF_KEY_NONE: unsigned */
    uint8_t send_id;         /* current_key, by its SendID  */
    uint8_t next_id;         /* rnext_key, by its RecvID    */
    uint8_t received_id, received_next_id, verified; /* for status */
};

_Static_assert(sizeof(struct auth_terms) == 32, "fits half a TIME-WAIT record");

/* A traffic key, kept while the master key that made it is there. */
struct auth_traffic {
    uint32_t serial; /* of the master key; 0: none */
    struct hf_mac_key key;
};

/* At most one key to sign with and one that is asked for. [R5925-09] */
struct auth_session {
    struct auth_terms terms;
    struct auth_traffic send, receive; /* for all but bare SYNs, with both numbers known */
};

enum auth_verdict {
    AUTH_VERIFIED = 0,
    AUTH_MISSING, /* no signature of the kind that the flow needs */
    AUTH_WRONG,   /* the MAC is another                          */
    AUTH_NO_KEY,  /* no key has this id                          */
    AUTH_LENGTH,  /* the option is not as long as the key makes it */
    AUTH_BOTH,    /* two signatures                              */
};

/* Bytes of options that a flow's signature takes, padded to whole words: 16 or 20; 0: it needs none. All of its keys are
 * allowed for. */
uint32_t auth_option_bytes(const struct auth *auth, const struct flow *flow);

/* A session for a flow: by the oldest of its keys, asking for the newest. false: no key speaks of it, it goes unsigned. */
bool auth_begin(const struct auth *auth, const struct flow *flow, struct auth_session *session);

/* Goes on from terms that were kept. */
void auth_resume(const struct auth_terms *terms, struct auth_session *session);

/* The numbers that a connection began with: positions start there. */
void auth_set_isns(struct auth_session *session, const struct auth_isns *isns);

/* Forgets and wipes everything. */
void auth_end(const struct auth *auth, struct auth_session *session);

/* Keys have come or gone: what was made by one that is gone is wiped, and the session asks for the newest. */
void auth_keys_changed(const struct auth *auth, const struct flow *flow,
                       struct auth_session *session);

/* An arrived segment. With AUTH_VERIFIED the session has noted its position and, if the peer asks for another key that is
 * there, goes over to it. */
enum auth_verdict auth_verify(const struct auth *auth, struct auth_session *session,
                              const struct auth_bytes *bytes, const struct segment *seg);

/* What a segment must carry for auth_sign: the option's bit and length. false: there is no key (any more), nothing may be
 * sent. */
bool auth_reserve(const struct auth *auth, const struct flow *flow,
                  const struct auth_session *session, struct tcp_options *options);

/* Fills ids and MAC into the option at bytes->option; returns the sum of what was written, for the checksum. */
uint64_t auth_sign(const struct auth *auth, struct auth_session *session,
                   const struct auth_bytes *bytes);

#endif
