/* Taking up the chain where the guard before left it, whatever happened to it.
 *
 * The last whole line says where it stands; the state, written at each seal, says where it stood then. If the file has less
 * than that, somebody took something away: the chain goes on from the state, so that the hole stays visible for ever.
 */
#include "guard/journal_file.h"

#include "crypto/equal.h"
#include "crypto/wipe.h"
#include "guard/journal_file_parts.h"
#include "os/syscalls.h"

#include <handfast/os.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

SYSCALLS_AT_START("openat ftruncate rename pread64 fstat");

#define TAIL_BYTES ((off_t)2 * JOURNAL_LINE_MAX)

__attribute__((format(printf, 2, 3))) static void note(struct journal_found *found,
                                                       const char *format, ...)
{
    size_t length = strlen(found->note);
    va_list arguments;

    if (length > 0 && length + 2 < sizeof found->note)
        length += (size_t)snprintf(found->note + length, sizeof found->note - length, "; ");
    va_start(arguments, format);
    vsnprintf(found->note + length, sizeof found->note - length, format, arguments);
    va_end(arguments);
}

__attribute__((format(printf, 2, 3))) static bool refuse(char error[JOURNAL_STATE_ERROR_MAX],
                                                         const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, JOURNAL_STATE_ERROR_MAX, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- the end of a file ---- */

struct tail {
    char bytes[TAIL_BYTES];
    const char *line;         /* the last whole one, NULL: there is none */
    size_t line_length, rest; /* rest: bytes after it */
    struct record record;
    bool sound; /* it is a record */
    uint64_t size;
};

/* 0 or an errno. */
static int read_tail(int fd, struct tail *tail)
{
    struct stat is;
    ssize_t got;
    size_t length, end;

    if (fstat(fd, &is) != 0)
        return errno;
    tail->size = (uint64_t)is.st_size;
    got = pread(fd, tail->bytes, sizeof tail->bytes,
                is.st_size > TAIL_BYTES ? is.st_size - TAIL_BYTES : 0);
    if (got < 0)
        return errno;
    length = (size_t)got;
    for (end = length; end > 0 && tail->bytes[end - 1] != '\n';)
        end--;
    tail->rest = length - end;
    tail->line = NULL;
    tail->sound = false;
    if (end == 0)
        return 0;
    size_t begin = end - 1;
    while (begin > 0 && tail->bytes[begin - 1] != '\n')
        begin--;
    tail->line = tail->bytes + begin;
    tail->line_length = end - begin;
    tail->sound = record_parse(&tail->record, tail->line, tail->line_length);
    return 0;
}

static void take_up(struct journal_file *file, const struct tail *tail)
{
    file->chain.seq = tail->record.seq;
    chain_hash(file->chain.ops, tail->line, tail->line_length, file->chain.hash);
    file->offset_us = tail->record.time.wall_us - tail->record.time.mono_us;
}

/* The guard before made this seal and could not forget its key any more. */
static void forget_used_key(struct journal_file *file, const struct tail *tail)
{
    struct journal_key *key = &file->chain.key;
    const struct record_seal *is = &tail->record.seal;
    uint8_t mac[JOURNAL_HASH_BYTES];

    if (!key->present || !tail->record.is_seal || is->epoch != key->epoch)
        return;
    journal_key_sign(key, file->chain.ops, tail->line, is->signed_length, mac);
    if (equal_bytes(mac, is->mac, sizeof mac))
        journal_key_evolve(key, file->chain.ops);
}

/* Whether the file ends where a guard ended it. */
static bool ended_in_order(const struct tail *tail)
{
    static const char by_time[] = ",\"why\":\"time\"";
    const struct record *record = &tail->record;

    return record_is(record, JOURNAL_KIND_STOP) || record_is(record, JOURNAL_KIND_ROTATED) ||
           (record->is_seal && memcmp(record->body, by_time, sizeof by_time - 1) != 0);
}

/* ---- what lies there ---- */

/* Nothing can be appended to it; whoever wants to know what it was finds it there. */
static bool put_aside(struct journal_file *file, struct journal_found *found,
                      char error[JOURNAL_STATE_ERROR_MAX])
{
    char aside[JOURNAL_PATH_MAX + 32];
    int number;

    snprintf(aside, sizeof aside, "%s.damaged-%llu", file->path,
             (unsigned long long)file->chain.seq);
    if (rename(file->path, aside) != 0)
        return refuse(error,
                      "journal \"%s\": its last line is no record, and it cannot be put aside: %s",
                      file->path, strerror(errno));
    note(found, "the last line was no record, the file is now %s", aside);
    number = journal_file_begin(file);
    return number == 0 || refuse(error, "journal \"%s\": %s", file->path, strerror(number));
}

static bool is_behind(const struct journal_file *file, const struct tail *tail)
{
    uint8_t hash[JOURNAL_HASH_BYTES];

    chain_hash(file->chain.ops, tail->line, tail->line_length, hash);
    return tail->record.seq < file->chain.seq || (tail->record.seq == file->chain.seq &&
                                                  memcmp(hash, file->chain.hash, sizeof hash) != 0);
}

static bool take_up_file(struct journal_file *file, struct journal_found *found,
                         char error[JOURNAL_STATE_ERROR_MAX])
{
    struct tail tail = {.line = NULL};
    int number = read_tail(file->fd, &tail);

    if (number != 0)
        return refuse(error, "journal \"%s\": %s", file->path, strerror(number));
    if (tail.size > 0 && (tail.line == NULL || !tail.sound) && tail.size > tail.rest)
        return put_aside(file, found, error);
    if (tail.rest > 0) {
        if (tail.rest >= JOURNAL_LINE_MAX)
            return put_aside(file, found, error);
        note(found, "the last line was not finished, %zu bytes were cut off", tail.rest);
        if (ftruncate(file->fd, (off_t)(tail.size - tail.rest)) != 0)
            return refuse(error, "journal \"%s\": %s", file->path, strerror(errno));
        tail.size -= tail.rest;
    }
    file->size = tail.size;
    if (tail.size == 0)
        return true;
    if (is_behind(file, &tail)) {
        note(found, "it ends with record %llu, but %llu were written and sealed",
             (unsigned long long)tail.record.seq, (unsigned long long)file->chain.seq);
        return true;
    }
    take_up(file, &tail);
    forget_used_key(file, &tail);
    if (!ended_in_order(&tail))
        note(found, "the guard before did not end in order");
    return true;
}

/* Somebody moved it while no guard ran: FILE.1 may know more than the state. */
static void take_up_moved(struct journal_file *file)
{
    char name[JOURNAL_PATH_MAX];
    struct tail tail = {.line = NULL};
    int fd;

    if (!journal_file_name(name, file->path, 1))
        return;
    fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return;
    if (read_tail(fd, &tail) == 0 && tail.sound && tail.record.seq > file->chain.seq) {
        take_up(file, &tail);
        forget_used_key(file, &tail);
    }
    close(fd);
}

/* ---- opening ---- */

static bool open_state(struct journal_file *file, char error[JOURNAL_STATE_ERROR_MAX])
{
    char name[JOURNAL_PATH_MAX + sizeof JOURNAL_STATE_SUFFIX];
    struct journal_state state;
    bool ok;

    snprintf(name, sizeof name, "%s" JOURNAL_STATE_SUFFIX, file->path);
    file->state_fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file->state_fd < 0)
        return refuse(error, "journal state \"%s\": %s", name, strerror(errno));
    ok = journal_state_read(file->state_fd, name, &state, error);
    if (ok) {
        file->chain.seq = state.seq;
        memcpy(file->chain.hash, state.hash, sizeof state.hash);
        file->chain.key = state.key;
    }
    wipe(&state, sizeof state);
    return ok;
}

