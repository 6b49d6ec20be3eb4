/* Neighbours: what makes an entry, what changes it, and what does neither. [RFC 826; RFC 4861 7.2, 7.3; RFC 5227 2.4] */
#include "support.h"

#include <handfast/event.h>

#include "base/bytes.h"
#include "stack/neighbor.h"
#include "stack/neighbor_discovery.h"
#include "wire/arp.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ipv6.h"
#include "wire/mld.h"
#include "wire/nd.h"

#define NOW INT64_C(100000000)
#define SECOND ((int64_t)US_PER_S)

static const struct hf_mac our_mac = {{2, 0, 0, 0, 0, 1}};
static const struct hf_mac mac_a = {{2, 0, 0, 0, 0, 0xa}};
static const struct hf_mac mac_b = {{2, 0, 0, 0, 0, 0xb}};

struct world {
    struct hf_stats stats;
    struct route route;
    struct neighbors neighbors;
    struct arena arena;
    struct hf_event events[16];
    struct hf_event_sink sink;
    struct hf_config config;
    uint8_t frame[1600];
    struct packet sent; /* the last message, parsed again */
};

static void make_as(struct world *w, uint32_t max_neighbors, bool announce, bool shared)
{
    struct neighbor_setup setup = {.config = &w->config,
                                   .route = &w->route,
                                   .mac = our_mac,
                                   .stats = &w->stats,
                                   .events = &w->sink,
                                   .key = {3, 4}};
    struct arena measure = {0};

    memset(w, 0, sizeof *w);
    w->config = (struct hf_config)HF_CONFIG_DEFAULT;
    w->config.max_neighbors = max_neighbors;
    w->config.gratuitous_arp = announce;
    w->config.addresses_shared = shared;
    w->config.addresses[0] = prefix("192.0.2.1/24");
    w->config.addresses[1] = prefix("2001:db8::1/64");
    w->config.addresses[2] = prefix("fe80::1/64");
    w->sink = (struct hf_event_sink){.events = w->events, .capacity = 16};
    route_init(&w->route, &w->config);
    neighbor_init(&w->neighbors, &measure, &setup, NOW);
    w->arena = make_arena(measure.used);
    neighbor_init(&w->neighbors, &w->arena, &setup, NOW);
    assert_int_equal(w->arena.used, measure.used);
}

static void make_with(struct world *w, uint32_t max_neighbors, bool announce)
{
    make_as(w, max_neighbors, announce, false);
}

/* The next message, which another station's parser must accept. 0: none. */
static uint32_t next_message(struct world *w, int64_t now_us)
{
    struct packet_rules rules = {.mac = mac_a, .checksum = checksum_sum, .ipv6 = packet_ipv6};
    uint32_t length = neighbor_next_message(&w->neighbors, w->frame, now_us);

    if (length == 0)
        return 0;
    assert_true(length <= NEIGHBOR_FRAME_MAX);
    struct hf_frame frame = {.data = w->frame, .length = length};

    memcpy(&rules.mac, w->frame, sizeof rules.mac);
    packet_parse(&w->sent, &rules, &frame);
    assert_true(mac_equal(&w->sent.link.source, &our_mac));
    return length;
}

static void make(struct world *w)
{
    make_with(w, 8, false);
    assert_int_not_equal(next_message(w, NOW), 0); /* the report of our groups */
    assert_int_equal(next_message(w, NOW), 0);
    assert_false(neighbor_wants_output(&w->neighbors));
}

static void unmake(struct world *w)
{
    free(w->arena.base);
}

static uint32_t events(struct world *w, enum hf_event_kind kind)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->sink.written; i++)
        count += w->events[i].kind == kind;
    return count;
}

static struct arp_message sent_arp(struct world *w)
{
    struct arp_message message;

    assert_int_equal(w->sent.kind, PACKET_ARP);
    assert_true(arp_parse(&message, w->sent.payload, w->sent.payload_length));
    return message;
}

static struct nd_message sent_nd(struct world *w)
{
    struct nd_message message;

    assert_int_equal(w->sent.kind, PACKET_ICMPV6);
    assert_true(nd_parse(&message, &w->sent));
    return message;
}

