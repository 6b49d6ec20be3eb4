/* One stack in virtual time: set up, fed, listened to and asked. */
#include "script.h"

#include "notation.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/print.h"
#include "wire/tcp_header.h"

#define TEXT_MAX 256
#define START_US INT64_C(1000000000)

struct script script;
jmp_buf *script_recover;

_Noreturn void script_fail(struct place place, const char *format, ...)
{
    char text[2 * PRINT_MAX + TEXT_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    print_error("%s:%d: %s\n", place.file, place.line, text);
    if (script_recover)
        longjmp(*script_recover, 1);
    _fail(place.file, place.line);
    abort();
}

struct hf_address script_address(const char *v4, const char *v6)
{
    struct hf_address address;

    assert_int_equal(hf_address_parse(&address, script.v6 ? v6 : v4), HF_OK);
    return address;
}

struct hf_config script_config(void)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    config.link = HF_RAW_IP;
    assert_int_equal(hf_prefix_parse(&config.addresses[0], "192.0.2.1/24"), HF_OK);
    assert_int_equal(hf_prefix_parse(&config.addresses[1], "2001:db8::1/64"), HF_OK);
    config.mtu = script.v6 ? SCRIPT_MSS + 60 : SCRIPT_MSS + 40;
    return config;
}

void script_begin(const struct hf_config *config)
{
    size_t bytes = hf_memory_needed(config);
    struct hf_env env = {.event_sink = &script.sink, .memory_bytes = (bytes + 63) & ~(size_t)63};
    bool v6 = script.v6;

    env.memory = script.memory;
    if (script.memory_bytes != env.memory_bytes) { /* else the same again: cells are many */
        free(script.memory);
        env.memory = aligned_alloc(64, env.memory_bytes);
    }
    memset(&script, 0, offsetof(struct script, frames));
    script.first = script.count = 0;
    script.v6 = v6;
    script.config = *config;
    script.sink = (struct hf_event_sink){.events = script.events, .capacity = 256};
    script.now_us = START_US;
    script.window = 65535;
    script.peer_ts = 100;
    script.our_port = SCRIPT_LISTEN_PORT;
    script.from = script_address("192.0.2.9", "2001:db8::9");
    script.to = script_address("192.0.2.1", "2001:db8::1");
    if (bytes == 0)
        fail_msg("configuration: %s", hf_config_error(config));
    script.memory = env.memory;
    script.memory_bytes = env.memory_bytes;
    memset(env.memory, 0xa5, env.memory_bytes);
    memset(env.secret, 0x42, sizeof env.secret);
    assert_int_equal(hf_init(&script.stack, config, &env, script.now_us), HF_OK);
}

static void check_invariants(struct place place)
{
    const struct connections *connections = &script.stack->connections;

    for (uint32_t slot = 0; slot < connections->pool.high; slot++) {
        const struct connection *connection = connection_at(connections, slot);
        const char *wrong;

        if (!(connection->flags & CONNECTION_OPEN))
            continue;
        wrong = tcb_check(&connection->tcb);
        if (wrong)
            script_fail(place, "the TCB is no longer what it must be: %s", wrong);
    }
}

/* Takes what the stack has to send now. */
static void collect(struct place place)
{
    for (;;) {
        struct script_frame *frame = &script.frames[(script.first + script.count) % SCRIPT_FRAMES];
        struct hf_frame slot = {.data = frame->bytes, .capacity = SCRIPT_FRAME_MAX};

        if (hf_output(script.stack, &slot, 1, script.now_us) == 0)
            break;
        frame->length = slot.length;
        if (++script.count == SCRIPT_FRAMES)
            script_fail(place, "the stack sends without end");
    }
    check_invariants(place);
}

static struct notation_bases bases_of(bool ours)
{
    uint32_t iss = script.iss_known ? script.iss : 0;

    return (struct notation_bases){
        .seq = ours ? iss : SCRIPT_PEER_ISN,
        .ack = ours ? SCRIPT_PEER_ISN : iss,
        .ts_value = ours ? script.ts_base : 0,
        .ts_echo = ours ? 0 : script.ts_base,
        .r = script.r,
        .s = script.s,
    };
}

/* A frame of ours as meaning, its checksums verified. [RFC 9293 MUST-2] */
static void parse(struct place place, const struct script_frame *frame, struct packet *packet)
{
    struct packet_rules rules = {.link = HF_RAW_IP, .checksum = checksum_sum, .ipv6 = packet_ipv6};
    struct hf_frame as_frame = {.data = (uint8_t *)(uintptr_t)frame->bytes,
                                .length = frame->length,
                                .capacity = SCRIPT_FRAME_MAX,
                                .link = HF_RAW_IP};

    packet_parse(packet, &rules, &as_frame);
    if (packet->kind == PACKET_REFUSED)
        script_fail(place, "the stack sent a frame that must be refused: %s",
                    hf_stat_name(packet->reason));
}

