/* handfast audit: the twelve practices, ports, logs. It reads; only `ports --scan` connects, and only to this host. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "app/app.h"
#include "app/guard_client.h"
#include "app/color.h"
#include "audit/audit.h"
#include "audit/nft.h"
#include "audit/scan.h"
#include "audit/syslog.h"
#include "guard/config.h"

#define CONFIG_DEFAULT "/etc/handfast/guard.conf"

static const char help[] =
    "usage: handfast audit [--declare PORT[,PORT...]] [--config FILE] [--json]\n"
    "       handfast audit ports [--scan] [--declare PORT[,PORT...]] [--config FILE] [--json]\n"
    "       handfast audit logs [--json] FILE...\n\n"
    "Twelve practices that a server is owed, one row each: pass, warn or fail, what was found, and "
    "the\n"
    "command that mends it. It reads and changes nothing. Without root it says what it cannot "
    "see.\n"
    "  ports      every socket that listens, and whose it is\n"
    "  --scan     connects to every TCP port of this host's own addresses, and compares\n"
    "  logs       gaps and clock jumps in syslog files, of routers too\n"
    "  --declare  ports that are meant to be open; those of the guard's configuration are\n"
    "  --config   the guard's configuration: /etc/handfast/guard.conf without it\n"
    "  --json     one object a row\n\n"
    "Exit code 0 if nothing failed (warnings may remain), 1 if something did.\n";

struct request {
    bool json, ports, logs, scan;
    const char *config;
    int files;                     /* index of the first */
    char journal[CONFIG_PATH_MAX]; /* of the guard; "": it has none */
    struct nft_facts nft;
    struct audit_world world;
};

/* ---- the command line ---- */

static bool declare(struct audit_world *world, long port)
{
    if (world->declared_count == AUDIT_DECLARED_MAX)
        return false;
    world->declared[world->declared_count++] = (uint16_t)port;
    return true;
}

static bool declare_all(struct audit_world *world, const char *text)
{
    char number[8];

    while (*text) {
        size_t length = strcspn(text, ",");
        long port;

        if (length == 0 || length >= sizeof number)
            return false;
        memcpy(number, text, length);
        number[length] = '\0';
        if (!app_number(number, 1, 65535, &port) || !declare(world, port))
            return false;
        text += length + (text[length] == ',');
    }
    return true;
}

static int read_options(int argc, char **argv, struct request *request)
{
    int at = 1;

    if (at < argc && (strcmp(argv[at], "ports") == 0 || strcmp(argv[at], "logs") == 0)) {
        request->ports = argv[at][0] == 'p';
        request->logs = !request->ports;
        at++;
    }
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        bool valued = at + 1 < argc;

        if (strcmp(argv[at], "--scan") == 0 && request->ports) {
            request->scan = true;
        } else if (strcmp(argv[at], "--config") == 0 && valued && !request->logs) {
            request->config = argv[++at];
        } else if (strcmp(argv[at], "--declare") == 0 && valued && !request->logs) {
            if (!declare_all(&request->world, argv[++at]))
                return app_usage("audit", "--declare %s, accepted are ports: 22,443", argv[at]);
        } else {
            return app_usage("audit", "%s is not accepted here", argv[at]);
        }
    }
    request->files = at;
    if (request->logs && at == argc)
        return app_usage("audit", "logs without a file, accepted are syslog files");
    if (!request->logs && at < argc)
        return app_usage("audit",
                         "%s, accepted are ports [--scan] and logs FILE..., before other options",
                         argv[at]);
    return APP_OK;
}

/* Somebody answers at the guard's control socket, or at least holds it. */
static bool is_running(const char *control)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (control[0] == '\0' || strlen(control) >= sizeof address.sun_path)
        return true; /* nobody can tell */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool running;

    memcpy(address.sun_path, control, strlen(control));
    running = fd >= 0 && (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ||
                          errno == EACCES || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    return running;
}

/* What a guard's configuration says: ports that are meant to be open, and what is limited. */
static int read_config(struct request *request)
{
    const char *file = request->config ? request->config : CONFIG_DEFAULT;
    char error[CONFIG_ERROR_MAX];
    struct config *config;

    if (!request->config && access(file, R_OK) != 0)
        return APP_OK;
    config = config_read(file, error);
    if (!config) {
        fprintf(stderr, "%s\n", error);
        return APP_NO;
    }
    request->world.guard_config = file;
    request->world.guard_here = is_running(config->control);
    request->world.guard_silent = !request->world.guard_here;
    request->world.guard_lists = config->filter.deny_files > 0;
    snprintf(request->journal, sizeof request->journal, "%s", config->journal);
    request->world.journal = config->journal[0] != '\0' ? request->journal : NULL;
    for (uint32_t i = 0; i < config->services; i++) {
        const struct config_service *service = &config->service[i];

        request->world.guard_limits |= service->max_per_prefix > 0;
        request->world.guard_lists |= service->allow.count > 0;
        for (uint32_t j = 0; j < service->listen.count; j++)
            declare(&request->world, service->listen.items[j].endpoint.port);
    }
    config_free(config);
    return APP_OK;
}

