/* docs/at-the-door.md, row by row: each oddity under its own name, and no answer but the one that is written there.
 * [RFC 9293 3.10.7.1] [RFC 9293 3.10.7.2] [RFC 9293 MUST-57] [RFC 9293 MUST-63] */
#include "peer.h"

#define CLOSED_PORT 81

enum answer_kind {
    SILENCE,
    RESET,     /* <SEQ=SEG.ACK><CTL=RST>                  */
    RESET_ACK, /* <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> */
    SYN_ACK,
    NOT_IN_FAMILY,
};

static const char *const words[] = {
    [SILENCE] = "silence", [RESET] = "RST", [RESET_ACK] = "RST,ACK", [SYN_ACK] = "SYN,ACK"};

/* What is odd about the packet around the segment. */
enum around {
    NOTHING,
    FROM_US,
    FROM_NOBODY,
    FROM_GROUP,
    FROM_BROADCAST,
    FROM_LOOPBACK,
    TO_GROUP,
    TO_BROADCAST,
    FROM_PORT_0,
    TO_PORT_0,
    SHORT_OFFSET,
    LONG_OFFSET,
    BAD_CHECKSUM,
    BAD_OPTION,
};

static const struct row {
    const char *name;
    uint8_t flags;
    uint8_t text;
    enum around around;
    enum hf_stat counter;
    enum answer_kind closed, open;
} rows[] = {
    {"SYN", TCP_SYN, 0, NOTHING, HF_STAT_segments_in, RESET_ACK, SYN_ACK},
    {"SYN with text", TCP_SYN, 9, NOTHING, HF_STAT_odd_syn_text, RESET_ACK, SYN_ACK},
    {"SYN,FIN", TCP_SYN | TCP_FIN, 0, NOTHING, HF_STAT_odd_syn_fin, RESET_ACK, SYN_ACK},
    {"SYN,RST", TCP_SYN | TCP_RST, 0, NOTHING, HF_STAT_odd_syn_rst, SILENCE, SILENCE},
    {"no flags (null)", 0, 0, NOTHING, HF_STAT_odd_null, RESET_ACK, SILENCE},
    {"FIN", TCP_FIN, 0, NOTHING, HF_STAT_odd_fin, RESET_ACK, SILENCE},
    {"FIN,PSH,URG (Xmas)", TCP_FIN | TCP_PSH | TCP_URG, 0, NOTHING, HF_STAT_odd_xmas, RESET_ACK,
     SILENCE},
    {"URG, PSH or other sets without SYN, ACK, RST", TCP_URG, 0, NOTHING, HF_STAT_odd_flags,
     RESET_ACK, SILENCE},
    {"ACK", TCP_ACK, 0, NOTHING, HF_STAT_stray_ack, RESET, RESET},
    {"SYN,ACK", TCP_SYN | TCP_ACK, 0, NOTHING, HF_STAT_stray_ack, RESET, RESET},
    {"PSH,ACK with text", TCP_PSH | TCP_ACK, 9, NOTHING, HF_STAT_odd_push, RESET, RESET},
    {"FIN,ACK", TCP_FIN | TCP_ACK, 0, NOTHING, HF_STAT_stray_ack, RESET, RESET},
    {"RST", TCP_RST, 0, NOTHING, HF_STAT_stray_rst, SILENCE, SILENCE},
    {"RST,ACK", TCP_RST | TCP_ACK, 0, NOTHING, HF_STAT_stray_rst, SILENCE, SILENCE},
    {"our own address as the source (LAND)", TCP_SYN, 0, FROM_US, HF_STAT_ip_own_source, SILENCE,
     SILENCE},
    {"source 0.0.0.0 or ::", TCP_SYN, 0, FROM_NOBODY, HF_STAT_ip_source_unspecified, SILENCE,
     SILENCE},
    {"source a group", TCP_SYN, 0, FROM_GROUP, HF_STAT_ip_source_multicast, SILENCE, SILENCE},
    {"source a broadcast address", TCP_SYN, 0, FROM_BROADCAST, HF_STAT_ip_source_broadcast, SILENCE,
     SILENCE},
    {"source 127.0.0.1 or ::1", TCP_SYN, 0, FROM_LOOPBACK, HF_STAT_ip_bad_source, SILENCE, SILENCE},
    {"to a group", TCP_SYN, 0, TO_GROUP, HF_STAT_ip_broadcast, SILENCE, SILENCE},
    {"to a broadcast address", TCP_SYN, 0, TO_BROADCAST, HF_STAT_ip_broadcast, SILENCE, SILENCE},
    {"source port 0", TCP_SYN, 0, FROM_PORT_0, HF_STAT_tcp_port_zero, SILENCE, SILENCE},
    {"destination port 0", TCP_SYN, 0, TO_PORT_0, HF_STAT_tcp_port_zero, SILENCE, SILENCE},
    {"data offset below 5", TCP_SYN, 0, SHORT_OFFSET, HF_STAT_tcp_bad_header, SILENCE, SILENCE},
    {"data offset past the end", TCP_SYN, 0, LONG_OFFSET, HF_STAT_tcp_bad_header, SILENCE, SILENCE},
    {"wrong checksum", TCP_SYN, 0, BAD_CHECKSUM, HF_STAT_tcp_bad_checksum, SILENCE, SILENCE},
    {"option of length 0 or past the header", TCP_SYN, 0, BAD_OPTION, HF_STAT_tcp_bad_option,
     RESET_ACK, SYN_ACK},
};

