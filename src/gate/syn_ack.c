/* What a half-open says, and when. [RFC 9293 3.5, 3.8.3; RFC 6298 5.7; RFC 7323 2.2, 3.2; RFC 2018 2] */
#include "gate/syn_ack.h"

#include "base/bytes.h"
#include "base/time.h"

#define DEFAULT_MSS_V4 536 /* [RFC 9293 MUST-15] */
#define DEFAULT_MSS_V6 1220
#define MSS_FLOOR \
    216 /* smaller offers only make us send headers; the cookie's smallest is the same [HF1] */
#define SCALE_MAX 14            /* [RFC 7323 2.3] */
#define FIRST_INTERVAL_MS 1000u /* [RFC 6298 2.1] */

static bool is_v4(const struct half_open *half_open)
{
    return hf_address_is_v4(&half_open->remote);
}

void syn_ack_agree(const struct gate_config *config, struct half_open *half_open,
                   const struct segment *syn)
{
    const struct tcp_options *offered = &syn->options;
    bool scaling = config->scaling && (offered->present & TCP_OPTION_SCALE);
    bool timestamps = config->timestamps && (offered->present & TCP_OPTION_TIMESTAMPS);
    bool sack = config->sack && (offered->present & TCP_OPTION_SACK_PERMITTED);

    half_open->mss = is_v4(half_open) ? DEFAULT_MSS_V4 : DEFAULT_MSS_V6;
    if (offered->present & TCP_OPTION_MSS)
        half_open->mss = (uint16_t)max_u32(offered->mss, MSS_FLOOR);
    half_open->scale = scaling ? (uint8_t)min_u32(offered->scale, SCALE_MAX) : 0;
    half_open->ts_recent = timestamps ? offered->ts_value : 0;
    half_open->flags =
        (uint8_t)((scaling ? HALF_OPEN_SCALING : 0) | (timestamps ? HALF_OPEN_TIMESTAMPS : 0) |
                  (sack ? HALF_OPEN_SACK : 0));
}

static void add_timestamps(const struct half_open *half_open, uint64_t hash, struct segment *answer,
                           int64_t now_us)
{
    if (!(half_open->flags & HALF_OPEN_TIMESTAMPS))
        return;
    answer->options.present |= TCP_OPTION_TIMESTAMPS;
    answer->options.ts_value = (uint32_t)(now_us / US_PER_MS) + (uint32_t)hash;
    answer->options.ts_echo = half_open->ts_recent;
}

void syn_ack_describe(const struct gate_config *config, const struct half_open *half_open,
                      uint64_t hash, struct segment *answer, int64_t now_us)
{
    *answer = (struct segment){
        .seq = half_open->iss,
        .ack = seq_add(half_open->irs, 1),
        .flags = TCP_SYN | TCP_ACK,
        .window = config->announced_window,
        .options = {.present = TCP_OPTION_MSS,
                    .mss = (uint16_t)(config->mtu - (is_v4(half_open) ? 40 : 60)),
                    .scale = config->receive_scale},
    };
    if (half_open->flags & HALF_OPEN_SCALING)
        answer->options.present |= TCP_OPTION_SCALE;
    if (half_open->flags & HALF_OPEN_SACK)
        answer->options.present |= TCP_OPTION_SACK_PERMITTED;
    add_timestamps(half_open, hash, answer, now_us);
}

void syn_ack_describe_ack(const struct gate_config *config, const struct half_open *half_open,
                          uint64_t hash, struct segment *answer, int64_t now_us)
{
    uint8_t shift = half_open->flags & HALF_OPEN_SCALING ? config->receive_scale : 0;

    *answer = (struct segment){
        .seq = seq_add(half_open->iss, 1),
        .ack = seq_add(half_open->irs, 1),
        .flags = TCP_ACK,
        .window = (uint16_t)(config->announced_window >> shift),
    };
    add_timestamps(half_open, hash, answer, now_us);
}

void syn_ack_describe_reset(const struct half_open *half_open, struct segment *answer)
{
    *answer = (struct segment){
        .seq = seq_add(half_open->iss, 1),
        .ack = seq_add(half_open->irs, 1),
        .flags = TCP_RST | TCP_ACK,
    };
}

/* What is left of a half-open's time when SYN-ACK number `sent` goes out: 0, 1, 3, 7 ... seconds after the first. */
static uint32_t remaining_ms(const struct gate_listener *listener, uint32_t sent)
{
    uint32_t elapsed_ms = FIRST_INTERVAL_MS * ((1u << (sent - 1)) - 1);

    return listener->timeout_ms - min_u32(elapsed_ms, listener->timeout_ms);
}

bool syn_ack_is_repeated(const struct gate_listener *listener, uint32_t sent)
{
    return sent <= listener->retries &&
           FIRST_INTERVAL_MS << (sent - 1) < remaining_ms(listener, sent);
}

uint32_t syn_ack_interval_ms(const struct gate_listener *listener, uint32_t sent)
{
    if (syn_ack_is_repeated(listener, sent))
        return FIRST_INTERVAL_MS << (sent - 1);
    return remaining_ms(listener, sent);
}
