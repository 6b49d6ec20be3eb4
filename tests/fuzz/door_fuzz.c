/* Fuzzer of the door: the input is a list of steps at a small stack with several listeners: SYNs of many prefixes, their ACKs (late,
 * again, of another's), floods, changes of options, keys, filters and limits, waits from a millisecond to weeks. Only whoever was
 * answered gets in, once for each answer; and when all is over, an honest client does. [HF1; RFC 9293 3.10.7; RFC 4987 3.6] */
#include <stdlib.h>

#include <handfast/auth.h>
#include <handfast/filter.h>
#include <handfast/os.h>

#include "base/bytes.h"
#include "base/must.h"
#include "base/time.h"
#include "cookie/syn_cookie.h"
#include "fuzz/input.h"
#include "fuzz/stand.h"
#include "sim/attack_frame.h"
#include "stack/stack.h"
#include "wire/arp.h"
#include "wire/ethernet.h"
#include "wire/ipv6.h"
#include "wire/nd.h"

#define SOURCES 16u
#define PORTS 3u
#define LISTENERS 3u
#define FLOWS (SOURCES * PORTS * LISTENERS)
#define ANSWERS 4u /* SYN-ACKs of a flow that are remembered */
#define SOCKETS 8u
#define STEPS_MAX 250u
#define QUESTIONS 4u
#define BATCH 12u /* frames; more than a group of hf_input's */

struct answered {
    seq iss;
    int64_t at_us;
    uint32_t opened; /* connections by it */
};

struct client {
    struct flow flow;
    seq isn, heard; /* one beyond the last that Handfast said */
    seq ack;        /* that it said last                      */
    uint32_t ts_value;
    struct answered answers[ANSWERS];
    unsigned next_answer;
};

struct door {
    struct stand stand;
    struct client clients[FLOWS];
    hf_socket listeners[LISTENERS], held[SOCKETS];
    bool keyed[LISTENERS]; /* require_key, for now */
    void *filter;
    struct hf_address questions[QUESTIONS]; /* whose link address was asked for */
    unsigned question_count;
    bool ethernet, mute; /* mute: nobody answers such a question */
    struct hf_frame batch[BATCH];
    unsigned batched;
    bool batching; /* segments are given several at once */
};

static const struct hf_mac our_mac = {{2, 0, 0, 0, 0, 1}}, their_mac = {{2, 0, 0, 0, 0, 9}};

/* ---- what Handfast says ---- */

static struct client *client_of(struct door *door, const struct packet *packet)
{
    for (unsigned i = 0; i < FLOWS; i++) {
        const struct flow *flow = &door->clients[i].flow;

        if (address_equal(&flow->remote, &packet->destination) &&
            flow->remote_port == packet->segment.destination_port &&
            flow->local_port == packet->segment.source_port)
            return &door->clients[i];
    }
    return NULL;
}

static void note_question(struct door *door, const struct packet *packet)
{
    struct arp_message arp;
    struct nd_message nd;
    struct hf_address *place = &door->questions[door->question_count % QUESTIONS];

    if (packet->kind == PACKET_ARP && arp_parse(&arp, packet->payload, packet->payload_length))
        *place = arp.target;
    else if (packet->kind == PACKET_ICMPV6 && nd_parse(&nd, packet) && !nd.advertisement)
        *place = nd.target;
    else
        return;
    door->question_count += door->question_count < QUESTIONS;
}

static void on_packet(void *self, const struct packet *packet)
{
    struct door *door = self;
    const struct segment *seg = &packet->segment;
    struct client *client;

    if (packet->kind != PACKET_TCP) {
        note_question(door, packet);
        return;
    }
    must(seg->flags & (TCP_SYN | TCP_ACK | TCP_RST));
    client = client_of(door, packet);
    if (!client || (seg->flags & TCP_RST))
        return;
    client->heard = seq_add(seg->seq, segment_length(seg));
    client->ack = seg->ack;
    if (seg->options.present & TCP_OPTION_TIMESTAMPS)
        client->ts_value = seg->options.ts_value;
    if ((seg->flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK))
        return;
    for (unsigned i = 0; i < ANSWERS; i++)
        if (client->answers[i].at_us && seq_eq(client->answers[i].iss, seg->seq)) {
            client->answers[i].at_us = door->stand.now_us;
            return;
        }
    client->answers[client->next_answer++ % ANSWERS] =
        (struct answered){.iss = seg->seq, .at_us = door->stand.now_us};
}

