/* A small stack under a fuzzer: frames in, frames out, and what must be true of it after every step. */
#ifndef TESTS_FUZZ_STAND_H
#define TESTS_FUZZ_STAND_H

#include <handfast/event.h>
#include <handfast/handfast.h>
#include <handfast/socket.h>
#include <handfast/stats.h>

#include "wire/packet.h"

#define STAND_SEEN 8u /* connections; more than max_connections here */

/* A connection as it was after the step before. */
struct stand_seen {
    uint32_t generation;
    seq iss, irs, snd_una, snd_nxt, rcv_nxt, rcv_edge;
    seq snd_edge; /* the furthest that the peer ever offered */
};

struct stand {
    struct hf_config config;
    struct hf_stack *stack;
    void *memory;
    int64_t now_us;
    struct hf_event_sink sink;
    struct hf_event events[16];
    uint64_t stats[HF_STAT_COUNT]; /* as they were: counters only grow */
    uint64_t frames;               /* that came out                    */
    struct stand_seen seen[STAND_SEEN];
    unsigned frames_a_step; /* so many are taken after each step; 0: all */
    bool holds_back;        /* ... and there may be more                 */
    /* Called with each frame that comes out, read as a peer would. */
    void (*on_packet)(void *self, const struct packet *packet);
    void *self;
};

/* Handfast's addresses are 192.0.2.1/24 and 2001:db8::1/64; few of everything, so that every limit is met. The caller may change
 * the configuration before stand_open. */
void stand_init(struct stand *stand);
void stand_open(struct stand *stand);

/* From now on segments of 2001:db8::9 must be signed: by MD5 (old) or TCP-AO. Nothing without config.max_keys. */
void stand_add_key(struct stand *stand, bool old);

/* Ends what is open, lets all time pass that anything waits for, and wants to find nothing left. */
void stand_close(struct stand *stand);

/* Frames in, in memory of just their length. What comes out is taken at once, and everything is checked. */
void stand_input(struct stand *stand, const uint8_t *bytes, uint32_t length,
                 enum hf_checksum checksum);

/* Time passes. */
void stand_wait(struct stand *stand, int64_t us);
/* Until the next deadline, but not further than an hour. */
void stand_wait_deadline(struct stand *stand);

/* After a call on a socket: takes what comes out, and checks. */
void stand_after(struct stand *stand);

/* An address from text that is right. */
struct hf_address stand_address(const char *text);

/* What the byte at a sequence number is: whoever sends text sends these, so that whoever reads it knows what it must be. */
static inline uint8_t stand_text(uint32_t number)
{
    return (uint8_t)(number * UINT32_C(0x9e3779b1) >> 24);
}

#endif
