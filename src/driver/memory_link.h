/* A link between two stacks in one process: two rings of frames in memory of the caller's. No allocation, no copy: what one
 * side writes into its slot, the other reads there. */
#ifndef DRIVER_MEMORY_LINK_H
#define DRIVER_MEMORY_LINK_H

#include <stdbool.h>

#include <handfast/handfast.h>

struct memory_ring {
    uint8_t *bytes;
    struct hf_frame *frames;
    uint32_t mask;                     /* slots, less one                                        */
    uint32_t written, taken, released; /* run on and wrap: released <= taken <= written          */
};

struct memory_link {
    struct memory_ring ring[2]; /* ring[i]: from side i */
    uint32_t slot_bytes;
    bool offload;
    uint64_t dropped; /* frames that needed an offload which the link does not give */
};

/* One end, as a driver's self. */
struct memory_link_end {
    struct memory_link *link;
    unsigned side; /* 0 or 1 */
};

/* Bytes of memory, aligned to 64, for rings of `slots` (a power of two) frames of slot_bytes each. */
size_t memory_link_needed(uint32_t slots, uint32_t slot_bytes);

/* offload: partial checksums and large segments pass as they are, as if a device had verified them. Otherwise such frames
 * are dropped and counted, as a wire could not carry them. */
void memory_link_init(struct memory_link *link, void *memory, uint32_t slots, uint32_t slot_bytes,
                      bool offload);

/* As driver.h has them; slots that were not transmitted may be asked for again. */
size_t memory_link_receive(struct memory_link *link, unsigned side, struct hf_frame *frames,
                           size_t count);
size_t memory_link_slots(struct memory_link *link, unsigned side, struct hf_frame *frames,
                         size_t count);
void memory_link_transmit(struct memory_link *link, unsigned side, const struct hf_frame *frames,
                          size_t count);

#endif
