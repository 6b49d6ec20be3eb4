/* Text ahead of its turn: nothing lost, nothing doubled, and never more memory than promised. [RFC 9293 3.10.7.4; RFC 2018; RFC 2883] */
#include "solo.h"

#include "tcp/reassembly.h"

#define NODES_MAX 32u

static struct hf_config config_with(uint32_t receive_bytes)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    config.receive_bytes = receive_bytes;
    return config;
}

/* SACK agreed, and a window of the size of the queue. */
static struct solo *open_wide(uint32_t receive_bytes, bool timestamps)
{
    struct hf_config config = config_with(receive_bytes);
    struct handshake h = solo_handshake();
    struct solo *solo;
    uint8_t scale = 0;

    while (receive_bytes >> scale > 65535)
        scale++;
    h.sack = true;
    h.timestamps = timestamps;
    h.ts_recent = 100;
    h.send_scale = scale ? 0 : SCALE_NONE;
    h.receive_scale = scale ? scale : SCALE_NONE;
    h.announced_window = (uint16_t)(receive_bytes < 65535 ? receive_bytes : 65535);
    solo = solo_open_as(&config, &h);
    solo_in(solo, TCP_PSH, 1, 1, 1); /* brings out the scaled window */
    tcp_set_option(&solo->end.tcp, &solo->end.tcb, HF_QUICK_ACK, 1, solo->now_us);
    solo_pass(solo, 50000);
    solo_read(solo, 1);
    solo_out(solo);
    solo->count = 0;
    return solo;
}

/* Checks the blocks of the last ACK: "left, right" pairs up to 0. */
static void sacks(struct solo *solo, const uint32_t *pairs)
{
    const struct tcp_options *options = &solo_last(solo)->options;
    unsigned i = 0;

    for (; pairs[2 * i + 1]; i++) {
        assert_true(i < options->sack_count);
        assert_int_equal(options->sack[i].left.value, pairs[2 * i]);
        assert_int_equal(options->sack[i].right.value, pairs[2 * i + 1]);
    }
    assert_int_equal((options->present & TCP_OPTION_SACK) ? options->sack_count : 0, i);
}
#define expect_sacks(...) sacks(solo, (const uint32_t[]){__VA_ARGS__, 0, 0})

static void put(struct solo *solo, uint32_t at, uint32_t length)
{
    solo_in(solo, 0, at, length, 1);
    assert_int_equal(solo_out(solo), 1);
}

/* The first block holds what arrived last, then the others by how lately they changed. [RFC 2018 4]
 * [R2018-04, R2018-05] */
static void most_recent_first(void **state)
{
    struct solo *solo = open_wide(32768, false);

    (void)state;
    put(solo, 100, 10);
    expect_sacks(100, 110);
    put(solo, 300, 10);
    expect_sacks(300, 310, 100, 110);
    put(solo, 200, 10);
    expect_sacks(200, 210, 300, 310, 100, 110);
    put(solo, 310, 10); /* joins */
    expect_sacks(300, 320, 200, 210, 100, 110);
    put(solo, 400, 10);
    put(solo, 500, 10); /* no more than four */
    expect_sacks(500, 510, 400, 410, 300, 320, 200, 210);
    put(solo, 110, 90); /* closes the gap between two */
    expect_sacks(100, 210, 500, 510, 400, 410, 300, 320);
    put(solo, 2, 98);
    assert_int_equal(solo_last(solo)->ack.value, 210);
    expect_sacks(500, 510, 400, 410, 300, 320);
    solo_free(solo);
}

/* Timestamps leave room for three. [RFC 2018 3] [R2018-03] */
static void three_with_timestamps(void **state)
{
    struct solo *solo = open_wide(32768, true);

    (void)state;
    for (uint32_t i = 1; i <= 5; i++)
        put(solo, 100 * i, 10);
    expect_sacks(500, 510, 400, 410, 300, 310);
    solo_free(solo);
}

/* None is sent that was not agreed. [R2018-02] */
static void not_agreed(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    put(solo, 100, 10);
    assert_false(solo_last(solo)->options.present & TCP_OPTION_SACK);
    solo_free(solo);
}

/* What came twice is told once, before the other blocks. [RFC 2883 4.1, 4.2] [R2883-01, R2883-03] */
static void duplicates_reported(void **state)
{
    struct solo *solo = open_wide(32768, false);

    (void)state;
    put(solo, 2, 98);
    put(solo, 50, 20); /* below RCV.NXT */
    expect_sacks(50, 70);
    put(solo, 200, 20);
    expect_sacks(200, 220); /* told once */
    put(solo, 205, 10);     /* within a block */
    expect_sacks(205, 215, 200, 220);
    put(solo, 300, 10);
    expect_sacks(300, 310, 200, 220);
    solo_free(solo);
}

/* Whatever order, overlap and repetition: the text comes out whole; each SACK block holds only what has arrived.
 * [RFC 9293 X-12] */
