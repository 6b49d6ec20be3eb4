/* handfast explain FILE: a capture, told as ladders with both ends' states and what is odd. */
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "app/app.h"
#include "app/explain_print.h"
#include "base/time.h"
#include "explain/capture_file.h"
#include "sim/ladder.h"

#define BUFFER_BYTES (1 << 18)
#define PROGRESS_PACKETS 262144u

static const char help[] =
    "usage: handfast explain [--odd] [--summary] [--all] [--conversation N] [--plain] [--json] "
    "FILE\n\n"
    "Tells a capture of TCP (pcap or pcapng, of any tool; - is standard input): a row a packet, "
    "with\n"
    "the state that each end must be in after it, and what is odd about it.\n"
    "  --odd             only packets with something odd\n"
    "  --summary         only the last lines: conversations, oddities, floods\n"
    "  --all             also the half-opens of a SYN flood, one by one\n"
    "  --conversation N  only the Nth\n"
    "  --plain           ASCII; without it as the locale says\n"
    "  --json            one object a packet, and one of the whole at the end\n\n"
    "Exit code 0; 1 if the file could not be read, or not to its end (what was read is told).\n";

struct request {
    const char *file;
    struct explain_style style;
    bool summary;
};

static int read_options(int argc, char **argv, struct request *request)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        long number;

        if (strcmp(word, "--odd") == 0) {
            request->style.only_odd = true;
        } else if (strcmp(word, "--summary") == 0) {
            request->summary = true;
        } else if (strcmp(word, "--all") == 0) {
            request->style.all = true;
        } else if (strcmp(word, "--plain") == 0) {
            request->style.utf8 = false;
        } else if (strcmp(word, "--json") == 0) {
            request->style.json = true;
        } else if (strcmp(word, "--conversation") == 0) {
            if (++i == argc || !app_number(argv[i], 1, 1L << 40, &number))
                return app_usage("explain", "--conversation %s, accepted is a number from 1 on",
                                 i < argc ? argv[i] : "without a number");
            request->style.conversation = (uint64_t)number;
        } else if (word[0] == '-' && word[1] != '\0') {
            return app_usage("explain",
                             "%s, accepted are --odd --summary --all --conversation N --plain "
                             "--json",
                             word);
        } else if (request->file) {
            return app_usage("explain", "a second file %s, accepted is one", word);
        } else {
            request->file = word;
        }
    }
    return request->file ? APP_OK : app_usage("explain", "accepted is a capture FILE, or -");
}

static void count_other(struct explain_others *others, enum dissect_kind kind)
{
    switch (kind) {
    case DISSECTED_OTHER: others->other++; break;
    case DISSECTED_FRAGMENT: others->fragments++; break;
    case DISSECTED_SHORT: others->too_short++; break;
    case DISSECTED_BROKEN: others->broken++; break;
    case DISSECTED_TCP: break;
    }
}

static enum capture_read tell(struct capture_file *file, struct observer *observer,
                              struct request *request, struct explain_others *others,
                              char error[CAPTURE_ERROR_MAX])
{
    /* Who waits for a gigabyte sees that it goes on: on a terminal, when the rows go elsewhere. */
    bool progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
    struct capture_packet packet;
    struct dissected dissected;
    struct observation seen;
    enum capture_read read;
    uint64_t packets = 0;

    while ((read = capture_file_next(file, &packet, error)) == CAPTURE_PACKET) {
        enum dissect_kind kind =
            dissect(&dissected, packet.link, packet.data, packet.captured, packet.length);

        if (packets++ == 0)
            request->style.start_us = packet.at_us;
        if (progress && packets % PROGRESS_PACKETS == 0)
            fprintf(stderr, "\r%llu packets ", (unsigned long long)packets);
        if (kind != DISSECTED_TCP) {
            count_other(others, kind);
            continue;
        }
        observer_see(observer, &dissected, packet.at_us, &seen);
        if (!request->summary)
            explain_row(&request->style, &seen, &dissected, packet.at_us);
        if (ferror(request->style.out))
            break; /* nobody reads any more */
    }
    if (progress && packets >= PROGRESS_PACKETS)
        fputs("\r                        \r", stderr);
    return read;
}

static int explain(struct capture_file *file, struct request *request)
{
    char error[CAPTURE_ERROR_MAX];
    struct explain_others others = {0};
    struct observer observer;
    struct siphash_key key = {0};

    if (getrandom(&key, sizeof key, 0) != sizeof key ||
        !observer_init(&observer, OBSERVER_CONVERSATIONS, key))
        return app_fail("explain", "no memory for %u conversations", OBSERVER_CONVERSATIONS);
    enum capture_read read = tell(file, &observer, request, &others, error);

    observer_finish(&observer);
    explain_summary(&request->style, &observer, &others);
    fflush(stdout);
    observer_free(&observer);
    if (read == CAPTURE_BROKEN)
        return app_fail("explain", "%s: %s; what stands before it was told", request->file, error);
    return APP_OK;
}

int cmd_explain(const struct app *app, int argc, char **argv)
{
    struct request request = {.style = {.out = stdout}};
    char error[CAPTURE_ERROR_MAX];
    struct capture_file *file;
    int result;

    (void)app;
    if (app_help(argc, argv, help))
        return APP_OK;
    request.style.utf8 = ladder_style_of_locale() == LADDER_UTF8;
    result = read_options(argc, argv, &request);
    if (result != APP_OK)
        return result;
    file = capture_file_open(request.file, error);
    if (!file)
        return app_fail("explain", "%s", error);
    setvbuf(stdout, NULL, _IOFBF, BUFFER_BYTES);
    result = explain(file, &request);
    capture_file_close(file);
    return result;
}
