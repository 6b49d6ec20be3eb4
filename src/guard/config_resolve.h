/* What the names of backends mean, once, when a configuration is read: the packet loop asks nobody. */
#ifndef HF_GUARD_CONFIG_RESOLVE_H
#define HF_GUARD_CONFIG_RESOLVE_H

#include "guard/config.h"

/* Looks up every name, in CONFIG_RESOLVE_MS at most for all. False: `error` says which has no address, and why. */
bool config_resolve(struct config *config, char error[CONFIG_ERROR_MAX]);
bool config_resolve_within(struct config *config, uint32_t timeout_ms,
                           char error[CONFIG_ERROR_MAX]);

#endif
