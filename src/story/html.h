/* Stories as one page that needs nothing but a browser. */
#ifndef STORY_HTML_H
#define STORY_HTML_H

#include <stdio.h>

#include "story/story.h"

/* language: "en", "zh", or "" for the reader's own. */
void html_stories(FILE *out, const struct story *const *stories, size_t count,
                  const char *language);

#endif
