/* An echo server on our stack over a TAP: the target of the scenes under attack. */
#include "lab/target.h"

#include <poll.h>
#include <time.h>

#include <handfast/os.h>

#include "base/time.h"
#include "lab/siege_child.h"

#define BATCH HF_TAP_BATCH
#define ASKED_EVERY_US INT64_C(20000)
/* To be woken costs whoever sends a frame more than the frame does, and us too. So a server that has much to do naps
 * instead, and finds a batch when it wakes by itself, as network cards and their drivers do. */
#define BUSY_FRAMES 4u
#define NAP_NS 30000
#define NAPS_MAX 8u

#define HONEST_FIRST_BYTES 0xc612 /* 198.18.0.0/16, SIEGE_CLIENTS */
#define HONEST_ADDRESSES 65536u

/* The textbook's: as many half-opens as a listener's queue, each for as long as five retries last. */
#define FEW_HALF_OPENS 1024u
#define MANY_HALF_OPENS 65536u
#define TEXTBOOK_TIMEOUT_MS 63000u
#define TEXTBOOK_RETRIES 5

const char *defence_name(enum defence defence)
{
    switch (defence) {
    case DEFENCE_NONE: return "none";
    case DEFENCE_RELEASE: return "release";
    case DEFENCE_CACHE: return "cache";
    case DEFENCE_COOKIE: return "cookie";
    case DEFENCE_ALL: return "all";
    case DEFENCES: break;
    }
    return "?";
}

struct server {
    struct target *shared;
    struct hf_tap tap;
    struct hf_env env;
    struct hf_stack *stack;
    hf_socket listener;
    struct hf_frame frames[BATCH];
    uint8_t seen[HONEST_ADDRESSES / 8]; /* honest clients, by address: each comes once */
    struct target_report now;
};

/* ---- opening ---- */

static void configure(struct hf_config *config, const struct target_plan *plan)
{
    bool few = plan->defence == DEFENCE_NONE || plan->defence == DEFENCE_RELEASE;
    static const struct hf_mac mac = {{2, 0, 0, 0, 0, 0x0a}};

    *config = (struct hf_config)HF_CONFIG_DEFAULT;
    config->mac = mac;
    config->gratuitous_arp =
        false; /* what it says unasked would be taken for an answer to an attack */
    hf_prefix_parse(&config->addresses[0], SIEGE_STACK_ADDRESS "/24");
    hf_prefix_parse(&config->routes[0].to, SIEGE_CLIENTS);
    hf_address_parse(&config->routes[0].gateway, SIEGE_CLIENT_ADDRESS);
    hf_prefix_parse(&config->routes[1].to, SIEGE_FORGED);
    hf_address_parse(&config->routes[1].gateway, SIEGE_OWNERS_ADDRESS);
    config->max_connections = plan->connections ? plan->connections : 8192;
    config->max_half_opens = few ? FEW_HALF_OPENS : MANY_HALF_OPENS;
    config->pool_bytes = plan->pool_bytes;
}

static void choose_defence(struct hf_listen_options *options, enum defence defence)
{
    options->local.port = SIEGE_PORT;
    options->backlog = 1024;
    options->half_open_limit =
        defence == DEFENCE_NONE || defence == DEFENCE_RELEASE ? FEW_HALF_OPENS : MANY_HALF_OPENS;
    if (defence != DEFENCE_ALL)
        options->cookies = defence == DEFENCE_COOKIE ? HF_COOKIES_ALWAYS : HF_COOKIES_OFF;
    if (defence == DEFENCE_NONE) {
        options->when_full = HF_DROP_NEW;
        options->source_limit = FEW_HALF_OPENS;
        options->half_open_timeout_ms = TEXTBOOK_TIMEOUT_MS;
        options->syn_ack_retries = TEXTBOOK_RETRIES;
    }
    if (defence == DEFENCE_RELEASE)
        options->source_limit = FEW_HALF_OPENS;
}

static int open_server(struct server *server)
{
    struct hf_listen_options options = {0};
    struct hf_config config;
    int error = server->shared->plan.second_queue ? hf_tap_open_split(&server->tap, SIEGE_TAP)
                                                  : hf_tap_open(&server->tap, SIEGE_TAP);

    if (error)
        return error;
    configure(&config, &server->shared->plan);
    choose_defence(&options, server->shared->plan.defence);
    hf_tap_describe(&server->tap, &config);
    if ((error = hf_os_env(&server->env, hf_memory_needed(&config))) ||
        (error = hf_init(&server->stack, &config, &server->env, hf_os_now_us())))
        return error;
    return hf_listen_with(server->stack, &options, &server->listener);
}

/* ---- what it counts of its own ---- */

/* The client number of an IPv4 frame from an honest client; -1: it is none. */
static int32_t honest_client(const struct hf_frame *frame)
{
    const uint8_t *at = frame->data;

    if (frame->length < 54 || at[12] != 8 || at[13] != 0 || at[23] != 6 ||
        (at[26] << 8 | at[27]) != HONEST_FIRST_BYTES)
        return -1;
    return at[28] << 8 | at[29];
}

