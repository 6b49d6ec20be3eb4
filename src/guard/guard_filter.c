/* The filters of a guard, built from its configuration and its blocks. */
#include "guard/guard_filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/time.h"
#include "guard/deny_file.h"

#define PLACE_CONFIGURED 0u
#define PLACE_BLOCKED 1u
#define RETRY_US ((int64_t)5 * US_PER_S)

_Static_assert(CONFIG_PATHS_MAX <= HF_FILTER_LISTS_MAX, "every file is a list");
_Static_assert(CONFIG_SERVICES_MAX <= HF_FILTER_SERVICES_MAX, "every service fits");

/* ---- services, as the filter wants them ---- */

struct service_lists {
    struct hf_filter_service services[CONFIG_SERVICES_MAX];
    struct hf_endpoint listen[CONFIG_SERVICES_MAX][CONFIG_LIST_MAX];
    struct hf_prefix allow[CONFIG_SERVICES_MAX][CONFIG_LIST_MAX];
};

static void describe_service(struct service_lists *lists, uint32_t i,
                             const struct config_service *service)
{
    for (uint32_t j = 0; j < service->listen.count; j++)
        lists->listen[i][j] = service->listen.items[j].endpoint;
    for (uint32_t j = 0; j < service->allow.count; j++)
        lists->allow[i][j] = service->allow.items[j].prefix;
    lists->services[i] = (struct hf_filter_service){
        .listen = lists->listen[i],
        .listens = service->listen.count,
        .allow = lists->allow[i],
        .allows = service->allow.count,
        .observe = service->enforce == CONFIG_OBSERVE,
    };
}

/* ---- images ---- */

/* Zero pages, large ones where the kernel has them: a walk through a large table then misses no translation. */
static void *take_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

void filter_image_free(struct filter_image *image)
{
    if (image->memory != NULL)
        munmap(image->memory, image->bytes);
    *image = (struct filter_image){NULL};
}

static bool build(struct filter_image *image, struct hf_filter_setup *setup,
                  char error[GUARD_FILTER_ERROR_MAX])
{
    const char *wrong = hf_filter_error(setup);
    size_t bytes = hf_filter_needed(setup);

    *image = (struct filter_image){.bytes = bytes, .prefixes = setup->entry_count};
    if (wrong != NULL) {
        snprintf(error, GUARD_FILTER_ERROR_MAX, "filter: %s", wrong);
        return false;
    }
    image->memory = take_memory(bytes);
    if (image->memory == NULL ||
        hf_filter_build(&image->filter, setup, image->memory, bytes) != HF_OK) {
        snprintf(error, GUARD_FILTER_ERROR_MAX, "filter: no memory for %zu prefixes (%zu bytes)",
                 image->prefixes, bytes);
        filter_image_free(image);
        return false;
    }
    return true;
}

static bool is_needed(const struct config *config)
{
    if (config->filter.deny_files > 0)
        return true;
    for (uint32_t i = 0; i < config->services; i++)
        if (config->service[i].allow.count > 0)
            return true;
    return false;
}

/* The setup and what it points to. */
struct draft {
    struct hf_filter_setup setup;
    struct service_lists lists;
};

static struct draft *draft_of(const struct config *config, bool with_allow)
{
    struct draft *draft = calloc(1, sizeof *draft);

    if (draft == NULL)
        return NULL;
    for (uint32_t i = 0; i < config->services; i++) {
        describe_service(&draft->lists, i, &config->service[i]);
        if (!with_allow)
            draft->lists.services[i].allows = 0;
    }
    draft->setup.services = draft->lists.services;
    draft->setup.service_count = config->services;
    return draft;
}

