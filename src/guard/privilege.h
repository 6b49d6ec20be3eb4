/* What the guard gives up before its first packet: root, its other users' groups, every capability it does not name. */
#ifndef HF_GUARD_PRIVILEGE_H
#define HF_GUARD_PRIVILEGE_H

#include <stdint.h>

#define PRIVILEGE_ERROR_MAX 256

/* What may be kept: bits of privilege.keep. */
enum privilege_keep {
    PRIVILEGE_NET_RAW = 1,          /* to connect from a client's own address (IP_TRANSPARENT) */
    PRIVILEGE_NET_ADMIN = 2,        /* to change nft sets, rules and routes while serving      */
    PRIVILEGE_NET_BIND_SERVICE = 4, /* to bind to a port below 1024                            */
};

struct privilege {
    const char
        *user; /* becomes this user, with his groups; "" or NULL, or not root: stays who it is */
    uint32_t keep; /* enum privilege_keep */
};

/* Becomes the user, keeps the named capabilities and no others (the bounding and ambient sets are emptied), can gain none
 * by executing anything (no_new_privs), and leaves no core file with secrets in it (dumpable off).
 *
 * To be called when everything privileged is open, and before a thread is started: capabilities belong to threads. From
 * then on /proc/self belongs to root. HF_OK, or HF_SYSTEM or HF_NO_PERMISSION with `error` a sentence that says what failed;
 * the caller must then end. */
int privilege_drop(const struct privilege *privilege, char error[PRIVILEGE_ERROR_MAX]);

#endif
