/* nginx and the guard: configuration, start, readiness by connecting, end. */
#include "lab/servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <handfast/os.h>
#include <jansson.h>

#include "lab/files.h"
#include "lab/network.h"

#define SECOND_US INT64_C(1000000)
#define READY_LIMIT_US (10 * SECOND_US)
#define END_LIMIT_US (10 * SECOND_US)
#define POLL_MS 2
#define STATS_MAX ((size_t)64 * 1024)

#define NGINX_CONFIG CAGE_RUN "/nginx.conf"
#define NGINX_LOG CAGE_RUN "/nginx.log"
#define GUARD_CONFIG CAGE_RUN "/guard.conf"
#define GUARD_LOG CAGE_RUN "/guard.log"
#define STATS_LOG CAGE_RUN "/stats.log"

/* nginx takes a client's FIN for its departure while it waits for room to send. So that half-close can be seen, it never has
 * to wait: its sockets have room for the whole of SERVERS_LARGE (network.c), and it sends that at once. */
static const char nginx_config[] = "daemon off;\n"
                                   "user root;\n"
                                   "worker_processes 1;\n"
                                   "worker_rlimit_nofile 8192;\n"
                                   "pid " CAGE_RUN "/nginx.pid;\n"
                                   "error_log " NGINX_LOG ";\n"
                                   "events { worker_connections 4096; }\n"
                                   "http {\n"
                                   "    access_log off;\n"
                                   "    sendfile on;\n"
                                   "    sendfile_max_chunk 0;\n"
                                   "    keepalive_requests 1000000;\n"
                                   "    client_max_body_size 0;\n"
                                   "    client_body_temp_path " CAGE_RUN "/nginx-body;\n"
                                   "    proxy_temp_path " CAGE_RUN "/nginx-proxy;\n"
                                   "    fastcgi_temp_path " CAGE_RUN "/nginx-fastcgi;\n"
                                   "    uwsgi_temp_path " CAGE_RUN "/nginx-uwsgi;\n"
                                   "    scgi_temp_path " CAGE_RUN "/nginx-scgi;\n"
                                   "    server {\n"
                                   "        listen 127.0.0.1:8080;\n"
                                   "        root " SERVERS_ROOT ";\n"
                                   "        location /put/ { dav_methods PUT; }\n"
                                   "    }\n"
                                   "}\n";

static const char guard_config[] =
    "control = \"" SERVERS_CONTROL "\"\n"
    "state_directory = \"" CAGE_RUN "\"\n"
    "user = \"\"\n" /* a machine that only tries it has no user of this name */
    "%s\n"
    "uplink \"" NETWORK_TAP "\" {\n"
    "    mode = address\n"
    "    addresses = { \"" NETWORK_GUARD_V4 "/24\", \"" NETWORK_GUARD_V6 "/64\" }\n"
    "    host_address = { \"192.0.2.1/24\", \"2001:db8:1::1/64\" }\n"
    "    gateway = { \"192.0.2.1\", \"2001:db8:1::1\" }\n"
    "}\n"
    "limits { receive_buffer = 1m  send_buffer = 1m }\n"
    "service \"web\" {\n"
    "    listen = { \"" NETWORK_GUARD_V4 ":80\", \"[" NETWORK_GUARD_V6 "]:80\" }\n"
    "    backend \"nginx\" { to = \"127.0.0.1:8080\" }\n"
    "}\n"
    "service \"down\" {\n"
    "    listen = { \"" NETWORK_GUARD_V4 ":81\", \"[" NETWORK_GUARD_V6 "]:81\" }\n"
    "    backend \"nobody\" { to = \"127.0.0.1:8081\" }\n"
    "}\n";

_Static_assert(NETWORK_WEB_PORT == 80 && NETWORK_DOWN_PORT == 81 && NETWORK_BACKEND_PORT == 8080,
               "as the configurations say");

/* ---- readiness ---- */

