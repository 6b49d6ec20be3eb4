/* Practice 21: gaps and jumps in the logs, whether the clock is kept, and files that changed under their packages. */
#include "audit/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <utmp.h>

#include <jansson.h>

#include "audit/syslog.h"

#define BACK_S 5
#define CHANGED_MOST 5
/* systemd's catalogue: the clock was changed */
#define CLOCK_CHANGED "MESSAGE_ID=c7a787079b354eaaa9e77b371893cd27"

struct logs {
    struct audit_row *row;
    const char *name;
    unsigned gaps, backs;
};

static void format_time(char text[32], int64_t at_s)
{
    time_t at = (time_t)at_s;
    struct tm tm;

    gmtime_r(&at, &tm);
    strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm);
}

static void on_finding(void *context, const struct syslog_finding *finding)
{
    struct logs *logs = context;
    char at[32];

    format_time(at, finding->before_s);
    if (finding->oddity == SYSLOG_BACK && logs->backs++ == 0)
        audit_find(logs->row, AUDIT_FAIL, "journalctl --since -7days " CLOCK_CHANGED,
                   "%s:%llu: its clock went back by %lld s from %s", logs->name,
                   (unsigned long long)finding->line,
                   (long long)(finding->before_s - finding->at_s), at);
    if (finding->oddity == SYSLOG_GAP && logs->gaps++ == 0)
        audit_find(logs->row, AUDIT_WARN, "last -x | head", "%s:%llu: nothing for %lld s from %s",
                   logs->name, (unsigned long long)finding->line,
                   (long long)(finding->at_s - finding->before_s), at);
}

static bool look_at_file(const struct audit_world *world, struct audit_row *row, const char *path)
{
    struct logs logs = {row, path, 0, 0};
    char whole[AUDIT_PATH_MAX];
    struct syslog syslog;

    snprintf(whole, sizeof whole, "%s%s", world->root, path);
    FILE *file = fopen(whole, "re");
    if (!file)
        return false;
    syslog_read(&syslog, file, world->now_s, on_finding, &logs);
    fclose(file);
    if (logs.gaps + logs.backs > 2)
        audit_find(row, AUDIT_PASS, NULL, "%u such places in %s; handfast audit logs %s lists them",
                   logs.gaps + logs.backs, path, path);
    return syslog.dated > 0;
}

/* Records of logins and boots carry time: it must not go back, nor be wiped. */
static bool look_at_wtmp(const struct audit_world *world, struct audit_row *row)
{
    char path[AUDIT_PATH_MAX];
    struct utmp record;
    int64_t last_s = 0;
    unsigned wiped = 0, records = 0;

    snprintf(path, sizeof path, "%s/var/log/wtmp", world->root);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    while (fread(&record, sizeof record, 1, file) == 1) {
        int64_t at_s = (uint32_t)record.ut_tv.tv_sec;

        records++;
        if (at_s == 0 && record.ut_type == EMPTY) {
            wiped++;
            continue;
        }
        if (record.ut_type != OLD_TIME && record.ut_type != NEW_TIME && at_s + BACK_S < last_s)
            audit_find(row, AUDIT_FAIL, "last -x",
                       "wtmp: record %u is %lld s older than the one before", records,
                       (long long)(last_s - at_s));
        last_s = at_s;
    }
    fclose(file);
    if (wiped > 0)
        audit_find(row, AUDIT_FAIL, "last -x", "wtmp: %u records were wiped", wiped);
    return true;
}