/* The frame in the notation, its numbers relative. */
static void describe(struct place place, const struct script_frame *frame, char text[PRINT_MAX])
{
    struct packet packet;
    struct print_bases bases = {seq_of(script.iss_known ? script.iss : 0), seq_of(SCRIPT_PEER_ISN),
                                true};

    parse(place, frame, &packet);
    if (packet.kind != PACKET_TCP) {
        print_packet(text, PRINT_MAX, &packet, NULL);
        return;
    }
    packet.segment.options.ts_value -= script.ts_base;
    print_segment(text, PRINT_MAX, &packet.segment, &bases);
}

void script_out_nothing(struct place place)
{
    char text[PRINT_MAX];

    collect(place);
    if (script.count == 0)
        return;
    describe(place, &script.frames[script.first], text);
    script_fail(place, "\n  expected: nothing\n  found:    %s", text);
}

static void learn(const struct segment *seg)
{
    if ((seg->flags & TCP_SYN) && !script.iss_known) {
        script.iss_known = true;
        script.iss = seg->seq.value;
    }
    if ((seg->options.present & TCP_OPTION_TIMESTAMPS) && !script.ts_known) {
        script.ts_known = true;
        script.ts_base = seg->options.ts_value;
    }
}

/* Without scaling, which scripts agree on only by name: [RFC 9293 3.10.7.4] */
static void learn_window(const struct segment *seg)
{
    uint32_t edge = seg->ack.value - SCRIPT_PEER_ISN + seg->window;

    if (seg->flags & TCP_SYN || (seg->flags & (TCP_ACK | TCP_RST)) == TCP_ACK)
        script.edge = edge;
}

static bool number_matches(struct notation_number expected, uint32_t found)
{
    return !expected.given || expected.any || expected.value == found;
}

static bool matches(const struct notation *line, const struct packet *packet)
{
    const struct segment *seg = &packet->segment;
    bool any_options = script.stamped && line->option_bytes == 0;

    return line->flags == seg->flags && line->length == seg->length &&
           number_matches(line->seq, seg->seq.value) && number_matches(line->ack, seg->ack.value) &&
           number_matches(line->window, seg->window) && number_matches(line->urgent, seg->urgent) &&
           (any_options || notation_options_match(line, packet->payload + TCP_HEADER,
                                                  seg->data_offset - (uint32_t)TCP_HEADER));
}

static void check_text(struct place place, const struct segment *seg)
{
    uint32_t at = seg->seq.value - script.iss - 1;

    for (uint32_t i = 0; i < seg->length; i++)
        if (seg->text[i] != pattern(true, at + i))
            script_fail(place, "byte %u of the text is not what the user sent", at + i + 1);
}

void script_out(struct place place, const char *format, ...)
{
    struct notation line;
    struct notation_bases bases;
    struct script_frame *frame;
    struct packet packet;
    char text[TEXT_MAX], found[PRINT_MAX];
    const char *wrong;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    collect(place);
    if (script.count == 0)
        script_fail(place, "\n  expected: %s\n  found:    nothing", text);
    frame = &script.frames[script.first];
    parse(place, frame, &packet);
    if (packet.kind == PACKET_TCP)
        learn(&packet.segment);
    bases = bases_of(true);
    wrong = notation_parse(&line, text, &bases);
    if (wrong)
        script_fail(place, "\"%s\" lacks: %s", text, wrong);
    if (packet.kind != PACKET_TCP || !matches(&line, &packet)) {
        describe(place, frame, found);
        script_fail(place, "\n  expected: %s\n  found:    %s", text, found);
    }
    check_text(place, &packet.segment);
    learn_window(&packet.segment);
    script.first = (script.first + 1) % SCRIPT_FRAMES;
    script.count--;
}

uint32_t forget_output(void)
{
    uint32_t forgotten;

    collect(HERE);
    forgotten = script.count;
    script.count = 0;
    return forgotten;
}

void forget_numbers(void)
{
    script.iss_known = script.ts_known = false;
    script.ts_base = 0;
    script.sent = script.received = 0;
}

/* The peer's segment: header, options as they stand in the line, pattern. */
static uint32_t build_segment(uint8_t *to, const struct notation *line)
{
    struct segment seg = {
        .seq = seq_of(line->seq.value),
        .ack = seq_of(line->ack.given ? line->ack.value : 0),
        .flags = line->flags,
        .window = (uint16_t)(line->window.given ? line->window.value : script.window),
        .urgent = (uint16_t)line->urgent.value,
        .source_port = SCRIPT_PEER_PORT,
        .destination_port = script.our_port,
    };
    uint32_t options = (line->option_bytes + 3) & ~3u, at = line->seq.value - SCRIPT_PEER_ISN - 1;
    uint32_t header = tcp_header_build(to, &seg);
    bool syn = line->flags & TCP_SYN;

    memset(to + header, 0, options);
    memcpy(to + header, line->options, line->option_bytes);
    header += options;
    to[12] = (uint8_t)(header / 4 << 4);
    for (uint32_t i = 0; i < line->length; i++)
        to[header + i] = pattern(false, at + syn + i);
    return header + line->length;
}

