/* The frames that are under way, soonest first. */
#ifndef SIM_FLIGHT_H
#define SIM_FLIGHT_H

#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

struct flight_frame {
    int64_t sent_us, at_us;
    uint64_t order; /* of those that arrive at the same time */
    uint64_t id;    /* of the frame as it was sent           */
    uint8_t *data;  /* exactly length bytes: a read past them shows in memory checkers */
    uint32_t length;
    uint8_t from, to; /* nodes          */
    uint8_t marks;    /* enum link_mark */
    uint8_t checksum; /* enum hf_checksum */
};

/* A heap. */
struct flight {
    struct flight_frame *frames;
    size_t count, capacity;
    uint64_t orders;
};

void flight_init(struct flight *flight);
void flight_deinit(struct flight *flight);

/* Takes the frame (its data is the flight's from now on). */
void flight_insert(struct flight *flight, const struct flight_frame *frame);

/* The soonest frame's time, NEVER_US if there is none; and the frame, whose data is the caller's to free. */
static inline int64_t flight_next_us(const struct flight *flight)
{
    return flight->count ? flight->frames[0].at_us : NEVER_US;
}

struct flight_frame flight_take(struct flight *flight);

#endif
