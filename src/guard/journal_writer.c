/* Facts into the ring, by their rank. */
#include "guard/journal_writer.h"

#include "base/must.h"
#include "base/time.h"
#include "guard/log.h"
#include "os/clock.h"
#include "os/writer.h"

#include <handfast/os.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOSE_PATIENCE_MS 1000
#define QUIET_SEAL_US \
    (INT64_C(600) * US_PER_S) /* a seal though nothing happened: it says just that */
#define RING_BYTES_MIN \
    (8 * JOURNAL_BATCH_BYTES) /* above each rank's share there is room for one of the next */
#define TELL_DROPPED_US ((int64_t)US_PER_S)

struct journal {
    struct writer *writer;
    struct log *log;
    size_t length; /* of batch */
    uint32_t facts;
    int64_t wall_minus_now_us;
    int64_t last_us; /* of the newest record */
    int64_t seal_us;
    int64_t unsealed_since_us; /* 0: nothing to seal */
    int64_t sealed_at_us;
    uint64_t dropped[JOURNAL_RANKS], told[JOURNAL_RANKS];
    int64_t dropped_since_us, told_at_us;
    int told_error;
    bool reopen; /* asked for while there was no room to say so */
    char path[JOURNAL_PATH_MAX];
    uint8_t batch[JOURNAL_BATCH_BYTES];
};

static bool is_word(const char *kind)
{
    size_t length = strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return length > 0 && length <= JOURNAL_KIND_MAX && kind[length] == '\0';
}

/* ---- the ring ---- */

/* Bytes that may wait before a rank is dropped. What is left above is room for what does not fit before the ring's end. */
static size_t room_of(const struct journal *journal, enum journal_rank rank)
{
    size_t size = writer_size(journal->writer) - 2 * JOURNAL_BATCH_BYTES;

    switch (rank) {
    case JOURNAL_LOW: return size / 2;
    case JOURNAL_NORMAL: return size / 4 * 3;
    case JOURNAL_HIGH: return size;
    case JOURNAL_RANKS: break;
    }
    never();
}

static void hand_over(struct journal *journal)
{
    if (journal->length > 0)
        must(writer_put(journal->writer, journal->batch, journal->length, journal->facts));
    journal->length = 0;
    journal->facts = 0;
}

/* A turn has one instant, and a line of the log its own within it: what is written later is never earlier. */
static struct journal_time time_of(struct journal *journal, int64_t now_us)
{
    now_us = journal->last_us = time_max(now_us, journal->last_us);
    return (struct journal_time){now_us + journal->wall_minus_now_us, now_us};
}

/* False: it has no room. */
static bool put_entry(struct journal *journal, enum journal_rank rank,
                      const struct journal_entry *entry, const char *kind, const char *body)
{
    size_t length = sizeof *entry + entry->kind_length + entry->body_length;

    if (writer_waiting(journal->writer) + journal->length + length > room_of(journal, rank))
        return false;
    if (journal->length + length > sizeof journal->batch)
        hand_over(journal);
    memcpy(journal->batch + journal->length, entry, sizeof *entry);
    memcpy(journal->batch + journal->length + sizeof *entry, kind, entry->kind_length);
    if (body && entry->body_length > 0)
        memcpy(journal->batch + journal->length + sizeof *entry + entry->kind_length, body,
               entry->body_length);
    journal->length += length;
    journal->facts += entry->what == JOURNAL_ENTRY_FACT;
    return true;
}

void journal_put(struct journal *journal, int64_t now_us, enum journal_rank rank, const char *kind,
                 const struct record_body *body)
{
    const char *word = is_word(kind) ? kind : "log";

    if (journal == NULL)
        return;
    struct journal_entry entry = {(uint32_t)body->length, (uint16_t)strlen(word),
                                  JOURNAL_ENTRY_FACT, time_of(journal, now_us)};
    if (!put_entry(journal, rank, &entry, word, body->bytes)) {
        if (memcmp(journal->dropped, journal->told, sizeof journal->told) == 0)
            journal->dropped_since_us = now_us;
        journal->dropped[rank]++;
    } else if (journal->unsealed_since_us == 0) {
        journal->unsealed_since_us = now_us;
    }
}

/* ---- what the journal says of itself ---- */

/* Alone in a batch: it is done as a whole or comes again. False: there is no room for it. */
static bool put_order(struct journal *journal, int64_t now_us, enum journal_entry_kind what,
                      const char *why)
{
    struct journal_entry entry = {0, (uint16_t)strlen(why), (uint16_t)what,
                                  time_of(journal, now_us)};

    hand_over(journal);
    if (!put_entry(journal, JOURNAL_HIGH, &entry, why, NULL))
        return false;
    hand_over(journal);
    return true;
}

static void seal(struct journal *journal, int64_t now_us, const char *why)
{
    if (!put_order(journal, now_us, JOURNAL_ENTRY_SEAL, why))
        return;
    journal->unsealed_since_us = 0;
    journal->sealed_at_us = now_us;
}

