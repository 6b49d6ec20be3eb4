/* The network of the scenes under attack: one wire, and on it a server that is either our stack or the Linux kernel.
 *
 *     attacker namespace                         (wire namespace)                    our stack (a child of the lab)
 *     attacker, owners of forged addresses ------ at-up  bridge  hf0 --------------- 192.0.2.10, by TAP
 *     10.0.0.0/8, at0 192.0.2.1                          |    \                      kernel server namespace
 *     client namespace                                   |     sv-up ----- sv0 ----- 192.0.2.11
 *     198.18.0.0/16, cl0 192.0.2.2 --------------- cl-up
 *
 * Packets to a server are handed to the CPU that the server runs on, those from it to the other: so each server has one CPU,
 * whichever kind it is, and whatever an attack costs its sender costs the server nothing.
 */
#ifndef LAB_SIEGE_NETWORK_H
#define LAB_SIEGE_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "lab/process.h"

#define SIEGE_TAP "hf0"
#define SIEGE_KERNEL_INTERFACE "sv0"
#define SIEGE_STACK_ADDRESS "192.0.2.10"
#define SIEGE_KERNEL_ADDRESS "192.0.2.11"
#define SIEGE_BROADCAST "192.0.2.255"
#define SIEGE_STACK_MAC "02:00:00:00:00:0a"
#define SIEGE_KERNEL_MAC "02:00:00:00:00:0b"
#define SIEGE_CLIENT_ADDRESS "192.0.2.2"
#define SIEGE_OWNERS_ADDRESS "192.0.2.1"
#define SIEGE_FORGED "10.0.0.0/8"
#define SIEGE_CLIENTS "198.18.0.0/16" /* honest ones: each connection has an address of its own */
#define SIEGE_PORT 7

struct siege_network {
    int wire_fd, client_fd, attacker_fd, server_fd; /* the namespaces */
    char marker[33];                                /* what proves to the attacker where it is  */
    int server_cpu, other_cpu;                      /* the same one if the machine has only one */
};

/* Builds it, within a cage: the caller's namespace becomes the wire's. False: `why` says what could not be done. */
bool siege_network_make(struct siege_network *network, char why[256]);

/* A TAP that a server has just opened goes onto the wire. */
bool siege_network_plug(const struct siege_network *network, char why[256]);

/* Whether the owners of forged addresses answer what they did not ask for with RST; else they are silent. */
bool siege_network_owners(const struct siege_network *network, bool answer, char why[256]);

/* What is sent to forged addresses reaches the attacker, and nobody but it answers. */
bool siege_network_talk(const struct siege_network *network, char why[256]);

/* The kernel's server begins anew: net.ipv4.tcp_syncookies, and no memory of clients. */
bool siege_network_kernel(const struct siege_network *network, bool cookies, char why[256]);

#endif
