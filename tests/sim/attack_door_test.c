/* At the door, beside what docs/at-the-door.md lists: packets that are odd below TCP or in their options, each as the table in
 * docs/attacks.md says; all 256 sets of flags; SYNs during teardown, and a full accept queue. [RFC 9293 3.10.7.1, 3.10.7.2]
 * Rows: docs/attacks.md. */
#include "attack.h"

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/tcp_header.h"

#define SEED 0x5eed000b
#define LINE 512
#define PAGE HF_SOURCE_DIR "/docs/attacks.md"

#define F TCP_FIN
#define S TCP_SYN
#define R TCP_RST
#define P TCP_PSH
#define A TCP_ACK
#define U TCP_URG

enum mangle {
    AS_IT_IS = 0,
    ACK_FIELD,     /* SEG.ACK is not zero though ACK is 0            */
    CUT_IN_HEADER, /* the IP packet ends in the TCP header           */
    OPTION_LENGTH_0,
    OPTION_LENGTH_1,
    OPTION_PAST_END,
    OPTION_MSS_3, /* the MSS option with a length of 3              */
    OPTION_SACK_11,
    OPTION_TIME_9,
    OPTION_UNKNOWN,
    OPTION_AO_3, /* too short for key ids                          */
    OPTION_AO_16,
    IP_CHECKSUM,
    IP_VERSION_5,
    IP_HEADER_16,
    IP_TOO_LONG, /* total length beyond the frame                  */
    IP_PADDED,   /* bytes behind the packet                        */
    IP_SOURCE_ROUTE,
    IP_BAD_OPTION,
};

struct row {
    const char *name;
    uint8_t flags;
    uint8_t text; /* bytes */
    enum mangle mangle;
    const char *from; /* NULL: a stranger            */
    const char *to;   /* NULL: us                    */
    int16_t port;     /* of the source; 0: an ordinary one; -1: none; -2: that of the destination */
    bool to_port_0;
};

static const struct row rows[] = {
    {.name = "SYN with an acknowledgment number but no ACK", .flags = S, .mangle = ACK_FIELD},
    {.name = "SYN+PSH", .flags = S | P},
    {.name = "SYN+URG", .flags = S | U},
    {.name = "SYN+ECE+CWR", .flags = S | TCP_ECE | TCP_CWR},
    {.name = "SYN+FIN with text", .flags = S | F, .text = 20},
    {.name = "SYN+FIN+RST+PSH+ACK+URG", .flags = S | F | R | P | A | U},
    {.name = "SYN+ACK with text", .flags = S | A, .text = 20},
    {.name = "SYN+FIN+ACK", .flags = S | F | A},
    {.name = "URG+ACK with text", .flags = U | A, .text = 20},
    {.name = "RST with text", .flags = R, .text = 20},
    {.name = "no flags, with text", .flags = 0, .text = 20},
    {.name = "PSH+URG with text", .flags = P | U, .text = 20},
    {.name = "from our own address, another port", .flags = S, .from = "192.0.2.1"},
    {.name = "from our own IPv6 address", .flags = S, .from = "2001:db8::1", .port = -2},
    {.name = "from 0.0.0.7", .flags = S, .from = "0.0.0.7"},
    {.name = "from our network's broadcast", .flags = S, .from = "192.0.2.255"},
    {.name = "from 240.0.0.1 (reserved)", .flags = S, .from = "240.0.0.1"},
    {.name = "to our network's broadcast", .flags = S, .to = "192.0.2.255"},
    {.name = "to an address that is not ours", .flags = S, .to = "192.0.2.77"},
    {.name = "cut in its TCP header", .flags = S, .mangle = CUT_IN_HEADER},
    {.name = "option of length 0", .flags = S, .mangle = OPTION_LENGTH_0},
    {.name = "option of length 1", .flags = S, .mangle = OPTION_LENGTH_1},
    {.name = "option past the header", .flags = S, .mangle = OPTION_PAST_END},
    {.name = "MSS option of length 3", .flags = S, .mangle = OPTION_MSS_3},
    {.name = "SACK option of length 11", .flags = S, .mangle = OPTION_SACK_11},
    {.name = "timestamps of length 9", .flags = S, .mangle = OPTION_TIME_9},
    {.name = "unknown option", .flags = S, .mangle = OPTION_UNKNOWN},
    {.name = "TCP-AO of length 3", .flags = S, .mangle = OPTION_AO_3},
    {.name = "TCP-AO of length 16 without a key for it", .flags = S, .mangle = OPTION_AO_16},
    {.name = "IPv4 checksum wrong", .flags = S, .mangle = IP_CHECKSUM},
    {.name = "IP version 5", .flags = S, .mangle = IP_VERSION_5},
    {.name = "IPv4 header of 16 bytes", .flags = S, .mangle = IP_HEADER_16},
    {.name = "IPv4 total length beyond the frame", .flags = S, .mangle = IP_TOO_LONG},
    {.name = "bytes behind the IP packet", .flags = S, .mangle = IP_PADDED},
    {.name = "IPv4 loose source route", .flags = S, .mangle = IP_SOURCE_ROUTE},
    {.name = "IPv4 option past its header", .flags = S, .mangle = IP_BAD_OPTION},
};