static void tell_dropped(struct journal *journal, int64_t now_us)
{
    static const char *const names[JOURNAL_RANKS] = {"low", "normal", "high"};
    struct record_body body = {.length = 0};
    uint64_t count = 0;

    for (int i = 0; i < JOURNAL_RANKS; i++)
        count += journal->dropped[i] - journal->told[i];
    if (count == 0 || writer_waiting(journal->writer) > room_of(journal, JOURNAL_NORMAL))
        return;
    record_add_number(&body, "count", count);
    for (int i = 0; i < JOURNAL_RANKS; i++)
        record_add_number(&body, names[i], journal->dropped[i] - journal->told[i]);
    record_add_number(&body, "duration_ms",
                      (uint64_t)(now_us - journal->dropped_since_us) / US_PER_MS);
    record_add_text(&body, "text",
                    "the disk was full or slow: facts were dropped, the least important first");
    memcpy(journal->told, journal->dropped, sizeof journal->told);
    journal->told_at_us = now_us;
    journal_put(journal, now_us, JOURNAL_HIGH, JOURNAL_KIND_DROPPED, &body);
}

static void watch_disk(struct journal *journal, int64_t now_us)
{
    struct journal_count count;

    journal_counts(journal, &count);
    if (count.error == journal->told_error)
        return;
    journal->told_error = count.error;
    if (count.error != 0)
        log_about(
            journal->log, now_us,
            &(struct log_about){.level = LOG_LEVEL_ERROR, .event = "journal-failing"},
            "journal %s cannot be written: %s; facts wait in memory, then the least important "
            "are dropped",
            journal->path, strerror(count.error));
    else
        log_about(journal->log, now_us,
                  &(struct log_about){.level = LOG_LEVEL_NOTICE, .event = "journal-written"},
                  "journal %s is written again", journal->path);
}

void journal_turn(struct journal *journal, int64_t now_us)
{
    if (journal == NULL)
        return;
    watch_disk(journal, now_us);
    if (now_us - journal->told_at_us >= TELL_DROPPED_US)
        tell_dropped(journal, now_us);
    if ((journal->unsealed_since_us != 0 &&
         now_us - journal->unsealed_since_us >= journal->seal_us) ||
        now_us - journal->sealed_at_us >= QUIET_SEAL_US)
        seal(journal, now_us, "time");
    if (journal->reopen)
        journal_reopen(journal, now_us);
    hand_over(journal);
    journal->wall_minus_now_us = clock_wall_minus_now_us();
}

void journal_reopen(struct journal *journal, int64_t now_us)
{
    if (journal != NULL)
        journal->reopen = !put_order(journal, now_us, JOURNAL_ENTRY_REOPEN, "");
}

void journal_counts(const struct journal *journal, struct journal_count *count)
{
    struct writer_count writer;

    *count = (struct journal_count){.put = 0};
    if (journal == NULL)
        return;
    writer_counts(journal->writer, &writer);
    count->put = writer.put + journal->facts;
    count->written = writer.written;
    count->error = writer.error;
    memcpy(count->dropped, journal->dropped, sizeof count->dropped);
}

/* ---- life ---- */

static void say_start(struct journal *journal, const struct journal_found *found, int64_t now_us)
{
    struct record_body body = {.length = 0};

    record_add_number(&body, "format", JOURNAL_FORMAT);
    record_add_text(&body, "version", HF_VERSION);
    record_add_text(&body, "sealed", found->sealed ? "yes" : "no");
    if (found->note[0] != '\0')
        record_add_text(&body, "text", found->note);
    journal_put(journal, now_us, JOURNAL_HIGH, JOURNAL_KIND_START, &body);
    if (found->note[0] != '\0')
        log_about(journal->log, now_us,
                  &(struct log_about){.level = LOG_LEVEL_WARNING, .event = "journal-found"},
                  "journal %s: %s", journal->path, found->note);
    if (!found->sealed)
        log_about(journal->log, now_us,
                  &(struct log_about){.level = LOG_LEVEL_NOTICE, .event = "journal-unsealed"},
                  "journal %s is chained but not sealed: who can write it can write all of it anew "
                  "(handfast journal init %s)",
                  journal->path, journal->path);
}

struct journal *journal_open(const struct journal_setup *setup, struct log *log,
                             char error[JOURNAL_STATE_ERROR_MAX])
{
    struct journal_found found;
    struct journal *journal = calloc(1, sizeof *journal);
    struct journal_file *file = journal_file_open(&setup->file, &found, error);
    must(setup->ring_bytes == 0 || setup->ring_bytes >= RING_BYTES_MIN);
    struct writer_sink sink = {file, journal_file_take, journal_file_end};

    if (file == NULL) {
        free(journal);
        return NULL;
    }
    if (journal != NULL)
        journal->writer =
            writer_open_sink(&sink, setup->ring_bytes > 0 ? setup->ring_bytes : JOURNAL_RING_BYTES);
    if (journal == NULL || journal->writer == NULL) {
        snprintf(error, JOURNAL_STATE_ERROR_MAX, "journal \"%s\": %s", setup->file.path,
                 strerror(errno));
        journal_file_end(file);
        free(journal);
        return NULL;
    }
    journal->log = log;
    journal->seal_us = ms_to_us(setup->seal_ms);
    journal->wall_minus_now_us = clock_wall_minus_now_us();
    snprintf(journal->path, sizeof journal->path, "%s", setup->file.path);
    int64_t now_us = hf_os_now_us();
    journal->sealed_at_us = now_us;
    say_start(journal, &found, now_us);
    return journal;
}

void journal_close(struct journal *journal, int64_t now_us)
{
    struct record_body body = {.length = 0};

    if (journal == NULL)
        return;
    tell_dropped(journal, now_us);
    journal_put(journal, now_us, JOURNAL_HIGH, JOURNAL_KIND_STOP, &body);
    seal(journal, now_us, "stop");
    writer_close(journal->writer, CLOSE_PATIENCE_MS, NULL);
    free(journal);
}
