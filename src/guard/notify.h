/* What a supervisor is told, and what it keeps for us: the protocol of sd_notify(3), over its datagram socket. */
#ifndef HF_GUARD_NOTIFY_H
#define HF_GUARD_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
    int fd; /* -1: nobody wants to be told */
    struct sockaddr_un address;
    socklen_t address_bytes;
    int64_t watchdog_us; /* the supervisor ends who is silent for so long; 0: it does not watch */
    int64_t fed_at_us;
};

/* Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID. Without a supervisor all that follows does nothing. */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* Lines "READY=1", "STATUS=...", separated by newlines. Never waits; false: it did not get through. */
__attribute__((format(printf, 2, 3))) bool notify_say(const struct notify *notify,
                                                      const char *format, ...);

/* A descriptor to be kept over a restart under a name; another one of that name is forgotten first. */
bool notify_keep(const struct notify *notify, const char *name, int fd);
void notify_forget(const struct notify *notify, const char *name);

/* Takes the descriptor kept under this name, -1: there is none. Each name once. ($LISTEN_PID, $LISTEN_FDS, $LISTEN_FDNAMES) */
int notify_take(const char *name);

/* To be called when a turn of the packet loop is over, and from nowhere else: that is what is watched. */
void notify_feed(struct notify *notify, int64_t now_us);

/* When notify_feed wants to be called next; INT64_MAX: nobody watches. */
int64_t notify_deadline(const struct notify *notify);

#endif
