/* Filters in a stack: what is refused leaves no trace and meets silence, what is not is served; who was there before stays.
 * [RFC 2827] */
#include <handfast/filter.h>

#include "peer.h"

#define LIST_DENY 0u
#define LIST_ALLOW 1u
#define ENTRIES_MAX 8

struct made {
    struct hf_filter *filter;
    void *memory;
    struct hf_filter_entry entries[ENTRIES_MAX];
};

static struct hf_prefix prefix_of(const char *text)
{
    struct hf_prefix prefix;

    assert_int_equal(hf_prefix_parse(&prefix, text), HF_OK);
    return prefix;
}

static struct made make(struct hf_filter_setup *setup)
{
    struct made made = {0};
    size_t bytes = hf_filter_needed(setup);

    assert_true(bytes > 0);
    made.memory = aligned_alloc(64, bytes);
    memset(made.memory, 0xa5, bytes);
    assert_int_equal(hf_filter_build(&made.filter, setup, made.memory, bytes - 1), HF_TOO_SMALL);
    assert_int_equal(hf_filter_build(&made.filter, setup, made.memory, bytes), HF_OK);
    return made;
}

/* A filter that denies the first and allows the second, if they are named. */
static struct made make_lists(const char *denied, const char *allowed)
{
    struct hf_filter_entry entries[2];
    struct hf_filter_setup setup = {.entries = entries};

    setup.lists[LIST_DENY].counter = HF_STAT_filter_denied;
    setup.lists[LIST_ALLOW].allow = true;
    if (denied)
        entries[setup.entry_count++] = (struct hf_filter_entry){prefix_of(denied), LIST_DENY + 1};
    if (allowed)
        entries[setup.entry_count++] = (struct hf_filter_entry){prefix_of(allowed), LIST_ALLOW + 1};
    return make(&setup);
}

static struct flow flow_from(const struct peer *peer, const char *source, uint16_t port)
{
    struct flow flow = peer_flow(peer);

    flow.remote = address_of(source);
    flow.local = address_of(hf_address_is_v4(&flow.remote) ? "192.0.2.1" : "2001:db8::1");
    flow.remote_port = port;
    return flow;
}

/* A SYN of that source: the reason, and nothing said if there is one. */
static enum hf_stat knock(struct peer *peer, const char *source)
{
    struct flow flow = flow_from(peer, source, 4000);
    struct segment syn = syn_of(1);
    enum hf_stat reason = peer_send_flow(peer, &flow, &syn);

    assert_int_equal(peer_receive(peer), reason == HF_STAT_none ? TCP_SYN | TCP_ACK : -1);
    if (reason != HF_STAT_none)
        assert_int_equal(peer->in.verdict, HF_DROPPED);
    return reason;
}

static void the_longest_prefix_decides(void **state)
{
    struct hf_config config = peer_config();
    struct made made = make_lists("198.51.100.0/24", "198.51.100.16/28");
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    assert_null(hf_set_filter(peer.stack, 0, made.filter));
    assert_int_equal(knock(&peer, "198.51.100.1"), HF_STAT_filter_denied);
    assert_int_equal(knock(&peer, "198.51.100.17"), HF_STAT_none);
    assert_int_equal(knock(&peer, "198.51.101.1"), HF_STAT_none);
    assert_int_equal(knock(&peer, "2001:db8::77"), HF_STAT_none);
    assert_stat(&peer, filter_denied, 1);
    assert_int_equal(hf_filter_list_packets(made.filter, LIST_DENY), 1);
    assert_int_equal(hf_filter_list_packets(made.filter, LIST_ALLOW), 1);
    assert_ptr_equal(hf_set_filter(peer.stack, 0, NULL), made.filter);
    assert_int_equal(knock(&peer, "198.51.100.2"), HF_STAT_none);
    peer_close(&peer);
    free(made.memory);
}

