/* idle_bytes: memory that one idle established connection takes, read from the pages the stack has touched. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "pair.h"

size_t bench_resident(const struct hf_env *env)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (env->memory_bytes + page - 1) / page;
    unsigned char *map = malloc(pages);
    size_t count = 0;

    if (!map || mincore(env->memory, env->memory_bytes, map) != 0)
        bench_fail("mincore");
    for (size_t i = 0; i < pages; i++)
        count += map[i] & 1;
    free(map);
    return count * page;
}

static void run(const struct bench_options *options)
{
    uint32_t connections = options->quick ? 5000 : 25000;
    struct hf_config config = pair_config(connections + 16), none = pair_config(64);
    struct bench_samples bytes = {.count = 0};
    struct hf_status status;
    struct pair pair;
    hf_socket ends[2];
    size_t before;
    char extra[160];

    config.promise_bytes = none.promise_bytes = 0;
    config.pool_bytes = none.pool_bytes = 1 << 20;
    config.max_time_waits = none.max_time_waits = 16;
    hf_prefix_parse(&config.addresses[0], "192.0.2.1/24");
    none.addresses[0] = config.addresses[0];
    pair_open(&pair, &config);
    pair_connect(&pair, ends);
    before = bench_resident(&pair.side[1].env);
    for (uint32_t i = 0; i < connections; i++)
        pair_connect(&pair, ends);
    if (hf_status(pair.side[1].stack, ends[1], &status) != HF_OK ||
        status.state != HF_STATE_ESTABLISHED)
        bench_fail("the last connection is not ESTABLISHED");
    bench_add(&bytes, (double)(bench_resident(&pair.side[1].env) - before) / connections);
    snprintf(extra, sizeof extra, "\"connections\":%u,\"reserved_each\":%.1f,\"target\":512",
             connections,
             (double)(hf_memory_needed(&config) - hf_memory_needed(&none)) / (connections - 48));
    bench_print("idle_bytes", &bytes, "bytes", extra);
    pair_close(&pair);
}

const struct bench bench_idle_bytes = {"idle_bytes", "memory of an idle established connection",
                                       run};
