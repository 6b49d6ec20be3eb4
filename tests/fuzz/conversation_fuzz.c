/* Fuzzer of whole conversations: the input is a list of steps, each a segment relative to what its flow has said so far, a call
 * of the user, an ICMP error, or time. After each step every TCB must be in order; text in either direction must be what the
 * other side has sent; at the end an honest peer completes what was begun, and nothing may be left. [RFC 9293 3.10; RFC 5961; RFC 7323; RFC 2018; RFC 5927] */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/must.h"
#include "fuzz/honest.h"
#include "fuzz/input.h"
#include "fuzz/stand.h"
#include "sim/attack_frame.h"
#include "wire/icmpv4.h"
#include "wire/icmpv6.h"

#define FLOWS 8u
#define SOCKETS 6u
#define STEPS_MAX 200u
#define TEXT_MAX 1200u

/* A peer's idea of a flow. */
struct peer {
    struct flow flow;
    seq isn;           /* ours, as the peer                               */
    seq sent;          /* one beyond the last that was sent in order      */
    seq una;           /* the last acknowledgment that we gave            */
    seq next;          /* one beyond the last that Handfast has sent      */
    seq ack;           /* what it acknowledged last                       */
    uint32_t window;   /* that it offered last, as in the header          */
    uint32_t ts_value; /* its last timestamp                              */
};

struct held {
    hf_socket socket; /* 0: free */
    bool listener;
    uint32_t sent, received; /* bytes of text by the user */
};

struct conversation {
    struct stand stand;
    struct peer peers[FLOWS];
    struct held held[SOCKETS];
};

/* ---- what Handfast says ---- */

static struct peer *peer_of(struct conversation *c, const struct packet *packet)
{
    for (unsigned i = 0; i < FLOWS; i++) {
        const struct flow *flow = &c->peers[i].flow;

        if (memcmp(&flow->remote, &packet->destination, sizeof flow->remote) == 0 &&
            flow->remote_port == packet->segment.destination_port &&
            flow->local_port == packet->segment.source_port)
            return &c->peers[i];
    }
    return NULL;
}

static void on_packet(void *self, const struct packet *packet)
{
    const struct segment *seg = &packet->segment;
    struct peer *peer;
    seq end;

    if (packet->kind != PACKET_TCP || !(peer = peer_of(self, packet)))
        return;
    must(seg->flags &
         (TCP_SYN | TCP_ACK | TCP_RST)); /* nothing else has a meaning [RFC 9293 3.10.7] */
    must(!(seg->options.present & (TCP_OPTION_UNKNOWN | TCP_OPTION_MALFORMED)));
    for (uint32_t i = 0; i < seg->length; i++)
        must(seg->text[i] == stand_text(seg->seq.value + i));
    end = seq_add(seg->seq, segment_length(seg));
    if ((seg->flags & TCP_SYN) || seq_gt(end, peer->next))
        peer->next = end;
    if (seg->flags & TCP_SYN)
        peer->una = seg->seq;
    if (seg->flags & TCP_ACK)
        peer->ack = seg->ack;
    peer->window = seg->window;
    if (seg->options.present & TCP_OPTION_TIMESTAMPS)
        peer->ts_value = seg->options.ts_value;
}

/* ---- what the peer says ---- */

static seq sequence_base(const struct peer *peer, unsigned choice)
{
    switch (choice & 7) {
    case 0: return peer->sent;
    case 1: return peer->ack;
    case 2: return peer->isn;
    case 3: return seq_add(peer->ack, peer->window);
    case 4: return seq_add(peer->ack, peer->window / 2);
    case 5: return seq_sub(peer->ack, 70000);
    case 6: return seq_add(peer->ack, UINT32_C(0x80000000));
    default: return (seq){0};
    }
}

static seq acknowledgment_base(const struct peer *peer, unsigned choice)
{
    switch (choice & 7) {
    case 0: return peer->next;
    case 1: return peer->una;
    case 2: return seq_add(peer->una, seq_distance(peer->una, peer->next) / 2);
    case 3: return seq_sub(peer->una, 70000);
    case 4: return seq_add(peer->next, UINT32_C(0x80000000));
    case 5: return seq_sub(peer->next, 1);
    default: return (seq){0};
    }
}

