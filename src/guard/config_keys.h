/* Every key of a configuration: one row each with its kind, range, default and place. Reading, printing, checking and
 * the reference in docs/guard.md all follow this table. */
#ifndef HF_GUARD_CONFIG_KEYS_H
#define HF_GUARD_CONFIG_KEYS_H

#include "guard/config.h"

enum config_kind {
    CONFIG_TEXT,     /* char[CONFIG_PATH_MAX]                           */
    CONFIG_COUNT,    /* uint32_t                                        */
    CONFIG_DURATION, /* uint32_t milliseconds                           */
    CONFIG_SIZE,     /* uint64_t bytes                                  */
    CONFIG_WORD,     /* uint32_t: the position in `words`               */
    CONFIG_TARGET,   /* struct config_target                            */
    CONFIG_ENDPOINT, /* the rest: an item of a struct config_list       */
    CONFIG_PREFIX,
    CONFIG_ADDRESS,
    CONFIG_ROUTE,
};

struct config_key {
    const char *name;
    enum config_kind kind;
    size_t offset;       /* in the struct of its section         */
    uint64_t low, high;  /* of numbers                           */
    const char *words;   /* "forget | reset"                     */
    const char *initial; /* the default; NULL: none, or no items */
};

enum config_section_id {
    CONFIG_ROOT,
    CONFIG_UPLINK,
    CONFIG_LIMITS,
    CONFIG_SERVICE,
    CONFIG_BACKEND,
    CONFIG_SECTIONS,
};

struct config_section {
    const char *name;
    const char *form; /* how it is written */
    bool titled;
    enum config_section_id parent;
    const struct config_key *keys; /* ends with a NULL name */
};

extern const struct config_section config_sections[CONFIG_SECTIONS];

bool config_kind_is_list(enum config_kind kind);

/* Where the value of a key is in its section's struct. */
void *config_key_value(const struct config_key *key, const void *section);

#endif
