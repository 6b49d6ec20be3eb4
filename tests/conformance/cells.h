/* Cells: a place in the table of states and events, named by its coordinates. Run from cells_test.c. */
#ifndef TESTS_CONFORMANCE_CELLS_H
#define TESTS_CONFORMANCE_CELLS_H

#include "script.h"

#define CELL_NAME 96

/* What is done with each cell: runs, lists or counts it. */
typedef void cell_visitor(const char *name, void (*run)(const void *cell), const void *cell);

void cells_of_segments(cell_visitor *visit);
void cells_of_calls(cell_visitor *visit);

/* "established", as coordinates spell it. */
const char *cell_state(enum reached at);

#endif
