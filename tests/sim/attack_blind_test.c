/* Blind forgeries in every state: one RST in 2^32 resets, SYNs change nothing, text needs an acknowledgment that fits.
 * [RFC 5961 3.2, 4.2, 5.2; RFC 5927 4, 7; RFC 7323 5.3]
 * Rows: docs/attacks.md. */
#include "attack.h"

#include "sim/attack_blind.h"
#include "wire/icmpv4.h"
#include "wire/icmpv6.h"

#define SEED 0x5eed0002
#define AROUND 16384u

struct row {
    const char *name;
    enum hf_state state;
    bool simultaneous;
};

static const struct row opening[] = {
    {"SYN-RECEIVED in the cache", HF_STATE_SYN_RECEIVED, false},
    {"SYN-RECEIVED by simultaneous open", HF_STATE_SYN_RECEIVED, true},
};

static const struct row synchronized[] = {
    {"ESTABLISHED", HF_STATE_ESTABLISHED, false}, {"FIN-WAIT-1", HF_STATE_FIN_WAIT_1, false},
    {"FIN-WAIT-2", HF_STATE_FIN_WAIT_2, false},   {"CLOSE-WAIT", HF_STATE_CLOSE_WAIT, false},
    {"CLOSING", HF_STATE_CLOSING, false},         {"LAST-ACK", HF_STATE_LAST_ACK, false},
};

#define COUNT(rows) (sizeof rows / sizeof *rows)

static struct field *open_field(bool v6)
{
    struct field_setup setup = field_setup_default(SEED);

    setup.v6 = v6;
    setup.server.receive_bytes = 65535; /* a window of 2^16 - 1 */
    field_open(&the_field, &setup);
    return &the_field;
}

/* Over the whole window and beyond both its edges: challenges within the throttle, and exactly one value resets. */
static void sweep_rst(const struct row *row)
{
    struct field *field = open_field(false);
    struct victim victim = {.simultaneous = row->simultaneous};
    const uint32_t window = 65536;
    struct blind blind;

    victim_reach(&victim, field, row->state, 5000);
    blind = (struct blind){
        .seg = {.flags = TCP_RST},
        .first = seq_sub(victim.peer.snd_nxt, AROUND),
        .step = 1,
        .count = window + 2 * AROUND,
        .but = victim.peer.snd_nxt,
        .spares = true,
    };
    blind_sweep(&blind, field, &victim);
    assert_int_equal(blind.ends, 0);
    assert_true(stat(field, rst_challenged) >= window - 4);
    assert_true(stat(field, rst_outside_window) >= AROUND);
    /* ten a second for a connection; a half-open's are paid from the budget of a prefix, a sixteenth of 1,000 */
    assert_true(blind.answers <= 63);
    print_message("%s: %" PRIu64 " RSTs change nothing and are answered %" PRIu64 " times\n",
                  row->name, blind.count - 1, blind.answers);
    blind.first = victim.peer.snd_nxt;
    blind.count = 1;
    blind.spares = false;
    blind_sweep(&blind, field, &victim);
    assert_int_equal(blind.ends, 1);
    assert_int_equal(victim_state(&victim, field), HF_STATE_CLOSED);
    field_close(field);
}

static void one_rst_resets(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT(opening); i++)
        sweep_rst(&opening[i]);
    for (unsigned i = 0; i < COUNT(synchronized); i++)
        sweep_rst(&synchronized[i]);
}

/* The edge counts even while the window is zero; nothing beside it is inside. */
static void one_rst_resets_at_a_zero_window(void **state)
{
    struct field *field = open_field(false);
    static uint8_t text[1400];
    struct victim victim = {0};
    struct blind blind;

    (void)state;
    victim_reach(&victim, field, HF_STATE_ESTABLISHED, 5000);
    while (tcb_rcv_wnd(victim_tcb(&victim, field)) > 0) {
        uint32_t room = tcb_rcv_wnd(victim_tcb(&victim, field));

        attack_peer_say(&victim.peer, field, TCP_ACK | TCP_PSH, text,
                        room < sizeof text ? room : sizeof text);
    }
    blind = (struct blind){
        .seg = {.flags = TCP_RST},
        .first = seq_sub(victim.peer.snd_nxt, 32768),
        .step = 1,
        .count = 65536,
        .but = victim.peer.snd_nxt,
        .spares = true,
    };
    blind_sweep(&blind, field, &victim);
    assert_int_equal(blind.ends, 0);
    assert_int_equal(blind.answers, 0);
    blind.first = victim.peer.snd_nxt;
    blind.count = 1;
    blind.spares = false;
    blind_sweep(&blind, field, &victim);
    assert_int_equal(blind.ends, 1);
    field_close(field);
}

