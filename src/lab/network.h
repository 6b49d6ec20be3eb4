/* The private network:
 *
 *     client namespace                guard namespace
 *     curl, clients of the lab        router (kernel)         handfast guard     nginx
 *     198.51.100.2   eth0 ---- up0    198.51.100.1
 *     2001:db8:2::2                   2001:db8:2::1
 *                                     192.0.2.1      hf0 ---- 192.0.2.10 ------- 127.0.0.1:8080
 *                                     2001:db8:1::1  (TAP)    2001:db8:1::10
 *
 * Clients are the Linux kernel's TCP, one router away from ours. Checksum and segmentation offload stay on, so that large
 * segments cross it uncut, as they do on a server's own network card.
 */
#ifndef LAB_NETWORK_H
#define LAB_NETWORK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum family {
    IPV4,
    IPV6,
    FAMILIES,
};

#define NETWORK_TAP "hf0"
#define NETWORK_GUARD_V4 "192.0.2.10"
#define NETWORK_GUARD_V6 "2001:db8:1::10"
#define NETWORK_WEB_PORT 80
#define NETWORK_DOWN_PORT 81 /* a service whose backend does not run */
#define NETWORK_BACKEND_PORT 8080

struct network {
    int client_fd, guard_fd; /* the namespaces */
};

/* Builds it, within a cage: the caller's namespace becomes the guard's. False: `why` says what could not be done. */
bool network_make(struct network *network, char why[256]);

const char *network_family_name(enum family family); /* "IPv4" */

/* The guard's address, for sockets and for URLs. */
socklen_t network_guard_address(struct sockaddr_storage *to, enum family family, uint16_t port);
const char *network_guard_host(enum family family);

#endif
