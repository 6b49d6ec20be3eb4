/* A server and masses of clients that are nothing but numbers: what they send is made by hand, and all that is kept of each is
 * where the server's sequence numbers begin. */
#ifndef BENCH_MASSES_H
#define BENCH_MASSES_H

#include "door.h"

#include "wire/packet.h"

#define MASSES_ISN 5000u

struct masses {
    struct door door;
    hf_socket *sockets; /* the server's, by client           */
    uint32_t *next;     /* the server's next sequence number */
    uint32_t clients;   /* that are there, or were           */
    uint16_t window;    /* that they announce                */
    uint32_t said;      /* bytes that who writes now has said before */
};

/* Room for so many connections; the caller changes what differs and opens. */
struct hf_config masses_config(uint32_t clients);
void masses_open(struct masses *masses, const struct hf_config *config, uint32_t clients);
void masses_close(struct masses *masses);

struct flow masses_flow(uint32_t client);

/* Whose flow a frame of the server's belongs to, and its segment; UINT32_MAX: nobody's. */
uint32_t masses_read(const struct masses *masses, struct hf_frame *frame, struct packet *packet);

/* The next `count` clients (at most DOOR_BATCH) connect and are accepted. */
void masses_enter(struct masses *masses, uint32_t count);

/* Frame number i of the next batch: `length` bytes of text from a client, which acknowledges all that came. */
void masses_write(struct masses *masses, size_t i, uint32_t client, uint32_t length);

#endif
