/* journal_rate: facts a second from the loop's call to the file, and what one costs the loop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <handfast/os.h>

#include "bench.h"
#include "guard/journal_writer.h"

#define TARGET_PER_S 50000
#define TURN 32 /* facts of one turn of the loop */

static int64_t thread_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t process_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The record of a connection that ended, as most are. */
static void put(struct journal *journal, uint64_t number)
{
    struct record_body body = {.length = 0};
    char client[48];

    snprintf(client, sizeof client, "198.51.100.%u:%u", (unsigned)(number % 250),
             (unsigned)(number % 60000));
    record_add_text(&body, "service", "web");
    record_add_text(&body, "backend", "nginx");
    record_add_text(&body, "client", client);
    record_add_text(&body, "listener", "203.0.113.10:443");
    record_add_text(&body, "value", "closed");
    record_add_number(&body, "bytes_in", 1234);
    record_add_number(&body, "bytes_out", number);
    record_add_number(&body, "duration_ms", number % 1000);
    journal_put(journal, hf_os_now_us(), JOURNAL_HIGH, "relay-end", &body);
}

static uint64_t dropped(const struct journal_count *count)
{
    return count->dropped[JOURNAL_LOW] + count->dropped[JOURNAL_NORMAL] +
           count->dropped[JOURNAL_HIGH];
}

/* As many as the disk takes: what the ring has no room for is put again. */
static uint64_t flood(struct journal *journal, uint64_t facts)
{
    struct journal_count count;
    uint64_t put_again = 0;

    for (uint64_t done = 0; done < facts;) {
        for (int i = 0; i < TURN; i++)
            put(journal, done + (uint64_t)i);
        journal_turn(journal, hf_os_now_us());
        journal_counts(journal, &count);
        done = count.put;
        if (dropped(&count) > put_again)
            sched_yield();
        put_again = dropped(&count);
    }
    do {
        journal_turn(journal, hf_os_now_us());
        journal_counts(journal, &count);
        sched_yield();
    } while (count.written < count.put);
    return count.written;
}

/* At the rate that is asked for: nothing may be dropped, and this is what it costs. */
static void steady(struct journal *journal, uint64_t facts, double *loop_ns, double *all_ns,
                   uint64_t *lost)
{
    int64_t begin_ns = bench_now_ns(), loop_begin = thread_ns(), all_begin = process_ns();
    struct timespec nap = {0, 500000};
    struct journal_count count;

    for (uint64_t done = 0; done < facts;) {
        uint64_t due = (uint64_t)((bench_now_ns() - begin_ns) * TARGET_PER_S / 1000000000);

        for (; done < due && done < facts; done++)
            put(journal, done);
        journal_turn(journal, hf_os_now_us());
        nanosleep(&nap, NULL);
    }
    *loop_ns = (double)(thread_ns() - loop_begin) / (double)facts;
    *all_ns = (double)(process_ns() - all_begin) / (double)facts;
    journal_counts(journal, &count);
    *lost = dropped(&count);
}

static struct journal *open_in(const char *directory)
{
    char path[128], error[JOURNAL_STATE_ERROR_MAX];
    uint8_t secret[JOURNAL_KEY_BYTES] = {1};
    struct journal_state state = {.seq = 0};
    struct journal_setup setup = {.file = {path, (uint64_t)64 << 20, 2}, .seal_ms = 1000};
    struct journal *journal;
    FILE *file;

    snprintf(path, sizeof path, "%s/bench.journal.state", directory);
    file = fopen(path, "w");
    if (file == NULL || chmod(path, 0600) != 0)
        bench_fail("no place for a journal");
    journal_key_init(&state.key, hf_os_crypto(), secret);
    if (journal_state_write(fileno(file), &state) != 0)
        bench_fail("no place for a journal's state");
    fclose(file);
    snprintf(path, sizeof path, "%s/bench.journal", directory);
    journal = journal_open(&setup, NULL, error);
    if (journal == NULL)
        bench_fail(error);
    return journal;
}

static void remove_all(const char *directory)
{
    static const char *const names[] = {"", ".1", ".2", ".state"};
    char path[128];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/bench.journal%s", directory, names[i]);
        unlink(path);
    }
    rmdir(directory);
}

static void run(const struct bench_options *options)
{
    struct bench_samples per_s = {.count = 0};
    uint64_t facts = options->quick ? 50000 : 500000, lost = 0;
    double loop_ns = 0, all_ns = 0;
    char extra[256];

    if (hf_os_crypto() == NULL) {
        bench_skip("journal_rate", "built without libcrypto");
        return;
    }
    for (int i = 0; i < (options->quick ? 1 : 3); i++) {
        char first[] = "/var/tmp/handfast_bench_XXXXXX";
        char second[] = "/var/tmp/handfast_bench_XXXXXX";
        struct journal *journal;
        int64_t begin_ns;

        if (mkdtemp(first) == NULL || mkdtemp(second) == NULL)
            bench_fail("no place for a journal");
        journal = open_in(first);
        begin_ns = bench_now_ns();
        bench_add(&per_s,
                  (double)flood(journal, facts) * 1e9 / (double)(bench_now_ns() - begin_ns));
        journal_close(journal, hf_os_now_us());
        remove_all(first);
        journal = open_in(second);
        steady(journal, facts, &loop_ns, &all_ns, &lost);
        journal_close(journal, hf_os_now_us());
        remove_all(second);
    }
    snprintf(extra, sizeof extra,
             "\"target\":%d,\"at_target_loop_ns\":%.0f,\"at_target_all_ns\":%.0f,"
             "\"at_target_dropped\":%llu",
             TARGET_PER_S, loop_ns, all_ns, (unsigned long long)lost);
    bench_print("journal_rate", &per_s, "records/s", extra);
}

const struct bench bench_journal_rate = {"journal_rate",
                                         "facts chained, sealed and written to a file", run};
