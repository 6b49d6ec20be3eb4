/* Captures read back block by block, and by tshark where it is installed. [draft-ietf-opsawg-pcapng 4] */
#include "unit/driver/frames.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <handfast/stats.h>

#include "driver/pcapng.h"

#define TSHARK "/usr/bin/tshark"

static uint8_t frame_bytes[HF_FRAME_MAX + 64], copy[HF_FRAME_MAX + 64];

struct capture {
    char path[64];
    struct pcapng *pcapng;
    uint8_t *bytes; /* once read */
    size_t length, at;
};

static int setup(void **state)
{
    struct capture *capture = calloc(1, sizeof *capture);

    snprintf(capture->path, sizeof capture->path, "/tmp/handfast_pcapng_XXXXXX");
    int fd = mkstemp(capture->path);
    close(fd);
    *state = capture;
    return fd < 0;
}

static int teardown(void **state)
{
    struct capture *capture = *state;

    unlink(capture->path);
    free(capture->bytes);
    free(capture);
    return 0;
}

static void read_back(struct capture *capture)
{
    FILE *file = fopen(capture->path, "rb");

    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    capture->length = (size_t)ftell(file);
    rewind(file);
    capture->bytes = malloc(capture->length + 1);
    assert_int_equal(fread(capture->bytes, 1, capture->length, file), capture->length);
    fclose(file);
}

