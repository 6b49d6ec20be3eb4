/* The door: handshakes, half-opens, strays, TIME-WAIT, and what is said to whom. [RFC 9293 3.10.7.1, 3.10.7.2] */
#include "peer.h"

#include "base/bytes.h"

/* */
static void handshake_opens_a_connection(void **state)
{
    for (int v6 = 0; v6 < 2; v6++) {
        struct hf_config config = peer_config();
        hf_socket listener, connection;
        struct hf_status status;
        struct peer peer;

        (void)state;
        peer_open(&peer, &config);
        peer.v6 = v6;
        listener = peer_listen(&peer, NULL);
        struct flow flow = peer_flow(&peer);
        assert_int_equal(hf_accept(peer.stack, listener, &connection), HF_AGAIN);
        peer_connect(&peer, &flow, 5000);
        assert_int_equal(hf_accept(peer.stack, listener, &connection), HF_OK);
        assert_int_equal(hf_status(peer.stack, connection, &status), HF_OK);
        assert_int_equal(status.state, HF_STATE_ESTABLISHED);
        assert_int_equal(status.remote.port, PEER_PORT);
        assert_stat(&peer, handshake_done, 1);
        assert_int_equal(gate_half_opens(&peer.stack->gate), 0);
        assert_int_equal(peer_receive(&peer), -1);
        peer_close(&peer);
    }
}

/* MSS always; the other options only if the SYN carried them. [RFC 9293 3.7.1, MUST-14; RFC 7323 2.2, 3.2; RFC 2018 2] */
static void syn_ack_echoes_what_was_offered(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(7), *answer;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    answer = &peer.packet.segment;

    syn.options = (struct tcp_options){0};
    peer_send(&peer, &syn);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    assert_int_equal(answer->options.present, TCP_OPTION_MSS);
    assert_int_equal(answer->options.mss, 1460);
    assert_int_equal(answer->ack.value, 8);
    assert_int_equal(answer->window, config.receive_bytes);
    assert_int_equal(peer.out.unproven, 1);
    assert_int_equal(peer.packet.ttl, 64);
    assert_true(peer.packet.dont_fragment);

    syn = syn_of(7);
    syn.options.present |= TCP_OPTION_SCALE | TCP_OPTION_SACK_PERMITTED | TCP_OPTION_TIMESTAMPS;
    syn.options.ts_value = 4711;
    syn.options.scale = 7;
    struct flow flow = peer_flow(&peer);
    flow.remote_port++;
    peer_send_flow(&peer, &flow, &syn);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    assert_int_equal(answer->options.present, TCP_OPTION_MSS | TCP_OPTION_SCALE |
                                                  TCP_OPTION_SACK_PERMITTED |
                                                  TCP_OPTION_TIMESTAMPS);
    assert_int_equal(answer->options.ts_echo, 4711);
    peer_close(&peer);
}

/* [RFC 9293 3.10.7.1; RFC 9293 3.5.2] */
static void strays_are_reset(void **state)
{
    static const struct {
        const char *name;
        uint8_t flags;
        uint32_t length;
        enum hf_stat reason;
        int answer;
        uint32_t seq, ack;
    } rows[] = {
        {"ACK", TCP_ACK, 0, HF_STAT_stray_ack, TCP_RST, 900, 0},
        {"SYN,ACK", TCP_SYN | TCP_ACK, 0, HF_STAT_stray_ack, TCP_RST, 900, 0},
        {"SYN", TCP_SYN, 0, HF_STAT_stray_syn, TCP_RST | TCP_ACK, 0, 101},
        {"SYN with text", TCP_SYN, 10, HF_STAT_stray_syn, TCP_RST | TCP_ACK, 0, 111},
        {"text", 0, 10, HF_STAT_stray_other, TCP_RST | TCP_ACK, 0, 110},
        {"FIN", TCP_FIN, 0, HF_STAT_stray_other, TCP_RST | TCP_ACK, 0, 101},
        {"RST", TCP_RST, 0, HF_STAT_stray_rst, -1, 0, 0},
        {"RST,ACK", TCP_RST | TCP_ACK, 0, HF_STAT_stray_rst, -1, 0, 0},
    };
    struct hf_config config = peer_config();
    static const uint8_t text[10];
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct segment seg = {.seq = {100},
                              .ack = {900},
                              .flags = rows[i].flags,
                              .text = text,
                              .length = rows[i].length};

        print_message("%s\n", rows[i].name);
        assert_int_equal(peer_send(&peer, &seg), rows[i].reason);
        assert_int_equal(peer.in.verdict, HF_DROPPED);
        assert_int_equal(peer_receive(&peer), rows[i].answer);
        if (rows[i].answer < 0)
            continue;
        assert_int_equal(peer.packet.segment.seq.value, rows[i].seq);
        assert_int_equal(peer.packet.segment.ack.value, rows[i].ack);
        assert_int_equal(peer_receive(&peer), -1);
    }
    peer_close(&peer);
}