enum option_choice {
    OPTION_MSS = 0x01,
    OPTION_SCALE = 0x02,
    OPTION_SACK_PERMITTED = 0x04,
    OPTION_TIMESTAMPS = 0x08,
    OPTION_STALE = 0x10, /* timestamps of long ago */
    OPTION_SACK = 0x20,
    OPTION_URGENT = 0x40,
    OPTION_RAW = 0x80, /* the bytes that follow instead */
};

static void put_options(struct conversation *c, const struct peer *peer, struct input *input,
                        struct segment *seg, unsigned choice)
{
    struct tcp_options *options = &seg->options;

    if (choice & OPTION_MSS) {
        options->present |= TCP_OPTION_MSS;
        options->mss = (uint16_t)input_scaled(input);
    }
    if (choice & OPTION_SCALE) {
        options->present |= TCP_OPTION_SCALE;
        options->scale = input_u8(input) & 15;
    }
    if (choice & OPTION_SACK_PERMITTED)
        options->present |= TCP_OPTION_SACK_PERMITTED;
    if (choice & OPTION_TIMESTAMPS) {
        options->present |= TCP_OPTION_TIMESTAMPS;
        options->ts_value = (uint32_t)(c->stand.now_us / 1000);
        options->ts_echo = seg->flags & TCP_ACK ? peer->ts_value : 0;
        if (choice & OPTION_STALE) {
            options->ts_value -= input_scaled(input) * 100;
            options->ts_echo += input_u8(input);
        }
    }
    if (choice & OPTION_SACK) {
        options->present |= TCP_OPTION_SACK;
        options->sack_count = 1 + input_u8(input) % 3;
        for (unsigned i = 0; i < options->sack_count; i++) {
            seq left = seq_add(seg->ack, input_scaled(input));

            options->sack[i] = (struct sack_block){left, seq_add(left, input_scaled(input))};
        }
    }
    if (choice & OPTION_URGENT) {
        seg->flags |= TCP_URG;
        seg->urgent = (uint16_t)input_scaled(input);
    }
}

static void step_segment(struct conversation *c, struct input *input)
{
    struct peer *peer = &c->peers[input_u8(input) % FLOWS];
    uint8_t frame[ATTACK_FRAME_MAX], text[TEXT_MAX], raw[TCP_OPTIONS_MAX] = {0};
    struct segment seg = {.flags = input_u8(input)};
    unsigned bases = input_u8(input), choice = input_u8(input), raw_bytes;
    uint32_t first;

    seg.seq = seq_add(sequence_base(peer, bases),
                      (uint32_t)((int8_t)input_u8(input) * (bases & 8 ? 64 : 1)));
    seg.ack = seq_add(acknowledgment_base(peer, bases >> 4), (uint32_t)(int8_t)input_u8(input));
    seg.length = input_scaled(input) % TEXT_MAX;
    seg.window = (uint16_t)input_scaled(input);
    seg.text = text;
    if (choice & OPTION_URGENT)
        seg.flags |= TCP_URG;
    first = seg.seq.value + !!(seg.flags & TCP_SYN);
    for (uint32_t i = 0; i < seg.length; i++)
        text[i] = stand_text(first + i);
    if (choice & OPTION_RAW) {
        raw_bytes = (unsigned)input_bytes(input, raw, input_u8(input) % (TCP_OPTIONS_MAX + 1));
        raw_bytes = (raw_bytes + 3) / 4 * 4;
        first = attack_frame_raw(frame, &peer->flow, &seg, raw, raw_bytes);
    } else {
        put_options(c, peer, input, &seg, choice);
        first = attack_frame_segment(frame, &peer->flow, &seg);
    }
    if (seg.flags & TCP_SYN)
        peer->isn = seg.seq;
    if ((bases & 7) == 0 || (seg.flags & TCP_SYN))
        peer->sent = seq_add(seg.seq, segment_length(&seg));
    if (seg.flags & TCP_ACK)
        peer->una = seg.ack;
    stand_input(&c->stand, frame, first, HF_CHECKSUM_NONE);
}

