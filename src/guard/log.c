/* Which lines are printed, and to whom they go. What they look like is in log_form.c. */
#include "guard/log.h"

#include "base/time.h"
#include "guard/events.h"
#include "guard/journal_facts.h"
#include "guard/log_form.h"
#include "os/clock.h"
#include "os/syscalls.h"
#include "os/writer.h"

#include <handfast/os.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

SYSCALLS("sendto");
SYSCALLS_AT_START("fcntl socket");

#define RING_BYTES ((size_t)256 * 1024)
#define CLOSE_PATIENCE_MS 1000

static const struct sockaddr_un journal = {
    .sun_family = AF_UNIX,
    .sun_path = "/run/systemd/journal/socket",
};

/* ---- where to ---- */

/* $JOURNAL_STREAM names the device and inode of the stderr that systemd made for us. [systemd.exec(5)] */
static bool stderr_is_the_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    uintmax_t device, inode;
    struct stat is;

    return stream != NULL && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &is) == 0 && (uintmax_t)is.st_dev == device &&
           (uintmax_t)is.st_ino == inode;
}

int log_open(struct log *log, enum log_form form)
{
    if (form == LOG_AUTO)
        form = stderr_is_the_journal() ? LOG_JOURNALD : LOG_TEXT;
    if (form == LOG_JOURNALD) {
        log->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (log->fd < 0)
            return HF_SYSTEM;
    }
    log->form = form;
    return HF_OK;
}

int log_start(struct log *log)
{
    int fd;

    if (log->form == LOG_JOURNALD || log->writer != NULL)
        return HF_OK;
    fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return HF_SYSTEM;
    log->writer = writer_open(fd, WRITER_STREAM, RING_BYTES);
    if (log->writer == NULL) {
        int number = errno;

        close(fd);
        errno = number;
        return HF_SYSTEM;
    }
    return HF_OK;
}

/* Not connected: a journal that was restarted is found again, one that was replaced too. */
static void give_journal(struct log *log, const char *line, size_t length)
{
    ssize_t sent;

    do
        sent = sendto(log->fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL,
                      (const struct sockaddr *)&journal, sizeof journal);
    while (sent < 0 && errno == EINTR);
    log->failing = sent < 0;
    log->refused += log->failing;
}

static void give_stderr(struct log *log, const char *line, size_t length)
{
    if (log->writer != NULL)
        writer_put(log->writer, line, length, 1);
    else if (write(STDERR_FILENO, line, length) < 0)
        log->refused++;
}

static void give(struct log *log, const struct log_about *about, const char *text)
{
    char line[LOG_LINE_MAX];

    switch (log->form) {
    case LOG_JOURNALD: give_journal(log, line, log_form_journal(line, about, text)); return;
    case LOG_JSON:
        give_stderr(log, line,
                    log_form_json(line, about, text, hf_os_now_us() + clock_wall_minus_now_us()));
        return;
    case LOG_AUTO:
    case LOG_TEXT: give_stderr(log, line, log_form_text(line, text)); return;
    }
}

uint64_t log_lost(const struct log *log)
{
    struct writer_count count = {0};

    if (log->writer != NULL)
        writer_counts(log->writer, &count);
    return log->refused + count.failed + count.refused;
}

/* Whether the last line that was decided about got through, and none waits. */
static bool is_taken(const struct log *log)
{
    struct writer_count count = {0};

    if (log->writer != NULL)
        writer_counts(log->writer, &count);
    return !log->failing && count.error == 0 && count.put == count.written + count.failed;
}

static void tell_lost(struct log *log)
{
    uint64_t lost = log_lost(log) - log->told_lost;
    char text[LOG_TEXT_MAX];

    if (lost == 0 || !is_taken(log))
        return;
    snprintf(text, sizeof text,
             "%" PRIu64 " lines of this log were lost: it hung, was full or was not there", lost);
    log->told_lost += lost;
    give(log, &(struct log_about){.level = LOG_LEVEL_WARNING, .event = "log-lost", .count = lost},
         text);
}

