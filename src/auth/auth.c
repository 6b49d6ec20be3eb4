/* Verifying and signing. [RFC 5925 6.1, 7.4, 7.5; RFC 2385 2.0]
 *
 * What an attacker can do here: make us compute. A segment for a signed flow costs one MAC, as long as it names a key that is
 * there and its option has the length that this key makes; both are looked at first. He learns nothing from the answer, as
 * there is none, and nothing from the time, as MACs are compared whole. Naming another key of the flow than the last segment
 * did makes us derive its traffic key again: a second MAC of 60 bytes, kept only if the segment was right.
 */
#include "auth/auth.h"

#include "auth/md5_option.h"
#include "auth/sne.h"
#include "base/must.h"
#include "crypto/equal.h"
#include "crypto/wipe.h"
#include "wire/tcp_header.h"

#define MD5_PADDING 2 /* the NOPs before it */

static uint32_t ao_option_bytes(const struct key *key)
{
    return AO_HEADER +
           (uint32_t)hf_mac_wire_bytes(key_mac_kind((enum hf_key_algorithm)key->algorithm));
}

uint32_t auth_option_bytes(const struct auth *auth, const struct flow *flow)
{
    const struct key_view view = key_chain_view(&auth->keys, flow);

    if (view.widest)
        return ao_option_bytes(view.widest);
    return view.md5 ? MD5_OPTION + MD5_PADDING : 0;
}

static void forget(const struct auth *auth, struct auth_traffic *traffic)
{
    const struct hf_crypto_ops *ops = auth->keys.ops;

    if (traffic->serial == 0)
        return;
    ops->key_close(ops->context, &traffic->key);
    traffic->serial = 0;
}

/* TCP-AO is preferred: MD5 is for whom no other key speaks of. [RFC 5925 8; R5925-29] */
bool auth_begin(const struct auth *auth, const struct flow *flow, struct auth_session *session)
{
    const struct key_view view = key_chain_view(&auth->keys, flow);

    session->terms = (struct auth_terms){0};
    session->send.serial = session->receive.serial = 0;
    if (view.oldest) {
        session->terms.algorithm = view.oldest->algorithm;
        session->terms.send_id = view.oldest->send_id;
        session->terms.next_id = view.newest->receive_id;
    } else if (view.md5) {
        session->terms.algorithm = HF_KEY_MD5;
    }
    return session->terms.algorithm != HF_KEY_NONE;
}

void auth_resume(const struct auth_terms *terms, struct auth_session *session)
{
    session->terms = *terms;
    session->send.serial = session->receive.serial = 0;
}

void auth_set_isns(struct auth_session *session, const struct auth_isns *isns)
{
    session->terms.isns = *isns;
    session->terms.sent = sne_start(isns->local);
    session->terms.received = sne_start(isns->remote);
}

void auth_end(const struct auth *auth, struct auth_session *session)
{
    forget(auth, &session->send);
    forget(auth, &session->receive);
    wipe(session, sizeof *session);
}

static bool made_by(const struct auth_traffic *traffic, const struct key *key)
{
    return key && key->serial == traffic->serial;
}

void auth_keys_changed(const struct auth *auth, const struct flow *flow,
                       struct auth_session *session)
{
    struct auth_terms *terms = &session->terms;
    const struct key *newest;

    if (terms->algorithm == HF_KEY_MD5 || terms->algorithm == HF_KEY_NONE)
        return;
    if (!made_by(&session->send, key_chain_sends(&auth->keys, flow, terms->send_id)))
        forget(auth, &session->send);
    if (!made_by(&session->receive, key_chain_receives(&auth->keys, flow, terms->received_id)))
        forget(auth, &session->receive);
    newest = key_chain_view(&auth->keys, flow).newest;
    if (!newest)
        return;
    terms->next_id = newest->receive_id;
    if (!key_chain_sends(&auth->keys, flow, terms->send_id))
        terms->send_id = newest->send_id;
}

/* The traffic key of a segment: kept, or made. A bare SYN's is needed once. */
static const struct hf_mac_key *traffic_for(const struct auth *auth, const struct key *key,
                                            const struct auth_bytes *bytes,
                                            const struct auth_traffic *kept,
                                            struct auth_traffic *fresh)
{
    fresh->serial = 0;
    if (kept->serial == key->serial && (bytes->header[13] & (TCP_SYN | TCP_ACK)) != TCP_SYN)
        return &kept->key;
    ao_derive(auth->keys.ops, key, bytes, &fresh->key);
    fresh->serial = key->serial;
    return &fresh->key;
}

/* A derived key stays if it is good for what follows, too. */
static void keep(const struct auth *auth, const struct auth_bytes *bytes, struct auth_traffic *kept,
                 struct auth_traffic *fresh)
{
    if (fresh->serial == 0)
        return;
    if ((bytes->header[13] & TCP_SYN) == 0) {
        forget(auth, kept);
        *kept = *fresh;
        wipe(fresh, sizeof *fresh);
    } else {
        forget(auth, fresh);
    }
}

/* ---- in ---- */

static enum auth_verdict verify_md5(const struct auth *auth, const struct auth_bytes *bytes,
                                    const struct segment *seg)
{
    const struct key *key = key_chain_view(&auth->keys, bytes->flow).md5;
    uint8_t mac[HF_MAC_BYTES_MAX];

    if (!(seg->options.present & TCP_OPTION_MD5))
        return AUTH_MISSING;
    if (!key)
        return AUTH_NO_KEY;
    md5_option_mac(auth->keys.ops, key, bytes, mac);
    if (!equal_bytes(mac, bytes->header + seg->options.md5_offset + 2, 16))
        return AUTH_WRONG;
    return AUTH_VERIFIED;
}

