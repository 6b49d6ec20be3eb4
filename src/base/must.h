/* Assertions that stay on: must() for what we guarantee. What a peer sent is never asserted, it gets a verdict. */
#ifndef BASE_MUST_H
#define BASE_MUST_H

/* The only way out of the core: provided by `os`, or by whoever embeds it. Must not return. */
_Noreturn void hf_panic(const char *file, int line, const char *what);

#ifndef __OPTIMIZE_SIZE__

#define must(condition)                               \
    do {                                              \
        if (__builtin_expect(!(condition), 0))        \
            hf_panic(__FILE__, __LINE__, #condition); \
    } while (0)

#define never() hf_panic(__FILE__, __LINE__, "never")

#else /* where code is made small, the line has to be enough: of the file that is compiled, or of a header that it includes */

static _Noreturn __attribute__((noinline, cold, unused)) void must_failed(int line)
{
    hf_panic(__BASE_FILE__, line, "must");
}

#define must(condition)                        \
    do {                                       \
        if (__builtin_expect(!(condition), 0)) \
            must_failed(__LINE__);             \
    } while (0)

#define never() must_failed(__LINE__)

#endif

/* Walks of a structure's invariants, too dear for release: functions that use must() themselves. They run in debug, fuzz and
 * simulation builds (HF_CHECKS=1) and are compiled, but never called, in the others. */
#ifdef HF_CHECKS
#define HF_CHECKS_ON HF_CHECKS
#else
#define HF_CHECKS_ON 0
#endif

#define x_check(walk)     \
    do {                  \
        if (HF_CHECKS_ON) \
            (void)(walk); \
    } while (0)

#endif
