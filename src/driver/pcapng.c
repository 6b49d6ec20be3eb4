/* The pcapng writer: section, interfaces, enhanced packets with comment and direction. [draft-ietf-opsawg-pcapng 4] */
#include "driver/pcapng.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <handfast/os.h>
#include <handfast/stats.h>

#include "base/must.h"
#include "driver/cut.h"
#include "os/syscalls.h"
#include "os/writer.h"

SYSCALLS_AT_START("openat");

#define BUFFER_BYTES ((size_t)1 << 20)
#define RING_BYTES ((size_t)8 << 20) /* what a disk may lag behind */
#define CLOSE_PATIENCE_MS 1000
#define STAGE_FRAMES HF_TAP_BATCH

/* Headers, options and the largest frame of one packet. */
#define BLOCK_MAX (HF_FRAME_MAX + PCAPNG_COMMENT_MAX + 128)

enum block_type {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6,
};

enum option_code {
    OPTION_END = 0,
    OPTION_COMMENT = 1,
    OPTION_IF_NAME = 2,
    OPTION_EPB_FLAGS = 2,
    OPTION_USER_APPLICATION = 4,
    OPTION_IF_TSRESOL = 9,
};

struct pcapng {
    int fd;
    unsigned interfaces;
    int64_t time_offset_us;
    struct writer *writer; /* NULL: the file is written at once */
    uint64_t lost, made;
    int error;        /* without a writer: of the first write that failed */
    uint32_t packets; /* in the buffer */
    bool memory;      /* no file: what is full is full */
    size_t taken;     /* of the buffer, in memory      */
    size_t capacity;  /* of the buffer                 */
    size_t used;
    size_t block; /* where the block that is being written begins */
    size_t staged;
    struct hf_frame stage[STAGE_FRAMES]; /* copies of a batch, taken before the stack saw it */
    uint8_t *stage_bytes;
    uint8_t cut[HF_FRAME_MAX];
    uint8_t buffer[];
};

/* ---- the buffer: numbers are in the machine's own order, the section header says which ---- */

static void put(struct pcapng *pcapng, const void *data, size_t length)
{
    must(pcapng->used + length <= pcapng->capacity);
    memcpy(pcapng->buffer + pcapng->used, data, length);
    pcapng->used += length;
}

static void put_u16(struct pcapng *pcapng, uint16_t value)
{
    put(pcapng, &value, sizeof value);
}

static void put_u32(struct pcapng *pcapng, uint32_t value)
{
    put(pcapng, &value, sizeof value);
}

static void put_padded(struct pcapng *pcapng, const void *data, size_t length)
{
    put(pcapng, data, length);
    put(pcapng, (const uint8_t[4]){0}, -length & 3);
}

static void put_option(struct pcapng *pcapng, enum option_code code, const void *data,
                       size_t length)
{
    put_u16(pcapng, (uint16_t)code);
    put_u16(pcapng, (uint16_t)length);
    put_padded(pcapng, data, length);
}

/* False: disk full, a reader gone. The packets go on, the capture does not. */
static bool write_now(struct pcapng *pcapng)
{
    size_t done = 0;

    while (done < pcapng->used && pcapng->error == 0) {
        ssize_t wrote = write(pcapng->fd, pcapng->buffer + done, pcapng->used - done);

        if (wrote >= 0)
            done += (size_t)wrote;
        else if (errno != EINTR)
            pcapng->error = errno;
    }
    return pcapng->error == 0;
}

/* Only between blocks. */
void pcapng_flush(struct pcapng *pcapng)
{
    if (pcapng->used == 0 || pcapng->memory)
        return;
    if (pcapng->writer != NULL)
        writer_put(pcapng->writer, pcapng->buffer, pcapng->used, pcapng->packets);
    else if (!write_now(pcapng))
        pcapng->lost += pcapng->packets;
    pcapng->used = 0;
    pcapng->packets = 0;
}

static void block_begin(struct pcapng *pcapng, enum block_type type)
{
    if (pcapng->used + BLOCK_MAX > pcapng->capacity)
        pcapng_flush(pcapng);
    pcapng->block = pcapng->used;
    put_u32(pcapng, (uint32_t)type);
    put_u32(pcapng, 0);
}

static void block_end(struct pcapng *pcapng)
{
    put_option(pcapng, OPTION_END, "", 0);
    uint32_t length = (uint32_t)(pcapng->used - pcapng->block + 4);

    put_u32(pcapng, length);
    memcpy(pcapng->buffer + pcapng->block + 4, &length, sizeof length);
}

/* ---- file, section, interfaces ---- */

