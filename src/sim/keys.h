/* Keys of a simulation's two ends: given at the start, followed by new ones under way, and taken away. [RFC 5925 6.1] */
#ifndef SIM_KEYS_H
#define SIM_KEYS_H

#include <handfast/auth.h>

#include "sim/world.h"

/* What is signed with, and when that changes; algorithm HF_KEY_NONE: nothing is. Instants are from the start, 0: never. */
struct keys_plan {
    enum hf_key_algorithm algorithm, next_algorithm;
    bool options_excluded;
    int64_t next_key_us[2]; /* each end gets the second key */
    int64_t drop_key_us;    /* both ends lose the first     */
};

/* Gives both ends what they have at the start. false: the world says why. */
bool keys_begin(struct world *world, const struct keys_plan *plan);

/* What is due since the last step, which was at `before_us`. */
void keys_act(struct world *world, const struct keys_plan *plan, int64_t before_us);

/* The next instant of the plan after now. */
int64_t keys_next_us(const struct world *world, const struct keys_plan *plan);

#endif
