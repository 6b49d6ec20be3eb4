/* Fragments to datagrams: against a plain model, and each refusal by name. [RFC 791 3.2; RFC 8200 4.5; RFC 5722 3] */
#include "support.h"

#include "base/bytes.h"
#include "stack/ip_reassembly.h"
#include "wire/ip_protocol.h"

#define NOW INT64_C(1000000)

struct world {
    struct hf_stats stats;
    struct ip_reassembly reassembly;
    struct arena arena;
};

static void make(struct world *w, uint32_t max)
{
    struct siphash_key key = {1, 2};
    struct arena measure = {0};

    memset(w, 0, sizeof *w);
    ip_reassembly_init(&w->reassembly, &measure, max, key, &w->stats);
    w->arena = make_arena(measure.used);
    ip_reassembly_init(&w->reassembly, &w->arena, max, key, &w->stats);
    assert_int_equal(w->arena.used, measure.used);
}

static void unmake(struct world *w)
{
    free(w->arena.base);
}

/* A piece of `text`, which is a datagram's payload. */
static struct packet fragment(uint8_t *text, uint32_t offset, uint32_t length, bool more)
{
    return (struct packet){
        .kind = PACKET_FRAGMENT,
        .version = 4,
        .protocol = IP_TCP,
        .ttl = 60,
        .source = address("192.0.2.9"),
        .destination = address("192.0.2.1"),
        .payload = text + offset,
        .payload_length = length,
        .fragment_id = 7,
        .fragment_offset = offset,
        .fragment_more = more,
    };
}

static enum ip_reassembly_verdict give(struct world *w, const struct packet *packet,
                                       struct ip_reassembly_whole *whole)
{
    return ip_reassembly_add(&w->reassembly, packet, whole, NOW);
}

/* A datagram whose first bytes look like a TCP header of 20 bytes. */
static void fill(uint8_t *text, uint32_t length, uint64_t *seed)
{
    for (uint32_t i = 0; i < length; i++)
        text[i] = (uint8_t)chance(seed);
    if (length > 12)
        text[12] = 5 << 4;
}

/* [R1122-12] */
static void test_two_pieces(void **state)
{
    static uint8_t text[64];
    struct ip_reassembly_whole whole;
    uint64_t seed = 1;
    struct world w;

    (void)state;
    make(&w, 4);
    fill(text, sizeof text, &seed);
    for (int version = 4; version <= 6; version += 2) {
        struct packet a = fragment(text, 0, 40, true), b = fragment(text, 40, 24, false);

        if (version == 6) {
            a.version = b.version = 6;
            a.source = b.source = address("2001:db8::9");
            a.destination = b.destination = address("2001:db8::1");
        }
        a.traffic_class = 0x02; /* ECT(0) ... */
        b.traffic_class = 0x03; /* ... and marked on its way [RFC 3168 5.3] */
        assert_int_equal(give(&w, &b, &whole), IP_REASSEMBLY_KEPT);
        assert_int_equal(give(&w, &a, &whole), IP_REASSEMBLY_WHOLE);

        uint32_t header = version == 4 ? 20 : 40;

        assert_int_equal(whole.length, header + sizeof text);
        assert_memory_equal(whole.ip + header, text, sizeof text);
        if (version == 4) {
            assert_int_equal(whole.ip[0], 0x45);
            assert_int_equal(whole.ip[1], 0x03);
            assert_int_equal(get_be16(whole.ip + 2), whole.length);
            assert_int_equal(get_be16(whole.ip + 6), 0);
            assert_int_equal(whole.ip[8], 60);
            assert_int_equal(whole.ip[9], IP_TCP);
        } else {
            assert_int_equal(get_be16(whole.ip), 0x6030);
            assert_int_equal(get_be16(whole.ip + 4), sizeof text);
            assert_int_equal(whole.ip[6], IP_TCP);
        }
        assert_int_equal(ip_reassembly_count(&w.reassembly), 0);
    }
    assert_int_equal(w.stats.ip_reassembled, 2);
    assert_int_equal(w.stats.ip_fragments, 4);
    assert_int_equal(w.reassembly.blocks.count, 0);
    unmake(&w);
}