static void put_section(struct pcapng *pcapng)
{
    static const char application[] = "handfast " HF_VERSION;

    block_begin(pcapng, BLOCK_SECTION);
    put_u32(pcapng, 0x1a2b3c4d);
    put_u16(pcapng, 1); /* version 1.0 */
    put_u16(pcapng, 0);
    put_u32(pcapng, UINT32_MAX); /* the section's length is not said */
    put_u32(pcapng, UINT32_MAX);
    put_option(pcapng, OPTION_USER_APPLICATION, application, sizeof application - 1);
    block_end(pcapng);
}

static struct pcapng *make(size_t capacity, int64_t time_offset_us)
{
    struct pcapng *pcapng = malloc(sizeof *pcapng + capacity);

    if (!pcapng)
        return NULL;
    memset(pcapng, 0, sizeof *pcapng);
    pcapng->fd = -1;
    pcapng->capacity = capacity;
    pcapng->time_offset_us = time_offset_us;
    pcapng->stage_bytes = malloc(STAGE_FRAMES * (size_t)HF_FRAME_MAX);
    if (pcapng->stage_bytes)
        return pcapng;
    free(pcapng);
    return NULL;
}

static void unmake(struct pcapng *pcapng)
{
    free(pcapng->stage_bytes);
    free(pcapng);
}

int pcapng_open(struct pcapng **out, const char *path, int64_t time_offset_us)
{
    struct pcapng *pcapng = make(BUFFER_BYTES, time_offset_us);

    if (!pcapng)
        return HF_NO_MEMORY;
    pcapng->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (pcapng->fd < 0) {
        int number = errno;

        unmake(pcapng);
        errno = number;
        return HF_SYSTEM;
    }
    put_section(pcapng);
    *out = pcapng;
    return HF_OK;
}

int pcapng_open_memory(struct pcapng **out, size_t bytes, int64_t time_offset_us)
{
    struct pcapng *pcapng = make(bytes > 2 * BLOCK_MAX ? bytes : 2 * BLOCK_MAX, time_offset_us);

    if (!pcapng)
        return HF_NO_MEMORY;
    pcapng->memory = true;
    put_section(pcapng);
    *out = pcapng;
    return HF_OK;
}

/* Room for a packet of so many bytes, if it can be made. */
static bool make_room(struct pcapng *pcapng, size_t length)
{
    size_t need = length + PCAPNG_COMMENT_MAX + 128;

    if (!pcapng->memory || pcapng->used + need <= pcapng->capacity)
        return true; /* block_begin flushes to the file */
    memmove(pcapng->buffer, pcapng->buffer + pcapng->taken, pcapng->used - pcapng->taken);
    pcapng->used -= pcapng->taken;
    pcapng->taken = 0;
    return pcapng->used + need <= pcapng->capacity;
}

size_t pcapng_take(struct pcapng *pcapng, size_t limit, const uint8_t **bytes)
{
    size_t length = pcapng->used - pcapng->taken;

    must(pcapng->memory);
    if (length == 0)
        pcapng->used = pcapng->taken = 0;
    if (length > limit)
        length = limit;
    *bytes = pcapng->buffer + pcapng->taken;
    pcapng->taken += length;
    return length;
}

uint64_t pcapng_made(const struct pcapng *pcapng)
{
    return pcapng->made;
}

uint64_t pcapng_close(struct pcapng *pcapng)
{
    if (!pcapng)
        return 0;
    pcapng_flush(pcapng);
    uint64_t lost = pcapng->lost;
    struct writer_count count;

    if (pcapng->writer != NULL) {
        writer_close(pcapng->writer, CLOSE_PATIENCE_MS, &count);
        lost += count.refused + count.put - count.written; /* failed, or still waiting */
    } else if (!pcapng->memory && close(pcapng->fd) != 0 && pcapng->error == 0) {
        lost++;
    }
    unmake(pcapng);
    return lost;
}

/* What a reader needs first is written before anybody goes on. */
int pcapng_write_behind(struct pcapng *pcapng)
{
    pcapng_flush(pcapng);
    if (pcapng->error != 0) {
        errno = pcapng->error;
        return HF_SYSTEM;
    }
    pcapng->writer = writer_open(pcapng->fd, WRITER_FILE, RING_BYTES);
    return pcapng->writer != NULL ? HF_OK : HF_SYSTEM;
}

uint64_t pcapng_lost(const struct pcapng *pcapng, int *error)
{
    struct writer_count count = {.last_error = pcapng->error};

    if (pcapng->writer != NULL)
        writer_counts(pcapng->writer, &count);
    *error = count.last_error;
    return pcapng->lost + count.refused + count.failed;
}

