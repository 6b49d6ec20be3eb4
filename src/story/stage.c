/* The stage: two stacks, and the words beside their segments. */
#include "story/stage.h"

#include <stdlib.h>
#include <string.h>

#include <handfast/auth.h>

#include "base/must.h"
#include "base/time.h"
#include "sim/attack_frame.h"
#include "sim/scenario.h"
#include "wire/packet.h"

#define SEED 0x10e5u /* any: nothing in a scene is left to chance */

struct stage_setup stage_setup_default(void)
{
    struct stage_setup setup = {.delay_us = 10 * US_PER_MS};

    for (unsigned node = 0; node < 2; node++) {
        setup.config[node] = (struct hf_config)HF_CONFIG_DEFAULT;
        setup.config[node].link = HF_RAW_IP;
        setup.config[node].msl_ms = 1000;
        setup.config[node].max_keys = 1;
    }
    setup.listen.cookies = HF_COOKIES_OFF;
    setup.opening =
        (struct story_text){{"Karma has no connection (CLOSED); Amily's door is open (LISTEN).",
                             "Karma 没有连接（CLOSED）；Amily 的门开着（LISTEN）。"}};
    return setup;
}

/* ---- what is told ---- */

static char *copy_of(const char *text)
{
    char *copy = text ? strdup(text) : NULL;

    must(copy || !text);
    return copy;
}

static void speak(struct stage *stage, struct story_beat *beat)
{
    const struct cue *cue = stage->cue;

    if (!cue || !cue->begins || cue->to_left != beat->row.to_left ||
        strncmp(beat->row.text, cue->begins, strlen(cue->begins)) != 0)
        return;
    beat->who = cue->who;
    for (unsigned language = 0; language < STORY_LANGUAGES; language++) {
        beat->line[language] = copy_of(cue->line.in[language]);
        beat->why[language] = copy_of(cue->why.in[language]);
    }
    stage->cue++;
}

static void take_row(void *self, const struct ladder_row *row)
{
    struct stage *stage = self;

    if (stage->quiet)
        return;
    struct story_beat *beat = story_add(stage->story);
    beat->shown = true;
    beat->first = stage->first;
    beat->pause_us = stage->first ? 0 : row->at_us - stage->last_at_us;
    stage->first = false;
    stage->last_at_us = row->at_us;
    beat->row = *row;
    if (row->arrow)
        speak(stage, beat);
}

void stage_cues(struct stage *stage, const struct cue *cues)
{
    if (stage->cue && stage->cue->begins)
        story_fail(stage->story, "nobody said \"%s\": %s", stage->cue->begins,
                   stage->cue->line.in[STORY_EN] ? stage->cue->line.in[STORY_EN] : "silence");
    stage->cue = cues;
}

/* ---- the world ---- */

static void on_ready(void *self, unsigned node, const struct hf_ready *ready)
{
    struct stage *stage = self;

    if (node == STAGE_AMILY && (ready->what & HF_ACCEPTABLE))
        must(hf_accept(stage->world.nodes[node].stack, stage->listener, &stage->amily) == HF_OK);
}

static void act(void *self, struct world *world)
{
    struct stage *stage = self;

    if (stage->wake_us <= world->now_us)
        stage->wake_us = NEVER_US;
}

static int64_t next_us(void *self)
{
    return ((struct stage *)self)->wake_us;
}

static bool lose(void *self, const struct world_frame *frame)
{
    struct stage *stage = self;

    return stage->losing && frame->from == stage->lose_from;
}

static void keep_first_syn(void *self, struct world *world, const struct world_frame *frame)
{
    struct stage *stage = self;

    (void)world;
    if (stage->first_syn_length || frame->moment != WORLD_SENT || frame->from != STAGE_KARMA)
        return;
    must(frame->length <= sizeof stage->first_syn);
    memcpy(stage->first_syn, frame->data, frame->length);
    stage->first_syn_length = frame->length;
}

static struct hf_address address_of(unsigned node)
{
    struct hf_prefix prefix;

    must(hf_prefix_parse(&prefix, scenario_address(node, false)) == HF_OK);
    return prefix.address;
}

void stage_open(struct stage *stage, struct story *story, const struct stage_setup *setup)
{
    struct hf_listen_options listen = setup->listen;

    memset(stage, 0, sizeof *stage);
    stage->story = story;
    stage->quiet = setup->quiet;
    stage->wake_us = NEVER_US;
    stage->first = true;
    world_init(&stage->world, SEED, US_PER_S);
    for (unsigned node = 0; node < 2; node++) {
        struct hf_config config = setup->config[node];

        must(hf_prefix_parse(&config.addresses[0], scenario_address(node, false)) == HF_OK);
        must(world_add(&stage->world, &config, &(struct link_setup){.delay_us = setup->delay_us}) ==
             (int)node);
    }
    stage->world.actor = (struct world_actor){act, on_ready, next_us, stage};
    stage->world.lose = lose;
    stage->world.lose_self = stage;
    world_hook(&stage->world, keep_first_syn, stage);
    listen.local.port = STAGE_PORT;
    must(hf_listen_with(stage->world.nodes[STAGE_AMILY].stack, &listen, &stage->listener) == HF_OK);
    stage->ladder = ladder_make(&stage->world, NULL, LADDER_ASCII);
    ladder_take(stage->ladder, take_row, stage);
    ladder_step(stage->ladder);
    if (!setup->quiet)
        story_why(story, setup->opening.in[STORY_EN], setup->opening.in[STORY_ZH]);
}

