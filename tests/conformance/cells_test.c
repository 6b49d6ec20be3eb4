/* Every state x event cell, for IPv4 and IPv6, against rules that know nothing of the code. [RFC 9293 3.10]
 *
 *     conformance_cells                          all of them
 *     conformance_cells rst/established-inside   one, or those that a pattern matches: 'rst/closing-*'
 *     conformance_cells --list [PATTERN]         their names and how many there are
 *
 * A name is a place in the table: event/state[-variant]-place of SEG.SEQ-place of SEG.ACK, or call/state[-variant].
 */
#include "cells.h"

#include <fnmatch.h>

#define SHOWN 400 /* failures by name; the others are counted */

static const char *pattern_asked = "*";
static uint32_t visited, failed;
static const char *running = "";
static jmp_buf recover;

const char *cell_state(enum reached at)
{
    static const char *const names[] = {
        [CLOSED] = "closed",
        [LISTEN] = "listen",
        [SYN_SENT] = "syn-sent",
        [HALF_OPEN] = "half-open",
        [SYN_RECEIVED] = "syn-received",
        [ESTABLISHED] = "established",
        [FIN_WAIT_1] = "fin-wait-1",
        [FIN_WAIT_2] = "fin-wait-2",
        [CLOSE_WAIT] = "close-wait",
        [CLOSING] = "closing",
        [LAST_ACK] = "last-ack",
        [TIME_WAIT] = "time-wait",
    };

    return names[at];
}

static void list_one(const char *name, void (*run)(const void *cell), const void *cell)
{
    (void)run;
    (void)cell;
    if (fnmatch(pattern_asked, name, 0) != 0)
        return;
    visited++;
    puts(name);
}

static void run_whole(void (*run)(const void *cell), const void *cell)
{
    run(cell);
    script_out_nothing(HERE);
}

static void run_in_family(const char *name, void (*run)(const void *cell), const void *cell)
{
    running = name;
    visited++;
    if (setjmp(recover) == 0) {
        run_whole(run, cell);
        return;
    }
    if (++failed <= SHOWN)
        print_error("FAILED %s (%s)\n\n", name, script.v6 ? "IPv6" : "IPv4");
}

static void run_one(const char *name, void (*run)(const void *cell), const void *cell)
{
    if (fnmatch(pattern_asked, name, 0) != 0)
        return;
    for (int v6 = 0; v6 < 2; v6++) {
        script.v6 = v6;
        run_in_family(name, run, cell);
    }
}

/* An assertion of a helper ends the program: then at least its cell has a name. */
static void say_where(void)
{
    if (*running)
        print_error("ended in %s (%s)\n", running, script.v6 ? "IPv6" : "IPv4");
}

int main(int count, char **arguments)
{
    bool list = count > 1 && strcmp(arguments[1], "--list") == 0;
    cell_visitor *visit = list ? list_one : run_one;

    if (count > 1 + list)
        pattern_asked = arguments[1 + list];
    if (count > 2 + list || (!list && *pattern_asked == '-')) {
        fprintf(stderr, "usage: conformance_cells [--list] [PATTERN]\n");
        return 2;
    }
    script_recover = &recover;
    atexit(say_where);
    cells_of_segments(visit);
    cells_of_calls(visit);
    running = "";
    free(script.memory);
    if (list)
        printf("%u cells, each for IPv4 and IPv6\n", visited);
    else
        printf("%u cells run (IPv4 and IPv6 apart), %u failed\n", visited, failed);
    if (visited == 0)
        fprintf(stderr, "conformance_cells: no cell is called %s\n", pattern_asked);
    return failed > 0 || visited == 0;
}
