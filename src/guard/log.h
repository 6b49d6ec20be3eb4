/* Lines for the operator: one a fact, and a flood of the same fact is counted instead of printed.
 *
 * They go to the journal with fields of their own, or to stderr as text or JSON. Nothing here waits: the journal's socket is
 * asked once and not again, stderr is written by a thread. What a destination did not take is counted and said when it takes
 * lines again. A log that was never opened (all zero) writes text to stderr at once: for tools and tests.
 */
#ifndef HF_GUARD_LOG_H
#define HF_GUARD_LOG_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_KINDS 64        /* kinds of line that are told apart: a format and a service */
#define LOG_PER_WINDOW 5    /* lines of a kind printed ... */
#define LOG_WINDOW_MS 10000 /* ... in so long            */
#define LOG_TEXT_MAX 512
#define LOG_REPEAT_MAX 160 /* how much of a line that was held back is kept */

enum log_form {
    LOG_AUTO, /* the journal if stderr leads there, else text */
    LOG_JOURNALD,
    LOG_JSON,
    LOG_TEXT,
};

/* The numbers of syslog(3). */
enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_NOTICE = 5,
    LOG_LEVEL_INFO = 6,
};

/* What a line is about, for machines. NULL or 0: not said. */
struct log_about {
    enum log_level level; /* 0: info                                            */
    const char *event;    /* EVENT=, event: a word, "pressure", "backend-down"  */
    const char *service;  /* SERVICE=                                           */
    const char *backend;  /* BACKEND=                                           */
    const char *prefix;   /* PREFIX=: "203.0.113.0/24" or an address            */
    const char *local;    /* LISTENER=: "192.0.2.10:443"                        */
    const char *value;    /* VALUE=: the event's own word, "flooded", "slow"    */
    uint64_t count;       /* COUNT=                                             */
    uint64_t duration_ms; /* DURATION_MS=                                       */
    bool kept;            /* the ring of events has it already, with more       */
};

struct events;
struct journal;
struct writer;

struct log {
    enum log_form form; /* LOG_AUTO: never opened */
    int fd;             /* of the journal's socket */
    struct writer *writer;
    bool failing; /* the journal did not take the last line */
    uint64_t refused,
        told_lost; /* lines that the destination did not take; of those, what was said */
    struct log_kind {
        const char *format, *service; /* compared as pointers, never followed */
        int64_t since_us;
        uint32_t printed, held_back;
        enum log_level level;
        char last[LOG_REPEAT_MAX]; /* that was held back */
    } kinds[LOG_KINDS];
    struct events *events;   /* what is printed is kept there too; or NULL         */
    struct journal *journal; /* what is said is written there, printed or not; or NULL */
    uint32_t next;           /* the kind that gives way when all are used */
};

/* From now on lines have this form. HF_OK or HF_SYSTEM with errno; the log is then as it was. */
int log_open(struct log *log, enum log_form form);

/* From now on stderr is written by a thread; until then a line that cannot be written is waited for. HF_OK or HF_SYSTEM
 * with errno. */
int log_start(struct log *log);

/* Says what was held back, gives what waits a second to be written, and is as never opened. */
void log_close(struct log *log);

/* now_us decides whether the line is printed, so it is no part of the format. `log` NULL: says nothing. */
__attribute__((format(printf, 3, 4))) void log_say(struct log *log, int64_t now_us,
                                                   const char *format, ...);
__attribute__((format(printf, 3, 4))) void log_warn(struct log *log, int64_t now_us,
                                                    const char *format, ...);
__attribute__((format(printf, 4, 5))) void log_about(struct log *log, int64_t now_us,
                                                     const struct log_about *about,
                                                     const char *format, ...);

/* Once a second or so: says what was held back in windows that are over, and what the destination had lost. */
void log_turn(struct log *log, int64_t now_us);

/* Lines lost since the start: the destination hung, was full or was not there. */
uint64_t log_lost(const struct log *log);

#endif
