/* The last value that is still this and the first that is already that: what small changes of tcp showed untested.
 * [RFC 9293 3.8, 3.10.7.4; RFC 5681 4.1; RFC 6582 3.2; RFC 7323 5.5] */
#include "solo.h"

#define MSS 1460u
#define LIFE_S (INT64_C(24) * 24 * 3600)

static struct solo *sending(uint32_t segments)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo;

    config.send_bytes = 1 << 20;
    solo = solo_open(&config);
    solo_write(solo, segments * MSS);
    solo_out(solo);
    return solo;
}

/* A probe that an ACK has overtaken: nothing is left to ask with, least of all a FIN that nobody wanted. */
static void probe_overtaken(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo->window = 0;
    solo_ack(solo, 1);
    solo_write(solo, 1);
    solo_pass(solo, 1100000);
    assert_int_equal(solo->count, 1);
    solo->now_us = tcb_deadline(&solo->end.tcb);
    tcp_timeout(&solo->end.tcp, &solo->end.tcb, solo->now_us); /* another is due */
    solo->window = 1000;
    solo_ack(solo, 2);
    solo_out(solo);
    for (unsigned i = 1; i < solo->count; i++)
        assert_false(solo->sent[i].segment.flags & TCP_FIN);
    assert_false(solo->end.tcb.flags & TCB_FIN_SENT);
    assert_int_equal(solo->end.tcb.snd_nxt.value - SOLO_ISS, 2);
    solo_free(solo);
}

/* The probes' interval stays below half of the user's patience, or the peer's answers would come too late. [RFC 6429 3] */
static void probes_within_patience(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo;

    (void)state;
    config.user_timeout_ms = 20000;
    solo = solo_open(&config);
    solo->window = 0;
    solo_ack(solo, 1);
    solo_write(solo, 10);
    for (unsigned i = 0; i < 8; i++) {
        unsigned before = solo->count;

        while (solo->count == before && solo->end.tcb.end == TCP_END_NONE)
            solo_pass(solo, 1000);
        assert_int_equal(solo->end.tcb.end, TCP_END_NONE);
        solo_ack(solo, 1);
    }
    assert_int_equal((solo->sent[7].at_us - solo->sent[6].at_us) / 1000, 10000);
    solo_free(solo);
}

/* The window opens while nothing is in flight: what goes out then has the whole RTO, not the rest of the probe's wait. */
static void persist_ends(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo->window = 0;
    solo_ack(solo, 1);
    solo_write(solo, 1000);
    solo_pass(solo, 900000);
    assert_int_equal(solo->count, 0);
    assert_true(solo->end.tcb.flags & TCB_PERSIST);
    solo->window = 5000;
    solo_ack(solo, 1);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->length, 1000);
    assert_int_equal(solo->end.tcb.deadline_us[TCP_TIMER_RETRANSMIT],
                     solo->now_us + solo->end.tcb.rto_us);
    solo_pass(solo, 500000);
    assert_int_equal(solo->count, 1);
    solo_free(solo);
}

static void urgent(struct solo *solo, uint32_t at, uint32_t length, uint16_t pointer)
{
    struct segment seg = {.seq = seq_of(SOLO_IRS + at),
                          .ack = seq_of(SOLO_ISS + 1),
                          .flags = TCP_ACK | TCP_URG,
                          .window = 65535,
                          .urgent = pointer,
                          .length = length};

    solo_segment(solo, &seg);
}

