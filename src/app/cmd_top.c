/* handfast top: what a guard is doing now. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <handfast/os.h>

#include "app/app.h"
#include "app/guard_client.h"
#include "app/top_page.h"
#include "app/top_screen.h"
#include "control/client.h"

static const char help[] =
    "usage: handfast [-i NAME] top [--every TIME] [--order rtt|bytes|age] [--once] [--json]\n\n"
    "What a running guard is doing: rates, states, pressure on each listener, the prefixes with "
    "most\n"
    "connections, the connections with the longest round trip, most bytes or greatest age, "
    "everything\n"
    "about one of them. The keys are on the screen; q ends.\n"
    "  --every TIME   between two looks: 100ms to 60s, 1s if nothing is said\n"
    "  --order WORD   the order of the connections: rtt, bytes (if nothing is said) or age\n"
    "  --once         one screen as text, for pipes; it takes two looks, as rates need them\n"
    "  --json         the same as one JSON object, with exact numbers\n"
    "Colours only on a terminal, and none with NO_COLOR set.\n";

#define EVERY_MIN_MS 100
#define EVERY_MAX_MS 60000
#define LISTED_MAX 64 /* what the guard gives at most */

struct top {
    const struct app *app;
    char path[CONTROL_PATH_MAX];
    struct top_model model;
    struct top_view view;
    struct top_page page;
    int64_t next_us;                   /* when to look again */
    json_int_t chosen_slot, chosen_id; /* of the detail, -1: none */
};

/* ---- the command line ---- */

static bool read_time(const char *text, int *ms)
{
    char unit[3] = "";
    double value;
    int used = 0;

    if (sscanf(text, "%lf%2[ms]%n", &value, unit, &used) != 2 || text[used] != '\0')
        return false;
    if (strcmp(unit, "s") == 0)
        value *= 1000;
    else if (strcmp(unit, "ms") != 0)
        return false;
    if (!(value >= EVERY_MIN_MS && value <= EVERY_MAX_MS))
        return false;
    *ms = (int)value;
    return true;
}

static bool is_order(const char *word)
{
    return strcmp(word, "rtt") == 0 || strcmp(word, "bytes") == 0 || strcmp(word, "age") == 0;
}

static int read_arguments(struct top *top, int argc, char **argv, bool *json)
{
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--once") == 0) {
            top->view.once = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            *json = true;
        } else if (strcmp(argv[i], "--every") == 0) {
            if (!read_time(next, &top->view.interval_ms))
                return app_usage("top", "--every %s: accepted is 100ms to 60s",
                                 *next ? next : "(nothing)");
            i++;
        } else if (strcmp(argv[i], "--order") == 0) {
            if (!is_order(next))
                return app_usage("top", "--order %s: accepted are rtt, bytes and age",
                                 *next ? next : "(nothing)");
            top->view.order = argv[++i];
        } else {
            return app_usage(
                "top", "%s is not understood; accepted are --every, --order, --once and --json",
                argv[i]);
        }
    }
    return APP_OK;
}

/* ---- asking ---- */

static json_t *request(const struct top *top, int limit)
{
    json_t *request = json_pack("{s:s, s:s, s:i}", "command", "top", "order", top->view.order,
                                "limit", limit < LISTED_MAX ? limit : LISTED_MAX);

    if (top->view.detail) {
        json_object_set_new(request, "slot", json_integer(top->chosen_slot));
        json_object_set_new(request, "id", json_integer(top->chosen_id));
    }
    return request;
}

/* On a screen a guard that does not answer is shown, not the end: it may be restarting. */
static void look(struct top *top, int limit)
{
    json_t *question = request(top, limit), *reply = NULL;
    int error = control_ask(top->path, question, &reply);

    json_decref(question);
    top->view.trouble = NULL;
    if (error == HF_OK && !json_object_get(reply, "error")) {
        top_model_take(&top->model, reply);
        return;
    }
    top->view.trouble = error == HF_OK ? "the guard does not know this question: it is an older one"
                        : error == HF_REFUSED       ? "no guard is running; still trying"
                        : error == HF_NO_PERMISSION ? "no permission to ask; still trying"
                                                    : "the guard does not answer; still trying";
    json_decref(reply);
}

/* ---- once ---- */

static bool look_once(struct top *top, int *result)
{
    json_t *reply = guard_ask(top->app, "top", request(top, 20), result);

    if (reply)
        top_model_take(&top->model, reply);
    return reply != NULL;
}

static void print_page(const struct top_page *page)
{
    int blank = 0; /* rows, which are worth nothing at the end */

    for (int row = 0; row < page->rows; row++) {
        int length = page->columns;

        while (length > 0 && page->text[row][length - 1] == ' ')
            length--;
        if (length == 0) {
            blank++;
            continue;
        }
        for (; blank > 0; blank--)
            putchar('\n');
        printf("%.*s\n", length, page->text[row]);
    }
}

