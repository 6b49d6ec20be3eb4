/* The attacker of `handfast lab`: the only program here that makes floods and forgeries for real.
 *
 * It is never installed, and it refuses to work anywhere but in a network that the lab made for it (proof.h), against
 * anything but an address for documentation, for more than ATTACKER_SECONDS_MAX or ATTACKER_FRAMES_MAX. It ends when the
 * lab does, on SIGTERM, and by an alarm of its own.
 *
 *   attacker MODE --lab-fd FD --from ADDRESS/LENGTH --to ADDRESS:PORT --to-mac MAC [--from-port N] [--rate N] [--count N]
 *            [--seconds N] [--first N] [--step N]
 */
#include "attacker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "generate.h"
#include "proof.h"

#define SECOND_US INT64_C(1000000)
#define CATCH_UP_US \
    10000 /* what a busy machine kept it from sending for longer is not made up for */

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

int64_t attacker_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

/* splitmix64 */
uint64_t attacker_random(struct attacker *attacker)
{
    uint64_t z = attacker->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

bool attacker_goes_on(struct attacker *attacker)
{
    bool held = attacker->order.mode == MODE_HOLD; /* its count is of clients */

    return !stopped && attacker_now_us() < attacker->ends_us &&
           attacker->sent < ATTACKER_FRAMES_MAX &&
           (held || attacker->sent < attacker->order.count) &&
           !proof_lab_gone(attacker->order.lab_fd);
}

uint32_t attacker_due(struct attacker *attacker, uint64_t done, uint32_t most)
{
    const struct timespec little = {.tv_nsec = 60000};
    uint64_t rate = attacker->order.rate;

    if (rate == 0)
        return most;
    int64_t now_us = attacker_now_us();
    int64_t late_us = now_us - attacker->began_us - (int64_t)(done * 1000000 / rate);
    if (late_us > CATCH_UP_US)
        attacker->began_us += late_us - CATCH_UP_US;
    uint64_t due = (uint64_t)(now_us - attacker->began_us) * rate / 1000000;
    if (due <= done) {
        nanosleep(&little, NULL);
        return 0;
    }
    return due - done > most ? most : (uint32_t)(due - done);
}

/* ---- the order ---- */

static const struct {
    const char *name;
    enum attacker_mode mode;
    uint8_t flags;
    bool options;
} modes[] = {
    {"syn", MODE_SYN, FORGE_SYN, true},      {"ack", MODE_ACK, FORGE_ACK, false},
    {"reset", MODE_RESET, FORGE_RST, false}, {"hold", MODE_HOLD, 0, false},
    {"echo", MODE_ECHO, 0, false},
};

static bool read_mode(struct attacker_order *order, const char *name)
{
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(modes[i].name, name) != 0)
            continue;
        order->mode = modes[i].mode;
        order->plan.flags = modes[i].flags;
        order->plan.options = modes[i].options;
        order->plan.echo = modes[i].mode == MODE_ECHO;
        return true;
    }
    return false;
}

/* ADDRESS, and a number behind `mark` if there is one. */
static bool read_address(const char *text, char mark, uint32_t *address, unsigned long *number)
{
    char copy[64];

    snprintf(copy, sizeof copy, "%s", text);
    char *behind = strchr(copy, mark);
    if (behind) {
        *behind = '\0';
        *number = strtoul(behind + 1, NULL, 10);
    }
    return inet_pton(AF_INET, copy, address) == 1;
}

static bool read_mac(const char *text, uint8_t mac[6])
{
    unsigned b[6];

    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6)
        return false;
    for (int i = 0; i < 6; i++)
        mac[i] = (uint8_t)b[i];
    return true;
}

static bool read_option(struct attacker_order *order, int option, const char *value)
{
    unsigned long number = 0;

    switch (option) {
    case 'l': order->lab_fd = (int)strtol(value, NULL, 10); return true;
    case 'f':
        number = 32;
        if (!read_address(value, '/', &order->from, &number) || number > 32)
            return false;
        order->from_length = (uint8_t)number;
        return true;
    case 't':
        if (!read_address(value, ':', &order->plan.to, &number))
            return false;
        order->plan.to_port = (uint16_t)number;
        return true;
    case 'm': return read_mac(value, order->plan.to_mac);
    case 'p': order->from_port = (uint16_t)strtoul(value, NULL, 10); return true;
    case 'r': order->rate = strtoul(value, NULL, 10); return true;
    case 'c': order->count = strtoul(value, NULL, 10); return true;
    case 's': order->seconds = (uint32_t)strtoul(value, NULL, 10); return true;
    case '1': order->first = (uint32_t)strtoul(value, NULL, 10); return true;
    case '+': order->step = (uint32_t)strtoul(value, NULL, 10); return true;
    default: return false;
    }
}

