/* Connections that stay where they are when ports change hands. [sock_diag(7)]
 *
 * The kernel resets what it does not know, and so does our stack. So what is redirected is decided a connection at a time
 * wherever the two would meet: connections that the server had before the guard came stay the kernel's, and those that the
 * guard has on a port that it gave up, by a reload or at its end, stay ours.
 */
#include "guard/netfilter.h"
#include "guard/uplink_parts.h"

#include <handfast/socket.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "os/syscalls.h"

SYSCALLS_AT_START("socket bind getsockname");
SYSCALLS("sendto recvmsg close");

_Static_assert(sizeof(struct netfilter_flow) == 36, "compared as bytes: nothing between the parts");

#define FLOWS_MAX 16384u
#define REPLY_BYTES 32768
#define STATES_ALIVE                                                           \
    ((1u << TCP_ESTABLISHED) | (1u << TCP_FIN_WAIT1) | (1u << TCP_FIN_WAIT2) | \
     (1u << TCP_CLOSE_WAIT) | (1u << TCP_LAST_ACK) | (1u << TCP_CLOSING))

struct flows {
    struct netfilter_flow *at;
    uint32_t count, capacity;
};

static void add(struct flows *flows, const struct netfilter_flow *flow)
{
    if (flows->count == flows->capacity) {
        uint32_t capacity = flows->capacity ? 2 * flows->capacity : 64;
        struct netfilter_flow *at =
            capacity > FLOWS_MAX ? NULL : realloc(flows->at, capacity * sizeof *at);

        if (at == NULL)
            return; /* too many, or no memory: these are reset */
        flows->at = at;
        flows->capacity = capacity;
    }
    flows->at[flows->count++] = *flow;
}

static bool is_port(const struct uplink_ports *ports, const struct hf_endpoint *local)
{
    for (uint32_t i = 0; i < ports->count; i++)
        if (ports->at[i].port == local->port &&
            memcmp(&ports->at[i].address, &local->address, sizeof local->address) == 0)
            return true;
    return false;
}

/* ---- ours ---- */

static struct flows stack_flows(const struct uplink *uplink, const struct uplink_ports *except)
{
    struct flows flows = {NULL, 0, 0};
    struct hf_status status;
    uint64_t cursor = 0;
    hf_socket socket;

    while (hf_next_socket(uplink->stack, &cursor, &socket) == HF_OK)
        if (hf_status(uplink->stack, socket, &status) == HF_OK && status.state != HF_STATE_LISTEN &&
            status.state != HF_STATE_CLOSED && !is_port(except, &status.local))
            add(&flows, &(struct netfilter_flow){status.remote, status.local});
    return flows;
}

/* ---- the kernel's ---- */

struct walk {
    const struct uplink *uplink;
    const struct uplink_ports *ports;
    struct flows flows;
};

static struct hf_endpoint endpoint_of(const uint32_t words[4], uint16_t port, int family)
{
    struct hf_endpoint endpoint = {.port = ntohs(port)};

    if (family == AF_INET) {
        endpoint.address.bytes[10] = endpoint.address.bytes[11] = 0xff;
        memcpy(endpoint.address.bytes + 12, words, 4);
    } else {
        memcpy(endpoint.address.bytes, words, 16);
    }
    return endpoint;
}

/* Clients on this host come over the loopback interface, where nothing is redirected. */
static bool is_here(const struct uplink *uplink, const struct hf_address *remote)
{
    for (uint32_t i = 0; i < uplink->address_count; i++)
        if (memcmp(&uplink->addresses[i].address, remote, sizeof *remote) == 0)
            return true;
    return hf_address_is_v4(remote) && remote->bytes[12] == 127;
}

static int on_socket(const struct nlmsghdr *message, void *context)
{
    const struct inet_diag_msg *info = mnl_nlmsg_get_payload(message);
    struct walk *walk = context;
    struct netfilter_flow flow = {
        endpoint_of(info->id.idiag_dst, info->id.idiag_dport, info->idiag_family),
        endpoint_of(info->id.idiag_src, info->id.idiag_sport, info->idiag_family),
    };

    if (is_port(walk->ports, &flow.local) && !is_here(walk->uplink, &flow.remote.address))
        add(&walk->flows, &flow);
    return MNL_CB_OK;
}

