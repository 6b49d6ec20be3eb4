/* The sandbox: who enters it lives by the calls that files declare, and dies by SIGSYS at any other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <handfast/handfast.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard/config.h"
#include "guard/sandbox.h"
#include "os/syscalls.h"

/* What this program declares, as the guard's files do; the second line is for sanitizers' runtimes. */
SYSCALLS("socket:inet socket:unix clone:thread bind");
SYSCALLS("sigaltstack sched_getaffinity");

#define ALIVE 7

/* Asked before: getppid is not among the calls. */
static pid_t parent;

static int in_the_sandbox(void (*act)(void))
{
    int status;
    pid_t child;

    parent = getpid();
    child = fork();
    if (child == 0) {
        char error[SANDBOX_ERROR_MAX];

        if (sandbox_enter(SANDBOX_KILL, error) != HF_OK) {
            fprintf(stderr, "%s\n", error);
            _exit(1);
        }
        act();
        _exit(ALIVE);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* ---- what is forbidden ---- */

static void run_a_program(void)
{
    char *const words[] = {"true", NULL};

    execv("/bin/true", words);
}

static void trace_the_parent(void)
{
    ptrace(PTRACE_ATTACH, parent, NULL, NULL);
}

static void read_anothers_memory(void)
{
    syscall(SYS_process_vm_readv, parent, NULL, 0UL, NULL, 0UL, 0UL);
}

static void mount_something(void)
{
    mount("none", "/tmp", "tmpfs", 0, NULL);
}

static void open_to_write(void)
{
    open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static void open_to_read_and_write(void)
{
    open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void make_a_file(void)
{
    open("/nonexistent/handfast", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
}

static void open_a_packet_socket(void)
{
    socket(AF_PACKET, SOCK_RAW, 0);
}

static void open_a_raw_socket(void)
{
    socket(AF_INET, SOCK_RAW, 1);
}

static void open_the_audit(void)
{
    socket(AF_NETLINK, SOCK_RAW, 9 /* NETLINK_AUDIT */);
}

static void open_vsock(void)
{
    socket(AF_VSOCK, SOCK_STREAM, 0);
}

static void fork_a_process(void)
{
    syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static void kill_another(void)
{
    kill(parent, 0);
}

static void signal_anothers_thread(void)
{
    syscall(SYS_tgkill, parent, parent, 0);
}

static void load_a_filter(void)
{
    syscall(SYS_bpf, 0, NULL, 0);
}

static void go_around_by_a_ring(void)
{
    syscall(SYS_io_uring_setup, 1, NULL);
}

static void leave_the_namespace(void)
{
    unshare(CLONE_NEWNET);
}

static void become_another(void)
{
    syscall(SYS_setuid, 0);
}

static void push_into_the_terminal(void)
{
    syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x");
}

static void hide_a_program_in_memory(void)
{
    syscall(SYS_memfd_create, "x", 0);
}

static void raise_a_limit(void)
{
    static const uint64_t limit[2] = {1, 1};

    syscall(SYS_prlimit64, 0, 7, limit, NULL);
}

static void lift_the_fence(void)
{
    prctl(PR_SET_SECCOMP, 0, 0, 0, 0);
}

static const struct {
    const char *what;
    void (*act)(void);
} forbidden[] = {
    {"execve", run_a_program},
    {"ptrace", trace_the_parent},
    {"process_vm_readv", read_anothers_memory},
    {"mount", mount_something},
    {"open to write", open_to_write},
    {"open to read and write", open_to_read_and_write},
    {"open that makes a file", make_a_file},
    {"a packet socket", open_a_packet_socket},
    {"a raw socket", open_a_raw_socket},
    {"a netlink socket of the audit", open_the_audit},
    {"a vsock", open_vsock},
    {"fork", fork_a_process},
    {"kill", kill_another},
    {"tgkill of another process", signal_anothers_thread},
    {"bpf", load_a_filter},
    {"io_uring", go_around_by_a_ring},
    {"unshare", leave_the_namespace},
    {"setuid", become_another},
    {"an ioctl", push_into_the_terminal},
    {"memfd_create", hide_a_program_in_memory},
    {"prlimit64 that sets", raise_a_limit},
    {"prctl", lift_the_fence},
};

static void a_forbidden_call_is_death(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        int status = in_the_sandbox(forbidden[i].act);

        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("%s: status %x instead of SIGSYS", forbidden[i].what, (unsigned)status);
    }
}

/* ---- what is allowed ---- */

#define NEED(condition)                \
    do {                               \
        if (!(condition))              \
            _exit(__LINE__ % 250 + 1); \
    } while (0)

static void *live(void *context)
{
    char *bytes = malloc(1 << 20);

    NEED(bytes != NULL);
    memset(bytes, 1, 1 << 20);
    *(int *)context = bytes[77];
    free(bytes);
    return NULL;
}

static void work(void)
{
    char line[64];
    int seen = 0;
    pthread_t thread;
    FILE *file = fopen("/proc/self/stat", "r");

    NEED(file != NULL && fgets(line, sizeof line, file) != NULL);
    fclose(file);
    close(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    close(socket(AF_INET6, SOCK_STREAM, 0));
    close(socket(AF_UNIX, SOCK_DGRAM, 0));
    NEED(pthread_create(&thread, NULL, live, &seen) == 0);
    NEED(pthread_join(thread, NULL) == 0 && seen == 1);
}

static void what_is_declared_works_in_every_thread(void **state)
{
    int status = in_the_sandbox(work);

    (void)state;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), ALIVE);
}

/* What a reload does: files that include files, and names that are looked up, here in a network where nobody answers. */
#define UPLINK "uplink \"hf0\" { mode = address addresses = { \"192.0.2.10/24\" } }\n"
#define NAMED(name)                                                                            \
    "service \"s\" { listen = { \"192.0.2.10:80\" } check_interval = 0s backend \"b\" { to = " \
    "\"" name ":80\" } }\n"

static const char *file_of(const char *text, char path[64])
{
    FILE *file;
    int fd;

    snprintf(path, 64, "/tmp/handfast-sandbox-XXXXXX");
    fd = mkstemp(path);
    file = fd < 0 ? NULL : fdopen(fd, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static char here[64], nowhere[64], wrong[64];

static void read_configurations(void)
{
    char error[CONFIG_ERROR_MAX] = "";
    struct config *config = config_read(here, error);

    if (config == NULL)
        fprintf(stderr, "%s\n", error);
    NEED(config != NULL);
    config_free(config);
    NEED(config_read(nowhere, error) == NULL && strstr(error, "no-such-host.invalid") != NULL);
    NEED(config_read(wrong, error) == NULL && strstr(error, ":1: ") != NULL);
}

static void a_configuration_is_read_and_names_are_looked_up(void **state)
{
    int status;

    (void)state;
    if (unshare(CLONE_NEWNET) != 0)
        skip();
    file_of(UPLINK NAMED("localhost"), here);
    file_of(UPLINK NAMED("no-such-host.invalid"), nowhere);
    file_of("nonsense = 1\n", wrong);
    status = in_the_sandbox(read_configurations);
    unlink(here);
    unlink(nowhere);
    unlink(wrong);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), ALIVE);
}

static void *run_a_program_in_a_thread(void *context)
{
    (void)context;
    run_a_program();
    return NULL;
}

static void start_a_thread_that_runs_a_program(void)
{
    pthread_t thread;

    NEED(pthread_create(&thread, NULL, run_a_program_in_a_thread, NULL) == 0);
    pthread_join(thread, NULL);
}

static void a_thread_takes_the_process_with_it(void **state)
{
    int status = in_the_sandbox(start_a_thread_that_runs_a_program);

    (void)state;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

/* A module that the resolver wants to load: an error, with which it goes on. */
static void make_memory_executable(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    NEED(page != MAP_FAILED);
    NEED(mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0 && errno == EACCES);
    NEED(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    NEED(errno == EACCES);
}

static void no_memory_becomes_executable(void **state)
{
    int status = in_the_sandbox(make_memory_executable);

    (void)state;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), ALIVE);
}

/* must() ends the guard by abort, also in here. The test framework has a handler of its own. */
static void abort_is_seen_as_abort(void **state)
{
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        char error[SANDBOX_ERROR_MAX];

        signal(SIGABRT, SIG_DFL);
        if (sandbox_enter(SANDBOX_KILL, error) == HF_OK)
            abort();
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* ---- words ---- */

struct seen {
    unsigned words, own;
};

static bool look_at(void *context, const char *word, unsigned length)
{
    struct seen *seen = context;

    seen->words++;
    if (length == strlen("clone:thread") && memcmp(word, "clone:thread", length) == 0)
        seen->own++;
    if (!sandbox_knows(word, length))
        fail_msg("%.*s is declared, and there is no such call", (int)length, word);
    return true;
}

static void every_declared_word_is_known(void **state)
{
    struct seen seen = {0, 0};

    (void)state;
    sandbox_visit(look_at, &seen);
    assert_true(seen.words > 40);
    assert_true(seen.own >= 1);
    assert_false(sandbox_knows("socket:anything", 15));
    assert_false(sandbox_knows("reed", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forbidden_call_is_death),
        cmocka_unit_test(what_is_declared_works_in_every_thread),
        cmocka_unit_test(a_thread_takes_the_process_with_it),
        cmocka_unit_test(no_memory_becomes_executable),
        cmocka_unit_test(abort_is_seen_as_abort),
        cmocka_unit_test(every_declared_word_is_known),
        cmocka_unit_test(a_configuration_is_read_and_names_are_looked_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
