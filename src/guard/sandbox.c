/* The sandbox: a seccomp filter made by libseccomp from the words in the section hf_syscalls.
 *
 * Whoever finds a way to run code of his own in the guard can use what the guard uses, and dies at the first call for which it
 * has no use: no program is executed, no process traced, no file system mounted, no memory made executable, no kind of
 * socket opened that relays and the log do not need. What one file declares all of them may do: there is one filter.
 *
 * The words below are the C library's own and its malloc's, stdio's, the resolver's: what no file of ours asks for by name.
 */
#include "guard/sandbox.h"

#include "os/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <handfast/handfast.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

SYSCALLS_AT_START("prctl seccomp");
SYSCALLS(
    "brk mmap:data mprotect:data munmap mremap madvise"               /* memory              */
    " futex rt_sigaction rt_sigprocmask rt_sigreturn restart_syscall" /* threads and signals */
    " tgkill:self exit exit_group set_robust_list rseq capset" /* capset: a thread that gives up what it has */
    " clock_gettime clock_nanosleep gettimeofday getrandom" /* if the vDSO has none */
    " close read write writev lseek newfstatat fstat statx" /* files that are read  */
    " openat:read pread64 readlink readlinkat getdents64 access faccessat faccessat2"
    " fcntl:flags ioctl:terminal getcwd poll ppoll"
    " getpid gettid getuid geteuid getgid getegid uname sysinfo prlimit64:read");

/* Narrower forms. Rows of one word are alternatives; the conditions of a row hold together. */
struct condition {
    unsigned argument;
    uint64_t mask, value;
};

struct form {
    const char *word, *call;
    unsigned conditions;
    struct condition condition[2];
};

#define ALL_BITS UINT64_MAX
#define INT_BITS UINT64_C(0xffffffff) /* an int's upper half is not defined */
#define THREAD (CLONE_VM | CLONE_THREAD | CLONE_SIGHAND)
static const struct form forms[] = {
    {"mmap:data", "mmap", 1, {{2, PROT_EXEC, 0}}},
    {"mprotect:data", "mprotect", 1, {{2, PROT_EXEC, 0}}},
    {"openat:read", "openat", 1, {{2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY}}},
    {"socket:inet", "socket", 2, {{0, INT_BITS, AF_INET}, {1, 0xf, SOCK_STREAM}}},
    {"socket:inet", "socket", 2, {{0, INT_BITS, AF_INET6}, {1, 0xf, SOCK_STREAM}}},
    {"socket:datagram", "socket", 2, {{0, INT_BITS, AF_INET}, {1, 0xf, SOCK_DGRAM}}},
    {"socket:datagram", "socket", 2, {{0, INT_BITS, AF_INET6}, {1, 0xf, SOCK_DGRAM}}},
    {"socket:unix", "socket", 2, {{0, INT_BITS, AF_UNIX}, {1, 0xf, SOCK_STREAM}}},
    {"socket:unix", "socket", 2, {{0, INT_BITS, AF_UNIX}, {1, 0xf, SOCK_DGRAM}}},
    {"socket:netlink", "socket", 2, {{0, INT_BITS, AF_NETLINK}, {2, INT_BITS, NETLINK_ROUTE}}},
    {"socket:netfilter",
     "socket",
     2,
     {{0, INT_BITS, AF_NETLINK}, {2, INT_BITS, NETLINK_NETFILTER}}},
    {"clone:thread", "clone", 1, {{0, THREAD, THREAD}}},
    {"prctl:name", "prctl", 1, {{0, INT_BITS, PR_SET_NAME}}},
    {"ioctl:terminal", "ioctl", 1, {{1, INT_BITS, TCGETS}}},
    {"ioctl:terminal", "ioctl", 1, {{1, INT_BITS, TIOCGWINSZ}}},
    {"ioctl:interface", "ioctl", 1, {{1, INT_BITS, SIOCGIFINDEX}}},
    {"ioctl:interface", "ioctl", 1, {{1, INT_BITS, SIOCGIFNAME}}},
    {"ioctl:tun", "ioctl", 1, {{1, INT_BITS, TUNSETIFF}}},
    {"ioctl:tun", "ioctl", 1, {{1, INT_BITS, TUNSETVNETHDRSZ}}},
    {"ioctl:tun", "ioctl", 1, {{1, INT_BITS, TUNSETOFFLOAD}}},
    {"ioctl:readable", "ioctl", 1, {{1, INT_BITS, FIONREAD}}},
    {"prlimit64:read", "prlimit64", 1, {{2, ALL_BITS, 0}}},
    {"tgkill:self", "tgkill", 1, {{0, INT_BITS, 0}}}, /* the value: this process, filled in */
    {"fcntl:flags", "fcntl", 1, {{1, INT_BITS, F_GETFL}}},
    {"fcntl:flags", "fcntl", 1, {{1, INT_BITS, F_SETFL}}},
    {"fcntl:flags", "fcntl", 1, {{1, INT_BITS, F_GETFD}}},
    {"fcntl:flags", "fcntl", 1, {{1, INT_BITS, F_SETFD}}},
};

#define FORMS (sizeof forms / sizeof *forms)

/* Answered with an error instead of death, because libraries ask and go on without: a module that the resolver would
 * load, the newer of two ways to make a thread. */
