/* Filters: yes or no by rule, asked for each packet before anything is known of it. [RFC 2827; RFC 3704; RFC 5082]
 *
 * A filter is built apart from the stack, in memory of the caller's, and then only read, but for its counters: a caller
 * builds a new one beside it and swaps. A stack has HF_FILTERS places for filters, so that what changes often (blocks) need
 * not be built with what is large (lists). What any of them refuses is refused: silently, and counted by name.
 *
 * A segment of a connection that exists goes through although a list, a service or a rule now refuses its peer
 * (filter_established counts it): to end connections is another decision than to let none in. What no honest network
 * delivers (bogons, a wrong reverse path, a TTL below what a rule wants) is refused in any case.
 */
#ifndef HANDFAST_FILTER_H
#define HANDFAST_FILTER_H

#include <handfast/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HF_FILTERS 2u           /* places for filters in a stack      */
#define HF_FILTER_LISTS_MAX 64u /* lists of prefixes in a filter       */
#define HF_FILTER_SERVICES_MAX 256u

struct hf_filter;

/* A prefix and the number of its list, plus one. */
struct hf_filter_entry {
    struct hf_prefix prefix;
    uint32_t value;
};

/* A list of prefixes: of all lists together the longest prefix that holds a source decides; of equal ones that of the first
 * list. */
struct hf_filter_list {
    bool allow;           /* an exception to shorter prefixes; else its sources are refused ... */
    enum hf_stat counter; /* ... under this name: HF_STAT_filter_denied, HF_STAT_filter_blocked */
};

/* Who may speak to an address and port of ours. */
struct hf_filter_service {
    const struct hf_endpoint *listen; /* address all zero: every address */
    size_t listens;
    const struct hf_prefix *allow; /* none: everybody */
    size_t allows;
    bool
        observe; /* counts (would_refuse) whom lists and `allow` would refuse, and refuses nobody */
};

/* What a filter is made of. Zero is right for what is not used. */
struct hf_filter_setup {
    struct hf_filter_entry *entries; /* are sorted in place and may get fewer */
    size_t entry_count;
    struct hf_filter_list lists[HF_FILTER_LISTS_MAX];
    const struct hf_filter_service *services;
    size_t service_count;
};

/* What is wrong with it, in a sentence, or NULL. */
HF_API const char *hf_filter_error(const struct hf_filter_setup *setup);

/* Bytes of memory that hf_filter_build needs. Sorts and tidies setup->entries, which takes a fraction of a second for a
 * million; 0 if hf_filter_error has something to say. */
HF_API size_t hf_filter_needed(struct hf_filter_setup *setup);

/* Makes the filter in memory (aligned to 64), after hf_filter_needed. Nothing of the setup is kept. HF_INVALID,
 * HF_TOO_SMALL. */
HF_API int hf_filter_build(struct hf_filter **filter, const struct hf_filter_setup *setup,
                           void *memory, size_t bytes);

/* From the next hf_input on, `place` (below HF_FILTERS) has this filter, or none (NULL). Returns the one it had, whose memory
 * is the caller's again. A filter belongs to one stack at a time. */
HF_API struct hf_filter *hf_set_filter(struct hf_stack *stack, unsigned place,
                                       struct hf_filter *filter);

/* Packets that a list has refused, or, as an exception, let through. */
HF_API uint64_t hf_filter_list_packets(const struct hf_filter *filter, unsigned list);

#ifdef __cplusplus
}
#endif

#endif
