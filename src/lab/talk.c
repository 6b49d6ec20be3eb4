/* Following a conversation: the transitions of RFC 9293's figure 5, from segments alone, and their drawing. */
#include "lab/talk.h"

#include <stdlib.h>
#include <string.h>

#include "wire/print.h"

/* What is known of one end. */
struct side {
    enum hf_state state;
    bool seen;     /* its SYN */
    bool fin_sent; /* its FIN, which is at: */
    seq fin_at;
    seq next; /* behind everything that it sent */
};

/* ---- states ---- */

static enum hf_state after_own_fin(enum hf_state state)
{
    if (state == HF_STATE_ESTABLISHED || state == HF_STATE_SYN_RECEIVED)
        return HF_STATE_FIN_WAIT_1;
    return state == HF_STATE_CLOSE_WAIT ? HF_STATE_LAST_ACK : state;
}

static enum hf_state after_peers_fin(enum hf_state state)
{
    if (state == HF_STATE_ESTABLISHED || state == HF_STATE_SYN_RECEIVED)
        return HF_STATE_CLOSE_WAIT;
    if (state == HF_STATE_FIN_WAIT_1)
        return HF_STATE_CLOSING;
    return state == HF_STATE_FIN_WAIT_2 ? HF_STATE_TIME_WAIT : state;
}

static enum hf_state after_ack_of_fin(enum hf_state state)
{
    if (state == HF_STATE_FIN_WAIT_1)
        return HF_STATE_FIN_WAIT_2;
    if (state == HF_STATE_CLOSING)
        return HF_STATE_TIME_WAIT;
    return state == HF_STATE_LAST_ACK ? HF_STATE_CLOSED : state;
}

static void send(struct side *sender, const struct segment *seg)
{
    if (seg->flags & TCP_SYN) {
        if (!(seg->flags & TCP_ACK))
            sender->state = HF_STATE_SYN_SENT;
        sender->seen = true;
        sender->next = seg->seq;
    }
    if (seg->flags & TCP_FIN && !sender->fin_sent) {
        sender->fin_sent = true;
        sender->fin_at = seq_add(seg->seq, seg->length);
        sender->state = after_own_fin(sender->state);
    }
    seq behind = seq_add(seg->seq, segment_length(seg));
    if (seq_lt(sender->next, behind))
        sender->next = behind;
    if (seg->flags & TCP_RST)
        sender->state = HF_STATE_CLOSED;
}

static void receive(struct side *receiver, const struct segment *seg)
{
    if (seg->flags & TCP_RST) {
        receiver->state = HF_STATE_CLOSED;
        return;
    }
    if (seg->flags & TCP_SYN && receiver->state == HF_STATE_LISTEN)
        receiver->state = HF_STATE_SYN_RECEIVED;
    else if (seg->flags & TCP_SYN && receiver->state == HF_STATE_SYN_SENT)
        receiver->state = HF_STATE_ESTABLISHED;
    else if (seg->flags & TCP_ACK && receiver->state == HF_STATE_SYN_RECEIVED)
        receiver->state = HF_STATE_ESTABLISHED;
    if (seg->flags & TCP_ACK && receiver->fin_sent && seq_lt(receiver->fin_at, seg->ack))
        receiver->state = after_ack_of_fin(receiver->state);
    if (seg->flags & TCP_FIN)
        receiver->state = after_peers_fin(receiver->state);
}

/* ---- steps ---- */

static bool is_repeated(const struct side *sender, const struct segment *seg)
{
    uint32_t length = segment_length(seg);

    return sender->seen && length > 0 && seq_diff(seq_add(seg->seq, length), sender->next) <= 0;
}

