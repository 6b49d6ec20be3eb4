/* The control socket's client. */
#include "control/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <handfast/handfast.h>

#include "control/client_socket.h"
#include "control/server.h"

int control_path(char path[CONTROL_PATH_MAX], const char *name)
{
    int length = name[0] == '/'
                     ? snprintf(path, CONTROL_PATH_MAX, "%s", name)
                     : snprintf(path, CONTROL_PATH_MAX, CONTROL_DIRECTORY "/%s.sock", name);

    return length > 0 && length < CONTROL_PATH_MAX ? HF_OK : HF_INVALID;
}

void client_set_patience(int fd, int64_t patience_us)
{
    struct timeval patience = {.tv_sec = patience_us / 1000000, .tv_usec = patience_us % 1000000};

    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

int client_connect(const char *path, int *fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof address.sun_path)
        return HF_INVALID;
    memcpy(address.sun_path, path, strlen(path));
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return HF_SYSTEM;
    client_set_patience(*fd, CONTROL_PATIENCE_US);
    if (connect(*fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return HF_OK;

    int number = errno;
    close(*fd);
    errno = number;
    switch (number) {
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED: return HF_REFUSED;
    case EACCES:
    case EPERM: return HF_NO_PERMISSION;
    case EAGAIN: return HF_TIMED_OUT;
    default: return HF_SYSTEM;
    }
}

bool control_answers(const char *path)
{
    int fd, error = client_connect(path, &fd);

    if (error == HF_OK)
        close(fd);
    return error == HF_OK || error == HF_NO_PERMISSION || error == HF_TIMED_OUT;
}

int client_send_line(int fd, const json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT | JSON_ENSURE_ASCII);
    size_t length, done = 0;

    if (!text)
        return HF_NO_MEMORY;
    length = strlen(text) + 1;
    text[length - 1] = '\n';
    while (done < length) {
        ssize_t sent = send(fd, text + done, length - done, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            break;
        done += (size_t)sent;
    }
    free(text);
    return done == length ? HF_OK : errno == EAGAIN ? HF_TIMED_OUT : HF_SYSTEM;
}

static int receive_line(int fd, json_t **reply)
{
    size_t length = 0, capacity = 0;
    char *text = NULL;
    int error = HF_OK;

    while (error == HF_OK && !(length > 0 && text[length - 1] == '\n')) {
        if (length == capacity) {
            char *larger = capacity < CONTROL_REPLY_MAX
                               ? realloc(text, capacity = 2 * capacity + 65536)
                               : NULL;

            if (!larger) {
                error = HF_NO_MEMORY;
                break;
            }
            text = larger;
        }
        ssize_t got = recv(fd, text + length, capacity - length, 0);
        if (got > 0)
            length += (size_t)got;
        else if (got == 0)
            error = HF_CLOSING;
        else if (errno != EINTR)
            error = errno == EAGAIN ? HF_TIMED_OUT : HF_SYSTEM;
    }
    if (error == HF_OK && !(*reply = json_loadb(text, length, 0, NULL)))
        error = HF_INVALID;
    free(text);
    return error;
}

int control_ask(const char *path, const json_t *request, json_t **reply)
{
    int fd;
    int error = client_connect(path, &fd);

    if (error)
        return error;
    error = client_send_line(fd, request);
    if (!error)
        error = receive_line(fd, reply);
    close(fd);
    return error;
}
