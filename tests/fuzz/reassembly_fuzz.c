/* Fuzzer of IP reassembly: the input is a list of fragments and of time. Only datagrams whose every byte was sent may become
 * whole, with the bytes that were sent; at the end no memory is left. [RFC 791 3.2; RFC 8200 4.5; RFC 5722; RFC 1858] */
#include <stdlib.h>

#include "base/must.h"
#include "fuzz/input.h"
#include "fuzz/stand.h"
#include "sim/attack_frame.h"
#include "stack/ip_reassembly.h"
#include "wire/checksum.h"
#include "wire/ip_protocol.h"

#define STEPS_MAX 100u
#define DATAGRAMS 5u
#define FRAGMENT_MAX 1500u

/* The text of a datagram is known from its name and the place, so a wrong byte is seen at once. */
static uint8_t text_of(unsigned datagram, uint32_t offset)
{
    return stand_text(datagram * 100003u + offset);
}

struct world {
    struct ip_reassembly reassembly;
    struct hf_stats stats;
    void *memory;
    int64_t now_us;
};

static void open_world(struct world *world, uint32_t max)
{
    struct siphash_key key;
    struct arena arena = {0};

    memset(world, 0, sizeof *world);
    memset(&key, 0x33, sizeof key);
    ip_reassembly_init(&world->reassembly, &arena, max, key, &world->stats);
    world->memory = aligned_alloc(CACHE_LINE, arena.used + CACHE_LINE);
    must(world->memory);
    memset(world->memory, 0xa5, arena.used);
    arena = (struct arena){.base = world->memory};
    memset(&world->reassembly, 0, sizeof world->reassembly);
    ip_reassembly_init(&world->reassembly, &arena, max, key, &world->stats);
}

/* Which header goes before the text, and what it must be. */
static void check_whole(const struct ip_reassembly_whole *whole, unsigned datagram, bool v6)
{
    uint32_t header = v6 ? 40 : 20;

    must(whole->length > header && whole->length <= 65535 + header);
    must(whole->ip[0] >> 4 == (v6 ? 6 : 4));
    for (uint32_t i = header; i < whole->length; i++)
        must(whole->ip[i] == text_of(datagram, i - header));
}

static void step_fragment(struct world *world, struct input *input)
{
    unsigned datagram = input_u8(input) % DATAGRAMS, how = input_u8(input);
    bool v6 = datagram & 1;
    struct flow flow = {.remote = stand_address(v6              ? "2001:db8::9"
                                                : datagram == 4 ? "198.51.100.7"
                                                                : "192.0.2.9"),
                        .local = stand_address(v6 ? "2001:db8::1" : "192.0.2.1")};
    struct attack_fragment fragment = {.id = 7 + datagram,
                                       .offset = input_u16(input) % 8192u * 8,
                                       .more = how & 1,
                                       .protocol = how & 2   ? IP_TCP
                                                   : how & 4 ? 17
                                                             : IP_TCP};
    uint32_t length = input_u16(input) % FRAGMENT_MAX;
    struct packet_rules rules = {.link = HF_RAW_IP, .checksum = checksum_sum, .ipv6 = packet_ipv6};
    uint8_t text[FRAGMENT_MAX], bytes[ATTACK_FRAME_MAX];
    struct ip_reassembly_whole whole;
    struct hf_frame frame = {.link = HF_RAW_IP};
    struct packet packet;

    if (!(how & 8))
        length = length / 8 * 8;
    for (uint32_t i = 0; i < length; i++)
        text[i] = text_of(datagram, fragment.offset + i);
    length = attack_frame_fragment(bytes, &flow, &fragment, text, length);
    frame.data = malloc(length);
    frame.length = frame.capacity = length;
    must(frame.data);
    memcpy(frame.data, bytes, length);
    memset(&packet, 0, sizeof packet);
    packet_parse(&packet, &rules, &frame);
    if (packet.kind == PACKET_FRAGMENT && ip_reassembly_add(&world->reassembly, &packet, &whole,
                                                            world->now_us) == IP_REASSEMBLY_WHOLE)
        check_whole(&whole, datagram, v6);
    free(frame.data);
}

static void wait_until(struct world *world, int64_t at_us)
{
    world->now_us = at_us;
    ip_reassembly_tick(&world->reassembly, at_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    struct world world;
    int64_t deadline_us;

    open_world(&world, 1 + input_u8(&input) % 4);
    for (unsigned i = 0; i < STEPS_MAX && input_left(&input) > 0; i++) {
        unsigned wait = input_u8(&input);

        if (wait >= 240)
            wait_until(&world, world.now_us + (int64_t)(wait - 239) * 3000000);
        step_fragment(&world, &input);
        must(ip_reassembly_count(&world.reassembly) <= world.reassembly.datagrams.capacity);
    }
    for (unsigned i = 0; (deadline_us = ip_reassembly_deadline(&world.reassembly)) != INT64_MAX;
         i++) {
        must(i < 100);
        wait_until(&world, deadline_us > world.now_us ? deadline_us : world.now_us);
    }
    must(ip_reassembly_count(&world.reassembly) == 0 && world.reassembly.blocks.count == 0);
    free(world.memory);
    return 0;
}
