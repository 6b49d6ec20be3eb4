/* Walks a journal line by line and names the first lie in it.
 *
 * What the chain says alone: nothing was changed by somebody who did not also write everything after it anew. What a seal says,
 * for who holds the first key: nobody wrote this who did not hold that epoch's key, which the machine forgot at once.
 *
 * A line is judged when the next one has come: only that tells whether it stands as it was written, and so whether somebody
 * changed it or the writer himself was odd.
 */
#ifndef JOURNAL_VERIFY_H
#define JOURNAL_VERIFY_H

#include "journal/chain.h"

enum journal_lie {
    JOURNAL_HONEST,
    JOURNAL_ALTERED, /* the records first to last: one of them, if they are two, is not as it was written         */
    JOURNAL_REWRITTEN, /* the chain fits, the seal at `last` does not: something from `first` on was written anew   */
    JOURNAL_REMOVED, /* the records first to last are not there                                                   */
    JOURNAL_REORDERED, /* the record `first` does not stand in its place, or stands there twice                     */
    JOURNAL_TRUNCATED, /* it ends after `last`, in the middle                                                       */
    JOURNAL_TIME, /* at the record `first` time went backwards, or the clocks disagree and nobody said so      */
    JOURNAL_GAP, /* the record `first` stands where `last` should, and the chain fits                       */
    JOURNAL_SEAL_GAP, /* the seals of the epochs first to last are not there                                       */
    JOURNAL_WRONG_KEY, /* the record `first` was sealed with another journal's key                                  */
};

struct journal_verdict {
    enum journal_lie lie;
    uint64_t first, last;
    uint64_t line; /* of the input, from 1: where it shows */
};

#define JOURNAL_UNSEALED_MAX_US \
    (INT64_C(7200) * 1000000)                  /* no guard leaves its end unsealed for so long */
#define JOURNAL_EPOCHS_MAX UINT64_C(100000000) /* further than this no key is computed */

struct journal_verify {
    const struct hf_crypto_ops *ops;
    struct journal_key
        key; /* of the epoch that was asked for last; not present: seals are only counted */
    struct journal_verdict verdict,
        suspicion;                    /* suspicion: what it is if the next line confirms this one */
    uint64_t suspect_seq;             /* what it would be the number of */
    bool begun, closed, headless;     /* headless: it begins in the middle of a file */
    uint8_t head[JOURNAL_HASH_BYTES]; /* of what came before its first line */
    uint8_t hash[JOURNAL_HASH_BYTES]; /* of the last line          */
    uint8_t expected[JOURNAL_HASH_BYTES]; /* of the last one in order  */
    struct journal_time time;             /* of it */
    /* What there was: */
    uint64_t lines, first_seq, seq, seals, sealed_seq, sealed_lines;
    int64_t first_wall_us, sealed_wall_us;
    uint64_t first_epoch, epoch; /* if there were seals */
    uint64_t starts, clock_steps, dropped;
};

/* key: of epoch 0, or NULL. */
void journal_verify_init(struct journal_verify *verify, const struct hf_crypto_ops *ops,
                         const struct journal_key *key);

/* The next line with its newline, however long. False: the verdict stands, no more lines are needed. */
bool journal_verify_line(struct journal_verify *verify, const char *line, size_t length);

/* There are no more lines. rest: bytes after the last newline. may_be_open: a guard is writing it, or was when it was copied. */
void journal_verify_end(struct journal_verify *verify, size_t rest, bool may_be_open);

void journal_verify_wipe(struct journal_verify *verify);

/* "altered", "removed" ... */
const char *journal_lie_word(enum journal_lie lie);

#endif
