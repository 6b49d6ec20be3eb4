/* Rows of characters: the screen of `handfast top`. */
#include "app/top_page.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- texts ---- */

const char *top_text_number(char text[TOP_TEXT_MAX], double value)
{
    static const char units[] = " kMGTPE";
    size_t unit = 0;

    for (; value >= 999.5 && unit + 1 < sizeof units - 1; unit++)
        value /= 1000;
    if (unit == 0)
        snprintf(text, TOP_TEXT_MAX, "%.0f", value);
    else
        snprintf(text, TOP_TEXT_MAX, "%.*f%c",
                 value < 9.995   ? 2
                 : value < 99.95 ? 1
                                 : 0,
                 value, units[unit]);
    return text;
}

const char *top_text_time(char text[TOP_TEXT_MAX], int64_t us)
{
    int64_t s = us / 1000000;

    if (us < 0)
        snprintf(text, TOP_TEXT_MAX, "-");
    else if (s < 1)
        snprintf(text, TOP_TEXT_MAX, "%" PRId64 "ms", us / 1000);
    else if (s < 60)
        snprintf(text, TOP_TEXT_MAX, "%" PRId64 "s", s);
    else if (s < 3600)
        snprintf(text, TOP_TEXT_MAX, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(text, TOP_TEXT_MAX, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
    else
        snprintf(text, TOP_TEXT_MAX, "%" PRId64 "d%02" PRId64 "h", s / 86400, s / 3600 % 24);
    return text;
}

const char *top_text_rtt(char text[TOP_TEXT_MAX], int64_t us)
{
    if (us <= 0)
        snprintf(text, TOP_TEXT_MAX, "-");
    else if (us < 1000)
        snprintf(text, TOP_TEXT_MAX, "%" PRId64 "us", us);
    else if (us < 1000000)
        snprintf(text, TOP_TEXT_MAX, "%.*fms", us < 99950 ? 1 : 0, (double)us / 1e3);
    else
        snprintf(text, TOP_TEXT_MAX, "%.1fs", (double)us / 1e6);
    return text;
}

/* ---- a row ---- */

/* Writes from a column on, cut at the right edge; what a terminal might obey becomes '?'. Returns the column after it. */
__attribute__((format(printf, 5, 6))) static int put(struct top_page *page, int row, int column,
                                                     enum top_style style, const char *format, ...)
{
    char text[TOP_COLUMNS_MAX + 1];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (const char *at = text; *at && column < page->columns && row < page->rows; at++, column++) {
        page->text[row][column] = *at >= ' ' && *at <= '~' ? *at : '?';
        page->style[row][column] = (uint8_t)style;
    }
    return column;
}

static void paint(struct top_page *page, int row, enum top_style style)
{
    if (row < page->rows)
        memset(page->style[row], (int)style, (size_t)page->columns);
}

static void title(struct top_page *page, int row, const char *text)
{
    put(page, row, 0, TOP_TITLE, "%s", text);
    paint(page, row, TOP_TITLE);
}

static int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static const char *word(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

/* ---- the upper part ---- */

static void draw_head(struct top_page *page, const struct top_model *model,
                      const struct top_view *view)
{
    char up[TOP_TEXT_MAX];
    int column = put(page, 0, 1, TOP_TITLE, "handfast top: %s", view->guard);

    column = put(page, 0, column, TOP_TITLE, "  up %s",
                 top_text_time(up, model->now ? number(model->now, "up_us") : -1));
    put(page, 0, column, TOP_TITLE, "  every %d.%ds%s", view->interval_ms / 1000,
        view->interval_ms / 100 % 10, view->paused ? "  PAUSED" : "");
    paint(page, 0, TOP_TITLE);
}

/* A rate with its name at a column; below zero: it is not known yet. Returns the column of the next. */
static int draw_rate(struct top_page *page, int row, int column, const char *name, double value)
{
    char text[TOP_TEXT_MAX];

    put(page, row, column, TOP_DIM, "%s", name);
    put(page, row, column + 11, TOP_BOLD, "%7s", value < 0 ? "-" : top_text_number(text, value));
    return column + 20;
}

static void draw_rates(struct top_page *page, const struct top_rates *rates)
{
    static const struct top_rates unknown = {false, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1};
    const struct top_rates *r = rates->known ? rates : &unknown;
    int column = draw_rate(page, 1, 1, "SYN/s", r->syns);

    column = draw_rate(page, 1, column, "cookies/s", r->cookies);
    column = draw_rate(page, 1, column, "accepted/s", r->accepted);
    draw_rate(page, 1, column, "refused/s", r->refused);
    column = draw_rate(page, 2, 1, "bit/s in", r->bits_in);
    column = draw_rate(page, 2, column, "bit/s out", r->bits_out);
    column = draw_rate(page, 2, column, "packets in", r->packets_in);
    column = draw_rate(page, 2, column, "packets out", r->packets_out);
    if (r->dropped > 0)
        draw_rate(page, 2, column, "drops/s", r->dropped);
}

static int draw_use(struct top_page *page, int column, const char *name, int64_t used,
                    int64_t limit)
{
    char a[TOP_TEXT_MAX], b[TOP_TEXT_MAX];
    enum top_style style = limit > 0 && used >= limit / 100 * 95   ? TOP_BAD
                           : limit > 0 && used >= limit / 100 * 75 ? TOP_WARN
                                                                   : TOP_PLAIN;

    column = put(page, 3, column, TOP_DIM, "%s ", name);
    column = put(page, 3, column, style, "%s", top_text_number(a, (double)used));
    return 2 + put(page, 3, column, TOP_DIM, "/%s", top_text_number(b, (double)limit));
}

static void draw_uses(struct top_page *page, const json_t *answer)
{
    const json_t *gauges = json_object_get(answer, "gauges"),
                 *relays = json_object_get(answer, "relays"); /* what max_connections limits */
    int column =
        draw_use(page, 1, "connections", number(relays, "active"), number(relays, "limit"));

    column = draw_use(page, column, "half-opens", number(gauges, "half_opens"),
                      number(gauges, "max_half_opens"));
    column = draw_use(page, column, "time-wait", number(gauges, "time_waits"),
                      number(gauges, "max_time_waits"));
    draw_use(page, column, "buffers", number(gauges, "pool_used_bytes"),
             number(gauges, "pool_bytes"));
}

/* How many backends are up; those whose checks are off count as up. Returns the column after it. */
static int draw_backends(struct top_page *page, int column, const json_t *answer)
{
    const json_t *service, *backend;
    int all = 0, down = 0;
    size_t i, j;

    json_array_foreach(json_object_get(answer, "services"), i, service)
        json_array_foreach(json_object_get(service, "backends"), j, backend)
    {
        all += strcmp(word(backend, "health"), "removed") != 0;
        down += strcmp(word(backend, "health"), "down") == 0;
    }
    if (all == 0)
        return column;
    column = put(page, 4, column, TOP_DIM, "backends ");
    return 2 + put(page, 4, column, down ? TOP_BAD : TOP_GOOD, "%d/%d up", all - down, all);
}

static void draw_states(struct top_page *page, const json_t *answer)
{
    json_t *states = json_object_get(answer, "connections"), *count;
    char text[TOP_TEXT_MAX];
    const char *state;
    int column = draw_backends(page, 1, answer);

    json_object_foreach(states, state, count)
    {
        if (json_integer_value(count) == 0)
            continue;
        column = put(page, 4, column, TOP_DIM, "%s ", state);
        column = 2 + put(page, 4, column, TOP_PLAIN, "%s",
                         top_text_number(text, (double)json_integer_value(count)));
    }
}

/* ---- the tables ---- */

/* Rows for listeners and for prefixes; the connections get what is left. */
static int table_rows(int rows, size_t entries)
{
    int most = rows <= 24 ? 3 : rows / 6;

    return entries < (size_t)most ? (int)entries : most;
}

static enum top_style pressure_style(const char *pressure)
{
    if (strcmp(pressure, "flooded") == 0)
        return TOP_BAD;
    return strcmp(pressure, "strained") == 0 ? TOP_WARN : TOP_GOOD;
}

/* Those under most pressure first: with many listeners it is they who must be seen. */
static const json_t *nth_listener(const json_t *answer, int n, const char **name)
{
    static const char *const levels[] = {"flooded", "strained", "calm"};
    const json_t *service, *listener;
    size_t i, j;

    for (size_t level = 0; level < sizeof levels / sizeof levels[0]; level++)
        json_array_foreach(json_object_get(answer, "services"), i, service)
            json_array_foreach(json_object_get(service, "listeners"), j, listener)
        {
            *name = word(service, "name");
            if (strcmp(word(listener, "pressure"), levels[level]) == 0 && n-- == 0)
                return listener;
        }
    return NULL;
}

static size_t count_listeners(const json_t *answer)
{
    const json_t *service;
    size_t i, count = 0;

    json_array_foreach(json_object_get(answer, "services"), i, service) count +=
        json_array_size(json_object_get(service, "listeners"));
    return count;
}

static int rows_before_connections(int rows, const struct top_model *model)
{
    return 8 + table_rows(rows, count_listeners(model->now)) +
           table_rows(rows, json_array_size(json_object_get(model->now, "prefixes")));
}

int top_page_connections(int rows, const struct top_model *model)
{
    int left = rows - 1 - rows_before_connections(rows, model); /* the last row is for keys */

    return left > 0 ? left : 0;
}

static int draw_listeners(struct top_page *page, int row, const json_t *answer)
{
    int count = table_rows(page->rows, count_listeners(answer));
    char since[TOP_TEXT_MAX], a[TOP_TEXT_MAX], b[TOP_TEXT_MAX], c[TOP_TEXT_MAX];
    const char *service = "";

    title(page, row++,
          " LISTENER               SERVICE    PRESSURE  SINCE   HALF-OPEN  QUEUE  COOKIES");
    for (int i = 0; i < count; i++, row++) {
        const json_t *l = nth_listener(answer, i, &service);
        const char *pressure = word(l, "pressure");
        int64_t since_s = number(l, "pressure_for_s");

        put(page, row, 1, TOP_PLAIN, "%-22.22s %-10.10s", word(l, "local"), service);
        put(page, row, 35, pressure_style(pressure), "%-9s", pressure);
        put(page, row, 45, TOP_PLAIN, "%-7s %9s %6s %8s",
            since_s ? top_text_time(since, since_s * 1000000) : "-",
            top_text_number(a, (double)number(l, "half_opens")),
            top_text_number(b, (double)number(l, "accept_queued")),
            top_text_number(c, (double)number(l, "cookies_sent")));
    }
    return row;
}

static int draw_prefixes(struct top_page *page, int row, const json_t *answer)
{
    const json_t *prefixes = json_object_get(answer, "prefixes");
    int count = table_rows(page->rows, json_array_size(prefixes));
    char a[TOP_TEXT_MAX], b[TOP_TEXT_MAX], c[TOP_TEXT_MAX];

    title(page, row++,
          " PREFIX                                     CONNECTIONS  BYTES IN  BYTES OUT");
    for (int i = 0; i < count; i++, row++) {
        const json_t *p = json_array_get(prefixes, (size_t)i);

        put(page, row, 1, TOP_PLAIN, "%-42.42s %11s %9s %10s", word(p, "prefix"),
            top_text_number(a, (double)number(p, "connections")),
            top_text_number(b, (double)number(p, "bytes_in")),
            top_text_number(c, (double)number(p, "bytes_out")));
    }
    return row;
}

static void draw_connection(struct top_page *page, int row, const struct top_model *model,
                            const json_t *c)
{
    char age[TOP_TEXT_MAX], rtt[TOP_TEXT_MAX], in[TOP_TEXT_MAX], out[TOP_TEXT_MAX],
        rate[TOP_TEXT_MAX];
    double bits_in = 0, bits_out = 0;
    bool known = top_model_connection(model, c, &bits_in, &bits_out);

    put(page, row, 1, TOP_PLAIN, "%-23.23s %-9.9s %-11.11s %6s %7s %5s %5s %5s", word(c, "remote"),
        word(c, "service"), word(c, "state"), top_text_time(age, number(c, "age_us")),
        top_text_rtt(rtt, number(c, "srtt_us")), top_text_number(in, (double)number(c, "bytes_in")),
        top_text_number(out, (double)number(c, "bytes_out")),
        known ? top_text_number(rate, bits_in + bits_out) : "-");
}

static void draw_connections(struct top_page *page, int row, const struct top_model *model,
                             const struct top_view *view)
{
    const json_t *connections = json_object_get(model->now, "top");
    int count = top_page_connections(page->rows, model);
    char heading[128];

    snprintf(heading, sizeof heading,
             " %-23s SERVICE   STATE          AGE%s    RTT%s   IN%s  OUT%s bit/s", "CLIENT",
             strcmp(view->order, "age") == 0 ? "*" : " ",
             strcmp(view->order, "rtt") == 0 ? "*" : " ",
             strcmp(view->order, "bytes") == 0 ? "*" : " ",
             strcmp(view->order, "bytes") == 0 ? "*" : " ");
    title(page, row++, heading);
    for (int i = 0; i < count && (size_t)i < json_array_size(connections); i++, row++) {
        draw_connection(page, row, model, json_array_get(connections, (size_t)i));
        if (i == view->selected && !view->once)
            paint(page, row, TOP_SELECTED);
    }
}

/* ---- one connection ---- */

struct field {
    const char *name, *label;
    enum { NUMBER, TIME, RTT, TRUTH, WORD } kind;
};

static const struct field fields[] = {
    {"remote", "client", WORD},
    {"local", "address", WORD},
    {"service", "service", WORD},
    {"backend", "backend", WORD},
    {"relay", "relay", WORD},
    {"state", "state", WORD},
    {"age_us", "age", TIME},
    {"idle_us", "idle", TIME},
    {"bytes_in", "bytes in", NUMBER},
    {"bytes_out", "bytes out", NUMBER},
    {"srtt_us", "round trip", RTT},
    {"rttvar_us", "its variation", RTT},
    {"rto_us", "retransmit after", RTT},
    {"retransmits", "sent again", NUMBER},
    {"mss", "largest segment", NUMBER},
    {"congestion_window", "congestion window", NUMBER},
    {"slow_start_threshold", "slow start until", NUMBER},
    {"send_window", "client's window", NUMBER},
    {"receive_window", "our window", NUMBER},
    {"receive_queued", "waits for backend", NUMBER},
    {"send_queued", "waits for client", NUMBER},
    {"unsent", "not sent yet", NUMBER},
    {"timestamps", "timestamps", TRUTH},
    {"sack", "SACK", TRUTH},
    {"window_scaling", "window scaling", TRUTH},
    {"peer_closed", "client closed", TRUTH},
    {"nodelay", "no delay", TRUTH},
};

static const char *field_text(char text[TOP_TEXT_MAX], const json_t *object,
                              const struct field *field)
{
    switch (field->kind) {
    case NUMBER: snprintf(text, TOP_TEXT_MAX, "%" PRId64, number(object, field->name)); return text;
    case TIME: return top_text_time(text, number(object, field->name));
    case RTT: return top_text_rtt(text, number(object, field->name));
    case TRUTH: return json_is_true(json_object_get(object, field->name)) ? "yes" : "no";
    case WORD: return word(object, field->name);
    }
    return "?";
}

static void draw_detail(struct top_page *page, const struct top_model *model)
{
    const json_t *detail = json_object_get(model->now, "detail");
    int count = (int)(sizeof fields / sizeof fields[0]);
    int height = page->rows - 7, columns = page->columns >= 78 ? 2 : 1;
    char text[TOP_TEXT_MAX];

    title(page, 5, " ONE CONNECTION");
    if (!json_is_object(detail)) {
        put(page, 7, 1, TOP_WARN, "it has ended");
        return;
    }
    if (columns * height < count)
        count = columns * height;
    if (height * columns >= count && (count + columns - 1) / columns < height)
        height = (count + columns - 1) / columns;
    for (int i = 0; i < count; i++) {
        int column = 1 + i / height * (page->columns / 2);

        put(page, 6 + i % height, column, TOP_DIM, "%s", fields[i].label);
        put(page, 6 + i % height, column + 18, TOP_PLAIN, "%.40s",
            field_text(text, detail, &fields[i]));
    }
}

/* ---- all of it ---- */

static void draw_help(struct top_page *page)
{
    static const char *const lines[] = {
        "q          end",
        "space, p   pause and go on",
        "r          connections by round-trip time, the longest first",
        "b          by bytes, in and out together",
        "a          by age, the oldest first",
        "up, down   choose a connection (also k, j)",
        "enter      everything about it; again, or escape: back",
        "+, -       look more or less often",
        "h, ?       this page",
        "",
        "cookies/s  SYNs answered without keeping anything",
        "refused/s  what the door turned away: no room, bad or replayed cookies",
        "*          the connections are in this order",
    };

    title(page, 5, " KEYS AND WORDS");
    for (int i = 0; i < (int)(sizeof lines / sizeof lines[0]) && 6 + i < page->rows - 1; i++)
        put(page, 6 + i, 1, TOP_PLAIN, "%s", lines[i]);
}

static void draw_keys(struct top_page *page, const struct top_view *view)
{
    int row = page->rows - 1;

    if (view->trouble)
        put(page, row, 0, TOP_BAD, " %s", view->trouble);
    else if (!view->once)
        put(page, row, 0, TOP_DIM,
            " q quit  p pause  r rtt  b bytes  a age  j/k choose  enter detail  +/-  h help");
}

void top_page_draw(struct top_page *page, int rows, int columns, const struct top_model *model,
                   const struct top_view *view)
{
    page->rows = rows < TOP_ROWS_MAX ? rows : TOP_ROWS_MAX;
    page->columns = columns < TOP_COLUMNS_MAX ? columns : TOP_COLUMNS_MAX;
    for (int row = 0; row < page->rows; row++) {
        memset(page->text[row], ' ', (size_t)page->columns);
        page->text[row][page->columns] = '\0';
        paint(page, row, TOP_PLAIN);
    }
    if (rows < TOP_ROWS_MIN || columns < TOP_COLUMNS_MIN) {
        put(page, 0, 0, TOP_BAD, "%d x %d is too small: %d x %d is needed", columns, rows,
            TOP_COLUMNS_MIN, TOP_ROWS_MIN);
        return;
    }
    draw_head(page, model, view);
    draw_keys(page, view);
    if (!model->now)
        return;
    draw_rates(page, &model->rates);
    draw_uses(page, model->now);
    draw_states(page, model->now);
    if (view->help) {
        draw_help(page);
    } else if (view->detail) {
        draw_detail(page, model);
    } else {
        int row = draw_listeners(page, 5, model->now);

        row = draw_prefixes(page, row, model->now);
        draw_connections(page, row, model, view);
    }
}
