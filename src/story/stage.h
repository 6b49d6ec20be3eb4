/* The stage: Karma (a client) and Amily (a server) as two real stacks on one wire, and cues that put words beside the segments
 * that come. */
#ifndef STORY_STAGE_H
#define STORY_STAGE_H

#include "sim/ladder.h"
#include "sim/world.h"
#include "story/story.h"
#include "wire/segment.h"

#define STAGE_PORT 80
#define STAGE_FRAME_MAX 2048

enum stage_node {
    STAGE_KARMA = 0,
    STAGE_AMILY = 1,
};

/* The next segment in this direction whose notation begins so is spoken; those before it stay without words. */
struct cue {
    const char *begins; /* "S ", "S.", "." ... */
    bool to_left;
    enum story_who who;
    struct story_text line; /* NULL: the segment is silent */
    struct story_text why;
};

struct stage_setup {
    struct hf_config config[2]; /* without addresses             */
    struct hf_listen_options listen;
    int64_t delay_us;          /* of the wire, each way         */
    bool quiet;                /* what comes first is not told  */
    struct story_text opening; /* beside the states before anything happens */
};

/* Default stacks, raw IP, 10 ms, no cookies: every half-open is seen in a cache. */
struct stage_setup stage_setup_default(void);

struct stage {
    struct story *story;
    struct world world;
    struct ladder *ladder;
    bool quiet;            /* segments are not told */
    bool first;            /* the next that is told begins a part */
    int64_t last_at_us;    /* of the row that was told last */
    int64_t wake_us;       /* NEVER_US: the actor wants nothing */
    const struct cue *cue; /* begins NULL: the end */
    hf_socket listener, karma, amily;
    bool losing; /* every frame from lose_from */
    unsigned lose_from;
    uint8_t first_syn[STAGE_FRAME_MAX]; /* Karma's, as it went over the wire */
    uint32_t first_syn_length;
};

void stage_open(struct stage *stage, struct story *story, const struct stage_setup *setup);
void stage_close(struct stage *stage);

/* From now on these. Cues of before that were never spoken are a failure of the story. */
void stage_cues(struct stage *stage, const struct cue *cues);

/* Lets so much time pass; until nothing is under way. */
void stage_run(struct stage *stage, int64_t us);
void stage_settle(struct stage *stage);
/* Until the next frame has arrived. */
void stage_arrival(struct stage *stage);

/* A password of this end, for everybody who speaks to it: TCP-AO, HMAC-SHA-1-96. [RFC 5926 3.2.1] */
void stage_password(struct stage *stage, enum stage_node node, const char *password);

/* Karma connects to this port. */
void stage_connect(struct stage *stage, uint16_t port);
/* The same, until both are together; the stage must be quiet. */
void stage_together(struct stage *stage);

void stage_send(struct stage *stage, enum stage_node node, const char *text);
void stage_read(struct stage *stage, enum stage_node node);
void stage_shutdown(struct stage *stage, enum stage_node node);

/* A segment in the other end's name, put before `to` now: of Karma's flow. */
void stage_forge(struct stage *stage, enum stage_node to, const struct segment *seg);

struct hf_status stage_status(const struct stage *stage, enum stage_node node);
const struct hf_stats *stage_stats(const struct stage *stage, enum stage_node node);
bool stage_is(const struct stage *stage, enum stage_node node, enum hf_state state);

#endif