static enum hf_stat arp(struct world *w, const struct arp_message *message, int64_t now_us)
{
    uint8_t bytes[ARP_LENGTH];
    struct packet packet = {
        .kind = PACKET_ARP,
        .link.source = message->sender_mac,
        .payload = bytes,
        .payload_length = arp_build(bytes, message),
    };

    return neighbor_on_arp(&w->neighbors, &packet, now_us);
}

static enum hf_stat arp_says(struct world *w, uint16_t operation, const char *sender,
                             const struct hf_mac *mac, const char *target)
{
    struct arp_message message = {
        .operation = operation,
        .sender_mac = *mac,
        .sender = sender[0] == '0' ? address_v4(0) : address(sender),
        .target_mac = operation == ARP_REPLY ? our_mac : (struct hf_mac){{0}},
        .target = address(target),
    };

    return arp(w, &message, NOW);
}

static enum hf_stat nd_says(struct world *w, struct nd_message message, const char *source,
                            const char *destination, int64_t now_us)
{
    uint8_t bytes[ND_LENGTH_MAX];
    struct packet packet = {
        .kind = PACKET_ICMPV6,
        .version = 6,
        .ttl = 255,
        .link.source = message.has_mac ? message.mac : mac_a,
        .source = source ? address(source) : (struct hf_address){{0}},
        .destination = address(destination),
        .payload = bytes,
    };

    packet.payload_length = nd_build(bytes, &message, &packet.source, &packet.destination);
    return neighbor_discovery_arrives(&w->neighbors, &packet, now_us);
}

static enum neighbor_verdict resolve(struct world *w, const char *next_hop, struct hf_mac *mac,
                                     int64_t now_us)
{
    struct hf_address a = address(next_hop);
    struct neighbor_ref ref = {0};

    return neighbor_resolve(&w->neighbors, &ref, &a, mac, now_us);
}

static void confirm(struct world *w, const char *next_hop, const struct hf_mac *mac, int64_t now_us)
{
    struct hf_address a = address(next_hop);

    neighbor_confirm(&w->neighbors, &a, mac, now_us);
}

/* An entry that was asked for and answered. */
static void answered(struct world *w, const char *next_hop, const struct hf_mac *mac)
{
    struct hf_mac found;

    assert_int_equal(resolve(w, next_hop, &found, NOW), NEIGHBOR_WAIT);
    assert_int_not_equal(next_message(w, NOW), 0);
    assert_int_equal(arp_says(w, ARP_REPLY, next_hop, mac, "192.0.2.1"), HF_STAT_none);
    assert_int_equal(resolve(w, next_hop, &found, NOW), NEIGHBOR_READY);
    assert_true(mac_equal(&found, mac));
}

/* [R1122-02, R826-05] */
static void test_arp_resolves(void **state)
{
    struct world w;
    struct hf_mac mac;
    struct hf_address target = address("192.0.2.9"), ours = address("192.0.2.1");

    (void)state;
    make(&w);
    assert_int_equal(resolve(&w, "192.0.2.9", &mac, NOW), NEIGHBOR_WAIT);
    assert_true(neighbor_wants_output(&w.neighbors));
    assert_int_equal(next_message(&w, NOW), ETHERNET_HEADER + ARP_LENGTH);
    struct arp_message request = sent_arp(&w);

    assert_int_equal(request.operation, ARP_REQUEST);
    assert_true(address_equal(&request.target, &target));
    assert_true(address_equal(&request.sender, &ours));
    assert_true(w.sent.to_link_group);
    assert_int_equal(next_message(&w, NOW), 0);
    assert_int_equal(resolve(&w, "192.0.2.9", &mac, NOW), NEIGHBOR_WAIT);
    assert_int_equal(next_message(&w, NOW), 0); /* asking more often asks no more */

    assert_int_equal(arp_says(&w, ARP_REPLY, "192.0.2.9", &mac_a, "192.0.2.1"), HF_STAT_none);
    assert_int_equal(resolve(&w, "192.0.2.9", &mac, NOW), NEIGHBOR_READY);
    assert_true(mac_equal(&mac, &mac_a));
    assert_int_equal(w.stats.neighbor_solicited, 1);
    unmake(&w);
}

