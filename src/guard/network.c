/* Questions to the kernel by rtnetlink, and its news. [rtnetlink(7); RFC 3549] */
#include "guard/network.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <net/if_arp.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "os/syscalls.h"

SYSCALLS("socket:netlink bind getsockname sendto recvmsg recvfrom");

#define REPLY_BYTES 32768 /* what the kernel puts into one part of a dump */

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

/* Sends a request and gives every part of the answer to `part`. */
static int ask(struct nlmsghdr *request, mnl_cb_t part, void *context)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    _Alignas(struct nlmsghdr) char reply[REPLY_BYTES];
    ssize_t got = 0;
    int number = 0;

    if (socket == NULL)
        return answer(errno);
    request->nlmsg_seq = 1;
    if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_sendto(socket, request, request->nlmsg_len) < 0) {
        number = errno;
        got = -1;
    }
    for (int more = 1; got >= 0 && more > 0;) {
        got = mnl_socket_recvfrom(socket, reply, sizeof reply);
        more = got < 0 ? -1
                       : mnl_cb_run(reply, (size_t)got, 1, mnl_socket_get_portid(socket), part,
                                    context);
        if (more < 0) {
            number = errno;
            break;
        }
    }
    mnl_socket_close(socket);
    return answer(number);
}

/* ---- attributes ---- */

#define ATTRIBUTES_MAX 64

struct attributes {
    const struct nlattr *at[ATTRIBUTES_MAX];
};

static int keep(const struct nlattr *attribute, void *context)
{
    struct attributes *attributes = context;
    uint16_t type = mnl_attr_get_type(attribute);

    if (type < ATTRIBUTES_MAX)
        attributes->at[type] = attribute;
    return MNL_CB_OK;
}

/* An address of the family, false: the attribute is missing or something else. */
static bool address_of(const struct nlattr *attribute, int family, struct hf_address *address)
{
    size_t length = family == AF_INET ? 4 : 16;

    *address = (struct hf_address){{0}};
    if (attribute == NULL || mnl_attr_get_payload_len(attribute) != length)
        return false;
    if (family == AF_INET)
        address->bytes[10] = address->bytes[11] = 0xff;
    memcpy(address->bytes + 16 - length, mnl_attr_get_payload(attribute), length);
    return true;
}

static uint32_t number_of(const struct nlattr *attribute)
{
    return attribute != NULL ? mnl_attr_get_u32(attribute) : 0;
}

/* ---- interfaces ---- */

static int on_link(const struct nlmsghdr *message, void *context)
{
    const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
    struct network_link *link = context;
    struct attributes found = {0};

    mnl_attr_parse(message, sizeof *info, keep, &found);
    *link = (struct network_link){
        .index = info->ifi_index,
        .master = (int)number_of(found.at[IFLA_MASTER]),
        .mtu = number_of(found.at[IFLA_MTU]),
        .ethernet = info->ifi_type == ARPHRD_ETHER,
        .loopback = (info->ifi_flags & IFF_LOOPBACK) != 0,
        .up = (info->ifi_flags & IFF_UP) != 0,
        .carrier = (info->ifi_flags & IFF_UP) != 0 && (info->ifi_flags & IFF_RUNNING) != 0,
    };
    if (found.at[IFLA_ADDRESS] != NULL &&
        mnl_attr_get_payload_len(found.at[IFLA_ADDRESS]) == sizeof link->mac.bytes)
        memcpy(link->mac.bytes, mnl_attr_get_payload(found.at[IFLA_ADDRESS]),
               sizeof link->mac.bytes);
    return MNL_CB_OK;
}

int network_link(const char *name, struct network_link *link)
{
    _Alignas(struct nlmsghdr) char buffer[256] = {0};
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    struct ifinfomsg *info;

    *link = (struct network_link){0};
    request->nlmsg_type = RTM_GETLINK;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    info = mnl_nlmsg_put_extra_header(request, sizeof *info);
    info->ifi_family = AF_UNSPEC;
    mnl_attr_put_strz(request, IFLA_IFNAME, name);
    return ask(request, on_link, link);
}