/* Our own SYN: the RST must acknowledge it, whatever its SEG.SEQ. */
static void one_rst_refuses_our_syn(void **state)
{
    struct field *field = open_field(false);
    struct victim victim = {0};
    struct blind blind;

    (void)state;
    victim_reach(&victim, field, HF_STATE_SYN_SENT, 5000);
    blind = (struct blind){
        .seg = {.flags = TCP_RST | TCP_ACK, .seq = seq_of(99)},
        .guesses_ack = true,
        .first = seq_sub(victim.peer.rcv_nxt, 32768),
        .step = 1,
        .count = 65536,
        .but = victim.peer.rcv_nxt,
        .spares = true,
    };
    blind_sweep(&blind, field, &victim);
    assert_int_equal(blind.ends, 0);
    assert_int_equal(blind.answers, 0);
    blind.seg.flags = TCP_RST; /* without an acknowledgment: none counts */
    blind.guesses_ack = false;
    blind.spares = false;
    blind_sweep(&blind, field, &victim);
    assert_int_equal(blind.ends, 0);
    blind.seg.flags = TCP_RST | TCP_ACK;
    blind.guesses_ack = true;
    blind.first = victim.peer.rcv_nxt;
    blind.count = 1;
    blind_sweep(&blind, field, &victim);
    assert_int_equal(blind.ends, 1);
    field_close(field);
}

/* TIME-WAIT is not cut short by any RST. [RFC 1337] [R1337-01, R1337-02] */
static void no_rst_ends_time_wait(void **state)
{
    struct field *field = open_field(false);
    struct victim victim = {0};
    struct blind blind;

    (void)state;
    victim_reach(&victim, field, HF_STATE_TIME_WAIT, 5000);
    blind = (struct blind){
        .seg = {.flags = TCP_RST},
        .first = seq_sub(victim.peer.snd_nxt, 32768),
        .step = 1,
        .count = 65536,
    };
    blind_sweep(&blind, field, &victim);
    assert_int_equal(blind.ends, 0);
    assert_int_equal(blind.answers, 0);
    assert_int_equal(stat(field, time_wait_rst_ignored), 65536);
    field_close(field);
}

/* The TCB without what a challenge may touch: its own throttle. */
static struct tcb essence(const struct victim *victim, const struct field *field)
{
    struct tcb tcb = *victim_tcb(victim, field);

    tcb.challenge_at_ms = 0;
    tcb.challenges = 0;
    return tcb;
}

static void assert_untouched(const struct tcb *before, const struct victim *victim,
                             const struct field *field)
{
    struct tcb after = essence(victim, field);

    assert_memory_equal(before, &after, sizeof after);
}

static void sweep_syn(const struct row *row, uint8_t flags)
{
    struct field *field = open_field(false);
    struct victim victim = {0};
    struct blind blind;
    struct tcb before;

    victim_reach(&victim, field, row->state, 5000);
    before = essence(&victim, field);
    blind = (struct blind){
        .seg = {.flags = flags,
                .ack = victim.peer.rcv_nxt,
                .window = 100,
                .options = {.present = TCP_OPTION_MSS | TCP_OPTION_TIMESTAMPS,
                            .mss = 88,
                            .ts_value = victim.peer.ts_value + 1000}},
        .first = seq_sub(victim.peer.snd_nxt, AROUND),
        .step = 1,
        .count = scaled(65536, 4096) + 2 * AROUND,
    };
    blind_sweep(&blind, field, &victim);
    assert_int_equal(blind.ends, 0);
    assert_true(blind.answers <= 10);
    assert_true(stat(field, syn_challenged) + stat(field, segment_paws) >= blind.count);
    assert_untouched(&before, &victim, field);
    field_close(field);
}

