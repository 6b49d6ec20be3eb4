/* pcapng by ourselves: libpcap wants all interfaces of a file to be of one kind of link, and real captures have several.
 * See draft-ietf-opsawg-pcapng 3 and 4. */
#ifndef EXPLAIN_PCAPNG_FILE_H
#define EXPLAIN_PCAPNG_FILE_H

#include <stdio.h>

#include "explain/capture_file.h"

struct pcapng_file;

/* Of a file that begins as pcapng does, at its beginning; NULL: no memory. The file is closed with it. */
struct pcapng_file *pcapng_file_open(FILE *file);
void pcapng_file_close(struct pcapng_file *file);

enum capture_read pcapng_file_next(struct pcapng_file *file, struct capture_packet *packet,
                                   char error[CAPTURE_ERROR_MAX]);

#endif
