/* Each file says which system calls it makes: those while the guard serves, which its sandbox lets through, and those
 * that are over before it (guard/sandbox.c). tools/syscalls, a test, compares them with the calls the file contains.
 *
 *     SYSCALLS("read writev socket:inet");
 *     SYSCALLS_AT_START("ioctl socket");
 *
 * A word is the kernel's name of a call, or a narrower form of it from the table in guard/sandbox.c: "socket:inet" opens
 * no netlink. The words lie in a section of their own, which the linker puts together from the files that are really in
 * the program: there is no list to keep beside them.
 */
#ifndef OS_SYSCALLS_H
#define OS_SYSCALLS_H

#define SYSCALLS_JOIN(a, b) a##b
#define SYSCALLS_NAME(number) SYSCALLS_JOIN(syscalls_of_this_file_, number)

#define SYSCALLS(words)                                                                            \
    __attribute__((section("hf_syscalls"), used)) static const char SYSCALLS_NAME(__COUNTER__)[] = \
        words

#define SYSCALLS_AT_START(words) _Static_assert(sizeof(words) > 1, "at least one call is named")

#endif
