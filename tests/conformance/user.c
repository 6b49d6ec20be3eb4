/* What the user does in a script, and the walks to each state. */
#include "script.h"

void script_must_be(struct place place, ptrdiff_t expected, ptrdiff_t found, const char *call)
{
    if (expected != found)
        script_fail(place, "%s\n  expected: %td (%s)\n  found:    %td (%s)", call, expected,
                    expected < 0 ? hf_error_text((int)expected) : "", found,
                    found < 0 ? hf_error_text((int)found) : "");
}

int script_listen(void)
{
    struct hf_endpoint local = {.port = SCRIPT_LISTEN_PORT};

    script.our_port = SCRIPT_LISTEN_PORT;
    return hf_listen(script.stack, &local, &script.listener);
}

int script_accept(void)
{
    return hf_accept(script.stack, script.listener, &script.socket);
}

int script_connect(void)
{
    struct hf_endpoint local = {.port = SCRIPT_CONNECT_PORT};
    struct hf_endpoint remote = {script.from, SCRIPT_PEER_PORT};

    script.our_port = SCRIPT_CONNECT_PORT;
    return hf_connect(script.stack, &local, &remote, &script.socket, script.now_us);
}

/* `length` bytes of the pattern, from where the stream is. */
static ptrdiff_t send_text(uint32_t length, bool urgent)
{
    uint8_t *text = malloc(length + 1);
    ptrdiff_t taken;

    for (uint32_t i = 0; i < length; i++)
        text[i] = pattern(true, script.sent + i);
    taken = (urgent ? hf_send_urgent : hf_send)(script.stack, script.socket, text, length,
                                                script.now_us);
    free(text);
    if (taken > 0)
        script.sent += (uint32_t)taken;
    return taken;
}

ptrdiff_t script_send(uint32_t length)
{
    return send_text(length, false);
}

ptrdiff_t script_send_urgent(uint32_t length)
{
    return send_text(length, true);
}

ptrdiff_t script_receive(struct place place, uint32_t capacity)
{
    uint8_t *text = malloc(capacity + 1);
    ptrdiff_t got = hf_receive(script.stack, script.socket, text, capacity, script.now_us);

    for (ptrdiff_t i = 0; i < got; i++)
        if (text[i] != pattern(false, script.received + (uint32_t)i))
            script_fail(place, "byte %u received is not what the peer sent",
                        script.received + (uint32_t)i + 1);
    free(text);
    if (got > 0)
        script.received += (uint32_t)got;
    return got;
}

int script_shutdown(void)
{
    return hf_shutdown(script.stack, script.socket, script.now_us);
}

int script_close(void)
{
    return hf_close(script.stack, script.socket ? script.socket : script.listener, script.now_us);
}

int script_abort(void)
{
    return hf_abort(script.stack, script.socket ? script.socket : script.listener, script.now_us);
}

int script_set(enum hf_option option, uint32_t value)
{
    return hf_set_option(script.stack, script.socket, option, value, script.now_us);
}

struct hf_status user_status(void)
{
    struct hf_status status;

    assert_int_equal(hf_status(script.stack, script.socket, &status), HF_OK);
    return status;
}

/* Everything announced for the connection since it was last asked. */
void script_ready(struct place place, unsigned what)
{
    struct hf_ready taken;
    unsigned found = 0;

    while (hf_take_ready(script.stack, &taken, 1))
        if (taken.socket == (script.socket ? script.socket : script.listener))
            found |= taken.what;
    if (found != what)
        script_fail(place, "readiness\n  expected: %#x\n  found:    %#x", what, found);
}

const char *reached_text(enum reached at)
{
    static const char *const texts[] = {
        [CLOSED] = "CLOSED",
        [LISTEN] = "LISTEN",
        [SYN_SENT] = "SYN-SENT",
        [HALF_OPEN] = "SYN-RECEIVED",
        [SYN_RECEIVED] = "SYN-RECEIVED",
        [ESTABLISHED] = "ESTABLISHED",
        [FIN_WAIT_1] = "FIN-WAIT-1",
        [FIN_WAIT_2] = "FIN-WAIT-2",
        [CLOSE_WAIT] = "CLOSE-WAIT",
        [CLOSING] = "CLOSING",
        [LAST_ACK] = "LAST-ACK",
        [TIME_WAIT] = "TIME-WAIT",
    };

    return texts[at];
}

/* SYN-SENT, and on to SYN-RECEIVED by the peer's own SYN. */
static void open_actively(enum reached at, const char *options)
{
    user_connect();
    out("S 0:0(0) <...>");
    script.s = 1;
    if (at == SYN_SENT)
        return;
    in("S 0:0(0) <%s>", options);
    out("S. 0:0(0) ack 1 <...>");
    script.r = 1;
}

/* As far as ESTABLISHED. */
static void open_passively(enum reached at, const char *options)
{
    user_listen();
    if (at == LISTEN)
        return;
    in("S 0:0(0) <%s>", options);
    out("S. 0:0(0) ack 1 <...>");
    script.r = script.s = 1;
    if (at == HALF_OPEN)
        return;
    in(". 1:1(0) ack 1");
    user_accept();
}

/* On from ESTABLISHED: the user closes first, or the peer. */
static void close_first(enum reached at)
{
    user_shutdown();
    out("F. 1:1(0) ack 1");
    script.s = 2;
    if (at == FIN_WAIT_1)
        return;
    if (at == CLOSING) {
        in("F. 1:1(0) ack 1");
        out(". 2:2(0) ack 2");
        script.r = 2;
        return;
    }
    in(". 1:1(0) ack 2");
    if (at == FIN_WAIT_2)
        return;
    in("F. 1:1(0) ack 2");
    out(". 2:2(0) ack 2");
    script.r = 2;
}

static void close_second(enum reached at)
{
    in("F. 1:1(0) ack 1");
    out(". 1:1(0) ack 2");
    script.r = 2;
    if (at == CLOSE_WAIT)
        return;
    user_shutdown();
    out("F. 1:1(0) ack 2");
    script.s = 2;
}

void reach_with(enum reached at, const char *options)
{
    struct hf_ready ignored;

    script.stamped = strstr(options, "TS ") != NULL;
    if (at == SYN_SENT || at == SYN_RECEIVED)
        open_actively(at, options);
    else if (at != CLOSED)
        open_passively(at, options);
    if (at == CLOSE_WAIT || at == LAST_ACK)
        close_second(at);
    else if (at > ESTABLISHED)
        close_first(at);
    state(reached_text(at));
    while (hf_take_ready(script.stack, &ignored, 1))
        ;
    count_from_here();
}

void reach(enum reached at)
{
    reach_with(at, "mss 1460");
}

void reach_window(enum reached at, uint16_t window)
{
    script.window = window;
    reach(at);
}
