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
#define HURRIED_TIMEOUT_MS 3000u

static bool is_v4(const struct half_open *half_open)
{
    return hf_address_is_v4(&half_open->remote);
}

/* [R7323-04] */
struct syn_terms syn_ack_agree(const struct gate_config *config, const struct segment *syn, bool v4)
{
    const struct tcp_options *offered = &syn->options;
    uint8_t agreed = (uint8_t)(offered->present & config->options);
    uint16_t mss = v4 ? DEFAULT_MSS_V4 : DEFAULT_MSS_V6;

    if (offered->present & TCP_OPTION_MSS)
        mss = (uint16_t)max_u32(offered->mss, MSS_FLOOR);
    return (struct syn_terms){
        .ts_value = agreed & HALF_OPEN_TIMESTAMPS ? offered->ts_value : 0,
        .mss = mss,
        .scale = agreed & HALF_OPEN_SCALING ? (uint8_t)min_u32(offered->scale, SCALE_MAX) : 0,
        .flags = agreed,
    };
}

/* [R7323-13] */
static void add_timestamps(const struct half_open *half_open, uint64_t hash, struct segment *answer,
                           int64_t now_us)
{
    if (!(half_open->flags & HALF_OPEN_TIMESTAMPS))
        return;
    answer->options.present |= TCP_OPTION_TIMESTAMPS;
    answer->options.ts_value = time_ms(now_us) + (uint32_t)hash;
    answer->options.ts_echo = half_open->ts_recent;
}

/* [R7323-03] */
void syn_ack_describe_half_open(const struct gate_config *config, const struct half_open *half_open,
                                uint64_t hash, struct segment *answer, int64_t now_us)
{
    struct syn_ack syn_ack = {
        .iss = half_open->iss,
        .irs = half_open->irs,
        .ts_value = time_ms(now_us) + (uint32_t)hash,
        .ts_echo = half_open->ts_recent,
        .options = (half_open->flags & HALF_OPEN_OPTIONS) | TCP_OPTION_MSS,
        .v4 = is_v4(half_open),
    };

    syn_ack_describe(config, &syn_ack, answer);
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

/* Under pressure a half-open has three seconds and no second SYN-ACK. */
static uint32_t timeout_ms(const struct gate_listener *listener, const struct half_open *half_open)
{
    return half_open->flags & HALF_OPEN_HURRIED ? min_u32(listener->timeout_ms, HURRIED_TIMEOUT_MS)
                                                : listener->timeout_ms;
}

/* What is left of a half-open's time when its last SYN-ACK goes out: 0, 1, 3, 7 ... seconds after the first. */
static uint32_t remaining_ms(const struct gate_listener *listener,
                             const struct half_open *half_open)
{
    uint32_t elapsed_ms = FIRST_INTERVAL_MS * ((1u << (half_open->sent - 1)) - 1);
    uint32_t all_ms = timeout_ms(listener, half_open);

    return all_ms - min_u32(elapsed_ms, all_ms);
}

bool syn_ack_is_repeated(const struct gate_listener *listener, const struct half_open *half_open)
{
    return !(half_open->flags & HALF_OPEN_HURRIED) && half_open->sent <= listener->retries &&
           FIRST_INTERVAL_MS << (half_open->sent - 1) < remaining_ms(listener, half_open);
}

uint32_t syn_ack_interval_ms(const struct gate_listener *listener,
                             const struct half_open *half_open)
{
    if (syn_ack_is_repeated(listener, half_open))
        return FIRST_INTERVAL_MS << (half_open->sent - 1);
    return remaining_ms(listener, half_open);
}
