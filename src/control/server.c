/* The control socket's server: clients in a bounded table, the commands, and how much of the time they get. */
#include "control/server.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <handfast/os.h>

#include "base/must.h"
#include "base/time.h"
#include "control/session.h"
#include "os/syscalls.h"

SYSCALLS("accept4 sendto recvfrom unlink");
SYSCALLS_AT_START("socket connect mkdir unlink umask bind listen chown");

_Static_assert(CONTROL_STREAMS_MAX + CONTROL_ANSWERS_MAX < CONTROL_CLIENTS_MAX,
               "somebody is there who gives way");

struct control_server {
    struct loop *loop;
    struct loop_handler listener;
    struct sockaddr_un address;
    size_t commands;
    struct {
        const char *name;
        control_command *run; /* or: */
        control_opener *open;
        bool lasting;
        void *context;
    } command[CONTROL_COMMANDS_MAX];
    int64_t owed_until_us; /* rest that is owed to the packets */
    bool resting;
    struct loop_timer rest, wait;
    struct session sessions[CONTROL_CLIENTS_MAX];
};

json_t *control_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    json_t *text = json_vsprintf(format, arguments);
    va_end(arguments);
    return json_pack("{s:o}", "error",
                     text ? text : json_string("the error could not be put in words"));
}

/* ---- what sessions ask of us ---- */

struct loop *session_loop(const struct session *session)
{
    return session->server->loop;
}

static bool is_open(const struct session *session)
{
    return session->handler.fd >= 0;
}

static uint32_t streams(const struct control_server *server, bool lasting)
{
    uint32_t count = 0;

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        count += is_open(&server->sessions[i]) && server->sessions[i].stream != NULL &&
                 server->sessions[i].lasting == lasting;
    return count;
}

/* NULL: there is room for one more. */
static json_t *no_room(const struct control_server *server, bool lasting)
{
    if (streams(server, lasting) < (lasting ? CONTROL_STREAMS_MAX : CONTROL_ANSWERS_MAX))
        return NULL;
    return lasting
               ? control_error("%d streams are open already (events, capture)", CONTROL_STREAMS_MAX)
               : control_error("%d long answers are being given already: ask again",
                               CONTROL_ANSWERS_MAX);
}

static json_t *no_such_command(const struct control_server *server, const char *name)
{
    json_t *error = control_error("there is no command %s", name ? name : "in the request");
    json_t *names = json_array();

    for (size_t i = 0; i < server->commands; i++)
        json_array_append_new(names, json_string(server->command[i].name));
    json_object_set_new(error, "commands", names);
    return error;
}

json_t *session_answer(struct session *session, const json_t *request)
{
    struct control_server *server = session->server;
    const char *name = json_string_value(json_object_get(request, "command"));
    json_t *refusal;
    size_t i = 0;

    while (name && i < server->commands && strcmp(server->command[i].name, name) != 0)
        i++;
    if (!name || i == server->commands)
        return no_such_command(server, name);
    if (!server->command[i].open)
        return server->command[i].run(server->command[i].context, request);
    refusal = no_room(server, server->command[i].lasting);
    if (refusal != NULL)
        return refusal;
    session->lasting = server->command[i].lasting;
    return server->command[i].open(server->command[i].context, request, &session->stream);
}

static void on_wait_end(struct loop_timer *self, int64_t now_us)
{
    struct control_server *server = loop_owner(self, struct control_server, wait);

    (void)now_us;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (is_open(&server->sessions[i]) && server->sessions[i].waiting && !server->resting)
            session_wake(&server->sessions[i]);
}

void session_waits(struct control_server *server, int64_t now_us)
{
    if (server->wait.place == 0)
        loop_timer_set(server->loop, &server->wait, now_us + CONTROL_WAIT_US);
}

/* ---- packets go first ---- */

static void on_rest_end(struct loop_timer *self, int64_t now_us)
{
    struct control_server *server = loop_owner(self, struct control_server, rest);

    (void)now_us;
    server->resting = false;
    loop_change(server->loop, &server->listener, EPOLLIN);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (is_open(&server->sessions[i]))
            session_wake(&server->sessions[i]);
}

bool session_may_work(struct control_server *server, int64_t now_us)
{
    (void)now_us;
    return !server->resting;
}

void session_worked(struct control_server *server, int64_t since_us, int64_t now_us)
{
    server->owed_until_us =
        time_max(server->owed_until_us, since_us) + (1 + CONTROL_REST) * (now_us - since_us);
    if (server->resting || server->owed_until_us - now_us < CONTROL_REST_FROM_US)
        return;
    server->resting = true;
    loop_timer_set(server->loop, &server->rest, server->owed_until_us);
    loop_change(server->loop, &server->listener, 0);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (is_open(&server->sessions[i]))
            session_pause(&server->sessions[i]);
}

