/* One connection between our stack and a pair of descriptors. Bytes are read into the stack's own send queue and written from
 * its receive queue, without a copy between; a side that is full makes the other wait. */
#include "app/nc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <handfast/os.h>
#include <handfast/socket.h>

#include "app/app.h"
#include "driver/pcapng.h"
#include "guard/key_file.h"
#include "os/clock.h"

#define QUEUE_BYTES (2u << 20)
#define SPANS 64
#define ROUNDS 4 /* batches or span lists moved before the other side has its turn */
#define FLUSH_US 500000

struct nc {
    const struct nc_options *options;
    struct hf_tap tap;
    struct hf_env env;
    struct hf_stack *stack;
    struct pcapng *capture;
    hf_socket listener, connection; /* HF_NO_SUCH_SOCKET: none yet, or no more */
    int input, output;
    bool input_ended, output_ended; /* end of file; the peer's FIN was passed on */
    bool readable;                  /* the stack may have bytes for the output   */
    bool writable;                  /* the stack may have room for the input     */
    bool done;
    int result;
    int64_t flushed_at_us;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

/* ---- setting up ---- */

static int tap_failed(const char *interface, int error)
{
    switch (error) {
    case HF_NO_DEVICE:
        return app_fail("nc", "there is no TUN device: /dev/net/tun is missing (modprobe tun)");
    case HF_NO_PERMISSION:
        return app_fail("nc", "%s: no permission: root or CAP_NET_ADMIN is needed", interface);
    case HF_DEVICE_BUSY: return app_fail("nc", "%s is in use by another program", interface);
    case HF_INVALID:
        return app_usage("nc", "%s is no TAP interface, or a name of more than 15 letters",
                         interface);
    case HF_SYSTEM: return app_fail("nc", "%s: %s", interface, strerror(errno));
    default: return app_fail("nc", "%s: %s", interface, hf_error_text(error));
    }
}

static void warn_if_down(const struct nc *nc)
{
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memcpy(request.ifr_name, nc->tap.name, sizeof nc->tap.name);
    if (fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0 && !(request.ifr_flags & IFF_UP))
        fprintf(stderr, "%s is down: give it an address of the host's and `ip link set %s up`\n",
                nc->tap.name, nc->tap.name);
    if (fd >= 0)
        close(fd);
}

static int open_capture(struct nc *nc)
{
    const char *path = nc->options->capture;

    if (!path)
        return APP_OK;
    if (pcapng_open(&nc->capture, path, nc->env.wall_minus_now_us) != HF_OK)
        return app_fail("nc", "%s: %s", path, strerror(errno));
    pcapng_add_interface(nc->capture, nc->tap.name, HF_ETHERNET);
    return APP_OK;
}

/* Every key of the file, for each address and port of ours. */
static int add_keys(struct nc *nc)
{
    char error[KEY_FILE_ERROR_MAX];
    struct key_list list = {.entries = NULL};
    int result = APP_OK;

    if (!key_file_read(&list, nc->options->keys, error))
        result = app_fail("nc", "%s", error);
    for (size_t i = 0; i < list.count && result == APP_OK; i++) {
        const struct hf_key key = key_entry_key(&list.entries[i]);
        int refused = hf_key_add(nc->stack, &key);

        if (refused != HF_OK)
            result = app_fail("nc", "%s:%u: %s", nc->options->keys, list.entries[i].line,
                              hf_error_text(refused));
    }
    key_list_free(&list);
    return result;
}

static int open_stack(struct nc *nc)
{
    struct hf_config config = nc->options->config;
    int error = hf_tap_open(&nc->tap, nc->options->interface);

    if (error)
        return tap_failed(nc->options->interface, error);
    hf_tap_describe(&nc->tap, &config);
    config.max_connections = 16;
    config.max_keys = nc->options->keys ? KEY_FILE_KEYS_MAX : 0;
    config.receive_bytes = config.send_bytes = QUEUE_BYTES;
    config.pool_bytes = 3 * (uint64_t)QUEUE_BYTES;
    const char *impossible = hf_config_error(&config);
    if (impossible)
        return app_usage("nc", "%s", impossible);
    error = hf_os_env(&nc->env, hf_memory_needed(&config));
    nc->env.crypto = hf_os_crypto();
    if (!error)
        error = hf_init(&nc->stack, &config, &nc->env, hf_os_now_us());
    if (error)
        return app_fail("nc", "%s", hf_error_text(error));
    if (nc->options->keys && add_keys(nc) != APP_OK)
        return APP_NO;
    warn_if_down(nc);
    return open_capture(nc);
}

static int open_socket(struct nc *nc)
{
    const struct hf_endpoint *endpoint = &nc->options->endpoint;
    char text[HF_ENDPOINT_TEXT_MAX];
    int error = nc->options->listen
                    ? hf_listen(nc->stack, endpoint, &nc->listener)
                    : hf_connect(nc->stack, NULL, endpoint, &nc->connection, hf_os_now_us());

    if (error)
        return app_fail("nc", "%s: %s", hf_endpoint_format(text, endpoint), hf_error_text(error));
    if (nc->options->verbose)
        fprintf(stderr, "%s %s\n", nc->options->listen ? "listening on" : "connecting to",
                hf_endpoint_format(text, endpoint));
    return APP_OK;
}

/* A description of our own that does not block, so that a slow reader never holds up the stack. */
static int open_output(void)
{
    struct stat about;
    int fd;

    if (fstat(STDOUT_FILENO, &about) != 0)
        return STDOUT_FILENO;
    if (S_ISSOCK(about.st_mode))
        fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);
    if (!S_ISFIFO(about.st_mode) && !S_ISCHR(about.st_mode))
        return STDOUT_FILENO;
    fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return STDOUT_FILENO;
    close(STDOUT_FILENO); /* or its reader would never see the end */
    return fd;
}