static int read_listeners(struct audit_world *world)
{
    int result = listeners_read(&world->listeners);

    if (result != HF_OK)
        return app_fail("audit", "sockets cannot be listed: %s", strerror(errno));
    listeners_find_processes(&world->listeners);
    return APP_OK;
}

/* ---- the twelve rows ---- */

static enum color color_of(enum audit_status status)
{
    switch (status) {
    case AUDIT_PASS: return COLOR_GREEN;
    case AUDIT_UNSEEN: return COLOR_DIM;
    case AUDIT_WARN: return COLOR_YELLOW;
    case AUDIT_FAIL: return COLOR_RED;
    }
    return COLOR_PLAIN;
}

static void print_row(const struct request *request, const struct audit_row *row)
{
    if (request->json) {
        json_t *object =
            json_pack("{s:i, s:s, s:s, s:s}", "practice", row->practice, "status",
                      audit_status_text(row->status), "finding", row->finding, "fix", row->fix);

        json_dumpf(object, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(object);
    } else {
        printf("%s%-6s%s %2d  %s\n            %s\n", color(stdout, color_of(row->status)),
               audit_status_text(row->status), color(stdout, COLOR_PLAIN), row->practice, row->name,
               row->finding);
        if (row->fix[0] != '\0')
            printf("            %s%s%s\n", color(stdout, COLOR_BOLD), row->fix,
                   color(stdout, COLOR_PLAIN));
    }
    fflush(stdout);
}

static int run_practices(struct request *request)
{
    bool progress = isatty(STDERR_FILENO) && isatty(STDOUT_FILENO);
    unsigned counts[AUDIT_FAIL + 1] = {0};

    nft_read(&request->world, &request->nft);
    request->world.nft = &request->nft;
    for (int practice = AUDIT_FIRST; practice <= AUDIT_LAST; practice++) {
        struct audit_row row = {.practice = practice};

        if (progress)
            fprintf(stderr, "practice %d of %d ...\r", practice - AUDIT_FIRST + 1, AUDIT_PRACTICES);
        audit_practice(&request->world, &row);
        counts[row.status]++;
        print_row(request, &row);
    }
    if (!request->json)
        printf("\n%u passed, %u warn, %u failed, %u could not be seen%s\n", counts[AUDIT_PASS],
               counts[AUDIT_WARN], counts[AUDIT_FAIL], counts[AUDIT_UNSEEN],
               request->world.is_root ? "" : " (root sees more)");
    return counts[AUDIT_FAIL] > 0 ? APP_NO : APP_OK;
}

/* ---- ports ---- */

static void print_listener(const struct request *request, const struct listener *listener)
{
    char text[LISTENER_TEXT_MAX], endpoint[HF_ENDPOINT_TEXT_MAX];
    bool declared = audit_is_declared(&request->world, listener->local.port);

    if (!request->json) {
        printf("%-10s %-10s %-10s %-44s %s\n", listener->local.port < 1024 ? "privileged" : "-",
               listener_is_open(listener) ? "open" : "local", declared ? "declared" : "-",
               listener_text(text, listener), listener->unit);
        return;
    }
    hf_endpoint_format(endpoint, &listener->local);
    json_t *object =
        json_pack("{s:s, s:s, s:i, s:b, s:b, s:b, s:s, s:i, s:i, s:s}", "protocol",
                  listener->udp ? "udp" : "tcp", "local", endpoint, "port", listener->local.port,
                  "privileged", listener->local.port < 1024, "open", listener_is_open(listener),
                  "declared", declared, "process", listener->process, "pid", listener->pid, "uid",
                  (int)listener->uid, "unit", listener->unit);
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

struct scanning {
    const struct request *request;
    unsigned hidden, filtered, shown;
};

static void on_answer(void *context, enum scan_answer answer, const struct hf_endpoint *endpoint)
{
    struct scanning *scanning = context;
    char text[HF_ENDPOINT_TEXT_MAX];
    const char *words = answer == SCAN_HIDDEN ? "answers, and no socket is known to listen"
                                              : "a socket listens, and nothing answers";

    *(answer == SCAN_HIDDEN ? &scanning->hidden : &scanning->filtered) += 1;
    hf_endpoint_format(text, endpoint);
    if (scanning->request->json)
        printf("{\"scan\":\"%s\",\"endpoint\":\"%s\"}\n",
               answer == SCAN_HIDDEN ? "hidden" : "filtered", text);
    else
        printf("%s%-8s%s %s: %s\n", color(stdout, answer == SCAN_HIDDEN ? COLOR_RED : COLOR_YELLOW),
               answer == SCAN_HIDDEN ? "hidden" : "filtered", color(stdout, COLOR_PLAIN), text,
               words);
}

static void on_progress(void *context, unsigned percent)
{
    struct scanning *scanning = context;

    if (percent != scanning->shown)
        fprintf(stderr, "scanning: %u %% \r", percent);
    scanning->shown = percent;
}

static int scan_ports(const struct request *request)
{
    struct scanning scanning = {.request = request};
    struct scan scan;

    if (scan_addresses(&scan) != HF_OK)
        return app_fail("audit", "this host's addresses cannot be listed: %s", strerror(errno));
    scan_run(&scan, &request->world.listeners, on_answer,
             isatty(STDERR_FILENO) ? on_progress : NULL, &scanning);
    if (!request->json)
        printf("\n%llu ports of %u addresses were tried: %llu answer, %u hidden, %u filtered\n",
               (unsigned long long)scan.ports, scan.count, (unsigned long long)scan.open,
               scanning.hidden, scanning.filtered);
    return scanning.hidden > 0 ? APP_NO : APP_OK;
}

static int run_ports(const struct request *request)
{
    const struct listeners *listeners = &request->world.listeners;

    for (int privileged = 1; privileged >= 0; privileged--)
        for (uint32_t i = 0; i < listeners->count; i++)
            if ((listeners->items[i].local.port < 1024) == privileged)
                print_listener(request, &listeners->items[i]);
    if (!request->world.is_root && !request->json)
        printf("processes of other users take root to see\n");
    return request->scan ? scan_ports(request) : APP_OK;
}

/* ---- logs ---- */

struct reading {
    const struct request *request;
    const char *file;
    unsigned found;
};

static void on_oddity(void *context, const struct syslog_finding *finding)
{
    struct reading *reading = context;
    bool back = finding->oddity == SYSLOG_BACK;
    long long seconds =
        back ? finding->before_s - finding->at_s : finding->at_s - finding->before_s;
    time_t at = (time_t)finding->before_s;
    struct tm tm;
    char text[32];

    reading->found++;
    gmtime_r(&at, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    if (reading->request->json) {
        json_t *object = json_pack(
            "{s:s, s:I, s:s, s:s, s:I}", "file", reading->file, "line", (json_int_t)finding->line,
            "what", back ? "clock went back" : "gap", "from", text, "seconds", (json_int_t)seconds);

        json_dumpf(object, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(object);
    } else {
        printf("%s:%llu: %s %lld s from %s\n", reading->file, (unsigned long long)finding->line,
               back ? "the clock went back by" : "nothing for", seconds, text);
    }
}

static int run_logs(const struct request *request, int count, char **files)
{
    int result = APP_OK;

    for (int i = 0; i < count; i++) {
        struct reading reading = {request, files[i], 0};
        struct syslog syslog;
        FILE *file = fopen(files[i], "re");

        if (!file) {
            result = app_fail("audit", "%s: %s", files[i], strerror(errno));
            continue;
        }
        syslog_read(&syslog, file, request->world.now_s, on_oddity, &reading);
        if (ferror(file))
            result = app_fail("audit", "%s: %s", files[i], strerror(errno));
        else if (syslog.dated == 0)
            result = app_fail("audit", "%s: no line begins with a time; accepted are syslog files",
                              files[i]);
        else if (!request->json)
            printf("%s: %llu lines, %u odd\n", files[i], (unsigned long long)syslog.lines,
                   reading.found);
        fclose(file);
        if (reading.found > 0)
            result = APP_NO;
    }
    return result;
}

int cmd_audit(const struct app *app, int argc, char **argv)
{
    struct request request = {
        .world = {.root = "", .is_root = geteuid() == 0, .now_s = (int64_t)time(NULL)}};
    int result;

    (void)app;
    if (app_help(argc, argv, help))
        return APP_OK;
    request.json = guard_take_json(&argc, argv); /* behind files too, as everywhere */
    result = read_options(argc, argv, &request);
    if (result != APP_OK)
        return result;
    if (request.logs)
        return run_logs(&request, argc - request.files, argv + request.files);
    result = read_config(&request);
    if (result == APP_OK)
        result = read_listeners(&request.world);
    if (result == APP_OK)
        result = request.ports ? run_ports(&request) : run_practices(&request);
    listeners_free(&request.world.listeners);
    return result;
}
