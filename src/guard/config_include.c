/* Puts the files that an include names in the place of the call, each on lines of its own, and remembers whose line
 * is whose: libconfuse then sees one text, and a key or a name that two files have is as repeated as in one. */
#include "guard/config_include.h"

#include "guard/config_sources.h"
#include "guard/config_text.h"
#include "os/syscalls.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

SYSCALLS("openat:read getdents64 newfstatat");

/* A file that is being read, and who includes it. */
struct level {
    const struct level *above;
    uint32_t file; /* its number in the sources */
    int line;      /* of `above`, where it is included */
    dev_t device;
    ino_t inode;
};

struct build {
    struct config_whole *whole;
    char *error;
};

static bool refuse(struct build *build, const struct level *at, int line, const char *sentence,
                   const char *what)
{
    snprintf(build->error, CONFIG_ERROR_MAX, "%s:%d: include of \"%.300s\": %s",
             build->whole->sources->file[at->file], line, what, sentence);
    return false;
}

static bool refuse_memory(struct build *build)
{
    snprintf(build->error, CONFIG_ERROR_MAX,
             "%s: no memory to read it, accepted is a machine with more",
             build->whole->sources->files > 0 ? build->whole->sources->file[0] : "a configuration");
    return false;
}

/* Text of a file, from its line on. */
static bool append(struct build *build, const struct level *at, int line, const char *bytes,
                   size_t length)
{
    struct config_whole *whole = build->whole;
    char *more;

    if (whole->length + length + 1 > CONFIG_FILE_MAX) {
        snprintf(build->error, CONFIG_ERROR_MAX,
                 "%s:%d: too much text in all files together, accepted are %d bytes",
                 whole->sources->file[at->file], line, CONFIG_FILE_MAX);
        return false;
    }
    more = realloc(whole->bytes, whole->length + length + 2);
    if (more == NULL || !config_sources_mark(whole->sources, whole->lines, at->file, line)) {
        whole->bytes = more != NULL ? more : whole->bytes;
        return refuse_memory(build);
    }
    whole->bytes = more;
    memcpy(more + whole->length, bytes, length);
    whole->length += length;
    for (size_t i = 0; i < length; i++)
        whole->lines += bytes[i] == '\n';
    more[whole->length] = '\0';
    return true;
}

static bool end_line(struct build *build)
{
    if (build->whole->length > 0 && build->whole->bytes[build->whole->length - 1] != '\n') {
        build->whole->bytes[build->whole->length++] = '\n'; /* append left room */
        build->whole->bytes[build->whole->length] = '\0';
        build->whole->lines++;
    }
    return true;
}

static bool read_file(struct build *build, const char *file, const struct level *above, int line);

/* "conf.d/a.conf", from the directory of the file that says so. */
static bool full_pattern(const char *file, const char *pattern, char *full, size_t capacity)
{
    const char *slash = strrchr(file, '/');
    int length = pattern[0] == '/' || slash == NULL ? 0 : (int)(slash - file) + 1;

    return (size_t)snprintf(full, capacity, "%.*s%s", length, file, pattern) < capacity;
}

static bool read_includes(struct build *build, const struct level *at,
                          const struct config_include *include)
{
    char pattern[2 * CONFIG_HOST_MAX];
    bool wild = strpbrk(include->pattern, "*?[") != NULL;
    glob_t found = {.gl_pathc = 0};
    bool ok = true;
    int result;

    if (!full_pattern(build->whole->sources->file[at->file], include->pattern, pattern,
                      sizeof pattern))
        return refuse(build, at, include->line, "its path is too long, accepted are 511 bytes",
                      include->pattern);
    result = glob(pattern, GLOB_ERR | GLOB_NOMAGIC, NULL, &found);
    if (result == GLOB_NOMATCH && wild)
        return true; /* a directory without files yet */
    if (result != 0 && result != GLOB_NOMATCH)
        return refuse(
            build, at, include->line,
            result == GLOB_NOSPACE
                ? "no memory to look for it, accepted is a machine with more"
                : "its directory is not there or cannot be read, accepted is one that can be",
            pattern);
    if (result == GLOB_NOMATCH)
        return read_file(build, pattern, at, include->line);
    for (size_t i = 0; ok && i < found.gl_pathc; i++)
        ok = read_file(build, found.gl_pathv[i], at, include->line);
    globfree(&found);
    return ok;
}

static bool check_level(struct build *build, const struct level *level, const char *file)
{
    unsigned depth = 0;

    for (const struct level *other = level->above; other != NULL; other = other->above, depth++)
        if (other->device == level->device && other->inode == level->inode)
            return refuse(build, level->above, level->line,
                          "it is being read already, accepted are files that do not include "
                          "themselves",
                          file);
    if (depth > CONFIG_DEPTH_MAX)
        return refuse(build, level->above, level->line,
                      "files that include files more than 8 deep, accepted are 8", file);
    return true;
}

/* What config_text_read says, and for an included file by whom it is. */
static void name_includer(struct build *build, const struct level *above, int line,
                          const char *file)
{
    char place[CONFIG_PLACE_MAX];

    if (above == NULL)
        return;
    snprintf(place, sizeof place, "%s:%d", build->whole->sources->file[above->file], line);
    config_say_place(place, file, build->error, CONFIG_ERROR_MAX);
}

static bool read_text(struct build *build, const struct config_text *text,
                      const struct level *level)
{
    size_t from = 0;
    int line = 1;

    for (size_t i = 0; i < text->includes; i++) {
        const struct config_include *include = &text->include[i];

        if (!append(build, level, line, text->bytes + from, include->end - from) ||
            !end_line(build) || !read_includes(build, level, include) || !end_line(build))
            return false;
        from = include->end;
        line = include->end_line;
    }
    return append(build, level, line, text->bytes + from, text->length - from);
}

static bool read_file(struct build *build, const char *file, const struct level *above, int line)
{
    struct config_text text;
    bool ok;

    if (!config_text_read(&text, file, build->error)) {
        name_includer(build, above, line, file);
        return false;
    }
    struct level level = {above, build->whole->sources->files, line, text.device, text.inode};
    ok = check_level(build, &level, file);
    if (ok && build->whole->sources->files == CONFIG_FILES_MAX)
        ok = refuse(build, above, line, "more than 256 files, accepted are 256", file);
    else if (ok && !config_sources_add(build->whole->sources, file))
        ok = refuse_memory(build);
    ok = ok && read_text(build, &text, &level);
    config_text_free(&text);
    return ok;
}

bool config_include_read(struct config_whole *whole, const char *file, char error[CONFIG_ERROR_MAX])
{
    struct build build = {whole, error};

    _Static_assert(CONFIG_DEPTH_MAX == 8 && CONFIG_FILES_MAX == 256, "the messages say so");
    *whole = (struct config_whole){.lines = 1, .sources = config_sources_new()};
    if (whole->sources == NULL)
        snprintf(error, CONFIG_ERROR_MAX,
                 "%s: no memory to read it, accepted is a machine with more", file);
    else if (read_file(&build, file, NULL, 0))
        return true;
    free(whole->bytes);
    config_sources_free(whole->sources);
    return false;
}
