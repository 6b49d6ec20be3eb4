/* Text, JSON and journal fields of a line: one table says what a field is called in each. */
#include "guard/log_form.h"

#include <jansson.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *json, *journal;
    size_t offset;
} words[] =
    {
        {"event", "EVENT", offsetof(struct log_about, event)},
        {"service", "SERVICE", offsetof(struct log_about, service)},
        {"backend", "BACKEND", offsetof(struct log_about, backend)},
        {"prefix", "PREFIX", offsetof(struct log_about, prefix)},
        {"listener", "LISTENER", offsetof(struct log_about, local)},
        {"value", "VALUE", offsetof(struct log_about, value)},
},
  numbers[] = {
      {"count", "COUNT", offsetof(struct log_about, count)},
      {"duration_ms", "DURATION_MS", offsetof(struct log_about, duration_ms)},
};

#define WORDS (sizeof words / sizeof *words)
#define NUMBERS (sizeof numbers / sizeof *numbers)

static const char *word_of(const struct log_about *about, size_t index)
{
    const char *word;

    memcpy(&word, (const char *)about + words[index].offset, sizeof word);
    return word;
}

static uint64_t number_of(const struct log_about *about, size_t index)
{
    uint64_t number;

    memcpy(&number, (const char *)about + numbers[index].offset, sizeof number);
    return number;
}

static enum log_level level_of(const struct log_about *about)
{
    return about->level == 0 ? LOG_LEVEL_INFO : about->level;
}

static const char *level_word(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR: return "error";
    case LOG_LEVEL_WARNING: return "warning";
    case LOG_LEVEL_NOTICE: return "notice";
    case LOG_LEVEL_INFO: break;
    }
    return "info";
}

/* ---- a line under construction ---- */

struct line {
    char *to;
    size_t length;
};

static void add(struct line *line, const char *bytes)
{
    for (; *bytes != '\0' && line->length < LOG_LINE_MAX - 1; bytes++)
        line->to[line->length++] = (unsigned char)*bytes < ' ' || *bytes == 0x7f ? ' ' : *bytes;
}

static size_t end(struct line *line)
{
    line->to[line->length++] = '\n';
    return line->length;
}

size_t log_form_text(char to[LOG_LINE_MAX], const char *text)
{
    struct line line = {to, 0};

    add(&line, "handfast guard: ");
    add(&line, text);
    return end(&line);
}

/* ---- the journal: FIELD=value, a line each; values hold no newline ---- */

static void add_field(struct line *line, const char *name, const char *value)
{
    if (line->length + strlen(name) + 3 >= LOG_LINE_MAX)
        return;
    add(line, name);
    add(line, "=");
    add(line, value);
    end(line);
}

size_t log_form_journal(char to[LOG_LINE_MAX], const struct log_about *about, const char *text)
{
    struct line line = {to, 0};
    char number[24];

    snprintf(number, sizeof number, "%d", (int)level_of(about));
    add_field(&line, "PRIORITY", number);
    add_field(&line, "SYSLOG_IDENTIFIER", "handfast");
    for (size_t i = 0; i < WORDS; i++)
        if (word_of(about, i) != NULL)
            add_field(&line, words[i].journal, word_of(about, i));
    for (size_t i = 0; i < NUMBERS; i++)
        if (number_of(about, i) != 0) {
            snprintf(number, sizeof number, "%" PRIu64, number_of(about, i));
            add_field(&line, numbers[i].journal, number);
        }
    add_field(&line, "MESSAGE", text);
    return line.length;
}

/* ---- JSON ---- */

/* "2026-11-23T03:30:00.123456Z" */
static void set_time(json_t *object, int64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    char date[32], text[48];
    struct tm parts;

    if (gmtime_r(&seconds, &parts) == NULL)
        return;
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, sizeof text, "%s.%06dZ", date, (int)(wall_us % 1000000));
    json_object_set_new(object, "time", json_string(text));
}

/* What is no UTF-8 (a path may be) loses its high bytes. */
static void set_text(json_t *object, const char *name, const char *value)
{
    char clean[LOG_TEXT_MAX];
    struct line line = {clean, 0};
    json_t *string = json_string(value);

    if (string == NULL) {
        for (; *value != '\0' && line.length < sizeof clean - 1; value++)
            clean[line.length++] = (unsigned char)*value >= 0x80 ? '?' : *value;
        clean[line.length] = '\0';
        string = json_string(clean);
    }
    json_object_set_new(object, name, string);
}

size_t log_form_json(char to[LOG_LINE_MAX], const struct log_about *about, const char *text,
                     int64_t wall_us)
{
    struct line line = {to, 0};
    json_t *object = json_object();
    size_t length;

    set_time(object, wall_us);
    set_text(object, "level", level_word(level_of(about)));
    for (size_t i = 0; i < WORDS; i++)
        if (word_of(about, i) != NULL)
            set_text(object, words[i].json, word_of(about, i));
    for (size_t i = 0; i < NUMBERS; i++)
        if (number_of(about, i) != 0)
            json_object_set_new(object, numbers[i].json,
                                json_integer((json_int_t)number_of(about, i)));
    set_text(object, "message", text);
    length = json_dumpb(object, to, LOG_LINE_MAX - 1, JSON_COMPACT);
    json_decref(object);
    line.length = length > 0 && length < LOG_LINE_MAX ? length : 0;
    if (line.length == 0) /* no memory, or too long to be */
        add(&line, "{\"level\":\"error\",\"message\":\"a line could not be put in JSON\"}");
    return end(&line);
}
