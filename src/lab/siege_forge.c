/* Resets in a client's name: only one of four thousand million sequence numbers may end a connection. [RFC 5961 3.2]
 *
 * The attacker knows the addresses and ports of a connection, and nothing of its sequence numbers: it sweeps all of them in
 * steps that are smaller than a window, as it must to hit the window at all. Then it tries with SYNs. [RFC 5961 4.2]
 */
#include "lab/siege_bout.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <handfast/os.h>

#include "lab/siege_child.h"

#define SECOND_US INT64_C(1000000)
#define LASTING_MAX 8u
#define STEP "16384"
#define SWEEP_COUNT "262144" /* 2^32 / STEP */
#define SYN_COUNT "100000"
#define RATE "150000"
#define FIRST_PORT 41000u
#define SWEEPS 3 /* at most: of one, a busy machine may lose those few that fall into a window */

/* A client that keeps its connections while it is attacked. */
struct lasting {
    const char *server;
    unsigned count;
    atomic_uint round;    /* set by the lab: say something on each again */
    atomic_uint answered; /* the last round that is over                 */
    unsigned open;        /* connections that answered in that round     */
    int error;            /* of the last that did not                    */
    int64_t slowest_us;
};

static uint32_t client_address(unsigned i)
{
    return htonl(0xc6120000u + 256 * (i + 1) + 1); /* in SIEGE_CLIENTS */
}

/* ---- the client ---- */