/* Sends what frame_build wrote as two fragments, the TCP header whole in the first; the reason of the second. */
static enum hf_stat send_in_fragments(struct peer *peer, const struct flow *flow,
                                      const struct segment *seg)
{
    enum { IP = 14, TEXT = IP + IPV4_HEADER, CUT = 40 };
    uint8_t whole[512];
    uint32_t length = frame_build(whole, flow, seg) - TEXT;

    for (uint32_t at = 0; at < length; at += CUT) {
        uint32_t piece = length - at < CUT ? length - at : CUT;

        memcpy(peer->in_bytes, whole, TEXT);
        memcpy(peer->in_bytes + TEXT, whole + TEXT + at, piece);
        ipv4_build(peer->in_bytes + IP,
                   &(struct ipv4){.source = flow->remote,
                                  .destination = flow->local,
                                  .total_length = (uint16_t)(IPV4_HEADER + piece),
                                  .id = 77,
                                  .fragment_offset = (uint16_t)at,
                                  .more_fragments = at + piece < length,
                                  .ttl = 64,
                                  .protocol = IP_TCP});
        peer->in = (struct hf_frame){
            .data = peer->in_bytes, .capacity = sizeof peer->in_bytes, .length = TEXT + piece};
        hf_input(peer->stack, &peer->in, 1, peer->now_us);
    }
    return (enum hf_stat)peer->in.reason;
}

