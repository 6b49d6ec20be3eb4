/* Lines for the operator, to stderr: one a fact, and a flood of the same fact is counted instead of printed. */
#ifndef HF_GUARD_LOG_H
#define HF_GUARD_LOG_H

#include <stdint.h>

#define LOG_KINDS 16        /* kinds of line that are told apart; a kind is its format */
#define LOG_PER_WINDOW 5    /* lines of a kind printed ... */
#define LOG_WINDOW_MS 10000 /* ... in so long            */

struct log {
    struct log_kind {
        const char *format;
        int64_t since_us;
        uint32_t printed, held_back;
    } kinds[LOG_KINDS];
    uint32_t next; /* the kind that gives way when all are used */
};

/* now_us decides whether the line is printed, so it is no part of the format. `log` NULL: says nothing. */
__attribute__((format(printf, 3, 4))) void log_say(struct log *log, int64_t now_us,
                                                   const char *format, ...);

#endif
