/* A whole file in memory. */
#include "guard/text_file.h"
#include "os/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

SYSCALLS("openat:read");

/* 0 or an errno; a file that shrinks meanwhile is as long as it is. */
static int read_all(int fd, char *text, size_t size, size_t *length)
{
    for (*length = 0; *length < size;) {
        ssize_t got = read(fd, text + *length, size - *length);

        if (got < 0 && errno != EINTR)
            return errno;
        if (got == 0)
            break;
        *length += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

char *text_file_read(const char *file, size_t most, size_t *length, char error[TEXT_FILE_ERROR_MAX])
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), number = errno;
    struct stat status;
    char *text = NULL;

    if (fd < 0) {
        snprintf(error, TEXT_FILE_ERROR_MAX, "%.300s: %s, accepted is a file that can be read",
                 file, strerror(number));
        return NULL;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        snprintf(error, TEXT_FILE_ERROR_MAX, "%.300s: no regular file, accepted is one", file);
    } else if (status.st_size > (off_t)most) {
        snprintf(error, TEXT_FILE_ERROR_MAX, "%.300s: %lld bytes, accepted are %zu", file,
                 (long long)status.st_size, most);
    } else if ((text = malloc((size_t)status.st_size + 1)) == NULL) {
        snprintf(error, TEXT_FILE_ERROR_MAX, "%.300s: no memory for its %lld bytes", file,
                 (long long)status.st_size);
    } else if ((number = read_all(fd, text, (size_t)status.st_size, length)) != 0) {
        snprintf(error, TEXT_FILE_ERROR_MAX, "%.300s: it cannot be read: %s", file,
                 strerror(number));
        free(text);
        text = NULL;
    }
    close(fd);
    return text;
}
