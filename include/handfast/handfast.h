/* The public face of Handfast: addresses, configuration, environment, frames and the verbs of a stack. [RFC 9293 3.9]
 *
 * A stack is a value in memory that the caller gives: it makes no system call, reads no clock, allocates nothing and
 * starts no thread. Bytes go in with hf_input, time goes in with hf_tick, bytes come out with hf_output. One stack must
 * only be used by one thread at a time; any number of stacks may live side by side.
 *
 * Instants are microseconds of a clock that never goes back (int64_t now_us). Lengths are bytes. Functions that return
 * int give HF_OK (0) or a negative enum hf_error; hf_error_text() says it in words.
 */
#ifndef HANDFAST_HANDFAST_H
#define HANDFAST_HANDFAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HF_API __attribute__((visibility("default")))

#define HF_VERSION "0.1.0"

/* Limits that are part of the interface. */
#define HF_ADDRESSES_MAX 16
#define HF_ROUTES_MAX 16
#define HF_LINK_HEADER_MAX 18 /* Ethernet with one 802.1Q tag */
#define HF_FRAME_MAX (65535 + HF_LINK_HEADER_MAX)

/* What a call answers when it is not HF_OK. The words in quotes are those of RFC 9293 3.10. */
enum hf_error {
    HF_OK = 0,
    HF_AGAIN = -1,           /* nothing there now, or no room now: wait for readiness       */
    HF_INVALID = -2,         /* an argument or a configuration value is impossible          */
    HF_NO_SOCKET = -3,       /* "connection does not exist": never opened, or closed        */
    HF_NOT_CONNECTED = -4,   /* the handshake is not finished, or it is a listener          */
    HF_CLOSING = -5,         /* "connection closing": nothing more can be sent or received  */
    HF_RESET = -6,           /* "connection reset" by the peer                              */
    HF_REFUSED = -7,         /* "connection refused": our SYN was answered with a reset     */
    HF_TIMED_OUT = -8,       /* "connection aborted due to user timeout", or no answer      */
    HF_UNREACHABLE = -9,     /* the network says that the peer cannot be reached            */
    HF_ADDRESS_IN_USE = -10, /* another listener or connection has this address and port    */
    HF_NO_ADDRESS = -11,     /* the local address is not one of the stack's                 */
    HF_NO_ROUTE = -12,       /* no address of ours, or no route, reaches the remote address */
    HF_NO_ROOM = -13,        /* "insufficient resources": a configured limit is reached     */
    HF_ABORTED = -14,        /* ended by our own side                                       */
    HF_EXISTS = -15,         /* "connection already exists"                                 */
    HF_TOO_SMALL = -16,      /* less memory for hf_init than hf_memory_needed says          */
    HF_NO_MEMORY = -17,      /* the operating system gave no memory                         */
    HF_NO_PERMISSION = -18,  /* it refuses: root or CAP_NET_ADMIN is needed                 */
    HF_NO_DEVICE = -19,      /* there is no TUN device (/dev/net/tun)                       */
    HF_DEVICE_BUSY = -20,    /* the TAP interface is held by another program                */
    HF_SYSTEM = -21,         /* another system call failed; errno says which                */
    HF_FORBIDDEN = -22,      /* a rule of the stack's filter is against it                  */
    HF_NO_CRYPTO = -23,      /* the environment brings no crypto operations                 */
};

/* An IPv6 address, or an IPv4 address in its mapped form ::ffff:a.b.c.d; all zero means "any". Network order. */
struct hf_address {
    uint8_t bytes[16];
};

struct hf_endpoint {
    struct hf_address address;
    uint16_t port; /* host order */
};

/* An address of ours with the length of its network: for IPv4 0 to 32, for IPv6 0 to 128. All zero: unused. */
struct hf_prefix {
    struct hf_address address;
    uint8_t length;
};

/* Packets to `to` go by `gateway`. A default route has the prefix 0.0.0.0/0 or ::/0. */
struct hf_route {
    struct hf_prefix to;
    struct hf_address gateway;
};

struct hf_mac {
    uint8_t bytes[6];
};

