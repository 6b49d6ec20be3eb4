/* The way back of connections made from clients' own addresses: answers of a server on this host to addresses that are
 * elsewhere must come to us and not go out. For each transparent backend a rule, `from ADDRESS iif lo ipproto tcp sport PORT`,
 * sends them to a table that calls every address local. [ip-rule(8); ip(7) IP_TRANSPARENT]
 *
 * Only for loopback addresses: what they send to others can have no other purpose, so a rule that outlives its guard harms
 * nobody. A server's answers from an outside address also go to clients that reached it without the guard.
 */
#ifndef HF_GUARD_TRANSPARENT_H
#define HF_GUARD_TRANSPARENT_H

#include "guard/config.h"

#include <stdio.h>

#define TRANSPARENT_ERROR_MAX 512

/* Whose rules they are: those of a guard end with it, an operator's stay. */
enum transparent_owner {
    TRANSPARENT_GUARD,
    TRANSPARENT_OPERATOR,
};

/* Makes the rules and routes of the configuration, and removes those that a dead guard of this uplink left behind. Without
 * transparent backends there is nothing to do. False: `error` is one line that says why. */
bool transparent_up(const struct config *config, enum transparent_owner owner,
                    char error[TRANSPARENT_ERROR_MAX]);

/* The same after a reload: what connections of the old configuration may still need stays. */
bool transparent_add(const struct config *config, char error[TRANSPARENT_ERROR_MAX]);

/* Removes what the owner made, and the table's routes if nobody needs them any more. */
void transparent_down(const struct config *config, enum transparent_owner owner);

/* The commands that do the same, and whether there are any. */
bool transparent_show(const struct config *config, FILE *out);

#endif
