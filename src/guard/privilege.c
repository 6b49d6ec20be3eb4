/* Root is given up in one go, by libcap-ng, and afterwards asked for again: who still gets it must not serve.
 *
 * What this takes from whoever takes over the guard: other users' files, kernel modules, raw sockets (unless kept), debugging of
 * other processes, gaining anything by a set-user-id program. What it leaves: the guard's own user, its open descriptors
 * and the memory of its connections.
 */
#include "guard/privilege.h"

#include "os/syscalls.h"

#include <cap-ng.h>
#include <errno.h>
#include <handfast/handfast.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

SYSCALLS_AT_START("prctl setresuid getuid");

static const struct {
    uint32_t keep;
    unsigned capability;
    const char *what_for;
} kept[] = {
    {PRIVILEGE_NET_RAW, CAP_NET_RAW, "to connect from clients' own addresses"},
    {PRIVILEGE_NET_ADMIN, CAP_NET_ADMIN, "to change ports, rules and routes while serving"},
    {PRIVILEGE_NET_BIND_SERVICE, CAP_NET_BIND_SERVICE, "to use ports below 1024"},
};

#define KEPT (sizeof kept / sizeof *kept)

__attribute__((format(printf, 3, 4))) static int refuse(int result, char error[PRIVILEGE_ERROR_MAX],
                                                        const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, PRIVILEGE_ERROR_MAX, format, arguments);
    va_end(arguments);
    return result;
}

/* Tells libcap-ng what is to stay. */
static int choose(uint32_t keep, char error[PRIVILEGE_ERROR_MAX])
{
    capng_get_caps_process();
    for (size_t i = 0; i < KEPT; i++)
        if ((keep & kept[i].keep) && !capng_have_capability(CAPNG_PERMITTED, kept[i].capability))
            return refuse(HF_NO_PERMISSION, error,
                          "the capability %s is needed %s, and this process does not have it",
                          capng_capability_to_name(kept[i].capability), kept[i].what_for);
    capng_clear(CAPNG_SELECT_ALL);
    for (size_t i = 0; i < KEPT; i++)
        if (keep & kept[i].keep)
            capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, kept[i].capability);
    return HF_OK;
}

/* libcap-ng's answers, in words. */
static const char *why_not(int answer)
{
    switch (answer) {
    case -4: return "the group id cannot be changed (CAP_SETGID)";
    case -5:
    case -10: return "the supplementary groups cannot be changed (CAP_SETGID)";
    case -6: return "the user id cannot be changed (CAP_SETUID)";
    case -8: return "the bounding set cannot be emptied (CAP_SETPCAP)";
    default: return "the kernel refused the capabilities";
    }
}

static int become(const char *user, char error[PRIVILEGE_ERROR_MAX])
{
    struct passwd *entry;
    int answer;

    errno = 0;
    entry = getpwnam(user);
    if (entry == NULL && errno != 0)
        return refuse(HF_SYSTEM, error, "user \"%s\" cannot be looked up: %s", user,
                      strerror(errno));
    if (entry == NULL)
        return refuse(HF_NO_PERMISSION, error,
                      "user \"%s\": there is no such user; accepted is one of this system, or \"\" "
                      "to stay root",
                      user);
    answer = capng_change_id((int)entry->pw_uid, (int)entry->pw_gid,
                             CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT);
    if (answer != 0)
        return refuse(HF_SYSTEM, error, "user \"%s\": %s", user, why_not(answer));
    if (entry->pw_uid != 0 && setresuid(0, 0, 0) == 0)
        return refuse(HF_SYSTEM, error, "user \"%s\": root could be had back", user);
    return HF_OK;
}

/* The same user, with fewer capabilities. Without CAP_SETPCAP the bounding set stays; no_new_privs makes it idle. */
static int stay(char error[PRIVILEGE_ERROR_MAX])
{
    bool may_bound = prctl(PR_CAPBSET_READ, CAP_SETPCAP) == 1 && geteuid() == 0;

    if (may_bound && capng_apply(CAPNG_SELECT_BOUNDS) != 0)
        may_bound = false;
    if (capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT) != 0)
        return refuse(HF_SYSTEM, error, "capabilities cannot be given up: %s", strerror(errno));
    return HF_OK;
}

/* What was to go must be gone. */
static int look_again(uint32_t keep, char error[PRIVILEGE_ERROR_MAX])
{
    capng_get_caps_process();
    for (unsigned capability = 0; capability <= CAP_LAST_CAP; capability++) {
        bool wanted = false;

        for (size_t i = 0; i < KEPT; i++)
            wanted = wanted || ((keep & kept[i].keep) && kept[i].capability == capability);
        if (!wanted && capng_have_capability(CAPNG_PERMITTED, capability))
            return refuse(HF_SYSTEM, error, "the capability %s could not be given up",
                          capng_capability_to_name(capability));
    }
    return HF_OK;
}

int privilege_drop(const struct privilege *privilege, char error[PRIVILEGE_ERROR_MAX])
{
    bool change = privilege->user != NULL && privilege->user[0] != '\0' && geteuid() == 0;
    int result = choose(privilege->keep, error);

    if (result == HF_OK)
        result = change ? become(privilege->user, error) : stay(error);
    if (result == HF_OK)
        result = look_again(privilege->keep, error);
    if (result != HF_OK)
        return result;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return refuse(HF_SYSTEM, error, "new privileges cannot be ruled out: %s", strerror(errno));
    return HF_OK;
}
