/* An audit of this host: the twelve practices that an operator of a server owes it, one row each. It reads, and changes nothing.
 *
 * A practice sees the host through struct audit_world: files below a root, output of a few programs, and the sockets that
 * listen. Tests give one of their own.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/listeners.h"

#define AUDIT_FIRST 11 /* practices are numbered as in docs/attacks.md */
#define AUDIT_LAST 22
#define AUDIT_PRACTICES (AUDIT_LAST - AUDIT_FIRST + 1)
#define AUDIT_FINDING_MAX 1024
#define AUDIT_FIX_MAX 2000
#define AUDIT_PATH_MAX 512
#define AUDIT_DECLARED_MAX 256

enum audit_status {
    AUDIT_PASS,
    AUDIT_UNSEEN, /* it takes root, or the host has no such thing: a warning that says so */
    AUDIT_WARN,
    AUDIT_FAIL,
};

struct audit_row {
    int practice;
    const char *name;
    enum audit_status status;
    char finding[AUDIT_FINDING_MAX]; /* sentences, joined by "; " */
    char fix[AUDIT_FIX_MAX]; /* the commands that mend it, joined by "; "; "": nothing to mend */
};

struct nft_facts;

struct audit_world {
    const char *root; /* "" for the host itself */
    bool is_root;     /* who asks */
    int64_t now_s;
    /* Runs a program with a bounded time; *output is its standard output (free it). Its exit code; -1: it is not there or
     * took too long. NULL: run_program. */
    int (*run)(void *context, const char *const argv[], char **output);
    void *context;
    const struct nft_facts *nft; /* what nft said; NULL: each practice asks it */
    const char *guard_config;    /* the guard's configuration, if there is one */
    const char *journal;         /* ... and its journal, if it has one         */
    struct listeners listeners;
    uint16_t declared[AUDIT_DECLARED_MAX]; /* ports that are meant to be open */
    uint32_t declared_count;
    bool guard_limits; /* a guard's configuration limits prefixes */
    bool guard_lists;  /* ... and has allow or deny lists         */
    bool guard_here;   /* one is running                          */
    bool guard_silent; /* one is configured, and none is running  */
};

/* "pass", "warn" or "fail". */
const char *audit_status_text(enum audit_status status);

/* Runs one practice; row->practice is set by the caller. */
void audit_practice(const struct audit_world *world, struct audit_row *row);

bool audit_is_declared(const struct audit_world *world, uint16_t port);

/* A whole small file below the root (free it), or NULL. */
char *audit_read(const struct audit_world *world, const char *path, size_t most);
/* A number in a file, or `otherwise`. */
long audit_number(const struct audit_world *world, const char *path, long otherwise);
int audit_run(const struct audit_world *world, const char *const argv[], char **output);

/* Adds a sentence, and a fix that is not there yet; the status becomes the worse of both. */
void audit_find(struct audit_row *row, enum audit_status status, const char *fix,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

void audit_fix(struct audit_row *row, const char *fix); /* without a sentence */

/* The practices, by file. */
void practice_updates(const struct audit_world *world, struct audit_row *row);
void practice_services(const struct audit_world *world, struct audit_row *row);
void practice_half_open_limit(const struct audit_world *world, struct audit_row *row);
void practice_half_open_timeout(const struct audit_world *world, struct audit_row *row);
void practice_firewall(const struct audit_world *world, struct audit_row *row);
void practice_closed_services(const struct audit_world *world, struct audit_row *row);
void practice_addresses(const struct audit_world *world, struct audit_row *row);
void practice_anti_ddos(const struct audit_world *world, struct audit_row *row);
void practice_outbound(const struct audit_world *world, struct audit_row *row);
void practice_ports(const struct audit_world *world, struct audit_row *row);
void practice_logs(const struct audit_world *world, struct audit_row *row);
void practice_sharing(const struct audit_world *world, struct audit_row *row);

#endif