static void step_icmp(struct conversation *c, struct input *input)
{
    const struct peer *peer = &c->peers[input_u8(input) % FLOWS];
    bool v4 = hf_address_is_v4(&peer->flow.remote);
    unsigned kind = input_u8(input), bases = input_u8(input);
    uint8_t frame[ATTACK_FRAME_MAX];
    struct attack_icmp error = {.router = stand_address(v4 ? "192.0.2.254" : "2001:db8::fe"),
                                .total_length = (uint16_t)(60 + input_scaled(input) % 1200)};
    seq quoted = seq_add(acknowledgment_base(peer, bases), (uint32_t)(int8_t)input_u8(input));
    bool too_big = kind & 1;

    if (v4)
        error.type = 3, error.code = too_big ? 4 : kind >> 1 & 15;
    else
        error.type = too_big ? 2 : 1, error.code = too_big ? 0 : kind >> 1 & 7;
    if (too_big)
        error.word = input_scaled(input);
    stand_input(&c->stand, frame, attack_frame_icmp_error(frame, &peer->flow, &error, quoted),
                HF_CHECKSUM_NONE);
}

/* ---- what the user does ---- */

static struct held *free_place(struct conversation *c)
{
    for (unsigned i = 0; i < SOCKETS; i++)
        if (c->held[i].socket == 0)
            return &c->held[i];
    return NULL;
}

static void step_listen(struct conversation *c, struct input *input)
{
    struct held *held = free_place(c);
    unsigned choice = input_u8(input);
    struct hf_listen_options options = {
        .local.port = choice & 1 ? 81 : 80,
        .backlog = 1 + (choice >> 1 & 3),
        .half_open_limit = input_u8(input) & 3,
        .cookies = choice >> 3 & 3 ? (uint8_t)((choice >> 3 & 3) - 1) : 0,
        .without_timestamps = choice >> 5 & 3,
        .when_full = choice >> 7 & 1,
    };

    if (!held)
        return;
    *held = (struct held){.listener = true};
    if (hf_listen_with(c->stand.stack, &options, &held->socket) != HF_OK)
        held->socket = 0;
}

static void step_accept(struct conversation *c, struct input *input)
{
    const struct held *listener = &c->held[input_u8(input) % SOCKETS];
    struct held *held = free_place(c);

    if (!held)
        return;
    *held = (struct held){0};
    if (hf_accept(c->stand.stack, listener->socket, &held->socket) != HF_OK)
        held->socket = 0;
}

static void step_connect(struct conversation *c, struct input *input)
{
    const struct peer *peer = &c->peers[input_u8(input) % FLOWS];
    struct held *held = free_place(c);
    struct hf_endpoint local = {peer->flow.local, peer->flow.local_port};
    struct hf_endpoint remote = {peer->flow.remote, peer->flow.remote_port};

    if (!held)
        return;
    *held = (struct held){0};
    if (hf_connect(c->stand.stack, &local, &remote, &held->socket, c->stand.now_us) != HF_OK)
        held->socket = 0;
}

/* The sequence numbers of a connection's first bytes. */
static bool first_numbers(const struct conversation *c, const struct held *held, uint32_t *ours,
                          uint32_t *theirs)
{
    struct hf_status status;

    if (held->listener || hf_status(c->stand.stack, held->socket, &status) != HF_OK)
        return false;
    *ours = status.iss + 1;
    *theirs = status.irs + 1;
    return true;
}

static void step_send(struct conversation *c, struct input *input, struct held *held)
{
    unsigned how = input_u8(input) % 3;
    uint32_t length = input_scaled(input) % 9000, ours, theirs;
    struct hf_span spans[4];
    size_t count = 4;
    ptrdiff_t taken;
    uint8_t text[9000];

    if (!first_numbers(c, held, &ours, &theirs))
        return;
    for (uint32_t i = 0; i < length; i++)
        text[i] = stand_text(ours + held->sent + i);
    if (how < 2) {
        taken = how == 0
                    ? hf_send(c->stand.stack, held->socket, text, length, c->stand.now_us)
                    : hf_send_urgent(c->stand.stack, held->socket, text, length, c->stand.now_us);
    } else {
        taken = hf_reserve(c->stand.stack, held->socket, spans, &count);
        if (taken > 0) {
            length = min_u32(length, (uint32_t)taken);
            for (uint32_t i = 0, at = 0; i < count; at += (uint32_t)spans[i].length, i++)
                if (at < length)
                    memcpy(spans[i].data, text + at,
                           min_u32(length - at, (uint32_t)spans[i].length));
            taken = hf_commit(c->stand.stack, held->socket, length, c->stand.now_us) == HF_OK
                        ? (ptrdiff_t)length
                        : 0;
        }
    }
    must(taken <= (ptrdiff_t)length);
    if (taken > 0)
        held->sent += (uint32_t)taken;
}