/* ---- addresses ---- */

struct address_walk {
    struct network_address *addresses;
    uint32_t count;
};

static int on_address(const struct nlmsghdr *message, void *context)
{
    const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
    struct address_walk *walk = context;
    struct attributes found = {0};
    struct network_address one = {.index = (int)info->ifa_index};

    mnl_attr_parse(message, sizeof *info, keep, &found);
    if (found.at[IFA_LOCAL] == NULL) /* IPv6: only with a peer */
        found.at[IFA_LOCAL] = found.at[IFA_ADDRESS];
    if ((info->ifa_family != AF_INET && info->ifa_family != AF_INET6) ||
        (info->ifa_flags & IFA_F_DADFAILED) || walk->count == NETWORK_ADDRESSES_MAX ||
        !address_of(found.at[IFA_LOCAL], info->ifa_family, &one.prefix.address))
        return MNL_CB_OK;
    one.prefix.length = info->ifa_prefixlen;
    walk->addresses[walk->count++] = one;
    return MNL_CB_OK;
}

int network_addresses(struct network_address addresses[NETWORK_ADDRESSES_MAX], uint32_t *count)
{
    struct address_walk walk = {.addresses = addresses};
    _Alignas(struct nlmsghdr) char buffer[256] = {0};
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    struct ifaddrmsg *info;
    int result;

    request->nlmsg_type = RTM_GETADDR;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    info = mnl_nlmsg_put_extra_header(request, sizeof *info);
    info->ifa_family = AF_UNSPEC;
    result = ask(request, on_address, &walk);
    *count = walk.count;
    return result;
}

/* ---- routes ---- */

struct route_walk {
    int index;
    struct hf_route *routes;
    uint32_t metric[HF_ROUTES_MAX];
    uint32_t count, left_out;
};

static bool same_prefix(const struct hf_prefix *a, const struct hf_prefix *b)
{
    return a->length == b->length && memcmp(&a->address, &b->address, sizeof a->address) == 0;
}

/* Of several for a prefix the one of the lowest metric; a default route is never left out. */
static void insert_route(struct route_walk *walk, const struct hf_route *route, uint32_t metric)
{
    uint32_t at = 0;

    while (at < walk->count && !same_prefix(&walk->routes[at].to, &route->to))
        at++;
    if (at < walk->count && walk->metric[at] <= metric)
        return;
    if (at == HF_ROUTES_MAX) {
        walk->left_out++;
        if (route->to.length != 0)
            return;
        at--;
    }
    walk->count += at == walk->count;
    walk->routes[at] = *route;
    walk->metric[at] = metric;
}

/* Of a route with several next hops, the first behind our interface. */
static bool hop_of(const struct nlattr *hops, int family, int index, struct hf_address *gateway)
{
    const char *at = mnl_attr_get_payload(hops);
    size_t left = mnl_attr_get_payload_len(hops);

    while (left >= sizeof(struct rtnexthop)) {
        struct rtnexthop hop;
        struct attributes found = {0};

        memcpy(&hop, at, sizeof hop);
        if (hop.rtnh_len < sizeof hop || hop.rtnh_len > left)
            return false;
        mnl_attr_parse_payload(at + sizeof hop, hop.rtnh_len - sizeof hop, keep, &found);
        if (hop.rtnh_ifindex == index && !(hop.rtnh_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) &&
            address_of(found.at[RTA_GATEWAY], family, gateway))
            return true;
        size_t whole = (hop.rtnh_len + 3u) & ~3u;

        if (whole > left)
            return false;
        at += whole;
        left -= whole;
    }
    return false;
}

