/* Every term of the story in one line, and what no defence can do. docs/glossary.md says the same; a test compares them. */
#ifndef STORY_GLOSSARY_H
#define STORY_GLOSSARY_H

#include "story/story.h"

struct story_term {
    const char *term;
    struct story_text means;
};

/* The last has no term. */
extern const struct story_term story_glossary[];

/* What no defence can do. */
extern const struct story_text story_limits;

#endif