/* [RFC 4861 7.2.2, 7.2.5] [R4861-10, R4861-19] */
static void test_nd_resolves(void **state)
{
    struct nd_message answer = {.advertisement = true,
                                .solicited = true,
                                .override = true,
                                .has_mac = true,
                                .mac = mac_a,
                                .target = address("2001:db8::9")};
    struct hf_address group = ipv6_solicited_node(&answer.target);
    struct world w;
    struct hf_mac mac;

    (void)state;
    make(&w);
    assert_int_equal(resolve(&w, "2001:db8::9", &mac, NOW), NEIGHBOR_WAIT);
    assert_int_not_equal(next_message(&w, NOW), 0);
    struct nd_message question = sent_nd(&w);

    assert_false(question.advertisement);
    assert_true(question.has_mac && mac_equal(&question.mac, &our_mac));
    assert_true(address_equal(&question.target, &answer.target));
    assert_true(address_equal(&w.sent.destination, &group));
    assert_int_equal(nd_says(&w, answer, "2001:db8::9", "2001:db8::1", NOW), HF_STAT_none);
    assert_int_equal(resolve(&w, "2001:db8::9", &mac, NOW), NEIGHBOR_READY);
    assert_true(mac_equal(&mac, &mac_a));

    /* From link-local to link-local. */
    assert_int_equal(resolve(&w, "fe80::9", &mac, NOW), NEIGHBOR_WAIT);
    assert_int_not_equal(next_message(&w, NOW), 0);
    struct hf_address ours = address("fe80::1");

    assert_true(address_equal(&w.sent.source, &ours));
    unmake(&w);
}

/* Three questions a second apart, then silence; three seconds later it may be asked again. [RFC 1122 2.3.2.1]
 * [R1122-02, R4861-08, R4861-19] */
static void test_fails(void **state)
{
    struct world w;
    struct hf_mac mac;
    uint32_t asked = 0;

    (void)state;
    make(&w);
    assert_int_equal(resolve(&w, "192.0.2.9", &mac, NOW), NEIGHBOR_WAIT);
    for (int64_t t = NOW; t < NOW + 3 * SECOND; t += SECOND / 10) {
        neighbor_tick(&w.neighbors, t);
        while (next_message(&w, t))
            asked += w.sent.kind == PACKET_ARP;
        assert_int_equal(resolve(&w, "192.0.2.9", &mac, t), NEIGHBOR_WAIT);
    }
    assert_int_equal(asked, NEIGHBOR_SOLICITS_MAX);
    assert_int_equal(neighbor_deadline(&w.neighbors), NOW + 3 * SECOND);
    neighbor_tick(&w.neighbors, NOW + 3 * SECOND);
    assert_int_equal(resolve(&w, "192.0.2.9", &mac, NOW + 3 * SECOND), NEIGHBOR_NO_ANSWER);
    assert_int_equal(events(&w, HF_EVENT_NEIGHBOR_FAILED), 1);
    assert_true(w.stats.neighbor_no_answer >= 1);
    assert_int_equal(next_message(&w, NOW + 3 * SECOND), 0);
    assert_int_equal(resolve(&w, "192.0.2.9", &mac, NOW + 6 * SECOND), NEIGHBOR_WAIT);
    assert_int_not_equal(next_message(&w, NOW + 6 * SECOND), 0);
    unmake(&w);
}

