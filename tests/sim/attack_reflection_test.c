/* What a forged source gets for a packet: at most one, no larger, once there is pressure; silence for what was sent to all.
 * [RFC 4987 3; RFC 9293 3.10.7.1, MUST-57; RFC 1122 3.2.2.6]
 * Rows: docs/attacks.md. */
#include "attack.h"

#include <glob.h>

#include "wire/ethernet.h"

#define SEED 0x5eed0006

static struct field *open_field(bool v6)
{
    struct field_setup setup = field_setup_default(SEED);

    setup.v6 = v6;
    field_open(&the_field, &setup);
    return &the_field;
}

struct ratio {
    double packets, bytes;
};

/* A flood that nobody answers, and all that it provokes for so long after it. */
static struct ratio reflect(struct field *field, struct flood_setup setup, int64_t after_us)
{
    struct flood flood;
    struct ratio ratio;

    flood_enter(&flood, field, &setup);
    field_pass(field, (int64_t)(setup.frames * US_PER_S / setup.per_s) + after_us);
    ratio.packets = (double)flood.answers / (double)flood.attacker.frames;
    ratio.bytes = (double)flood.answer_bytes / (double)flood.attacker.bytes;
    field->attacker_count = 0;
    return ratio;
}

/* SYNs in one victim's name. Calm: a SYN-ACK and two repetitions. Under pressure: one, and no larger than the SYN. */
static void syns_that_nobody_answers(void **state)
{
    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (unsigned bare = 0; bare < 2; bare++) {
            enum flood_kind kind = bare ? FLOOD_SYN_BARE : FLOOD_SYN;
            struct field *field = open_field(v6);
            struct flood_setup one = {
                .kind = kind, .source = FLOOD_FROM_ONE, .frames = 100, .per_s = 5};
            struct ratio calm = reflect(field, one, 100 * US_PER_S), flooded;

            field_close(field);
            field = open_field(v6);
            /* the cache is full of others when these come */
            reflect(field, (struct flood_setup){.kind = kind, .frames = 100000, .per_s = 1000000},
                    US_PER_MS);
            one.frames = scaled(200000, 20000);
            one.per_s = 100000;
            flooded = reflect(field, one, 100 * US_PER_S);
            print_message("IPv%c, %s: calm %.3f packets and %.3f bytes for one; under pressure "
                          "%.3f and %.3f\n",
                          v6 ? '6' : '4', bare ? "no options" : "all options", calm.packets,
                          calm.bytes, flooded.packets, flooded.bytes);
            assert_true(calm.packets <= 3.0);
            assert_true(calm.bytes <= 3.0 || bare);
            assert_true(flooded.packets <= 1.0);
            assert_true(flooded.bytes <= 1.0);
            field_close(field);
        }
}

/* Whatever options a SYN carries: a cookie's SYN-ACK carries no other kinds, and is never larger. */
static void a_syn_ack_is_never_larger_than_its_syn(void **state)
{
    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (unsigned set = 0; set < 16; set++) {
            struct field_setup setup = field_setup_default(SEED);
            struct field *field = &the_field;
            struct flow flow;
            struct segment syn = {.seq = seq_of(7 + set), .flags = TCP_SYN, .window = 1000};
            uint8_t frame[ATTACK_FRAME_MAX];
            uint32_t length;
            uint64_t before;

            setup.v6 = v6;
            setup.listen.cookies = HF_COOKIES_ALWAYS;
            field_open(field, &setup);
            flow = (struct flow){attack_address(&field->random, v6), field_server(field), 4000,
                                 FIELD_PORT};
            syn.options.present =
                (uint16_t)((set & 1 ? TCP_OPTION_MSS : 0) | (set & 2 ? TCP_OPTION_SCALE : 0) |
                           (set & 4 ? TCP_OPTION_SACK_PERMITTED : 0) |
                           (set & 8 ? TCP_OPTION_TIMESTAMPS : 0));
            syn.options.mss = 1400;
            length = attack_frame_segment(frame, &flow, &syn);
            before = field->to_others.bytes;
            assert_int_equal(field_give(field, frame, length), HF_STAT_none);
            assert_int_equal(field->to_others.frames, 1);
            assert_true(field->to_others.bytes - before <= length);
            field_close(field);
        }
}