/* Who cuts a segment into pieces does not get it past a rule that names its port. [RFC 1858] */
static void a_rule_sees_what_was_cut(void **state)
{
    struct hf_config config = peer_config();
    struct hf_filter_rule rule = {.protocol = HF_FILTER_TCP, .port_ranges = 1};
    struct hf_filter_setup setup = {.rules = {.rules = &rule, .count = 1}};
    struct segment syn = syn_of(1);
    uint8_t text[60] = {0};
    struct made made;
    struct peer peer;
    struct flow flow;

    (void)state;
    rule.ports[0].first = rule.ports[0].last = OUR_PORT;
    made = make(&setup);
    syn.text = text;
    syn.length = sizeof text;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    flow = flow_from(&peer, "198.51.100.1", 4000);
    hf_set_filter(peer.stack, 0, made.filter);
    assert_int_equal(send_in_fragments(&peer, &flow, &syn), HF_STAT_filter_rule);
    assert_int_equal(peer_receive(&peer), -1);
    assert_stat(&peer, ip_reassembled, 1);
    assert_stat(&peer, syn_received, 0);
    hf_set_filter(peer.stack, 0, NULL);
    assert_int_equal(send_in_fragments(&peer, &flow, &syn), HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    peer_close(&peer);
    free(made.memory);
}

/* A list counts under the name that its owner gave it. */
static void a_list_has_a_counter_of_its_choice(void **state)
{
    struct hf_config config = peer_config();
    struct hf_filter_entry entry = {prefix_of("203.0.113.0/24"), LIST_DENY + 1};
    struct hf_filter_setup setup = {.entries = &entry, .entry_count = 1};
    struct made made;
    struct peer peer;

    (void)state;
    setup.lists[LIST_DENY].counter = HF_STAT_filter_blocked;
    made = make(&setup);
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    hf_set_filter(peer.stack, 0, made.filter);
    assert_int_equal(knock(&peer, "203.0.113.5"), HF_STAT_filter_blocked);
    assert_int_equal(knock(&peer, "203.0.114.5"), HF_STAT_none);
    assert_stat(&peer, filter_blocked, 1);
    assert_stat(&peer, filter_denied, 0);
    peer_close(&peer);
    free(made.memory);
}

static void two_places_refuse_on_their_own(void **state)
{
    struct hf_config config = peer_config();
    struct made first = make_lists("198.51.100.0/24", NULL);
    struct made second = make_lists("2001:db8:5::/48", "198.51.100.0/24");
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    hf_set_filter(peer.stack, 0, first.filter);
    hf_set_filter(peer.stack, 1, second.filter);
    assert_null(hf_set_filter(peer.stack, HF_FILTERS, first.filter)); /* there is no such place */
    assert_int_equal(knock(&peer, "198.51.100.1"), HF_STAT_filter_denied);
    assert_int_equal(knock(&peer, "2001:db8:5::1"), HF_STAT_filter_denied);
    assert_int_equal(knock(&peer, "203.0.113.1"), HF_STAT_none);
    peer_close(&peer);
    free(first.memory);
    free(second.memory);
}

/* Segments, pings, closed ports, odd flags, fragments and packets that would earn a Parameter Problem: nothing comes back. */
static void what_is_denied_meets_silence(void **state)
{
    static const uint8_t flags[] = {
        0,       TCP_SYN,           TCP_ACK,           TCP_RST,
        TCP_FIN, TCP_SYN | TCP_ACK, TCP_FIN | TCP_ACK, TCP_SYN | TCP_FIN};
    struct hf_config config = peer_config();
    struct made made = make_lists("192.0.2.9", "192.0.2.10");
    struct peer peer;
    uint64_t frames_out;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    hf_set_filter(peer.stack, 0, made.filter);
    frames_out = stat_of(&peer, HF_STAT_frames_out);
    for (unsigned i = 0; i < 2 * sizeof flags; i++) {
        struct flow flow = flow_from(&peer, "192.0.2.9", (uint16_t)(5000 + i));
        struct segment seg = {.seq = {7}, .flags = flags[i / 2], .window = 100};

        flow.local_port = i % 2 ? OUR_PORT : 81;
        assert_int_equal(peer_send_flow(&peer, &flow, &seg), HF_STAT_filter_denied);
        assert_int_equal(peer_receive(&peer), -1);
    }
    assert_stat(&peer, stray_syn, 0);
    assert_stat(&peer, syn_received, 0);
    assert_stat(&peer, frames_out, frames_out);
    peer_close(&peer);
    free(made.memory);
}

/* To let nobody new in is one decision, to end connections another. */
static void who_was_there_before_stays(void **state)
{
    struct hf_config config = peer_config();
    struct made made = make_lists("192.0.2.0/24", NULL);
    struct segment text = {.flags = TCP_ACK | TCP_PSH, .window = 8000};
    struct flow flow;
    struct peer peer;
    hf_socket listener, socket;
    char byte;

    (void)state;
    peer_open(&peer, &config);
    listener = peer_listen(&peer, NULL);
    flow = peer_flow(&peer);
    text.ack = peer_connect(&peer, &flow, 100);
    assert_int_equal(hf_accept(peer.stack, listener, &socket), HF_OK);
    hf_set_filter(peer.stack, 0, made.filter);
    text.seq = (seq){101};
    text.text = (const uint8_t *)"x";
    text.length = 1;
    assert_int_equal(peer_send_flow(&peer, &flow, &text), HF_STAT_none);
    assert_int_equal(hf_receive(peer.stack, socket, &byte, 1, peer.now_us), 1);
    assert_stat(&peer, filter_established, 1);
    assert_int_equal(knock(&peer, "192.0.2.9"), HF_STAT_filter_denied); /* another port of his */

    /* Once it is over, his segments meet silence too. */
    hf_abort(peer.stack, socket, peer.now_us);
    assert_true(peer_receive(&peer) & TCP_RST);
    text.seq = (seq){102};
    assert_int_equal(peer_send_flow(&peer, &flow, &text), HF_STAT_filter_denied);
    peer_close(&peer);
    free(made.memory);
}

/* The last ACK of a handshake is no connection yet: a block between the two lets nobody slip through. */
static void half_opens_are_not_there_before(void **state)
{
    struct hf_config config = peer_config();
    struct made made = make_lists("192.0.2.0/24", NULL);
    struct segment syn = syn_of(5), ack;
    struct flow flow;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    flow = peer_flow(&peer);
    assert_int_equal(peer_send_flow(&peer, &flow, &syn), HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    hf_set_filter(peer.stack, 0, made.filter);
    ack = (struct segment){
        .seq = {6}, .ack = seq_add(peer.packet.segment.seq, 1), .flags = TCP_ACK, .window = 8000};
    assert_int_equal(peer_send_flow(&peer, &flow, &ack), HF_STAT_filter_denied);
    assert_stat(&peer, handshake_done, 0);
    peer_close(&peer);
    free(made.memory);
}

static struct made make_service(const char *listen, const char *allow, bool observe)
{
    struct hf_endpoint endpoint;
    struct hf_prefix prefixes[2] = {prefix_of(allow), prefix_of("2001:db8:7::/48")};
    struct hf_filter_service service = {
        .listen = &endpoint, .listens = 1, .allow = prefixes, .allows = 2, .observe = observe};
    struct hf_filter_setup setup = {.services = &service, .service_count = 1};

    assert_int_equal(hf_endpoint_parse(&endpoint, listen), HF_OK);
    return make(&setup);
}

static void services_allow_whom_they_name(void **state)
{
    static const char *const listens[] = {"192.0.2.1:80", ":80", "192.0.2.1:81"};
    struct hf_config config = peer_config();

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct made made = make_service(listens[i], "198.51.100.0/24", false);
        enum hf_stat others = i < 2 ? HF_STAT_filter_not_allowed : HF_STAT_none;
        struct peer peer;

        peer_open(&peer, &config);
        peer_listen(&peer, NULL);
        hf_set_filter(peer.stack, 0, made.filter);
        assert_int_equal(knock(&peer, "198.51.100.9"), HF_STAT_none);
        assert_int_equal(knock(&peer, "203.0.113.9"), others);
        assert_int_equal(knock(&peer, "2001:db8:7::1"), HF_STAT_none);
        assert_int_equal(knock(&peer, "2001:db8:8::1"),
                         i == 1 ? HF_STAT_filter_not_allowed : HF_STAT_none);
        peer_close(&peer);
        free(made.memory);
    }
}

static void a_service_that_observes_refuses_nobody(void **state)
{
    struct hf_config config = peer_config();
    struct made made = make_service("192.0.2.1:80", "198.51.100.0/24", true);
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    hf_set_filter(peer.stack, 0, made.filter);
    assert_int_equal(knock(&peer, "203.0.113.9"), HF_STAT_none);
    assert_stat(&peer, would_refuse, 1);
    assert_stat(&peer, filter_not_allowed, 0);
    peer_close(&peer);
    free(made.memory);
}

/* ---- rules ---- */

static struct made make_rules(const char *text, struct hf_filter_setup *setup)
{
    struct hf_filter_rule room[16];
    struct hf_filter_complaint complaint;
    struct made made;

    setup->rules = (struct hf_filter_rules){.rules = room, .capacity = 16};
    if (hf_filter_rules_parse(&setup->rules, text, strlen(text), &complaint) != HF_OK)
        fail_msg("%s, accepted is %s", complaint.found, complaint.accepted);
    made = make(setup);
    setup->rules.rules = NULL;
    return made;
}

/* A SYN to one of our ports that nobody listens at. */
static enum hf_stat knock_at(struct peer *peer, const char *source, uint16_t port)
{
    struct flow flow = flow_from(peer, source, 4001);
    struct segment syn = syn_of(1);
    enum hf_stat reason;

    flow.local_port = port;
    reason = peer_send_flow(peer, &flow, &syn);
    (void)peer_receive(peer);
    return reason;
}

/* Default deny: what no rule and no service speaks of meets silence instead of a reset. */
static void rules_decide_in_their_order(void **state)
{
    struct hf_config config = peer_config();
    struct hf_endpoint listen = {.port = 443};
    struct hf_filter_service service = {.listen = &listen, .listens = 1};
    struct hf_filter_setup setup = {.services = &service, .service_count = 1};
    struct made made = make_rules("default deny in\n"
                                  "deny in from 198.51.100.7\n"
                                  "allow in tcp from 198.51.100.0/24 port 80-90\n",
                                  &setup);
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    hf_set_filter(peer.stack, 0, made.filter);
    assert_int_equal(knock(&peer, "198.51.100.7"), HF_STAT_filter_rule);
    assert_int_equal(knock(&peer, "198.51.100.8"), HF_STAT_none);
    assert_int_equal(knock(&peer, "203.0.113.8"), HF_STAT_filter_default);
    assert_int_equal(knock_at(&peer, "198.51.100.8", 85), HF_STAT_stray_syn);
    assert_int_equal(knock_at(&peer, "198.51.100.8", 91), HF_STAT_filter_default);
    assert_int_equal(knock_at(&peer, "203.0.113.8", 443), HF_STAT_stray_syn); /* a service's */
    assert_int_equal(hf_filter_rule_packets(made.filter, 0), 1);
    assert_int_equal(hf_filter_rule_packets(made.filter, 1), 2);
    assert_int_equal(hf_filter_rule_packets(made.filter, 2), 0); /* there is none */
    peer_close(&peer);
    free(made.memory);
}

/* What we opened ourselves is answered, whatever the default says: the answers belong to a connection. */
static void answers_come_back(void **state)
{
    struct hf_config config = peer_config();
    struct hf_filter_setup setup = {.entry_count = 0};
    struct made made = make_rules("default deny in\n", &setup);
    struct hf_endpoint remote = {.port = 9};
    struct segment answer = {.seq = {1}, .flags = TCP_SYN | TCP_ACK, .window = 100};
    struct flow flow;
    struct peer peer;
    hf_socket socket;

    (void)state;
    peer_open(&peer, &config);
    flow = peer_flow(&peer);
    neighbor_confirm(&peer.stack->neighbors, &flow.remote, &peer_mac, peer.now_us);
    hf_set_filter(peer.stack, 0, made.filter);
    remote.address = flow.remote;
    assert_int_equal(hf_connect(peer.stack, NULL, &remote, &socket, peer.now_us), HF_OK);
    assert_int_equal(peer_receive(&peer), TCP_SYN);
    flow.remote_port = 9;
    flow.local_port = peer.packet.segment.source_port;
    answer.ack = seq_add(peer.packet.segment.seq, 1);
    assert_int_equal(peer_send_flow(&peer, &flow, &answer), HF_STAT_none);
    assert_stat(&peer, filter_established, 1);
    peer_close(&peer);
    free(made.memory);
}

/* A TTL that a neighbour would not send: even a segment of a connection is refused. [RFC 5082 3] */
static void who_is_not_a_neighbour(void **state)
{
    struct hf_config config = peer_config();
    struct hf_filter_setup setup = {.entry_count = 0};
    struct made made = make_rules("deny in tcp port 80 ttl below 255\n", &setup);
    struct segment reset = {.flags = TCP_RST};
    struct flow flow;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    flow = peer_flow(&peer);
    (void)peer_connect(&peer, &flow, 100);
    hf_set_filter(peer.stack, 0, made.filter);
    reset.seq = (seq){101}; /* exactly what would end it; frames here have a TTL of 64 */
    assert_int_equal(peer_send_flow(&peer, &flow, &reset), HF_STAT_filter_ttl);
    assert_stat(&peer, connections_reset, 0);
    assert_stat(&peer, filter_established, 0);
    peer_close(&peer);
    free(made.memory);
}

/* [RFC 6890] */
static void bogons_are_refused_or_counted(void **state)
{
    static const struct {
        const char *source;
        bool bogon;
    } rows[] = {
        {"10.1.2.3", true},      {"172.31.0.1", true},    {"172.32.0.1", false},
        {"192.168.7.7", true},   {"100.64.0.1", true},    {"100.128.0.1", false},
        {"169.254.1.1", true},   {"198.18.0.1", true},    {"203.0.113.7", true},
        {"8.8.8.8", false},      {"192.0.2.77", false},   {"10.9.9.9", false},
        {"2001:4860::8", false}, {"2001:db8:f::1", true}, {"fd00::1", true},
        {"64:ff9b::1", true},    {"2001:db8::77", false}, {"3fff::1", true},
    };
    struct hf_prefix inside[] = {prefix_of("192.0.2.0/24"), prefix_of("2001:db8::/64")};
    struct hf_filter_entry exception = {prefix_of("10.9.9.0/24"), 1};
    struct hf_config config = peer_config();

    (void)state;
    for (unsigned refuse = 0; refuse < 2; refuse++) {
        struct hf_filter_setup setup = {
            .entries = &exception,
            .entry_count = 1,
            .inside = inside,
            .inside_count = 2,
            .bogons = refuse ? HF_BOGONS_REFUSE : HF_BOGONS_COUNT,
        };
        struct made made;
        struct peer peer;
        uint64_t seen = 0;

        setup.lists[0].allow = true;
        made = make(&setup);
        peer_open(&peer, &config);
        peer_listen(&peer, NULL);
        hf_set_filter(peer.stack, 0, made.filter);
        for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
            enum hf_stat reason = knock(&peer, rows[i].source);

            seen += rows[i].bogon;
            if (reason != (refuse && rows[i].bogon ? HF_STAT_filter_bogon : HF_STAT_none))
                fail_msg("%s: %s", rows[i].source, hf_stat_name(reason));
        }
        assert_stat(&peer, filter_bogon, refuse ? seen : 0);
        assert_stat(&peer, filter_bogon_seen, refuse ? 0 : seen);
        peer_close(&peer);
        free(made.memory);
    }
}

