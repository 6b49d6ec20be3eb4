/* pcapng by ourselves. See draft-ietf-opsawg-pcapng 3 and 4. */
#include "explain/pcapng_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"

#define BLOCK_SECTION 0x0a0d0d0au
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET_OLD 2u
#define BLOCK_PACKET_SIMPLE 3u
#define BLOCK_PACKET 6u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define VERSION 1u
#define BLOCK_FRAME 12u /* type, length, and length again */
#define BLOCK_MOST (16u << 20)
#define INTERFACES_MOST 4096u
#define OPTION_END 0u
#define OPTION_RESOLUTION 9u
#define OPTION_OFFSET 14u
#define INSTANT_MOST (INT64_C(1) << 61)
#define BITS_MOST 40u /* of a second's fraction that are looked at */

struct interface {
    enum dissect_link link;
    uint16_t type;
    uint32_t snap;
    uint8_t resolution; /* as in the file: 10^-n, or 2^-n with the high bit */
    int64_t offset_us;
};

struct pcapng_file {
    FILE *file;
    bool swapped; /* this section's order of bytes is not ours */
    struct interface *interfaces;
    uint32_t count, known; /* of this section; known: whose link we can read */
    uint8_t *body;         /* of the block that is read */
    uint32_t length, room;
};

/* ---- words in the section's order of bytes ---- */

static uint16_t word16(const struct pcapng_file *file, const uint8_t *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof value);
    return file->swapped ? __builtin_bswap16(value) : value;
}

static uint32_t word32(const struct pcapng_file *file, const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return file->swapped ? __builtin_bswap32(value) : value;
}

static uint64_t word64(const struct pcapng_file *file, const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return file->swapped ? __builtin_bswap64(value) : value;
}

/* ---- blocks ---- */

static enum capture_read broken(char error[CAPTURE_ERROR_MAX], const char *what)
{
    snprintf(error, CAPTURE_ERROR_MAX, "%s", what);
    return CAPTURE_BROKEN;
}

static bool make_room(struct pcapng_file *file, uint32_t length)
{
    uint8_t *body;

    if (length <= file->room)
        return true;
    body = realloc(file->body, length);
    if (body) {
        file->body = body;
        file->room = length;
    }
    return body != NULL;
}

/* The body of the next block, of `length` bytes; a section says in which order its lengths are to be read. */
static enum capture_read read_block(struct pcapng_file *file, uint32_t *type,
                                    char error[CAPTURE_ERROR_MAX])
{
    static const char cut[] = "the file ends within a block";
    uint8_t head[12];
    size_t got = fread(head, 1, 8, file->file), wanted;
    uint32_t length;

    if (got == 0 && !ferror(file->file))
        return CAPTURE_END;
    if (got < 8)
        return broken(error, cut);
    *type = word32(file, head);
    if (*type == BLOCK_SECTION) {
        if (fread(head + 8, 1, 4, file->file) < 4)
            return broken(error, cut);
        if (word32(file, head + 8) != BYTE_ORDER_MAGIC)
            file->swapped = !file->swapped;
        if (word32(file, head + 8) != BYTE_ORDER_MAGIC)
            return broken(error, "a section without the mark of its order of bytes");
    }
    length = word32(file, head + 4);
    if (length % 4 != 0 || length < BLOCK_FRAME + (*type == BLOCK_SECTION ? 16 : 0) ||
        length > BLOCK_MOST)
        return broken(error, "a block of a length that cannot be");
    wanted = length - 8 - (*type == BLOCK_SECTION ? 4 : 0);
    if (!make_room(file, (uint32_t)wanted))
        return broken(error, "no memory for a block");
    if (fread(file->body, 1, wanted, file->file) < wanted)
        return broken(error, cut);
    file->length = (uint32_t)wanted - 4;
    if (word32(file, file->body + file->length) != length)
        return broken(error, "a block with two lengths");
    return CAPTURE_PACKET;
}

/* ---- interfaces ---- */

static enum dissect_link link_of(uint16_t type)
{
    switch (type) {
    case 0:
    case 108: return DISSECT_NULL;
    case 1: return DISSECT_ETHERNET;
    case 12:
    case 14:
    case 101:
    case 228:
    case 229: return DISSECT_RAW_IP;
    case 113: return DISSECT_COOKED;
    case 276: return DISSECT_COOKED2;
    default: return DISSECT_UNKNOWN;
    }
}

static void read_options(const struct pcapng_file *file, struct interface *interface)
{
    for (uint32_t at = 8; at + 4 <= file->length;) {
        uint32_t code = word16(file, file->body + at), length = word16(file, file->body + at + 2);
        const uint8_t *value = file->body + at + 4;

        if (code == OPTION_END || at + 4 + length > file->length)
            return;
        if (code == OPTION_RESOLUTION && length == 1)
            interface->resolution = value[0];
        if (code == OPTION_OFFSET && length == 8)
            interface->offset_us = (int64_t)(word64(file, value) * US_PER_S);
        at += 4 + (length + 3) / 4 * 4;
    }
}

