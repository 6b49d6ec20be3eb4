/* Reading a configuration without making packets wait: a thread reads the file, its includes and lists, and asks for names;
 * the loop is told by an eventfd and puts what was read in force between two batches. */
#include "guard/reload.h"

#include "guard/reload_parts.h"
#include "os/syscalls.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

SYSCALLS("clone:thread read write close");
SYSCALLS_AT_START("eventfd2");

#define ASKED_MAX 64

bool reload_prepare(struct reload_prepared *prepared, const char *file, char error[GUARD_ERROR_MAX])
{
    char why[CONFIG_ERROR_MAX];

    *prepared = (struct reload_prepared){.config = config_read(file, why)};
    if (prepared->config == NULL) {
        snprintf(error, GUARD_ERROR_MAX, "%.*s", GUARD_ERROR_MAX - 1, why);
        return false;
    }
    if (filter_image_make(&prepared->filter, prepared->config, error) &&
        key_image_make(&prepared->keys, prepared->config, error))
        return true;
    reload_discard(prepared);
    return false;
}

void reload_discard(struct reload_prepared *prepared)
{
    filter_image_free(&prepared->filter);
    key_image_free(&prepared->keys);
    config_free(prepared->config);
    *prepared = (struct reload_prepared){.config = NULL};
}

bool guard_reload_file(struct guard *guard, const char *file, char error[GUARD_ERROR_MAX])
{
    struct reload_prepared prepared;

    if (!reload_prepare(&prepared, file, error))
        return false;
    if (reload_apply(guard, &prepared, error, hf_os_now_us()))
        return true;
    reload_discard(&prepared);
    return false;
}

/* ---- by a thread ---- */

struct asked {
    reload_done *done;
    void *context;
    bool again; /* asked while the file was being read: answered after the next time */
};

struct reload {
    struct guard *guard;
    char *file;
    struct loop_handler finished; /* an eventfd */
    bool reading;
    pthread_t thread;
    uint32_t asked;
    struct asked ask[ASKED_MAX];
    /* The thread's, until the eventfd is written. */
    bool ok;
    struct reload_prepared prepared;
    char error[GUARD_ERROR_MAX];
};

static void *work(void *context)
{
    struct reload *reload = context;
    uint64_t one = 1;

    reload->ok = reload_prepare(&reload->prepared, reload->file, reload->error);
    if (write(reload->finished.fd, &one, sizeof one) < 0)
        abort(); /* an eventfd of ours takes a one */
    return NULL;
}

/* Signals are the loop's. */
static bool start_reading(struct reload *reload)
{
    sigset_t all, before;
    int number;

    for (uint32_t i = 0; i < reload->asked; i++)
        reload->ask[i].again = false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    number = pthread_create(&reload->thread, NULL, work, reload);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    reload->reading = number == 0;
    if (number != 0)
        snprintf(reload->error, sizeof reload->error, "the file cannot be read: %s",
                 strerror(number));
    return number == 0;
}

/* Answers whoever asked before the file was read. Who is answered may ask again. */
static void answer(struct reload *reload, bool ok, const char *error)
{
    struct asked now[ASKED_MAX];
    uint32_t count = 0, left = 0;

    for (uint32_t i = 0; i < reload->asked; i++)
        if (reload->ask[i].again)
            reload->ask[left++] = reload->ask[i];
        else
            now[count++] = reload->ask[i];
    reload->asked = left;
    for (uint32_t i = 0; i < count; i++)
        now[i].done(now[i].context, ok, ok ? "" : error);
}

static void on_finished(struct loop_handler *self, uint32_t events)
{
    struct reload *reload = loop_owner(self, struct reload, finished);
    char error[GUARD_ERROR_MAX];
    uint64_t word;
    bool ok;

    (void)events;
    if (read(self->fd, &word, sizeof word) < 0)
        return;
    pthread_join(reload->thread, NULL); /* it has nothing left to do */
    reload->reading = false;
    memcpy(error, reload->error, sizeof error);
    ok = reload->ok && reload_apply(reload->guard, &reload->prepared, error, hf_os_now_us());
    if (!ok)
        reload_discard(&reload->prepared);
    answer(reload, ok, error);
    if (reload->asked > 0 && !reload->reading && !start_reading(reload))
        answer(reload, false, reload->error);
}

struct reload *reload_open(struct guard *guard, const char *file)
{
    struct reload *reload = calloc(1, sizeof *reload);

    if (reload == NULL)
        return NULL;
    reload->guard = guard;
    reload->file = strdup(file);
    reload->finished =
        (struct loop_handler){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .run = on_finished};
    if (reload->file != NULL && reload->finished.fd >= 0 &&
        loop_add(&guard->loop, &reload->finished, EPOLLIN) == HF_OK)
        return reload;
    if (reload->finished.fd >= 0)
        close(reload->finished.fd);
    free(reload->file);
    free(reload);
    return NULL;
}

bool reload_request(struct reload *reload, reload_done *done, void *context)
{
    if (reload->asked == ASKED_MAX)
        return false;
    reload->ask[reload->asked++] = (struct asked){done, context, reload->reading};
    if (!reload->reading && !start_reading(reload))
        answer(reload, false, reload->error);
    return true;
}

void reload_forget(struct reload *reload, const void *context)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < reload->asked; i++)
        if (reload->ask[i].context != context)
            reload->ask[left++] = reload->ask[i];
    reload->asked = left;
}

void reload_close(struct reload *reload)
{
    if (reload == NULL)
        return;
    if (reload->reading) {
        pthread_join(reload->thread, NULL);
        if (reload->ok)
            reload_discard(&reload->prepared);
    }
    loop_remove(&reload->guard->loop, &reload->finished);
    close(reload->finished.fd);
    free(reload->file);
    free(reload);
}
