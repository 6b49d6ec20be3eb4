/* The adapter's world: one stack over raw IP, virtual time, sockets by descriptor, calls that wait.
 *
 * Time stands still unless a thread moves it with usleep, by looking at the clock again and again, or by waiting for a packet:
 * packetdrill's main thread does, and its second thread too until the instant at which a blocking call is to begin. A call on
 * the second thread may wait: whoever moves time completes it at the very instant at which it can be completed, and holds time
 * until that thread has looked at the clock, which is what packetdrill does first. The main thread (the one that called
 * packetdrill_interface_init) has nobody to complete its calls: one that must wait moves time itself.
 */
#ifndef TESTS_PACKETDRILL_WORLD_H
#define TESTS_PACKETDRILL_WORLD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <handfast/socket.h>
#include <handfast/stats.h>

#define WORLD_FILES 64
#define WORLD_RUNNING_ON 4 /* packetdrill has one thread that waits */
#define WORLD_INTERESTS 16
#define WORLD_PACKETS 4096
#define WORLD_PACKET_MAX 65535
#define WORLD_START_US INT64_C(1000000000)

#define WATCH_FLOWS 64
#define WATCH_STAMPS 256

enum option_order { ORDER_LINUX = 0, ORDER_FREEBSD };

/* What was done before RFC 5961, and may be asked for: in the window a RST resets (reset), a SYN resets (syn). no_syn_fin:
 * a SYN with FIN is dropped. */
struct old_rules {
    bool reset, syn, no_syn_fin;
};

/* --so_flags, read. */
struct flags {
    struct hf_config config;
    bool local_known;
    bool cookies_off, cookies_only;
    uint32_t keep_idle_ms; /* of sockets with SO_KEEPALIVE */
    int wscale;            /* -1: as rcvbuf has it         */
    uint32_t rcvbuf;       /* what SO_RCVBUF answers       */
    bool ecn_when_asked;
    struct old_rules old_rules;
    enum option_order order;
};

/* Reads them or ends the process with a sentence that names the one that is wrong. */
void flags_read(struct flags *flags, const char *text);

struct world;

/* What the peer of a flow has sent: to tell whether our TS.ecr is one of its TS.val. */
struct watched_flow {
    uint8_t key[36]; /* local, remote, ports */
    bool used, echoed;
    bool told; /* of a window: its left edge, its length, unscaled */
    uint32_t left, window;
    bool we_scale, peer_scales;
    uint8_t shift; /* ours */
    uint32_t last_echo;
    uint32_t stamps[WATCH_STAMPS];
    uint32_t stamp_count;
};

struct watch {
    struct watched_flow flows[WATCH_FLOWS];
    uint32_t next;
    bool small_path; /* an ICMP error said that less than 552 bytes go: no DF below that */
};

/* The packet came from the peer. */
void watch_in(struct watch *watch, const uint8_t *packet, size_t length);

/* The stack sends it: NULL, or what is wrong with it that packetdrill would not see. */
const char *watch_out(struct watch *watch, const uint8_t *packet, size_t length);

/* The receive window that the peer was told of on this packet's flow; false: it was told of none. */
bool watch_window(struct watch *watch, const uint8_t *packet, size_t length, uint32_t *left,
                  uint32_t *window);

/* What came from the peer, given to the stack as the older rules have it: changed, or not at all (false). */
bool old_rules_in(struct world *world, uint8_t *packet, size_t length);

/* Puts the options of a SYN in the order of another system; returns the new length. */
size_t order_options(uint8_t *packet, size_t length, enum option_order order);

/* The checksum of TCP or ICMP over a whole raw IP packet: 0 if it is right. `offset` is that of its header. */
uint16_t watch_transport_sum(const uint8_t *packet, size_t length, size_t offset);

/* Where the TCP header of a raw IP packet begins; 0: no TCP, or not whole. */
size_t watch_tcp_offset(const uint8_t *packet, size_t length);

