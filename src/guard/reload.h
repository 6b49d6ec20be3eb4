/* A configuration takes the place of another while the guard serves: services, backends, limits and lists change, and no
 * connection is dropped. Either all of it is in force afterwards or nothing has changed. */
#ifndef HF_GUARD_RELOAD_H
#define HF_GUARD_RELOAD_H

#include "guard/guard.h"

/* Puts a configuration in force and owns it from then on. False: nothing has changed, the caller keeps it, and `error` is one
 * line that says why: a key that needs a restart with its FILE:LINE, or what the system refused. */
bool guard_reload(struct guard *guard, struct config *config, char error[GUARD_ERROR_MAX],
                  int64_t now_us);

/* The same with a file, which is read here and now: it may take CONFIG_RESOLVE_MS if it has names. */
bool guard_reload_file(struct guard *guard, const char *file, char error[GUARD_ERROR_MAX]);

/* ---- while packets flow ---- */

/* A reload that the loop does not wait for: a thread reads the file and looks its names up, and only then the loop puts it
 * in force. */
struct reload;

/* What became of it: ok, or why not. */
typedef void reload_done(void *context, bool ok, const char *error);

/* `file` is read each time. NULL: no memory or descriptors, errno says which. */
struct reload *reload_open(struct guard *guard, const char *file);

/* Reads the file anew. What is asked for while it is being read is answered together, after it was read once more. False: too
 * many ask. */
bool reload_request(struct reload *reload, reload_done *done, void *context);

/* Whoever asked is gone: his `done` is not called any more. */
void reload_forget(struct reload *reload, const void *context);

/* Waits for the thread, if it runs. May be NULL. Before guard_deinit. */
void reload_close(struct reload *reload);

#endif