/* LISTEN: first RST, second ACK, third SYN, fourth others. [RFC 9293 3.10.7.2] */
static void listen_checks_in_order(void **state)
{
    static const struct {
        const char *name;
        uint8_t flags;
        enum hf_stat reason;
        int answer;
    } rows[] = {
        {"RST", TCP_RST, HF_STAT_stray_rst, -1},
        {"SYN,RST", TCP_SYN | TCP_RST, HF_STAT_syn_odd_flags, -1},
        {"ACK", TCP_ACK, HF_STAT_stray_ack, TCP_RST},
        {"SYN,ACK", TCP_SYN | TCP_ACK, HF_STAT_stray_ack, TCP_RST},
        {"FIN", TCP_FIN, HF_STAT_stray_other, -1},
        {"URG", TCP_URG, HF_STAT_stray_other, -1},
        {"nothing", 0, HF_STAT_stray_other, -1},
        {"SYN,FIN", TCP_SYN | TCP_FIN, HF_STAT_none, TCP_SYN | TCP_ACK},
    };
    struct hf_config config = peer_config();
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct segment seg = {.seq = {100}, .ack = {900}, .flags = rows[i].flags};

        print_message("%s\n", rows[i].name);
        assert_int_equal(peer_send(&peer, &seg), rows[i].reason);
        assert_int_equal(peer_receive(&peer), rows[i].answer);
    }
    assert_int_equal(peer.packet.segment.ack.value, 101); /* the FIN is left for later */
    assert_stat(&peer, syn_odd_flags, 2);
    peer_close(&peer);
}

/* Never a second word beyond the budget: one prefix may not use all of it. */
static void resets_have_a_budget(void **state)
{
    struct hf_config config = peer_config();
    struct segment stray = {.seq = {100}, .ack = {900}, .flags = TCP_ACK};
    struct peer peer;
    int resets = 0;

    (void)state;
    config.reset_budget_per_s = 320;
    peer_open(&peer, &config);
    for (int i = 0; i < 100; i++) {
        peer_send(&peer, &stray);
        while (peer_receive(&peer) == TCP_RST)
            resets++;
    }
    assert_in_range(resets, 13, 20); /* the price is drawn anew each time */
    assert_stat(&peer, stray_over_budget, 100 - (uint64_t)resets);
    assert_stat(&peer, resets_sent, resets);
    assert_int_equal(peer.in.reason, HF_STAT_stray_over_budget);
    peer_wait(&peer, 1000);
    peer_send(&peer, &stray);
    assert_int_equal(peer_receive(&peer), TCP_RST);
    peer_close(&peer);
}

/* The handshake's ACK brings text: it is not lost. */
static void text_on_the_last_ack_arrives(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(100), ack;
    struct peer peer;
    hf_socket listener, connection;
    struct hf_ready ready[4];
    char buffer[16];

    (void)state;
    peer_open(&peer, &config);
    listener = peer_listen(&peer, NULL);
    peer_send(&peer, &syn);
    peer_receive(&peer);
    ack = (struct segment){.seq = {101},
                           .ack = seq_add(peer.packet.segment.seq, 1),
                           .flags = TCP_ACK,
                           .window = 8000,
                           .text = (const uint8_t *)"hello",
                           .length = 5};
    assert_int_equal(peer_send(&peer, &ack), HF_STAT_none);
    assert_int_equal(hf_take_ready(peer.stack, ready, 4), 1);
    assert_int_equal(ready[0].what, HF_ACCEPTABLE);
    assert_int_equal(hf_accept(peer.stack, listener, &connection), HF_OK);
    assert_int_equal(hf_take_ready(peer.stack, ready, 4), 1);
    assert_true(ready[0].socket == connection && (ready[0].what & HF_READABLE));
    assert_int_equal(hf_receive(peer.stack, connection, buffer, sizeof buffer, peer.now_us), 5);
    peer_close(&peer);
}

