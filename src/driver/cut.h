/* What a device with checksum and segmentation offload puts on the wire for one of our frames. [RFC 9293 3.7.1]
 *
 * A frame with a gso_size is cut into segments of that much text; a partial checksum is completed. Frames that need neither
 * come out as they are, and so do those that cannot be understood.
 */
#ifndef DRIVER_CUT_H
#define DRIVER_CUT_H

#include <stdbool.h>

#include <handfast/handfast.h>

struct cut {
    const struct hf_frame *frame;
    uint32_t ip_at, transport_at,
        text_at;          /* offsets in the frame                                       */
    uint32_t end;         /* of the IP packet; what follows is the link's padding       */
    uint32_t next;        /* the text that was cut so far                               */
    uint32_t part, parts; /* how many came out, of how many                             */
    uint32_t checksum_at; /* 0: complete as it is                                       */
    uint8_t version, protocol;
};

void cut_begin(struct cut *cut, const struct hf_frame *frame);

/* Writes the next wire frame to `to`, which has room for frame->length bytes, and returns its length; 0: there was no more. */
uint32_t cut_next(struct cut *cut, uint8_t *to);

#endif
