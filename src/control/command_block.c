/* "block PREFIX for 1h reason TEXT", "unblock PREFIX", "blocks": who is shut out of every service. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <handfast/os.h>

#include "base/time.h"
#include "control/commands.h"
#include "control/describe.h"
#include "control/filter_text.h"
#include "os/clock.h"

#define BLOCKS_A_TURN 64

static json_t *describe_block(const struct block *block, int64_t now_us)
{
    bool for_ever = block->until_us == NEVER_US;
    int64_t left_us = block->until_us - now_us;

    return json_pack("{s:o, s:s, s:o, s:o, s:o}", "prefix", describe_prefix(&block->prefix),
                     "reason", block->reason, "since", describe_wall(block->since_wall_us), "until",
                     for_ever ? json_null() : describe_instant(block->until_us, now_us), "left_s",
                     for_ever ? json_null()
                              : json_integer((json_int_t)(left_us > 0 ? left_us / US_PER_S : 0)));
}

/* ---- block, unblock ---- */

/* The words behind "reason", with a space between them. False: too long. */
static bool join_reason(const json_t *request, size_t first, char reason[BLOCK_REASON_MAX])
{
    size_t used = 0;

    for (size_t i = first; i < request_words(request); i++) {
        const char *word = request_word(request, i);
        size_t length = word ? strlen(word) : 0;

        if (word == NULL || used + length + 2 > BLOCK_REASON_MAX)
            return false;
        if (used > 0)
            reason[used++] = ' ';
        memcpy(reason + used, word, length);
        used += length;
        reason[used] = '\0';
    }
    return true;
}

/* NULL: understood; otherwise why not. */
static json_t *read_block(const json_t *request, struct block *block, int64_t *for_us)
{
    const char *prefix = request_word(request, 0);
    const char *duration = NULL;
    size_t at = 1;

    *for_us = 0;
    if (prefix == NULL || hf_prefix_parse(&block->prefix, prefix) != HF_OK)
        return control_error("block %.60s: accepted is a prefix or an address (203.0.113.0/24, "
                             "2001:db8::/32)",
                             prefix ? prefix : "(nothing)");
    if (request_word(request, at) && strcmp(request_word(request, at), "for") == 0) {
        duration = request_word(request, at + 1);
        if (duration == NULL || !duration_parse(duration, for_us) || *for_us == 0)
            return control_error("for %.40s: accepted is " DURATION_ACCEPTED,
                                 duration ? duration : "(nothing)");
        at += 2;
    }
    if (request_word(request, at) && strcmp(request_word(request, at), "reason") == 0) {
        if (!join_reason(request, at + 1, block->reason))
            return control_error("a reason has at most %d bytes", BLOCK_REASON_MAX - 1);
    } else if (at < request_words(request)) {
        return control_error("%.40s is not understood; accepted are for and reason",
                             request_word(request, at) ? request_word(request, at) : "that");
    }
    return NULL;
}

/* Who did what to whom is in the log, and among the events. */
static void say(struct guard *guard, const char *event, const struct hf_prefix *prefix,
                const char *what)
{
    char address[HF_ADDRESS_TEXT_MAX], text[HF_ADDRESS_TEXT_MAX + 8];

    snprintf(text, sizeof text, "%s/%u", hf_address_format(address, &prefix->address),
             prefix->length);
    log_about(&guard->log, hf_os_now_us(),
              &(struct log_about){.level = LOG_LEVEL_NOTICE, .event = event, .prefix = text},
              "%s is %s", text, what);
}

