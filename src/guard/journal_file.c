/* Lines into the present file, seals, and one file after another. How the chain is taken up at a start is in
 * journal_open.c. */
#include "guard/journal_file.h"

#include "base/must.h"
#include "crypto/wipe.h"
#include "guard/journal_file_parts.h"
#include "os/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The thread only. */
SYSCALLS("openat write ftruncate fdatasync rename flock");

#define CLOCK_STEP_US INT64_C(500000) /* between two records: somebody set the clock */

/* As many as a batch can hold, each with the most that a line has beside its kind and body, and a record about the clock. */
#define LINE_OVERHEAD (JOURNAL_LINE_MAX - JOURNAL_BODY_MAX)
#define LINES_BYTES                                                               \
    (JOURNAL_BATCH_BYTES / sizeof(struct journal_entry) * (size_t)LINE_OVERHEAD + \
     (size_t)2 * JOURNAL_LINE_MAX + JOURNAL_BATCH_BYTES)

bool journal_file_name(char name[JOURNAL_PATH_MAX], const char *path, uint32_t number)
{
    int length = number == 0 ? snprintf(name, JOURNAL_PATH_MAX, "%s", path)
                             : snprintf(name, JOURNAL_PATH_MAX, "%s.%u", path, number);

    return length > 0 && length < JOURNAL_PATH_MAX;
}

/* ---- there and back ---- */

struct point {
    struct chain chain;
    int64_t offset_us;
    bool offset_known;
};

static struct point mark(struct journal_file *file)
{
    file->length = 0;
    return (struct point){file->chain, file->offset_us, file->offset_known};
}

/* What was chained since the mark is not written: it has never been. Returns the error. */
static int settle(struct journal_file *file, struct point *point, int error)
{
    if (error != 0) {
        file->chain = point->chain;
        file->offset_us = point->offset_us;
        file->offset_known = point->offset_known;
    }
    wipe(point, sizeof *point);
    return error;
}

/* ---- writing lines, or nothing ---- */

static int write_whole(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t wrote = write(fd, bytes, length);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return wrote == 0 ? ENOSPC : errno;
        bytes += wrote;
        length -= (size_t)wrote;
    }
    return 0;
}

/* 0, or an errno and the file is as it was. */
static int write_lines(struct journal_file *file)
{
    struct stat is;
    int error;

    if (file->length == 0)
        return 0;
    if (fstat(file->fd, &is) != 0)
        return errno;
    error = write_whole(file->fd, file->lines, file->length);
    if (error != 0 && ftruncate(file->fd, is.st_size) != 0)
        error = errno;
    file->size = (uint64_t)is.st_size + (error == 0 ? file->length : 0);
    return error;
}

static void add_fact(struct journal_file *file, const struct chain_fact *fact)
{
    must(file->capacity - file->length >= JOURNAL_LINE_MAX);
    file->length += chain_append(&file->chain, fact, file->lines + file->length);
}

/* A clock that was set is said before the first record that shows it. */
static void watch_clock(struct journal_file *file, struct journal_time time)
{
    int64_t offset_us = time.wall_us - time.mono_us, moved_us = offset_us - file->offset_us;
    struct record_body body = {.length = 0};

    if (file->offset_known && (moved_us > CLOCK_STEP_US || moved_us < -CLOCK_STEP_US)) {
        record_add_number(&body, moved_us > 0 ? "forward_us" : "back_us",
                          (uint64_t)(moved_us > 0 ? moved_us : -moved_us));
        add_fact(file, &(struct chain_fact){time, JOURNAL_KIND_CLOCK, body.bytes,
                                            strlen(JOURNAL_KIND_CLOCK), body.length});
    }
    file->offset_us = offset_us;
    file->offset_known = true;
}

/* ---- seals ---- */

/* The key that made the last seal is gone when this is done. */
static int write_state(struct journal_file *file)
{
    struct journal_state state = {.seq = file->chain.seq};

    memcpy(state.hash, file->chain.hash, sizeof state.hash);
    state.key = file->chain.key;
    file->state_error = journal_state_write(file->state_fd, &state);
    wipe(&state, sizeof state);
    return file->state_error;
}

/* Lines that wait, a seal if there is a key, all of it to the disk, and the next key. */
static int seal(struct journal_file *file, struct journal_time time, const char *why)
{
    int error = file->state_error != 0 ? write_state(file) : 0;

    if (error != 0)
        return error; /* no new seal before the key of the last one is gone */
    must(file->capacity - file->length >= JOURNAL_LINE_MAX);
    if (file->chain.key.present)
        file->length += chain_seal(&file->chain, time, why, file->lines + file->length);
    error = write_lines(file);
    if (error != 0)
        return error;
    file->length = 0;
    if (file->chain.key.present)
        journal_key_evolve(&file->chain.key, file->chain.ops);
    if (fdatasync(file->fd) != 0)
        file->state_error = errno;
    else
        write_state(file);
    return 0; /* an error is met by the next seal, which begins with the state */
}

/* ---- one file after another ---- */

static void say(struct journal_file *file, struct journal_time time, const char *kind,
                const char *name, const char *value)
{
    struct record_body body = {.length = 0};

    if (strcmp(kind, JOURNAL_KIND_CONTINUED) == 0)
        record_add_number(&body, "format", JOURNAL_FORMAT);
    record_add_text(&body, name, value);
    add_fact(file, &(struct chain_fact){time, kind, body.bytes, strlen(kind), body.length});
}

