/* Fuzzer of the guard's file of blocks: any bytes where JSON of its own is expected. What is refused is said in a sentence; what
 * is accepted is within the limits, and is written and read to the same. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/must.h"
#include "fuzz/input.h"
#include "guard/blocks_file.h"

static struct block all[BLOCKS_MAX], again[BLOCKS_MAX];

static int file_of(const void *data, size_t size, char path[64])
{
    int fd = memfd_create("blocks", MFD_CLOEXEC);

    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static int read_blocks(const void *data, size_t size, struct block *to)
{
    char path[64], error[BLOCKS_ERROR_MAX];
    int fd = file_of(data, size, path), count;

    memset(error, 'x', sizeof error);
    count = blocks_file_read(path, to, error);
    must(count >= 0 || (memchr(error, '\0', sizeof error) && error[0] != '\0'));
    must(count <= (int)BLOCKS_MAX);
    close(fd);
    return count;
}

static void check_again(int count)
{
    size_t length;
    char *text = blocks_file_render(all, (size_t)count * sizeof *all, &length);

    must(text && read_blocks(text, length, again) == count);
    for (int i = 0; i < count; i++) {
        must(memcmp(&again[i].prefix, &all[i].prefix, sizeof all->prefix) == 0);
        must(strcmp(again[i].reason, all[i].reason) == 0);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int count = read_blocks(data, size, all);

    for (int i = 0; i < count; i++) {
        must(all[i].prefix.length > 0);
        must(memchr(all[i].reason, '\0', sizeof all[i].reason));
    }
    if (count > 0)
        check_again(count);
    return 0;
}
