/* The ring between a loop and its writing thread: one puts, one takes, and they share two counts. */
#include "os/writer.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/must.h"
#include "os/syscalls.h"

/* The thread only; what else it does every file may. */
SYSCALLS("ftruncate");
SYSCALLS_AT_START("capset eventfd2 clone");

#define ALIGNMENT 8u
#define SKIP UINT32_MAX /* a length: the rest of the ring is empty */

struct record { /* before its bytes */
    uint32_t length, units;
};

_Static_assert(sizeof(struct record) == ALIGNMENT, "the head of a record fits before the end");
#define STACK_BYTES ((size_t)256 * 1024)
#define RETRY_MS 100 /* after a sink could not take a record */

/* The last of the two to leave clears up. */
enum parting {
    TOGETHER,
    LEFT, /* one of them has */
};

struct writer {
    int fd, wake_fd, done_fd; /* fd -1: there is a sink */
    struct writer_sink sink;
    enum writer_kind kind;
    pthread_t thread;
    size_t size;          /* a power of two */
    atomic_size_t put_at; /* run on and wrap: only the loop writes it */
    atomic_size_t taken_at;
    atomic_bool stop;
    atomic_int parting; /* enum parting */
    atomic_uint_fast64_t written, failed;
    atomic_int error, last_error;
    uint64_t put, refused; /* the loop's own */
    uint8_t *ring;
};

static size_t room_for(size_t length)
{
    return (sizeof(struct record) + length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void release(struct writer *writer)
{
    if (writer->fd >= 0)
        close(writer->fd);
    if (writer->wake_fd >= 0)
        close(writer->wake_fd);
    if (writer->done_fd >= 0)
        close(writer->done_fd);
    free(writer->ring);
    free(writer);
}

/* ---- the thread ---- */

/* Whoever takes over this thread is to find nothing in it. */
static void drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    if (syscall(SYS_capset, &header, none) != 0)
        errno = 0; /* there were none to drop */
}

/* 0 or an errno. */
static int write_whole(int fd, const uint8_t *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t wrote = write(fd, bytes + done, length - done);

        if (wrote > 0) {
            done += (size_t)wrote;
        } else if (wrote < 0 && errno == EAGAIN) { /* somebody made it so: wait as it should */
            struct pollfd writable = {.fd = fd, .events = POLLOUT};

            poll(&writable, 1, -1);
        } else if (wrote == 0 || errno != EINTR) {
            return wrote == 0 ? ENOSPC : errno;
        }
    }
    return 0;
}

static void count_record(struct writer *writer, int error, uint32_t units)
{
    atomic_store(&writer->error, error);
    if (error != 0)
        atomic_store(&writer->last_error, error);
    atomic_fetch_add(error == 0 ? &writer->written : &writer->failed, units);
}

/* False: not now. */
static bool sink_record(struct writer *writer, const uint8_t *bytes, struct record record)
{
    int error = writer->sink.take(writer->sink.context, bytes, record.length);

    if (error != 0 && !atomic_load(&writer->stop)) {
        atomic_store(&writer->error, error);
        atomic_store(&writer->last_error, error);
        return false;
    }
    count_record(writer, error, record.units);
    return true;
}

static bool write_record(struct writer *writer, const uint8_t *bytes, struct record record)
{
    if (writer->sink.take != NULL)
        return sink_record(writer, bytes, record);

    off_t begin = writer->kind == WRITER_FILE ? lseek(writer->fd, 0, SEEK_CUR) : -1;
    int error = write_whole(writer->fd, bytes, record.length);

    if (error != 0 && begin >= 0 &&
        (ftruncate(writer->fd, begin) != 0 || lseek(writer->fd, begin, SEEK_SET) < 0))
        error = errno;
    count_record(writer, error, record.units);
    return true;
}

/* False: a record waits for a better time. */
static bool write_all(struct writer *writer)
{
    size_t at = atomic_load_explicit(&writer->taken_at, memory_order_relaxed);

    while (at != atomic_load_explicit(&writer->put_at, memory_order_acquire)) {
        size_t place = at & (writer->size - 1);
        struct record record;

        memcpy(&record, writer->ring + place, sizeof record);
        if (record.length == SKIP) {
            at += writer->size - place;
        } else if (write_record(writer, writer->ring + place + sizeof record, record)) {
            at += room_for(record.length);
        } else {
            return false;
        }
        atomic_store_explicit(&writer->taken_at, at, memory_order_release);
    }
    return true;
}

static void end_sink(struct writer *writer)
{
    if (writer->sink.end != NULL)
        writer->sink.end(writer->sink.context);
}

