/* TAP against the kernel, in a network namespace of the test's own. Needs root. */
#include "unit/driver/frames.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <handfast/os.h>

#include "driver/driver.h"

/* The kernel's side: 192.0.2.2/24, up. */
static void bring_up(const char *name)
{
    struct ifreq request = {0};
    struct sockaddr_in *address = (struct sockaddr_in *)(void *)&request.ifr_addr;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    memcpy(request.ifr_name, name, strlen(name));
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(0xc0000202);
    assert_int_equal(ioctl(fd, SIOCSIFADDR, &request), 0);
    memset(&request.ifr_addr, 0, sizeof request.ifr_addr);
    assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
    request.ifr_flags |= IFF_UP;
    assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
    close(fd);
}

static void opening_names_what_is_wrong(void **state)
{
    struct hf_tap tap, other;

    (void)state;
    assert_int_equal(hf_tap_open(&tap, ""), HF_INVALID);
    assert_int_equal(hf_tap_open(&tap, "sixteen_letters_"), HF_INVALID);
    assert_int_equal(hf_tap_open(&tap, "lo"), HF_INVALID);
    assert_int_equal(tap.fd, -1);
    assert_int_equal(hf_tap_open(&tap, "hf0"), HF_OK);
    assert_string_equal(tap.name, "hf0");
    assert_true(tap.offload);
    assert_int_equal(hf_tap_open(&other, "hf0"), HF_DEVICE_BUSY);
    hf_tap_close(&tap);
    hf_tap_close(&tap); /* twice does no harm */
    assert_int_equal(hf_tap_open(&tap, "hf0"), HF_OK);
    hf_tap_close(&tap);
}