static uint32_t options_of(enum mangle mangle, uint8_t options[16])
{
    static const struct {
        enum mangle mangle;
        uint8_t length, bytes[16];
    } all[] = {
        {OPTION_LENGTH_0, 4, {8, 0, 1, 1}},
        {OPTION_LENGTH_1, 4, {8, 1, 1, 1}},
        {OPTION_PAST_END, 4, {8, 10, 1, 1}},
        {OPTION_MSS_3, 4, {2, 3, 5, 1}},
        {OPTION_SACK_11, 12, {5, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
        {OPTION_TIME_9, 12, {8, 9, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1}},
        {OPTION_UNKNOWN, 4, {200, 4, 0, 0}},
        {OPTION_AO_3, 4, {29, 3, 1, 1}},
        {OPTION_AO_16, 16, {29, 16, 1, 1}},
    };

    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].mangle == mangle) {
            memcpy(options, all[i].bytes, sizeof all[i].bytes);
            return all[i].length;
        }
    return 0;
}

static void sum_ip(uint8_t *frame, uint32_t header)
{
    put_be16(frame + 10, 0);
    put_be16(frame + 10, (uint16_t)~checksum_sum(frame, header));
}

/* Four bytes of IPv4 options before the TCP header. */
static uint32_t add_ip_option(uint8_t *frame, uint32_t length, const uint8_t option[4])
{
    memmove(frame + IPV4_HEADER + 4, frame + IPV4_HEADER, length - IPV4_HEADER);
    memcpy(frame + IPV4_HEADER, option, 4);
    frame[0] = 0x46;
    put_be16(frame + 2, (uint16_t)(length + 4));
    sum_ip(frame, IPV4_HEADER + 4);
    return length + 4;
}

static uint32_t mangle(const struct row *row, uint8_t *frame, uint32_t length)
{
    switch (row->mangle) {
    case CUT_IN_HEADER:
        length = IPV4_HEADER + 18;
        put_be16(frame + 2, (uint16_t)length);
        sum_ip(frame, IPV4_HEADER);
        break;
    case IP_CHECKSUM: frame[10] ^= 1; break;
    case IP_VERSION_5: frame[0] = 0x55; break;
    case IP_HEADER_16: frame[0] = 0x44; break;
    case IP_TOO_LONG:
        put_be16(frame + 2, (uint16_t)(length + 100));
        sum_ip(frame, IPV4_HEADER);
        break;
    case IP_PADDED:
        memset(frame + length, 0xee, 30);
        length += 30;
        break;
    case IP_SOURCE_ROUTE: return add_ip_option(frame, length, (const uint8_t[]){131, 3, 4, 0});
    case IP_BAD_OPTION: return add_ip_option(frame, length, (const uint8_t[]){7, 39, 4, 0});
    case AS_IT_IS:
    case ACK_FIELD:
    case OPTION_LENGTH_0:
    case OPTION_LENGTH_1:
    case OPTION_PAST_END:
    case OPTION_MSS_3:
    case OPTION_SACK_11:
    case OPTION_TIME_9:
    case OPTION_UNKNOWN:
    case OPTION_AO_3:
    case OPTION_AO_16: break;
    }
    return length;
}