static json_t *block(void *context, const json_t *request)
{
    struct guard *guard = context;
    int64_t now_us = hf_os_now_us(), for_us;
    char error[BLOCKS_ERROR_MAX];
    struct block wanted = {.since_wall_us = now_us + clock_wall_minus_now_us()};
    json_t *refusal = read_block(request, &wanted, &for_us);
    char what[BLOCK_REASON_MAX + 40];

    if (refusal != NULL)
        return refusal;
    if (!blocks_add(&guard->filter.blocks, &wanted, for_us, now_us, error))
        return control_error("%s", error);
    const struct block *made = blocks_find(&guard->filter.blocks, &wanted.prefix);

    snprintf(what, sizeof what, "blocked by command%s%s", wanted.reason[0] != '\0' ? ": " : "",
             wanted.reason);
    say(guard, "block", made != NULL ? &made->prefix : &wanted.prefix, what);
    return json_pack("{s:o, s:I}", "blocked",
                     made != NULL ? describe_block(made, now_us) : json_null(), "blocks",
                     (json_int_t)guard->filter.blocks.count);
}

static json_t *unblock(void *context, const json_t *request)
{
    struct guard *guard = context;
    const char *word = request_word(request, 0);
    struct hf_prefix prefix;

    if (word == NULL || request_words(request) != 1 || hf_prefix_parse(&prefix, word) != HF_OK)
        return control_error("unblock %.60s: accepted is one prefix or address",
                             word ? word : "(nothing)");
    if (!blocks_remove(&guard->filter.blocks, &prefix))
        return control_error("%s is not blocked; handfast blocks lists what is", word);
    say(guard, "unblock", &prefix, "blocked no more");
    return json_pack("{s:o, s:I}", "unblocked", describe_prefix(&prefix), "blocks",
                     (json_int_t)guard->filter.blocks.count);
}

/* ---- blocks ---- */

struct lister {
    struct control_stream stream;
    const struct guard *guard;
    size_t at;
    uint64_t generation;   /* when it has changed, the places have moved ... */
    struct hf_prefix last; /* ... and the one after this is looked for       */
    uint64_t shown;
};

/* Where to go on after blocks came or went: behind the last prefix that was shown. */
static void find_place(struct lister *lister)
{
    const struct blocks *blocks = &lister->guard->filter.blocks;

    if (lister->generation == blocks->generation || lister->shown == 0)
        return;
    lister->generation = blocks->generation;
    lister->at = blocks_behind(blocks, &lister->last);
}

static enum control_more more(struct control_stream *self, struct control_chunk *chunk,
                              bool stopping, int64_t now_us)
{
    struct lister *lister = loop_owner(self, struct lister, stream);
    const struct blocks *blocks = &lister->guard->filter.blocks;
    json_t *rows = json_array();

    find_place(lister);
    for (int i = 0; i < BLOCKS_A_TURN && lister->at < blocks->count; i++, lister->at++) {
        lister->last = blocks->all[lister->at].prefix;
        json_array_append_new(rows, describe_block(&blocks->all[lister->at], now_us));
        lister->shown++;
    }
    control_chunk_json(chunk, json_pack("{s:o}", "rows", rows));
    if (lister->at < blocks->count && !stopping)
        return CONTROL_MORE;
    control_chunk_json(chunk,
                       json_pack("{s:b, s:I}", "end", true, "shown", (json_int_t)lister->shown));
    return CONTROL_END;
}

static void end(struct control_stream *self)
{
    free(loop_owner(self, struct lister, stream));
}

static json_t *open_blocks(void *context, const json_t *request, struct control_stream **stream)
{
    struct lister *lister = calloc(1, sizeof *lister);

    if (request_words(request) != 0 || lister == NULL) {
        free(lister);
        return control_error(lister ? "blocks takes nothing" : "no memory");
    }
    lister->stream = (struct control_stream){more, end};
    lister->guard = context;
    lister->generation = lister->guard->filter.blocks.generation;
    *stream = &lister->stream;
    return NULL;
}

void command_block_register(struct control_server *server, struct guard *guard)
{
    control_server_register(server, "block", block, guard);
    control_server_register(server, "unblock", unblock, guard);
    control_server_register_stream(server, "blocks", open_blocks, guard);
}
