/* What journal_file.c and journal_open.c share. */
#ifndef HF_GUARD_JOURNAL_FILE_PARTS_H
#define HF_GUARD_JOURNAL_FILE_PARTS_H

#include "guard/journal_file.h"

/* How far one file has given way to the next: what failed is tried again from there. */
enum journal_stage {
    JOURNAL_STAGE_WRITING,
    JOURNAL_STAGE_CLOSED, /* its last record is written */
    JOURNAL_STAGE_MOVED,  /* it has its new name        */
    JOURNAL_STAGE_OPENED, /* the next one is there      */
};

struct journal_file {
    int fd, state_fd;
    enum journal_stage stage;
    bool was_moved; /* somebody else gave the present one its new name */
    bool offset_known;
    int state_error;
    int64_t offset_us; /* wall minus monotonic time of the last record */
    uint64_t size, size_limit;
    uint32_t keep;
    struct chain chain;
    size_t length, capacity; /* of lines */
    char *lines;
    char path[JOURNAL_PATH_MAX];
};

/* Opens the file that the path names and lets go of the one before. 0 or an errno. */
int journal_file_begin(struct journal_file *file);

size_t journal_file_lines_bytes(void);

#endif
