/* Scenes that are judged by the guard's capture: how connections open and close, and what tshark says of it all. */
#include "lab/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/talk.h"

#define SECOND_US INT64_C(1000000)
#define TSHARK_LIMIT_US (60 * SECOND_US)
#define TSHARK_LOG CAGE_RUN "/tshark.log"
#define COMPLAINTS_MAX (64 * 1024)

/* ---- traffic ---- */

static void run_one(struct lab *lab, enum family family, struct outcome *outcome,
                    enum client_kind kind)
{
    struct client_plan plan = {
        .kind = kind,
        .family = family,
        .port = NETWORK_WEB_PORT,
        .count = 1,
        .path = SERVERS_SMALL,
        .file = SERVERS_ROOT SERVERS_SMALL,
    };

    scene_client(lab, outcome, &plan);
}

void scene_client_closes(struct lab *lab, enum family family, struct outcome *outcome)
{
    run_one(lab, family, outcome, CLIENT_CLOSES_FIRST);
}

void scene_server_closes(struct lab *lab, enum family family, struct outcome *outcome)
{
    run_one(lab, family, outcome, CLIENT_CLOSES_LAST);
}

/* A little of everything that the other scenes do. */
void scene_everything(struct lab *lab, enum family family, struct outcome *outcome)
{
    static const struct {
        enum client_kind kind;
        uint16_t port;
        uint32_t count;
        const char *path, *file;
    } parts[] = {
        {CLIENT_SHORT, NETWORK_WEB_PORT, 20, SERVERS_SMALL, SERVERS_ROOT SERVERS_SMALL},
        {CLIENT_PARALLEL, NETWORK_WEB_PORT, 20, SERVERS_MEDIUM, SERVERS_ROOT SERVERS_MEDIUM},
        {CLIENT_CLOSES_FIRST, NETWORK_WEB_PORT, 1, SERVERS_LARGE, SERVERS_ROOT SERVERS_LARGE},
        {CLIENT_HALF_CLOSE, NETWORK_WEB_PORT, 1, SERVERS_LARGE, SERVERS_ROOT SERVERS_LARGE},
        {CLIENT_WANTS_RESET, NETWORK_DOWN_PORT, 1, NULL, NULL},
    };
    const char *upload[] = {"--upload-file", SERVERS_ROOT SERVERS_LARGE, NULL};
    char url[128];

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct client_plan plan = {parts[i].kind,  family,        parts[i].port,
                                   parts[i].count, parts[i].path, parts[i].file};

        if (!scene_client(lab, outcome, &plan))
            return;
    }
    snprintf(url, sizeof url, "http://%s/put/captured", network_guard_host(family));
    outcome->ok = scene_curl(lab, outcome, upload, url) >= 0;
}

/* ---- how connections open and close ---- */

static void draw(struct outcome *outcome, const struct talk *talk, uint32_t first, uint32_t end)
{
    size_t length;
    FILE *out = open_memstream(&outcome->ladder, &length);

    if (!out)
        return;
    talk_draw(talk, first, end, out);
    fclose(out);
}

struct judgement {
    struct capture capture;
    struct talk talk;
};

static bool judge_begin(struct judgement *judgement, enum family family, struct outcome *outcome)
{
    struct talk *talk = &judgement->talk;
    uint8_t version = family == IPV4 ? 4 : 6;

    memset(judgement, 0, sizeof *judgement);
    if (!capture_read(&judgement->capture, SERVERS_CAPTURE, version, outcome->client_port,
                      outcome->why)) {
        outcome->ok = false;
        return false;
    }
    if (!talk_follow(talk, &judgement->capture))
        scene_fail(outcome, "no memory");
    else if (talk->not_expected)
        scene_fail(outcome, "the conversation of port %u: %s", outcome->client_port,
                   talk->not_expected);
    outcome->repeated = talk->repeated > 0;
    if (outcome->ok && (talk->resets > 0 || talk->repeated > 0))
        scene_fail(outcome, "%u resets and %u segments sent again, accepted is neither",
                   talk->resets, talk->repeated);
    return outcome->ok;
}

static void judge_end(struct judgement *judgement)
{
    talk_free(&judgement->talk);
    capture_free(&judgement->capture);
}

void scene_judge_handshake(struct lab *lab, enum family family, struct outcome *outcome)
{
    struct judgement judgement;

    (void)lab;
    if (judge_begin(&judgement, family, outcome)) {
        uint32_t segments = judgement.talk.opening;

        draw(outcome, &judgement.talk, 0, segments ? segments : judgement.talk.count);
        scene_fact(outcome, "segments", segments);
        snprintf(outcome->says, sizeof outcome->says, "%u segments, both ESTABLISHED", segments);
        if (segments != 3)
            scene_fail(outcome, "%u segments until both ends are ESTABLISHED, not 3", segments);
    }
    judge_end(&judgement);
}

