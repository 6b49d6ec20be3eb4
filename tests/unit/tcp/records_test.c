/* The records of what arrived ahead, several in one pool: their order, their end, and what they keep when memory runs out.
 * [RFC 9293 3.10.7.4, SHLD-31; RFC 2018 8] */
#include "solo.h"

#include "base/bytes.h"
#include "tcp/reassembly.h"

#define ENDS 4

struct crowd {
    struct solo *solo; /* its tcp is everybody's */
    struct tcb tcb[ENDS];
};

static void arrive(struct crowd *crowd, unsigned who, uint8_t flags, uint32_t at, uint32_t length)
{
    static const uint8_t text[4096];
    struct segment seg = {.seq = seq_of(SOLO_IRS + at),
                          .ack = seq_of(SOLO_ISS + 1),
                          .flags = (uint8_t)(TCP_ACK | flags),
                          .window = 65535,
                          .length = length,
                          .text = text};

    tcp_segment_arrives(&crowd->solo->end.tcp, &crowd->tcb[who], &seg, crowd->solo->now_us);
    if (tcb_check(&crowd->tcb[who]))
        fail_msg("%s", tcb_check(&crowd->tcb[who]));
}

/* Each has a gap, and a kilobyte for every place in line behind it. */
static void crowd_open(struct crowd *crowd, uint32_t chunks)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();

    h.sack = true;
    h.announced_window = 65535;
    crowd->solo = solo_new(&config, chunks);
    for (unsigned i = 0; i < ENDS; i++) {
        assert_true(tcp_open_established(&crowd->solo->end.tcp, &crowd->tcb[i], &h,
                                         &(struct tcp_open){.path_mss = 1460},
                                         crowd->solo->now_us));
        arrive(crowd, i, 0, 101, 1000 * (i + 1));
    }
}

static void crowd_close(struct crowd *crowd)
{
    for (unsigned i = 0; i < ENDS; i++)
        tcp_release(&crowd->solo->end.tcp, &crowd->tcb[i]);
    assert_int_equal(crowd->solo->end.tcp.ooo_first, SLOT_NONE);
    assert_int_equal(crowd->solo->end.tcp.ooo_last, SLOT_NONE);
    solo_free(crowd->solo);
}

/* What a reclaim takes next: the number of the end, by its kilobytes; 0 if there is nothing. */
static unsigned reclaim(struct crowd *crowd, const struct tcb *but)
{
    uint64_t before = crowd->solo->end.stats.out_of_order_reclaimed;

    if (!reassembly_reclaim(&crowd->solo->end.tcp, but))
        return 0;
    return (unsigned)((crowd->solo->end.stats.out_of_order_reclaimed - before) / 1000);
}

static void oldest_first(void **state)
{
    struct crowd crowd;

    (void)state;
    crowd_open(&crowd, 64);
    for (unsigned i = 1; i <= ENDS; i++)
        assert_int_equal(reclaim(&crowd, NULL), i);
    assert_int_equal(reclaim(&crowd, NULL), 0);
    crowd_close(&crowd);
}

/* Whoever's gap closes leaves the line, from wherever he stood in it. */
static void whoever_leaves(void **state)
{
    (void)state;
    for (unsigned leaver = 0; leaver < ENDS; leaver++) {
        struct crowd crowd;

        crowd_open(&crowd, 64);
        arrive(&crowd, leaver, 0, 1, 100);
        assert_int_equal(crowd.tcb[leaver].ooo, SLOT_NONE);
        for (unsigned i = 1; i <= ENDS; i++)
            if (i != leaver + 1)
                assert_int_equal(reclaim(&crowd, NULL), i);
        assert_int_equal(reclaim(&crowd, NULL), 0);
        crowd_close(&crowd);
    }
}

