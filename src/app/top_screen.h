/* The terminal under `handfast top`: ncurses, keys, colours. */
#ifndef APP_TOP_SCREEN_H
#define APP_TOP_SCREEN_H

#include <stdbool.h>

#include "app/top_page.h"

enum top_key {
    TOP_KEY_NONE, /* time passed, or a key that means nothing */
    TOP_KEY_QUIT,
    TOP_KEY_PAUSE,
    TOP_KEY_RTT,
    TOP_KEY_BYTES,
    TOP_KEY_AGE,
    TOP_KEY_UP,
    TOP_KEY_DOWN,
    TOP_KEY_ENTER,
    TOP_KEY_BACK,
    TOP_KEY_FASTER,
    TOP_KEY_SLOWER,
    TOP_KEY_HELP,
    TOP_KEY_RESIZED,
};

/* Takes the terminal over. False: it is none that ncurses knows. Signals that end the program give it back first. */
bool top_screen_open(void);
void top_screen_close(void);

void top_screen_size(int *rows, int *columns);
void top_screen_show(const struct top_page *page); /* only what changed goes to the terminal */

/* Waits for a key, at most so long. */
enum top_key top_screen_key(int wait_ms);

#endif