/* File sharing: only whom a rule, the service or our own networks name. */
static void sharing_is_for_who_is_inside(void **state)
{
    struct hf_prefix inside = prefix_of("192.0.2.0/24"), friends = prefix_of("198.51.100.0/24");
    struct hf_endpoint smb = {.port = 445}, nfs = {.port = 2049};
    struct hf_filter_service services[] = {
        {.listen = &smb, .listens = 1},
        {.listen = &nfs, .listens = 1, .allow = &friends, .allows = 1}};
    struct hf_filter_setup setup = {.services = services,
                                    .service_count = 2,
                                    .inside = &inside,
                                    .inside_count = 1,
                                    .deny_sharing = true};
    struct made made = make_rules("allow in from 203.0.113.7 port 445\n", &setup);
    struct hf_config config = peer_config();
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    hf_set_filter(peer.stack, 0, made.filter);
    assert_int_equal(knock_at(&peer, "203.0.113.8", 445), HF_STAT_filter_sharing);
    assert_int_equal(knock_at(&peer, "203.0.113.8", 139), HF_STAT_filter_sharing);
    assert_int_equal(knock_at(&peer, "203.0.113.7", 445), HF_STAT_stray_syn);
    assert_int_equal(knock_at(&peer, "192.0.2.9", 445), HF_STAT_stray_syn);
    assert_int_equal(knock_at(&peer, "198.51.100.7", 2049), HF_STAT_stray_syn);
    assert_int_equal(knock_at(&peer, "203.0.113.8", 2049), HF_STAT_filter_not_allowed);
    assert_int_equal(knock_at(&peer, "203.0.113.8", 446), HF_STAT_stray_syn);
    peer_close(&peer);
    free(made.memory);
}

