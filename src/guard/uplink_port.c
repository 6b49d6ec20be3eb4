/* mode = port: a few ports of the host's own addresses, taken out of the kernel's hands. [nft(8); rtnetlink(7)] */
#include "guard/link.h"
#include "guard/netfilter.h"
#include "guard/uplink_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool same_address(const struct hf_address *a, const struct hf_address *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* "every address", or every address of IPv4 */
static bool is_any(const struct hf_address *address)
{
    static const struct hf_address none, none_v4 = {{[10] = 0xff, [11] = 0xff}};

    return same_address(address, &none) || same_address(address, &none_v4);
}

static bool is_among(const struct uplink *uplink, const struct hf_address *address)
{
    for (uint32_t i = 0; i < uplink->address_count; i++)
        if (same_address(&uplink->addresses[i].address, address))
            return true;
    return false;
}

/* ---- what the host has ---- */

/* As the interface has it; else as one host, whose network is none of ours. */
static void add_address(struct uplink *uplink, const struct hf_address *address,
                        const struct network_address *there, uint32_t count)
{
    struct hf_prefix prefix = {*address, hf_address_is_v4(address) ? 32 : 128};

    if (uplink->address_count == HF_ADDRESSES_MAX || is_among(uplink, address))
        return;
    for (uint32_t i = 0; i < count; i++)
        if (there[i].index == uplink->link.index && same_address(&there[i].prefix.address, address))
            prefix.length = there[i].prefix.length;
    uplink->addresses[uplink->address_count++] = prefix;
}

/* Those that are listened on first: a reload may choose among the others. */
static bool look_at_addresses(struct uplink *uplink, char error[UPLINK_ERROR_MAX])
{
    struct network_address there[NETWORK_ADDRESSES_MAX];
    const struct config *config = uplink->config;
    uint32_t count;
    int result = network_addresses(there, &count);

    if (result != HF_OK)
        return uplink_refuse(error, "uplink \"%s\": its addresses cannot be read: %s",
                             uplink->interface, uplink_reason(result));
    uplink->address_count = 0;
    for (uint32_t i = 0; i < config->uplink.addresses.count; i++)
        if (uplink->address_count < HF_ADDRESSES_MAX)
            uplink->addresses[uplink->address_count++] = config->uplink.addresses.items[i].prefix;
    if (uplink->address_count > 0) /* these are meant, and no others */
        return true;
    for (uint32_t s = 0; s < config->services; s++)
        for (uint32_t i = 0; i < config->service[s].listen.count; i++) {
            const struct hf_address *address = &config->service[s].listen.items[i].endpoint.address;

            if (!is_any(address))
                add_address(uplink, address, there, count);
        }
    for (uint32_t i = 0; i < count; i++)
        if (there[i].index == uplink->link.index)
            add_address(uplink, &there[i].prefix.address, there, count);
    return uplink->address_count > 0 ||
           uplink_refuse(error, "uplink \"%s\": the interface has no address to serve",
                         uplink->interface);
}

static bool is_default(const struct hf_route *route, bool v4)
{
    return route->to.length == 0 && hf_address_is_v4(&route->gateway) == v4;
}

/* What the configuration says goes first, then what the kernel has. */
static bool look_at_routes(struct uplink *uplink, char error[UPLINK_ERROR_MAX])
{
    const struct config_uplink *config = &uplink->config->uplink;
    struct hf_route kernel[HF_ROUTES_MAX];
    bool automatic = config->gateway.count == 0;
    uint32_t count = 0;
    int result;

    uplink->route_count = 0;
    for (uint32_t i = 0; i < config->gateway.count && uplink->route_count < HF_ROUTES_MAX; i++) {
        struct hf_route route = {.gateway = config->gateway.items[i].endpoint.address};

        if (is_any(&route.gateway)) {
            automatic = true;
            continue;
        }
        if (hf_address_is_v4(&route.gateway)) /* 0.0.0.0/0, in its mapped form */
            route.to.address.bytes[10] = route.to.address.bytes[11] = 0xff;
        uplink->routes[uplink->route_count++] = route;
    }
    for (uint32_t i = 0; i < config->routes.count && uplink->route_count < HF_ROUTES_MAX; i++)
        uplink->routes[uplink->route_count++] = (struct hf_route){
            config->routes.items[i].prefix, config->routes.items[i].endpoint.address};
    if (!automatic)
        return true;
    result = network_routes(uplink->link.index, kernel, &count, &uplink->routes_left_out);
    if (result != HF_OK)
        return uplink_refuse(error, "uplink \"%s\": its routes cannot be read: %s",
                             uplink->interface, uplink_reason(result));
    for (uint32_t i = 0; i < count; i++) {
        bool known = false;

        for (uint32_t at = 0; at < uplink->route_count; at++)
            known |= uplink->routes[at].to.length == kernel[i].to.length &&
                     same_address(&uplink->routes[at].to.address, &kernel[i].to.address);
        if (known || is_among(uplink, &kernel[i].gateway))
            continue;
        if (uplink->route_count == HF_ROUTES_MAX)
            uplink->routes_left_out++;
        else
            uplink->routes[uplink->route_count++] = kernel[i];
    }
    return true;
}

