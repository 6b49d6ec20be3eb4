/* The ladder: rows wait in the order of sending until it is known what became of their segment. */
#include "sim/ladder.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/time.h"
#include "sim/ladder_draw.h"
#include "sim/world.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"

/* Where a flow's numbers begin, by the ports of the left and the right end. */
struct ladder_flow {
    uint16_t port[2];
    seq iss[2];
};

struct pending {
    uint64_t id;
    bool known; /* what became of its segment */
    struct ladder_row row;
};

struct ladder {
    struct world *world;
    FILE *out;
    enum ladder_style style;
    void (*take)(void *self, const struct ladder_row *row); /* NULL: rows are drawn */
    void *take_self;
    struct pending *rows; /* those that wait, oldest first */
    size_t count, capacity;
    struct ladder_flow *flows;
    size_t flow_count;
    char shown[2][WORLD_STATE_MAX]; /* the last state of each end that a row has */
};

enum ladder_style ladder_style_of_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (unsigned i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);

        if (value && *value) /* the first that is set decides */
            return strstr(value, "UTF-8") || strstr(value, "utf8") ? LADDER_UTF8 : LADDER_ASCII;
    }
    return LADDER_ASCII;
}

/* ---- rows ---- */

static struct pending *append(struct ladder *ladder)
{
    if (ladder->count == ladder->capacity) {
        ladder->capacity = ladder->capacity ? 2 * ladder->capacity : 64;
        ladder->rows = realloc(ladder->rows, ladder->capacity * sizeof *ladder->rows);
        must(ladder->rows);
    }
    struct pending *pending = &ladder->rows[ladder->count++];
    *pending = (struct pending){
        .known = true,
        .row = {.at_us = ladder->world->now_us - ladder->world->start_us},
    };
    return pending;
}

/* Draws those at the front of which all is known. */
static void flush(struct ladder *ladder, bool all)
{
    size_t done = 0;

    if (!ladder->take && !ladder->out)
        return;
    for (; done < ladder->count && (all || ladder->rows[done].known); done++)
        if (ladder->take)
            ladder->take(ladder->take_self, &ladder->rows[done].row);
        else
            ladder_draw(ladder->out, ladder->style, &ladder->rows[done].row);
    ladder->count -= done;
    memmove(ladder->rows, ladder->rows + done, ladder->count * sizeof *ladder->rows);
}

static void show_state(struct ladder *ladder, struct ladder_row *row, unsigned node)
{
    world_state(ladder->world, node, ladder->shown[node]);
    memcpy(row->state[node], ladder->shown[node], sizeof ladder->shown[node]);
}

/* ---- notation ---- */

static struct ladder_flow *flow_of(struct ladder *ladder, unsigned from, const struct segment *seg)
{
    uint16_t port[2] = {from == 0 ? seg->source_port : seg->destination_port,
                        from == 0 ? seg->destination_port : seg->source_port};

    for (size_t i = ladder->flow_count; i-- > 0;)
        if (ladder->flows[i].port[0] == port[0] && ladder->flows[i].port[1] == port[1])
            return &ladder->flows[i];
    ladder->flows = realloc(ladder->flows, (ladder->flow_count + 1) * sizeof *ladder->flows);
    must(ladder->flows);
    struct ladder_flow *flow = &ladder->flows[ladder->flow_count++];
    *flow = (struct ladder_flow){.port = {port[0], port[1]}};
    return flow;
}

static void print_tcp(struct ladder *ladder, unsigned from, struct segment *seg,
                      struct ladder_row *row)
{
    struct ladder_flow *flow = flow_of(ladder, from, seg);

    if ((seg->flags & TCP_SYN) && !row->injected)
        flow->iss[from] = seg->seq;
    else if (!(seg->flags &
               TCP_SYN)) /* after the SYNs timestamps say nothing that a reader of a ladder asks */
        seg->options.present &= (uint16_t)~TCP_OPTION_TIMESTAMPS;
    print_segment(row->text, sizeof row->text, seg,
                  &(struct print_bases){flow->iss[from], flow->iss[!from], true});
}

/* The station that a frame is for, whoever it is. */
static struct packet_rules rules_of(const struct world_frame *frame)
{
    struct packet_rules rules = {
        .link = frame->link, .checksum = checksum_sum, .ipv6 = packet_ipv6};
    struct ethernet header;

    if (frame->link == HF_ETHERNET && ethernet_parse(&header, frame->data, frame->length)) {
        rules.mac = header.destination;
        rules.vlan = header.vlan;
    }
    return rules;
}

