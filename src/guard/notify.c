/* Datagrams to the supervisor: assignments, a line each, perhaps with a descriptor. [sd_notify(3), sd_listen_fds(3)] */
#include "guard/notify.h"

#include "os/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

SYSCALLS("sendmsg");
SYSCALLS_AT_START("socket fcntl");

#define MESSAGE_MAX 1024
#define FIRST_FD 3 /* SD_LISTEN_FDS_START */

static int64_t number_in(const char *name)
{
    const char *text = getenv(name);
    char *end;
    long long number;

    if (text == NULL || *text < '0' || *text > '9')
        return 0;
    errno = 0;
    number = strtoll(text, &end, 10);
    return errno != 0 || *end != '\0' ? 0 : number;
}

void notify_open(struct notify *notify)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t length = path == NULL ? 0 : strlen(path);
    int64_t watched = number_in("WATCHDOG_PID");

    *notify = (struct notify){.fd = -1, .address.sun_family = AF_UNIX};
    if (length < 2 || length >= sizeof notify->address.sun_path || strchr("/@", *path) == NULL)
        return;
    memcpy(notify->address.sun_path, path, length);
    if (*path == '@') /* a name without a file */
        notify->address.sun_path[0] = '\0';
    notify->address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (watched == 0 || watched == getpid())
        notify->watchdog_us = number_in("WATCHDOG_USEC");
}

void notify_close(struct notify *notify)
{
    if (notify->fd >= 0)
        close(notify->fd);
    notify->fd = -1;
}

static bool send_message(const struct notify *notify, const char *text, int with_fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec part = {(void *)(uintptr_t)text, strlen(text)};
    struct msghdr message = {
        .msg_name = (void *)(uintptr_t)&notify->address,
        .msg_namelen = notify->address_bytes,
        .msg_iov = &part,
        .msg_iovlen = 1,
    };

    if (notify->fd < 0)
        return false;
    if (with_fd >= 0) {
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof with_fd);
        memcpy(CMSG_DATA(&control.header), &with_fd, sizeof with_fd);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
    }
    return sendmsg(notify->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

bool notify_say(const struct notify *notify, const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return send_message(notify, text, -1);
}

/* ---- descriptors ---- */

/* FDPOLL=0: an interface that was removed and came back must not be forgotten meanwhile. */
bool notify_keep(const struct notify *notify, const char *name, int fd)
{
    char text[128];

    notify_forget(notify, name);
    snprintf(text, sizeof text, "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
    return send_message(notify, text, fd);
}

void notify_forget(const struct notify *notify, const char *name)
{
    notify_say(notify, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

int notify_take(const char *name)
{
    const char *names = getenv("LISTEN_FDNAMES");
    int64_t count = number_in("LISTEN_FDS");

    if (names == NULL || number_in("LISTEN_PID") != getpid())
        return -1;
    for (int fd = FIRST_FD; fd < FIRST_FD + count; fd++) {
        size_t length = strcspn(names, ":");

        if (strlen(name) == length && memcmp(names, name, length) == 0 &&
            fcntl(fd, F_GETFD) == 0) { /* one that is taken has FD_CLOEXEC */
            fcntl(fd, F_SETFD, FD_CLOEXEC);
            return fd;
        }
        names += length + (names[length] == ':');
    }
    return -1;
}

/* ---- the watchdog ---- */

void notify_feed(struct notify *notify, int64_t now_us)
{
    if (now_us < notify_deadline(notify))
        return;
    notify->fed_at_us = now_us;
    notify_say(notify, "WATCHDOG=1");
}

int64_t notify_deadline(const struct notify *notify)
{
    if (notify->fd < 0 || notify->watchdog_us == 0)
        return INT64_MAX;
    return notify->fed_at_us + notify->watchdog_us / 3; /* one that is lost must do no harm */
}
