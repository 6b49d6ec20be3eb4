/* Cells of user calls: each in every state. [RFC 9293 3.10.1 to 3.10.6]
 *
 * The columns are the specification's; "error: connection already exists" is HF_ADDRESS_IN_USE, "connection closing"
 * HF_CLOSING (0 from RECEIVE: the end of the text), "connection does not exist" HF_NO_SOCKET, "queue for processing" HF_AGAIN,
 * as nothing waits here. What differs is named by its section of docs/decisions/deviations.md.
 */
#include "cells.h"

struct rule {
    ptrdiff_t result;
    const char *reply; /* NULL: silence */
    enum reached next;
};

typedef ptrdiff_t user_call(void);

/* LISTEN on the port of the connection that is there. */
static ptrdiff_t open_passive(void)
{
    struct hf_endpoint local = {.port = script.our_port};
    hf_socket other;

    return hf_listen(script.stack, &local, &other);
}

/* The same flow once more. */
static ptrdiff_t open_active(void)
{
    struct hf_endpoint local = {.port = script.our_port};
    struct hf_endpoint remote = {script.from, SCRIPT_PEER_PORT};
    hf_socket other;

    forget_numbers();
    return hf_connect(script.stack, &local, &remote, &other, script.now_us);
}

/* LISTEN and the half-open under it are the listener's. */
static hf_socket socket_asked(void)
{
    return script.socket ? script.socket : script.listener;
}

static ptrdiff_t send_text(void)
{
    hf_socket kept = script.socket;
    ptrdiff_t taken;

    script.socket = socket_asked();
    taken = script_send(CELL_TEXT);
    script.socket = kept;
    return taken;
}

static ptrdiff_t send_urgent(void)
{
    hf_socket kept = script.socket;
    ptrdiff_t taken;

    script.socket = socket_asked();
    taken = script_send_urgent(CELL_TEXT);
    script.socket = kept;
    return taken;
}

static ptrdiff_t receive_text(void)
{
    uint8_t text[100];

    return hf_receive(script.stack, socket_asked(), text, sizeof text, script.now_us);
}

static ptrdiff_t shut_down(void)
{
    return hf_shutdown(script.stack, socket_asked(), script.now_us);
}

static ptrdiff_t close_it(void)
{
    return script_close();
}

static ptrdiff_t abort_it(void)
{
    return script_abort();
}

static ptrdiff_t ask_status(void)
{
    struct hf_status status;

    return hf_status(script.stack, socket_asked(), &status);
}

#define STATES (TIME_WAIT + 1)
#define IN_USE HF_ADDRESS_IN_USE
#define RESET "R. s:s(0) ack r"
#define FIN "F. s:s(0) ack r"
#define SAME(at, result) [at] = {result, NULL, at}
#define STAYS_CLOSED SAME(CLOSED, HF_NO_SOCKET)

/* 3.10.1. A port may be listened on while a connection from it is opening. [RFC 9293 MUST-41, MUST-42] */
static const struct rule open_passive_rules[STATES] = {
    [CLOSED] = {HF_OK, NULL, LISTEN},
    SAME(LISTEN, IN_USE),
    SAME(SYN_SENT, HF_OK),
    SAME(HALF_OPEN, IN_USE),
    SAME(SYN_RECEIVED, HF_OK),
    SAME(ESTABLISHED, IN_USE),
    SAME(FIN_WAIT_1, IN_USE),
    SAME(FIN_WAIT_2, IN_USE),
    SAME(CLOSE_WAIT, IN_USE),
    SAME(CLOSING, IN_USE),
    SAME(LAST_ACK, IN_USE),
    SAME(TIME_WAIT, IN_USE),
};