/* ---- frames ---- */

static uint32_t put_link(const struct door *door, uint8_t *frame, bool v4)
{
    if (!door->ethernet)
        return 0;
    return ethernet_build(frame,
                          &(struct ethernet){.destination = our_mac,
                                             .source = their_mac,
                                             .ethertype = v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6});
}

/* The answer by which a connection may have been opened: that which this ACK acknowledges. */
static void check_opened(struct door *door, struct client *client, const struct segment *seg,
                         const struct hf_stats *before)
{
    const struct hf_stats *now = hf_stats(door->stand.stack);
    struct answered *answered = NULL;

    if (now->handshake_done == before->handshake_done)
        return;
    must(now->handshake_done == before->handshake_done + 1);
    must((seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_ACK);
    for (unsigned i = 0; i < ANSWERS; i++)
        if (client->answers[i].at_us && seq_eq(seq_add(client->answers[i].iss, 1), seg->ack))
            answered = &client->answers[i];
    if (!answered) { /* of those that are forgotten */
        must(client->next_answer > ANSWERS);
        return;
    }
    if (now->cookie_opened == before->cookie_opened)
        return;
    must(door->stand.now_us - answered->at_us <= ms_to_us(COOKIE_LIFE_MS));
    /* A guard may have made room for others. */
    must(answered->opened == 0 || now->time_wait_evicted > 0);
    answered->opened++;
}

/* What was held back, in one call. */
static void flush(struct door *door)
{
    if (door->batched == 0)
        return;
    hf_input(door->stand.stack, door->batch, door->batched, door->stand.now_us);
    while (door->batched > 0) {
        const struct hf_frame *frame = &door->batch[--door->batched];

        must(frame->verdict <= HF_FOREIGN && frame->reason < HF_STAT_COUNT);
        must(frame->verdict != HF_DROPPED || frame->reason != HF_STAT_none);
        free(frame->data);
    }
    stand_after(&door->stand);
}

static void hold_back(struct door *door, const uint8_t *bytes, uint32_t length)
{
    struct hf_frame *frame = &door->batch[door->batched++];

    *frame = (struct hf_frame){.data = malloc(length),
                               .length = length,
                               .capacity = length,
                               .link = (uint8_t)door->stand.config.link};
    must(frame->data);
    memcpy(frame->data, bytes, length);
    if (door->batched == BATCH)
        flush(door);
}

/* A listener that has cookies loses no half-open to others' SYNs. */
static uint32_t half_opens_with_cookies(const struct door *door)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < LISTENERS; i++) {
        const struct gate_listener *listener = &door->stand.stack->gate.listeners[i];

        count +=
            listener->open && listener->cookies != HF_COOKIES_OFF ? listener->half_opens.count : 0;
    }
    return count;
}