static void announce(const struct writer *writer)
{
    uint64_t one = 1;

    while (write(writer->done_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

static void *run(void *context)
{
    struct writer *writer = context;
    uint64_t word;

    drop_capabilities();
    announce(writer);
    while (!atomic_load(&writer->stop)) {
        if (!write_all(writer))
            poll(NULL, 0, RETRY_MS);
        else if (read(writer->wake_fd, &word, sizeof word) < 0 && errno != EINTR)
            break;
    }
    write_all(writer);
    end_sink(writer);
    announce(writer);
    if (atomic_exchange(&writer->parting, LEFT) == LEFT) { /* nobody waited for us */
        release(writer);
    }
    return NULL;
}

/* Returns when the thread has given up what it must: a sandbox may follow at once. */
static int start(struct writer *writer)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    uint64_t word;
    int error = pthread_attr_init(&attributes);

    if (error != 0)
        return error;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* a new thread inherits it */
    error = pthread_create(&writer->thread, &attributes, run, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    while (error == 0 && read(writer->done_fd, &word, sizeof word) < 0 && errno == EINTR)
        ;
    return error;
}

/* ---- the loop's side ---- */

static struct writer *open_writer(const struct writer *like, size_t ring_bytes)
{
    struct writer *writer = malloc(sizeof *writer);
    int error;

    if (writer == NULL)
        return NULL;
    *writer = *like;
    for (writer->size = 4096; writer->size < ring_bytes;)
        writer->size *= 2;
    writer->wake_fd = eventfd(0, EFD_CLOEXEC);
    writer->done_fd = eventfd(0, EFD_CLOEXEC);
    writer->ring = calloc(1, writer->size);
    error = writer->wake_fd < 0 || writer->done_fd < 0 ? errno : 0;
    if (error == 0)
        error = writer->ring == NULL ? ENOMEM : start(writer);
    if (error == 0)
        return writer;
    writer->fd = -1; /* the caller's still */
    release(writer);
    errno = error;
    return NULL;
}

struct writer *writer_open(int fd, enum writer_kind kind, size_t ring_bytes)
{
    return open_writer(&(struct writer){.fd = fd, .kind = kind}, ring_bytes);
}

struct writer *writer_open_sink(const struct writer_sink *sink, size_t ring_bytes)
{
    return open_writer(&(struct writer){.fd = -1, .sink = *sink}, ring_bytes);
}

size_t writer_waiting(const struct writer *writer)
{
    return atomic_load_explicit(&writer->put_at, memory_order_relaxed) -
           atomic_load_explicit(&writer->taken_at, memory_order_acquire);
}

size_t writer_size(const struct writer *writer)
{
    return writer->size;
}

static void wake(struct writer *writer)
{
    uint64_t one = 1;

    while (write(writer->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

bool writer_put(struct writer *writer, const void *bytes, size_t length, uint32_t units)
{
    size_t at = atomic_load_explicit(&writer->put_at, memory_order_relaxed);
    size_t free_bytes =
        writer->size - (at - atomic_load_explicit(&writer->taken_at, memory_order_acquire));
    size_t place = at & (writer->size - 1), to_end = writer->size - place;
    size_t needed = room_for(length), skipped = needed > to_end ? to_end : 0;
    struct record record = {(uint32_t)length, units}, skip = {SKIP, 0};

    must(length <= writer->size / 2 - sizeof record);
    if (skipped + needed > free_bytes) {
        writer->refused += units;
        return false;
    }
    if (skipped > 0) {
        memcpy(writer->ring + place, &skip, sizeof skip);
        place = 0;
    }
    memcpy(writer->ring + place, &record, sizeof record);
    memcpy(writer->ring + place + sizeof record, bytes, length);
    atomic_store_explicit(&writer->put_at, at + skipped + needed, memory_order_release);
    writer->put += units;
    wake(writer);
    return true;
}

void writer_counts(const struct writer *writer, struct writer_count *count)
{
    *count = (struct writer_count){
        .put = writer->put,
        .written = atomic_load(&writer->written),
        .failed = atomic_load(&writer->failed),
        .refused = writer->refused,
        .error = atomic_load(&writer->error),
        .last_error = atomic_load(&writer->last_error),
    };
}

void writer_close(struct writer *writer, int patience_ms, struct writer_count *count)
{
    struct writer_count own;
    pthread_t thread;

    if (writer == NULL)
        return;
    struct pollfd done = {.fd = writer->done_fd, .events = POLLIN};
    atomic_store(&writer->stop, true);
    wake(writer);
    poll(&done, 1, patience_ms);
    writer_counts(writer, count != NULL ? count : &own);
    thread = writer->thread;
    if (atomic_exchange(&writer->parting, LEFT) == LEFT) {
        pthread_join(thread, NULL);
        release(writer);
    } else {
        pthread_detach(thread); /* it may hang in a write as long as it likes */
    }
}
