/* An honest peer that takes over a conversation. [RFC 9293 3.10.7.4, 3.8.6.1] */
#include "fuzz/honest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/must.h"
#include "base/time.h"
#include "sim/attack_frame.h"
#include "stack/signing.h"
#include "stack/stack.h"
#include "tcp/retransmit_queue.h"

#define PATIENCE_US (INT64_C(900) * US_PER_S) /* many times max_rto */
#define DAY_MS (24u * 3600 * 1000)
#define SEGMENT 500u
#define TEXT 1000u /* that each side has still to say */

struct honest {
    struct stand *stand;
    struct tcb *tcb;
    struct connection *connection;
    struct flow flow;
    hf_socket socket; /* 0: nobody holds it */
    seq iss, irs;

    seq expected; /* from Handfast                                        */
    seq offered;  /* to it, once and for all                              */
    seq una;      /* of ours that is acknowledged ...                     */
    seq next;     /* ... that was sent, in the conversation until now too */
    seq edge;     /* as far as Handfast lets us send                      */
    uint32_t window, ts_first, ts_echo;
    int64_t since_us;
    bool asked;    /* something came that must be answered */
    bool closed;   /* the window, for now */
    unsigned lost; /* of the frames to come: every third of so many is lost */
    bool fin_sent, fin_heard, reset;
};

static void tell(const struct honest *h, const char *what)
{
    const struct tcb *tcb = h->tcb;

    fprintf(stderr,
            "not true: %s\n%s, flags %#x, SND.UNA %u NXT %u WND %u rtx %u-%u queue %u cwnd %u\n"
            "RCV.NXT %u edge %u queue %u limit %u; the peer: expected %u una %u next %u edge %u\n",
            what, hf_state_text((enum hf_state)tcb->state), tcb->flags,
            seq_distance(h->iss, tcb->snd_una), seq_distance(h->iss, tcb->snd_nxt), tcb->snd_wnd,
            seq_distance(h->iss, tcb->rtx_nxt), seq_distance(h->iss, tcb->rtx_end),
            tcb->snd_queue.length, tcb->congestion.cwnd, seq_distance(h->irs, tcb->rcv_nxt),
            seq_distance(h->irs, tcb->rcv_edge), tcb->rcv_queue.length, tcb->rcv_limit,
            seq_distance(h->iss, h->expected), seq_distance(h->irs, h->una),
            seq_distance(h->irs, h->next), seq_distance(h->irs, h->edge));
    for (int i = 0; i < TCP_TIMERS; i++)
        if (tcb->deadline_us[i] != NEVER_US)
            fprintf(stderr, "timer %d in %lld us\n", i,
                    (long long)(tcb->deadline_us[i] - h->stand->now_us));
    abort();
}

/* Its slot may be another's by now. */
static bool lives(const struct honest *h)
{
    return (h->connection->flags & (CONNECTION_OPEN | CONNECTION_DETACHED)) == CONNECTION_OPEN &&
           seq_eq(h->tcb->iss, h->iss) && seq_eq(h->tcb->irs, h->irs) &&
           h->tcb->end == TCP_END_NONE;
}

/* ---- what Handfast says ---- */

static uint16_t window_field(const struct honest *h)
{
    if (h->closed)
        return 0;

    uint32_t field = h->window >> h->tcb->snd_wind_shift;

    return (uint16_t)min_u32(max_u32(field, 1), UINT16_MAX);
}

/* The four cases of the specification, to the letter. [RFC 9293 3.10.7.4 first] */
static bool is_acceptable(const struct honest *h, const struct segment *seg)
{
    uint32_t room = (uint32_t)window_field(h) << h->tcb->snd_wind_shift;
    uint32_t length = segment_length(seg);

    if (seq_lt(seq_add(h->expected, room), h->offered))
        room = seq_distance(h->expected, h->offered);
    if (length == 0 && room == 0)
        return seq_eq(seg->seq, h->expected);
    if (length > 0 && room == 0)
        return seq_eq(seg->seq, h->expected); /* its ACK counts, MUST-66 */
    return seq_in_window(seg->seq, h->expected, room) ||
           (length > 0 && seq_in_window(seq_add(seg->seq, length - 1), h->expected, room));
}

/* What lies in the window that was offered, in order. */
static void take_text(struct honest *h, const struct segment *seg)
{
    uint32_t room = (uint32_t)window_field(h) << h->tcb->snd_wind_shift;
    seq end = seq_add(seg->seq, seg->length);

    if (seq_gt(seg->seq, h->expected))
        return; /* something is missing before it */
    if (seq_gt(end, h->expected))
        h->expected = seq_min(end, seq_max(h->offered, seq_add(h->expected, room)));
    if ((seg->flags & TCP_FIN) && !h->fin_heard && !h->closed && seq_eq(end, h->expected)) {
        h->fin_heard = true;
        h->expected = seq_add(h->expected, 1);
    }
}

