/* Rules and routes of transparent backends, by rtnetlink. [ip-rule(8); rtnetlink(7)] */
#include "guard/transparent.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "os/syscalls.h"

SYSCALLS(
    "socket:netlink bind getsockname sendto recvmsg socket:unix socket:datagram ioctl:interface");

/* Each uplink has a table of its own, so that guards beside each other do not take their neighbours' rules for left-overs:
 * "HF" and a hash of the name. Rules stand behind the kernel's local table, which knows the host's own addresses. */
#define TABLE_BASE 0x48460000u
#define RULE_PRIORITY 4801u
#define PROTOCOL_GUARD 72 /* who made a rule, in `ip rule`: a number of our own */
#define PROTOCOL_OPERATOR RTPROT_STATIC
#define RULES_MAX (CONFIG_SERVICES_MAX * CONFIG_BACKENDS_MAX)
#define REPLY_BYTES 32768

struct rule {
    struct hf_endpoint from;
    uint8_t protocol; /* of routing: who made it */
};

struct rules {
    uint32_t count;
    struct rule at[RULES_MAX];
};

static uint32_t table_of(const struct config *config)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (const char *at = config->uplink.name; *at != '\0'; at++)
        hash = (hash ^ (uint8_t)*at) * 16777619u;
    return TABLE_BASE | (hash >> 16 ^ (hash & 0xffff));
}

static bool same(const struct hf_endpoint *a, const struct hf_endpoint *b)
{
    return a->port == b->port && memcmp(&a->address, &b->address, sizeof a->address) == 0;
}

static bool contains(const struct rules *rules, const struct hf_endpoint *from)
{
    for (uint32_t i = 0; i < rules->count; i++)
        if (same(&rules->at[i].from, from))
            return true;
    return false;
}

static bool is_loopback(const struct hf_address *address)
{
    static const struct hf_address one = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

    return hf_address_is_v4(address) ? address->bytes[12] == 127
                                     : memcmp(address, &one, sizeof one) == 0;
}

/* Where transparent backends are; each place once. */
static bool wanted(const struct config *config, struct rules *rules,
                   char error[TRANSPARENT_ERROR_MAX])
{
    char text[HF_ENDPOINT_TEXT_MAX];

    rules->count = 0;
    for (uint32_t s = 0; s < config->services; s++)
        for (uint32_t b = 0; b < config->service[s].backends; b++) {
            const struct config_backend *backend = &config->service[s].backend[b];

            if (backend->client_address != CONFIG_CLIENT_TRANSPARENT ||
                contains(rules, &backend->to.endpoint))
                continue;
            if (!is_loopback(&backend->to.endpoint.address) || backend->to.path[0] != '\0') {
                snprintf(error, TRANSPARENT_ERROR_MAX,
                         "service \"%s\", backend \"%s\": client_address = transparent with %s, "
                         "accepted are servers on 127.0.0.0/8 and ::1",
                         config->service[s].name, backend->name,
                         backend->to.path[0] != '\0'
                             ? backend->to.path
                             : hf_endpoint_format(text, &backend->to.endpoint));
                return false;
            }
            rules->at[rules->count++].from = backend->to.endpoint;
        }
    return true;
}

/* ---- netlink ---- */

/* Runs one request and gives what is dumped to `part`. 0 or errno. */
static int ask(struct mnl_socket *socket, struct nlmsghdr *request, mnl_cb_t part, void *context)
{
    _Alignas(struct nlmsghdr) char reply[REPLY_BYTES];
    int more = 1;

    request->nlmsg_seq = 1;
    if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
        return errno;
    while (more > 0) {
        ssize_t got = mnl_socket_recvfrom(socket, reply, sizeof reply);

        if (got < 0)
            return errno;
        more = mnl_cb_run(reply, (size_t)got, 1, mnl_socket_get_portid(socket), part, context);
        if (more < 0)
            return errno;
    }
    return 0;
}

static struct mnl_socket *open_netlink(void)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

    if (socket != NULL && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
        mnl_socket_close(socket);
        return NULL;
    }
    return socket;
}

static int family_of(const struct hf_address *address)
{
    return hf_address_is_v4(address) ? AF_INET : AF_INET6;
}

