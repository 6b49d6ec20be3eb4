/* RLIMIT_NOFILE: soft to hard, and hard too if we may. */
#include "guard/descriptors.h"

#include <sys/resource.h>

uint32_t descriptors_raise(uint32_t connections)
{
    rlim_t wanted = (rlim_t)connections + DESCRIPTORS_RESERVED;
    struct rlimit limit, higher;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return connections;
    if (limit.rlim_cur >= wanted)
        return connections;
    higher = (struct rlimit){.rlim_cur = wanted,
                             .rlim_max = limit.rlim_max > wanted ? limit.rlim_max : wanted};
    if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
        return connections;

    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= DESCRIPTORS_RESERVED)
        return 0;
    return limit.rlim_cur >= wanted ? connections
                                    : (uint32_t)(limit.rlim_cur - DESCRIPTORS_RESERVED);
}
