/* Forged frames: a template, and the few fields that differ from frame to frame. */
#include "forge.h"

#include <arpa/inet.h>
#include <string.h>

#define IP_AT 14u
#define TCP_AT 34u
#define OPTIONS_BYTES 20u
#define TIMESTAMP_AT (TCP_AT + 20 + 8)

/* MSS 1460, SACK permitted, timestamps, NOP, window scale 7: as Linux offers them. */
static const uint8_t linux_options[OPTIONS_BYTES] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0,
                                                     0, 0, 0, 0,    0, 0, 1, 3,  3, 7};

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

/* [RFC 1071]; lengths are even here. */
static uint32_t sum(const uint8_t *at, size_t length)
{
    uint32_t total = 0;

    for (size_t i = 0; i < length; i += 2)
        total += (uint32_t)at[i] << 8 | at[i + 1];
    return total;
}

static uint32_t sum32(uint32_t value)
{
    return (value >> 16) + (value & 0xffff);
}

static uint32_t fold(uint32_t total)
{
    total = (total >> 16) + (total & 0xffff);
    total = (total >> 16) + (total & 0xffff);
    return ~total & 0xffff;
}

static uint32_t prepare_tcp(uint8_t *tcp, const struct forge_plan *plan)
{
    uint32_t header = 20 + (plan->options ? OPTIONS_BYTES : 0);
    uint32_t length = header + plan->text_bytes;

    put16(tcp + 2, plan->to_port);
    tcp[12] = (uint8_t)(header << 2);
    tcp[13] = plan->flags;
    put16(tcp + 14, plan->window);
    if (plan->options)
        memcpy(tcp + 20, linux_options, sizeof linux_options);
    return length;
}

void forge_prepare(struct forge_template *template, const struct forge_plan *plan)
{
    uint8_t *ip = template->frame + IP_AT, *transport = template->frame + TCP_AT;
    uint32_t length;

    *template = (struct forge_template){.echo = plan->echo, .options = plan->options};
    if (plan->echo) {
        transport[0] = 8;
        length = 8 + (plan->text_bytes & ~1u);
    } else {
        length = prepare_tcp(transport, plan);
    }
    memcpy(template->frame, plan->to_mac, 6);
    memcpy(template->frame + 6, plan->from_mac, 6);
    put16(template->frame + 12, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, 20 + length);
    put16(ip + 6, 0x4000); /* DF */
    ip[8] = 64;
    ip[9] = plan->echo ? 1 : 6;
    put32(ip + 16, ntohl(plan->to));
    template->length = TCP_AT + length;
    template->ip_sum = sum(ip, 20);
    template->transport_sum = sum(transport, length & ~1u);
    if (!plan->echo)
        template->transport_sum += sum(ip + 16, 4) + 6 + length;
}

void forge_fill(uint8_t *frame, const struct forge_template *template,
                const struct forge_segment *segment)
{
    uint8_t *ip = frame + IP_AT, *transport = frame + TCP_AT;
    uint32_t from = ntohl(segment->from), total = template->transport_sum;

    put32(ip + 12, from);
    put16(ip + 10, fold(template->ip_sum + sum32(from)));
    if (template->echo) {
        put16(transport + 6, segment->from_port);
        put16(transport + 2, fold(total + segment->from_port));
        return;
    }
    put16(transport, segment->from_port);
    put32(transport + 4, segment->seq);
    put32(transport + 8, segment->ack);
    total += sum32(from) + segment->from_port + sum32(segment->seq) + sum32(segment->ack);
    if (template->options) {
        put32(frame + TIMESTAMP_AT, segment->timestamp);
        total += sum32(segment->timestamp);
    }
    put16(transport + 16, fold(total));
}
