/* What RFC 9293 and RFC 5961 ask for when a segment arrives, as rules over their own variables: SND.UNA, SND.NXT, RCV.NXT,
 * RCV.WND. It knows nothing of the code that it judges; where we knowingly differ it names the section of
 * docs/decisions/deviations.md. All numbers are relative, as in notation.h. */
#ifndef TESTS_CONFORMANCE_ORACLE_H
#define TESTS_CONFORMANCE_ORACLE_H

#include "script.h"
#include "wire/segment.h"

/* One connection as its peer knows it. */
struct situation {
    enum reached at;
    uint32_t una, nxt;  /* ours                                                     */
    uint32_t rcv, edge; /* the peer's next number, and the first beyond our window  */
    uint32_t max_wnd;   /* the largest window that the peer offered: MAX.SND.WND    */
    bool fin_sent;      /* then nxt - 1 is its number                               */
    bool stamped;       /* timestamps are agreed                                    */
    bool abandoned;     /* the user called CLOSE: nobody will read                  */
};

/* SEG.TSval against TS.Recent. */
enum stamp {
    STAMP_NONE,
    STAMP_OLD,
    STAMP_NEW,
};

/* What arrives. */
struct arrival {
    uint8_t flags;
    uint32_t seq, ack, length; /* length: of the text */
    enum stamp stamp;
};

enum reply_kind {
    REPLY_NONE,
    REPLY_ACK,      /* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, at once            */
    REPLY_ACK_SOON, /* the same within 500 ms [RFC 9293 MUST-58]               */
    REPLY_SYN_ACK,  /* <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>                     */
    REPLY_RST,      /* <SEQ=seq><CTL=RST>                                      */
    REPLY_RST_ACK,  /* <SEQ=seq><ACK=ack><CTL=RST,ACK>                         */
};

#define RAISED_MAX 8

struct verdict {
    enum reply_kind reply;
    uint32_t seq, ack; /* of the reply                         */
    bool new_iss;      /* ... but for seq, which nobody knows  */
    enum reached state;
    uint32_t una, rcv;  /* afterwards                           */
    uint32_t delivered; /* bytes that the user can read now     */
    enum hf_stat raised[RAISED_MAX];
    uint32_t raised_count;
};

struct verdict oracle_judge(const struct situation *was, const struct arrival *seg);

#endif
