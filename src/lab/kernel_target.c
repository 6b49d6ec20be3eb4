/* An echo server on the Linux kernel's TCP, for comparison: epoll, one thread, nothing clever. */
#include "lab/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/siege_child.h"

static int open_listener(void)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(SIEGE_PORT)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, (struct sockaddr *)&local, sizeof local) != 0 || listen(fd, 1024) != 0)
        return -1;
    return fd;
}

static void watch(int epoll_fd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        close(fd);
}

static void echo(int fd)
{
    char text[4096];
    ssize_t got = recv(fd, text, sizeof text, MSG_DONTWAIT);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0 || send(fd, text, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        close(fd);
}

void kernel_target_run(void *argument)
{
    struct target *shared = argument;
    struct epoll_event events[64];
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC), listener = open_listener();

    if (epoll_fd < 0 || listener < 0) {
        shared->error = HF_SYSTEM;
        atomic_store(&shared->state, TARGET_FAILED);
        return;
    }
    watch(epoll_fd, listener);
    atomic_store(&shared->state, TARGET_READY);
    while (!siege_child_stopped()) {
        int count = epoll_wait(epoll_fd, events, 64, 20);

        for (int i = 0; i < count; i++) {
            if (events[i].data.fd != listener) {
                echo(events[i].data.fd);
                continue;
            }
            for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
                shared->report.accepted++;
                watch(epoll_fd, fd);
            }
        }
    }
}