static uint32_t build_frame(uint8_t *to, const struct notation *line)
{
    struct hf_address source = script.from, destination = script.to;
    uint32_t ip = script.v6 ? IPV6_HEADER : IPV4_HEADER;
    uint32_t length = build_segment(to + ip, line);
    uint16_t sum = checksum_add(checksum_pseudo_header(&source, &destination, IP_TCP, length),
                                checksum_sum(to + ip, length));

    put_be16(to + ip + TCP_CHECKSUM_OFFSET, (uint16_t)~sum);
    if (script.v6)
        ipv6_build(to, &(struct ipv6){.source = source,
                                      .destination = destination,
                                      .payload_length = (uint16_t)length,
                                      .next_header = IP_TCP,
                                      .hop_limit = 64});
    else
        ipv4_build(to, &(struct ipv4){.source = source,
                                      .destination = destination,
                                      .total_length = (uint16_t)(ip + length),
                                      .ttl = 64,
                                      .protocol = IP_TCP,
                                      .dont_fragment = true});
    return ip + length;
}

void script_in(struct place place, const char *format, ...)
{
    static uint8_t bytes[65536 + 64];
    struct notation_bases bases = bases_of(false);
    struct notation line;
    char text[TEXT_MAX];
    const char *wrong;
    va_list arguments;

    script_out_nothing(place);
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (script.stamped && !strchr(text, '<'))
        snprintf(text + length, sizeof text - (size_t)length, " <nop,nop,TS val %u ecr 0>",
                 script.peer_ts);
    wrong = notation_parse(&line, text, &bases);
    if (wrong)
        script_fail(place, "\"%s\" lacks: %s", text, wrong);
    script.last = (struct hf_frame){.data = bytes, .capacity = sizeof bytes, .link = HF_RAW_IP};
    script.last.length = build_frame(bytes, &line);
    hf_input(script.stack, &script.last, 1, script.now_us);
    collect(place);
}

void script_wait(struct place place, int64_t ms)
{
    int64_t end_us = script.now_us + ms * 1000;

    script_out_nothing(place);
    while (script.now_us < end_us) {
        int64_t next_us = hf_next_deadline(script.stack);

        if (next_us <= script.now_us)
            next_us = script.now_us + 1;
        script.now_us = next_us < end_us ? next_us : end_us;
        hf_tick(script.stack, script.now_us);
        collect(place);
    }
}

void count_from_here(void)
{
    script.before = script.stack->stats;
}

const struct tcb *the_tcb(void)
{
    const struct connections *connections = &script.stack->connections;

    for (uint32_t slot = 0; slot < connections->pool.high; slot++) {
        const struct connection *connection = connection_at(connections, slot);

        if ((connection->flags & (CONNECTION_OPEN | CONNECTION_DETACHED)) == CONNECTION_OPEN)
            return &connection->tcb;
    }
    return NULL;
}

/* What the stack as a whole says of its one flow: LISTEN only if there is nothing else. */
void script_state(struct place place, const char *text)
{
    enum hf_state found = HF_STATE_CLOSED;
    struct hf_gauges gauges;

    hf_gauges(script.stack, &gauges);
    for (int i = HF_STATE_LISTEN; i < HF_STATES; i++)
        if (gauges.connections[i] && (i != HF_STATE_LISTEN || strcmp(text, "LISTEN") == 0))
            found = (enum hf_state)i;
    if (strcmp(hf_state_text(found), text) != 0)
        script_fail(place, "\n  expected: %s\n  found:    %s", text, hf_state_text(found));
}

/* What STATUS answers to the user who holds the socket. */
void script_status_state(struct place place, const char *text)
{
    struct hf_status status;
    hf_socket socket = script.socket ? script.socket : script.listener;

    script_must_be(place, HF_OK, hf_status(script.stack, socket, &status), "hf_status");
    if (strcmp(hf_state_text(status.state), text) != 0)
        script_fail(place, "\n  expected: %s\n  found:    %s", text, hf_state_text(status.state));
}

static int set_up(void **initial)
{
    (void)initial;
    return 0;
}

struct prepared {
    struct scripted test;
    bool v6;
    char name[96];
};

static void run_prepared(void **initial)
{
    const struct prepared *prepared = *initial;

    script.v6 = prepared->v6;
    struct hf_config config = script_config();

    script_begin(&config);
    prepared->test.run(prepared->test.at);
    script_out_nothing(HERE);
    free(script.memory);
    script.memory = NULL;
    script.memory_bytes = 0;
}

int script_run(const struct scripted *tests, size_t count)
{
    struct prepared *prepared = calloc(2 * count, sizeof *prepared);
    struct CMUnitTest *group = calloc(2 * count, sizeof *group);
    int failed;

    for (size_t i = 0; i < 2 * count; i++) {
        prepared[i] = (struct prepared){.test = tests[i / 2], .v6 = i % 2};
        snprintf(prepared[i].name, sizeof prepared[i].name, "%s (%s)", tests[i / 2].name,
                 i % 2 ? "IPv6" : "IPv4");
        group[i] = (struct CMUnitTest){.name = prepared[i].name,
                                       .test_func = run_prepared,
                                       .setup_func = set_up,
                                       .initial_state = &prepared[i]};
    }
    failed = _cmocka_run_group_tests("conformance", group, 2 * count, NULL, NULL);
    free(group);
    free(prepared);
    return failed;
}
