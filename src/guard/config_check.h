/* The second half of config_read: what the parts of a configuration say about each other. */
#ifndef HF_GUARD_CONFIG_CHECK_H
#define HF_GUARD_CONFIG_CHECK_H

#include "guard/config.h"

/* Fills what follows from other values. False: `error` says what was found where, and what is accepted. */
bool config_check(struct config *config, char error[CONFIG_ERROR_MAX]);

/* Its part about services: config_check_service.c. */
bool config_check_services(struct config *config, char error[CONFIG_ERROR_MAX]);

/* "FILE:LINE: ..." Always false. */
__attribute__((format(printf, 4, 5))) bool config_refuse(const struct config *config,
                                                         char error[CONFIG_ERROR_MAX], int line,
                                                         const char *format, ...);

/* Whether an address is one of the uplink's. */
bool config_is_ours(const struct config *config, const struct hf_address *address);

#endif
