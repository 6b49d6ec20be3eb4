/* memory.max, and what of it is ours. [Documentation/admin-guide/cgroup-v2.rst] */
#include "guard/memory_cap.h"

#include "guard/relay.h"
#include "os/syscalls.h"

#include <handfast/os.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

SYSCALLS_AT_START("openat");

#define GROUP_MAX 512
#define BESIDE_BYTES \
    ((uint64_t)24 << 20) /* the program, its TAP buffers, the log's ring, replies */
#define MIB (UINT64_C(1) << 20)
#define CONNECTIONS_MIN 16u
#define BUFFERS_MIN MIB

/* ---- what the kernel allows ---- */

static bool read_text(const char *path, char *text, size_t capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, capacity - 1) : -1;

    if (fd >= 0)
        close(fd);
    if (got < 0)
        return false;
    text[got] = '\0';
    return true;
}

/* The line "0::/PATH". */
static bool find_group(const char *membership, char group[GROUP_MAX])
{
    char text[4096];
    char *at = text;

    if (!read_text(membership, text, sizeof text))
        return false;
    while (strncmp(at, "0::/", 4) != 0) {
        at = strchr(at, '\n');
        if (at == NULL)
            return false;
        at++;
    }
    at += 3;
    size_t length = strcspn(at, "\n");
    if (length >= GROUP_MAX)
        return false;
    memcpy(group, at, length);
    group[length] = '\0';
    return true;
}

static uint64_t limit_of(const char *mount, const char *group)
{
    char path[GROUP_MAX + 256], text[32];
    char *end;
    uint64_t limit;

    snprintf(path, sizeof path, "%s%s/memory.max", mount, group);
    if (!read_text(path, text, sizeof text))
        return UINT64_MAX;
    limit = strtoull(text, &end, 10);
    return end == text ? UINT64_MAX : limit; /* "max" */
}

uint64_t memory_cap_read(const char *membership, const char *mount)
{
    char group[GROUP_MAX];
    uint64_t least = UINT64_MAX;

    if (!find_group(membership, group))
        return UINT64_MAX;
    for (char *slash = group + strlen(group); slash != NULL; slash = strrchr(group, '/')) {
        uint64_t limit;

        *slash = '\0';
        limit = limit_of(mount, group);
        if (limit < least)
            least = limit;
    }
    return least;
}

/* ---- what we would use ---- */

static uint64_t needed(const struct config *config)
{
    struct hf_config stack;

    config_stack(config, &stack);
    return BESIDE_BYTES + hf_memory_needed(&stack) +
           (uint64_t)config->limits.max_connections * sizeof(struct relay);
}

/* The most of a value between low and its own at which everything fits; low if nothing does. */
static void lower32(struct config *config, uint32_t *value, uint32_t low, uint64_t bytes)
{
    uint32_t high = *value;

    if (high < low)
        return;
    while (low < high) {
        *value = high - (high - low) / 2;
        if (needed(config) <= bytes)
            low = *value;
        else
            high = *value - 1;
    }
    *value = low;
}

static void lower64(struct config *config, uint64_t *value, uint64_t low, uint64_t bytes)
{
    uint64_t high = *value;

    if (high < low)
        return;
    while (low < high) {
        *value = high - (high - low) / 2;
        if (needed(config) <= bytes)
            low = *value;
        else
            high = *value - 1;
    }
    *value = low;
}

/* A service may have no more than all together. */
static void lower_services(struct config *config)
{
    for (uint32_t i = 0; i < config->services; i++)
        if (config->service[i].max_connections > config->limits.max_connections)
            config->service[i].max_connections = config->limits.max_connections;
}

bool memory_cap_apply(struct config *config, uint64_t bytes, char said[MEMORY_CAP_TEXT_MAX])
{
    struct config_limits *limits = &config->limits;
    uint64_t ours = bytes / 4 * 3, buffers = limits->buffer_memory;
    uint32_t connections = limits->max_connections;

    if (bytes == UINT64_MAX || needed(config) <= ours)
        return false;
    lower64(config, &limits->buffer_memory, BUFFERS_MIN, ours);
    if (needed(config) > ours) {
        lower32(config, &limits->max_connections, CONNECTIONS_MIN, ours);
        lower_services(config);
        limits->buffer_memory = buffers; /* what connections left over is buffers' again */
        lower64(config, &limits->buffer_memory, BUFFERS_MIN, ours);
    }
    snprintf(said, MEMORY_CAP_TEXT_MAX,
             "memory.max of the control group is %" PRIu64 " MiB: buffer_memory is %" PRIu64
             " KiB instead of %" PRIu64 ", max_connections %" PRIu32 " instead of %" PRIu32 "%s",
             bytes / MIB, limits->buffer_memory / 1024, buffers / 1024, limits->max_connections,
             connections, needed(config) > ours ? ", and even that may be too much" : "");
    return true;
}

bool memory_cap(struct config *config, char said[MEMORY_CAP_TEXT_MAX])
{
    return memory_cap_apply(config, memory_cap_read("/proc/self/cgroup", "/sys/fs/cgroup"), said);
}