static bool add_interface(struct pcapng_file *file)
{
    struct interface *grown, *interface;

    if (file->length < 8 || file->count == INTERFACES_MOST)
        return false;
    grown = realloc(file->interfaces, (file->count + 1) * sizeof *grown);
    if (!grown)
        return false;
    file->interfaces = grown;
    interface = &grown[file->count++];
    *interface = (struct interface){
        .type = word16(file, file->body),
        .link = link_of(word16(file, file->body)),
        .snap = word32(file, file->body + 4),
        .resolution = 6,
    };
    file->known += interface->link != DISSECT_UNKNOWN;
    read_options(file, interface);
    return true;
}

/* Instants that nobody lives at are moved to where differences still fit. */
static int64_t within(uint64_t us, int64_t offset_us)
{
    int64_t at_us = (int64_t)(us + (uint64_t)offset_us);

    return at_us > INSTANT_MOST ? INSTANT_MOST : at_us < -INSTANT_MOST ? -INSTANT_MOST : at_us;
}

static int64_t wall_us(const struct interface *interface, uint64_t ticks)
{
    unsigned digits = interface->resolution & 0x7f;
    uint64_t us = ticks;

    if (interface->resolution & 0x80 && digits >= 64)
        return within(0, interface->offset_us); /* less than a microsecond, whatever it says */
    if (interface->resolution & 0x80) {
        uint64_t seconds = ticks >> digits, rest = ticks - (seconds << digits);

        if (digits > BITS_MOST) {
            rest >>= digits - BITS_MOST;
            digits = BITS_MOST;
        }
        return within(seconds * US_PER_S + (rest * US_PER_S >> digits), interface->offset_us);
    }
    for (; digits < 6; digits++)
        us *= 10;
    for (; digits > 6 && us > 0; digits--)
        us /= 10;
    return within(us, interface->offset_us);
}

/* ---- packets ---- */

/* Where a kind of block has what; the simple one has no time, and its packet is cut where its interface cuts. */
struct form {
    uint32_t at, ticks, captured, length;
    bool timed;
};

static enum capture_read take_packet(const struct pcapng_file *file, const struct form *form,
                                     uint32_t which, struct capture_packet *packet, char *error)
{
    const struct interface *interface = &file->interfaces[which];
    uint32_t room = file->length - form->at, captured;
    uint64_t ticks = 0;

    packet->length = word32(file, file->body + form->length);
    captured = word32(file, file->body + form->captured);
    if (!form->timed && interface->snap > 0 && captured > interface->snap)
        captured = interface->snap;
    if (captured > room)
        return broken(error, "a packet that is longer than its block");
    if (form->timed)
        ticks = (uint64_t)word32(file, file->body + form->ticks) << 32 |
                word32(file, file->body + form->ticks + 4);
    packet->data = file->body + form->at;
    packet->captured = captured;
    packet->link = interface->link;
    packet->at_us = form->timed ? wall_us(interface, ticks) : 0;
    if (file->known > 0)
        return CAPTURE_PACKET;
    snprintf(error, CAPTURE_ERROR_MAX, "packets of link type %u; accepted are " CAPTURE_LINKS,
             interface->type);
    return CAPTURE_BROKEN;
}

static enum capture_read read_packet(const struct pcapng_file *file, uint32_t type,
                                     struct capture_packet *packet, char *error)
{
    static const struct form whole = {20, 4, 12, 16, true}, simple = {4, 0, 0, 0, false};
    const struct form *form = type == BLOCK_PACKET_SIMPLE ? &simple : &whole;
    uint32_t which = 0;

    if (file->length < form->at)
        return broken(error, "a packet without its head");
    if (type == BLOCK_PACKET)
        which = word32(file, file->body);
    else if (type == BLOCK_PACKET_OLD)
        which = word16(file, file->body);
    if (which >= file->count)
        return broken(error, "a packet of an interface that was not described");
    return take_packet(file, form, which, packet, error);
}

enum capture_read pcapng_file_next(struct pcapng_file *file, struct capture_packet *packet,
                                   char error[CAPTURE_ERROR_MAX])
{
    for (;;) {
        uint32_t type;
        enum capture_read read = read_block(file, &type, error);

        if (read != CAPTURE_PACKET)
            return read;
        if (type == BLOCK_PACKET || type == BLOCK_PACKET_OLD || type == BLOCK_PACKET_SIMPLE)
            return read_packet(file, type, packet, error);
        if (type == BLOCK_SECTION && word16(file, file->body) != VERSION)
            return broken(error, "a section of another version than 1");
        if (type == BLOCK_SECTION)
            file->count = file->known = 0;
        if (type == BLOCK_INTERFACE && !add_interface(file))
            return broken(error, "an interface that cannot be described");
    }
}

struct pcapng_file *pcapng_file_open(FILE *file)
{
    struct pcapng_file *pcapng = calloc(1, sizeof *pcapng);

    if (pcapng)
        pcapng->file = file;
    return pcapng;
}

void pcapng_file_close(struct pcapng_file *file)
{
    fclose(file->file);
    free(file->interfaces);
    free(file->body);
    free(file);
}
