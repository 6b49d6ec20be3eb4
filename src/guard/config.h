/* What a guard's configuration file says, with every default filled in. The syntax is libconfuse's. */
#ifndef HF_GUARD_CONFIG_H
#define HF_GUARD_CONFIG_H

#include <handfast/handfast.h>

#include <stdio.h>

#define CONFIG_FILE_MAX (1024 * 1024) /* bytes, of each file and of all together */
#define CONFIG_FILES_MAX 256          /* with all that are included             */
#define CONFIG_DEPTH_MAX 8            /* of files that include files            */
#define CONFIG_NAME_MAX 32
#define CONFIG_PATH_MAX 108 /* what a unix socket's address holds, with the NUL */
#define CONFIG_HOST_MAX 256 /* a backend's "name:port", with the NUL */
#define CONFIG_LIST_MAX 64
#define CONFIG_PATHS_MAX 16
#define CONFIG_SERVICES_MAX 64
#define CONFIG_BACKENDS_MAX 8 /* of a service */
#define CONFIG_ERROR_MAX 1024
#define CONFIG_RESOLVE_MS 5000 /* for all names of a configuration together */

enum config_mode {
    CONFIG_MODE_ADDRESS, /* addresses of the guard's own on a TAP interface            */
    CONFIG_MODE_PORT,    /* the listed ports of the host's own addresses, by nftables */
};

enum config_when_stopped {
    CONFIG_STOPPED_PASS, /* clients reach the server itself */
    CONFIG_STOPPED_DROP,
};

enum config_client_address {
    CONFIG_CLIENT_NONE,        /* the backend sees the guard as its client         */
    CONFIG_CLIENT_PROXY_V2,    /* a PROXY protocol v2 header says who the client is */
    CONFIG_CLIENT_TRANSPARENT, /* we connect from the client's own address          */
};

enum config_on_timeout {
    CONFIG_FORGET,
    CONFIG_RESET,
};

enum config_enforce {
    CONFIG_ENFORCE,
    CONFIG_OBSERVE, /* count what would be refused, refuse nothing */
};

enum config_log {
    CONFIG_LOG_AUTO, /* journald if it reads our stderr, else text */
    CONFIG_LOG_JOURNALD,
    CONFIG_LOG_JSON,
    CONFIG_LOG_TEXT,
};

enum config_sandbox {
    CONFIG_SANDBOX_KILL, /* a system call that no file declares ends the guard */
    CONFIG_SANDBOX_LOG,  /* the kernel's log names it                          */
};

enum config_bogons {
    CONFIG_BOGONS_ACCEPT,
    CONFIG_BOGONS_LOG,
    CONFIG_BOGONS_REFUSE,
};

/* As enum hf_reverse_path. */
enum config_reverse_path {
    CONFIG_REVERSE_PATH_OFF,
    CONFIG_REVERSE_PATH_LOOSE,
    CONFIG_REVERSE_PATH_STRICT,
};

enum config_file_sharing {
    CONFIG_FILE_SHARING_DENY,
    CONFIG_FILE_SHARING_ACCEPT,
};

/* One value of a list, and the line it stands on (config_place says in which file). Which part is used depends on the
 * key. */
struct config_item {
    int line;
    struct hf_prefix prefix; /* addresses, host_address, routes, allow             */
    struct hf_endpoint
        endpoint; /* listen; its address: source, gateway (all zero: auto), routes (via) */
};

struct config_list {
    uint32_t count;
    struct config_item items[CONFIG_LIST_MAX];
};

/* Where a backend listens: a unix socket if `path` is not empty. */
struct config_target {
    struct hf_endpoint endpoint; /* of a name: what it meant when the file was read */
    char path[CONFIG_PATH_MAX];
    char host[CONFIG_HOST_MAX]; /* "name:port" as it was written; empty: an address */
};

/* Numbers are uint32_t, durations milliseconds, words the enums above as uint32_t, sizes uint64_t: the table of keys
 * (config_keys.c) writes and prints them all. */
struct config_backend {
    char name[CONFIG_NAME_MAX];
    int line;
    struct config_target to;
    uint32_t client_address;
    struct config_list source; /* connect from these in turn; empty: the kernel chooses */
};

