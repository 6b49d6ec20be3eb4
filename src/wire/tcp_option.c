/* TCP options, every kind. [RFC 9293 3.2]
 *
 * A peer's options are a list that he wrote: lengths of zero would turn a careless loop for ever, lengths past the header
 * would read the text. The first length that cannot be ends the reading. [RFC 9293 MUST-7]
 */
#include "wire/tcp_option.h"

#include "base/bytes.h"

enum {
    FIXED = 20,
    LENGTH_MSS = 4,
    LENGTH_SCALE = 3,
    LENGTH_SACK_PERMITTED = 2,
    LENGTH_TIMESTAMPS = 10,
    LENGTH_MD5 = 18,
    LENGTH_AO_MIN = 4,
};

/* MSS, SACK permitted, TS, NOP, scale: what the SYN of Linux, and ours, carries. The MSS itself is masked out. */
#define SYN_LENGTH 20
#define SYN_MSS_LAYOUT 0x02040000u
#define SYN_STAMP_LAYOUT 0x0402080au
#define SYN_SCALE_LAYOUT 0x01030300u

#define USUAL_SYN \
    (TCP_OPTION_MSS | TCP_OPTION_SACK_PERMITTED | TCP_OPTION_TIMESTAMPS | TCP_OPTION_SCALE)

static inline bool is_usual_syn(const uint8_t *option)
{
    return (get_be32(option) & 0xffff0000) == SYN_MSS_LAYOUT &&
           get_be32(option + 4) == SYN_STAMP_LAYOUT &&
           (get_be32(option + 16) & 0xffffff00) == SYN_SCALE_LAYOUT;
}

/* NOP NOP TS: what every data segment of a modern peer carries. [RFC 7323 A] */
#define TIMESTAMPS_LAYOUT 0x0101080au

/* [R7323-12] */
static inline void read_timestamps(struct tcp_options *options, const uint8_t *value)
{
    options->ts_value = get_be32(value);
    options->ts_echo = get_be32(value + 4);
    options->present |= TCP_OPTION_TIMESTAMPS;
}

/* [R2018-12] */
static bool read_sack(struct tcp_options *options, const uint8_t *option, uint32_t length)
{
    if (length < 10 || length > 34 || (length - 2) % 8 != 0)
        return false;
    options->sack_count = (uint8_t)((length - 2) / 8);
    for (uint32_t i = 0; i < options->sack_count; i++) {
        options->sack[i].left = seq_of(get_be32(option + 2 + 8 * i));
        options->sack[i].right = seq_of(get_be32(option + 6 + 8 * i));
    }
    options->present |= TCP_OPTION_SACK;
    return true;
}

/* Two signatures in one segment are a way to have one checked and another believed. [R5925-03, R5925-04, R5925-05, R2385-04] */
static bool read_signature(struct tcp_options *options, uint16_t at, const uint8_t *option)
{
    if (option[0] == TCP_KIND_MD5) {
        if (option[1] != LENGTH_MD5 || options->present & TCP_OPTION_MD5)
            return false;
        options->md5_offset = at;
        options->present |= TCP_OPTION_MD5;
        return true;
    }
    if (option[1] < LENGTH_AO_MIN || options->present & TCP_OPTION_AO)
        return false;
    options->ao_offset = at;
    options->ao_length = option[1];
    options->present |= TCP_OPTION_AO;
    return true;
}

/* One option of `length` bytes that lies whole in the header; false: its kind has no such length.
 * [R5482-10, R6994-02] */
static bool read_option(struct tcp_options *options, const uint8_t *option, uint16_t at)
{
    uint32_t length = option[1];

    switch (option[0]) {
    case TCP_KIND_MSS:
        if (length != LENGTH_MSS)
            return false;
        options->mss = get_be16(option + 2);
        options->present |= TCP_OPTION_MSS;
        return true;
    case TCP_KIND_SCALE:
        if (length != LENGTH_SCALE)
            return false;
        options->scale = option[2];
        options->present |= TCP_OPTION_SCALE;
        return true;
    case TCP_KIND_SACK_PERMITTED:
        if (length != LENGTH_SACK_PERMITTED)
            return false;
        options->present |= TCP_OPTION_SACK_PERMITTED;
        return true;
    case TCP_KIND_SACK: return read_sack(options, option, length);
    case TCP_KIND_TIMESTAMPS:
        if (length != LENGTH_TIMESTAMPS)
            return false;
        read_timestamps(options, option + 2);
        return true;
    case TCP_KIND_MD5:
    case TCP_KIND_AO: return read_signature(options, at, option);
    case TCP_KIND_TFO:
        options->tfo_offset = at;
        options->tfo_length = option[1];
        options->present |= TCP_OPTION_TFO;
        return true;
    default: options->present |= TCP_OPTION_UNKNOWN; return true; /* [RFC 9293 MUST-6] */
    }
}

