/* GET /metrics through libmicrohttpd, whose epoll descriptor is one handler of our loop. */
#include "control/http.h"
#include "os/syscalls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include <handfast/os.h>

SYSCALLS("accept4 recvfrom sendto sendmsg epoll_ctl epoll_wait shutdown setsockopt"
         " getsockopt getsockname");
SYSCALLS_AT_START("socket setsockopt bind listen");

#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct http_server {
    struct loop *loop;
    struct loop_handler handler; /* libmicrohttpd's own epoll */
    struct loop_timer timer;     /* when it wants to look at its clients' patience */
    struct MHD_Daemon *daemon;
    http_page *page;
    void *context;
    struct MHD_Response *latest; /* or NULL; made at latest_us */
    int64_t latest_us;
};

bool http_is_loopback(const struct hf_address *address)
{
    static const struct hf_address one = {.bytes = {[15] = 1}};

    if (hf_address_is_v4(address))
        return address->bytes[12] == 127;
    return memcmp(address, &one, sizeof one) == 0;
}

/* ---- answers ---- */

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status,
                                   const char *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, /* only read */
                                        MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result;

    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* The page as it is, made anew if the last one is older than its life. Clients that still read an older one keep it. */
static struct MHD_Response *latest_page(struct http_server *server)
{
    int64_t now_us = hf_os_now_us();
    size_t length;
    char *text;

    if (server->latest && now_us - server->latest_us < HTTP_PAGE_LIFE_US)
        return server->latest;
    text = server->page(server->context);
    if (!text)
        return NULL;
    length = strlen(text);
    if (length > HTTP_PAGE_MAX) {
        free(text);
        return NULL;
    }
    if (server->latest)
        MHD_destroy_response(server->latest); /* those who hold it count */
    server->latest = MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
    if (!server->latest) {
        free(text);
        return NULL;
    }
    MHD_add_response_header(server->latest, MHD_HTTP_HEADER_CONTENT_TYPE, CONTENT_TYPE);
    server->latest_us = now_us;
    return server->latest;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_bytes, void **request)
{
    static char seen;
    struct http_server *server = context;
    struct MHD_Response *page;

    (void)version;
    (void)body;
    if (!*request) { /* the head alone: an answer now would close connections that could be kept */
        *request = &seen;
        return MHD_YES;
    }
    if (*body_bytes) { /* whatever it is, it is not wanted */
        *body_bytes = 0;
        return MHD_YES;
    }
    if (strcmp(url, "/metrics") != 0)
        return answer_text(connection, MHD_HTTP_NOT_FOUND, "there is only /metrics\n");
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "accepted are GET and HEAD\n");
    page = latest_page(server);
    if (!page)
        return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory for the page\n");
    return MHD_queue_response(connection, MHD_HTTP_OK, page);
}

/* ---- in the loop ---- */

static unsigned clients(const struct http_server *server)
{
    return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
        ->num_connections;
}

/* When there were as many clients as may be, it has stopped to listen, and listens again only in the run after the one in
 * which some of them left: nothing else would wake it for that. */
static void turn(struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG left_ms;
    unsigned before;

    do {
        before = clients(server);
        MHD_run(server->daemon);
    } while (clients(server) < before);
    if (MHD_get_timeout(server->daemon, &left_ms) == MHD_YES)
        loop_timer_set(server->loop, &server->timer, hf_os_now_us() + (int64_t)left_ms * 1000);
    else
        loop_timer_cancel(server->loop, &server->timer);
}

static void on_ready(struct loop_handler *self, uint32_t events)
{
    (void)events;
    turn(loop_owner(self, struct http_server, handler));
}

static void on_time(struct loop_timer *self, int64_t now_us)
{
    (void)now_us;
    turn(loop_owner(self, struct http_server, timer));
}

/* ---- opening ---- */

static socklen_t to_kernel(struct sockaddr_storage *to, const struct hf_endpoint *from)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)to;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

    memset(to, 0, sizeof *to);
    if (hf_address_is_v4(&from->address)) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(from->port);
        memcpy(&v4->sin_addr, from->address.bytes + 12, 4);
        return sizeof *v4;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(from->port);
    memcpy(&v6->sin6_addr, from->address.bytes, 16);
    return sizeof *v6;
}

static int listen_at(const struct hf_endpoint *at, int *out)
{
    struct sockaddr_storage address;
    socklen_t length = to_kernel(&address, at);
    int one = 1;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return HF_SYSTEM;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one); /* over what a dead guard left */
    if (bind(fd, (const struct sockaddr *)&address, length) != 0 || listen(fd, HTTP_BACKLOG) != 0) {
        int number = errno;

        close(fd);
        errno = number;
        return number == EADDRINUSE                  ? HF_ADDRESS_IN_USE
               : number == EACCES || number == EPERM ? HF_NO_PERMISSION
                                                     : HF_SYSTEM;
    }
    *out = fd;
    return HF_OK;
}

/* Its complaints are about single clients, whom nobody is waiting to hear of. */
static void say_nothing(void *context, const char *format, va_list arguments)
{
    (void)context;
    (void)format;
    (void)arguments;
}

static struct MHD_Daemon *start_daemon(struct http_server *server, int fd)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, server, /* no thread */
        MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_MEMORY_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_PATIENCE_S, MHD_OPTION_END);
}

int http_open(struct http_server **out, struct loop *loop, const struct hf_endpoint *at,
              http_page *page, void *context)
{
    struct http_server *server;
    int fd = -1, error;

    if (!http_is_loopback(&at->address) || at->port == 0)
        return HF_INVALID;
    server = calloc(1, sizeof *server);
    if (!server)
        return HF_NO_MEMORY;
    *server =
        (struct http_server){.loop = loop, .page = page, .context = context, .timer.run = on_time};
    error = listen_at(at, &fd);
    if (error) {
        free(server);
        return error;
    }
    server->daemon = start_daemon(server, fd);
    if (!server->daemon) {
        close(fd);
        free(server);
        return HF_NO_MEMORY;
    }
    server->handler = (struct loop_handler){
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, on_ready};
    *out = server;
    return loop_add(loop, &server->handler, EPOLLIN);
}

void http_close(struct http_server *server)
{
    if (!server)
        return;
    loop_remove(server->loop, &server->handler);
    loop_timer_cancel(server->loop, &server->timer);
    MHD_stop_daemon(server->daemon); /* closes the listening socket too */
    if (server->latest)
        MHD_destroy_response(server->latest);
    free(server);
}
