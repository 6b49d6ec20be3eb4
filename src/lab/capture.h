/* Reads a capture that the guard wrote: the TCP segments of one conversation. [draft-ietf-opsawg-pcapng 4] */
#ifndef LAB_CAPTURE_H
#define LAB_CAPTURE_H

#include "wire/packet.h"

struct captured {
    int64_t at_us;
    bool outbound; /* from the guard */
    struct segment segment;
};

struct capture {
    uint32_t packets; /* of IPv4 or IPv6 */
    uint32_t refused; /* of them, what our own parser does not accept */
    uint32_t count;
    struct captured *segments; /* of the conversation */
    uint8_t *bytes;            /* the file: segments point into it */
};

/* The conversation of this client's port, over IPv4 or IPv6. False: `why` says what is wrong with the file. */
bool capture_read(struct capture *capture, const char *path, uint8_t version, uint16_t client_port,
                  char why[256]);
void capture_free(struct capture *capture);

#endif
