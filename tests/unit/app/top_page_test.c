/* The rows of `handfast top`: what is on them at each size, and that nothing received can leave its place. */
#include "unit/os/test.h"

#include <stdlib.h>

#include "app/top_page.h"

static json_t *connections(int count, const char *service)
{
    json_t *array = json_array();

    for (int i = 0; i < count; i++)
        json_array_append_new(
            array, json_pack("{s:i, s:i, s:o, s:s, s:s, s:i, s:i, s:i, s:i}", "id", i + 1, "slot",
                             i, "remote", json_sprintf("198.51.100.%d:1000", i), "service", service,
                             "state", "ESTABLISHED", "age_us", 61000000, "srtt_us", 1500,
                             "bytes_in", 1234, "bytes_out", 5000000));
    return array;
}

static json_t *listener(const char *local, const char *pressure)
{
    return json_pack("{s:s, s:s, s:i, s:i, s:i, s:i}", "local", local, "pressure", pressure,
                     "pressure_for_s", 12, "half_opens", 40, "accept_queued", 3, "cookies_sent",
                     1500);
}

static json_t *answer(int64_t now_us, int64_t syns, const char *service)
{
    json_t *reply = json_pack(
        "{s:I, s:I, s:{s:I}, s:{s:i, s:i}, s:{s:i, s:i}, s:{s:i, s:i}, s:[{s:s, s:[o, o], "
        "s:[{s:s}, "
        "{s:s}, {s:s}]}],"
        " s:[{s:s, s:i, s:i, s:i}], s:o}",
        "now_us", (json_int_t)now_us, "up_us", (json_int_t)90061000000, "counters", "syn_received",
        (json_int_t)syns, "relays", "active", 98, "limit", 100, "gauges", "half_opens", 0,
        "max_half_opens", 4096, "connections", "ESTABLISHED", 97, "LISTEN", 0, "services", "name",
        service, "listeners", listener("203.0.113.10:443", "calm"),
        listener("203.0.113.11:443", "flooded"), "backends", "health", "up", "health", "down",
        "health", "removed", "prefixes", "prefix", "2001:db8::/64", "connections", 17, "bytes_in",
        1, "bytes_out", 2, "top", connections(64, service));

    assert_non_null(reply);
    return reply;
}

struct screen {
    struct top_model model;
    struct top_view view;
    struct top_page page;
};

static struct screen *screen_new(const char *service)
{
    struct screen *screen = calloc(1, sizeof *screen);

    screen->view = (struct top_view){.guard = "guard", .order = "rtt", .interval_ms = 1000};
    top_model_take(&screen->model, answer(1000000, 0, service));
    top_model_take(&screen->model, answer(2000000, 123456, service));
    return screen;
}

static void screen_free(struct screen *screen)
{
    top_model_clear(&screen->model);
    free(screen);
}

static void draw(struct screen *screen, int rows, int columns)
{
    top_page_draw(&screen->page, rows, columns, &screen->model, &screen->view);
}

/* The row on which a word stands, -1 if there is none. */
static int row_of(const struct screen *screen, const char *word)
{
    for (int row = 0; row < screen->page.rows; row++)
        if (strstr(screen->page.text[row], word))
            return row;
    return -1;
}

static int style_of(const struct screen *screen, const char *word)
{
    int row = row_of(screen, word);

    assert_true(row >= 0);
    return screen->page.style[row][strstr(screen->page.text[row], word) - screen->page.text[row]];
}

static void a_small_terminal_shows_everything(void **state)
{
    static const char *const words[] = {"handfast top: guard",
                                        "up 1d01h",
                                        "SYN/s",
                                        "123k",
                                        "cookies/s",
                                        "refused/s",
                                        "bit/s in",
                                        "connections 98/100",
                                        "ESTABLISHED 97",
                                        "backends 1/2 up",
                                        "LISTENER",
                                        "flooded",
                                        "12s",
                                        "1.50k",
                                        "2001:db8::/64",
                                        "198.51.100.0:1000",
                                        "1m01s",
                                        "1.5ms",
                                        "5.00M",
                                        "RTT*",
                                        "q quit",
                                        "p pause",
                                        "enter detail"};
    struct screen *screen = screen_new("web");

    (void)state;
    draw(screen, 24, 80);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (row_of(screen, words[i]) < 0)
            fail_msg("%s is not on the screen", words[i]);
    assert_int_equal(row_of(screen, "LISTEN 0"), -1); /* an empty state takes no room */
    assert_int_equal(row_of(screen, "q quit"), 23);
    assert_int_equal(style_of(screen, "flooded"), TOP_BAD);
    assert_int_equal(style_of(screen, "1/2 up"), TOP_BAD);
    assert_int_equal(style_of(screen, "98/100"), TOP_BAD); /* a limit is near */
    assert_true(row_of(screen, "flooded") < row_of(screen, "calm"));
    screen_free(screen);
}