static int run_once(struct top *top, bool json)
{
    struct timespec pause = {top->view.interval_ms / 1000,
                             (long)(top->view.interval_ms % 1000) * 1000000};
    struct winsize size = {.ws_row = 40, .ws_col = 100};
    int result;

    if (!look_once(top, &result))
        return result;
    while (nanosleep(&pause, &pause) != 0 && errno == EINTR)
        ;
    if (!look_once(top, &result))
        return result;
    if (json) {
        json_object_set_new(top->model.now, "rates", top_rates_json(&top->model.rates));
        json_dumpf(top->model.now, stdout, JSON_INDENT(2));
        putchar('\n');
        return APP_OK;
    }
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size); /* a pipe has no size: then what stands above */
    top->view.once = true;
    top_page_draw(&top->page, size.ws_row ? size.ws_row : 40, size.ws_col ? size.ws_col : 100,
                  &top->model, &top->view);
    print_page(&top->page);
    return APP_OK;
}

/* ---- on the screen ---- */

static int connections_shown(const struct top *top)
{
    int rows, columns, room, there;

    top_screen_size(&rows, &columns);
    room = top_page_connections(rows, &top->model);
    there = (int)json_array_size(json_object_get(top->model.now, "top"));
    return there < room ? there : room;
}

static void choose(struct top *top, int step)
{
    int last = connections_shown(top) - 1;

    top->view.selected += step;
    if (top->view.selected > last)
        top->view.selected = last;
    if (top->view.selected < 0)
        top->view.selected = 0;
}

static void toggle_detail(struct top *top)
{
    const json_t *row =
        json_array_get(json_object_get(top->model.now, "top"), (size_t)top->view.selected);

    if (!top->view.detail && !row)
        return;
    top->view.detail = !top->view.detail;
    if (top->view.detail) {
        top->chosen_slot = json_integer_value(json_object_get(row, "slot"));
        top->chosen_id = json_integer_value(json_object_get(row, "id"));
    }
    top->next_us = 0; /* what is shown must be asked for, also in a pause */
}

static void set_order(struct top *top, const char *order)
{
    top->view.order = order;
    top->view.selected = 0;
    top->next_us = 0;
}

static void set_interval(struct top *top, int ms)
{
    if (ms >= EVERY_MIN_MS && ms <= EVERY_MAX_MS)
        top->view.interval_ms = ms;
    top->next_us = 0;
}

/* False: the end. */
static bool obey(struct top *top, enum top_key key)
{
    switch (key) {
    case TOP_KEY_QUIT: return false;
    case TOP_KEY_PAUSE:
        top->view.paused = !top->view.paused;
        top->next_us = top->view.paused ? INT64_MAX : 0;
        break;
    case TOP_KEY_RTT: set_order(top, "rtt"); break;
    case TOP_KEY_BYTES: set_order(top, "bytes"); break;
    case TOP_KEY_AGE: set_order(top, "age"); break;
    case TOP_KEY_UP: choose(top, -1); break;
    case TOP_KEY_DOWN: choose(top, 1); break;
    case TOP_KEY_ENTER: toggle_detail(top); break;
    case TOP_KEY_BACK:
        if (top->view.help)
            top->view.help = false;
        else if (top->view.detail)
            toggle_detail(top);
        break;
    case TOP_KEY_FASTER: set_interval(top, top->view.interval_ms / 2); break;
    case TOP_KEY_SLOWER: set_interval(top, top->view.interval_ms * 2); break;
    case TOP_KEY_HELP: top->view.help = !top->view.help; break;
    case TOP_KEY_RESIZED: top->next_us = 0; break; /* more rows may want more connections */
    case TOP_KEY_NONE: break;
    }
    return true;
}

static void draw(struct top *top)
{
    int rows, columns;

    top_screen_size(&rows, &columns);
    choose(top, 0); /* there may be fewer than there were */
    top_page_draw(&top->page, rows, columns, &top->model, &top->view);
    top_screen_show(&top->page);
}

/* Looks when it is time, draws, waits for a key; a pause shows what was, whatever is pressed. */
static void run_screen(struct top *top)
{
    bool going = true;

    while (going) {
        int64_t now_us = hf_os_now_us();

        if (now_us >= top->next_us) {
            look(top, LISTED_MAX);
            top->next_us = top->view.paused
                               ? INT64_MAX
                               : hf_os_now_us() + (int64_t)top->view.interval_ms * 1000;
        }
        draw(top);
        int64_t wait_us = top->next_us - hf_os_now_us();
        going = obey(top, top_screen_key(wait_us > 1000000 ? 1000 : (int)(wait_us / 1000) + 1));
    }
}

int cmd_top(const struct app *app, int argc, char **argv)
{
    static struct top top; /* a page is too large for a stack */
    bool json = false;
    int result;

    if (app_help(argc, argv, help))
        return APP_OK;
    top = (struct top){.app = app,
                       .view = {.guard = app->guard, .order = "bytes", .interval_ms = 1000}};
    result = read_arguments(&top, argc, argv, &json);
    if (result != APP_OK)
        return result;
    if (control_path(top.path, app->guard) != HF_OK)
        return app_usage("top", "the name %s is too long for a socket's path", app->guard);
    if (top.view.once || json) {
        result = run_once(&top, json);
    } else if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        result =
            app_fail("top", "a terminal is needed; --once prints one screen, --json its numbers");
    } else if (!look_once(&top, &result)) {
        /* said already: nobody wants an empty screen */
    } else if (!top_screen_open()) {
        result =
            app_fail("top", "TERM is no terminal that is known here; --once prints one screen");
    } else {
        run_screen(&top);
        top_screen_close();
        result = APP_OK;
    }
    top_model_clear(&top.model);
    return result;
}
