/* Requests to the kernel by rtnetlink, one at a time, each acknowledged. */
#include "guard/link.h"
#include "os/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

SYSCALLS_AT_START("openat socket ioctl");
SYSCALLS("socket:netlink socket:unix ioctl:interface sendto recvfrom close"); /* a TAP made again */

struct request {
    struct nlmsghdr header;
    union {
        struct ifinfomsg link;
        struct ifaddrmsg address;
    } body;
    uint8_t attributes[64];
};

static void add_attribute(struct request *request, uint16_t type, const void *data, size_t length)
{
    struct rtattr attribute = {.rta_len = (uint16_t)RTA_LENGTH(length), .rta_type = type};
    uint8_t *at = (uint8_t *)request + NLMSG_ALIGN(request->header.nlmsg_len);

    memcpy(at, &attribute, sizeof attribute);
    memcpy(at + RTA_LENGTH(0), data, length);
    request->header.nlmsg_len =
        (uint32_t)(NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(RTA_LENGTH(length)));
}

/* 0 or the errno that the kernel answers. */
static int ask(const struct request *request)
{
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        uint8_t rest[512];
    } reply;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    int number = 0;

    if (fd < 0)
        return errno;
    if (send(fd, request, request->header.nlmsg_len, 0) < 0 ||
        recv(fd, &reply, sizeof reply, 0) < 0)
        number = errno;
    else if (reply.header.nlmsg_type == NLMSG_ERROR)
        number = -reply.error.error;
    close(fd);
    return number;
}

static int answer(int number)
{
    errno = number;
    switch (number) {
    case 0: return HF_OK;
    case EPERM:
    case EACCES: return HF_NO_PERMISSION;
    case ENODEV: return HF_NO_DEVICE;
    default: return HF_SYSTEM;
    }
}

void link_skip_duplicate_detection(const char *name)
{
    char path[64 + IF_NAMESIZE];
    int fd;

    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/accept_dad", name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return; /* no IPv6 here */
    if (write(fd, "0", 1) < 0)
        errno = 0;
    close(fd);
}

/* The attribute in the attribute in the attribute that says how a link-local address is made: not at all. */
void link_keep_quiet(const char *name)
{
    struct {
        struct rtattr family, mode;
        uint8_t none;
    } nested = {
        .family = {sizeof nested, AF_INET6},
        .mode = {RTA_LENGTH(1), IFLA_INET6_ADDR_GEN_MODE},
        .none = IN6_ADDR_GEN_MODE_NONE,
    };
    struct request request = {
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                   .nlmsg_type = RTM_NEWLINK,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .body.link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex(name)},
    };

    add_attribute(&request, IFLA_AF_SPEC, &nested, sizeof nested);
    (void)ask(&request);
}

bool link_has_lro(const char *name)
{
    struct ethtool_value value = {.cmd = ETHTOOL_GFLAGS};
    struct ifreq request = {.ifr_data = (char *)&value};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has;

    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    has = fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0 && (value.data & ETH_FLAG_LRO);
    if (fd >= 0)
        close(fd);
    return has;
}

int link_join(const char *name, int bridge)
{
    uint32_t master = (uint32_t)bridge;
    struct request request = {
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                   .nlmsg_type = RTM_NEWLINK,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .body.link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex(name)},
    };

    if (request.body.link.ifi_index == 0)
        return answer(errno);
    add_attribute(&request, IFLA_MASTER, &master, sizeof master);
    return answer(ask(&request));
}

int link_up(const char *name, uint32_t mtu)
{
    uint32_t queue = LINK_QUEUE_PACKETS;
    struct request request = {
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                   .nlmsg_type = RTM_NEWLINK,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .body.link = {.ifi_family = AF_UNSPEC,
                      .ifi_index = (int)if_nametoindex(name),
                      .ifi_flags = IFF_UP,
                      .ifi_change = IFF_UP},
    };

    if (request.body.link.ifi_index == 0)
        return answer(errno);
    add_attribute(&request, IFLA_MTU, &mtu, sizeof mtu);
    add_attribute(&request, IFLA_TXQLEN, &queue, sizeof queue);
    return answer(ask(&request));
}

int link_add_address(const char *name, const struct hf_prefix *prefix)
{
    bool v4 = hf_address_is_v4(&prefix->address);
    const uint8_t *bytes = prefix->address.bytes + (v4 ? 12 : 0);
    uint32_t flags = IFA_F_NODAD;
    struct request request = {
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)),
                   .nlmsg_type = RTM_NEWADDR,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE},
        .body.address = {.ifa_family = v4 ? AF_INET : AF_INET6,
                         .ifa_prefixlen = prefix->length,
                         .ifa_index = if_nametoindex(name)},
    };

    if (request.body.address.ifa_index == 0)
        return answer(errno);
    add_attribute(&request, IFA_LOCAL, bytes, v4 ? 4 : 16);
    add_attribute(&request, IFA_ADDRESS, bytes, v4 ? 4 : 16);
    if (!v4)
        add_attribute(&request, IFA_FLAGS, &flags, sizeof flags);
    int number = ask(&request);
    return answer(number == EEXIST ? 0 : number);
}
