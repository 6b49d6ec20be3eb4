/* What the machine counts while a server is attacked: packets at its interface, drops before it, its CPU. */
#ifndef LAB_SIEGE_COUNT_H
#define LAB_SIEGE_COUNT_H

#include <stdbool.h>
#include <stdint.h>

struct siege_count {
    int64_t at_us;
    /* Seen from the server: `in` is what came to it. */
    uint64_t in_packets, in_bytes, out_packets, out_bytes;
    uint64_t tap_dropped;                   /* packets that its queue had no room for            */
    uint64_t backlog_dropped;               /* packets that the kernel's own queues had none for */
    uint64_t cpu_busy_ticks, cpu_all_ticks; /* of the server's CPU: all that ran on it           */
};

/* The interface is one of the calling thread's namespace; is_tap: its other side is the server. */
void siege_count(struct siege_count *count, const char *interface, bool is_tap, int cpu);

/* What happened between two of them. */
struct siege_count siege_count_since(const struct siege_count *now, const struct siege_count *then);

/* Pages of memory that the kernel's TCP uses, in all namespaces; sockets of this one. */
void siege_count_kernel_memory(uint64_t *pages, uint64_t *sockets);

#endif
