/* What must be seen in each scene. [RFC 9293 3.5, 3.6, 3.8] */
#include "sim/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#define SEEDS 20

static struct run *new_run(const char *scene, uint64_t seed)
{
    struct run *run = malloc(sizeof *run);

    assert_non_null(run);
    run_scene(run, scene, seed);
    return run;
}

static void drop(struct run *run)
{
    run_free(run);
    free(run);
}

#define CLIENT(run, counter) ((run)->result.stats[0].counter)
#define SERVER(run, counter) ((run)->result.stats[1].counter)
#define BOTH(run, counter) (CLIENT(run, counter) + SERVER(run, counter))

/* Three segments: SYN, SYN-ACK, ACK. [RFC 9293 3.5] */
static void test_handshake(void **state)
{
    struct run *run = new_run("handshake", 1);

    (void)state;
    assert_int_equal(run->count, 3);
    assert_int_equal(run->segments[0].flags, TCP_SYN);
    assert_int_equal(run->segments[1].flags, TCP_SYN | TCP_ACK);
    assert_int_equal(run->segments[2].flags, TCP_ACK);
    drop(run);
}

/* Four segments close, whoever begins: FIN, ACK, FIN, ACK. Who begins waits out 2 MSL. [RFC 9293 3.6] */
static void test_close(void **state)
{
    static const uint8_t flags[4] = {TCP_FIN | TCP_ACK, TCP_ACK, TCP_FIN | TCP_ACK, TCP_ACK};

    (void)state;
    for (unsigned first = 0; first < 2; first++) {
        struct run *run = new_run(first == 0 ? "client-close" : "close", 1);

        assert_int_equal(run->count, 7);
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(run->segments[3 + i].flags, flags[i]);
            assert_int_equal(run->segments[3 + i].from, i == 0 || i == 3 ? first : !first);
        }
        assert_int_equal(run->result.stats[first].time_waits, 1);
        assert_int_equal(run->result.stats[!first].time_waits, 0);
        assert_int_equal(BOTH(run, connections_closed), 2);
        assert_in_range(run->result.virtual_us, 60000000, 60200000);
        drop(run);
    }
}

/* Two SYNs cross, and there is one connection. Figure 8. [RFC 9293 3.5] */
static void test_simultaneous_open(void **state)
{
    struct run *run = new_run("simultaneous-open", 1);

    (void)state;
    assert_int_equal(run->segments[0].flags, TCP_SYN);
    assert_int_equal(run->segments[1].flags, TCP_SYN);
    assert_int_not_equal(run->segments[0].from, run->segments[1].from);
    assert_int_equal(run_count(run, TCP_SYN, true), 2);
    assert_int_equal(BOTH(run, active_opens), 2);
    assert_int_equal(BOTH(run, handshake_done), 0);
    assert_true(run->result.transitions[HF_STATE_SYN_SENT] >> HF_STATE_SYN_RECEIVED & 1);
    assert_int_equal(run->result.bytes, 100);
    drop(run);
}

/* A CLOSE in SYN-RECEIVED: FIN-WAIT-1 at once, FIN after the text. [RFC 9293 3.10.4] */
static void test_hasty(void **state)
{
    struct run *run = new_run("hasty", 1);

    (void)state;
    assert_true(run->result.transitions[HF_STATE_SYN_RECEIVED] >> HF_STATE_FIN_WAIT_1 & 1);
    assert_int_equal(run->result.bytes, 100);
    drop(run);
}

/* Two FINs cross: both ends go through CLOSING to TIME-WAIT. Figure 13. [RFC 9293 3.6] */
static void test_simultaneous_close(void **state)
{
    struct run *run = new_run("simultaneous-close", 1);

    (void)state;
    assert_int_equal(run->count, 7);
    assert_int_equal(run_count(run, TCP_FIN, false), 2);
    assert_true(run->result.transitions[HF_STATE_FIN_WAIT_1] >> HF_STATE_CLOSING & 1);
    assert_true(run->result.transitions[HF_STATE_CLOSING] >> HF_STATE_TIME_WAIT & 1);
    assert_int_equal(CLIENT(run, time_waits), 1);
    assert_int_equal(SERVER(run, time_waits), 1);
    drop(run);
}

/* The server's text comes long after the client's FIN. [RFC 9293 3.6] */
static void test_half_close(void **state)
{
    struct run *run = new_run("half-close", 1);
    uint32_t after = 0;
    bool fin = false;

    (void)state;
    for (uint32_t i = 0; i < run->count; i++) {
        fin |= run->segments[i].from == 0 && (run->segments[i].flags & TCP_FIN);
        after += fin && run->segments[i].from == 1 ? run->segments[i].length : 0;
    }
    assert_int_equal(after, 5000);
    assert_int_equal(CLIENT(run, bytes_received), 5000);
    drop(run);
}

