/* Blocks: sorted by prefix, kept on disk by a thread. */
#include "guard/blocks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "guard/blocks_file.h"
#include "os/clock.h"
#include "os/keeper.h"
#include "os/syscalls.h"

#include <handfast/os.h>

SYSCALLS_AT_START("rename");

#define CLOSE_PATIENCE_MS 2000

/* ---- prefixes ---- */

static void clear_behind(struct hf_prefix *prefix)
{
    unsigned bits = prefix->length + (hf_address_is_v4(&prefix->address) ? 96u : 0u);

    for (unsigned i = 0; i < 16; i++) {
        unsigned kept = bits > 8 * i ? bits - 8 * i : 0;

        if (kept < 8)
            prefix->address.bytes[i] &= (uint8_t)(0xff00u >> kept);
    }
}

static int compare(const void *left, const void *right)
{
    const struct block *a = left, *b = right;
    int family = hf_address_is_v4(&b->prefix.address) - hf_address_is_v4(&a->prefix.address);
    int bytes = memcmp(&a->prefix.address, &b->prefix.address, sizeof a->prefix.address);

    if (family != 0)
        return family;
    return bytes != 0 ? bytes : a->prefix.length - b->prefix.length;
}

/* Where the prefix is, or belongs. */
static size_t place_of(const struct blocks *blocks, const struct block *block, bool *found)
{
    size_t low = 0, high = blocks->count;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(&blocks->all[middle], block);

        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- the end of a block ---- */

static void find_next_expiry(struct blocks *blocks)
{
    blocks->next_expiry_us = INT64_MAX;
    for (size_t i = 0; i < blocks->count; i++)
        blocks->next_expiry_us = time_min(blocks->next_expiry_us, blocks->all[i].until_us);
}

static size_t expire(struct blocks *blocks, int64_t now_us)
{
    size_t left = 0, before = blocks->count;

    for (size_t i = 0; i < before; i++)
        if (blocks->all[i].until_us > now_us)
            blocks->all[left++] = blocks->all[i];
    blocks->count = left;
    find_next_expiry(blocks);
    return before - left;
}

/* ---- what is kept ---- */

static void keep(struct blocks *blocks)
{
    size_t bytes = blocks->count * sizeof *blocks->all;
    struct block *snapshot;

    if (blocks->keeper == NULL)
        return;
    snapshot = malloc(bytes + 1);
    if (snapshot == NULL) {
        log_warn(blocks->log, hf_os_now_us(), "blocks cannot be kept in %s: no memory",
                 blocks->path);
        return;
    }
    memcpy(snapshot, blocks->all, bytes);
    keeper_put(blocks->keeper, snapshot, bytes);
}

static void on_change(struct blocks *blocks)
{
    blocks->generation++;
    keep(blocks);
}

/* A disk that fails is said when it begins to. */
static void tell_keeper(struct blocks *blocks, int64_t now_us)
{
    int error = blocks->keeper ? keeper_error(blocks->keeper) : 0;

    if (error == blocks->told_error)
        return;
    blocks->told_error = error;
    if (error != 0)
        log_about(blocks->log, now_us,
                  &(struct log_about){.level = LOG_LEVEL_WARNING, .event = "blocks-not-kept"},
                  "blocks cannot be kept in %s: %s; they are in force, and tried again at the next "
                  "change",
                  blocks->path, strerror(error));
    else
        log_about(blocks->log, now_us,
                  &(struct log_about){.level = LOG_LEVEL_NOTICE, .event = "blocks-kept"},
                  "blocks are kept in %s again", blocks->path);
}

/* ---- the beginning ---- */

static void set_aside(struct blocks *blocks, const char *why, int64_t now_us)
{
    char aside[BLOCKS_PATH_MAX + 8];

    snprintf(aside, sizeof aside, "%s.bad", blocks->path);
    log_warn(blocks->log, now_us, "%s is not read: %s; %s %s", blocks->path, why,
             rename(blocks->path, aside) == 0 ? "it is now" : "it could not be renamed to", aside);
}

/* Wall time says when a block ends while the guard is away; from now on monotonic time does. */
static void start_clocks(struct blocks *blocks, int64_t now_us)
{
    int64_t wall_us = now_us + clock_wall_minus_now_us();

    for (size_t i = 0; i < blocks->count; i++) {
        struct block *block = &blocks->all[i];

        block->until_us =
            block->until_wall_us ? now_us + (block->until_wall_us - wall_us) : INT64_MAX;
        clear_behind(&block->prefix);
    }
    expire(blocks, now_us);
    qsort(blocks->all, blocks->count, sizeof *blocks->all, compare);
}

static void drop_repeated(struct blocks *blocks)
{
    size_t left = 0;

    for (size_t i = 0; i < blocks->count; i++)
        if (left == 0 || compare(&blocks->all[left - 1], &blocks->all[i]) != 0)
            blocks->all[left++] = blocks->all[i];
    blocks->count = left;
}

static void read_file(struct blocks *blocks)
{
    char error[BLOCKS_ERROR_MAX];
    int64_t now_us = hf_os_now_us();
    int count = blocks_file_read(blocks->path, blocks->all, error);

    if (count < 0) {
        set_aside(blocks, error, now_us);
        return;
    }
    blocks->count = (size_t)count;
    start_clocks(blocks, now_us);
    drop_repeated(blocks);
    blocks->generation += blocks->count > 0;
    if (blocks->count > 0)
        log_say(blocks->log, now_us, "%zu prefixes are blocked, as %s says", blocks->count,
                blocks->path);
}

bool blocks_open(struct blocks *blocks, const char *directory, struct log *log,
                 char error[BLOCKS_ERROR_MAX])
{
    *blocks = (struct blocks){.log = log, .next_expiry_us = INT64_MAX};
    blocks->all = calloc(BLOCKS_MAX, sizeof *blocks->all); /* untouched pages cost nothing */
    if (blocks->all == NULL) {
        snprintf(error, BLOCKS_ERROR_MAX, "no memory for blocks");
        return false;
    }
    if (directory[0] == '\0')
        return true;
    if ((size_t)snprintf(blocks->path, sizeof blocks->path, "%s/blocks", directory) >=
        sizeof blocks->path) {
        snprintf(error, BLOCKS_ERROR_MAX, "state_directory is longer than %u bytes",
                 BLOCKS_PATH_MAX - 8);
        return false;
    }
    read_file(blocks);
    blocks->keeper = keeper_open(blocks->path, blocks_file_render);
    if (blocks->keeper == NULL)
        snprintf(error, BLOCKS_ERROR_MAX, "blocks cannot be kept: %s", strerror(errno));
    return blocks->keeper != NULL;
}

/* ---- while the guard runs ---- */

static const char *refusal(const struct block *block)
{
    if (block->prefix.length == 0)
        return "a block of length 0 would shut out everybody";
    if (block->prefix.length > (hf_address_is_v4(&block->prefix.address) ? 32 : 128))
        return "the prefix is longer than its address";
    if (strnlen(block->reason, sizeof block->reason) == sizeof block->reason)
        return "the reason is longer than 95 bytes";
    for (const char *c = block->reason; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return "the reason is more than one line of text";
    return NULL;
}

bool blocks_add(struct blocks *blocks, const struct block *block, int64_t for_us, int64_t now_us,
                char error[BLOCKS_ERROR_MAX])
{
    int64_t wall_us = now_us + clock_wall_minus_now_us();
    const char *why = refusal(block);
    struct block fresh = *block;
    size_t place;
    bool found;

    if (why == NULL && (for_us < 0 || for_us > INT64_MAX / 4))
        why = "a block cannot last so long";
    clear_behind(&fresh.prefix);
    place = place_of(blocks, &fresh, &found);
    if (why == NULL && !found && blocks->count == BLOCKS_MAX)
        why = "there are as many blocks as there can be (16384): put long lists into deny_files";
    if (why != NULL) {
        snprintf(error, BLOCKS_ERROR_MAX, "%s", why);
        return false;
    }
    fresh.since_wall_us = wall_us;
    fresh.until_wall_us = for_us ? wall_us + for_us : 0;
    fresh.until_us = for_us ? now_us + for_us : INT64_MAX;
    if (!found) {
        memmove(&blocks->all[place + 1], &blocks->all[place],
                (blocks->count - place) * sizeof *blocks->all);
        blocks->count++;
    }
    blocks->all[place] = fresh;
    find_next_expiry(blocks);
    on_change(blocks);
    return true;
}

bool blocks_remove(struct blocks *blocks, const struct hf_prefix *prefix)
{
    struct block sought = {.prefix = *prefix};
    size_t place;
    bool found;

    clear_behind(&sought.prefix);
    place = place_of(blocks, &sought, &found);
    if (!found)
        return false;
    memmove(&blocks->all[place], &blocks->all[place + 1],
            (blocks->count - place - 1) * sizeof *blocks->all);
    blocks->count--;
    find_next_expiry(blocks);
    on_change(blocks);
    return true;
}

const struct block *blocks_find(const struct blocks *blocks, const struct hf_prefix *prefix)
{
    struct block sought = {.prefix = *prefix};
    size_t place;
    bool found;

    clear_behind(&sought.prefix);
    place = place_of(blocks, &sought, &found);
    return found ? &blocks->all[place] : NULL;
}

size_t blocks_behind(const struct blocks *blocks, const struct hf_prefix *prefix)
{
    struct block sought = {.prefix = *prefix};
    bool found;
    size_t place = place_of(blocks, &sought, &found);

    return place + found;
}

size_t blocks_turn(struct blocks *blocks, int64_t now_us)
{
    size_t ended = 0;

    tell_keeper(blocks, now_us);
    if (now_us < blocks->next_expiry_us)
        return 0;
    ended = expire(blocks, now_us);
    if (ended > 0)
        on_change(blocks);
    return ended;
}

void blocks_close(struct blocks *blocks)
{
    int error = keeper_close(blocks->keeper, CLOSE_PATIENCE_MS);

    if (error != 0 && error != blocks->told_error)
        log_warn(blocks->log, hf_os_now_us(), "blocks could not be kept in %s: %s", blocks->path,
                 strerror(error));
    free(blocks->all);
    *blocks = (struct blocks){.next_expiry_us = INT64_MAX};
}