enum hf_link {
    HF_ETHERNET = 0,
    HF_RAW_IP = 1,
};

enum hf_on_timeout {
    HF_FORGET = 0, /* a half-open that was never acknowledged is forgotten silently       */
    HF_SEND_RESET, /* the textbook policy: one RST, then CLOSED (the listener never left) */
};

/* Parts that a stack may do without. A program holds the code of those that it names, and of no other: a configuration that
 * names none is IPv4 over a link without addresses, which is all that the smallest servers need. */
struct hf_icmp; /* pings are answered, errors of the network believed; without it ICMP is foreign */
struct hf_ipv6; /* IPv6, with ICMPv6 and neighbour discovery                       */
struct hf_ethernet;   /* HF_ETHERNET: ARP, and who is where on the link                  */
struct hf_reassembly; /* fragments become datagrams; without it they are refused         */
struct hf_watch;      /* connections that stand still are released when room is short    */
struct hf_events;     /* what happens is told to env.event_sink                         */
struct hf_scan;       /* who tries one port after another is told                        */

extern HF_API const struct hf_icmp hf_icmp;
extern HF_API const struct hf_ipv6 hf_ipv6;
extern HF_API const struct hf_ethernet hf_ethernet;
extern HF_API const struct hf_reassembly hf_reassembly;
extern HF_API const struct hf_watch hf_watch;
extern HF_API const struct hf_events hf_events;
extern HF_API const struct hf_scan hf_scan;

/* Each NULL or the address of the one of its name; what the configuration asks of a part that is not named is impossible. */
struct hf_parts {
    const struct hf_icmp *icmp;             /* answer_ping, ipv6 */
    const struct hf_ipv6 *ipv6;             /* addresses, routes */
    const struct hf_ethernet *ethernet;     /* link              */
    const struct hf_reassembly *reassembly; /* max_reassemblies  */
    const struct hf_watch *watch;           /* stall_timeout_ms  */
    const struct hf_events *events;         /* env.event_sink    */
    const struct hf_scan *scan;             /* scan_ports        */
};

#define HF_PARTS_ALL                                                                             \
    {                                                                                            \
        .icmp = &hf_icmp, .ipv6 = &hf_ipv6, .ethernet = &hf_ethernet,                            \
        .reassembly = &hf_reassembly, .watch = &hf_watch, .events = &hf_events, .scan = &hf_scan \
    }

/* What a stack is. Start from HF_CONFIG_DEFAULT and change what differs; where code is dear, from HF_CONFIG_SMALL. */
struct hf_config {
    struct hf_prefix addresses[HF_ADDRESSES_MAX];
    struct hf_route routes[HF_ROUTES_MAX];
    struct hf_mac mac; /* all zero: made from the secret, locally administered */
    enum hf_link link;
    uint16_t mtu;  /* bytes of an IP packet, 1280 to 65535 (576 if only IPv4) */
    uint16_t vlan; /* 802.1Q tag on every frame, 1 to 4094; 0: none           */

    uint32_t max_connections; /* 1 to 2^26                                                */
    uint32_t max_half_opens;  /* SYN cache entries of 64 bytes                            */
    uint32_t max_time_waits;  /* TIME-WAIT records of 64 bytes; 0: as many as connections */
    uint32_t max_listeners;   /* ports that listen                                        */
    uint32_t max_neighbors;   /* link addresses kept                                      */
    uint32_t max_keys;   /* of signed segments (auth.h); 0: none, and nothing is paid for them */
    uint32_t max_signed; /* connections signed at once; 0: as many as connections    */
    uint32_t max_reassemblies; /* IP datagrams under reassembly, 0: fragments are refused  */

    uint32_t receive_bytes; /* one connection's largest receive queue; sets the window scale */
    uint32_t send_bytes;    /* one connection's largest send queue                           */
    uint64_t pool_bytes;    /* shared by all queues; 0: the promise to each, a quarter more  */
    uint32_t promise_bytes; /* of the pool, kept for each connection in need: 4096           */

