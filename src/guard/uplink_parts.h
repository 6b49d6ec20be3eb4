/* What the files of the uplink lend each other. */
#ifndef HF_GUARD_UPLINK_PARTS_H
#define HF_GUARD_UPLINK_PARTS_H

#include "guard/uplink.h"

/* Writes the line and answers false. */
__attribute__((format(printf, 2, 3))) bool uplink_refuse(char error[UPLINK_ERROR_MAX],
                                                         const char *format, ...);

/* HF_SYSTEM says little: errno knows. */
const char *uplink_reason(int error);

/* ---- uplink_address.c ---- */

/* The kernel's end of the TAP: up, with its addresses, or a port of its bridge. */
bool uplink_address_prepare(const struct config_uplink *config, const char *tap,
                            char error[UPLINK_ERROR_MAX]);
void uplink_address_show(const struct config_uplink *config, const char *tap, FILE *out);

/* ---- uplink_port.c ---- */

/* Reads what the interface is, and which addresses and routes it has. */
bool uplink_port_look(struct uplink *uplink, char error[UPLINK_ERROR_MAX]);

/* Reads the routes again. Whether they are others than before. */
bool uplink_port_look_at_routes(struct uplink *uplink);

/* The TAP: up, and nobody's. */
bool uplink_port_prepare(const struct uplink *uplink, char error[UPLINK_ERROR_MAX]);

/* Every address and port of a configuration; false: one is not among the uplink's addresses, or there are too many. */
bool uplink_port_list(const struct uplink *uplink, const struct config *config,
                      struct uplink_ports *ports, char error[UPLINK_ERROR_MAX]);

/* Puts the table in force, in place of the one that was; and the one for when the guard is stopped. */
bool uplink_port_redirect(struct uplink *uplink, const struct uplink_ports *ports,
                          char error[UPLINK_ERROR_MAX]);

/* Removes one that an operator made by hand: the guard cannot become the owner of a table that is there. */
void uplink_port_clear(struct uplink *uplink);

void uplink_port_describe(const struct uplink *uplink, struct hf_config *stack);

/* ---- uplink_flows.c ---- */

/* Learns which connections stay where they are when `ports` are redirected: our stack's on other ports, the kernel's on
 * these. */
void uplink_flows_learn(struct uplink *uplink, const struct uplink_ports *ports);

/* The same again, for those that were known. Whether some have ended. */
bool uplink_flows_forget(struct uplink *uplink);
void uplink_flows_free(struct uplink *uplink);

/* ---- uplink_port.c ---- */

/* What an operator should know about it: ports that the firewall no longer sees and saw before, and at the start (`before` is
 * NULL) addresses and routes that are missing. */
void uplink_port_warn(const struct uplink *uplink, const struct uplink_ports *before);

#endif
