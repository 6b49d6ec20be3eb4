/* Socket options: what the stack can set and say, TCP_INFO as Linux lays it out, counts by state. */
#include "sockets.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>

#define STATE_COUNT_BASE 28928 /* + a state as Linux numbers it: how many connections are in it */
#define DEFAULT_MSS 536        /* nobody has said anything yet [RFC 9293 MUST-15] */
#define TIMESTAMPS_BYTES 12u   /* the option with its padding */
#define US_PER_S INT64_C(1000000)

/* Linux's number of a state of ours. */
static uint8_t linux_state(enum hf_state state)
{
    static const uint8_t numbers[HF_STATES] = {
        [HF_STATE_CLOSED] = 7,       [HF_STATE_LISTEN] = 10,     [HF_STATE_SYN_SENT] = 2,
        [HF_STATE_SYN_RECEIVED] = 3, [HF_STATE_ESTABLISHED] = 1, [HF_STATE_FIN_WAIT_1] = 4,
        [HF_STATE_FIN_WAIT_2] = 5,   [HF_STATE_CLOSE_WAIT] = 8,  [HF_STATE_CLOSING] = 11,
        [HF_STATE_LAST_ACK] = 9,     [HF_STATE_TIME_WAIT] = 6,
    };

    return numbers[state];
}

static int count_in_state(struct world *world, int number)
{
    struct hf_gauges gauges;
    int count = 0;

    if (!world->stack)
        return 0;
    hf_gauges(world->stack, &gauges);
    for (int state = 0; state < HF_STATES; state++)
        if (linux_state((enum hf_state)state) == number)
            count = (int)gauges.connections[state];
    return count;
}

/* What fits in a segment beside its timestamps, as Linux counts it. */
static uint32_t text_of_segment(const struct hf_status *status)
{
    uint32_t mss = status->mss ? status->mss : DEFAULT_MSS;

    return status->timestamps ? mss - TIMESTAMPS_BYTES : mss;
}

static struct tcp_info info_of(const struct hf_status *status)
{
    uint32_t in_flight = status->snd_nxt - status->snd_una;
    uint32_t mss = text_of_segment(status);
    struct tcp_info info = {
        .tcpi_state = linux_state(status->state),
        .tcpi_options = (uint8_t)((status->timestamps ? TCPI_OPT_TIMESTAMPS : 0) |
                                  (status->sack ? TCPI_OPT_SACK : 0) |
                                  (status->window_scaling ? TCPI_OPT_WSCALE : 0)),
        .tcpi_snd_wscale = (unsigned char)(status->send_scale & 15u) & 15u,
        .tcpi_rcv_wscale = (unsigned char)(status->receive_scale & 15u) & 15u,
        .tcpi_rto = status->rto_us,
        .tcpi_snd_mss = mss,
        .tcpi_rcv_mss = mss,
        .tcpi_unacked = (in_flight + mss - 1) / mss,
        .tcpi_pmtu = mss,
        .tcpi_rtt = status->srtt_us,
        .tcpi_rttvar = status->rttvar_us,
        .tcpi_snd_ssthresh = status->slow_start_threshold / mss,
        .tcpi_snd_cwnd = status->congestion_window / mss,
        .tcpi_advmss = mss,
        .tcpi_rcv_space = status->receive_window,
        .tcpi_total_retrans = status->retransmits,
        .tcpi_bytes_acked = status->bytes_sent,
        .tcpi_bytes_received = status->bytes_received,
        .tcpi_notsent_bytes = status->unsent,
        .tcpi_snd_wnd = status->send_window,
    };

    return info;
}

static int give(const struct socket_option *option, const void *value, size_t length)
{
    if (*option->room < length)
        length = *option->room;
    memcpy(option->to, value, length);
    *option->room = (socklen_t)length;
    return 0;
}

static int give_int(const struct socket_option *option, int64_t value)
{
    int number = (int)value;

    return give(option, &number, sizeof number);
}

/* TCP_INFO: all that is asked for, zeros where we know nothing, as packetdrill insists on its own length. */
static int give_info(const struct socket_option *option, const struct hf_status *status)
{
    struct tcp_info info = info_of(status);

    memset(option->to, 0, *option->room);
    memcpy(option->to, &info, *option->room < sizeof info ? *option->room : sizeof info);
    return 0;
}

/* SO_MEMINFO: nine counts of which packetdrill wants to have seen all. */
static int give_memory(const struct world *world, const struct file *file,
                       const struct socket_option *option, const struct hf_status *status)
{
    const struct hf_config *config = &world->flags.config;
    uint32_t counts[SK_MEMINFO_VARS] = {
        [SK_MEMINFO_RMEM_ALLOC] = status->receive_queued,
        [SK_MEMINFO_RCVBUF] = file->receive_bytes ? file->receive_bytes : config->receive_bytes,
        [SK_MEMINFO_SNDBUF] = file->send_bytes ? file->send_bytes : config->send_bytes,
        [SK_MEMINFO_WMEM_QUEUED] = status->send_queued,
    };

    return give(option, counts, sizeof counts);
}

