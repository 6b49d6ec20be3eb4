/* States inferred from segments, row by row through figure 5, and the drawing. [RFC 9293 3.3.2] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/talk.h"

#define CLIENT_ISS 1000u
#define GUARD_ISS 4294967290u /* its numbers wrap in the middle */
#define SEGMENTS_MAX 16

struct line {
    bool from_guard;
    uint8_t flags;
    uint32_t seq, ack, length; /* relative to the ends' first numbers */
    enum hf_state client, guard;
};

#define C false
#define G true
#define STATES(client, guard) HF_STATE_##client, HF_STATE_##guard

static const struct line opening[] = {
    {C, TCP_SYN, 0, 0, 0, STATES(SYN_SENT, SYN_RECEIVED)},
    {G, TCP_SYN | TCP_ACK, 0, 1, 0, STATES(ESTABLISHED, SYN_RECEIVED)},
    {C, TCP_ACK, 1, 1, 0, STATES(ESTABLISHED, ESTABLISHED)},
    {C, TCP_ACK | TCP_PSH, 1, 1, 10, STATES(ESTABLISHED, ESTABLISHED)},
    {G, TCP_ACK | TCP_PSH, 1, 11, 20, STATES(ESTABLISHED, ESTABLISHED)},
};

static const struct line client_closes[] = {
    {C, TCP_FIN | TCP_ACK, 11, 21, 0, STATES(FIN_WAIT_1, CLOSE_WAIT)},
    {G, TCP_ACK, 21, 12, 0, STATES(FIN_WAIT_2, CLOSE_WAIT)},
    {G, TCP_FIN | TCP_ACK, 21, 12, 0, STATES(TIME_WAIT, LAST_ACK)},
    {C, TCP_ACK, 12, 22, 0, STATES(TIME_WAIT, CLOSED)},
};

static const struct line guard_closes_in_three[] = {
    {G, TCP_FIN | TCP_ACK, 21, 11, 0, STATES(CLOSE_WAIT, FIN_WAIT_1)},
    {C, TCP_FIN | TCP_ACK, 11, 22, 0, STATES(LAST_ACK, TIME_WAIT)},
    {G, TCP_ACK, 22, 12, 0, STATES(CLOSED, TIME_WAIT)},
};

static const struct line both_close_at_once[] = {
    {C, TCP_FIN | TCP_ACK, 11, 21, 0, STATES(FIN_WAIT_1, CLOSE_WAIT)},
    {G, TCP_FIN | TCP_ACK, 21, 11, 0, STATES(CLOSING, LAST_ACK)},
    {C, TCP_ACK, 12, 22, 0, STATES(CLOSING, CLOSED)},
};

static const struct line reset[] = {
    {G, TCP_RST | TCP_ACK, 21, 11, 0, STATES(CLOSED, CLOSED)},
};

static const struct line repeated[] = {
    {C, TCP_ACK | TCP_PSH, 1, 21, 10, STATES(ESTABLISHED, ESTABLISHED)},
    {C, TCP_ACK, 11, 21, 0, STATES(ESTABLISHED, ESTABLISHED)},
};

static uint32_t add(struct capture *capture, const struct line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct line *line = &lines[i];
        uint32_t own = line->from_guard ? GUARD_ISS : CLIENT_ISS;
        uint32_t other = line->from_guard ? CLIENT_ISS : GUARD_ISS;

        capture->segments[capture->count++] = (struct captured){
            .outbound = line->from_guard,
            .segment = {.seq = seq_of(own + line->seq),
                        .ack = seq_of(other + line->ack),
                        .flags = line->flags,
                        .length = line->length},
        };
    }
    return capture->count;
}

struct fixture {
    struct captured segments[SEGMENTS_MAX];
    struct capture capture;
    struct talk talk;
};

/* The opening and then the lines; checks the states after each. */
static void follow(struct fixture *fixture, const struct line *lines, size_t count)
{
    size_t opened = sizeof opening / sizeof *opening;

    fixture->capture = (struct capture){.segments = fixture->segments};
    add(&fixture->capture, opening, opened);
    add(&fixture->capture, lines, count);
    assert_true(talk_follow(&fixture->talk, &fixture->capture));
    for (uint32_t i = 0; i < fixture->talk.count; i++) {
        const struct line *line = i < opened ? &opening[i] : &lines[i - opened];

        assert_int_equal(fixture->talk.steps[i].state[TALK_CLIENT], line->client);
        assert_int_equal(fixture->talk.steps[i].state[TALK_GUARD], line->guard);
    }
    assert_int_equal(fixture->talk.opening, 3);
    assert_null(fixture->talk.not_expected);
}

#define FOLLOW(fixture, lines) follow(fixture, lines, sizeof lines / sizeof *lines)

static void test_client_closes(void **state)
{
    struct fixture fixture;

    (void)state;
    FOLLOW(&fixture, client_closes);
    assert_int_equal(fixture.talk.closing, 5);
    assert_int_equal(fixture.talk.closer, TALK_CLIENT);
    assert_int_equal(fixture.talk.repeated, 0);
    talk_free(&fixture.talk);
}

static void test_guard_closes(void **state)
{
    struct fixture fixture;

    (void)state;
    FOLLOW(&fixture, guard_closes_in_three);
    assert_int_equal(fixture.talk.closer, TALK_GUARD);
    talk_free(&fixture.talk);
}

static void test_both_close_at_once(void **state)
{
    struct fixture fixture;

    (void)state;
    FOLLOW(&fixture, both_close_at_once);
    talk_free(&fixture.talk);
}

static void test_reset_and_repetition_are_counted(void **state)
{
    struct fixture fixture;

    (void)state;
    FOLLOW(&fixture, reset);
    assert_int_equal(fixture.talk.resets, 1);
    assert_int_equal(fixture.talk.closing, fixture.talk.count);
    talk_free(&fixture.talk);
    FOLLOW(&fixture, repeated);
    assert_int_equal(fixture.talk.repeated, 1);
    talk_free(&fixture.talk);
}

static void test_what_does_not_begin_is_said(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture.capture = (struct capture){.segments = fixture.segments};
    assert_true(talk_follow(&fixture.talk, &fixture.capture));
    assert_non_null(fixture.talk.not_expected);
    talk_free(&fixture.talk);

    add(&fixture.capture, client_closes, 4);
    assert_true(talk_follow(&fixture.talk, &fixture.capture));
    assert_non_null(fixture.talk.not_expected);
    talk_free(&fixture.talk);
}

static void test_drawing(void **state)
{
    struct fixture fixture;
    char *text = NULL;
    size_t length;

    (void)state;
    FOLLOW(&fixture, client_closes);
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    talk_draw(&fixture.talk, 0, 3, out);
    fclose(out);
    assert_non_null(strstr(text, "CLOSED"));
    assert_non_null(strstr(text, "LISTEN"));
    assert_non_null(strstr(text, "SYN-SENT     |-- S 0:0(0)"));
    assert_non_null(strstr(text, "ESTABLISHED  |<- S. 0:0(0) ack 1"));
    free(text);
    talk_free(&fixture.talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_closes),
        cmocka_unit_test(test_guard_closes),
        cmocka_unit_test(test_both_close_at_once),
        cmocka_unit_test(test_reset_and_repetition_are_counted),
        cmocka_unit_test(test_what_does_not_begin_is_said),
        cmocka_unit_test(test_drawing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
