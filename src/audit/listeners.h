/* Sockets that listen on this host, from the kernel's socket diagnosis, and the processes that hold them. [sock_diag(7)] */
#ifndef AUDIT_LISTENERS_H
#define AUDIT_LISTENERS_H

#include <handfast/handfast.h>

#define LISTENER_NAME_MAX 64

struct listener {
    struct hf_endpoint local; /* address all zero: every address */
    bool udp, v6;
    uint32_t uid, inode;
    int pid; /* 0: unknown */
    char process[LISTENER_NAME_MAX];
    char unit[LISTENER_NAME_MAX]; /* of systemd; "": none */
};

struct listeners {
    struct listener *items;
    uint32_t count, capacity;
};

/* Reads TCP listeners and bound UDP sockets of both families. HF_OK, HF_NO_MEMORY, HF_SYSTEM with errno. */
int listeners_read(struct listeners *listeners);
/* Finds their processes in /proc; those of others take root. */
void listeners_find_processes(struct listeners *listeners);
void listeners_free(struct listeners *listeners);

/* A new row, all zero; NULL: no memory. */
struct listener *listeners_add(struct listeners *listeners);

/* Whether it can be reached from outside: not only on a loopback address. */
bool listener_is_open(const struct listener *listener);

/* "tcp 0.0.0.0:22 sshd[812]". */
#define LISTENER_TEXT_MAX 160
const char *listener_text(char text[LISTENER_TEXT_MAX], const struct listener *listener);

#endif