static void send(struct door *door, struct client *client, struct segment *seg)
{
    uint8_t frame[ATTACK_FRAME_MAX + HF_LINK_HEADER_MAX];
    bool v4 = hf_address_is_v4(&client->flow.remote);
    uint32_t link = put_link(door, frame, v4);
    struct hf_stats before = *hf_stats(door->stand.stack);
    uint32_t half_opens = half_opens_with_cookies(door);

    link += attack_frame_segment(frame + link, &client->flow, seg);
    if (door->batching) {
        hold_back(door, frame, link);
        return;
    }
    stand_input(&door->stand, frame, link, HF_CHECKSUM_NONE);
    check_opened(door, client, seg, &before);
    if ((seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
        must(half_opens_with_cookies(door) +
                 (hf_stats(door->stand.stack)->syn_cache_reset - before.syn_cache_reset) >=
             half_opens);
}

static void answer_questions(struct door *door)
{
    while (door->ethernet && !door->mute && door->question_count > 0) {
        const struct hf_address *who = &door->questions[--door->question_count];
        uint8_t frame[128];
        uint32_t length;

        if (hf_address_is_v4(who)) {
            struct arp_message request = {.sender_mac = our_mac,
                                          .sender = stand_address("192.0.2.1")};
            struct arp_message reply = arp_reply(&request, &their_mac, who);

            length = ethernet_build(frame, &(struct ethernet){.destination = our_mac,
                                                              .source = their_mac,
                                                              .ethertype = ETHERTYPE_ARP});
            length += arp_build(frame + length, &reply);
        } else {
            struct hf_address us = stand_address("2001:db8::1");
            struct nd_message nd = {.advertisement = true,
                                    .solicited = true,
                                    .override = true,
                                    .has_mac = true,
                                    .mac = their_mac,
                                    .target = *who};
            uint32_t text;

            length = put_link(door, frame, false);
            text = nd_build(frame + length + 40, &nd, who, &us);
            length +=
                text + ipv6_build(frame + length, &(struct ipv6){.source = *who,
                                                                 .destination = us,
                                                                 .payload_length = (uint16_t)text,
                                                                 .next_header = 58,
                                                                 .hop_limit = 255});
        }
        stand_input(&door->stand, frame, length, HF_CHECKSUM_NONE);
    }
}

/* ---- what clients do ---- */

static struct client *choose_client(struct door *door, struct input *input)
{
    unsigned which = input_u8(input);

    return &door->clients[which % FLOWS];
}

enum option_choice {
    OPTION_TIMESTAMPS = 1,
    OPTION_OTHERS = 2,
    OPTION_OLD = 4, /* timestamps of long ago  */
    OPTION_TEXT = 8,
    OPTION_FIN = 16,
};

static void put_options(struct door *door, const struct client *client, struct segment *seg,
                        unsigned choice)
{
    struct tcp_options *options = &seg->options;

    if (choice & OPTION_TIMESTAMPS) {
        options->present |= TCP_OPTION_TIMESTAMPS;
        options->ts_value = time_ms(door->stand.now_us) - (choice & OPTION_OLD ? 100000000 : 0);
        options->ts_echo = seg->flags & TCP_ACK ? client->ts_value : 0;
    }
    if ((choice & OPTION_OTHERS) && (seg->flags & TCP_SYN)) {
        options->present |= TCP_OPTION_MSS | TCP_OPTION_SCALE | TCP_OPTION_SACK_PERMITTED;
        options->mss = 1200;
        options->scale = 3;
    }
    if (choice & OPTION_TEXT) {
        seg->text = (const uint8_t *)"some text of a client";
        seg->length = 21;
    }
    if (choice & OPTION_FIN)
        seg->flags |= TCP_FIN;
}

/* The same SYN again, or another. */
static void step_syn(struct door *door, struct input *input)
{
    struct client *client = choose_client(door, input);
    unsigned choice = input_u8(input);
    struct segment seg = {.flags = TCP_SYN, .window = 4000};

    if (choice & 128)
        client->isn = seq_add(client->isn, (choice & 64 ? 100000 : 1000));
    seg.seq = client->isn;
    put_options(door, client, &seg, choice & 31);
    send(door, client, &seg);
}

/* The ACK that follows an answer: the last, or an earlier one; or nearly. */
static void step_ack(struct door *door, struct input *input)
{
    struct client *client = choose_client(door, input);
    unsigned choice = input_u8(input);
    struct segment seg = {.flags = TCP_ACK, .window = 4000, .seq = seq_add(client->isn, 1)};
    const struct answered *answered = &client->answers[choice >> 6];

    seg.ack = client->heard;
    if ((choice & 32) && answered->at_us)
        seg.ack = seq_add(answered->iss, 1);
    put_options(door, client, &seg, choice & 31);
    send(door, client, &seg);
}

static void step_segment(struct door *door, struct input *input)
{
    struct client *client = choose_client(door, input);
    unsigned choice = input_u8(input);
    struct segment seg = {.flags = input_u8(input) & 63, .window = 4000};
    int8_t nearby = (int8_t)input_u8(input);

    seg.seq = seq_add(choice & 128 ? client->ack : seq_add(client->isn, 1),
                      (uint32_t)(nearby * (choice & 64 ? 64 : 1)));
    seg.ack = seq_add(client->heard, choice & 32 ? (uint32_t)(int8_t)input_u8(input) : 0);
    put_options(door, client, &seg, choice & 15);
    send(door, client, &seg);
}

/* Forged sources that never answer, or one that repeats itself. */
static void step_flood(struct door *door, struct input *input)
{
    unsigned choice = input_u8(input), count = input_u8(input) % 100, port = input_u8(input);
    struct client forged = {
        .flow = {.local = stand_address(choice & 1 ? "2001:db8::1" : "192.0.2.1"),
                 .local_port = (uint16_t)(80 + choice / 64 % LISTENERS),
                 .remote_port = (uint16_t)(5000 + port)}};

    for (unsigned i = 0; i < count; i++) {
        struct segment seg = {.seq = {i}, .flags = TCP_SYN, .window = 4000};

        forged.flow.remote = stand_address(choice & 1 ? "2001:db8:1::1" : "198.51.100.1");
        forged.flow.remote.bytes[choice & 1 ? 6 : 15] = (uint8_t)(choice & 2 ? 1 + i : 1);
        if (!(choice & 2))
            forged.flow.remote_port++;
        put_options(door, &forged, &seg, choice >> 2 & 3);
        send(door, &forged, &seg);
        if ((choice & 32) && !door->batching)
            stand_wait(&door->stand, 20000);
    }
}

static void step_icmp(struct door *door, struct input *input)
{
    const struct client *client = choose_client(door, input);
    bool v4 = hf_address_is_v4(&client->flow.remote);
    uint8_t frame[ATTACK_FRAME_MAX + HF_LINK_HEADER_MAX];
    struct attack_icmp error = {.router = stand_address(v4 ? "192.0.2.254" : "2001:db8::fe"),
                                .total_length = 60,
                                .type = v4 ? 3 : 1,
                                .code = input_u8(input) & 7};
    uint32_t link = put_link(door, frame, v4);

    link += attack_frame_icmp_error(frame + link, &client->flow, &error, client->heard);
    stand_input(&door->stand, frame, link, HF_CHECKSUM_NONE);
}

static void step_wait(struct door *door, struct input *input)
{
    static const int32_t seconds[] = {1,   3,    4,    11,    33,      61,
                                      600, 1049, 3600, 86400, 2160000, 4320000};
    unsigned which = input_u8(input) % (sizeof seconds / sizeof *seconds);

    stand_wait(&door->stand, (int64_t)seconds[which] * US_PER_S);
}

/* ---- what the user does ---- */

static struct hf_listen_options options_of(struct input *input, unsigned number)
{
    static const uint32_t timeouts_ms[] = {0, 1, 2500, 60000};
    unsigned choice = input_u8(input), more = input_u8(input);

    return (struct hf_listen_options){
        .local.port = (uint16_t)(80 + number),
        .backlog = choice & 3,
        .half_open_limit = (choice >> 2 & 3) * 3,
        .half_open_timeout_ms = timeouts_ms[choice >> 4 & 3],
        .syn_ack_retries = (int8_t)((choice >> 6 & 3) * 2 - 1),
        .on_timeout = more & 1 ? 1 : -1,
        .cookies = (uint8_t)((more >> 1 & 3) % 3),
        .without_timestamps = more >> 3 & 3,
        .when_full = more >> 5 & 1,
        .observe = more >> 6 & 1,
        .require_key = (more & 0x81) == 0x81,
        .syn_ack_cap_per_s = (more & 0x8e) == 0x8e ? 10 : 0,
        .source_limit = (choice & 0x0c) == 0x08 ? 2 : 0,
    };
}

static void step_listener(struct door *door, struct input *input)
{
    unsigned choice = input_u8(input), number = choice % LISTENERS;
    hf_socket *listener = &door->listeners[number];
    struct hf_listen_options options = options_of(input, number);

    if (*listener && (choice & 128)) {
        hf_close(door->stand.stack, *listener, door->stand.now_us);
        *listener = 0;
        return;
    }
    if (*listener)
        must(hf_listen_change(door->stand.stack, *listener, &options, door->stand.now_us) == HF_OK);
    else
        must(hf_listen_with(door->stand.stack, &options, listener) == HF_OK);
    door->keyed[number] = options.require_key;
}

static void step_accept(struct door *door, struct input *input)
{
    unsigned which = input_u8(input);
    hf_socket *held = &door->held[which / LISTENERS % SOCKETS];

    if (*held || hf_accept(door->stand.stack, door->listeners[which % LISTENERS], held) != HF_OK)
        return;
    must(hf_send(door->stand.stack, *held, "hello", which & 64 ? 5 : 0, door->stand.now_us) >= 0 ||
         which);
}

static void step_end(struct door *door, struct input *input)
{
    unsigned which = input_u8(input);
    hf_socket *held = &door->held[which % SOCKETS];

    switch (which >> 6) {
    case 0: hf_close(door->stand.stack, *held, door->stand.now_us); break;
    case 1: hf_abort(door->stand.stack, *held, door->stand.now_us); break;
    case 2: hf_shutdown(door->stand.stack, *held, door->stand.now_us); return;
    default: hf_send(door->stand.stack, *held, &which, sizeof which, door->stand.now_us); return;
    }
    must(*held == 0 || hf_close(door->stand.stack, *held, door->stand.now_us) == HF_NO_SOCKET);
    *held = 0;
}

static void step_connect(struct door *door, struct input *input)
{
    const struct client *client = choose_client(door, input);
    struct hf_endpoint remote = {client->flow.remote, client->flow.remote_port};
    unsigned which = input_u8(input);
    struct hf_endpoint local = {client->flow.local, which & 128 ? client->flow.local_port : 0};
    hf_socket *held = &door->held[which % SOCKETS];

    if (*held == 0 &&
        hf_connect(door->stand.stack, &local, &remote, held, door->stand.now_us) != HF_OK)
        *held = 0;
}

static void step_limits(struct door *door, struct input *input)
{
    static const uint32_t per_s[] = {0, 1, 2, 1000};
    unsigned choice = input_u8(input);
    struct hf_limits limits = {.reset_budget_per_s = per_s[choice & 3],
                               .challenge_budget_per_s = per_s[choice >> 2 & 3],
                               .icmp_budget_per_s = per_s[choice >> 4 & 3],
                               .stall_timeout_ms = choice & 64 ? 1 : 60000,
                               .scan_ports = 16};

    must(hf_change_limits(door->stand.stack, &limits) == HF_OK);
}

static void step_key(struct door *door, struct input *input)
{
    static const char secret[] = "of a fuzzer's own";
    unsigned choice = input_u8(input);
    struct hf_key key = {.algorithm = choice & 1 ? HF_KEY_MD5 : HF_KEY_HMAC_SHA_1_96,
                         .remote = {door->clients[choice / 4 % FLOWS].flow.remote, 128},
                         .secret = secret,
                         .secret_length = sizeof secret - 1};

    if (hf_address_is_v4(&key.remote.address))
        key.remote.length = 32;
    if (!hf_os_crypto())
        return;
    if (choice & 2)
        hf_key_remove(door->stand.stack, &key);
    else
        hf_key_add(door->stand.stack, &key);
}

static void drop_filter(struct door *door)
{
    hf_set_filter(door->stand.stack, 0, NULL);
    free(door->filter);
    door->filter = NULL;
}

static void step_filter(struct door *door)
{
    static const char text[] = "deny in from 192.0.2.66\ndeny in tcp port 81\n"
                               "deny in from 2001:db8::/64\ndeny out to 192.0.2.0/24\n";
    struct hf_filter_rule room[8];
    struct hf_filter_rules rules = {.rules = room, .capacity = 8};
    struct hf_filter_complaint complaint;
    struct hf_filter_setup setup = {.inside = door->stand.config.addresses, .inside_count = 2};
    struct hf_filter *filter;
    size_t bytes;

    if (door->filter) {
        drop_filter(door);
        return;
    }
    must(hf_filter_rules_parse(&rules, text, sizeof text - 1, &complaint) == HF_OK);
    setup.rules = rules;
    bytes = (hf_filter_needed(&setup) + 63) / 64 * 64;
    door->filter = aligned_alloc(64, bytes);
    must(door->filter && hf_filter_build(&filter, &setup, door->filter, bytes) == HF_OK);
    hf_set_filter(door->stand.stack, 0, filter);
}

static void step_look(struct door *door)
{
    struct hf_half_open half_open;
    struct hf_gauges gauges;
    struct hf_ready ready[2];
    unsigned found = 0;
    int result;

    while (hf_take_ready(door->stand.stack, ready, 2) > 0)
        must(ready[0].what);
    for (uint64_t cursor = 0;
         (result = hf_next_half_open(door->stand.stack, &cursor, &half_open)) != HF_AGAIN;)
        found += result == HF_OK;
    hf_gauges(door->stand.stack, &gauges);
    must(found == gauges.half_opens);
}

/* ---- all of it ---- */

static void step(struct door *door, struct input *input)
{
    unsigned kind = input_u8(input);

    if ((kind & 31) > 13 || !door->batching)
        flush(door);
    answer_questions(door);
    switch (kind & 31) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: step_syn(door, input); return;
    case 5:
    case 6:
    case 7:
    case 8:
    case 9: step_ack(door, input); return;
    case 10:
    case 11: step_segment(door, input); return;
    case 12:
    case 13: step_flood(door, input); return;
    case 14: stand_wait(&door->stand, (int64_t)input_scaled(input) * 1000); return;
    case 15: stand_wait_deadline(&door->stand); return;
    case 16: step_wait(door, input); return;
    case 17: step_icmp(door, input); return;
    case 18:
    case 19:
    case 20: step_listener(door, input); break;
    case 21:
    case 22: step_accept(door, input); break;
    case 23:
    case 24: step_end(door, input); break;
    case 25: step_connect(door, input); break;
    case 26: step_limits(door, input); break;
    case 27: step_key(door, input); break;
    case 28: step_filter(door); break;
    case 29: door->mute = kind & 32; break;
    case 30: door->batching = kind & 32; break;
    default: step_look(door); break;
    }
    stand_after(&door->stand);
}

/* Four hosts of each family, four of which share a /64, and as many from elsewhere. */
static void make_clients(struct door *door)
{
    for (unsigned i = 0; i < FLOWS; i++) {
        unsigned source = i % SOURCES, rest = i / SOURCES;
        bool v6 = source & 1;
        struct client *client = &door->clients[i];

        client->flow = (struct flow){
            .remote = stand_address(v6           ? (source & 2 ? "2001:db8:7::9" : "2001:db8::9")
                                    : source & 2 ? "203.0.113.9"
                                                 : "192.0.2.64"),
            .local = stand_address(v6 ? "2001:db8::1" : "192.0.2.1"),
            .remote_port = (uint16_t)(40000 + rest / LISTENERS),
            .local_port = (uint16_t)(80 + rest % LISTENERS),
        };
        client->flow.remote.bytes[15] = (uint8_t)(client->flow.remote.bytes[15] + source / 4);
        if ((source & 3) == 3)
            client->flow.remote.bytes[7] = (uint8_t)(source / 4); /* /64s of their own */
        client->isn = seq_of(UINT32_C(0xffff0000) + i * 977);
    }
}

static void open_world(struct door *door, struct input *input)
{
    static const uint32_t few[] = {1, 4, 16, 40}, fewer[] = {1, 3, 5, 7};
    unsigned choice = input_u8(input), more = input_u8(input);
    struct hf_config *config = &door->stand.config;

    stand_init(&door->stand);
    door->ethernet = choice & 1;
    config->link = door->ethernet ? HF_ETHERNET : HF_RAW_IP;
    config->mac = our_mac;
    config->max_neighbors = more & 1 ? 2 : 8;
    config->max_half_opens = few[choice >> 1 & 3];
    config->max_connections = fewer[choice >> 3 & 3];
    config->max_time_waits = few[choice >> 5 & 3];
    config->pool_bytes = more & 2 ? 24576 : 0;
    config->on_timeout = more & 4 ? HF_SEND_RESET : HF_FORGET;
    config->timestamps = !(more & 8);
    config->max_keys = 3;
    config->max_signed = more & 16 ? 1 : 0;
    config->routes[0] = (struct hf_route){.to = {stand_address("0.0.0.0"), 0},
                                          .gateway = stand_address("192.0.2.254")};
    config->routes[1] =
        (struct hf_route){.to = {stand_address("::"), 0}, .gateway = stand_address("2001:db8::fe")};
    if (more & 32) /* milliseconds wrap under way */
        door->stand.now_us = ((INT64_C(1) << 32) - 20000) * 1000;
    if (more & 64) /* ... or ticks of the wheel's */
        door->stand.now_us = ((INT64_C(1) << 32) - 20000) << WHEEL_TICK_SHIFT;
    door->stand.on_packet = on_packet;
    door->stand.self = door;
    make_clients(door);
    stand_open(&door->stand);
}

/* ---- the end: nothing that was done keeps an honest client out ---- */

static void make_peace(struct door *door)
{
    struct hf_limits limits = {1000, 1000, 1000, 60000, 16};
    struct hf_key key;
    hf_socket socket;

    flush(door);
    if (door->filter)
        drop_filter(door);
    door->mute = door->batching = false;
    must(hf_change_limits(door->stand.stack, &limits) == HF_OK);
    for (uint64_t cursor = 0; hf_key_next(door->stand.stack, &cursor, &key) == HF_OK;)
        must(hf_key_remove(door->stand.stack, &key) == HF_OK);
    for (unsigned i = 0; i < SOCKETS; i++)
        hf_abort(door->stand.stack, door->held[i], door->stand.now_us);
    for (unsigned i = 0; i < LISTENERS; i++)
        while (hf_accept(door->stand.stack, door->listeners[i], &socket) == HF_OK)
            hf_abort(door->stand.stack, socket, door->stand.now_us);
    stand_after(&door->stand);
    for (unsigned i = 0; i < 12; i++) {
        answer_questions(door);
        stand_wait(&door->stand, 40 * US_PER_S);
    }
}

static void check_calm(struct door *door)
{
    struct hf_gauges gauges;

    hf_gauges(door->stand.stack, &gauges);
    must(gauges.half_opens == 0 && gauges.time_waits == 0);
    for (unsigned i = 0; i < LISTENERS; i++) {
        struct hf_status status;

        if (door->listeners[i] == 0)
            continue;
        must(hf_status(door->stand.stack, door->listeners[i], &status) == HF_OK);
        must(status.pressure == HF_CALM && status.half_opens == 0 && status.accept_queued == 0);
    }
}

static void check_honest(struct door *door, unsigned number)
{
    struct client *client = &door->clients[number * SOURCES];
    struct segment syn = {.seq = client->isn, .flags = TCP_SYN, .window = 4000};
    struct segment ack = {.flags = TCP_ACK, .window = 4000};
    uint64_t done = hf_stats(door->stand.stack)->handshake_done;
    hf_socket socket;

    syn.seq = client->isn = seq_add(client->isn, 1000000);
    put_options(door, client, &syn, OPTION_TIMESTAMPS | OPTION_OTHERS);
    send(door, client, &syn);
    ack.seq = seq_add(client->isn, 1);
    ack.ack = client->heard;
    must(seq_eq(client->ack, ack.seq)); /* there was an answer */
    put_options(door, client, &ack, OPTION_TIMESTAMPS);
    if (!door->stand.config.timestamps)
        ack.options.present = 0;
    send(door, client, &ack);
    must(hf_stats(door->stand.stack)->handshake_done == done + 1);
    must(hf_accept(door->stand.stack, door->listeners[number], &socket) == HF_OK);
    hf_abort(door->stand.stack, socket, door->stand.now_us);
    stand_after(&door->stand);
}

/* A listener without TCP timestamps that refuses whom it would have to serve without them serves nobody under cookies. */
static bool serves(const struct door *door, unsigned number)
{
    const struct gate_listener *listener;

    if (door->listeners[number] == 0 || door->keyed[number])
        return false;
    listener = &door->stand.stack->gate.listeners[socket_slot(door->listeners[number])];
    return door->stand.config.timestamps || listener->without_timestamps != HF_PLAIN_REFUSE ||
           listener->cookies != HF_COOKIES_ALWAYS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct door door; /* large, and cleared each time */
    struct input input = {data, data + size};

    memset(&door, 0, sizeof door);
    open_world(&door, &input);
    for (unsigned i = 0; i < STEPS_MAX && input_left(&input) > 0; i++)
        step(&door, &input);
    make_peace(&door);
    check_calm(&door);
    for (unsigned i = 0; i < LISTENERS; i++)
        if (serves(&door, i))
            check_honest(&door, i);
    stand_close(&door.stand);
    return 0;
}
