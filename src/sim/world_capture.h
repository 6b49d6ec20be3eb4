/* A capture of a world as one of its nodes sees it. */
#ifndef SIM_WORLD_CAPTURE_H
#define SIM_WORLD_CAPTURE_H

#include "sim/world.h"

struct world_capture;

/* Hooks itself into the world. HF_OK, or what pcapng_open says. */
int world_capture_open(struct world_capture **capture, struct world *world, unsigned node,
                       const char *path);

/* Returns how many packets could not be written. */
uint64_t world_capture_close(struct world_capture *capture);

#endif
