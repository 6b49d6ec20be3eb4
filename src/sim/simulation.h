/* One run: a scenario in a world, from the first SYN until nothing is held any more. */
#ifndef SIM_SIMULATION_H
#define SIM_SIMULATION_H

#include "sim/scenario.h"
#include "sim/world.h"

struct simulation {
    struct world world;
    const struct scenario *scenario;
    struct peer_app (*apps)[2]; /* by conversation */
    unsigned unopened;          /* conversations that wait for their time begin here */
    hf_socket listener;
    bool accept_waits;
    int64_t next_accept_us;
    uint64_t accepted;
    int64_t keys_us; /* the last step that looked at the plan of keys */
    bool closing;    /* every conversation is over */
};

struct sim_result {
    bool ok;
    char message[WORLD_MESSAGE_MAX]; /* empty if ok */
    uint64_t steps;
    int64_t virtual_us;
    uint64_t frames, trace_hash;
    uint64_t bytes; /* of text, delivered to applications */
    unsigned urgent_seen;
    unsigned unborn; /* conversations whose client was reset before the server knew of them */
    struct hf_stats stats[2];
    struct link_count faults[2];
    uint16_t transitions[HF_STATES]; /* of both stacks together */
};

/* Makes the world: stacks and listener are there, nothing has been sent. Hooks may now be added to simulation->world.
 * false: simulation->world.message says why. simulation_close must follow either way. The scenario must stay. */
bool simulation_open(struct simulation *simulation, const struct scenario *scenario);

/* One step; false: it is over, well or badly. */
bool simulation_step(struct simulation *simulation);

/* What came of it; judges the conversations. */
void simulation_judge(struct simulation *simulation, struct sim_result *result);

void simulation_close(struct simulation *simulation);

/* All of the above. */
bool simulation_run(const struct scenario *scenario, struct sim_result *result);

#endif