/* SO_ERROR: told once. */
static int take_error(struct file *file, const struct hf_status *status)
{
    if (file->kind != FILE_CONNECTION || status->state != HF_STATE_CLOSED ||
        status->error == HF_OK || file->error_told)
        return 0;
    file->error_told = true;
    return (int)-world_error(status->error);
}

static int get_socket_level(const struct world *world, struct file *file,
                            const struct socket_option *option, const struct hf_status *status)
{
    const struct hf_config *config = &world->flags.config;

    switch (option->name) {
    case SO_ERROR: return give_int(option, take_error(file, status));
    case SO_RCVBUF:
        return give_int(option, file->receive_bytes ? file->receive_bytes : world->flags.rcvbuf);
    case SO_SNDBUF:
        return give_int(option, file->send_bytes ? file->send_bytes : config->send_bytes);
    case SO_KEEPALIVE: return give_int(option, file->keepalive);
    case SO_TYPE: return give_int(option, SOCK_STREAM);
    case SO_MEMINFO: return give_memory(world, file, option, status);
    case SO_ACCEPTCONN: return give_int(option, file->kind == FILE_LISTENER);
    default: world_die("getsockopt(SOL_SOCKET, %d): unsupported", option->name);
    }
}

static int get_tcp_level(const struct flags *flags, const struct file *file,
                         const struct socket_option *option, const struct hf_status *status)
{
    switch (option->name) {
    case TCP_INFO: return give_info(option, status);
    case TCP_CC_INFO: *option->room = 0; return 0; /* Reno and CUBIC of Linux say nothing either */
    case TCP_INQ: return give_int(option, file->inq);
    case TCP_MAXSEG: return give_int(option, text_of_segment(status));
    case TCP_NODELAY: return give_int(option, file->nodelay);
    case TCP_CORK: return give_int(option, file->cork);
    case TCP_USER_TIMEOUT: return give_int(option, file->user_timeout_ms);
    case TCP_KEEPIDLE:
        return give_int(option,
                        (file->keep_idle_ms ? file->keep_idle_ms : flags->keep_idle_ms) / 1000);
    case TCP_KEEPINTVL: return give_int(option, flags->config.keepalive_interval_ms / 1000);
    case TCP_KEEPCNT: return give_int(option, flags->config.keepalive_count);
    default: world_die("getsockopt(SOL_TCP, %d): unsupported", option->name);
    }
}

int socket_get_option(struct world *world, const struct socket_option *option)
{
    struct file *file = world_file(world, option->fd);
    struct hf_status status = {.state = HF_STATE_CLOSED};
    int name = option->name;

    if (!file || file->kind == FILE_EPOLL)
        return file ? -ENOTSOCK : -EBADF;
    if (name > STATE_COUNT_BASE && name < STATE_COUNT_BASE + 12)
        return give_int(option, count_in_state(world, name - STATE_COUNT_BASE));
    if (file->kind != FILE_FRESH)
        socket_status(world, file, &status);
    if (option->level == SOL_SOCKET)
        return get_socket_level(world, file, option, &status);
    if (option->level == IPPROTO_TCP)
        return get_tcp_level(&world->flags, file, option, &status);
    world_die("getsockopt(level %d, %d): unsupported", option->level, name);
}

static uint32_t keep_idle_of(const struct world *world, const struct file *file)
{
    if (!file->keepalive)
        return 0;
    return file->keep_idle_ms ? file->keep_idle_ms : world->flags.keep_idle_ms;
}

static void tell(struct world *world, const struct file *file, enum hf_option option,
                 uint32_t value)
{
    int error = hf_set_option(world->stack, file->socket, option, value, world->now_us);

    if (error != HF_OK && error != HF_CLOSING && error != HF_NOT_CONNECTED)
        world_die("setsockopt: the stack refuses option %d = %u: %s", option, value,
                  hf_error_text(error));
}

void socket_apply(struct world *world, struct file *file)
{
    if (file->nodelay)
        tell(world, file, HF_NODELAY, 1);
    if (file->cork)
        tell(world, file, HF_CORK, 1);
    if (file->quick_ack)
        tell(world, file, HF_QUICK_ACK, 1);
    if (file->user_timeout_ms)
        tell(world, file, HF_USER_TIMEOUT_MS, file->user_timeout_ms);
    if (file->receive_bytes)
        tell(world, file, HF_RECEIVE_BYTES, file->receive_bytes);
    if (file->send_bytes)
        tell(world, file, HF_SEND_BYTES, file->send_bytes);
    if (file->keepalive)
        tell(world, file, HF_KEEPALIVE_IDLE_MS, keep_idle_of(world, file));
    if (file->dscp)
        tell(world, file, HF_DSCP, file->dscp);
}

static int set_time(int64_t *to, const void *value, socklen_t length)
{
    struct timeval time;

    if (length < sizeof time)
        return -EINVAL;
    memcpy(&time, value, sizeof time);
    *to = time.tv_sec * US_PER_S + time.tv_usec;
    return 0;
}