/* Who waits is told once, by success and by failure. [R4861-09] */
static void test_waiters(void **state)
{
    struct list_link links[2];
    struct list_links waiters = {(uint8_t *)links, sizeof links[0]};
    struct hf_address a = address("192.0.2.9");
    struct neighbor_ref ref = {0};
    struct world w;
    struct hf_mac mac;

    (void)state;
    make(&w);
    for (int success = 0; success < 2; success++) {
        int64_t start = NOW + success * 100 * SECOND, t = start;

        list_link_init(&links[0]);
        list_link_init(&links[1]);
        assert_int_equal(neighbor_resolve(&w.neighbors, &ref, &a, &mac, t), NEIGHBOR_WAIT);
        list_append(neighbor_waiters(&w.neighbors, ref.slot), waiters, 0);
        list_append(neighbor_waiters(&w.neighbors, ref.slot), waiters, 1);
        while (next_message(&w, t))
            ;
        assert_int_equal(neighbor_take_changed(&w.neighbors), SLOT_NONE);
        if (success)
            arp_says(&w, ARP_REPLY, "192.0.2.9", &mac_a, "192.0.2.1");
        else
            for (; t < start + 4 * SECOND; t += SECOND / 2) {
                neighbor_tick(&w.neighbors, t);
                while (next_message(&w, t))
                    ;
            }
        assert_int_equal(neighbor_take_changed(&w.neighbors), ref.slot);
        assert_int_equal(neighbor_take_changed(&w.neighbors), SLOT_NONE);
        struct list *list = neighbor_waiters(&w.neighbors, ref.slot);

        assert_int_equal(list_take(list, waiters), 0);
        assert_int_equal(list_take(list, waiters), 1);
    }
    unmake(&w);
}

/* Nothing that comes unasked makes an entry or overwrites one. [R4861-13, R4861-17, R826-03] */
static void test_unasked(void **state)
{
    struct nd_message claim = {.advertisement = true,
                               .override = true,
                               .has_mac = true,
                               .mac = mac_b,
                               .target = address("2001:db8::9")};
    struct world w;
    struct hf_mac mac;

    (void)state;
    make(&w);
    for (uint32_t i = 0; i < 1000; i++) {
        struct arp_message message = {.operation = i % 2 ? ARP_REPLY : ARP_REQUEST,
                                      .sender_mac = mac_b,
                                      .sender = address_v4(0xc0000200 + 2 + i % 250),
                                      .target = address("192.0.2.1")};

        arp(&w, &message, NOW);
        nd_says(&w, claim, "2001:db8::9", "ff02::1", NOW);
    }
    assert_int_equal(neighbor_count(&w.neighbors), 0);
    assert_int_equal(w.stats.outbox_dropped, 500 - NEIGHBOR_REPLIES);
    while (next_message(&w, NOW))
        ;

    answered(&w, "192.0.2.9", &mac_a);
    arp_says(&w, ARP_REPLY, "192.0.2.9", &mac_b, "192.0.2.1");
    arp_says(&w, ARP_REQUEST, "192.0.2.9", &mac_b, "192.0.2.9");
    assert_int_equal(resolve(&w, "192.0.2.9", &mac, NOW), NEIGHBOR_READY);
    assert_true(mac_equal(&mac, &mac_a));
    unmake(&w);
}

/* A claim makes us ask everyone, once in a while; who then answers is believed: a failover works, a flood does nothing. */
static void test_claim_asks_again(void **state)
{
    struct world w;
    struct hf_mac mac;
    uint32_t asked = 0;

    (void)state;
    make(&w);
    answered(&w, "192.0.2.9", &mac_a);
    for (int i = 0; i < 100; i++) {
        arp_says(&w, ARP_REQUEST, "192.0.2.9", &mac_b, "192.0.2.9");
        while (next_message(&w, NOW))
            asked++;
    }
    assert_int_equal(asked, 1);
    assert_true(w.sent.to_link_group);
    assert_int_equal(resolve(&w, "192.0.2.9", &mac, NOW), NEIGHBOR_READY);
    assert_true(mac_equal(&mac, &mac_a));
    arp_says(&w, ARP_REPLY, "192.0.2.9", &mac_b, "192.0.2.1");
    assert_int_equal(resolve(&w, "192.0.2.9", &mac, NOW), NEIGHBOR_READY);
    assert_true(mac_equal(&mac, &mac_b));
    unmake(&w);
}

