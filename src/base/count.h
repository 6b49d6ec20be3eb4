/* One more of a counter, by its name in stats.h. */
#ifndef BASE_COUNT_H
#define BASE_COUNT_H

#include <handfast/stats.h>

#ifndef __OPTIMIZE_SIZE__
#define count_one(stats, name) ((void)((stats)->name++))
#define count_reason(stats, name) ((stats)->name++, HF_STAT_##name) /* and its number */
#else
enum hf_stat count_by_number(struct hf_stats *stats, enum hf_stat stat); /* shared.c */
#define count_one(stats, name) ((void)count_by_number(stats, HF_STAT_##name))
#define count_reason(stats, name) count_by_number(stats, HF_STAT_##name)
#endif

#endif