/* A full accept queue: the SYN is dropped; a last ACK waits in the half-open for its next try. */
static void accept_queue_is_bounded(void **state)
{
    struct hf_config config = peer_config();
    struct hf_listen_options options = {.backlog = 1};
    struct segment syn = syn_of(100), ack;
    struct peer peer;
    hf_socket listener, connection;

    (void)state;
    peer_open(&peer, &config);
    listener = peer_listen(&peer, &options);
    struct flow first = peer_flow(&peer), second = first, third = first;
    second.remote_port++, third.remote_port += 2;
    peer_send_flow(&peer, &second, &syn);
    peer_receive(&peer);
    ack = (struct segment){
        .seq = {101}, .ack = seq_add(peer.packet.segment.seq, 1), .flags = TCP_ACK, .window = 500};
    peer_connect(&peer, &first, 5000);
    assert_int_equal(peer_send_flow(&peer, &third, &syn), HF_STAT_syn_accept_queue_full);
    assert_int_equal(peer_receive(&peer), -1);
    assert_int_equal(peer_send_flow(&peer, &second, &ack), HF_STAT_handshake_accept_queue_full);
    assert_int_equal(peer_receive(&peer), -1);
    assert_int_equal(hf_accept(peer.stack, listener, &connection), HF_OK);
    assert_int_equal(peer_send_flow(&peer, &second, &ack), HF_STAT_none);
    assert_int_equal(hf_accept(peer.stack, listener, &connection), HF_OK);
    peer_close(&peer);
}

static void connection_limit_keeps_the_half_open(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(100), ack;
    struct peer peer;
    hf_socket listener, connection;

    (void)state;
    config.max_connections = 1;
    peer_open(&peer, &config);
    listener = peer_listen(&peer, NULL);
    struct flow first = peer_flow(&peer), second = first;
    second.remote_port++;
    peer_connect(&peer, &first, 5000);
    peer_send_flow(&peer, &second, &syn);
    peer_receive(&peer);
    ack = (struct segment){
        .seq = {101}, .ack = seq_add(peer.packet.segment.seq, 1), .flags = TCP_ACK, .window = 500};
    assert_int_equal(peer_send_flow(&peer, &second, &ack), HF_STAT_handshake_no_connection);
    assert_int_equal(hf_accept(peer.stack, listener, &connection), HF_OK);
    assert_int_equal(hf_abort(peer.stack, connection, peer.now_us), HF_OK);
    assert_int_equal(peer_receive(&peer), TCP_RST | TCP_ACK);
    assert_int_equal(peer_send_flow(&peer, &second, &ack), HF_STAT_none);
    assert_stat(&peer, handshake_done, 2);
    peer_close(&peer);
}

/* Closing a listener resets its half-opens and those that wait for hf_accept. [RFC 9293 3.10.4] */
static void closing_a_listener_resets(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(100);
    struct peer peer;
    hf_socket listener;

    (void)state;
    peer_open(&peer, &config);
    listener = peer_listen(&peer, NULL);
    struct flow first = peer_flow(&peer), second = first;
    second.remote_port++;
    peer_connect(&peer, &first, 5000);
    peer_send_flow(&peer, &second, &syn);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    assert_int_equal(hf_close(peer.stack, listener, peer.now_us), HF_OK);
    assert_int_equal(peer_receive(&peer), TCP_RST | TCP_ACK);
    assert_int_equal(peer.packet.segment.destination_port, PEER_PORT);
    assert_int_equal(peer_receive(&peer), TCP_RST | TCP_ACK);
    assert_int_equal(peer.packet.segment.destination_port, PEER_PORT + 1);
    assert_int_equal(peer.packet.segment.ack.value, 101);
    assert_int_equal(peer_receive(&peer), -1);
    assert_int_equal(peer.stack->connections.pool.count, 0);
    assert_int_equal(peer_send(&peer, &syn), HF_STAT_stray_syn);
    peer_close(&peer);
}

static void half_open_answers(struct peer *peer, const struct segment *seg, enum hf_stat reason,
                              int answer)
{
    assert_int_equal(peer_send(peer, seg), reason);
    assert_int_equal(peer_receive(peer), answer);
}