/* The peer wants to be signed to with another key: if it is ready here, so be it. [RFC 5925 7.5; R5925-14] */
static void follow(const struct auth *auth, const struct flow *flow, struct auth_terms *terms,
                   const uint8_t *option)
{
    terms->verified = 1;
    terms->received_id = option[2];
    terms->received_next_id = option[3];
    if (option[3] != terms->send_id && key_chain_sends(&auth->keys, flow, option[3]))
        terms->send_id = option[3];
}

static enum auth_verdict verify_ao(const struct auth *auth, struct auth_session *session,
                                   const struct auth_bytes *bytes, const struct segment *seg)
{
    const uint8_t *option = bytes->header + seg->options.ao_offset;
    bool bare_syn = (seg->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
    struct auth_traffic fresh;
    const struct key *key;
    uint8_t mac[HF_MAC_BYTES_MAX];
    uint64_t at;

    if (!(seg->options.present & TCP_OPTION_AO))
        return AUTH_MISSING;
    key = key_chain_receives(&auth->keys, bytes->flow, option[2]);
    if (!key)
        return AUTH_NO_KEY;
    if (seg->options.ao_length !=
        ao_option_bytes(key)) /* the cheap question first [RFC 5925 7.5; R5925-24] */
        return AUTH_LENGTH;
    /* A bare SYN begins anew, whatever was before. */
    at = bare_syn ? sne_start(seg->seq) : sne_extend(session->terms.received, seg->seq);
    const struct ao_place place = {seg->options.ao_offset, seg->options.ao_length, sne_of(at),
                                   key->options_excluded};
    ao_mac(auth->keys.ops, traffic_for(auth, key, bytes, &session->receive, &fresh), bytes, &place,
           mac);
    if (!equal_bytes(mac, option + AO_HEADER, place.length - AO_HEADER)) {
        forget(auth, &fresh);
        return AUTH_WRONG;
    }
    keep(auth, bytes, &session->receive, &fresh);
    if (!bare_syn)
        session->terms.received = sne_advance(session->terms.received, at);
    /* A SYN that comes later is of another connection, or was recorded: it says nothing about the keys of this one. */
    if (!bare_syn || !session->terms.verified)
        follow(auth, bytes->flow, &session->terms, option);
    return AUTH_VERIFIED;
}

/* MD5 and TCP-AO never meet on one connection; a segment with both is nobody's. [RFC 5925 2.2; R5925-02, R5925-18, R5925-22] */
enum auth_verdict auth_verify(const struct auth *auth, struct auth_session *session,
                              const struct auth_bytes *bytes, const struct segment *seg)
{
    const uint16_t both = TCP_OPTION_AO | TCP_OPTION_MD5;

    must(bytes->inbound);
    if ((seg->options.present & both) == both || (seg->options.present & TCP_OPTION_MALFORMED))
        return AUTH_BOTH;
    return session->terms.algorithm == HF_KEY_MD5 ? verify_md5(auth, bytes, seg)
                                                  : verify_ao(auth, session, bytes, seg);
}

/* ---- out ---- */

bool auth_reserve(const struct auth *auth, const struct flow *flow,
                  const struct auth_session *session, struct tcp_options *options)
{
    const struct key *key;

    if (session->terms.algorithm == HF_KEY_MD5) {
        options->present |= TCP_OPTION_MD5;
        return key_chain_view(&auth->keys, flow).md5 != NULL;
    }
    key = key_chain_sends(&auth->keys, flow, session->terms.send_id);
    if (!key)
        return false;
    options->present |= TCP_OPTION_AO;
    options->ao_length = (uint8_t)ao_option_bytes(key);
    return true;
}

/* Words of two bytes, as the checksum sees them. */
static uint64_t sum_words(const uint8_t *at, uint32_t length)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < length; i += 2)
        sum += get_be16(at + i);
    return sum;
}

/* Last of all, when nothing of the segment changes any more. [R5925-21] The option was written already, its MAC and ids as
 * zero. */
static uint64_t sign_ao(const struct auth *auth, struct auth_session *session,
                        const struct auth_bytes *bytes)
{
    struct auth_terms *terms = &session->terms;
    const struct key *key = key_chain_sends(&auth->keys, bytes->flow, terms->send_id);
    uint8_t *option = bytes->header + bytes->option, mac[HF_MAC_BYTES_MAX];
    uint64_t at = sne_extend(terms->sent, seq_of(get_be32(bytes->header + 4)));
    struct auth_traffic fresh;

    must(key && option[0] == TCP_KIND_AO && option[1] == ao_option_bytes(key));
    const struct ao_place place = {bytes->option, option[1], sne_of(at), key->options_excluded};

    option[2] = key->send_id;
    option[3] = terms->next_id;
    ao_mac(auth->keys.ops, traffic_for(auth, key, bytes, &session->send, &fresh), bytes, &place,
           mac);
    memcpy(option + AO_HEADER, mac, place.length - AO_HEADER);
    keep(auth, bytes, &session->send, &fresh);
    terms->sent = sne_advance(terms->sent, at);
    return sum_words(option + 2, place.length - 2);
}

uint64_t auth_sign(const struct auth *auth, struct auth_session *session,
                   const struct auth_bytes *bytes)
{
    const struct key *key;
    uint8_t mac[HF_MAC_BYTES_MAX], *option = bytes->header + bytes->option;

    must(!bytes->inbound);
    if (session->terms.algorithm != HF_KEY_MD5)
        return sign_ao(auth, session, bytes);
    key = key_chain_view(&auth->keys, bytes->flow).md5;
    must(key && option[0] == TCP_KIND_MD5);
    md5_option_mac(auth->keys.ops, key, bytes, mac);
    memcpy(option + 2, mac, 16);
    return sum_words(option + 2, 16);
}
