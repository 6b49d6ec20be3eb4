/* The words of port mode's tables. [nft(8), netdev family, ingress hook]
 *
 * What is redirected is gone for the kernel: neither its firewall nor its sockets see it. What both stacks need to hear is
 * duplicated: answers that say where a next hop is, ICMP errors about segments from our ports, and later fragments, which do
 * not say whose they are (the first goes where its port says; the kernel, or our stack, forgets the others).
 */
#include "guard/netfilter.h"

#include <ctype.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>

#include "os/syscalls.h"

/* libnftables': when the ports change */
SYSCALLS("socket:netfilter bind getsockname setsockopt getsockopt sendto sendmsg recvmsg close"
         " pselect6 getpid");

#define PRIORITY_REDIRECT (-150)
#define PRIORITY_DROP (-140) /* behind the other: what arrives here nobody redirects */

struct netfilter {
    struct nft_ctx *context;
};

/* ---- words ---- */

/* A table's name may have fewer characters than an interface's. */
static void print_table(FILE *out, const char *interface)
{
    fputs("handfast-", out);
    for (const char *at = interface; *at != '\0'; at++)
        fputc(isalnum((unsigned char)*at) || *at == '.' || *at == '-' ? *at : '_', out);
}

/* Makes sure that it is there, so that it can be removed. */
static void print_removal(FILE *out, const char *interface, const char *suffix, bool owned)
{
    const char *verbs[] = {"add", "delete"};

    for (int i = 0; i < 2; i++) {
        fprintf(out, "%s table netdev ", verbs[i]);
        print_table(out, interface);
        fprintf(out, "%s%s\n", suffix, owned && i == 0 ? " { flags owner; }" : "");
    }
}

static void print_address(FILE *out, const struct hf_address *address)
{
    char text[HF_ADDRESS_TEXT_MAX];

    fputs(hf_address_format(text, address), out);
}

static bool is_of(const struct netfilter_ports *ports, uint32_t index, bool v4)
{
    return hf_address_is_v4(&ports->at[index].address) == v4;
}

static bool has(const struct netfilter_ports *ports, bool v4)
{
    for (uint32_t i = 0; i < ports->count; i++)
        if (is_of(ports, i, v4))
            return true;
    return false;
}

static bool has_flow(const struct netfilter_flow *flows, uint32_t count, bool v4)
{
    for (uint32_t i = 0; i < count; i++)
        if (hf_address_is_v4(&flows[i].local.address) == v4)
            return true;
    return false;
}

/* A set of connections, if there are any of the family. */
static void print_flows(FILE *out, const char *name, const struct netfilter_flow *flows,
                        uint32_t count)
{
    for (int v4 = 1; v4 >= 0; v4--) {
        int family = v4 ? 4 : 6;
        const char *between = "{ ";

        if (!has_flow(flows, count, v4))
            continue;
        fprintf(out,
                "    set %s%d {\n        type ipv%d_addr . inet_service . ipv%d_addr . "
                "inet_service\n        elements = ",
                name, family, family, family);
        for (uint32_t i = 0; i < count; i++) {
            if (hf_address_is_v4(&flows[i].local.address) != v4)
                continue;
            fputs(between, out);
            between = ", ";
            print_address(out, &flows[i].remote.address);
            fprintf(out, " . %u . ", flows[i].remote.port);
            print_address(out, &flows[i].local.address);
            fprintf(out, " . %u", flows[i].local.port);
        }
        fputs(" }\n    }\n", out);
    }
}

static void print_flow_rules(FILE *out, const char *name, const struct netfilter_flow *flows,
                             uint32_t count, const char *tap)
{
    for (int v4 = 1; v4 >= 0; v4--) {
        const char *ip = v4 ? "ip" : "ip6";

        if (!has_flow(flows, count, v4))
            continue;
        fprintf(out, "        %s saddr . tcp sport . %s daddr . tcp dport @%s%d ", ip, ip, name,
                v4 ? 4 : 6);
        if (tap != NULL)
            fprintf(out, "fwd to \"%s\"\n", tap);
        else
            fputs("accept\n", out);
    }
}