/* The rows SYN-RECEIVED of a passive open. [RFC 9293 3.10.7.4] [RFC 5961 3.2] */
static void half_open_follows_the_rows(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(100), seg;
    struct peer peer;
    seq iss;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    half_open_answers(&peer, &syn, HF_STAT_none, TCP_SYN | TCP_ACK);
    iss = peer.packet.segment.seq;
    half_open_answers(&peer, &syn, HF_STAT_none, TCP_SYN | TCP_ACK);
    assert_int_equal(peer.packet.segment.seq.value, iss.value);
    assert_stat(&peer, syn_duplicate, 1);

    seg = (struct segment){
        .seq = {101}, .ack = iss, .flags = TCP_ACK}; /* our SYN is not acknowledged */
    half_open_answers(&peer, &seg, HF_STAT_handshake_bad_ack, TCP_RST);
    assert_int_equal(peer.packet.segment.seq.value, iss.value);
    seg.ack = seq_add(iss, 2);
    half_open_answers(&peer, &seg, HF_STAT_handshake_bad_ack, TCP_RST);
    seg = (struct segment){.seq = {101}, .flags = TCP_FIN};
    half_open_answers(&peer, &seg, HF_STAT_segment_no_ack, -1);
    seg = (struct segment){.seq = {99}, .ack = seq_add(iss, 1), .flags = TCP_ACK};
    half_open_answers(&peer, &seg, HF_STAT_segment_out_of_window, TCP_ACK);
    assert_int_equal(peer.packet.segment.seq.value, iss.value + 1);
    assert_int_equal(peer.packet.segment.ack.value, 101);
    seg = (struct segment){.seq = {200}, .flags = TCP_RST};
    half_open_answers(&peer, &seg, HF_STAT_rst_challenged, TCP_ACK);
    seg.seq = seq_of(100);
    half_open_answers(&peer, &seg, HF_STAT_rst_outside_window, -1);
    seg = syn_of(90);
    half_open_answers(&peer, &seg, HF_STAT_syn_challenged, TCP_ACK);
    assert_int_equal(gate_half_opens(&peer.stack->gate), 1);
    seg = (struct segment){.seq = {101}, .flags = TCP_RST};
    half_open_answers(&peer, &seg, HF_STAT_none, -1);
    assert_stat(&peer, syn_cache_reset, 1);
    assert_int_equal(gate_half_opens(&peer.stack->gate), 0);

    half_open_answers(&peer, &syn, HF_STAT_none, TCP_SYN | TCP_ACK);
    seg = syn_of(150); /* in the window: back to LISTEN */
    half_open_answers(&peer, &seg, HF_STAT_syn_cache_reset, -1);
    assert_int_equal(gate_half_opens(&peer.stack->gate), 0);
    peer_close(&peer);
}

/* Retransmission after 1 s, 2 s, ..., then silence or a RST. [RFC 9293 MUST-23 deviation; RFC 6298 2.1, 5.5] */
static void half_open_times_out(void **state)
{
    static const struct {
        const char *name;
        struct hf_listen_options options;
        int64_t resent_after_ms[4]; /* since the one before; 0: no more */
        int64_t over_after_ms;
        int last;
    } rows[] = {
        {"default", {.backlog = 0}, {1000, 2000}, 7000, -1},
        {"textbook", {.syn_ack_retries = -1, .on_timeout = 1}, {0}, 10000, TCP_RST | TCP_ACK},
        {"patient",
         {.syn_ack_retries = 4, .half_open_timeout_ms = 20000},
         {1000, 2000, 4000, 8000},
         5000,
         -1},
        {"short", {.half_open_timeout_ms = 2500}, {1000}, 1500, -1},
    };
    struct hf_config config = peer_config();
    struct segment syn = syn_of(100);

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct peer peer;

        print_message("%s\n", rows[i].name);
        peer_open(&peer, &config);
        peer_listen(&peer, &rows[i].options);
        peer_send(&peer, &syn);
        assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
        for (int n = 0; n < 4 && rows[i].resent_after_ms[n]; n++) {
            peer_wait(&peer, rows[i].resent_after_ms[n] - 5);
            assert_int_equal(peer_receive(&peer), -1);
            assert_true(hf_next_deadline(peer.stack) <= peer.now_us + 8000);
            peer_wait(&peer, 7);
            assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
        }
        peer_wait(&peer, rows[i].over_after_ms - 10);
        assert_int_equal(gate_half_opens(&peer.stack->gate), 1);
        peer_wait(&peer, 20);
        assert_int_equal(gate_half_opens(&peer.stack->gate), 0);
        assert_int_equal(peer_receive(&peer), rows[i].last);
        assert_stat(&peer, syn_cache_timeout, 1);
        peer_close(&peer);
    }
}

