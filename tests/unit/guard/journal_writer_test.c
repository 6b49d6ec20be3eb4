/* The journal as a guard writes it: chained over starts, rotations, crashes and full disks; nothing of it waits. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <handfast/os.h>

#include "guard/journal_writer.h"
#include "guard/log.h"
#include "journal/verify.h"

#define LIMIT ((uint64_t)1 << 30)

struct place {
    char directory[64], path[128], state[160];
    struct journal_key key; /* of epoch 0 */
};

static const struct hf_crypto_ops *ops;

/* ---- a directory, with a key or without ---- */

static void name_files(struct place *place)
{
    snprintf(place->path, sizeof place->path, "%s/guard.journal", place->directory);
    snprintf(place->state, sizeof place->state, "%s.state", place->path);
}

static struct place *make_place(bool with_key)
{
    struct place *place = calloc(1, sizeof *place);
    uint8_t secret[JOURNAL_KEY_BYTES] = {7, 7, 7};
    struct journal_state state = {.seq = 0};
    int fd;

    snprintf(place->directory, sizeof place->directory, "/tmp/journal_test_XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    name_files(place);
    journal_key_init(&place->key, ops, secret);
    if (with_key) {
        fd = open(place->state, O_RDWR | O_CREAT, 0600);
        state.key = place->key;
        assert_int_equal(journal_state_write(fd, &state), 0);
        close(fd);
    }
    return place;
}

static void empty(const char *directory)
{
    DIR *all = opendir(directory);

    assert_non_null(all);
    for (const struct dirent *one; (one = readdir(all)) != NULL;)
        if (one->d_name[0] != '.')
            assert_int_equal(unlinkat(dirfd(all), one->d_name, 0), 0);
    closedir(all);
    assert_int_equal(rmdir(directory), 0);
}

static void remove_place(struct place *place)
{
    empty(place->directory);
    free(place);
}

/* The first bytes of a file as another one. */
static void copy_file(const char *to, const char *from, size_t bytes)
{
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");

    assert_non_null(in);
    assert_non_null(out);
    for (size_t i = 0; i < bytes; i++)
        assert_int_not_equal(fputc(fgetc(in), out), EOF);
    fclose(in);
    fclose(out);
}

/* A place with the journal's first bytes, and the key as it was before anything was sealed. */
static struct place *make_cut(const struct place *place, uint64_t bytes)
{
    struct place *cut = make_place(true);

    copy_file(cut->path, place->path, (size_t)bytes);
    return cut;
}

static struct journal *begin(const struct place *place, uint64_t size_limit)
{
    struct journal_setup setup = {
        .file = {place->path, size_limit, 3}, .seal_ms = 3600000, .ring_bytes = 256 * 1024};
    char error[JOURNAL_STATE_ERROR_MAX] = "";
    struct journal *journal = journal_open(&setup, NULL, error);

    if (journal == NULL)
        fail_msg("%s", error);
    return journal;
}

static void put(struct journal *journal, enum journal_rank rank, const char *text)
{
    struct record_body body = {.length = 0};

    record_add_text(&body, "text", text);
    journal_put(journal, hf_os_now_us(), rank, "log", &body);
}

static void end(struct journal *journal)
{
    journal_close(journal, hf_os_now_us());
}

static void wait_until_written(struct journal *journal)
{
    struct journal_count count;

    do {
        journal_turn(journal, hf_os_now_us());
        journal_counts(journal, &count);
    } while (count.put != count.written);
}

/* ---- reading ---- */

struct found {
    struct journal_verdict verdict;
    uint64_t records, seals, starts, dropped, first, last;
    bool closed;
};

static void read_into(struct journal_verify *verify, const char *path, size_t *rest)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t length;

    if (file == NULL)
        fail_msg("%s: %s", path, strerror(errno));
    *rest = 0;
    while ((length = getline(&line, &room, file)) > 0)
        if (line[length - 1] == '\n')
            journal_verify_line(verify, line, (size_t)length);
        else
            *rest = (size_t)length;
    free(line);
    fclose(file);
}

/* `older` files of it before it. */
static struct found look(const struct place *place, bool with_key, int older, bool open)
{
    struct journal_verify verify;
    char name[160];
    size_t rest = 0;

