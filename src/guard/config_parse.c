/* From a file to a configuration: libconfuse reads the structure, the table of keys its values. */
#include "guard/config_parse.h"

#include "guard/config_include.h"
#include "guard/config_opening.h"
#include "guard/config_value.h"

#include <confuse.h>
#include <stdlib.h>
#include <string.h>

/* A value as it was written. libconfuse keeps no line with a value, and lets the last of two keys win: it gives the
 * older one to free_value while it still parses, which is how we notice. */
struct written {
    const char *key; /* in the table of keys */
    int line;
    char text[];
};

struct parse {
    struct config *config;
    char *error; /* empty: none yet */
    bool parsing;
    const char *replaced; /* a key that was repeated, or NULL */
    int replaced_line;    /* of its first value */
    struct config_openings openings;
};

static _Thread_local struct parse *now; /* libconfuse's callbacks have no context of ours */

__attribute__((format(printf, 2, 3))) static void fail(int line, const char *format, ...)
{
    char place[CONFIG_PLACE_MAX];
    va_list arguments;
    int length;

    if (now->error[0] != '\0')
        return; /* the first one counts */
    length = snprintf(now->error, CONFIG_ERROR_MAX, "%s: ", config_place(now->config, line, place));
    if (length >= CONFIG_ERROR_MAX)
        return;
    va_start(arguments, format);
    vsnprintf(now->error + length, (size_t)(CONFIG_ERROR_MAX - length), format, arguments);
    va_end(arguments);
}

/* ---- libconfuse's own complaints, in our words ---- */

/* "listen, backend, ..." */
static void list_keys(const cfg_t *cfg, char text[CONFIG_ERROR_MAX])
{
    size_t length = 0;

    text[0] = '\0';
    for (const cfg_opt_t *opt = cfg->opts; opt->name != NULL && length < CONFIG_ERROR_MAX; opt++)
        length += (size_t)snprintf(text + length, CONFIG_ERROR_MAX - length, "%s%s",
                                   length ? ", " : "", opt->name);
}

/* Whether sections of this kind have names. */
static bool is_titled(const char *kind, int length)
{
    for (unsigned id = 0; id < CONFIG_SECTIONS; id++)
        if (strncmp(config_sections[id].name, kind, (size_t)length) == 0)
            return config_sections[id].titled;
    return true;
}

static void on_error(cfg_t *cfg, const char *format, va_list arguments)
{
    char keys[CONFIG_ERROR_MAX];
    char message[CONFIG_ERROR_MAX];

    vsnprintf(message, sizeof message, format, arguments);
    const char *quoted = strchr(message, '\'');
    int length = quoted != NULL ? (int)strcspn(quoted + 1, "'") : 0;
    quoted = quoted != NULL ? quoted + 1 : "";

    if (strncmp(format, "no such option", 14) == 0) {
        list_keys(cfg, keys);
        fail(cfg->line, "\"%.*s\" is no key %s%s, accepted are %s", length, quoted,
             strcmp(cfg->name, "root") == 0 ? "here" : "of ",
             strcmp(cfg->name, "root") == 0 ? "" : cfg->name, keys);
    } else if (strncmp(format, "missing equal sign", 18) == 0) {
        fail(cfg->line, "no \"=\" after %.*s, accepted is %.*s = VALUE", length, quoted, length,
             quoted);
    } else if (strncmp(format, "missing opening brace", 21) == 0 ||
               strncmp(format, "missing title", 13) == 0) {
        fail(cfg->line, "%.*s without its %s, accepted is %.*s%s { ... }", length, quoted,
             format[8] == 'o' ? "\"{\"" : "name", length, quoted,
             is_titled(quoted, length) ? " \"NAME\"" : "");
    } else if (strncmp(format, "found duplicate title", 21) == 0) {
        fail(cfg->line, "a second \"%.*s\", accepted is every name once", length, quoted);
    } else if (strncmp(format, "unexpected token", 16) == 0) {
        fail(cfg->line,
             "\"%.*s\" is out of place, accepted are KEY = VALUE and KEY = { VALUE, VALUE }",
             length, quoted);
    } else if (strncmp(format, "premature end", 13) == 0) {
        fail(cfg->line, "the file ends within a key, accepted is KEY = VALUE");
    } else {
        fail(cfg->line, "%s, accepted are KEY = VALUE and KEY = { VALUE, VALUE }", message);
    }
}

/* ---- values ---- */

static void free_value(void *value)
{
    const struct written *written = value;

    if (now != NULL && now->parsing && now->replaced == NULL) {
        now->replaced = written->key;
        now->replaced_line = written->line;
    }
    free(value);
}

static void fail_repeated(int line)
{
    char place[CONFIG_PLACE_MAX];

    fail(line, "%s a second time, accepted is every key once (the first is in %s)", now->replaced,
         config_place_from(now->config, line, now->replaced_line, place));
}