static void what_we_open_is_asked_for(void **state)
{
    struct hf_filter_setup setup = {.entry_count = 0};
    struct made made = make_rules("default deny out\nallow out to 192.0.2.0/24 port 25\n", &setup);
    struct hf_config config = peer_config();
    struct hf_endpoint remote = {.port = 25};
    struct peer peer;
    hf_socket socket;

    (void)state;
    peer_open(&peer, &config);
    hf_set_filter(peer.stack, 0, made.filter);
    remote.address = address_of("192.0.2.9");
    assert_int_equal(hf_connect(peer.stack, NULL, &remote, &socket, peer.now_us), HF_OK);
    remote.port = 26;
    assert_int_equal(hf_connect(peer.stack, NULL, &remote, &socket, peer.now_us), HF_FORBIDDEN);
    assert_stat(&peer, filter_egress, 1);
    assert_stat(&peer, active_opens, 1);
    assert_int_equal(hf_filter_rule_packets(made.filter, 0), 1);
    peer_close(&peer);
    free(made.memory);
}

/* ---- reverse path ---- */

/* [RFC 3704 2.2, 2.4; RFC 2827 3] [R2827-02, R2827-03, R3704-01, R3704-03] */
static void answers_would_go_back(void **state)
{
    static const struct {
        const char *source;
        bool from_gateway;
        enum hf_stat loose, strict;
    } rows[] = {
        {"192.0.2.9", false, HF_STAT_none, HF_STAT_none},
        {"192.0.2.9", true, HF_STAT_none, HF_STAT_filter_reverse_path}, /* ours, from outside */
        {"192.0.2.254", true, HF_STAT_none, HF_STAT_none},              /* the gateway's own  */
        {"198.51.100.9", true, HF_STAT_none, HF_STAT_none},
        {"198.51.100.9", false, HF_STAT_none, HF_STAT_filter_reverse_path},
        {"203.0.113.9", true, HF_STAT_filter_reverse_path, HF_STAT_filter_reverse_path},
        {"2001:db8::9", false, HF_STAT_none, HF_STAT_none},
        {"2001:db8:1::9", false, HF_STAT_filter_reverse_path, HF_STAT_filter_reverse_path},
        {"fe80::9", false, HF_STAT_none, HF_STAT_none},
    };
    static const struct hf_mac gateway_mac = {{2, 0, 0, 0, 0, 0xfe}};

    (void)state;
    for (unsigned strict = 0; strict < 2; strict++) {
        struct hf_filter_setup setup = {.reverse_path = strict ? HF_REVERSE_PATH_STRICT
                                                               : HF_REVERSE_PATH_LOOSE};
        struct made made = make(&setup);
        struct hf_config config = peer_config();
        struct hf_address gateway = address_of("192.0.2.254");
        struct peer peer;

        config.routes[0] = (struct hf_route){prefix_of("198.51.100.0/24"), gateway};
        peer_open(&peer, &config);
        hf_set_filter(peer.stack, 0, made.filter);
        neighbor_confirm(&peer.stack->neighbors, &gateway, &gateway_mac, peer.now_us);
        for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
            struct flow flow = flow_from(&peer, rows[i].source, (uint16_t)(6000 + i));
            struct segment fin = {.flags = TCP_RST};
            enum hf_stat wanted = strict ? rows[i].strict : rows[i].loose;

            peer.in = (struct hf_frame){.data = peer.in_bytes};
            peer.in.length = frame_build(peer.in_bytes, &flow, &fin);
            if (rows[i].from_gateway)
                memcpy(peer.in_bytes + 6, &gateway_mac, 6);
            hf_input(peer.stack, &peer.in, 1, peer.now_us);
            if (peer.in.reason != (wanted == HF_STAT_none ? HF_STAT_stray_rst : wanted))
                fail_msg("%s%s: %s", rows[i].source, rows[i].from_gateway ? " by the gateway" : "",
                         hf_stat_name((enum hf_stat)peer.in.reason));
        }
        peer_close(&peer);
        free(made.memory);
    }
}

