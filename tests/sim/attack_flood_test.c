/* Floods at the door: memory before = after, and honest clients do not notice. [RFC 4987]
 * Rows: docs/attacks.md. */
#include "attack.h"

#define SEED 0x5eed0001

/* What a flood did, and what honest clients had of it. */
struct outcome {
    struct crowd crowd;
    struct flood flood;
    struct field_held before, after;
    uint32_t half_opens_most;
    int64_t p50_us, p99_us;
};

struct act {
    struct field_setup setup;
    struct flood_setup flood; /* frames 0: calm */
    uint32_t clients, per_s;
    uint32_t loss; /* of honest packets, in a million */
};

static struct act act_default(void)
{
    return (struct act){
        .setup = field_setup_default(SEED),
        .clients = 500,
        .per_s = 500,
    };
}

/* Clients come and go for as long as the flood lasts; afterwards all that it may have left expires. */
static void play(struct field *field, const struct act *act, struct outcome *outcome)
{
    struct crowd_setup crowd = {
        .clients = act->clients, .per_s = act->per_s, .request = 300, .response = 3000};
    struct hf_gauges g;

    memset(outcome, 0, sizeof *outcome);
    field_open(field, &act->setup);
    field->loss = act->loss;
    outcome->before = field_held(field);
    if (act->flood.frames)
        flood_enter(&outcome->flood, field, &act->flood);
    field_pass(field, 100 * US_PER_MS); /* the flood is there first */
    crowd_enter(&outcome->crowd, field, &crowd);
    for (int i = 0; i < 6000 && (outcome->flood.attacker.left > 0 ||
                                 outcome->crowd.succeeded + outcome->crowd.failed < act->clients);
         i++) {
        field_pass(field, 10 * US_PER_MS);
        hf_gauges(field->server.stack, &g);
        if (g.half_opens > outcome->half_opens_most)
            outcome->half_opens_most = g.half_opens;
    }
    field_pass(field, COOKIE_LIFE_US);
    outcome->after = field_held(field);
    outcome->p50_us = crowd_connect_us(&outcome->crowd, 500);
    outcome->p99_us = crowd_connect_us(&outcome->crowd, 990);
    assert_int_equal(field->unsound, 0);
}

static void leave(struct field *field, struct outcome *outcome)
{
    crowd_leave(&outcome->crowd, field);
    field_close(field);
}

static void print_outcome(const char *what, const struct outcome *outcome)
{
    print_message("%s: %" PRIu64 " frames, %u of %u clients, p50 %" PRId64 " us, p99 %" PRId64
                  " us, %u half-opens at most\n",
                  what, outcome->flood.attacker.frames, outcome->crowd.succeeded,
                  outcome->crowd.setup.clients, outcome->p50_us, outcome->p99_us,
                  outcome->half_opens_most);
}

static void calm_is_calm(void **state)
{
    struct act act = act_default();
    struct outcome calm;

    (void)state;
    play(&the_field, &act, &calm);
    print_outcome("calm", &calm);
    assert_all_served(&calm.crowd);
    assert_held_equal(&calm.before, &calm.after);
    leave(&the_field, &calm);
}

/* Once calm, once under attack, with the same clients: every one is served, and as fast. Rates and sizes are those of the
 * flood alone. */
static void assert_nobody_notices(const char *what, struct act *act, struct outcome *attacked)
{
    struct flood_setup flood = act->flood;
    struct outcome calm;

    act->flood.frames = 0;
    play(&the_field, act, &calm);
    leave(&the_field, &calm);
    act->flood = flood;
    play(&the_field, act, attacked);
    print_outcome("calm", &calm);
    print_outcome(what, attacked);
    assert_all_served(&attacked->crowd);
    assert_true(attacked->p99_us * 10 <= calm.p99_us * 11);
    assert_held_equal(&attacked->before, &attacked->after);
    assert_true(attacked->half_opens_most <= act->setup.server.max_half_opens);
    assert_int_equal(attacked->crowd.strangers, 0);
}

