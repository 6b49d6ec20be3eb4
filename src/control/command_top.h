/* What `handfast top` asks for: everything that one screen shows, in one bounded answer. */
#ifndef CONTROL_COMMAND_TOP_H
#define CONTROL_COMMAND_TOP_H

#include "control/server.h"
#include "guard/guard.h"

#define TOP_ANSWER_PREFIXES 16
#define TOP_WANTED_US \
    ((int64_t)5 * 1000 * 1000)          /* connections are looked at for so long after a question */
#define TOP_STEP_US ((int64_t)2 * 1000) /* between two steps                                   */
#define TOP_PASS_US ((int64_t)500 * 1000) /* between two passes, at least                        */

struct command_top;

/* Registers "top": {"command": "top", "order": "rtt" | "bytes" | "age", "limit": 0 to 64, "slot": N, "id": N}, all but the command
 * optional. The answer is that of "stats" and {"now_us", "up_us", "seen", "passes", "prefixes", "prefixes_missed",
 * "top", "detail"}, where "detail" is the relay with that slot and id; "top" and "prefixes" are of the last pass, so they are empty in the first answer. NULL: no memory. */
struct command_top *command_top_open(struct control_server *server, struct guard *guard);
void command_top_close(struct command_top *top); /* before the loop ends; NULL is allowed */

#endif
