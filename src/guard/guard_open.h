/* The steps of guard_start. Each: false, with one line in `error`, if it cannot be done. */
#ifndef HF_GUARD_GUARD_OPEN_H
#define HF_GUARD_GUARD_OPEN_H

#include "guard/guard.h"

bool guard_open_stack(struct guard *guard, char error[GUARD_ERROR_MAX]);
bool guard_open_keys(struct guard *guard, char error[GUARD_ERROR_MAX]);
bool guard_open_services(struct guard *guard, char error[GUARD_ERROR_MAX]);
/* The last: from now on packets come. */
bool guard_serve_uplink(struct guard *guard, char error[GUARD_ERROR_MAX]);
bool guard_open_capture(struct guard *guard, char error[GUARD_ERROR_MAX]);

#endif