static void a_syn_changes_no_field(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT(synchronized); i++) {
        sweep_syn(&synchronized[i], TCP_SYN);
        sweep_syn(&synchronized[i], TCP_SYN | TCP_ACK);
    }
}

/* Text at RCV.NXT itself, and in the window: without an acknowledgment from [SND.UNA - MAX.SND.WND, SND.NXT] it is neither
 * delivered nor kept. One acknowledgment in 2^16 of 2^16 tried, a step of 2^16 apart, fits the peer's window. */
static void inject(const struct row *row, uint32_t ahead)
{
    static const uint8_t poison[100] = "poison";
    struct field *field = open_field(false);
    struct victim victim = {0};
    struct blind blind;
    struct tcb before;

    victim_reach(&victim, field, row->state, 5000);
    before = essence(&victim, field);
    blind = (struct blind){
        .seg = {.flags = TCP_ACK | TCP_PSH,
                .seq = seq_add(victim.peer.snd_nxt, ahead),
                .window = 1,
                .text = poison,
                .length = sizeof poison,
                .options = {.present = TCP_OPTION_TIMESTAMPS,
                            .ts_value = victim.peer.ts_value + 100000}},
        .guesses_ack = true,
        .first = seq_add(before.snd_nxt, 1),
        .step = 65537,
        /* below the window that the peer ever offered */
        .count = (UINT32_MAX - before.max_snd_wnd - 2) / 65537 / 1,
    };
    blind_sweep(&blind, field, &victim);
    assert_int_equal(blind.ends, 0);
    assert_true(blind.answers <= 10);
    assert_int_equal(stat(field, bytes_received), 0);
    assert_int_equal(stat(field, segment_out_of_order), 0);
    assert_true(stat(field, ack_challenged) >= blind.count);
    assert_untouched(&before, &victim, field);
    field_close(field);
}

/* [R5961-09] */
static void injected_text_is_not_delivered(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT(synchronized); i++) {
        inject(&synchronized[i], 0);
        inject(&synchronized[i], 1000);
    }
}

/* A segment whose sequence number was guessed carries a timestamp from the far future: the true peer is still heard. */
static void timestamps_are_not_poisoned(void **state)
{
    static const uint8_t text[50] = "text";

    (void)state;
    for (uint32_t length = 0; length <= sizeof text; length += sizeof text) {
        struct field *field = open_field(false);
        struct victim victim = {0};
        struct segment poison;
        struct tcb before;

        victim_reach(&victim, field, HF_STATE_ESTABLISHED, 5000);
        before = essence(&victim, field);
        poison = attack_peer_segment(&victim.peer, TCP_ACK);
        poison.options.ts_value += 0x40000000;
        poison.text = text;
        poison.length = length;
        for (uint32_t i = 1; i < 65536; i++) {
            poison.ack = seq_add(victim.peer.rcv_nxt, i * 65521 + 100000);
            if (seq_distance(seq_sub(before.snd_una, before.max_snd_wnd), poison.ack) <=
                before.max_snd_wnd)
                continue;
            field_give_segment(field, &victim.peer.flow, &poison);
        }
        assert_untouched(&before, &victim, field);
        assert_int_equal(attack_peer_say(&victim.peer, field, TCP_ACK | TCP_PSH, text, 50),
                         HF_STAT_none);
        assert_int_equal(stat(field, bytes_received), 50);
        field_close(field);
    }
}

/* An error about each segment number around what is in flight, with 1,000 bytes there. Returns how many were believed. */
static uint64_t forge_icmp(struct field *field, struct victim *victim, uint8_t type, uint8_t code,
                           uint32_t word)
{
    struct attack_icmp error = {
        .router = field->v6 ? field_client(field, 3) : address_v4(0x08080404),
        .type = type,
        .code = code,
        .word = word,
        .total_length = 1500,
    };
    const struct hf_stats *s = field_stats(field);
    uint64_t before = s->icmp_soft_error + s->icmp_too_big;
    uint8_t frame[ATTACK_FRAME_MAX];

    for (uint32_t i = 0; i < 65536 && victim_state(victim, field) == victim->wanted; i++) {
        seq guess = seq_add(victim->peer.irs, i - 32768);
        field_give(field, frame, attack_frame_icmp_error(frame, &victim->peer.flow, &error, guess));
    }
    return s->icmp_soft_error + s->icmp_too_big - before;
}

