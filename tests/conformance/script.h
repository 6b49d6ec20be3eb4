/* Tests that read like the wire: one real stack over raw IP in virtual time, its peer played by lines of notation.h.
 *
 *     user_listen();
 *     in("S 0:0(0) win 1000 <mss 1460>");
 *     out("S. 0:0(0) ack 1 <mss 1460>");
 *     in(". 1:1(0) ack 1 win 1000");
 *     user_accept();
 *     state("ESTABLISHED");
 *
 * Numbers are relative to the two initial sequence numbers, timestamps of ours to the first one seen. Each script runs for
 * IPv4 and for IPv6; the MTU is such that the MSS is 1460 in both. What is always checked: every segment that the stack sends
 * is expected by an out() before anything else happens, it parses, its checksums are right, its text is what the user sent
 * there, and the invariants of every TCB hold.
 */
#ifndef TESTS_CONFORMANCE_SCRIPT_H
#define TESTS_CONFORMANCE_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stack/stack.h"

#define SCRIPT_MSS 1460
#define SCRIPT_LISTEN_PORT 80
#define SCRIPT_CONNECT_PORT 4000
#define SCRIPT_PEER_PORT 40000
#define SCRIPT_PEER_ISN 0xffffff00u /* numbers wrap early [RFC 9293 X-01] */
#define SCRIPT_FRAMES 1024
#define SCRIPT_FRAME_MAX 1600

/* The states of RFC 9293 3.3.2, SYN-RECEIVED in both its forms. */
enum reached {
    CLOSED,
    LISTEN,
    SYN_SENT,
    HALF_OPEN,    /* SYN-RECEIVED of a passive open, in the gate                 */
    SYN_RECEIVED, /* SYN-RECEIVED of an active open: both ends sent a SYN at once */
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    CLOSE_WAIT,
    CLOSING,
    LAST_ACK,
    TIME_WAIT,
};

struct script_frame {
    uint32_t length;
    uint8_t bytes[SCRIPT_FRAME_MAX];
};

struct script {
    struct hf_stack *stack;
    struct hf_config config;
    void *memory;
    size_t memory_bytes;
    struct hf_event_sink sink;
    struct hf_event events[256];
    bool v6;
    int64_t now_us;
    struct hf_address from,
        to; /* of what in() sends: the peer and us, unless a test says otherwise */
    uint16_t our_port;
    hf_socket listener, socket;
    uint32_t iss, ts_base;
    bool iss_known, ts_known;
    uint32_t r, s;           /* RCV.NXT and SND.NXT when reach() was done, relative          */
    uint32_t edge;           /* the first number beyond the window that was offered last     */
    uint16_t window;         /* of segments that name none                                   */
    uint32_t peer_ts;        /* TS val of segments that name no options, if `stamped`         */
    bool stamped;            /* timestamps are agreed: out() without <> accepts any options  */
    uint32_t sent, received; /* text that the user has given to the stack and got from it    */
    struct hf_frame last;    /* the last frame that in() gave: verdict and reason            */
    struct hf_stats before;  /* counted() counts from here                                   */
    struct script_frame frames[SCRIPT_FRAMES]; /* sent and not yet expected */
    uint32_t first, count;
};

extern struct script script;

/* A test, run for both families. `at`: where it begins, for those that are run from many states. */
struct scripted {
    const char *name; /* event/state-edge */
    void (*run)(enum reached at);
    enum reached at;
};

#define script_main(tests) script_run(tests, sizeof(tests) / sizeof *(tests))
int script_run(const struct scripted *tests, size_t count);

/* A fresh stack, for tests that want another configuration than the one they were given. */
struct hf_config script_config(void);
void script_begin(const struct hf_config *config);

/* The address of the family that is run. */
struct hf_address script_address(const char *v4, const char *v6);

/* Where a line stands in its test. */
struct place {
    const char *file;
    int line;
};
#define HERE ((struct place){__FILE__, __LINE__})

#define in(...) script_in(HERE, __VA_ARGS__)
#define out(...) script_out(HERE, __VA_ARGS__)
#define out_nothing() script_out_nothing(HERE)
#define state(text) script_state(HERE, text)
#define status_state(text) script_status_state(HERE, text)
#define wait_ms(ms) script_wait(HERE, ms)
#define ready(what) script_ready(HERE, what)

void script_in(struct place place, const char *format, ...) __attribute__((format(printf, 2, 3)));
void script_out(struct place place, const char *format, ...) __attribute__((format(printf, 2, 3)));
void script_out_nothing(struct place place);
void script_state(struct place place, const char *text);
void script_status_state(struct place place, const char *text);
void script_wait(struct place place, int64_t ms);
void script_ready(struct place place, unsigned what);
/* Where a failure goes on; NULL: cmocka is told. */
extern jmp_buf *script_recover;
_Noreturn void script_fail(struct place place, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* How often a counter was raised since reach() or count_from_here(). */
#define counted(name, times)                                                                  \
    do {                                                                                      \
        if (script.stack->stats.name - script.before.name != (times))                         \
            script_fail(HERE, "%s: expected +%u, found +%llu", #name, (unsigned)(times),      \
                        (unsigned long long)(script.stack->stats.name - script.before.name)); \
    } while (0)
void count_from_here(void);

/* Frames that were sent and not expected are taken and forgotten; returns how many. */
uint32_t forget_output(void);

/* The peer hangs up the same flow and begins anew: numbers are learnt again. */
void forget_numbers(void);

/* What the user does. Text is a pattern by its place in the stream; what is received is compared with it. */
#define user_listen() must_be(HF_OK, script_listen())
#define user_accept() must_be(HF_OK, script_accept())
#define user_connect() must_be(HF_OK, script_connect())
#define user_send(length) must_be((ptrdiff_t)(length), script_send(length))
#define user_send_urgent(length) must_be((ptrdiff_t)(length), script_send_urgent(length))
#define user_receive(length) must_be((ptrdiff_t)(length), script_receive(HERE, length))
#define user_shutdown() must_be(HF_OK, script_shutdown())
#define user_close() must_be(HF_OK, script_close())
#define user_abort() must_be(HF_OK, script_abort())
#define user_set(option, value) must_be(HF_OK, script_set(option, value))
#define must_be(expected, call) script_must_be(HERE, expected, call, #call)

void script_must_be(struct place place, ptrdiff_t expected, ptrdiff_t found, const char *call);
int script_listen(void);
int script_accept(void);
int script_connect(void);
ptrdiff_t script_send(uint32_t length);
ptrdiff_t script_send_urgent(uint32_t length);
ptrdiff_t script_receive(struct place place, uint32_t capacity);
int script_shutdown(void);
int script_close(void);
int script_abort(void);
int script_set(enum hf_option option, uint32_t value);
struct hf_status user_status(void);

/* Walks to a state with nothing unexpected on the wire, then counts from there; sets r and s. reach_with: the options of the
 * peer's SYN; with timestamps among them, segments carry them by themselves. */
void reach(enum reached at);
void reach_with(enum reached at, const char *options);
void reach_window(enum reached at, uint16_t window);
const char *reached_text(enum reached at);

/* The one connection's TCB; NULL if there is none. For what the wire does not show: that nothing has changed. */
const struct tcb *the_tcb(void);

/* Text of a direction at a place. */
static inline uint8_t pattern(bool ours, uint32_t at)
{
    return (uint8_t)(at * 2654435761u >> 11 ^ at ^ (ours ? 0x5a : 0));
}

#endif