bool uplink_port_look_at_routes(struct uplink *uplink)
{
    struct hf_route before[HF_ROUTES_MAX];
    uint32_t count = uplink->route_count;
    char error[UPLINK_ERROR_MAX];

    memcpy(before, uplink->routes, sizeof before);
    if (look_at_routes(uplink, error))
        return uplink->route_count != count ||
               memcmp(before, uplink->routes, count * sizeof *before) != 0;
    memcpy(uplink->routes, before, sizeof before);
    uplink->route_count = count;
    return false;
}

bool uplink_port_look(struct uplink *uplink, char error[UPLINK_ERROR_MAX])
{
    int result = network_link(uplink->interface, &uplink->link);

    if (result == HF_NO_DEVICE)
        return uplink_refuse(error,
                             "uplink \"%s\": there is no interface of this name, accepted with "
                             "mode = port is the host's own",
                             uplink->interface);
    if (result != HF_OK)
        return uplink_refuse(error, "uplink \"%s\": %s", uplink->interface, uplink_reason(result));
    if (!uplink->link.ethernet)
        return uplink_refuse(
            error, "uplink \"%s\": %s, accepted with mode = port is an Ethernet interface",
            uplink->interface,
            uplink->link.loopback ? "the loopback interface"
                                  : "an interface without link addresses");
    return look_at_addresses(uplink, error) && look_at_routes(uplink, error);
}

/* ---- the TAP and the table ---- */

static uint32_t mtu_of(const struct uplink *uplink)
{
    uint32_t mtu = uplink->config->uplink.mtu;

    return mtu < uplink->link.mtu ? mtu : uplink->link.mtu;
}

bool uplink_port_prepare(const struct uplink *uplink, char error[UPLINK_ERROR_MAX])
{
    int result;

    link_keep_quiet(uplink->tap_name);
    result = link_up(uplink->tap_name, mtu_of(uplink));
    return result == HF_OK ||
           uplink_refuse(error, "uplink \"%s\": %s cannot be brought up with an MTU of %u: %s",
                         uplink->interface, uplink->tap_name, mtu_of(uplink),
                         uplink_reason(result));
}

static bool add_port(struct uplink_ports *ports, const struct hf_address *address, uint16_t port)
{
    if (ports->count == UPLINK_PORTS_MAX)
        return false;
    ports->at[ports->count++] = (struct hf_endpoint){*address, port};
    return true;
}

static bool add_listen(const struct uplink *uplink, struct uplink_ports *ports,
                       const struct hf_endpoint *listen, char error[UPLINK_ERROR_MAX])
{
    char text[HF_ADDRESS_TEXT_MAX];
    bool room = true, any = is_any(&listen->address), v4 = hf_address_is_v4(&listen->address);

    if (!any && !is_among(uplink, &listen->address))
        return uplink_refuse(
            error,
            "listen %s: none of the %u addresses that are served on %s: those named "
            "as addresses, or those that the interface had when the guard started",
            hf_address_format(text, &listen->address), uplink->address_count, uplink->interface);
    if (!any)
        room = add_port(ports, &listen->address, listen->port);
    for (uint32_t i = 0; any && i < uplink->address_count; i++)
        if (!v4 || hf_address_is_v4(&uplink->addresses[i].address))
            room &= add_port(ports, &uplink->addresses[i].address, listen->port);
    return room || uplink_refuse(error, "uplink \"%s\": more than %d ports to redirect",
                                 uplink->interface, UPLINK_PORTS_MAX);
}

bool uplink_port_list(const struct uplink *uplink, const struct config *config,
                      struct uplink_ports *ports, char error[UPLINK_ERROR_MAX])
{
    ports->count = 0;
    for (uint32_t s = 0; s < config->services; s++)
        for (uint32_t i = 0; i < config->service[s].listen.count; i++)
            if (!add_listen(uplink, ports, &config->service[s].listen.items[i].endpoint, error))
                return false;
    return true;
}

bool uplink_port_redirect(struct uplink *uplink, const struct uplink_ports *ports,
                          char error[UPLINK_ERROR_MAX])
{
    struct netfilter_ports words = {
        .interface = uplink->interface,
        .tap = uplink->tap_name,
        .at = ports->at,
        .count = uplink->left ? 0 : ports->count,
        .held = uplink->held,
        .kept = uplink->kept,
        .held_count = uplink->held_count,
        .kept_count = uplink->kept_count,
    };
    char *commands = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&commands, &length);
    bool ok;

    if (out == NULL)
        return uplink_refuse(error, "uplink \"%s\": no memory for its table", uplink->interface);
    netfilter_print_redirect(out, &words, true);
    words.count = ports->count;
    if (uplink->config->uplink.when_stopped == CONFIG_STOPPED_DROP)
        netfilter_print_drop(out, &words);
    else
        netfilter_print_no_drop(out, uplink->interface);
    if (fclose(out) != 0) {
        free(commands);
        return uplink_refuse(error, "uplink \"%s\": no memory for its table", uplink->interface);
    }
    ok = netfilter_run(uplink->netfilter, commands, error);
    free(commands);
    return ok;
}

