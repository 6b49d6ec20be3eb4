/* The fence around the serving guard: the system calls that its files declare (os/syscalls.h), and death for any other. */
#ifndef HF_GUARD_SANDBOX_H
#define HF_GUARD_SANDBOX_H

#include <stdbool.h>

#define SANDBOX_ERROR_MAX 256

enum sandbox_mode {
    SANDBOX_KILL, /* a call outside ends the process with SIGSYS                                         */
    SANDBOX_LOG, /* it is let through and named in the kernel's audit log: to find out what is missing */
};

/* From now on, in every thread, also in those to come. After privilege_drop (or as root): the kernel demands no_new_privs.
 * HF_OK, or HF_SYSTEM with `error` a sentence that says why; the caller must then end. */
int sandbox_enter(enum sandbox_mode mode, char error[SANDBOX_ERROR_MAX]);

/* Whether the word (a call, or call:form) is one that sandbox_enter understands. */
bool sandbox_knows(const char *word, unsigned length);

/* Runs `visit` for each word that a file of this program declares, until it answers false. */
void sandbox_visit(bool (*visit)(void *context, const char *word, unsigned length), void *context);

#endif
