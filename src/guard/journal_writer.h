/* The loop's side of the journal: facts go into a ring of memory and a thread chains and writes them (journal_file.c).
 *
 * Nothing here waits. While a disk is full or slow the ring fills, and then the least important facts are dropped first: at
 * half of it those that only say that life goes on, at three quarters what was noticed, and only a full ring drops what the
 * guard and its operators did. How many were dropped, of which importance and since when, is itself the most important fact.
 */
#ifndef HF_GUARD_JOURNAL_WRITER_H
#define HF_GUARD_JOURNAL_WRITER_H

#include "guard/journal_file.h"

#define JOURNAL_RING_BYTES ((size_t)4 << 20)

enum journal_rank {
    JOURNAL_LOW,    /* a connection ended as it should   */
    JOURNAL_NORMAL, /* the guard noticed something       */
    JOURNAL_HIGH,   /* somebody did something: start, stop, reload, block, kill */
    JOURNAL_RANKS,
};

struct journal_setup {
    struct journal_file_setup file;
    uint32_t seal_ms;  /* a fact is sealed at most so long after it was written */
    size_t ring_bytes; /* 0: JOURNAL_RING_BYTES */
};

struct log;
struct journal;

/* Opens the file and begins with a record that says so. After the user has been changed and before the sandbox. NULL: `error` is
 * one sentence. `log`, or NULL, hears of what cannot be written. */
struct journal *journal_open(const struct journal_setup *setup, struct log *log,
                             char error[JOURNAL_STATE_ERROR_MAX]);

/* A fact. `kind` is a word of small letters, digits and hyphens; what is none is called "log". journal NULL, here and below:
 * nothing happens. */
void journal_put(struct journal *journal, int64_t now_us, enum journal_rank rank, const char *kind,
                 const struct record_body *body);

/* Once a turn of the loop, and at least once a second: hands over what was put, seals when it is time. */
void journal_turn(struct journal *journal, int64_t now_us);

/* The file may have been moved: if it was, another one begins. */
void journal_reopen(struct journal *journal, int64_t now_us);

struct journal_count {
    uint64_t put;     /* facts taken                         */
    uint64_t written; /* of those, and what the journal says of itself is not among them */
    uint64_t dropped[JOURNAL_RANKS];
    int error; /* errno: the file does not take them now */
};

void journal_counts(const struct journal *journal, struct journal_count *count);

/* The last record and its seal, as far as the disk takes them in a second. */
void journal_close(struct journal *journal, int64_t now_us);

#endif
