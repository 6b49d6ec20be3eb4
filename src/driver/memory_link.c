/* A link between two stacks in one process. */
#include "driver/memory_link.h"

#include "base/must.h"
#include "driver/driver.h"

static uint32_t aligned(uint32_t bytes)
{
    return (bytes + 63) & ~63u;
}

size_t memory_link_needed(uint32_t slots, uint32_t slot_bytes)
{
    return 2 * (size_t)slots * (aligned(slot_bytes) + sizeof(struct hf_frame));
}

void memory_link_init(struct memory_link *link, void *memory, uint32_t slots, uint32_t slot_bytes,
                      bool offload)
{
    uint8_t *at = memory;

    must(slots && (slots & (slots - 1)) == 0);
    *link = (struct memory_link){.slot_bytes = aligned(slot_bytes), .offload = offload};
    for (int side = 0; side < 2; side++) {
        link->ring[side] = (struct memory_ring){.bytes = at, .mask = slots - 1};
        at += (size_t)slots * link->slot_bytes;
    }
    for (int side = 0; side < 2; side++) {
        link->ring[side].frames = (struct hf_frame *)(void *)at;
        at += (size_t)slots * sizeof(struct hf_frame);
    }
}

size_t memory_link_receive(struct memory_link *link, unsigned side, struct hf_frame *frames,
                           size_t count)
{
    struct memory_ring *ring = &link->ring[!side];
    size_t filled = 0;

    ring->released = ring->taken;
    while (filled < count && ring->taken != ring->written) {
        frames[filled] = ring->frames[ring->taken++ & ring->mask];
        filled += frames[filled].length > 0;
    }
    return filled;
}

size_t memory_link_slots(struct memory_link *link, unsigned side, struct hf_frame *frames,
                         size_t count)
{
    struct memory_ring *ring = &link->ring[side];
    uint32_t room = ring->mask + 1 - (ring->written - ring->released);

    if (count > room)
        count = room;
    for (uint32_t i = 0; i < count; i++)
        frames[i] = (struct hf_frame){
            .data = ring->bytes + (size_t)((ring->written + i) & ring->mask) * link->slot_bytes,
            .capacity = link->slot_bytes,
        };
    return count;
}

void memory_link_transmit(struct memory_link *link, unsigned side, const struct hf_frame *frames,
                          size_t count)
{
    struct memory_ring *ring = &link->ring[side];

    for (size_t i = 0; i < count; i++) {
        struct hf_frame *frame = &ring->frames[ring->written & ring->mask];

        *frame = frames[i];
        if (frame->checksum == HF_CHECKSUM_PARTIAL || frame->gso_size) {
            if (link->offload)
                frame->checksum = HF_CHECKSUM_VERIFIED;
            else
                frame->length = 0,
                link->dropped++; /* its slot goes round empty: slots stay in order */
        }
        ring->written++;
    }
}

/* ---- as every driver ---- */

static size_t receive(void *self, struct hf_frame *frames, size_t count)
{
    const struct memory_link_end *end = self;

    return memory_link_receive(end->link, end->side, frames, count);
}

static size_t slots(void *self, struct hf_frame *frames, size_t count)
{
    const struct memory_link_end *end = self;

    return memory_link_slots(end->link, end->side, frames, count);
}

static void transmit(void *self, const struct hf_frame *frames, size_t count)
{
    const struct memory_link_end *end = self;

    memory_link_transmit(end->link, end->side, frames, count);
}

static int descriptor(void *self)
{
    (void)self;
    return -1;
}

const struct driver driver_memory_link = {receive, slots, transmit, descriptor};