/* After 30 s it is asked again while it is used: alone first, then aloud. [RFC 4861 7.3.3] [R1122-01] [R4861-18] */
static void test_probe(void **state)
{
    struct world w;
    struct hf_mac mac;
    int64_t t = NOW + NEIGHBOR_REACHABLE_US;

    (void)state;
    make(&w);
    answered(&w, "192.0.2.9", &mac_a);
    assert_int_equal(resolve(&w, "192.0.2.9", &mac, t - 1), NEIGHBOR_READY);
    assert_int_equal(next_message(&w, t - 1), 0);
    assert_int_equal(resolve(&w, "192.0.2.9", &mac, t), NEIGHBOR_READY);
    assert_true(mac_equal(&mac, &mac_a));

    uint32_t alone = 0, aloud = 0;

    for (int i = 0; i < 80; i++, t += SECOND / 10) {
        while (next_message(&w, t))
            if (w.sent.kind == PACKET_ARP)
                *(w.sent.to_link_group ? &aloud : &alone) += 1;
        assert_int_equal(resolve(&w, "192.0.2.9", &mac, t), aloud == 0 ? NEIGHBOR_READY
                                                            : i < 60   ? NEIGHBOR_WAIT
                                                                       : NEIGHBOR_NO_ANSWER);
        neighbor_tick(&w.neighbors, t + SECOND / 10);
    }
    assert_int_equal(alone, 3);
    assert_int_equal(aloud, 3);
    unmake(&w);
}

/* A proven peer is usable at once, and asked; its acknowledgments keep it reachable. [RFC 4861 7.3.1] [R4861-17]
 * [R1122-33] */
static void test_confirm_and_progress(void **state)
{
    struct hf_address a = address("192.0.2.9");
    struct neighbor_ref ref = {0};
    struct world w;
    struct hf_mac mac;

    (void)state;
    make(&w);
    confirm(&w, "192.0.2.9", &mac_a, NOW);
    assert_int_equal(neighbor_count(&w.neighbors), 1);
    assert_int_equal(next_message(&w, NOW), 0);
    assert_int_equal(neighbor_resolve(&w.neighbors, &ref, &a, &mac, NOW), NEIGHBOR_READY);
    assert_true(mac_equal(&mac, &mac_a));
    assert_int_not_equal(next_message(&w, NOW), 0);
    assert_true(w.sent.to_link_group); /* so that the owner hears it too */
    arp_says(&w, ARP_REPLY, "192.0.2.9", &mac_a, "192.0.2.1");

    int64_t t = NOW;

    for (int i = 0; i < 100; i++, t += 10 * SECOND) {
        neighbor_tick(&w.neighbors, t);
        neighbor_progress(&w.neighbors, &ref, t);
        assert_int_equal(neighbor_resolve(&w.neighbors, &ref, &a, &mac, t), NEIGHBOR_READY);
        while (next_message(&w, t))
            assert_int_not_equal(w.sent.kind, PACKET_ARP);
    }
    neighbor_doubt(&w.neighbors, &ref);
    assert_int_equal(neighbor_resolve(&w.neighbors, &ref, &a, &mac, t), NEIGHBOR_READY);
    assert_int_not_equal(next_message(&w, t), 0);
    assert_int_equal(sent_arp(&w).operation, ARP_REQUEST);
    assert_false(w.sent.to_link_group);

    /* A finished handshake by another link address does not turn it over. */
    confirm(&w, "192.0.2.9", &mac_b, t);
    assert_int_equal(neighbor_resolve(&w.neighbors, &ref, &a, &mac, t), NEIGHBOR_READY);
    assert_true(mac_equal(&mac, &mac_a));
    unmake(&w);
}

