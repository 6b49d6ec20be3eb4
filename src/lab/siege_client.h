/* Honest clients: connections of the Linux kernel at a steady rate, each with an address of its own and no history. */
#ifndef LAB_SIEGE_CLIENT_H
#define LAB_SIEGE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#define SIEGE_CLIENTS_MAX 20000u
#define SIEGE_CLIENT_PATIENCE_US INT64_C(3000000)

/* Opens `rate` connections a second for duration_us; each says 32 bytes, hears them back and closes. */
struct siege_client_plan {
    const char *server;
    uint32_t rate;
    int64_t duration_us;
    uint32_t first_address; /* its number among SIEGE_CLIENTS: no address comes twice to a server */
};

struct siege_client_report {
    uint32_t begun, succeeded;
    uint32_t timed_out; /* not finished within SIEGE_CLIENT_PATIENCE_US */
    uint32_t reset, failed;
    uint32_t connected; /* the handshake was finished, whatever came afterwards */
    uint32_t late;      /* begun later than planned, as the machine was busy    */
    uint32_t
        connect_us[SIEGE_CLIENTS_MAX]; /* of those that succeeded, sorted                      */
};

struct siege_client {
    struct siege_client_plan plan;
    struct siege_client_report report;
};

/* As a child (siege_child.run); shared is a struct siege_client. */
void siege_client_run(void *shared);

/* The connect time that `percent` of those that succeeded did not exceed; 0 if none did. */
uint32_t siege_client_percentile(const struct siege_client_report *report, double percent);

#endif
