/* The scenes: what `handfast sim` can show, each a scenario made from a seed. */
#ifndef SIM_SCENE_H
#define SIM_SCENE_H

#include "sim/scenario.h"

struct scene {
    const char *name;
    const char *help;
    void (*make)(struct scenario *scenario, struct random *random);
};

/* All of them; the last has no name. */
extern const struct scene sim_scenes[];

/* NULL: there is none of this name. */
const struct scene *scene_find(const char *name);

/* The scenario of a scene and a seed: the same for the same two, everywhere. */
void scene_make(const struct scene *scene, uint64_t seed, struct scenario *scenario);

/* Everything at once, drawn from the seed: chaos.c. */
void chaos_make(struct scenario *scenario, struct random *random);

/* ... and nothing is kept of a SYN. */
void chaos_make_cookies(struct scenario *scenario, struct random *random);

/* Either, and both ends sign every segment; half of the time with another key from somewhere in the middle on. */
void chaos_make_signed(struct scenario *scenario, struct random *random);

#endif