static void count_honest(struct server *server, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        int32_t client = honest_client(&server->frames[i]);

        if (client < 0 || server->frames[i].data[47] != 2) /* TCP flags: a bare SYN */
            continue;
        uint8_t *byte = &server->seen[client / 8], bit = (uint8_t)(1u << client % 8);
        server->now.honest_syns += !(*byte & bit);
        *byte |= bit;
    }
}

static void count_accepted(struct server *server, hf_socket socket)
{
    struct hf_status status;

    server->now.accepted++;
    if (hf_status(server->stack, socket, &status) == HF_OK &&
        (status.remote.address.bytes[12] << 8 | status.remote.address.bytes[13]) ==
            HONEST_FIRST_BYTES)
        server->now.honest_accepted++;
}

/* Looks at what rises and falls, and tells the lab if it has asked. */
static void look(struct server *server)
{
    struct target *shared = server->shared;
    struct target_report *now = &server->now;
    unsigned asked = atomic_load(&shared->asked);
    struct hf_status status;

    hf_gauges(server->stack, &now->gauges);
    if (now->gauges.connections_used > now->connections_peak)
        now->connections_peak = now->gauges.connections_used;
    if (now->gauges.pool_used_bytes > now->pool_peak_bytes)
        now->pool_peak_bytes = now->gauges.pool_used_bytes;
    if (hf_status(server->stack, server->listener, &status) == HF_OK &&
        status.pressure > now->pressure)
        now->pressure = status.pressure;
    if (asked == atomic_load(&shared->told))
        return;
    now->stats = *hf_stats(server->stack);
    now->frames_in = server->tap.received;
    now->frames_out = server->tap.transmitted;
    now->send_dropped = server->tap.dropped + server->tap.errors;
    now->cpu_us = siege_child_cpu_us();
    shared->report = *now;
    atomic_store(&shared->told, asked);
}

/* ---- echo ---- */

static void echo(struct hf_stack *stack, hf_socket socket, int64_t now_us)
{
    const void *data;
    ptrdiff_t length;

    while ((length = hf_peek(stack, socket, &data)) > 0) {
        ptrdiff_t sent = hf_send(stack, socket, data, (size_t)length, now_us);

        if (sent <= 0)
            return; /* full, or reset: the next readiness says which */
        hf_consume(stack, socket, (size_t)sent, now_us);
    }
    if (length != HF_AGAIN)
        hf_close(stack, socket, now_us);
}

static void serve(struct server *server, int64_t now_us)
{
    struct hf_ready ready[BATCH];

    for (size_t count; (count = hf_take_ready(server->stack, ready, BATCH)) > 0;)
        for (size_t i = 0; i < count; i++) {
            hf_socket socket = ready[i].socket;

            if (!(ready[i].what & HF_ACCEPTABLE)) {
                echo(server->stack, socket, now_us);
                continue;
            }
            while (hf_accept(server->stack, ready[i].socket, &socket) == HF_OK) {
                count_accepted(server, socket);
                echo(server->stack, socket, now_us);
            }
        }
}

/* One batch in, what follows from it out. Returns how many frames came. */
static size_t turn(struct server *server)
{
    int64_t now_us = hf_os_now_us();
    size_t count = hf_tap_receive(&server->tap, server->frames, BATCH);

    count_honest(server, count);
    hf_input(server->stack, server->frames, count, now_us);
    hf_tick(server->stack, now_us);
    serve(server, now_us);
    for (size_t n; (n = hf_output(server->stack, server->frames,
                                  hf_tap_slots(&server->tap, server->frames, BATCH), now_us)) > 0;)
        hf_tap_transmit(&server->tap, server->frames, n);
    return count;
}

static void nap(void)
{
    const struct timespec little = {.tv_nsec = NAP_NS};

    nanosleep(&little, NULL);
}

void target_run(void *shared)
{
    static struct server server;
    int64_t look_at_us = 0;
    unsigned naps = 0;

    server.shared = shared;
    int error = open_server(&server);
    if (error) {
        server.shared->error = error;
        atomic_store(&server.shared->state, TARGET_FAILED);
        return;
    }
    atomic_store(&server.shared->state, TARGET_READY);
    while (!siege_child_stopped()) {
        size_t came = turn(&server);
        int64_t now_us = hf_os_now_us();

        if (now_us >= look_at_us) {
            look(&server);
            look_at_us = now_us + ASKED_EVERY_US;
        }
        if (came >= BUSY_FRAMES)
            naps = NAPS_MAX;
        if (came == BATCH)
            continue;
        if (naps > 0 && naps--)
            nap();
        else if (came == 0)
            hf_tap_wait(&server.tap, time_min(hf_next_deadline(server.stack), look_at_us));
    }
}

/* ---- the lab's side ---- */

bool target_ask(struct target *target)
{
    unsigned asked = atomic_fetch_add(&target->asked, 1) + 1;

    for (int i = 0; i < 10000; i++) {
        if (atomic_load(&target->told) == asked)
            return true;
        poll(NULL, 0, 1);
    }
    return false;
}
