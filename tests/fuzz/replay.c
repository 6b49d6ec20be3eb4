/* Gives a fuzz target the inputs of files and directories, without libFuzzer: how every compiler repeats what the fuzzers have
 * found. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/input.h"

#define PATH_BYTES 4096

/* A copy of just the right size, so that a sanitizer sees every byte read beyond it. */
static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL, *exact;
    size_t length = 0, room = 0, got = 0;

    if (!file) {
        perror(path);
        return -1;
    }
    do {
        length += got;
        if (room - length < 4096 && !(bytes = realloc(bytes, room = 2 * room + 65536)))
            abort();
        got = fread(bytes + length, 1, room - length, file);
    } while (got > 0);
    fclose(file);
    exact = malloc(length ? length : 1);
    if (!exact)
        abort();
    memcpy(exact, bytes, length);
    free(bytes);
    LLVMFuzzerTestOneInput(exact, length);
    free(exact);
    return 1;
}

/* How many inputs, or -1. */
static int replay(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    int count = 0;

    if (!directory)
        return replay_file(path);
    while ((entry = readdir(directory))) {
        char inner[PATH_BYTES];
        int result;

        if (entry->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        result = replay(inner);
        if (result < 0) {
            closedir(directory);
            return -1;
        }
        count += result;
    }
    closedir(directory);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;

    for (int i = 1; i < argc; i++) {
        int count = replay(argv[i]);

        if (count < 0)
            return 1;
        total += count;
    }
    if (total == 0) {
        fprintf(stderr, "replay: no input, accepted are files and directories with some\n");
        return 1;
    }
    printf("%d inputs\n", total);
    return 0;
}