    uint32_t msl_ms;            /* TIME-WAIT lasts twice this                                 */
    uint32_t min_rto_ms;        /* 200: recorded deviation from RFC 6298's second             */
    uint32_t initial_rto_ms;    /* 1000                                                       */
    uint32_t max_rto_ms;        /* 120000                                                     */
    uint32_t delayed_ack_ms;    /* 40; at most 500, 0: every segment is acknowledged at once  */
    uint32_t user_timeout_ms;   /* data unacknowledged for so long ends the connection        */
    uint32_t syn_timeout_ms;    /* the same for our SYN                                       */
    uint32_t fin_wait_2_ms;     /* how long FIN-WAIT-2 may last once no user holds the socket */
    uint32_t keepalive_idle_ms; /* 0: keep-alive is off, the default                          */
    uint32_t keepalive_interval_ms;
    uint8_t keepalive_count;
    uint8_t initial_window; /* segments: 10                     */
    uint8_t ttl;            /* hop limit of what we send: 64    */
    uint8_t syn_ack_retries;
    uint32_t half_open_timeout_ms;
    enum hf_on_timeout on_timeout;
    /* What is said to peers without a connection, a second and in all; one prefix may use a sixteenth of it. */
    uint32_t reset_budget_per_s;     /* resets                                               */
    uint32_t challenge_budget_per_s; /* ACKs to half-opens and TIME-WAIT that challenge      */
    uint32_t icmp_budget_per_s;      /* ICMP errors, echo replies                            */
    /* Near a limit (connections, pool_bytes) those that made no progress for so long are released, the sooner the nearer
     * it is; 0: never. */
    uint32_t stall_timeout_ms;
    uint8_t scan_ports; /* closed ports, or odd flag sets, tried by one prefix: an event; 0: none */

    bool timestamps;      /* RFC 7323                                     */
    bool window_scaling;  /* RFC 7323                                     */
    uint8_t window_scale; /* the least shift to offer; 0: what receive_bytes needs */
    bool sack;            /* RFC 2018                                     */
    bool nagle;           /* RFC 9293 3.7.4                               */
    bool answer_ping;
    bool gratuitous_arp;   /* announce our addresses at the start          */
    bool addresses_shared; /* another stack of this host has the addresses too: it answers for them
                                          * (ARP, neighbour discovery, groups, echo), we only ask           */
    bool allow_self_connect;             /* refused by default                           */
    bool allow_simultaneous_at_listener; /* our SYN from a listening port met by a SYN   */
    bool checksum_offload;               /* the driver completes checksums on output     */
    uint32_t segmentation_bytes;         /* largest segment for a driver that cuts it; 0: none */

    struct hf_parts parts;
};

/* A sensible stack, with all parts. */
#define HF_CONFIG_DEFAULT                                                                          \
    {                                                                                              \
        .link = HF_ETHERNET, .mtu = 1500, .max_connections = 64, .max_half_opens = 256,            \
        .max_listeners = 8, .max_neighbors = 64, .max_reassemblies = 16, .receive_bytes = 32768,   \
        .send_bytes = 32768, .promise_bytes = 4096, .msl_ms = 30000, .min_rto_ms = 200,            \
        .initial_rto_ms = 1000, .max_rto_ms = 120000, .delayed_ack_ms = 40,                        \
        .user_timeout_ms = 300000, .syn_timeout_ms = 180000, .fin_wait_2_ms = 60000,               \
        .keepalive_interval_ms = 75000, .keepalive_count = 9, .initial_window = 10, .ttl = 64,     \
        .syn_ack_retries = 2, .half_open_timeout_ms = 10000, .reset_budget_per_s = 1000,           \
        .challenge_budget_per_s = 1000, .icmp_budget_per_s = 1000, .stall_timeout_ms = 60000,      \
        .scan_ports = 16, .timestamps = true, .window_scaling = true, .sack = true, .nagle = true, \
        .answer_ping = true, .gratuitous_arp = true, .parts = HF_PARTS_ALL                         \
    }