/* [R4861-11, R4861-12, R826-04] */
static void test_we_answer(void **state)
{
    struct hf_address ours = address("192.0.2.1"), asker = address("2001:db8::9");
    struct nd_message question = {.has_mac = true, .mac = mac_a, .target = address("2001:db8::1")};
    struct world w;

    (void)state;
    make(&w);
    assert_int_equal(arp_says(&w, ARP_REQUEST, "192.0.2.9", &mac_a, "192.0.2.1"), HF_STAT_none);
    assert_int_equal(next_message(&w, NOW), ETHERNET_HEADER + ARP_LENGTH);
    assert_int_equal(sent_arp(&w).operation, ARP_REPLY);
    assert_true(mac_equal(&w.sent.link.destination, &mac_a));
    struct arp_message reply = sent_arp(&w);

    assert_true(address_equal(&reply.sender, &ours));
    assert_true(mac_equal(&reply.sender_mac, &our_mac));

    assert_int_equal(arp_says(&w, ARP_REQUEST, "0", &mac_a, "192.0.2.1"), HF_STAT_none);
    assert_int_not_equal(next_message(&w, NOW), 0); /* a probe is answered too [RFC 5227 2.1.1] */
    assert_int_equal(arp_says(&w, ARP_REQUEST, "192.0.2.9", &mac_a, "192.0.2.2"),
                     HF_STAT_frame_foreign);
    assert_int_equal(next_message(&w, NOW), 0);

    assert_int_equal(nd_says(&w, question, "2001:db8::9", "ff02::1:ff00:1", NOW), HF_STAT_none);
    assert_int_not_equal(next_message(&w, NOW), 0);
    struct nd_message answer = sent_nd(&w);

    assert_true(answer.advertisement && answer.solicited && answer.override && answer.has_mac);
    assert_true(mac_equal(&answer.mac, &our_mac));
    assert_true(address_equal(&w.sent.destination, &asker));

    /* Duplicate detection hears it with everyone. [RFC 4861 7.2.4] */
    question.has_mac = false;
    assert_int_equal(nd_says(&w, question, NULL, "ff02::1:ff00:1", NOW), HF_STAT_none);
    assert_int_not_equal(next_message(&w, NOW), 0);
    answer = sent_nd(&w);
    struct hf_address all = address("ff02::1");

    assert_false(answer.solicited);
    assert_true(address_equal(&w.sent.destination, &all));
    assert_int_equal(events(&w, HF_EVENT_ADDRESS_CONFLICT), 1);
    assert_int_equal(neighbor_count(&w.neighbors), 0);
    unmake(&w);
}

/* [RFC 5227 2.4] */
/* Another stack of the host has the addresses too: nothing is said of them, but who is asked for is found. */
static void test_shared_addresses(void **state)
{
    const struct hf_address gateway = address("192.0.2.254");
    struct neighbor_ref ref = {0};
    struct hf_mac mac;
    struct world w;

    (void)state;
    make_as(&w, 8, true, true);
    assert_int_equal(next_message(&w, NOW), 0);
    assert_int_equal(arp_says(&w, ARP_REQUEST, "192.0.2.9", &mac_a, "192.0.2.1"), HF_STAT_none);
    assert_int_equal(arp_says(&w, ARP_REPLY, "192.0.2.1", &mac_a, "192.0.2.1"), HF_STAT_none);
    neighbor_discovery_on_group_query(&w.neighbors, NOW + 10 * SECOND);
    assert_int_equal(events(&w, HF_EVENT_ADDRESS_CONFLICT), 0);
    assert_int_equal(next_message(&w, NOW), 0);
    assert_false(neighbor_wants_output(&w.neighbors));
    assert_true(neighbor_deadline(&w.neighbors) > NOW + 100 * SECOND);

    assert_int_equal(neighbor_resolve(&w.neighbors, &ref, &gateway, &mac, NOW), NEIGHBOR_WAIT);
    assert_int_not_equal(next_message(&w, NOW), 0);
    assert_int_equal(sent_arp(&w).operation, ARP_REQUEST);
    assert_int_equal(arp_says(&w, ARP_REPLY, "192.0.2.254", &mac_b, "192.0.2.1"), HF_STAT_none);
    assert_int_equal(neighbor_resolve(&w.neighbors, &ref, &gateway, &mac, NOW), NEIGHBOR_READY);
    assert_true(mac_equal(&mac, &mac_b));
    unmake(&w);
}

/* [R826-06] */
static void test_conflict(void **state)
{
    struct world w;
    uint32_t defended = 0;

    (void)state;
    make(&w);
    for (int i = 0; i < 50; i++)
        assert_int_equal(arp_says(&w, ARP_REQUEST, "192.0.2.1", &mac_b, "192.0.2.1"), HF_STAT_none);
    while (next_message(&w, NOW))
        defended++;
    assert_int_equal(defended, 1);
    struct arp_message defence = sent_arp(&w);

    assert_true(address_equal(&defence.sender, &defence.target));
    assert_int_equal(events(&w, HF_EVENT_ADDRESS_CONFLICT), 1);

    /* Our own announcement, echoed by the link, is none. */
    arp_says(&w, ARP_REQUEST, "192.0.2.1", &our_mac, "192.0.2.1");
    assert_int_equal(next_message(&w, NOW), 0);
    unmake(&w);
}

