/* A file that always holds the newest of what a loop wants kept: a thread of its own writes it beside and renames it.
 *
 * The loop hands over a snapshot and goes on; what waits when a newer one comes is not written at all. Whoever reads the file
 * finds the one before or the one after, whole.
 */
#ifndef OS_KEEPER_H
#define OS_KEEPER_H

#include <stdbool.h>
#include <stddef.h>

/* Makes a file's text of a snapshot: allocated, its length in *length; NULL with errno. Runs in the thread, so it may touch
 * nothing else. */
typedef char *keeper_render(const void *snapshot, size_t bytes, size_t *length);

struct keeper;

/* NULL with errno. Nothing is opened or written before the first keeper_put. */
struct keeper *keeper_open(const char *path, keeper_render *render);

/* Takes over the snapshot, from malloc. Never waits for a disk. */
void keeper_put(struct keeper *keeper, void *snapshot, size_t bytes);

/* errno of the last try, 0 if it went well or there was none. */
int keeper_error(const struct keeper *keeper);

/* Gives what waits so long to be written. A disk that hangs keeps its thread and memory until the process ends. NULL is
 * allowed. Returns keeper_error, or ETIMEDOUT. */
int keeper_close(struct keeper *keeper, int patience_ms);

#endif
