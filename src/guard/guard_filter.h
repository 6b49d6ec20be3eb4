/* The filters of a guard: what its configuration says (deny_files, allow, rules), and the blocks that operators make.
 *
 * Blocks lie in place 0 of the stack, as they are asked first, and are made anew in the turn after a change; the rest is in
 * place 1, made anew by a reload. Each is built in memory of its own and swapped between two batches.
 */
#ifndef HF_GUARD_GUARD_FILTER_H
#define HF_GUARD_GUARD_FILTER_H

#include "guard/blocks.h"
#include "guard/config.h"
#include "guard/filter_rules.h"

#include <handfast/filter.h>

#define GUARD_FILTER_ERROR_MAX 512

/* A filter and the memory that it lies in. Zero: none. */
struct filter_image {
    struct hf_filter *filter;
    void *memory;
    size_t bytes;
    size_t prefixes; /* of all its lists, each counted once */
    size_t rules;
    char note[FILTER_RULES_NOTE_MAX]; /* said when it is put in force, or empty */
};

struct guard_filter {
    struct filter_image configured, blocked;
    struct blocks blocks;
    uint64_t applied;  /* the generation of blocks that is in force */
    int64_t failed_us; /* there was no memory for it then; 0: it is well */
};

/* Builds what a configuration says; reads its deny_files. False: `error` is "FILE:LINE: ..." or one sentence. */
bool filter_image_make(struct filter_image *image, const struct config *config,
                       char error[GUARD_FILTER_ERROR_MAX]);
void filter_image_free(struct filter_image *image);

/* Reads the blocks that were kept and puts both filters into the stack. */
bool guard_filter_open(struct guard_filter *filter, const struct config *config,
                       struct hf_stack *stack, struct log *log, char error[GUARD_FILTER_ERROR_MAX]);

/* Swaps in what filter_image_make made of a new configuration, and takes it over. */
void guard_filter_install(struct guard_filter *filter, const struct config *config,
                          struct filter_image *image, struct hf_stack *stack);

/* In every turn, between batches: blocks that ended or changed. */
void guard_filter_turn(struct guard_filter *filter, const struct config *config,
                       struct hf_stack *stack, int64_t now_us);

/* Takes the filters out of the stack (NULL: it is gone already) and gives everything back. */
void guard_filter_close(struct guard_filter *filter, struct hf_stack *stack);

#endif
