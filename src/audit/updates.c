/* Practice 11: pending security updates, package lists grown old, a kernel older than the one that is installed. */
#include "audit/audit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#define LISTS_OLD_S (7 * 24 * 3600)

/* "Inst NAME [old] (new Debian-Security:12/stable-security [amd64])": what apt would install. */
static void count_updates(char *text, unsigned *security, unsigned *others, char first[64])
{
    for (char *line; (line = strsep(&text, "\n"));) {
        if (strncmp(line, "Inst ", 5) != 0)
            continue;
        if (!strcasestr(line, "security")) {
            ++*others;
            continue;
        }
        if (++*security == 1) {
            snprintf(first, 64, "%s", line + 5);
            first[strcspn(first, " ")] = '\0';
        }
    }
}

static void look_at_lists(const struct audit_world *world, struct audit_row *row)
{
    char path[AUDIT_PATH_MAX];
    struct stat status;

    snprintf(path, sizeof path, "%s/var/lib/apt/lists", world->root);
    if (stat(path, &status) != 0 || status.st_mtime == 0)
        return;
    int64_t age_s = world->now_s - (int64_t)status.st_mtime;

    if (age_s > LISTS_OLD_S)
        audit_find(row, AUDIT_WARN, "apt-get update", "package lists are %lld days old",
                   (long long)(age_s / 86400));
}

/* The newest kernel in /boot against the one that runs. Of another flavour nothing is said. */
static void look_at_kernel(const struct audit_world *world, struct audit_row *row)
{
    char path[AUDIT_PATH_MAX], newest[sizeof((struct utsname *)0)->release] = "";
    struct utsname running;
    struct dirent *entry;
    bool known = false;

    snprintf(path, sizeof path, "%s/boot", world->root);
    DIR *boot = opendir(path);
    if (!boot || uname(&running) != 0) {
        if (boot)
            closedir(boot);
        return;
    }
    while ((entry = readdir(boot))) {
        const char *version = entry->d_name + strlen("vmlinuz-");

        if (strncmp(entry->d_name, "vmlinuz-", strlen("vmlinuz-")) != 0)
            continue;
        known |= strcmp(version, running.release) == 0;
        if (newest[0] == '\0' || strverscmp(version, newest) > 0)
            snprintf(newest, sizeof newest, "%s", version);
    }
    closedir(boot);
    if (newest[0] == '\0')
        audit_find(row, AUDIT_PASS, NULL, "kernel %s, none is installed here to compare",
                   running.release);
    else if (strverscmp(newest, running.release) > 0 || !known)
        audit_find(row, AUDIT_FAIL, "systemctl reboot",
                   "kernel %s runs, %s is installed: its mends are not in force", running.release,
                   newest);
    else
        audit_find(row, AUDIT_PASS, NULL, "kernel %s is the newest installed", running.release);
}

void practice_updates(const struct audit_world *world, struct audit_row *row)
{
    static const char *const simulate[] = {"apt-get",      "-s", "-q", "-o", "Debug::NoLocking=1",
                                           "dist-upgrade", NULL};
    unsigned security = 0, others = 0;
    char first[64] = "", *output = NULL;

    if (audit_run(world, simulate, &output) != 0) {
        audit_find(row, AUDIT_UNSEEN, NULL, "pending updates: apt-get does not answer here");
    } else {
        count_updates(output, &security, &others, first);
        if (security > 0)
            audit_find(row, AUDIT_FAIL, "apt-get update && apt-get dist-upgrade",
                       "%u security updates wait, %s first", security, first);
        if (others > 0)
            audit_find(row, AUDIT_WARN, "apt-get update && apt-get dist-upgrade",
                       "%u other updates wait", others);
        if (security + others == 0)
            audit_find(row, AUDIT_PASS, NULL, "no update waits");
    }
    free(output);
    look_at_lists(world, row);
    look_at_kernel(world, row);
}