/* ---- repeats ---- */

static void tell_held_back(struct log *log, struct log_kind *kind)
{
    struct log_about about = {.level = kind->level, .event = "held-back", .count = kind->held_back};
    char text[LOG_TEXT_MAX];

    if (kind->held_back > 0) {
        snprintf(text, sizeof text, "%u more line%s like this %s held back: %s", kind->held_back,
                 kind->held_back == 1 ? "" : "s", kind->held_back == 1 ? "was" : "were",
                 kind->last);
        give(log, &about, text);
    }
    kind->printed = kind->held_back = 0;
}

static bool is_over(const struct log_kind *kind, int64_t now_us)
{
    return kind->format != NULL && now_us - kind->since_us >= ms_to_us(LOG_WINDOW_MS);
}

static struct log_kind *kind_of(struct log *log, const char *format, const char *service,
                                int64_t now_us)
{
    struct log_kind *kind;

    for (uint32_t i = 0; i < LOG_KINDS; i++)
        if (log->kinds[i].format == format && log->kinds[i].service == service)
            return &log->kinds[i];
    kind = &log->kinds[log->next++ % LOG_KINDS];
    tell_held_back(log, kind);
    *kind = (struct log_kind){.format = format, .service = service, .since_us = now_us};
    return kind;
}

static void put(struct log *log, int64_t now_us, const struct log_about *about, const char *format,
                const char *text)
{
    struct log_kind *kind = kind_of(log, format, about->service, now_us);
    char marked[LOG_TEXT_MAX + 64];

    journal_log_fact(log->journal, about, text);
    if (is_over(kind, now_us)) {
        tell_held_back(log, kind);
        kind->since_us = now_us;
    }
    kind->level = about->level;
    if (kind->printed == LOG_PER_WINDOW) {
        kind->held_back++;
        snprintf(kind->last, sizeof kind->last, "%s", text);
        return;
    }
    kind->printed++;
    if (!about->kept)
        events_say(log->events, hf_os_now_us(), about->event != NULL ? about->event : "log", "%s",
                   text);
    snprintf(marked, sizeof marked, "%s%s", text,
             kind->printed == LOG_PER_WINDOW ? " (more of these will only be counted for a while)"
                                             : "");
    give(log, about, marked);
}

void log_turn(struct log *log, int64_t now_us)
{
    tell_lost(log);
    for (uint32_t i = 0; i < LOG_KINDS; i++)
        if (is_over(&log->kinds[i], now_us)) {
            tell_held_back(log, &log->kinds[i]);
            log->kinds[i].format = NULL;
        }
}

void log_close(struct log *log)
{
    for (uint32_t i = 0; i < LOG_KINDS; i++)
        tell_held_back(log, &log->kinds[i]);
    if (log->form == LOG_JOURNALD)
        close(log->fd);
    writer_close(log->writer, CLOSE_PATIENCE_MS, NULL);
    log->writer = NULL;
    log->form = LOG_AUTO;
}

/* ---- saying ---- */

__attribute__((format(printf, 4, 0))) static void put_formatted(struct log *log, int64_t now_us,
                                                                const struct log_about *about,
                                                                const char *format,
                                                                va_list arguments)
{
    char text[LOG_TEXT_MAX];

    if (log == NULL)
        return;
    vsnprintf(text, sizeof text, format, arguments);
    put(log, now_us, about, format, text);
}

void log_say(struct log *log, int64_t now_us, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    put_formatted(log, now_us, &(struct log_about){.level = LOG_LEVEL_INFO}, format, arguments);
    va_end(arguments);
}

void log_warn(struct log *log, int64_t now_us, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    put_formatted(log, now_us, &(struct log_about){.level = LOG_LEVEL_WARNING}, format, arguments);
    va_end(arguments);
}

void log_about(struct log *log, int64_t now_us, const struct log_about *about, const char *format,
               ...)
{
    va_list arguments;

    va_start(arguments, format);
    put_formatted(log, now_us, about, format, arguments);
    va_end(arguments);
}
