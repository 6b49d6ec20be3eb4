/* Honest clients: one thread, epoll, a queue of deadlines in order of time. */
#include "lab/siege_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <handfast/os.h>

#include "lab/siege_child.h"

#define FIRST_ADDRESS UINT32_C(0xc6120000) /* SIEGE_CLIENTS */
#define ADDRESSES 65536u
#define SAY "thirty-two bytes of honest text\n"
#define SAY_BYTES 32u
#define LATE_US 1000

struct attempt {
    int fd; /* -1: it is over */
    int64_t began_us;
    uint32_t connect_us; /* 0: not yet */
    uint32_t heard;
};

struct clients {
    struct siege_client *shared;
    struct attempt *attempts;
    uint32_t oldest; /* the first that may still be under way */
    int epoll_fd;
    struct sockaddr_in server;
};

static void finish(struct clients *clients, struct attempt *attempt, uint32_t *outcome)
{
    struct siege_client_report *report = &clients->shared->report;

    if (outcome == &report->succeeded)
        report->connect_us[report->succeeded] = attempt->connect_us;
    ++*outcome;
    close(attempt->fd);
    attempt->fd = -1;
}

static void failed(struct clients *clients, struct attempt *attempt, int error)
{
    struct siege_client_report *report = &clients->shared->report;

    if (error == ETIMEDOUT)
        finish(clients, attempt, &report->timed_out);
    else if (error == ECONNRESET || error == ECONNREFUSED || error == EPIPE)
        finish(clients, attempt, &report->reset);
    else
        finish(clients, attempt, &report->failed);
}

static void begin(struct clients *clients, int64_t now_us)
{
    struct siege_client_report *report = &clients->shared->report;
    uint32_t number = report->begun++;
    struct attempt *attempt = &clients->attempts[number];
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = number};
    /* An odd step visits each address once. */
    uint32_t host = (clients->shared->plan.first_address + number) * 40503u % ADDRESSES;
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(FIRST_ADDRESS + host)};

    *attempt =
        (struct attempt){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), .began_us = now_us};
    if (attempt->fd < 0 || bind(attempt->fd, (struct sockaddr *)&own, sizeof own) != 0 ||
        (connect(attempt->fd, (struct sockaddr *)&clients->server, sizeof clients->server) != 0 &&
         errno != EINPROGRESS) ||
        epoll_ctl(clients->epoll_fd, EPOLL_CTL_ADD, attempt->fd, &event) != 0)
        failed(clients, attempt, errno);
}

static void go_on(struct clients *clients, struct attempt *attempt, uint32_t events)
{
    char heard[64];

    if (attempt->fd < 0)
        return;
    if (attempt->connect_us == 0) {
        int error = 0;
        socklen_t size = sizeof error;

        if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
            return;
        getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error == 0 && send(attempt->fd, SAY, SAY_BYTES, MSG_NOSIGNAL) != SAY_BYTES)
            error = errno;
        if (error != 0) {
            failed(clients, attempt, error);
            return;
        }
        attempt->connect_us = (uint32_t)(hf_os_now_us() - attempt->began_us) + 1;
        clients->shared->report.connected++;
    }
    ssize_t got = recv(attempt->fd, heard, sizeof heard, 0);
    if (got < 0) {
        if (errno != EAGAIN)
            failed(clients, attempt, errno);
        return;
    }
    attempt->heard += (uint32_t)got;
    if (got == 0)
        failed(clients, attempt, ECONNRESET);
    else if (attempt->heard >= SAY_BYTES)
        finish(clients, attempt, &clients->shared->report.succeeded);
}

static void give_up_late(struct clients *clients, int64_t now_us)
{
    for (; clients->oldest < clients->shared->report.begun; clients->oldest++) {
        struct attempt *attempt = &clients->attempts[clients->oldest];

        if (attempt->fd < 0)
            continue;
        if (now_us - attempt->began_us < SIEGE_CLIENT_PATIENCE_US)
            return;
        failed(clients, attempt, ETIMEDOUT);
    }
}

static void sleep_until(struct clients *clients, int64_t until_us)
{
    struct epoll_event events[64];
    int64_t left_us = until_us - hf_os_now_us();
    struct timespec left = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};

    if (left_us < 0)
        left = (struct timespec){0};
    int count = epoll_pwait2(clients->epoll_fd, events, 64, &left, NULL);
    for (int i = 0; i < count; i++)
        go_on(clients, &clients->attempts[events[i].data.u32], events[i].events);
}

static void open_all(struct clients *clients)
{
    const struct siege_client_plan *plan = &clients->shared->plan;
    struct siege_client_report *report = &clients->shared->report;
    int64_t began_us = hf_os_now_us();
    uint32_t total = (uint32_t)(plan->duration_us * plan->rate / 1000000);

    if (total > SIEGE_CLIENTS_MAX)
        total = SIEGE_CLIENTS_MAX;
    while (!siege_child_stopped()) {
        int64_t now_us = hf_os_now_us();
        int64_t next_us = began_us + (int64_t)report->begun * 1000000 / plan->rate;

        give_up_late(clients, now_us);
        if (report->begun == total) {
            if (clients->oldest == total)
                return;
            next_us = now_us + 10000;
        } else if (now_us >= next_us) {
            report->late += now_us > next_us + LATE_US;
            begin(clients, now_us);
            next_us += 1000000 / plan->rate;
        }
        sleep_until(clients, next_us);
    }
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

void siege_client_run(void *shared)
{
    struct siege_client *client = shared;
    struct clients clients = {.shared = client,
                              .attempts = calloc(SIEGE_CLIENTS_MAX, sizeof(struct attempt)),
                              .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
                              .server = {.sin_family = AF_INET, .sin_port = htons(7)}};

    inet_pton(AF_INET, client->plan.server, &clients.server.sin_addr);
    if (!clients.attempts || clients.epoll_fd < 0)
        _exit(1);
    open_all(&clients);
    qsort(client->report.connect_us, client->report.succeeded, sizeof(uint32_t), by_value);
    free(clients.attempts);
}

uint32_t siege_client_percentile(const struct siege_client_report *report, double percent)
{
    uint32_t place = (uint32_t)(percent / 100 * report->succeeded);

    if (report->succeeded == 0)
        return 0;
    return report->connect_us[place < report->succeeded ? place : report->succeeded - 1];
}
