/* The guard as a service: opened in order, privileges given up, watched by its supervisor, ended in order. */
#ifndef APP_SERVE_H
#define APP_SERVE_H

#include "app/app.h"
#include "guard/config.h"

/* Serves until SIGTERM or SIGINT. Takes over `config`, which was read from `file`; SIGHUP reads the file again. */
enum app_exit serve(struct config *config, const char *file);

#endif