/* Rows 5, 8 and 10: 10,000,000 SYNs from anywhere, whose owners are silent. HF_ATTACK_SYNS says another number. */
static void spoofed_syns_from_anywhere(void **state)
{
    uint64_t frames = from_environment("HF_ATTACK_SYNS", scaled(10000000, 30000));
    struct act act = act_default();
    struct outcome outcome;

    (void)state;
    act.flood = (struct flood_setup){.kind = FLOOD_SYN, .frames = frames, .per_s = 500000};
    act.clients = (uint32_t)(500 * frames / act.flood.per_s) + 100;
    assert_nobody_notices("spoofed SYNs", &act, &outcome);
    assert_int_equal(outcome.flood.attacker.frames, frames);
    assert_true(stat(&the_field, syn_cookie_sent) > frames * 9 / 10);
    assert_true(stat(&the_field, cookie_opened) > 0);
    assert_int_equal(stat(&the_field, outbox_dropped), 0);
    leave(&the_field, &outcome);
}

static void small_flood(struct act *act, enum flood_source source)
{
    *act = act_default();
    act->flood = (struct flood_setup){
        .kind = FLOOD_SYN, .source = source, .frames = scaled(100000, 20000), .per_s = 100000};
    act->clients = 400;
}

static void spoofed_syns_over_ipv6(void **state)
{
    struct outcome outcome;
    struct act act;

    (void)state;
    small_flood(&act, FLOOD_FROM_ANYWHERE);
    act.setup.v6 = true;
    assert_nobody_notices("spoofed SYNs over IPv6", &act, &outcome);
    leave(&the_field, &outcome);
}

/* Row 13: one address has its share of the cache, and no more. */
static void syns_from_one_source(void **state)
{
    struct outcome outcome;
    struct act act;

    (void)state;
    small_flood(&act, FLOOD_FROM_ONE);
    assert_nobody_notices("SYNs from one source", &act, &outcome);
    assert_true(stat(&the_field, syn_source_limited) > 0);
    /* its sixteenth, what honest clients have under way, and what the fixed table may miscount */
    assert_true(outcome.half_opens_most <= act.setup.server.max_half_opens / 4);
    leave(&the_field, &outcome);
}

static void syns_from_one_prefix(void **state)
{
    struct outcome outcome;
    struct act act;

    (void)state;
    small_flood(&act, FLOOD_FROM_PREFIX);
    assert_nobody_notices("SYNs from one prefix", &act, &outcome);
    leave(&the_field, &outcome);
}

/* Row 5, the other kind of owner: each SYN-ACK comes back as a RST, which takes the half-open away. */
static void owners_answer_by_reset(void **state)
{
    struct outcome outcome;
    struct act act;

    (void)state;
    small_flood(&act, FLOOD_FROM_ANYWHERE);
    act.flood.owners_reset = true;
    assert_nobody_notices("SYNs whose owners reset", &act, &outcome);
    assert_true(outcome.flood.resets > 0);
    leave(&the_field, &outcome);
}

/* An unproven source is never refused for its address, or a forger could lock out whom he imitates. */
static void an_imitated_client_is_served(void **state)
{
    struct outcome outcome;
    struct act act;

    (void)state;
    small_flood(&act, FLOOD_FROM_CLIENT);
    assert_nobody_notices("SYNs in a client's name", &act, &outcome);
    leave(&the_field, &outcome);
}

/* Honest packets are lost too, one in fifty: last ACKs of handshakes, so that the question opens the cookie; SYN-ACKs, which
 * nobody repeats but the client by his SYN. */
static void losses_in_a_flood(void **state)
{
    struct outcome outcome;
    struct act act;

    (void)state;
    small_flood(&act, FLOOD_FROM_ANYWHERE);
    act.loss = 20000;
    act.setup.listen.cookies = HF_COOKIES_ALWAYS;
    play(&the_field, &act, &outcome);
    print_outcome("one packet in fifty is lost", &outcome);
    assert_all_served(&outcome.crowd);
    assert_held_equal(&outcome.before, &outcome.after);
    leave(&the_field, &outcome);
}