/* The same urgent byte is announced once, and not at all once it was read. [RFC 9293 3.10.7.4 sixth, MUST-31] */
static void urgent_once(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    urgent(solo, 1, 10, 10);
    assert_true(solo->end.tcb.ready & HF_URGENT);
    solo->end.tcb.ready = 0;
    urgent(solo, 11, 10, 0); /* points to the same place */
    assert_false(solo->end.tcb.ready & HF_URGENT);
    assert_int_equal(solo_read(solo, 100), 20);
    assert_false(solo->end.tcb.flags & TCB_RCV_URGENT);
    urgent(solo, 21, 0, 0); /* ends with the last byte read */
    assert_false(solo->end.tcb.ready & HF_URGENT);
    assert_false(solo->end.tcb.flags & TCB_RCV_URGENT);
    urgent(solo, 21, 0, 1); /* one further */
    assert_true(solo->end.tcb.ready & HF_URGENT);
    solo_in(solo, TCP_PSH, 21, 1, 1);
    assert_true(solo->end.tcb.flags & TCB_RCV_URGENT);
    assert_int_equal(solo_read(solo, 1), 1); /* and with that byte it is over */
    assert_false(solo->end.tcb.flags & TCB_RCV_URGENT);
    solo_free(solo);
}

/* Whoever has nothing to say is not asked: neither at rest nor while a FIN is under way. */
static void wants_nothing(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    struct end *end = &solo->end;

    (void)state;
    assert_false(tcp_wants_output(&end->tcp, &end->tcb));
    solo_write(solo, 100);
    assert_true(tcp_wants_output(&end->tcp, &end->tcb));
    solo_out(solo);
    assert_false(tcp_wants_output(&end->tcp, &end->tcb));
    assert_int_equal(tcp_shutdown(&end->tcp, &end->tcb, solo->now_us), HF_OK);
    assert_true(tcp_wants_output(&end->tcp, &end->tcb)); /* the FIN */
    assert_int_equal(solo_out(solo), 1);
    assert_true(solo_last(solo)->flags & TCP_FIN);
    assert_false(tcp_wants_output(&end->tcp, &end->tcb));
    solo_free(solo);
}

/* Who met a full queue hears of room once half of it is free, to the byte. */
static void half_of_the_queue(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo;
    uint8_t byte = 0;

    (void)state;
    config.send_bytes = 8192;
    solo = solo_open(&config);
    solo_write(solo, 8192);
    assert_int_equal(tcp_send(&solo->end.tcp, &solo->end.tcb, &byte, 1, solo->now_us), HF_AGAIN);
    solo_out(solo);
    solo->end.tcb.ready = 0;
    solo_ack(solo, 1 + 4095);
    assert_false(solo->end.tcb.ready & HF_WRITABLE);
    solo_ack(solo, 1 + 4096);
    assert_true(solo->end.tcb.ready & HF_WRITABLE);
    solo_free(solo);
}

/* A pause shorter than RTO costs nothing: cwnd is still what was learnt. [RFC 5681 4.1] */
static void short_pause(void **state)
{
    struct solo *solo = sending(40);
    uint32_t acked = 1, cwnd;

    (void)state;
    while (acked < 1 + 40 * MSS) {
        acked += 2 * MSS;
        solo_ack(solo, acked);
        solo_out(solo);
    }
    cwnd = solo->end.tcb.congestion.cwnd;
    assert_true(cwnd > 20 * MSS);
    solo_pass(solo, (int64_t)solo->end.tcb.rto_us);
    solo_write(solo, 20 * MSS);
    assert_int_equal(solo_out(solo), 20);
    assert_int_equal(solo->end.tcb.congestion.cwnd, cwnd);
    solo_free(solo);
}

/* The window opens before it is shut: half of the buffer is worth an ACK, where that is less than two segments. [MUST-39] */
static void half_of_a_small_buffer(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo;

    (void)state;
    config.receive_bytes = 4000;
    h.announced_window = 4000;
    solo = solo_open_as(&config, &h);
    solo_in(solo, TCP_PSH, 1, 1000, 1);
    solo_in(solo, TCP_PSH, 1001, 1000, 1);
    solo_pass(solo, 100000);
    assert_int_equal(solo_last(solo)->window, 2000);
    assert_int_equal(solo_read(solo, 1999), 1999);
    assert_int_equal(solo_out(solo), 0);
    assert_int_equal(solo_read(solo, 1), 1);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->window, 4000);
    solo_free(solo);
}

