/* The last words of a guard that drains: whose connections it cuts, service by service. */
#ifndef HF_GUARD_FAREWELL_H
#define HF_GUARD_FAREWELL_H

#include "guard/guard.h"

#define FAREWELL_CLIENTS 8 /* named for each service; the rest is a number */

/* One line for each service that still has relays: how many, with which clients. To be called before they are cut. */
void farewell_say(struct guard *guard, int64_t now_us);

#endif
