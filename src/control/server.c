/* The control socket's server: clients in a bounded table, each with a line coming in or a reply going out. */
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
#include "control/request.h"

struct client {
    struct loop_handler handler; /* fd -1: the place is free */
    struct loop_timer patience;
    struct control_server *server;
    size_t line_length;
    char line[CONTROL_LINE_MAX];
    char *reply; /* NULL: none is going out */
    size_t reply_length, reply_sent;
    bool last; /* close after this reply */
};

struct control_server {
    struct loop *loop;
    struct loop_handler listener;
    struct sockaddr_un address;
    size_t commands;
    struct {
        const char *name;
        control_command *run;
        void *context;
    } command[CONTROL_COMMANDS_MAX];
    struct client clients[CONTROL_CLIENTS_MAX];
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

/* ---- clients ---- */

static void client_end(struct client *client)
{
    struct loop *loop = client->server->loop;

    loop_remove(loop, &client->handler);
    loop_timer_cancel(loop, &client->patience);
    close(client->handler.fd);
    free(client->reply);
    client->reply = NULL;
    client->handler.fd = -1;
}

static void client_alive(struct client *client)
{
    loop_timer_set(client->server->loop, &client->patience, hf_os_now_us() + CONTROL_PATIENCE_US);
}

static void on_patience_end(struct loop_timer *self, int64_t now_us)
{
    (void)now_us;
    client_end(loop_owner(self, struct client, patience));
}

static json_t *answer(struct control_server *server, const json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "command"));

    for (size_t i = 0; name && i < server->commands; i++)
        if (strcmp(server->command[i].name, name) == 0)
            return server->command[i].run(server->command[i].context, request);

    json_t *error = control_error("there is no command %s", name ? name : "in the request");
    json_t *names = json_array();
    for (size_t i = 0; i < server->commands; i++)
        json_array_append_new(names, json_string(server->command[i].name));
    json_object_set_new(error, "commands", names);
    return error;
}

static void set_reply(struct client *client, json_t *reply)
{
    char *text = reply ? json_dumps(reply, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

    json_decref(reply);
    if (!text || strlen(text) >= CONTROL_REPLY_MAX) {
        free(text);
        text = strdup("{\"error\": \"the answer is too large\"}");
    }
    if (!text) {
        client->last = true;
        return;
    }
    client->reply = text;
    client->reply_length = strlen(text) + 1;
    client->reply[client->reply_length - 1] = '\n'; /* in the place of its zero */
    client->reply_sent = 0;
}

/* Sends what can be sent. false: the client is gone. */
static bool client_send(struct client *client)
{
    while (client->reply && client->reply_sent < client->reply_length) {
        ssize_t sent = send(client->handler.fd, client->reply + client->reply_sent,
                            client->reply_length - client->reply_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && errno == EAGAIN) {
            loop_change(client->server->loop, &client->handler, EPOLLOUT);
            return true;
        }
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0) {
            client_end(client);
            return false;
        }
        client->reply_sent += (size_t)sent;
        client_alive(client);
    }
    free(client->reply);
    client->reply = NULL;
    if (client->last) {
        client_end(client);
        return false;
    }
    loop_change(client->server->loop, &client->handler, EPOLLIN);
    return true;
}

/* Answers whole lines, one at a time: the next is read when the reply to this one is out. */
static void client_serve(struct client *client)
{
    while (!client->reply) {
        char *end = memchr(client->line, '\n', client->line_length);

        if (!end && client->line_length < CONTROL_LINE_MAX)
            return;
        if (!end) {
            client->last = true;
            set_reply(client, control_error("a request has at most %d bytes", CONTROL_LINE_MAX));
        } else {
            json_t *request = request_parse(client->line, (size_t)(end - client->line));
            size_t used = (size_t)(end + 1 - client->line);

            client->line_length -= used;
            set_reply(client,
                      request ? answer(client->server, request) : control_error("not a request"));
            json_decref(request);
            memmove(client->line, end + 1, client->line_length);
        }
        if (!client_send(client))
            return;
    }
}

static void on_client(struct loop_handler *self, uint32_t events)
{
    struct client *client = loop_owner(self, struct client, handler);

    if (client->reply) {
        if (events & (EPOLLERR | EPOLLHUP))
            client_end(client);
        else if (client_send(client))
            client_serve(client);
        return;
    }
    ssize_t got = recv(self->fd, client->line + client->line_length,
                       CONTROL_LINE_MAX - client->line_length, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        client_end(client);
        return;
    }
    client->line_length += (size_t)got;
    client_alive(client);
    client_serve(client);
}

/* ---- the listener ---- */

static void on_listener(struct loop_handler *self, uint32_t events)
{
    struct control_server *server = loop_owner(self, struct control_server, listener);
    struct client *client = NULL;
    int fd = accept4(self->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd < 0)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX && !client; i++)
        if (server->clients[i].handler.fd < 0)
            client = &server->clients[i];
    if (!client) { /* the one that has been silent for longest gives way */
        client = &server->clients[0];
        for (size_t i = 1; i < CONTROL_CLIENTS_MAX; i++)
            if (server->clients[i].patience.at_us < client->patience.at_us)
                client = &server->clients[i];
        client_end(client);
    }
    client->handler = (struct loop_handler){fd, on_client};
    client->patience = (struct loop_timer){.run = on_patience_end};
    client->server = server;
    client->line_length = 0;
    client->last = false;
    if (loop_add(server->loop, &client->handler, EPOLLIN) != HF_OK) {
        close(fd);
        client->handler.fd = -1;
        return;
    }
    client_alive(client);
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
    int failed = bind(*fd, (const struct sockaddr *)address, sizeof *address) || listen(*fd, 16);
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
        server->clients[i].handler.fd = -1;

    int error = listen_at(&server->address, &fd);
    if (error) {
        free(server);
        return error;
    }
    server->listener = (struct loop_handler){fd, on_listener};
    *out = server;
    return loop_add(loop, &server->listener, EPOLLIN);
}

void control_server_close(struct control_server *server)
{
    if (!server)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (server->clients[i].handler.fd >= 0)
            client_end(&server->clients[i]);
    loop_remove(server->loop, &server->listener);
    close(server->listener.fd);
    unlink(server->address.sun_path);
    free(server);
}

void control_server_register(struct control_server *server, const char *name, control_command *run,
                             void *context)
{
    must(server->commands < CONTROL_COMMANDS_MAX);
    server->command[server->commands].name = name;
    server->command[server->commands].run = run;
    server->command[server->commands].context = context;
    server->commands++;
}
