/* What every driver is: four functions. Frames travel in batches, in the driver's own memory. */
#ifndef DRIVER_DRIVER_H
#define DRIVER_DRIVER_H

#include <handfast/handfast.h>

struct driver {
    /* Frames that wait, up to count; valid until the next receive. */
    size_t (*receive)(void *self, struct hf_frame *frames, size_t count);
    /* Empty slots for hf_output, up to count. */
    size_t (*slots)(void *self, struct hf_frame *frames, size_t count);
    /* Sends the first count of the slots given last; what cannot be sent is counted and dropped. */
    void (*transmit)(void *self, const struct hf_frame *frames, size_t count);
    /* What becomes readable when frames wait; -1: there is nothing to sleep on. */
    int (*descriptor)(void *self);
};

extern const struct driver driver_tap;         /* self: struct hf_tap *           */
extern const struct driver driver_memory_link; /* self: struct memory_link_end *  */

#endif
