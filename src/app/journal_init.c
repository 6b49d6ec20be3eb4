/* handfast journal init FILE: the first key, in the state for the guard and in print for whoever shall check its seals. */
#include "app/app.h"
#include "app/journal_commands.h"
#include "crypto/wipe.h"
#include "guard/journal_state.h"

#include <handfast/os.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 600

/* A guard that runs would overwrite the new state with its own. */
static bool is_being_written(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool locked;

    if (fd < 0)
        return false;
    locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return locked;
}

/* Printed first: a key that nobody has seen must not be in use. */
static bool print_key(const struct journal_key *key)
{
    char text[JOURNAL_KEY_TEXT_MAX];
    bool ok;

    journal_key_print(text, key);
    ok = fputs(text, stdout) >= 0 && fflush(stdout) == 0;
    wipe(text, sizeof text);
    return ok;
}

/* Root made it, but whoever owns the directory will write it. */
static bool give_to_owner(int fd, const char *path)
{
    char directory[PATH_BYTES];
    struct stat is;
    char *slash;

    if (geteuid() != 0)
        return true;
    snprintf(directory, sizeof directory, "%s", path);
    slash = strrchr(directory, '/');
    if (slash != NULL)
        slash[slash == directory] = '\0';
    return stat(slash != NULL ? directory : ".", &is) == 0 && fchown(fd, is.st_uid, is.st_gid) == 0;
}

static int make(int fd, const char *state_path, const char *path)
{
    const struct hf_crypto_ops *ops = hf_os_crypto();
    uint8_t secret[JOURNAL_KEY_BYTES];
    char error[JOURNAL_STATE_ERROR_MAX];
    struct journal_state state;
    int number;

    if (ops == NULL)
        return app_fail("journal", "init: this program was built without libcrypto");
    if (!journal_state_read(fd, state_path, &state, error))
        return app_fail("journal", "init: %s", error);
    if (state.key.present) {
        journal_key_wipe(&state.key);
        return app_fail("journal",
                        "init: %s has a key already (epoch %llu); for another begin another "
                        "journal: move %s, its older files and its state away",
                        path, (unsigned long long)state.key.epoch, path);
    }
    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
        return app_fail("journal", "init: no randomness: %s", strerror(errno));
    journal_key_init(&state.key, ops, secret);
    wipe(secret, sizeof secret);
    if (!give_to_owner(fd, path) || !print_key(&state.key))
        number = errno;
    else
        number = journal_state_write(fd, &state);
    journal_key_wipe(&state.key);
    return number == 0
               ? APP_OK
               : app_fail("journal",
                          "init: %s: %s; the key that was printed, if any, is worth nothing",
                          state_path, strerror(number));
}

int journal_init(int argc, char **argv)
{
    char state_path[PATH_BYTES];
    int fd, result;

    if (argc != 2 || argv[1][0] == '-')
        return app_usage("journal", "init: accepted is init FILE");
    if (snprintf(state_path, sizeof state_path, "%s" JOURNAL_STATE_SUFFIX, argv[1]) >=
        (int)sizeof state_path)
        return app_usage("journal", "init: the path is too long");
    if (is_being_written(argv[1]))
        return app_fail("journal", "init: a guard is writing %s; stop it first", argv[1]);
    fd = open(state_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return app_fail("journal", "init: %s: %s", state_path, strerror(errno));
    result = make(fd, state_path, argv[1]);
    close(fd);
    if (result == APP_OK && isatty(STDOUT_FILENO))
        fprintf(stderr,
                "\nThese three lines check the seals of %s. Keep them on another machine and "
                "nowhere here:\nwho has them can write this journal's past. They are not shown "
                "again.\n",
                argv[1]);
    return result;
}
