/* TAP interfaces with virtio-net headers: checksums left to whoever needs them, large segments uncut. [virtio 1.2, 5.1.6]
 *
 * The kernel's peer is the host itself, so a frame whose checksum is partial never crossed a wire: it is taken as it is,
 * and ours are given in the same way. One read or write moves up to 64 KB of text.
 */
#include <handfast/os.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "driver/driver.h"
#include "driver/tap_steer.h"
#include "os/clock.h"
#include "os/syscalls.h"

SYSCALLS_AT_START("epoll_create1 epoll_ctl ioctl openat socket");
SYSCALLS("ioctl:tun close"); /* hf_tap_reopen */

#define TCP_CHECKSUM_AT 16u /* [RFC 9293 3.1] */
#define VNET_BYTES ((uint32_t)sizeof(struct virtio_net_hdr))

/* The header lies 8 bytes into its buffer, so that the IP header behind it and Ethernet is aligned to 32. */
#define VNET_AT 8u
#define FRAME_AT (VNET_AT + VNET_BYTES)

/* A multiple of the cache line that is no multiple of a page, lest all frames' headers meet in the same cache sets. */
#define BUFFER_STRIDE ((size_t)65664)

_Static_assert(FRAME_AT + HF_FRAME_MAX <= BUFFER_STRIDE && BUFFER_STRIDE % 64 == 0,
               "a frame fits its buffer");
_Static_assert(sizeof(struct virtio_net_hdr) == 10, "the header that the kernel calls version 0");

static int error_of(int number)
{
    switch (number) {
    case ENOENT:
    case ENODEV:
    case ENXIO: return HF_NO_DEVICE;
    case EPERM:
    case EACCES: return HF_NO_PERMISSION;
    case EBUSY: return HF_DEVICE_BUSY;
    case EINVAL: return HF_INVALID; /* an interface of this name is there, and is no TAP */
    case ENOMEM: return HF_NO_MEMORY;
    default: return HF_SYSTEM;
    }
}

/* Makes the descriptor one of the interface's queues. */
static int become_queue(struct hf_tap *tap, int fd, const char *name, short more_flags)
{
    struct ifreq request = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | more_flags)};
    int header = (int)VNET_BYTES;

    memcpy(request.ifr_name, name, strlen(name));
    if (ioctl(fd, TUNSETIFF, &request) != 0)
        return error_of(errno);
    memcpy(tap->name, request.ifr_name, sizeof tap->name);
    if (ioctl(fd, TUNSETVNETHDRSZ, &header) != 0)
        return error_of(errno);
    tap->offload =
        ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) == 0;
    return HF_OK;
}

/* Attaches *fd to the interface as one of its queues. */
static int attach(struct hf_tap *tap, int *fd, const char *name, short more_flags)
{
    *fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return *fd < 0 ? error_of(errno) : become_queue(tap, *fd, name, more_flags);
}

/* An interface that is no TAP of one queue: one of ours with two that somebody holds, or something else. */
static int why_invalid(struct hf_tap *tap, const char *name)
{
    struct ifreq request = {0};
    int fd, error = attach(tap, &fd, name, IFF_MULTI_QUEUE);

    if (error == HF_OK && ioctl(fd, TUNGETIFF, &request) == 0 && !(request.ifr_flags & IFF_PERSIST))
        error = HF_DEVICE_BUSY;
    else
        error = HF_INVALID;
    if (fd >= 0)
        close(fd);
    return error;
}

