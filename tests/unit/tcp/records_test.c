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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oldest_first),     cmocka_unit_test(whoever_leaves),
        cmocka_unit_test(not_from_himself), cmocka_unit_test(back_in_line),
        cmocka_unit_test(the_fin_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
