/* explain, explain_json, explain_summary: packets of a capture that `handfast explain` tells in a second, as rows, as JSON, as a
 * summary; the capture is in the page cache and what is told goes to /dev/null. Half a million a second are asked for. */
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "bench.h"
#include "wire/tcp_header.h"

#define CROWD 100u /* conversations at a time, a packet each in turn */
#define LIFE 50u   /* packets of each */
#define TEXT 100u
#define RUNS 5

static void put_word(FILE *file, uint32_t word)
{
    fwrite(&word, sizeof word, 1, file);
}

/* A packet of one that is `step` packets old: handshake, text from both ends in turn, close. */
static void put_packet(FILE *file, uint32_t number, uint32_t step, uint32_t us)
{
    bool from_server = step == 1 || (step > 2 && step < 47 && step % 2 == 0) || step == 48;
    bool text = step > 2 && step < 47;
    uint32_t mine = step < 2 ? 0 : 1 + (step < 3 ? 0 : (step - 3) / 2 * TEXT);
    uint32_t length = 40 + 12 + (text ? TEXT : 0);
    uint8_t bytes[256] = {
        0x45, 0, (uint8_t)(length >> 8), (uint8_t)length, [6] = 0x40, [8] = 64, [9] = 6};
    uint8_t *tcp = bytes + 20;
    uint16_t client_port = (uint16_t)(1024 + number % 60000);

    if (step >= 47)
        mine = 1 + 22 * TEXT + (step == 49);
    put_be32(bytes + (from_server ? 16 : 12), 0x0a000000 + number);
    put_be32(bytes + (from_server ? 12 : 16), 0xc0000201);
    put_be16(tcp, from_server ? 80 : client_port);
    put_be16(tcp + 2, from_server ? client_port : 80);
    put_be32(tcp + 4, number * 7919 + mine);
    put_be32(tcp + 8, step == 0 ? 0 : number * 7919 + (step < 3 ? 1 : mine));
    tcp[12] = 8 << 4;
    tcp[13] = step == 0 ? TCP_SYN : step == 1 ? TCP_SYN | TCP_ACK : TCP_ACK;
    tcp[13] |= text ? TCP_PSH : step == 47 || step == 48 ? TCP_FIN : 0;
    put_be16(tcp + 14, 1000);
    memcpy(tcp + 20, "\1\1\10\12", 4); /* timestamps */
    put_be32(tcp + 24, step);
    put_be32(tcp + 28, step);
    put_word(file, 1 + us / 1000000);
    put_word(file, us % 1000000);
    put_word(file, length);
    put_word(file, length);
    fwrite(bytes, 1, length, file);
}

/* Its file has no name: nothing is left behind, however this ends. It stays open, for who reads it by its descriptor. */
static FILE *make_capture(uint32_t packets)
{
    char path[] = "/var/tmp/handfast-bench-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    const uint32_t head[] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 101};
    uint32_t us = 0;

    if (file == NULL || unlink(path) != 0)
        bench_fail("no place for a capture");
    fwrite(head, sizeof head, 1, file);
    for (uint32_t first = 0; first < packets / LIFE; first += CROWD)
        for (uint32_t step = 0; step < LIFE; step++)
            for (uint32_t i = 0; i < CROWD; i++)
                put_packet(file, first + i, step, us += 3);
    if (fflush(file) != 0)
        bench_fail("no place for a capture");
    return file;
}

/* The command beside this program. */
static void tell(const char *option, char *capture)
{
    char path[PATH_MAX], *argv[] = {path, "explain", (char *)(uintptr_t)option, capture, NULL};
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof "handfast");
    posix_spawn_file_actions_t actions;
    int status = -1;
    pid_t child;

    if (length < 0)
        bench_fail("/proc/self/exe cannot be read");
    path[length] = '\0';
    memcpy(strrchr(path, '/') + 1, "handfast", sizeof "handfast");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (posix_spawn(&child, path, &actions, NULL, argv, NULL) == 0)
        waitpid(child, &status, 0);
    posix_spawn_file_actions_destroy(&actions);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        bench_fail("handfast explain did not end well");
}

static void run(const struct bench_options *options)
{
    static const char *const names[] = {"explain", "explain_json", "explain_summary"};
    static const char *const words[] = {"--plain", "--json", "--summary"};
    uint32_t packets = options->quick ? 50000 : 1000000;
    char capture[64], extra[64];
    FILE *file = make_capture(packets);

    snprintf(capture, sizeof capture, "/proc/self/fd/%d", fileno(file));
    snprintf(extra, sizeof extra, "\"packets\":%u", packets);
    for (int which = 0; which < 3; which++) {
        struct bench_samples samples = {.count = 0};

        tell(words[which], capture);
        for (int i = 0; i < (options->quick ? 1 : RUNS); i++) {
            int64_t begin_ns = bench_now_ns();

            tell(words[which], capture);
            bench_add(&samples, packets * 1e9 / (double)(bench_now_ns() - begin_ns));
        }
        bench_print(names[which], &samples, "packets/s", extra);
    }
    fclose(file);
}

const struct bench bench_explain = {"explain", "packets a second that `handfast explain` tells",
                                    run};