bool filter_image_make(struct filter_image *image, const struct config *config,
                       char error[GUARD_FILTER_ERROR_MAX])
{
    struct deny_list list = {NULL};
    struct draft *draft;
    bool good = true;

    *image = (struct filter_image){NULL};
    if (!is_needed(config))
        return true;
    draft = draft_of(config, true);
    if (draft == NULL) {
        snprintf(error, GUARD_FILTER_ERROR_MAX, "filter: no memory");
        return false;
    }
    for (uint32_t i = 0; i < config->filter.deny_files && good; i++) {
        draft->setup.lists[i].counter = HF_STAT_filter_denied;
        good = deny_file_read(&list, config->filter.deny_file[i], i + 1, error);
    }
    draft->setup.entries = list.entries;
    draft->setup.entry_count = list.count;
    good = good && build(image, &draft->setup, error);
    free(list.entries);
    free(draft);
    return good;
}

static bool make_blocked(struct filter_image *image, const struct blocks *blocks,
                         const struct config *config)
{
    char error[GUARD_FILTER_ERROR_MAX];
    struct hf_filter_entry *entries;
    struct draft *draft;
    bool good;

    *image = (struct filter_image){NULL};
    if (blocks->count == 0)
        return true;
    entries = malloc(blocks->count * sizeof *entries);
    draft = draft_of(config, false);
    if (entries != NULL && draft != NULL) {
        for (size_t i = 0; i < blocks->count; i++)
            entries[i] = (struct hf_filter_entry){blocks->all[i].prefix, 1};
        draft->setup.lists[0].counter = HF_STAT_filter_blocked;
        draft->setup.entries = entries;
        draft->setup.entry_count = blocks->count;
    }
    good = entries != NULL && draft != NULL && build(image, &draft->setup, error);
    free(entries);
    free(draft);
    return good;
}

/* ---- in force ---- */

static void swap(struct filter_image *now, struct filter_image *next, struct hf_stack *stack,
                 unsigned place)
{
    hf_set_filter(stack, place, next->filter);
    filter_image_free(now);
    *now = *next;
    *next = (struct filter_image){NULL};
}

/* Without memory the filter before stays in force: who was blocked stays so. */
static void apply_blocks(struct guard_filter *filter, const struct config *config,
                         struct hf_stack *stack, int64_t now_us)
{
    struct filter_image image;

    if (!make_blocked(&image, &filter->blocks, config)) {
        filter->failed_us = now_us;
        log_warn(filter->blocks.log, now_us,
                 "no memory to put %zu blocks into force; tried again in 5 s",
                 filter->blocks.count);
        return;
    }
    swap(&filter->blocked, &image, stack, PLACE_BLOCKED);
    filter->applied = filter->blocks.generation;
    filter->failed_us = 0;
}

bool guard_filter_open(struct guard_filter *filter, const struct config *config,
                       struct hf_stack *stack, struct log *log, char error[GUARD_FILTER_ERROR_MAX])
{
    struct filter_image image;

    *filter = (struct guard_filter){.applied = 0};
    if (!filter_image_make(&image, config, error))
        return false;
    if (!blocks_open(&filter->blocks, config->state_directory, log, error)) {
        filter_image_free(&image);
        return false;
    }
    swap(&filter->configured, &image, stack, PLACE_CONFIGURED);
    guard_filter_turn(filter, config, stack, 0);
    return true;
}

void guard_filter_install(struct guard_filter *filter, const struct config *config,
                          struct filter_image *image, struct hf_stack *stack)
{
    swap(&filter->configured, image, stack, PLACE_CONFIGURED);
    apply_blocks(filter, config, stack, 0); /* services may have come, or observe now */
}

void guard_filter_turn(struct guard_filter *filter, const struct config *config,
                       struct hf_stack *stack, int64_t now_us)
{
    blocks_turn(&filter->blocks, now_us);
    if (filter->applied == filter->blocks.generation)
        return;
    if (filter->failed_us == 0 || now_us >= filter->failed_us + RETRY_US)
        apply_blocks(filter, config, stack, now_us);
}

void guard_filter_close(struct guard_filter *filter, struct hf_stack *stack)
{
    if (stack != NULL) {
        hf_set_filter(stack, PLACE_CONFIGURED, NULL);
        hf_set_filter(stack, PLACE_BLOCKED, NULL);
    }
    filter_image_free(&filter->configured);
    filter_image_free(&filter->blocked);
    if (filter->blocks.all != NULL)
        blocks_close(&filter->blocks);
}
