/* The pcapng reader: blocks, enhanced packets, direction flags. [draft-ietf-opsawg-pcapng 4.3] */
#include "lab/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/files.h"
#include "wire/checksum.h"

#define BLOCK_PACKET 6
#define BLOCK_HEADER 8   /* type, length                                      */
#define PACKET_HEADER 20 /* interface, time high and low, kept, original length */
#define OPTION_FLAGS 2
#define ETHERNET_BYTES 14

struct block {
    const uint8_t *body;
    uint32_t length; /* of the body */
    uint32_t type;
};

static uint32_t word(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static uint16_t half(const uint8_t *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

/* The block at *at, which moves behind it. The file is in this machine's byte order: it was written here. */
static bool next_block(const uint8_t *bytes, size_t length, size_t *at, struct block *block)
{
    if (length - *at < BLOCK_HEADER + 4)
        return false;
    uint32_t whole = word(bytes + *at + 4);
    if (whole < BLOCK_HEADER + 4 || whole % 4 != 0 || whole > length - *at)
        return false;
    block->type = word(bytes + *at);
    block->body = bytes + *at + BLOCK_HEADER;
    block->length = whole - BLOCK_HEADER - 4;
    *at += whole;
    return true;
}

static bool is_outbound(const uint8_t *options, size_t length)
{
    while (length >= 4 && half(options) != 0) {
        size_t padded = 4 + ((half(options + 2) + 3u) & ~3u);

        if (padded > length)
            break;
        if (half(options) == OPTION_FLAGS && padded == 8)
            return (word(options + 4) & 3) == 2;
        options += padded;
        length -= padded;
    }
    return false;
}

/* Parses without its link header, so that it is nobody's station. */
static bool parse(struct packet *packet, const uint8_t *data, uint32_t kept)
{
    static const struct packet_rules rules = {
        .link = HF_RAW_IP, .checksum = checksum_sum, .ipv6 = packet_ipv6};
    struct hf_frame frame = {
        .data = (uint8_t *)(uintptr_t)data + ETHERNET_BYTES,
        .length = kept - ETHERNET_BYTES,
        .capacity = kept - ETHERNET_BYTES,
        .link = HF_RAW_IP,
    };

    packet_parse(packet, &rules, &frame);
    return packet->kind != PACKET_REFUSED;
}

static bool is_version(const uint8_t *data, uint32_t kept, uint8_t version)
{
    return kept > ETHERNET_BYTES && (data[12] << 8 | data[13]) == (version == 4 ? 0x0800 : 0x86dd);
}

struct wanted {
    uint8_t version;
    uint16_t client_port;
};

static bool read_packet(struct capture *capture, const struct block *block,
                        const struct wanted *wanted)
{
    if (block->length < PACKET_HEADER)
        return false;
    uint32_t kept = word(block->body + 12), padded = (kept + 3u) & ~3u;
    const uint8_t *data = block->body + PACKET_HEADER;
    if (kept > block->length - PACKET_HEADER || padded > block->length - PACKET_HEADER)
        return false;

    struct packet packet;
    if (!is_version(data, kept, wanted->version))
        return true;
    capture->packets++;
    if (!parse(&packet, data, kept)) {
        capture->refused++;
        return true;
    }
    bool outbound = is_outbound(data + padded, block->length - PACKET_HEADER - padded);
    uint16_t port = outbound ? packet.segment.destination_port : packet.segment.source_port;
    if (packet.kind != PACKET_TCP || port != wanted->client_port)
        return true;
    capture->segments[capture->count++] = (struct captured){
        .at_us = (int64_t)((uint64_t)word(block->body + 4) << 32 | word(block->body + 8)),
        .outbound = outbound,
        .segment = packet.segment,
    };
    return true;
}

bool capture_read(struct capture *capture, const char *path, uint8_t version, uint16_t client_port,
                  char why[256])
{
    struct wanted wanted = {version, client_port};
    size_t length, at = 0;
    struct block block;
    bool ok = true;

    memset(capture, 0, sizeof *capture);
    capture->bytes = files_read(path, &length);
    if (!capture->bytes) {
        snprintf(why, 256, "the guard's capture cannot be read: %s", strerror(errno));
        return false;
    }
    /* No packet's block is smaller than its headers. */
    size_t most = length / (BLOCK_HEADER + PACKET_HEADER + 4) + 1;
    capture->segments = malloc(most * sizeof *capture->segments);
    while (capture->segments && ok && next_block(capture->bytes, length, &at, &block))
        ok = block.type != BLOCK_PACKET || read_packet(capture, &block, &wanted);
    if (capture->segments && ok && at == length)
        return true;
    snprintf(why, 256, "the guard's capture is damaged at byte %zu of %zu", at, length);
    capture_free(capture);
    return false;
}

void capture_free(struct capture *capture)
{
    free(capture->segments);
    free(capture->bytes);
    *capture = (struct capture){0};
}