#define ROWS (sizeof rows / sizeof *rows)

static struct hf_address source_of(const struct peer *peer, enum around around)
{
    bool v6 = peer->v6;

    if (around == FROM_US)
        return our_address(peer);
    if (around == FROM_NOBODY)
        return address_of(v6 ? "::" : "0.0.0.0");
    if (around == FROM_GROUP)
        return address_of(v6 ? "ff02::1" : "224.0.0.9");
    if (around == FROM_BROADCAST)
        return address_of("192.0.2.255");
    if (around == FROM_LOOPBACK)
        return address_of(v6 ? "::1" : "127.0.0.1");
    return peer_address(peer);
}

static struct hf_address destination_of(const struct peer *peer, enum around around)
{
    if (around == TO_GROUP)
        return address_of(peer->v6 ? "ff02::1" : "224.0.0.1");
    if (around == TO_BROADCAST)
        return address_of("192.0.2.255");
    return our_address(peer);
}

/* Changes 16 bits of the TCP header in place; the checksum stays right. */
static void patch(uint8_t *tcp, uint32_t at, uint16_t value)
{
    uint16_t sum = (uint16_t)~get_be16(tcp + TCP_CHECKSUM_OFFSET);

    sum = checksum_add(sum, (uint16_t)~get_be16(tcp + at));
    put_be16(tcp + at, value);
    put_be16(tcp + TCP_CHECKSUM_OFFSET, (uint16_t)~checksum_add(sum, value));
}

static void spoil(uint8_t *tcp, enum around around)
{
    if (around == SHORT_OFFSET)
        patch(tcp, 12, (uint16_t)(4 << 12 | TCP_SYN));
    if (around == LONG_OFFSET)
        patch(tcp, 12, (uint16_t)(15 << 12 | TCP_SYN));
    if (around == BAD_OPTION)
        patch(tcp, 20, 2 << 8); /* MSS, of length 0 */
    if (around == BAD_CHECKSUM)
        tcp[TCP_CHECKSUM_OFFSET] ^= 1;
}

/* Sends a row's segment; the answer that came, of which there is no more than one. */
static enum answer_kind drive(struct peer *peer, const struct row *row, uint16_t port)
{
    static const uint8_t text[9];
    struct flow flow = {source_of(peer, row->around), destination_of(peer, row->around),
                        row->around == FROM_PORT_0 ? 0 : (uint16_t)(2000 + port + (row - rows) * 2),
                        row->around == TO_PORT_0 ? 0 : port};
    struct segment seg = {.seq = {100},
                          .ack = {900},
                          .flags = row->flags,
                          .window = 1000,
                          .text = text,
                          .length = row->text};
    int flags;