/* The last words of the present file. */
static int close_present(struct journal_file *file, struct journal_time time, const char *why)
{
    struct point before = mark(file);
    int error;

    say(file, time, JOURNAL_KIND_ROTATED, "why", why);
    error = settle(file, &before, seal(file, time, "rotated"));
    if (error == 0)
        file->stage = JOURNAL_STAGE_CLOSED;
    return error;
}

/* The first number without a file; if there is none, that of the oldest file, which goes. */
static uint32_t first_free(const struct journal_file *file)
{
    char name[JOURNAL_PATH_MAX];
    struct stat is;
    uint32_t number = 1;

    while (number < file->keep && journal_file_name(name, file->path, number) &&
           lstat(name, &is) == 0)
        number++;
    return number;
}

/* FILE.2 becomes FILE.3, FILE becomes FILE.1; the oldest goes. Beyond a gap nothing moves: what failed half way leaves one, and
 * trying it again and again must not push the old ones out. */
static int move_present(const struct journal_file *file)
{
    char from[JOURNAL_PATH_MAX], to[JOURNAL_PATH_MAX];

    for (uint32_t number = first_free(file); number > 0; number--) {
        if (!journal_file_name(from, file->path, number - 1) ||
            !journal_file_name(to, file->path, number))
            return ENAMETOOLONG;
        if (rename(from, to) != 0 && errno != ENOENT)
            return errno;
    }
    return 0;
}

int journal_file_begin(struct journal_file *file)
{
    int fd = open(file->path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);

    if (fd < 0)
        return errno;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;

        close(fd);
        return error;
    }
    if (file->fd >= 0)
        close(file->fd);
    file->fd = fd;
    return 0;
}

static int begin_next(struct journal_file *file, struct journal_time time)
{
    struct point before;
    int error = 0;

    if (file->stage == JOURNAL_STAGE_CLOSED) {
        error = file->was_moved ? 0 : move_present(file);
        if (error != 0)
            return error;
        file->stage = JOURNAL_STAGE_MOVED;
    }
    if (file->stage == JOURNAL_STAGE_MOVED) {
        error = journal_file_begin(file);
        if (error != 0)
            return error;
        file->stage = JOURNAL_STAGE_OPENED;
    }
    before = mark(file);
    say(file, time, JOURNAL_KIND_CONTINUED, NULL, NULL);
    error = settle(file, &before, write_lines(file));
    if (error == 0)
        file->stage = JOURNAL_STAGE_WRITING;
    return error;
}

/* Whether the path leads to another file than the one that is written, or to none. */
static bool was_moved(const struct journal_file *file)
{
    struct stat at_path, ours;

    if (fstat(file->fd, &ours) != 0)
        return false;
    return lstat(file->path, &at_path) != 0
               ? errno == ENOENT
               : at_path.st_ino != ours.st_ino || at_path.st_dev != ours.st_dev;
}

/* ---- what the loop said ---- */

static int take_facts(struct journal_file *file, const uint8_t *batch, size_t length)
{
    struct point before = mark(file);
    struct journal_entry entry;

    for (size_t at = 0; at < length;) {
        const char *kind = (const char *)batch + at + sizeof entry;

        memcpy(&entry, batch + at, sizeof entry);
        watch_clock(file, entry.time);
        add_fact(file, &(struct chain_fact){entry.time, kind, kind + entry.kind_length,
                                            entry.kind_length, entry.body_length});
        at += sizeof entry + entry.kind_length + entry.body_length;
    }
    return settle(file, &before, write_lines(file));
}

static int take_seal(struct journal_file *file, const struct journal_entry *entry, const char *why)
{
    char word[JOURNAL_KIND_MAX + 1];
    struct point before = mark(file);

    snprintf(word, sizeof word, "%.*s", (int)entry->kind_length, why);
    watch_clock(file, entry->time);
    return settle(file, &before, seal(file, entry->time, word));
}

int journal_file_take(void *context, const void *batch, size_t length)
{
    struct journal_file *file = context;
    struct journal_entry first;
    int error = 0;

    memcpy(&first, batch, sizeof first);
    if (file->stage == JOURNAL_STAGE_WRITING && first.what == JOURNAL_ENTRY_REOPEN) {
        file->was_moved = was_moved(file);
        if (file->was_moved)
            error = close_present(file, first.time, "moved");
    } else if (file->stage == JOURNAL_STAGE_WRITING && file->size >= file->size_limit) {
        file->was_moved = was_moved(file);
        error = close_present(file, first.time, "size");
    }
    if (error == 0 && file->stage != JOURNAL_STAGE_WRITING)
        error = begin_next(file, first.time);
    if (error != 0)
        return error;
    switch ((enum journal_entry_kind)first.what) {
    case JOURNAL_ENTRY_FACT: return take_facts(file, batch, length);
    case JOURNAL_ENTRY_SEAL: return take_seal(file, &first, (const char *)batch + sizeof first);
    case JOURNAL_ENTRY_REOPEN: return 0;
    }
    never();
}

size_t journal_file_lines_bytes(void)
{
    return LINES_BYTES;
}

void journal_file_end(void *context)
{
    struct journal_file *file = context;

    if (file == NULL)
        return;
    if (file->fd >= 0)
        close(file->fd);
    if (file->state_fd >= 0)
        close(file->state_fd);
    free(file->lines);
    wipe(file, sizeof *file);
    free(file);
}
