/* The first lie. Which of them it is follows from what the next line still knows about this one. */
#include "journal/verify.h"

#include <string.h>

#include "crypto/equal.h"

#define SLACK_US INT64_C(1000000) /* that the clocks may differ by between two records ... */
#define SLEW_PARTS 1000           /* ... and what a clock that is being slewed gains a second */

void journal_verify_init(struct journal_verify *verify, const struct hf_crypto_ops *ops,
                         const struct journal_key *key)
{
    *verify = (struct journal_verify){.ops = ops};
    if (key != NULL)
        verify->key = *key;
}

void journal_verify_wipe(struct journal_verify *verify)
{
    journal_key_wipe(&verify->key);
}

const char *journal_lie_word(enum journal_lie lie)
{
    switch (lie) {
    case JOURNAL_HONEST: return "honest";
    case JOURNAL_ALTERED: return "altered";
    case JOURNAL_REWRITTEN: return "rewritten";
    case JOURNAL_REMOVED: return "removed";
    case JOURNAL_REORDERED: return "reordered";
    case JOURNAL_TRUNCATED: return "truncated";
    case JOURNAL_TIME: return "time";
    case JOURNAL_GAP: return "gap";
    case JOURNAL_SEAL_GAP: return "seal-gap";
    case JOURNAL_WRONG_KEY: return "wrong-key";
    }
    return "?";
}

/* `is` unless the next line says that this one, of the number `due`, was changed. */
static void suspect(struct journal_verify *verify, struct journal_verdict is, uint64_t due)
{
    verify->suspicion = is;
    verify->suspect_seq = due;
}

static struct journal_verdict lie(const struct journal_verify *verify, enum journal_lie what,
                                  uint64_t first, uint64_t last)
{
    return (struct journal_verdict){what, first, last, verify->lines};
}

/* ---- one record by itself, and beside the last one in order ---- */

/* Wall and monotonic time go together, or a record says that they did not. */
static bool time_is_odd(const struct journal_verify *verify, const struct record *record)
{
    int64_t mono = record->time.mono_us - verify->time.mono_us;
    int64_t wall = record->time.wall_us - verify->time.wall_us;

    if (record_is(record,
                  JOURNAL_KIND_START)) /* the machine may have been off, or without a clock */
        return false;
    if (mono < 0)
        return true;
    if (record_is(record, JOURNAL_KIND_CLOCK))
        return false;
    return wall - mono > SLACK_US + mono / SLEW_PARTS || mono - wall > SLACK_US + mono / SLEW_PARTS;
}

/* Brings the key to the seal's epoch. False: it is already further on, or much too far back. */
static bool reach(struct journal_verify *verify, uint64_t epoch)
{
    if (epoch < verify->key.epoch || epoch - verify->key.epoch > JOURNAL_EPOCHS_MAX)
        return false;
    while (verify->key.epoch < epoch)
        journal_key_evolve(&verify->key, verify->ops);
    return true;
}

static struct journal_verdict judge_mac(struct journal_verify *verify, const struct record *record,
                                        const char *line)
{
    const struct record_seal *seal = &record->seal;
    uint8_t mac[JOURNAL_HASH_BYTES];
    uint64_t after = verify->seals > 0 ? verify->sealed_seq + 1 : verify->first_seq;

    if (!verify->key.present)
        return lie(verify, JOURNAL_HONEST, 0, 0);
    if (!equal_bytes(seal->key_id, verify->key.id, sizeof seal->key_id))
        return lie(verify, JOURNAL_WRONG_KEY, record->seq, record->seq);
    if (!reach(verify, seal->epoch))
        return lie(verify, JOURNAL_SEAL_GAP, verify->key.epoch, seal->epoch);
    journal_key_sign(&verify->key, verify->ops, line, seal->signed_length, mac);
    if (!equal_bytes(mac, seal->mac, sizeof mac))
        return lie(verify, JOURNAL_REWRITTEN, after, record->seq);
    return lie(verify, JOURNAL_HONEST, 0, 0);
}