unsigned pcapng_add_interface(struct pcapng *pcapng, const char *name, enum hf_link link)
{
    block_begin(pcapng, BLOCK_INTERFACE);
    put_u16(pcapng, link == HF_ETHERNET ? 1 : 101); /* LINKTYPE_ETHERNET, LINKTYPE_RAW */
    put_u16(pcapng, 0);
    put_u32(pcapng, 0); /* no packet is shortened */
    put_option(pcapng, OPTION_IF_NAME, name, strnlen(name, 64));
    put_option(pcapng, OPTION_IF_TSRESOL, &(uint8_t){6}, 1); /* microseconds */
    block_end(pcapng);
    return pcapng->interfaces++;
}

/* ---- packets ---- */

static void put_packet(struct pcapng *pcapng, const struct pcapng_note *note, const uint8_t *data,
                       uint32_t length, const char *comment)
{
    uint64_t at = (uint64_t)(note->at_us + pcapng->time_offset_us);

    if (!make_room(pcapng, length)) {
        pcapng->lost++;
        return;
    }
    pcapng->made++;
    block_begin(pcapng, BLOCK_PACKET);
    put_u32(pcapng, note->interface);
    put_u32(pcapng, (uint32_t)(at >> 32));
    put_u32(pcapng, (uint32_t)at);
    put_u32(pcapng, length);
    put_u32(pcapng, length);
    put_padded(pcapng, data, length);
    put_option(pcapng, OPTION_EPB_FLAGS, &(uint32_t){note->outbound ? 2 : 1}, 4);
    put_option(pcapng, OPTION_COMMENT, comment, strnlen(comment, PCAPNG_COMMENT_MAX));
    block_end(pcapng);
    pcapng->packets++;
}

void pcapng_packet(struct pcapng *pcapng, const struct hf_frame *frame,
                   const struct pcapng_note *note)
{
    char comment[PCAPNG_COMMENT_MAX];
    struct cut cut;

    must(note->interface < pcapng->interfaces);
    if (pcapng->error != 0 || frame->length > HF_FRAME_MAX) {
        pcapng->lost++;
        return;
    }
    cut_begin(&cut, frame);
    for (uint32_t length; (length = cut_next(&cut, pcapng->cut)) > 0;) {
        if (cut.parts == 1)
            snprintf(comment, sizeof comment, "%s", note->comment);
        else
            snprintf(comment, sizeof comment, "%s (part %u of %u)", note->comment, cut.part,
                     cut.parts);
        put_packet(pcapng, note, pcapng->cut, length, comment);
    }
}

void pcapng_describe_input(const struct hf_frame *frame, char comment[PCAPNG_COMMENT_MAX])
{
    const char *name = hf_stat_name((enum hf_stat)frame->reason);
    const char *meaning = hf_stat_meaning((enum hf_stat)frame->reason);

    switch ((enum hf_verdict)frame->verdict) {
    case HF_DELIVERED:
        if (frame->reason == HF_STAT_none)
            snprintf(comment, PCAPNG_COMMENT_MAX, "delivered");
        else
            snprintf(comment, PCAPNG_COMMENT_MAX, "delivered, %s: %s", name, meaning);
        return;
    case HF_DROPPED:
        snprintf(comment, PCAPNG_COMMENT_MAX, "dropped, %s: %s", name, meaning);
        return;
    case HF_FOREIGN:
        snprintf(comment, PCAPNG_COMMENT_MAX, "foreign, %s: %s", name, meaning);
        return;
    }
    snprintf(comment, PCAPNG_COMMENT_MAX, "?");
}

void pcapng_before_input(struct pcapng *pcapng, const struct hf_frame *frames, size_t count)
{
    pcapng->staged = count < STAGE_FRAMES ? count : STAGE_FRAMES;
    for (size_t i = 0; i < pcapng->staged; i++) {
        uint8_t *copy = pcapng->stage_bytes + i * HF_FRAME_MAX;

        pcapng->stage[i] = frames[i];
        if (frames[i].length > HF_FRAME_MAX)
            continue; /* counted as lost later */
        pcapng->stage[i].data = memcpy(copy, frames[i].data, frames[i].length);
    }
}

void pcapng_after_input(struct pcapng *pcapng, unsigned interface, const struct hf_frame *frames,
                        size_t count, int64_t now_us)
{
    char comment[PCAPNG_COMMENT_MAX];
    struct pcapng_note note = {interface, false, now_us, comment};

    for (size_t i = 0; i < count; i++) {
        pcapng_describe_input(&frames[i], comment);
        pcapng_packet(pcapng, i < pcapng->staged ? &pcapng->stage[i] : &frames[i], &note);
    }
    pcapng->staged = 0;
}

void pcapng_output(struct pcapng *pcapng, unsigned interface, const struct hf_frame *frames,
                   size_t count, int64_t now_us)
{
    struct pcapng_note note = {interface, true, now_us, NULL};

    for (size_t i = 0; i < count; i++) {
        note.comment = frames[i].unproven ? "sent to an unproven peer" : "sent";
        pcapng_packet(pcapng, &frames[i], &note);
    }
}
