/* The reader of captures against the writer, and against files that are cut off or nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/bytes.h"
#include "driver/pcapng.h"
#include "lab/capture.h"
#include "wire/checksum.h"
#include "wire/tcp_header.h"

#define CLIENT_PORT 40000
#define FRAME_BYTES (14 + 20 + 20)

/* An IPv4 segment without text, its checksums complete. */
static void make_frame(uint8_t frame[FRAME_BYTES], const struct segment *seg)
{
    struct hf_address from, to;
    uint8_t *ip = frame + 14, *tcp = ip + 20;

    memset(frame, 0, FRAME_BYTES);
    put_be16(frame + 12, 0x0800);
    ip[0] = 0x45;
    put_be16(ip + 2, 40);
    ip[8] = 64;
    ip[9] = 6;
    memcpy(ip + 12, (const uint8_t[]){198, 51, 100, 2, 192, 0, 2, 10}, 8);
    put_be16(ip + 10, (uint16_t)~checksum_sum(ip, 20));
    from = address_v4(0xc6336402);
    to = address_v4(0xc000020a);
    assert_int_equal(tcp_header_build(tcp, seg), 20);
    put_be16(tcp + 16, (uint16_t)~checksum_add(checksum_pseudo_header(&from, &to, 6, 20),
                                               checksum_sum(tcp, 20)));
}

struct fixture {
    char path[64], cut_path[64];
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    int fds[2];

    snprintf(fixture->path, sizeof fixture->path, "/tmp/handfast_capture_XXXXXX");
    snprintf(fixture->cut_path, sizeof fixture->cut_path, "/tmp/handfast_capture_XXXXXX");
    fds[0] = mkstemp(fixture->path);
    fds[1] = mkstemp(fixture->cut_path);
    close(fds[0]);
    close(fds[1]);
    *state = fixture;
    return fds[0] < 0 || fds[1] < 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    unlink(fixture->path);
    unlink(fixture->cut_path);
    free(fixture);
    return 0;
}

/* In: a SYN; out: a SYN-ACK (the addresses stay, only direction and ports matter); in: another conversation, and nonsense. */
static void write_capture(const char *path)
{
    struct segment syn = {.seq = {77},
                          .flags = TCP_SYN,
                          .window = 1000,
                          .source_port = CLIENT_PORT,
                          .destination_port = 80};
    struct segment answer = {.seq = {5},
                             .ack = {78},
                             .flags = TCP_SYN | TCP_ACK,
                             .source_port = 80,
                             .destination_port = CLIENT_PORT};
    struct pcapng_note in = {0, false, 1000000, "delivered"}, out = {0, true, 1000010, "sent"};
    uint8_t bytes[FRAME_BYTES];
    struct hf_frame frame = {.data = bytes, .length = FRAME_BYTES, .capacity = FRAME_BYTES};
    struct pcapng *pcapng;

    assert_int_equal(pcapng_open(&pcapng, path, 0), HF_OK);
    pcapng_add_interface(pcapng, "hf0", HF_ETHERNET);
    make_frame(bytes, &syn);
    pcapng_packet(pcapng, &frame, &in);
    make_frame(bytes, &answer);
    pcapng_packet(pcapng, &frame, &out);
    syn.source_port++;
    make_frame(bytes, &syn);
    pcapng_packet(pcapng, &frame, &in);
    bytes[14 + 20 + 4] ^= 1; /* its checksum is wrong now */
    pcapng_packet(pcapng, &frame, &in);
    assert_int_equal(pcapng_close(pcapng), 0);
}

static void test_one_conversation(void **state)
{
    const struct fixture *fixture = *state;
    struct capture capture;
    char why[256] = "";

    write_capture(fixture->path);
    assert_true(capture_read(&capture, fixture->path, 4, CLIENT_PORT, why));
    assert_int_equal(capture.packets, 4);
    assert_int_equal(capture.refused, 1);
    assert_int_equal(capture.count, 2);
    assert_int_equal(capture.segments[0].at_us, 1000000);
    assert_false(capture.segments[0].outbound);
    assert_int_equal(capture.segments[0].segment.flags, TCP_SYN);
    assert_int_equal(capture.segments[0].segment.seq.value, 77);
    assert_true(capture.segments[1].outbound);
    assert_int_equal(capture.segments[1].segment.ack.value, 78);
    capture_free(&capture);

    assert_true(capture_read(&capture, fixture->path, 6, CLIENT_PORT, why));
    assert_int_equal(capture.packets, 0);
    capture_free(&capture);
}

static void test_missing_file(void **state)
{
    struct capture capture;
    char why[256] = "";

    (void)state;
    assert_false(capture_read(&capture, "/nonexistent/capture", 4, CLIENT_PORT, why));
    assert_string_not_equal(why, "");
}

/* Cut anywhere, a file is damaged, or ends after a whole block. */
static void test_cut_files(void **state)
{
    const struct fixture *fixture = *state;
    uint8_t bytes[4096];
    struct capture capture;
    char why[256];
    unsigned whole = 0;

    write_capture(fixture->path);
    FILE *file = fopen(fixture->path, "rb");
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_in_range(length, 200, sizeof bytes - 1);
    for (size_t cut = 0; cut < length; cut++) {
        file = fopen(fixture->cut_path, "wb");
        assert_int_equal(fwrite(bytes, 1, cut, file), cut);
        fclose(file);
        if (!capture_read(&capture, fixture->cut_path, 4, CLIENT_PORT, why))
            continue;
        whole++;
        capture_free(&capture);
    }
    assert_int_equal(whole, 6); /* nothing, section, interface, and packets but the last */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_conversation, setup, teardown),
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test_setup_teardown(test_cut_files, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