static uint32_t u32_at(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static uint16_t u16_at(const uint8_t *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

/* The next block's body and its length; checks that both lengths agree. */
static const uint8_t *next_block(struct capture *capture, uint32_t type, uint32_t *length)
{
    const uint8_t *block = capture->bytes + capture->at;

    assert_true(capture->at + 12 <= capture->length);
    assert_int_equal(u32_at(block), type);
    uint32_t total = u32_at(block + 4);
    assert_int_equal(total % 4, 0);
    assert_true(total >= 12 && capture->at + total <= capture->length);
    assert_int_equal(u32_at(block + total - 4), total);
    capture->at += total;
    *length = total - 12;
    return block + 8;
}

/* The value of an option as a string; walks to the end of the options, which must be the end of the block. */
static char *option(const uint8_t *at, const uint8_t *end, uint16_t code, char text[256])
{
    text[0] = 0;
    for (;;) {
        assert_true(at + 4 <= end);
        uint16_t found = u16_at(at), length = u16_at(at + 2);

        if (found == 0) {
            assert_ptr_equal(at + 4, end);
            return text;
        }
        if (found == code) {
            assert_true(length < 256);
            memcpy(text, at + 4, length);
            text[length] = 0;
        }
        at += 4 + ((length + 3u) & ~3u);
    }
}

struct seen {
    const uint8_t *data;
    uint32_t length, interface, direction;
    uint64_t at;
    char comment[256];
};

static struct seen next_packet(struct capture *capture)
{
    struct seen seen;
    char flags[256];
    uint32_t length;
    const uint8_t *body = next_block(capture, 6, &length);

    seen.interface = u32_at(body);
    seen.at = (uint64_t)u32_at(body + 4) << 32 | u32_at(body + 8);
    seen.length = u32_at(body + 12);
    assert_int_equal(u32_at(body + 16), seen.length);
    seen.data = body + 20;
    const uint8_t *options = seen.data + ((seen.length + 3) & ~3u);
    option(options, body + length, 1, seen.comment);
    seen.direction = u32_at((const uint8_t *)option(options, body + length, 2, flags));
    return seen;
}

static void expect_headers(struct capture *capture)
{
    char text[256];
    uint32_t length;
    const uint8_t *body = next_block(capture, 0x0a0d0d0a, &length);

    assert_int_equal(u32_at(body), 0x1a2b3c4d);
    assert_int_equal(u16_at(body + 4), 1);
    assert_int_equal(u16_at(body + 6), 0);
    assert_string_equal(option(body + 16, body + length, 4, text), "handfast " HF_VERSION);

    body = next_block(capture, 1, &length);
    assert_int_equal(u16_at(body), 1);
    assert_string_equal(option(body + 8, body + length, 2, text), "hf0");
    body = next_block(capture, 1, &length);
    assert_int_equal(u16_at(body), 101);
    assert_string_equal(option(body + 8, body + length, 2, text), "raw");
    assert_int_equal((uint8_t)option(body + 8, body + length, 9, text)[0], 6);
}

static void open_with_two_interfaces(struct capture *capture)
{
    assert_int_equal(pcapng_open(&capture->pcapng, capture->path, 1000), HF_OK);
    assert_int_equal(pcapng_add_interface(capture->pcapng, "hf0", HF_ETHERNET), 0);
    assert_int_equal(pcapng_add_interface(capture->pcapng, "raw", HF_RAW_IP), 1);
}

static void every_packet_says_what_became_of_it(void **state)
{
    struct capture *capture = *state;
    uint64_t seed = 0x9ca9;
    char expected[512];

    open_with_two_interfaces(capture);
    struct hf_frame in =
        frame_make(frame_bytes, &(struct frame_plan){4, false, false, 10, 0, TCP_ACK, 1}, &seed);
    memcpy(copy, frame_bytes, in.length);
    pcapng_before_input(capture->pcapng, &in, 1);
    memset(frame_bytes, 0, in.length); /* the stack may change what it was given */
    in.verdict = HF_DROPPED;
    in.reason = HF_STAT_tcp_bad_checksum;
    pcapng_after_input(capture->pcapng, 0, &in, 1, 5);
    in.verdict = HF_DELIVERED;
    in.reason = HF_STAT_none;
    pcapng_after_input(capture->pcapng, 0, &in, 1, 6);
    in.verdict = HF_FOREIGN;
    in.reason = HF_STAT_frame_foreign;
    pcapng_after_input(capture->pcapng, 0, &in, 1, 7);
    struct hf_frame out =
        frame_make(frame_bytes, &(struct frame_plan){6, true, false, 0, 0, TCP_SYN, 1}, &seed);
    pcapng_output(capture->pcapng, 1, &out, 1, 8);
    out.unproven = 1;
    pcapng_output(capture->pcapng, 1, &out, 1, 9);
    assert_int_equal(pcapng_close(capture->pcapng), 0);

    read_back(capture);
    expect_headers(capture);
    struct seen seen = next_packet(capture);
    snprintf(expected, sizeof expected, "dropped, tcp_bad_checksum: %s",
             hf_stat_meaning(HF_STAT_tcp_bad_checksum));
    assert_string_equal(seen.comment, expected);
    assert_int_equal(seen.direction, 1);
    assert_int_equal(seen.at, 1005);
    assert_int_equal(seen.length, in.length);
    assert_memory_equal(seen.data, copy, 50); /* up to the checksum, which was completed */
    assert_string_equal(next_packet(capture).comment, "delivered");
    assert_true(strncmp(next_packet(capture).comment, "foreign, frame_foreign: ", 24) == 0);
    seen = next_packet(capture);
    assert_string_equal(seen.comment, "sent");
    assert_int_equal(seen.direction, 2);
    assert_int_equal(seen.interface, 1);
    assert_string_equal(next_packet(capture).comment, "sent to an unproven peer");
    assert_int_equal(capture->at, capture->length);
}

/* More than the buffer holds, in large frames that are cut. */
static void many_large_frames(void **state)
{
    struct capture *capture = *state;
    struct frame_plan plan = {4, false, false, 60000, 1448, TCP_ACK | TCP_PSH, 1000};
    uint64_t seed = 0x9ca9;

    open_with_two_interfaces(capture);
    for (int i = 0; i < 40; i++) {
        struct hf_frame frame = frame_make(frame_bytes, &plan, &seed);

        pcapng_output(capture->pcapng, 0, &frame, 1, i);
        plan.seq += plan.text_bytes;
    }
    assert_int_equal(pcapng_close(capture->pcapng), 0);

    read_back(capture);
    expect_headers(capture);
    uint32_t next = 1000;
    for (int i = 0; i < 40 * 42; i++) {
        struct seen seen = next_packet(capture);
        char expected[64];

        snprintf(expected, sizeof expected, "sent (part %d of 42)", i % 42 + 1);
        assert_string_equal(seen.comment, expected);
        assert_int_equal(get_be32(seen.data + 38), next);
        next += seen.length - 66;
    }
    assert_int_equal(next, 1000 + 40 * 60000);
    assert_int_equal(capture->at, capture->length);
}

/* What tshark prints of the capture's checksums, comments and complaints, a line a packet. */
static FILE *run_tshark(const char *path, pid_t *child)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    *child = fork();
    if (*child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        if (!freopen("/dev/null", "w", stderr))
            _exit(126);
        execl(TSHARK, "tshark", "-n", "-r", path, "-o", "tcp.check_checksum:TRUE", "-o",
              "ip.check_checksum:TRUE", "-T", "fields", "-e", "tcp.checksum.status", "-e",
              "ip.checksum.status", "-e", "frame.comment", "-e", "_ws.malformed", "-e",
              "tcp.analysis.retransmission", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    return fdopen(ends[0], "r");
}

static void tshark_finds_nothing_wrong(void **state)
{
    struct capture *capture = *state;
    struct frame_plan plan = {4, false, false, 20000, 1448, TCP_ACK | TCP_PSH, 1000};
    uint64_t seed = 0x9ca9;
    char line[512];
    int lines = 0, status;
    pid_t child;

    if (access(TSHARK, X_OK) != 0) {
        print_message("skipped: tshark is not installed\n");
        skip();
    }
    open_with_two_interfaces(capture);
    for (int i = 0; i < 3; i++) {
        struct hf_frame frame = frame_make(frame_bytes, &plan, &seed);

        pcapng_output(capture->pcapng, 0, &frame, 1, i);
        plan.seq += plan.text_bytes;
    }
    assert_int_equal(pcapng_close(capture->pcapng), 0);

    FILE *tshark = run_tshark(capture->path, &child);
    assert_non_null(tshark);
    for (; fgets(line, sizeof line, tshark); lines++)
        assert_true(strncmp(line, "1\t1\tsent (part ", 15) == 0 && strstr(line, ")\t\t\n"));
    fclose(tshark);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(lines, 3 * 14);
}

static void errors_of_the_file(void **state)
{
    struct pcapng *pcapng = NULL;
    uint64_t seed = 1;
    struct frame_plan plan = {4, false, false, 60000, 1448, TCP_ACK, 1000};
    struct hf_frame frame = frame_make(frame_bytes, &plan, &seed);

    (void)state;
    assert_int_equal(pcapng_open(&pcapng, "/nonexistent/capture", 0), HF_SYSTEM);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(pcapng_open(&pcapng, "/dev/full", 0), HF_OK);
    pcapng_add_interface(pcapng, "hf0", HF_ETHERNET);
    pcapng_flush(pcapng);
    for (int i = 0; i < 5; i++)
        pcapng_output(pcapng, 0, &frame, 1, 0);
    assert_int_equal(pcapng_close(pcapng), 5);
    assert_int_equal(pcapng_close(NULL), 0);
}

/* Taken as it comes, it is the same file; what is not taken in time is lost as whole packets, and counted. */
static void a_capture_in_memory(void **state)
{
    struct capture *capture = *state;
    struct frame_plan plan = {4, false, false, 1000, 0, TCP_ACK, 1000};
    uint64_t seed = 1;
    struct hf_frame frame = frame_make(frame_bytes, &plan, &seed);
    FILE *file = fopen(capture->path, "wb");
    const uint8_t *bytes;
    int error, made = 0;

    assert_non_null(file);
    assert_int_equal(pcapng_open_memory(&capture->pcapng, 1, 0), HF_OK); /* the least there is */
    pcapng_add_interface(capture->pcapng, "hf0", HF_ETHERNET);
    for (int i = 0; i < 1000; i++) {
        pcapng_output(capture->pcapng, 0, &frame, 1, i);
        if (i % 7 == 0)
            for (size_t n; (n = pcapng_take(capture->pcapng, 1 + (size_t)i, &bytes)) > 0;)
                assert_int_equal(fwrite(bytes, 1, n, file), n);
    }
    assert_int_equal(pcapng_lost(capture->pcapng, &error), 0);
    while (pcapng_lost(capture->pcapng, &error) == 0 && made++ < 1000)
        pcapng_output(capture->pcapng, 0, &frame, 1, 0);
    assert_in_range(made, 50, 999); /* it is full at some time */
    for (size_t n; (n = pcapng_take(capture->pcapng, 4096, &bytes)) > 0;)
        assert_int_equal(fwrite(bytes, 1, n, file), n);
    pcapng_output(capture->pcapng, 0, &frame, 1, 1); /* and there is room again */
    assert_int_equal(pcapng_lost(capture->pcapng, &error), 1);
    uint64_t packets = pcapng_made(capture->pcapng);
    size_t rest = pcapng_take(capture->pcapng, SIZE_MAX, &bytes);
    assert_int_equal(fwrite(bytes, 1, rest, file), rest);
    fclose(file);
    assert_int_equal(pcapng_close(capture->pcapng), 1);

    read_back(capture);
    uint32_t length;
    next_block(capture, 0x0a0d0d0a, &length);
    next_block(capture, 1, &length);
    for (uint64_t i = 0; i < packets; i++)
        assert_string_equal(next_packet(capture).comment, "sent");
    assert_int_equal(capture->at, capture->length);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_capture_in_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(every_packet_says_what_became_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(many_large_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(tshark_finds_nothing_wrong, setup, teardown),
        cmocka_unit_test(errors_of_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