/* A neighbour that is denied can still be found: his network may have a router in it. */
static void neighbours_are_not_denied(void **state)
{
    struct hf_config config = peer_config();
    struct made made = make_lists("192.0.2.0/24", NULL);
    struct peer peer;
    hf_socket socket;
    struct hf_endpoint remote = {.port = 9};

    (void)state;
    peer_open(&peer, &config);
    hf_set_filter(peer.stack, 0, made.filter);
    remote.address = address_of("192.0.2.9");
    assert_int_equal(hf_connect(peer.stack, NULL, &remote, &socket, peer.now_us), HF_OK);
    assert_true(peer_take(&peer));
    assert_int_equal(peer.packet.kind, PACKET_ARP);
    peer_close(&peer);
    free(made.memory);
}

static void setups_that_cannot_be(void **state)
{
    struct hf_filter_entry entry = {prefix_of("192.0.2.0/24"), 1};
    struct hf_filter_setup setup = {.entries = &entry, .entry_count = 1};

    (void)state;
    assert_null(hf_filter_error(&setup));
    entry.value = 0;
    assert_non_null(strstr(hf_filter_error(&setup), "number of its list"));
    entry.value = HF_FILTER_LISTS_MAX + 1;
    assert_int_equal(hf_filter_needed(&setup), 0);
    entry.value = 1;
    entry.prefix.length = 33;
    assert_non_null(strstr(hf_filter_error(&setup), "longer"));
    entry.prefix.length = 24;
    setup.lists[0].counter = HF_STAT_COUNT;
    assert_non_null(strstr(hf_filter_error(&setup), "counter"));
}

