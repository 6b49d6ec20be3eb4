/* Text in the worst order. [RFC 9293 3.10.7.4 seventh] */
#include "sim/attack_disorder.h"

#include "sim/peer_app.h"

uint32_t disorder_distance(enum disorder order, uint64_t count, uint32_t window,
                           struct random *random)
{
    uint32_t places = (window - 1) / 2, place = (uint32_t)(count % places);

    switch (order) {
    case DISORDER_DESCENDING: return 2 * (places - place) - 1;
    case DISORDER_SCATTERED: {
        uint32_t chunks = window / 2048 + 1, chunk = (uint32_t)(count % chunks);
        uint32_t distance = chunk * 2048 + 1 + 2 * (uint32_t)(count / chunks % 1000);

        return distance < window ? distance : 1;
    }
    case DISORDER_INWARD: return place % 2 ? place : 2 * places - place - 1;
    case DISORDER_RANDOM:
    case DISORDERS: break;
    }
    return 1 + (uint32_t)random_below(random, window - 1);
}

void disorder_storm(struct attack_peer *peer, struct field *field, enum disorder order,
                    uint64_t count, uint32_t key)
{
    uint32_t window = (uint32_t)peer->peer_window << peer->scale;
    uint32_t position = seq_distance(peer->iss, peer->snd_nxt) - 1;
    struct segment seg = attack_peer_segment(peer, TCP_ACK);

    for (uint64_t i = 0; i < count; i++) {
        uint32_t distance = disorder_distance(order, i, window, &field->random);
        uint8_t byte = app_pattern(key, position + distance);

        seg.seq = seq_add(peer->snd_nxt, distance);
        seg.text = &byte;
        seg.length = 1;
        field_give_segment(field, &peer->flow, &seg);
    }
}
