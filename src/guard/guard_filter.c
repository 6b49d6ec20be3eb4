/* The filters of a guard, built from its configuration and its blocks. */
#include "guard/guard_filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/time.h"
#include "guard/config_sources.h"
#include "guard/deny_file.h"

#define PLACE_BLOCKED 0u
#define PLACE_CONFIGURED 1u
#define RETRY_US ((int64_t)5 * US_PER_S)

_Static_assert(CONFIG_PATHS_MAX <= HF_FILTER_LISTS_MAX, "every file is a list");
_Static_assert(CONFIG_BOGONS_LOG == (int)HF_BOGONS_COUNT &&
                   CONFIG_BOGONS_REFUSE == (int)HF_BOGONS_REFUSE &&
                   CONFIG_REVERSE_PATH_LOOSE == (int)HF_REVERSE_PATH_LOOSE &&
                   CONFIG_REVERSE_PATH_STRICT == (int)HF_REVERSE_PATH_STRICT,
               "the words stand in the order of the enums");
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
    *image = (struct filter_image){.filter = NULL};
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

/* Whether a service is for file sharing and does not say who may use it. */
static bool shares_with_all(const struct config_service *service)
{
    for (uint32_t i = 0; i < service->listen.count; i++)
        if (hf_filter_is_sharing_port(service->listen.items[i].endpoint.port))
            return service->allow.count == 0;
    return false;
}

/* Without one no packet costs anything. */
static bool is_needed(const struct config *config)
{
    const struct config_filter *filter = &config->filter;

    if (filter->deny_files > 0 || filter->rules[0] != '\0' || filter->egress.count > 0 ||
        filter->bogons != CONFIG_BOGONS_ACCEPT || filter->reverse_path != CONFIG_REVERSE_PATH_OFF)
        return true;
    for (uint32_t i = 0; i < config->services; i++)
        if (config->service[i].allow.count > 0 ||
            (filter->file_sharing == CONFIG_FILE_SHARING_DENY &&
             shares_with_all(&config->service[i])))
            return true;
    return false;
}

#define INSIDE_MAX (HF_ADDRESSES_MAX + HF_ROUTES_MAX + CONFIG_LIST_MAX)

/* Networks that our addresses are in, that named routes lead to, and that the configuration says. */
static size_t find_inside(const struct config *config, struct hf_prefix inside[INSIDE_MAX])
{
    static const struct hf_address none;
    struct hf_config stack;
    size_t count = 0;

    config_stack(config, &stack);
    for (unsigned i = 0; i < HF_ADDRESSES_MAX; i++)
        if (memcmp(&stack.addresses[i].address, &none, sizeof none) != 0)
            inside[count++] = stack.addresses[i];
    for (unsigned i = 0; i < HF_ROUTES_MAX; i++)
        if (stack.routes[i].to.length > 0)
            inside[count++] = stack.routes[i].to;
    for (uint32_t i = 0; i < config->filter.inside.count; i++)
        inside[count++] = config->filter.inside.items[i].prefix;
    return count;
}

/* The setup and what it points to. */
struct draft {
    struct hf_filter_setup setup;
    struct service_lists lists;
    struct hf_prefix inside[INSIDE_MAX];
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

/* All but the lists. */
static bool describe_rules(struct draft *draft, const struct config *config, char *note,
                           char error[GUARD_FILTER_ERROR_MAX])
{
    const struct config_filter *filter = &config->filter;

    draft->setup.inside = draft->inside;
    draft->setup.inside_count = find_inside(config, draft->inside);
    draft->setup.bogons = (uint8_t)filter->bogons;
    draft->setup.reverse_path = (uint8_t)filter->reverse_path;
    draft->setup.deny_sharing = filter->file_sharing == CONFIG_FILE_SHARING_DENY;
    return filter_rules_read(&draft->setup.rules, config, note, error);
}

static bool read_lists(struct draft *draft, struct deny_list *list, const struct config *config,
                       char error[GUARD_FILTER_ERROR_MAX])
{
    for (uint32_t i = 0; i < config->filter.deny_files; i++) {
        draft->setup.lists[i].counter = HF_STAT_filter_denied;
        if (!deny_file_read(list, config->filter.deny_file[i], i + 1, error)) {
            config_say_where(config, config->filter.deny_line[i], config->filter.deny_file[i],
                             error, GUARD_FILTER_ERROR_MAX);
            return false;
        }
    }
    draft->setup.entries = list->entries;
    draft->setup.entry_count = list->count;
    return true;
}

bool filter_image_make(struct filter_image *image, const struct config *config,
                       char error[GUARD_FILTER_ERROR_MAX])
{
    char note[FILTER_RULES_NOTE_MAX];
    struct deny_list list = {.entries = NULL};
    struct draft *draft;
    bool good;

    *image = (struct filter_image){.filter = NULL};
    if (!is_needed(config))
        return true;
    draft = draft_of(config, true);
    if (draft == NULL) {
        snprintf(error, GUARD_FILTER_ERROR_MAX, "filter: no memory");
        return false;
    }
    good = describe_rules(draft, config, note, error) && read_lists(draft, &list, config, error) &&
           build(image, &draft->setup, error);
    if (good) {
        image->rules = draft->setup.rules.count;
        memcpy(image->note, note, sizeof note);
    }
    free(list.entries);
    free(draft->setup.rules.rules);
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

    *image = (struct filter_image){.filter = NULL};
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

static void say_note(const struct guard_filter *filter, const struct filter_image *image)
{
    if (image->note[0] != '\0')
        log_warn(filter->blocks.log, 0, "%s", image->note);
}

static void swap(struct filter_image *now, struct filter_image *next, struct hf_stack *stack,
                 unsigned place)
{
    hf_set_filter(stack, place, next->filter);
    filter_image_free(now);
    *now = *next;
    *next = (struct filter_image){.filter = NULL};
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
    say_note(filter, &image);
    swap(&filter->configured, &image, stack, PLACE_CONFIGURED);
    guard_filter_turn(filter, config, stack, 0);
    return true;
}

void guard_filter_install(struct guard_filter *filter, const struct config *config,
                          struct filter_image *image, struct hf_stack *stack)
{
    say_note(filter, image);
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
