/* Programs whose output the audit reads. */
#include "audit/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                                    "DEBIAN_FRONTEND=noninteractive", "PAGER=cat", NULL};

static bool start(const char *const argv[], int out, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    int error;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    error =
        posix_spawnp(child, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    return error == 0;
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* All that it says, until it ends. False: it took too long or said too much. */
static bool listen_to(int fd, char **output)
{
    int64_t until_ms = now_ms() + PROGRAM_SECONDS * 1000;
    size_t length = 0, capacity = 4096;
    char *text = malloc(capacity);

    while (text) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        int64_t left_ms = until_ms - now_ms();

        if (left_ms <= 0 || length == PROGRAM_OUTPUT_MAX)
            break;
        if (poll(&poll_fd, 1, (int)left_ms) < 0 && errno != EINTR)
            break;
        if (capacity - length < 2) {
            char *more = realloc(text, capacity *= 2);

            if (!more)
                break;
            text = more;
        }
        ssize_t got = read(fd, text + length, capacity - length - 1);
        if (got == 0) {
            text[length] = '\0';
            *output = text;
            return true;
        }
        if (got < 0 && errno != EINTR)
            break;
        length += got > 0 ? (size_t)got : 0;
    }
    free(text);
    return false;
}

int program_run(const char *const argv[], char **output)
{
    int ends[2], status = 0;
    pid_t child;
    bool whole;

    *output = NULL;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    if (!start(argv, ends[1], &child)) {
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    close(ends[1]);
    whole = listen_to(ends[0], output);
    close(ends[0]);
    if (!whole)
        kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!whole || !WIFEXITED(status) || WEXITSTATUS(status) == 127) {
        free(*output);
        *output = NULL;
        return -1;
    }
    return WEXITSTATUS(status);
}
