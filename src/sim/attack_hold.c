/* Holders. [RFC 6429; RFC 9293 3.8.6.1] */
#include "sim/attack_hold.h"

#include <stdlib.h>

#include "base/must.h"
#include "base/time.h"

#define SLOW_US (5 * US_PER_S)
#define RING 65536u
#define RTT_US (20 * US_PER_MS)

struct hold_say {
    int64_t at_us;
    uint32_t number;
};

struct hold_end {
    struct hf_address address;
    seq snd_nxt, rcv_nxt;
    bool open, over, queued, asks;
};

static uint16_t port_of(uint32_t number)
{
    return (uint16_t)(HOLD_PORT_FIRST + number);
}

static void queue(struct hold *hold, uint32_t number)
{
    if (hold->ends[number].queued)
        return;
    hold->ends[number].queued = true;
    hold->said[hold->said_to++ % RING] = (struct hold_say){hold->field->now_us + RTT_US, number};
    hold->attacker.next_at_us =
        time_min(hold->attacker.next_at_us, hold->said[hold->said_from % RING].at_us);
}

static uint32_t build(const struct hold *hold, uint32_t number, struct segment *seg, uint8_t *frame)
{
    struct flow flow = {hold->ends[number].address, field_server(hold->field), port_of(number),
                        FIELD_PORT};

    seg->window = hold->kind == HOLD_ZERO_WINDOW ? 0 : hold->kind == HOLD_TINY_WINDOW ? 1 : 65535;
    return attack_frame_segment(frame, &flow, seg);
}

static uint32_t open_one(struct hold *hold, uint8_t *frame)
{
    uint32_t number = hold->opened++;
    struct hold_end *end = &hold->ends[number];
    struct segment syn = {.flags = TCP_SYN};

    end->address =
        hold->from == HOLD_FROM_ONE ? hold->base : attack_address(&hold->random, hold->field->v6);
    syn.seq = seq_of((uint32_t)random_next(&hold->random));
    syn.options.present = TCP_OPTION_MSS;
    syn.options.mss = 1460;
    end->snd_nxt = seq_add(syn.seq, 1);
    return build(hold, number, &syn, frame);
}

static const uint8_t *question(void)
{
    static const uint8_t bytes[1024];

    return bytes;
}

/* What an end has to say: its last ACK with the question, or an ACK of what it takes. */
static uint32_t say(struct hold *hold, uint32_t number, uint8_t *frame)
{
    struct hold_end *end = &hold->ends[number];
    struct segment seg = {.seq = end->snd_nxt, .ack = end->rcv_nxt, .flags = TCP_ACK};

    end->queued = false;
    if (end->asks) {
        seg.text = question();
        seg.length = hold->kind == HOLD_SLOW_SENDER ? 1 : hold->request;
        seg.flags |= TCP_PSH;
        end->snd_nxt = seq_add(end->snd_nxt, seg.length);
        end->asks = false;
    }
    return build(hold, number, &seg, frame);
}

static void be_slow(struct hold *hold)
{
    uint32_t open = hold->opened;

    while (open > 0 && hold->next_slow_us <= hold->field->now_us) {
        struct hold_end *end = &hold->ends[hold->next_slow];

        if (end->open && !end->over) {
            end->asks = true;
            queue(hold, hold->next_slow);
        }
        hold->next_slow = (hold->next_slow + 1) % open;
        hold->next_slow_us += SLOW_US / open;
    }
}

static uint32_t make(struct attacker *attacker, uint8_t *frame)
{
    struct hold *hold = (struct hold *)attacker;
    int64_t now_us = hold->field->now_us;

    if (hold->kind == HOLD_SLOW_SENDER)
        be_slow(hold);
    if (hold->said_from != hold->said_to && hold->said[hold->said_from % RING].at_us <= now_us)
        return say(hold, hold->said[hold->said_from++ % RING].number, frame);
    if (hold->opened < hold->wanted && hold->next_open_us <= now_us) {
        hold->next_open_us += hold->opens_every_us;
        return open_one(hold, frame);
    }
    attacker->next_at_us = hold->opened < hold->wanted ? hold->next_open_us : NEVER_US;
    if (hold->said_from != hold->said_to)
        attacker->next_at_us =
            time_min(attacker->next_at_us, hold->said[hold->said_from % RING].at_us);
    if (hold->kind == HOLD_SLOW_SENDER)
        attacker->next_at_us = time_min(attacker->next_at_us, hold->next_slow_us);
    return 0;
}

/* Text, or a FIN, came. */
static void on_text(struct hold *hold, uint32_t number, const struct segment *seg)
{
    struct hold_end *end = &hold->ends[number];
    uint32_t length = segment_length(seg);

    if (hold->kind == HOLD_NEVER_ACKS)
        return;
    if (hold->kind != HOLD_ZERO_WINDOW && seq_eq(seg->seq, end->rcv_nxt))
        end->rcv_nxt = seq_add(end->rcv_nxt, length);
    queue(hold, number);
}

static void see(struct attacker *attacker, struct field *field, const struct packet *packet)
{
    struct hold *hold = (struct hold *)attacker;
    const struct segment *seg = &packet->segment;
    uint32_t number = (uint32_t)seg->destination_port - HOLD_PORT_FIRST;
    struct hold_end *end;

    (void)field;
    if (packet->kind != PACKET_TCP || number >= hold->opened)
        return;
    end = &hold->ends[number];
    if (!address_equal(&end->address, &packet->destination) || end->over)
        return;
    if (seg->flags & TCP_RST) {
        end->over = true;
        hold->resets++;
    } else if (seg->flags & TCP_SYN) {
        hold->established += !end->open;
        end->open = true;
        end->rcv_nxt = seq_add(seg->seq, 1);
        end->asks = hold->kind != HOLD_SILENT;
        queue(hold, number);
    } else if (segment_length(seg) > 0) {
        on_text(hold, number, seg);
    }
}

void hold_enter(struct hold *hold, struct field *field, const struct hold_setup *setup)
{
    must(setup->connections <= HOLD_MOST && setup->request <= 1024);
    *hold = (struct hold){
        .attacker = {.make = make,
                     .see = see,
                     .next_at_us = field->now_us,
                     .burst = FIELD_BURST_MAX,
                     .left = UINT64_MAX},
        .field = field,
        .kind = setup->kind,
        .from = setup->from,
        .random = random_split(&field->random),
        .wanted = setup->connections,
        .request = setup->request,
        .opens_every_us = US_PER_S / setup->per_s,
        .next_open_us = field->now_us,
        .next_slow_us = field->now_us + SLOW_US,
    };
    hold->base = attack_address(&hold->random, field->v6);
    hold->ends = calloc(setup->connections, sizeof *hold->ends);
    hold->said = calloc(RING, sizeof *hold->said);
    must(hold->ends && hold->said);
    field_add(field, &hold->attacker);
}

void hold_leave(struct hold *hold)
{
    free(hold->ends);
    free(hold->said);
}
