/* handfast journal verify FILE...: the first lie, in words. What is a lie is decided by src/journal/verify.c. */
#include "app/app.h"
#include "app/color.h"
#include "app/journal_commands.h"
#include "app/journal_lines.h"
#include "guard/journal_state.h"
#include "journal/verify.h"

#include <handfast/os.h>

#include <jansson.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct job {
    char *names[JOURNAL_FILES_MAX];
    size_t count;
    const char *key_file, *state_file;
    bool with_older, open, json;
    struct journal_files files;
    uint64_t first_line[JOURNAL_FILES_MAX + 1]; /* lines before each file */
    size_t rest;                                /* bytes after the last newline */
    bool is_written;                            /* a guard holds the last file */
    bool has_state;
    struct journal_state state;
    struct journal_verify verify;
    char text[512];
};

/* ---- what is asked ---- */

static int parse(struct job *job, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        bool takes_file = strcmp(argv[i], "--key") == 0 || strcmp(argv[i], "--state") == 0;

        if (takes_file && i + 1 < argc) {
            *(argv[i][2] == 'k' ? &job->key_file : &job->state_file) = argv[i + 1];
            i++;
        } else if (strcmp(argv[i], "--all") == 0) {
            job->with_older = true;
        } else if (strcmp(argv[i], "--open") == 0) {
            job->open = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            job->json = true;
        } else if ((argv[i][0] == '-' && argv[i][1] != '\0') || job->count == JOURNAL_FILES_MAX) {
            return app_usage(
                "journal",
                "verify: %s is not understood; accepted are FILE..., --key FILE, --state "
                "FILE, --all, --open and --json",
                argv[i]);
        } else {
            job->names[job->count++] = argv[i];
        }
    }
    if (job->count == 0)
        return app_usage("journal", "verify: accepted is at least one FILE");
    return APP_OK;
}

static int read_key(struct job *job, struct journal_key *key)
{
    char text[JOURNAL_KEY_TEXT_MAX + 1];
    FILE *file = fopen(job->key_file, "re");
    size_t length;

    if (file == NULL)
        return app_fail("journal", "verify: %s: %s", job->key_file, strerror(errno));
    length = fread(text, 1, sizeof text, file);
    fclose(file);
    if (!journal_key_scan(key, job->verify.ops, text, length))
        return app_fail("journal",
                        "verify: %s is no key; accepted are the three lines that `handfast journal "
                        "init` printed",
                        job->key_file);
    return APP_OK;
}

/* Before the journal: what it says must be there by then. */
static int read_state(struct job *job)
{
    const char *last = job->names[job->count - 1];
    char beside[JOURNAL_PATH_MAX + sizeof JOURNAL_STATE_SUFFIX], error[JOURNAL_STATE_ERROR_MAX];
    int fd;

    snprintf(beside, sizeof beside, "%s" JOURNAL_STATE_SUFFIX, last);
    fd = open(job->state_file ? job->state_file : beside, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && job->state_file != NULL)
        return app_fail("journal", "verify: %s: %s", job->state_file, strerror(errno));
    if (fd < 0)
        return APP_OK; /* another machine, or not allowed */
    job->has_state =
        journal_state_read(fd, job->state_file ? job->state_file : beside, &job->state, error);
    close(fd);
    return job->has_state || job->state_file == NULL ? APP_OK
                                                     : app_fail("journal", "verify: %s", error);
}

/* ---- reading ---- */

