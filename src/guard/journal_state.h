/* Where a journal's chain stands, and its present key: FILE.state beside the journal, readable by its owner only. docs/journal.md
 *
 * It is overwritten in its place, so that the key of the epoch before is gone from the file as soon as the write is on the
 * disk. All fields have a fixed width; the file is smaller than a sector.
 */
#ifndef HF_GUARD_JOURNAL_STATE_H
#define HF_GUARD_JOURNAL_STATE_H

#include "journal/chain.h"

#define JOURNAL_STATE_ERROR_MAX 512
#define JOURNAL_STATE_SUFFIX ".state"

struct journal_state {
    uint64_t seq; /* of the last record when the state was written */
    uint8_t hash[JOURNAL_HASH_BYTES];
    struct journal_key key; /* present or not */
};

/* The whole of a file: an empty one is a state of all zeros. False: `error` is one sentence. */
bool journal_state_read(int fd, const char *file, struct journal_state *state,
                        char error[JOURNAL_STATE_ERROR_MAX]);

/* 0 or an errno. Back only when it is on the disk. */
int journal_state_write(int fd, const struct journal_state *state);

/* ---- the first key, as `journal init` prints it and `journal verify --key` reads it ---- */

#define JOURNAL_KEY_TEXT_MAX 160

size_t journal_key_print(char text[JOURNAL_KEY_TEXT_MAX], const struct journal_key *key);

/* False: this is none. */
bool journal_key_scan(struct journal_key *key, const struct hf_crypto_ops *ops, const char *text,
                      size_t length);

#endif
