/* The control socket: one request a line, one JSON reply a line, over a unix stream socket; long answers come as streams.
 *
 * A request is plain words ("stats", "kill service web") or a JSON object ({"command": "stats", ...}). Words become
 * {"command": first, "arguments": [the rest]}. A reply is what the command's function answers; one that cannot be understood
 * gets {"error": "..."}.
 *
 * Whoever may open the socket is trusted, but his bytes are not, and neither is his reading. Lines, replies and clients are
 * bounded. A client that does not take what he asked for is dropped after CONTROL_PATIENCE_US. One request a client is
 * answered in a round of the loop, and all of them together get a fifth of the time: packets go first, however
 * many ask however much.
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include <jansson.h>

#include "os/loop.h"

#define CONTROL_COMMANDS_MAX 32
#define CONTROL_CLIENTS_MAX 32
#define CONTROL_STREAMS_MAX 8 /* of the clients, that last; they never give way to others ... */
#define CONTROL_ANSWERS_MAX \
    8 /* ... and keep nobody from a list, a kill or a reload: so many at once */
#define CONTROL_LINE_MAX 4096
#define CONTROL_REPLY_MAX ((size_t)4 << 20)     /* a page of 4096 listeners and 512 backends */
#define CONTROL_CHUNK_BYTES ((size_t)64 * 1024) /* about what a stream should say in one go */
#define CONTROL_PATIENCE_US ((int64_t)10 * 1000 * 1000) /* without a byte in either direction */
#define CONTROL_WAIT_US ((int64_t)50 * 1000) /* a stream with nothing to say is asked again */
#define CONTROL_REST 4                       /* times as long as it worked, the server rests ... */
#define CONTROL_REST_FROM_US ((int64_t)10 * 1000) /* ... once it owes so much                     */

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

/* ---- long answers ---- */

/* What is said in one go. */
struct control_chunk {
    char *bytes;
    size_t length, capacity;
};

/* Adds a line of JSON (taken over; NULL is no memory), or bytes as they are. False: there was no memory. */
bool control_chunk_json(struct control_chunk *chunk, json_t *line);
bool control_chunk_bytes(struct control_chunk *chunk, const void *bytes, size_t length);

enum control_more {
    CONTROL_MORE, /* ask again when this chunk is out       */
    CONTROL_WAIT, /* nothing more for now                   */
    CONTROL_END,  /* that was all: the client may ask again */
};

/* Pulled, never pushed: `more` is asked when the client has taken all that came before, so nothing grows while he does not
 * read. `stopping`: he sent another line (any), and hears what is still to be said. */
struct control_stream {
    enum control_more (*more)(struct control_stream *self, struct control_chunk *chunk,
                              bool stopping, int64_t now_us);
    void (*end)(struct control_stream *self); /* gives it back; once */
};

/* Answers a request as a control_command does; the stream follows the answer if *stream is set. */
typedef json_t *control_opener(void *context, const json_t *request,
                               struct control_stream **stream);

void control_server_register_stream(struct control_server *server, const char *name,
                                    control_opener *open, void *context);

/* The same for one that may go on until the client has enough. */
void control_server_register_lasting(struct control_server *server, const char *name,
                                     control_opener *open, void *context);

#endif