/* The oldest gives way, and its flow is free for another try. [R4987-03] */
static void full_cache_evicts_the_oldest(void **state)
{
    struct hf_config config = peer_config();
    struct peer peer;
    struct hf_event event;
    int told = 0;

    (void)state;
    config.max_half_opens = 4;
    peer_open(&peer, &config);
    peer_listen(&peer, &(struct hf_listen_options){.cookies = HF_COOKIES_OFF});
    for (uint16_t i = 0; i < 6; i++) {
        struct flow flow = peer_flow(&peer);
        struct segment syn = syn_of(100);

        flow.remote_port = (uint16_t)(flow.remote_port + i);
        assert_int_equal(peer_send_flow(&peer, &flow, &syn), HF_STAT_none);
        assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    }
    assert_int_equal(gate_half_opens(&peer.stack->gate), 4);
    assert_stat(&peer, syn_cache_evicted, 2);
    for (uint16_t i = 2; i < 6; i++) {
        struct flow flow = peer_flow(&peer);
        struct segment syn = syn_of(100);

        flow.remote_port = (uint16_t)(flow.remote_port + i);
        peer_send_flow(&peer, &flow, &syn);
    }
    assert_stat(&peer, syn_duplicate, 4);
    while (hf_event_take(&peer.sink, &event))
        told += event.kind == HF_EVENT_CACHE_FULL;
    assert_int_equal(told, 1);
    peer_close(&peer);
}

/* After TIME-WAIT a new SYN is admitted, with an ISS above the old SND.NXT. [RFC 6191] */
static void time_wait_gives_way_to_a_new_syn(void **state)
{
    struct hf_config config = peer_config();
    struct segment seg, syn;
    struct peer peer;
    hf_socket listener, connection;
    seq snd;

    (void)state;
    peer_open(&peer, &config);
    listener = peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);
    snd = peer_connect(&peer, &flow, 5000);
    assert_int_equal(hf_accept(peer.stack, listener, &connection), HF_OK);
    assert_int_equal(hf_close(peer.stack, connection, peer.now_us), HF_OK);
    assert_int_equal(peer_receive(&peer), TCP_FIN | TCP_ACK);
    seg = (struct segment){
        .seq = {5001}, .ack = seq_add(snd, 1), .flags = TCP_FIN | TCP_ACK, .window = 500};
    assert_int_equal(peer_send(&peer, &seg), HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_ACK);
    assert_int_equal(peer.packet.segment.ack.value, 5002);
    assert_int_equal(time_wait_count(&peer.stack->time_waits), 1);
    assert_int_equal(peer.stack->connections.pool.count, 0);
    assert_stat(&peer, connections_closed, 1);

    syn = syn_of(6000);
    assert_int_equal(peer_send(&peer, &syn), HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    assert_true(seq_gt(peer.packet.segment.seq, snd));
    assert_int_equal(time_wait_count(&peer.stack->time_waits), 1);
    seg = (struct segment){
        .seq = {6001}, .ack = seq_add(peer.packet.segment.seq, 1), .flags = TCP_ACK, .window = 500};
    assert_int_equal(peer_send(&peer, &seg), HF_STAT_none);
    assert_int_equal(time_wait_count(&peer.stack->time_waits), 0);
    assert_stat(&peer, time_wait_reused, 1);
    peer_close(&peer);
}

/* While the record is there no cookie speaks for the flow, whose number might lie below the old SND.NXT: also not beside a
 * half-open, for a client that has begun anew. He asks again. [RFC 6191 2] */