void stage_close(struct stage *stage)
{
    ladder_finish(stage->ladder);
    stage_cues(stage, NULL);
    if (stage->world.failed)
        story_fail(stage->story, "%s", stage->world.message);
    ladder_free(stage->ladder);
    world_deinit(&stage->world);
}

static bool step(struct stage *stage)
{
    bool more = world_step(&stage->world);

    ladder_step(stage->ladder);
    return more;
}

static void wake(struct stage *stage)
{
    stage->wake_us = stage->world.now_us;
    step(stage);
}

void stage_run(struct stage *stage, int64_t us)
{
    int64_t until_us = stage->world.now_us + us;

    stage->wake_us = until_us;
    while (stage->world.now_us < until_us && step(stage))
        continue;
}

void stage_settle(struct stage *stage)
{
    while (stage->world.flight.count > 0 && step(stage))
        continue;
}

void stage_arrival(struct stage *stage)
{
    int64_t at_us = flight_next_us(&stage->world.flight);

    while (stage->world.now_us < at_us && step(stage))
        continue;
}

/* ---- what Karma and Amily do ---- */

static struct hf_stack *stack_of(const struct stage *stage, enum stage_node node)
{
    return stage->world.nodes[node].stack;
}

static hf_socket socket_of(const struct stage *stage, enum stage_node node)
{
    return node == STAGE_KARMA ? stage->karma : stage->amily;
}

void stage_password(struct stage *stage, enum stage_node node, const char *password)
{
    struct hf_key key = {
        .algorithm = HF_KEY_HMAC_SHA_1_96,
        .send_id = 1,
        .receive_id = 1,
        .secret = password,
        .secret_length = strlen(password),
    };
    int error = hf_key_add(stack_of(stage, node), &key);

    if (error)
        story_fail(stage->story, "no password can be given: %s", hf_error_text(error));
}

void stage_connect(struct stage *stage, uint16_t port)
{
    struct hf_endpoint remote = {address_of(STAGE_AMILY), port};

    must(hf_connect(stack_of(stage, STAGE_KARMA), NULL, &remote, &stage->karma,
                    stage->world.now_us) == HF_OK);
    wake(stage);
}

void stage_together(struct stage *stage)
{
    must(stage->quiet);
    stage_connect(stage, STAGE_PORT);
    stage_settle(stage);
    must(stage_is(stage, STAGE_KARMA, HF_STATE_ESTABLISHED));
    must(stage_is(stage, STAGE_AMILY, HF_STATE_ESTABLISHED));
}

void stage_send(struct stage *stage, enum stage_node node, const char *text)
{
    size_t length = strlen(text);

    must(hf_send(stack_of(stage, node), socket_of(stage, node), text, length,
                 stage->world.now_us) == (ptrdiff_t)length);
    wake(stage);
}

void stage_read(struct stage *stage, enum stage_node node)
{
    char text[512];

    while (hf_receive(stack_of(stage, node), socket_of(stage, node), text, sizeof text,
                      stage->world.now_us) > 0)
        continue;
    wake(stage);
}

void stage_shutdown(struct stage *stage, enum stage_node node)
{
    must(hf_shutdown(stack_of(stage, node), socket_of(stage, node), stage->world.now_us) == HF_OK);
    wake(stage);
}

void stage_forge(struct stage *stage, enum stage_node to, const struct segment *seg)
{
    struct hf_status status = stage_status(stage, STAGE_KARMA);
    uint8_t frame[ATTACK_FRAME_MAX];
    struct flow flow = {
        .local = address_of(to),
        .remote = address_of(!to),
        .local_port = to == STAGE_KARMA ? status.local.port : status.remote.port,
        .remote_port = to == STAGE_KARMA ? status.remote.port : status.local.port,
    };

    world_inject(&stage->world, to, frame, attack_frame_segment(frame, &flow, seg));
    wake(stage);
}

struct hf_status stage_status(const struct stage *stage, enum stage_node node)
{
    struct hf_status status = {0};

    if (hf_status(stack_of(stage, node), socket_of(stage, node), &status) != HF_OK)
        status.state = HF_STATE_CLOSED;
    return status;
}

const struct hf_stats *stage_stats(const struct stage *stage, enum stage_node node)
{
    return hf_stats(stack_of(stage, node));
}

bool stage_is(const struct stage *stage, enum stage_node node, enum hf_state state)
{
    char text[WORLD_STATE_MAX];

    return strcmp(world_state(&stage->world, node, text), hf_state_text(state)) == 0;
}
