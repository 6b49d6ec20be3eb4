/* The command that closes what is not open. */
#include "audit/nft.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct command {
    char *text;
    size_t used;
};

static void add(struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct command *command, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length =
        vsnprintf(command->text + command->used, AUDIT_FIX_MAX - command->used, format, arguments);
    va_end(arguments);
    command->used += length > 0 ? (size_t)length : 0;
    if (command->used >= AUDIT_FIX_MAX)
        command->used = AUDIT_FIX_MAX - 1;
}

/* Ports that are open now or meant to be, each once. */
static unsigned add_ports(struct command *command, const struct audit_world *world, bool udp)
{
    uint8_t seen[65536 / 8] = {0};
    unsigned count = 0;

    for (uint32_t i = 0; i < world->listeners.count; i++) {
        const struct listener *listener = &world->listeners.items[i];
        uint16_t port = listener->local.port;

        if (listener->udp == udp && listener_is_open(listener))
            seen[port / 8] |= (uint8_t)(1u << port % 8);
    }
    for (uint32_t i = 0; !udp && i < world->declared_count; i++)
        seen[world->declared[i] / 8] |= (uint8_t)(1u << world->declared[i] % 8);
    for (unsigned port = 1; port < 65536; port++)
        if (seen[port / 8] & 1u << port % 8)
            add(command, "%s%u", count++ ? ", " : "", port);
    return count;
}

static void add_open(struct command *command, const struct audit_world *world, const char *chain,
                     bool udp)
{
    size_t before = command->used;

    add(command, "add rule %s %s dport { ", chain, udp ? "udp" : "tcp");
    if (add_ports(command, world, udp) > 0)
        add(command, " } accept; ");
    else
        command->text[command->used = before] = '\0';
}

void nft_closing_fix(char fix[AUDIT_FIX_MAX], const struct audit_world *world, const char *chain)
{
    struct command command = {fix, 0};
    bool ours = chain[0] == '\0';

    add(&command, "nft '%s", ours ? NFT_MAKE_CLOSING : "");
    if (ours)
        chain = NFT_CLOSING;
    add(&command, "add rule %s ct state established,related accept; ", chain);
    add(&command, "add rule %s iif lo accept; ", chain);
    add(&command, "add rule %s meta l4proto { icmp, ipv6-icmp } accept; ", chain);
    add_open(&command, world, chain, false);
    add_open(&command, world, chain, true);
    add(&command, "add chain %s { policy drop; }'", chain);
}
