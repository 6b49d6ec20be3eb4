/* Which TCP ports of this host's own addresses answer, against those that are said to listen. It connects to nobody else. */
#ifndef AUDIT_SCAN_H
#define AUDIT_SCAN_H

#include "audit/listeners.h"

#define SCAN_ADDRESSES_MAX 64

enum scan_answer {
    SCAN_HIDDEN,   /* it answers, and no socket listens for it */
    SCAN_FILTERED, /* a socket listens, and nothing answers    */
};

struct scan {
    struct hf_address addresses[SCAN_ADDRESSES_MAX];
    uint32_t count; /* of addresses */
    uint64_t ports, open;
};

/* This host's own addresses, loopback included. HF_OK or HF_SYSTEM. */
int scan_addresses(struct scan *scan);

/* Connects to every port of each, and says where the answer and the list differ. HF_OK or HF_SYSTEM. `progress` (or NULL) is
 * called now and then with how much is done, in percent. */
int scan_run(struct scan *scan, const struct listeners *listeners,
             void (*found)(void *context, enum scan_answer answer,
                           const struct hf_endpoint *endpoint),
             void (*progress)(void *context, unsigned percent), void *context);

#endif
