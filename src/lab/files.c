/* Small helpers over open, read and write. */
#include "lab/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)1 << 20)

static bool write_all(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length > 0) {
        ssize_t wrote = write(fd, at, length);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        at += wrote;
        length -= (size_t)wrote;
    }
    return true;
}

bool files_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && write_all(fd, text, strlen(text));

    if (fd >= 0)
        close(fd);
    return ok;
}

static bool fill_random(uint8_t *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = getrandom(bytes + done, length - done, 0);

        if (got < 0 && errno != EINTR)
            return false;
        if (got > 0)
            done += (size_t)got;
    }
    return true;
}

bool files_write_random(const char *path, uint64_t bytes)
{
    uint8_t *chunk = malloc(CHUNK);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = chunk && fd >= 0;

    while (ok && bytes > 0) {
        size_t length = bytes < CHUNK ? (size_t)bytes : CHUNK;

        ok = fill_random(chunk, length) && write_all(fd, chunk, length);
        bytes -= length;
    }
    if (fd >= 0)
        close(fd);
    free(chunk);
    return ok;
}

static uint8_t *read_fd(int fd, size_t length, size_t *bytes)
{
    uint8_t *all = malloc(length + 1);
    size_t used = 0;

    while (all && used < length) {
        ssize_t got = read(fd, all + used, length - used);

        if (got <= 0)
            break;
        used += (size_t)got;
    }
    if (all)
        all[used] = 0;
    *bytes = used;
    return all;
}

uint8_t *files_read(const char *path, size_t *bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    uint8_t *all = NULL;

    *bytes = 0;
    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) == 0)
        all = read_fd(fd, (size_t)status.st_size, bytes);
    close(fd);
    return all;
}

static void find_line(const char *path, bool last, char *line, size_t size)
{
    size_t bytes;
    char *all = (char *)files_read(path, &bytes);

    line[0] = '\0';
    char *rest = NULL;
    for (char *at = all ? strtok_r(all, "\n", &rest) : NULL; at; at = strtok_r(NULL, "\n", &rest)) {
        snprintf(line, size, "%s", at);
        if (!last)
            break;
    }
    free(all);
}

void files_last_line(const char *path, char *line, size_t size)
{
    find_line(path, true, line, size);
}

void files_first_line(const char *path, char *line, size_t size)
{
    find_line(path, false, line, size);
}

bool files_copy_to(const char *path, int fd)
{
    size_t bytes;
    uint8_t *all = files_read(path, &bytes);
    bool ok =
        all && lseek(fd, 0, SEEK_SET) == 0 && ftruncate(fd, 0) == 0 && write_all(fd, all, bytes);

    free(all);
    return ok;
}
