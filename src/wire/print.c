/* Packets as text, in packetdrill's notation; no stdio. */
#include "wire/print.h"

#include "wire/arp.h"
#include "wire/icmpv4.h"
#include "wire/icmpv6.h"

/* A text under way: what does not fit is left out, and the final zero always fits. */
struct out {
    char *at, *end; /* end: where the final zero goes at the latest */
};

static void put_char(struct out *out, char c)
{
    if (out->at < out->end)
        *out->at++ = c;
}

static void put_text(struct out *out, const char *text)
{
    while (*text)
        put_char(out, *text++);
}

static void put_number(struct out *out, uint32_t value)
{
    char digits[10];
    unsigned count = 0;

    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (count)
        put_char(out, digits[--count]);
}

static void put_named(struct out *out, const char *name, uint32_t value)
{
    put_text(out, name);
    put_number(out, value);
}

static void put_endpoint(struct out *out, const struct hf_address *address, uint16_t port)
{
    char text[HF_ENDPOINT_TEXT_MAX];

    put_text(out, hf_endpoint_format(text, &(struct hf_endpoint){*address, port}));
}

static void put_address(struct out *out, const struct hf_address *address)
{
    char text[HF_ADDRESS_TEXT_MAX];

    put_text(out, hf_address_format(text, address));
}

static void put_mac(struct out *out, const struct hf_mac *mac)
{
    for (unsigned i = 0; i < 6; i++) {
        if (i > 0)
            put_char(out, ':');
        put_char(out, "0123456789abcdef"[mac->bytes[i] >> 4]);
        put_char(out, "0123456789abcdef"[mac->bytes[i] & 0xf]);
    }
}

static void put_flags(struct out *out, uint8_t flags)
{
    static const struct {
        uint8_t flag;
        char letter;
    } letters[] = {{TCP_SYN, 'S'}, {TCP_FIN, 'F'}, {TCP_RST, 'R'}, {TCP_PSH, 'P'},
                   {TCP_ACK, '.'}, {TCP_URG, 'U'}, {TCP_ECE, 'E'}, {TCP_CWR, 'W'}};

    if (flags == 0)
        put_char(out, '-');
    for (unsigned i = 0; i < sizeof letters / sizeof *letters; i++)
        if (flags & letters[i].flag)
            put_char(out, letters[i].letter);
}

/* Separates options: "<" before the first, "," before the others. */
static void put_option(struct out *out, bool *any, const char *text)
{
    put_text(out, *any ? "," : " <");
    put_text(out, text);
    *any = true;
}

static void put_sack(struct out *out, const struct tcp_options *options, seq base, bool *any)
{
    put_option(out, any, "nop,nop,sack");
    for (uint32_t i = 0; i < options->sack_count; i++) {
        put_named(out, " ", seq_distance(base, options->sack[i].left));
        put_named(out, ":", seq_distance(base, options->sack[i].right));
    }
}

/* In the order in which tcp_option_build writes them, with the NOPs it puts between. */
static void put_options(struct out *out, const struct tcp_options *options, seq base)
{
    uint16_t present = options->present;
    bool any = false;

    if (present & TCP_OPTION_AO) {
        put_option(out, &any, "ao ");
        put_number(out, options->ao_length);
    }
    if (present & TCP_OPTION_MD5)
        put_option(out, &any, "nop,nop,md5");
    if (present & TCP_OPTION_MSS) {
        put_option(out, &any, "mss ");
        put_number(out, options->mss);
    }
    if (present & TCP_OPTION_SACK_PERMITTED)
        put_option(out, &any, present & TCP_OPTION_TIMESTAMPS ? "sackOK" : "nop,nop,sackOK");
    if (present & TCP_OPTION_TIMESTAMPS) {
        put_option(out, &any, present & TCP_OPTION_SACK_PERMITTED ? "TS val " : "nop,nop,TS val ");
        put_number(out, options->ts_value);
        put_named(out, " ecr ", options->ts_echo);
    }
    if (present & TCP_OPTION_SCALE) {
        put_option(out, &any, "nop,wscale ");
        put_number(out, options->scale);
    }
    if (present & TCP_OPTION_SACK)
        put_sack(out, options, base, &any);
    if (present & TCP_OPTION_TFO)
        put_option(out, &any, "FO");
    if (present & TCP_OPTION_UNKNOWN)
        put_option(out, &any, "unknown");
    if (present & TCP_OPTION_MALFORMED)
        put_option(out, &any, "malformed");
    if (any)
        put_char(out, '>');
}