/* Two rounds: the groups, then each address. [RFC 5227 2.3; RFC 4861 7.2.6; RFC 3810 5.2] [R4861-07] */
static void test_announcements(void **state)
{
    struct world w;

    (void)state;
    make_with(&w, 8, true);
    for (int round = 0; round < 2; round++) {
        int64_t t = NOW + round * 2 * SECOND;

        neighbor_tick(&w.neighbors, t);
        uint32_t length = next_message(&w, t);

        assert_int_equal(length, ETHERNET_HEADER + MLD_REPORT_LENGTH(1)); /* both end in 1 */
        assert_int_equal(w.sent.payload[0], 143);
        assert_int_not_equal(next_message(&w, t), 0);
        assert_int_equal(sent_arp(&w).operation, ARP_REQUEST);
        for (int i = 0; i < 2; i++) {
            assert_int_not_equal(next_message(&w, t), 0);
            struct nd_message message = sent_nd(&w);

            assert_true(message.advertisement && !message.solicited && message.override);
        }
        assert_int_equal(next_message(&w, t), 0);
    }
    assert_int_equal(neighbor_deadline(&w.neighbors), NEVER_US);

    neighbor_discovery_on_group_query(&w.neighbors, NOW + 10 * SECOND);
    assert_int_not_equal(next_message(&w, NOW + 10 * SECOND), 0);
    neighbor_discovery_on_group_query(&w.neighbors, NOW + 10 * SECOND + 1);
    assert_int_equal(next_message(&w, NOW + 10 * SECOND + 1), 0);
    unmake(&w);
}

/* [RFC 4861 7.2.5] [R4861-14] */
static void test_override(void **state)
{
    struct nd_message says = {.advertisement = true,
                              .solicited = true,
                              .override = true,
                              .has_mac = true,
                              .mac = mac_a,
                              .target = address("2001:db8::9")};
    struct world w;
    struct hf_mac mac;
    int64_t t = NOW + NEIGHBOR_REACHABLE_US;

    (void)state;
    make(&w);
    resolve(&w, "2001:db8::9", &mac, NOW);
    next_message(&w, NOW);
    nd_says(&w, says, "2001:db8::9", "2001:db8::1", NOW);
    resolve(&w, "2001:db8::9", &mac, t);
    assert_int_not_equal(next_message(&w, t), 0);

    says.mac = mac_b;
    says.override = false;
    nd_says(&w, says, "2001:db8::9", "2001:db8::1", t);
    assert_int_equal(resolve(&w, "2001:db8::9", &mac, t), NEIGHBOR_READY);
    assert_true(mac_equal(&mac, &mac_a));

    says.override = true;
    says.solicited = false;
    nd_says(&w, says, "2001:db8::9", "ff02::1", t);
    resolve(&w, "2001:db8::9", &mac, t);
    assert_true(mac_equal(&mac, &mac_a));

    while (next_message(&w, t))
        ;
    says.solicited = true;
    nd_says(&w, says, "2001:db8::9", "2001:db8::1", t);
    resolve(&w, "2001:db8::9", &mac, t);
    assert_true(mac_equal(&mac, &mac_b));
    unmake(&w);
}

/* [R826-06] */
static void test_malformed(void **state)
{
    uint8_t bytes[ARP_LENGTH] = {0};
    struct packet packet = {.kind = PACKET_ARP, .payload = bytes, .payload_length = sizeof bytes};
    struct nd_message says = {.target = address("2001:db8::1")};
    struct world w;

    (void)state;
    make(&w);
    assert_int_equal(neighbor_on_arp(&w.neighbors, &packet, NOW), HF_STAT_arp_malformed);
    assert_int_equal(nd_says(&w, says, NULL, "2001:db8::1", NOW), HF_STAT_neighbor_malformed);
    assert_int_equal(w.stats.arp_malformed, 1);
    assert_int_equal(w.stats.neighbor_malformed, 1);

    struct hf_mac group = {{1, 0, 0, 0, 0, 9}}, mac;

    resolve(&w, "192.0.2.9", &mac, NOW);
    next_message(&w, NOW);
    assert_int_equal(arp_says(&w, ARP_REPLY, "192.0.2.9", &group, "192.0.2.1"),
                     HF_STAT_arp_malformed);
    assert_int_equal(resolve(&w, "192.0.2.9", &mac, NOW), NEIGHBOR_WAIT);
    unmake(&w);
}

