/* A TAP with two queues against the kernel, in a network namespace of the test's own. Needs root. */
#include "unit/driver/frames.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <handfast/os.h>

#include "driver/driver.h"

/* A socket that puts frames into the TAP from the kernel's side. */
static int bring_up(const char *name)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET};
    struct ifreq request = {0};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    memcpy(request.ifr_name, name, strlen(name));
    assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
    request.ifr_flags |= IFF_UP;
    assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
    assert_int_equal(ioctl(fd, SIOCGIFINDEX, &request), 0);
    to.sll_ifindex = request.ifr_ifindex;
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void give(int fd, unsigned version, uint8_t flags, uint32_t number)
{
    static uint8_t bytes[4096];
    uint64_t seed = 1;
    struct hf_frame frame =
        frame_make(bytes, &(struct frame_plan){version, false, false, 0, 0, flags, number}, &seed);

    assert_int_equal(send(fd, frame.data, frame.length, 0), frame.length);
}

/* Sequence numbers of the frames of ours that wait, in the order in which they come. */
static size_t take(struct hf_tap *tap, uint32_t *seqs, size_t count)
{
    struct hf_frame frames[HF_TAP_BATCH];
    size_t got = hf_tap_receive(tap, frames, HF_TAP_BATCH), found = 0;

    for (size_t i = 0; i < got && found < count; i++) {
        const uint8_t *ip = frames[i].data + 14;
        uint32_t tcp_at = ip[0] >> 4 == 4 ? 34 : 54;

        if (memcmp(frames[i].data + 6, "\2\0\0\0\0\2", 6) == 0)
            seqs[found++] = get_be32(frames[i].data + tcp_at + 4);
    }
    return found;
}

static void bare_syns_come_last(void **state)
{
    struct hf_tap tap;
    uint32_t seqs[8];

    (void)state;
    assert_int_equal(hf_tap_open_split(&tap, "hf0"), HF_OK);
    if (tap.syn_fd < 0)
        skip(); /* a kernel without BPF */
    int fd = bring_up("hf0");
    give(fd, 4, TCP_SYN, 1);
    give(fd, 6, TCP_SYN, 2);
    give(fd, 4, TCP_SYN | TCP_PSH, 3);
    give(fd, 4, TCP_ACK, 4);
    give(fd, 6, TCP_SYN | TCP_ACK, 5);
    give(fd, 4, TCP_RST, 6);
    struct pollfd ready = {.fd = driver_tap.descriptor(&tap), .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 10000), 1);
    assert_int_equal(take(&tap, seqs, 8), 6);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(seqs[i], 4 + i);
        assert_int_equal(seqs[3 + i], 1 + i);
    }
    hf_tap_transmit(&tap, NULL, 0);
    close(fd);
    hf_tap_close(&tap);
}

static void a_queue_full_of_syns_takes_no_room(void **state)
{
    struct hf_tap tap;
    uint32_t seqs[HF_TAP_BATCH];

    (void)state;
    assert_int_equal(hf_tap_open_split(&tap, "hf0"), HF_OK);
    if (tap.syn_fd < 0)
        skip();
    int fd = bring_up("hf0");
    for (uint32_t i = 0; i < 5000; i++)
        give(fd, 4, TCP_SYN, i);
    give(fd, 4, TCP_ACK, 77777);
    assert_true(take(&tap, seqs, HF_TAP_BATCH) > 1);
    assert_int_equal(seqs[0], 77777);
    close(fd);
    hf_tap_close(&tap);
}

/* One stack has an interface, whichever way it was opened. */
static void who_comes_second_is_told(void **state)
{
    struct hf_tap tap, other;

    (void)state;
    assert_int_equal(hf_tap_open_split(&tap, "hf0"), HF_OK);
    assert_int_equal(hf_tap_open_split(&other, "hf0"), HF_DEVICE_BUSY);
    assert_int_equal(hf_tap_open(&other, "hf0"), HF_DEVICE_BUSY);
    hf_tap_close(&tap);
    assert_int_equal(hf_tap_open(&tap, "hf0"), HF_OK);
    assert_int_equal(hf_tap_open_split(&other, "hf0"), HF_DEVICE_BUSY);
    hf_tap_close(&tap);
    assert_int_equal(hf_tap_open_split(&tap, "lo"), HF_INVALID);
    assert_int_equal(hf_tap_open_split(&tap, ""), HF_INVALID);
}

/* An interface that was made before, as `ip tuntap add` does, has one queue; so has its stack. */
static void an_interface_with_one_queue_is_taken_as_it_is(void **state)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, .ifr_name = "hf1"};
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    struct hf_tap tap;

    (void)state;
    assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
    assert_int_equal(ioctl(fd, TUNSETPERSIST, 1), 0);
    close(fd);
    assert_int_equal(hf_tap_open_split(&tap, "hf1"), HF_OK);
    assert_int_equal(tap.syn_fd, -1);
    assert_int_equal(driver_tap.descriptor(&tap), tap.fd);
    assert_int_equal(ioctl(tap.fd, TUNSETPERSIST, 0), 0);
    hf_tap_close(&tap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_syns_come_last),
        cmocka_unit_test(a_queue_full_of_syns_takes_no_room),
        cmocka_unit_test(who_comes_second_is_told),
        cmocka_unit_test(an_interface_with_one_queue_is_taken_as_it_is),
    };

    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
        printf("skipped: TAP needs root and a network namespace: %s\n",
               geteuid() ? "not root" : strerror(errno));
        return 77;
    }
    if (access("/dev/net/tun", F_OK) != 0) {
        printf("skipped: there is no /dev/net/tun\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
