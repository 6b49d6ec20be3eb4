/* Which TCP ports of this host's own addresses answer. [RFC 9293 3.10.7.1] */
#include "audit/scan.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/flow.h"

#define BATCH 256
#define WAIT_MS 300 /* this host answers itself at once, or never */
#define PORTS 65535u

static bool address_of(const struct sockaddr *from, struct hf_address *address)
{
    if (from && from->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, from, sizeof in);
        *address = address_v4(ntohl(in.sin_addr.s_addr));
        return true;
    }
    if (from && from->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, from, sizeof in6);
        memcpy(address, &in6.sin6_addr, sizeof *address);
        return !address_is_link_local(address);
    }
    return false;
}

int scan_addresses(struct scan *scan)
{
    struct ifaddrs *list;

    *scan = (struct scan){.count = 0};
    if (getifaddrs(&list) != 0)
        return HF_SYSTEM;
    for (struct ifaddrs *item = list; item; item = item->ifa_next)
        if (scan->count < SCAN_ADDRESSES_MAX &&
            address_of(item->ifa_addr, &scan->addresses[scan->count]))
            scan->count++;
    freeifaddrs(list);
    return HF_OK;
}

enum listed {
    NOT_LISTED,
    PERHAPS_LISTED, /* by an IPv6 socket that may take IPv4 too */
    LISTED,
};

static enum listed is_listed(const struct listeners *listeners, const struct hf_address *address,
                             uint32_t port)
{
    enum listed listed = NOT_LISTED;

    for (uint32_t i = 0; i < listeners->count; i++) {
        const struct listener *listener = &listeners->items[i];

        if (listener->udp || listener->local.port != port)
            continue;
        if (address_equal(&listener->local.address, address))
            return LISTED;
        if (!address_is_any(&listener->local.address))
            continue;
        if (listener->v6 != hf_address_is_v4(address))
            return LISTED;
        if (listener->v6)
            listed = PERHAPS_LISTED;
    }
    return listed;
}

/* A port of ours that was chosen for the connection itself may meet it: nobody listens there. */
static bool met_itself(int fd)
{
    struct sockaddr_storage here = {0}, there = {0};
    socklen_t size = sizeof here;

    if (getsockname(fd, (struct sockaddr *)&here, &size) != 0)
        return false;
    size = sizeof there;
    return getpeername(fd, (struct sockaddr *)&there, &size) == 0 &&
           memcmp(&here, &there, sizeof here) == 0;
}

/* A connection that begins; -1 with *refused or not. */
static int begin(const struct hf_address *address, uint32_t port, bool *answered)
{
    bool v4 = hf_address_is_v4(address);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    struct linger at_once = {1, 0};
    int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *answered = false;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once); /* leaves no TIME-WAIT */
    memcpy(&in.sin_addr, address_v4_bytes(address), sizeof in.sin_addr);
    memcpy(&in6.sin6_addr, address, sizeof in6.sin6_addr);
    int result = connect(fd, v4 ? (const struct sockaddr *)&in : (const struct sockaddr *)&in6,
                         v4 ? sizeof in : sizeof in6);

    if (result == 0)
        *answered = !met_itself(fd);
    if (result == 0 || errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Ports first .. first + count - 1 of an address: a bit for each that answers. */
static void ask(const struct hf_address *address, uint32_t first, uint32_t count, bool open[BATCH])
{
    struct pollfd waiting[BATCH];
    uint32_t left = 0;

    for (uint32_t i = 0; i < count; i++) {
        waiting[i] = (struct pollfd){.fd = begin(address, first + i, &open[i]), .events = POLLOUT};
        left += waiting[i].fd >= 0;
    }
    while (left > 0 && poll(waiting, count, WAIT_MS) > 0)
        for (uint32_t i = 0; i < count; i++) {
            int error = 0;
            socklen_t size = sizeof error;

            if (waiting[i].fd < 0 || waiting[i].revents == 0)
                continue;
            getsockopt(waiting[i].fd, SOL_SOCKET, SO_ERROR, &error, &size);
            open[i] = error == 0 && !met_itself(waiting[i].fd);
            close(waiting[i].fd);
            waiting[i].fd = -1;
            left--;
        }
    for (uint32_t i = 0; i < count; i++)
        if (waiting[i].fd >= 0)
            close(waiting[i].fd);
}

int scan_run(struct scan *scan, const struct listeners *listeners,
             void (*found)(void *context, enum scan_answer answer,
                           const struct hf_endpoint *endpoint),
             void (*progress)(void *context, unsigned percent), void *context)
{
    for (uint32_t a = 0; a < scan->count; a++) {
        for (uint32_t first = 1; first <= PORTS; first += BATCH) {
            uint32_t count = first + BATCH - 1 <= PORTS ? BATCH : PORTS - first + 1;
            bool open[BATCH];

            ask(&scan->addresses[a], first, count, open);
            for (uint32_t i = 0; i < count; i++) {
                struct hf_endpoint endpoint = {scan->addresses[a], (uint16_t)(first + i)};
                enum listed listed = is_listed(listeners, &scan->addresses[a], first + i);

                scan->ports++;
                if (!open[i] && listed == LISTED) /* it may have been late among 256 */
                    ask(&scan->addresses[a], first + i, 1, &open[i]);
                scan->open += open[i];
                if (open[i] && listed == NOT_LISTED)
                    found(context, SCAN_HIDDEN, &endpoint);
                if (!open[i] && listed == LISTED)
                    found(context, SCAN_FILTERED, &endpoint);
            }
            if (progress)
                progress(context, (a * 100 + first * 100 / PORTS) / scan->count);
        }
    }
    return HF_OK;
}