/* A new SYN ends TIME-WAIT, and the connection is a new one. [RFC 6191; RFC 9293 3.6.1] */
static void test_reuse(void **state)
{
    struct run *run = new_run("reuse", 1);

    (void)state;
    assert_int_equal(SERVER(run, time_wait_reused), 2);
    assert_int_equal(SERVER(run, handshake_done), 3);
    assert_int_equal(run->result.bytes, 3000);
    assert_int_equal(run_count(run, TCP_RST, false), 0);
    drop(run);
}

static void test_reset(void **state)
{
    struct run *run = new_run("reset", 1);

    (void)state;
    assert_int_equal(run_count(run, TCP_RST, false), 1);
    assert_int_equal(CLIENT(run, connections_aborted), 1);
    assert_int_equal(SERVER(run, connections_reset), 1);
    drop(run);
}

/* A SYN to a closed port: one RST with the ACK that it can be believed by. [RFC 9293 3.10.7.1] */
static void test_refused(void **state)
{
    struct run *run = new_run("refused", 1);

    (void)state;
    assert_int_equal(run->count, 2);
    assert_int_equal(run->segments[1].flags, TCP_RST | TCP_ACK);
    assert_int_equal(run->segments[1].seq.value, 0);
    assert_int_equal(CLIENT(run, connections_refused), 1);
    assert_int_equal(SERVER(run, stray_syn), 1);
    drop(run);
}

/* A SYN is sent again at growing intervals until the timeout. [RFC 6298 5; RFC 9293 MUST-23] */
static void test_timeout(void **state)
{
    struct run *run = new_run("timeout", 1);
    int64_t gap = 0;

    (void)state;
    assert_int_equal(run_count(run, TCP_SYN, true), run->count);
    assert_true(run->count >= 7);
    for (uint32_t i = 1; i < run->count; i++) {
        int64_t next = run->segments[i].at_us - run->segments[i - 1].at_us;

        assert_true(next > gap);
        gap = next;
    }
    assert_in_range(run->result.virtual_us, 180000000, 180100000);
    assert_int_equal(CLIENT(run, connections_timed_out), 1);
    drop(run);
}

/* One probe an idle second, each answered; none keeps the connection from closing. [RFC 9293 3.8.4] */
static void test_keep_alive(void **state)
{
    struct run *run = new_run("keep-alive", 1);

    (void)state;
    assert_in_range(CLIENT(run, keepalive_probes), 8, 10);
    assert_int_equal(SERVER(run, keepalive_probes), 0);
    assert_int_equal(BOTH(run, connections_timed_out), 0);
    drop(run);
}

static void test_bulk(void **state)
{
    struct run *run = new_run("bulk", 1);

    (void)state;
    assert_int_equal(SERVER(run, bytes_received), 1000000);
    assert_int_equal(BOTH(run, segments_resent), 0);
    assert_int_equal(BOTH(run, retransmit_timeouts), 0);
    /* at least every second full segment is acknowledged, and not each [RFC 9293 SHLD-19] */
    assert_in_range(SERVER(run, acks_sent), run->count / 5, run->count / 2);
    drop(run);
}

static void test_urgent(void **state)
{
    struct run *run = new_run("urgent", 1);

    (void)state;
    assert_true(run_count(run, TCP_URG, false) >= 1);
    assert_true(SERVER(run, urgent_received) >= 1);
    assert_true(run->result.urgent_seen >= 1);
    drop(run);
}

/* Over twenty seeds most losses are repaired by three duplicate ACKs, before any timer. [RFC 5681 3.2] */
static void test_loss(void **state)
{
    uint64_t fast = 0, timeouts = 0, lost = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct run *run = new_run("loss", seed);

        assert_int_equal(SERVER(run, bytes_received), 500000);
        fast += CLIENT(run, fast_retransmits);
        timeouts += BOTH(run, retransmit_timeouts);
        lost += run->result.faults[0].lost;
        drop(run);
    }
    assert_true(lost > 100);
    assert_true(fast > lost / 3);
    assert_true(timeouts < fast);
}

/* Nothing is lost; what overtakes is kept, not asked for again and again. [RFC 9293 SHLD-31] */
static void test_reorder(void **state)
{
    uint64_t resent = 0, segments = 0, kept = 0, timeouts = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct run *run = new_run("reorder", seed);

        assert_int_equal(SERVER(run, bytes_received), 300000);
        assert_int_equal(BOTH(run, out_of_order_dropped), 0);
        timeouts += BOTH(run, retransmit_timeouts);
        kept += SERVER(run, segment_out_of_order);
        resent += CLIENT(run, segments_resent);
        segments += CLIENT(run, segments_out);
        drop(run);
    }
    assert_true(kept > 100);
    assert_true(timeouts <= SEEDS / 4);
    assert_true(resent * 5 < segments); /* without SACK's help a late segment looks lost */
}