static void check_text(const uint8_t *text, size_t length, uint32_t number)
{
    for (size_t i = 0; i < length; i++)
        must(text[i] == stand_text(number + (uint32_t)i));
}

static void step_receive(struct conversation *c, struct input *input, struct held *held)
{
    bool in_place = input_u8(input) & 1;
    uint32_t length = input_scaled(input) % 9000, ours, theirs;
    uint8_t text[9000];
    const void *peeked;
    ptrdiff_t taken;

    if (!first_numbers(c, held, &ours, &theirs))
        return;
    if (in_place) {
        taken = hf_peek(c->stand.stack, held->socket, &peeked);
        if (taken <= 0)
            return;
        length = min_u32(length, (uint32_t)taken);
        check_text(peeked, length, theirs + held->received);
        must(hf_consume(c->stand.stack, held->socket, length, c->stand.now_us) == HF_OK);
        taken = length;
    } else {
        taken = hf_receive(c->stand.stack, held->socket, text, length, c->stand.now_us);
        if (taken > 0)
            check_text(text, (size_t)taken, theirs + held->received);
    }
    if (taken > 0)
        held->received += (uint32_t)taken;
}

static void step_option(struct conversation *c, struct input *input, const struct held *held)
{
    static const enum hf_option options[] = {
        HF_NODELAY,       HF_USER_TIMEOUT_MS, HF_KEEPALIVE_IDLE_MS,
        HF_RECEIVE_BYTES, HF_SEND_BYTES,      HF_QUICK_ACK,
        HF_CORK,
    };
    enum hf_option option = options[input_u8(input) % (sizeof options / sizeof *options)];

    hf_set_option(c->stand.stack, held->socket, option, input_scaled(input), c->stand.now_us);
}

static void step_end(struct conversation *c, struct input *input, struct held *held)
{
    switch (input_u8(input) % 3) {
    case 0: hf_shutdown(c->stand.stack, held->socket, c->stand.now_us); return;
    case 1: hf_close(c->stand.stack, held->socket, c->stand.now_us); break;
    default: hf_abort(c->stand.stack, held->socket, c->stand.now_us); break;
    }
    *held = (struct held){0};
}

static void step_look(struct conversation *c)
{
    struct hf_half_open half_open;
    struct hf_status status;
    struct hf_ready ready[4];
    hf_socket socket;
    int result;

    while (hf_take_ready(c->stand.stack, ready, 4) > 0)
        ;
    for (uint64_t cursor = 0; hf_next_socket(c->stand.stack, &cursor, &socket) == HF_OK;)
        must(hf_status(c->stand.stack, socket, &status) == HF_OK);
    for (uint64_t cursor = 0;
         (result = hf_next_half_open(c->stand.stack, &cursor, &half_open)) != HF_AGAIN;)
        must(result == HF_OK || result == HF_NO_SOCKET);
}

/* ---- a while without surprises ---- */

/* The peer acknowledges all that it hears and offers a window, round by round: cwnd grows, text gets through. */
static void step_obey(struct conversation *c, struct input *input)
{
    struct peer *peer = &c->peers[input_u8(input) % FLOWS];
    unsigned rounds = 1 + input_u8(input) % 16;
    uint8_t frame[ATTACK_FRAME_MAX];
    struct segment seg = {.flags = TCP_ACK, .window = (uint16_t)input_scaled(input)};

    while (rounds-- > 0) {
        seg.seq = peer->sent;
        seg.ack = peer->una = peer->next;
        seg.options.present = c->stand.config.timestamps ? TCP_OPTION_TIMESTAMPS : 0;
        seg.options.ts_value = (uint32_t)(c->stand.now_us / 1000);
        seg.options.ts_echo = peer->ts_value;
        stand_input(&c->stand, frame, attack_frame_segment(frame, &peer->flow, &seg),
                    HF_CHECKSUM_NONE);
        if (seq_eq(peer->una, peer->next))
            stand_wait(&c->stand, 50000);
    }
}

