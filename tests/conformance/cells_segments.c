/* Cells of arriving segments: state x flags x place of SEG.SEQ x place of SEG.ACK. [RFC 9293 3.10.7]
 *
 * Each is judged by oracle.c before the stack sees it; then reply, state, numbers, text and counters are compared.
 */
#include "cells.h"

#define TEXT CELL_TEXT

struct kind {
    const char *name;
    uint8_t flags;
    uint32_t length;
};

#define ALL (TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK | TCP_URG)

static const struct kind kinds[] = {
    {"rst", TCP_RST, 0},
    {"rst-ack", TCP_RST | TCP_ACK, 0},
    {"rst-text", TCP_RST, TEXT},
    {"syn", TCP_SYN, 0},
    {"syn-ack", TCP_SYN | TCP_ACK, 0},
    {"syn-fin", TCP_SYN | TCP_FIN, 0},
    {"syn-rst", TCP_SYN | TCP_RST, 0},
    {"syn-urg", TCP_SYN | TCP_URG, 0},
    {"syn-text", TCP_SYN, TEXT},
    {"syn-fin-ack", TCP_SYN | TCP_FIN | TCP_ACK, 0},
    {"syn-ack-text", TCP_SYN | TCP_ACK | TCP_PSH, TEXT},
    {"syn-ack-urg", TCP_SYN | TCP_ACK | TCP_URG, TEXT},
    {"ack", TCP_ACK, 0},
    {"psh-ack", TCP_PSH | TCP_ACK, 0},
    {"urg-ack", TCP_URG | TCP_ACK, 0},
    {"fin", TCP_FIN, 0},
    {"fin-ack", TCP_FIN | TCP_ACK, 0},
    {"text", TCP_PSH, TEXT},
    {"text-ack", TCP_PSH | TCP_ACK, TEXT},
    {"text-urg-ack", TCP_URG | TCP_PSH | TCP_ACK, TEXT},
    {"text-fin-ack", TCP_FIN | TCP_PSH | TCP_ACK, TEXT},
    {"none", 0, 0},
    {"urg", TCP_URG, 0},
    {"psh", TCP_PSH, 0},
    {"fin-psh-urg", TCP_FIN | TCP_PSH | TCP_URG, 0},
    {"all", ALL, 0},
    {"all-text", ALL, TEXT},
};

/* Where SEG.SEQ lies: named by the window, [RCV.NXT, RCV.NXT + RCV.WND). */
enum seq_place {
    FAR_BEFORE, /* all of it long acknowledged                        */
    BEFORE,     /* it ends just before the window: sent again         */
    STRADDLING, /* the old half of a text and the new                 */
    LEFT,       /* RCV.NXT                                            */
    INSIDE,
    RIGHT,  /* the last number of the window                          */
    BEYOND, /* the first behind it                                    */
    FAR_BEYOND,
    SEQ_PLACES,
};

static const char *const seq_names[] = {"far-before", "before", "straddling", "left",
                                        "inside",     "right",  "beyond",     "far-beyond"};

/* Where SEG.ACK lies. */
enum ack_place {
    NO_ACK,
    ANCIENT,   /* one before SND.UNA - MAX.SND.WND      */
    OLDEST,    /* SND.UNA - MAX.SND.WND                 */
    OLD,       /* one before SND.UNA                    */
    DUPLICATE, /* SND.UNA                               */
    IN_FLIGHT, /* between SND.UNA and SND.NXT           */
    NEWEST,    /* SND.NXT                               */
    FUTURE,    /* one behind it                         */
    FAR_FUTURE,
    ACK_PLACES,
};

static const char *const ack_names[] = {"",       "ancient", "oldest", "old",       "duplicate",
                                        "flying", "newest",  "future", "far-future"};

struct cell {
    enum reached at;
    enum variant variant;
    const struct kind *kind;
    enum seq_place seq;
    enum ack_place ack;
};

/* ---- places ---- */

static uint32_t seq_of_place(const struct cell *cell, const struct situation *now)
{
    const struct kind *kind = cell->kind;
    uint32_t length = kind->length + !!(kind->flags & TCP_SYN) + !!(kind->flags & TCP_FIN);

    switch (cell->seq) {
    case FAR_BEFORE: return now->rcv - 1000;
    case BEFORE: return now->rcv - (length ? length : 1);
    case STRADDLING: return now->rcv - TEXT / 2;
    case LEFT: return now->rcv;
    case INSIDE: return now->rcv + 100;
    case RIGHT: return now->edge - 1;
    case BEYOND: return now->edge;
    case FAR_BEYOND: return now->edge + 1000;
    case SEQ_PLACES: break;
    }
    abort();
}

static uint32_t ack_of_place(const struct cell *cell, const struct situation *now)
{
    switch (cell->ack) {
    case NO_ACK: return 0;
    case ANCIENT: return now->una - now->max_wnd - 1;
    case OLDEST: return now->una - now->max_wnd;
    case OLD: return now->una - 1;
    case DUPLICATE: return now->una;
    case IN_FLIGHT: return now->una + 50;
    case NEWEST: return now->nxt;
    case FUTURE: return now->nxt + 1;
    case FAR_FUTURE: return now->nxt + 100000;
    case ACK_PLACES: break;
    }
    abort();
}