/* To closed ports, to no connection, pings: answered within the budget of one prefix, a sixteenth of 1,000 a second, and
 * each answer is no larger than its cause. [R5961-14] */
static void answers_to_strangers_are_few_and_small(void **state)
{
    static const struct {
        const char *name;
        enum flood_kind kind;
        bool silent;
    } rows[] = {
        {"SYNs to closed ports", FLOOD_CLOSED, false},
        {"ACKs of nothing", FLOOD_ACK, false},
        {"PSH+ACK as of a middlebox", FLOOD_PUSH, false},
        {"pings", FLOOD_ECHO, false},
        {"RSTs", FLOOD_RST, true},
        {"FINs to an open port", FLOOD_FIN, true},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned one = 0; one < 2; one++) {
            struct field *field = open_field(i % 2);
            struct flood flood;
            double seconds;

            flood_enter(&flood, field,
                        &(struct flood_setup){.kind = rows[i].kind,
                                              .source = one ? FLOOD_FROM_ONE : FLOOD_FROM_ANYWHERE,
                                              .frames = 40000,
                                              .per_s = 20000});
            field_pass(field, 3 * US_PER_S);
            seconds = (double)flood.attacker.frames / 20000 + 1; /* one second's worth waits */
            print_message("%s from %s: %" PRIu64 " answers to %" PRIu64 " frames\n", rows[i].name,
                          one ? "one source" : "anywhere", flood.answers, flood.attacker.frames);
            if (rows[i].silent)
                assert_int_equal(flood.answers, 0);
            else
                assert_true(flood.answers > 0);
            assert_true((double)flood.answers <= seconds * (one ? 1000.0 / 16 : 1000.0));
            assert_true(flood.answer_bytes * flood.attacker.frames <=
                        flood.attacker.bytes * (flood.answers ? flood.answers : 1));
            assert_int_equal(field_held(field).half_opens, 0);
            assert_int_equal(field_held(field).connections, 0);
            field_close(field);
        }
}

/* An ACK flood at a listener whose cookies may be under way: silence, and honest clients are served. */
static void an_ack_flood_meets_silence(void **state)
{
    struct field *field = &the_field;
    struct field_setup setup = field_setup_default(SEED);
    struct crowd crowd;
    struct flood flood;

    (void)state;
    setup.listen.cookies = HF_COOKIES_ALWAYS;
    field_open(field, &setup);
    crowd_enter(
        &crowd, field,
        &(struct crowd_setup){.clients = 300, .per_s = 300, .request = 500, .response = 3000});
    field_pass(field, 10 * US_PER_MS); /* the first cookie is out */
    flood_enter(
        &flood, field,
        &(struct flood_setup){.kind = FLOOD_ACK, .frames = scaled(200000, 20000), .per_s = 200000});
    crowd_run(&crowd, field, 10 * US_PER_S);
    print_message("%" PRIu64 " ACKs, %" PRIu64 " answers, %u of %u clients, p99 %" PRId64 " us\n",
                  flood.attacker.frames, flood.answers, crowd.succeeded, crowd.setup.clients,
                  crowd_connect_us(&crowd, 990));
    assert_all_served(&crowd);
    assert_int_equal(flood.answers, 0);
    assert_int_equal(stat(field, cookie_bad), flood.attacker.frames);
    assert_int_equal(crowd.strangers, 0);
    assert_true(crowd_connect_us(&crowd, 990) <= 32000 * 11 / 10);
    crowd_leave(&crowd, field);
    field_close(field);
}

