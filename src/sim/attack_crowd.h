/* Honest life beside an attack: clients that connect at a rate, ask, read the answer and close; and the service that answers.
 * Both live by readiness alone, check every byte, and note how long everything took. */
#ifndef SIM_ATTACK_CROWD_H
#define SIM_ATTACK_CROWD_H

#include <handfast/socket.h>

#include "sim/attack_field.h"

struct crowd_setup {
    uint32_t clients;           /* connections in all                     */
    uint32_t per_s;             /* opened each second                     */
    uint32_t request, response; /* bytes                        */
    int64_t linger_us;          /* an answered client stays so long before it closes */
};

/* One client, in the order of opening. Instants are 0 until it comes so far. */
struct crowd_client {
    hf_socket socket;
    int64_t opened_us, connected_us, answered_us;
    int64_t leaves_us; /* NEVER_US but while it lingers */
    uint32_t sent, received;
    int error; /* HF_OK, or why its connection ended too soon */
    uint16_t port;
    bool over;
};

/* One connection of the service. */
struct crowd_service {
    hf_socket socket;
    uint32_t received, sent;
    uint16_t port; /* of the client */
    bool used, honest, at_end;
};

struct crowd {
    struct crowd_setup setup;
    struct crowd_client *clients;
    struct crowd_service *services; /* by connection: as many as the server may have */
    uint32_t service_count;
    uint32_t opened, succeeded, failed; /* clients */
    uint32_t accepted, strangers;       /* connections: all, and those of nobody honest */
    uint32_t wrong_bytes;
    uint64_t stranger_bytes; /* received from them */
    int64_t begins_us;
    bool accept_pauses; /* the service takes no new connection: its queue fills up */
};

/* The crowd opens its first connection at the next instant. It stays in the field until crowd_leave. */
void crowd_enter(struct crowd *crowd, struct field *field, const struct crowd_setup *setup);
void crowd_leave(struct crowd *crowd, struct field *field);

/* By the field: what can be done now, and when there will be something to do. */
void crowd_act(struct crowd *crowd, struct field *field);
int64_t crowd_next_us(const struct crowd *crowd);

/* Lets time pass until every client is over, or for so long. */
void crowd_run(struct crowd *crowd, struct field *field, int64_t at_most_us);

/* Time from SYN to HF_CONNECTED below which `per_mille` of those that connected stayed. 0: nobody did. */
int64_t crowd_connect_us(const struct crowd *crowd, unsigned per_mille);
/* The same from SYN to the whole answer. */
int64_t crowd_answer_us(const struct crowd *crowd, unsigned per_mille);

#endif