/* A pool of six chunks, two of them promised to what we send, behind a window that promises more. */
static struct solo *poor(uint16_t announced)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo = solo_new(&config, 6);

    h.announced_window = announced;
    h.sack = true;
    assert_true(tcp_open_established(&solo->end.tcp, &solo->end.tcb, &h,
                                     &(struct tcp_open){.path_mss = MSS}, solo->now_us));
    solo->end.open = true;
    return solo;
}

/* Text for which there is no memory is refused aloud: counted, and acknowledged at once as a duplicate. */
static void no_memory_is_said(void **state)
{
    struct solo *solo = poor(32768);

    (void)state;
    for (uint32_t i = 0; i < 8; i++)
        solo_in(solo, TCP_PSH, 1 + i * 1024, 1024, 1);
    solo_pass(solo, 100000);
    assert_int_equal(solo_last(solo)->ack.value, 1 + 4 * CHUNK_BYTES);
    assert_int_equal(solo->end.stats.receive_no_memory, 0);
    solo_in(solo, TCP_PSH, 1 + 4 * CHUNK_BYTES, 100, 1);
    assert_int_equal(solo->end.stats.receive_no_memory, 1);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->ack.value, 1 + 4 * CHUNK_BYTES);
    solo_free(solo);
}

/* Text ahead for which there is no memory does not take with it what was kept before. */
static void no_memory_keeps_the_rest(void **state)
{
    struct solo *solo = poor(32768);
    uint64_t kept;

    (void)state;
    for (uint32_t i = 1; solo->end.stats.out_of_order_dropped == 0; i += 2) {
        assert_true(i < 12);
        kept = solo->end.stats.segment_out_of_order;
        solo_in(solo, TCP_PSH, 1 + i * CHUNK_BYTES, 1000, 1);
        solo_out(solo);
    }
    assert_true(kept > 0);
    assert_int_equal(solo_last(solo)->options.sack_count, kept);
    assert_true(solo->end.tcb.ooo != SLOT_NONE);
    solo_free(solo);
}

/* Text that waits already is a duplicate from its first byte to its last, and reported as one. [RFC 2883 4] */
static void waits_already(void **state)
{
    static const uint32_t rows[][2] = {{1001, 500}, {1001, 100}, {1401, 100}};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct solo *solo = poor(32768);
        const struct tcp_options *options;

        solo_in(solo, TCP_PSH, 1001, 500, 1);
        solo_out(solo);
        solo_in(solo, TCP_PSH, rows[i][0], rows[i][1], 1);
        assert_int_equal(solo->end.stats.segment_duplicate, 1);
        assert_int_equal(solo_out(solo), 1);
        options = &solo_last(solo)->options;
        assert_int_equal(options->sack_count, 2);
        assert_int_equal(options->sack[0].left.value, rows[i][0]);
        assert_int_equal(options->sack[0].right.value, rows[i][0] + rows[i][1]);
        assert_int_equal(options->sack[1].left.value, 1001);
        assert_int_equal(options->sack[1].right.value, 1501);
        solo_free(solo);
    }
}

/* Where the pool is the limit, what is left in the last chunk counts too. */
static void window_from_the_pool(void **state)
{
    struct solo *solo = poor(4 * CHUNK_BYTES);

    (void)state;
    solo_in(solo, TCP_PSH, 1, 1000, 1);
    solo_in(solo, TCP_PSH, 1001, CHUNK_BYTES, 1);
    solo_pass(solo, 100000);
    assert_int_equal(solo_last(solo)->window, 3 * CHUNK_BYTES - 1000);
    assert_int_equal(solo_read(solo, CHUNK_BYTES), CHUNK_BYTES); /* the first chunk is free again */
    solo_in(solo, TCP_PSH, 1001 + CHUNK_BYTES, 10, 1);
    solo_pass(solo, 100000);
    assert_int_equal(solo_last(solo)->window, 4 * CHUNK_BYTES - 1010);
    solo_free(solo);
}