static int open_one(const struct lasting *lasting, unsigned i)
{
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_port = htons((uint16_t)(FIRST_PORT + i)),
                              .sin_addr.s_addr = client_address(i)};
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(SIEGE_PORT)};
    struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

    inet_pton(AF_INET, lasting->server, &server.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0 ||
        connect(fd, (struct sockaddr *)&server, sizeof server) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool ask(int fd)
{
    char text[16];

    if (fd < 0)
        return false;
    errno = 0;
    if (send(fd, "are you there?\n", 15, MSG_NOSIGNAL) != 15)
        return false;
    for (size_t got = 0; got < 15;) {
        ssize_t part = recv(fd, text, 15 - got, 0);

        if (part <= 0)
            return false;
        got += (size_t)part;
    }
    return true;
}

static void lasting_run(void *shared)
{
    struct lasting *lasting = shared;
    int fds[LASTING_MAX];

    for (unsigned i = 0; i < lasting->count; i++)
        if ((fds[i] = open_one(lasting, i)) < 0)
            lasting->error = errno;
    while (!siege_child_stopped()) {
        unsigned round = atomic_load(&lasting->round);

        if (round == atomic_load(&lasting->answered)) {
            poll(NULL, 0, 5);
            continue;
        }
        lasting->open = 0;
        for (unsigned i = 0; i < lasting->count; i++) {
            int64_t began_us = hf_os_now_us();

            if (ask(fds[i])) {
                int64_t took_us = hf_os_now_us() - began_us;

                lasting->open++;
                if (took_us > lasting->slowest_us)
                    lasting->slowest_us = took_us;
            } else {
                lasting->error = errno;
            }
        }
        atomic_store(&lasting->answered, round);
    }
}

/* ---- the lab's side ---- */

/* How many of its connections answer. */
static unsigned ask_all(struct lasting *lasting)
{
    unsigned round = atomic_fetch_add(&lasting->round, 1) + 1;

    for (int i = 0; i < 60000 && atomic_load(&lasting->answered) != round; i++)
        poll(NULL, 0, 1);
    return atomic_load(&lasting->answered) == round ? lasting->open : 0;
}

/* One connection's name, used for everything. */
static bool forge_one(struct bout *bout, unsigned i, double *resets, double *syns)
{
    char from[40], port[8], first[16], address[20];
    struct in_addr client = {.s_addr = client_address(i)};

    inet_ntop(AF_INET, &client, address, sizeof address);
    snprintf(from, sizeof from, "%s/32", address);
    snprintf(port, sizeof port, "%u", FIRST_PORT + i);
    snprintf(first, sizeof first, "%u", (unsigned)(hf_os_now_us() * 2654435761u));
    const char *const sweep[] = {"--from-port", port,        "--first", first, "--step", STEP,
                                 "--count",     SWEEP_COUNT, "--rate",  RATE,  NULL};
    const char *const others[] = {"--from-port", port, "--count", SYN_COUNT, "--rate", RATE, NULL};

    if (!bout_attack(bout, "reset", from, NULL, sweep) || !bout_attack_wait(bout, 20 * SECOND_US))
        return false;
    *resets += bout->sent;
    if (!bout_attack(bout, "syn", from, NULL, others) || !bout_attack_wait(bout, 20 * SECOND_US))
        return false;
    *syns += bout->sent;
    return true;
}

static void report(struct bout *bout, const struct lasting *lasting, double resets, double syns)
{
    const struct hf_stats *stats = &bout->siege->target->report.stats;
    json_t *facts = json_object();
    double challenges = (double)bout->during.out_packets;

    json_object_set_new(facts, "server", json_string(side_name(bout->side)));
    json_object_set_new(facts, "connections", json_integer(lasting->count));
    json_object_set_new(facts, "survived", json_integer(lasting->open));
    json_object_set_new(facts, "resets", json_real(resets));
    json_object_set_new(facts, "syns", json_real(syns));
    json_object_set_new(facts, "packets_out", json_real(challenges));
    json_object_set_new(facts, "slowest_answer_us", json_integer(lasting->slowest_us));
    if (bout->side == SIDE_STACK) {
        json_object_set_new(facts, "rst_outside_window",
                            json_integer((json_int_t)stats->rst_outside_window));
        json_object_set_new(facts, "rst_challenged",
                            json_integer((json_int_t)stats->rst_challenged));
        json_object_set_new(facts, "syn_challenged",
                            json_integer((json_int_t)stats->syn_challenged));
    }
    siege_row(bout->siege, facts, "  %-19s %9.0f %9.0f %9.0f %6u of %u %8.2f ms",
              side_name(bout->side), resets, syns, challenges, lasting->open, lasting->count,
              (double)lasting->slowest_us / 1e3);
    if (bout->side == SIDE_STACK && lasting->open != lasting->count)
        siege_fail(bout->siege, "%u of %u connections survived: %s", lasting->open, lasting->count,
                   strerror(lasting->error));
    if (bout->side == SIDE_STACK && stats->rst_challenged == 0)
        siege_fail(bout->siege, "no reset fell into a window: nothing was shown");
}

/* After so many sweeps; where nothing was lost, another one shows no more. */
static bool was_shown(const struct bout *bout, int sweeps)
{
    return sweeps > 0 && (bout->side != SIDE_STACK || bout->during.tap_dropped == 0 ||
                          bout->siege->target->report.stats.rst_challenged > 0);
}

static void run_side(struct siege *siege, enum side side, struct lasting *lasting)
{
    struct siege_child child = {.namespace_fd = siege->network.client_fd,
                                .cpu = siege->network.other_cpu,
                                .run = lasting_run,
                                .shared = lasting};
    struct target_plan plan = {.defence = DEFENCE_ALL, .second_queue = true};
    double resets = 0, syns = 0;
    struct process client;
    struct bout bout;

    if (!bout_open(&bout, siege, side, &plan))
        return;
    *lasting = (struct lasting){.server = bout_address(&bout),
                                .count = siege->options->quick ? 2 : LASTING_MAX};
    bool ok = siege_child_start(&client, &child);
    if (ok && ask_all(lasting) != lasting->count) {
        siege_fail(siege, "the connections do not open: %s", strerror(lasting->error));
        ok = false;
    }
    bout_count_begin(&bout);
    for (int sweep = 0; ok && sweep < SWEEPS && !was_shown(&bout, sweep); sweep++) {
        for (unsigned i = 0; ok && i < lasting->count; i++)
            ok = forge_one(&bout, i, &resets, &syns);
        bout_count_end(&bout);
    }
    if (ok) {
        ask_all(lasting);
        report(&bout, lasting, resets, syns);
    }
    if (client.pid != 0)
        process_stop(&client, SIGTERM, SECOND_US);
    bout_close(&bout);
}

void siege_scene_forge_reset(struct siege *siege)
{
    struct lasting *lasting = siege_share(sizeof *lasting);

    if (!lasting) {
        siege_fail(siege, "no memory");
        return;
    }
    siege_row(siege, NULL, "  %-19s %9s %9s %9s %11s %11s", "server", "RSTs", "SYNs", "answers",
              "survived", "slowest");
    run_side(siege, SIDE_STACK, lasting);
    run_side(siege, SIDE_KERNEL_COOKIE, lasting);
    siege_unshare(lasting, sizeof *lasting);
}