void uplink_port_clear(struct uplink *uplink)
{
    char error[UPLINK_ERROR_MAX];
    char *commands = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&commands, &length);

    if (out == NULL)
        return;
    netfilter_print_no_redirect(out, uplink->interface);
    if (fclose(out) == 0)
        (void)netfilter_run(uplink->netfilter, commands, error); /* what is another guard's stays */
    free(commands);
}

void uplink_port_describe(const struct uplink *uplink, struct hf_config *stack)
{
    memset(stack->addresses, 0, sizeof stack->addresses);
    memset(stack->routes, 0, sizeof stack->routes);
    memcpy(stack->addresses, uplink->addresses, sizeof *stack->addresses * uplink->address_count);
    memcpy(stack->routes, uplink->routes, sizeof *stack->routes * uplink->route_count);
    stack->mac = uplink->link.mac;
    stack->addresses_shared = true;
    stack->mtu = (uint16_t)mtu_of(uplink);
}

/* ---- what an operator should know ---- */

static bool is_in(const struct uplink_ports *ports, const struct hf_endpoint *one)
{
    for (uint32_t i = 0; i < ports->count; i++)
        if (ports->at[i].port == one->port && same_address(&ports->at[i].address, &one->address))
            return true;
    return false;
}

static void warn_about_firewall(const struct uplink *uplink, const struct uplink_ports *before)
{
    char text[HF_ENDPOINT_TEXT_MAX], list[400] = "";
    size_t used = 0, left_out = 0;

    for (uint32_t i = 0; i < uplink->ports.count; i++) {
        const struct hf_endpoint *one = &uplink->ports.at[i];

        if (is_in(before, one))
            continue;
        hf_endpoint_format(text, one);
        if (used + strlen(text) + 3 > sizeof list)
            left_out++;
        else
            used +=
                (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", text);
    }
    if (used > 0 && left_out == 0)
        log_warn(uplink->log, hf_os_now_us(),
                 "the firewall of this host no longer sees what comes to %s: rules for it belong "
                 "into the guard's configuration (allow, filter)",
                 list);
    else if (used > 0)
        log_warn(uplink->log, hf_os_now_us(),
                 "the firewall of this host no longer sees what comes to %s and %zu more ports: "
                 "rules for it belong into the guard's configuration (allow, filter)",
                 list, left_out);
}

static void warn_about_addresses(const struct uplink *uplink)
{
    struct network_address there[NETWORK_ADDRESSES_MAX];
    char text[HF_ADDRESS_TEXT_MAX];
    uint32_t count;

    if (network_addresses(there, &count) != HF_OK)
        return;
    for (uint32_t i = 0; i < uplink->address_count; i++) {
        uint32_t at = 0;

        while (at < count &&
               !same_address(&there[at].prefix.address, &uplink->addresses[i].address))
            at++;
        if (at == count)
            log_warn(uplink->log, hf_os_now_us(),
                     "%s is no address of this host yet: nobody is led here by it",
                     hf_address_format(text, &uplink->addresses[i].address));
    }
}

static void warn_about_routes(const struct uplink *uplink)
{
    for (int v4 = 1; v4 >= 0; v4--) {
        bool used = false, found = false;

        for (uint32_t i = 0; i < uplink->ports.count; i++)
            used |= hf_address_is_v4(&uplink->ports.at[i].address) == v4;
        for (uint32_t i = 0; i < uplink->route_count; i++)
            found |= is_default(&uplink->routes[i], v4);
        if (used && !found)
            log_warn(uplink->log, hf_os_now_us(),
                     "no %s default route leads out of %s: only its own networks are served",
                     v4 ? "IPv4" : "IPv6", uplink->interface);
    }
    if (uplink->routes_left_out > 0)
        log_warn(uplink->log, hf_os_now_us(), "%u routes of %s are more than the %d that are used",
                 uplink->routes_left_out, uplink->interface, HF_ROUTES_MAX);
}

void uplink_port_warn(const struct uplink *uplink, const struct uplink_ports *before)
{
    static const struct uplink_ports none;

    warn_about_firewall(uplink, before != NULL ? before : &none);
    if (before != NULL)
        return;
    warn_about_addresses(uplink);
    if (link_has_lro(uplink->interface))
        log_warn(uplink->log, hf_os_now_us(),
                 "%s has large receive offload on, whose frames cannot be redirected: if uploads "
                 "stall, `ethtool -K %s lro off`",
                 uplink->interface, uplink->interface);
    warn_about_routes(uplink);
}
