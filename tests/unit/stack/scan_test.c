/* Scans are told once, with who and since when; a crowd of forged sources neither tells nor hides them. [RFC 9293 3.10.7.1] */
#include "peer.h"

#include "stack/source.h"

#define S INT64_C(1000000)

static const struct siphash_key key = {3, 4};

static bool tries(struct scan *scan, uint32_t from, uint16_t port, struct hf_event *event,
                  int64_t now_us)
{
    struct flow flow = {address_v4(from), address_v4(0xc0000201), 4000, port};

    return scan_note(scan, &flow, SCAN_CLOSED_PORT, event, now_us);
}

static void many_ports_are_told_once(void **state)
{
    struct hf_event event;
    struct scan scan;
    unsigned told = 0, at = 0;

    (void)state;
    scan_init(&scan, 16, key);
    for (uint16_t port = 1; port < 200; port++) {
        if (!tries(&scan, 0xcb007107, port, &event, 100 * S + port * 1000))
            continue;
        told++;
        at = port;
    }
    assert_int_equal(told, 1);
    assert_in_range(at, 16, 22); /* some ports fall into the same bit */
    assert_int_equal(event.kind, HF_EVENT_SCAN);
    assert_int_equal(event.count, at);
    assert_in_range(event.value, at - 6, at + 4);
    assert_int_equal(event.prefix_length, 32);
    assert_int_equal(event.remote.port, 0);
    assert_int_equal(event.local.port, at);
    assert_in_range(event.since_us, 99 * S, 100 * S + 1000);
    for (uint16_t port = 1; port < 200; port++) /* the next minute */
        told += tries(&scan, 0xcb007107, port, &event, 161 * S);
    assert_int_equal(told, 2);
}

/* One port over and over is a client that hopes; few ports a minute are below what is noticed. */
static void who_hopes_does_not_scan(void **state)
{
    struct hf_event event;
    struct scan scan;

    (void)state;
    scan_init(&scan, 16, key);
    for (int i = 0; i < 10000; i++)
        assert_false(tries(&scan, 0xcb007107, (uint16_t)(80 + i % 3), &event, i * 1000));
    for (int minute = 1; minute < 20; minute++)
        for (uint16_t port = 1; port < 15; port++)
            assert_false(
                tries(&scan, 0xcb007107, (uint16_t)(minute * 100 + port), &event, minute * 61 * S));
}

/* A million sources seen once each do not push a scanner out, and make no noise of their own. */
static void a_scan_in_a_flood_is_seen(void **state)
{
    struct hf_event event;
    struct scan scan;
    unsigned told = 0;
    uint32_t forged = 0x0a000000;

    (void)state;
    scan_init(&scan, 16, key);
    for (uint16_t port = 1; port < 400; port++) {
        for (int i = 0; i < 100; i++)
            assert_false(tries(&scan, forged += 7919, port, &event, 100 * S));
        told += tries(&scan, 0xcb007107, port, &event, 100 * S);
        told += tries(&scan, 0xcb007107, (uint16_t)(port + 1000), &event, 100 * S);
    }
    assert_int_equal(told, 1);
    assert_int_equal(event.remote.address.bytes[15], 7);
}

/* However many scan at once, the sink gets a few a second; the others are told later, if they go on. */
static void events_are_few(void **state)
{
    struct hf_event event;
    struct scan scan;
    unsigned told = 0;

    (void)state;
    scan_init(&scan, 16, key);
    for (uint32_t source = 0; source < 20; source++)
        for (uint16_t port = 1; port < 60; port++)
            told += tries(&scan, 0xcb007100 + source, port, &event, 100 * S);
    assert_int_equal(told, SCAN_TOLD_PER_S);
    for (uint32_t source = 0; source < 20; source++)
        told += tries(&scan, 0xcb007100 + source, 99, &event, 101 * S);
    assert_int_equal(told, 2 * SCAN_TOLD_PER_S);
}

static void nothing_is_told_if_not_wanted(void **state)
{
    struct hf_event event;
    struct scan scan;

    (void)state;
    scan_init(&scan, 0, key);
    for (uint16_t port = 1; port < 1000; port++)
        assert_false(tries(&scan, 0xcb007107, port, &event, 100 * S));
}

/* Through the door: flags that nobody sends are a scan even at an open port; a /64 is one source; nobody is banned. */
static void odd_flags_are_a_scan(void **state)
{
    static const uint8_t flags[] = {0, TCP_FIN, TCP_FIN | TCP_PSH | TCP_URG, TCP_SYN | TCP_RST};
    struct hf_config config = peer_config();
    struct hf_event event, scan = {.kind = HF_EVENT_NONE};
    struct peer peer;
    struct flow flow;

    (void)state;
    peer_open(&peer, &config);
    peer.v6 = true;
    peer_listen(&peer, NULL);
    flow = peer_flow(&peer);
    for (unsigned i = 0; i < 40; i++) {
        struct segment seg = {.seq = {i}, .flags = flags[i % 4], .window = 100};

        flow.remote.bytes[15] = (uint8_t)(i + 2);
        peer_send_flow(&peer, &flow, &seg);
    }
    while (hf_event_take(&peer.sink, &event))
        if (event.kind == HF_EVENT_SCAN) {
            assert_int_equal(scan.kind, HF_EVENT_NONE);
            scan = event;
        }
    assert_int_equal(scan.kind, HF_EVENT_SCAN);
    assert_int_equal(scan.prefix_length, 64);
    assert_int_equal(scan.count, 16);
    assert_int_equal(scan.value, 0);
    assert_int_equal(scan.remote.address.bytes[15], 0);
    assert_stat(&peer, scans_told, 1);
    flow.remote_port++;
    peer_connect(&peer, &flow, 77);
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_ports_are_told_once),      cmocka_unit_test(who_hopes_does_not_scan),
        cmocka_unit_test(a_scan_in_a_flood_is_seen),     cmocka_unit_test(events_are_few),
        cmocka_unit_test(nothing_is_told_if_not_wanted), cmocka_unit_test(odd_flags_are_a_scan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