/* Nobody reclaims from himself: the oldest is passed over, and if there is no other, there is nothing. */
static void not_from_himself(void **state)
{
    struct crowd crowd;

    (void)state;
    crowd_open(&crowd, 64);
    for (unsigned i = 2; i <= ENDS; i++)
        assert_int_equal(reclaim(&crowd, &crowd.tcb[0]), i);
    assert_int_equal(reclaim(&crowd, &crowd.tcb[0]), 0);
    assert_int_equal(reclaim(&crowd, &crowd.tcb[1]), 1);
    crowd_close(&crowd);
}

/* A newcomer at the end of the line, behind those who stayed. */
static void back_in_line(void **state)
{
    struct crowd crowd;

    (void)state;
    crowd_open(&crowd, 64);
    arrive(&crowd, 0, 0, 1, 100);
    arrive(&crowd, 0, 0, 3001, 1000);
    for (unsigned i = 2; i <= ENDS; i++)
        assert_int_equal(reclaim(&crowd, NULL), i);
    assert_int_equal(reclaim(&crowd, NULL), 1);
    crowd_close(&crowd);
}

/* Text ahead for which there is no memory does not take a FIN with it that waits already. */
static void the_fin_is_kept(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo = solo_new(&config, 6);

    (void)state;
    h.announced_window = 32768;
    assert_true(tcp_open_established(&solo->end.tcp, &solo->end.tcb, &h,
                                     &(struct tcp_open){.path_mss = 1460}, solo->now_us));
    solo->end.open = true;
    solo_in(solo, TCP_FIN, 10001, 0, 1);
    for (uint32_t at = 1; at < 1 + 3 * CHUNK_BYTES; at += 1024)
        solo_in(solo, TCP_PSH, at, 1024, 1);
    assert_int_equal(solo->end.tcb.rcv_nxt.value - SOLO_IRS, 1 + 3 * CHUNK_BYTES);
    solo_in(solo, TCP_PSH, 9001, 1000, 1);
    assert_int_equal(solo->end.stats.out_of_order_dropped, 1);
    assert_int_not_equal(solo->end.tcb.ooo, SLOT_NONE);
    solo_out(solo);
    assert_int_equal(solo_read(solo, 10000), 3 * CHUNK_BYTES);
    for (uint32_t at = 1 + 3 * CHUNK_BYTES; at < 10001; at = solo->end.tcb.rcv_nxt.value - SOLO_IRS)
        solo_in(solo, TCP_PSH, at, min_u32(1000, 10001 - at), 1);
    assert_int_equal(solo->end.tcb.state, TCP_CLOSE_WAIT);
    solo_free(solo);
}

/* A pool of six chunks, two of which are promised to what we send. */
static struct solo *poor(void)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo = solo_new(&config, 6);

    h.announced_window = 32768;
    assert_true(tcp_open_established(&solo->end.tcp, &solo->end.tcb, &h,
                                     &(struct tcp_open){.path_mss = 1460}, solo->now_us));
    solo->end.open = true;
    return solo;
}

static void in_order(struct solo *solo, uint32_t bytes)
{
    for (uint32_t at = 0; at < bytes; at += 1024)
        solo_in(solo, TCP_PSH, 1 + at, 1024, 1);
    assert_int_equal(solo->end.tcb.rcv_nxt.value - SOLO_IRS, 1 + bytes);
}

/* One range is enough to keep a record; one that holds nothing is given back. */
static void a_record_of_one_and_of_none(void **state)
{
    (void)state;
    for (int ranges = 0; ranges < 2; ranges++) {
        struct solo *solo = poor();

        if (ranges)
            solo_in(solo, TCP_PSH, 1 + 4 * CHUNK_BYTES, 100, 1);
        in_order(solo, (ranges ? 2 : 3) * CHUNK_BYTES);
        solo_in(solo, TCP_PSH, 1 + 6 * CHUNK_BYTES, 100, 1);
        assert_int_equal(solo->end.stats.out_of_order_dropped, 1);
        assert_int_equal(solo->end.tcb.ooo != SLOT_NONE, ranges);
        assert_int_equal(solo->end.tcb.rcv_held, ranges ? 4 : 3);
        solo_free(solo);
    }
}