/* Smurf and its kin: to the network's broadcast, to all ones, to groups, by the link's broadcast: nothing comes back. */
static void what_is_sent_to_all_meets_silence(void **state)
{
    static const char *const to[] = {"192.0.2.255", "192.0.2.0", "255.255.255.255",
                                     "224.0.0.1",   "ff02::1",   "ff05::2"};
    struct field *field = open_field(false);
    uint8_t frame[ATTACK_FRAME_MAX];

    (void)state;
    for (unsigned i = 0; i < sizeof to / sizeof *to; i++) {
        struct flow flow = {.remote_port = 4000, .local_port = FIELD_PORT};
        struct segment seg = {.flags = TCP_SYN, .window = 1000};
        static const uint8_t flags[] = {TCP_SYN, TCP_ACK, TCP_FIN, TCP_SYN | TCP_FIN, 0};

        assert_int_equal(hf_address_parse(&flow.local, to[i]), HF_OK);
        flow.remote = attack_address(&field->random, !hf_address_is_v4(&flow.local));
        field_give(field, frame, attack_frame_echo(frame, &flow.remote, &flow.local, 1000));
        for (unsigned k = 0; k < sizeof flags; k++) {
            seg.flags = flags[k];
            field_give(field, frame, attack_frame_segment(frame, &flow, &seg));
        }
    }
    assert_int_equal(field->to_others.frames, 0);
    assert_int_equal(field_held(field).half_opens, 0);
    field_close(field);
}

