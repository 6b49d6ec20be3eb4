/* Programs and functions run as children: in a network namespace, with their output caught, never longer than a deadline.
 *
 * Every child dies with the lab (PR_SET_PDEATHSIG). Times are hf_os_now_us.
 */
#ifndef LAB_PROCESS_H
#define LAB_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
    pid_t pid; /* 0: none */
    int pidfd;
    int output; /* what it writes on stdout, or -1 */
};

struct process_plan {
    int namespace_fd;        /* its network namespace, or -1: the lab's own              */
    const char *const *argv; /* argv[0] is looked up in PATH and the sbin directories    */
    const char *log;         /* a file for stderr (and stdout, unless caught), appended  */
    bool catch_output;       /* stdout goes to process->output                           */
};

/* Whether the program exists. */
bool process_found(const char *program);

/* False with errno. A program that cannot be executed exits with 127. */
bool process_start(struct process *process, const struct process_plan *plan);

/* Waits until it has ended. False: it has not by then, and goes on. *status is as waitpid gives it. */
bool process_wait(struct process *process, int64_t deadline_us, int *status);

bool process_alive(const struct process *process);

/* Sends a signal and waits for the end, SIGKILL after patience_us. Returns the status, -1 if SIGKILL was needed. */
int process_stop(struct process *process, int signal, int64_t patience_us);

/* Runs to the end, at most limit_us; the output (cut at size - 1, ended by zero) in `output`, which may be NULL.
 * Returns the exit code, -1 if it was killed or could not be started. */
int process_run(const struct process_plan *plan, char *output, size_t size, int64_t limit_us);

/* Runs work(argument, result) as a child in a namespace; it fills result_size bytes, which come back in `result`. False: it
 * died or took longer than limit_us. */
struct process_work {
    int namespace_fd;
    void (*work)(const void *argument, void *result);
    const void *argument;
    size_t result_size;
    int64_t limit_us;
};

bool process_call(const struct process_work *work, void *result);

#endif
