/* What is sent where a byte, a flag or an option decides: the corners of output. [RFC 9293 3.7.4, 3.8, 3.10.2; RFC 2018; RFC 2883] */
#include "solo.h"

#define MSS 1460u

static struct solo *plain(void)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    return solo_open(&config);
}

static struct solo *cutting(uint32_t segmentation, bool nagle)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    config.segmentation_bytes = segmentation;
    config.nagle = nagle;
    return solo_open(&config);
}

static struct solo *calling(void)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_new(&config, 64);
    struct tcp_open open = {.iss = seq_of(SOLO_ISS), .path_mss = MSS};

    assert_true(tcp_open_active(&solo->end.tcp, &solo->end.tcb, &open, solo->now_us));
    solo->end.open = true;
    return solo;
}

static bool wants(const struct solo *solo)
{
    return tcp_wants_output(&solo->end.tcp, &solo->end.tcb);
}

/* Whoever gave up before his SYN was sent sends none. */
static void given_up_early(void **state)
{
    struct solo *solo = calling();
    struct tcp_outgoing out = {.text_max = 65535};

    (void)state;
    assert_true(wants(solo));
    assert_int_equal(tcp_shutdown(&solo->end.tcp, &solo->end.tcb, solo->now_us), HF_OK);
    assert_false(wants(solo));
    assert_false(tcp_output(&solo->end.tcp, &solo->end.tcb, &out, solo->now_us));
    solo_free(solo);
}

/* After four gigabytes SND.NXT comes by the ISS again: that is no SYN. */
static void by_the_iss_again(void **state)
{
    struct solo *solo = plain();

    (void)state;
    solo->end.tcb.iss = solo->end.tcb.snd_nxt;
    assert_false(wants(solo));
    solo_write(solo, 10);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->flags, TCP_ACK | TCP_PSH);
    solo_free(solo);
}

/* Text that was given before a simultaneous open is done waits for its ACK, and is not asked for meanwhile. */
static void text_waits_in_syn_received(void **state)
{
    struct solo *solo = calling();
    struct segment syn = {.seq = seq_of(SOLO_IRS),
                          .flags = TCP_SYN,
                          .window = 65535,
                          .options = {.present = TCP_OPTION_MSS, .mss = 1000}};

    (void)state;
    solo_out(solo);
    solo->end.tcb.flags |= TCB_NODELAY;
    solo_write(solo, 10);
    assert_false(wants(solo));
    solo_segment(solo, &syn);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->flags, TCP_SYN | TCP_ACK);
    assert_false(wants(solo));
    solo_in(solo, 0, 1, 0, 1);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->length, 10);
    solo_free(solo);
}

/* Urgent text that was sent already hurries nothing, and what follows it is not urgent. [RFC 9293 3.8.5] */
static void behind_urgent_text(void **state)
{
    struct solo *solo = plain();
    uint8_t text[10];

    (void)state;
    for (uint32_t i = 0; i < 10; i++)
        text[i] = solo_pattern(i);
    assert_int_equal(tcp_send_urgent(&solo->end.tcp, &solo->end.tcb, text, 10, solo->now_us), 10);
    assert_int_equal(solo_out(solo), 1);
    solo->written = 10;
    solo_write(solo, 5);
    assert_int_equal(solo_out(solo), 0); /* Nagle */
    solo->end.tcb.flags |= TCB_NODELAY;
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->flags, TCP_ACK | TCP_PSH);
    assert_int_equal(solo_last(solo)->urgent, 0);
    assert_int_equal(solo_last(solo)->ecn, 0);
    solo_free(solo);
}

/* A window of one byte, the largest that the peer ever had, is worth a byte. [RFC 9293 3.8.6.2.1] */
static void one_byte_of_window(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo;

    (void)state;
    h.first_window = 1;
    solo = solo_open_as(&config, &h);
    solo_write(solo, 10);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->length, 1);
    solo_free(solo);
}

/* A FIN needs a byte of window: with none it waits, and nobody asks; with one it goes. [RFC 9293 3.7] */
static void room_for_a_fin(void **state)
{
    (void)state;
    for (uint16_t room = 0; room < 2; room++) {
        struct hf_config config = HF_CONFIG_DEFAULT;
        struct handshake h = solo_handshake();
        struct solo *solo;

        h.first_window = 1000 + room;
        solo = solo_open_as(&config, &h);
        solo_write(solo, 1000);
        assert_int_equal(solo_out(solo), 1);
        assert_int_equal(tcp_shutdown(&solo->end.tcp, &solo->end.tcb, solo->now_us), HF_OK);
        assert_int_equal(wants(solo), room);
        assert_int_equal(solo_out(solo), room);
        solo_free(solo);
    }
}

