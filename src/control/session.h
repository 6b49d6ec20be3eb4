/* One client of the control socket: a line coming in, a reply or a stream going out. Inside of server.c. */
#ifndef CONTROL_SESSION_H
#define CONTROL_SESSION_H

#include "control/server.h"

struct session {
    struct loop_handler handler; /* fd -1: the place is free */
    struct loop_timer patience;
    struct control_server *server;
    struct control_stream *stream; /* or NULL */
    struct control_chunk out;      /* what he has not taken yet, from `sent` */
    size_t sent;
    int64_t active_at_us;
    bool lasting;  /* the stream goes on until he has enough */
    bool waiting;  /* it has nothing to say */
    bool stopping; /* he wants the stream to end */
    bool ended;    /* he says no more: what he asked for is still answered */
    bool last;     /* close after this reply */
    size_t line_length;
    char line[CONTROL_LINE_MAX];
};

/* A client has come. False: he cannot be watched, and is gone. */
bool session_open(struct session *session, struct control_server *server, int fd);
void session_end(struct session *session);

/* From now on nothing is done for him until session_wake. */
void session_pause(struct session *session);
void session_wake(struct session *session);

/* What a session needs of its server. */
struct loop *session_loop(const struct session *session);
json_t *session_answer(struct session *session, const json_t *request); /* may set its stream */
bool session_may_work(struct control_server *server, int64_t now_us);
void session_worked(struct control_server *server, int64_t since_us, int64_t now_us);
void session_waits(struct control_server *server, int64_t now_us);

#endif