/* Five servers in the same flood: what each cure is worth. (`handfast lab flood --defence` shows it in a network.)
 * [R4987-08] */
static void the_five_defences(void **state)
{
    static const char *const names[] = {"none", "release", "cache", "cookie", "all"};
    uint32_t served[5];

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct act act = act_default();
        struct outcome outcome;

        act.clients = 300;
        act.per_s = 300;
        act.flood =
            (struct flood_setup){.kind = FLOOD_SYN, .frames = scaled(50000, 20000), .per_s = 20000};
        act.setup.listen.cookies = i < 3 ? HF_COOKIES_OFF : i == 3 ? HF_COOKIES_ALWAYS : 0;
        act.setup.listen.when_full = i == 0 ? HF_DROP_NEW : HF_EVICT_OLDEST;
        act.setup.server.max_half_opens = i == 2 ? 65536 : 256;
        act.setup.server.half_open_timeout_ms = i == 0 ? 75000 : 3000;
        play(&the_field, &act, &outcome);
        print_outcome(names[i], &outcome);
        served[i] = outcome.crowd.succeeded;
        leave(&the_field, &outcome);
    }
    assert_true(served[0] <= 10); /* the textbook's server is closed to all but the first */
    assert_true(served[1] < 300); /* 256 entries last 12 ms: the nearest clients are faster */
    assert_true(served[1] > served[0]);
    assert_int_equal(served[2], 300); /* 65,536 entries last three seconds */
    assert_int_equal(served[3], 300);
    assert_int_equal(served[4], 300);
}

/* Row 7: a SYN costs an entry of the cache; the TCB is made by the right ACK alone. */
static void no_tcb_before_the_right_ack(void **state)
{
    struct field *field = &the_field;
    struct field_setup setup = field_setup_default(SEED);
    struct attack_peer peer;
    struct segment ack;

    (void)state;
    setup.listen.cookies = HF_COOKIES_OFF;
    field_open(field, &setup);
    attack_peer_init(&peer, field, address_v4(0x05060708), 5000, FIELD_PORT);
    assert_int_equal(attack_peer_syn(&peer, field), HF_STAT_none);
    assert_int_equal(field_held(field).half_opens, 1);
    assert_int_equal(field_held(field).connections, 0);
    ack = attack_peer_segment(&peer, TCP_ACK);
    for (uint32_t off = 1; off < 1000; off++) {
        struct segment wrong = ack;

        wrong.ack = seq_add(ack.ack, off * 4099);
        assert_int_equal(field_give_segment(field, &peer.flow, &wrong), HF_STAT_handshake_bad_ack);
    }
    assert_int_equal(field_held(field).connections, 0);
    assert_int_equal(field_give_segment(field, &peer.flow, &ack), HF_STAT_none);
    assert_int_equal(field_held(field).connections, 1);
    assert_int_equal(field_held(field).half_opens, 0);
    field_close(field);
}

/* Row 4: on timeout one RST and CLOSED, no SYN-ACK again; a RST goes back to LISTEN; anything else is answered as an error. */
static void the_textbook_policy(void **state)
{
    struct field *field = &the_field;
    struct field_setup setup = field_setup_default(SEED);
    struct attack_peer silent, resets, other;
    struct segment seg;

    (void)state;
    setup.listen.syn_ack_retries = -1;
    setup.listen.on_timeout = 1;
    setup.listen.half_open_timeout_ms = 3000;
    field_open(field, &setup);
    attack_peer_init(&silent, field, address_v4(0x05060708), 5000, FIELD_PORT);
    attack_peer_init(&resets, field, address_v4(0x05060709), 5001, FIELD_PORT);
    attack_peer_init(&other, field, address_v4(0x0506070a), 5002, FIELD_PORT);
    attack_peer_syn(&silent, field);
    attack_peer_syn(&resets, field);
    attack_peer_syn(&other, field);
    assert_int_equal(field_held(field).half_opens, 3);
    seg = attack_peer_segment(&resets, TCP_RST);
    field_give_segment(field, &resets.flow, &seg);
    assert_int_equal(field_held(field).half_opens, 2);
    seg = attack_peer_segment(&other, TCP_ACK);
    seg.ack = seq_add(seg.ack, 7);
    field_give_segment(field, &other.flow, &seg);
    assert_int_equal(other.resets, 1); /* <SEQ=SEG.ACK><CTL=RST> */
    assert_int_equal(other.last.seq.value, seg.ack.value);
    field_pass(field, 10 * US_PER_S);
    assert_int_equal(field_held(field).half_opens, 0);
    assert_int_equal(silent.syn_acks, 1);
    assert_int_equal(silent.resets, 1);
    assert_int_equal(silent.frames, 2);
    assert_int_equal(other.resets, 2);
    assert_int_equal(stat(field, syn_ack_resent), 0);
    field_close(field);
}

