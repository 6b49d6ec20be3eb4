/* What both kinds of question to a guard begin with. Inside of client.c and client_stream.c. */
#ifndef CONTROL_CLIENT_SOCKET_H
#define CONTROL_CLIENT_SOCKET_H

#include <stdint.h>

#include <jansson.h>

int client_connect(const char *path, int *fd);
int client_send_line(int fd, const json_t *request);

/* How long a byte may take; 0: as long as it takes. */
void client_set_patience(int fd, int64_t patience_us);

#endif