struct config_service {
    char name[CONFIG_NAME_MAX];
    int line;
    struct config_list listen;
    struct config_list allow; /* empty: everybody */
    struct config_backend backend[CONFIG_BACKENDS_MAX];
    uint32_t backends;
    uint32_t half_open_limit;
    uint32_t half_open_timeout_ms;
    uint32_t on_timeout;
    uint32_t syn_ack_retries;
    uint32_t half_open_per_prefix;  /* 0: a sixteenth of half_open_limit */
    uint32_t syn_ack_cap;           /* a second; 0: none */
    uint32_t cookies;               /* enum hf_cookies */
    uint32_t without_timestamps;    /* enum hf_without_timestamps */
    uint32_t when_full;             /* enum hf_when_full */
    uint32_t enforce;               /* enum config_enforce */
    char key_file[CONFIG_PATH_MAX]; /* empty: none */
    uint32_t require_key;           /* 1: only peers of whom a key speaks */
    uint32_t max_connections;       /* 0 in the file: as many as limits allow */
    uint32_t max_per_prefix;        /* of a /32 or a /64; 0: no limit */
    uint32_t connect_timeout_ms;
    uint32_t connect_retries; /* on another backend, before the first byte */
    uint32_t idle_timeout_ms;
    uint32_t total_timeout_ms;  /* 0: none */
    uint32_t check_interval_ms; /* connects to see whether a backend is up; 0: none */
    uint32_t check_timeout_ms;
    uint32_t check_fall, check_rise; /* checks in a row that make a backend down, up */
    uint32_t backlog;
};

struct config_uplink {
    char name[CONFIG_NAME_MAX]; /* address: of the TAP; port: of the host's interface */
    int line;
    uint32_t mode;
    struct config_list addresses;
    struct config_list host_address; /* of the kernel's end of the TAP */
    struct config_list gateway; /* port mode: one item of address zero, "auto", if none is named */
    struct config_list routes;
    uint32_t mtu;
    char tap[CONFIG_NAME_MAX]; /* port mode: the TAP's name, "hf-NAME" if none is given */
    uint32_t when_stopped;
    char bridge[CONFIG_NAME_MAX]; /* address mode: the TAP joins it; empty: none */
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

struct config_filter {
    int line;
    uint32_t deny_files;
    int deny_line[CONFIG_PATHS_MAX];
    char deny_file[CONFIG_PATHS_MAX][CONFIG_PATH_MAX]; /* one prefix a line */
    char rules[CONFIG_PATH_MAX];                       /* empty: none      */
    struct config_list egress; /* what the relay may open; empty: anything */
    struct config_list inside; /* networks of ours beside those of the uplink */
    uint32_t bogons;
    uint32_t reverse_path;
    uint32_t file_sharing;
};

struct config_sources;

/* What a start may change afterwards, as the file had it: a reload compares with this. */
struct config_as_read {
    char control[CONFIG_PATH_MAX];         /* -i NAME chooses another    */
    char state_directory[CONFIG_PATH_MAX]; /* likewise, if the file names none */
    struct config_limits limits;           /* memory.max may lower them */
};

#define CONFIG_SINGLE_SECTIONS 4 /* the root, uplink, limits, filter */
#define CONFIG_KEYS_MAX 32       /* of a section                     */

struct config {
    char control[CONFIG_PATH_MAX]; /* empty: none */
    char capture[CONFIG_PATH_MAX]; /* empty: none */
    char journal[CONFIG_PATH_MAX]; /* empty: none */
    uint64_t journal_size;         /* of a file */
    uint32_t journal_keep;
    uint32_t journal_seal_ms;
    char cookie_key_file[CONFIG_PATH_MAX]; /* empty: a key of this guard's own */
    char state_directory[CONFIG_PATH_MAX]; /* empty: nothing outlives the guard */
    char user[CONFIG_NAME_MAX];            /* empty: stay who we are */
    struct hf_endpoint metrics;            /* port 0: none */
    uint32_t log;
    uint32_t sandbox;
    uint32_t drain_timeout_ms;
    int last_line; /* where a part that is missing is missed */
    struct config_uplink uplink;
    struct config_limits limits;
    struct config_filter filter;
    uint32_t services;
    struct config_service service[CONFIG_SERVICES_MAX];
    struct config_as_read as_read;
    struct config_sources *sources;                        /* which line is whose */
    int key_line[CONFIG_SINGLE_SECTIONS][CONFIG_KEYS_MAX]; /* 0: not in the file */
};

/* Reads and checks a file with what it includes, and looks its names up, which may take CONFIG_RESOLVE_MS. NULL: `error`
 * holds "FILE:LINE: what was found, what is accepted". */
struct config *config_read(const char *file, char error[CONFIG_ERROR_MAX]);
void config_free(struct config *config);

/* "FILE:LINE" of a `line` in here. */
#define CONFIG_PLACE_MAX 300
const char *config_place(const struct config *config, int line, char text[CONFIG_PLACE_MAX]);

/* Every key in force, as a file that reads back to the same. */
void config_dump(const struct config *config, FILE *out);

/* The stack that this configuration describes; drivers may change it further (hf_tap_describe). In port mode without
 * addresses these are the ones that services listen on, as networks of one host each. */
void config_stack(const struct config *config, struct hf_config *stack);

/* Whether a backend is on this host. */
bool config_target_is_local(const struct config_target *target);

#endif