/* Row 14: half-opens live as long as configured when all is calm, and shorter under pressure. [R4987-02] */
static void half_opens_live_shorter_under_pressure(void **state)
{
    int64_t lived_us[2];

    (void)state;
    for (unsigned strained = 0; strained < 2; strained++) {
        struct field *field = &the_field;
        struct field_setup setup = field_setup_default(SEED);
        struct flood flood;
        int64_t began_us;

        setup.server.half_open_timeout_ms = 10000;
        setup.server.max_half_opens = 1024;
        field_open(field, &setup);
        began_us = field->now_us;
        flood_enter(&flood, field,
                    &(struct flood_setup){
                        .kind = FLOOD_SYN, .frames = strained ? 950 : 100, .per_s = 10000});
        field_pass(field, 200 * US_PER_MS);
        while (field_held(field).half_opens > 0 && field->now_us < began_us + 60 * US_PER_S)
            field_pass(field, 100 * US_PER_MS);
        lived_us[strained] = field->now_us - began_us;
        field_close(field);
    }
    print_message("half-opens lived %" PRId64 " ms calm, %" PRId64 " ms under pressure\n",
                  lived_us[0] / 1000, lived_us[1] / 1000);
    assert_true(lived_us[0] >= 10 * US_PER_S && lived_us[0] < 11 * US_PER_S);
    assert_true(lived_us[1] < lived_us[0] / 2);
}

/* Row 13: a listener's limit is its own: another listener keeps its room. */
static void a_limit_for_each_listener(void **state)
{
    struct field *field = &the_field;
    struct field_setup setup = field_setup_default(SEED);
    struct hf_listen_options other = {.local.port = 81, .half_open_limit = 50};
    struct hf_status status;
    struct flood flood;
    hf_socket listener;

    (void)state;
    field_open(field, &setup);
    assert_int_equal(hf_listen_with(field->server.stack, &other, &listener), HF_OK);
    flood_enter(
        &flood, field,
        &(struct flood_setup){.kind = FLOOD_SYN, .frames = 5000, .per_s = 10000, .port = 81});
    field_pass(field, 400 * US_PER_MS);
    assert_int_equal(hf_status(field->server.stack, listener, &status), HF_OK);
    assert_true(status.half_opens <= 50);
    assert_int_equal(field_held(field).half_opens, status.half_opens);
    assert_int_equal(hf_status(field->server.stack, field->listener, &status), HF_OK);
    assert_int_equal(status.pressure, HF_CALM);
    field_close(field);
}