/* A small one, of 4 connections over raw IP, without parts: those that are needed are named in .parts. */
#define HF_CONFIG_SMALL                                                                       \
    {                                                                                         \
        .link = HF_RAW_IP, .mtu = 576, .max_connections = 4, .max_half_opens = 8,             \
        .max_listeners = 1, .receive_bytes = 2048, .send_bytes = 2048, .promise_bytes = 2048, \
        .msl_ms = 30000, .min_rto_ms = 200, .initial_rto_ms = 1000, .max_rto_ms = 120000,     \
        .delayed_ack_ms = 40, .user_timeout_ms = 300000, .syn_timeout_ms = 180000,            \
        .fin_wait_2_ms = 60000, .keepalive_interval_ms = 75000, .keepalive_count = 9,         \
        .initial_window = 10, .ttl = 64, .syn_ack_retries = 2, .half_open_timeout_ms = 10000, \
        .reset_budget_per_s = 100, .challenge_budget_per_s = 100, .icmp_budget_per_s = 100,   \
        .timestamps = true, .window_scaling = true, .sack = true, .nagle = true               \
    }

/* MACs for signed segments: hf_os_crypto() of libhandfast-os, or one's own. NULL: nothing can be signed. */
struct hf_crypto_ops;
struct hf_event_sink; /* event.h */

/* What the world gives a stack. Everything is copied by hf_init except `memory` and `event_sink`. */
struct hf_env {
    void *memory; /* aligned to 64, hf_memory_needed() bytes, the stack's until it is given up */
    size_t memory_bytes;
    bool memory_is_zero; /* fresh from the kernel: what is not used is never touched            */
    uint8_t secret[32];  /* from a good source of randomness; keys for hashes, ISNs and cookies */
    /* Base key of the SYN cookies. Several machines that share it, and whose clocks agree within seconds, open each
     * other's cookies (HF1). All zero and not shared: made from `secret`. */
    uint8_t cookie_key[16];
    bool cookie_key_shared;
    int64_t wall_minus_now_us;
    const struct hf_crypto_ops *crypto;
    struct hf_event_sink *event_sink;
    /* Internet checksum helpers, NULL for portable ones. Both return the 16-bit ones' complement sum (not inverted) of
     * the bytes as big-endian words, an odd last byte padded with zero, folded and in host order. [RFC 1071] */
    uint16_t (*checksum)(const void *data, size_t length);
    uint16_t (*copy_and_checksum)(void *to, const void *from, size_t length);
};

enum hf_checksum {
    HF_CHECKSUM_NONE = 0, /* in: to be verified. out: complete in the frame         */
    HF_CHECKSUM_VERIFIED, /* in: the device has verified it                         */
    HF_CHECKSUM_PARTIAL,  /* the field holds the pseudo-header's sum, no more       */
};

/* What became of a frame that was given to hf_input. */
enum hf_verdict {
    HF_DELIVERED = 0, /* part of a conversation of ours, used                         */
    HF_DROPPED,       /* ours, but refused: `reason` names the counter (stats.h)      */
    HF_FOREIGN,       /* not for this stack (UDP, others' addresses): the caller's    */
};

/* A frame in the caller's memory. For hf_input the caller fills data, length, link, checksum and gso_size; the stack
 * writes verdict and reason and may change the bytes. For hf_output the caller fills data and capacity; the stack writes
 * the bytes, length, link, checksum, gso_size, header_length and transport_offset. */
struct hf_frame {
    uint8_t *data;
    uint32_t length;
    uint32_t capacity;
    uint8_t link;              /* enum hf_link                                             */
    uint8_t checksum;          /* enum hf_checksum                                         */
    uint8_t verdict;           /* enum hf_verdict                                          */
    uint8_t unproven;          /* out: 1 when it answers a peer without a connection       */
    uint16_t gso_size;         /* bytes of text in each segment of a larger one; 0: one    */
    uint16_t header_length;    /* out: link, IP and TCP header together                    */
    uint16_t transport_offset; /* out: where the TCP or ICMP header begins                 */
    uint16_t reason;           /* enum hf_stat: why it was refused                         */
    uint32_t flow_hash;
    uint64_t driver_word; /* the driver's own                                         */
};

struct hf_stack;

