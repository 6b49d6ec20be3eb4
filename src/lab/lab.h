/* The lab: scenes in a private network, reported as a table or as one JSON object a scene. */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct lab_options {
    bool json;
    bool quick;               /* a tenth of the bytes and connections                         */
    const char *keep_capture; /* where the last capture of the run is left; NULL: nowhere     */
    const char **names;       /* of scenes, each one known (lab_has_scene); none: all of them */
    size_t count;
};

bool lab_has_scene(const char *name);
void lab_list(FILE *out);

/* Runs them. 0: all succeeded, 1: one failed, -1: the lab itself could not work, and `why` says why in one sentence. */
int lab_run(const struct lab_options *options, char why[256]);

#endif