static const struct rule open_active_rules[STATES] = {
    [CLOSED] = {HF_OK, "S 0:0(0) <...>", SYN_SENT},
    [LISTEN] = {HF_OK, "S 0:0(0) <...>", SYN_SENT}, /* "change from passive to active" */
    SAME(SYN_SENT, IN_USE),
    SAME(HALF_OPEN, IN_USE),
    SAME(SYN_RECEIVED, IN_USE),
    SAME(ESTABLISHED, IN_USE),
    SAME(FIN_WAIT_1, IN_USE),
    SAME(FIN_WAIT_2, IN_USE),
    SAME(CLOSE_WAIT, IN_USE),
    SAME(CLOSING, IN_USE),
    SAME(LAST_ACK, IN_USE),
    SAME(TIME_WAIT, IN_USE),
};

/* 3.10.2. "No SEND on a listener" */
#define SEND_RULES(reply)                                                              \
    STAYS_CLOSED, SAME(LISTEN, HF_NOT_CONNECTED), SAME(SYN_SENT, CELL_TEXT),           \
        SAME(HALF_OPEN, HF_NOT_CONNECTED), SAME(SYN_RECEIVED, CELL_TEXT),              \
        [ESTABLISHED] = {CELL_TEXT, reply, ESTABLISHED}, SAME(FIN_WAIT_1, HF_CLOSING), \
        SAME(FIN_WAIT_2, HF_CLOSING), [CLOSE_WAIT] = {CELL_TEXT, reply, CLOSE_WAIT},   \
        SAME(CLOSING, HF_CLOSING), SAME(LAST_ACK, HF_CLOSING), SAME(TIME_WAIT, HF_CLOSING)

static const struct rule send_rules[STATES] = {SEND_RULES("P. s:s+10(10) ack r")};
static const struct rule send_urgent_rules[STATES] = {SEND_RULES("PU. s:s+10(10) ack r urg 10")};
static const struct rule send_rules_unsent[STATES] = {SAME(ESTABLISHED, CELL_TEXT),
                                                      SAME(CLOSE_WAIT, CELL_TEXT)};

/* 3.10.3. */
static const struct rule receive_rules[STATES] = {
    STAYS_CLOSED,
    SAME(LISTEN, HF_NOT_CONNECTED), /* nobody is there yet: a listener has no text */
    SAME(SYN_SENT, HF_AGAIN),
    SAME(HALF_OPEN, HF_NOT_CONNECTED),
    SAME(SYN_RECEIVED, HF_AGAIN),
    SAME(ESTABLISHED, HF_AGAIN),
    SAME(FIN_WAIT_1, HF_AGAIN),
    SAME(FIN_WAIT_2, HF_AGAIN),
    SAME(CLOSE_WAIT, 0),
    SAME(CLOSING, 0),
    SAME(LAST_ACK, 0),
    SAME(TIME_WAIT, 0),
};

static const struct rule receive_rules_unread[STATES] = {
    SAME(ESTABLISHED, CELL_TEXT), SAME(FIN_WAIT_1, CELL_TEXT), SAME(FIN_WAIT_2, CELL_TEXT),
    SAME(CLOSE_WAIT, CELL_TEXT),  SAME(CLOSING, CELL_TEXT),    SAME(LAST_ACK, CELL_TEXT),
    SAME(TIME_WAIT, CELL_TEXT),
};

/* 3.10.4, the half of it that goes on receiving. "CLOSE in SYN-RECEIVED" */
static const struct rule shutdown_rules[STATES] = {
    STAYS_CLOSED,
    SAME(LISTEN, HF_NOT_CONNECTED),
    [SYN_SENT] = {HF_OK, NULL, CLOSED},
    SAME(HALF_OPEN, HF_NOT_CONNECTED),
    [SYN_RECEIVED] = {HF_OK, NULL, FIN_WAIT_1},
    [ESTABLISHED] = {HF_OK, FIN, FIN_WAIT_1},
    SAME(FIN_WAIT_1, HF_CLOSING),
    SAME(FIN_WAIT_2, HF_CLOSING),
    [CLOSE_WAIT] = {HF_OK, FIN, LAST_ACK},
    SAME(CLOSING, HF_CLOSING),
    SAME(LAST_ACK, HF_CLOSING),
    SAME(TIME_WAIT, HF_CLOSING),
};

