/* Proof that this process is caged: namespaces, interfaces, the lab's marker. */
#include "proof.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKER_BYTES 32
#define ALIAS "handfast-lab-"

static bool refuse(char why[256], const char *what)
{
    snprintf(why, 256, "%s: this program only works inside a network that `handfast lab` made",
             what);
    return false;
}

/* ---- namespaces ---- */

/* Its parent, and in how many nested process namespaces it has a number; false: there is no such process. */
static bool read_status(const char *process, char parent[16], unsigned *depth)
{
    char path[64], line[256];

    snprintf(path, sizeof path, "/proc/%s/status", process);
    FILE *file = fopen(path, "re");
    *depth = 0;
    while (file && fgets(line, sizeof line, file)) {
        sscanf(line, "PPid: %15s", parent);
        if (strncmp(line, "NSpid:", 6) == 0)
            for (const char *at = line; (at = strchr(at, '\t')); at++)
                ++*depth;
    }
    if (file)
        fclose(file);
    return file && *depth > 0;
}

/* The nearest ancestor outside of this process's process namespace: whoever runs the lab. */
static bool find_outside(char outside[16])
{
    char at[16] = "self", parent[16] = "";
    unsigned own, depth;

    if (!read_status(at, parent, &own))
        return false;
    for (int i = 0; i < 64; i++) {
        memcpy(at, parent, sizeof at);
        if (strcmp(at, "0") == 0 || !read_status(at, parent, &depth))
            return false;
        if (depth < own) {
            memcpy(outside, at, sizeof at);
            return true;
        }
    }
    return false;
}

/* Whether it is in another namespace than `process`. Not to be able to see it is no proof. */
static bool differs(const char *process, const char *kind)
{
    char own[64], other[64];
    struct stat a, b;

    snprintf(own, sizeof own, "/proc/self/ns/%s", kind);
    snprintf(other, sizeof other, "/proc/%s/ns/%s", process, kind);
    return stat(own, &a) == 0 && stat(other, &b) == 0 && a.st_ino != b.st_ino;
}

/* The machine's first process is not always to be seen, even by root. */
static bool is_first_network(void)
{
    struct stat own, first;

    return stat("/proc/1/ns/net", &first) == 0 && stat("/proc/self/ns/net", &own) == 0 &&
           own.st_ino == first.st_ino;
}

/* ---- interfaces ---- */

struct link {
    char name[32], alias[64], kind[16];
};

static void copy_text(char *to, size_t size, const struct rtattr *from)
{
    snprintf(to, size, "%.*s", (int)RTA_PAYLOAD(from), (const char *)RTA_DATA(from));
}

static void read_link(const struct nlmsghdr *message, struct link *link)
{
    unsigned length = (unsigned)IFLA_PAYLOAD(message);

    *link = (struct link){0};
    for (struct rtattr *at = IFLA_RTA((struct ifinfomsg *)NLMSG_DATA(message)); RTA_OK(at, length);
         at = RTA_NEXT(at, length)) {
        if (at->rta_type == IFLA_IFNAME)
            copy_text(link->name, sizeof link->name, at);
        if (at->rta_type == IFLA_IFALIAS)
            copy_text(link->alias, sizeof link->alias, at);
        if ((at->rta_type & NLA_TYPE_MASK) != IFLA_LINKINFO)
            continue;
        unsigned inner = (unsigned)RTA_PAYLOAD(at);
        for (struct rtattr *in = RTA_DATA(at); RTA_OK(in, inner); in = RTA_NEXT(in, inner))
            if (in->rta_type == IFLA_INFO_KIND)
                copy_text(link->kind, sizeof link->kind, in);
    }
}

static bool judge_link(const struct link *link, const char *alias, unsigned *found)
{
    if (strcmp(link->name, "lo") == 0)
        return true;
    if (strcmp(link->name, PROOF_INTERFACE) != 0 || strcmp(link->kind, "veth") != 0 ||
        strcmp(link->alias, alias) != 0)
        return false;
    ++*found;
    return true;
}

/* Walks one datagram of the answer. 1: there is more, 0: that was all, -1: something else is there. */
static int judge_answer(char *answer, size_t length, const char *alias, unsigned *found)
{
    struct nlmsghdr *message = (struct nlmsghdr *)(void *)answer;

    for (; NLMSG_OK(message, length); message = NLMSG_NEXT(message, length)) {
        struct link link;

        if (message->nlmsg_type == NLMSG_DONE)
            return 0;
        if (message->nlmsg_type != RTM_NEWLINK)
            return -1;
        read_link(message, &link);
        if (!judge_link(&link, alias, found))
            return -1;
    }
    return 1;
}

static bool only_lab_interfaces(const char *alias)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link;
    } request = {{.nlmsg_len = sizeof request,
                  .nlmsg_type = RTM_GETLINK,
                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
                 {.ifi_family = AF_UNSPEC}};
    _Alignas(8) static char answer[65536];
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    unsigned found = 0;
    int more = fd >= 0 && send(fd, &request, sizeof request, 0) == (ssize_t)sizeof request ? 1 : -1;

    while (more > 0) {
        ssize_t got = recv(fd, answer, sizeof answer, 0);

        more = got > 0 ? judge_answer(answer, (size_t)got, alias, &found) : -1;
    }
    if (fd >= 0)
        close(fd);
    return more == 0 && found == 1;
}

/* ---- the marker ---- */

static bool read_marker(int lab_fd, char alias[64])
{
    char marker[MARKER_BYTES + 1] = "";
    struct pollfd ready = {.fd = lab_fd, .events = POLLIN};
    struct stat status;

    if (lab_fd < 3 || fstat(lab_fd, &status) != 0 || !S_ISFIFO(status.st_mode) ||
        poll(&ready, 1, 1000) != 1 || read(lab_fd, marker, MARKER_BYTES) != MARKER_BYTES ||
        strspn(marker, "0123456789abcdef") != MARKER_BYTES)
        return false;
    snprintf(alias, 64, ALIAS "%s", marker);
    return true;
}

bool proof_lab_gone(int lab_fd)
{
    struct pollfd lab = {.fd = lab_fd, .events = POLLIN};

    return poll(&lab, 1, 0) != 0;
}

bool proof_of_lab(int lab_fd, char why[256])
{
    char alias[64], outside[16];

    if (!find_outside(outside))
        return refuse(why, "it runs among the machine's own processes");
    if (!differs(outside, "net") || is_first_network())
        return refuse(why, "it runs in the machine's own network");
    if (!read_marker(lab_fd, alias))
        return refuse(why, "no lab gave it a marker");
    if (proof_lab_gone(lab_fd))
        return refuse(why, "the lab is gone");
    if (!only_lab_interfaces(alias))
        return refuse(why, "the interfaces are not those of a lab");
    return true;
}

bool proof_may_attack(uint32_t address)
{
    return (ntohl(address) & 0xffffff00) == 0xc0000200; /* 192.0.2.0/24 */
}
