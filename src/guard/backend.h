/* A connection to a backend: a kernel socket that never blocks. */
#ifndef HF_GUARD_BACKEND_H
#define HF_GUARD_BACKEND_H

#include "guard/config.h"

#include <handfast/socket.h>

enum backend_verdict {
    BACKEND_CONNECTED,
    BACKEND_CONNECTING, /* writable when it is decided; backend_error says how           */
    BACKEND_BUSY,       /* its queue is full: try again in a moment                      */
    BACKEND_NO_PORT,    /* this source has no port left for it: errno says how           */
    BACKEND_STARVED,    /* no descriptor or memory here, nothing about it: errno says which */
    BACKEND_FAILED,     /* errno says why                                                */
};

/* Where a connection comes from, and how much the kernel may hold of it. */
struct backend_source {
    uint32_t receive_bytes, send_bytes; /* 0: as much as the kernel likes       */
    bool bound;                         /* false: the kernel chooses all of it  */
    bool transparent;                   /* an address that is not ours [ip(7): IP_TRANSPARENT] */
    struct hf_endpoint from;            /* port 0: the kernel chooses it                       */
};

/* Starts to connect. *fd is -1 unless the answer is connected or connecting. `source` NULL: as the kernel likes. */
enum backend_verdict backend_open(const struct config_target *target,
                                  const struct backend_source *source, int *fd);

/* The errno that a connecting socket has met, 0 if none. A socket that found itself at a port of ours where nobody listens
 * (a simultaneous open with itself) is refused. */
int backend_error(int fd, const struct config_target *target);

#define BACKEND_AGAIN (-1) /* nothing there, or no room, now */
#define BACKEND_BROKEN (-2)

/* Bytes moved, 0 at the backend's end of stream (only reading), BACKEND_AGAIN or BACKEND_BROKEN. `limit` bounds them. */
ptrdiff_t backend_write(int fd, const struct hf_span *spans, size_t count, size_t limit);
ptrdiff_t backend_read(int fd, const struct hf_span *spans, size_t count, size_t limit);

/* No more will be written. */
void backend_shutdown(int fd);

/* Closes in order, or with a RST. */
void backend_close(int fd);
void backend_reset(int fd);

#endif