static void every_size_is_filled_and_kept(void **state)
{
    struct screen *screen = screen_new("web");

    (void)state;
    for (int rows = 1; rows <= 80; rows += rows < 30 ? 1 : 7)
        for (int columns = 1; columns <= 300; columns += columns < 90 ? 1 : 50) {
            draw(screen, rows, columns);
            for (int row = 0; row < rows; row++)
                assert_int_equal(strlen(screen->page.text[row]), columns);
            if (rows >= TOP_ROWS_MIN && columns >= TOP_COLUMNS_MIN)
                assert_int_equal(row_of(screen, "q quit"), rows - 1);
            else if (columns > 30)
                assert_int_equal(row_of(screen, "too small"), 0);
        }
    draw(screen, 100000, 100000);
    assert_int_equal(screen->page.rows, TOP_ROWS_MAX);
    screen_free(screen);
}

static void more_rows_show_more_connections(void **state)
{
    struct screen *screen = screen_new("web");
    int small = top_page_connections(24, &screen->model);

    (void)state;
    assert_true(small >= 8);
    assert_true(top_page_connections(60, &screen->model) >= small + 30);
    draw(screen, 60, 120);
    assert_true(row_of(screen, "198.51.100.40:1000") > 0);
    screen_free(screen);
}

static void what_a_terminal_would_obey_is_not_printed(void **state)
{
    struct screen *screen = screen_new("w\033[2J\177\t\303\251b");

    (void)state;
    draw(screen, 24, 80);
    for (int row = 0; row < 24; row++)
        for (int column = 0; column < 80; column++)
            assert_in_range(screen->page.text[row][column], ' ', '~');
    assert_true(row_of(screen, "w?[2J????b") > 0);
    screen_free(screen);
}

static void the_chosen_row_is_marked(void **state)
{
    struct screen *screen = screen_new("web");

    (void)state;
    screen->view.selected = 2;
    draw(screen, 24, 80);
    assert_int_equal(style_of(screen, "198.51.100.2:1000"), TOP_SELECTED);
    assert_int_equal(style_of(screen, "198.51.100.1:1000"), TOP_PLAIN);
    screen->view.once = true;
    draw(screen, 24, 80);
    assert_int_equal(style_of(screen, "198.51.100.2:1000"), TOP_PLAIN);
    assert_int_equal(row_of(screen, "q quit"), -1); /* nobody is there to press it */
    screen_free(screen);
}

static void a_detail_and_its_end(void **state)
{
    struct screen *screen = screen_new("web");

    (void)state;
    screen->view.detail = true;
    draw(screen, 24, 80);
    assert_true(row_of(screen, "it has ended") > 0);
    json_object_set_new(screen->model.now, "detail",
                        json_pack("{s:s, s:s, s:i, s:i, s:b}", "remote", "[2001:db8::7]:4711",
                                  "state", "CLOSE-WAIT", "srtt_us", 250000, "retransmits", 9,
                                  "sack", 1));
    draw(screen, 24, 80);
    assert_true(row_of(screen, "[2001:db8::7]:4711") > 0);
    assert_true(row_of(screen, "CLOSE-WAIT") > 0);
    assert_true(row_of(screen, "250ms") > 0);
    assert_true(row_of(screen, "no delay") > 0); /* the last field fits 24 rows */
    draw(screen, 50, 60);                        /* narrow: one column */
    assert_true(row_of(screen, "no delay") > row_of(screen, "client "));
    screen_free(screen);
}

static void help_pause_and_trouble_are_said(void **state)
{
    struct screen *screen = screen_new("web");

    (void)state;
    screen->view.paused = screen->view.help = true;
    screen->view.trouble = "no guard is running; still trying";
    draw(screen, 24, 80);
    assert_true(row_of(screen, "PAUSED") == 0);
    assert_true(row_of(screen, "everything about it") > 0);
    assert_int_equal(row_of(screen, "still trying"), 23);
    screen_free(screen);
}

static void texts(void **state)
{
    char text[TOP_TEXT_MAX];

    (void)state;
    assert_string_equal(top_text_number(text, 0), "0");
    assert_string_equal(top_text_number(text, 999), "999");
    assert_string_equal(top_text_number(text, 999.6), "1.00k");
    assert_string_equal(top_text_number(text, 12345), "12.3k");
    assert_string_equal(top_text_number(text, 999600), "1.00M");
    assert_string_equal(top_text_number(text, 2.5e10), "25.0G");
    assert_string_equal(top_text_time(text, 350000), "350ms");
    assert_string_equal(top_text_time(text, 59999999), "59s");
    assert_string_equal(top_text_time(text, 185000000), "3m05s");
    assert_string_equal(top_text_time(text, 360000000000), "4d04h");
    assert_string_equal(top_text_rtt(text, 0), "-");
    assert_string_equal(top_text_rtt(text, 85), "85us");
    assert_string_equal(top_text_rtt(text, 99960), "100ms");
    assert_string_equal(top_text_rtt(text, 3100000), "3.1s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_terminal_shows_everything),
        cmocka_unit_test(every_size_is_filled_and_kept),
        cmocka_unit_test(more_rows_show_more_connections),
        cmocka_unit_test(what_a_terminal_would_obey_is_not_printed),
        cmocka_unit_test(the_chosen_row_is_marked),
        cmocka_unit_test(a_detail_and_its_end),
        cmocka_unit_test(help_pause_and_trouble_are_said),
        cmocka_unit_test(texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
