/* Handshakes without memory. [RFC 4987 3.6; RFC 7323 5.3]
 *
 * What an attacker can do: guess. A blind ACK opens a connection with a chance of 2^-52 if it carries a timestamp and, by the
 * listener's policy, 2^-26, 2^-29 or none if it does not. He cannot learn from it, as a wrong guess meets silence, and he cannot
 * wear it out, as all it costs us is the MAC.
 */
#include "gate/stateless.h"

#include "cookie/syn_cookie.h"
#include "gate/syn_ack.h"

/* HF1's time: slots of 4096 ms of wall time as it was at the start, so that a stepped clock voids no cookie. */
static uint32_t slot_of(const struct gate *gate, int64_t now_us)
{
    return cookie_slot(now_us + gate->config.wall_minus_now_us);
}

static struct cookie_handshake handshake_of(const struct gate *gate,
                                            const struct gate_segment *arrived, seq isn,
                                            uint32_t slot)
{
    const struct gate_listener *listener = &gate->listeners[arrived->listener];

    return (struct cookie_handshake){
        .tuple = arrived->hash,
        .client_isn = isn.value,
        .slot = slot,
        .strict = listener->without_timestamps == HF_PLAIN_STRICT,
        .shared = gate->config.cookie_key_shared,
    };
}

__attribute__((noinline, cold)) static const struct siphash_key *make_key(struct gate *gate,
                                                                          uint32_t slot)
{
    key_ring_advance(&gate->keys, slot);
    return key_ring_of(&gate->keys, slot);
}

/* Normally it is there: hf_tick makes it an epoch ahead. */
static inline const struct siphash_key *key_of(struct gate *gate, uint32_t slot)
{
    const struct siphash_key *key = key_ring_of(&gate->keys, slot);

    return key ? key : make_key(gate, slot);
}

static uint8_t version_of(const struct gate_segment *arrived)
{
    return hf_address_is_v4(&arrived->flow->remote) ? 4 : 6;
}

/* Options that the cookie cannot carry are not agreed on. */
static uint16_t echoed(const struct segment *syn, const struct syn_terms *terms,
                       enum cookie_format format)
{
    uint16_t mss = syn->options.present & TCP_OPTION_MSS;

    return format == COOKIE_STRICT ? mss : mss | terms->flags;
}

static struct syn_info info_of(const struct gate_segment *arrived, const struct syn_terms *terms)
{
    return (struct syn_info){
        .mss = terms->mss,
        .scale = terms->flags & HALF_OPEN_SCALING ? terms->scale : SYN_SCALE_NONE,
        .version = version_of(arrived),
        .sack = terms->flags & HALF_OPEN_SACK,
        .timestamps = terms->flags & HALF_OPEN_TIMESTAMPS,
    };
}

/* [R4987-05, R4987-10] */
enum gate_verdict stateless_on_syn(struct gate *gate, const struct gate_segment *arrived,
                                   struct segment *answer, int64_t now_us)
{
    struct gate_listener *listener = &gate->listeners[arrived->listener];
    const struct segment *syn = arrived->seg;
    uint32_t slot = slot_of(gate, now_us);
    struct syn_terms terms = syn_ack_agree(&gate->config, syn, version_of(arrived) == 4);
    struct syn_info info = info_of(arrived, &terms);
    struct cookie_handshake about = handshake_of(gate, arrived, syn->seq, slot);
    struct cookie cookie;

    if (!info.timestamps && listener->without_timestamps == HF_PLAIN_REFUSE &&
        gate_enforces(gate, listener)) {
        gate_refuse(gate, syn_without_timestamps);
        return GATE_SILENT;
    }
    cookie = syn_cookie_make(*key_of(gate, slot), &about, &info);
    struct syn_ack syn_ack = {
        .iss = seq_of(cookie.isn),
        .irs = syn->seq,
        .ts_value = cookie.ts_value,
        .ts_echo = terms.ts_value,
        .options = echoed(syn, &terms, cookie.format),
        .v4 = info.version == 4,
    };

    syn_ack_describe(&gate->config, &syn_ack, answer);
    if (!info.timestamps && listener->without_timestamps == HF_PLAIN_SEEN)
        age_filter_add(&gate->seen, siphash_8(gate->config.source_key, arrived->hash), now_us);
    listener->has_cookies = true;
    listener->cookie_slot = slot;
    listener->cookies_sent++;
    count_one(gate->config.stats, syn_cookie_sent);
    count_one(gate->config.stats, syn_ack_sent);
    return GATE_ANSWER;
}

bool stateless_is_outstanding(const struct gate *gate, const struct gate_listener *listener,
                              int64_t now_us)
{
    if (listener->has_cookies && slot_of(gate, now_us) - listener->cookie_slot < COOKIE_LIFE)
        return true; /* whatever its options are by now */
    return gate->config.cookie_key_shared && listener->cookies != HF_COOKIES_OFF;
}

/* Our timestamps go on from the one that the peer has seen, so that PAWS lets our first segment through. Its own clock is
 * taken from this segment: nothing older can follow. [RFC 7323 5.3] */
static void agree(const struct gate *gate, const struct gate_segment *arrived,
                  const struct syn_info *info, struct handshake *handshake, int64_t now_us)
{
    const struct segment *seg = arrived->seg;
    bool scaling = info->scale != SYN_SCALE_NONE;

    *handshake = (struct handshake){
        .iss = seq_add(seg->ack, UINT32_MAX),
        .irs = seq_add(seg->seq, UINT32_MAX),
        .mss = info->mss,
        .send_scale = scaling ? info->scale : SCALE_NONE,
        .receive_scale = scaling ? gate->config.receive_scale : SCALE_NONE,
        .sack = info->sack,
        .timestamps = info->timestamps,
        .from_cookie = true,
        .first_window = seg->window,
        .announced_window = gate->config.announced_window,
        .syn_ack_count = 1,
    };
    if (info->timestamps) {
        handshake->ts_recent = seg->options.ts_value;
        handshake->ts_offset = seg->options.ts_echo - time_ms(now_us);
    }
}

/* [R4987-06] */
bool stateless_on_ack(struct gate *gate, const struct gate_segment *arrived,
                      struct handshake *handshake, int64_t now_us)
{
    const struct gate_listener *listener = &gate->listeners[arrived->listener];
    const struct segment *seg = arrived->seg;
    bool stamped = seg->options.present & TCP_OPTION_TIMESTAMPS;
    uint32_t slot = slot_of(gate, now_us);
    struct cookie_handshake about =
        handshake_of(gate, arrived, seq_add(seg->seq, UINT32_MAX), slot);
    struct syn_info info = {.version = version_of(arrived)};

    /* Whoever guesses chooses the format: one that no SYN of ours is answered in would be the weaker for nothing. [HF1 Strength] */
    if (!stamped && listener->without_timestamps == HF_PLAIN_REFUSE && !listener->observe) {
        gate_refuse(gate, cookie_bad);
        return false;
    }
    (void)key_of(gate, slot);
    if (!syn_cookie_open(&gate->keys, &about, seg->ack.value - 1,
                         stamped ? &seg->options.ts_echo : NULL, &info)) {
        gate_refuse(gate, cookie_bad);
        return false;
    }
    if (!stamped && listener->without_timestamps == HF_PLAIN_SEEN &&
        !age_filter_has(&gate->seen, siphash_8(gate->config.source_key, arrived->hash), now_us)) {
        if (gate_enforces(gate, listener)) {
            gate_refuse(gate, cookie_unseen);
            return false;
        }
    }
    agree(gate, arrived, &info, handshake, now_us);
    return true;
}
