/* Which backend a connection goes to. */
#ifndef HF_GUARD_BALANCE_H
#define HF_GUARD_BALANCE_H

#include "guard/service.h"

#define BALANCE_NONE UINT32_MAX

/* The next one in turn that is not in `tried` (a bit each), of the best rank there is:
 *   up, and of the family that a transparent connection for this client needs;
 *   up;
 *   down, but it refuses at once: to ask costs nothing, and the moment it is back it serves.
 * One that is down and silent is never asked: each client would wait for connect_timeout in vain. BALANCE_NONE: no other
 * is left. */
uint32_t balance_pick(const struct service *service, uint32_t tried, bool client_is_v4);

#endif
