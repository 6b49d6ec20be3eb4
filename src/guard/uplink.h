/* How packets reach the guard: the TAP, and what of the host's network leads to it.
 *
 * mode = address: the guard has addresses of its own on a TAP, routed by the kernel or a port of a bridge.
 * mode = port: the guard has the host's own addresses, but only the ports that it listens on. A table of nftables that lives
 * as long as the guard's netlink socket redirects them to the TAP, and the guard's frames out of the interface; everything
 * else, ARP and neighbour discovery among it, stays with the kernel. However the guard dies, the table is gone with it.
 */
#ifndef HF_GUARD_UPLINK_H
#define HF_GUARD_UPLINK_H

#include "guard/config.h"
#include "guard/log.h"
#include "guard/network.h"
#include "os/loop.h"

#include <handfast/os.h>

#include <stdio.h>

#define UPLINK_ERROR_MAX 512
#define UPLINK_SPARES 4       /* how often the TAP can be made again */
#define UPLINK_PORTS_MAX 1024 /* addresses with a port, all services together */

struct netfilter;
struct netfilter_flow;
struct mnl_socket;

/* Ports that are redirected: every address of the host that is listened on, with its port. */
struct uplink_ports {
    uint32_t count;
    struct hf_endpoint at[UPLINK_PORTS_MAX];
};

struct uplink {
    const struct config
        *config;            /* of the start: what of it may change comes by uplink_reconfigure */
    struct hf_tap *tap;     /* the guard's; fd -1: not open */
    struct hf_stack *stack; /* NULL: not serving yet */
    struct loop *loop;
    struct log *log;
    char interface[16]; /* port mode: the host's; "" else          */
    char tap_name[16];  /* as it was asked for                     */
    struct network_link link, tap_link;
    struct hf_prefix addresses[HF_ADDRESSES_MAX]; /* port mode: the host's */
    struct hf_route routes[HF_ROUTES_MAX];        /* port mode: through the interface */
    uint32_t address_count, route_count, routes_left_out;
    struct netfilter *netfilter; /* port mode */
    struct uplink_ports ports;   /* that are redirected now */
    bool left;                   /* draining: only what is held is redirected */
    /* Connections of ours on ports that are no longer redirected; of the kernel's on ports that are, from before. */
    struct netfilter_flow *held, *kept;
    uint32_t held_count, kept_count;
    bool ruled; /* rules of transparent backends are ours to remove */
    bool asked;
    struct mnl_socket *sockets;  /* asks the kernel for its connections */
    struct loop_timer reroute;   /* default routes changed: they are read when it is quiet */
    struct loop_timer forget;    /* those that have ended               */
    struct loop_handler monitor; /* the kernel's news of interfaces; fd -1: none */
    struct loop_timer retry;
    int spare[UPLINK_SPARES]; /* of /dev/net/tun, which a sandboxed guard cannot open; -1: used */
    void (*tap_changed)(void *context); /* the TAP was opened anew: its descriptors are others */
    void *tap_context;
    bool interface_gone, tap_gone;
    bool interface_down, tap_down; /* there, but nothing comes */
};

/* Opens the TAP and sets up what is around it, but redirects nothing yet. False: `error` is one line that says why; uplink_close
 * is to be called in any case. *tap is the caller's, and closed by uplink_close. */
bool uplink_open(struct uplink *uplink, const struct config *config, struct hf_tap *tap,
                 char error[UPLINK_ERROR_MAX]);

/* Tells the stack's configuration what the uplink is: addresses, routes, link address, MTU, offloads. */
void uplink_describe(const struct uplink *uplink, struct hf_config *stack);

/* What uplink_serve needs to know of the guard. tap_changed may be NULL. */
struct uplink_setup {
    struct hf_stack *stack;
    struct loop *loop;
    struct log *log;
    void (*tap_changed)(void *context);
    void *context;
};

/* The stack listens: from now on clients are led to it, and the kernel's interfaces are watched. */
bool uplink_serve(struct uplink *uplink, const struct uplink_setup *setup,
                  char error[UPLINK_ERROR_MAX]);

/* Another configuration: the ports that are redirected change, all at once. False: nothing has changed. Whether it may be
 * changed to at all (mode, addresses) is uplink_may_become. */
bool uplink_may_become(const struct uplink *uplink, const struct config *config,
                       char error[UPLINK_ERROR_MAX]);
bool uplink_reconfigure(struct uplink *uplink, const struct config *config,
                        char error[UPLINK_ERROR_MAX]);

/* Why nobody can reach the guard now, one sentence; NULL: they can, as far as this host knows. */
const char *uplink_trouble(const struct uplink *uplink, char text[UPLINK_ERROR_MAX]);

/* No new clients, whoever is connected stays: others reach the server itself, or nobody, as when_stopped says. */
void uplink_leave(struct uplink *uplink);

/* Gives everything back that uplink_open and uplink_serve made. */
void uplink_close(struct uplink *uplink);

/* ---- without a guard: handfast guard --net show|up|down FILE ---- */

/* The commands that an operator could type instead of `up`, and what a guard makes by itself while it runs. */
void uplink_show(const struct config *config, FILE *out);

/* Makes what outlives a guard: the TAP with its addresses, owned by `user` so that a guard without privileges can open it;
 * rules and routes of transparent backends; the table that drops while no guard runs. And removes exactly that. */
bool uplink_up(const struct config *config, char error[UPLINK_ERROR_MAX]);
bool uplink_down(const struct config *config, char error[UPLINK_ERROR_MAX]);

/* The interface of port mode's TAP: `tap`, or "hf-NAME" as far as it fits. Address mode: the uplink's name. */
void uplink_tap_name(const struct config_uplink *config, char name[16]);

#endif
