/* Fuzzer of lists of prefixes: any text as a file. What is refused is named with its line; of what is accepted every prefix is
 * printed and reads back to the same, and a filter made of the list finds it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/must.h"
#include "fuzz/input.h"
#include "guard/deny_file.h"

/* A file in memory, and its path. */
static int file_of(const uint8_t *data, size_t size, char path[64])
{
    int fd = memfd_create("deny", MFD_CLOEXEC);

    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static void check_prefix(const struct hf_prefix *prefix)
{
    char text[HF_ADDRESS_TEXT_MAX + 8], address[HF_ADDRESS_TEXT_MAX];
    struct hf_prefix again;

    must(prefix->length > 0 && prefix->length <= (hf_address_is_v4(&prefix->address) ? 32 : 128));
    snprintf(text, sizeof text, "%s/%u", hf_address_format(address, &prefix->address),
             prefix->length);
    must(hf_prefix_parse(&again, text) == HF_OK);
    must(memcmp(&again.address, &prefix->address, sizeof again.address) == 0);
    must(again.length == prefix->length);
}

static void check_filter(struct deny_list *list)
{
    struct hf_filter_setup setup = {.entries = list->entries,
                                    .entry_count = list->count,
                                    .lists[0] = {.counter = HF_STAT_filter_denied}};
    size_t bytes = hf_filter_needed(&setup);
    struct hf_filter *filter;
    void *memory;

    must(bytes > 0 && setup.entry_count <= list->count);
    memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    must(memory && hf_filter_build(&filter, &setup, memory, bytes) == HF_OK);
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct deny_list list = {0};
    char path[64], error[DENY_ERROR_MAX];
    int fd = file_of(data, size, path);

    memset(error, 'x', sizeof error);
    if (deny_file_read(&list, path, 1, error)) {
        for (size_t i = 0; i < list.count; i++)
            check_prefix(&list.entries[i].prefix);
        if (list.count > 0)
            check_filter(&list);
    } else {
        must(memchr(error, '\0', sizeof error) && strncmp(error, path, strlen(path)) == 0);
    }
    free(list.entries);
    close(fd);
    return 0;
}
