/* Which configurations are possible, and the sizes that follow from them. See hf_config_error. */
#ifndef STACK_CONFIG_H
#define STACK_CONFIG_H

#include <handfast/handfast.h>

#include "base/chunk_pool.h"
#include "stack/config_fault.h"

/* CONFIG_POSSIBLE (0), or what is wrong: config_fault.h. */
enum config_fault config_find_fault(const struct hf_config *config);

/* Chunks promised to each direction of a connection, and in all. */
uint32_t config_chunk_promise(const struct hf_config *config);
uint32_t config_chunks(const struct hf_config *config);

#endif