struct packet_out {
    int64_t at_us;
    size_t length;
    uint8_t *bytes;
};

enum file_kind { FILE_FREE = 0, FILE_FRESH, FILE_LISTENER, FILE_CONNECTION, FILE_EPOLL };

struct interest {
    int fd;
    struct epoll_event event;
    uint32_t seen; /* EPOLLET, EPOLLONESHOT: what was told */
    uint64_t received;
    bool spent;
};

struct file {
    enum file_kind kind;
    int fd; /* a real one: packetdrill closes what the script has left open with close(2) */
    int domain;
    hf_socket socket;
    struct hf_endpoint local;
    bool bound, nonblocking, connected, error_told, read_shut, write_shut, reset_on_close;
    bool reset_by_syn; /* old_rules.c: aborted for a SYN, which is a reset to the script */
    bool nodelay, cork, quick_ack, keepalive;
    bool more; /* the last MSG_MORE has not been followed by a send without it */
    bool inq;  /* TCP_INQ: recvmsg tells how much is left */
    uint8_t dscp;
    uint32_t keep_idle_ms, user_timeout_ms, receive_bytes, send_bytes;
    int64_t receive_timeout_us, send_timeout_us; /* 0: none */
    struct interest interests[WORLD_INTERESTS];
};

#define CALL_WAITS INT64_MIN

/* A call that may have to wait. attempt() answers a result, a negative errno, or CALL_WAITS. */
struct call {
    const char *name;
    int64_t (*attempt)(struct world *world, struct call *call);
    struct file *file;
    int fd;
    void *to;
    const void *from;
    const struct iovec *vectors;
    size_t length, taken;
    int flags;
    struct sockaddr *address;
    socklen_t *address_length;
    int64_t nonblocking_result; /* instead of waiting, on a descriptor that must not */
    bool nonblocking;
    int64_t timeout_us; /* -1: none                                */
    int64_t timeout_result;
    int64_t deadline_us;
    int64_t result;
    bool done;
    pthread_t thread;
    struct call *next;
};

struct world {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t driver;
    int64_t now_us;
    bool looked;         /* the clock was looked at and nothing else was done since */
    uint32_t running_on; /* threads whose call is complete and that have not looked at the clock */
    pthread_t runners[WORLD_RUNNING_ON];
    struct call *waiting;
    struct flags flags;
    struct hf_stack *stack;
    void *memory;
    struct watch watch;
    struct packet_out out[WORLD_PACKETS];
    uint32_t out_first, out_count;
    struct file files[WORLD_FILES];
};

/* Says what is wrong and ends the process: a script that meets it must not pass. */
_Noreturn void world_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct world *world_new(const char *flags);
void world_free(struct world *world);

/* Around every call. */
void world_enter(struct world *world);
void world_leave(struct world *world);

/* Does the call, waiting if it must; errno and -1 as the caller wants them. Takes and gives the lock. */
int64_t world_call(struct world *world, struct call *call);

/* With the lock held: sends what is to be sent, completes calls that can be completed. */
void world_settle(struct world *world);

/* With the lock held: this thread looks at the clock; true if its call was complete and it had not looked since. */
bool world_ran_on(struct world *world);

/* With the lock held: time goes on. */
void world_advance(struct world *world, int64_t until_us);

/* The next packet that leaves, waiting for it in virtual time; NULL if none ever will. */
struct packet_out *world_next_packet(struct world *world);

void world_give(struct world *world, const void *packet, size_t length);

/* The stack, made when the first address is known; `local` may be NULL. */
struct hf_stack *world_stack(struct world *world, const struct hf_address *local);

struct file *world_file(struct world *world, int fd); /* NULL: EBADF */
int world_open(struct world *world, enum file_kind kind);
void world_close(struct file *file);

/* An enum hf_error as a negative errno. */
int64_t world_error(int error);

/* sockets.c: what became of a descriptor, as poll says it. */
uint32_t socket_events(struct world *world, int fd);

#endif
