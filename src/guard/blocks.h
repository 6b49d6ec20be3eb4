/* Blocks: prefixes that an operator has shut out of every service while the guard runs, each for a time or for ever, kept
 * across reload and restart.
 *
 * A block is in force from the next batch of packets on (filter.h applies it). Connections that a peer of the prefix has
 * already are not touched: who wants them gone kills them. The end of a block is kept in monotonic time while the guard
 * runs, so a stepped wall clock neither frees nor jails anybody; on disk it is wall time.
 *
 * STATE_DIRECTORY/blocks is JSON, written beside and renamed by a thread of its own: the loop never waits for a disk. One
 * that cannot be written is said once and tried again at the next change.
 */
#ifndef HF_GUARD_BLOCKS_H
#define HF_GUARD_BLOCKS_H

#include "guard/log.h"

#include <handfast/handfast.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCKS_MAX 16384u
#define BLOCK_REASON_MAX 96 /* with the NUL */
#define BLOCKS_ERROR_MAX 256
#define BLOCKS_PATH_MAX 256

struct block {
    struct hf_prefix prefix;       /* bits behind its length are zero                     */
    int64_t since_wall_us;         /* wall time, microseconds since 1970, UTC             */
    int64_t until_wall_us;         /* the same; 0: for ever                               */
    int64_t until_us;              /* monotonic; INT64_MAX: for ever                      */
    char reason[BLOCK_REASON_MAX]; /* one line of printable UTF-8 or ASCII; may be empty */
};

struct keeper;

struct blocks {
    struct block *all; /* BLOCKS_MAX of them, in the order of their prefixes: IPv4 first */
    size_t count;
    uint64_t generation;    /* changes with every change of the set of prefixes       */
    int64_t next_expiry_us; /* INT64_MAX: none                                        */
    struct log *log;
    struct keeper *keeper; /* NULL: nothing is kept */
    int told_error;        /* of the keeper, as last told */
    char path[BLOCKS_PATH_MAX];
};

/* Reads what `directory` keeps ("": nothing is read or kept); what has expired meanwhile is left out. A file that is not ours
 * or damaged is set aside as blocks.bad and said, never a reason not to start. False: `error` says why (no memory, no
 * thread). */
bool blocks_open(struct blocks *blocks, const char *directory, struct log *log,
                 char error[BLOCKS_ERROR_MAX]);

/* Blocks block->prefix, for block->reason, for so long (0: for ever). One that is blocked already gets the new end and reason. False: `error` is one
 * sentence (everybody would be blocked: length 0; there are BLOCKS_MAX already; a reason too long or of more than a line). */
bool blocks_add(struct blocks *blocks, const struct block *block, int64_t for_us, int64_t now_us,
                char error[BLOCKS_ERROR_MAX]);

/* The block of exactly this prefix ends. False: there is none. */
bool blocks_remove(struct blocks *blocks, const struct hf_prefix *prefix);

/* The block of exactly this prefix, or NULL. Valid until the next change. */
const struct block *blocks_find(const struct blocks *blocks, const struct hf_prefix *prefix);

/* The place of the first one behind this prefix, which itself may be there or not. */
size_t blocks_behind(const struct blocks *blocks, const struct hf_prefix *prefix);

/* Ends those whose time has come and says what could not be kept; the guard calls it in every turn. Returns how many
 * ended. */
size_t blocks_turn(struct blocks *blocks, int64_t now_us);

/* Writes what is not written yet, waiting for it, and gives everything back. For the end of the guard, outside the loop. */
void blocks_close(struct blocks *blocks);

#endif