/* ---- the listener ---- */

/* A place for one more: that of the one who has been silent for longest and follows no stream. */
static struct session *place_for_one(struct control_server *server)
{
    struct session *oldest = NULL;

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct session *session = &server->sessions[i];

        if (!is_open(session))
            return session;
        if (session->stream == NULL &&
            (oldest == NULL || session->active_at_us < oldest->active_at_us))
            oldest = session;
    }
    must(oldest != NULL); /* there are fewer streams than places */
    session_end(oldest);
    return oldest;
}

static void on_listener(struct loop_handler *self, uint32_t events)
{
    struct control_server *server = loop_owner(self, struct control_server, listener);
    int64_t since_us = hf_os_now_us();
    int fd;

    (void)events;
    if (!session_may_work(server, since_us))
        return;
    fd = accept4(self->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        session_open(place_for_one(server), server, fd);
    else if (errno != EAGAIN && errno != EINTR)
        since_us -= 2 * CONTROL_REST_FROM_US; /* no descriptors left: asking again costs a rest */
    session_worked(server, since_us, hf_os_now_us());
}

static int error_of(int number)
{
    return number == EACCES || number == EPERM ? HF_NO_PERMISSION : HF_SYSTEM;
}

static bool somebody_answers(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answered =
        fd >= 0 &&
        (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN);

    if (fd >= 0)
        close(fd);
    return answered;
}

static int listen_at(const struct sockaddr_un *address, int *fd)
{
    const struct group *group;
    char directory[sizeof address->sun_path];

    memcpy(directory, address->sun_path, sizeof directory);
    mkdir(dirname(directory), 0755); /* if it fails, bind says why */
    if (somebody_answers(address))
        return HF_ADDRESS_IN_USE;

    struct stat old;
    if (lstat(address->sun_path, &old) == 0 && S_ISSOCK(old.st_mode))
        unlink(address->sun_path);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return HF_SYSTEM;
    mode_t mask = umask(0117); /* 0660 from the first moment */
    int failed = bind(*fd, (const struct sockaddr *)address, sizeof *address) || listen(*fd, 128);
    int number = errno;
    umask(mask);
    if (failed) {
        close(*fd);
        errno = number;
        return error_of(number);
    }
    group = getgrnam("handfast");
    if (group && chown(address->sun_path, (uid_t)-1, group->gr_gid) != 0)
        errno = 0; /* then only root may talk to it */
    return HF_OK;
}

int control_server_open(struct control_server **out, struct loop *loop, const char *path)
{
    struct control_server *server;
    int fd = -1;

    if (strlen(path) == 0 || strlen(path) >= sizeof server->address.sun_path)
        return HF_INVALID;
    server = calloc(1, sizeof *server);
    if (!server)
        return HF_NO_MEMORY;
    server->loop = loop;
    server->address.sun_family = AF_UNIX;
    memcpy(server->address.sun_path, path, strlen(path));
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        server->sessions[i].handler.fd = -1;

    int error = listen_at(&server->address, &fd);
    if (error) {
        free(server);
        return error;
    }
    server->listener = (struct loop_handler){fd, on_listener};
    server->rest.run = on_rest_end;
    server->wait.run = on_wait_end;
    *out = server;
    return loop_add(loop, &server->listener, EPOLLIN);
}

void control_server_close(struct control_server *server)
{
    if (!server)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (is_open(&server->sessions[i]))
            session_end(&server->sessions[i]);
    loop_timer_cancel(server->loop, &server->rest);
    loop_timer_cancel(server->loop, &server->wait);
    loop_remove(server->loop, &server->listener);
    close(server->listener.fd);
    unlink(server->address.sun_path);
    free(server);
}

static void add_command(struct control_server *server, const char *name, void *context)
{
    must(server->commands < CONTROL_COMMANDS_MAX);
    server->command[server->commands].name = name;
    server->command[server->commands].context = context;
    server->commands++;
}

void control_server_register(struct control_server *server, const char *name, control_command *run,
                             void *context)
{
    add_command(server, name, context);
    server->command[server->commands - 1].run = run;
}

void control_server_register_stream(struct control_server *server, const char *name,
                                    control_opener *open, void *context)
{
    add_command(server, name, context);
    server->command[server->commands - 1].open = open;
}

void control_server_register_lasting(struct control_server *server, const char *name,
                                     control_opener *open, void *context)
{
    control_server_register_stream(server, name, open, context);
    server->command[server->commands - 1].lasting = true;
}