static const char *error_of_service(uint8_t length)
{
    struct hf_prefix allow = {.address = address_of("2001:db8::"), .length = length};
    struct hf_filter_service service = {.allow = &allow, .allows = 1};
    struct hf_filter_setup setup = {.services = &service, .service_count = 1};

    return hf_filter_error(&setup);
}

static const char *error_of_rule(struct hf_filter_rule *rule)
{
    struct hf_filter_setup setup = {.rules = {.rules = rule, .count = 1}};

    return hf_filter_error(&setup);
}

/* Each limit by name; nothing that is refused is looked at any further. */
static void services_and_rules_that_cannot_be(void **state)
{
    struct hf_prefix inside = {.address = address_of("10.0.0.0"), .length = 33};
    struct hf_filter_rule rule = {.has_from = true, .from = prefix_of("10.0.0.0/8")};

    (void)state;
    assert_null(error_of_service(128));
    assert_string_equal(error_of_service(129),
                        "a prefix that a service allows is longer than its addresses");
    assert_null(error_of_rule(&rule));
    rule.from.length = 33;
    assert_string_equal(error_of_rule(&rule), "a rule's prefix is longer than its addresses");
    rule = (struct hf_filter_rule){.has_to = true, .to = prefix_of("2001:db8::/32")};
    rule.to.length = 129;
    assert_string_equal(error_of_rule(&rule), "a rule's prefix is longer than its addresses");
    rule = (struct hf_filter_rule){.protocol = HF_FILTER_TCP, .port_ranges = 1};
    rule.ports[0].first = 80;
    rule.ports[0].last = 79;
    assert_string_equal(error_of_rule(&rule), "a rule's range of ports goes backwards");
    rule.ports[0].last = 80;
    assert_null(error_of_rule(&rule));
    rule.protocol = HF_FILTER_ICMP;
    assert_non_null(strstr(error_of_rule(&rule), "only for TCP"));
    assert_non_null(strstr(
        hf_filter_error(&(struct hf_filter_setup){.service_count = HF_FILTER_SERVICES_MAX + 1}),
        "256 services"));
    assert_non_null(strstr(
        hf_filter_error(&(struct hf_filter_setup){.rules = {.count = HF_FILTER_RULES_MAX + 1}}),
        "1024 rules"));
    assert_non_null(
        strstr(hf_filter_error(&(struct hf_filter_setup){.inside = &inside, .inside_count = 1}),
               "network of ours"));
}

