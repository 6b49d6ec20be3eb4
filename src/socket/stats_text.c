/* Names, units and meanings of the counters. [include/handfast/stats.h] */
#include <handfast/stats.h>

static bool is_stat(enum hf_stat stat)
{
    return (unsigned)stat < (unsigned)HF_STAT_COUNT;
}

const char *hf_stat_name(enum hf_stat stat)
{
#define ROW(name, unit, meaning) #name,
    static const char *const names[] = {HF_STATS(ROW)};
#undef ROW

    return is_stat(stat) ? names[stat] : "?";
}

const char *hf_stat_unit(enum hf_stat stat)
{
#define ROW(name, unit, meaning) unit,
    static const char *const units[] = {HF_STATS(ROW)};
#undef ROW

    return is_stat(stat) ? units[stat] : "?";
}

const char *hf_stat_meaning(enum hf_stat stat)
{
#define ROW(name, unit, meaning) meaning,
    static const char *const meanings[] = {HF_STATS(ROW)};
#undef ROW

    return is_stat(stat) ? meanings[stat] : "?";
}