/* Reads across chunks end where the reader's buffer does, and where the text does. */
static void reads_end_in_time(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    for (uint32_t at = 0; at < 7000; at += 1000)
        solo_in(solo, TCP_PSH, 1 + at, 1000, 1);
    assert_int_equal(solo_read(solo, CHUNK_BYTES + 1), CHUNK_BYTES + 1);
    assert_int_equal(solo_read(solo, 3000), 3000);
    assert_int_equal(solo_read(solo, 7000), 7000 - 3001 - CHUNK_BYTES);
    for (uint32_t at = 7000; at < 10000; at += 1000)
        solo_in(solo, TCP_PSH, 1 + at, 1000, 1);
    assert_int_equal(solo_read(solo, 3500), 3000);
    solo_free(solo);
}

static struct solo *stamped(void)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();

    h.timestamps = true;
    h.ts_recent = 1000;
    return solo_open_as(&config, &h);
}

/* Old by its timestamp: text is always answered, an empty segment ten times a second. [RFC 7323 5.3 R1; RFC 5961 7] */
static void paws_answers(void **state)
{
    struct solo *solo = stamped();

    (void)state;
    solo->peer_ts = 999;
    for (int i = 0; i < 20; i++) {
        solo_in(solo, TCP_PSH, 1, 10, 1);
        assert_int_equal(solo_out(solo), 1);
    }
    for (int i = 0; i < 20; i++) {
        solo_in(solo, 0, 1, 0, 1);
        assert_int_equal(solo_out(solo), i < 10 ? 1 : 0);
    }
    assert_int_equal(solo->end.stats.challenge_throttled, 10);
    solo_free(solo);
}

/* A SYN is challenged whether it carries the timestamps or not: PAWS is not its business. [RFC 5961 4.2]
 * [R7323-16] */
static void syn_without_timestamps(void **state)
{
    struct solo *solo = stamped();

    (void)state;
    solo->timestamps = false;
    solo_in(solo, TCP_SYN, 1, 0, 1);
    assert_int_equal(solo->end.stats.syn_challenged, 1);
    assert_int_equal(solo->end.stats.segment_no_timestamp, 0);
    assert_int_equal(solo_out(solo), 1);
    solo_in(solo, TCP_PSH, 1, 10, 1);
    assert_int_equal(solo->end.stats.segment_no_timestamp, 1);
    assert_int_equal(solo_out(solo), 0);
    solo_free(solo);
}

/* An echo of the same millisecond is one of them, an echo of ten minutes ago the oldest that says anything. [RFC 7323 4.1]
 * [R7323-21] */
static void youngest_and_oldest_echo(void **state)
{
    (void)state;
    for (uint32_t age_ms = 0; age_ms <= 600001; age_ms += age_ms ? 1 : 600000) {
        struct solo *solo = stamped();

        solo_write(solo, 10);
        solo_pass(solo, 1100000); /* sent twice: only the echo tells which is meant */
        assert_int_equal(solo->count, 2);
        solo->now_us = solo->sent[1].at_us;
        solo->echo = solo_last(solo)->options.ts_value - age_ms;
        solo_in(solo, 0, 1, 0, 11);
        assert_int_equal(solo->end.tcb.srtt_us, age_ms == 0        ? 1000
                                                : age_ms == 600000 ? 120000000
                                                                   : 0);
        solo_free(solo);
    }
}