static int on_route(const struct nlmsghdr *message, void *context)
{
    const struct rtmsg *info = mnl_nlmsg_get_payload(message);
    struct route_walk *walk = context;
    struct attributes found = {0};
    struct hf_route route = {.to.length = info->rtm_dst_len};
    int family = info->rtm_family;
    uint32_t table;

    mnl_attr_parse(message, sizeof *info, keep, &found);
    table = found.at[RTA_TABLE] != NULL ? number_of(found.at[RTA_TABLE]) : info->rtm_table;
    if ((family != AF_INET && family != AF_INET6) || table != RT_TABLE_MAIN ||
        info->rtm_type != RTN_UNICAST || info->rtm_src_len != 0 ||
        (info->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD | RTNH_F_LINKDOWN)))
        return MNL_CB_OK;
    if (found.at[RTA_MULTIPATH] != NULL) {
        if (!hop_of(found.at[RTA_MULTIPATH], family, walk->index, &route.gateway))
            return MNL_CB_OK;
    } else if ((int)number_of(found.at[RTA_OIF]) != walk->index ||
               !address_of(found.at[RTA_GATEWAY], family, &route.gateway)) {
        return MNL_CB_OK;
    }
    if (!address_of(found.at[RTA_DST], family, &route.to.address) && family == AF_INET)
        route.to.address.bytes[10] = route.to.address.bytes[11] = 0xff; /* 0.0.0.0/0 */
    insert_route(walk, &route, number_of(found.at[RTA_PRIORITY]));
    return MNL_CB_OK;
}

int network_routes(int index, struct hf_route routes[HF_ROUTES_MAX], uint32_t *count,
                   uint32_t *left_out)
{
    struct route_walk walk = {.index = index, .routes = routes};
    _Alignas(struct nlmsghdr) char buffer[256] = {0};
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    struct rtmsg *info;
    int result;

    request->nlmsg_type = RTM_GETROUTE;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    info = mnl_nlmsg_put_extra_header(request, sizeof *info);
    info->rtm_family = AF_UNSPEC;
    result = ask(request, on_route, &walk);
    *count = walk.count;
    *left_out = walk.left_out;
    return result;
}

/* ---- news ---- */

int network_monitor_open(void)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK,
                                  .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int number = errno;

        close(fd);
        errno = number;
        return -1;
    }
    return fd;
}

static bool is_default_route(const struct nlmsghdr *message, ssize_t length)
{
    const struct rtmsg *info = mnl_nlmsg_get_payload(message);

    return mnl_nlmsg_ok(message, (int)length) &&
           mnl_nlmsg_get_payload_len(message) >= sizeof *info &&
           (message->nlmsg_type == RTM_NEWROUTE || message->nlmsg_type == RTM_DELROUTE) &&
           info->rtm_dst_len == 0 && info->rtm_type == RTN_UNICAST;
}

/* One message a datagram: that is how the kernel tells its news. */
bool network_monitor_read(int fd, struct network_news *news)
{
    union {
        struct nlmsghdr header;
        char bytes[REPLY_BYTES];
    } message;
    struct sockaddr_nl from;
    socklen_t from_length = sizeof from;

    for (;;) {
        ssize_t got =
            recvfrom(fd, &message, sizeof message, 0, (struct sockaddr *)&from, &from_length);
        const struct ifinfomsg *info;
        struct attributes found = {0};

        *news = (struct network_news){0};
        if (got < 0)
            return errno == ENOBUFS; /* some were lost */
        if (from.nl_pid == 0 && is_default_route(&message.header, got)) {
            *news = (struct network_news){.index = -1, .route = true};
            return true;
        }
        if (from.nl_pid != 0 || !mnl_nlmsg_ok(&message.header, (int)got) ||
            mnl_nlmsg_get_payload_len(&message.header) < sizeof *info ||
            (message.header.nlmsg_type != RTM_NEWLINK && message.header.nlmsg_type != RTM_DELLINK))
            continue;
        info = mnl_nlmsg_get_payload(&message.header);
        mnl_attr_parse(&message.header, sizeof *info, keep, &found);
        news->index = info->ifi_index;
        news->gone = message.header.nlmsg_type == RTM_DELLINK;
        if (info->ifi_family == AF_BRIDGE) /* it left a bridge */
            continue;
        if (found.at[IFLA_IFNAME] != NULL)
            strncpy(news->name, mnl_attr_get_str(found.at[IFLA_IFNAME]), sizeof news->name - 1);
        return true;
    }
}