    if ((row->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
        seg.options = (struct tcp_options){.present = TCP_OPTION_MSS, .mss = 1000};
    peer->in = (struct hf_frame){.data = peer->in_bytes};
    peer->in.length = frame_build(peer->in_bytes, &flow, &seg);
    spoil(peer->in_bytes + 14 + (peer->v6 ? IPV6_HEADER : IPV4_HEADER), row->around);
    hf_input(peer->stack, &peer->in, 1, peer->now_us);
    flags = peer_receive(peer);
    if (flags == -1)
        return SILENCE;
    assert_true(peer->out.length <= peer->in.length); /* never more than came */
    assert_int_equal(peer->packet.segment.length, 0);
    assert_int_equal(peer->out.unproven, 1);
    if (flags == TCP_RST)
        assert_int_equal(peer->packet.segment.seq.value, 900);
    if (flags & TCP_ACK) /* text on a SYN is not taken [RFC 9293 3.10.7.2] */
        assert_int_equal(peer->packet.segment.ack.value,
                         100 + (flags & TCP_SYN ? 1 : segment_length(&seg)));
    assert_int_equal(peer_receive(peer), -1);
    return flags == TCP_RST               ? RESET
           : flags == (TCP_RST | TCP_ACK) ? RESET_ACK
           : flags == (TCP_SYN | TCP_ACK) ? SYN_ACK
                                          : NOT_IN_FAMILY;
}

static void each_row_is_answered_and_counted(void **state)
{
    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        struct hf_config config = peer_config();
        struct peer peer;

        config.scan_ports = 0;
        peer_open(&peer, &config);
        peer.v6 = v6;
        peer_listen(&peer, NULL);
        for (size_t i = 0; i < ROWS; i++) {
            uint64_t before = stat_of(&peer, rows[i].counter);

            if (v6 && (rows[i].around == FROM_BROADCAST || rows[i].around == TO_BROADCAST))
                continue; /* IPv6 has none */
            print_message("%s, IPv%d\n", rows[i].name, v6 ? 6 : 4);
            peer_wait(&peer, 1000); /* for the budget; SYN-ACKs come again */
            while (peer_take(&peer))
                ;
            assert_int_equal(drive(&peer, &rows[i], CLOSED_PORT), rows[i].closed);
            assert_int_equal(stat_of(&peer, rows[i].counter), before + 1);
            assert_int_equal(drive(&peer, &rows[i], OUR_PORT), rows[i].open);
            assert_int_equal(stat_of(&peer, rows[i].counter), before + 2);
        }
        peer_close(&peer);
    }
}

/* The page says what the test drives, and nothing else. */
static void the_page_is_true(void **state)
{
    static char page[65536];
    FILE *file = fopen(HF_SOURCE_DIR "/docs/at-the-door.md", "r");
    size_t length, lines = 0;

    (void)state;
    assert_non_null(file);
    length = fread(page, 1, sizeof page - 1, file);
    fclose(file);
    page[length] = 0;
    for (size_t i = 0; i < ROWS; i++) {
        char line[256];

        snprintf(line, sizeof line, "\n| %s | `%s` | %s | %s |\n", rows[i].name,
                 hf_stat_name(rows[i].counter), words[rows[i].closed], words[rows[i].open]);
        if (!strstr(page, line))
            fail_msg("docs/at-the-door.md lacks:%s", line);
    }
    for (const char *at = page; (at = strstr(at, "\n| ")); at++)
        lines++;
    assert_int_equal(lines, ROWS + 2); /* and two lines of heading */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_is_answered_and_counted),
        cmocka_unit_test(the_page_is_true),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
