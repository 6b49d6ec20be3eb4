/* The kernel's own TCP in namespaces that the benchmark makes: what it is measured with, and against. */
#ifndef BENCH_KERNEL_PEER_H
#define BENCH_KERNEL_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PEER_SINK_PORT 9    /* takes all that is sent        */
#define PEER_SOURCE_PORT 19 /* sends as fast as it is taken  */

/* A child that serves both ports in the namespace it is started in. */
pid_t kernel_peer_start(void);
void kernel_peer_stop(pid_t pid);

/* Moves into a new network namespace; false: not allowed. */
bool kernel_peer_isolate(void);

/* Runs `ip ARGUMENTS`; false: it failed. */
bool kernel_peer_ip(const char *arguments);

/* Gbit/s of one flow between two kernels over a veth pair, as measured by its receiver during `seconds`. 0: not possible. */
double kernel_peer_veth_gbit_s(double seconds);

#endif
