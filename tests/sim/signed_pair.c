/* Two stacks that sign, joined in memory. */
#include "sim/signed_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <handfast/os.h>

#include "stack/stack.h"
#include "wire/checksum.h"
#include "wire/ip_protocol.h"
#include "wire/ipv4.h"
#include "wire/tcp_header.h"

static const char *const addresses[2] = {"192.0.2.1/24", "192.0.2.2/24"};

static void open_end(struct pair *pair, int which, pair_change *change)
{
    struct pair_end *end = &pair->end[which];
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct hf_env env = {.crypto = hf_os_crypto()};

    config.link = HF_RAW_IP;
    config.max_keys = 8;
    config.max_time_waits = 8;
    config.timestamps = true;
    if (change)
        change(&config);
    assert_int_equal(hf_prefix_parse(&config.addresses[0], addresses[which]), HF_OK);
    end->memory_bytes = hf_memory_needed(&config);
    end->memory = aligned_alloc(64, (end->memory_bytes + 63) & ~(size_t)63);
    memset(end->memory, 0xa5, end->memory_bytes);
    env.memory = end->memory;
    env.memory_bytes = end->memory_bytes;
    end->events = (struct hf_event_sink){.events = end->ring, .capacity = 64};
    env.event_sink = &end->events;
    memset(env.secret, 7 + which, sizeof env.secret);
    assert_int_equal(hf_init(&end->stack, &config, &env, pair->now_us), HF_OK);
    end->socket = end->listener = HF_NO_SUCH_SOCKET;
}

void pair_open(struct pair *pair, pair_change *change)
{
    struct hf_endpoint local = {.port = PAIR_PORT};

    pair->now_us = 1000000;
    pair->kept = malloc(PAIR_KEPT_MAX * sizeof *pair->kept);
    pair->kept_count = 0;
    assert_non_null(pair->kept);
    open_end(pair, CLIENT, change);
    open_end(pair, SERVER, change);
    assert_int_equal(hf_listen(pair->end[SERVER].stack, &local, &pair->end[SERVER].listener),
                     HF_OK);
}

void pair_close(struct pair *pair)
{
    free(pair->end[CLIENT].memory);
    free(pair->end[SERVER].memory);
    free(pair->kept);
}

struct hf_key pair_key(enum hf_key_algorithm algorithm, uint8_t id)
{
    static const char *const secrets[2] = {"a secret for the pair", "sixteen letters."};

    return (struct hf_key){
        .algorithm = algorithm,
        .send_id = id,
        .receive_id = id,
        .secret = secrets[id & 1],
        .secret_length = strlen(secrets[id & 1]),
    };
}

void pair_add_key(struct pair *pair, int end, const struct hf_key *key)
{
    assert_int_equal(hf_key_add(pair->end[end].stack, key), HF_OK);
}

void pair_add_keys(struct pair *pair, enum hf_key_algorithm algorithm, uint8_t id)
{
    const struct hf_key key = pair_key(algorithm, id);

    pair_add_key(pair, CLIENT, &key);
    pair_add_key(pair, SERVER, &key);
}

bool pair_give(struct pair *pair, int to, const uint8_t *data, uint32_t length)
{
    uint8_t copy[PAIR_FRAME_MAX];
    struct hf_frame frame = {
        .data = copy, .length = length, .capacity = sizeof copy, .link = HF_RAW_IP};

    memcpy(copy, data, length);
    hf_input(pair->end[to].stack, &frame, 1, pair->now_us);
    pair->end[to].last_reason = (enum hf_stat)frame.reason;
    return frame.verdict == HF_DELIVERED;
}

static bool take(struct pair *pair, int from, struct pair_frame *frame)
{
    struct hf_frame slot = {.data = frame->data, .capacity = sizeof frame->data};

    if (hf_output(pair->end[from].stack, &slot, 1, pair->now_us) == 0)
        return false;
    frame->length = slot.length;
    frame->to = (uint8_t)!from;
    return true;
}

bool pair_take(struct pair *pair, int from, struct pair_frame *frame, struct packet *packet)
{
    const struct packet_rules rules = {
        .link = HF_RAW_IP, .checksum = checksum_sum, .ipv6 = packet_ipv6};
    struct hf_frame parsed;

    if (!take(pair, from, frame))
        return false;
    parsed = (struct hf_frame){.data = frame->data, .length = frame->length, .link = HF_RAW_IP};
    packet_parse(packet, &rules, &parsed);
    assert_int_equal(packet->kind, PACKET_TCP);
    return true;
}

static bool carry(struct pair *pair, int from)
{
    struct pair_frame *frame =
        &pair->kept[pair->kept_count < PAIR_KEPT_MAX - 1 ? pair->kept_count : PAIR_KEPT_MAX - 1];

    if (!take(pair, from, frame))
        return false;
    (void)pair_give(pair, !from, frame->data, frame->length);
    pair->kept_count += pair->kept_count < PAIR_KEPT_MAX - 1;
    return true;
}

void pair_settle(struct pair *pair)
{
    bool moved = true;

    while (moved) {
        moved = carry(pair, CLIENT);
        moved |= carry(pair, SERVER);
        pair->now_us += 10;
    }
}

void pair_wait(struct pair *pair, int64_t us)
{
    int64_t end_us = pair->now_us + us;

    pair_settle(pair);
    while (pair->now_us < end_us) {
        pair->now_us += 5000;
        hf_tick(pair->end[CLIENT].stack, pair->now_us);
        hf_tick(pair->end[SERVER].stack, pair->now_us);
        pair_settle(pair);
    }
}