static void print_frame(struct ladder *ladder, const struct world_frame *frame,
                        struct ladder_row *row)
{
    struct packet_rules rules = rules_of(frame);
    struct packet packet = {0};
    struct hf_frame bytes = {
        .data = malloc(frame->length + 1),
        .length = frame->length,
        .link = (uint8_t)frame->link,
        .checksum = HF_CHECKSUM_VERIFIED,
    };

    must(bytes.data);
    memcpy(bytes.data, frame->data, frame->length);
    packet_parse(&packet, &rules, &bytes);
    if (packet.kind == PACKET_TCP && frame->to < 2)
        print_tcp(ladder, frame->from < 2 ? frame->from : !frame->to, &packet.segment, row);
    else
        print_packet(row->text, sizeof row->text, &packet, NULL);
    free(bytes.data);
}

/* ---- what the world shows ---- */

static const char *fate_note(enum link_fate fate)
{
    switch (fate) {
    case LINK_CARRIED: return "";
    case LINK_LOST: return "lost";
    case LINK_QUEUE_FULL: return "queue full";
    case LINK_TOO_BIG: return "too big";
    case LINK_FATES: break;
    }
    return "?";
}

static void on_sent(struct ladder *ladder, const struct world_frame *frame)
{
    struct pending *pending = append(ladder);

    pending->id = frame->id;
    pending->known = frame->at_us == NEVER_US;
    pending->row.arrow = true;
    pending->row.to_left = frame->to == 0;
    print_frame(ladder, frame, &pending->row);
    snprintf(pending->row.note, sizeof pending->row.note, "%s", fate_note(frame->fate));
    if (frame->from < 2)
        show_state(ladder, &pending->row, frame->from);
}

static void on_arrived(struct ladder *ladder, const struct world_frame *frame)
{
    struct pending *pending = NULL;
    const char *damage = frame->marks & LINK_TRUNCATED   ? "cut short"
                         : frame->marks & LINK_CORRUPTED ? "damaged"
                                                         : "";

    for (size_t i = 0; i < ladder->count && !pending; i++)
        if (ladder->rows[i].id == frame->id && !ladder->rows[i].known)
            pending = &ladder->rows[i];
    if (!pending) { /* a second copy: a row of its own, at the time of its arrival */
        pending = append(ladder);
        pending->row.arrow = true;
        pending->row.to_left = frame->to == 0;
        pending->row.injected = frame->from >= WORLD_NODES_MAX;
        print_frame(ladder, frame, &pending->row);
        damage = pending->row.injected ? "" : "again";
    }
    pending->known = pending->row.arrived = true;
    snprintf(pending->row.note, sizeof pending->row.note, "%s%s%s", damage,
             *damage && frame->reason ? ": " : "",
             frame->reason ? hf_stat_name(frame->reason) : "");
    show_state(ladder, &pending->row, frame->to);
}

static void on_frame(void *self, struct world *world, const struct world_frame *frame)
{
    struct ladder *ladder = self;

    (void)world;
    switch (frame->moment) {
    case WORLD_SENT: on_sent(ladder, frame); break;
    case WORLD_ARRIVED:
        if (frame->to < 2)
            on_arrived(ladder, frame);
        break;
    }
}

/* ---- life ---- */

struct ladder *ladder_make(struct world *world, FILE *out, enum ladder_style style)
{
    struct ladder *ladder = calloc(1, sizeof *ladder);

    must(ladder);
    ladder->world = world;
    ladder->out = out;
    ladder->style = style;
    world_hook(world, on_frame, ladder);
    ladder_step(ladder);
    return ladder;
}

void ladder_take(struct ladder *ladder, void (*take)(void *self, const struct ladder_row *row),
                 void *self)
{
    ladder->take = take;
    ladder->take_self = self;
}

void ladder_step(struct ladder *ladder)
{
    struct pending *pending = NULL;
    char now[WORLD_STATE_MAX];

    for (unsigned node = 0; node < 2; node++) {
        if (strcmp(world_state(ladder->world, node, now), ladder->shown[node]) == 0)
            continue;
        pending = pending ? pending : append(ladder);
        show_state(ladder, &pending->row, node);
    }
    flush(ladder, false);
}

void ladder_finish(struct ladder *ladder)
{
    flush(ladder, true);
    if (ladder->out)
        fflush(ladder->out);
}

void ladder_free(struct ladder *ladder)
{
    free(ladder->rows);
    free(ladder->flows);
    free(ladder);
}
