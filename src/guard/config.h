/* What a guard's configuration file says, with every default filled in. The syntax is libconfuse's. */
#ifndef HF_GUARD_CONFIG_H
#define HF_GUARD_CONFIG_H

#include <handfast/handfast.h>

#include <stdio.h>

#define CONFIG_FILE_MAX (1024 * 1024)
#define CONFIG_NAME_MAX 32
#define CONFIG_PATH_MAX 108 /* what a unix socket's address holds, with the NUL */
#define CONFIG_LIST_MAX 16
#define CONFIG_SERVICES_MAX 64
#define CONFIG_ERROR_MAX 1024

_Static_assert(CONFIG_LIST_MAX <= HF_ADDRESSES_MAX, "every address of an uplink fits a stack");
_Static_assert(2 + CONFIG_LIST_MAX > HF_ROUTES_MAX,
               "config_check counts routes and gateways together");

enum config_mode {
    CONFIG_MODE_ADDRESS, /* addresses of the guard's own on a TAP interface */
};

enum config_client_address {
    CONFIG_CLIENT_NONE,     /* the backend sees the guard as its client         */
    CONFIG_CLIENT_PROXY_V2, /* a PROXY protocol v2 header says who the client is */
};

enum config_on_timeout {
    CONFIG_FORGET,
    CONFIG_RESET,
};

enum config_enforce {
    CONFIG_ENFORCE,
    CONFIG_OBSERVE, /* count what would be refused, refuse nothing */
};

/* One value of a list, and the line it stands on. Which part is used depends on the key. */
struct config_item {
    int line;
    struct hf_prefix prefix;     /* addresses, host_address, routes            */
    struct hf_endpoint endpoint; /* listen; its address: gateway, routes (via) */
};

struct config_list {
    uint32_t count;
    struct config_item items[CONFIG_LIST_MAX];
};

/* Where a backend listens: a unix socket if `path` is not empty. */
struct config_target {
    struct hf_endpoint endpoint;
    char path[CONFIG_PATH_MAX];
};

/* Numbers are uint32_t, durations milliseconds, words the enums above as uint32_t, sizes uint64_t: the table of keys
 * (config_keys.c) writes and prints them all. */
struct config_backend {
    char name[CONFIG_NAME_MAX];
    int line;
    struct config_target to;
    uint32_t client_address;
};

struct config_service {
    char name[CONFIG_NAME_MAX];
    int line;
    struct config_list listen;
    struct config_backend backend; /* later issues: several */
    uint32_t backends;             /* as found; config_check wants one */
    uint32_t half_open_limit;
    uint32_t half_open_timeout_ms;
    uint32_t on_timeout;
    uint32_t syn_ack_retries;
    uint32_t half_open_per_prefix; /* 0: a sixteenth of half_open_limit */
    uint32_t syn_ack_cap;          /* a second; 0: none */
    uint32_t cookies;              /* enum hf_cookies */
    uint32_t without_timestamps;   /* enum hf_without_timestamps */
    uint32_t when_full;            /* enum hf_when_full */
    uint32_t enforce;              /* enum config_enforce */
    uint32_t max_connections;      /* 0 in the file: as many as limits allow */
    uint32_t connect_timeout_ms;
    uint32_t idle_timeout_ms;
    uint32_t backlog;
};

struct config_uplink {
    char name[CONFIG_NAME_MAX];
    int line;
    uint32_t mode;
    struct config_list addresses;
    struct config_list host_address; /* of the kernel's end of the TAP */
    struct config_list gateway;
    struct config_list routes;
    uint32_t mtu;
};

struct config_limits {
    int line;
    uint32_t max_connections;
    uint64_t receive_buffer;
    uint64_t send_buffer;
    uint64_t buffer_memory;
    uint32_t stall_timeout_ms;
    uint32_t reset_budget, challenge_budget, icmp_budget; /* a second */
    uint32_t scan_ports;
};

struct config {
    char control[CONFIG_PATH_MAX]; /* empty: none */
    char capture[CONFIG_PATH_MAX]; /* empty: none */
    uint32_t drain_timeout_ms;
    int last_line; /* where a part that is missing is missed */
    struct config_uplink uplink;
    struct config_limits limits;
    uint32_t services;
    struct config_service service[CONFIG_SERVICES_MAX];
};

/* Reads and checks a file. NULL: `error` holds "FILE:LINE: what was found, what is accepted". */
struct config *config_read(const char *file, char error[CONFIG_ERROR_MAX]);
void config_free(struct config *config);

/* Every key in force, as a file that reads back to the same. */
void config_dump(const struct config *config, FILE *out);

/* The stack that this configuration describes; drivers may change it further (hf_tap_describe). */
void config_stack(const struct config *config, struct hf_config *stack);

#endif
