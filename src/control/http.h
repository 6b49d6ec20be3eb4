/* What Prometheus asks for: GET /metrics over HTTP, on a loopback address, in the guard's own loop.
 *
 * Whoever can connect to loopback may read it; nothing can be changed here. A client that is slow, silent or wrong costs a
 * bounded piece of memory for a bounded time and never holds up packets: connections, their memory and their patience are
 * limited below, a page is made at most once in HTTP_PAGE_LIFE_US, and there is no thread.
 */
#ifndef CONTROL_HTTP_H
#define CONTROL_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include <handfast/handfast.h>

#include "os/loop.h"

#define HTTP_CONNECTIONS_MAX 16
#define HTTP_CONNECTION_MEMORY_BYTES 8192       /* of a request's head, and of an answer's */
#define HTTP_PATIENCE_S 5                       /* without a byte in either direction       */
#define HTTP_BACKLOG 128                        /* who wait to be among them                */
#define HTTP_PAGE_MAX ((size_t)4 << 20)         /* a page of 4096 listeners and 512 backends */
#define HTTP_PAGE_LIFE_US ((int64_t)100 * 1000) /* who asks again sooner gets the same page */

/* Makes the page: text that is free()d, NULL if there is no memory. */
typedef char *http_page(void *context);

struct http_server;

/* Whether an address is one of loopback: the only ones that http_open takes. */
bool http_is_loopback(const struct hf_address *address);

/* Listens. HF_OK, HF_INVALID (not loopback, or no port), HF_ADDRESS_IN_USE, HF_NO_PERMISSION, HF_NO_MEMORY, HF_SYSTEM with errno. */
int http_open(struct http_server **server, struct loop *loop, const struct hf_endpoint *at,
              http_page *page, void *context);

/* Ends all clients. NULL is allowed. */
void http_close(struct http_server *server);

#endif