/* Text whose time has come needs a byte of window too: with none it waits, and nobody asks; with one it goes. */
static void room_for_what_was_held(void **state)
{
    (void)state;
    for (uint16_t room = 0; room < 2; room++) {
        struct hf_config config = HF_CONFIG_DEFAULT;
        struct handshake h = solo_handshake();
        struct solo *solo;

        h.first_window = 1000 + room;
        solo = solo_open_as(&config, &h);
        solo_write(solo, 1000);
        assert_int_equal(solo_out(solo), 1);
        solo_write(solo, 10);
        assert_false(wants(solo));
        solo->end.tcb.flags |= TCB_HOLD_OVER;
        assert_int_equal(wants(solo), room);
        assert_int_equal(solo_out(solo), room);
        solo_free(solo);
    }
}

/* Connections whose peer sent ahead, in `holes` places; what is reserved for others besides. */
static struct solo *with_holes(bool timestamps, uint32_t reserved, uint32_t holes)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo;

    config.nagle = false;
    h.sack = true;
    h.timestamps = timestamps;
    h.ts_recent = 100;
    solo = solo_open_as(&config, &h);
    tcb_set_option_bytes(&solo->end.tcb, reserved);
    for (uint32_t i = 0; i < holes; i++)
        solo_in(solo, 0, 1001 + 200 * i, 100, 1);
    return solo;
}

/* How many blocks fit into forty bytes beside timestamps and what is reserved. [R2018-02] */
static void room_for_blocks(void **state)
{
    static const struct {
        bool timestamps;
        uint32_t reserved, blocks;
    } rows[] = {{false, 0, 4}, {false, 4, 4}, {false, 16, 2}, {false, 20, 2}, {false, 28, 1},
                {true, 0, 3},  {true, 12, 1}, {true, 16, 1},  {true, 20, 0},  {true, 28, 0}};

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct solo *solo = with_holes(rows[i].timestamps, rows[i].reserved, 6);

        solo_out(solo);
        print_message("%u reserved, timestamps %d\n", rows[i].reserved, rows[i].timestamps);
        assert_int_equal(solo_last(solo)->options.sack_count, rows[i].blocks);
        assert_int_equal(!!(solo_last(solo)->options.present & TCP_OPTION_SACK),
                         rows[i].blocks > 0);
        solo_free(solo);
    }
}

/* With a duplicate to report four blocks are still four. [RFC 2883 4] */
static void a_duplicate_among_four(void **state)
{
    struct solo *solo = with_holes(false, 0, 5);

    (void)state;
    solo_out(solo);
    solo_in(solo, 0, 1001, 100, 1);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->options.sack_count, 4);
    assert_int_equal(solo_last(solo)->options.sack[0].left.value, 1001);
    assert_int_equal(solo_last(solo)->options.sack[0].right.value, 1101);
    solo_free(solo);
}

/* A segment with text, be it a byte, has no blocks: the MSS left no room for them. [RFC 6691] */
static void no_blocks_beside_text(void **state)
{
    struct solo *solo = with_holes(false, 0, 2);

    (void)state;
    solo_out(solo);
    for (uint32_t length = 1; length <= 100; length += 99) {
        solo_write(solo, length);
        assert_int_equal(solo_out(solo), 1);
        assert_int_equal(solo_last(solo)->length, length);
        assert_int_equal(solo_last(solo)->options.present, 0);
        assert_int_equal(solo_last(solo)->options.sack_count, 0);
    }
    solo_free(solo);
}

/* Without anything ahead there is no such option, and no such number. */
static void no_holes_no_blocks(void **state)
{
    struct solo *solo = with_holes(false, 0, 0);
    struct tcp_outgoing out = {.text_max = 65535, .text_offset = 7};

    (void)state;
    memset(&out.segment, 0xa5, sizeof out.segment);
    solo->end.tcb.flags |= TCB_ACK_NOW;
    assert_true(tcp_output(&solo->end.tcp, &solo->end.tcb, &out, solo->now_us));
    assert_int_equal(out.segment.flags, TCP_ACK);
    assert_int_equal(out.segment.options.present, 0);
    assert_int_equal(out.segment.options.sack_count, 0);
    assert_int_equal(out.segment.urgent, 0);
    assert_int_equal(out.text_offset, 0);
    solo->end.tcb.flags = (solo->end.tcb.flags & ~(uint32_t)TCB_SACK) | TCB_ACK_NOW;
    assert_true(tcp_output(&solo->end.tcp, &solo->end.tcb, &out, solo->now_us));
    assert_int_equal(out.segment.options.sack_count, 0);
    solo_free(solo);
}