/* The table's own copy of a key's name: libconfuse's goes with the section. */
static const char *lasting_name(const char *name)
{
    for (unsigned id = 0; id < CONFIG_SECTIONS; id++)
        for (const struct config_key *key = config_sections[id].keys; key->name != NULL; key++)
            if (strcmp(key->name, name) == 0)
                return key->name;
    return "a key";
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
    size_t length = strlen(text);
    struct written *value;

    if (now->replaced != NULL) {
        bool here = strcmp(now->replaced, opt->name) == 0;

        fail_repeated(here ? cfg->line : now->replaced_line);
        return -1;
    }
    value = malloc(sizeof *value + length + 1);
    if (value == NULL) {
        fail(cfg->line, "no memory for %s, accepted is a machine with more", opt->name);
        return -1;
    }
    value->key = lasting_name(opt->name);
    value->line = cfg->line;
    memcpy(value->text, text, length + 1);
    *(void **)result = value;
    return 0;
}

/* ---- the table of keys as libconfuse's options ---- */

#define OPTIONS_MAX 40

struct options {
    cfg_opt_t of[CONFIG_SECTIONS][OPTIONS_MAX];
};

static void describe_section(struct options *options, enum config_section_id id)
{
    cfg_opt_t *opt = options->of[id];
    const struct config_section *section = &config_sections[id];

    for (const struct config_key *key = section->keys; key->name != NULL; key++)
        *opt++ = (cfg_opt_t)__CFG_PTR(key->name, NULL,
                                      config_kind_is_list(key->kind) ? CFGF_LIST : CFGF_NONE, NULL,
                                      on_value, free_value);
    for (unsigned child = CONFIG_ROOT + 1; child < CONFIG_SECTIONS; child++)
        if (config_sections[child].parent == id)
            *opt++ = (cfg_opt_t)CFG_SEC(
                config_sections[child].name, options->of[child],
                CFGF_MULTI |
                    (config_sections[child].titled ? CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NONE));
    *opt = (cfg_opt_t)CFG_END();
}

/* ---- from libconfuse's tree to ours ---- */

static bool take_key(cfg_t *cfg, const struct config_key *key, void *section)
{
    cfg_opt_t *opt = cfg_getopt(cfg, key->name);
    char accepted[CONFIG_VALUE_TEXT_MAX];

    if (cfg_opt_size(opt) == 0 && key->initial != NULL)
        return config_value_parse(key, section, key->initial, cfg->line);
    for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
        const struct written *value = cfg_opt_getnptr(opt, i);

        if (config_kind_is_list(key->kind) && i == key->high) {
            fail(value->line, "more than %u values in %s, accepted are %u", (unsigned)key->high,
                 key->name, (unsigned)key->high);
            return false;
        }
        if (!config_value_parse(key, section, value->text, value->line)) {
            config_value_accepted(key, accepted);
            fail(value->line, "%s = \"%.100s\", accepted is %s", key->name, value->text, accepted);
            return false;
        }
    }
    return true;
}

/* Of the sections that there are once each key's line is kept. */
static void note_line(cfg_t *cfg, enum config_section_id id, const struct config_key *key)
{
    cfg_opt_t *opt = cfg_getopt(cfg, key->name);

    if (id < CONFIG_SINGLE_SECTIONS && cfg_opt_size(opt) > 0)
        now->config->key_line[id][key - config_sections[id].keys] =
            ((const struct written *)cfg_opt_getnptr(opt, 0))->line;
}

static bool take_section(cfg_t *cfg, enum config_section_id id, void *section)
{
    _Static_assert(CONFIG_FILTER + 1 == CONFIG_SINGLE_SECTIONS, "those are the first");

    for (const struct config_key *key = config_sections[id].keys; key->name != NULL; key++) {
        if (!take_key(cfg, key, section))
            return false;
        note_line(cfg, id, key);
    }
    return true;
}

static bool take_name(cfg_t *cfg, char name[CONFIG_NAME_MAX])
{
    const char *title = cfg_title(cfg);

    if (title[0] == '\0' || strlen(title) >= CONFIG_NAME_MAX || strpbrk(title, "\"\\\n") != NULL) {
        fail(cfg->line, "%s \"%.100s\", accepted is a name of 1 to %d bytes without \" or \\",
             cfg_name(cfg), title, CONFIG_NAME_MAX - 1);
        return false;
    }
    snprintf(name, CONFIG_NAME_MAX, "%s", title);
    return true;
}

/* Where a section begins: the `index`th of its name behind the opening of its parent. Its end, if that is not known. */
static int line_of(const cfg_t *cfg, int64_t parent, uint32_t index, int64_t *opening)
{
    int line = config_opening_line(&now->openings, cfg->name, parent, index, opening);

    return line > 0 ? line : cfg->line;
}

/* A section that may stand once: how often it does, and the last of them. */
static bool take_once(cfg_t *cfg, const char *name, cfg_t **found)
{
    unsigned count = cfg_size(cfg, name);
    int64_t opening;

    *found = count > 0 ? cfg_getnsec(cfg, name, 0) : NULL;
    if (count < 2)
        return true;
    fail(line_of(cfg_getnsec(cfg, name, 1), -1, 1, &opening), "a second %s, accepted is one", name);
    return false;
}

