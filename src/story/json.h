/* A story as JSON: in both languages, with every number of the run. */
#ifndef STORY_JSON_H
#define STORY_JSON_H

#include <stdio.h>

#include "story/story.h"

/* One object on one line. "<" is written as an escape, so that it may stand in a page. */
void json_story(FILE *out, const struct story *story);

#endif