static bool nginx_ready(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(NETWORK_BACKEND_PORT),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

/* It answers from its event loop, where it goes once everything is open. */
static bool guard_ready(void)
{
    return servers_open_connections() >= 0;
}

/* Asks again and again, as long as the server lives. */
static bool wait_ready(const struct process *server, bool (*ready)(void))
{
    int64_t deadline_us = hf_os_now_us() + READY_LIMIT_US;

    while (!ready()) {
        struct pollfd end = {.fd = server->pidfd, .events = POLLIN};

        if (hf_os_now_us() > deadline_us || poll(&end, 1, POLL_MS) > 0)
            return false;
    }
    return true;
}

static bool not_ready(struct process *server, const char *name, const char *log, char why[256])
{
    char line[160];
    bool alive = process_alive(server);

    process_stop(server, SIGKILL, SECOND_US);
    files_last_line(log, line, sizeof line);
    snprintf(why, 256, "%s %s: %s", name,
             alive ? "does not accept connections after 10 s" : "ended at once",
             line[0] ? line : "it says nothing");
    return false;
}

/* ---- nginx ---- */

static bool write_content(uint64_t huge_bytes)
{
    return mkdir(CAGE_RUN "/handfast", 0755) == 0 && mkdir(SERVERS_ROOT, 0755) == 0 &&
           mkdir(SERVERS_ROOT "/put", 0755) == 0 &&
           files_write_random(SERVERS_ROOT SERVERS_SMALL, SERVERS_SMALL_BYTES) &&
           files_write_random(SERVERS_ROOT SERVERS_MEDIUM, SERVERS_MEDIUM_BYTES) &&
           files_write_random(SERVERS_ROOT SERVERS_LARGE, SERVERS_LARGE_BYTES) &&
           files_write_random(SERVERS_ROOT SERVERS_HUGE, huge_bytes) &&
           files_write(NGINX_CONFIG, nginx_config);
}

bool servers_start_nginx(struct servers *servers, uint64_t huge_bytes, char why[256])
{
    const char *argv[] = {"nginx", "-c", NGINX_CONFIG, "-e", NGINX_LOG, NULL};
    struct process_plan plan = {.namespace_fd = -1, .argv = argv, .log = NGINX_LOG};

    if (!write_content(huge_bytes)) {
        snprintf(why, 256, "the files for nginx cannot be written: %s", strerror(errno));
        return false;
    }
    if (!process_start(&servers->nginx, &plan)) {
        snprintf(why, 256, "nginx cannot be started: %s", strerror(errno));
        return false;
    }
    return wait_ready(&servers->nginx, nginx_ready) ||
           not_ready(&servers->nginx, "nginx", NGINX_LOG, why);
}

/* ---- the guard ---- */

bool servers_start_guard(struct servers *servers, bool with_capture, char why[256])
{
    const char *argv[] = {"/proc/self/exe", "guard", GUARD_CONFIG, NULL};
    struct process_plan plan = {.namespace_fd = -1, .argv = argv, .log = GUARD_LOG};
    char config[sizeof guard_config + 64];

    snprintf(config, sizeof config, guard_config,
             with_capture ? "capture = \"" SERVERS_CAPTURE "\"" : "");
    unlink(GUARD_LOG);
    unlink(SERVERS_CAPTURE);
    if (!files_write(GUARD_CONFIG, config) || !process_start(&servers->guard, &plan)) {
        snprintf(why, 256, "the guard cannot be started: %s", strerror(errno));
        return false;
    }
    return wait_ready(&servers->guard, guard_ready) ||
           not_ready(&servers->guard, "the guard", GUARD_LOG, why);
}

static long count_open(const json_t *reply)
{
    json_t *states = json_object_get(reply, "connections"), *count;
    const char *state;
    long open = 0;

    if (!json_is_object(states))
        return -1;
    json_object_foreach(states, state, count)
    {
        if (strcmp(state, "LISTEN") != 0 && strcmp(state, "CLOSED") != 0 &&
            strcmp(state, "TIME-WAIT") != 0)
            open += (long)json_integer_value(count);
    }
    return open;
}

long servers_open_connections(void)
{
    const char *argv[] = {"/proc/self/exe", "-i", SERVERS_GUARD_NAME, "stats", "--json", NULL};
    struct process_plan plan = {.namespace_fd = -1, .argv = argv, .log = STATS_LOG};
    char *text = malloc(STATS_MAX);
    json_t *reply = NULL;
    long open = -1;

    if (text && process_run(&plan, text, STATS_MAX, SECOND_US) == 0)
        reply = json_loads(text, 0, NULL);
    if (reply)
        open = count_open(reply);
    json_decref(reply);
    free(text);
    return open;
}

bool servers_stop_guard(struct servers *servers, char why[256])
{
    char line[160];

    if (process_alive(&servers->guard) && process_stop(&servers->guard, SIGTERM, END_LIMIT_US) == 0)
        return true;
    if (servers->guard.pid != 0)
        process_stop(&servers->guard, SIGKILL, SECOND_US);
    files_last_line(GUARD_LOG, line, sizeof line);
    snprintf(why, 256, "the guard did not end cleanly%s%s", line[0] ? ": " : "", line);
    return false;
}
