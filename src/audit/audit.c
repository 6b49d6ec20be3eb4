/* Rows, and how practices see the host. */
#include "audit/audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/program.h"

static const struct {
    const char *name;
    void (*run)(const struct audit_world *world, struct audit_row *row);
} practices[AUDIT_PRACTICES] = {
    {"keep the system patched", practice_updates},
    {"close services that nobody needs", practice_services},
    {"limit half-open connections", practice_half_open_limit},
    {"shorten the half-open timeout", practice_half_open_timeout},
    {"configure the firewall", practice_firewall},
    {"deny what is not open", practice_closed_services},
    {"restrict addresses", practice_addresses},
    {"use what stops floods", practice_anti_ddos},
    {"restrict outbound access", practice_outbound},
    {"look at ports, privileged and not", practice_ports},
    {"look at logs and clocks", practice_logs},
    {"share no files across the firewall", practice_sharing},
};

const char *audit_status_text(enum audit_status status)
{
    switch (status) {
    case AUDIT_PASS: return "pass";
    case AUDIT_UNSEEN:
    case AUDIT_WARN: return "warn";
    case AUDIT_FAIL: return "fail";
    }
    return "?";
}

void audit_practice(const struct audit_world *world, struct audit_row *row)
{
    int index = row->practice - AUDIT_FIRST;

    row->name = practices[index].name;
    row->status = AUDIT_PASS;
    row->finding[0] = row->fix[0] = '\0';
    practices[index].run(world, row);
    if (row->status == AUDIT_UNSEEN && !world->is_root)
        snprintf(row->fix, sizeof row->fix, "sudo handfast audit");
}

bool audit_is_declared(const struct audit_world *world, uint16_t port)
{
    for (uint32_t i = 0; i < world->declared_count; i++)
        if (world->declared[i] == port)
            return true;
    return false;
}

char *audit_read(const struct audit_world *world, const char *path, size_t most)
{
    char whole[AUDIT_PATH_MAX], *text;
    FILE *file;
    size_t length;

    snprintf(whole, sizeof whole, "%s%s", world->root, path);
    file = fopen(whole, "re");
    if (!file)
        return NULL;
    text = malloc(most + 1);
    length = text ? fread(text, 1, most, file) : 0;
    fclose(file);
    if (text)
        text[length] = '\0';
    return text;
}

long audit_number(const struct audit_world *world, const char *path, long otherwise)
{
    char *text = audit_read(world, path, 64), *end;
    long value = text ? strtol(text, &end, 10) : otherwise;

    if (text && end == text)
        value = otherwise;
    free(text);
    return value;
}

int audit_run(const struct audit_world *world, const char *const argv[], char **output)
{
    return world->run ? world->run(world->context, argv, output) : program_run(argv, output);
}

/* Adds all of it behind "; ", or nothing. */
static void join(char *text, size_t size, const char *more)
{
    size_t used = strlen(text), length = strlen(more);

    if (used + length + sizeof "; " > size)
        return;
    if (used > 0) {
        memcpy(text + used, "; ", 2);
        used += 2;
    }
    memcpy(text + used, more, length + 1);
}

void audit_fix(struct audit_row *row, const char *fix)
{
    if (!strstr(row->fix, fix))
        join(row->fix, sizeof row->fix, fix);
}

void audit_find(struct audit_row *row, enum audit_status status, const char *fix,
                const char *format, ...)
{
    char sentence[AUDIT_FINDING_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    join(row->finding, sizeof row->finding, sentence);
    if (fix)
        audit_fix(row, fix);
    if (status > row->status)
        row->status = status;
}
