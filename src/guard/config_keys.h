/* Every key of a configuration: one row each with its kind, range, default and place. Reading, printing, checking and
 * the reference in docs/configuration.md all follow this table. */
#ifndef HF_GUARD_CONFIG_KEYS_H
#define HF_GUARD_CONFIG_KEYS_H

#include "guard/config.h"

enum config_kind {
    CONFIG_TEXT,     /* char[CONFIG_PATH_MAX]: a path                   */
    CONFIG_NAME,     /* char[CONFIG_NAME_MAX]                           */
    CONFIG_COUNT,    /* uint32_t                                        */
    CONFIG_DURATION, /* uint32_t milliseconds                           */
    CONFIG_SIZE,     /* uint64_t bytes                                  */
    CONFIG_WORD,     /* uint32_t: the position in `words`               */
    CONFIG_TARGET,   /* struct config_target                            */
    CONFIG_SOCKET,   /* struct hf_endpoint; "" is port 0: none          */
    CONFIG_PATHS,    /* a list in struct config_filter: deny_file       */
    CONFIG_ENDPOINT, /* the rest: an item of a struct config_list       */
    CONFIG_PREFIX,
    CONFIG_ADDRESS,
    CONFIG_GATEWAY, /* an address or auto, which is all zero */
    CONFIG_ROUTE,
};

/* What a new value of a key needs to be in force. */
enum config_change {
    CONFIG_RELOAD,
    CONFIG_RESTART,
};

struct config_key {
    const char *name;
    enum config_kind kind;
    size_t offset;       /* in the struct of its section         */
    uint64_t low, high;  /* of numbers; of lists: at most `high` */
    const char *words;   /* "forget | reset"                     */
    const char *initial; /* the default; NULL: none, or no items, or config_check finds one */
    enum config_change change;
};

enum config_section_id {
    CONFIG_ROOT,
    CONFIG_UPLINK,
    CONFIG_LIMITS,
    CONFIG_FILTER,
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

/* The line of a key of a section that there is once; where the section or the file is, if it does not say the key. */
int config_key_line(const struct config *config, enum config_section_id id, const char *name);

/* Whether the file says it, or it has its default. */
bool config_key_is_written(const struct config *config, enum config_section_id id,
                           const char *name);

/* How many items a list has. */
uint32_t config_key_count(const struct config_key *key, const void *section);

/* What a section's keys say, and only they: their values are compared, not where they stand. */
bool config_key_equal(const struct config_key *key, const void *a, const void *b);

/* Where the value of a key is in its section's struct. */
void *config_key_value(const struct config_key *key, const void *section);

#endif
