/* Limits that fit into the memory this process is allowed: memory.max of its control group and of those above it. */
#ifndef HF_GUARD_MEMORY_CAP_H
#define HF_GUARD_MEMORY_CAP_H

#include "guard/config.h"

#include <stdbool.h>

#define MEMORY_CAP_TEXT_MAX 256

/* The smallest memory.max from the group that `membership` (/proc/self/cgroup) names up to the root of the hierarchy at
 * `mount` (/sys/fs/cgroup). UINT64_MAX: there is no limit, or no control group of version 2. */
uint64_t memory_cap_read(const char *membership, const char *mount);

/* Lowers buffer_memory, and if that is not enough max_connections, until everything that could be used fits into `bytes`
 * with a quarter left for the kernel's own buffers, which count too. True: something was lowered, and `said` is a sentence
 * about it. A configuration that fits is not touched. */
bool memory_cap_apply(struct config *config, uint64_t bytes, char said[MEMORY_CAP_TEXT_MAX]);

/* Both, for this process. */
bool memory_cap(struct config *config, char said[MEMORY_CAP_TEXT_MAX]);

#endif
