/* Names of backends become addresses. getaddrinfo knows no deadline, so a thread of its own asks: if it does not come
 * back in time it is left to itself, with a copy of what it needs. */
#include "guard/config_resolve.h"

#include "guard/config_check.h"
#include "guard/config_value.h"
#include "os/syscalls.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

SYSCALLS("clone:thread socket:datagram socket:inet socket:unix socket:netlink bind"
         " connect getsockname getpeername setsockopt sendto sendmmsg sendmsg recvfrom"
         " recvmsg ioctl:readable");

struct name {
    char host[CONFIG_HOST_MAX];
    int error; /* of getaddrinfo */
    struct hf_address address;
};

struct job {
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    unsigned holders; /* who comes last frees it */
    uint32_t count, done;
    struct name names[];
};

static void leave(struct job *job)
{
    unsigned holders = --job->holders;

    pthread_mutex_unlock(&job->mutex);
    if (holders > 0)
        return;
    pthread_cond_destroy(&job->answered);
    pthread_mutex_destroy(&job->mutex);
    free(job);
}

static bool take_address(struct hf_address *address, const struct sockaddr *from)
{
    if (from->sa_family == AF_INET) {
        *address = (struct hf_address){{[10] = 0xff, [11] = 0xff}};
        memcpy(address->bytes + 12, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        memcpy(address, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
        return true;
    }
    return false;
}

/* The first one of IPv4: "localhost" begins with ::1 on many a machine whose servers listen at 127.0.0.1 alone, and a
 * server at [::] hears IPv4 too. Otherwise the first one. */
static const struct addrinfo *choose(const struct addrinfo *answer)
{
    for (const struct addrinfo *each = answer; each; each = each->ai_next)
        if (each->ai_addr->sa_family == AF_INET)
            return each;
    return answer;
}

static int look_up(const char *host, struct hf_address *address)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *answer = NULL;
    int error = getaddrinfo(host, NULL, &hints, &answer);

    if (error == 0 && !take_address(address, choose(answer)->ai_addr))
        error = EAI_FAMILY;
    if (answer != NULL)
        freeaddrinfo(answer);
    return error;
}

static void *work(void *argument)
{
    struct job *job = argument;

    pthread_mutex_lock(&job->mutex);
    while (job->done < job->count && job->holders > 1) {
        struct name *name = &job->names[job->done];
        struct hf_address address = {{0}};
        int error;

        pthread_mutex_unlock(&job->mutex);
        error = look_up(name->host, &address); /* the host is written before we begin */
        pthread_mutex_lock(&job->mutex);
        name->error = error;
        name->address = address;
        job->done++;
    }
    pthread_cond_signal(&job->answered);
    leave(job);
    return NULL;
}

/* Every backend with a name, in order. */
static struct config_backend *next_named(struct config *config, uint32_t *service,
                                         uint32_t *backend)
{
    for (; *service < config->services; ++*service, *backend = 0)
        while (*backend < config->service[*service].backends) {
            struct config_backend *found = &config->service[*service].backend[(*backend)++];

            if (found->to.host[0] != '\0')
                return found;
        }
    return NULL;
}

static struct job *make_job(struct config *config)
{
    uint32_t service = 0, backend = 0, count = 0;
    struct config_backend *found;
    struct job *job;

    while (next_named(config, &service, &backend) != NULL)
        count++;
    job = calloc(1, sizeof *job + count * sizeof *job->names);
    if (job == NULL)
        return NULL;
    for (service = backend = 0; (found = next_named(config, &service, &backend)) != NULL;)
        config_target_host(&found->to, job->names[job->count++].host);
    job->holders = 2;
    pthread_mutex_init(&job->mutex, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&job->answered, &clock);
    pthread_condattr_destroy(&clock);
    return job;
}

static void wait_for(struct job *job, uint32_t timeout_ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    until.tv_sec += (time_t)(timeout_ms / 1000) + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (job->done < job->count &&
           pthread_cond_timedwait(&job->answered, &job->mutex, &until) != ETIMEDOUT)
        ;
}

static bool take_answers(struct config *config, const struct job *job, char error[CONFIG_ERROR_MAX])
{
    uint32_t service = 0, backend = 0, at = 0;
    struct config_backend *found;

    for (; (found = next_named(config, &service, &backend)) != NULL; at++) {
        const struct name *name = &job->names[at];

        if (at >= job->done)
            return config_refuse(config, error, found->line,
                                 "backend \"%s\" to \"%s\": no answer about this name in time, "
                                 "accepted is a name that has an address, or an address",
                                 found->name, found->to.host);
        if (name->error != 0)
            return config_refuse(config, error, found->line,
                                 "backend \"%s\" to \"%s\": %s, accepted is a name that has an "
                                 "address, or an address",
                                 found->name, found->to.host, gai_strerror(name->error));
        found->to.endpoint.address = name->address;
    }
    return true;
}

bool config_resolve(struct config *config, char error[CONFIG_ERROR_MAX])
{
    return config_resolve_within(config, CONFIG_RESOLVE_MS, error);
}

bool config_resolve_within(struct config *config, uint32_t timeout_ms, char error[CONFIG_ERROR_MAX])
{
    struct job *job = make_job(config);
    pthread_attr_t detached;
    pthread_t thread;
    bool ok;
    int number;

    if (job == NULL)
        return config_refuse(config, error, config->last_line,
                             "no memory to look names up, accepted is a machine with more");
    if (job->count == 0) {
        job->holders = 1;
        pthread_mutex_lock(&job->mutex);
        leave(job);
        return true;
    }
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_mutex_lock(&job->mutex);
    number = pthread_create(&thread, &detached, work, job);
    pthread_attr_destroy(&detached);
    if (number == 0) {
        wait_for(job, timeout_ms);
        ok = take_answers(config, job, error);
    } else {
        job->holders = 1;
        ok = config_refuse(config, error, config->last_line,
                           "names cannot be looked up: %s, accepted are addresses",
                           strerror(number));
    }
    leave(job);
    return ok;
}
