/* Children of the scenes under attack. */
#include "lab/siege_child.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define DESCRIPTORS 131072

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

bool siege_child_stopped(void)
{
    return stopped != 0;
}

void *siege_share(size_t bytes)
{
    void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return shared == MAP_FAILED ? NULL : shared;
}

void siege_unshare(void *shared, size_t bytes)
{
    if (shared)
        munmap(shared, bytes);
}

void siege_pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

int64_t siege_child_cpu_us(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * INT64_C(1000000) +
           used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

static void settle(const struct siege_child *child)
{
    struct rlimit descriptors = {DESCRIPTORS, DESCRIPTORS};
    struct sigaction action = {.sa_handler = stop};
    struct sched_param first = {.sched_priority = 2};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_TIMERSLACK, 1000UL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    setrlimit(RLIMIT_NOFILE, &descriptors);
    siege_pin(child->cpu);
    sched_setscheduler(0, SCHED_RR, &first); /* refused: as it is, then */
    if (setns(child->namespace_fd, CLONE_NEWNET) != 0)
        _exit(126);
}

bool siege_child_start(struct process *process, const struct siege_child *child)
{
    *process = (struct process){.pidfd = -1, .output = -1};
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        settle(child);
        child->run(child->shared);
        _exit(0);
    }
    if (pid < 0)
        return false;
    process->pid = pid;
    process->pidfd = pidfd_open(pid, 0);
    return process->pidfd >= 0;
}
