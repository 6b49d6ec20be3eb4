/* Two stacks that sign, joined in memory, and an attacker who sees, keeps and changes frames between them. */
#ifndef TESTS_SIM_SIGNED_PAIR_H
#define TESTS_SIM_SIGNED_PAIR_H

#include <handfast/auth.h>
#include <handfast/event.h>
#include <handfast/stats.h>

#include "wire/packet.h"

#define PAIR_FRAME_MAX 2048
#define PAIR_KEPT_MAX 4096
#define PAIR_PORT 80

enum { CLIENT, SERVER };

struct pair_frame {
    uint8_t data[PAIR_FRAME_MAX];
    uint32_t length;
    uint8_t to;
};

struct pair_end {
    struct hf_stack *stack;
    void *memory;
    size_t memory_bytes;
    hf_socket listener, socket;
    struct hf_event_sink events;
    struct hf_event ring[64];
    enum hf_stat last_reason; /* of the last frame that was given to it */
};

struct pair {
    struct pair_end end[2];
    int64_t now_us;
    struct pair_frame *kept; /* all that was sent, oldest first */
    uint32_t kept_count;
};

/* Changes a configuration; NULL: as it is. */
typedef void pair_change(struct hf_config *config);

void pair_open(struct pair *pair, pair_change *change);
void pair_close(struct pair *pair);

/* The same key at both ends: id for both directions. */
struct hf_key pair_key(enum hf_key_algorithm algorithm, uint8_t id);
void pair_add_key(struct pair *pair, int end, const struct hf_key *key);
void pair_add_keys(struct pair *pair, enum hf_key_algorithm algorithm, uint8_t id);

/* Carries frames to and fro, and lets time pass when nothing moves, until both are silent. */
void pair_settle(struct pair *pair);
void pair_wait(struct pair *pair, int64_t us);

/* One frame to an end; true: it was used. What it answers stays in the stack. */
bool pair_give(struct pair *pair, int to, const uint8_t *data, uint32_t length);

/* What an end has to say now, parsed; false: nothing. The frame lies in *frame. */
bool pair_take(struct pair *pair, int from, struct pair_frame *frame, struct packet *packet);

/* A connection from this port, established; false: it did not come to be. */
bool pair_connect(struct pair *pair, uint16_t client_port);

/* Text from one end to the other, compared. */
void pair_send(struct pair *pair, int from, uint32_t bytes);

const struct hf_stats *pair_stats(const struct pair *pair, int end);
enum hf_state pair_state(const struct pair *pair, int end);

/* A segment as an end of the connection would send it, signed with its keys (by its own session). */
void pair_forge(struct pair *pair, int from, struct segment *seg, struct pair_frame *frame);

/* The same without a signature, or with a wrong one. */
void pair_forge_unsigned(struct pair *pair, int from, struct segment *seg,
                         struct pair_frame *frame);

/* The checksum of a frame that was changed. */
void pair_mend(struct pair_frame *frame);

/* Where the signature's MAC begins in a frame; 0: it has none. */
uint32_t pair_mac_at(const struct pair_frame *frame);

#endif