static void on_packet(void *self, const struct packet *packet)
{
    const struct segment *seg = &packet->segment;
    struct honest *h = self;

    if (packet->kind != PACKET_TCP || memcmp(&h->flow.remote, &packet->destination, 16) != 0 ||
        h->flow.remote_port != seg->destination_port || h->flow.local_port != seg->source_port)
        return;
    if (seg->flags & TCP_RST)
        h->reset = true;
    if (h->lost > 0 && --h->lost % 3 == 0)
        return;
    if (seg->options.present & TCP_OPTION_TIMESTAMPS)
        h->ts_echo = seg->options.ts_value;
    if ((seg->flags & (TCP_RST | TCP_SYN)) || !(seg->flags & TCP_ACK))
        return;
    h->asked = h->asked || segment_length(seg) > 0;
    if (!is_acceptable(h, seg)) {
        h->asked = true;
        return;
    }
    if (seq_gt(seg->ack, h->una)) {
        h->una = seg->ack;
        h->next = seq_max(h->next, h->una); /* more had waited out of order */
    }
    if (seq_geq(seg->ack, h->una))
        h->edge =
            seq_max(h->edge, seq_add(seg->ack, (uint32_t)seg->window << h->tcb->rcv_wind_shift));
    take_text(h, seg);
}

/* ---- what the peer says ---- */

static void say(struct honest *h, uint8_t flags, seq from, uint32_t length)
{
    uint8_t frame[ATTACK_FRAME_MAX], text[SEGMENT];
    struct segment seg = {
        .flags = flags | TCP_ACK,
        .seq = from,
        .ack = h->expected,
        .window = window_field(h),
        .length = length,
        .text = text,
    };

    for (uint32_t i = 0; i < length; i++)
        text[i] = stand_text(from.value + i);
    if (h->tcb->flags & TCB_TIMESTAMPS) {
        seg.options.present = TCP_OPTION_TIMESTAMPS;
        seg.options.ts_echo = h->ts_echo;
        seg.options.ts_value = h->ts_first + (uint32_t)((h->stand->now_us - h->since_us) / 1000);
    }
    if (seq_lt(h->next, seq_add(from, segment_length(&seg))))
        h->next = seq_add(from, segment_length(&seg));
    stand_input(h->stand, frame, attack_frame_segment(frame, &h->flow, &seg), HF_CHECKSUM_NONE);
}

/* Answers until nothing is asked any more. */
static void answer(struct honest *h)
{
    stand_after(h->stand);
    for (unsigned i = 0; h->asked && lives(h); i++) {
        if (i > 20000)
            tell(h, "an honest peer is not asked for ever at one instant");
        h->asked = false;
        say(h, 0, h->tcb->flags & TCB_FIN_RECEIVED ? h->tcb->rcv_nxt : seq_max(h->next, h->una), 0);
    }
}

/* ---- directions ---- */

/* A step of time, and its end. */
static void wait(struct honest *h, const char *what)
{
    int64_t next_us = hf_next_deadline(h->stand->stack) - h->stand->now_us;

    stand_wait(h->stand, next_us < 0 ? 0 : next_us > US_PER_S ? US_PER_S : next_us);
    if (h->stand->now_us - h->since_us > PATIENCE_US)
        tell(h, what);
}

static void begin(struct honest *h)
{
    h->ts_first += (uint32_t)((h->stand->now_us - h->since_us) / 1000);
    h->since_us = h->stand->now_us;
}

/* All that our user has said, heard by the peer, who only answers. */
static void complete_sending(struct honest *h)
{
    begin(h);
    for (answer(h); lives(h); answer(h)) {
        const struct tcb *tcb = h->tcb;
        bool fin = (tcb->flags & (TCB_FIN_WANTED | TCB_FIN_SENT)) == TCB_FIN_WANTED;

        if (seq_eq(tcb->snd_una, tcb->snd_nxt) && tcb->snd_queue.length == 0 && !fin)
            return;
        wait(h, "what the user has sent arrives at an honest peer");
    }
}

static void user_reads(struct honest *h)
{
    uint8_t text[4096];
    ptrdiff_t got;

    do {
        uint32_t number =
            h->tcb->rcv_nxt.value - h->tcb->rcv_queue.length - !!(h->tcb->flags & TCB_FIN_RECEIVED);

        got = hf_receive(h->stand->stack, h->socket, text, sizeof text, h->stand->now_us);
        for (ptrdiff_t i = 0; i < got; i++)
            must(text[i] == stand_text(number + (uint32_t)i));
    } while (got > 0);
    answer(h);
}

static void user_writes(struct honest *h)
{
    uint8_t text[TEXT];
    seq from = snd_text_end(h->tcb);

    for (uint32_t i = 0; i < TEXT; i++)
        text[i] = stand_text(from.value + i);
    hf_send(h->stand->stack, h->socket, text, TEXT, h->stand->now_us);
}