/* Row 18: pressure is told once for each change, with the listener, since when and how much; and the end of it. */
static void pressure_explains_itself(void **state)
{
    struct field *field = &the_field;
    struct field_setup setup = field_setup_default(SEED);
    struct hf_event event, over = {0};
    unsigned rises = 0, falls = 0;
    struct flood flood;
    uint32_t level = HF_CALM;

    (void)state;
    field_open(field, &setup);
    flood_enter(
        &flood, field,
        &(struct flood_setup){
            .kind = FLOOD_SYN, .source = FLOOD_FROM_PREFIX, .frames = 100000, .per_s = 50000});
    field_pass(field, 2 * US_PER_S);
    field_pass(field, 120 * US_PER_S);
    while (hf_event_take(&field->server.sink, &event)) {
        char sentence[HF_EVENT_SENTENCE_MAX];

        if (event.kind != HF_EVENT_PRESSURE && event.kind != HF_EVENT_FLOOD_OVER)
            continue;
        assert_true(hf_event_sentence(&event, sentence, sizeof sentence) < sizeof sentence);
        print_message("%s\n", sentence);
        assert_int_equal(event.local.port, FIELD_PORT);
        if (event.kind == HF_EVENT_FLOOD_OVER) {
            over = event;
            continue;
        }
        assert_int_not_equal(event.value, level);
        rises += event.value > level;
        falls += event.value < level;
        level = event.value;
    }
    assert_true(rises >= 1 && rises <= 4);
    assert_true(falls >= 1);
    assert_int_equal(level, HF_CALM);
    assert_int_equal(over.kind, HF_EVENT_FLOOD_OVER);
    assert_true(over.count >= 90000 && over.count <= 100000);
    assert_true(over.since_us < field->start_us + US_PER_S);
    field_close(field);
}

/* enforce = no: what would be refused is counted, and nothing is. */
static void who_observes_refuses_nothing(void **state)
{
    struct outcome outcome;
    uint64_t answered[2];

    (void)state;
    for (unsigned observes = 0; observes < 2; observes++) {
        struct act act;

        small_flood(&act, FLOOD_FROM_ANYWHERE);
        act.flood.kind = FLOOD_SYN_BARE;
        act.setup.listen.without_timestamps = HF_PLAIN_REFUSE;
        act.setup.listen.cookies = HF_COOKIES_ALWAYS;
        act.setup.listen.observe = observes;
        play(&the_field, &act, &outcome);
        print_outcome(observes ? "observing" : "refusing SYNs without timestamps", &outcome);
        assert_all_served(&outcome.crowd);
        answered[observes] = outcome.flood.answers;
        assert_int_equal(observes ? stat(&the_field, would_refuse)
                                  : stat(&the_field, syn_without_timestamps),
                         act.flood.frames);
        assert_int_equal(observes ? stat(&the_field, syn_without_timestamps)
                                  : stat(&the_field, would_refuse),
                         0);
        leave(&the_field, &outcome);
    }
    assert_int_equal(answered[0], 0);
    assert_true(answered[1] > 0);
}

/* An operator's cap of SYN-ACKs a second: kept, drawn at random, and no limit to who proved himself lately. */
static void a_cap_spares_the_proven(void **state)
{
    struct outcome outcome;
    struct act act;

    (void)state;
    small_flood(&act, FLOOD_FROM_ANYWHERE);
    act.setup.listen.syn_ack_cap_per_s = 1000;
    play(&the_field, &act, &outcome);
    print_outcome("1,000 SYN-ACKs a second", &outcome);
    assert_true(outcome.flood.answers < 1500 * act.flood.frames / act.flood.per_s + 1500);
    assert_true(stat(&the_field, syn_capped) > act.flood.frames / 2);
    /* a client whose address was drawn once is proven from then on: at worst each address waits for its first */
    assert_true(outcome.crowd.failed == 0);
    leave(&the_field, &outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calm_is_calm),
        cmocka_unit_test(spoofed_syns_from_anywhere),
        cmocka_unit_test(spoofed_syns_over_ipv6),
        cmocka_unit_test(syns_from_one_source),
        cmocka_unit_test(syns_from_one_prefix),
        cmocka_unit_test(owners_answer_by_reset),
        cmocka_unit_test(an_imitated_client_is_served),
        cmocka_unit_test(losses_in_a_flood),
        cmocka_unit_test(the_five_defences),
        cmocka_unit_test(no_tcb_before_the_right_ack),
        cmocka_unit_test(the_textbook_policy),
        cmocka_unit_test(half_opens_live_shorter_under_pressure),
        cmocka_unit_test(a_limit_for_each_listener),
        cmocka_unit_test(pressure_explains_itself),
        cmocka_unit_test(who_observes_refuses_nothing),
        cmocka_unit_test(a_cap_spares_the_proven),
    };

    return cmocka_run_group_tests_name("sim/attack_flood", tests, NULL, NULL);
}
