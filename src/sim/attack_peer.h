/* A hostile host that speaks TCP by hand: it has a connection with the server, knows what a peer knows, and says what no
 * stack would. [RFC 9293 3.5, 3.4]
 *
 * What the server sends to its flow is noted here; what it says is up to who holds it, or to `react`.
 */
#ifndef SIM_ATTACK_PEER_H
#define SIM_ATTACK_PEER_H

#include "sim/attack_field.h"

#define ATTACK_AHEAD_MAX 64

struct attack_peer {
    struct flow flow; /* as the server sees it: remote is this peer */
    seq iss, irs;
    seq snd_nxt;          /* what it says next                                        */
    seq rcv_nxt;          /* in order so far: what an honest receiver would acknowledge */
    seq rcv_high;         /* the highest text end that came                             */
    uint16_t window, mss; /* said in SYN and after: not scaled   */
    uint8_t own_scale;
    bool timestamps, scaling, sack;
    uint8_t scale;        /* of the server */
    uint16_t peer_window; /* as the server said last */
    uint32_t ts_value, ts_recent;
    struct segment last; /* what came last; its text is gone */
    uint64_t frames, bytes, text_bytes, acks, resets, syn_acks;
    bool ignores;        /* notes nothing but counts                            */
    uint32_t lose_every; /* each so many-th segment with text does not come; 0: all do */
    uint64_t lost;
    struct sack_block ahead[ATTACK_AHEAD_MAX]; /* text that came before its turn, in order */
    unsigned ahead_count;
    /* Called for each segment that came, after it was noted. */
    void (*react)(struct attack_peer *peer, struct field *field, const struct segment *seg);
    void *self;
};

/* A peer from this address and port towards a port of the server; all options on. The field knows it by its port: one peer
 * for each. */
void attack_peer_init(struct attack_peer *peer, struct field *field, struct hf_address from,
                      uint16_t port, uint16_t server_port);
void attack_peer_forget(struct attack_peer *peer, struct field *field);

/* SYN and the last ACK of the handshake. false: no SYN-ACK came. */
bool attack_peer_open(struct attack_peer *peer, struct field *field);
enum hf_stat attack_peer_syn(struct attack_peer *peer, struct field *field);

/* A segment of this peer as it would be next: SEG.SEQ = snd_nxt, SEG.ACK = rcv_nxt, its window and timestamps. Text and FIN
 * move snd_nxt on. */
enum hf_stat attack_peer_say(struct attack_peer *peer, struct field *field, uint8_t flags,
                             const void *text, uint32_t length);

/* The same without sending: to be changed, and given by field_give_segment. */
struct segment attack_peer_segment(const struct attack_peer *peer, uint8_t flags);

/* By the field. */
void attack_peer_see(struct attack_peer *peer, struct field *field, const struct packet *packet);

#endif