/* What a filter in force was made of can be read back. */
static void rules_can_be_read_back(void **state)
{
    struct hf_filter_rule rule = {.has_from = true, .from = prefix_of("10.0.0.0/8")}, found;
    struct hf_filter_setup setup = {.rules = {.rules = &rule, .count = 1}};
    struct made made = make(&setup);

    (void)state;
    assert_true(hf_filter_rule_at(made.filter, 0, &found));
    assert_true(found.has_from && found.from.length == 8);
    assert_false(hf_filter_rule_at(made.filter, 1, &found));
    assert_int_equal(hf_filter_build(&made.filter, &setup, NULL, 0), HF_INVALID);
    assert_int_equal(hf_filter_build(&made.filter, &setup, (char *)made.memory + 1, 64),
                     HF_INVALID);
    free(made.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_prefix_decides),
        cmocka_unit_test(a_list_has_a_counter_of_its_choice),
        cmocka_unit_test(a_rule_sees_what_was_cut),
        cmocka_unit_test(two_places_refuse_on_their_own),
        cmocka_unit_test(what_is_denied_meets_silence),
        cmocka_unit_test(who_was_there_before_stays),
        cmocka_unit_test(half_opens_are_not_there_before),
        cmocka_unit_test(services_allow_whom_they_name),
        cmocka_unit_test(a_service_that_observes_refuses_nobody),
        cmocka_unit_test(rules_decide_in_their_order),
        cmocka_unit_test(answers_come_back),
        cmocka_unit_test(who_is_not_a_neighbour),
        cmocka_unit_test(bogons_are_refused_or_counted),
        cmocka_unit_test(sharing_is_for_who_is_inside),
        cmocka_unit_test(what_we_open_is_asked_for),
        cmocka_unit_test(answers_would_go_back),
        cmocka_unit_test(neighbours_are_not_denied),
        cmocka_unit_test(setups_that_cannot_be),
        cmocka_unit_test(services_and_rules_that_cannot_be),
        cmocka_unit_test(rules_can_be_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
