/* The control socket: one request a line, one JSON reply a line, over a unix stream socket.
 *
 * A request is plain words ("stats", "kill service web") or a JSON object ({"command": "stats", ...}). Words become
 * {"command": first, "arguments": [the rest]}. A reply is what the command's function answers; one that cannot be understood
 * gets {"error": "..."}. Whoever may open the socket is trusted, but his bytes are not: lines, replies and clients are
 * bounded, a client that does not read or says nothing is dropped, and none can hold up the others or the packets.
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include <jansson.h>

#include "os/loop.h"

#define CONTROL_COMMANDS_MAX 32
#define CONTROL_CLIENTS_MAX 32
#define CONTROL_LINE_MAX 4096
#define CONTROL_REPLY_MAX ((size_t)32 << 20)
#define CONTROL_PATIENCE_US ((int64_t)10 * 1000 * 1000) /* without a byte in either direction */

/* Answers a request (borrowed) with a new object; NULL: there was no memory. */
typedef json_t *control_command(void *context, const json_t *request);

struct control_server;

/* Listens at path, making its directory; a socket that nobody answers any more is replaced. HF_OK, HF_ADDRESS_IN_USE (a server
 * is running there), HF_NO_PERMISSION, HF_INVALID (path too long), HF_NO_MEMORY, HF_SYSTEM with errno. */
int control_server_open(struct control_server **server, struct loop *loop, const char *path);

/* Ends all clients and removes the socket. NULL is allowed. */
void control_server_close(struct control_server *server);

/* From now on `name` is answered by `run`. */
void control_server_register(struct control_server *server, const char *name, control_command *run,
                             void *context);

/* {"error": "..."}: what a command answers that cannot do what it is asked. */
json_t *control_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