    journal_verify_init(&verify, ops, with_key ? &place->key : NULL);
    for (; older > 0; older--) {
        snprintf(name, sizeof name, "%s.%d", place->path, older);
        read_into(&verify, name, &rest);
        assert_int_equal(rest, 0);
    }
    read_into(&verify, place->path, &rest);
    journal_verify_end(&verify, rest, open);
    return (struct found){verify.verdict, verify.lines,     verify.seals, verify.starts,
                          verify.dropped, verify.first_seq, verify.seq,   verify.closed};
}

static uint64_t size_of(const char *path)
{
    struct stat is;

    return stat(path, &is) == 0 ? (uint64_t)is.st_size : 0;
}

static bool has_text(const struct place *place, const char *text)
{
    char line[JOURNAL_LINE_MAX];
    FILE *file = fopen(place->path, "r");
    bool found = false;

    while (fgets(line, sizeof line, file) != NULL)
        found |= strstr(line, text) != NULL;
    fclose(file);
    return found;
}

/* ---- the tests ---- */

static void a_life_is_written_down_and_sealed(void **state)
{
    struct place *place = make_place(true);
    struct journal *journal = begin(place, LIMIT);
    struct found found;

    (void)state;
    for (int i = 0; i < 100; i++)
        put(journal, JOURNAL_NORMAL, "something");
    end(journal);
    found = look(place, true, 0, false);
    assert_int_equal(found.verdict.lie, JOURNAL_HONEST);
    assert_int_equal(found.records, 103); /* start, stop and a seal beside them */
    assert_int_equal(found.seals, 1);
    assert_true(found.closed);
    remove_place(place);
}

static void the_chain_goes_on_over_starts(void **state)
{
    struct place *place = make_place(true);
    struct found found;

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct journal *journal = begin(place, LIMIT);

        put(journal, JOURNAL_HIGH, "here");
        end(journal);
    }
    found = look(place, true, 0, false);
    assert_int_equal(found.verdict.lie, JOURNAL_HONEST);
    assert_int_equal(found.records, 20);
    assert_int_equal(found.seals, 5);
    assert_int_equal(found.starts, 5);
    remove_place(place);
}

static void without_a_key_it_is_chained(void **state)
{
    struct place *place = make_place(false);
    struct found found;

    (void)state;
    end(begin(place, LIMIT));
    end(begin(place, LIMIT));
    found = look(place, false, 0, false);
    assert_int_equal(found.verdict.lie, JOURNAL_HONEST);
    assert_int_equal(found.records, 4);
    assert_true(found.closed);
    assert_int_equal(look(place, true, 0, false).verdict.lie, JOURNAL_SEAL_GAP);
    remove_place(place);
}

static void the_state_keeps_no_key_of_before(void **state)
{
    struct place *place = make_place(true);
    struct journal_key key = place->key;
    char error[JOURNAL_STATE_ERROR_MAX];
    struct journal_state now;
    int fd;

    (void)state;
    for (uint64_t i = 1; i <= 3; i++) {
        end(begin(place, LIMIT));
        journal_key_evolve(&key, ops);
        fd = open(place->state, O_RDONLY);
        assert_true(journal_state_read(fd, place->state, &now, error));
        close(fd);
        assert_int_equal(now.key.epoch, i);
        assert_int_equal(now.seq, 3 * i);
        assert_memory_equal(now.key.secret, key.secret, sizeof key.secret);
        assert_true(size_of(place->state) < 512);
    }
    remove_place(place);
}

static void rotation_keeps_the_chain(void **state)
{
    struct place *place = make_place(true);
    struct journal *journal = begin(place, 20000);
    struct found found;
    char name[160];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        put(journal, JOURNAL_HIGH, "........................................................");
        if (i % 10 == 0)
            wait_until_written(journal);
    }
    end(journal);
    snprintf(name, sizeof name, "%s.4", place->path);
    assert_int_not_equal(access(name, F_OK), 0); /* three are kept */
    found = look(place, true, 3, false);
    assert_int_equal(found.verdict.lie, JOURNAL_HONEST);
    assert_true(found.first > 1);
    assert_true(found.seals >= 4);
    assert_true(found.dropped == 0);
    snprintf(name, sizeof name, "%s.1", place->path);
    assert_true(size_of(name) >= 20000 && size_of(name) < 20000 + 2 * JOURNAL_BATCH_BYTES);
    assert_int_equal(look(place, true, 0, false).verdict.lie, JOURNAL_HONEST); /* alone, too */
    remove_place(place);
}

