/* Sockets that listen on this host. [sock_diag(7)] */
#include "audit/listeners.h"

#include <ctype.h>
#include <dirent.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/flow.h"

#define TCP_STATE_CLOSE 7 /* the kernel's numbers */
#define TCP_STATE_LISTEN 10
#define FIRST_ROWS 64u

struct listener *listeners_add(struct listeners *listeners)
{
    if (listeners->count == listeners->capacity) {
        uint32_t capacity = listeners->capacity ? 2 * listeners->capacity : FIRST_ROWS;
        struct listener *items = realloc(listeners->items, capacity * sizeof *items);

        if (!items)
            return NULL;
        listeners->items = items;
        listeners->capacity = capacity;
    }
    struct listener *listener = &listeners->items[listeners->count++];

    memset(listener, 0, sizeof *listener);
    return listener;
}

void listeners_free(struct listeners *listeners)
{
    free(listeners->items);
    *listeners = (struct listeners){NULL, 0, 0};
}

struct reading {
    struct listeners *listeners;
    bool udp;
};

static int on_row(const struct nlmsghdr *header, void *data)
{
    const struct inet_diag_msg *row = mnl_nlmsg_get_payload(header);
    const struct reading *reading = data;
    struct listener *listener = listeners_add(reading->listeners);

    if (!listener)
        return MNL_CB_ERROR;
    listener->udp = reading->udp;
    listener->v6 = row->idiag_family == AF_INET6;
    listener->uid = row->idiag_uid;
    listener->inode = row->idiag_inode;
    listener->local.port = ntohs(row->id.idiag_sport);
    if (listener->v6)
        memcpy(&listener->local.address, row->id.idiag_src, sizeof listener->local.address);
    else if (row->id.idiag_src[0] != 0)
        listener->local.address = address_v4(ntohl(row->id.idiag_src[0]));
    return MNL_CB_OK;
}

static int ask(struct mnl_socket *socket, struct listeners *listeners, uint8_t family, bool udp)
{
    char buffer[MNL_SOCKET_BUFFER_SIZE];
    struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
    struct reading reading = {listeners, udp};
    ssize_t got;
    int more = MNL_CB_OK;

    header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    struct inet_diag_req_v2 *request = mnl_nlmsg_put_extra_header(header, sizeof *request);
    request->sdiag_family = family;
    request->sdiag_protocol = udp ? IPPROTO_UDP : IPPROTO_TCP;
    request->idiag_states = 1u << (udp ? TCP_STATE_CLOSE : TCP_STATE_LISTEN);
    if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
        return HF_SYSTEM;
    while (more > MNL_CB_STOP) {
        got = mnl_socket_recvfrom(socket, buffer, sizeof buffer);
        if (got < 0)
            return HF_SYSTEM;
        more = mnl_cb_run(buffer, (size_t)got, 0, 0, on_row, &reading);
    }
    return more < 0 ? HF_SYSTEM : HF_OK;
}

int listeners_read(struct listeners *listeners)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
    int result = HF_OK;

    if (!socket)
        return HF_SYSTEM;
    if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
        result = HF_SYSTEM;
    for (int udp = 0; udp < 2 && result == HF_OK; udp++) {
        result = ask(socket, listeners, AF_INET, udp);
        if (result == HF_OK)
            result = ask(socket, listeners, AF_INET6, udp);
    }
    mnl_socket_close(socket);
    return result;
}

/* ---- processes ---- */

static void read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");

    line[0] = '\0';
    if (!file)
        return;
    if (fgets(line, (int)size, file))
        line[strcspn(line, "\n")] = '\0';
    fclose(file);
}

/* The unit is the last part of the control group that ends in .service or .socket. */
static void name_process(struct listener *listener, const char *pid)
{
    char path[300], line[400], *unit;

    listener->pid = (int)strtol(pid, NULL, 10);
    snprintf(path, sizeof path, "/proc/%s/comm", pid);
    read_line(path, listener->process, sizeof listener->process);
    snprintf(path, sizeof path, "/proc/%s/cgroup", pid);
    read_line(path, line, sizeof line);
    unit = strrchr(line, '/');
    if (unit && strstr(unit, ".service") && strlen(unit + 1) < sizeof listener->unit)
        memcpy(listener->unit, unit + 1, strlen(unit + 1) + 1);
}

static void look_at_descriptor(struct listeners *listeners, const char *pid, const char *fd)
{
    char path[600], target[64];
    unsigned inode;

    snprintf(path, sizeof path, "/proc/%s/fd/%s", pid, fd);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length <= 0)
        return;
    target[length] = '\0';
    if (sscanf(target, "socket:[%u]", &inode) != 1)
        return;
    for (uint32_t i = 0; i < listeners->count; i++)
        if (listeners->items[i].inode == inode && listeners->items[i].pid == 0)
            name_process(&listeners->items[i], pid);
}

static void look_at_process(struct listeners *listeners, const char *pid)
{
    char path[300];
    struct dirent *entry;
    DIR *directory;

    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    directory = opendir(path);
    if (!directory)
        return;
    while ((entry = readdir(directory)))
        if (isdigit((unsigned char)entry->d_name[0]))
            look_at_descriptor(listeners, pid, entry->d_name);
    closedir(directory);
}

void listeners_find_processes(struct listeners *listeners)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;

    if (!proc)
        return;
    while ((entry = readdir(proc)))
        if (isdigit((unsigned char)entry->d_name[0]))
            look_at_process(listeners, entry->d_name);
    closedir(proc);
}

/* ---- what they are ---- */

bool listener_is_open(const struct listener *listener)
{
    return address_kind(&listener->local.address) != ADDRESS_LOOPBACK;
}

const char *listener_text(char text[LISTENER_TEXT_MAX], const struct listener *listener)
{
    char endpoint[HF_ENDPOINT_TEXT_MAX], process[LISTENER_NAME_MAX + 24] = "";

    if (address_is_any(&listener->local.address))
        snprintf(endpoint, sizeof endpoint, "*:%u", listener->local.port);
    else
        hf_endpoint_format(endpoint, &listener->local);
    if (listener->pid > 0)
        snprintf(process, sizeof process, " %s[%d]", listener->process, listener->pid);
    snprintf(text, LISTENER_TEXT_MAX, "%s %s%s", listener->udp ? "udp" : "tcp", endpoint, process);
    return text;
}