/* A fragment that marks congestion next to one that cannot be marked: somebody lies. [RFC 3168 5.3] [R3168-03] */
static void test_mixed_ecn(void **state)
{
    static uint8_t text[64];
    struct ip_reassembly_whole whole;
    uint64_t seed = 1;
    struct world w;

    (void)state;
    make(&w, 4);
    fill(text, sizeof text, &seed);
    struct packet a = fragment(text, 0, 40, true), b = fragment(text, 40, 24, false);

    b.traffic_class = 0x03;
    assert_int_equal(give(&w, &a, &whole), IP_REASSEMBLY_KEPT);
    assert_int_equal(give(&w, &b, &whole), IP_REASSEMBLY_REFUSED);
    assert_int_equal(ip_reassembly_count(&w.reassembly), 0);
    unmake(&w);
}

/* [R8200-11, R7112-01, R1858-01] */
static void test_refused(void **state)
{
    static const struct {
        const char *what;
        uint8_t version, protocol;
        uint32_t offset, length;
        bool more;
        uint8_t data_offset;
    } rows[] = {
        {"first without a whole TCP header", 4, IP_TCP, 0, 16, true, 5},
        {"first without all TCP options", 4, IP_TCP, 0, 32, true, 9},
        {"second inside the TCP header", 4, IP_TCP, 8, 8, true, 5},
        {"second inside the TCP header, 16", 4, IP_TCP, 16, 800, false, 5},
        {"not a multiple of 8", 4, IP_TCP, 0, 41, true, 5},
        {"empty", 4, IP_TCP, 48, 0, false, 5},
        {"past 65535 with its header", 4, IP_TCP, 65512, 4, false, 5},
        {"past 65535", 6, IP_TCP, 65528, 8, false, 5},
        {"IPv6 chain not in the first", 6, IP_DESTINATION_OPTIONS, 0, 8, true, 5},
    };
    static uint8_t text[70000];
    struct ip_reassembly_whole whole;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world w;

        make(&w, 4);
        memset(text, 0, sizeof text);
        text[12] = (uint8_t)(rows[i].data_offset << 4);
        struct packet packet = fragment(text, rows[i].offset, rows[i].length, rows[i].more);

        packet.version = rows[i].version;
        packet.protocol = rows[i].protocol;
        if (give(&w, &packet, &whole) != IP_REASSEMBLY_REFUSED) {
            print_error("row \"%s\"\n", rows[i].what);
            fail();
        }
        assert_int_equal(w.stats.ip_fragment_refused, 1);
        assert_int_equal(ip_reassembly_count(&w.reassembly), 0);
        unmake(&w);
    }
}

/* Extension headers behind the fragment header are no hiding place. */
static void test_extension_in_first(void **state)
{
    static uint8_t text[48];
    struct ip_reassembly_whole whole;
    struct world w;

    (void)state;
    make(&w, 4);
    text[0] = IP_TCP; /* a destination options header of 8 bytes, then TCP */
    text[8 + 12] = 5 << 4;
    struct packet packet = fragment(text, 0, 24, true);

    packet.version = 6;
    packet.protocol = IP_DESTINATION_OPTIONS;
    assert_int_equal(give(&w, &packet, &whole), IP_REASSEMBLY_REFUSED);
    packet.payload_length = 32;
    assert_int_equal(give(&w, &packet, &whole), IP_REASSEMBLY_KEPT);
    unmake(&w);
}

/* Where the transport header lies behind other headers, all of them must be in the first fragment. [RFC 8200 4.5]
 * [R7112-01] */
