/* The lab under attack: scenes in which a server of ours, and the Linux kernel's beside it, is flooded, forged at and held,
 * while honest clients go on connecting. */
#ifndef LAB_SIEGE_H
#define LAB_SIEGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct siege_options {
    bool json;
    bool quick;        /* seconds instead of minutes                                          */
    bool full;         /* drdos: as long as the kernel retries                                */
    bool brief;        /* flood: a few seconds, for whoever wants to see everything once      */
    unsigned defences; /* 1 << enum defence; 0: all of them                                   */
    const char **names;
    size_t count;
};

bool siege_has_scene(const char *name);
void siege_list(FILE *out);

/* The bit of a defence, of all five for "each", or 0. */
unsigned siege_defence(const char *name);

/* Whether the attacker is there; else `why` says where it should be. */
bool siege_possible(char why[256]);

/* Runs them. 0: all succeeded, 1: one failed, -1: the lab itself could not work, and `why` says why in one sentence. */
int siege_run(const struct siege_options *options, char why[256]);

#endif
