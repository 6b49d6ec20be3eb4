/* What handfast guard --check finds beyond what reading a file finds: the user, and the files that are named. */
#include "app/guard_check.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guard/config_check.h"
#include "guard/config_keys.h"
#include "guard/config_sources.h"
#include "guard/cookie_key.h"
#include "guard/guard_filter.h"
#include "guard/guard_keys.h"

#define USER_DEFAULT "handfast"

/* Until the process ends. Who may not become somebody else looks as who he is. A machine that only checks need not have the
 * user that packages make. */
static bool become_user(const struct config *config, bool *became, char error[CONFIG_ERROR_MAX])
{
    const struct passwd *user = config->user[0] != '\0' ? getpwnam(config->user) : NULL;

    *became = false;
    if (geteuid() != 0 || config->user[0] == '\0')
        return true;
    if (user == NULL)
        return strcmp(config->user, USER_DEFAULT) == 0 ||
               config_refuse(
                   config, error, config_key_line(config, CONFIG_ROOT, "user"),
                   "user = \"%s\", accepted is a user of this system, or \"\" to stay root",
                   config->user);
    *became = initgroups(user->pw_name, user->pw_gid) == 0 && setegid(user->pw_gid) == 0 &&
              seteuid(user->pw_uid) == 0;
    return true;
}

/* The configuration itself and what it includes were read already, by whoever checks. */
static bool check_sources(const struct config *config, char error[CONFIG_ERROR_MAX])
{
    for (uint32_t i = 0; i < config->sources->files; i++) {
        const char *file = config->sources->file[i];
        int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

        if (fd < 0) {
            snprintf(error, CONFIG_ERROR_MAX, "%.300s: %s, accepted is a file that can be read",
                     file, strerror(errno));
            return false;
        }
        close(fd);
    }
    return true;
}

static bool check_lists(const struct config *config, char error[CONFIG_ERROR_MAX])
{
    _Static_assert(CONFIG_ERROR_MAX >= GUARD_FILTER_ERROR_MAX &&
                       CONFIG_ERROR_MAX >= GUARD_KEYS_ERROR_MAX,
                   "one takes the others'");
    struct filter_image lists;
    struct key_image keys = {{.entries = NULL}};
    bool ok = filter_image_make(&lists, config, error);

    if (ok && lists.note[0] != '\0') /* no mistake, but hardly meant */
        fprintf(stderr, "%s\n", lists.note);
    filter_image_free(&lists);
    ok = ok && key_image_make(&keys, config, error);
    key_image_free(&keys);
    return ok;
}

static bool check_cookie_key(const struct config *config, char error[CONFIG_ERROR_MAX])
{
    uint8_t key[COOKIE_KEY_BYTES];

    _Static_assert(CONFIG_ERROR_MAX >= COOKIE_KEY_ERROR_MAX, "one takes the other's");
    if (config->cookie_key_file[0] == '\0')
        return true;
    if (cookie_key_read(config->cookie_key_file, key, error)) {
        explicit_bzero(key, sizeof key);
        return true;
    }
    config_say_where(config, config_key_line(config, CONFIG_ROOT, "cookie_key_file"),
                     config->cookie_key_file, error, CONFIG_ERROR_MAX);
    return false;
}

bool guard_check(const struct config *config, char error[GUARD_CHECK_ERROR_MAX])
{
    char why[CONFIG_ERROR_MAX] = "";
    bool became;

    if (!become_user(config, &became, why)) {
        snprintf(error, GUARD_CHECK_ERROR_MAX, "%s", why);
        return false;
    }
    if (check_sources(config, why) && check_lists(config, why) && check_cookie_key(config, why))
        return true;
    snprintf(error, GUARD_CHECK_ERROR_MAX, "%s%s%s%s", why, became ? " (read as the user " : "",
             became ? config->user : "", became ? ")" : "");
    return false;
}