/* False: it cannot be read; said already. */
static bool read_file(struct job *job, size_t index)
{
    const char *name = job->files.names[index];
    struct journal_lines *lines = malloc(sizeof *lines);
    enum journal_lines_answer answer = JOURNAL_LINES_ONE;
    const char *line;
    size_t length = 0;
    bool more = true;

    if (lines == NULL || !journal_lines_open(lines, name)) {
        app_fail("journal", "verify: %s: %s", name, strerror(errno));
        free(lines);
        return false;
    }
    while (more && (answer = journal_lines_next(lines, &line, &length)) == JOURNAL_LINES_ONE)
        more = journal_verify_line(&job->verify, line, length);
    job->rest = answer == JOURNAL_LINES_NO_MORE ? length : 0;
    job->is_written = flock(lines->fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (answer == JOURNAL_LINES_FAILED)
        app_fail("journal", "verify: %s: %s", name, strerror(errno));
    journal_lines_close(lines);
    free(lines);
    return answer != JOURNAL_LINES_FAILED;
}

static bool has_verdict(const struct job *job)
{
    return job->verify.verdict.lie != JOURNAL_HONEST;
}

static bool read_all(struct job *job)
{
    for (size_t i = 0; i < job->files.count; i++) {
        bool last = i + 1 == job->files.count;

        job->first_line[i] = job->verify.lines;
        if (!read_file(job, i))
            return false;
        job->first_line[i + 1] = job->verify.lines;
        /* While a guard writes, a line may be half there. */
        if (last && (job->is_written || job->open) && !has_verdict(job))
            job->rest = 0;
        if (last || job->rest > 0)
            journal_verify_end(&job->verify, job->rest, job->is_written || job->open);
        if (job->rest > 0)
            break;
    }
    return true;
}

/* The machine knows more than the file shows: its end was cut off. */
static void ask_state(struct job *job)
{
    struct journal_verify *verify = &job->verify;
    const struct journal_state *state = &job->state;

    if (!job->has_state || has_verdict(job))
        return;
    if (state->seq > verify->seq ||
        (state->key.present && verify->seals > 0 && state->key.epoch > verify->epoch + 1))
        verify->verdict =
            (struct journal_verdict){JOURNAL_TRUNCATED, verify->seq, verify->seq, verify->lines};
}

/* ---- words ---- */

static void range(char text[64], uint64_t first, uint64_t last)
{
    if (first == last)
        snprintf(text, 64, "%" PRIu64, first);
    else
        snprintf(text, 64, "%" PRIu64 " to %" PRIu64, first, last);
}

static void describe(struct job *job)
{
    const struct journal_verdict *is = &job->verify.verdict;
    char which[64], *to = job->text;
    size_t room = sizeof job->text;
    bool one = is->first == is->last;

    range(which, is->first, is->last);
    switch (is->lie) {
    case JOURNAL_HONEST: break;
    case JOURNAL_ALTERED:
        snprintf(to, room,
                 one ? "record %s is not as it was written"
                     : "one of the records %s is not as it was written",
                 which);
        break;
    case JOURNAL_REWRITTEN:
        snprintf(
            to, room,
            "among the records %s something was written anew: they fit each other, but not the "
            "seal of the last one",
            which);
        break;
    case JOURNAL_REMOVED:
        snprintf(to, room, one ? "record %s is not there" : "the records %s are not there", which);
        break;
    case JOURNAL_REORDERED:
        snprintf(to, room, "record %s does not stand where it was written, or stands there twice",
                 which);
        break;
    case JOURNAL_TRUNCATED:
        snprintf(to, room, "it was cut off after record %s%s", which,
                 job->has_state && job->state.seq > is->last
                     ? ": the guard's own state knows of more"
                 : job->rest > 0 ? ", in the middle of the next"
                                 : ": nothing says that the guard ended (--open: one was "
                                   "writing when it was copied)");
        break;
    case JOURNAL_TIME:
        snprintf(to, room, "at record %s time went backwards, or jumped and nobody said so", which);
        break;
    case JOURNAL_GAP:
        snprintf(to, room,
                 "record %" PRIu64 " stands where %" PRIu64 " should, and the chain fits: whoever "
                 "wrote it left something out",
                 is->first, is->last);
        break;
    case JOURNAL_SEAL_GAP:
        snprintf(to, room,
                 job->verify.seals == 0 ? "it has no seals, and the key says it should"
                                        : "the seals of the epochs %s are not there",
                 which);
        break;
    case JOURNAL_WRONG_KEY:
        snprintf(to, room, "record %s was sealed with another journal's key", which);
        break;
    }
}

static const char *file_of(const struct job *job, uint64_t *line)
{
    size_t i = 0;

    while (i + 1 < job->files.count && job->first_line[i + 1] < *line && job->first_line[i + 1] > 0)
        i++;
    *line -= job->first_line[i];
    return job->files.names[i];
}

static void wall(char text[RECORD_WALL_LETTERS + 1], int64_t wall_us)
{
    record_put_wall(text, wall_us);
    text[RECORD_WALL_LETTERS] = '\0';
}

static void print_honest(const struct job *job)
{
    const struct journal_verify *is = &job->verify;
    char from[RECORD_WALL_LETTERS + 1], to[RECORD_WALL_LETTERS + 1];

    wall(from, is->first_wall_us);
    wall(to, is->time.wall_us);
    printf("%s%s: no lie found%s in the records %" PRIu64 " to %" PRIu64 ", %s to %s\n",
           color(stdout, COLOR_GREEN), job->names[job->count - 1], color(stdout, COLOR_PLAIN),
           is->first_seq, is->seq, from, to);
    if (is->first_seq != 1)
        printf("  what came before record %" PRIu64 " is not in these files\n", is->first_seq);
    if (is->seals == 0) {
        printf("  there are no seals: whoever could write the file could have written all of it "
               "anew\n");
    } else {
        wall(to, is->sealed_wall_us);
        printf("  sealed up to record %" PRIu64 ", %s, by epochs %" PRIu64 " to %" PRIu64 ": %s\n",
               is->sealed_seq, to, is->first_epoch, is->epoch,
               is->key.present ? "every seal checked" : "not checked without --key");
        if (is->lines > is->sealed_lines)
            printf("  of %" PRIu64 " records after that nobody but the chain knows yet\n",
                   is->lines - is->sealed_lines);
    }
    if (is->clock_steps > 0)
        printf("  the clock was set %" PRIu64 " times: handfast journal show FILE kind clock\n",
               is->clock_steps);
    if (is->dropped > 0)
        printf("  %" PRIu64 " facts were dropped for want of disk, as the journal says\n",
               is->dropped);
}

static void print_json(const struct job *job, const char *file, uint64_t line)
{
    const struct journal_verify *is = &job->verify;
    const struct journal_verdict *verdict = &is->verdict;
    json_t *object = json_pack(
        "{s:b, s:s, s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:b}", "honest",
        verdict->lie == JOURNAL_HONEST, "verdict", journal_lie_word(verdict->lie), "first_record",
        (json_int_t)is->first_seq, "last_record", (json_int_t)is->seq, "seals",
        (json_int_t)is->seals, "sealed_record", (json_int_t)is->sealed_seq, "seals_checked",
        is->key.present && is->seals > 0, "unsealed", (json_int_t)(is->lines - is->sealed_lines),
        "starts", (json_int_t)is->starts, "clock_steps", (json_int_t)is->clock_steps, "dropped",
        (json_int_t)is->dropped, "open", !is->closed);

    if (object == NULL)
        return;
    if (verdict->lie != JOURNAL_HONEST) {
        json_object_set_new(object, "file", json_string(file));
        json_object_set_new(object, "line", json_integer((json_int_t)line));
        json_object_set_new(object, "first", json_integer((json_int_t)verdict->first));
        json_object_set_new(object, "last", json_integer((json_int_t)verdict->last));
        json_object_set_new(object, "text", json_string(job->text));
    }
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

static int report(struct job *job)
{
    uint64_t line = job->verify.verdict.line;
    const char *file = file_of(job, &line);

    describe(job);
    if (job->json)
        print_json(job, file, line);
    else if (!has_verdict(job))
        print_honest(job);
    else
        printf("%s:%" PRIu64 ": %s%s%s: %s\n", file, line, color(stdout, COLOR_RED),
               journal_lie_word(job->verify.verdict.lie), color(stdout, COLOR_PLAIN), job->text);
    return has_verdict(job) ? APP_NO : APP_OK;
}

/* ---- all of it ---- */

static int run(struct job *job)
{
    struct journal_key key = {.present = false};
    int result;

    job->verify.ops = hf_os_crypto();
    if (job->verify.ops == NULL)
        return app_fail("journal", "verify: this program was built without libcrypto");
    result = job->key_file != NULL ? read_key(job, &key) : APP_OK;
    if (result == APP_OK)
        result = read_state(job);
    if (result != APP_OK)
        return APP_USAGE;
    if (!journal_files_of(&job->files, job->count, job->names, job->with_older))
        return app_fail("journal", "verify: too many files, or too long a name");
    journal_verify_init(&job->verify, hf_os_crypto(), key.present ? &key : NULL);
    journal_key_wipe(&key);
    if (!read_all(job))
        return APP_USAGE;
    ask_state(job);
    if (job->verify.lines == 0 && !has_verdict(job))
        return app_fail("journal", "verify: there is no record in it");
    return report(job);
}

int journal_verify(int argc, char **argv)
{
    struct job *job = calloc(1, sizeof *job);
    int result;

    if (job == NULL)
        return app_fail("journal", "verify: no memory");
    result = parse(job, argc, argv);
    if (result == APP_OK)
        result = run(job);
    journal_files_free(&job->files);
    journal_verify_wipe(&job->verify);
    journal_key_wipe(&job->state.key);
    free(job);
    return result;
}