/* Whether one before it in the list says the same; each element may be named once. */
static bool is_repeated(const struct netfilter_ports *ports, uint32_t index, bool address,
                        bool port)
{
    const struct hf_endpoint *one = &ports->at[index];

    for (uint32_t i = 0; i < index; i++)
        if (is_of(ports, i, is_of(ports, index, true)) &&
            (!address || memcmp(&ports->at[i].address, &one->address, sizeof one->address) == 0) &&
            (!port || ports->at[i].port == one->port))
            return true;
    return false;
}

/* "{ 192.0.2.1 . 80, ... }": addresses, ports or both of one family. */
static void print_elements(FILE *out, const struct netfilter_ports *ports, bool v4, const char *of)
{
    bool address = strchr(of, 'a') != NULL, port = strchr(of, 'p') != NULL;
    const char *between = "{ ";

    for (uint32_t i = 0; i < ports->count; i++) {
        if (!is_of(ports, i, v4) || is_repeated(ports, i, address, port))
            continue;
        fputs(between, out);
        between = ", ";
        if (address)
            print_address(out, &ports->at[i].address);
        if (address && port)
            fputs(" . ", out);
        if (port)
            fprintf(out, "%u", ports->at[i].port);
    }
    fputs(" }", out);
}

static void print_sets(FILE *out, const struct netfilter_ports *ports, bool v4)
{
    const char *family = v4 ? "4" : "6";

    fprintf(out, "    set served%s {\n        type ipv%s_addr . inet_service\n        elements = ",
            family, family);
    print_elements(out, ports, v4, "ap");
    fprintf(out,
            "\n    }\n    set shared%s {\n        type ipv%s_addr\n        elements = ", family,
            family);
    print_elements(out, ports, v4, "a");
    fputs("\n    }\n", out);
}

/* Offsets of what an ICMP error quotes: protocol and source port of a packet without IP options. [RFC 792; RFC 4443] */
static void print_outside(FILE *out, const struct netfilter_ports *ports)
{
    const char *tap = ports->tap;

    bool v4 = has(ports, true) || has_flow(ports->held, ports->held_count, true);
    bool v6 = has(ports, false) || has_flow(ports->held, ports->held_count, false);

    fprintf(out,
            "    chain outside {\n"
            "        type filter hook ingress device \"%s\" priority %d; policy accept;\n",
            ports->interface, PRIORITY_REDIRECT);
    print_flow_rules(out, "kept", ports->kept, ports->kept_count, NULL);
    if (has(ports, true))
        fprintf(out, "        ip daddr . tcp dport @served4 fwd to \"%s\"\n", tap);
    if (has(ports, false))
        fprintf(out, "        ip6 daddr . tcp dport @served6 fwd to \"%s\"\n", tap);
    print_flow_rules(out, "held", ports->held, ports->held_count, tap);
    if (v4)
        fprintf(out, "        arp operation reply dup to \"%s\"\n", tap);
    if (v6)
        fprintf(out, "        icmpv6 type nd-neighbor-advert dup to \"%s\"\n", tap);
    if (has(ports, true)) {
        fprintf(out,
                "        ip daddr @shared4 ip protocol tcp ip frag-off & 0x1fff != 0 "
                "dup to \"%s\"\n"
                "        ip daddr @shared4 icmp type { destination-unreachable, time-exceeded, "
                "parameter-problem } @th,64,8 0x45 @th,136,8 6 @th,224,16 ",
                tap);
        print_elements(out, ports, true, "p");
        fprintf(out, " dup to \"%s\"\n", tap);
    }
    if (has(ports, false)) {
        fprintf(out,
                "        ip6 daddr @shared6 meta l4proto tcp frag frag-off != 0 dup to \"%s\"\n"
                "        ip6 daddr @shared6 icmpv6 type { destination-unreachable, packet-too-big, "
                "time-exceeded, parameter-problem } @th,112,8 6 @th,384,16 ",
                tap);
        print_elements(out, ports, false, "p");
        fprintf(out, " dup to \"%s\"\n", tap);
    }
    fputs("    }\n", out);
}

