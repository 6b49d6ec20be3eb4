/* Fuzzer of a station: frames of any bytes through hf_input, on Ethernet with and without a tag and on raw IP. Checksums may be
 * made right on the way, or what is behind them would never be met. [RFC 826; RFC 791; RFC 8200; RFC 4861; RFC 9293 3.1] */
#include <stdlib.h>

#include <handfast/filter.h>

#include "base/bytes.h"
#include "base/must.h"
#include "fuzz/input.h"
#include "fuzz/stand.h"
#include "wire/checksum.h"
#include "wire/ip_protocol.h"
#include "wire/ipv4.h"

#define FRAMES_MAX 64u
#define FRAME_BYTES 2048u

enum {
    FRAME_MEND = 0x01,     /* headers' checksums are made right       */
    FRAME_VERIFIED = 0x02, /* the device has verified the segment's   */
    FRAME_PARTIAL = 0x04,
    FRAME_WAIT = 0x08, /* time passes before it */
    FRAME_WAIT_LONG = 0x10,
};

static void mend_icmpv6(uint8_t *ip, uint32_t length)
{
    struct hf_address source, destination;
    uint32_t payload = length - 40;

    if (ip[6] != IP_ICMPV6 || payload < 4)
        return;
    memcpy(source.bytes, ip + 8, 16);
    memcpy(destination.bytes, ip + 24, 16);
    put_be16(ip + 42, 0);
    put_be16(ip + 42, (uint16_t)~checksum_add(
                          checksum_pseudo_header(&source, &destination, IP_ICMPV6, payload),
                          checksum_sum(ip + 40, payload)));
}

static void mend_ipv4(uint8_t *ip, uint32_t length)
{
    uint32_t header = (ip[0] & 15u) * 4, total = get_be16(ip + 2);

    if (header < IPV4_HEADER || header > length)
        return;
    put_be16(ip + 10, 0);
    put_be16(ip + 10, (uint16_t)~checksum_sum(ip, header));
    if (ip[9] != IP_ICMPV4 || total > length || total < header + 4)
        return;
    put_be16(ip + header + 2, 0);
    put_be16(ip + header + 2, (uint16_t)~checksum_sum(ip + header, total - header));
}

static void mend(const struct stand *stand, uint8_t *frame, uint32_t length)
{
    uint32_t link = stand->config.link == HF_RAW_IP ? 0 : stand->config.vlan ? 18 : 14;

    if (length >= link + 20 && frame[link] >> 4 == 4)
        mend_ipv4(frame + link, length - link);
    else if (length >= link + 40 && frame[link] >> 4 == 6)
        mend_icmpv6(frame + link, length - link);
}

/* What a filter says comes before all else: one with a rule of each kind, and bogons. */
static void *add_filter(struct stand *stand)
{
    static const char text[] =
        "deny in from 192.0.2.66\ndeny in tcp port 81\ndeny in ttl below 3\n"
        "allow in tcp from 2001:db8::/64 port 80\ndeny in icmp from 192.0.2.9\n";
    struct hf_filter_rule room[8];
    struct hf_filter_rules rules = {.rules = room, .capacity = 8};
    struct hf_filter_complaint complaint;
    struct hf_filter_setup setup = {.bogons = HF_BOGONS_REFUSE,
                                    .reverse_path = HF_REVERSE_PATH_STRICT,
                                    .inside = stand->config.addresses,
                                    .inside_count = 2};
    struct hf_filter *filter;
    size_t bytes;
    void *memory;

    must(hf_filter_rules_parse(&rules, text, sizeof text - 1, &complaint) == HF_OK);
    setup.rules = rules;
    bytes = (hf_filter_needed(&setup) + 63) / 64 * 64;
    memory = aligned_alloc(64, bytes);
    must(memory && hf_filter_build(&filter, &setup, memory, bytes) == HF_OK);
    hf_set_filter(stand->stack, 0, filter);
    return memory;
}

static void open_world(struct stand *stand, struct input *input)
{
    unsigned choice = input_u8(input);
    struct hf_listen_options options = {.local.port = 80};
    hf_socket listener;

    stand_init(stand);
    stand->config.link = choice & 1 ? HF_ETHERNET : HF_RAW_IP;
    stand->config.mac = (struct hf_mac){{2, 0, 0, 0, 0, 1}};
    stand->config.vlan = (choice & 3) == 3 ? 7 : 0;
    stand->config.addresses_shared = choice & 4;
    stand->config.max_reassemblies = choice & 8 ? 0 : 3;
    options.cookies = choice & 16 ? HF_COOKIES_ALWAYS : HF_COOKIES_UNDER_PRESSURE;
    if (choice & 32)
        stand->config.routes[0] = (struct hf_route){.to = {stand_address("0.0.0.0"), 0},
                                                    .gateway = stand_address("192.0.2.254")};
    stand->config.max_keys = choice & 64 ? 2 : 0;
    stand_open(stand);
    stand_add_key(stand, choice & 4);
    must(hf_listen_with(stand->stack, &options, &listener) == HF_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stand stand;
    struct input input = {data, data + size};
    void *filter = NULL;

    open_world(&stand, &input);
    if (size > 0 && data[0] & 128)
        filter = add_filter(&stand);
    for (unsigned i = 0; i < FRAMES_MAX && input_left(&input) > 0; i++) {
        unsigned how = input_u8(&input);
        uint8_t frame[FRAME_BYTES];
        uint32_t length = input_u16(&input) % FRAME_BYTES;

        length = (uint32_t)input_bytes(&input, frame, length);
        if (how & FRAME_WAIT)
            stand_wait(&stand, how & FRAME_WAIT_LONG ? 31000000 : 700000);
        if (how & FRAME_MEND)
            mend(&stand, frame, length);
        stand_input(&stand, frame, length,
                    how & FRAME_VERIFIED  ? HF_CHECKSUM_VERIFIED
                    : how & FRAME_PARTIAL ? HF_CHECKSUM_PARTIAL
                                          : HF_CHECKSUM_NONE);
    }
    stand_close(&stand);
    free(filter);
    return 0;
}