static uint32_t build(const struct row *row, struct field *field, bool open, uint8_t *frame)
{
    static const uint8_t text[64] = "text";
    const char *shown = row->from ? row->from : row->to;
    struct flow flow = {.remote_port = 4000, .local_port = (uint16_t)(open ? FIELD_PORT : 81)};
    struct segment seg = {.seq = seq_of(1000),
                          .flags = row->flags,
                          .window = 1000,
                          .text = text,
                          .length = row->text};
    uint8_t options[16];

    field->v6 = shown && strchr(shown, ':');
    flow.local = field_server(field);
    flow.remote = attack_address(&field->random, field->v6);
    if (row->from)
        assert_int_equal(hf_address_parse(&flow.remote, row->from), HF_OK);
    if (row->to)
        assert_int_equal(hf_address_parse(&flow.local, row->to), HF_OK);
    if (row->port == -1)
        flow.remote_port = 0;
    if (row->port == -2)
        flow.remote_port = flow.local_port;
    if (row->to_port_0)
        flow.local_port = 0;
    if (row->mangle == ACK_FIELD || (row->flags & TCP_ACK))
        seg.ack = seq_of(777);
    return mangle(row, frame,
                  attack_frame_raw(frame, &flow, &seg, options, options_of(row->mangle, options)));
}

struct answer {
    char words[64];
    unsigned count;
};

static void note_answer(void *self, struct field *field, const struct packet *packet)
{
    static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};
    struct answer *answer = self;
    size_t length = 0;

    (void)field;
    answer->count++;
    if (packet->kind != PACKET_TCP) {
        snprintf(answer->words, sizeof answer->words, "ICMP");
        return;
    }
    for (unsigned i = 0; i < 6; i++)
        if (packet->segment.flags >> i & 1)
            length += (size_t)snprintf(answer->words + length, sizeof answer->words - length,
                                       "%s%s", length ? "+" : "", names[i]);
}

/* Not about what came, but that something did. */
static bool is_general(enum hf_stat name)
{
    static const enum hf_stat general[] = {
        HF_STAT_frames_in,   HF_STAT_frames_out,   HF_STAT_bytes_in,
        HF_STAT_bytes_out,   HF_STAT_segments_in,  HF_STAT_segments_out,
        HF_STAT_resets_sent, HF_STAT_syn_ack_sent, HF_STAT_syn_cached,
    };

    for (unsigned i = 0; i < sizeof general / sizeof *general; i++)
        if (general[i] == name)
            return true;
    return false;
}

/* What the table says of a row: "| name | counters | at an open port | at a closed port |". */
static void describe(const struct row *row, char line[LINE])
{
    char counters[2][128] = {"", ""};
    struct answer answers[2] = {0};

    for (unsigned open = 0; open < 2; open++) {
        struct field_setup setup = field_setup_default(SEED);
        struct field *field = &the_field;
        uint64_t before[HF_STAT_COUNT];
        const uint64_t *now;
        uint8_t frame[ATTACK_FRAME_MAX];
        size_t length = 0;

        setup.server.max_connections = setup.server.max_half_opens = 64;
        field_open(field, &setup);
        field->on_packet = note_answer;
        field->on_packet_self = &answers[open];
        now = (const uint64_t *)(const void *)field_stats(field);
        memcpy(before, now, sizeof before);
        field_give(field, frame, build(row, field, open, frame));
        for (unsigned i = 1; i < HF_STAT_COUNT; i++)
            if (now[i] != before[i] && !is_general((enum hf_stat)i))
                length +=
                    (size_t)snprintf(counters[open] + length, sizeof counters[open] - length,
                                     "%s`%s`", length ? ", " : "", hf_stat_name((enum hf_stat)i));
        assert_true(answers[open].count <= 1);
        if (answers[open].count == 0)
            snprintf(answers[open].words, sizeof answers[open].words, "silence");
        assert_int_equal(field_held(field).connections, 0);
        assert_int_equal(field->unsound, 0);
        field_close(field);
    }
    snprintf(line, LINE, "| %s | %s | %s | %s | %s |", row->name, answers[1].words,
             counters[1][0] ? counters[1] : "-", answers[0].words,
             counters[0][0] ? counters[0] : "-");
}

