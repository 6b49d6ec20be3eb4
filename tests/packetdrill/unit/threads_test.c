/* The adapter called as packetdrill calls it: a second thread that waits for the instant of its call, calls, and looks at the
 * clock; the main thread that starts late, moves time, and at the end closes descriptors by itself and resets what is left. */
#include "../interface.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "wire/checksum.h"

#define SPIN_US 20
#define STARTS_US 250 /* after the tenth look */
#define SEGMENT 40

static struct packetdrill_interface stack;
static int (*has_waiting)(void *);
static int64_t start_us;

static int64_t look(void)
{
    struct timeval time;

    assert_int_equal(stack.gettimeofday(stack.userdata, &time, NULL), 0);
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec - start_us;
}

/* As it waits for an event: asleep until shortly before, then by looking. */
static void wait_until(int64_t at_us)
{
    int64_t left;

    while ((left = at_us - look()) > 0)
        if (left > SPIN_US)
            assert_int_equal(stack.usleep(stack.userdata, (useconds_t)(left - SPIN_US)), 0);
}

/* 192.0.2.1:40001 > 192.168.0.1:8080 */
static void inject(uint8_t flags, uint32_t sequence, uint32_t acknowledged)
{
    uint8_t packet[SEGMENT] = {0x45, 0, 0,   SEGMENT, 0, 0, 0,   0,   255, 6,
                               0,    0, 192, 0,       2, 1, 192, 168, 0,   1};
    uint8_t *tcp = packet + 20;
    uint32_t sum;

    put_be16(packet + 10, (uint16_t)~checksum_sum(packet, 20));
    put_be16(tcp, 40001);
    put_be16(tcp + 2, 8080);
    put_be32(tcp + 4, sequence);
    put_be32(tcp + 8, acknowledged);
    tcp[12] = 5 << 4;
    tcp[13] = flags;
    put_be16(tcp + 14, 65535);
    sum = checksum_add(checksum_sum(tcp, 20), checksum_sum(packet + 12, 8));
    put_be16(tcp + 16, (uint16_t)~checksum_fold((uint64_t)sum + 20 + 6));
    assert_int_equal(stack.netdev_send(stack.userdata, packet, sizeof packet), 0);
}

/* Our next segment's sequence number. */
static uint32_t sniff(uint8_t flags, int64_t at_us)
{
    uint8_t packet[65536];
    size_t count = sizeof packet;
    long long time_us;

    assert_int_equal(stack.netdev_receive(stack.userdata, packet, &count, &time_us), 0);
    assert_true(count >= SEGMENT);
    assert_int_equal(packet[33], flags);
    assert_in_range(time_us - start_us, at_us, at_us + 1000);
    return get_be32(packet + 24);
}

struct blocking {
    int listener;
    int64_t begins_us, ended_us;
    struct sockaddr_in peer;
    int result;
};

static void *accept_there(void *argument)
{
    struct blocking *call = argument;
    socklen_t length = sizeof call->peer;

    wait_until(call->begins_us);
    call->result =
        stack.accept(stack.userdata, call->listener, (struct sockaddr *)&call->peer, &length);
    call->ended_us = look();
    return NULL;
}

static int listening(void)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(8080)};
    int fd = stack.socket(stack.userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);

    inet_pton(AF_INET, "192.168.0.1", &local.sin_addr);
    assert_true(fd > 2);
    assert_int_equal(stack.bind(stack.userdata, fd, (struct sockaddr *)&local, sizeof local), 0);
    assert_int_equal(stack.listen(stack.userdata, fd, 1), 0);
    return fd;
}

static void starts_late(void)
{
    int64_t last = 0;

    start_us = 0;
    for (int i = 0; i < 10; i++)
        last = look();
    start_us = last + STARTS_US;
    assert_true(look() < 0);
    while (look() < 0)
        ;
}

static void a_call_on_the_second_thread_begins_and_ends_in_time(void **state)
{
    struct blocking call = {.begins_us = 100000};
    pthread_t thread;
    uint32_t isn;

    (void)state;
    starts_late();
    call.listener = listening();
    assert_int_equal(pthread_create(&thread, NULL, accept_there, &call), 0);
    while (!has_waiting(stack.userdata))
        sched_yield();
    assert_in_range(look(), 100000, 100010);

    wait_until(150000);
    inject(0x02, 0, 0);
    isn = sniff(0x12, 150000);
    wait_until(200000);
    inject(0x10, 1, isn + 1); /* the call is complete, and has looked, before this returns */
    assert_false(has_waiting(stack.userdata));
    wait_until(500000);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_in_range(call.ended_us, 200000, 200010);
    assert_int_equal(ntohs(call.peer.sin_port), 40001);

    /* the end: descriptors are closed without telling us, the connection is reset */
    assert_int_equal(close(call.result), 0);
    inject(0x14, 1, isn + 1);
    assert_int_equal(close(call.listener), 0);
}

static void the_processs_own_getsockopt_knows_our_descriptors(void **state)
{
    int (*ask)(int, int, int, void *, socklen_t *) = NULL;
    uint8_t info[400];
    socklen_t length = sizeof info;
    int fd = stack.socket(stack.userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);

    *(void **)&ask = dlsym(*state, "getsockopt");
    assert_non_null(ask);
    memset(info, 0xff, sizeof info);
    assert_int_equal(ask(fd, IPPROTO_TCP, 11, info, &length), 0);
    assert_int_equal(length, sizeof info); /* packetdrill's own struct is longer than ours */
    assert_int_equal(info[0], 7);          /* CLOSE */
    assert_int_equal(info[399], 0);
    assert_int_equal(ask(0, IPPROTO_TCP, 11, info, &length), -1);
    assert_int_equal(stack.close(stack.userdata, fd), 0);
    assert_int_equal(close(fd), -1);
}

static int load(void **state)
{
    void (*init)(const char *, struct packetdrill_interface *) = NULL;
    void *library = dlopen(getenv("ADAPTER"), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

    if (!library)
        return -1;
    *(void **)&init = dlsym(library, "packetdrill_interface_init");
    *(void **)&has_waiting = dlsym(library, "adapter_has_waiting");
    init(NULL, &stack);
    *state = library;
    return 0;
}

static int unload(void **state)
{
    stack.free(stack.userdata);
    return dlclose(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_on_the_second_thread_begins_and_ends_in_time),
        cmocka_unit_test(the_processs_own_getsockopt_knows_our_descriptors),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
