/* What the world gives a stack, on this machine: memory, randomness, wall clock, fast checksums. */
#include <handfast/os.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "os/checksum_avx2.h"
#include "os/clock.h"

/* Below this, huge pages would make a small stack larger than what it uses. */
#define HUGE_PAGES_FROM ((size_t)16 << 20)

static int fill_random(void *to, size_t length)
{
    uint8_t *at = to;

    while (length > 0) {
        ssize_t got = getrandom(at, length, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return HF_SYSTEM;
        at += got;
        length -= (size_t)got;
    }
    return HF_OK;
}

static void choose_checksums(struct hf_env *env)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        env->checksum = checksum_avx2;
        env->copy_and_checksum = checksum_avx2_copy;
    }
#else
    (void)env; /* NULL: the portable ones */
#endif
}

int hf_os_env(struct hf_env *env, size_t memory_bytes)
{
    *env = (struct hf_env){0};
    if (memory_bytes == 0)
        return HF_INVALID;

    int error = fill_random(env->secret, sizeof env->secret);
    if (error)
        return error;

    void *memory = mmap(NULL, memory_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        hf_os_env_free(env);
        return HF_NO_MEMORY;
    }
    if (memory_bytes >= HUGE_PAGES_FROM)
        madvise(memory, memory_bytes, MADV_HUGEPAGE); /* a wish: the kernel may have none */

    env->memory = memory;
    env->memory_bytes = memory_bytes;
    env->memory_is_zero = true;
    env->wall_minus_now_us = clock_wall_minus_now_us();
    choose_checksums(env);
    return HF_OK;
}

void hf_os_env_free(struct hf_env *env)
{
    if (env->memory)
        munmap(env->memory, env->memory_bytes);
    explicit_bzero(env, sizeof *env);
}