/* The FIN follows what waits. */
static const struct rule shutdown_rules_unsent[STATES] = {
    [ESTABLISHED] = {HF_OK, NULL, FIN_WAIT_1},
    [CLOSE_WAIT] = {HF_OK, NULL, LAST_ACK},
};

/* 3.10.4: the user gives up his socket, so a second CLOSE is no error of his.
 * "A passive half-open cannot be closed by its user" */
static const struct rule close_rules[STATES] = {
    STAYS_CLOSED,
    [LISTEN] = {HF_OK, NULL, CLOSED},
    [SYN_SENT] = {HF_OK, NULL, CLOSED},
    [HALF_OPEN] = {HF_OK, RESET, CLOSED},
    [SYN_RECEIVED] = {HF_OK, NULL, FIN_WAIT_1},
    [ESTABLISHED] = {HF_OK, FIN, FIN_WAIT_1},
    SAME(FIN_WAIT_1, HF_OK),
    SAME(FIN_WAIT_2, HF_OK),
    [CLOSE_WAIT] = {HF_OK, FIN, LAST_ACK},
    SAME(CLOSING, HF_OK),
    SAME(LAST_ACK, HF_OK),
    SAME(TIME_WAIT, HF_OK),
};

static const struct rule close_rules_unsent[STATES] = {
    [ESTABLISHED] = {HF_OK, NULL, FIN_WAIT_1},
    [CLOSE_WAIT] = {HF_OK, NULL, LAST_ACK},
};

/* Text that nobody will read is lost, and the peer is told. [RFC 9293 SHLD-3] */
static const struct rule close_rules_unread[STATES] = {
    [ESTABLISHED] = {HF_OK, RESET, CLOSED},
    [FIN_WAIT_1] = {HF_OK, RESET, CLOSED},
    [FIN_WAIT_2] = {HF_OK, RESET, CLOSED},
    [CLOSE_WAIT] = {HF_OK, RESET, CLOSED},
    [CLOSING] = {HF_OK, RESET, CLOSED},
    [LAST_ACK] = {HF_OK, RESET, CLOSED},
    SAME(TIME_WAIT, HF_OK),
};

/* 3.10.5. "ABORT in CLOSING and LAST-ACK sends a RST" */
#define ABORT_LATE                                                                 \
    [ESTABLISHED] = {HF_OK, RESET, CLOSED}, [FIN_WAIT_1] = {HF_OK, RESET, CLOSED}, \
    [FIN_WAIT_2] = {HF_OK, RESET, CLOSED}, [CLOSE_WAIT] = {HF_OK, RESET, CLOSED},  \
    [CLOSING] = {HF_OK, RESET, CLOSED}, [LAST_ACK] = {HF_OK, RESET, CLOSED},       \
    SAME(TIME_WAIT, HF_OK) /* the socket is gone, the quiet time stays */

static const struct rule abort_rules[STATES] = {
    STAYS_CLOSED,
    [LISTEN] = {HF_OK, NULL, CLOSED},
    [SYN_SENT] = {HF_OK, NULL, CLOSED},
    [HALF_OPEN] = {HF_OK, RESET, CLOSED},
    [SYN_RECEIVED] = {HF_OK, RESET, CLOSED},
    ABORT_LATE,
};
static const struct rule abort_rules_late[STATES] = {ABORT_LATE};
static const struct rule abort_rules_unsent[STATES] = {
    [ESTABLISHED] = {HF_OK, RESET, CLOSED},
    [CLOSE_WAIT] = {HF_OK, RESET, CLOSED},
};

/* 3.10.6. */
static const struct rule status_rules[STATES] = {
    STAYS_CLOSED,
    SAME(LISTEN, HF_OK),
    SAME(SYN_SENT, HF_OK),
    SAME(HALF_OPEN, HF_OK),
    SAME(SYN_RECEIVED, HF_OK),
    SAME(ESTABLISHED, HF_OK),
    SAME(FIN_WAIT_1, HF_OK),
    SAME(FIN_WAIT_2, HF_OK),
    SAME(CLOSE_WAIT, HF_OK),
    SAME(CLOSING, HF_OK),
    SAME(LAST_ACK, HF_OK),
    SAME(TIME_WAIT, HF_OK),
};

