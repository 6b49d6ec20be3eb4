/* handfast capture: packets with what became of each, into a file of the caller's own.
 *
 * The guard opens no file for anybody: what it sees comes over the control socket, and who asked writes it with his own rights.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/guard_client.h"
#include "control/filter_text.h"

static const char help[] =
    "usage: handfast [-i NAME] capture FILE [--for DURATION] [FILTER] [--json]\n\n"
    "Writes the packets that a running guard receives and sends to FILE, as pcapng; a comment on\n"
    "each says what was decided about it and why.\n"
    "  FILE            \"-\" is the standard output\n"
    "  --for DURATION  10s, 5m; 60s without it, at most 1d. Ctrl-C ends it earlier\n"
    "  FILTER          service NAME, from PREFIX\n"
    "The guard keeps at most 4 MB for a file that is slow; what is lost beyond that is counted.\n";

#define CHUNK_MAX (INT64_C(1) << 24)
#define LONGEST_US (INT64_C(86400) * 1000000)
#define WORDS "service NAME, from PREFIX"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

struct writer {
    const char *path;
    int fd;
    bool failed, ended, terminal; /* terminal: somebody watches */
    int64_t bytes, packets, lost;
};

static bool is_standard_output(const struct writer *writer)
{
    return strcmp(writer->path, "-") == 0;
}

static bool write_all(struct writer *writer, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t wrote = write(writer->fd, bytes, length);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0) {
            writer->failed = true;
            app_fail("capture", "%s: %s", writer->path, strerror(errno));
            return false;
        }
        bytes += wrote;
        length -= (size_t)wrote;
    }
    return true;
}

/* When the guard has agreed: until then what the file holds already is worth more. */
static bool open_file(struct writer *writer)
{
    writer->fd = is_standard_output(writer)
                     ? STDOUT_FILENO
                     : open(writer->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (writer->fd >= 0)
        return true;
    writer->failed = true;
    app_fail("capture", "%s: %s", writer->path, strerror(errno));
    return false;
}

/* On one line of a terminal, which the end wipes. */
static void say_progress(const struct writer *writer, int64_t for_ms)
{
    char text[GUARD_NUMBER_MAX];

    if (!writer->terminal)
        return;
    if (for_ms > 0)
        fprintf(stderr, "capturing for %s, Ctrl-C ends it earlier",
                guard_duration(text, for_ms * 1000));
    else
        fprintf(stderr, "\r\033[K%sB so far, Ctrl-C ends it", guard_number(text, writer->bytes));
    fflush(stderr);
}

static bool on_line(void *context, const json_t *line, struct control_stream_in *in)
{
    struct writer *writer = context;
    int64_t length = guard_integer(line, "bytes");
    char *bytes;

    if (writer->fd < 0 && !open_file(writer))
        return false;
    if (json_is_true(json_object_get(line, "end"))) {
        writer->ended = true;
        writer->packets = guard_integer(line, "packets");
        writer->lost = guard_integer(line, "lost");
        if (writer->terminal)
            fputs("\r\033[K", stderr);
        return true;
    }
    if (length <= 0 || length > CHUNK_MAX) {
        say_progress(writer, guard_integer(line, "capturing_ms"));
        return true;
    }
    bytes = malloc((size_t)length);
    bool written = bytes && control_next_bytes(in, bytes, (size_t)length) == 0 &&
                   write_all(writer, bytes, (size_t)length);
    free(bytes);
    if (!written && !writer->failed) {
        writer->failed = true;
        app_fail("capture", "the guard has hung up; %s holds what came before", writer->path);
    }
    writer->bytes += length;
    say_progress(writer, 0);
    return written;
}

static void say_end(const struct writer *writer, bool json)
{
    FILE *to = writer->fd == STDOUT_FILENO ? stderr : stdout;

    if (json)
        fprintf(to, "{\"packets\": %" PRId64 ", \"lost\": %" PRId64 ", \"bytes\": %" PRId64 "}\n",
                writer->packets, writer->lost, writer->bytes);
    else
        fprintf(to, "%" PRId64 " packets in %s%s\n", writer->packets,
                is_standard_output(writer) ? "the standard output" : writer->path,
                writer->lost > 0 ? ", and more that came too fast to be kept" : "");
    if (writer->lost > 0 && !json)
        app_fail("capture",
                 "%" PRId64 " packets are missing: they came faster than they were taken",
                 writer->lost);
}

/* FILE, --for DURATION and what is left: the filter. */
static bool read_words(int argc, char **argv, struct writer *writer, const char **words,
                       size_t *count)
{
    int64_t us;
    size_t filter = 2;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--for") == 0) {
            if (words[1] || i + 1 == argc || !duration_parse(argv[i + 1], &us) || us <= 0 ||
                us > LONGEST_US) {
                app_usage("capture", "--for %s: accepted is once " DURATION_ACCEPTED ", at most 1d",
                          i + 1 < argc ? argv[i + 1] : "(nothing)");
                return false;
            }
            words[0] = "for";
            words[1] = argv[++i];
        } else if (argv[i][0] == '-' && argv[i][1] != '\0') {
            app_usage("capture",
                      "%s is not understood; accepted are FILE, --for, --json and " WORDS, argv[i]);
            return false;
        } else if (!writer->path) {
            writer->path = argv[i];
        } else {
            words[filter++] = argv[i];
        }
    }
    *count = filter;
    return true;
}

int cmd_capture(const struct app *app, int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    struct writer writer = {.fd = -1, .terminal = isatty(STDERR_FILENO)};
    char error[FILTER_ERROR_MAX];
    struct filter filter;
    size_t count = 0;
    int result = APP_USAGE;

    if (app_help(argc, argv, help))
        return APP_OK;
    bool json = guard_take_json(&argc, argv);
    const char **words = calloc((size_t)argc + 3, sizeof *words);
    if (!words)
        return app_fail("capture", "no memory");
    if (!read_words(argc, argv, &writer, words, &count)) {
        /* said */
    } else if (!writer.path) {
        app_usage("capture", "which file? \"-\" is the standard output");
    } else if (!filter_parse(&filter, count - 2, words + 2, error) || filter.state[0]) {
        app_usage("capture", "%s",
                  filter.state[0] ? "packets have no state; accepted are " WORDS : error);
    } else {
        struct guard_stream stream = {
            .patient = true, .line = on_line, .context = &writer, .stop = &interrupted};

        if (is_standard_output(&writer))
            app_fail_in_json(false); /* there are packets */
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        result = guard_follow(app, "capture", guard_request("capture", count, words), &stream);
        if (writer.fd >= 0 && writer.fd != STDOUT_FILENO && close(writer.fd) != 0 && !writer.failed)
            result = app_fail("capture", "%s: %s", writer.path, strerror(errno));
        if (writer.ended)
            say_end(&writer, json);
        if (writer.failed)
            result = APP_NO;
    }
    free(words);
    return result;
}