/* Makes or removes `from ADDRESS iif lo ipproto tcp sport PORT lookup TABLE`. */
static int change_rule(struct mnl_socket *socket, uint16_t type, const struct rule *rule,
                       uint32_t table)
{
    _Alignas(struct nlmsghdr) char buffer[512] = {0};
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    bool v4 = hf_address_is_v4(&rule->from.address);
    struct fib_rule_port_range port = {rule->from.port, rule->from.port};
    struct fib_rule_hdr *header;

    request->nlmsg_type = type;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    if (type == RTM_NEWRULE)
        request->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
    header = mnl_nlmsg_put_extra_header(request, sizeof *header);
    header->family = (uint8_t)family_of(&rule->from.address);
    header->src_len = v4 ? 32 : 128;
    header->action = FR_ACT_TO_TBL;
    mnl_attr_put(request, FRA_SRC, v4 ? 4 : 16, rule->from.address.bytes + (v4 ? 12 : 0));
    mnl_attr_put_strz(request, FRA_IIFNAME, "lo");
    mnl_attr_put_u8(request, FRA_IP_PROTO, IPPROTO_TCP);
    mnl_attr_put(request, FRA_SPORT_RANGE, sizeof port, &port);
    mnl_attr_put_u32(request, FRA_TABLE, table);
    mnl_attr_put_u32(request, FRA_PRIORITY, RULE_PRIORITY);
    mnl_attr_put_u8(request, FRA_PROTOCOL, rule->protocol);
    return ask(socket, request, NULL, NULL);
}

/* Makes or removes `local default dev lo table TABLE`. */
static int change_route(struct mnl_socket *socket, uint16_t type, int family, uint32_t table)
{
    _Alignas(struct nlmsghdr) char buffer[256] = {0};
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    struct rtmsg *header;

    request->nlmsg_type = type;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    if (type == RTM_NEWROUTE)
        request->nlmsg_flags |= NLM_F_CREATE | NLM_F_REPLACE;
    header = mnl_nlmsg_put_extra_header(request, sizeof *header);
    header->rtm_family = (uint8_t)family;
    header->rtm_table = RT_TABLE_UNSPEC;
    header->rtm_protocol = RTPROT_STATIC;
    header->rtm_scope = family == AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
    header->rtm_type = RTN_LOCAL;
    mnl_attr_put_u32(request, RTA_TABLE, table);
    mnl_attr_put_u32(request, RTA_OIF, if_nametoindex("lo"));
    return ask(socket, request, NULL, NULL);
}

/* ---- what is there ---- */

struct walk {
    uint32_t table;
    struct rules *rules;
};

static int on_attribute(const struct nlattr *attribute, void *context)
{
    const struct nlattr **found = context;

    if (mnl_attr_get_type(attribute) <= FRA_MAX)
        found[mnl_attr_get_type(attribute)] = attribute;
    return MNL_CB_OK;
}

static int on_rule(const struct nlmsghdr *message, void *context)
{
    const struct fib_rule_hdr *header = mnl_nlmsg_get_payload(message);
    const struct nlattr *found[FRA_MAX + 1] = {NULL};
    struct walk *walk = context;
    struct rule rule = {0};
    size_t length = header->family == AF_INET ? 4 : 16;

    mnl_attr_parse(message, sizeof *header, on_attribute, found);
    if (found[FRA_TABLE] == NULL || mnl_attr_get_u32(found[FRA_TABLE]) != walk->table ||
        found[FRA_SRC] == NULL || mnl_attr_get_payload_len(found[FRA_SRC]) != length ||
        found[FRA_SPORT_RANGE] == NULL || walk->rules->count == RULES_MAX)
        return MNL_CB_OK;
    if (header->family == AF_INET)
        rule.from.address.bytes[10] = rule.from.address.bytes[11] = 0xff;
    memcpy(rule.from.address.bytes + 16 - length, mnl_attr_get_payload(found[FRA_SRC]), length);
    memcpy(&rule.from.port, mnl_attr_get_payload(found[FRA_SPORT_RANGE]), sizeof rule.from.port);
    rule.protocol = found[FRA_PROTOCOL] != NULL ? mnl_attr_get_u8(found[FRA_PROTOCOL]) : 0;
    walk->rules->at[walk->rules->count++] = rule;
    return MNL_CB_OK;
}

/* The rules of our table. */
static void present(struct mnl_socket *socket, uint32_t table, struct rules *rules)
{
    struct walk walk = {table, rules};

    rules->count = 0;
    for (int i = 0; i < 2; i++) {
        _Alignas(struct nlmsghdr) char buffer[256] = {0};
        struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
        struct fib_rule_hdr *header;

        request->nlmsg_type = RTM_GETRULE;
        request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        header = mnl_nlmsg_put_extra_header(request, sizeof *header);
        header->family = i == 0 ? AF_INET : AF_INET6;
        (void)ask(socket, request, on_rule, &walk);
    }
}

