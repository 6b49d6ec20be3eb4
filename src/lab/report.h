/* How a scene went, on stdout: a row of the table, or a JSON object on a line. */
#ifndef LAB_REPORT_H
#define LAB_REPORT_H

#include "lab/scene.h"

struct report {
    bool json;
    bool color;
    unsigned passed, failed;
    int64_t began_us;
};

void report_begin(struct report *report, bool json);
void report_scene(struct report *report, const struct scene *scene,
                  const struct outcome outcomes[FAMILIES], double seconds);
void report_end(const struct report *report);

#endif
