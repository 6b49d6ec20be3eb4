/* What a scene is: something that clients do with nginx through the guard, and what must be true afterwards. */
#ifndef LAB_SCENE_H
#define LAB_SCENE_H

#include <jansson.h>

#include "lab/clients.h"
#include "lab/network.h"
#include "lab/servers.h"

struct lab {
    struct network network;
    struct servers servers;
    bool quick;
    uint64_t huge_bytes;
    char huge_sha256[65];
};

/* How a scene went for one family of addresses. */
struct outcome {
    bool ok;
    bool repeated;        /* a segment was sent again     */
    char says[64];        /* the figures, for people      */
    char why[256];        /* not ok: what was wrong       */
    json_t *facts;        /* the figures, for machines    */
    char *ladder;         /* a drawing, or NULL: malloc'd */
    uint16_t client_port; /* whose conversation to judge  */
    struct client_report report;
};

struct scene {
    const char *name;
    const char *about;
    bool captured; /* the guard writes a capture, and `judge` reads it once the guard has ended */
    void (*run)(struct lab *lab, enum family family, struct outcome *outcome);
    void (*judge)(struct lab *lab, enum family family, struct outcome *outcome);
    const char *programs[3]; /* beside ip and nginx */
};

/* Ended by a scene without a name. */
extern const struct scene scenes[];

/* For scenes: the answer is no. */
void scene_fail(struct outcome *outcome, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void scene_fact(struct outcome *outcome, const char *name, double value);

/* One curl in the client's namespace. Returns the body's bytes a second, as curl measured them; negative: it failed. */
double scene_curl(struct lab *lab, struct outcome *outcome, const char *const extra[],
                  const char *url);
bool scene_sha256(struct outcome *outcome, const char *path, char hex[65]);

/* Runs a client whose port goes into outcome->client_port. */
bool scene_client(struct lab *lab, struct outcome *outcome, const struct client_plan *plan);

/* The scenes, by file. */
void scene_download(struct lab *lab, enum family family, struct outcome *outcome);
void scene_upload(struct lab *lab, enum family family, struct outcome *outcome);
void scene_short(struct lab *lab, enum family family, struct outcome *outcome);
void scene_parallel(struct lab *lab, enum family family, struct outcome *outcome);
void scene_half_close(struct lab *lab, enum family family, struct outcome *outcome);
void scene_backend_down(struct lab *lab, enum family family, struct outcome *outcome);

void scene_client_closes(struct lab *lab, enum family family, struct outcome *outcome);
void scene_server_closes(struct lab *lab, enum family family, struct outcome *outcome);
void scene_judge_handshake(struct lab *lab, enum family family, struct outcome *outcome);
void scene_judge_close(struct lab *lab, enum family family, struct outcome *outcome);
void scene_judge_client_first(struct lab *lab, enum family family, struct outcome *outcome);
void scene_judge_server_first(struct lab *lab, enum family family, struct outcome *outcome);

void scene_everything(struct lab *lab, enum family family, struct outcome *outcome);
void scene_judge_capture(struct lab *lab, enum family family, struct outcome *outcome);

#endif