/* How many bytes of memory hf_init needs for this configuration; 0 if the configuration is impossible. */
HF_API size_t hf_memory_needed(const struct hf_config *config);

/* Makes a stack in env->memory. HF_INVALID: hf_config_error() says which value, or there is a sink and no parts.events; HF_TOO_SMALL: the memory is. */
HF_API int hf_init(struct hf_stack **stack, const struct hf_config *config,
                   const struct hf_env *env, int64_t now_us);

/* NULL if the configuration is possible, else a sentence that names the value and what is accepted. */
HF_API const char *hf_config_error(const struct hf_config *config);

/* Bytes arrived: count frames, each answered in its own verdict. Never fails. */
HF_API void hf_input(struct hf_stack *stack, struct hf_frame *frames, size_t count, int64_t now_us);

/* What to send now: fills up to count slots and returns how many. A slot smaller than the link header and the MTU is not
 * used; one of HF_FRAME_MAX bytes can carry segmentation_bytes. Call until it returns less than count. */
HF_API size_t hf_output(struct hf_stack *stack, struct hf_frame *slots, size_t count,
                        int64_t now_us);

/* What may change while a stack runs; the rest of its configuration is for its life. Meanings and ranges are those of struct
 * hf_config. */
struct hf_limits {
    uint32_t reset_budget_per_s;
    uint32_t challenge_budget_per_s;
    uint32_t icmp_budget_per_s;
    uint32_t stall_timeout_ms; /* 0 only if it was 0 before */
    uint8_t scan_ports;
};

/* Other limits from now on. HF_INVALID: one is out of its range, and nothing has changed. */
HF_API int hf_change_limits(struct hf_stack *stack, const struct hf_limits *limits);

/* The instant at which hf_tick has something to do; INT64_MAX if nothing is waiting. */
HF_API int64_t hf_next_deadline(const struct hf_stack *stack);

/* Time passed: runs every timer that is due. */
HF_API void hf_tick(struct hf_stack *stack, int64_t now_us);

/* The station has another link address from now on, as when its interface was replaced. HF_INVALID: a group address, zero,
 * or a link without addresses. */
HF_API int hf_set_mac(struct hf_stack *stack, const struct hf_mac *mac);

/* Other routes from now on, for connections that are there too: up to HF_ROUTES_MAX. HF_INVALID: one is impossible, and
 * nothing has changed. */
HF_API int hf_set_routes(struct hf_stack *stack, const struct hf_route *routes, size_t count);

/* Which of `cores` stacks a frame belongs to: by its flow, ICMP errors by the quoted flow, fragments by addresses.
 * Frames that concern all of them (ARP, neighbour discovery) give `cores`. */
HF_API unsigned hf_steer(const struct hf_frame *frame, unsigned cores);

/* One line for an enum hf_error. Never NULL. */
HF_API const char *hf_error_text(int error);

/* "192.0.2.1", "2001:db8::1". HF_INVALID if it is not an address. */
HF_API int hf_address_parse(struct hf_address *address, const char *text);

/* "192.0.2.1/24", "2001:db8::1/64"; without a length it is one host (32, 128). HF_INVALID if it is not a prefix. */
HF_API int hf_prefix_parse(struct hf_prefix *prefix, const char *text);

/* "192.0.2.1:80", "[2001:db8::1]:80", ":80" or "80" (any address). HF_INVALID if it is not an endpoint. */
HF_API int hf_endpoint_parse(struct hf_endpoint *endpoint, const char *text);

#define HF_ADDRESS_TEXT_MAX 46
#define HF_ENDPOINT_TEXT_MAX 56

/* The usual text form (RFC 5952), written to `text` and returned. */
HF_API const char *hf_address_format(char text[HF_ADDRESS_TEXT_MAX],
                                     const struct hf_address *address);
HF_API const char *hf_endpoint_format(char text[HF_ENDPOINT_TEXT_MAX],
                                      const struct hf_endpoint *endpoint);

static inline bool hf_address_is_v4(const struct hf_address *address)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    return __builtin_memcmp(address->bytes, mapped, sizeof mapped) == 0;
}

#ifdef __cplusplus
}
#endif

#endif