static void test_extensions_that_hide(void **state)
{
    static const struct {
        const char *name;
        uint8_t next, units; /* of the second header */
        uint32_t length;
        enum ip_reassembly_verdict verdict;
    } rows[] = {
        {"two, then TCP", IP_TCP, 0, 40, IP_REASSEMBLY_KEPT},
        {"the second is not whole", IP_TCP, 4, 40, IP_REASSEMBLY_REFUSED},
        {"not even its length", IP_TCP, 0, 8, IP_REASSEMBLY_REFUSED},
        {"TCP is not whole", IP_TCP, 0, 32, IP_REASSEMBLY_REFUSED},
        {"headers without end", IP_ROUTING, 0, 2000, IP_REASSEMBLY_REFUSED},
        {"two, then ICMPv6", IP_ICMPV6, 0, 24, IP_REASSEMBLY_KEPT},
        {"UDP: known for that when it is whole", IP_UDP, 0, 40, IP_REASSEMBLY_KEPT},
    };
    static uint8_t text[2048];
    struct ip_reassembly_whole whole;
    struct world w;

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("%s\n", rows[i].name);
        make(&w, 4);
        memset(text, 0, sizeof text);
        for (unsigned at = 0; at < sizeof text; at += 8)
            text[at] = IP_ROUTING; /* each header of 8 bytes names another */
        text[8] = rows[i].next;
        text[9] = rows[i].units;
        if (rows[i].length < sizeof text / 2)
            text[16 + 12] = 5 << 4;
        struct packet packet = fragment(text, 0, rows[i].length, true);

        packet.version = 6;
        packet.protocol = IP_DESTINATION_OPTIONS;
        assert_int_equal(give(&w, &packet, &whole), rows[i].verdict);
        unmake(&w);
    }
}

static void test_foreign_and_none(void **state)
{
    static uint8_t text[64];
    struct ip_reassembly_whole whole;
    struct packet packet = fragment(text, 0, 64, true);
    struct world w;

    (void)state;
    text[12] = 5 << 4;
    make(&w, 4);
    packet.protocol = IP_UDP;
    assert_int_equal(give(&w, &packet, &whole), IP_REASSEMBLY_FOREIGN);
    assert_int_equal(w.stats.ip_fragments, 0);
    unmake(&w);

    make(&w, 0);
    packet.protocol = IP_TCP;
    assert_int_equal(w.arena.used, CACHE_LINE); /* the table's one bucket */
    assert_int_equal(give(&w, &packet, &whole), IP_REASSEMBLY_REFUSED);
    assert_int_equal(ip_reassembly_deadline(&w.reassembly), NEVER_US);
    unmake(&w);
}