/* Every copy is recognised: reported by D-SACK, delivered once. [RFC 2883] */
static void test_duplicate(void **state)
{
    struct run *run = new_run("duplicate", 1);

    (void)state;
    assert_int_equal(SERVER(run, bytes_received), 300000);
    assert_true(SERVER(run, segment_duplicate) + SERVER(run, segment_out_of_window) >=
                run->result.faults[0].duplicated / 2);
    assert_int_equal(BOTH(run, retransmit_timeouts), 0);
    drop(run);
}

/* Damage is found by a checksum or a length, counted, and never delivered. [RFC 9293 MUST-3] */
static void test_corrupt(void **state)
{
    struct run *run = new_run("corrupt", 1);
    uint64_t damaged = 0, found;

    (void)state;
    for (unsigned i = 0; i < 2; i++)
        damaged += run->result.faults[i].corrupted + run->result.faults[i].truncated;
    found = BOTH(run, tcp_bad_checksum) + BOTH(run, ip_bad_checksum) + BOTH(run, ip_bad_header) +
            BOTH(run, ip_truncated) + BOTH(run, tcp_truncated) + BOTH(run, frame_truncated) +
            BOTH(run, frame_foreign);
    assert_true(damaged > 5);
    assert_true(found + 2 >= damaged); /* one frame may be both */
    assert_true(BOTH(run, tcp_bad_checksum) > 0);
    drop(run);
}

/* Probes while the window is closed, at growing intervals; then all of it. [RFC 9293 MUST-36, MUST-37] */
static void test_zero_window(void **state)
{
    struct run *run = new_run("zero-window", 1);
    int64_t last = 0, gap = 0;
    uint32_t probes = 0, closed = 0;

    (void)state;
    for (uint32_t i = 0; i < run->count; i++) {
        const struct run_segment *seg = &run->segments[i];

        closed += seg->from == 1 && seg->window == 0;
        if (seg->from != 0 || seg->length != 1 || seg->at_us > 20000000)
            continue;
        if (probes++ > 1)
            assert_true(seg->at_us - last >= gap);
        gap = last ? seg->at_us - last : 0;
        last = seg->at_us;
    }
    assert_true(closed > 0);
    assert_true(probes >= 4);
    assert_true(CLIENT(run, window_probes) >= probes);
    assert_int_equal(SERVER(run, bytes_received), 100000);
    drop(run);
}

/* A reader of 700 bytes at a time does not make the sender send small segments. [RFC 9293 3.8.6.2] */
static void test_slow_reader(void **state)
{
    struct run *run = new_run("slow-reader", 1);
    uint32_t small = 0, full = 0;

    (void)state;
    for (uint32_t i = 0; i < run->count; i++)
        if (run->segments[i].from == 0 && run->segments[i].length > 0) {
            small += run->segments[i].length < 700;
            full += run->segments[i].length >= 1400;
        }
    assert_int_equal(SERVER(run, bytes_received), 60000);
    assert_true(full > 20);
    assert_true(small * 8 < full);
    drop(run);
}

static void test_many(void **state)
{
    struct run *run = new_run("many", 1);

    (void)state;
    assert_int_equal(SERVER(run, handshake_done), 200);
    assert_int_equal(BOTH(run, connections_closed), 400);
    assert_int_equal(BOTH(run, connections_reset) + BOTH(run, connections_timed_out), 0);
    drop(run);
}

/* Path MTU discovery for both families; below 552 IPv4 goes on without DF, in fragments. [RFC 1191; RFC 8201] */
static void test_fragments(void **state)
{
    struct run *run = new_run("fragments", 1);

    (void)state;
    assert_true(run->icmp > 0);
    assert_true(CLIENT(run, icmp_too_big) >= 2);
    assert_true(SERVER(run, icmp_too_big) >= 1);
    assert_true(run->fragments > 50);
    assert_true(CLIENT(run, ip_reassembled) > 25);
    assert_int_equal(BOTH(run, ip_reassembly_timeout), 0);
    assert_int_equal(run->result.bytes, 150000);
    drop(run);
}

/* Every scene holds for other seeds too. */
static void test_all_seeds(void **state)
{
    (void)state;
    for (const struct scene *scene = sim_scenes; scene->name; scene++)
        for (uint64_t seed = 100; seed < 100 + SEEDS / 4; seed++)
            drop(new_run(scene->name, seed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshake),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_simultaneous_open),
        cmocka_unit_test(test_hasty),
        cmocka_unit_test(test_simultaneous_close),
        cmocka_unit_test(test_half_close),
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_bulk),
        cmocka_unit_test(test_urgent),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_reorder),
        cmocka_unit_test(test_duplicate),
        cmocka_unit_test(test_corrupt),
        cmocka_unit_test(test_zero_window),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_all_seeds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
