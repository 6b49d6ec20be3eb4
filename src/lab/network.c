/* The private network, made by `ip` inside a cage. */
#include "lab/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/cage.h"
#include "lab/files.h"
#include "lab/process.h"

#define SECOND_US INT64_C(1000000)
#define BATCH_FILE CAGE_RUN "/network"
#define LOG_FILE CAGE_RUN "/network.log"
#define SYSFS CAGE_RUN "/sys"

struct setting {
    const char *path;
    const char *value;
};

/* Addresses are used at once, without a second of duplicate detection; interfaces made later inherit it. */
static const struct setting client_settings[] = {
    {"/proc/sys/net/ipv6/conf/all/disable_ipv6", "0"},
    {"/proc/sys/net/ipv6/conf/default/disable_ipv6", "0"},
    {"/proc/sys/net/ipv6/conf/all/accept_dad", "0"},
    {"/proc/sys/net/ipv6/conf/default/accept_dad", "0"},
    /* No tail loss probes: on a busy machine the scheduler alone is later than they wait. [RFC 8985 7] */
    {"/proc/sys/net/ipv4/tcp_early_retrans", "0"},
    {NULL, NULL},
};

static const struct setting guard_settings[] = {
    {"/proc/sys/net/ipv6/conf/all/disable_ipv6", "0"},
    {"/proc/sys/net/ipv6/conf/default/disable_ipv6", "0"},
    {"/proc/sys/net/ipv6/conf/all/accept_dad", "0"},
    {"/proc/sys/net/ipv6/conf/default/accept_dad", "0"},
    {"/proc/sys/net/ipv4/ip_forward", "1"},
    {"/proc/sys/net/ipv6/conf/all/forwarding", "1"},
    {"/proc/sys/net/ipv4/tcp_wmem", "4096 16777216 16777216"}, /* see nginx_config in servers.c */
    {NULL, NULL},
};

static const char guard_commands[] =
    "link set lo up\n"
    "link add up0 type veth peer name eth0 netns /proc/self/fd/%d\n"
    "addr add 198.51.100.1/24 dev up0\n"
    "addr add 2001:db8:2::1/64 dev up0 nodad\n"
    "link set up0 up\n";

static const char client_commands[] = "link set lo up\n"
                                      "addr add 198.51.100.2/24 dev eth0\n"
                                      "addr add 2001:db8:2::2/64 dev eth0 nodad\n"
                                      "link set eth0 up\n"
                                      "route add default via 198.51.100.1\n"
                                      "route add ::/0 via 2001:db8:2::1\n";

static bool apply_settings(const struct setting *settings, char why[256])
{
    for (; settings->path; settings++) {
        int fd = open(settings->path, O_WRONLY | O_CLOEXEC);
        ssize_t wrote = fd < 0 ? -1 : write(fd, settings->value, strlen(settings->value));
        int error = errno;

        if (fd >= 0)
            close(fd);
        if (wrote < 0) {
            snprintf(why, 256, "%s cannot be set: %s", settings->path, strerror(error));
            return false;
        }
    }
    return true;
}

static bool run_batch(const char *commands, int namespace_fd, char why[256])
{
    const char *argv[] = {"ip", "-batch", BATCH_FILE, NULL};
    struct process_plan plan = {.namespace_fd = namespace_fd, .argv = argv, .log = LOG_FILE};
    char line[160];

    if (files_write(BATCH_FILE, commands) && process_run(&plan, NULL, 0, 10 * SECOND_US) == 0)
        return true;
    files_first_line(LOG_FILE, line, sizeof line);
    snprintf(why, 256, "the network cannot be made: ip says: %s", line);
    return false;
}

/* The client's namespace. Its descriptor is inherited by programs: `ip` finds the namespace by it. */
static bool make_namespaces(struct network *network)
{
    network->guard_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (network->guard_fd < 0 || unshare(CLONE_NEWNET) != 0)
        return false;
    network->client_fd = open("/proc/self/ns/net", O_RDONLY);
    return network->client_fd >= 0;
}

/* A veth hands packets to the CPU that its sender runs on, so a sender that moves between CPUs has its packets overtake each
 * other. Receive packet steering gives each flow one CPU, whoever sends. Without it the lab works, with a reordered burst
 * now and then. */
static void keep_order(const char *interface)
{
    char path[128], mask[16];
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    snprintf(path, sizeof path, SYSFS "/class/net/%s/queues/rx-0/rps_cpus", interface);
    snprintf(mask, sizeof mask, "%lx", (1L << (cpus < 16 ? cpus : 16)) - 1);
    if ((mkdir(SYSFS, 0755) != 0 && errno != EEXIST) || mount("sysfs", SYSFS, "sysfs", 0, NULL))
        return;
    files_write(path, mask);
    umount2(SYSFS, MNT_DETACH);
}

/* A sysfs shows the namespace of whoever mounted it. */
static bool keep_order_everywhere(const struct network *network)
{
    keep_order("up0");
    if (setns(network->client_fd, CLONE_NEWNET) != 0)
        return false;
    keep_order("eth0");
    return setns(network->guard_fd, CLONE_NEWNET) == 0;
}

bool network_make(struct network *network, char why[256])
{
    char commands[sizeof guard_commands + 16];

    if (!make_namespaces(network)) {
        snprintf(why, 256, "no network namespace: %s", strerror(errno));
        return false;
    }
    if (!apply_settings(client_settings, why))
        return false;
    if (setns(network->guard_fd, CLONE_NEWNET) != 0) {
        snprintf(why, 256, "no way back to a network namespace: %s", strerror(errno));
        return false;
    }
    snprintf(commands, sizeof commands, guard_commands, network->client_fd);
    return apply_settings(guard_settings, why) && run_batch(commands, -1, why) &&
           run_batch(client_commands, network->client_fd, why) && keep_order_everywhere(network);
}

const char *network_family_name(enum family family)
{
    return family == IPV4 ? "IPv4" : "IPv6";
}

const char *network_guard_host(enum family family)
{
    return family == IPV4 ? NETWORK_GUARD_V4 : "[" NETWORK_GUARD_V6 "]";
}

socklen_t network_guard_address(struct sockaddr_storage *to, enum family family, uint16_t port)
{
    memset(to, 0, sizeof *to);
    if (family == IPV4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)to;

        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        inet_pton(AF_INET, NETWORK_GUARD_V4, &v4->sin_addr);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    inet_pton(AF_INET6, NETWORK_GUARD_V6, &v6->sin6_addr);
    return sizeof *v6;
}
