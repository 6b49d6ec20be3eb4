/* A capture of a world as one of its nodes sees it: what it sends, and what reaches it. */
#include "sim/world_capture.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "driver/pcapng.h"

#define WALL_US 1600000000000000 /* 2020-09-13: the same in every run */

struct world_capture {
    struct pcapng *pcapng;
    unsigned node;
};

static const char *fate_text(enum link_fate fate)
{
    switch (fate) {
    case LINK_CARRIED: return "sent";
    case LINK_LOST: return "sent, and lost on the way";
    case LINK_QUEUE_FULL: return "sent, and dropped by a full queue";
    case LINK_TOO_BIG: return "sent, and too big for the network in between";
    case LINK_FATES: break;
    }
    return "?";
}

static void on_frame(void *self, struct world *world, const struct world_frame *frame)
{
    struct world_capture *capture = self;
    bool outbound = frame->moment == WORLD_SENT;
    char comment[160];
    struct hf_frame bytes = {
        .data = (uint8_t *)(uintptr_t)frame->data,
        .length = frame->length,
        .link = (uint8_t)frame->link,
    };

    if (outbound ? frame->from != capture->node : frame->to != capture->node)
        return;
    if (outbound)
        snprintf(comment, sizeof comment, "%s", fate_text(frame->fate));
    else if (frame->verdict == HF_DELIVERED)
        snprintf(comment, sizeof comment, "delivered");
    else
        snprintf(comment, sizeof comment, "%s: %s", hf_stat_name(frame->reason),
                 hf_stat_meaning(frame->reason));
    pcapng_packet(capture->pcapng, &bytes,
                  &(struct pcapng_note){.outbound = outbound,
                                        .at_us = world->now_us - world->start_us,
                                        .comment = comment});
}

int world_capture_open(struct world_capture **capture, struct world *world, unsigned node,
                       const char *path)
{
    struct pcapng *pcapng;
    int error = pcapng_open(&pcapng, path, WALL_US);

    if (error)
        return error;
    *capture = malloc(sizeof **capture);
    must(*capture);
    **capture = (struct world_capture){pcapng, node};
    pcapng_add_interface(pcapng, node == 0 ? "client" : "server", world->nodes[node].config.link);
    world_hook(world, on_frame, *capture);
    return HF_OK;
}

uint64_t world_capture_close(struct world_capture *capture)
{
    uint64_t lost = pcapng_close(capture->pcapng);

    free(capture);
    return lost;
}
