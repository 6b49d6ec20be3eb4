/* Small HTTP clients on the kernel's TCP: each does one thing that curl cannot show. They run as children in the client's
 * namespace, fill a report, and end. */
#ifndef LAB_CLIENTS_H
#define LAB_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lab/network.h"

enum client_kind {
    CLIENT_SHORT,        /* `count` connections one after another, each asks for `path`           */
    CLIENT_PARALLEL,     /* `count` connections, all of them open before the first one asks       */
    CLIENT_HALF_CLOSE,   /* asks, closes its sending side, then receives everything               */
    CLIENT_CLOSES_FIRST, /* receives the answer of a kept connection, then closes                 */
    CLIENT_CLOSES_LAST,  /* waits until the server has closed                                     */
    CLIENT_WANTS_RESET,  /* connects and waits for the reset                                      */
};

struct client_plan {
    enum client_kind kind;
    enum family family;
    uint16_t port;
    uint32_t count;
    const char *path; /* asked for ...                       */
    const char *file; /* ... and compared with, byte by byte */
};

struct client_report {
    bool ok;
    uint32_t done, at_once; /* connections */
    uint16_t local_port;    /* of the last */
    int64_t took_us;
    uint64_t bytes; /* of bodies */
    char why[160];
};

/* Runs it to the end. False: it failed, report->why says how. */
bool clients_run(const struct network *network, const struct client_plan *plan,
                 struct client_report *report);

#endif