static bool too_many(cfg_t *cfg, unsigned most)
{
    fail(cfg->line, "more than %u %ss, accepted are %u", most, cfg_name(cfg), most);
    return false;
}

static bool take_backend(cfg_t *cfg, struct config_backend *backend)
{
    backend->client_address = CONFIG_WORD_UNSAID;
    return take_name(cfg, backend->name) && take_section(cfg, CONFIG_BACKEND, backend);
}

static bool take_service(cfg_t *cfg, int64_t opening, struct config_service *service)
{
    unsigned backends = cfg_size(cfg, "backend");
    int64_t inner;

    if (!take_name(cfg, service->name) || !take_section(cfg, CONFIG_SERVICE, service))
        return false;
    for (unsigned i = 0; i < backends; i++, service->backends++) {
        cfg_t *backend = cfg_getnsec(cfg, "backend", i);

        if (i == CONFIG_BACKENDS_MAX)
            return too_many(backend, CONFIG_BACKENDS_MAX);
        service->backend[i].line = line_of(backend, opening, i, &inner);
        if (!take_backend(backend, &service->backend[i]))
            return false;
    }
    return true;
}

/* A section that may be missing: then its defaults, and the line of the file's end. */
static bool take_optional(cfg_t *root, enum config_section_id id, void *section, int *line)
{
    cfg_t *found;
    int64_t opening;

    if (!take_once(root, config_sections[id].name, &found))
        return false;
    if (found != NULL) {
        *line = line_of(found, -1, 0, &opening);
        return take_section(found, id, section);
    }
    for (const struct config_key *key = config_sections[id].keys; key->name != NULL; key++)
        if (key->initial != NULL && !config_value_parse(key, section, key->initial, *line))
            return false;
    return true;
}

static bool take_all(cfg_t *root, struct config *config)
{
    unsigned services = cfg_size(root, "service");
    cfg_t *uplink;
    int64_t opening;

    config->limits.line = config->filter.line = config->last_line;
    if (!take_section(root, CONFIG_ROOT, config) || !take_once(root, "uplink", &uplink) ||
        !take_optional(root, CONFIG_LIMITS, &config->limits, &config->limits.line) ||
        !take_optional(root, CONFIG_FILTER, &config->filter, &config->filter.line))
        return false;
    if (uplink != NULL) {
        config->uplink.line = line_of(uplink, -1, 0, &opening);
        config->uplink.mode = CONFIG_WORD_UNSAID;
        if (!take_name(uplink, config->uplink.name) ||
            !take_section(uplink, CONFIG_UPLINK, &config->uplink))
            return false;
    }
    for (unsigned i = 0; i < services; i++, config->services++) {
        cfg_t *service = cfg_getnsec(root, "service", i);

        opening = -1;

        if (i == CONFIG_SERVICES_MAX)
            return too_many(service, CONFIG_SERVICES_MAX);
        config->service[i].line = line_of(service, -1, i, &opening);
        if (!take_service(service, opening, &config->service[i]))
            return false;
    }
    return true;
}

/* ---- reading ---- */

static bool parse_text(const struct config_whole *text, cfg_t *root)
{
    FILE *stream;
    int result;

    if (text->length == 0)
        return true; /* config_check says what is missing */
    stream = fmemopen(text->bytes, text->length, "r");
    if (stream == NULL) {
        fail(1, "no memory to read it, accepted is a machine with more");
        return false;
    }
    now->parsing = true;
    result = cfg_parse_fp(root, stream);
    now->parsing = false;
    fclose(stream);
    if (result == CFG_SUCCESS && now->replaced != NULL) /* the second was an empty list */
        fail_repeated(now->replaced_line);
    if (result != CFG_SUCCESS && now->error[0] == '\0')
        fail(root->line,
             "this cannot be read, accepted are KEY = VALUE and KEY = { VALUE, VALUE }");
    return now->error[0] == '\0';
}

static bool parse_root(const struct config_whole *text, struct config *config)
{
    struct options *options = calloc(1, sizeof *options);
    cfg_t *root = NULL;
    bool ok = false;

    if (options != NULL) {
        for (unsigned id = 0; id < CONFIG_SECTIONS; id++)
            describe_section(options, (enum config_section_id)id);
        root = cfg_init(options->of[CONFIG_ROOT], CFGF_NONE);
    }
    if (root != NULL) {
        cfg_set_error_function(root, on_error);
        ok = parse_text(text, root) && take_all(root, config);
        cfg_free(root);
    } else {
        fail(1, "no memory to read it, accepted is a machine with more");
    }
    free(options);
    return ok;
}

bool config_parse(struct config *config, const char *file, char error[CONFIG_ERROR_MAX])
{
    struct parse parse = {.config = config, .error = error};
    struct config_whole text;
    bool ok;

    error[0] = '\0';
    if (!config_include_read(&text, file, error))
        return false;
    config->sources = text.sources;
    config->last_line = text.lines;
    config_openings_find(&parse.openings, text.bytes);
    now = &parse;
    ok = parse_root(&text, config);
    now = NULL;
    free(parse.openings.all);
    free(text.bytes);
    return ok;
}