static int open_buffers(struct hf_tap *tap)
{
    tap->buffer_bytes = 2 * HF_TAP_BATCH * BUFFER_STRIDE;
    void *buffers = mmap(NULL, tap->buffer_bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (buffers == MAP_FAILED)
        return HF_NO_MEMORY;
    tap->buffers = buffers;
    return HF_OK;
}

static int check_name(struct hf_tap *tap, const char *name)
{
    *tap = (struct hf_tap){.fd = -1, .syn_fd = -1, .ready_fd = -1};
    return strlen(name) == 0 || strlen(name) >= sizeof tap->name ? HF_INVALID : HF_OK;
}

int hf_tap_open(struct hf_tap *tap, const char *name)
{
    int error = check_name(tap, name);

    if (error == HF_OK)
        error = attach(tap, &tap->fd, name, 0);
    if (error == HF_INVALID && tap->fd >= 0)
        error = why_invalid(tap, name);
    if (error == HF_OK)
        error = open_buffers(tap);
    if (error == HF_OK)
        tap->ready_fd = tap->fd;
    else
        hf_tap_close(tap);
    return error;
}

/* Whether fd is a queue of the interface of this name, with the headers that we speak. */
static bool is_queue_of(int fd, const char *name)
{
    struct ifreq request = {0};

    return ioctl(fd, TUNGETIFF, &request) == 0 && (request.ifr_flags & IFF_TAP) &&
           (request.ifr_flags & IFF_VNET_HDR) &&
           strncmp(request.ifr_name, name, sizeof request.ifr_name) == 0;
}

/* Both queues behind one descriptor. */
static bool join(struct hf_tap *tap)
{
    struct epoll_event event = {.events = EPOLLIN};

    tap->ready_fd = epoll_create1(EPOLL_CLOEXEC);
    return tap->ready_fd >= 0 && epoll_ctl(tap->ready_fd, EPOLL_CTL_ADD, tap->fd, &event) == 0 &&
           epoll_ctl(tap->ready_fd, EPOLL_CTL_ADD, tap->syn_fd, &event) == 0;
}

int hf_tap_open_split(struct hf_tap *tap, const char *name)
{
    if (check_name(tap, name) == HF_OK &&
        attach(tap, &tap->fd, name, (short)(IFF_MULTI_QUEUE | IFF_TUN_EXCL)) == HF_OK &&
        attach(tap, &tap->syn_fd, name, IFF_MULTI_QUEUE) == HF_OK && tap_steer_syns(tap->fd) &&
        join(tap) && open_buffers(tap) == HF_OK)
        return HF_OK;
    hf_tap_close(tap);
    return hf_tap_open(tap, name);
}

int hf_tap_adopt(struct hf_tap *tap, const char *name, int fd, int syn_fd)
{
    int header = (int)VNET_BYTES;

    if (check_name(tap, name) != HF_OK || !is_queue_of(fd, name) ||
        (syn_fd >= 0 && !is_queue_of(syn_fd, name)))
        return HF_INVALID;
    tap->fd = fd;
    tap->syn_fd = syn_fd;
    memcpy(tap->name, name, strlen(name));
    if (ioctl(fd, TUNSETVNETHDRSZ, &header) == 0 && (syn_fd < 0 || join(tap)) &&
        open_buffers(tap) == HF_OK) {
        tap->offload =
            ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) == 0;
        if (syn_fd < 0)
            tap->ready_fd = fd;
        return HF_OK;
    }
    hf_tap_close(tap);
    return HF_SYSTEM;
}

static void close_queues(struct hf_tap *tap)
{
    if (tap->ready_fd >= 0 && tap->ready_fd != tap->fd)
        close(tap->ready_fd);
    if (tap->syn_fd >= 0)
        close(tap->syn_fd);
    if (tap->fd >= 0)
        close(tap->fd);
    tap->fd = tap->syn_fd = tap->ready_fd = -1;
}

int hf_tap_reopen(struct hf_tap *tap, const char *name, int fd)
{
    int error = fd < 0 ? HF_NO_DEVICE : HF_OK;

    close_queues(tap);
    if (error == HF_OK)
        error = become_queue(tap, fd, name, 0);
    if (error == HF_OK)
        tap->fd = tap->ready_fd = fd;
    return error;
}

void hf_tap_close(struct hf_tap *tap)
{
    if (tap->buffers)
        munmap(tap->buffers, tap->buffer_bytes);
    close_queues(tap);
    *tap = (struct hf_tap){.fd = -1, .syn_fd = -1, .ready_fd = -1};
}

void hf_tap_wait(struct hf_tap *tap, int64_t deadline_us)
{
    struct pollfd wait = {.fd = tap->ready_fd, .events = POLLIN};
    struct timespec left;

    ppoll(&wait, 1, clock_time_left(&left, deadline_us), NULL);
}

/* ---- in ---- */

/* What the device says of a frame. false: a kind of large packet that was never offered. */
static bool describe(struct hf_frame *frame, const struct virtio_net_hdr *header)
{
    if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
        frame->checksum = HF_CHECKSUM_PARTIAL;
    else if (header->flags & VIRTIO_NET_HDR_F_DATA_VALID)
        frame->checksum = HF_CHECKSUM_VERIFIED;

    switch (header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_NONE: return true;
    case VIRTIO_NET_HDR_GSO_TCPV4:
    case VIRTIO_NET_HDR_GSO_TCPV6: frame->gso_size = header->gso_size; return true;
    default: return false;
    }
}