/* [R6994-05] */
static void walk(struct tcp_options *options, const uint8_t *header, uint32_t at, uint32_t end)
{
    while (at < end) {
        if (header[at] == TCP_KIND_END)
            return;
        if (header[at] == TCP_KIND_NOP) {
            at++;
            continue;
        }
        if (end - at < 2 || header[at + 1] < 2 || header[at + 1] > end - at ||
            !read_option(options, header + at, (uint16_t)at)) {
            options->present |= TCP_OPTION_MALFORMED;
            if (header[at] == TCP_KIND_AO || header[at] == TCP_KIND_MD5)
                options->present |= TCP_OPTION_BAD_SIGNATURE;
            return;
        }
        at += header[at + 1];
    }
}

/* [RFC 9293 MUST-4, MUST-64] */
void tcp_option_parse(struct tcp_options *options, const uint8_t *header, uint32_t header_length)
{
    options->present = 0;
    options->sack_count = 0;
    if (header_length == FIXED)
        return;
    if (header_length == FIXED + 12 && get_be32(header + FIXED) == TIMESTAMPS_LAYOUT) {
        read_timestamps(options, header + FIXED + 4);
        return;
    }
    if (header_length == FIXED + SYN_LENGTH && is_usual_syn(header + FIXED)) {
        options->mss = get_be16(header + FIXED + 2);
        options->scale = header[FIXED + 19];
        options->present = TCP_OPTION_MSS | TCP_OPTION_SACK_PERMITTED | TCP_OPTION_SCALE;
        read_timestamps(options, header + FIXED + 8);
        return;
    }
    walk(options, header, FIXED, header_length);
}

/* Bytes of everything but SACK blocks: each group below is a multiple of four. */
static uint32_t length_without_sack(const struct tcp_options *options)
{
    uint16_t present = options->present;
    uint32_t length = 0;

    if (present & TCP_OPTION_AO)
        length += (options->ao_length + 3u) & ~3u;
    if (present & TCP_OPTION_MD5)
        length += LENGTH_MD5 + 2;
    if (present & TCP_OPTION_MSS)
        length += LENGTH_MSS;
    if (present & TCP_OPTION_TIMESTAMPS)
        length += LENGTH_TIMESTAMPS + 2; /* SACK permitted takes the place of its NOPs */
    else if (present & TCP_OPTION_SACK_PERMITTED)
        length += LENGTH_SACK_PERMITTED + 2;
    if (present & TCP_OPTION_SCALE)
        length += LENGTH_SCALE + 1;
    return length;
}

uint32_t tcp_option_sack_room(const struct tcp_options *options)
{
    uint32_t used = length_without_sack(options);

    return used + 12 > TCP_OPTIONS_MAX
               ? 0
               : min_u32((TCP_OPTIONS_MAX - used - 4) / 8, TCP_SACK_BLOCKS_MAX);
}

static uint32_t sack_blocks_written(const struct tcp_options *options)
{
    if (!(options->present & TCP_OPTION_SACK))
        return 0;
    return min_u32(options->sack_count, tcp_option_sack_room(options));
}

uint32_t tcp_option_length(const struct tcp_options *options)
{
    uint32_t blocks = sack_blocks_written(options);

    return length_without_sack(options) + (blocks ? 4 + 8 * blocks : 0);
}

/* Where the next word goes, and what was written so far: summed as it is written, as to read it again for the checksum would cost
 * more. [RFC 1071] */
struct pen {
    uint8_t *to;
    uint64_t sum;
};

static inline struct pen put_word(struct pen pen, uint32_t word)
{
    put_be32(pen.to, word);
    return (struct pen){pen.to + 4, pen.sum + word};
}

static inline uint32_t start(uint32_t first, uint32_t second, uint32_t kind, uint32_t length)
{
    return first << 24 | second << 16 | kind << 8 | length;
}

/* Up to three bytes of padding come after it. */
static struct pen put_ao(struct pen pen, const struct tcp_options *options)
{
    uint32_t padded = (options->ao_length + 3u) & ~3u;
    uint8_t option[TCP_OPTIONS_MAX] = {TCP_KIND_AO, options->ao_length};