/* ---- all of it ---- */

static void step(struct conversation *c, struct input *input)
{
    unsigned kind = input_u8(input);
    struct held *held = &c->held[(kind >> 4) % SOCKETS];

    switch (kind & 15) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: step_segment(c, input); return;
    case 5: stand_wait(&c->stand, (int64_t)input_scaled(input) * 1000); return;
    case 6: stand_wait_deadline(&c->stand); return;
    case 7: step_icmp(c, input); return;
    case 8: step_listen(c, input); break;
    case 9: step_accept(c, input); break;
    case 10: step_connect(c, input); break;
    case 11: step_send(c, input, held); break;
    case 12: step_receive(c, input, held); break;
    case 13: step_option(c, input, held); break;
    case 14: step_end(c, input, held); break;
    default:
        if (kind >> 4 < 4)
            step_look(c);
        else if (kind >> 4 < 8)
            c->stand.frames_a_step = (kind >> 4) - 4; /* 0: all again */
        else
            step_obey(c, input);
        break;
    }
    stand_after(&c->stand);
}

static void open_world(struct conversation *c, struct input *input)
{
    static const uint16_t ports[FLOWS / 2][2] = {{40000, 80}, {40001, 80}, {7, 5000}, {40002, 81}};
    unsigned choice = input_u8(input), more = input_u8(input);
    struct hf_config *config = &c->stand.config;

    stand_init(&c->stand);
    config->timestamps = !(choice & 1);
    config->sack = !(choice & 2);
    config->window_scaling = !(choice & 4);
    config->nagle = !(choice & 8);
    config->initial_window = choice & 16 ? 1 : 10;
    config->delayed_ack_ms = choice & 32 ? 0 : 40;
    config->checksum_offload = choice & 64;
    config->segmentation_bytes = (choice & 192) == 192 ? 4000 : 0;
    config->allow_simultaneous_at_listener = more & 1;
    config->on_timeout = more & 2 ? HF_SEND_RESET : HF_FORGET;
    if (more & 4)
        config->receive_bytes = config->send_bytes = 2048, config->promise_bytes = 2048;
    if (more & 8)
        config->receive_bytes = 200000;
    config->max_rto_ms = 20000; /* the honest peer at the end shall not take for ever */
    config->fin_wait_2_ms = more & 16 ? 1000 : 60000;
    if (more & 32)
        config->pool_bytes = 0;
    config->max_keys = more & 64 ? 2 : 0;
    stand_open(&c->stand);
    stand_add_key(&c->stand, more & 128);
    c->stand.on_packet = on_packet;
    c->stand.self = c;
    for (unsigned i = 0; i < FLOWS; i++) {
        struct peer *peer = &c->peers[i];

        peer->flow = (struct flow){.remote = stand_address(i & 1 ? "2001:db8::9" : "192.0.2.9"),
                                   .local = stand_address(i & 1 ? "2001:db8::1" : "192.0.2.1"),
                                   .remote_port = ports[i / 2][0],
                                   .local_port = ports[i / 2][1]};
        peer->isn = peer->sent = peer->ack = (seq){UINT32_C(0xfffffe00) + i * 1000};
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t windows[] = {100, 1000, 8000, 65535};
    static struct conversation c; /* large, and cleared each time */
    struct input input = {data, data + size};

    memset(&c, 0, sizeof c);
    open_world(&c, &input);
    for (unsigned i = 0; i < STEPS_MAX && input_left(&input) > 0; i++)
        step(&c, &input);
    c.stand.frames_a_step = 0;
    honest_complete(&c.stand, windows[size % 4], size / 4 % 4);
    stand_close(&c.stand);
    return 0;
}