bool pair_connect(struct pair *pair, uint16_t client_port)
{
    struct hf_endpoint local = {.port = client_port}, remote;

    assert_int_equal(hf_endpoint_parse(&remote, "192.0.2.2:80"), HF_OK);
    if (hf_connect(pair->end[CLIENT].stack, &local, &remote, &pair->end[CLIENT].socket,
                   pair->now_us) != HF_OK)
        return false;
    pair_settle(pair);
    return hf_accept(pair->end[SERVER].stack, pair->end[SERVER].listener,
                     &pair->end[SERVER].socket) == HF_OK &&
           pair_state(pair, CLIENT) == HF_STATE_ESTABLISHED;
}

void pair_send(struct pair *pair, int from, uint32_t bytes)
{
    uint8_t out[4000], in[4000];
    uint32_t sent = 0, got = 0;

    while (got < bytes) {
        uint32_t now = bytes - sent < sizeof out ? bytes - sent : (uint32_t)sizeof out;
        ptrdiff_t took, came;

        for (uint32_t i = 0; i < now; i++)
            out[i] = (uint8_t)((sent + i) * 31 >> 3);
        took = hf_send(pair->end[from].stack, pair->end[from].socket, out, now, pair->now_us);
        if (took > 0)
            sent += (uint32_t)took;
        pair_wait(pair, took > 0 ? 1 : 50000);
        while ((came = hf_receive(pair->end[!from].stack, pair->end[!from].socket, in, sizeof in,
                                  pair->now_us)) > 0)
            for (ptrdiff_t i = 0; i < came; i++, got++)
                assert_int_equal(in[i], (uint8_t)(got * 31 >> 3));
        assert_int_equal(came, HF_AGAIN);
    }
}

const struct hf_stats *pair_stats(const struct pair *pair, int end)
{
    return hf_stats(pair->end[end].stack);
}

enum hf_state pair_state(const struct pair *pair, int end)
{
    struct hf_status status;

    if (hf_status(pair->end[end].stack, pair->end[end].socket, &status) != HF_OK)
        return HF_STATE_CLOSED;
    return status.state;
}

/* ---- forging ---- */

static uint8_t *write_ip(struct pair *pair, int from, struct pair_frame *frame, uint32_t payload)
{
    const struct hf_stack *stack = pair->end[from].stack;
    const struct ipv4 header = {
        .source = stack->addresses[0],
        .destination = pair->end[!from].stack->addresses[0],
        .total_length = (uint16_t)(IPV4_HEADER + payload),
        .ttl = 64,
        .protocol = IP_TCP,
    };

    (void)ipv4_build(frame->data, &header);
    frame->length = IPV4_HEADER + payload;
    frame->to = (uint8_t)!from;
    return frame->data + IPV4_HEADER;
}

void pair_mend(struct pair_frame *frame)
{
    uint8_t *tcp = frame->data + IPV4_HEADER;
    uint32_t payload = frame->length - IPV4_HEADER;
    uint64_t sum = IP_TCP + payload;

    for (int i = 12; i < 20; i += 2)
        sum += get_be16(frame->data + i);
    put_be16(tcp + TCP_CHECKSUM_OFFSET, 0);
    sum += checksum_sum(tcp, payload);
    put_be16(tcp + TCP_CHECKSUM_OFFSET, (uint16_t)~checksum_fold(sum));
}

static uint32_t slot_of(const struct pair *pair, int end)
{
    return socket_slot(pair->end[end].socket);
}

static void fill(struct pair *pair, int from, struct segment *seg)
{
    const struct connection *connection =
        connection_at(&pair->end[from].stack->connections, slot_of(pair, from));

    seg->source_port = connection->flow.local_port;
    seg->destination_port = connection->flow.remote_port;
}

void pair_forge_unsigned(struct pair *pair, int from, struct segment *seg, struct pair_frame *frame)
{
    uint8_t header[TCP_HEADER + TCP_OPTIONS_MAX];
    uint32_t length;

    fill(pair, from, seg);
    length = tcp_header_build(header, seg);
    memcpy(write_ip(pair, from, frame, length), header, length);
    pair_mend(frame);
}

void pair_forge(struct pair *pair, int from, struct segment *seg, struct pair_frame *frame)
{
    struct hf_stack *stack = pair->end[from].stack;
    const struct flow *flow = &connection_at(&stack->connections, slot_of(pair, from))->flow;
    struct auth_session *session = stack->signing.calls->session(stack, slot_of(pair, from));
    struct auth_session copy;

    assert_non_null(session);
    auth_resume(&session->terms, &copy);
    assert_true(stack->signing.calls->reserve(stack, flow, &copy, seg));
    pair_forge_unsigned(pair, from, seg, frame);
    (void)stack->signing.calls->sign(stack, flow, &copy, frame->data + IPV4_HEADER,
                                     frame->length - IPV4_HEADER);
    auth_end(&stack->signing.auth, &copy);
    pair_mend(frame);
}

uint32_t pair_mac_at(const struct pair_frame *frame)
{
    const uint8_t *options = frame->data + IPV4_HEADER + TCP_HEADER;

    if (options[0] == TCP_KIND_AO)
        return IPV4_HEADER + TCP_HEADER + AO_HEADER;
    return options[2] == TCP_KIND_MD5 ? IPV4_HEADER + TCP_HEADER + 4 : 0;
}
