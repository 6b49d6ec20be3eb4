/* Log lines with a limit for each kind. */
#include "guard/log.h"

#include "base/time.h"

#include <stdarg.h>
#include <stdio.h>

static struct log_kind *kind_of(struct log *log, const char *format, int64_t now_us)
{
    struct log_kind *kind;

    for (uint32_t i = 0; i < LOG_KINDS; i++)
        if (log->kinds[i].format == format)
            return &log->kinds[i];
    kind = &log->kinds[log->next++ % LOG_KINDS];
    *kind = (struct log_kind){.format = format, .since_us = now_us};
    return kind;
}

void log_say(struct log *log, int64_t now_us, const char *format, ...)
{
    char line[512];
    va_list arguments;

    if (log == NULL)
        return;
    struct log_kind *kind = kind_of(log, format, now_us);
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);

    if (now_us - kind->since_us >= ms_to_us(LOG_WINDOW_MS)) {
        if (kind->held_back > 0)
            fprintf(stderr, "handfast guard: %u more lines like the next were not printed\n",
                    kind->held_back);
        *kind = (struct log_kind){.format = format, .since_us = now_us};
    }
    if (kind->printed == LOG_PER_WINDOW) {
        kind->held_back++;
        return;
    }
    kind->printed++;
    fprintf(stderr, "handfast guard: %s%s\n", line,
            kind->printed == LOG_PER_WINDOW ? " (more of these will only be counted for a while)"
                                            : "");
}
