/* The wire, made by `ip` inside a cage. */
#include "lab/siege_network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/cage.h"
#include "lab/files.h"

#define SECOND_US INT64_C(1000000)
#define BATCH_FILE CAGE_RUN "/siege"
#define LOG_FILE CAGE_RUN "/siege.log"
#define OWNERS_MAC "02:00:00:00:00:01"
#define SYSFS CAGE_RUN "/sys"

static const char wire_commands[] =
    "link set lo up\n"
    "link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n"
    "link add cl-up type veth peer name cl0 netns /proc/self/fd/%d\n"
    "link add at-up type veth peer name at0 netns /proc/self/fd/%d\n"
    "link add sv-up type veth peer name sv0 netns /proc/self/fd/%d\n"
    "link set cl-up master br0 up\n"
    "link set at-up master br0 up\n"
    "link set sv-up master br0 up\n"
    "link add nobody type veth peer name void\n"
    "link set void up\n"
    "link set nobody master br0 up\n"
    "link set br0 up\n";

static const char client_commands[] = "link set lo up\n"
                                      "addr add " SIEGE_CLIENT_ADDRESS "/24 dev cl0\n"
                                      "link set cl0 up\n"
                                      "route add local " SIEGE_CLIENTS " dev lo\n"
                                      "route add " SIEGE_FORGED " via " SIEGE_OWNERS_ADDRESS "\n";

static const char attacker_commands[] =
    "link set lo up\n"
    "link set at0 alias handfast-lab-%s\n"
    "link set at0 address " OWNERS_MAC "\n"
    "addr add " SIEGE_OWNERS_ADDRESS "/24 dev at0\n"
    "link set at0 up\n"
    "route add " SIEGE_CLIENTS " via " SIEGE_CLIENT_ADDRESS "\n";

static const char server_commands[] =
    "link set lo up\n"
    "link set sv0 address " SIEGE_KERNEL_MAC "\n"
    "addr add " SIEGE_KERNEL_ADDRESS "/24 broadcast " SIEGE_BROADCAST " dev sv0\n"
    "link set sv0 up\n"
    "neigh add " SIEGE_OWNERS_ADDRESS " lladdr " OWNERS_MAC " dev sv0 nud permanent\n"
    "route add " SIEGE_CLIENTS " via " SIEGE_CLIENT_ADDRESS "\n"
    "route add " SIEGE_FORGED " via " SIEGE_OWNERS_ADDRESS "\n";

/* ---- small steps ---- */

/* Commands of iproute2's `ip`, `bridge` or `tc`, in a namespace or (-1) the wire's. */
static bool run_batch_of(const char *program, const char *commands, int namespace_fd, char why[256])
{
    const char *argv[] = {program, "-batch", BATCH_FILE, NULL};
    struct process_plan plan = {.namespace_fd = namespace_fd, .argv = argv, .log = LOG_FILE};
    char line[160];

    if (files_write(BATCH_FILE, commands) && process_run(&plan, NULL, 0, 10 * SECOND_US) == 0)
        return true;
    files_last_line(LOG_FILE, line, sizeof line);
    snprintf(why, 256, "the network cannot be made: %s says: %s", program, line);
    return false;
}

static bool run_batch(const char *commands, int namespace_fd, char why[256])
{
    return run_batch_of("ip", commands, namespace_fd, why);
}

/* An existing file of /proc or /sys. */
static bool set(const char *path, const char *value, char why[256])
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t wrote = fd < 0 ? -1 : write(fd, value, strlen(value));
    int error = errno;

    if (fd >= 0)
        close(fd);
    if (wrote < 0)
        snprintf(why, 256, "%s cannot be set: %s", path, strerror(error));
    return wrote >= 0;
}

static bool enter(int namespace_fd, char why[256])
{
    if (setns(namespace_fd, CLONE_NEWNET) == 0)
        return true;
    snprintf(why, 256, "no way into a network namespace: %s", strerror(errno));
    return false;
}

/* Packets that arrive by an interface are processed by that CPU. A sysfs shows the namespace of whoever mounted it. */
static bool receive_on(const char *interface, int cpu, char why[256])
{
    char path[128], mask[16];

    snprintf(path, sizeof path, SYSFS "/class/net/%s/queues/rx-0/rps_cpus", interface);
    snprintf(mask, sizeof mask, "%x", 1u << cpu);
    if ((mkdir(SYSFS, 0755) != 0 && errno != EEXIST) || mount("sysfs", SYSFS, "sysfs", 0, NULL)) {
        snprintf(why, 256, "no sysfs: %s", strerror(errno));
        return false;
    }
    bool ok = set(path, mask, why);
    umount2(SYSFS, MNT_DETACH);
    return ok;
}

/* ---- namespaces ---- */