/* Our own address, but the link's broadcast or a group of it. */
static void a_link_broadcast_meets_silence(void **state)
{
    static const struct hf_mac to[] = {{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
                                       {{0x01, 0x00, 0x5e, 0, 0, 1}},
                                       {{0x33, 0x33, 0, 0, 0, 1}}};
    struct field_setup setup = field_setup_default(SEED);
    struct field *field = &the_field;

    (void)state;
    setup.server.link = HF_ETHERNET;
    setup.server.gratuitous_arp = false;
    field_open(field, &setup);
    field_pass(field, 10 * US_PER_S); /* neighbour discovery's first words */
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (unsigned i = 0; i < 3; i++)
            for (unsigned echo = 0; echo < 2; echo++) {
                uint8_t bytes[ATTACK_FRAME_MAX], out[2048];
                struct hf_frame in = {.data = bytes, .capacity = sizeof bytes};
                struct hf_frame slot = {.data = out, .capacity = sizeof out};
                struct segment syn = {.flags = TCP_SYN, .window = 1000};
                struct flow flow = {.remote_port = 4000, .local_port = FIELD_PORT};

                field->v6 = v6;
                flow.local = field_server(field);
                flow.remote = attack_address(&field->random, v6);
                in.length = ethernet_build(
                    bytes, &(struct ethernet){.destination = to[i],
                                              .source = {{2, 0, 0, 0, 0, 9}},
                                              .ethertype = v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4});
                in.length +=
                    echo ? attack_frame_echo(bytes + in.length, &flow.remote, &flow.local, 500)
                         : attack_frame_segment(bytes + in.length, &flow, &syn);
                hf_input(field->server.stack, &in, 1, field->now_us);
                assert_int_not_equal(in.verdict, HF_DELIVERED);
                assert_int_equal(hf_output(field->server.stack, &slot, 1, field->now_us), 0);
            }
    assert_int_equal(field_held(field).half_opens, 0);
    field_close(field);
}

/* Row 16: who tries many closed ports is reported, by prefix, and never shut out for it. */
static void a_scan_is_told_and_nobody_is_banned(void **state)
{
    struct field *field = open_field(false);
    struct hf_address scanner = field_client(field, 2);
    struct crowd crowd;
    struct hf_event event;

    (void)state;
    for (uint16_t port = 1000; port < 1100; port++) {
        struct flow flow = {scanner, field_server(field), 4000, port};
        struct segment syn = {.flags = TCP_SYN, .window = 1000};

        field_give_segment(field, &flow, &syn);
        field_pass(field, 10 * US_PER_MS);
    }
    assert_true(field_event(field, HF_EVENT_SCAN, &event));
    assert_true(address_equal(&event.remote.address, &scanner) || event.prefix_length > 0);
    assert_true(event.value >= field->server.config.scan_ports / 2);
    assert_true(event.since_us >= field->start_us);
    assert_true(stat(field, scans_told) <= 2);
    assert_int_equal(stat(field, stray_syn), 100);
    crowd_enter(
        &crowd, field,
        &(struct crowd_setup){.clients = 30, .per_s = 100, .request = 100, .response = 100});
    crowd_run(&crowd, field, 10 * US_PER_S); /* the scanner's address is among them */
    assert_all_served(&crowd);
    crowd_leave(&crowd, field);
    field_close(field);
}

/* The budgets of two prefixes: whether a second one was answered cannot be told by the first, as no answer has a known
 * price. Over 200 secrets, the counts of an observer with and without another's hundred questions overlap. */
static void budgets_tell_nothing_of_others(void **state)
{
    uint64_t low[2] = {UINT64_MAX, UINT64_MAX}, high[2] = {0, 0}, sum[2] = {0, 0};

    (void)state;
    for (unsigned secret = 0; secret < 200; secret++)
        for (unsigned busy = 0; busy < 2; busy++) {
            struct field_setup setup = field_setup_default(SEED + secret);
            struct field *field = &the_field;
            struct segment ack = {.flags = TCP_ACK, .window = 1000};
            struct hf_address mine, other;
            uint64_t mine_answers;

            setup.server.max_connections = setup.server.max_half_opens = 64;
            field_open(field, &setup);
            mine = attack_address(&field->random, false);
            other = attack_address(&field->random, false);
            for (uint16_t i = 0; busy && i < 20; i++)
                field_give_segment(
                    field, &(struct flow){other, field_server(field), (uint16_t)(2000 + i), 9},
                    &ack);
            mine_answers = field->to_others.frames;
            for (uint16_t i = 0; i < 200; i++)
                field_give_segment(
                    field, &(struct flow){mine, field_server(field), (uint16_t)(2000 + i), 9},
                    &ack);
            mine_answers = field->to_others.frames - mine_answers;
            low[busy] = mine_answers < low[busy] ? mine_answers : low[busy];
            high[busy] = mine_answers > high[busy] ? mine_answers : high[busy];
            sum[busy] += mine_answers;
            field_close(field);
        }
    print_message("answers in one instant: alone %" PRIu64 " to %" PRIu64 ", on average %.2f; "
                  "beside another's twenty %" PRIu64 " to %" PRIu64 ", %.2f\n",
                  low[0], high[0], (double)sum[0] / 200, low[1], high[1], (double)sum[1] / 200);
    assert_true(low[0] <= high[1] && low[1] <= high[0] && low[0] < high[0]);
}

/* The attackers themselves: bytes in memory. None of their files includes what could bring them to a network. */
static void attackers_have_no_way_out(void **state)
{
    static const char *const banned[] = {"<sys/",  "<net",  "<arpa",    "<unistd",
                                         "<fcntl", "\"os/", "\"driver/"};
    static char text[1 << 17];
    glob_t files;

    (void)state;
    assert_int_equal(glob(HF_SOURCE_DIR "/src/sim/attack_*.[ch]", 0, NULL, &files), 0);
    assert_true(files.gl_pathc >= 18);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        FILE *file = fopen(files.gl_pathv[i], "r");

        assert_non_null(file);
        text[fread(text, 1, sizeof text - 1, file)] = 0;
        fclose(file);
        for (char *at = text; (at = strstr(at, "#include ")); at++)
            for (unsigned k = 0; k < sizeof banned / sizeof *banned; k++)
                assert_true(strncmp(at + 9, banned[k], strlen(banned[k])) != 0);
    }
    globfree(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syns_that_nobody_answers),
        cmocka_unit_test(a_syn_ack_is_never_larger_than_its_syn),
        cmocka_unit_test(answers_to_strangers_are_few_and_small),
        cmocka_unit_test(an_ack_flood_meets_silence),
        cmocka_unit_test(what_is_sent_to_all_meets_silence),
        cmocka_unit_test(a_link_broadcast_meets_silence),
        cmocka_unit_test(a_scan_is_told_and_nobody_is_banned),
        cmocka_unit_test(budgets_tell_nothing_of_others),
        cmocka_unit_test(attackers_have_no_way_out),
    };

    return cmocka_run_group_tests_name("sim/attack_reflection", tests, NULL, NULL);
}
