/* A field for attacks: one stack under attack, honest clients in another, and attackers whose frames lie before the first.
 *
 * Memory only: frames are bytes handed to hf_input, and what comes out of hf_output is looked at and forgotten. All comes from
 * the seed. Time goes from one instant at which anything happens to the next. Links are raw IP, so that nothing but the
 * stack's own rules stands between a forged source and its answer.
 */
#ifndef SIM_ATTACK_FIELD_H
#define SIM_ATTACK_FIELD_H

#include <handfast/event.h>
#include <handfast/stats.h>

#include "sim/attack_frame.h"
#include "sim/flight.h"
#include "wire/packet.h"

#define FIELD_PORT 80
#define FIELD_CLIENTS 15 /* addresses of honest clients: 192.0.2.16 ... .30, 2001:db8::10 ... */
#define FIELD_ATTACKERS_MAX 8
#define FIELD_BURST_MAX 64 /* frames that an attacker sends at one instant */
#define FIELD_EVENTS 4096

struct field;

/* Whoever puts frames before the server. */
struct attacker {
    /* Writes the next frame (ATTACK_FRAME_MAX bytes of room) and returns its length; 0: none now. */
    uint32_t (*make)(struct attacker *attacker, uint8_t *frame);
    /* Sees what the server says to others than the honest clients: owners of forged addresses, and hosts of their own.
     * NULL: off the path, and blind. */
    void (*see)(struct attacker *attacker, struct field *field, const struct packet *packet);
    int64_t next_at_us;     /* a burst; NEVER_US: over, or for now */
    int64_t every_us;       /* 0: `make` sets next_at_us itself     */
    unsigned burst;         /* frames in it: 1 to FIELD_BURST_MAX */
    uint64_t left;          /* frames until it is over */
    uint64_t frames, bytes; /* sent */
};

struct field_traffic {
    uint64_t frames, bytes;
};

struct field_station {
    struct hf_stack *stack;
    struct hf_config config;
    void *block, *memory; /* memory: aligned, in block */
    size_t memory_bytes;
    struct hf_event_sink sink;
    struct hf_event events[FIELD_EVENTS];
};

/* Honest life beside the attack: attack_crowd.h. */
struct crowd;
struct attack_peer;

struct field {
    struct random random;
    int64_t start_us, now_us;
    bool v6;
    const uint8_t *cookie_key;
    struct field_station server, clients;
    hf_socket listener;
    struct flight flight; /* between clients and server */
    int64_t
        delay_us; /* of the nearest client; each address is a millisecond farther than the one before */
    uint32_t loss; /* of honest frames, in a million */
    struct attacker *attackers[FIELD_ATTACKERS_MAX];
    unsigned attacker_count;
    struct crowd *crowd;
    struct attack_peer **peers; /* by their port */
    /* Looks at each packet that the server sends, whomever to. */
    void (*on_packet)(void *self, struct field *field, const struct packet *packet);
    void *on_packet_self;
    struct field_traffic attack;    /* in, from attackers and peers           */
    struct field_traffic honest;    /* in, from the clients                   */
    struct field_traffic to_others; /* out, to anybody but the clients        */
    struct field_traffic to_clients;
    uint64_t unsound; /* packets of the server that do not parse: none */
    uint32_t steps_at_this_instant;
    uint8_t *batch; /* FIELD_BURST_MAX frames in */
    uint8_t *out;   /* and frames out             */
    bool draining;
};

struct field_setup {
    uint64_t seed;
    bool v6;
    struct hf_config server; /* without addresses */
    struct hf_listen_options listen;
    int64_t delay_us;
    const uint8_t *cookie_key; /* 16 bytes that other machines share; NULL: none do */
};

/* A server as an operator would have it, whose TIME-WAIT is over soon: 1,024 half-opens and connections. */
struct field_setup field_setup_default(uint64_t seed);

/* The server listens at FIELD_PORT. */
void field_open(struct field *field, const struct field_setup *setup);
void field_close(struct field *field);

/* Addresses of the server, of a client (0 to FIELD_CLIENTS - 1), and of the networks' broadcast. */
struct hf_address field_server(const struct field *field);
struct hf_address field_client(const struct field *field, unsigned number);

bool field_is_client(const struct field *field, const struct hf_address *address);

void field_add(struct field *field, struct attacker *attacker);

/* Lets time pass up to an instant, or until nothing waits but a crowd that is done. */
void field_run(struct field *field, int64_t until_us);
void field_pass(struct field *field, int64_t us);

/* A frame before the server, now; what it answers goes its ways. HF_STAT_none: it was used, else why not. */
enum hf_stat field_give(struct field *field, const uint8_t *frame, uint32_t length);
enum hf_stat field_give_segment(struct field *field, const struct flow *flow,
                                const struct segment *seg);

/* Takes what the server has to say. field_run and field_give do it by themselves. */
void field_drain(struct field *field);

static inline const struct hf_stats *field_stats(const struct field *field)
{
    return hf_stats(field->server.stack);
}

/* What a stack holds: equal before and after, if an attack left nothing behind. */
struct field_held {
    uint32_t half_opens, connections, time_waits, neighbors, reassemblies;
    uint64_t pool_bytes, memory_bytes;
};

struct field_held field_held(const struct field *field);

/* The next event of the server of this kind, or false. Others before it are lost. */
bool field_event(struct field *field, enum hf_event_kind kind, struct hf_event *event);

#endif
