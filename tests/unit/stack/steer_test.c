/* One flow, one core; what concerns all goes to all. */
#include "peer.h"

static void flows_spread_and_stay(void **state)
{
    enum { CORES = 7 };
    uint32_t counts[CORES] = {0};
    uint8_t bytes[256];
    struct peer peer = {.v6 = false};

    (void)state;
    struct flow flow = peer_flow(&peer);
    for (uint16_t port = 1; port <= 7000; port++) {
        struct segment syn = syn_of(port), fin = {.seq = {9}, .flags = TCP_FIN | TCP_ACK};

        flow.remote_port = port;
        struct hf_frame frame = {.data = bytes, .length = frame_build(bytes, &flow, &syn)};
        unsigned core = hf_steer(&frame, CORES);
        assert_true(core < CORES);
        counts[core]++;
        frame.length = frame_build(bytes, &flow, &fin);
        assert_int_equal(hf_steer(&frame, CORES), core);
    }
    for (int i = 0; i < CORES; i++)
        assert_in_range(counts[i], 850, 1150);
}

static void arp_goes_to_all(void **state)
{
    uint8_t bytes[64] = {0};
    struct hf_frame frame = {.data = bytes, .length = 60};

    (void)state;
    put_be16(bytes + 12, ETHERTYPE_ARP);
    assert_int_equal(hf_steer(&frame, 4), 4);
    frame.length = 5;
    assert_int_equal(hf_steer(&frame, 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_spread_and_stay),
        cmocka_unit_test(arp_goes_to_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