/* What lies ahead has taken all the room: it is given up for what is next, be it a byte, and the FIN behind that counts. */
static void the_next_comes_first(void **state)
{
    static const uint32_t lengths[] = {1, 100};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct solo *solo = poor();
        uint32_t length = lengths[i % 2];
        bool fin = i / 2;

        for (uint32_t chunk = 1; chunk <= 3; chunk++)
            solo_in(solo, TCP_PSH, 1 + chunk * CHUNK_BYTES, 100, 1);
        assert_int_equal(solo->end.stats.segment_out_of_order, 3);
        solo_in(solo, fin ? TCP_FIN : TCP_PSH, 1, length, 1);
        assert_int_equal(solo->end.stats.receive_no_memory, 0);
        assert_int_equal(solo->end.stats.bytes_received, length);
        assert_int_equal(solo->end.tcb.ooo, SLOT_NONE);
        assert_int_equal(solo->end.tcb.state, fin ? TCP_CLOSE_WAIT : TCP_ESTABLISHED);
        assert_int_equal(solo_read(solo, 1000), length);
        solo_free(solo);
    }
}

/* A FIN that is next ends the text although somebody had sent more ahead; no memory was missing. */
static void a_fin_before_what_was_ahead(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo_in(solo, TCP_PSH, 101, 50, 1);
    solo_in(solo, TCP_FIN, 1, 0, 1);
    assert_int_equal(solo->end.tcb.state, TCP_CLOSE_WAIT);
    assert_int_equal(solo->end.stats.receive_no_memory, 0);
    assert_int_equal(solo->end.stats.out_of_order_dropped, 0);
    assert_int_equal(solo->end.tcb.ooo, SLOT_NONE);
    solo_free(solo);
}

/* A byte that closes a gap is in order, and wanted. */
static void one_byte_closes_the_gap(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo_in(solo, TCP_PSH, 2, 50, 1);
    solo_out(solo);
    solo_in(solo, TCP_PSH, 1, 1, 1);
    assert_int_equal(solo->end.stats.receive_no_memory, 0);
    assert_int_equal(solo->end.stats.out_of_order_dropped, 0);
    assert_int_equal(solo->end.stats.bytes_received, 51);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->ack.value, 52);
    assert_int_equal(solo_read(solo, 100), 51);
    solo_free(solo);
}

#define RANGES 32u
#define FIRST 300u

/* As many ranges as a record has, ten bytes each and ten between. */
static struct solo *full_record(void)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    for (uint32_t i = 0; i < RANGES; i++)
        solo_in(solo, 0, FIRST + 20 * i, 10, 1);
    assert_int_equal(solo->end.stats.segment_out_of_order, RANGES);
    return solo;
}

/* A full record takes what touches one of its ranges, the first and the last too, from either side; and nothing else. */
static void full_but_for_neighbours(void **state)
{
    static const struct {
        const char *name;
        uint32_t at, length;
        bool taken;
    } rows[] = {
        {"behind the first", FIRST + 10, 5, true},
        {"before the first", FIRST - 5, 5, true},
        {"behind the last", FIRST + 20 * 31 + 10, 5, true},
        {"before the last", FIRST + 20 * 31 - 5, 5, true},
        {"a byte off", FIRST + 11, 5, false},
        {"a byte short", FIRST - 6, 5, false},
        {"far behind", FIRST + 20 * 40, 5, false},
        {"where numbers come round", 240, 32, false},
        {"over all of them", FIRST - 1, 20 * 32, true},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct solo *solo = full_record();

        print_message("%s\n", rows[i].name);
        solo_in(solo, 0, rows[i].at, rows[i].length, 1);
        assert_int_equal(solo->end.stats.out_of_order_dropped, !rows[i].taken);
        solo_free(solo);
    }
}

