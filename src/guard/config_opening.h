/* Where the sections of a configuration begin: libconfuse remembers only where they end. */
#ifndef HF_GUARD_CONFIG_OPENING_H
#define HF_GUARD_CONFIG_OPENING_H

#include <stddef.h>
#include <stdint.h>

struct config_opening {
    const char *name; /* in the text: "service" without an end */
    size_t length;
    int line;
};

struct config_openings {
    uint32_t count, room;
    struct config_opening *all; /* in the order of the text */
};

/* Reads a text of config_text_read's; without memory there are fewer. free(openings->all) ends it. */
void config_openings_find(struct config_openings *openings, const char *text);

/* The line of the `index`th section called `name` behind the `after`th opening (-1: behind none); *found is its number. 0:
 * there is none. */
int config_opening_line(const struct config_openings *openings, const char *name, int64_t after,
                        uint32_t index, int64_t *found);

#endif
