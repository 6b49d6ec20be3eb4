/* What may be asked of a running guard: each command of cli.md but top, which has a file of its own. */
#ifndef CONTROL_COMMANDS_H
#define CONTROL_COMMANDS_H

#include "control/server.h"
#include "guard/guard.h"

/* Registers all of them. Both live longer than the server's clients. */
void control_commands_register(struct control_server *server, struct guard *guard);

/* And "reload", which a thread does. What `command` points at is closed after the server. */
struct reload;
struct command_reload {
    struct guard *guard;
    struct reload *reload;
};
void command_reload_register(struct control_server *server, struct command_reload *command);

/* ---- the files that make them up ---- */

void command_status_register(struct control_server *server, struct guard *guard);
void command_stats_register(struct control_server *server, struct guard *guard);
void command_events_register(struct control_server *server, struct guard *guard);
void command_connections_register(struct control_server *server, struct guard *guard);
void command_kill_register(struct control_server *server, struct guard *guard);
void command_block_register(struct control_server *server, struct guard *guard);
void command_drain_register(struct control_server *server, struct guard *guard);
void command_capture_register(struct control_server *server, struct guard *guard);

#endif