/* TS.Recent means something for 24 days to the second. [RFC 7323 5.5] */
static void life_of_ts_recent(void **state)
{
    struct solo *solo = stamped();

    (void)state;
    solo->peer_ts = 2000;
    solo_in(solo, TCP_PSH, 1, 10, 1);
    solo_pass(solo, 100000); /* acknowledged: what comes next may be remembered */
    solo->now_us += 10 * INT64_C(1000000);
    solo_in(solo, 0, 11, 0, 1); /* the same once more: seen now, so it lives from now on */
    solo->now_us += LIFE_S * 1000000;
    solo->peer_ts = 1999;
    solo_in(solo, TCP_PSH, 11, 10, 1);
    assert_int_equal(solo->end.stats.segment_paws, 1);
    solo->now_us += 1000000;
    solo_in(solo, TCP_PSH, 11, 10, 1);
    assert_int_equal(solo->end.stats.segment_paws, 1);
    assert_int_equal(solo->end.tcb.ts_recent, 1999);
    solo_free(solo);
}

/* A partial ACK gives back a segment's room if it took away one: exactly a segment is one. [RFC 6582 3.2 (3)] */
static void partial_ack_of_one(void **state)
{
    struct solo *solo = sending(10);
    uint32_t before;

    (void)state;
    for (int i = 0; i < 3; i++)
        solo_ack(solo, 1);
    solo_out(solo);
    before = solo->end.tcb.congestion.cwnd;
    solo_ack(solo, 1 + MSS);
    assert_true(solo->end.tcb.flags & TCB_RECOVERY);
    assert_int_equal(solo->end.tcb.congestion.cwnd, before);
    solo_ack(solo, 1 + MSS + 100);
    assert_int_equal(solo->end.tcb.congestion.cwnd, before - 100);
    solo_free(solo);
}

/* An ACK up to `recover`, the last byte that was in flight, is partial; one further ends it. [RFC 6582 3.2 (2)] */
static void edge_of_recovery(void **state)
{
    struct solo *solo = sending(10);

    (void)state;
    for (int i = 0; i < 3; i++)
        solo_ack(solo, 1);
    solo_out(solo);
    solo_ack(solo, 10 * MSS);
    assert_true(solo->end.tcb.flags & TCB_RECOVERY);
    solo_ack(solo, 1 + 10 * MSS);
    assert_false(solo->end.tcb.flags & TCB_RECOVERY);
    solo_free(solo);
}

/* After a timeout duplicates of what was in flight start no recovery; those of the first new segment do. [RFC 6582 4.2] */
static void edge_after_a_timeout(void **state)
{
    struct solo *solo = sending(1);

    (void)state;
    solo_pass(solo, 1100000);
    assert_int_equal(solo->end.stats.retransmit_timeouts, 1);
    solo_ack(solo, 1 + MSS);
    solo_write(solo, 2 * MSS);
    solo_out(solo);
    for (int i = 0; i < 3; i++)
        solo_ack(solo, 1 + MSS);
    assert_int_equal(solo->end.stats.fast_retransmits, 1);
    solo_free(solo);
}

/* Until an ACK covers more than `recover`, which is the last byte that was in flight, duplicates are our own echo. */
static void edge_of_the_echo(void **state)
{
    struct solo *solo = sending(1);

    (void)state;
    solo_pass(solo, 1100000);
    solo_ack(solo, MSS); /* all but that byte */
    assert_int_equal(solo->end.tcb.snd_una.value, solo->end.tcb.recover.value);
    solo_write(solo, 4 * MSS);
    solo_out(solo);
    for (int i = 0; i < 4; i++)
        solo_ack(solo, MSS);
    assert_int_equal(solo->end.stats.fast_retransmits, 0);
    assert_false(solo->end.tcb.flags & TCB_RECOVERY);
    solo_free(solo);
}

/* A driver that cuts segments gets two in one as soon as it takes two. */
static void two_in_one(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    (void)state;
    for (uint32_t less = 0; less < 2; less++) {
        struct solo *solo;

        config.segmentation_bytes = 2 * MSS - less;
        solo = solo_open(&config);
        solo_write(solo, 4 * MSS);
        assert_int_equal(solo_out(solo), less ? 4 : 2);
        assert_int_equal(solo_last(solo)->length, less ? MSS : 2 * MSS);
        solo_free(solo);
    }
}