    memset(option + options->ao_length, TCP_KIND_NOP, padded - options->ao_length);
    for (uint32_t i = 0; i < padded; i += 4)
        pen = put_word(pen, get_be32(option + i));
    return pen;
}

__attribute__((noinline, cold)) static struct pen put_signature(struct pen pen,
                                                                const struct tcp_options *options)
{
    if (options->present & TCP_OPTION_AO)
        pen = put_ao(pen, options);
    if (options->present & TCP_OPTION_MD5) {
        pen = put_word(pen, start(TCP_KIND_NOP, TCP_KIND_NOP, TCP_KIND_MD5, LENGTH_MD5));
        for (uint32_t i = 0; i < LENGTH_MD5 - 2; i += 4)
            pen = put_word(pen, 0);
    }
    return pen;
}

static inline struct pen put_timestamps(struct pen pen, const struct tcp_options *options)
{
    uint32_t first = options->present & TCP_OPTION_SACK_PERMITTED
                         ? start(TCP_KIND_SACK_PERMITTED, LENGTH_SACK_PERMITTED,
                                 TCP_KIND_TIMESTAMPS, LENGTH_TIMESTAMPS)
                         : TIMESTAMPS_LAYOUT;

    pen = put_word(pen, first);
    pen = put_word(pen, options->ts_value);
    return put_word(pen, options->ts_echo);
}

/* [R2018-03] */
__attribute__((noinline)) static struct pen put_sack(struct pen pen,
                                                     const struct tcp_options *options)
{
    uint32_t blocks = sack_blocks_written(options);

    if (blocks == 0)
        return pen;
    pen = put_word(pen, start(TCP_KIND_NOP, TCP_KIND_NOP, TCP_KIND_SACK, 2 + 8 * blocks));
    for (uint32_t i = 0; i < blocks; i++) {
        pen = put_word(pen, options->sack[i].left.value);
        pen = put_word(pen, options->sack[i].right.value);
    }
    return pen;
}

/* [R2018-01] */
static inline struct pen put_permitted(struct pen pen)
{
    return put_word(
        pen, start(TCP_KIND_NOP, TCP_KIND_NOP, TCP_KIND_SACK_PERMITTED, LENGTH_SACK_PERMITTED));
}

/* What a SYN cookie's answer carries: no pen, as this is done for each SYN of a flood. */
static uint32_t put_usual_syn(uint8_t *to, const struct tcp_options *options, uint64_t *sum)
{
    uint32_t mss = SYN_MSS_LAYOUT | options->mss, scale = SYN_SCALE_LAYOUT | options->scale;

    put_be32(to, mss);
    put_be32(to + 4, SYN_STAMP_LAYOUT);
    put_be32(to + 8, options->ts_value);
    put_be32(to + 12, options->ts_echo);
    put_be32(to + 16, scale);
    *sum += (uint64_t)mss + SYN_STAMP_LAYOUT + options->ts_value + options->ts_echo + scale;
    return SYN_LENGTH;
}

__attribute__((noinline)) static uint32_t put_each(uint8_t *to, const struct tcp_options *options,
                                                   uint64_t *sum)
{
    uint16_t present = options->present;
    struct pen pen = {to, *sum};

    if (__builtin_expect(present & (TCP_OPTION_AO | TCP_OPTION_MD5), 0))
        pen = put_signature(pen, options);
    if (present & TCP_OPTION_MSS)
        pen = put_word(pen, start(TCP_KIND_MSS, LENGTH_MSS, 0, 0) | options->mss);
    if (present & TCP_OPTION_TIMESTAMPS)
        pen = put_timestamps(pen, options);
    else if (present & TCP_OPTION_SACK_PERMITTED)
        pen = put_permitted(pen);
    if (present & TCP_OPTION_SCALE)
        pen = put_word(pen, start(TCP_KIND_NOP, TCP_KIND_SCALE, LENGTH_SCALE, options->scale));
    if (present & TCP_OPTION_SACK)
        pen = put_sack(pen, options);
    *sum = pen.sum;
    return (uint32_t)(pen.to - to);
}

/* [RFC 9293 MUST-68] */
uint32_t tcp_option_build_summed(uint8_t *to, const struct tcp_options *options, uint64_t *sum)
{
    return options->present == USUAL_SYN ? put_usual_syn(to, options, sum)
                                         : put_each(to, options, sum);
}
