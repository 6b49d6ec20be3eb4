/* Who sees every frame of a guard, with its verdict: a capture that is asked for while it runs. */
#ifndef HF_GUARD_WATCHER_H
#define HF_GUARD_WATCHER_H

#include <handfast/handfast.h>

struct guard_watcher {
    struct guard_watcher *next;
    /* Before hf_input, which may change the bytes; after it, with the same frames and their verdicts. */
    void (*before_input)(struct guard_watcher *self, const struct hf_frame *frames, size_t count);
    void (*after_input)(struct guard_watcher *self, const struct hf_frame *frames, size_t count,
                        int64_t now_us);
    /* Between hf_output and the driver. */
    void (*output)(struct guard_watcher *self, const struct hf_frame *frames, size_t count,
                   int64_t now_us);
};

static inline void watchers_before_input(struct guard_watcher *list, const struct hf_frame *frames,
                                         size_t count)
{
    for (; list != NULL; list = list->next)
        list->before_input(list, frames, count);
}

static inline void watchers_after_input(struct guard_watcher *list, const struct hf_frame *frames,
                                        size_t count, int64_t now_us)
{
    for (; list != NULL; list = list->next)
        list->after_input(list, frames, count, now_us);
}

static inline void watchers_output(struct guard_watcher *list, const struct hf_frame *frames,
                                   size_t count, int64_t now_us)
{
    for (; list != NULL; list = list->next)
        list->output(list, frames, count, now_us);
}

static inline void watchers_add(struct guard_watcher **list, struct guard_watcher *watcher)
{
    watcher->next = *list;
    *list = watcher;
}

static inline void watchers_remove(struct guard_watcher **list, struct guard_watcher *watcher)
{
    while (*list != NULL && *list != watcher)
        list = &(*list)->next;
    if (*list != NULL)
        *list = watcher->next;
}

#endif
