/* A hostile host that speaks TCP by hand. [RFC 9293 3.5, 3.4] */
#include "sim/attack_peer.h"

#include <string.h>

#include "base/must.h"

void attack_peer_init(struct attack_peer *peer, struct field *field, struct hf_address from,
                      uint16_t port, uint16_t server_port)
{
    *peer = (struct attack_peer){
        .flow = {from, field_server(field), port, server_port},
        .iss = seq_of((uint32_t)random_next(&field->random)),
        .window = 65535,
        .mss = 1460,
        .own_scale = 7,
        .timestamps = true,
        .scaling = true,
        .sack = true,
        .ts_value = (uint32_t)random_next(&field->random),
    };
    must(!field->peers[port]);
    field->peers[port] = peer;
}

void attack_peer_forget(struct attack_peer *peer, struct field *field)
{
    field->peers[peer->flow.remote_port] = NULL;
}

static void add_timestamps(const struct attack_peer *peer, struct segment *seg)
{
    if (!peer->timestamps)
        return;
    seg->options.present |= TCP_OPTION_TIMESTAMPS;
    seg->options.ts_value = peer->ts_value;
    seg->options.ts_echo = peer->ts_recent;
}

struct segment attack_peer_segment(const struct attack_peer *peer, uint8_t flags)
{
    struct segment seg = {.seq = peer->snd_nxt, .flags = flags, .window = peer->window};

    if (flags & TCP_ACK)
        seg.ack = peer->rcv_nxt;
    add_timestamps(peer, &seg);
    return seg;
}

enum hf_stat attack_peer_syn(struct attack_peer *peer, struct field *field)
{
    struct segment syn = {.seq = peer->iss, .flags = TCP_SYN, .window = peer->window};

    syn.options.present = TCP_OPTION_MSS;
    syn.options.mss = peer->mss;
    if (peer->scaling)
        syn.options.present |= TCP_OPTION_SCALE;
    syn.options.scale = peer->own_scale;
    if (peer->sack)
        syn.options.present |= TCP_OPTION_SACK_PERMITTED;
    add_timestamps(peer, &syn);
    peer->snd_nxt = seq_add(peer->iss, 1);
    return field_give_segment(field, &peer->flow, &syn);
}

bool attack_peer_open(struct attack_peer *peer, struct field *field)
{
    uint64_t before = peer->syn_acks;

    attack_peer_syn(peer, field);
    if (peer->syn_acks == before)
        return false;
    return attack_peer_say(peer, field, TCP_ACK, NULL, 0) == HF_STAT_none;
}

enum hf_stat attack_peer_say(struct attack_peer *peer, struct field *field, uint8_t flags,
                             const void *text, uint32_t length)
{
    struct segment seg = attack_peer_segment(peer, flags);

    seg.text = text;
    seg.length = length;
    peer->snd_nxt = seq_add(peer->snd_nxt, segment_length(&seg));
    return field_give_segment(field, &peer->flow, &seg);
}

static void note_syn_ack(struct attack_peer *peer, const struct segment *seg)
{
    peer->syn_acks++;
    peer->irs = seg->seq;
    peer->rcv_nxt = peer->rcv_high = seq_add(seg->seq, 1);
    peer->timestamps = peer->timestamps && (seg->options.present & TCP_OPTION_TIMESTAMPS);
    peer->scale = seg->options.present & TCP_OPTION_SCALE ? seg->options.scale : 0;
}

static void keep_ahead(struct attack_peer *peer, seq left, seq right)
{
    unsigned i = 0, joined = 0;

    while (i < peer->ahead_count && seq_lt(peer->ahead[i].right, left))
        i++;
    for (; i + joined < peer->ahead_count && seq_leq(peer->ahead[i + joined].left, right);
         joined++) {
        left = seq_min(left, peer->ahead[i + joined].left);
        right = seq_max(right, peer->ahead[i + joined].right);
    }
    if (joined == 0 && peer->ahead_count == ATTACK_AHEAD_MAX)
        return;
    memmove(&peer->ahead[i + 1], &peer->ahead[i + joined],
            (peer->ahead_count - i - joined) * sizeof peer->ahead[0]);
    peer->ahead_count += 1 - joined;
    peer->ahead[i] = (struct sack_block){left, right};
}

/* As an honest receiver would. */
static void take_text(struct attack_peer *peer, seq from, seq to)
{
    peer->rcv_high = seq_max(peer->rcv_high, to);
    if (seq_gt(from, peer->rcv_nxt)) {
        keep_ahead(peer, from, to);
        return;
    }
    peer->rcv_nxt = seq_max(peer->rcv_nxt, to);
    while (peer->ahead_count > 0 && seq_leq(peer->ahead[0].left, peer->rcv_nxt)) {
        peer->rcv_nxt = seq_max(peer->rcv_nxt, peer->ahead[0].right);
        memmove(peer->ahead, peer->ahead + 1, --peer->ahead_count * sizeof peer->ahead[0]);
    }
}

void attack_peer_see(struct attack_peer *peer, struct field *field, const struct packet *packet)
{
    const struct segment *seg = &packet->segment;

    if (peer->lose_every && seg->length > 0 && ++peer->lost % peer->lose_every == 0)
        return;
    peer->frames++;
    peer->bytes += packet->ip_length;
    peer->text_bytes += seg->length;
    peer->last = *seg;
    peer->last.text = NULL;
    if (seg->flags & TCP_RST) {
        peer->resets++;
    } else if (!peer->ignores) {
        peer->peer_window = seg->window;
        if (seg->options.present & TCP_OPTION_TIMESTAMPS)
            peer->ts_recent = seg->options.ts_value;
        if ((seg->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
            note_syn_ack(peer, seg);
        else if (segment_length(seg) == 0)
            peer->acks++;
        take_text(peer, seg->seq, seq_add(seg->seq, segment_length(seg)));
    }
    if (peer->react)
        peer->react(peer, field, seg);
}
