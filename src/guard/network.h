/* What the kernel says of interfaces, addresses and routes. [rtnetlink(7)] */
#ifndef HF_GUARD_NETWORK_H
#define HF_GUARD_NETWORK_H

#include <handfast/handfast.h>

#define NETWORK_ADDRESSES_MAX 256

struct network_link {
    int index;  /* 0: there is none */
    int master; /* index of the bridge or bond that it belongs to, or 0 */
    uint32_t mtu;
    struct hf_mac mac;
    bool ethernet, loopback, up;
    bool carrier; /* up, and somebody is at the other end */
};

struct network_address {
    struct hf_prefix prefix;
    int index; /* of its interface */
};

/* All answer HF_OK, HF_NO_DEVICE, HF_NO_PERMISSION, or HF_SYSTEM with errno. */
int network_link(const char *name, struct network_link *link);

/* Unicast addresses of this host that are in use, up to NETWORK_ADDRESSES_MAX. */
int network_addresses(struct network_address addresses[NETWORK_ADDRESSES_MAX], uint32_t *count);

/* Routes of the main table with a gateway behind this interface: the default routes first, one a prefix. *left_out: how many
 * more there are than HF_ROUTES_MAX. */
int network_routes(int index, struct hf_route routes[HF_ROUTES_MAX], uint32_t *count,
                   uint32_t *left_out);

/* News of interfaces: a descriptor to be watched, or -1 with errno. */
int network_monitor_open(void);

struct network_news {
    int index; /* 0: some news were lost in a full queue */
    char name[16];
    bool gone;
    bool route; /* a default route came or went; the rest says nothing */
};

/* The next news, false: no more now. */
bool network_monitor_read(int fd, struct network_news *news);

#endif