static bool read_order(struct attacker_order *order, int argc, char **argv)
{
    static const struct option options[] = {
        {"lab-fd", 1, NULL, 'l'}, {"from", 1, NULL, 'f'},      {"to", 1, NULL, 't'},
        {"to-mac", 1, NULL, 'm'}, {"from-port", 1, NULL, 'p'}, {"rate", 1, NULL, 'r'},
        {"count", 1, NULL, 'c'},  {"seconds", 1, NULL, 's'},   {"first", 1, NULL, '1'},
        {"step", 1, NULL, '+'},   {NULL, 0, NULL, 0},
    };
    int option;

    *order = (struct attacker_order){.lab_fd = -1,
                                     .count = ATTACKER_FRAMES_MAX,
                                     .seconds = ATTACKER_SECONDS_MAX,
                                     .step = 1,
                                     .plan.window = 64240};
    if (argc < 2 || !read_mode(order, argv[1]))
        return false;
    optind = 2;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!read_option(order, option, optarg))
            return false;
    return order->from != 0 && order->plan.to != 0 && optind == argc;
}

static bool may(const struct attacker_order *order, char why[256])
{
    if (!proof_may_attack(order->plan.to))
        snprintf(why, 256, "only 192.0.2.0/24 may be attacked");
    else if (order->seconds == 0 || order->seconds > ATTACKER_SECONDS_MAX)
        snprintf(why, 256, "at most %u seconds", ATTACKER_SECONDS_MAX);
    else if (order->count > ATTACKER_FRAMES_MAX ||
             (order->mode == MODE_HOLD && order->count > ATTACKER_HELD_MAX))
        snprintf(why, 256, "at most %lu frames and %u held connections",
                 (unsigned long)ATTACKER_FRAMES_MAX, ATTACKER_HELD_MAX);
    else
        return true;
    return false;
}

/* ---- the interface ---- */

static bool open_interface(struct attacker *attacker, char why[256])
{
    bool listens = attacker->order.mode == MODE_HOLD;
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_protocol = listens ? htons(ETH_P_IP) : 0,
                             .sll_ifindex = (int)if_nametoindex(PROOF_INTERFACE)};
    struct ifreq request = {0};
    int yes = 1, room = 16 << 20;

    attacker->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    memcpy(request.ifr_name, PROOF_INTERFACE, sizeof PROOF_INTERFACE);
    if (attacker->fd < 0 || ioctl(attacker->fd, SIOCGIFHWADDR, &request) != 0 ||
        setsockopt(attacker->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes) != 0 ||
        bind(attacker->fd, (struct sockaddr *)&to, sizeof to) != 0) {
        snprintf(why, 256, "%s cannot be opened: %s", PROOF_INTERFACE, strerror(errno));
        return false;
    }
    setsockopt(attacker->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    memcpy(attacker->order.plan.from_mac, request.ifr_hwaddr.sa_data, 6);
    return true;
}

static void end_by_itself(uint32_t seconds)
{
    struct sigaction action = {.sa_handler = stop};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_TIMERSLACK, 1000UL);
    sigaction(SIGTERM, &action, NULL);
    alarm(seconds + 2); /* SIGALRM kills */
}

int main(int argc, char **argv)
{
    struct attacker attacker = {.fd = -1};
    char why[256];

    if (!read_order(&attacker.order, argc, argv)) {
        fprintf(stderr, "attacker: a part of `handfast lab`, which knows how to call it\n");
        return 2;
    }
    if (!may(&attacker.order, why) || !proof_of_lab(attacker.order.lab_fd, why)) {
        fprintf(stderr, "attacker: refused: %s\n", why);
        return 3;
    }
    end_by_itself(attacker.order.seconds);
    if (!open_interface(&attacker, why)) {
        fprintf(stderr, "attacker: %s\n", why);
        return 1;
    }
    attacker.random = (uint64_t)getpid();
    int64_t began_us = attacker.began_us = attacker_now_us();
    attacker.ends_us = began_us + attacker.order.seconds * SECOND_US;
    if (attacker.order.mode == MODE_HOLD)
        attacker_hold(&attacker);
    else if (!generate_possible(&attacker) || !generate_flood(&attacker))
        attacker_flood(&attacker);
    printf("{\"sent\":%lu,\"refused\":%lu,\"us\":%ld}\n", (unsigned long)attacker.sent,
           (unsigned long)attacker.refused, (long)(attacker_now_us() - began_us));
    return 0;
}