static void time_wait_gives_way_to_no_cookie(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(6000), again = syn_of(7000), seg;
    hf_socket listener, connection;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    listener = peer_listen(&peer, &(struct hf_listen_options){.cookies = HF_COOKIES_ALWAYS});
    struct flow flow = peer_flow(&peer);
    seq snd = peer_connect(&peer, &flow, 5000);
    assert_int_equal(hf_accept(peer.stack, listener, &connection), HF_OK);
    assert_int_equal(hf_close(peer.stack, connection, peer.now_us), HF_OK);
    seg = (struct segment){
        .seq = {5001}, .ack = seq_add(snd, 1), .flags = TCP_FIN | TCP_ACK, .window = 500};
    assert_int_equal(peer_receive(&peer), TCP_FIN | TCP_ACK);
    assert_int_equal(peer_send(&peer, &seg), HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_ACK);
    assert_stat(&peer, syn_cookie_sent, 1);

    assert_int_equal(peer_send(&peer, &syn), HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    assert_int_equal(peer_send(&peer, &again), HF_STAT_syn_cache_reset);
    assert_int_equal(peer_receive(&peer), -1);
    assert_int_equal(peer_send(&peer, &again), HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    assert_true(seq_gt(peer.packet.segment.seq, snd));
    assert_int_equal(gate_half_opens(&peer.stack->gate), 1);
    assert_stat(&peer, syn_cookie_sent, 1);
    peer_close(&peer);
}

/* A listener that requires keys from now on lets nobody in who came to it before: neither by a half-open, nor by the TIME-WAIT
 * record of a connection that had none. */
static void keys_required_meanwhile(void **state)
{
    const struct hf_listen_options keyed = {.require_key = true}, any = {0};
    struct hf_config config = peer_config();
    struct segment syn = syn_of(6000), seg;
    hf_socket listener, connection;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    listener = peer_listen(&peer, &any);
    struct flow flow = peer_flow(&peer);
    seq snd = peer_connect(&peer, &flow, 5000);
    assert_int_equal(hf_accept(peer.stack, listener, &connection), HF_OK);
    assert_int_equal(hf_close(peer.stack, connection, peer.now_us), HF_OK);
    seg = (struct segment){
        .seq = {5001}, .ack = seq_add(snd, 1), .flags = TCP_FIN | TCP_ACK, .window = 500};
    assert_int_equal(peer_receive(&peer), TCP_FIN | TCP_ACK);
    assert_int_equal(peer_send(&peer, &seg), HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_ACK);
    assert_int_equal(time_wait_count(&peer.stack->time_waits), 1);

    assert_int_equal(hf_listen_change(peer.stack, listener, &keyed, peer.now_us), HF_OK);
    assert_int_equal(peer_send(&peer, &syn), HF_STAT_auth_syn_missing);
    assert_int_equal(peer_receive(&peer), -1);
    assert_int_equal(hf_listen_change(peer.stack, listener, &any, peer.now_us), HF_OK);
    assert_int_equal(peer_send(&peer, &syn), HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);

    seg = (struct segment){
        .seq = {6001}, .ack = seq_add(peer.packet.segment.seq, 1), .flags = TCP_ACK, .window = 500};
    assert_int_equal(hf_listen_change(peer.stack, listener, &keyed, peer.now_us), HF_OK);
    assert_int_equal(peer_send(&peer, &seg), HF_STAT_auth_missing);
    assert_int_equal(peer_receive(&peer), -1);
    assert_int_equal(peer.stack->connections.pool.count, 0);
    assert_int_equal(hf_listen_change(peer.stack, listener, &any, peer.now_us), HF_OK);
    assert_int_equal(peer_send(&peer, &seg), HF_STAT_none);
    assert_int_equal(peer.stack->connections.pool.count, 1);
    peer_close(&peer);
}

/* The whole of it at a link that carries only IP. */
static void raw_ip_has_no_neighbors(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(5);
    struct peer peer;
    uint8_t bytes[128];

    (void)state;
    config.link = HF_RAW_IP;
    config.max_neighbors = 0;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);
    uint32_t length = frame_build(bytes, &flow, &syn);
    struct hf_frame frame = {.data = bytes + 14, .length = length - 14, .link = HF_RAW_IP};
    hf_input(peer.stack, &frame, 1, peer.now_us);
    assert_int_equal(frame.verdict, HF_DELIVERED);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    assert_int_equal(peer.out.transport_offset, 20);
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_opens_a_connection),
        cmocka_unit_test(syn_ack_echoes_what_was_offered),
        cmocka_unit_test(strays_are_reset),
        cmocka_unit_test(listen_checks_in_order),
        cmocka_unit_test(resets_have_a_budget),
        cmocka_unit_test(text_on_the_last_ack_arrives),
        cmocka_unit_test(accept_queue_is_bounded),
        cmocka_unit_test(connection_limit_keeps_the_half_open),
        cmocka_unit_test(closing_a_listener_resets),
        cmocka_unit_test(half_open_follows_the_rows),
        cmocka_unit_test(half_open_times_out),
        cmocka_unit_test(full_cache_evicts_the_oldest),
        cmocka_unit_test(time_wait_gives_way_to_a_new_syn),
        cmocka_unit_test(time_wait_gives_way_to_no_cookie),
        cmocka_unit_test(keys_required_meanwhile),
        cmocka_unit_test(raw_ip_has_no_neighbors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
