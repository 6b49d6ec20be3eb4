/* Lists of prefixes in files: one a line, what follows # or ; is a comment. */
#ifndef HF_GUARD_DENY_FILE_H
#define HF_GUARD_DENY_FILE_H

#include <handfast/filter.h>

#include <stdbool.h>

#define DENY_ENTRIES_MAX (1u << 22) /* of all files together       */
#define DENY_FILE_MAX (256u << 20)  /* bytes of one                */
#define DENY_ERROR_MAX 512

/* Entries that grow. Zero is empty; free(list->entries) ends it. */
struct deny_list {
    struct hf_filter_entry *entries;
    size_t count, capacity;
};

/* Adds the prefixes of a file, each with this value. Bits behind a prefix's length are taken as zero. False: `error` is
 * "FILE:LINE: what was found, what is accepted". Blocks while it reads. */
bool deny_file_read(struct deny_list *list, const char *file, uint32_t value,
                    char error[DENY_ERROR_MAX]);

#endif