/* Text 400 chunks behind the one that the queue ends in is too far ahead; the chunk before is the last that is kept. */
static void as_far_as_a_record_reaches(void **state)
{
    (void)state;
    for (uint32_t beyond = 0; beyond < 2; beyond++) {
        struct hf_config config = HF_CONFIG_DEFAULT;
        struct handshake h = solo_handshake();
        struct solo *solo;

        config.receive_bytes = 2 << 20;
        h.send_scale = 0;
        h.receive_scale = 6;
        solo = solo_open_as(&config, &h);
        solo_in(solo, TCP_PSH, 1, CHUNK_BYTES, 1); /* and an ACK brings out the whole window */
        solo_pass(solo, 100000);
        assert_true(tcb_rcv_wnd(&solo->end.tcb) > 1 << 20);
        solo_in(solo, 0, 1 + CHUNK_BYTES + 100, 10, 1);
        solo_in(solo, 0, 1 + (400 + beyond) * CHUNK_BYTES + 100, 10, 1);
        assert_int_equal(solo->end.stats.out_of_order_dropped, beyond);
        assert_int_equal(solo->end.stats.segment_out_of_order, 2 - beyond);
        solo_free(solo);
    }
}

static struct solo *with_sack(void)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();

    h.sack = true;
    return solo_open_as(&config, &h);
}

/* The first part that waits already is reported, in whichever range it lies; where they only touch nothing is. [RFC 2883 4.1] */
static void overlaps(void **state)
{
    static const struct {
        const char *name;
        uint32_t at, length, left, right; /* left 0: nothing to report */
    } rows[] = {
        {"into the first", 150, 100, 150, 200},
        {"into the second, touching the first", 200, 150, 300, 350},
        {"between both, touching them", 200, 100, 0, 0},
        {"over both", 90, 400, 100, 200},
        {"a byte of the second", 250, 51, 300, 301},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct solo *solo = with_sack();
        const struct tcb *tcb = &solo->end.tcb;

        print_message("%s\n", rows[i].name);
        solo_in(solo, 0, 100, 100, 1);
        solo_in(solo, 0, 300, 100, 1);
        solo_out(solo);
        solo_in(solo, 0, rows[i].at, rows[i].length, 1);
        assert_int_equal(!seq_eq(tcb->dsack_left, tcb->dsack_right), rows[i].left > 0);
        if (rows[i].left) {
            assert_int_equal(tcb->dsack_left.value - SOLO_IRS, rows[i].left);
            assert_int_equal(tcb->dsack_right.value - SOLO_IRS, rows[i].right);
        }
        solo_free(solo);
    }
}

/* What a chunk held before it became a record is no range of it. */
static void old_words_are_no_ranges(void **state)
{
    struct solo *solo = with_sack();
    struct chunk_pool *chunks = &solo->end.tcp.chunks;
    const uint32_t words[3] = {SOLO_IRS + 500, SOLO_IRS + 600, 0};

    (void)state;
    for (uint32_t chunk = 0; chunk < 8; chunk++)
        for (uint32_t i = 0; i + sizeof words <= CHUNK_BYTES; i += sizeof words)
            memcpy(chunk_data(chunks, chunk) + i, words, sizeof words);
    solo_in(solo, 0, 401, 40, 1);
    solo_out(solo);
    solo_in(solo, 0, 550, 10, 1);
    assert_int_equal(solo->end.stats.segment_out_of_order, 2);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->options.sack_count, 2);
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oldest_first),
        cmocka_unit_test(whoever_leaves),
        cmocka_unit_test(not_from_himself),
        cmocka_unit_test(back_in_line),
        cmocka_unit_test(the_fin_is_kept),
        cmocka_unit_test(a_record_of_one_and_of_none),
        cmocka_unit_test(the_next_comes_first),
        cmocka_unit_test(a_fin_before_what_was_ahead),
        cmocka_unit_test(one_byte_closes_the_gap),
        cmocka_unit_test(full_but_for_neighbours),
        cmocka_unit_test(as_far_as_a_record_reaches),
        cmocka_unit_test(overlaps),
        cmocka_unit_test(old_words_are_no_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
