/* ncurses draws pages and reads keys. */
#include "app/top_screen.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include <curses.h>

#define ESCAPE 27

static SCREEN *screen;

/* Styles are attributes everywhere, and colours too where the terminal has them and NO_COLOR does not forbid it. */
static attr_t attributes[TOP_STYLES] = {
    [TOP_PLAIN] = A_NORMAL, [TOP_TITLE] = A_REVERSE,
    [TOP_BOLD] = A_BOLD,    [TOP_DIM] = A_DIM,
    [TOP_GOOD] = A_NORMAL,  [TOP_WARN] = A_BOLD,
    [TOP_BAD] = A_BOLD,     [TOP_SELECTED] = A_REVERSE | A_BOLD,
};

static void open_colors(void)
{
    static const struct {
        enum top_style style;
        short color;
    } colors[] = {{TOP_GOOD, COLOR_GREEN}, {TOP_WARN, COLOR_YELLOW}, {TOP_BAD, COLOR_RED}};
    const char *no_color = getenv("NO_COLOR");

    if ((no_color && *no_color) || !has_colors() || start_color() != OK)
        return;
    use_default_colors();
    for (size_t i = 0; i < sizeof colors / sizeof colors[0]; i++) {
        init_pair((short)(i + 1), colors[i].color, -1);
        attributes[colors[i].style] |= (attr_t)COLOR_PAIR((int)i + 1);
    }
}

bool top_screen_open(void)
{
    setlocale(LC_CTYPE, "");
    screen = newterm(NULL, stdout, stdin);
    if (!screen)
        return false;
    set_escdelay(50);
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    curs_set(0);
    open_colors();
    return true;
}

void top_screen_close(void)
{
    if (!screen)
        return;
    endwin();
    delscreen(screen);
    screen = NULL;
}

void top_screen_size(int *rows, int *columns)
{
    getmaxyx(stdscr, *rows, *columns);
}

void top_screen_show(const struct top_page *page)
{
    erase();
    for (int row = 0; row < page->rows; row++)
        for (int column = 0, end; column < page->columns; column = end) {
            for (end = column + 1;
                 end < page->columns && page->style[row][end] == page->style[row][column];)
                end++;
            attrset((int)attributes[page->style[row][column]]);
            mvaddnstr(row, column, page->text[row] + column, end - column);
        }
    attrset(A_NORMAL);
    refresh();
}

enum top_key top_screen_key(int wait_ms)
{
    timeout(wait_ms > 0 ? wait_ms : 0);
    switch (getch()) {
    case 'q':
    case 'Q': return TOP_KEY_QUIT;
    case ' ':
    case 'p': return TOP_KEY_PAUSE;
    case 'r': return TOP_KEY_RTT;
    case 'b': return TOP_KEY_BYTES;
    case 'a': return TOP_KEY_AGE;
    case 'k':
    case KEY_UP: return TOP_KEY_UP;
    case 'j':
    case KEY_DOWN: return TOP_KEY_DOWN;
    case '\r':
    case '\n':
    case KEY_ENTER: return TOP_KEY_ENTER;
    case ESCAPE:
    case KEY_BACKSPACE: return TOP_KEY_BACK;
    case '+': return TOP_KEY_FASTER;
    case '-': return TOP_KEY_SLOWER;
    case 'h':
    case '?': return TOP_KEY_HELP;
    case KEY_RESIZE: return TOP_KEY_RESIZED;
    default: return TOP_KEY_NONE;
    }
}
