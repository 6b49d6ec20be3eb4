/* Stories as one page: page.html, with the stories in their place. */
#include "story/html.h"

#include <string.h>

#include "base/must.h"
#include "story/json.h"

/* page.html as text with a final zero: made from it by cmake/embed.cmake. */
extern const char story_page[];

static void put_stories(FILE *out, const struct story *const *stories, size_t count)
{
    fputc('[', out);
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ",\n" : "", out);
        json_story(out, stories[i]);
    }
    fputc(']', out);
}

void html_stories(FILE *out, const struct story *const *stories, size_t count, const char *language)
{
    const char *here = strstr(story_page, "@STORIES@");
    const char *choice = here ? strstr(here, "@LANGUAGE@") : NULL;

    must(here && choice);
    fwrite(story_page, 1, (size_t)(here - story_page), out);
    put_stories(out, stories, count);
    here += strlen("@STORIES@");
    fwrite(here, 1, (size_t)(choice - here), out);
    fputs(language, out);
    fputs(choice + strlen("@LANGUAGE@"), out);
}
