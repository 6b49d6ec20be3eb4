/* A cage: a child with namespaces of its own for processes, mounts and networks, and a private /run in memory.
 *
 * Nothing made inside has a name outside: interfaces live in its network namespaces, files in its /run. When the child ends,
 * the kernel ends every process inside and everything goes. The child ends when its parent does, however that dies, so there
 * is nothing to clean up and nothing that a killed cleaner could leave behind.
 */
#ifndef LAB_CAGE_H
#define LAB_CAGE_H

#define CAGE_RUN "/run" /* private memory inside */

/* Runs inside(context) in a cage and returns what it returns. If it cannot be made, or was killed, or the caller got a
 * signal to end, -1: `why` says so in one sentence. */
int cage_run(int (*inside)(void *context), void *context, char why[256]);

#endif