/* ---- up and down ---- */

static bool cannot(const struct hf_endpoint *from, int number, char error[TRANSPARENT_ERROR_MAX])
{
    char text[HF_ENDPOINT_TEXT_MAX];

    snprintf(error, TRANSPARENT_ERROR_MAX,
             "transparent connections to %s need a rule and a route that cannot be made: %s%s",
             hf_endpoint_format(text, from), strerror(number),
             number == EPERM ? "; accepted is CAP_NET_ADMIN, or a restart" : "");
    return false;
}

static bool make(struct mnl_socket *socket, const struct rules *wants, const struct rules *there,
                 uint32_t table, char error[TRANSPARENT_ERROR_MAX])
{
    for (uint32_t i = 0; i < wants->count; i++) {
        const struct rule *rule = &wants->at[i];
        int number;

        if (contains(there, &rule->from))
            continue; /* and its route with it */
        number = change_route(socket, RTM_NEWROUTE, family_of(&rule->from.address), table);
        if (number == 0)
            number = change_rule(socket, RTM_NEWRULE, rule, table);
        if (number != 0 && number != EEXIST)
            return cannot(&rule->from, number, error);
    }
    return true;
}

static bool up(const struct config *config, uint8_t protocol, bool replace,
               char error[TRANSPARENT_ERROR_MAX])
{
    struct rules wants, there;
    struct mnl_socket *socket;
    uint32_t table = table_of(config);
    bool ok;

    if (!wanted(config, &wants, error))
        return false;
    for (uint32_t i = 0; i < wants.count; i++)
        wants.at[i].protocol = protocol;
    socket = open_netlink();
    if (socket == NULL)
        return wants.count == 0 || cannot(&wants.at[0].from, errno, error);
    present(socket, table, &there);
    for (uint32_t i = 0; replace && i < there.count; i++) {
        bool ours = there.at[i].protocol == PROTOCOL_GUARD;

        if (!ours || (contains(&wants, &there.at[i].from) && protocol == PROTOCOL_GUARD))
            continue;
        if (change_rule(socket, RTM_DELRULE, &there.at[i], table) == 0)
            there.at[i--] = there.at[--there.count];
    }
    ok = make(socket, &wants, &there, table, error);
    mnl_socket_close(socket);
    return ok;
}

bool transparent_up(const struct config *config, enum transparent_owner owner,
                    char error[TRANSPARENT_ERROR_MAX])
{
    return up(config, owner == TRANSPARENT_GUARD ? PROTOCOL_GUARD : PROTOCOL_OPERATOR, true, error);
}

bool transparent_add(const struct config *config, char error[TRANSPARENT_ERROR_MAX])
{
    return up(config, PROTOCOL_GUARD, false, error);
}

void transparent_down(const struct config *config, enum transparent_owner owner)
{
    uint8_t protocol = owner == TRANSPARENT_GUARD ? PROTOCOL_GUARD : PROTOCOL_OPERATOR;
    struct mnl_socket *socket = open_netlink();
    uint32_t table = table_of(config), left = 0;
    struct rules there;

    if (socket == NULL)
        return;
    present(socket, table, &there);
    for (uint32_t i = 0; i < there.count; i++)
        if (there.at[i].protocol != protocol ||
            change_rule(socket, RTM_DELRULE, &there.at[i], table) != 0)
            left++;
    if (there.count > 0 && left == 0) {
        (void)change_route(socket, RTM_DELROUTE, AF_INET, table);
        (void)change_route(socket, RTM_DELROUTE, AF_INET6, table);
    }
    mnl_socket_close(socket);
}

bool transparent_show(const struct config *config, FILE *out)
{
    char error[TRANSPARENT_ERROR_MAX], text[HF_ADDRESS_TEXT_MAX];
    bool routed[2] = {false, false};
    struct rules rules;

    if (!wanted(config, &rules, error)) {
        fprintf(out, "# %s\n", error);
        return false;
    }
    for (uint32_t i = 0; i < rules.count; i++) {
        const struct hf_endpoint *from = &rules.at[i].from;
        bool v6 = !hf_address_is_v4(&from->address);

        if (!routed[v6])
            fprintf(out, "ip %sroute replace local default dev lo table %u\n", v6 ? "-6 " : "",
                    table_of(config));
        routed[v6] = true;
        fprintf(out, "ip %srule add priority %u from %s iif lo ipproto tcp sport %u lookup %u\n",
                v6 ? "-6 " : "", RULE_PRIORITY, hf_address_format(text, &from->address), from->port,
                table_of(config));
    }
    return rules.count > 0;
}
