/* Capture files: pcap by libpcap, pcapng by ourselves. */
#include "explain/capture_file.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/time.h"
#include "explain/pcapng_file.h"

#define READ_AHEAD (1 << 18)
#define MARK_BYTES 4

struct capture_file {
    pcap_t *pcap; /* or NULL, and */
    struct pcapng_file *pcapng;
    enum dissect_link link;
};

static bool link_of(int type, enum dissect_link *link)
{
    switch (type) {
    case DLT_EN10MB: *link = DISSECT_ETHERNET; return true;
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6: *link = DISSECT_RAW_IP; return true;
    case DLT_NULL:
    case DLT_LOOP: *link = DISSECT_NULL; return true;
    case DLT_LINUX_SLL: *link = DISSECT_COOKED; return true;
    case DLT_LINUX_SLL2: *link = DISSECT_COOKED2; return true;
    default: return false;
    }
}

static bool is_regular(const char *path, char error[CAPTURE_ERROR_MAX])
{
    struct stat status;

    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        snprintf(error, CAPTURE_ERROR_MAX,
                 "%s: a directory; accepted is a capture file (pcap, pcapng) or -", path);
        return false;
    }
    return true;
}

/* Looks at the first bytes, and puts them back. */
static bool is_pcapng(FILE *file)
{
    static const uint8_t mark[MARK_BYTES] = {0x0a, 0x0d, 0x0d, 0x0a};
    uint8_t bytes[MARK_BYTES];
    size_t got = fread(bytes, 1, sizeof bytes, file);

    for (size_t i = got; i > 0; i--)
        ungetc(bytes[i - 1], file);
    return got == sizeof mark && memcmp(bytes, mark, sizeof mark) == 0;
}

static bool open_pcap(struct capture_file *capture, FILE *file, const char *path,
                      char error[CAPTURE_ERROR_MAX])
{
    char why[PCAP_ERRBUF_SIZE];
    int type;

    capture->pcap =
        pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_MICRO, why);
    if (!capture->pcap) {
        fclose(file);
        snprintf(error, CAPTURE_ERROR_MAX, "%s: %s; accepted is a capture file (pcap, pcapng)",
                 path, why);
        return false;
    }
    type = pcap_datalink(capture->pcap);
    if (link_of(type, &capture->link))
        return true;
    const char *name = pcap_datalink_val_to_name(type);

    snprintf(error, CAPTURE_ERROR_MAX,
             "%s: packets of link type %s (%d); accepted are " CAPTURE_LINKS, path,
             name ? name : "?", type);
    pcap_close(capture->pcap);
    return false;
}

struct capture_file *capture_file_open(const char *path, char error[CAPTURE_ERROR_MAX])
{
    struct capture_file *capture;
    FILE *file;

    if (!is_regular(path, error))
        return NULL;
    file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    capture = calloc(1, sizeof *capture);
    if (!file || !capture) {
        snprintf(error, CAPTURE_ERROR_MAX, "%s: %s", path, strerror(file ? ENOMEM : errno));
        free(capture);
        return NULL;
    }
    setvbuf(file, NULL, _IOFBF, READ_AHEAD);
    if (is_pcapng(file) && (capture->pcapng = pcapng_file_open(file)))
        return capture;
    if (open_pcap(capture, file, path, error))
        return capture;
    free(capture);
    return NULL;
}

void capture_file_close(struct capture_file *file)
{
    if (file->pcapng)
        pcapng_file_close(file->pcapng);
    else
        pcap_close(file->pcap);
    free(file);
}

enum capture_read capture_file_next(struct capture_file *file, struct capture_packet *packet,
                                    char error[CAPTURE_ERROR_MAX])
{
    struct pcap_pkthdr *header;
    const u_char *data;
    int result;

    if (file->pcapng)
        return pcapng_file_next(file->pcapng, packet, error);
    result = pcap_next_ex(file->pcap, &header, &data);
    if (result == 1) {
        *packet = (struct capture_packet){
            .data = data,
            .captured = header->caplen,
            .length = header->len,
            .link = file->link,
            .at_us = (int64_t)header->ts.tv_sec * US_PER_S + header->ts.tv_usec,
        };
        return CAPTURE_PACKET;
    }
    if (result == PCAP_ERROR_BREAK)
        return CAPTURE_END;
    snprintf(error, CAPTURE_ERROR_MAX, "%s", pcap_geterr(file->pcap));
    return CAPTURE_BROKEN;
}