/* Hard errors end nothing that is synchronized; only those that quote what is in flight even count as a hint.
 * [R5927-04] */
static void hard_errors_are_soft(void **state)
{
    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct field *field = open_field(v6);
        struct victim victim = {0};
        static const uint8_t text[1000];
        struct tcb before;

        victim_reach(&victim, field, HF_STATE_ESTABLISHED, 5000);
        before = essence(&victim, field);
        for (uint8_t code = 0; code < 16; code++)
            if (v6)
                assert_int_equal(forge_icmp(field, &victim, ICMPV6_UNREACHABLE, code, 0), 0);
            else if (code != ICMPV4_FRAGMENTATION_NEEDED)
                assert_int_equal(forge_icmp(field, &victim, ICMPV4_UNREACHABLE, code, 0), 0);
        assert_untouched(&before, &victim, field);
        victim.peer.ignores = true;
        assert_int_equal(hf_send(field->server.stack, victim.socket, text, 1000, field->now_us),
                         1000);
        field_drain(field);
        assert_int_equal(
            forge_icmp(field, &victim,
                       v6 ? (uint8_t)ICMPV6_UNREACHABLE : (uint8_t)ICMPV4_UNREACHABLE,
                       v6 ? (uint8_t)ICMPV6_PORT_UNREACHABLE : (uint8_t)ICMPV4_PORT_UNREACHABLE, 0),
            1000);
        assert_int_equal(victim_state(&victim, field), HF_STATE_ESTABLISHED);
        assert_int_equal(stat(field, icmp_out), 0);
        field_close(field);
    }
}

/* Our SYN alone may be ended by a hard error, and only by the one that quotes its number. */
static void one_hard_error_ends_our_syn(void **state)
{
    struct field *field = open_field(false);
    struct victim victim = {0};
    struct attack_icmp error = {.router = address_v4(0x08080404),
                                .type = ICMPV4_UNREACHABLE,
                                .code = ICMPV4_PORT_UNREACHABLE,
                                .total_length = 60};
    uint8_t frame[ATTACK_FRAME_MAX];

    (void)state;
    victim_reach(&victim, field, HF_STATE_SYN_SENT, 5000);
    for (uint32_t i = 1; i < 65536; i++)
        field_give(field, frame,
                   attack_frame_icmp_error(frame, &victim.peer.flow, &error,
                                           seq_add(victim.peer.irs, i * 65521)));
    assert_int_equal(victim_state(&victim, field), HF_STATE_SYN_SENT);
    field_give(field, frame,
               attack_frame_icmp_error(frame, &victim.peer.flow, &error, victim.peer.irs));
    assert_int_equal(victim_state(&victim, field), HF_STATE_CLOSED);
    field_close(field);
}

/* "Packet too big: 68": ignored unless what it quotes is in flight; even then not believed at once by a connection whose
 * full packets were acknowledged, never below 552 or 1280, and all text still arrives. */
