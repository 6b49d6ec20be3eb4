/* A storm of fragments. [RFC 791 3.2; RFC 1858; RFC 5722; RFC 8200 4.5] */
#include "sim/attack_fragments.h"

#include "base/bytes.h"
#include "base/time.h"
#include "wire/ip_protocol.h"

static void next_datagram(struct fragments *fragments)
{
    fragments->id++;
    fragments->piece = 0;
    fragments->flow.remote = attack_address(&fragments->random, fragments->field->v6);
}

/* Which piece of which length, and whether more is said to follow. */
static uint32_t describe(struct fragments *fragments, struct attack_fragment *fragment)
{
    uint32_t piece = fragments->piece++;

    switch (fragments->kind) {
    case FRAGMENTS_FIRST_ONLY:
        next_datagram(fragments);
        fragment->more = true;
        return 1400;
    case FRAGMENTS_LAST_ONLY:
        next_datagram(fragments);
        fragment->offset = 1400;
        return 200;
    case FRAGMENTS_TINY:
        if (piece >= 2)
            next_datagram(fragments);
        fragment->offset = piece % 3 * 8;
        fragment->more = piece % 3 < 2;
        return 8;
    case FRAGMENTS_OVERLAPPING:
        if (piece == 1)
            next_datagram(fragments);
        fragment->offset = piece == 1 ? 800 : 0;
        fragment->more = piece == 0;
        return 1000;
    case FRAGMENTS_HUGE:
        next_datagram(fragments);
        fragment->offset = 65528;
        return 1000;
    case FRAGMENTS_SCATTERED:
        if (piece == 80)
            next_datagram(fragments);
        fragment->offset = piece % 81 * 16;
        fragment->more = true;
        return 8;
    case FRAGMENTS_RANDOM:
    case FRAGMENTS_KINDS: break;
    }
    if (random_chance(&fragments->random, 300000))
        next_datagram(fragments);
    fragment->offset = (uint32_t)random_below(&fragments->random, 8192) * 8;
    fragment->more = random_chance(&fragments->random, 700000);
    return (uint32_t)random_between(&fragments->random, 0, 1480);
}

static uint32_t make(struct attacker *attacker, uint8_t *frame)
{
    struct fragments *fragments = (struct fragments *)attacker;
    struct attack_fragment fragment = {.protocol = IP_TCP};
    uint8_t data[1480];
    uint32_t length = describe(fragments, &fragment);

    fragment.id = fragments->id;
    random_fill(&fragments->random, data, length);
    if (fragment.more)
        length &= ~7u;
    return attack_frame_fragment(frame, &fragments->flow, &fragment, data, length);
}

void fragments_enter(struct fragments *fragments, struct field *field, enum fragments_kind kind,
                     uint64_t frames, uint32_t per_s)
{
    uint32_t burst = max_u32(per_s / 10000, 1);

    *fragments = (struct fragments){
        .attacker = {.make = make,
                     .next_at_us = field->now_us,
                     .every_us = (int64_t)burst * US_PER_S / per_s,
                     .burst = burst,
                     .left = frames},
        .kind = kind,
        .random = random_split(&field->random),
        .field = field,
        .flow = {.local = field_server(field)},
    };
    next_datagram(fragments);
    field_add(field, &fragments->attacker);
}
