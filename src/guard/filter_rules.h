/* The rules of a guard's filter: from the file that `rules` names, and what `egress` lets the relay open. */
#ifndef HF_GUARD_FILTER_RULES_H
#define HF_GUARD_FILTER_RULES_H

#include "guard/config.h"

#include <handfast/filter.h>

#define FILTER_RULES_ERROR_MAX 512
#define FILTER_RULES_NOTE_MAX 512
#define FILTER_RULES_FILE_MAX (1u << 20) /* bytes */

/* Reads them into rules->rules, which is allocated and the caller's. False: `error` is "FILE:LINE: what was found, what is
 * accepted"; a rule that contradicts those before it is an error too. `note`: the first rule that only repeats what was said
 * before, in a sentence; empty: there is none. */
bool filter_rules_read(struct hf_filter_rules *rules, const struct config *config,
                       char note[FILTER_RULES_NOTE_MAX], char error[FILTER_RULES_ERROR_MAX]);

#endif
