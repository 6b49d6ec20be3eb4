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

static const char help[] =
    "usage: handfast story [SCENE...] [--lang en|zh] [--plain] | --list\n\n"
    "Tells how Karma (a client) and Amily (a server) meet, marry, and are attacked. Beside each "
    "line\n"
    "stands its segment, as the stack really sent it in a simulation, and the states of both "
    "ends.\n"
    "It needs no privilege and touches no network. Without a SCENE it tells all of them.\n\n"
    "  --lang en|zh   the language; otherwise that of the terminal (LC_ALL, LC_MESSAGES, LANG)\n"
    "  --plain        no colours and no box drawing\n"
    "  --list         the scenes\n\n"
    "exit: 0 told, 1 a scene went otherwise than its words say, 2 usage\n";

struct options {
    const struct story_scene **scenes;
    unsigned count;
    enum story_language language;
    bool plain, list;
};

/* The first that is set decides. */
static enum story_language language_of_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return strncmp(value, "zh", 2) == 0 ? STORY_ZH : STORY_EN;
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
        } else if (strcmp(argv[i], "--list") == 0) {
            options->list = true;
        } else if (argv[i][0] == '-') {
            result = app_usage("story",
                               "there is no option %s; accepted are --lang en|zh, --plain, --list",
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

static int tell_all(const struct options *options)
{
    struct draw draw = drawing(options);
    int result = APP_OK;

    for (unsigned i = 0; i < options->count; i++) {
        struct story *story = story_tell(options->scenes[i]);

        if (i > 0)
            fputs("\n\n", stdout);
        draw_story(&draw, story);
        if (story->failed)
            result = app_fail("story", "%s went otherwise than its words say: %s",
                              story->scene->name, story->trouble);
        story_free(story);
    }
    if (fflush(stdout) != 0)
        result = app_fail("story", "cannot write: %s", strerror(errno));
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
                              .language = language_of_locale()};

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