static int set_linger(struct file *file, const void *value, socklen_t length)
{
    struct linger linger;

    if (length < sizeof linger)
        return -EINVAL;
    memcpy(&linger, value, sizeof linger);
    if (linger.l_onoff && linger.l_linger != 0)
        world_die("setsockopt(SO_LINGER, {onoff=1, linger=%d}): unsupported, only linger=0",
                  linger.l_linger);
    file->reset_on_close = linger.l_onoff != 0;
    return 0;
}

static int set_socket_level(struct world *world, struct file *file, int name, uint32_t number)
{
    switch (name) {
    case SO_REUSEADDR:
    case SO_REUSEPORT:
        return 0; /* a listener and its connections never stand in each other's way */
    case SO_KEEPALIVE:
        file->keepalive = number != 0;
        if (file->kind != FILE_FRESH)
            tell(world, file, HF_KEEPALIVE_IDLE_MS, keep_idle_of(world, file));
        return 0;
    case SO_RCVBUF: file->receive_bytes = number; break;
    case SO_SNDBUF: file->send_bytes = number; break;
    default: world_die("setsockopt(SOL_SOCKET, %d): unsupported", name);
    }
    if (file->kind != FILE_FRESH)
        socket_apply(world, file);
    return 0;
}

/* What is the same for all connections can be said, but not changed. */
static int must_already_be(const char *name, uint32_t wanted, uint32_t is)
{
    if (wanted != is)
        world_die("setsockopt(%s, %u): unsupported, it is %u for all (see the flags)", name, wanted,
                  is);
    return 0;
}

static int set_tcp_level(struct world *world, struct file *file, int name, uint32_t number)
{
    const struct hf_config *config = &world->flags.config;
    bool live = file->kind != FILE_FRESH;

    switch (name) {
    case TCP_NODELAY:
        file->nodelay = number != 0;
        if (live)
            tell(world, file, HF_NODELAY, file->nodelay);
        if (live && file->nodelay && (file->cork || file->more)) { /* what waits goes out */
            tell(world, file, HF_CORK, 0);
            world_settle(world);
            tell(world, file, HF_CORK, 1);
        }
        return 0;
    case TCP_CORK:
        file->cork = number != 0;
        if (live)
            tell(world, file, HF_CORK, file->cork);
        return 0;
    case TCP_QUICKACK:
        file->quick_ack = number != 0;
        if (live)
            tell(world, file, HF_QUICK_ACK, file->quick_ack);
        return 0;
    case TCP_INQ: file->inq = number != 0; return 0;
    case TCP_USER_TIMEOUT:
        file->user_timeout_ms = number;
        if (live)
            tell(world, file, HF_USER_TIMEOUT_MS, number);
        return 0;
    case TCP_KEEPIDLE:
        file->keep_idle_ms = number * 1000;
        if (live && file->keepalive)
            tell(world, file, HF_KEEPALIVE_IDLE_MS, file->keep_idle_ms);
        return 0;
    case TCP_KEEPINTVL:
        return must_already_be("TCP_KEEPINTVL", number, config->keepalive_interval_ms / 1000);
    case TCP_KEEPCNT: return must_already_be("TCP_KEEPCNT", number, config->keepalive_count);
    default: world_die("setsockopt(SOL_TCP, %d): unsupported", name);
    }
}

/* IP_TOS may come as a single byte. Its two lower bits are ECN's, which the stack owns. */
static int set_traffic_class(struct world *world, struct file *file,
                             const struct socket_option *option)
{
    uint8_t class;

    if (option->length == 0)
        return -EINVAL;
    memcpy(&class, option->from, 1);
    file->dscp = class >> 2;
    if (file->kind != FILE_FRESH)
        tell(world, file, HF_DSCP, file->dscp);
    return 0;
}

int socket_set_option(struct world *world, const struct socket_option *option)
{
    struct file *file = world_file(world, option->fd);
    int name = option->name, number;

    if (!file || file->kind == FILE_EPOLL)
        return file ? -ENOTSOCK : -EBADF;
    if (option->level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
        return set_time(name == SO_RCVTIMEO ? &file->receive_timeout_us : &file->send_timeout_us,
                        option->from, option->length);
    if (option->level == SOL_SOCKET && name == SO_LINGER)
        return set_linger(file, option->from, option->length);
    if ((option->level == IPPROTO_IP && name == IP_TOS) ||
        (option->level == IPPROTO_IPV6 && name == IPV6_TCLASS))
        return set_traffic_class(world, file, option);
    if (option->length < sizeof number)
        return -EINVAL;
    memcpy(&number, option->from, sizeof number);
    if (number < 0)
        return -EINVAL;
    if (option->level == SOL_SOCKET)
        return set_socket_level(world, file, name, (uint32_t)number);
    if (option->level == IPPROTO_TCP)
        return set_tcp_level(world, file, name, (uint32_t)number);
    world_die("setsockopt(level %d, %d): unsupported", option->level, name);
}
