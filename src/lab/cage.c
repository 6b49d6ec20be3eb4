/* The cage: clone with namespaces, death with the parent, the parent's wait. */
#include "lab/cage.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child reports by its exit code when it did not come as far as inside(). */
enum failed {
    FAILED_ORPHAN = 120,
    FAILED_PRIVATE,
    FAILED_MEMORY,
};

#define CAGE_MEMORY "mode=0755,size=75%"

struct cage {
    int lifeline[2]; /* the parent holds the writing end: hung up when it is gone */
    sigset_t before; /* signals blocked before the parent began to listen for them */
};

static void child_enter(struct cage *cage)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(cage->lifeline[1]);
    struct pollfd parent = {.fd = cage->lifeline[0], .events = POLLIN};
    if (poll(&parent, 1, 0) != 0)
        _exit(FAILED_ORPHAN); /* it died before PR_SET_PDEATHSIG */

    /* Ctrl-C reaches everyone on the terminal; only the parent is to answer it. */
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigprocmask(SIG_SETMASK, &cage->before, NULL);

    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        _exit(FAILED_PRIVATE);
    if (mount("handfast-lab", CAGE_RUN, "tmpfs", MS_NOSUID | MS_NODEV, CAGE_MEMORY) != 0)
        _exit(FAILED_MEMORY);
}

static pid_t clone_namespaces(void)
{
    unsigned long flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | SIGCHLD;

    return (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
}

/* Waits for the child, or for a signal to end. Returns the signal, 0 if the child is gone. */
static int wait_for(int signals)
{
    struct signalfd_siginfo info;

    for (;;) {
        ssize_t got = read(signals, &info, sizeof info);

        if (got != (ssize_t)sizeof info)
            continue; /* EINTR */
        if (info.ssi_signo != SIGCHLD)
            return (int)info.ssi_signo;
        siginfo_t child = {0};
        if (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0 && child.si_pid != 0)
            return 0;
    }
}

static const char *failure_text(int code)
{
    switch ((enum failed)code) {
    case FAILED_ORPHAN: return "its parent died";
    case FAILED_PRIVATE: return "mounts cannot be made private";
    case FAILED_MEMORY: return "no memory file system can be mounted on " CAGE_RUN;
    }
    return NULL;
}

static int answer(int status, int ended_by, char why[256])
{
    if (ended_by != 0) {
        snprintf(why, 256, "ended by signal %d (%s); nothing is left behind", ended_by,
                 strsignal(ended_by));
        return -1;
    }
    if (WIFSIGNALED(status)) {
        snprintf(why, 256, "the lab's own process was killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
        return -1;
    }
    if (failure_text(WEXITSTATUS(status))) {
        snprintf(why, 256, "no private network: %s", failure_text(WEXITSTATUS(status)));
        return -1;
    }
    return WEXITSTATUS(status);
}

static int guard_child(pid_t child, const sigset_t *watched, char why[256])
{
    int signals = signalfd(-1, watched, SFD_CLOEXEC);
    int ended_by = signals < 0 ? SIGABRT : wait_for(signals);
    int status = 0;

    if (ended_by != 0)
        kill(child, SIGKILL); /* the first process of its namespace: all the others go with it */
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (signals >= 0)
        close(signals);
    return answer(status, ended_by, why);
}

int cage_run(int (*inside)(void *context), void *context, char why[256])
{
    struct cage cage;
    sigset_t watched;

    if (pipe(cage.lifeline) != 0) {
        snprintf(why, 256, "no pipe: %s", strerror(errno));
        return -1;
    }
    fflush(NULL); /* else the child would write the same again */
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGINT);
    sigaddset(&watched, SIGTERM);
    sigaddset(&watched, SIGHUP);
    sigprocmask(SIG_BLOCK, &watched, &cage.before);

    pid_t child = clone_namespaces();
    if (child == 0) {
        child_enter(&cage);
        int result = inside(context);
        fflush(NULL);
        _exit(result);
    }

    int result = -1;
    if (child < 0)
        snprintf(why, 256, "no private network: %s%s", strerror(errno),
                 errno == EPERM ? "; root is needed (sudo), or CAP_SYS_ADMIN and CAP_NET_ADMIN"
                                : "");
    else
        result = guard_child(child, &watched, why);
    close(cage.lifeline[0]);
    close(cage.lifeline[1]);
    sigprocmask(SIG_SETMASK, &cage.before, NULL);
    return result;
}