static void any_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct solo *solo = open_wide(seed % 2 ? 32768 : 300000, false);
        uint64_t random = seed * 0x9e3779b97f4a7c15u;
        const uint32_t total = 60000;
        uint8_t *has = calloc(1, total + 70000);

        memset(has, 1, 2);
        while (solo->end.tcb.rcv_nxt.value - SOLO_IRS < total) {
            uint32_t base = solo->end.tcb.rcv_nxt.value - SOLO_IRS, at, length;

            random = random * 6364136223846793005u + 1442695040888963407u;
            at = base + (uint32_t)(random >> 40) % 12000 - (uint32_t)(random >> 35) % 300;
            length = 1 + (uint32_t)(random >> 50) % 3000;
            if ((random >> 60) < 3)
                at = base;
            if (at + length > total || at < 2 || at > total)
                at = base, length = total - base < 700 ? total - base : 700;
            for (uint32_t i = 0; i < length; i++)
                has[at + i] = 1;
            solo_in(solo, 0, at, length, 1);
            solo_out(solo);
            solo->count = 0;
            struct sack_block blocks[4];
            unsigned count = reassembly_sack(&solo->end.tcp, &solo->end.tcb, blocks, 4);

            for (unsigned i = 0; i < count; i++)
                for (seq s = blocks[i].left; !seq_eq(s, blocks[i].right); s = seq_add(s, 1))
                    if (!has[s.value - SOLO_IRS])
                        fail_msg("seed %llu: %u is reported and never came",
                                 (unsigned long long)seed, s.value - SOLO_IRS);
            if ((random >> 33) % 3 == 0)
                solo_read(solo, 5000);
            solo->count = 0;
        }
        while (solo_read(solo, 5000))
            ;
        if (solo->read != total - 1)
            fail_msg("seed %llu: read %u", (unsigned long long)seed, solo->read);
        assert_int_equal(solo->end.tcb.ooo, SLOT_NONE);
        assert_int_equal(solo->end.tcp.chunks.pool.count, 0);
        free(has);
        solo_free(solo);
    }
}

/* A million segments of one byte in the worst order: every other byte, from the far end. Nodes, chunks and work are bounded. */
static void million_bytes(void **state)
{
    struct solo *solo = open_wide(4000000, false);
    const struct tcb *tcb = &solo->end.tcb;
    uint32_t window, most = 0;

    (void)state;
    for (int i = 0; i < 40; i++) { /* the window opens as far as it will */
        put(solo, tcb->rcv_nxt.value - SOLO_IRS, 1460);
        solo_read(solo, 1460);
        solo_out(solo);
        solo->count = 0;
    }
    window = tcb_rcv_wnd(tcb);
    assert_true(window > 2000000);
    for (uint32_t i = 0; i < 1000000; i++) {
        solo_in(solo, 0, tcb->rcv_nxt.value - SOLO_IRS + window - 2 - 2 * i % (window - 4), 1, 1);
        most = tcb->rcv_held > most ? tcb->rcv_held : most;
    }
    assert_true(most <= NODES_MAX + 2);
    assert_true(solo->end.stats.segment_out_of_order <= 1000);
    assert_true(solo->end.stats.out_of_order_dropped > 990000);
    solo_out(solo);
    put(solo, tcb->rcv_nxt.value - SOLO_IRS, 100); /* and what is in order goes on */
    assert_int_equal(solo_read(solo, 1000), 100);
    solo_free(solo);
}

/* The same from the near end, where a range can be joined. */
static void million_bytes_nearby(void **state)
{
    struct solo *solo = open_wide(100000, false);
    const struct tcb *tcb = &solo->end.tcb;

    (void)state;
    for (uint32_t round = 0; round < 10; round++)
        for (uint32_t i = 0; i < 30000; i++)
            solo_in(solo, 0, tcb->rcv_nxt.value - SOLO_IRS + 2 + 2 * i, 1, 1);
    assert_true(tcb->rcv_held <= NODES_MAX + 2);
    solo_out(solo);
    solo_free(solo);
}

/* A FIN ahead waits with its text. */
static void fin_ahead(void **state)
{
    struct solo *solo = open_wide(32768, false);

    (void)state;
    solo_in(solo, TCP_FIN, 100, 50, 1);
    solo_out(solo);
    assert_int_equal(solo->end.tcb.state, TCP_ESTABLISHED);
    put(solo, 2, 98);
    assert_int_equal(solo->end.tcb.state, TCP_CLOSE_WAIT);
    assert_int_equal(solo_last(solo)->ack.value, 151);
    assert_int_equal(solo_read(solo, 1000), 148);
    solo_free(solo);
}

/* A FIN of its own, without text, ahead of its turn. */
static void bare_fin_ahead(void **state)
{
    struct solo *solo = open_wide(32768, false);

    (void)state;
    solo_in(solo, TCP_FIN, 100, 0, 1);
    solo_out(solo);
    assert_int_equal(solo->end.tcb.state, TCP_ESTABLISHED);
    put(solo, 2, 98);
    assert_int_equal(solo->end.tcb.state, TCP_CLOSE_WAIT);
    solo_free(solo);
}