void netfilter_print_redirect(FILE *out, const struct netfilter_ports *ports, bool owned)
{
    print_removal(out, ports->interface, "", owned);
    fputs("table netdev ", out);
    print_table(out, ports->interface);
    fprintf(out, " {\n%s", owned ? "    flags owner\n" : "");
    for (int v4 = 1; v4 >= 0; v4--)
        if (has(ports, v4))
            print_sets(out, ports, v4);
    print_flows(out, "kept", ports->kept, ports->kept_count);
    print_flows(out, "held", ports->held, ports->held_count);
    print_outside(out, ports);
    /* While one table takes the other's place both chains are there, and the old one is empty already: no policy but to
     * accept, and nothing is lost. */
    fprintf(out,
            "    chain inside {\n"
            "        type filter hook ingress device \"%s\" priority %d; policy accept;\n"
            "        fwd to \"%s\"\n"
            "    }\n}\n",
            ports->tap, PRIORITY_REDIRECT, ports->interface);
}

void netfilter_print_drop(FILE *out, const struct netfilter_ports *ports)
{
    print_removal(out, ports->interface, "-stopped", false);
    fputs("table netdev ", out);
    print_table(out, ports->interface);
    fputs("-stopped {\n", out);
    for (int v4 = 1; v4 >= 0; v4--)
        if (has(ports, v4)) {
            fprintf(out,
                    "    set served%d {\n        type ipv%d_addr . inet_service\n"
                    "        elements = ",
                    v4 ? 4 : 6, v4 ? 4 : 6);
            print_elements(out, ports, v4, "ap");
            fputs("\n    }\n", out);
        }
    print_flows(out, "kept", ports->kept, ports->kept_count);
    fprintf(out,
            "    chain outside {\n"
            "        type filter hook ingress device \"%s\" priority %d; policy accept;\n",
            ports->interface, PRIORITY_DROP);
    print_flow_rules(out, "kept", ports->kept, ports->kept_count, NULL);
    if (has(ports, true))
        fputs("        ip daddr . tcp dport @served4 drop\n", out);
    if (has(ports, false))
        fputs("        ip6 daddr . tcp dport @served6 drop\n", out);
    fputs("    }\n}\n", out);
}

void netfilter_print_no_redirect(FILE *out, const char *interface)
{
    print_removal(out, interface, "", false);
}

void netfilter_print_no_drop(FILE *out, const char *interface)
{
    print_removal(out, interface, "-stopped", false);
}

/* ---- libnftables ---- */

struct netfilter *netfilter_open(char error[NETFILTER_ERROR_MAX])
{
    struct netfilter *netfilter = calloc(1, sizeof *netfilter);

    if (netfilter != NULL)
        netfilter->context = nft_ctx_new(NFT_CTX_DEFAULT);
    if (netfilter == NULL || netfilter->context == NULL ||
        nft_ctx_buffer_error(netfilter->context) != 0 ||
        nft_ctx_buffer_output(netfilter->context) != 0) {
        netfilter_close(netfilter);
        snprintf(error, NETFILTER_ERROR_MAX, "nftables cannot be reached: no memory or no netlink");
        return NULL;
    }
    return netfilter;
}

void netfilter_close(struct netfilter *netfilter)
{
    if (netfilter == NULL)
        return;
    if (netfilter->context != NULL)
        nft_ctx_free(netfilter->context);
    free(netfilter);
}

static const char *hint(const char *text)
{
    if (strstr(text, "Operation not permitted") != NULL)
        return "; accepted is CAP_NET_ADMIN, and one guard an interface";
    if (strstr(text, "not supported") != NULL || strstr(text, "Invalid argument") != NULL)
        return "; needed are nf_tables with netdev, fwd and dup, and Linux 5.12 for flags owner";
    return "";
}

bool netfilter_run(struct netfilter *netfilter, const char *commands,
                   char error[NETFILTER_ERROR_MAX])
{
    const char *text, *found;
    size_t length;

    if (nft_run_cmd_from_buffer(netfilter->context, commands) == 0)
        return true;
    text = nft_ctx_get_error_buffer(netfilter->context);
    found = strstr(text, "Error: ");
    found = found != NULL ? found + strlen("Error: ") : text;
    length = strcspn(found, "\n");
    snprintf(error, NETFILTER_ERROR_MAX, "nftables: %.*s%s", (int)(length < 300 ? length : 300),
             length > 0 ? found : "no answer", hint(found));
    return false;
}
