/* Writing for a loop that must never wait: a thread of its own takes what a disk or a pipe makes one wait.
 *
 * Records are copied into a ring in memory and written in their order. The loop's side only moves memory and, at most, adds
 * one to an eventfd; what has no room is refused and counted, what could not be written is counted too. The thread drops
 * every capability, blocks every signal and uses read, write, ftruncate and lseek.
 */
#ifndef OS_WRITER_H
#define OS_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum writer_kind {
    WRITER_STREAM, /* a pipe, a terminal, a log that others write to as well */
    WRITER_FILE,   /* a file of our own: a record that did not fit is taken back whole */
};

struct writer;

/* In units of the caller's: a record may be a line, or a thousand packets. */
struct writer_count {
    uint64_t put;     /* taken                                               */
    uint64_t written; /* of those                                            */
    uint64_t failed;  /* of those: the destination would not have them       */
    uint64_t refused; /* not taken: the ring was full                        */
    int error;        /* errno of the last record, 0: it went well           */
    int last_error;   /* errno of the last that failed, 0: none has          */
};

/* Takes over fd, which should block. ring_bytes is rounded up to a power of two; a record has at most half of it. NULL with
 * errno: no memory, no descriptor or no thread; fd is then still the caller's. */
struct writer *writer_open(int fd, enum writer_kind kind, size_t ring_bytes);

/* What the thread does with a record instead of writing it to a descriptor. */
struct writer_sink {
    void *context;
    /* 0, or an errno: the same record comes again a little later, until the writer is closed. */
    int (*take)(void *context, const void *bytes, size_t length);
    /* After the last one: the context is the thread's to free. */
    void (*end)(void *context);
};

/* The same for a sink. NULL with errno: the context is still the caller's. */
struct writer *writer_open_sink(const struct writer_sink *sink, size_t ring_bytes);

/* Bytes of the ring in which records wait, and all it has. */
size_t writer_waiting(const struct writer *writer);
size_t writer_size(const struct writer *writer);

/* One record of so many units. False: there was no room. Never waits. */
bool writer_put(struct writer *writer, const void *bytes, size_t length, uint32_t units);

void writer_counts(const struct writer *writer, struct writer_count *count);

/* Gives what waits so long to be written. *count (or NULL) is how it ended; put - written - failed is what still waited. A
 * destination that hangs keeps its thread and memory as long as it does. NULL is allowed. */
void writer_close(struct writer *writer, int patience_ms, struct writer_count *count);

#endif
