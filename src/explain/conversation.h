/* One TCP conversation as an onlooker sees it: the states that both ends must be in, and what is odd. [RFC 9293 3.3.2, 3.10.7]
 *
 * Who looks on sees packets, not what became of them. So each packet is taken to have arrived, and both ends to do with
 * it what RFC 9293 says; where later packets prove that wrong, that is said then.
 */
#ifndef EXPLAIN_CONVERSATION_H
#define EXPLAIN_CONVERSATION_H

#include <handfast/socket.h>

#include "wire/flow.h"
#include "wire/segment.h"

/* What may be odd about a packet; several at once. */
enum anomaly {
    ANOMALY_RETRANSMISSION = 0x001, /* all of it was said before                               */
    ANOMALY_OLD_DUPLICATE = 0x002,  /* of another time: an old SYN, or text long acknowledged  */
    ANOMALY_FORGED_RST = 0x004,     /* a RST that its supposed sender cannot have meant        */
    ANOMALY_CHALLENGED_RST = 0x008, /* inside the window, not at its edge [RFC 5961 3.2]       */
    ANOMALY_SYN_FLOOD = 0x010,      /* begins here                                             */
    ANOMALY_HALF_OPEN = 0x020,      /* left behind without an end                              */
    ANOMALY_ZERO_WINDOW = 0x040,    /* its sender takes no more                                */
    ANOMALY_WINDOW_OPENS = 0x080,   /* and now does again                                      */
    ANOMALY_PROBE = 0x100,          /* a keepalive, or a look at a closed window               */
    ANOMALY_GAP = 0x200,            /* what comes before it was not seen                       */
    ANOMALY_OUTSIDE = 0x400,        /* outside of the receiver's window                        */
    ANOMALY_ACK_OF_UNSEEN =
        0x800, /* acknowledges what was not seen: lost to the capture, or never sent */
    ANOMALY_REFUSED = 0x1000,    /* a RST answers a SYN                                     */
    ANOMALY_WENT_ON = 0x2000,    /* its sender lives on after a RST in his name: that was forged */
    ANOMALY_CUT_SHORT = 0x4000,  /* the capture has only the first of its bytes             */
    ANOMALY_ODD_FLAGS = 0x8000,  /* a set that no honest sender has: SYN+FIN, none, Xmas    */
    ANOMALY_LATE = 0x10000,      /* fills a gap: out of order, or sent again                */
    ANOMALY_OTHER_TTL = 0x20000, /* a RST that fits, but came another way than the rest     */
    ANOMALY_CHALLENGED_SYN = 0x40000, /* new, for a connection that is there [RFC 5961 4]   */
    ANOMALY_OTHER_SYN = 0x80000,      /* before the first is through                        */
    ANOMALY_OTHER_ANSWER = 0x100000,  /* a SYN+ACK to another SYN, or of another number     */
    ANOMALY_SEEN_TWICE = 0x200000,    /* the very packet: captured at two places, or doubled */
};

#define ANOMALIES 22
#define CONVERSATION_GAPS 4

/* "retransmission"; for one bit. */
const char *anomaly_text(unsigned bit);

/* What was not seen of a sender's. */
struct gap {
    seq from, to;
};

struct observed_end {
    seq iss;       /* of its SYN, or the first number seen         */
    seq other_iss; /* of another SYN of its, before it was known which one counts */
    seq next;      /* behind all that it sent                      */
    seq acked;     /* what it has acknowledged of the other's      */
    seq fin;       /* behind its FIN                               */
    seq right;     /* behind the furthest that it ever took        */
    struct gap gaps[CONVERSATION_GAPS];
    uint32_t print;     /* of its last packet, and */
    int64_t print_us;   /* when that was seen: see observer.c */
    uint32_t window;    /* as last announced, scaled                    */
    uint32_t ts_value;  /* the newest                                   */
    uint8_t state;      /* enum hf_state                                */
    uint8_t before_rst; /* ... as it was                                */
    uint8_t scale, ttl;
    int64_t gap_us;                    /* when the last gap came */
    uint8_t gap_count, duplicate_acks; /* ... and ACKs since then that said nothing new */
    bool syn, scaled, ts, spoke, has_acked, has_fin, closed_window, has_right, has_other;
    bool open_end; /* what lies behind `next` came in fragments, nobody knows how much */
    bool vague;    /* how its windows are scaled is not known */
};

struct conversation {
    struct flow flow;      /* remote: end 0, who opened or was seen first; local: end 1 */
    uint64_t hash, number; /* from 1 */
    struct observed_end end[2];
    uint64_t packets, bytes[2];
    int64_t first_us, last_us;
    bool half_open; /* a SYN came and nothing completed it */
    bool completed; /* a handshake was seen to its end     */
    bool joined;    /* the capture began in the middle     */
    bool reset, shown;
    uint8_t reset_by;
};

/* A conversation begins with this packet of its end 0. */
void conversation_begin(struct conversation *conversation, const struct segment *seg,
                        int64_t at_us);

/* True if this SYN begins another conversation between the same two. */
bool conversation_is_over_for(const struct conversation *conversation, const struct segment *seg,
                              unsigned from);

/* A packet of end `from`. Returns what is odd: enum anomaly. */
unsigned conversation_see(struct conversation *conversation, unsigned from,
                          const struct segment *seg, uint8_t ttl, int64_t at_us);

#endif
