/* One connection between our stack, on a TAP interface, and a pair of descriptors. */
#ifndef APP_NC_H
#define APP_NC_H

#include <handfast/handfast.h>

struct nc_options {
    const char *interface;
    const char *capture; /* a pcapng file, or NULL */
    const char *keys;    /* a file of keys, or NULL */
    bool listen, verbose;
    struct hf_endpoint endpoint; /* the peer's, or where to listen */
    struct hf_config config;     /* addresses and routes are filled */
};

/* Runs until both directions are closed. Returns an enum app_exit, after a message. */
int nc_run(const struct nc_options *options);

#endif