static void note(struct talk *talk, const struct talk_step *step, uint32_t index)
{
    const struct segment *seg = step->segment;

    if (talk->opening == 0 && step->state[TALK_CLIENT] == HF_STATE_ESTABLISHED &&
        step->state[TALK_GUARD] == HF_STATE_ESTABLISHED)
        talk->opening = index + 1;
    if (seg->flags & TCP_FIN && talk->closing == talk->count) {
        talk->closing = index;
        talk->closer = step->from;
    }
    if (seg->flags & TCP_RST)
        talk->resets++;
    if (seg->flags & TCP_SYN)
        talk->iss[step->from] = seg->seq;
    if (index == 0 && (seg->flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
        talk->not_expected = "it does not begin with a SYN";
}

bool talk_follow(struct talk *talk, const struct capture *capture)
{
    struct side sides[TALK_ENDS] = {
        [TALK_CLIENT] = {.state = HF_STATE_CLOSED}, [TALK_GUARD] = {.state = HF_STATE_LISTEN}};

    *talk = (struct talk){.count = capture->count, .closing = capture->count};
    talk->steps = calloc(capture->count + 1u, sizeof *talk->steps);
    if (!talk->steps)
        return false;
    if (capture->count == 0)
        talk->not_expected = "it is not in the capture";
    for (uint32_t i = 0; i < capture->count; i++) {
        const struct segment *seg = &capture->segments[i].segment;
        struct talk_step *step = &talk->steps[i];

        step->from = capture->segments[i].outbound ? TALK_GUARD : TALK_CLIENT;
        step->segment = seg;
        talk->repeated += is_repeated(&sides[step->from], seg);
        send(&sides[step->from], seg);
        receive(&sides[!step->from], seg);
        step->state[TALK_CLIENT] = sides[TALK_CLIENT].state;
        step->state[TALK_GUARD] = sides[TALK_GUARD].state;
        note(talk, step, i);
    }
    return true;
}

void talk_free(struct talk *talk)
{
    free(talk->steps);
    *talk = (struct talk){0};
}

/* ---- the ladder ---- */

#define STATE_WIDTH 12
#define ARROW_WIDTH 64

/* Timestamps are left out after the SYNs: they say nothing about states. */
static void print_step(const struct talk *talk, const struct talk_step *step, char text[PRINT_MAX])
{
    struct print_bases bases = {talk->iss[step->from], talk->iss[!step->from], true};
    struct segment seg = *step->segment;

    seg.options.present &= (uint16_t)~TCP_OPTION_TIMESTAMPS;
    print_segment(text, PRINT_MAX, &seg, &bases);
}

static void draw_arrow(const struct talk_step *step, const char *text, FILE *out)
{
    int dashes = ARROW_WIDTH - (int)strlen(text);
    bool right = step->from == TALK_CLIENT;

    fprintf(out, "%s %s ", right ? "|--" : "|<-", text);
    for (; dashes > 0; dashes--)
        fputc('-', out);
    fprintf(out, "%s|", right ? "->" : "--");
}

static void draw_states(enum hf_state client, enum hf_state guard, FILE *out)
{
    fprintf(out, "  %-*s |%*s|  %s\n", STATE_WIDTH, hf_state_text(client), ARROW_WIDTH + 6, "",
            hf_state_text(guard));
}

void talk_draw(const struct talk *talk, uint32_t first, uint32_t end, FILE *out)
{
    char text[PRINT_MAX];

    fprintf(out, "  %-*s  %*s   %s\n", STATE_WIDTH, "client", ARROW_WIDTH + 6, "", "guard");
    if (first == 0)
        draw_states(HF_STATE_CLOSED, HF_STATE_LISTEN, out);
    else
        draw_states(talk->steps[first - 1].state[TALK_CLIENT],
                    talk->steps[first - 1].state[TALK_GUARD], out);
    for (uint32_t i = first; i < end && i < talk->count; i++) {
        const struct talk_step *step = &talk->steps[i];

        print_step(talk, step, text);
        fprintf(out, "  %-*s ", STATE_WIDTH, hf_state_text(step->state[TALK_CLIENT]));
        draw_arrow(step, text, out);
        fprintf(out, "  %s\n", hf_state_text(step->state[TALK_GUARD]));
    }
}