static void without_permission(void **state)
{
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        struct hf_tap tap;

        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(3);
        _exit(hf_tap_open(&tap, "hf0") == HF_NO_PERMISSION ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void what_the_interface_can_do(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct hf_tap tap;

    (void)state;
    config.mtu = 9;
    assert_int_equal(hf_tap_open(&tap, "hf0"), HF_OK);
    hf_tap_describe(&tap, &config);
    assert_int_equal(config.mtu, 1500);
    assert_true(config.checksum_offload);
    assert_in_range(config.segmentation_bytes, 60000, 65535);
    hf_tap_close(&tap);
}

static void down_is_counted_not_fatal(void **state)
{
    struct hf_frame frames[2];
    struct hf_tap tap;

    (void)state;
    assert_int_equal(hf_tap_open(&tap, "hf0"), HF_OK);
    assert_int_equal(hf_tap_receive(&tap, frames, 2), 0);
    assert_int_equal(hf_tap_slots(&tap, frames, 2), 2);
    memset(frames[0].data, 0, 60);
    frames[0].length = 60;
    hf_tap_transmit(&tap, frames, 1);
    assert_int_equal(tap.dropped, 1);
    assert_int_equal(tap.errors, 0);
    hf_tap_close(&tap);
}

/* The next frame of this EtherType, within ten seconds: a machine may stand still for one. */
static struct hf_frame expect_frame(struct hf_tap *tap, uint16_t type)
{
    int64_t until_us = hf_os_now_us() + 10000000;
    struct hf_frame frame;

    while (hf_os_now_us() < until_us) {
        hf_tap_wait(tap, until_us);
        if (hf_tap_receive(tap, &frame, 1) == 1 && frame.length > 34 &&
            get_be16(frame.data + 12) == type)
            return frame;
    }
    fail_msg("no frame of type %#x came", type);
    return frame;
}

static void send_frame(struct hf_tap *tap, const uint8_t *data, uint32_t length)
{
    struct hf_frame slot;

    assert_int_equal(hf_tap_slots(tap, &slot, 1), 1);
    memcpy(slot.data, data, length);
    slot.length = length;
    hf_tap_transmit(tap, &slot, 1);
    assert_int_equal(tap->dropped + tap->errors, 0);
}

/* A SYN with a partial checksum to a closed port: the kernel completes what it needs and refuses the connection. */
static void a_partial_checksum_is_understood(void **state)
{
    static const uint8_t who_has[60] =
        "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\2\x08\x06\0\1\x08\0\6\4\0\1"
        "\2\0\0\0\0\2\xc0\0\2\1\0\0\0\0\0\0\xc0\0\2\2";
    uint8_t arp_reply[60] =
        "\0\0\0\0\0\0\2\0\0\0\0\2\x08\x06\0\1\x08\0\6\4\0\2\2\0\0\0\0\2\xc0\0\2\1";
    static uint8_t bytes[HF_FRAME_MAX + 64];
    uint64_t seed = 3;
    struct hf_tap tap;
    uint8_t mac[6];

    (void)state;
    assert_int_equal(hf_tap_open(&tap, "hf0"), HF_OK);
    bring_up("hf0");
    send_frame(&tap, who_has, sizeof who_has);
    struct hf_frame reply = expect_frame(&tap, 0x0806);
    memcpy(mac, reply.data + 6, 6);
    memcpy(arp_reply, mac, 6); /* in case it asks for us */
    memcpy(arp_reply + 32, mac, 6);
    memcpy(arp_reply + 38, "\xc0\0\2\2", 4);
    send_frame(&tap, arp_reply, sizeof arp_reply);

    struct hf_frame syn =
        frame_make(bytes, &(struct frame_plan){4, false, false, 0, 0, TCP_SYN, 99}, &seed);
    memcpy(syn.data, mac, 6);
    driver_tap.transmit(&tap, &syn, 1);
    reply = expect_frame(&tap, 0x0800);
    assert_int_equal(reply.data[23], 6);
    assert_int_equal(reply.data[34 + 13], TCP_RST | TCP_ACK);
    assert_int_equal(get_be32(reply.data + 34 + 8), 100);
    if (reply.checksum == HF_CHECKSUM_NONE) {
        uint32_t length = get_be16(reply.data + 16) - 20u;

        assert_int_equal(checksum_add(pseudo_sum(reply.data + 14, 4, 6, length),
                                      checksum_sum(reply.data + 34, length)),
                         0xffff);
    }
    assert_int_equal(driver_tap.descriptor(&tap), tap.fd);
    hf_tap_close(&tap);
}

static int fresh(void)
{
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

/* Somebody removes the interface, here by closing behind the TAP's back: counters and buffers live on. */
static void it_can_be_made_again(void **state)
{
    struct hf_frame frames[2];
    struct hf_tap tap, other;
    int fd;

    (void)state;
    assert_int_equal(hf_tap_open(&tap, "hf0"), HF_OK);
    tap.received = 7;
    fd = fresh();
    assert_int_equal(hf_tap_reopen(&tap, "lo", fd), HF_INVALID);
    assert_int_equal(tap.fd, -1);
    assert_int_equal(hf_tap_receive(&tap, frames, 2), 0);
    assert_int_equal(hf_tap_slots(&tap, frames, 2), 2);
    memset(frames[0].data, 0, 60);
    frames[0].length = 60;
    hf_tap_transmit(&tap, frames, 1);
    assert_int_equal(tap.dropped, 1);
    assert_int_equal(hf_tap_reopen(&tap, "hf0", -1), HF_NO_DEVICE);

    assert_int_equal(hf_tap_reopen(&tap, "hf0", fd), HF_OK);
    assert_int_equal(tap.fd, fd);
    assert_int_equal(driver_tap.descriptor(&tap), fd);
    assert_int_equal(tap.received, 7);
    assert_int_equal(hf_tap_open(&other, "hf0"), HF_DEVICE_BUSY);
    bring_up("hf0");
    assert_int_equal(hf_tap_slots(&tap, frames, 1), 1);
    memset(frames[0].data, 0, 60);
    frames[0].length = 60;
    hf_tap_transmit(&tap, frames, 1);
    assert_int_equal(tap.transmitted, 1);
    hf_tap_close(&tap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_names_what_is_wrong),
        cmocka_unit_test(without_permission),
        cmocka_unit_test(what_the_interface_can_do),
        cmocka_unit_test(down_is_counted_not_fatal),
        cmocka_unit_test(it_can_be_made_again),
        cmocka_unit_test(a_partial_checksum_is_understood),
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