/* ---- moving bytes ---- */

static void finish(struct nc *nc, int error)
{
    char text[HF_ENDPOINT_TEXT_MAX];
    struct hf_status status;

    nc->done = true;
    if (error == HF_OK || error == HF_NO_SOCKET)
        return;
    const struct hf_endpoint *peer = &nc->options->endpoint;
    if (nc->options->listen && hf_status(nc->stack, nc->connection, &status) == HF_OK)
        peer = &status.remote;
    nc->result = app_fail("nc", "%s: %s", hf_endpoint_format(text, peer), hf_error_text(error));
}

static void end_input(struct nc *nc, int64_t now_us)
{
    nc->input_ended = true;
    if (nc->options->verbose)
        fprintf(stderr, "our half is closed\n");
    int error = hf_shutdown(nc->stack, nc->connection, now_us);
    if (error)
        finish(nc, error);
}

static void pump_input(struct nc *nc, int64_t now_us)
{
    for (int round = 0; round < ROUNDS && !nc->done && !nc->input_ended; round++) {
        struct hf_span spans[SPANS];
        size_t count = SPANS;
        ptrdiff_t room = hf_reserve(nc->stack, nc->connection, spans, &count);

        if (room == HF_AGAIN) {
            nc->writable = false;
            return;
        }
        if (room < 0) {
            finish(nc, (int)room);
            return;
        }
        struct iovec parts[SPANS];
        for (size_t i = 0; i < count; i++)
            parts[i] = (struct iovec){spans[i].data, spans[i].length};
        ssize_t got = readv(nc->input, parts, (int)count);
        int number = errno;
        hf_commit(nc->stack, nc->connection, got > 0 ? (size_t)got : 0, now_us);
        if (got == 0 || (got < 0 && number != EAGAIN && number != EINTR))
            end_input(nc, now_us);
        if (got < room)
            return;
    }
}

static void end_output(struct nc *nc, int64_t now_us)
{
    nc->output_ended = true;
    nc->readable = false;
    if (nc->options->verbose)
        fprintf(stderr, "the peer's half is closed\n");
    close(nc->output);
    if (!nc->input_ended && isatty(nc->input)) /* nobody is left to type for */
        end_input(nc, now_us);
}

