/* Every command of a running guard, registered. */
#include "control/commands.h"

void control_commands_register(struct control_server *server, struct guard *guard)
{
    command_status_register(server, guard);
    command_stats_register(server, guard);
    command_events_register(server, guard);
    command_connections_register(server, guard);
    command_kill_register(server, guard);
    command_block_register(server, guard);
    command_drain_register(server, guard);
    command_capture_register(server, guard);
}