static void too_big_68(void **state)
{
    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct field *field = open_field(v6);
        struct victim victim = {0};
        static const uint8_t text[4000];
        uint8_t type = v6 ? (uint8_t)ICMPV6_TOO_BIG : (uint8_t)ICMPV4_UNREACHABLE;
        uint8_t code = v6 ? 0 : (uint8_t)ICMPV4_FRAGMENTATION_NEEDED;
        struct tcb before;

        victim_reach(&victim, field, HF_STATE_ESTABLISHED, 5000);
        hf_send(field->server.stack, victim.socket, text, 4000, field->now_us);
        field_drain(field);
        attack_peer_say(&victim.peer, field, TCP_ACK, NULL, 0);
        attack_peer_say(&victim.peer, field, TCP_ACK, NULL, 0); /* Nagle kept the last of it */
        before = essence(&victim, field);
        assert_int_equal(forge_icmp(field, &victim, type, code, 68), 0);
        assert_untouched(&before, &victim, field);

        hf_send(field->server.stack, victim.socket, text, 1000, field->now_us);
        field_drain(field);
        assert_true(forge_icmp(field, &victim, type, code, 68) > 0);
        assert_int_equal(victim_tcb(&victim, field)->mss, before.mss);
        attack_peer_say(&victim.peer, field, TCP_ACK, NULL, 0);
        hf_send(field->server.stack, victim.socket, text, 4000, field->now_us);
        field_drain(field);
        assert_true(forge_icmp(field, &victim, type, code, 68) > 0);
        field_pass(field,
                   3 * US_PER_S); /* nobody acknowledged: it is believed, as far as it goes */
        assert_int_equal(victim_tcb(&victim, field)->mss, v6 ? 1220 : 512);
        for (int i = 0; i < 5; i++) {
            attack_peer_say(&victim.peer, field, TCP_ACK, NULL, 0);
            field_pass(field, US_PER_S);
        }
        assert_int_equal(stat(field, bytes_acknowledged), 9000);
        field_close(field);
    }
}

/* Two connections: how often the one is challenged cannot be told from what the other is answered. [R5961-11] */
static void challenges_tell_nothing_of_others(void **state)
{
    uint64_t answers[2];

    (void)state;
    for (unsigned busy = 0; busy < 2; busy++) {
        struct field *field = open_field(false);
        struct victim other = {0}, mine = {0};
        struct blind blind = {.seg = {.flags = TCP_RST}, .step = 1, .count = 500};

        victim_reach(&other, field, HF_STATE_ESTABLISHED, 5000);
        victim_reach(&mine, field, HF_STATE_ESTABLISHED, 5001);
        blind.first = seq_add(other.peer.snd_nxt, 10);
        if (busy)
            blind_sweep(&blind, field, &other);
        blind.first = seq_add(mine.peer.snd_nxt, 10);
        blind_sweep(&blind, field, &mine);
        answers[busy] = blind.answers;
        field_close(field);
    }
    assert_int_equal(answers[0], 10);
    assert_int_equal(answers[1], 10);
}

/* Forged segments in every state, 2^16 of them without any thought: nobody hears text, nobody is reset. */
static void random_segments_do_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT(synchronized); i++) {
        struct field *field = open_field(i % 2);
        struct victim victim = {0};
        uint8_t text[64];
        uint64_t said;

        victim_reach(&victim, field, synchronized[i].state, 5000);
        said = field->to_others.frames;
        for (uint64_t n = scaled(65536, 4096); n > 0; n--) {
            struct segment seg = {
                .seq = seq_of((uint32_t)random_next(&field->random)),
                .ack = seq_of((uint32_t)random_next(&field->random)),
                .flags = (uint8_t)random_below(&field->random, 256),
                .window = (uint16_t)random_below(&field->random, 65536),
                .length = (uint32_t)random_below(&field->random, sizeof text),
                .text = text,
            };
            field_give_segment(field, &victim.peer.flow, &seg);
        }
        assert_int_equal(victim_state(&victim, field), synchronized[i].state);
        assert_int_equal(stat(field, bytes_received), 0);
        print_message("%s: answered %" PRIu64 " of %" PRIu64 "\n", synchronized[i].name,
                      field->to_others.frames - said, field->attack.frames);
        field_close(field);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_rst_resets),
        cmocka_unit_test(one_rst_resets_at_a_zero_window),
        cmocka_unit_test(one_rst_refuses_our_syn),
        cmocka_unit_test(no_rst_ends_time_wait),
        cmocka_unit_test(a_syn_changes_no_field),
        cmocka_unit_test(injected_text_is_not_delivered),
        cmocka_unit_test(timestamps_are_not_poisoned),
        cmocka_unit_test(hard_errors_are_soft),
        cmocka_unit_test(one_hard_error_ends_our_syn),
        cmocka_unit_test(too_big_68),
        cmocka_unit_test(challenges_tell_nothing_of_others),
        cmocka_unit_test(random_segments_do_nothing),
    };

    return cmocka_run_group_tests_name("sim/attack_blind", tests, NULL, NULL);
}