static bool dump_sockets(struct mnl_socket *socket, int family, struct walk *walk)
{
    _Alignas(struct nlmsghdr) char buffer[REPLY_BYTES] = {0};
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    struct inet_diag_req_v2 *what;
    int more = 1;

    request->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request->nlmsg_seq = (uint32_t)family;
    what = mnl_nlmsg_put_extra_header(request, sizeof *what);
    what->sdiag_family = (uint8_t)family;
    what->sdiag_protocol = IPPROTO_TCP;
    what->idiag_states = STATES_ALIVE;
    if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
        return false;
    while (more > 0) {
        ssize_t got = mnl_socket_recvfrom(socket, buffer, sizeof buffer);

        if (got < 0)
            return false;
        more = mnl_cb_run(buffer, (size_t)got, (unsigned)family, mnl_socket_get_portid(socket),
                          on_socket, walk);
    }
    return more == 0;
}

/* The first question is asked before the sandbox, where a socket can be opened. Who cannot be asked has no connections. */
static struct flows kernel_flows(struct uplink *uplink, const struct uplink_ports *ports)
{
    struct walk walk = {.uplink = uplink, .ports = ports};

    if (uplink->sockets == NULL && !uplink->asked) {
        uplink->asked = true;
        uplink->sockets = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
        if (uplink->sockets != NULL &&
            mnl_socket_bind(uplink->sockets, 0, MNL_SOCKET_AUTOPID) < 0) {
            mnl_socket_close(uplink->sockets);
            uplink->sockets = NULL;
        }
    }
    if (uplink->sockets != NULL && ports->count > 0) {
        (void)dump_sockets(uplink->sockets, AF_INET, &walk);
        (void)dump_sockets(uplink->sockets, AF_INET6, &walk);
    }
    return walk.flows;
}

/* ---- both ---- */

static void replace(struct netfilter_flow **at, uint32_t *count, const struct flows *flows)
{
    free(*at);
    *at = flows->at;
    *count = flows->count;
}

/* A guard that leaves holds all it has, wherever it is. */
static struct flows flows_held(const struct uplink *uplink, const struct uplink_ports *ports)
{
    static const struct uplink_ports none;

    return stack_flows(uplink, uplink->left ? &none : ports);
}

void uplink_flows_learn(struct uplink *uplink, const struct uplink_ports *ports)
{
    struct flows held = flows_held(uplink, ports), kept = kernel_flows(uplink, ports);

    replace(&uplink->held, &uplink->held_count, &held);
    replace(&uplink->kept, &uplink->kept_count, &kept);
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct netfilter_flow));
}

/* Of the kernel's connections those that were there before: others have come by another interface. */
static struct flows still_there(const struct uplink *uplink, struct flows *now)
{
    struct flows still = {NULL, 0, 0};

    if (now->count > 0)
        qsort(now->at, now->count, sizeof *now->at, compare);
    for (uint32_t i = 0; i < uplink->kept_count && now->count > 0; i++)
        if (bsearch(&uplink->kept[i], now->at, now->count, sizeof *now->at, compare) != NULL)
            add(&still, &uplink->kept[i]);
    free(now->at);
    return still;
}

bool uplink_flows_forget(struct uplink *uplink)
{
    uint32_t held_before = uplink->held_count, kept_before = uplink->kept_count;
    struct flows held = flows_held(uplink, &uplink->ports);
    struct flows kernel = kernel_flows(uplink, &uplink->ports);
    struct flows kept = still_there(uplink, &kernel);

    replace(&uplink->held, &uplink->held_count, &held);
    replace(&uplink->kept, &uplink->kept_count, &kept);
    return uplink->held_count != held_before || uplink->kept_count != kept_before;
}

void uplink_flows_free(struct uplink *uplink)
{
    if (uplink->sockets != NULL)
        mnl_socket_close(uplink->sockets);
    uplink->sockets = NULL;
    free(uplink->held);
    free(uplink->kept);
    uplink->held = uplink->kept = NULL;
    uplink->held_count = uplink->kept_count = 0;
}