/* A FIN that was forged ahead, and overtaken by text: it is forgotten, and ends nothing when numbers come round again. */
static void fin_overtaken(void **state)
{
    struct solo *solo = open_wide(32768, false);

    (void)state;
    solo_in(solo, TCP_FIN, 100, 0, 1);
    solo_out(solo);
    put(solo, 2, 500);
    assert_int_equal(solo->end.tcb.state, TCP_ESTABLISHED);
    assert_int_equal(solo_last(solo)->ack.value, 502);
    assert_int_equal(solo->end.tcb.ooo, SLOT_NONE);
    assert_int_equal(solo_read(solo, 1000), 500);
    assert_int_equal(solo->end.tcp.chunks.pool.count, 0);
    solo_free(solo);
}

/* Another connection beside the solo's, in the same pool. */
static void open_second(struct solo *solo, struct tcb *tcb, bool sack)
{
    struct handshake h = solo_handshake();

    h.sack = sack;
    h.announced_window = 65535;
    assert_true(tcp_open_established(&solo->end.tcp, tcb, &h, &(struct tcp_open){.path_mss = 1460},
                                     solo->now_us));
}

static void arrive(struct solo *solo, struct tcb *tcb, uint32_t at, uint32_t length)
{
    static const uint8_t text[4096];
    struct segment seg = {.seq = seq_of(SOLO_IRS + at),
                          .ack = seq_of(SOLO_ISS + 1),
                          .flags = TCP_ACK,
                          .window = 65535,
                          .length = length,
                          .text = text};

    tcp_segment_arrives(&solo->end.tcp, tcb, &seg, solo->now_us);
    if (tcb_check(tcb))
        fail_msg("%s", tcb_check(tcb));
}

/* When the pool is empty, text in order takes what others hold out of order, the oldest first. [R2018-11] */
static void reclaimed(void **state)
{
    struct hf_config config = config_with(200000);
    struct solo *solo = solo_new(&config, 24);
    struct tcb old, young, taker;
    uint32_t at = 1;

    (void)state;
    open_second(solo, &old, true);
    open_second(solo, &young, true);
    open_second(solo, &taker, true);
    for (uint32_t i = 1; i <= 5; i++)
        arrive(solo, &old, 1 + 4096 * i, 1000);
    for (uint32_t i = 1; i <= 2; i++)
        arrive(solo, &young, 1 + 4096 * i, 1000);
    assert_int_not_equal(old.ooo, SLOT_NONE);
    assert_int_not_equal(young.ooo, SLOT_NONE);
    while (old.ooo != SLOT_NONE && at < 60000) {
        arrive(solo, &taker, at, 1460);
        assert_int_equal(taker.rcv_nxt.value - SOLO_IRS, at + 1460);
        at += 1460;
    }
    assert_int_equal(old.ooo, SLOT_NONE);
    assert_int_equal(old.rcv_held, 0);
    assert_int_not_equal(young.ooo, SLOT_NONE);
    assert_int_equal(solo->end.stats.out_of_order_reclaimed, 5000);
    tcp_release(&solo->end.tcp, &old);
    tcp_release(&solo->end.tcp, &young);
    tcp_release(&solo->end.tcp, &taker);
    solo_free(solo);
}

/* Nothing at all to be had: text is dropped as if lost, counted, and taken when there is memory again. */
static void pool_empty(void **state)
{
    struct hf_config config = config_with(200000);
    struct solo *solo = solo_new(&config, 12);
    struct tcb greedy, poor;
    uint32_t at = 1;

    (void)state;
    open_second(solo, &greedy, false);
    open_second(solo, &poor, false);
    while (solo->end.stats.receive_no_memory == 0 && at < 100000) {
        arrive(solo, &greedy, at, 1460);
        at = greedy.rcv_nxt.value - SOLO_IRS;
    }
    assert_true(solo->end.stats.receive_no_memory > 0);
    arrive(solo, &poor, 1, 1000); /* its promise is kept */
    assert_int_equal(poor.rcv_nxt.value - SOLO_IRS, 1001);
    tcp_release(&solo->end.tcp, &greedy);
    tcp_release(&solo->end.tcp, &poor);
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_recent_first),
        cmocka_unit_test(three_with_timestamps),
        cmocka_unit_test(not_agreed),
        cmocka_unit_test(duplicates_reported),
        cmocka_unit_test(any_order),
        cmocka_unit_test(million_bytes),
        cmocka_unit_test(million_bytes_nearby),
        cmocka_unit_test(fin_ahead),
        cmocka_unit_test(bare_fin_ahead),
        cmocka_unit_test(fin_overtaken),
        cmocka_unit_test(reclaimed),
        cmocka_unit_test(pool_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
