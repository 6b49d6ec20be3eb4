/* Blocks as they lie on disk: {"version": 1, "blocks": [{"prefix", "since", "until" or null, "reason"}]}, times in seconds
 * since 1970, UTC. */
#include "guard/blocks_file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/time.h"
#include "os/syscalls.h"

SYSCALLS("openat:read");

#define VERSION 1
#define FILE_MAX ((off_t)BLOCKS_MAX * 512)

/* ---- out ---- */

static json_t *json_of(const struct block *block)
{
    char address[HF_ADDRESS_TEXT_MAX], prefix[HF_ADDRESS_TEXT_MAX + 8];
    json_int_t until = (json_int_t)(block->until_wall_us / (int64_t)US_PER_S);

    snprintf(prefix, sizeof prefix, "%s/%u", hf_address_format(address, &block->prefix.address),
             block->prefix.length);
    return json_pack("{s:s, s:I, s:o, s:s}", "prefix", prefix, "since",
                     (json_int_t)(block->since_wall_us / (int64_t)US_PER_S), "until",
                     block->until_wall_us ? json_integer(until) : json_null(), "reason",
                     block->reason);
}

char *blocks_file_render(const void *snapshot, size_t bytes, size_t *length)
{
    const struct block *all = snapshot;
    json_t *root = json_object(), *blocks = json_array();
    char *text = NULL;

    for (size_t i = 0; i < bytes / sizeof *all; i++)
        if (json_array_append_new(blocks, json_of(&all[i])) != 0)
            goto end;
    if (json_object_set_new(root, "version", json_integer(VERSION)) != 0 ||
        json_object_set(root, "blocks", blocks) != 0)
        goto end;
    text = json_dumps(root, JSON_INDENT(1));
    *length = text ? strlen(text) : 0;
end:
    json_decref(blocks);
    json_decref(root);
    return text;
}

/* ---- in ---- */

__attribute__((format(printf, 2, 3))) static int refuse(char error[BLOCKS_ERROR_MAX],
                                                        const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, BLOCKS_ERROR_MAX, format, arguments);
    va_end(arguments);
    return -1;
}

static bool read_block(const json_t *json, struct block *block)
{
    const char *prefix = json_string_value(json_object_get(json, "prefix"));
    const char *reason = json_string_value(json_object_get(json, "reason"));
    const json_t *since = json_object_get(json, "since"), *until = json_object_get(json, "until");
    const json_int_t most = INT64_MAX / (json_int_t)US_PER_S;

    *block = (struct block){.until_us = INT64_MAX};
    if (!prefix || hf_prefix_parse(&block->prefix, prefix) != HF_OK || block->prefix.length == 0 ||
        !reason || /* everybody was never blocked */
        strlen(reason) >= sizeof block->reason || !json_is_integer(since) ||
        !(json_is_integer(until) || json_is_null(until)) || json_integer_value(since) < 0 ||
        json_integer_value(since) > most || json_integer_value(until) < 0 ||
        json_integer_value(until) > most)
        return false;
    memcpy(block->reason, reason, strlen(reason) + 1);
    block->since_wall_us = json_integer_value(since) * (json_int_t)US_PER_S;
    block->until_wall_us = json_integer_value(until) * (json_int_t)US_PER_S;
    return true;
}

static int read_blocks(const json_t *root, struct block *all, char error[BLOCKS_ERROR_MAX])
{
    const json_t *blocks = json_object_get(root, "blocks"), *block;
    size_t index;

    if (json_integer_value(json_object_get(root, "version")) != VERSION)
        return refuse(error, "its \"version\" is not %d", VERSION);
    if (!json_is_array(blocks) || json_array_size(blocks) > BLOCKS_MAX)
        return refuse(error, "its \"blocks\" is not an array of at most %u", BLOCKS_MAX);
    json_array_foreach(blocks, index, block) if (!read_block(block, &all[index])) return refuse(
        error, "block %zu has no prefix, times or reason that could be one", index + 1);
    return (int)json_array_size(blocks);
}

int blocks_file_read(const char *path, struct block *all, char error[BLOCKS_ERROR_MAX])
{
    struct stat status;
    json_error_t json_error;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe is not waited for */
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    json_t *root;
    int count;

    if (file == NULL)
        return errno == ENOENT ? 0 : refuse(error, "%s", strerror(errno));
    if (fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_size > FILE_MAX) {
        fclose(file);
        return refuse(error, "it is no regular file of at most %lld bytes", (long long)FILE_MAX);
    }
    root = json_loadf(file, JSON_REJECT_DUPLICATES, &json_error);
    fclose(file);
    if (root == NULL)
        return refuse(error, "line %d: %.160s", json_error.line, json_error.text);
    count = read_blocks(root, all, error);
    json_decref(root);
    return count;
}