/* ---- comparison ---- */

/* What any traffic raises; the text's bytes are compared by themselves. */
static bool is_traffic(enum hf_stat stat)
{
    return stat == HF_STAT_frames_in || stat == HF_STAT_frames_out || stat == HF_STAT_bytes_in ||
           stat == HF_STAT_bytes_out || stat == HF_STAT_segments_in ||
           stat == HF_STAT_segments_out || stat == HF_STAT_acks_sent ||
           stat == HF_STAT_delayed_acks || stat == HF_STAT_segments_resent ||
           stat == HF_STAT_bytes_received || stat == HF_STAT_bytes_acknowledged;
}

static void compare_counters(const struct verdict *expected)
{
    const uint64_t *now = (const uint64_t *)(const void *)&script.stack->stats;
    const uint64_t *before = (const uint64_t *)(const void *)&script.before;
    uint64_t wanted[HF_STAT_COUNT] = {0};

    for (uint32_t i = 0; i < expected->raised_count; i++)
        wanted[expected->raised[i]]++;
    for (int i = 0; i < HF_STAT_COUNT; i++)
        if (!is_traffic((enum hf_stat)i) && now[i] - before[i] != wanted[i])
            script_fail(HERE, "counter %s: expected +%u, found +%u", hf_stat_name((enum hf_stat)i),
                        (unsigned)wanted[i], (unsigned)(now[i] - before[i]));
}

static void compare_reply(const struct verdict *expected)
{
    switch (expected->reply) {
    case REPLY_NONE: break;
    case REPLY_ACK_SOON:
        if (script.count == 0)
            wait_ms(41);
        out(". %u:%u(0) ack %u", expected->seq, expected->seq, expected->ack);
        break;
    case REPLY_ACK: out(". %u:%u(0) ack %u", expected->seq, expected->seq, expected->ack); break;
    case REPLY_SYN_ACK:
        if (expected->new_iss)
            out("S. *:*(0) ack %u <...>", expected->ack);
        else
            out("S. %u:%u(0) ack %u <...>", expected->seq, expected->seq, expected->ack);
        break;
    case REPLY_RST: out("R %u:%u(0)", expected->seq, expected->seq); break;
    case REPLY_RST_ACK:
        out("R. %u:%u(0) ack %u", expected->seq, expected->seq, expected->ack);
        break;
    }
    out_nothing();
}

/* A new incarnation begins as a half-open; the TIME-WAIT record ends only with its handshake. [RFC 6191] */
static void compare_state(const struct cell *cell, const struct verdict *expected)
{
    struct hf_gauges gauges;

    if (cell->at != TIME_WAIT || expected->state != HALF_OPEN) {
        state(reached_text(expected->state));
        return;
    }
    hf_gauges(script.stack, &gauges);
    if (gauges.half_opens != 1)
        script_fail(HERE, "expected: a half-open, found %u", gauges.half_opens);
}

static void compare_numbers(const struct verdict *expected)
{
    const struct tcb *tcb = the_tcb();

    if (!tcb || tcb->end != TCP_END_NONE)
        return;
    if (tcb->rcv_nxt.value - SCRIPT_PEER_ISN != expected->rcv && expected->state != SYN_SENT)
        script_fail(HERE, "RCV.NXT: expected %u, found %u", expected->rcv,
                    tcb->rcv_nxt.value - SCRIPT_PEER_ISN);
    if (tcb->snd_una.value - script.iss != expected->una)
        script_fail(HERE, "SND.UNA: expected %u, found %u", expected->una,
                    tcb->snd_una.value - script.iss);
}

/* What the user can read now; a connection that ended badly has flushed it. [RFC 9293 3.10.7.4] */
static void compare_text(const struct cell *cell, const struct verdict *expected, uint32_t unread)
{
    uint32_t found = 0;
    ptrdiff_t got;

    if (cell->variant == ABANDONED)
        return;
    if (cell->at == HALF_OPEN && expected->state > HALF_OPEN)
        user_accept();
    if (!script.socket)
        return;
    while ((got = script_receive(HERE, 4096)) > 0)
        found += (uint32_t)got;
    if (expected->state == CLOSED && cell->at != LAST_ACK)
        unread = 0;
    else if (expected->state == CLOSED && (cell->kind->flags & TCP_RST))
        unread = 0;
    if (found != unread + expected->delivered)
        script_fail(HERE, "text: expected %u bytes, found %u", unread + expected->delivered, found);
    forget_output();
}

/* The flags as notation.h spells them. */
static const char *letters(uint8_t flags, char text[12])
{
    static const char names[] = "FSRP.U";
    size_t length = 0;

    if (flags == 0)
        text[length++] = '-';
    for (unsigned bit = 0; bit < 6; bit++)
        if (flags >> bit & 1)
            text[length++] = names[bit];
    text[length] = '\0';
    return text;
}

