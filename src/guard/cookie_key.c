/* cookie_key_file: sixteen bytes that whoever knows can open a connection without having seen our SYN-ACK. */
#include "guard/cookie_key.h"

#include "os/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

SYSCALLS_AT_START("openat fstat read close");

static bool refuse(const char *file, const char *found, char error[COOKIE_KEY_ERROR_MAX])
{
    snprintf(error, COOKIE_KEY_ERROR_MAX,
             "cookie_key_file \"%s\": %s, accepted is a file of %d bytes that only its owner and "
             "his group may read (head -c %d /dev/urandom)",
             file, found, COOKIE_KEY_BYTES, COOKIE_KEY_BYTES);
    return false;
}

static bool read_key(int fd, const char *file, uint8_t key[COOKIE_KEY_BYTES],
                     char error[COOKIE_KEY_ERROR_MAX])
{
    static const uint8_t zero[COOKIE_KEY_BYTES];
    uint8_t bytes[COOKIE_KEY_BYTES + 1];
    struct stat status;
    ssize_t got;

    if (fstat(fd, &status) < 0)
        return refuse(file, strerror(errno), error);
    if (!S_ISREG(status.st_mode))
        return refuse(file, "not a regular file", error);
    if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0)
        return refuse(file, "everybody may read or write it", error);
    got = read(fd, bytes, sizeof bytes);
    if (got != COOKIE_KEY_BYTES)
        return refuse(file, got < 0 ? strerror(errno) : "another number of bytes", error);
    if (memcmp(bytes, zero, sizeof zero) == 0)
        return refuse(file, "nothing but zeros", error);
    memcpy(key, bytes, COOKIE_KEY_BYTES);
    return true;
}

bool cookie_key_read(const char *file, uint8_t key[COOKIE_KEY_BYTES],
                     char error[COOKIE_KEY_ERROR_MAX])
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool ok;

    if (fd < 0)
        return refuse(file, strerror(errno), error);
    ok = read_key(fd, file, key, error);
    close(fd);
    return ok;
}