/* Frames of one queue go behind those that are there. */
static size_t receive_from(struct hf_tap *tap, int fd, struct hf_frame *frames, size_t filled,
                           size_t count)
{
    while (filled < count) {
        uint8_t *buffer = tap->buffers + filled * BUFFER_STRIDE;
        ssize_t got = read(fd, buffer + VNET_AT, VNET_BYTES + HF_FRAME_MAX);
        struct virtio_net_hdr header;

        if (got < (ssize_t)VNET_BYTES) {
            if (got < 0 && errno != EAGAIN && errno != EINTR)
                tap->errors++;
            break;
        }
        memcpy(&header, buffer + VNET_AT, sizeof header);
        frames[filled] = (struct hf_frame){
            .data = buffer + FRAME_AT,
            .length = (uint32_t)got - VNET_BYTES,
            .capacity = HF_FRAME_MAX,
            .link = HF_ETHERNET,
        };
        if (describe(&frames[filled], &header))
            filled++;
        else
            tap->errors++;
    }
    return filled;
}

size_t hf_tap_receive(struct hf_tap *tap, struct hf_frame *frames, size_t count)
{
    size_t filled;

    if (tap->fd < 0)
        return 0;
    if (count > HF_TAP_BATCH)
        count = HF_TAP_BATCH;
    filled = receive_from(tap, tap->fd, frames, 0, count);
    if (tap->syn_fd >= 0)
        filled = receive_from(tap, tap->syn_fd, frames, filled, count);
    tap->received += filled;
    return filled;
}

/* ---- out ---- */

size_t hf_tap_slots(struct hf_tap *tap, struct hf_frame *frames, size_t count)
{
    if (count > HF_TAP_BATCH)
        count = HF_TAP_BATCH;
    for (size_t i = 0; i < count; i++)
        frames[i] = (struct hf_frame){
            .data = tap->buffers + (HF_TAP_BATCH + i) * BUFFER_STRIDE + FRAME_AT,
            .capacity = HF_FRAME_MAX,
        };
    return count;
}

static bool is_ipv6(const struct hf_frame *frame)
{
    uint32_t ip_at = get_be16(frame->data + 12) == 0x8100 ? 18 : 14;

    return frame->data[ip_at] >> 4 == 6;
}

/* What the device is to do with a frame of ours. */
static struct virtio_net_hdr order(const struct hf_frame *frame)
{
    struct virtio_net_hdr header = {0};

    if (frame->checksum != HF_CHECKSUM_PARTIAL)
        return header;
    header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    header.csum_start = frame->transport_offset;
    header.csum_offset = TCP_CHECKSUM_AT;
    if (frame->gso_size && frame->length > (uint32_t)frame->header_length + frame->gso_size) {
        header.gso_type = is_ipv6(frame) ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
        header.gso_size = frame->gso_size;
        header.hdr_len = frame->header_length;
    }
    return header;
}

void hf_tap_transmit(struct hf_tap *tap, const struct hf_frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct virtio_net_hdr header = order(&frames[i]);
        struct iovec parts[] = {{&header, sizeof header}, {frames[i].data, frames[i].length}};

        if (writev(tap->fd, parts, 2) >= 0)
            tap->transmitted++;
        else if (tap->fd < 0 || errno == EAGAIN || errno == ENOBUFS ||
                 errno == EIO) /* full, or the interface is down */
            tap->dropped++;
        else
            tap->errors++;
    }
}

void hf_tap_describe(const struct hf_tap *tap, struct hf_config *config)
{
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memcpy(request.ifr_name, tap->name, sizeof tap->name);
    if (fd >= 0 && ioctl(fd, SIOCGIFMTU, &request) == 0 && request.ifr_mtu >= 576 &&
        request.ifr_mtu <= 65535)
        config->mtu = (uint16_t)request.ifr_mtu;
    if (fd >= 0)
        close(fd);

    /* An IP packet has at most 65535 bytes, and its headers up to 100. */
    config->checksum_offload = tap->offload;
    config->segmentation_bytes = tap->offload ? 65535 - 100 : 0;
}

/* ---- as every driver ---- */

static size_t receive(void *self, struct hf_frame *frames, size_t count)
{
    return hf_tap_receive(self, frames, count);
}

static size_t slots(void *self, struct hf_frame *frames, size_t count)
{
    return hf_tap_slots(self, frames, count);
}

static void transmit(void *self, const struct hf_frame *frames, size_t count)
{
    hf_tap_transmit(self, frames, count);
}

static int descriptor(void *self)
{
    return ((const struct hf_tap *)self)->ready_fd;
}

const struct driver driver_tap = {receive, slots, transmit, descriptor};
