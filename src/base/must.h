/* Assertions that stay on: must() for what we guarantee. What a peer sent is never asserted, it gets a verdict. */
#ifndef BASE_MUST_H
#define BASE_MUST_H

/* The only way out of the core: provided by `os`, or by whoever embeds it. Must not return. */
_Noreturn void hf_panic(const char *file, int line, const char *what);

#define must(condition)                                                                                                \
    do {                                                                                                               \
        if (__builtin_expect(!(condition), 0))                                                                         \
            hf_panic(__FILE__, __LINE__, #condition);                                                                  \
    } while (0)

#define never() hf_panic(__FILE__, __LINE__, "never")

#endif