static void put_segment(struct out *out, const struct segment *seg, const struct print_bases *bases)
{
    bool known = bases && bases->known;
    seq iss = known ? bases->iss : seq_of(0), irs = known ? bases->irs : seq_of(0);
    uint32_t first = seq_distance(iss, seg->seq);

    put_flags(out, seg->flags);
    put_named(out, " ", first);
    put_named(out, ":", first + seg->length);
    put_named(out, "(", seg->length);
    put_char(out, ')');
    if (seg->flags & TCP_ACK)
        put_named(out, " ack ", seq_distance(irs, seg->ack));
    put_named(out, " win ", seg->window);
    if (seg->flags & TCP_URG)
        put_named(out, " urg ", seg->urgent);
    put_options(out, &seg->options, irs);
}

static void put_arp(struct out *out, const struct packet *packet)
{
    struct arp_message message;

    if (!arp_parse(&message, packet->payload, packet->payload_length)) {
        put_text(out, "arp malformed");
    } else if (message.operation == ARP_REQUEST) {
        put_text(out, "arp who-has ");
        put_address(out, &message.target);
        put_text(out, " tell ");
        put_address(out, &message.sender);
    } else {
        put_text(out, "arp reply ");
        put_address(out, &message.sender);
        put_text(out, " is-at ");
        put_mac(out, &message.sender_mac);
    }
}

static const char *icmp_word(const struct icmp_message *message)
{
    switch (message->kind) {
    case ICMP_ECHO_REQUEST: return "echo request";
    case ICMP_ECHO_REPLY: return "echo reply";
    case ICMP_UNREACHABLE: return "unreachable";
    case ICMP_TIME_EXCEEDED: return "time exceeded";
    case ICMP_PARAMETER_PROBLEM: return "parameter problem";
    case ICMP_TOO_BIG: return "too big";
    case ICMP_NEIGHBOR:
        return message->type == ICMPV6_NEIGHBOR_SOLICITATION ? "neighbor solicitation"
                                                             : "neighbor advertisement";
    case ICMP_OTHER: break;
    }
    return "type";
}

static void put_icmp(struct out *out, const struct packet *packet)
{
    struct icmp_message message;
    bool ok = packet->version == 4
                  ? icmpv4_parse(&message, packet->payload, packet->payload_length)
                  : icmpv6_parse(&message, packet->payload, packet->payload_length);

    if (!ok) {
        put_text(out, "icmp malformed");
        return;
    }
    put_text(out, "icmp ");
    put_text(out, icmp_word(&message));
    if (message.kind == ICMP_OTHER)
        put_named(out, " ", message.type);
    if (icmp_is_error(&message) && message.kind != ICMP_TOO_BIG)
        put_named(out, " code ", message.code);
    if (message.kind == ICMP_TOO_BIG)
        put_named(out, " mtu ", message.mtu);
}

static void put_addresses(struct out *out, const struct packet *packet)
{
    put_address(out, &packet->source);
    put_text(out, " > ");
    put_address(out, &packet->destination);
    put_char(out, ' ');
}

static void put_packet(struct out *out, const struct packet *packet,
                       const struct print_bases *bases)
{
    switch (packet->kind) {
    case PACKET_TCP:
        put_endpoint(out, &packet->source, packet->segment.source_port);
        put_text(out, " > ");
        put_endpoint(out, &packet->destination, packet->segment.destination_port);
        put_char(out, ' ');
        put_segment(out, &packet->segment, bases);
        break;
    case PACKET_ICMPV4:
    case PACKET_ICMPV6:
        put_addresses(out, packet);
        put_icmp(out, packet);
        break;
    case PACKET_ARP: put_arp(out, packet); break;
    case PACKET_FRAGMENT:
        put_addresses(out, packet);
        put_named(out, "fragment id ", packet->fragment_id);
        put_named(out, " ", packet->fragment_offset);
        put_named(out, ":", packet->fragment_offset + packet->payload_length);
        if (packet->fragment_more)
            put_char(out, '+');
        break;
    case PACKET_FOREIGN: put_text(out, "foreign"); break;
    case PACKET_REFUSED: put_text(out, "refused"); break;
    }
}

static uint32_t finish(struct out *out, const char *start)
{
    *out->at = '\0';
    return (uint32_t)(out->at - start);
}

uint32_t print_segment(char *to, uint32_t size, const struct segment *seg,
                       const struct print_bases *bases)
{
    if (size == 0)
        return 0;
    struct out out = {to, to + size - 1};

    put_segment(&out, seg, bases);
    return finish(&out, to);
}

uint32_t print_packet(char *to, uint32_t size, const struct packet *packet,
                      const struct print_bases *bases)
{
    if (size == 0)
        return 0;
    struct out out = {to, to + size - 1};

    put_packet(&out, packet, bases);
    return finish(&out, to);
}