/* Epochs follow one another; whoever cuts out a part takes its seals with it, and cannot make them again. */
static struct journal_verdict judge_seal(struct journal_verify *verify, const struct record *record,
                                         const char *line)
{
    uint64_t epoch = record->seal.epoch;
    bool whole = verify->first_seq == 1; /* nothing was sealed before what we see */
    uint64_t due = verify->seals > 0 ? verify->epoch + 1 : whole ? 0 : epoch;

    if (epoch > due)
        return lie(verify, JOURNAL_SEAL_GAP, due, epoch - 1);
    if (epoch < due)
        return lie(verify, JOURNAL_REWRITTEN, verify->sealed_seq + 1, record->seq);
    return judge_mac(verify, record, line);
}

static void count(struct journal_verify *verify, const struct record *record)
{
    uint64_t dropped;

    verify->starts += record_is(record, JOURNAL_KIND_START);
    verify->clock_steps += record_is(record, JOURNAL_KIND_CLOCK) ||
                           (record_is(record, JOURNAL_KIND_START) && verify->lines > 1 &&
                            record->time.wall_us < verify->time.wall_us - SLACK_US);
    if (record_is(record, JOURNAL_KIND_DROPPED) && record_first_number(record, "count", &dropped))
        verify->dropped += dropped;
    verify->closed = (verify->seals == 0 && (record_is(record, JOURNAL_KIND_STOP) ||
                                             record_is(record, JOURNAL_KIND_ROTATED)));
    if (!record->is_seal)
        return;
    if (verify->seals++ == 0)
        verify->first_epoch = record->seal.epoch;
    verify->epoch = record->seal.epoch;
    verify->sealed_seq = record->seq;
    verify->sealed_lines = verify->lines;
    verify->sealed_wall_us = record->time.wall_us;
    verify->closed = record->body_length > 9 && memcmp(record->body, ",\"why\":\"time", 12) != 0;
}

static void accept(struct journal_verify *verify, const struct record *record)
{
    count(verify, record);
    verify->seq = record->seq;
    verify->time = record->time;
    memcpy(verify->expected, verify->hash, sizeof verify->expected);
}

/* ---- lines ---- */

/* A file begins with record 1, with what goes on from the file before, or with a guard that found no file. */
static bool may_begin(const struct record *record)
{
    return record->seq == 1 || record_is(record, JOURNAL_KIND_CONTINUED) ||
           record_is(record, JOURNAL_KIND_START) || record_is(record, JOURNAL_KIND_DROPPED);
}

static void begin(struct journal_verify *verify, const struct record *record, const char *line)
{
    static const uint8_t none[JOURNAL_HASH_BYTES];
    bool follows_none = equal_bytes(record->prev, none, sizeof none);

    verify->begun = true;
    verify->first_seq = record->seq;
    verify->first_wall_us = record->time.wall_us;
    memcpy(verify->head, record->prev, sizeof verify->head);
    if (follows_none != (record->seq == 1)) { /* whatever its number says, nothing was before it */
        suspect(verify, lie(verify, JOURNAL_GAP, record->seq, 1), 1);
    } else if (!may_begin(record)) {
        verify->headless = true;
        suspect(verify, lie(verify, JOURNAL_REMOVED, record->seq - 1, record->seq - 1),
                record->seq);
    }
    if (record->is_seal && verify->suspicion.lie == JOURNAL_HONEST)
        suspect(verify, judge_seal(verify, record, line), record->seq);
    accept(verify, record);
}

/* The chain does not fit: who of the two lines is it, or what lay between them? */
static void on_break(struct journal_verify *verify, const struct record *record, const char *line)
{
    if (record->seq > verify->seq + 1) {
        /* Where they are looked for from now on: if the next one comes late, somebody has moved it. */
        verify->verdict = lie(verify, JOURNAL_REMOVED, verify->seq + 1, record->seq - 1);
    } else if (record->seq <= verify->seq) {
        verify->verdict = lie(verify, JOURNAL_REORDERED, record->seq, record->seq);
    } else if (verify->key.present && record->is_seal &&
               judge_seal(verify, record, line).lie ==
                   JOURNAL_HONEST) { /* it stands as it was written */
        verify->verdict = lie(verify, JOURNAL_ALTERED, verify->seq, verify->seq);
        verify->verdict.line--;
    } else {
        suspect(verify, lie(verify, JOURNAL_ALTERED, verify->seq, record->seq), record->seq);
        accept(verify, record);
    }
}