static const struct {
    struct form form;
    int error;
} polite[] = {
    {{"", "mmap", 1, {{2, PROT_EXEC, PROT_EXEC}}}, EACCES},
    {{"", "mprotect", 1, {{2, PROT_EXEC, PROT_EXEC}}}, EACCES},
    {{"", "clone3", 0, {{0, 0, 0}}}, ENOSYS},
};

#define POLITE (sizeof polite / sizeof *polite)

__attribute__((format(printf, 2, 3))) static int refuse(char error[SANDBOX_ERROR_MAX],
                                                        const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, SANDBOX_ERROR_MAX, format, arguments);
    va_end(arguments);
    return HF_SYSTEM;
}

/* ---- words ---- */

extern const char __start_hf_syscalls[], __stop_hf_syscalls[];

void sandbox_visit(bool (*visit)(void *context, const char *word, unsigned length), void *context)
{
    const char *at = __start_hf_syscalls;

    while (at < __stop_hf_syscalls) {
        unsigned length = 0;

        while (at + length < __stop_hf_syscalls && at[length] != '\0' && at[length] != ' ')
            length++;
        if (length > 0 && !visit(context, at, length))
            return;
        at += length + 1;
    }
}

static bool is(const char *name, const char *word, unsigned length)
{
    return strlen(name) == length && memcmp(name, word, length) == 0;
}

/* The number of a plain word; __NR_SCMP_ERROR if there is no such call. One of another architecture has a number too. */
static int number_of(const char *word, unsigned length)
{
    char name[64];

    if (length >= sizeof name)
        return __NR_SCMP_ERROR;
    memcpy(name, word, length);
    name[length] = '\0';
    return seccomp_syscall_resolve_name(name);
}

bool sandbox_knows(const char *word, unsigned length)
{
    for (size_t i = 0; i < FORMS; i++)
        if (is(forms[i].word, word, length))
            return true;
    return number_of(word, length) != __NR_SCMP_ERROR;
}

/* ---- rules ---- */

static int add_form(scmp_filter_ctx filter, uint32_t action, const struct form *form)
{
    struct scmp_arg_cmp compare[2];
    int number = seccomp_syscall_resolve_name(form->call);

    for (unsigned i = 0; i < form->conditions; i++) {
        const struct condition *condition = &form->condition[i];
        uint64_t value = condition->value;

        if (strcmp(form->word, "tgkill:self") == 0)
            value = (uint64_t)getpid();
        compare[i] = SCMP_CMP64(condition->argument, SCMP_CMP_MASKED_EQ, condition->mask, value);
    }
    return seccomp_rule_add_array(filter, action, number, form->conditions, compare);
}

struct assembly {
    scmp_filter_ctx filter;
    int result;
    char *error;
};

static bool add_word(void *context, const char *word, unsigned length)
{
    struct assembly *assembly = context;
    bool found = false;
    int result = 0;

    for (size_t i = 0; i < FORMS && result == 0; i++)
        if (is(forms[i].word, word, length)) {
            result = add_form(assembly->filter, SCMP_ACT_ALLOW, &forms[i]);
            found = true;
        }
    if (!found) {
        int number = number_of(word, length);

        if (number == __NR_SCMP_ERROR)
            result = -EINVAL;
        else
            result = seccomp_rule_add_array(assembly->filter, SCMP_ACT_ALLOW, number, 0, NULL);
    }
    if (result != 0 && result != -EEXIST)
        assembly->result = refuse(assembly->error, "the sandbox cannot allow %.*s: %s", (int)length,
                                  word, strerror(-result));
    return assembly->result == HF_OK;
}

static int assemble(struct assembly *assembly)
{
    sandbox_visit(add_word, assembly);
    for (size_t i = 0; i < POLITE && assembly->result == HF_OK; i++) {
        int result =
            add_form(assembly->filter, SCMP_ACT_ERRNO((uint32_t)polite[i].error), &polite[i].form);

        if (result != 0)
            assembly->result = refuse(assembly->error, "the sandbox cannot refuse %s: %s",
                                      polite[i].form.call, strerror(-result));
    }
    return assembly->result;
}

/* Every thread; a tree of comparisons instead of a chain; no slower branches: the guard runs nobody else's code. */
static int load(scmp_filter_ctx filter, char error[SANDBOX_ERROR_MAX])
{
    int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

    if (result == 0)
        result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (result == 0)
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (result == 0)
        seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1); /* a wish: kernels before 4.17 */
    if (result == 0)
        result = seccomp_load(filter);
    return result == 0 ? HF_OK
                       : refuse(error, "the kernel does not take the filter of system calls: %s",
                                strerror(-result));
}

int sandbox_enter(enum sandbox_mode mode, char error[SANDBOX_ERROR_MAX])
{
    uint32_t outside = mode == SANDBOX_LOG ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS;
    struct assembly assembly = {seccomp_init(outside), HF_OK, error};
    int result;

    if (assembly.filter == NULL)
        return refuse(error, "the filter of system calls cannot be made: no memory");
    result = assemble(&assembly);
    if (result == HF_OK)
        result = load(assembly.filter, error);
    seccomp_release(assembly.filter);
    return result;
}