static const struct call {
    const char *name;
    user_call *call;
    enum variant variant;
    const struct rule *rules;
    enum reached first; /* states from here on */
} calls[] = {
    {"open-passive", open_passive, PLAIN, open_passive_rules, CLOSED},
    {"open-active", open_active, PLAIN, open_active_rules, CLOSED},
    {"send", send_text, PLAIN, send_rules, CLOSED},
    {"send", send_text, UNSENT, send_rules_unsent, ESTABLISHED},
    {"send-urgent", send_urgent, PLAIN, send_urgent_rules, CLOSED},
    {"receive", receive_text, PLAIN, receive_rules, CLOSED},
    {"receive", receive_text, UNREAD, receive_rules_unread, ESTABLISHED},
    {"shutdown", shut_down, PLAIN, shutdown_rules, CLOSED},
    {"shutdown", shut_down, UNSENT, shutdown_rules_unsent, ESTABLISHED},
    {"close", close_it, PLAIN, close_rules, CLOSED},
    {"close", close_it, UNREAD, close_rules_unread, ESTABLISHED},
    {"close", close_it, UNSENT, close_rules_unsent, ESTABLISHED},
    {"abort", abort_it, PLAIN, abort_rules, CLOSED},
    {"abort", abort_it, SENDING, abort_rules_late, ESTABLISHED},
    {"abort", abort_it, UNREAD, abort_rules_late, ESTABLISHED},
    {"abort", abort_it, UNSENT, abort_rules_unsent, ESTABLISHED},
    {"status", ask_status, PLAIN, status_rules, CLOSED},
};

struct cell {
    const struct call *call;
    enum reached at;
};

/* The socket is gone after CLOSE and ABORT; else STATUS tells the state, with the listener speaking for its half-opens. */
static void compare_status(const struct cell *cell, const struct rule *rule)
{
    bool given_up = cell->call->call == close_it || cell->call->call == abort_it;

    if (given_up) {
        must_be(HF_NO_SOCKET, ask_status());
    } else if (script.socket && cell->call->call != open_active) {
        status_state(reached_text(rule->next));
    } else if (script.listener && cell->call->call != open_active) {
        status_state("LISTEN");
    }
}

static void run_cell(const void *which)
{
    const struct cell *cell = which;
    const struct rule *rule = &cell->call->rules[cell->at];

    cell_walk(cell->at, cell->call->variant);
    script_must_be(HERE, rule->result, cell->call->call(), cell->call->name);
    if (rule->reply)
        out("%s", rule->reply);
    out_nothing();
    state(reached_text(rule->next));
    compare_status(cell, rule);
}

/* A variant is in states that have user, connection and room for it. */
static bool is_a_cell(const struct cell *cell)
{
    enum variant variant = cell->call->variant;

    if (cell->at < cell->call->first)
        return false;
    if (variant == UNSENT)
        return cell->at == ESTABLISHED || cell->at == CLOSE_WAIT;
    if (variant == SENDING)
        return cell->at != FIN_WAIT_2 && cell->at != TIME_WAIT;
    return true;
}

void cells_of_calls(cell_visitor *visit)
{
    static const char *const variants[] = {
        [PLAIN] = "", [SENDING] = "-sending", [UNREAD] = "-unread", [UNSENT] = "-unsent"};
    struct cell cell;
    char name[CELL_NAME];

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        cell.call = &calls[i];
        for (cell.at = CLOSED; cell.at <= TIME_WAIT; cell.at++) {
            if (!is_a_cell(&cell))
                continue;
            snprintf(name, sizeof name, "%s/%s%s", cell.call->name, cell_state(cell.at),
                     variants[cell.call->variant]);
            visit(name, run_cell, &cell);
        }
    }
}