/* The first segment that is sent again goes, however small cwnd has become. [RFC 5681 3.1] */
static void the_first_goes(void **state)
{
    struct solo *solo = plain();
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    solo_write(solo, 3 * MSS);
    solo_out(solo);
    tcb->rtx_nxt = tcb->snd_una;
    tcb->rtx_end = tcb->snd_nxt;
    tcb->congestion.cwnd = 100;
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->length, MSS);
    solo_free(solo);
}

/* The FIN is sent again only if it is among what is: the text before it alone has none. */
static void text_again_without_its_fin(void **state)
{
    struct solo *solo = plain();
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    solo_write(solo, MSS);
    solo_out(solo);
    assert_int_equal(tcp_shutdown(&solo->end.tcp, tcb, solo->now_us), HF_OK);
    assert_int_equal(solo_out(solo), 1);
    tcb->rtx_nxt = tcb->snd_una;
    tcb->rtx_end = seq_sub(tcb->snd_nxt, 1);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->length, MSS);
    assert_false(solo_last(solo)->flags & TCP_FIN);
    assert_int_equal(tcb->rtx_nxt.value, tcb->rtx_end.value);
    solo_free(solo);
}

/* A byte again has its PSH again. [RFC 9293 MUST-61] */
static void a_byte_again(void **state)
{
    struct solo *solo = plain();

    (void)state;
    solo_write(solo, 1);
    solo_out(solo);
    solo_pass(solo, 1100000);
    assert_int_equal(solo->count, 2);
    assert_int_equal(solo_last(solo)->flags, TCP_ACK | TCP_PSH);
    assert_int_equal(solo_last(solo)->length, 1);
    assert_false(solo->end.tcb.flags & TCB_SCALING);
    solo_free(solo);
}

/* A driver that cuts gets whole segments; the rest only with them if nothing is to come, or Nagle is off. [RFC 9293 3.7.4] */
static void whole_segments(void **state)
{
    static const struct {
        const char *name;
        uint32_t driver, text, first;
        bool nagle, close;
    } rows[] = {
        {"Nagle: the rest waits", 4 * MSS, 2 * MSS + 100, 2 * MSS, true, false},
        {"without Nagle all goes", 4 * MSS, 2 * MSS + 100, 2 * MSS + 100, false, false},
        {"before a FIN all goes", 4 * MSS, 2 * MSS + 100, 2 * MSS + 100, true, true},
        {"the driver's limit is cut to segments", 2 * MSS + 500, 4 * MSS, 2 * MSS, false, false},
        {"and before a FIN too", 2 * MSS + 500, 4 * MSS, 2 * MSS, true, true},
        {"a segment is one", 4 * MSS, MSS, MSS, true, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct solo *solo = cutting(rows[i].driver, rows[i].nagle);

        print_message("%s\n", rows[i].name);
        solo_write(solo, rows[i].text);
        if (rows[i].close)
            assert_int_equal(tcp_shutdown(&solo->end.tcp, &solo->end.tcb, solo->now_us), HF_OK);
        assert_true(solo_out(solo) > 0);
        assert_int_equal(solo->sent[0].segment.length, rows[i].first);
        solo_free(solo);
    }
}

/* Acknowledging after a long silence leaves cwnd as it is: text decides. [RFC 5681 4.1] */
static void an_ack_is_no_restart(void **state)
{
    struct solo *solo = plain();
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    tcb->congestion.cwnd = 40 * MSS;
    solo->now_us += 100 * INT64_C(1000000);
    solo_in(solo, TCP_PSH, 1, 10, 1);
    solo_pass(solo, 100000);
    assert_int_equal(solo->count, 1);
    assert_int_equal(tcb->congestion.cwnd, 40 * MSS);
    solo_write(solo, 10);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(tcb->congestion.cwnd, 10 * MSS);
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_up_early),
        cmocka_unit_test(by_the_iss_again),
        cmocka_unit_test(text_waits_in_syn_received),
        cmocka_unit_test(behind_urgent_text),
        cmocka_unit_test(one_byte_of_window),
        cmocka_unit_test(room_for_a_fin),
        cmocka_unit_test(room_for_what_was_held),
        cmocka_unit_test(room_for_blocks),
        cmocka_unit_test(a_duplicate_among_four),
        cmocka_unit_test(no_blocks_beside_text),
        cmocka_unit_test(no_holes_no_blocks),
        cmocka_unit_test(the_first_goes),
        cmocka_unit_test(text_again_without_its_fin),
        cmocka_unit_test(a_byte_again),
        cmocka_unit_test(whole_segments),
        cmocka_unit_test(an_ack_is_no_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
