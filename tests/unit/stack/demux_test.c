/* From a flow to numbers. [RFC 6528 3] [RFC 6056 3.3.3] [RFC 6864 4.1] */
#include "peer.h"

#include "stack/demux.h"

/* HF1's K_ts of the master key 40 41 ... 4f, and tuples from its vectors. */
static void tuple_hash_is_hf1s(void **state)
{
    static const struct {
        const char *remote, *local;
        uint16_t remote_port, local_port;
        uint64_t tuple;
    } rows[] = {
        {"198.51.45.9", "203.0.113.10", 7613, 443, 0x48ac73dd736d74ab},
        {"2001:db8:a33c:206d:da6c:a013:30a6:e6f8", "2001:db8::10", 15132, 443, 0xb6dae250efd83e30},
        {"198.51.45.67", "203.0.113.10", 3658, 443, 0xb2632252e7203328},
        {"198.51.101.236", "203.0.113.10", 54799, 80, 0x8821c7c3112caf02},
    };
    uint8_t master[16];

    (void)state;
    for (uint8_t i = 0; i < 16; i++)
        master[i] = (uint8_t)(0x40 + i);
    struct siphash_key key = siphash_derive(siphash_key_from(master), "hf1 tuple", 0);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flow flow = {address_of(rows[i].remote), address_of(rows[i].local),
                            rows[i].remote_port, rows[i].local_port};

        assert_true(demux_hash(&key, &flow) == rows[i].tuple);
    }
}

/* The stack's own key is derived so from the first half of its secret. */
static void stack_uses_that_key(void **state)
{
    struct hf_config config = peer_config();
    struct peer peer;
    uint8_t secret[16];

    (void)state;
    peer_open(&peer, &config);
    for (unsigned i = 0; i < 16; i++)
        secret[i] = (uint8_t)(i * 7 + 1);
    struct siphash_key key = siphash_derive(siphash_key_from(secret), "hf1 tuple", 0);
    assert_memory_equal(&peer.stack->keys.tuple, &key, sizeof key);
    peer_close(&peer);
}

/* 4 us a step, and another start for every flow. [RFC 9293 MUST-8, MUST-9] [R6528-01] */
static void iss_runs_with_the_clock(void **state)
{
    struct hf_config config = peer_config();
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    seq a = demux_iss(peer.stack, 1, 0), b = demux_iss(peer.stack, 1, 4000000);
    assert_int_equal(seq_distance(a, b), 1000000);
    assert_int_not_equal(demux_iss(peer.stack, 2, 0).value, a.value);
    peer_close(&peer);
}

/* Ports differ, lie above 1023, and avoid what is in use. [R6056-02, R6056-07] */
static void ports_are_new(void **state)
{
    struct hf_config config = peer_config();
    struct peer peer;
    static uint8_t seen[65536];
    uint64_t hash;

    (void)state;
    peer_open(&peer, &config);
    struct flow flow = peer_flow(&peer);
    for (int i = 0; i < 1000; i++) {
        assert_true(demux_choose_port(peer.stack, &flow, &hash, peer.now_us));
        assert_true(flow.local_port >= 1024);
        assert_true(hash == demux_hash(&peer.stack->keys.tuple, &flow));
        assert_int_equal(seen[flow.local_port]++, 0);
    }
    peer_close(&peer);
}

/* [R6056-04] */
static void two_destinations_do_not_tell_of_each_other(void **state)
{
    struct hf_config config = peer_config();
    struct peer peer;
    uint64_t hash;
    int near = 0;

    (void)state;
    peer_open(&peer, &config);
    for (uint16_t port = 1; port <= 50; port++) {
        struct flow one = peer_flow(&peer), other = one;

        one.remote_port = port;
        other.remote_port = (uint16_t)(port + 1000);
        demux_choose_port(peer.stack, &one, &hash, peer.now_us);
        demux_choose_port(peer.stack, &other, &hash, peer.now_us);
        near += abs(one.local_port - other.local_port) < 100;
    }
    assert_true(near < 5);
    peer_close(&peer);
}

/* [R6056-07, R6056-08] */
static void all_ports_taken_is_an_answer(void **state)
{
    struct hf_config config = peer_config();
    struct hf_endpoint remote;
    struct peer peer;
    hf_socket socket;
    int error = HF_OK, opened = 0;

    (void)state;
    config.max_connections = 70000;
    config.promise_bytes = 0;
    peer_open(&peer, &config);
    remote = (struct hf_endpoint){peer_address(&peer), 7};
    for (; opened < 70000; opened++) {
        error = hf_connect(peer.stack, NULL, &remote, &socket, peer.now_us);
        if (error != HF_OK)
            break;
    }
    assert_int_equal(error, HF_ADDRESS_IN_USE);
    assert_int_equal(opened, 65536 - 1024);
    peer_close(&peer);
}

/* [R6864-02] */
static void ip_ids_of_one_host_count(void **state)
{
    struct hf_config config = peer_config();
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    struct hf_address a = address_of("192.0.2.9"), b = address_of("192.0.2.10");
    uint16_t first = demux_ip_id(peer.stack, &a);
    assert_int_equal((uint16_t)(demux_ip_id(peer.stack, &a) - first), 1);
    assert_int_not_equal((uint16_t)(demux_ip_id(peer.stack, &b) - first), 2);
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tuple_hash_is_hf1s),
        cmocka_unit_test(stack_uses_that_key),
        cmocka_unit_test(iss_runs_with_the_clock),
        cmocka_unit_test(ports_are_new),
        cmocka_unit_test(two_destinations_do_not_tell_of_each_other),
        cmocka_unit_test(all_ports_taken_is_an_answer),
        cmocka_unit_test(ip_ids_of_one_host_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
