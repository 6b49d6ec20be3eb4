/* Capture files, by libpcap. */
#include "explain/capture_file.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/time.h"

struct capture_file {
    pcap_t *pcap;
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

struct capture_file *capture_file_open(const char *path, char error[CAPTURE_ERROR_MAX])
{
    char why[PCAP_ERRBUF_SIZE];
    struct capture_file *file;
    int type;

    if (!is_regular(path, error))
        return NULL;
    file = calloc(1, sizeof *file);
    if (!file) {
        snprintf(error, CAPTURE_ERROR_MAX, "no memory");
        return NULL;
    }
    file->pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_MICRO, why);
    if (!file->pcap) {
        snprintf(error, CAPTURE_ERROR_MAX, "%s%s%s; accepted is a capture file (pcap, pcapng)",
                 strstr(why, path) ? "" : path, strstr(why, path) ? "" : ": ", why);
        free(file);
        return NULL;
    }
    type = pcap_datalink(file->pcap);
    if (!link_of(type, &file->link)) {
        const char *name = pcap_datalink_val_to_name(type);

        snprintf(error, CAPTURE_ERROR_MAX,
                 "%s: packets of link type %s (%d); accepted are EN10MB, RAW, IPV4, IPV6, NULL, "
                 "LOOP, LINUX_SLL and LINUX_SLL2",
                 path, name ? name : "?", type);
        capture_file_close(file);
        return NULL;
    }
    return file;
}

void capture_file_close(struct capture_file *file)
{
    pcap_close(file->pcap);
    free(file);
}

enum dissect_link capture_file_link(const struct capture_file *file)
{
    return file->link;
}

enum capture_read capture_file_next(struct capture_file *file, struct capture_packet *packet,
                                    char error[CAPTURE_ERROR_MAX])
{
    struct pcap_pkthdr *header;
    const u_char *data;
    int result = pcap_next_ex(file->pcap, &header, &data);

    if (result == 1) {
        *packet = (struct capture_packet){
            .data = data,
            .captured = header->caplen,
            .length = header->len,
            .at_us = (int64_t)header->ts.tv_sec * US_PER_S + header->ts.tv_usec,
        };
        return CAPTURE_PACKET;
    }
    if (result == PCAP_ERROR_BREAK)
        return CAPTURE_END;
    snprintf(error, CAPTURE_ERROR_MAX, "%s", pcap_geterr(file->pcap));
    return CAPTURE_BROKEN;
}