static unsigned count_lines(const char *text)
{
    unsigned lines = 0;

    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static bool look_at_journal(const struct audit_world *world, struct audit_row *row)
{
    static const char *const verify[] = {"journalctl", "--verify", "-q", NULL};
    static const char *const changes[] = {"journalctl", "-q",          "--no-pager",  "-o",
                                          "short-iso",  "--since=-7d", CLOCK_CHANGED, NULL};
    char *output = NULL;
    int result = audit_run(world, changes, &output);

    if (result == 0 && count_lines(output) > 0)
        audit_find(row, AUDIT_WARN, "journalctl --since=-7d " CLOCK_CHANGED,
                   "the clock was set %u times within a week", count_lines(output));
    free(output);
    if (result != 0)
        return false;
    result = audit_run(world, verify, &output);
    if (result > 0)
        audit_find(row, AUDIT_FAIL, "journalctl --verify",
                   "the system's journal has files that are not whole");
    free(output);
    return true;
}

static void look_at_clock(const struct audit_world *world, struct audit_row *row)
{
    struct timex timex = {.modes = 0};

    if (world->root[0] != '\0')
        return;
    int state = adjtimex(&timex);

    if (state < 0)
        audit_find(row, AUDIT_UNSEEN, NULL, "the kernel does not say whether its clock is kept");
    else if (state == TIME_ERROR || (timex.status & STA_UNSYNC))
        audit_find(row, AUDIT_WARN,
                   "apt-get install systemd-timesyncd && systemctl enable --now systemd-timesyncd",
                   "nobody keeps this clock right: times of logs prove nothing");
    else
        audit_find(row, AUDIT_PASS, NULL, "the clock is synchronised");
}

/* The guard's own journal: the first lie in it, by the command that knows. */
static void look_at_guard(const struct audit_world *world, struct audit_row *row)
{
    const char *const verify[] = {"/proc/self/exe", "journal",      "verify",
                                  "--json",         world->journal, NULL};
    char fix[AUDIT_FIX_MAX], *output = NULL;

    if (!world->journal)
        return;
    int result = audit_run(world, verify, &output);
    json_t *said = output ? json_loads(output, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(said, "text"));

    snprintf(fix, sizeof fix, "handfast journal verify %s", world->journal);
    if (result == 0)
        audit_find(row, AUDIT_PASS, NULL, "no lie in the guard's journal, %lld records",
                   (long long)json_integer_value(json_object_get(said, "last_record")));
    else if (text)
        audit_find(row, AUDIT_FAIL, fix, "the guard's journal %s:%lld: %s: %s",
                   json_string_value(json_object_get(said, "file")),
                   (long long)json_integer_value(json_object_get(said, "line")),
                   json_string_value(json_object_get(said, "verdict")), text);
    else
        audit_find(row, world->is_root ? AUDIT_WARN : AUDIT_UNSEEN, world->is_root ? fix : NULL,
                   "the guard's journal %s cannot be read", world->journal);
    json_decref(said);
    free(output);
}

/* "nodejs:amd64: /usr/bin/node" for each: the names before the colons. */
static void look_up_packages(const struct audit_world *world, const char *const paths[],
                             char fix[AUDIT_FIX_MAX])
{
    const char *search[CHANGED_MOST + 3] = {"dpkg", "-S"};
    char *output = NULL;
    size_t used = (size_t)snprintf(fix, AUDIT_FIX_MAX, "apt-get install --reinstall");
    bool any = false;

    for (size_t i = 0; i < CHANGED_MOST; i++)
        search[i + 2] = paths[i];
    audit_run(world, search, &output);
    for (char *rest = output, *line; (line = strsep(&rest, "\n"));) {
        char name[128];
        int length = snprintf(name, sizeof name, " %.*s", (int)strcspn(line, ":,"), line);

        if (length < 2 || !strchr(line, '/') || strstr(fix, name))
            continue;
        used += (size_t)snprintf(fix + used, AUDIT_FIX_MAX - used, "%s", name);
        any = true;
    }
    if (!any)
        snprintf(fix, AUDIT_FIX_MAX, "dpkg --verify");
    free(output);
}

/* "??5??????   /usr/bin/ssh"; with a c before the path it is a configuration file, which may change. */
static void look_at_files(const struct audit_world *world, struct audit_row *row)
{
    static const char *const verify[] = {"dpkg", "--verify", NULL};
    const char *paths[CHANGED_MOST + 1] = {NULL};
    char *output = NULL, fix[AUDIT_FIX_MAX];
    unsigned changed = 0;

    if (audit_run(world, verify, &output) < 0) {
        audit_find(row, AUDIT_UNSEEN, NULL, "dpkg --verify does not answer in time");
        return;
    }
    for (char *rest = output, *line; (line = strsep(&rest, "\n"));) {
        const char *path = strchr(line, '/');

        if (!path || path - line < 10 || line[2] != '5' || path[-2] == 'c' ||
            ++changed > CHANGED_MOST)
            continue;
        paths[changed - 1] = path;
        audit_find(row, AUDIT_FAIL, NULL, "%.200s is not what its package installed", path);
    }
    if (changed > CHANGED_MOST)
        audit_find(row, AUDIT_FAIL, NULL, "and %u more files", changed - CHANGED_MOST);
    if (changed == 0) {
        audit_find(row, AUDIT_PASS, NULL, "system files are as packaged");
    } else {
        look_up_packages(world, paths, fix);
        audit_fix(row, fix);
    }
    free(output);
}

void practice_logs(const struct audit_world *world, struct audit_row *row)
{
    static const char *const files[] = {"/var/log/syslog", "/var/log/auth.log", "/var/log/kern.log",
                                        "/var/log/messages"};
    bool any = look_at_wtmp(world, row);

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        any |= look_at_file(world, row, files[i]);
    any |= look_at_journal(world, row);
    if (!any)
        audit_find(row, world->is_root ? AUDIT_WARN : AUDIT_UNSEEN,
                   world->is_root ? "apt-get install systemd rsyslog" : NULL,
                   world->is_root ? "no log is kept here" : "logs take root to see");
    look_at_guard(world, row);
    look_at_clock(world, row);
    look_at_files(world, row);
}