/* A timeout forgets the duplicates before it: no limited transmit beyond the one segment that cwnd is. [RFC 3042 2] */
static void no_extra_after_a_timeout(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo;

    (void)state;
    config.nagle = false;
    solo = solo_open(&config);
    solo_write(solo, 100);
    solo_out(solo);
    solo_ack(solo, 1); /* a duplicate */
    solo_pass(solo, 1100000);
    assert_int_equal(solo->count, 2);
    solo_write(solo, 3 * MSS);
    assert_int_equal(solo_out(solo), 0);
    solo_ack(solo, 101);
    assert_true(solo_out(solo) > 0);
    solo_free(solo);
}

/* With the third retransmission in a row what was measured is void. [RFC 6298 5] */
static void measured_no_more(void **state)
{
    struct solo *solo = sending(1);
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    solo->now_us += 50000;
    solo_ack(solo, 1 + MSS);
    assert_true(tcb->srtt_us > 0);
    solo_write(solo, 10);
    solo_out(solo);
    for (int i = 1; i <= 3; i++) {
        assert_true(tcb->srtt_us > 0);
        solo->now_us = tcb_deadline(tcb);
        tcp_timeout(&solo->end.tcp, tcb, solo->now_us);
        solo_out(solo);
        assert_int_equal(tcb->backoff, i);
    }
    assert_int_equal(tcb->srtt_us, 0);
    assert_int_equal(tcb->rttvar_us, 0);
    solo_free(solo);
}

/* A SYN-ACK in a simultaneous open tells what we can take, not what the peer can. [RFC 9293 3.7.1, MUST-14] */
static void simultaneous_mss(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_new(&config, 64);
    struct tcp_open open = {.iss = seq_of(SOLO_ISS), .path_mss = MSS};
    struct segment syn = {.seq = seq_of(SOLO_IRS),
                          .flags = TCP_SYN,
                          .window = 65535,
                          .options = {.present = TCP_OPTION_MSS, .mss = 500}};

    (void)state;
    assert_true(tcp_open_active(&solo->end.tcp, &solo->end.tcb, &open, solo->now_us));
    solo->end.open = true;
    solo_out(solo);
    solo_segment(solo, &syn);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->flags, TCP_SYN | TCP_ACK);
    assert_int_equal(solo_last(solo)->options.mss, MSS);
    solo_in(solo, 0, 1, 0, 1);
    assert_int_equal(solo->end.tcb.state, TCP_ESTABLISHED);
    solo_write(solo, 10000);
    assert_int_equal(solo_out(solo), 10); /* the initial window, in the peer's segments */
    assert_int_equal(solo_last(solo)->length, 500);
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probe_overtaken),
        cmocka_unit_test(probes_within_patience),
        cmocka_unit_test(persist_ends),
        cmocka_unit_test(urgent_once),
        cmocka_unit_test(wants_nothing),
        cmocka_unit_test(half_of_the_queue),
        cmocka_unit_test(short_pause),
        cmocka_unit_test(half_of_a_small_buffer),
        cmocka_unit_test(no_memory_is_said),
        cmocka_unit_test(no_memory_keeps_the_rest),
        cmocka_unit_test(waits_already),
        cmocka_unit_test(window_from_the_pool),
        cmocka_unit_test(reads_end_in_time),
        cmocka_unit_test(paws_answers),
        cmocka_unit_test(syn_without_timestamps),
        cmocka_unit_test(youngest_and_oldest_echo),
        cmocka_unit_test(life_of_ts_recent),
        cmocka_unit_test(partial_ack_of_one),
        cmocka_unit_test(edge_of_recovery),
        cmocka_unit_test(edge_after_a_timeout),
        cmocka_unit_test(edge_of_the_echo),
        cmocka_unit_test(two_in_one),
        cmocka_unit_test(no_extra_after_a_timeout),
        cmocka_unit_test(measured_no_more),
        cmocka_unit_test(simultaneous_mss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