static void the_page_names_the_answer_to_each(void **state)
{
    static char page[65536];
    FILE *file = fopen(PAGE, "r");
    unsigned missing = 0;

    (void)state;
    if (file) {
        page[fread(page, 1, sizeof page - 1, file)] = 0;
        fclose(file);
    }
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[LINE];

        describe(&rows[i], line);
        if (strstr(page, line))
            continue;
        missing++;
        print_error("%s\n", line);
    }
    if (missing)
        print_error("%u rows are not in docs/attacks.md as they are shown here\n", missing);
    assert_int_equal(missing, 0);
}

/* All 256 sets of flags, at an open port, at a closed one, with and without text: at most one answer, no larger than what it
 * answers but for the options of a SYN-ACK, and never a RST for a RST. */
static void every_set_of_flags(void **state)
{
    struct field_setup setup = field_setup_default(SEED);
    struct field *field = &the_field;
    struct answer answer;

    (void)state;
    field_open(field, &setup);
    field->on_packet = note_answer;
    field->on_packet_self = &answer;
    for (unsigned i = 0; i < 2 * 2 * 256; i++) {
        unsigned open = i >> 9, flags = i & 255;
        struct row row = {.flags = (uint8_t)flags, .text = i & 256 ? 10 : 0};
        uint32_t half_opens = field_held(field).half_opens;
        uint8_t frame[ATTACK_FRAME_MAX];

        answer.count = 0;
        field_give(field, frame, build(&row, field, open, frame));
        assert_true(answer.count <= 1);
        if (flags & R)
            assert_int_equal(answer.count, 0);
        if (open && !(flags & (S | A)))
            assert_int_equal(answer.count, 0);
        assert_int_equal(field_held(field).connections, 0);
        assert_int_equal(field_held(field).half_opens - half_opens,
                         open && (flags & (S | R | A)) == S ? 1 : 0);
    }
    field_close(field);
}

/* What the SYN said beside SYN is left for the peer to send again: nothing of it is ever delivered unasked.
 * [R4987-10] */
static void text_on_a_syn_waits(void **state)
{
    struct field_setup setup = field_setup_default(SEED);
    struct field *field = &the_field;
    struct attack_peer peer;
    struct segment syn;
    hf_socket socket;
    uint8_t got[16];

    (void)state;
    field_open(field, &setup);
    attack_peer_init(&peer, field, attack_address(&field->random, false), 5000, FIELD_PORT);
    syn = (struct segment){.seq = peer.iss,
                           .flags = S | F,
                           .window = 1000,
                           .text = (const uint8_t *)"secret",
                           .length = 6};
    field_give_segment(field, &peer.flow, &syn);
    peer.snd_nxt = seq_add(peer.iss, 1);
    assert_int_equal(peer.last.ack.value, peer.iss.value + 1);
    peer.timestamps = false;
    assert_int_equal(attack_peer_say(&peer, field, TCP_ACK, NULL, 0), HF_STAT_none);
    assert_int_equal(hf_accept(field->server.stack, field->listener, &socket), HF_OK);
    assert_int_equal(hf_receive(field->server.stack, socket, got, sizeof got, field->now_us),
                     HF_AGAIN);
    field_close(field);
}

