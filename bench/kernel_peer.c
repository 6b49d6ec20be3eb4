/* The kernel's own TCP in namespaces that the benchmark makes. Everything ends with the process that made it. */
#include "kernel_peer.h"

#include <arpa/inet.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static char text[256 * 1024];

static int listen_on(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 8) != 0)
        bench_fail("the kernel peer cannot listen");
    return fd;
}

static void serve(int listener, bool source)
{
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (source)
            while (send(fd, text, sizeof text, MSG_NOSIGNAL) > 0)
                ;
        else
            while (recv(fd, text, sizeof text, 0) > 0)
                ;
        close(fd);
    }
}

pid_t kernel_peer_start(void)
{
    int sink = listen_on(PEER_SINK_PORT), source = listen_on(PEER_SOURCE_PORT);
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            serve(source, true);
        }
        serve(sink, false);
    }
    close(sink);
    close(source);
    return pid;
}

void kernel_peer_stop(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

bool kernel_peer_isolate(void)
{
    return unshare(CLONE_NEWNET) == 0 && kernel_peer_ip("link set lo up");
}

bool kernel_peer_ip(const char *arguments)
{
    char words[256], *argv[32] = {"ip"}, *rest = words;
    int status = 0, count = 1;
    pid_t pid;

    snprintf(words, sizeof words, "%s", arguments);
    while (count < 31 && (argv[count] = strsep(&rest, " ")))
        count++;
    pid = fork();
    if (pid == 0) {
        execvp("ip", argv);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* The far end of the veth pair: a namespace of its own, which serves once its address is there. */
static pid_t far_end(int ready[2], int go[2])
{
    pid_t pid = fork();
    char byte = 0;

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!kernel_peer_isolate() || write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1)
        _exit(1);
    if (!kernel_peer_ip("address add 198.51.100.2/24 dev hfb1") ||
        !kernel_peer_ip("link set hfb1 up"))
        _exit(1);
    kernel_peer_start();
    if (write(ready[1], &byte, 1) != 1)
        _exit(1);
    pause();
    _exit(0);
}

static double take(double seconds)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PEER_SOURCE_PORT)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int64_t start_ns, end_ns, now_ns, from_ns;
    uint64_t bytes = 0;

    inet_pton(AF_INET, "198.51.100.2", &address.sin_addr);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        return 0;
    start_ns = bench_now_ns();
    from_ns = start_ns + 300000000;
    end_ns = from_ns + (int64_t)(seconds * 1e9);
    do {
        ssize_t got = recv(fd, text, sizeof text, 0);

        if (got <= 0)
            break;
        now_ns = bench_now_ns();
        if (now_ns >= from_ns)
            bytes += (uint64_t)got;
    } while (now_ns < end_ns);
    close(fd);
    return (double)bytes * 8 / (seconds * 1e9);
}

double kernel_peer_veth_gbit_s(double seconds)
{
    int ready[2], go[2];
    char command[160], byte = 0;
    double gbit_s = 0;
    pid_t pid;

    if (pipe(ready) != 0 || pipe(go) != 0)
        return 0;
    pid = far_end(ready, go);
    if (read(ready[0], &byte, 1) == 1) {
        snprintf(command, sizeof command, "link add hfb0 type veth peer name hfb1 netns %d",
                 (int)pid);
        if (kernel_peer_ip(command) && kernel_peer_ip("address add 198.51.100.1/24 dev hfb0") &&
            kernel_peer_ip("link set hfb0 up") && write(go[1], &byte, 1) == 1 &&
            read(ready[0], &byte, 1) == 1)
            gbit_s = take(seconds);
    }
    kernel_peer_stop(pid);
    close(ready[0]);
    close(ready[1]);
    close(go[0]);
    close(go[1]);
    return gbit_s;
}
