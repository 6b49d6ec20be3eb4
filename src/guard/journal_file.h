/* The journal's files: what the writing thread does with what the loop tells it.
 *
 * Lines that a disk did not take are taken back whole, and so is the chain: it goes on as if they had never been, and the same
 * lines come again. A file that is full of records (or was moved by somebody who said so) is closed by a record and a seal, and
 * the next one begins with the hash of that seal.
 */
#ifndef HF_GUARD_JOURNAL_FILE_H
#define HF_GUARD_JOURNAL_FILE_H

#include "guard/journal_state.h"
#include "os/writer.h"

#define JOURNAL_BATCH_BYTES ((size_t)32 * 1024)
#define JOURNAL_PATH_MAX 512
#define JOURNAL_KEEP_MAX 999

struct journal_file_setup {
    const char *path;
    uint64_t size_limit; /* of a file, in bytes     */
    uint32_t keep;       /* files beside the present */
};

/* What the loop puts into the ring: facts one after another, or one of the others alone. */
enum journal_entry_kind {
    JOURNAL_ENTRY_FACT,
    JOURNAL_ENTRY_SEAL,   /* its text is why: "time", "stop" */
    JOURNAL_ENTRY_REOPEN, /* if somebody moved the file, begin another */
};

struct journal_entry { /* and then the letters of the kind, and the body */
    uint32_t body_length;
    uint16_t kind_length;
    uint16_t what; /* enum journal_entry_kind */
    struct journal_time time;
};

struct journal_file;

/* What a start found. */
struct journal_found {
    bool sealed;    /* there is a key */
    char note[256]; /* what was not as it should be, or empty */
};

/* Opens or makes the journal and its state, as the user who will write it, and takes up the chain. NULL: `error` is one
 * sentence. */
struct journal_file *journal_file_open(const struct journal_file_setup *setup,
                                       struct journal_found *found,
                                       char error[JOURNAL_STATE_ERROR_MAX]);

/* A writer_sink: the thread's. */
int journal_file_take(void *file, const void *batch, size_t length);
void journal_file_end(void *file);

/* "FILE.3"; 0: the file itself. False: too long. */
bool journal_file_name(char name[JOURNAL_PATH_MAX], const char *path, uint32_t number);

#endif
