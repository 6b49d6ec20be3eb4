/* Which counters a test program has raised: noted while it runs, written at its end. For tools/counters.
 *
 * With HANDFAST_COUNTERS=DIRECTORY in the environment, DIRECTORY/PROGRAM names them, one a line. The verbs are wrapped by the
 * linker (cmake/tests.cmake), so that every stack of the program is seen and no test knows of it.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <handfast/stats.h>

static bool raised[HF_STAT_COUNT];
static char path[PATH_MAX];

void __real_hf_input(struct hf_stack *stack, struct hf_frame *frames, size_t count, int64_t now_us);
size_t __real_hf_output(struct hf_stack *stack, struct hf_frame *slots, size_t count,
                        int64_t now_us);
void __real_hf_tick(struct hf_stack *stack, int64_t now_us);
const struct hf_stats *__real_hf_stats(const struct hf_stack *stack);

void __wrap_hf_input(struct hf_stack *stack, struct hf_frame *frames, size_t count, int64_t now_us);
size_t __wrap_hf_output(struct hf_stack *stack, struct hf_frame *slots, size_t count,
                        int64_t now_us);
void __wrap_hf_tick(struct hf_stack *stack, int64_t now_us);
const struct hf_stats *__wrap_hf_stats(const struct hf_stack *stack);

/* A child that a test forks appends to the same file. */
static void write_names(void)
{
    FILE *file = fopen(path, "a");

    if (!file)
        return;
    for (int i = 0; i < HF_STAT_COUNT; i++)
        if (raised[i])
            fprintf(file, "%s\n", hf_stat_name((enum hf_stat)i));
    fclose(file);
}

__attribute__((constructor)) static void begin(void)
{
    const char *directory = getenv("HANDFAST_COUNTERS");
    FILE *file;

    if (!directory)
        return;
    snprintf(path, sizeof path, "%s/%s", directory, program_invocation_short_name);
    file = fopen(path, "w");
    if (!file) {
        path[0] = '\0';
        return;
    }
    fclose(file);
    atexit(write_names);
}

static void look(const struct hf_stack *stack)
{
    const uint64_t *counts;

    if (!path[0])
        return;
    counts = (const uint64_t *)(const void *)__real_hf_stats(stack);
    for (int i = 0; i < HF_STAT_COUNT; i++)
        raised[i] = raised[i] || counts[i] > 0;
}

void __wrap_hf_input(struct hf_stack *stack, struct hf_frame *frames, size_t count, int64_t now_us)
{
    __real_hf_input(stack, frames, count, now_us);
    look(stack);
}

size_t __wrap_hf_output(struct hf_stack *stack, struct hf_frame *slots, size_t count,
                        int64_t now_us)
{
    size_t written = __real_hf_output(stack, slots, count, now_us);

    look(stack);
    return written;
}

void __wrap_hf_tick(struct hf_stack *stack, int64_t now_us)
{
    __real_hf_tick(stack, now_us);
    look(stack);
}

const struct hf_stats *__wrap_hf_stats(const struct hf_stack *stack)
{
    look(stack);
    return __real_hf_stats(stack);
}
