/* Packets as text, in packetdrill's notation: "S. 0:0(0) ack 1 win 65535 <mss 1460>". */
#ifndef WIRE_PRINT_H
#define WIRE_PRINT_H

#include "wire/packet.h"

#define PRINT_MAX 512 /* no line is longer, with its final zero */

/* Where numbers begin: those of the segment's sender and of its receiver. Without them they are absolute. */
struct print_bases {
    seq iss, irs; /* seq is printed from iss; ack and SACK blocks from irs */
    bool known;
};

/* Both write at most `size` bytes, the final zero included, and return the length without it. bases: NULL allowed. */
uint32_t print_segment(char *to, uint32_t size, const struct segment *seg,
                       const struct print_bases *bases);

/* With the addresses: "192.0.2.1:4711 > 192.0.2.2:80 S 0:0(0) win 65535", "arp who-has ..." and so on. */
uint32_t print_packet(char *to, uint32_t size, const struct packet *packet,
                      const struct print_bases *bases);

#endif
