/* Functions that run beside the lab as children: on a CPU, in a namespace, telling what they did through shared memory.
 *
 * Servers and honest clients go before attackers, and those before everything else on their CPU: each would have a machine
 * of its own, the kernel's TCP does so anyway, and what else this machine does is not to be measured. */
#ifndef LAB_SIEGE_CHILD_H
#define LAB_SIEGE_CHILD_H

#include "lab/process.h"

struct siege_child {
    int namespace_fd;
    int cpu;
    void (*run)(void *shared); /* ends when siege_child_stopped() */
    void *shared;              /* of siege_share */
};

/* Memory that children share with the lab, zeroed; NULL: there is none. */
void *siege_share(size_t bytes);
void siege_unshare(void *shared, size_t bytes);

/* False with errno. It ends with exit code 0, on SIGTERM at the latest. */
bool siege_child_start(struct process *process, const struct siege_child *child);

/* Within a child: SIGTERM has come. */
bool siege_child_stopped(void);

/* Processor time that this process has used, in user and kernel mode. */
int64_t siege_child_cpu_us(void);

/* The calling process stays on that CPU. */
void siege_pin(int cpu);

#endif