/* The states in which the ends are left. */
static void expect_end(struct outcome *outcome, const struct talk *talk, enum talk_end closer)
{
    const struct talk_step *last = &talk->steps[talk->count - 1];

    if (talk->closing == talk->count)
        scene_fail(outcome, "nobody sent a FIN");
    else if (talk->closer != closer)
        scene_fail(outcome, "the %s closed first",
                   talk->closer == TALK_CLIENT ? "client" : "guard");
    else if (last->state[closer] != HF_STATE_TIME_WAIT || last->state[!closer] != HF_STATE_CLOSED)
        scene_fail(outcome, "the client is left in %s and the guard in %s",
                   hf_state_text(last->state[TALK_CLIENT]), hf_state_text(last->state[TALK_GUARD]));
}

void scene_judge_close(struct lab *lab, enum family family, struct outcome *outcome)
{
    static const uint8_t flags[] = {TCP_FIN | TCP_ACK, TCP_ACK, TCP_FIN | TCP_ACK, TCP_ACK};
    struct judgement judgement;

    (void)lab;
    if (judge_begin(&judgement, family, outcome)) {
        const struct talk *talk = &judgement.talk;
        uint32_t segments = talk->count - talk->closing;

        draw(outcome, talk, talk->closing, talk->count);
        scene_fact(outcome, "segments", segments);
        snprintf(outcome->says, sizeof outcome->says, "%u segments, both FINs acknowledged",
                 segments);
        expect_end(outcome, talk, TALK_CLIENT);
        if (outcome->ok && segments != 4)
            scene_fail(outcome, "%u segments from the first FIN on, not 4", segments);
        for (uint32_t i = 0; i < 4 && outcome->ok; i++)
            if ((talk->steps[talk->closing + i].segment->flags & (TCP_FIN | TCP_ACK | TCP_SYN)) !=
                flags[i])
                scene_fail(outcome, "segment %u of the close has other flags", i + 1);
    }
    judge_end(&judgement);
}

static void judge_order(enum family family, struct outcome *outcome, enum talk_end closer)
{
    struct judgement judgement;

    if (judge_begin(&judgement, family, outcome)) {
        expect_end(outcome, &judgement.talk, closer);
        snprintf(outcome->says, sizeof outcome->says, "%s TIME-WAIT, %s CLOSED",
                 closer == TALK_CLIENT ? "client" : "guard",
                 closer == TALK_CLIENT ? "guard" : "client");
    }
    judge_end(&judgement);
}

void scene_judge_client_first(struct lab *lab, enum family family, struct outcome *outcome)
{
    (void)lab;
    judge_order(family, outcome, TALK_CLIENT);
}

void scene_judge_server_first(struct lab *lab, enum family family, struct outcome *outcome)
{
    (void)lab;
    judge_order(family, outcome, TALK_GUARD);
}

/* ---- tshark ---- */

/* What a lossless network must not show. */
#define WRONG                                                                                 \
    "_ws.malformed || tcp.checksum.status == 0 || ip.checksum.status == 0 || "                \
    "icmpv6.checksum.status == 0 || tcp.analysis.retransmission || tcp.analysis.out_of_order" \
    " || tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment || "                      \
    "tcp.analysis.duplicate_ack || tcp.analysis.window_update && tcp.analysis.zero_window"

static int tshark(const char *filter, char *output, size_t size)
{
    const char *argv[] = {"tshark", "-n",
                          "-r",     SERVERS_CAPTURE,
                          "-o",     "tcp.check_checksum:TRUE",
                          "-o",     "ip.check_checksum:TRUE",
                          "-Y",     filter,
                          "-T",     "fields",
                          "-e",     "frame.number",
                          "-e",     "_ws.col.Info",
                          NULL};
    struct process_plan plan = {.namespace_fd = -1, .argv = argv, .log = TSHARK_LOG};

    return process_run(&plan, output, size, TSHARK_LIMIT_US);
}

static unsigned lines(const char *text)
{
    unsigned count = 0;

    for (; *text; text++)
        count += *text == '\n';
    return count;
}

void scene_judge_capture(struct lab *lab, enum family family, struct outcome *outcome)
{
    const char *version = family == IPV4 ? "ip" : "ipv6";
    static char complaints[COMPLAINTS_MAX];
    struct capture capture;
    char filter[640];

    (void)lab;
    if (!capture_read(&capture, SERVERS_CAPTURE, family == IPV4 ? 4 : 6, 0, outcome->why)) {
        outcome->ok = false;
        return;
    }
    scene_fact(outcome, "packets", capture.packets);
    if (capture.refused > 0)
        scene_fail(outcome, "%u packets that our own parser refuses", capture.refused);
    snprintf(outcome->says, sizeof outcome->says, "%u packets, no complaint", capture.packets);
    capture_free(&capture);

    snprintf(filter, sizeof filter, "%s && (%s)", version, WRONG);
    int code = tshark(filter, complaints, sizeof complaints);
    scene_fact(outcome, "complaints", lines(complaints));
    outcome->repeated = strstr(complaints, "Retransmission") != NULL;
    if (code != 0)
        scene_fail(outcome, "tshark ended with %d", code);
    else if (complaints[0] != '\0')
        scene_fail(outcome, "tshark finds %u packets wrong, first: %.*s", lines(complaints),
                   (int)strcspn(complaints, "\n"), complaints);
}