static void a_file_that_was_moved_is_closed_and_another_begins(void **state)
{
    struct place *place = make_place(true);
    struct journal *journal = begin(place, LIMIT);
    struct found found;
    char name[160];

    (void)state;
    put(journal, JOURNAL_HIGH, "before");
    wait_until_written(journal);
    journal_reopen(journal, hf_os_now_us()); /* it is where it was: nothing happens */
    snprintf(name, sizeof name, "%s.1", place->path);
    put(journal, JOURNAL_HIGH, "still the same");
    wait_until_written(journal);
    assert_int_equal(rename(place->path, name), 0);
    put(journal, JOURNAL_HIGH, "into the moved one");
    wait_until_written(journal);
    journal_reopen(journal, hf_os_now_us());
    put(journal, JOURNAL_HIGH, "after");
    end(journal);
    assert_true(has_text(place, "\"after\""));
    assert_true(has_text(place, "\"continued\""));
    found = look(place, true, 1, false);
    assert_int_equal(found.verdict.lie, JOURNAL_HONEST);
    assert_int_equal(found.records, 10); /* start 3 facts rotated seal | continued fact stop seal */
    remove_place(place);
}

/* Power fails in the middle of a line, at every place of it. */
static void a_line_that_was_not_finished_is_cut_off_and_said(void **state)
{
    struct place *place = make_place(true);
    struct journal *journal = begin(place, LIMIT);
    uint64_t whole, with_line;

    (void)state;
    wait_until_written(journal);
    whole = size_of(place->path);
    put(journal, JOURNAL_HIGH, "power fails here");
    wait_until_written(journal);
    with_line = size_of(place->path);
    end(journal);
    for (uint64_t at = whole; at <= with_line; at++) {
        struct place *cut = make_cut(place, at);
        struct found found;

        end(begin(cut, LIMIT));
        found = look(cut, true, 0, false);
        assert_int_equal(found.verdict.lie, JOURNAL_HONEST);
        assert_int_equal(found.starts, 2);
        assert_int_equal(has_text(cut, "was not finished"), at != whole && at != with_line);
        assert_true(has_text(cut, "did not end in order"));
        remove_place(cut);
    }
    remove_place(place);
}

/* The seal was written and the machine died before its key was forgotten: the next start does that first. */
static void a_seal_is_not_made_twice(void **state)
{
    struct place *place = make_place(true);
    struct journal_state old = {.key = place->key};
    int fd;

    (void)state;
    end(begin(place, LIMIT));
    fd = open(place->state, O_RDWR);
    assert_int_equal(journal_state_write(fd, &old), 0);
    close(fd);
    end(begin(place, LIMIT));
    assert_int_equal(look(place, true, 0, false).verdict.lie, JOURNAL_HONEST);
    remove_place(place);
}

static void what_was_cut_off_while_no_guard_ran_stays_visible(void **state)
{
    struct place *place = make_place(true);
    struct found found;
    uint64_t first;

    (void)state;
    end(begin(place, LIMIT));
    first = size_of(place->path);
    end(begin(place, LIMIT));
    assert_int_equal(truncate(place->path, (off_t)first), 0);
    assert_int_equal(look(place, true, 0, false).verdict.lie,
                     JOURNAL_HONEST); /* only the state knows */
    end(begin(place, LIMIT));
    found = look(place, true, 0, false);
    assert_int_equal(found.verdict.lie, JOURNAL_REMOVED);
    assert_int_equal(found.verdict.first, 4);
    assert_int_equal(found.verdict.last, 6);
    assert_true(has_text(place, "it ends with record 3, but 6 were written and sealed"));
    remove_place(place);
}

static void what_is_no_journal_is_put_aside(void **state)
{
    struct place *place = make_place(true);
    struct found found;
    char name[160];
    FILE *file;

    (void)state;
    end(begin(place, LIMIT));
    file = fopen(place->path, "a");
    fputs("somebody was here\n", file);
    fclose(file);
    end(begin(place, LIMIT));
    found = look(place, true, 0, false);
    assert_int_equal(found.verdict.lie, JOURNAL_HONEST);
    assert_int_equal(found.first, 4); /* it goes on from the state */
    snprintf(name, sizeof name, "%s.damaged-3", place->path);
    assert_int_equal(access(name, F_OK), 0);
    remove_place(place);
}

