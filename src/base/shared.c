/* The one copy of these headers' functions, where code is made small: see base/shared.h. [RFC 9293 3.3.1] */
#define SHARED_HERE
#include "base/count.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/ring.h"
#include "base/table.h"
#include "base/time.h"

#ifdef __OPTIMIZE_SIZE__
enum hf_stat count_by_number(struct hf_stats *stats, enum hf_stat stat)
{
    ((uint64_t *)(void *)stats)[stat]++;
    return stat;
}

uint32_t time_quotient(uint64_t n, uint32_t by)
{
    uint32_t low = (uint32_t)n;
    uint32_t upper = (uint32_t)(n >> 32) % by << 16 | low >> 16;
    uint32_t lower = upper % by << 16 | (low & 0xffff);

    return upper / by << 16 | lower / by;
}
#endif
