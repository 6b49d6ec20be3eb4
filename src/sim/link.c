/* One direction of a bad link. */
#include "sim/link.h"

#include "base/bytes.h"
#include "base/time.h"

void link_init(struct link *link, const struct link_setup *setup, struct random random)
{
    *link = (struct link){.setup = *setup, .random = random};
}

/* How long the bits of a frame take. */
static int64_t transmission_us(const struct link *link, uint32_t length)
{
    uint64_t rate = link->setup.bits_per_s;

    return rate ? (int64_t)(((uint64_t)length * 8 * US_PER_S + rate - 1) / rate) : 0;
}

static bool queue_has_room(const struct link *link, uint32_t length, int64_t now_us)
{
    if (!link->setup.queue_bytes || !link->setup.bits_per_s || link->busy_until_us <= now_us)
        return true;
    uint64_t waiting_us = (uint64_t)(link->busy_until_us - now_us);
    uint64_t waiting_bytes = waiting_us * link->setup.bits_per_s / 8 / US_PER_S;

    return waiting_bytes + length <= link->setup.queue_bytes;
}

/* When a copy arrives, and what befalls it on the way. */
static struct link_delivery draw_delivery(struct link *link)
{
    const struct link_setup *setup = &link->setup;
    struct link_delivery delivery = {.at_us = link->busy_until_us + setup->delay_us};

    if (setup->jitter_us)
        delivery.at_us += (int64_t)random_below(&link->random, (uint64_t)setup->jitter_us + 1);
    if (random_chance(&link->random, setup->reorder)) {
        delivery.at_us += 1 + (int64_t)random_below(&link->random, (uint64_t)setup->reorder_us + 1);
        delivery.marks |= LINK_REORDERED;
        link->count.reordered++;
    } else {
        delivery.at_us = link->last_arrival_us = time_max(delivery.at_us, link->last_arrival_us);
    }
    if (random_chance(&link->random, setup->corrupt)) {
        delivery.marks |= LINK_CORRUPTED;
        link->count.corrupted++;
    }
    if (random_chance(&link->random, setup->truncate)) {
        delivery.marks |= LINK_TRUNCATED;
        link->count.truncated++;
    }
    return delivery;
}

enum link_fate link_send(struct link *link, uint32_t length, int64_t now_us,
                         struct link_delivery deliveries[LINK_COPIES_MAX], unsigned *count)
{
    *count = 0;
    if (!queue_has_room(link, length, now_us)) {
        link->count.queue_full++;
        return LINK_QUEUE_FULL;
    }
    link->busy_until_us = time_max(link->busy_until_us, now_us) + transmission_us(link, length);
    if (random_chance(&link->random, link->setup.loss)) {
        link->count.lost++;
        return LINK_LOST;
    }
    link->count.frames++;
    link->count.bytes += length;
    deliveries[(*count)++] = draw_delivery(link);
    if (random_chance(&link->random, link->setup.duplicate)) {
        deliveries[*count] = draw_delivery(link);
        deliveries[(*count)++].marks |= LINK_DUPLICATE;
        link->count.duplicated++;
    }
    return LINK_CARRIED;
}

static void flip_bits(struct link *link, uint8_t *word)
{
    uint16_t was = get_be16(word), is;

    do {
        uint64_t draw = random_next(&link->random);
        is = was ^ (uint16_t)(1u << (draw & 15));
        if (draw & 0x30) /* a burst of neighbours */
            is ^= (uint16_t)(draw >> 16);
    } while (is == was || (uint16_t)(is ^ was) == 0xffff);
    put_be16(word, is);
}

void link_damage(struct link *link, unsigned marks, uint32_t sound, uint8_t *data, uint32_t *length)
{
    if ((marks & LINK_CORRUPTED) && *length >= sound + 2) {
        uint32_t words = (*length - sound) / 2;

        flip_bits(link, data + sound + 2 * random_below(&link->random, words));
    }
    if ((marks & LINK_TRUNCATED) && *length > 0)
        *length = (uint32_t)random_below(&link->random, *length);
}