/* [RFC 5722 4; RFC 8200 4.5] [R1122-37, R8200-12, R5722-01] */
static void test_overlap(void **state)
{
    static const struct {
        const char *what;
        uint32_t offset, length;
        bool more;
        enum ip_reassembly_verdict verdict;
    } rows[] = {
        {"the same again", 40, 40, true, IP_REASSEMBLY_KEPT},
        {"part of it", 40, 32, true, IP_REASSEMBLY_OVERLAP},
        {"more than it", 40, 48, true, IP_REASSEMBLY_OVERLAP},
        {"across its start", 72, 16, true, IP_REASSEMBLY_OVERLAP},
        {"inside", 48, 8, true, IP_REASSEMBLY_OVERLAP},
        {"the first again", 0, 40, true, IP_REASSEMBLY_KEPT},
        {"both at once", 0, 80, true, IP_REASSEMBLY_OVERLAP},
        {"an end before what came", 64, 8, false, IP_REASSEMBLY_OVERLAP},
        {"an end where it did not end", 40, 40, false, IP_REASSEMBLY_OVERLAP},
    };
    static uint8_t text[256];
    uint64_t seed = 5;

    (void)state;
    fill(text, sizeof text, &seed);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct packet a = fragment(text, 0, 40, true), b = fragment(text, 40, 40, true);
        struct packet c = fragment(text, rows[i].offset, rows[i].length, rows[i].more);
        struct packet last = fragment(text, 80, 60, false);
        struct ip_reassembly_whole whole;
        bool overlap = rows[i].verdict == IP_REASSEMBLY_OVERLAP;
        struct world w;

        make(&w, 4);
        give(&w, &a, &whole);
        give(&w, &b, &whole);
        enum ip_reassembly_verdict verdict = give(&w, &c, &whole);

        if (verdict != rows[i].verdict)
            print_error("row \"%s\"\n", rows[i].what);
        assert_int_equal(verdict, rows[i].verdict);
        assert_int_equal(w.reassembly.blocks.count, overlap ? 0 : 1);

        /* It stays given up until its time is over. */
        assert_int_equal(give(&w, &last, &whole),
                         overlap ? IP_REASSEMBLY_OVERLAP : IP_REASSEMBLY_WHOLE);
        if (overlap) {
            assert_int_equal(give(&w, &a, &whole), IP_REASSEMBLY_OVERLAP);
            ip_reassembly_tick(&w.reassembly, NOW + IP_REASSEMBLY_TIMEOUT_US);
            assert_int_equal(w.stats.ip_reassembly_timeout, 0); /* counted as an overlap already */
            assert_int_equal(give(&w, &a, &whole), IP_REASSEMBLY_KEPT);
        }
        unmake(&w);
    }
}

/* Equal bounds, other bytes: not the network's doing. */
static void test_duplicate_that_differs(void **state)
{
    static uint8_t text[128], other[128];
    struct ip_reassembly_whole whole;
    uint64_t seed = 6;
    struct world w;

    (void)state;
    make(&w, 4);
    fill(text, sizeof text, &seed);
    memcpy(other, text, sizeof text);
    other[70] ^= 1;
    struct packet a = fragment(text, 40, 40, true), b = fragment(other, 40, 40, true);

    assert_int_equal(give(&w, &a, &whole), IP_REASSEMBLY_KEPT);
    assert_int_equal(give(&w, &b, &whole), IP_REASSEMBLY_OVERLAP);
    unmake(&w);
}

static void test_timeout(void **state)
{
    static uint8_t text[64];
    struct ip_reassembly_whole whole;
    struct packet a = fragment(text, 40, 24, true);
    struct world w;

    (void)state;
    make(&w, 4);
    give(&w, &a, &whole);
    assert_int_equal(ip_reassembly_deadline(&w.reassembly), NOW + IP_REASSEMBLY_TIMEOUT_US);
    ip_reassembly_tick(&w.reassembly, NOW + IP_REASSEMBLY_TIMEOUT_US - 1);
    assert_int_equal(ip_reassembly_count(&w.reassembly), 1);
    ip_reassembly_tick(&w.reassembly, NOW + IP_REASSEMBLY_TIMEOUT_US);
    assert_int_equal(ip_reassembly_count(&w.reassembly), 0);
    assert_int_equal(w.stats.ip_reassembly_timeout, 1);
    assert_int_equal(w.reassembly.blocks.count, 0);
    unmake(&w);
}

/* One source evicts its own oldest; another's datagram survives his flood. [R1122-37] */
static void test_share(void **state)
{
    static uint8_t text[65536];
    struct ip_reassembly_whole whole;
    uint64_t seed = 9;
    struct world w;

    (void)state;
    make(&w, 16);
    fill(text, sizeof text, &seed);
    struct packet honest = fragment(text, 0, 1480, true), rest = fragment(text, 1480, 700, false);

    assert_int_equal(give(&w, &honest, &whole), IP_REASSEMBLY_KEPT);
    for (uint32_t id = 0; id < 5000; id++) {
        struct packet flood = fragment(text, chance_below(&seed, 5000) * 8 + 24, 1480, true);

        flood.source = address("203.0.113.5"); /* another bucket of sources under this key */
        flood.fragment_id = id % 50;
        give(&w, &flood, &whole);
        assert_true(ip_reassembly_count(&w.reassembly) <= 1 + 4);
        assert_true(w.reassembly.blocks.count <= 1 + 33);
    }
    assert_int_equal(give(&w, &rest, &whole), IP_REASSEMBLY_WHOLE);
    assert_memory_equal(whole.ip + 20, text, 2180);
    unmake(&w);
}

