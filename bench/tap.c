/* tap_bulk: one flow through TAP to and from the kernel, in a namespace of its own; beside it kernel to kernel over veth. */
#include <handfast/os.h>
#include <handfast/socket.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "kernel_peer.h"

struct tap_bench {
    struct hf_tap tap;
    struct hf_env env;
    struct hf_stack *stack;
    hf_socket socket;
    bool connected;
};

static void check(int error)
{
    if (error != HF_OK)
        bench_fail(hf_error_text(error));
}

static void open_stack(struct tap_bench *b)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    config.receive_bytes = config.send_bytes = 1024 * 1024;
    config.pool_bytes = 16 * 1024 * 1024;
    check(hf_prefix_parse(&config.addresses[0], "192.0.2.1/24"));
    check(hf_tap_open(&b->tap, "hfb2"));
    hf_tap_describe(&b->tap, &config);
    check(hf_os_env(&b->env, hf_memory_needed(&config)));
    check(hf_init(&b->stack, &config, &b->env, hf_os_now_us()));
    if (!kernel_peer_ip("address add 192.0.2.2/24 dev hfb2") || !kernel_peer_ip("link set hfb2 up"))
        bench_fail("ip");
}

static void send_all(struct tap_bench *b, int64_t now_us)
{
    static const char text[64 * 1024];

    while (hf_send(b->stack, b->socket, text, sizeof text, now_us) > 0)
        ;
}

static uint64_t take_all(struct tap_bench *b, int64_t now_us)
{
    struct hf_span spans[HF_SPANS_MAX];
    size_t count = HF_SPANS_MAX;
    uint64_t bytes = 0;
    ptrdiff_t got;

    while ((got = hf_peek_spans(b->stack, b->socket, spans, &count)) > 0) {
        hf_consume(b->stack, b->socket, (size_t)got, now_us);
        bytes += (uint64_t)got;
        count = HF_SPANS_MAX;
    }
    return bytes;
}

/* One turn of the loop: what arrived, what the user does, what goes out. Returns the bytes received. */
static uint64_t turn(struct tap_bench *b, bool sending)
{
    struct hf_frame frames[HF_TAP_BATCH];
    struct hf_ready ready[8];
    uint64_t bytes = 0;
    int64_t now_us;
    size_t count;

    hf_tap_wait(&b->tap, hf_next_deadline(b->stack));
    now_us = hf_os_now_us();
    hf_input(b->stack, frames, hf_tap_receive(&b->tap, frames, HF_TAP_BATCH), now_us);
    hf_tick(b->stack, now_us);
    while ((count = hf_take_ready(b->stack, ready, 8)) > 0)
        for (size_t i = 0; i < count; i++)
            b->connected |= !!(ready[i].what & HF_CONNECTED);
    if (b->connected && sending)
        send_all(b, now_us);
    if (b->connected && !sending)
        bytes = take_all(b, now_us);
    while ((count = hf_output(b->stack, frames, hf_tap_slots(&b->tap, frames, HF_TAP_BATCH),
                              now_us)) > 0)
        hf_tap_transmit(&b->tap, frames, count);
    return bytes;
}

static double measure(struct tap_bench *b, bool sending, double seconds)
{
    struct hf_endpoint peer;
    struct hf_status before, after;
    uint64_t bytes = 0;
    int64_t from_us, end_us;

    check(hf_endpoint_parse(&peer, sending ? "192.0.2.2:9" : "192.0.2.2:19"));
    b->connected = false;
    check(hf_connect(b->stack, NULL, &peer, &b->socket, hf_os_now_us()));
    from_us = hf_os_now_us() + 300000;
    end_us = from_us + (int64_t)(seconds * 1e6);
    while (hf_os_now_us() < from_us)
        turn(b, sending);
    check(hf_status(b->stack, b->socket, &before));
    while (hf_os_now_us() < end_us)
        bytes += turn(b, sending);
    check(hf_status(b->stack, b->socket, &after));
    if (sending)
        bytes = after.bytes_sent - before.bytes_sent;
    hf_abort(b->stack, b->socket, hf_os_now_us());
    turn(b, false);
    return (double)bytes * 8 / (seconds * 1e9);
}

/* In a child, so that the namespace ends with it. */
static void in_namespace(const struct bench_options *options)
{
    struct bench_samples to = {.count = 0}, from = {.count = 0}, veth = {.count = 0};
    double seconds = options->quick ? 0.5 : 2;
    struct tap_bench b = {.connected = false};
    char extra[96];
    pid_t peer;

    if (!kernel_peer_isolate()) {
        bench_skip("tap_bulk", "a network namespace of its own needs root");
        return;
    }
    open_stack(&b);
    peer = kernel_peer_start();
    for (int i = 0; i < (options->quick ? 1 : 5); i++) {
        bench_add(&to, measure(&b, true, seconds));
        bench_add(&from, measure(&b, false, seconds));
        bench_add(&veth, kernel_peer_veth_gbit_s(seconds));
    }
    snprintf(extra, sizeof extra, "\"target\":5,\"kernel_veth_gbit_s\":%.2f", bench_median(&veth));
    bench_print("tap_bulk_to_kernel", &to, "Gbit/s", extra);
    bench_print("tap_bulk_from_kernel", &from, "Gbit/s", extra);
    kernel_peer_stop(peer);
}

static void run(const struct bench_options *options)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        in_namespace(options);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        bench_fail("tap_bulk failed");
}

const struct bench bench_tap_bulk = {"tap_bulk", "one flow through TAP to and from the kernel",
                                     run};