static void on_record(struct journal_verify *verify, const struct record *record, const char *line)
{
    uint64_t due = verify->seq + 1;

    if (record->seq != due)
        suspect(verify, lie(verify, JOURNAL_GAP, record->seq, due), due);
    else if (time_is_odd(verify, record))
        suspect(verify, lie(verify, JOURNAL_TIME, due, due), due);
    else if (record->is_seal)
        suspect(verify, judge_seal(verify, record, line), due);
    accept(verify, record);
}

/* The line that should stand before the first one. */
static bool is_head(const struct journal_verify *verify, const char *line, size_t length)
{
    uint8_t hash[JOURNAL_HASH_BYTES];

    if (!verify->headless)
        return false;
    chain_hash(verify->ops, line, length, hash);
    return equal_bytes(hash, verify->head, sizeof hash);
}

/* The first line is of the middle of a file: did this one change places with it? */
static bool settle_head(struct journal_verify *verify, const struct record *record, bool is_head)
{
    uint64_t first = verify->first_seq;

    if (!verify->headless || (!is_head && record->seq > first))
        return false;
    first -= is_head;
    verify->verdict = lie(verify, JOURNAL_REORDERED, first, first);
    return true;
}

/* This line says whether the one before, about which there was something odd, stands as it was written. */
static void settle(struct journal_verify *verify, bool before_is_as_written)
{
    struct journal_verdict is = verify->suspicion;

    if (is.lie == JOURNAL_ALTERED) {
        is.first = is.last = before_is_as_written ? is.first : is.last;
        is.line -= before_is_as_written;
    } else if (!before_is_as_written) {
        is.lie = JOURNAL_ALTERED;
        is.first = is.last = verify->suspect_seq;
    }
    verify->verdict = is;
}

/* Among the lines after the hole: the one that was to follow? */
static bool look_for_moved(struct journal_verify *verify, const struct record *record, bool is_head)
{
    if (verify->verdict.lie != JOURNAL_REMOVED || !verify->begun || verify->verdict.first == 0)
        return false;
    if (is_head || (record->seq == verify->verdict.first && !verify->headless &&
                    equal_bytes(record->prev, verify->expected, sizeof record->prev))) {
        verify->verdict.lie = JOURNAL_REORDERED;
        verify->verdict.last = verify->verdict.first;
        return false;
    }
    return true;
}

bool journal_verify_line(struct journal_verify *verify, const char *line, size_t length)
{
    struct record record;
    bool sound = record_parse(&record, line, length), fits;

    if (verify->verdict.lie != JOURNAL_HONEST)
        return sound ? look_for_moved(verify, &record, is_head(verify, line, length))
                     : verify->verdict.lie == JOURNAL_REMOVED;
    verify->lines++;
    fits = sound && verify->begun && equal_bytes(record.prev, verify->hash, sizeof record.prev);
    if (verify->suspicion.lie != JOURNAL_HONEST) {
        if (!sound || !settle_head(verify, &record, is_head(verify, line, length)))
            settle(verify, fits);
        return verify->verdict.lie == JOURNAL_REMOVED;
    }
    if (!sound) {
        verify->verdict = lie(verify, JOURNAL_ALTERED, verify->seq + 1, verify->seq + 1);
        return false;
    }
    chain_hash(verify->ops, line, length, verify->hash);
    if (!verify->begun)
        begin(verify, &record, line);
    else if (fits)
        on_record(verify, &record, line);
    else
        on_break(verify, &record, line);
    return verify->verdict.lie == JOURNAL_HONEST || verify->verdict.lie == JOURNAL_REMOVED;
}

void journal_verify_end(struct journal_verify *verify, size_t rest, bool may_be_open)
{
    if (verify->verdict.lie != JOURNAL_HONEST)
        return;
    if (verify->suspicion.lie != JOURNAL_HONEST)
        verify->verdict = verify->suspicion;
    else if (rest > 0 || (!verify->closed && !may_be_open))
        verify->verdict = lie(verify, JOURNAL_TRUNCATED, verify->seq, verify->seq);
    else if (verify->key.present && verify->seals == 0 && verify->lines > 0)
        verify->verdict = lie(verify, JOURNAL_SEAL_GAP, 0, 0);
    else if (verify->seals > 0 &&
             verify->time.wall_us - verify->sealed_wall_us > JOURNAL_UNSEALED_MAX_US)
        verify->verdict = lie(verify, JOURNAL_SEAL_GAP, verify->epoch + 1, verify->epoch + 1);
}