static void two_guards_do_not_write_one_journal(void **state)
{
    struct place *place = make_place(false);
    struct journal *journal = begin(place, LIMIT);
    struct journal_setup setup = {.file = {place->path, LIMIT, 3}, .seal_ms = 1000};
    char error[JOURNAL_STATE_ERROR_MAX] = "";

    (void)state;
    assert_null(journal_open(&setup, NULL, error));
    assert_non_null(strstr(error, "another guard writes it"));
    end(journal);
    remove_place(place);
}

static void a_state_that_others_may_read_is_refused(void **state)
{
    struct place *place = make_place(true);
    struct journal_setup setup = {.file = {place->path, LIMIT, 3}, .seal_ms = 1000};
    char error[JOURNAL_STATE_ERROR_MAX] = "";
    FILE *file;

    (void)state;
    assert_int_equal(chmod(place->state, 0640), 0);
    assert_null(journal_open(&setup, NULL, error));
    assert_non_null(strstr(error, "chmod 0600"));
    assert_int_equal(chmod(place->state, 0600), 0);
    file = fopen(place->state, "r+");
    fputs("Handfast", file);
    fclose(file);
    assert_null(journal_open(&setup, NULL, error));
    assert_non_null(strstr(error, "it is damaged"));
    remove_place(place);
}

/* RLIMIT_FSIZE stands in for a disk; tests/interop has a real one. The least important go first, and that is written down. */
static void a_full_disk_drops_by_rank_and_says_so(void **state)
{
    struct place *place = make_place(true);
    struct journal *journal = begin(place, LIMIT);
    struct rlimit before, disk = {20000, 20000};
    struct journal_count count;
    uint64_t lost;
    struct found found;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    wait_until_written(journal);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    disk.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &disk), 0);
    for (int i = 0; i < 6000; i++)
        put(journal, (enum journal_rank)(i % JOURNAL_RANKS), "...............................");
    journal_counts(journal, &count);
    assert_true(count.dropped[JOURNAL_LOW] > count.dropped[JOURNAL_NORMAL]);
    assert_true(count.dropped[JOURNAL_NORMAL] > count.dropped[JOURNAL_HIGH]);
    assert_true(count.dropped[JOURNAL_HIGH] > 0);
    lost = count.dropped[0] + count.dropped[1] + count.dropped[2];
    while (count.error == 0)
        journal_counts(journal, &count);
    assert_int_equal(count.error, EFBIG);
    assert_true(size_of(place->path) <= 20000);

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0); /* somebody makes room */
    wait_until_written(journal);
    do /* once the ring has room it is said, at most once a second */
        wait_until_written(journal);
    while (!has_text(place, "\"dropped\""));
    end(journal);
    found = look(place, true, 0, false);
    assert_int_equal(found.verdict.lie, JOURNAL_HONEST);
    assert_int_equal(found.dropped, lost);
    assert_int_equal(found.records, 6000 - lost + 4); /* start, dropped, stop, seal */
    remove_place(place);
}

/* A fact waits five seconds; and after ten minutes it is sealed that nothing happened. */
static void seals_come_when_they_are_due(void **state)
{
    static const struct {
        int64_t at_s;
        bool fact;
        uint64_t seals; /* until then */
    } turns[] = {{4, false, 0},  {6, false, 1},   {20, false, 1},  {30, true, 1}, {34, false, 1},
                 {36, false, 2}, {630, false, 2}, {637, false, 3}, {638, true, 3}};

    (void)state;
    for (size_t last = 0; last < sizeof turns / sizeof *turns; last++) {
        struct place *place = make_place(true);
        struct journal_setup setup = {.file = {place->path, LIMIT, 3}, .seal_ms = 5000};
        char error[JOURNAL_STATE_ERROR_MAX];
        struct journal *journal = journal_open(&setup, NULL, error);
        struct record_body body = {.length = 0};
        int64_t begin_us = hf_os_now_us();
        struct found found;

        assert_non_null(journal);
        for (size_t i = 0; i <= last; i++) {
            int64_t now_us = begin_us + turns[i].at_s * 1000000;

            if (turns[i].fact)
                journal_put(journal, now_us, JOURNAL_LOW, "log", &body);
            journal_turn(journal, now_us);
        }
        end(journal);
        found = look(place, true, 0, false);
        assert_int_equal(found.verdict.lie, JOURNAL_HONEST);
        assert_int_equal(found.seals, turns[last].seals + 1); /* and that of the end */
        remove_place(place);
    }
}

