/* Cells: a place in the table of states and events, named by its coordinates. Run from cells_test.c. */
#ifndef TESTS_CONFORMANCE_CELLS_H
#define TESTS_CONFORMANCE_CELLS_H

#include "oracle.h"

#define CELL_NAME 96
#define CELL_QUEUE 1024 /* the receive queue of those without a window */
#define CELL_TEXT 10

/* How a state was reached. */
enum variant {
    PLAIN,
    SENDING, /* 100 bytes of ours are under way                     */
    STAMPED, /* timestamps are agreed, and the segment's is good    */
    STAMP_IS_OLD,
    STAMP_IS_MISSING,
    NO_WINDOW, /* RCV.WND = 0: the user has not read                  */
    ABANDONED, /* the user called CLOSE and not only shutdown         */
    UNREAD,    /* CELL_TEXT bytes of the peer's wait for the user     */
    UNSENT,    /* CELL_TEXT bytes of ours wait for the peer's window  */
};

/* A fresh stack, and the way to the state; counting begins there. */
struct situation cell_walk(enum reached at, enum variant variant);

/* Whether the peer's FIN has arrived there. */
bool cell_peer_closed(enum reached at);

/* What is done with each cell: run, listed or counted. */
typedef void cell_visitor(const char *name, void (*run)(const void *cell), const void *cell);

void cells_of_segments(cell_visitor *visit);
void cells_of_calls(cell_visitor *visit);

/* "established", as coordinates spell it. */
const char *cell_state(enum reached at);

#endif
