/* Captures in which every packet says what became of it. [draft-ietf-opsawg-pcapng]
 *
 * Frames are written as a wire would have carried them (cut.h), with a comment: "delivered", or the counter that names the
 * refusal and its meaning. Writing goes to a buffer first and never fails loudly: what the file does not take is left out,
 * packet by packet whole, and counted.
 */
#ifndef DRIVER_PCAPNG_H
#define DRIVER_PCAPNG_H

#include <handfast/handfast.h>

struct pcapng;

/* Creates the file (replacing one that is there). time_offset_us is added to every now_us: wall_minus_now_us for true dates.
 * HF_OK, HF_NO_MEMORY, or HF_SYSTEM with errno. */
int pcapng_open(struct pcapng **pcapng, const char *path, int64_t time_offset_us);

/* From now on a thread writes the file, and nobody waits for the disk. HF_OK or HF_SYSTEM with errno. */
int pcapng_write_behind(struct pcapng *pcapng);

/* Packets that could not be written so far, and why the last time: an errno, 0: the file was too slow. */
uint64_t pcapng_lost(const struct pcapng *pcapng, int *error);

/* Packets that could not be written so far, and errno of the last time, 0 if that went well. */
uint64_t pcapng_lost(const struct pcapng *pcapng, int *error);

/* The same into memory, for somebody who takes it with pcapng_take: what does not fit into `bytes` is lost and counted. */
int pcapng_open_memory(struct pcapng **pcapng, size_t bytes, int64_t time_offset_us);

/* What was written since the last time, at most `limit` bytes, valid until the next call. Only of one in memory. */
size_t pcapng_take(struct pcapng *pcapng, size_t limit, const uint8_t **bytes);

/* Packets that went into the buffer so far. */
uint64_t pcapng_made(const struct pcapng *pcapng);

/* What the stack did with a frame, in the words of a comment. */
#define PCAPNG_COMMENT_MAX 200
void pcapng_describe_input(const struct hf_frame *frame, char comment[PCAPNG_COMMENT_MAX]);

/* Flushes and closes. Returns how many packets could not be written. NULL is allowed. */
uint64_t pcapng_close(struct pcapng *pcapng);

/* Another interface, to be named by the number returned: 0, 1 ... */
unsigned pcapng_add_interface(struct pcapng *pcapng, const char *name, enum hf_link link);

/* Around hf_input: the first keeps the bytes (the stack may change them; HF_TAP_BATCH-sized batches), the second writes them
 * with their verdicts. Without the first, the second takes the bytes as they are. */
void pcapng_before_input(struct pcapng *pcapng, const struct hf_frame *frames, size_t count);
void pcapng_after_input(struct pcapng *pcapng, unsigned interface, const struct hf_frame *frames,
                        size_t count, int64_t now_us);

/* Between hf_output and the driver. */
void pcapng_output(struct pcapng *pcapng, unsigned interface, const struct hf_frame *frames,
                   size_t count, int64_t now_us);

/* One frame with words of the caller's own. */
struct pcapng_note {
    unsigned interface;
    bool outbound;
    int64_t at_us; /* in the clock of now_us */
    const char *comment;
};

void pcapng_packet(struct pcapng *pcapng, const struct hf_frame *frame,
                   const struct pcapng_note *note);

/* Gives what is buffered to the file. */
void pcapng_flush(struct pcapng *pcapng);

#endif