static enum stamp stamp_of(enum variant variant)
{
    if (variant == STAMPED)
        return STAMP_NEW;
    return variant == STAMP_IS_OLD ? STAMP_OLD : STAMP_NONE;
}

static void run_cell(const void *which)
{
    static const char *const stamps[] = {
        [STAMP_NONE] = "nop", [STAMP_OLD] = "TS val 99 ecr 0", [STAMP_NEW] = "TS val 101 ecr 0"};
    const struct cell *cell = which;
    struct situation was = cell_walk(cell->at, cell->variant);
    struct arrival seg = {cell->kind->flags, seq_of_place(cell, &was), ack_of_place(cell, &was),
                          cell->kind->length, stamp_of(cell->variant)};
    struct verdict expected = oracle_judge(&was, &seg);
    uint32_t unread = cell->variant != NO_WINDOW ? 0 : CELL_QUEUE - cell_peer_closed(cell->at);
    char flags[12], ack[24] = "";

    if (seg.flags & TCP_ACK)
        snprintf(ack, sizeof ack, " ack %u", seg.ack);
    in("%s %u:%u(%u)%s win %u urg %u <%s%s>", letters(seg.flags, flags), seg.seq,
       seg.seq + seg.length, seg.length, ack, script.window, seg.flags & TCP_URG ? 5 : 0,
       seg.flags & TCP_SYN ? "mss 1460," : "nop,", stamps[seg.stamp]);
    compare_reply(&expected);
    compare_state(cell, &expected);
    compare_numbers(&expected);
    compare_counters(&expected);
    compare_text(cell, &expected, unread);
}

/* ---- all of them ---- */

static bool is_stamped(enum variant variant)
{
    return variant == STAMPED || variant == STAMP_IS_OLD || variant == STAMP_IS_MISSING;
}

/* Whether a cell says something that no other says, and can be. */
static bool is_a_cell(const struct cell *cell)
{
    bool synchronized = cell->at >= HALF_OPEN;
    bool text = cell->kind->length > 0 && !(cell->kind->flags & TCP_SYN);

    if (!!(cell->kind->flags & TCP_ACK) != (cell->ack != NO_ACK))
        return false;
    if (cell->ack == IN_FLIGHT && cell->variant != SENDING)
        return false;
    if (!synchronized && cell->seq != LEFT) /* there is no window yet */
        return false;
    if ((cell->at == CLOSED || cell->at == LISTEN) && cell->ack != NO_ACK && cell->ack != NEWEST)
        return false;
    if (cell->at == TIME_WAIT && is_stamped(cell->variant) && !(cell->kind->flags & TCP_SYN))
        return false; /* a record refuses nothing by its stamp but a SYN [RFC 6191 2] */
    if (cell->seq == STRADDLING && !text)
        return false;
    if (cell->variant == NO_WINDOW)
        return cell->seq != INSIDE && cell->seq != RIGHT && cell->seq != BEYOND &&
               cell->seq != STRADDLING;
    return true;
}

static bool has_variant(enum reached at, enum variant variant)
{
    switch (variant) {
    case PLAIN: return true;
    case SENDING: return at >= ESTABLISHED && at != FIN_WAIT_2 && at != TIME_WAIT;
    case STAMPED:
    case STAMP_IS_OLD:
    case STAMP_IS_MISSING: return at >= HALF_OPEN;
    case NO_WINDOW: return at >= ESTABLISHED;
    case ABANDONED: return at >= FIN_WAIT_1 && at != CLOSE_WAIT && at != TIME_WAIT;
    case UNREAD:
    case UNSENT: break; /* of calls */
    }
    return false;
}

static void visit_cell(cell_visitor *visit, const struct cell *cell)
{
    static const char *const variants[] = {
        [PLAIN] = "",
        [SENDING] = "-sending",
        [STAMPED] = "-stamped",
        [STAMP_IS_OLD] = "-stamp-old",
        [STAMP_IS_MISSING] = "-stamp-missing",
        [NO_WINDOW] = "-no-window",
        [ABANDONED] = "-abandoned",
    };
    char name[CELL_NAME];

    if (!is_a_cell(cell))
        return;
    snprintf(name, sizeof name, "%s/%s%s%s%s%s%s", cell->kind->name, cell_state(cell->at),
             variants[cell->variant], cell->at >= HALF_OPEN ? "-" : "",
             cell->at >= HALF_OPEN ? seq_names[cell->seq] : "", cell->ack != NO_ACK ? "-" : "",
             ack_names[cell->ack]);
    visit(name, run_cell, cell);
}

void cells_of_segments(cell_visitor *visit)
{
    struct cell cell;

    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        for (cell.at = CLOSED; cell.at <= TIME_WAIT; cell.at++)
            for (cell.variant = PLAIN; cell.variant <= ABANDONED; cell.variant++) {
                if (!has_variant(cell.at, cell.variant))
                    continue;
                cell.kind = &kinds[kind];
                for (cell.seq = 0; cell.seq < SEQ_PLACES; cell.seq++)
                    for (cell.ack = 0; cell.ack < ACK_PLACES; cell.ack++)
                        visit_cell(visit, &cell);
            }
}
