/* A bout: one server, attacked or calm, with honest clients at its door. */
#ifndef LAB_SIEGE_BOUT_H
#define LAB_SIEGE_BOUT_H

#include <jansson.h>

#include "lab/siege.h"
#include "lab/siege_client.h"
#include "lab/siege_count.h"
#include "lab/target.h"

#define SIEGE_HONEST_PER_S 500u

enum side {
    SIDE_STACK,         /* ours                        */
    SIDE_KERNEL_OFF,    /* Linux with tcp_syncookies=0 */
    SIDE_KERNEL_COOKIE, /* Linux with tcp_syncookies=1 */
    SIDES,
};

const char *side_name(enum side side); /* "handfast", "linux, cookies off" ... */

struct siege {
    const struct siege_options *options;
    struct siege_network network;
    const char *attacker;        /* the program                    */
    int marker_fd;               /* what it reads its marker from  */
    int lab_fd;                  /* the lab's end of that pipe     */
    struct target *target;       /* shared with the server         */
    struct siege_client *client; /* shared with the honest clients */
    json_t *rows;                /* of the scene                   */
    bool ok;
    char why[256]; /* not ok: what was wrong */
};

/* The scene has failed, or the lab. */
void siege_fail(struct siege *siege, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A row of figures: for people at once, for machines at the end. Takes the reference. */
void siege_row(struct siege *siege, json_t *facts, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct bout {
    struct siege *siege;
    enum side side;
    struct process server, attacker;
    struct siege_count before;
    struct siege_count during;    /* what happened between begin and end of the count */
    struct hf_stats stats_before; /* of ours, when it began                           */
    uint32_t honest;              /* clients that have come so far */
    double sent, sent_us;         /* by the attacker */
};

/* Starts the server; plan counts for ours only. False: siege_fail has said why. */
bool bout_open(struct bout *bout, struct siege *siege, enum side side,
               const struct target_plan *plan);
void bout_close(struct bout *bout);

/* The server's address, and what it answers to at the link. */
const char *bout_address(const struct bout *bout);

/* Starts the attacker: `order` is its MODE, `more` options of its own, ended by NULL. The server is its target unless `to`
 * says otherwise. */
bool bout_attack(struct bout *bout, const char *order, const char *from, const char *to,
                 const char *const more[]);
/* Ends it, or waits at most patience_us until it has ended by itself; what it sent is in bout->sent. */
bool bout_attack_stop(struct bout *bout);
bool bout_attack_wait(struct bout *bout, int64_t patience_us);

void bout_count_begin(struct bout *bout);
void bout_count_end(struct bout *bout);

/* Honest clients for so long; their report is in siege->client. */
bool bout_clients(struct bout *bout, int64_t duration_us);

/* Figures of a bout, with those of the honest clients. */
json_t *bout_facts(const struct bout *bout);

/* The scene fails if an honest client did, with `when` in the reason. A short run (--quick, the demo) shows on any machine
 * that the scene works: it forgives those who timed out while packets were lost before the stack could see them. */
void bout_all_must_succeed(const struct bout *bout, const char *when, ...)
    __attribute__((format(printf, 2, 3)));

double bout_share(const struct siege_client_report *report); /* 0 to 1 */

/* The scenes, by file. */
void siege_scene_flood(struct siege *siege);
void siege_scene_dos(struct siege *siege);
void siege_scene_ddos(struct siege *siege);
void siege_scene_drdos(struct siege *siege);
void siege_scene_forge_reset(struct siege *siege);
void siege_scene_hold(struct siege *siege);
void siege_scene_ackflood(struct siege *siege);

#endif
