/* Fuzzer of the guard's configuration: any text, with the files that it includes. What is refused is named with its file and line;
 * what is accepted is printed and reads back to the same. A line "#file NAME" begins another file in the same directory. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/must.h"
#include "fuzz/input.h"
#include "guard/config_check.h"
#include "guard/config_parse.h"

#define FILES_MAX 4u
#define MARK "#file "
#define NAME_MAX_BYTES 16u

static char directory[64];

static void path_of(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", directory, name);
}

static void remove_directory(void)
{
    rmdir(directory);
}

static void make_directory(void)
{
    if (directory[0] != '\0')
        return;
    snprintf(directory, sizeof directory, "%s/handfast_fuzz_XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    must(mkdtemp(directory));
    atexit(remove_directory);
}

static void write_file(const char *name, const void *bytes, size_t length)
{
    char path[128];
    int fd;

    path_of(name, path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0);
    must(write(fd, bytes, length) == (ssize_t)length);
    close(fd);
}

static void remove_file(const char *name)
{
    char path[128];

    path_of(name, path);
    unlink(path);
}

/* Letters only: it is a name in our directory and nowhere else. */
static size_t name_length(const char *text, size_t length)
{
    size_t letters = 0;

    while (letters < length && letters < NAME_MAX_BYTES && text[letters] >= 'a' &&
           text[letters] <= 'z')
        letters++;
    return letters;
}

/* The place of the next mark at the beginning of a line, or the end. */
static const char *next_mark(const char *at, const char *end)
{
    for (; at < end; at++) {
        size_t left = (size_t)(end - at);

        if (left >= strlen(MARK) && memcmp(at, MARK, strlen(MARK)) == 0)
            return at;
        at = memchr(at, '\n', left);
        if (!at)
            return end;
    }
    return end;
}

struct files {
    char name[FILES_MAX][NAME_MAX_BYTES + 1];
    unsigned count;
};

static void write_all(struct files *files, const char *text, size_t length)
{
    const char *end = text + length, *at = next_mark(text, end);

    write_file("main", text, (size_t)(at - text));
    while (at < end && files->count < FILES_MAX) {
        const char *next = next_mark(at + 1, end), *name = at + strlen(MARK);
        size_t letters = name_length(name, (size_t)(next - name));

        if (letters > 0) {
            char *copy = files->name[files->count++];

            memcpy(copy, name, letters);
            copy[letters] = '\0';
            write_file(copy, name + letters, (size_t)(next - name) - letters);
        }
        at = next;
    }
}

/* An include may name any file of this machine: only those of our directory are for us. */
static bool leaves_directory(const uint8_t *data, size_t size)
{
    static const char word[] = "include";
    const uint8_t *end = data + size;

    for (const uint8_t *at = data; at + strlen(word) < end; at++) {
        if (memcmp(at, word, strlen(word)) != 0)
            continue;
        for (const uint8_t *c = at; c < end && *c != ')'; c++)
            if (*c == '/')
                return true;
    }
    return false;
}

/* Names of hosts are looked up between the two halves of config_read; here nobody is asked, and that is the end of it. */
static bool has_names(const struct config *config)
{
    for (uint32_t i = 0; i < config->services; i++)
        for (uint32_t j = 0; j < config->service[i].backends; j++)
            if (config->service[i].backend[j].to.host[0] != '\0')
                return true;
    return false;
}

static struct config *read_main(void)
{
    struct config *config = calloc(1, sizeof *config);
    char error[CONFIG_ERROR_MAX], path[128];
    bool ok;

    must(config);
    path_of("main", path);
    memset(error, 'x', sizeof error);
    ok = config_parse(config, path, error);
    if (ok && has_names(config)) {
        config_free(config);
        return NULL;
    }
    ok = ok && config_check(config, error);
    if (ok)
        return config;
    must(memchr(error, '\0', sizeof error) && strncmp(error, directory, strlen(directory)) == 0);
    config_free(config);
    return NULL;
}

static char *dump(const struct config *config, size_t *length)
{
    char *text = NULL;
    FILE *stream = open_memstream(&text, length);

    must(stream);
    config_dump(config, stream);
    fclose(stream);
    return text;
}

static void check_dump(struct config *config)
{
    size_t length, again_length;
    char *text = dump(config, &length), *again;
    struct config *same;

    write_file("main", text, length);
    same = read_main();
    if (!same)
        fprintf(stderr, "its own print is refused:\n%s\n", text);
    must(same);
    again = dump(same, &again_length);
    must(length == again_length && memcmp(text, again, length) == 0);
    free(text);
    free(again);
    config_free(same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct files files = {.count = 0};
    struct config *config;

    if (leaves_directory(data, size))
        return 0;
    make_directory();
    write_all(&files, (const char *)data, size);
    config = read_main();
    if (config) {
        check_dump(config);
        config_free(config);
    }
    remove_file("main");
    for (unsigned i = 0; i < files.count; i++)
        remove_file(files.name[i]);
    return 0;
}
