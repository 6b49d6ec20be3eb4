/* Neighbour discovery: solicitations and advertisements. [RFC 4861 4.3, 4.4, 4.6.1, 7.1]
 *
 * Hop limit 255 proves that the sender is on our link: no router forwards that. Everything else here keeps a neighbour from
 * saying what the specification forbids him to say.
 */
#include "wire/nd.h"

#include "base/bytes.h"
#include "wire/icmpv6.h"
#include "wire/ipv6.h"

enum {
    ND_LENGTH = 24,
    FLAGS_AT = 4,
    FLAG_ROUTER = 0x80,
    FLAG_SOLICITED = 0x40,
    FLAG_OVERRIDE = 0x20,
    OPTION_SOURCE_MAC = 1,
    OPTION_TARGET_MAC = 2,
};

/* Options in units of eight bytes; a length of zero discards the packet. [RFC 4861 4.6] [R4861-05] */
static bool read_options(struct nd_message *message, const uint8_t *option, uint32_t length)
{
    uint8_t wanted = message->advertisement ? OPTION_TARGET_MAC : OPTION_SOURCE_MAC;

    while (length > 0) {
        if (length < 8 || option[1] == 0 || option[1] * 8u > length)
            return false;
        if (option[0] == wanted && option[1] == 1) {
            memcpy(&message->mac, option + 2, sizeof message->mac);
            message->has_mac = true;
        }
        length -= option[1] * 8u;
        option += option[1] * 8u;
    }
    return true;
}

static bool is_solicited_node(const struct hf_address *address)
{
    static const uint8_t start[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};

    return memcmp(address, start, sizeof start) == 0;
}

/* [RFC 4861 7.1.1, 7.1.2] */
static bool addresses_fit(const struct nd_message *message, const struct packet *packet)
{
    if (address_kind(&message->target) == ADDRESS_MULTICAST)
        return false;
    if (message->advertisement)
        return !(message->solicited && address_kind(&packet->destination) == ADDRESS_MULTICAST);
    if (address_is_any(&packet->source))
        return is_solicited_node(&packet->destination) && !message->has_mac;
    return true;
}

/* [R4861-01, R4861-02, R6980-01] */
bool nd_parse(struct nd_message *message, const struct packet *packet)
{
    const uint8_t *data = packet->payload;

    if (packet->kind != PACKET_ICMPV6 || packet->ttl != 255 ||
        packet->fragmented) /* [RFC 6980 5] */
        return false;
    if (packet->payload_length < ND_LENGTH || data[1] != 0)
        return false;
    if (data[0] != ICMPV6_NEIGHBOR_SOLICITATION && data[0] != ICMPV6_NEIGHBOR_ADVERTISEMENT)
        return false;

    *message = (struct nd_message){.advertisement = data[0] == ICMPV6_NEIGHBOR_ADVERTISEMENT};
    if (message->advertisement) {
        message->router = data[FLAGS_AT] & FLAG_ROUTER;
        message->solicited = data[FLAGS_AT] & FLAG_SOLICITED;
        message->override = data[FLAGS_AT] & FLAG_OVERRIDE;
    }
    memcpy(&message->target, data + 8, sizeof message->target);
    return read_options(message, data + ND_LENGTH, packet->payload_length - ND_LENGTH) &&
           addresses_fit(message, packet);
}

/* [R4861-06] */
uint32_t nd_build(uint8_t *to, const struct nd_message *message, const struct hf_address *source,
                  const struct hf_address *destination)
{
    uint32_t length = ND_LENGTH;

    memset(to, 0, ND_LENGTH);
    to[0] = message->advertisement ? ICMPV6_NEIGHBOR_ADVERTISEMENT : ICMPV6_NEIGHBOR_SOLICITATION;
    if (message->advertisement)
        to[FLAGS_AT] = (uint8_t)((message->router ? FLAG_ROUTER : 0) |
                                 (message->solicited ? FLAG_SOLICITED : 0) |
                                 (message->override ? FLAG_OVERRIDE : 0));
    memcpy(to + 8, &message->target, sizeof message->target);
    if (message->has_mac) {
        to[length] = message->advertisement ? OPTION_TARGET_MAC : OPTION_SOURCE_MAC;
        to[length + 1] = 1;
        memcpy(to + length + 2, &message->mac, sizeof message->mac);
        length += 8;
    }
    icmpv6_set_checksum(to, length, source, destination);
    return length;
}