/* Facts come with the instant of their turn, lines of the log with their own: the journal's time goes on. */
static void what_comes_later_is_not_earlier(void **state)
{
    struct place *place = make_place(true);
    struct journal *journal = begin(place, LIMIT);
    struct record_body body = {.length = 0};
    int64_t now_us = hf_os_now_us();

    (void)state;
    for (int i = 0; i < 10; i++)
        journal_put(journal, now_us + 1000 - i * 100, JOURNAL_HIGH, "log", &body);
    journal_turn(journal, now_us);
    journal_reopen(journal, now_us);
    journal_close(journal, now_us);
    assert_int_equal(look(place, true, 0, false).verdict.lie, JOURNAL_HONEST);
    remove_place(place);
}

/* What a log line says becomes a record, also if the log itself only counts it. */
static void every_line_of_the_log_is_a_record(void **state)
{
    struct place *place = make_place(false);
    struct log log = {.journal = begin(place, LIMIT)};
    struct log_about about = {
        .level = LOG_LEVEL_WARNING, .event = "scan", .service = "web", .prefix = "203.0.113.9"};

    (void)state;
    for (int i = 0; i < 20; i++)
        log_about(&log, hf_os_now_us(), &about, "somebody looks around");
    log_say(&log, hf_os_now_us(), "a line without a word");
    end(log.journal);
    assert_int_equal(look(place, false, 0, false).records, 23);
    assert_true(has_text(place, "\"kind\":\"scan\",\"service\":\"web\",\"prefix\":\"203.0.113.9\","
                                "\"text\":\"somebody looks around\""));
    assert_true(has_text(place, "\"kind\":\"log\",\"text\":\"a line without a word\""));
    remove_place(place);
}

static void a_key_survives_its_print(void **state)
{
    struct place *place = make_place(false);
    char text[JOURNAL_KEY_TEXT_MAX];
    size_t length = journal_key_print(text, &place->key);
    struct journal_key again;

    (void)state;
    assert_true(journal_key_scan(&again, ops, text, length));
    assert_memory_equal(&again, &place->key, sizeof again);
    for (size_t i = 0; i < length; i++) {
        text[i] ^= 1;
        assert_false(journal_key_scan(&again, ops, text, length));
        text[i] ^= 1;
    }
    assert_false(journal_key_scan(&again, ops, text, length - 1));
    remove_place(place);
}

static int set_up(void **state)
{
    (void)state;
    ops = hf_os_crypto();
    return ops == NULL ? -1 : 0;
}

int main(void)
{
    if (hf_os_crypto() == NULL)
        return 77; /* built without libcrypto */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life_is_written_down_and_sealed),
        cmocka_unit_test(the_chain_goes_on_over_starts),
        cmocka_unit_test(without_a_key_it_is_chained),
        cmocka_unit_test(the_state_keeps_no_key_of_before),
        cmocka_unit_test(rotation_keeps_the_chain),
        cmocka_unit_test(a_file_that_was_moved_is_closed_and_another_begins),
        cmocka_unit_test(a_line_that_was_not_finished_is_cut_off_and_said),
        cmocka_unit_test(a_seal_is_not_made_twice),
        cmocka_unit_test(what_was_cut_off_while_no_guard_ran_stays_visible),
        cmocka_unit_test(what_is_no_journal_is_put_aside),
        cmocka_unit_test(two_guards_do_not_write_one_journal),
        cmocka_unit_test(a_state_that_others_may_read_is_refused),
        cmocka_unit_test(a_full_disk_drops_by_rank_and_says_so),
        cmocka_unit_test(seals_come_when_they_are_due),
        cmocka_unit_test(what_comes_later_is_not_earlier),
        cmocka_unit_test(every_line_of_the_log_is_a_record),
        cmocka_unit_test(a_key_survives_its_print),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
