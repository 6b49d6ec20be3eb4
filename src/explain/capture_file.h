/* Capture files of any tool: pcap by libpcap, pcapng by ourselves. */
#ifndef EXPLAIN_CAPTURE_FILE_H
#define EXPLAIN_CAPTURE_FILE_H

#include "explain/dissect.h"

#define CAPTURE_ERROR_MAX 400
#define CAPTURE_LINKS "EN10MB, RAW, IPV4, IPV6, NULL, LOOP, LINUX_SLL and LINUX_SLL2"

struct capture_packet {
    const uint8_t *data; /* valid until the next */
    uint32_t captured, length;
    enum dissect_link link;
    int64_t at_us; /* wall time */
};

struct capture_file;

/* "-": standard input. NULL: `error` says what the file is not. */
struct capture_file *capture_file_open(const char *path, char error[CAPTURE_ERROR_MAX]);
void capture_file_close(struct capture_file *file);

enum capture_read {
    CAPTURE_PACKET,
    CAPTURE_END,
    CAPTURE_BROKEN, /* the file ends within a packet, or says what cannot be: `error` */
};

enum capture_read capture_file_next(struct capture_file *file, struct capture_packet *packet,
                                    char error[CAPTURE_ERROR_MAX]);

#endif