/* All that the peer has to say, read by our user: what is acknowledged moves on, what is not is sent again. */
static void complete_receiving(struct honest *h)
{
    seq target = seq_add(h->next, TEXT);

    begin(h);
    for (user_reads(h); lives(h) && !(h->tcb->flags & TCB_FIN_RECEIVED); user_reads(h)) {
        seq before = h->una;

        if (seq_geq(h->una, target))
            return;
        for (seq at = h->una; seq_lt(at, target) && seq_lt(at, h->edge) && lives(h);) {
            uint32_t length = min_u32(seq_distance(at, seq_min(target, h->edge)), SEGMENT);

            say(h, TCP_PSH, at, length);
            at = seq_add(at, length);
        }
        user_reads(h);
        if (lives(h) && seq_eq(h->una, before)) {
            if (seq_geq(h->una, h->edge))
                say(h, 0, h->una, 1); /* a probe of our closed window */
            answer(h);
            wait(h, "what an honest peer sends arrives at our user");
        }
    }
}

/* Both close. */
static void complete_closing(struct honest *h)
{
    begin(h);
    if (h->socket)
        hf_shutdown(h->stand->stack, h->socket, h->stand->now_us);
    complete_sending(h);
    for (answer(h); lives(h); answer(h)) {
        if (h->tcb->state == TCP_TIME_WAIT || !(h->tcb->flags & TCB_FIN_WANTED))
            return;
        if (seq_eq(h->tcb->rcv_edge, h->tcb->rcv_nxt) && h->tcb->rcv_queue.length > 0)
            return; /* nobody reads: our FIN has no room */
        if (!(h->tcb->flags & TCB_FIN_RECEIVED))
            say(h, TCP_FIN, h->tcb->rcv_nxt, 0);
        answer(h);
        if (lives(h))
            wait(h, "both ends close");
    }
}

/* ---- a connection ---- */

static hf_socket socket_of(const struct honest *h)
{
    struct hf_status status;
    hf_socket socket;

    if (!(h->connection->flags & CONNECTION_HAS_USER))
        return 0;
    for (uint64_t cursor = 0; hf_next_socket(h->stand->stack, &cursor, &socket) == HF_OK;)
        if (hf_status(h->stand->stack, socket, &status) == HF_OK && status.iss == h->iss.value &&
            status.irs == h->irs.value && status.remote.port == h->flow.remote_port &&
            status.state != HF_STATE_LISTEN)
            return socket;
    return 0;
}

static bool is_mine(const struct connection *connection)
{
    const struct tcb *tcb = &connection->tcb;

    return (connection->flags & (CONNECTION_OPEN | CONNECTION_DETACHED)) == CONNECTION_OPEN &&
           tcb->end == TCP_END_NONE && (tcb->flags & TCB_SYN_ACKED) &&
           tcb->state >= TCP_ESTABLISHED && tcb->state < TCP_TIME_WAIT &&
           !signing_is_signed(connection);
}

static void take_over(struct honest *h)
{
    struct tcb *tcb = h->tcb;

    h->flow = h->connection->flow;
    h->iss = tcb->iss;
    h->irs = tcb->irs;
    h->socket = socket_of(h);
    h->since_us = h->stand->now_us;
    h->ts_first = tcb->ts_recent;
    h->expected = tcb->snd_una;
    h->offered = tcb->snd_nxt; /* or it was not sent */
    h->fin_heard = fin_is_acked(tcb);
    h->una = tcb->rcv_nxt;
    h->next = seq_max(tcb->rcv_nxt, tcb->snd_wl1); /* what waits out of order was sent */
    h->edge = tcb->rcv_edge;
}

/* Nobody is let go for standing still, and patience is long: it is the peer's fault no more. */
static void be_patient(struct stand *stand)
{
    struct hf_stack *stack = stand->stack;

    stack->watch.slots_high = stack->watch.chunks_high = UINT32_MAX;
    for (uint32_t slot = 0; slot < stack->connections.pool.high; slot++) {
        struct connection *connection = connection_at(&stack->connections, slot);

        if (!is_mine(connection))
            continue;
        connection->tcb.user_timeout_ms = DAY_MS;
        connection->tcb.keep_idle_ms = 0;
        if (connection->tcb.deadline_us[TCP_TIMER_USER] != NEVER_US)
            connection->tcb.deadline_us[TCP_TIMER_USER] = stand->now_us + ms_to_us(DAY_MS);
    }
}

void honest_complete(struct stand *stand, uint32_t window, unsigned moods)
{
    struct connections *connections = &stand->stack->connections;

    be_patient(stand);
    for (uint32_t slot = 0; slot < connections->pool.high; slot++) {
        struct connection *connection = connection_at(connections, slot);
        struct honest h = {
            .stand = stand, .connection = connection, .tcb = &connection->tcb, .window = window};

        if (!is_mine(connection))
            continue;
        take_over(&h);
        h.lost = moods & 1 ? 20 : 0;
        h.closed = moods & 2;
        stand->on_packet = on_packet;
        stand->self = &h;
        if (h.closed && h.socket)
            complete_receiving(&h); /* while our user's text waits */
        h.closed = false;
        if (lives(&h))
            complete_sending(&h);
        if (h.socket && lives(&h)) {
            complete_receiving(&h);
            user_writes(&h);
            complete_sending(&h);
        }
        if (lives(&h))
            complete_closing(&h);
        if (h.reset)
            tell(&h, "an honest peer is not reset");
        stand->on_packet = NULL;
    }
}
