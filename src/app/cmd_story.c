/* handfast story: the handshake, its attacks and their cures, told with the real stack underneath. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/app.h"
#include "app/color.h"
#include "sim/ladder.h"
#include "story/draw.h"
#include "story/html.h"
#include "story/json.h"

static const char help[] =
    "usage: handfast story [SCENE...] [--lang en|zh] [--plain | --json | --html FILE]\n"
    "       handfast story --list\n\n"
    "Tells how Karma (a client) and Amily (a server) meet, marry, and are attacked. Beside each "
    "line\n"
    "stands its segment, as the stack really sent it in a simulation, and the states of both "
    "ends.\n"
    "It needs no privilege and touches no network. Without a SCENE it tells all of them.\n\n"
    "  --lang en|zh   the language; otherwise that of the terminal (LC_ALL, LC_MESSAGES, LANG)\n"
    "  --plain        no colours and no box drawing\n"
    "  --json         one JSON object a scene, in both languages, with all that was counted\n"
    "  --html FILE    one page with the segments drawn, to step through in a browser, in both\n"
    "                 languages; it needs nothing else\n"
    "  --list         the scenes\n\n"
    "exit: 0 told, 1 a scene went otherwise than its words say, 2 usage\n";

struct options {
    const struct story_scene **scenes;
    unsigned count;
    enum story_language language;
    const char *said_language; /* "": nobody said */
    const char *html;
    bool plain, json, list;
};

/* Chinese is written in UTF-8: not where another set of letters is named. */
static enum story_language language_of(const char *locale)
{
    if (strncmp(locale, "zh", 2) != 0)
        return STORY_EN;
    return !strchr(locale, '.') || ladder_style_of_locale() == LADDER_UTF8 ? STORY_ZH : STORY_EN;
}

/* The first that is set decides. */
static enum story_language language_of_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return language_of(value);
    }
    return STORY_EN;
}

static void list_scenes(FILE *out, enum story_language language)
{
    for (const struct story_scene *scene = story_scenes; scene->name; scene++)
        fprintf(out, "  %-13s %s\n", scene->name, scene->title.in[language]);
}

static int read_language(struct options *options, const char *text)
{
    if (text && strcmp(text, "en") == 0)
        options->language = STORY_EN;
    else if (text && strcmp(text, "zh") == 0)
        options->language = STORY_ZH;
    else
        return app_usage("story", "--lang %s: accepted are en and zh", text ? text : "(nothing)");
    options->said_language = text;
    return APP_OK;
}

static int read_arguments(struct options *options, int argc, char **argv)
{
    int result = APP_OK;

    for (int i = 1; i < argc && result == APP_OK; i++) {
        const struct story_scene *scene = story_find(argv[i]);

        if (strcmp(argv[i], "--lang") == 0) {
            result = read_language(options, i + 1 < argc ? argv[++i] : NULL);
        } else if (strcmp(argv[i], "--plain") == 0) {
            options->plain = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            options->json = true;
        } else if (strcmp(argv[i], "--html") == 0) {
            if (++i == argc)
                return app_usage("story", "--html needs a file");
            options->html = argv[i];
        } else if (strcmp(argv[i], "--list") == 0) {
            options->list = true;
        } else if (argv[i][0] == '-') {
            result = app_usage("story",
                               "there is no option %s; accepted are --lang en|zh, --plain, --json, "
                               "--html FILE, --list",
                               argv[i]);
        } else if (!scene) {
            result = app_usage("story", "there is no scene %s; the scenes are", argv[i]);
            list_scenes(stderr, STORY_EN);
        } else {
            options->scenes[options->count++] = scene;
        }
    }
    return result;
}

static unsigned terminal_columns(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col < DRAW_COLUMNS_MIN   ? DRAW_COLUMNS_MIN
           : size.ws_col > DRAW_COLUMNS_MAX ? DRAW_COLUMNS_MAX
                                            : size.ws_col;
}

static struct draw drawing(const struct options *options)
{
    bool plain = options->plain;

    return (struct draw){
        .out = stdout,
        .language = options->language,
        .columns = terminal_columns(),
        .ascii =
            plain || (options->language == STORY_EN && ladder_style_of_locale() != LADDER_UTF8),
        .bold = plain ? "" : color(stdout, COLOR_BOLD),
        .dim = plain ? "" : color(stdout, COLOR_DIM),
        .name = plain ? "" : color(stdout, COLOR_CYAN),
        .state = plain ? "" : color(stdout, COLOR_GREEN),
        .attack = plain ? "" : color(stdout, COLOR_RED),
        .plain = plain ? "" : color(stdout, COLOR_PLAIN),
    };
}

static void write_text(const struct options *options, struct story *const *stories)
{
    struct draw draw = drawing(options);

    for (unsigned i = 0; i < options->count; i++) {
        fputs(i > 0 ? "\n\n" : "", stdout);
        draw_story(&draw, stories[i]);
    }
}

static void write_json(const struct options *options, struct story *const *stories)
{
    for (unsigned i = 0; i < options->count; i++) {
        json_story(stdout, stories[i]);
        fputc('\n', stdout);
    }
}

static int write_html(const struct options *options, struct story *const *stories)
{
    FILE *out = fopen(options->html, "we");

    if (!out)
        return app_fail("story", "%s: cannot write: %s", options->html, strerror(errno));
    html_stories(out, (const struct story *const *)stories, options->count, options->said_language);
    bool bad = ferror(out) != 0;
    if (fclose(out) != 0 || bad)
        return app_fail("story", "%s: cannot write: %s", options->html, strerror(errno));
    return APP_OK;
}

static int write_stories(const struct options *options, struct story *const *stories)
{
    int result = APP_OK;

    if (options->html)
        result = write_html(options, stories);
    else if (options->json)
        write_json(options, stories);
    else
        write_text(options, stories);
    return result;
}

static int tell_all(const struct options *options)
{
    struct story **stories = calloc(options->count, sizeof *stories);
    int result;

    if (!stories)
        return app_fail("story", "no memory");
    for (unsigned i = 0; i < options->count; i++)
        stories[i] = story_tell(options->scenes[i]);
    result = write_stories(options, stories);
    for (unsigned i = 0; i < options->count; i++) {
        if (stories[i]->failed)
            result = app_fail("story", "%s went otherwise than its words say: %s",
                              stories[i]->scene->name, stories[i]->trouble);
        story_free(stories[i]);
    }
    free(stories);
    return result;
}

int cmd_story(const struct app *app, int argc, char **argv)
{
    unsigned scenes = 0;
    int result;

    (void)app;
    if (app_help(argc, argv, help))
        return APP_OK;
    while (story_scenes[scenes].name)
        scenes++;
    struct options options = {.scenes = calloc(scenes + (unsigned)argc, sizeof *options.scenes),
                              .language = language_of_locale(),
                              .said_language = ""};

    if (!options.scenes)
        return app_fail("story", "no memory");
    result = read_arguments(&options, argc, argv);
    if (result == APP_OK && options.list)
        list_scenes(stdout, options.language);
    if (result == APP_OK && options.count == 0)
        for (; options.count < scenes; options.count++)
            options.scenes[options.count] = &story_scenes[options.count];
    if (result == APP_OK && !options.list)
        result = tell_all(&options);
    free(options.scenes);
    return result;
}
