/* The frames that are under way: a binary heap by time and order. */
#include "sim/flight.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/must.h"

void flight_init(struct flight *flight)
{
    *flight = (struct flight){0};
}

void flight_deinit(struct flight *flight)
{
    for (size_t i = 0; i < flight->count; i++)
        free(flight->frames[i].data);
    free(flight->frames);
    flight_init(flight);
}

static bool is_sooner(const struct flight_frame *a, const struct flight_frame *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void swap(struct flight *flight, size_t a, size_t b)
{
    struct flight_frame frame = flight->frames[a];

    flight->frames[a] = flight->frames[b];
    flight->frames[b] = frame;
}

void flight_insert(struct flight *flight, const struct flight_frame *frame)
{
    size_t at = flight->count++;

    if (flight->count > flight->capacity) {
        flight->capacity = flight->capacity ? 2 * flight->capacity : 64;
        flight->frames = realloc(flight->frames, flight->capacity * sizeof *flight->frames);
        must(flight->frames);
    }
    flight->frames[at] = *frame;
    flight->frames[at].order = flight->orders++;
    for (size_t up; at > 0; at = up) {
        up = (at - 1) / 2;
        if (!is_sooner(&flight->frames[at], &flight->frames[up]))
            return;
        swap(flight, at, up);
    }
}

struct flight_frame flight_take(struct flight *flight)
{
    must(flight->count > 0);
    struct flight_frame first = flight->frames[0];

    flight->frames[0] = flight->frames[--flight->count];
    for (size_t at = 0, down; (down = 2 * at + 1) < flight->count; at = down) {
        if (down + 1 < flight->count && is_sooner(&flight->frames[down + 1], &flight->frames[down]))
            down++;
        if (!is_sooner(&flight->frames[down], &flight->frames[at]))
            break;
        swap(flight, at, down);
    }
    return first;
}