static bool settle_here(char why[256])
{
    return set("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1", why) &&
           set("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1", why) &&
           set("/proc/sys/net/ipv4/conf/all/rp_filter", "0", why) &&
           set("/proc/sys/net/ipv4/conf/default/rp_filter", "0", why) &&
           set("/proc/sys/net/ipv4/ip_forward", "0", why);
}

/* Its descriptor is inherited by programs: `ip` finds the namespace by it. */
static bool new_namespace(int *fd, char why[256])
{
    if (unshare(CLONE_NEWNET) != 0 || (*fd = open("/proc/self/ns/net", O_RDONLY)) < 0) {
        snprintf(why, 256, "no network namespace: %s", strerror(errno));
        return false;
    }
    return settle_here(why);
}

static bool make_marker(char marker[33])
{
    uint8_t random[16];

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return false;
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(marker + 2 * i, 3, "%02x", random[i]);
    return true;
}

static bool run_all(const struct siege_network *network, char why[256])
{
    char wire[sizeof wire_commands + 32], attacker[sizeof attacker_commands + 40];

    snprintf(wire, sizeof wire, wire_commands, network->client_fd, network->attacker_fd,
             network->server_fd);
    snprintf(attacker, sizeof attacker, attacker_commands, network->marker);
    return run_batch(wire, -1, why) &&
           run_batch_of("tc", "qdisc add dev nobody root blackhole\n", -1, why) &&
           run_batch(client_commands, network->client_fd, why) &&
           run_batch(attacker, network->attacker_fd, why) &&
           run_batch(server_commands, network->server_fd, why);
}

/* A bridge that shows each packet to a firewall is slower, and there is none. Not every kernel has this. */
static void no_firewall(void)
{
    char why[256];

    set("/proc/sys/net/bridge/bridge-nf-call-iptables", "0", why);
    set("/proc/sys/net/bridge/bridge-nf-call-arptables", "0", why);
}

/* Only an interface that polls takes frames that were made inside the kernel. Without it floods are slower, that is all. */
static void let_poll(const char *interface)
{
    struct ethtool_value value = {.cmd = ETHTOOL_SGRO, .data = 1};
    struct ifreq request = {.ifr_data = (void *)&value};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    if (fd >= 0) {
        ioctl(fd, SIOCETHTOOL, &request);
        close(fd);
    }
}

static bool share_cpus(const struct siege_network *network, char why[256])
{
    let_poll("at-up");
    return receive_on("sv-up", network->other_cpu, why) && enter(network->server_fd, why) &&
           receive_on("sv0", network->server_cpu, why) && enter(network->wire_fd, why);
}

bool siege_network_make(struct siege_network *network, char why[256])
{
    network->other_cpu = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 1 : 0;
    network->wire_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (network->wire_fd < 0 || !make_marker(network->marker)) {
        snprintf(why, 256, "no network namespace: %s", strerror(errno));
        return false;
    }
    no_firewall();
    return settle_here(why) && new_namespace(&network->client_fd, why) &&
           new_namespace(&network->attacker_fd, why) && new_namespace(&network->server_fd, why) &&
           enter(network->wire_fd, why) && run_all(network, why) && share_cpus(network, why);
}

/* ---- what changes from run to run ---- */

bool siege_network_plug(const struct siege_network *network, char why[256])
{
    return run_batch("link set " SIEGE_TAP " master br0 txqueuelen 1000 up\n", -1, why) &&
           receive_on(SIEGE_TAP, network->other_cpu, why);
}

/* What is for silent owners goes to an interface that swallows it, which costs less than to be ignored by a TCP. Those who
 * answer own their addresses, and their TCP knows of no connection there. */
bool siege_network_owners(const struct siege_network *network, bool answer, char why[256])
{
    return run_batch_of("bridge",
                        answer ? "fdb replace " OWNERS_MAC " dev at-up master static sticky\n"
                               : "fdb replace " OWNERS_MAC " dev nobody master static sticky\n",
                        -1, why) &&
           run_batch("route replace local " SIEGE_FORGED " dev lo\n", network->attacker_fd, why);
}

/* Whoever makes a scene of its own needs the server's answers. */
bool siege_network_talk(const struct siege_network *network, char why[256])
{
    return run_batch_of("bridge", "fdb replace " OWNERS_MAC " dev at-up master static sticky\n", -1,
                        why) &&
           run_batch("route replace blackhole " SIEGE_FORGED "\n", network->attacker_fd, why);
}

/* What the kernel remembers of clients of an earlier scene would let them in before others. */
bool siege_network_kernel(const struct siege_network *network, bool cookies, char why[256])
{
    if (!run_batch("tcp_metrics flush\n", network->server_fd, why) ||
        !enter(network->server_fd, why))
        return false;
    bool ok = set("/proc/sys/net/ipv4/tcp_syncookies", cookies ? "1" : "0", why);
    return enter(network->wire_fd, why) && ok;
}