/* A source's share is of bytes too: what it holds elsewhere gives way first, and nobody else's. */
static void test_share_of_blocks(void **state)
{
    static uint8_t text[65536];
    struct ip_reassembly_whole whole;
    uint64_t seed = 11;
    struct world w;

    (void)state;
    make(&w, 16);
    fill(text, sizeof text, &seed);
    struct packet honest = fragment(text, 0, 1480, true), rest = fragment(text, 1480, 700, false);

    assert_int_equal(give(&w, &honest, &whole), IP_REASSEMBLY_KEPT);
    for (uint32_t id = 0; id < 3; id++) /* three of 24 blocks each, where 33 are its share */
        for (uint32_t block = 0; block < 24; block++) {
            struct packet flood = fragment(text, block * 2048 + 24, 64, true);

            flood.source = address("203.0.113.5");
            flood.fragment_id = id;
            assert_int_equal(give(&w, &flood, &whole), IP_REASSEMBLY_KEPT);
            assert_true(w.reassembly.blocks.count <= 1 + w.reassembly.blocks_each);
        }
    assert_int_equal(ip_reassembly_count(&w.reassembly), 1 + 1); /* the newest of the three */
    assert_int_equal(w.stats.ip_fragment_refused, 2);
    assert_int_equal(give(&w, &rest, &whole), IP_REASSEMBLY_WHOLE);
    unmake(&w);
}

/* Full of others: the oldest gives way. */
static void test_oldest_gives_way(void **state)
{
    static uint8_t text[64];
    struct ip_reassembly_whole whole;
    struct world w;

    (void)state;
    text[12] = 5 << 4;
    make(&w, 4);
    for (uint32_t i = 0; i < 300; i++) {
        struct packet packet = fragment(text, 0, 40, true);

        packet.source = address_v4(0x0a000000 + i * 257);
        assert_int_equal(give(&w, &packet, &whole), IP_REASSEMBLY_KEPT);
        assert_true(ip_reassembly_count(&w.reassembly) <= 4);
    }
    assert_int_equal(w.stats.ip_fragment_refused, 300 - ip_reassembly_count(&w.reassembly));
    unmake(&w);
}

/* The largest datagrams there are. [R1122-35, R8200-17] */
static void test_largest(void **state)
{
    static uint8_t text[65536];
    static const uint32_t lengths[] = {65515, 65535};
    struct ip_reassembly_whole whole;
    uint64_t seed = 11;
    struct world w;

    (void)state;
    make(&w, 1);
    fill(text, sizeof text, &seed);
    for (int v6 = 0; v6 < 2; v6++) {
        enum ip_reassembly_verdict verdict = IP_REASSEMBLY_KEPT;

        for (uint32_t at = 0; at < lengths[v6]; at += 1480) {
            uint32_t left = lengths[v6] - at, length = left < 1480 ? left : 1480;
            struct packet packet = fragment(text, at, length, left > 1480);

            packet.version = v6 ? 6 : 4;
            assert_int_equal(verdict, IP_REASSEMBLY_KEPT);
            verdict = give(&w, &packet, &whole);
        }
        assert_int_equal(verdict, IP_REASSEMBLY_WHOLE);
        assert_memory_equal(whole.ip + (v6 ? 40 : 20), text, lengths[v6]);
    }
    unmake(&w);
}

/* The model: a byte map. Fragments cut at random places, in any order, some twice, some overlapping. */
struct model {
    bool there[65536];
    bool given_up;
    uint32_t total, highest, received;
    uint32_t cuts[4096][2];
    uint32_t cut_count;
};