/* Full: the least recently used that nobody waits for gives way, and its references go stale. [R4861-26] */
static void test_eviction(void **state)
{
    struct list_link links[8];
    struct list_links waiters = {(uint8_t *)links, sizeof links[0]};
    struct neighbor_ref refs[9] = {0};
    struct world w;
    struct hf_mac mac;

    (void)state;
    make(&w);
    for (uint32_t i = 0; i < 8; i++) {
        struct hf_address a = address_v4(0xc0000210 + i);

        assert_int_equal(neighbor_resolve(&w.neighbors, &refs[i], &a, &mac, NOW), NEIGHBOR_WAIT);
        list_link_init(&links[i]);
        if (i != 3)
            list_append(neighbor_waiters(&w.neighbors, refs[i].slot), waiters, i);
    }
    struct hf_address next = address("192.0.2.99"), third = address_v4(0xc0000213);

    assert_int_equal(neighbor_resolve(&w.neighbors, &refs[8], &next, &mac, NOW), NEIGHBOR_WAIT);
    assert_int_equal(refs[8].slot, refs[3].slot);
    assert_int_not_equal(refs[8].generation, refs[3].generation);
    list_append(neighbor_waiters(&w.neighbors, refs[8].slot), waiters, 3);
    assert_int_equal(neighbor_resolve(&w.neighbors, &refs[3], &third, &mac, NOW), NEIGHBOR_NO_ROOM);
    assert_int_equal(neighbor_count(&w.neighbors), 8);
    unmake(&w);
}

/* Anything in any order, by chance: the machine must keep its own promises (must() and the sanitizers watch). */
static void test_random(void **state)
{
    static const struct hf_mac *const macs[] = {&mac_a, &mac_b, &our_mac};
    uint64_t seed = 0x5eed0001;
    struct world w;
    struct hf_mac mac;
    int64_t t = NOW;

    (void)state;
    print_message("seed %#llx\n", (unsigned long long)seed);
    make(&w);
    for (int i = 0; i < 100000; i++) {
        struct hf_address a = address_v4(0xc0000200 + chance_below(&seed, 20));
        const struct hf_mac *from = macs[chance_below(&seed, 3)];
        struct arp_message message = {.operation = (uint16_t)(1 + chance_below(&seed, 2)),
                                      .sender_mac = *from,
                                      .sender = a,
                                      .target = address_v4(0xc0000200 + chance_below(&seed, 3))};
        struct neighbor_ref ref = {chance_below(&seed, 10), chance_below(&seed, 1000)};

        t += chance_below(&seed, 400000);
        switch (chance_below(&seed, 7)) {
        case 0: neighbor_resolve(&w.neighbors, &ref, &a, &mac, t); break;
        case 1: arp(&w, &message, t); break;
        case 2: next_message(&w, t); break;
        case 3: neighbor_tick(&w.neighbors, t); break;
        case 4: neighbor_confirm(&w.neighbors, &a, from, t); break;
        case 5: neighbor_progress(&w.neighbors, &ref, t); break;
        default: neighbor_doubt(&w.neighbors, &ref); break;
        }
        assert_true(neighbor_count(&w.neighbors) <= 8);
        assert_true(w.neighbors.to_ask.count + w.neighbors.asked.count <= 8);
        assert_int_equal(w.neighbors.by_use.count, neighbor_count(&w.neighbors));
    }
    unmake(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arp_resolves),
        cmocka_unit_test(test_nd_resolves),
        cmocka_unit_test(test_fails),
        cmocka_unit_test(test_waiters),
        cmocka_unit_test(test_unasked),
        cmocka_unit_test(test_claim_asks_again),
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_confirm_and_progress),
        cmocka_unit_test(test_we_answer),
        cmocka_unit_test(test_conflict),
        cmocka_unit_test(test_shared_addresses),
        cmocka_unit_test(test_announcements),
        cmocka_unit_test(test_override),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
