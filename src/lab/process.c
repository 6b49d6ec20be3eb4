/* Children: fork, namespace, output, deadline. */
#include "lab/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <handfast/os.h>

#include "os/clock.h"

/* ---- finding programs ---- */

/* PATH of sudo and cron often lacks the directories where ip and nginx are. */
static bool find(const char *program, char path[512])
{
    const char *directories = getenv("PATH");
    char all[4096];

    if (strchr(program, '/')) {
        snprintf(path, 512, "%s", program);
        return access(path, X_OK) == 0;
    }
    snprintf(all, sizeof all, "%s:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin",
             directories ? directories : "");
    char *rest = NULL;
    for (char *at = strtok_r(all, ":", &rest); at; at = strtok_r(NULL, ":", &rest)) {
        snprintf(path, 512, "%s/%s", at, program);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

bool process_found(const char *program)
{
    char path[512];

    return find(program, path);
}

/* ---- start ---- */

static void child_settle(int namespace_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_DFL);
    if (namespace_fd >= 0 && setns(namespace_fd, CLONE_NEWNET) != 0)
        _exit(126);
}

static void child_redirect(const struct process_plan *plan, int output)
{
    int nothing = open("/dev/null", O_RDWR);
    int log = plan->log ? open(plan->log, O_WRONLY | O_CREAT | O_APPEND, 0644) : nothing;

    dup2(nothing, 0);
    dup2(plan->catch_output ? output : log, 1);
    dup2(log, 2);
}

static bool watch(struct process *process, pid_t pid)
{
    process->pid = pid;
    process->pidfd = pidfd_open(pid, 0);
    return process->pidfd >= 0;
}

bool process_start(struct process *process, const struct process_plan *plan)
{
    int output[2] = {-1, -1};
    char path[512];

    *process = (struct process){.pidfd = -1, .output = -1};
    if (!find(plan->argv[0], path)) {
        errno = ENOENT;
        return false;
    }
    if (plan->catch_output && pipe2(output, O_CLOEXEC) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        child_settle(plan->namespace_fd);
        child_redirect(plan, output[1]);
        execv(path, (char *const *)(uintptr_t)plan->argv);
        _exit(127);
    }
    if (output[1] >= 0)
        close(output[1]);
    process->output = output[0];
    return pid > 0 && watch(process, pid);
}

/* ---- the end ---- */

static void forget(struct process *process)
{
    if (process->pidfd >= 0)
        close(process->pidfd);
    if (process->output >= 0)
        close(process->output);
    *process = (struct process){.pidfd = -1, .output = -1};
}

bool process_alive(const struct process *process)
{
    struct pollfd end = {.fd = process->pidfd, .events = POLLIN};

    return process->pid != 0 && poll(&end, 1, 0) == 0;
}

bool process_wait(struct process *process, int64_t deadline_us, int *status)
{
    struct pollfd end = {.fd = process->pidfd, .events = POLLIN};
    struct timespec left;

    while (ppoll(&end, 1, clock_time_left(&left, deadline_us), NULL) < 0 && errno == EINTR)
        ;
    if (waitpid(process->pid, status, WNOHANG) != process->pid)
        return false;
    forget(process);
    return true;
}

static void kill_now(struct process *process)
{
    int status;

    kill(process->pid, SIGKILL);
    process_wait(process, INT64_MAX, &status);
}

int process_stop(struct process *process, int signal_number, int64_t patience_us)
{
    int status = 0;

    if (process->pid == 0)
        return -1;
    kill(process->pid, signal_number);
    if (process_wait(process, hf_os_now_us() + patience_us, &status))
        return status;
    kill_now(process);
    return -1;
}

/* Reads until the end, the deadline, or size bytes. Returns how many. */
static size_t read_all(int fd, void *to, size_t size, int64_t deadline_us)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    struct timespec left;
    size_t used = 0;
    char rest[4096];

    while (ppoll(&ready, 1, clock_time_left(&left, deadline_us), NULL) > 0) {
        ssize_t got = used < size ? read(fd, (char *)to + used, size - used)
                                  : read(fd, rest, sizeof rest); /* what does not fit is lost */

        if (got <= 0)
            break;
        if (used < size)
            used += (size_t)got;
    }
    return used;
}

int process_run(const struct process_plan *plan, char *output, size_t size, int64_t limit_us)
{
    struct process_plan with_output = *plan;
    int64_t deadline_us = hf_os_now_us() + limit_us;
    struct process process;
    int status;

    with_output.catch_output = output != NULL;
    if (!process_start(&process, &with_output))
        return -1;
    if (output)
        output[read_all(process.output, output, size - 1, deadline_us)] = '\0';
    if (!process_wait(&process, deadline_us, &status)) {
        kill_now(&process);
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- functions ---- */

static _Noreturn void child_work(const struct process_work *work, int output)
{
    void *result = calloc(1, work->result_size);
    ssize_t wrote = -1;

    child_settle(work->namespace_fd);
    if (result) {
        work->work(work->argument, result);
        wrote = write(output, result, work->result_size); /* at most PIPE_BUF: at once */
    }
    _exit(wrote == (ssize_t)work->result_size ? 0 : 1);
}

bool process_call(const struct process_work *work, void *result)
{
    int64_t deadline_us = hf_os_now_us() + work->limit_us;
    struct process process;
    int output[2], status;

    if (pipe2(output, O_CLOEXEC) != 0)
        return false;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        child_work(work, output[1]);
    close(output[1]);
    process = (struct process){.pidfd = -1, .output = output[0]};
    if (pid < 0 || !watch(&process, pid)) {
        close(output[0]);
        return false;
    }
    size_t got = read_all(output[0], result, work->result_size, deadline_us);
    if (!process_wait(&process, deadline_us, &status)) {
        kill_now(&process);
        return false;
    }
    return got == work->result_size && status == 0;
}