static enum ip_reassembly_verdict model_add(struct model *m, const struct packet *packet)
{
    uint32_t from = packet->fragment_offset, to = from + packet->payload_length;
    bool overlap = false, duplicate = false;

    if (m->given_up)
        return IP_REASSEMBLY_OVERLAP;
    for (uint32_t i = from; i < to; i++)
        overlap |= m->there[i];
    for (uint32_t i = 0; i < m->cut_count; i++)
        duplicate |= m->cuts[i][0] == from && m->cuts[i][1] == to;
    duplicate &= packet->fragment_more != (m->total == to);
    if (duplicate)
        return IP_REASSEMBLY_KEPT;
    if (overlap || (packet->fragment_more ? m->total && to > m->total
                                          : (m->total && m->total != to) || m->highest > to)) {
        m->given_up = true;
        return IP_REASSEMBLY_OVERLAP;
    }
    for (uint32_t i = from; i < to; i++)
        m->there[i] = true;
    m->cuts[m->cut_count][0] = from;
    m->cuts[m->cut_count++][1] = to;
    m->received += to - from;
    if (to > m->highest)
        m->highest = to;
    if (!packet->fragment_more)
        m->total = to;
    return m->total && m->received == m->total ? IP_REASSEMBLY_WHOLE : IP_REASSEMBLY_KEPT;
}

static struct packet random_fragment(uint8_t *text, uint32_t length, bool wild, uint64_t *seed)
{
    uint32_t units = (length + 7) / 8;
    uint32_t from = chance_below(seed, units), count = 1 + chance_below(seed, 40);

    if (!wild) { /* a grid that never overlaps */
        from = from / 6 * 6;
        count = 6;
    }
    if (from < 3)
        from = 0;
    if (from == 0 && count < 3)
        count = 3;
    if (from + count > units)
        count = units - from;

    uint32_t end = (from + count) * 8;
    bool more = end < length;

    if (!more)
        end = length;
    if (wild && chance_below(seed, 30) == 0)
        more = !more && end % 8 == 0;
    return fragment(text, from * 8, end - from * 8, more);
}

static void test_against_model(void **state)
{
    static uint8_t text[65536];
    static struct model model;
    uint64_t seed = 0x5eed2026;
    uint32_t whole_count = 0, overlap_count = 0;

    (void)state;
    print_message("seed %#llx\n", (unsigned long long)seed);
    for (int round = 0; round < 600; round++) {
        uint32_t length = 64 + chance_below(&seed, round % 10 ? 3000 : 60000);
        bool wild = round % 3 == 0;
        struct ip_reassembly_whole whole;
        struct world w;

        make(&w, 2);
        fill(text, length, &seed);
        memset(&model, 0, sizeof model);
        for (int i = 0; i < 4000; i++) {
            struct packet packet = random_fragment(text, length, wild, &seed);
            enum ip_reassembly_verdict expected = model_add(&model, &packet);
            enum ip_reassembly_verdict verdict = give(&w, &packet, &whole);

            assert_int_equal(verdict, expected);
            if (verdict == IP_REASSEMBLY_OVERLAP) {
                overlap_count++;
                break;
            }
            if (verdict != IP_REASSEMBLY_WHOLE)
                continue;
            whole_count++;
            assert_int_equal(whole.length, 20 + model.total);
            assert_memory_equal(whole.ip + 20, text, model.total);
            assert_int_equal(w.reassembly.blocks.count, 0);
            break;
        }
        unmake(&w);
    }
    assert_true(whole_count > 200 && overlap_count > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_pieces),
        cmocka_unit_test(test_mixed_ecn),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_extension_in_first),
        cmocka_unit_test(test_extensions_that_hide),
        cmocka_unit_test(test_foreign_and_none),
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_duplicate_that_differs),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_share_of_blocks),
        cmocka_unit_test(test_oldest_gives_way),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_against_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
