/* The two servers of a scene: nginx, started once, and the guard before it, started anew for each scene. */
#ifndef LAB_SERVERS_H
#define LAB_SERVERS_H

#include "lab/cage.h"
#include "lab/process.h"

#define SERVERS_ROOT CAGE_RUN "/www"
#define SERVERS_GUARD_NAME "lab"
#define SERVERS_CAPTURE CAGE_RUN "/guard.pcapng"
#define SERVERS_CONTROL \
    CAGE_RUN "/handfast/" SERVERS_GUARD_NAME ".sock" /* where `handfast -i lab` looks */

/* What nginx serves; bodies are random bytes. Uploads go to /put/NAME and arrive in SERVERS_ROOT/put/NAME. */
#define SERVERS_SMALL "/small" /* 200 bytes */
#define SERVERS_SMALL_BYTES 200
#define SERVERS_MEDIUM "/medium" /* 64 KB */
#define SERVERS_MEDIUM_BYTES (64 * 1024)
#define SERVERS_LARGE "/large" /* 4 MB */
#define SERVERS_LARGE_BYTES (4 * 1024 * 1024)
#define SERVERS_HUGE "/huge" /* as many as asked for */

struct servers {
    struct process nginx, guard;
};

/* Writes the files and starts nginx; it accepts connections when this returns. */
bool servers_start_nginx(struct servers *servers, uint64_t huge_bytes, char why[256]);

/* Starts a guard on a new configuration; its interface is up and it listens when this returns. */
bool servers_start_guard(struct servers *servers, bool with_capture, char why[256]);

/* How many connections the guard has that are neither closed nor in TIME-WAIT; -1: it does not say. */
long servers_open_connections(void);

/* SIGTERM. False: it did not end by itself, in time and with exit code 0. */
bool servers_stop_guard(struct servers *servers, char why[256]);

#endif