static void pump_output(struct nc *nc, int64_t now_us)
{
    for (int round = 0; round < ROUNDS && !nc->done && nc->readable; round++) {
        struct hf_span spans[SPANS];
        size_t count = SPANS;
        ptrdiff_t waiting = hf_peek_spans(nc->stack, nc->connection, spans, &count);

        if (waiting == HF_AGAIN)
            nc->readable = false;
        else if (waiting == 0)
            end_output(nc, now_us);
        else if (waiting < 0)
            finish(nc, (int)waiting);
        if (waiting <= 0)
            return;
        struct iovec parts[SPANS];
        for (size_t i = 0; i < count; i++)
            parts[i] = (struct iovec){spans[i].data, spans[i].length};
        ssize_t wrote = writev(nc->output, parts, (int)count);
        if (wrote < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (wrote < 0) {
            nc->result = app_fail("nc", "standard output: %s", strerror(errno));
            nc->done = true;
            return;
        }
        hf_consume(nc->stack, nc->connection, (size_t)wrote, now_us);
    }
}

/* ---- the stack's news ---- */

static void accept_one(struct nc *nc, int64_t now_us)
{
    char text[HF_ENDPOINT_TEXT_MAX];
    struct hf_status status;

    if (nc->connection != HF_NO_SUCH_SOCKET ||
        hf_accept(nc->stack, nc->listener, &nc->connection) != HF_OK)
        return;
    hf_close(nc->stack, nc->listener, now_us); /* one is enough; others are refused */
    nc->listener = HF_NO_SUCH_SOCKET;
    nc->readable = nc->writable = true;
    if (nc->options->verbose && hf_status(nc->stack, nc->connection, &status) == HF_OK)
        fprintf(stderr, "connected: %s\n", hf_endpoint_format(text, &status.remote));
}

static void take_news(struct nc *nc, int64_t now_us)
{
    struct hf_ready ready[8];
    size_t count;

    while ((count = hf_take_ready(nc->stack, ready, 8)) > 0) {
        for (size_t i = 0; i < count; i++) {
            unsigned what = ready[i].what;

            if (what & HF_ACCEPTABLE)
                accept_one(nc, now_us);
            if (ready[i].socket != nc->connection)
                continue;
            if ((what & HF_CONNECTED) && nc->options->verbose)
                fprintf(stderr, "connected\n");
            nc->readable |=
                (what & (HF_READABLE | HF_PEER_CLOSED | HF_ENDED)) != 0 && !nc->output_ended;
            nc->writable |= (what & (HF_CONNECTED | HF_WRITABLE)) != 0;
        }
    }
}

static void summarize(const struct nc *nc, const struct hf_status *status)
{
    if (nc->options->verbose)
        fprintf(stderr,
                "sent %llu bytes, received %llu; %u segments sent again, round trip %u us, %llu "
                "frames dropped\n",
                (unsigned long long)status->bytes_sent, (unsigned long long)status->bytes_received,
                status->retransmits, status->srtt_us, (unsigned long long)nc->tap.dropped);
}

/* Both halves are closed, and the peer knows it. */
static void look_for_end(struct nc *nc)
{
    struct hf_status status;

    if (nc->done || nc->connection == HF_NO_SUCH_SOCKET)
        return;
    int error = hf_status(nc->stack, nc->connection, &status);
    if (error)
        finish(nc, error);
    else if (status.state == HF_STATE_CLOSED && !nc->readable)
        finish(nc, status.error);
    else if (status.state == HF_STATE_TIME_WAIT && nc->output_ended)
        finish(nc, HF_OK);
    if (nc->done && !error)
        summarize(nc, &status);
}

/* ---- packets ---- */

static void receive_packets(struct nc *nc, int64_t now_us)
{
    struct hf_frame frames[HF_TAP_BATCH];

    for (int round = 0; round < ROUNDS; round++) {
        size_t count = hf_tap_receive(&nc->tap, frames, 16);

        if (count == 0)
            return;
        if (nc->capture)
            pcapng_before_input(nc->capture, frames, count);
        hf_input(nc->stack, frames, count, now_us);
        if (nc->capture)
            pcapng_after_input(nc->capture, 0, frames, count, now_us);
    }
}

static void send_packets(struct nc *nc, int64_t now_us)
{
    struct hf_frame frames[HF_TAP_BATCH];

    for (;;) {
        size_t slots = hf_tap_slots(&nc->tap, frames, 16);
        size_t count = hf_output(nc->stack, frames, slots, now_us);

        if (nc->capture && count)
            pcapng_output(nc->capture, 0, frames, count, now_us);
        hf_tap_transmit(&nc->tap, frames, count);
        if (count < slots)
            return;
    }
}

static void wait_for_work(struct nc *nc, const sigset_t *unblocked)
{
    bool open = nc->connection != HF_NO_SUCH_SOCKET;
    struct pollfd polls[] = {
        {.fd = nc->tap.fd, .events = POLLIN},
        {.fd = open && nc->writable && !nc->input_ended ? nc->input : -1, .events = POLLIN},
        {.fd = open && nc->readable ? nc->output : -1, .events = POLLOUT},
    };
    int64_t deadline_us = hf_next_deadline(nc->stack);
    struct timespec left;

    if (nc->capture && deadline_us > nc->flushed_at_us + FLUSH_US)
        deadline_us = nc->flushed_at_us + FLUSH_US;
    ppoll(polls, 3, clock_time_left(&left, deadline_us), unblocked);
    if (!polls[1].revents)
        polls[1].fd = -1;
    int64_t now_us = hf_os_now_us();

    receive_packets(nc, now_us);
    hf_tick(nc->stack, now_us);
    take_news(nc, now_us);
    if (nc->readable && nc->connection != HF_NO_SUCH_SOCKET)
        pump_output(nc, now_us);
    if (polls[1].fd >= 0)
        pump_input(nc, now_us);
    look_for_end(nc);
    send_packets(nc, now_us);
    if (nc->capture && now_us >= nc->flushed_at_us + FLUSH_US) {
        pcapng_flush(nc->capture);
        nc->flushed_at_us = now_us;
    }
}

static void run(struct nc *nc)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked, unblocked;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &unblocked);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    nc->output = open_output();
    while (!nc->done && !interrupted)
        wait_for_work(nc, &unblocked);

    int64_t now_us = hf_os_now_us();
    if (interrupted || nc->result != APP_OK)
        hf_abort(nc->stack, nc->connection, now_us);
    else
        hf_close(nc->stack, nc->connection, now_us);
    send_packets(nc, now_us);
    if (interrupted && !nc->done)
        nc->result = APP_NO;
}

int nc_run(const struct nc_options *options)
{
    struct nc nc = {.options = options, .tap.fd = -1, .input = STDIN_FILENO};

    nc.result = open_stack(&nc);
    if (nc.result == APP_OK)
        nc.result = open_socket(&nc);
    if (nc.result == APP_OK)
        run(&nc);

    uint64_t lost = pcapng_close(nc.capture);
    if (lost) {
        app_fail("nc", "%s: %llu packets could not be written", options->capture,
                 (unsigned long long)lost);
        nc.result = APP_NO;
    }
    hf_tap_close(&nc.tap);
    hf_os_env_free(&nc.env);
    return nc.result;
}
