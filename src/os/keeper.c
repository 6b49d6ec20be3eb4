/* One thread, one file, and a hand that passes snapshots from the loop to it. */
#include "os/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os/syscalls.h"

/* The thread only. */
SYSCALLS("openat fsync rename unlink");
SYSCALLS_AT_START("capset clone");

#define STACK_BYTES ((size_t)256 * 1024)
#define MODE 0640

struct keeper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ready, stop;
    void *snapshot; /* that waits, or NULL */
    size_t bytes;
    atomic_int error;
    keeper_render *render;
    char path[PATH_MAX], beside[PATH_MAX + 8];
};

/* ---- the thread ---- */

static bool write_whole(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t wrote = write(fd, text, length);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            errno = wrote == 0 ? ENOSPC : errno;
            return false;
        }
        text += wrote;
        length -= (size_t)wrote;
    }
    return true;
}

/* 0 or an errno. What was there stays until the new one is safe on the disk. */
static int replace(const struct keeper *keeper, const char *text, size_t length)
{
    int fd = open(keeper->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, MODE);
    int error = 0;

    if (fd < 0)
        return errno;
    if (!write_whole(fd, text, length) || fsync(fd) != 0)
        error = errno;
    if (close(fd) != 0 && error == 0)
        error = errno;
    if (error == 0 && rename(keeper->beside, keeper->path) != 0)
        error = errno;
    if (error != 0)
        unlink(keeper->beside);
    return error;
}

static void keep(struct keeper *keeper, void *snapshot, size_t bytes)
{
    size_t length = 0;
    char *text = keeper->render(snapshot, bytes, &length);

    atomic_store(&keeper->error, text ? replace(keeper, text, length) : ENOMEM);
    free(text);
    free(snapshot);
}

/* Whoever takes over this thread is to find nothing in it. As root the user is about to change, for every thread at once;
 * one that no longer could would end the process. */
static void drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    if (geteuid() != 0 && syscall(SYS_capset, &header, none) != 0)
        errno = 0; /* there were none to drop */
}

static void *run(void *context)
{
    struct keeper *keeper = context;

    drop_capabilities();
    pthread_mutex_lock(&keeper->lock);
    keeper->ready = true;
    pthread_cond_broadcast(&keeper->changed);
    for (;;) {
        void *snapshot = keeper->snapshot;
        size_t bytes = keeper->bytes;

        if (snapshot == NULL && keeper->stop)
            break;
        if (snapshot == NULL) {
            pthread_cond_wait(&keeper->changed, &keeper->lock);
            continue;
        }
        keeper->snapshot = NULL;
        pthread_mutex_unlock(&keeper->lock);
        keep(keeper, snapshot, bytes);
        pthread_mutex_lock(&keeper->lock);
    }
    pthread_mutex_unlock(&keeper->lock);
    return NULL;
}

/* ---- the loop's side ---- */

/* Returns when the thread has given up what it must: a sandbox that follows at once does not let it any more. */
static int start(struct keeper *keeper)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int error = pthread_attr_init(&attributes);

    if (error != 0)
        return error;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* a new thread inherits it */
    error = pthread_create(&keeper->thread, &attributes, run, keeper);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    pthread_mutex_lock(&keeper->lock);
    while (error == 0 && !keeper->ready)
        pthread_cond_wait(&keeper->changed, &keeper->lock);
    pthread_mutex_unlock(&keeper->lock);
    return error;
}

static void forget(struct keeper *keeper)
{
    pthread_cond_destroy(&keeper->changed);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper->snapshot);
    free(keeper);
}

struct keeper *keeper_open(const char *path, keeper_render *render)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);
    int error;

    if (keeper == NULL)
        return NULL;
    if ((size_t)snprintf(keeper->path, sizeof keeper->path, "%s", path) >= sizeof keeper->path) {
        free(keeper);
        errno = ENAMETOOLONG;
        return NULL;
    }
    snprintf(keeper->beside, sizeof keeper->beside, "%s.new", keeper->path);
    keeper->render = render;
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_cond_init(&keeper->changed, NULL);
    error = start(keeper);
    if (error != 0) {
        forget(keeper);
        errno = error;
        return NULL;
    }
    return keeper;
}

void keeper_put(struct keeper *keeper, void *snapshot, size_t bytes)
{
    void *older;

    pthread_mutex_lock(&keeper->lock); /* held for as long as it takes to move two words */
    older = keeper->snapshot;
    keeper->snapshot = snapshot;
    keeper->bytes = bytes;
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->lock);
    free(older);
}

int keeper_error(const struct keeper *keeper)
{
    return atomic_load(&keeper->error);
}

int keeper_close(struct keeper *keeper, int patience_ms)
{
    struct timespec until;
    int error;

    if (keeper == NULL)
        return 0;
    pthread_mutex_lock(&keeper->lock);
    keeper->stop = true;
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->lock);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += patience_ms / 1000;
    until.tv_nsec += (long)(patience_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    if (pthread_clockjoin_np(keeper->thread, NULL, CLOCK_MONOTONIC, &until) != 0)
        return ETIMEDOUT;
    error = keeper_error(keeper);
    forget(keeper);
    return error;
}