static bool open_all(struct journal_file *file, struct journal_found *found,
                     char error[JOURNAL_STATE_ERROR_MAX])
{
    int number;

    number = journal_file_begin(file);
    if (number != 0)
        return refuse(error, "journal \"%s\": %s", file->path,
                      number == EWOULDBLOCK
                          ? "another guard writes it; accepted is a file of its own"
                          : strerror(number));
    if (!open_state(file, error) || !take_up_file(file, found, error))
        return false;
    if (file->size == 0)
        take_up_moved(file);
    found->sealed = file->chain.key.present;
    return true;
}

struct journal_file *journal_file_open(const struct journal_file_setup *setup,
                                       struct journal_found *found,
                                       char error[JOURNAL_STATE_ERROR_MAX])
{
    const struct hf_crypto_ops *ops = hf_os_crypto();
    struct journal_file *file = calloc(1, sizeof *file);

    *found = (struct journal_found){.sealed = false};
    if (file != NULL) {
        file->fd = file->state_fd = -1;
        file->size_limit = setup->size_limit;
        file->keep = setup->keep;
        file->capacity = journal_file_lines_bytes();
        file->lines = malloc(file->capacity);
    }
    if (file == NULL || file->lines == NULL) {
        refuse(error, "journal: no memory");
    } else if (ops == NULL) {
        refuse(error,
               "journal = \"%s\", accepted is \"\": this program was built without libcrypto",
               setup->path);
    } else if (!journal_file_name(file->path, setup->path, 0) ||
               strlen(setup->path) + 16 > sizeof file->path) {
        refuse(error, "journal = \"%s\", accepted is a shorter path", setup->path);
    } else {
        chain_init(&file->chain, ops);
        if (open_all(file, found, error))
            return file;
    }
    journal_file_end(file);
    return NULL;
}
