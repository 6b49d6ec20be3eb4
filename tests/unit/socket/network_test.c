/* What the network does to connections: errors, fragments, neighbours, echoes. [RFC 5927; RFC 1122 3.3.2; RFC 9293 3.9.2] */
#include "world.h"

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/icmpv4.h"
#include "wire/icmpv6.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

static bool of(void **state)
{
    return *(const bool *)*state;
}

/* An ICMP message from the server's address to the client, in frames between their stations. */
static struct hf_frame icmp_to_client(struct world *w, const struct icmp_message *message)
{
    static uint8_t bytes[4096];
    struct hf_address source = world_address(w, SERVER), destination = world_address(w, CLIENT);
    uint32_t length = 14;

    memcpy(bytes, w->ends[SERVER].link + 6, 6); /* whoever sent to the server */
    memcpy(bytes + 6, w->ends[CLIENT].link + 6, 6);
    put_be16(bytes + 12, w->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    uint32_t text = ICMP_HEADER + message->body_length;

    if (w->v6) {
        length += ipv6_build(bytes + 14, &(struct ipv6){.source = source,
                                                        .destination = destination,
                                                        .payload_length = (uint16_t)text,
                                                        .next_header = IP_ICMPV6,
                                                        .hop_limit = 64});
        length += icmpv6_build(bytes + length, message, &source, &destination);
    } else {
        length += ipv4_build(bytes + 14, &(struct ipv4){.source = source,
                                                        .destination = destination,
                                                        .total_length = (uint16_t)(20 + text),
                                                        .protocol = IP_ICMPV4,
                                                        .ttl = 64});
        length += icmpv4_build(bytes + length, message);
    }
    return (struct hf_frame){.data = bytes, .length = length, .capacity = sizeof bytes};
}

/* The start of a segment that the client has sent, as a router quotes it. */
static uint32_t quote(struct world *w, hf_socket socket, uint32_t number, uint16_t total,
                      uint8_t *to)
{
    struct hf_status status = world_status(w, CLIENT, socket);
    uint32_t header;

    if (w->v6)
        header = ipv6_build(to, &(struct ipv6){.source = status.local.address,
                                               .destination = status.remote.address,
                                               .payload_length = (uint16_t)(total - 40),
                                               .next_header = IP_TCP,
                                               .hop_limit = 60});
    else
        header = ipv4_build(to, &(struct ipv4){.source = status.local.address,
                                               .destination = status.remote.address,
                                               .total_length = total,
                                               .protocol = IP_TCP,
                                               .ttl = 60});
    put_be16(to + header, status.local.port);
    put_be16(to + header + 2, status.remote.port);
    put_be32(to + header + 4, number);
    return header + 8;
}

struct error {
    uint8_t type, code;
    uint32_t word;
    uint16_t total;
};

static const struct error port_v4 = {3, 3, 0, 60}, port_v6 = {1, 4, 0, 80};
static const struct error net_v4 = {3, 0, 0, 60}, net_v6 = {1, 0, 0, 80};

static void send_error(struct world *w, hf_socket socket, uint32_t number,
                       const struct error *error)
{
    uint8_t body[64];
    struct icmp_message message = {.type = error->type, .code = error->code, .word = error->word};

    message.body = body;
    message.body_length = quote(w, socket, number, error->total, body);
    struct hf_frame frame = icmp_to_client(w, &message);

    hf_input(client_of(w), &frame, 1, w->now);
}

/* Drops TCP, so that segments stay in flight, but lets neighbours be found. */
static void only_neighbors(struct world *w, int to, struct hf_frame *frame)
{
    bool tcp = frame->data[12] == 0x08 ? frame->data[13] == 0 : frame->data[20] == IP_TCP;

    if (!tcp)
        world_deliver(w, to, frame);
}

/* A hard error ends a SYN, but only if it quotes it. [RFC 9293 3.9.2.2 SHLD-26; RFC 5927 4]
 * [RFC 9293 MUST-54; R1122-21] */
static void test_hard_error_in_syn_sent(void **state)
{
    struct world w;

    world_make(&w, of(state));
    w.meddle = only_neighbors;
    hf_socket socket = world_connect(&w, 80);
    struct hf_status status = world_status(&w, CLIENT, socket);

    send_error(&w, socket, status.iss + 1000, w.v6 ? &port_v6 : &port_v4);
    assert_int_equal(world_status(&w, CLIENT, socket).state, HF_STATE_SYN_SENT);
    assert_int_equal(hf_stats(client_of(&w))->icmp_ignored, 1);
    send_error(&w, socket, status.iss, w.v6 ? &net_v6 : &net_v4);
    assert_int_equal(world_status(&w, CLIENT, socket).state, HF_STATE_SYN_SENT);
    assert_int_equal(hf_stats(client_of(&w))->icmp_soft_error, 1);
    send_error(&w, socket, status.iss, w.v6 ? &port_v6 : &port_v4);
    assert_int_equal(world_status(&w, CLIENT, socket).error, HF_REFUSED);
    assert_int_equal(world_ready(&w, CLIENT, socket) & HF_ENDED, HF_ENDED);
    world_unmake(&w);
}

/* Who forbids it stands in between: not refused, but unreachable. [RFC 1122 3.2.2.1] */
static void test_prohibited_in_syn_sent(void **state)
{
    static const struct error prohibited_v4 = {3, 13, 0, 60}, prohibited_v6 = {1, 1, 0, 80};
    struct world w;

    world_make(&w, of(state));
    w.meddle = only_neighbors;
    hf_socket socket = world_connect(&w, 80);
    struct hf_status status = world_status(&w, CLIENT, socket);

    send_error(&w, socket, status.iss, w.v6 ? &prohibited_v6 : &prohibited_v4);
    assert_int_equal(world_status(&w, CLIENT, socket).error, HF_UNREACHABLE);
    assert_int_equal(hf_stats(client_of(&w))->connections_unreachable, 1);
    world_unmake(&w);
}

/* It never ends a synchronized connection. [RFC 5927 5.2] */
static void test_hard_error_established(void **state)
{
    struct world w;
    hf_socket s[2];
    char bytes[16];

    world_make(&w, of(state));
    world_open(&w, world_listen(&w, 80), 80, s);
    w.meddle = only_neighbors;
    assert_int_equal(hf_send(client_of(&w), s[CLIENT], "in flight", 9, w.now), 9);
    world_pump(&w);
    struct hf_status status = world_status(&w, CLIENT, s[CLIENT]);

    send_error(&w, s[CLIENT], status.snd_una, w.v6 ? &port_v6 : &port_v4);
    send_error(&w, s[CLIENT], status.snd_una - 1, w.v6 ? &port_v6 : &port_v4);
    send_error(&w, s[CLIENT], status.snd_nxt, w.v6 ? &port_v6 : &port_v4);
    assert_int_equal(world_status(&w, CLIENT, s[CLIENT]).state, HF_STATE_ESTABLISHED);
    assert_int_equal(hf_stats(client_of(&w))->icmp_soft_error, 1);
    assert_int_equal(hf_stats(client_of(&w))->icmp_ignored, 2);
    w.meddle = NULL;
    world_pass(&w, 5 * SECOND);
    assert_int_equal(hf_receive(server_of(&w), s[SERVER], bytes, 16, w.now), 9);
    world_unmake(&w);
}

/* A router with a smaller MTU: drops what is larger, and says so. [RFC 1191 3; RFC 8201 4] */
static hf_socket pmtu_socket;

static void narrow_path(struct world *w, int to, struct hf_frame *frame)
{
    static const uint32_t mtu = 1300;
    uint32_t ip = frame->length - 14;

    if (to != SERVER || ip <= mtu) {
        world_deliver(w, to, frame);
        return;
    }
    uint32_t header = w->v6 ? 40 : 20;
    struct error error = {w->v6 ? 2 : 3, w->v6 ? 0 : 4, mtu, (uint16_t)ip};

    send_error(w, pmtu_socket, get_be32(frame->data + 14 + header + 4), &error);
}

/* [R4443-10, R1191-01, R1191-02] */
static void test_path_mtu(void **state)
{
    static uint8_t sent[20000], got[20000];
    struct world w;
    hf_socket s[2];
    size_t out = 0;

    world_make(&w, of(state));
    world_open(&w, world_listen(&w, 80), 80, s);
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (uint8_t)(i * 7);
    pmtu_socket = s[CLIENT];
    w.meddle = narrow_path;
    assert_int_equal(hf_send(client_of(&w), s[CLIENT], sent, sizeof sent, w.now), sizeof sent);
    for (int i = 0; i < 100 && out < sizeof sent; i++) {
        world_pass(&w, SECOND / 10);
        ptrdiff_t n = hf_receive(server_of(&w), s[SERVER], got + out, sizeof got - out, w.now);

        if (n > 0)
            out += (size_t)n;
    }
    assert_int_equal(out, sizeof sent);
    assert_memory_equal(sent, got, sizeof sent);
    assert_true(hf_stats(client_of(&w))->icmp_too_big >= 1);
    assert_int_equal(world_status(&w, CLIENT, s[CLIENT]).mss, 1300 - (w.v6 ? 60 : 40));
    world_unmake(&w);
}

/* A blind attacker's packet-too-big changes nothing. [RFC 5927 7.1] [R5927-02] */
static void test_false_too_big(void **state)
{
    struct world w;
    hf_socket s[2];

    world_make(&w, of(state));
    world_open(&w, world_listen(&w, 80), 80, s);
    struct hf_status status = world_status(&w, CLIENT, s[CLIENT]);
    struct error error = {w.v6 ? 2 : 3, w.v6 ? 0 : 4, 1280, 1500};

    for (uint32_t i = 0; i < 100; i++)
        send_error(&w, s[CLIENT], status.snd_nxt + i * 1000003, &error);
    assert_int_equal(world_status(&w, CLIENT, s[CLIENT]).mss, status.mss);
    assert_int_equal(hf_stats(client_of(&w))->icmp_ignored, 100);
    world_unmake(&w);
}

static void test_echo(void **state)
{
    struct world w;
    struct icmp_message request = {
        .word = 0x10001, .body = (const uint8_t *)"ping", .body_length = 4};
    uint32_t answers = 0;

    world_make(&w, of(state));
    hf_socket socket = world_connect(&w, 81); /* the server answers: a frame to copy */

    hf_close(client_of(&w), socket, w.now);
    request.type = w.v6 ? ICMPV6_ECHO_REQUEST : ICMPV4_ECHO_REQUEST;
    struct hf_frame frame = icmp_to_client(&w, &request);
    uint64_t out = hf_stats(client_of(&w))->icmp_out, in = hf_stats(client_of(&w))->icmp_in;

    for (int i = 0; i < 10; i++) {
        hf_input(client_of(&w), &frame, 1, w.now);
        assert_int_equal(frame.verdict, HF_DELIVERED);
        w.cut = true;
        world_pump(&w);
    }
    answers = (uint32_t)(hf_stats(client_of(&w))->icmp_out - out);
    assert_int_equal(answers, 10);
    assert_int_equal(hf_stats(client_of(&w))->icmp_in - in, 10);

    frame.data[frame.length - 1] ^= 1;
    hf_input(client_of(&w), &frame, 1, w.now);
    assert_int_equal(frame.verdict, HF_DROPPED);
    assert_int_equal(frame.reason, HF_STAT_icmp_malformed);
    world_unmake(&w);
}

/* Frames cut into fragments, last piece first, every piece doubled. */
static void cut_up(struct world *w, int to, struct hf_frame *frame)
{
    static uint8_t pieces[64][600];
    static uint16_t id;
    uint8_t *ip = frame->data + 14;
    uint32_t header = w->v6 ? 40 : 20, room = 400, count = 0;
    uint32_t text = frame->length - 14 - header;
    bool is_tcp = frame->data[12] == (w->v6 ? 0x86 : 0x08) &&
                  frame->data[13] == (w->v6 ? 0xdd : 0) && ip[w->v6 ? 6 : 9] == IP_TCP;

    if (!is_tcp || text <= room) {
        world_deliver(w, to, frame);
        return;
    }
    id++;
    uint32_t lengths[64];

    for (uint32_t at = 0; at < text; at += room, count++) {
        uint32_t length = text - at < room ? text - at : room, extra = w->v6 ? 8 : 0;
        uint8_t *piece = pieces[count];
        bool more = at + length < text;

        memcpy(piece, frame->data, 14 + header);
        if (w->v6) {
            put_be16(piece + 14 + 4, (uint16_t)(length + 8));
            piece[14 + 6] = IP_FRAGMENT;
            memset(piece + 54, 0, 8);
            piece[54] = IP_TCP;
            put_be16(piece + 56, (uint16_t)(at | more));
            put_be16(piece + 60, id);
        } else {
            put_be16(piece + 14 + 2, (uint16_t)(header + length));
            put_be16(piece + 14 + 4, id);
            put_be16(piece + 14 + 6, (uint16_t)(at / 8 | (more ? 0x2000 : 0)));
            put_be16(piece + 14 + 10, 0);
            put_be16(piece + 14 + 10, (uint16_t)~checksum_sum(piece + 14, 20));
        }
        memcpy(piece + 14 + header + extra, ip + header + at, length);
        lengths[count] = 14 + header + extra + length;
    }
    for (uint32_t i = count; i-- > 0;) {
        for (int twice = 0; twice < (i ? 2 : 1); twice++) {
            struct hf_frame part = {.data = pieces[i], .length = lengths[i], .capacity = 600};

            world_deliver(w, to, &part);
        }
    }
}

/* [R1122-12] */
static void test_fragments(void **state)
{
    static uint8_t sent[30000], got[30000];
    struct world w;
    hf_socket s[2];
    size_t out = 0;

    world_make(&w, of(state));
    w.meddle = cut_up;
    world_open(&w, world_listen(&w, 80), 80, s);
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (uint8_t)(i * 11 >> 3);
    assert_int_equal(hf_send(client_of(&w), s[CLIENT], sent, sizeof sent, w.now), sizeof sent);
    for (int i = 0; i < 100 && out < sizeof sent; i++) {
        world_pass(&w, SECOND / 10);
        ptrdiff_t n = hf_receive(server_of(&w), s[SERVER], got + out, sizeof got - out, w.now);

        if (n > 0)
            out += (size_t)n;
    }
    assert_int_equal(out, sizeof sent);
    assert_memory_equal(sent, got, sizeof sent);
    assert_int_equal(world_status(&w, CLIENT, s[CLIENT]).retransmits, 0);
    assert_true(hf_stats(server_of(&w))->ip_reassembled >= 20);
    assert_int_equal(w.refused, 0);
    world_unmake(&w);
}

/* A server restarts with the same address: the client's next SYN from the same port takes over its TIME-WAIT. */
static void test_time_wait_reuse(void **state)
{
    struct world w;
    hf_socket s[2], listener;
    struct hf_endpoint local = {.port = 5000}, remote;

    world_make(&w, of(state));
    listener = world_listen(&w, 80);
    remote = world_endpoint(&w, SERVER, 80);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(hf_connect(client_of(&w), &local, &remote, &s[CLIENT], w.now), HF_OK);
        world_pump(&w);
        assert_int_equal(hf_accept(server_of(&w), listener, &s[SERVER]), HF_OK);
        assert_int_equal(hf_close(server_of(&w), s[SERVER], w.now), HF_OK); /* TIME-WAIT is there */
        world_pump(&w);
        assert_int_equal(hf_close(client_of(&w), s[CLIENT], w.now), HF_OK);
        world_pump(&w);
        world_pass(&w, SECOND);
    }
    assert_int_equal(hf_stats(server_of(&w))->time_wait_reused, 2);
    assert_int_equal(hf_stats(server_of(&w))->time_waits, 3);
    assert_int_equal(hf_stats(server_of(&w))->handshake_done, 3);
    world_unmake(&w);
}

static bool v4 = false, v6 = true;
#define both(test) cmocka_unit_test_prestate(test, &v4), cmocka_unit_test_prestate(test, &v6)

int main(void)
{
    const struct CMUnitTest tests[] = {
        both(test_hard_error_in_syn_sent),
        both(test_prohibited_in_syn_sent),
        both(test_hard_error_established),
        both(test_path_mtu),
        both(test_false_too_big),
        both(test_echo),
        both(test_fragments),
        both(test_time_wait_reuse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