/* The accept queue is full: SYNs are dropped, last ACKs too, and their half-opens stay good for the next try. */
static void a_full_accept_queue_drops(void **state)
{
    struct field_setup setup = field_setup_default(SEED);
    struct field *field = &the_field;
    static struct attack_peer peers[12];
    hf_socket socket;

    (void)state;
    setup.listen.backlog = 8;
    field_open(field, &setup);
    for (unsigned i = 0; i < 12; i++) {
        attack_peer_init(&peers[i], field, attack_address(&field->random, false),
                         (uint16_t)(5000 + i), FIELD_PORT);
        if (i < 10)
            attack_peer_syn(&peers[i], field);
    }
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(attack_peer_say(&peers[i], field, TCP_ACK, NULL, 0),
                         i < 8 ? HF_STAT_none : HF_STAT_handshake_accept_queue_full);
    assert_int_equal(attack_peer_syn(&peers[10], field), HF_STAT_syn_accept_queue_full);
    assert_int_equal(peers[10].frames, 0);
    assert_int_equal(field_held(field).connections, 8);
    assert_int_equal(field_held(field).half_opens, 2);
    assert_int_equal(hf_accept(field->server.stack, field->listener, &socket), HF_OK);
    assert_int_equal(attack_peer_say(&peers[8], field, TCP_ACK, NULL, 0), HF_STAT_none);
    field_close(field);
}

/* SYNs at a connection that is being torn down, and in TIME-WAIT: a challenge, or a new incarnation above the old one. */
static void syns_during_teardown(void **state)
{
    struct field_setup setup = field_setup_default(SEED);
    struct field *field = &the_field;
    struct attack_peer peer;
    struct segment syn;
    hf_socket socket;
    seq old;

    (void)state;
    setup.server.msl_ms = 30000;
    field_open(field, &setup);
    attack_peer_init(&peer, field, attack_address(&field->random, false), 5000, FIELD_PORT);
    assert_true(attack_peer_open(&peer, field));
    assert_int_equal(hf_accept(field->server.stack, field->listener, &socket), HF_OK);
    hf_close(field->server.stack, socket, field->now_us);
    field_drain(field); /* FIN-WAIT-1 */
    syn = (struct segment){.seq = seq_add(peer.snd_nxt, 1000), .flags = S, .window = 1000};
    syn.options.present = TCP_OPTION_TIMESTAMPS;
    syn.options.ts_value = peer.ts_value + 1;
    assert_int_equal(field_give_segment(field, &peer.flow, &syn), HF_STAT_syn_challenged);
    attack_peer_say(&peer, field, F | A, NULL, 0);
    assert_int_equal(field_held(field).time_waits, 1);
    old = peer.rcv_nxt;

    syn.options.ts_value = peer.ts_value - 10; /* older in every respect */
    syn.seq = seq_sub(peer.snd_nxt, 1000);
    field_give_segment(field, &peer.flow, &syn);
    assert_int_equal(field_held(field).half_opens, 0);
    assert_int_equal(peer.resets, 0);
    syn.options.ts_value = peer.ts_value + 10; /* newer [RFC 6191 2] */
    syn.seq = seq_add(peer.snd_nxt, 1000);
    assert_int_equal(field_give_segment(field, &peer.flow, &syn), HF_STAT_none);
    assert_int_equal(field_held(field).half_opens, 1);
    assert_int_equal(field_held(field).time_waits, 1); /* until the handshake is done */
    assert_true(seq_gt(peer.irs, old));
    field_close(field);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_names_the_answer_to_each),
        cmocka_unit_test(every_set_of_flags),
        cmocka_unit_test(text_on_a_syn_waits),
        cmocka_unit_test(a_full_accept_queue_drops),
        cmocka_unit_test(syns_during_teardown),
    };

    return cmocka_run_group_tests_name("sim/attack_door", tests, NULL, NULL);
}
