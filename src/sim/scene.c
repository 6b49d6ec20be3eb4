/* The scenes: each a scenario made from a seed. [RFC 9293 3.5, 3.6, 3.8, 3.10] */
#include "sim/scene.h"

#include <string.h>

#include "base/time.h"
#include "sim/random.h"

#define MS US_PER_MS
#define SECOND ((int64_t)US_PER_S)

static struct conversation *add(struct scenario *scenario)
{
    return &scenario->conversations[scenario->count++];
}

/* One conversation in which the client's end and the server's end end so. */
static struct conversation *talk(struct scenario *scenario, enum app_ending client,
                                 enum app_ending server)
{
    struct conversation *conversation = add(scenario);

    conversation->script[0].ending = client;
    conversation->script[1].ending = server;
    return conversation;
}

static void link_faults(struct scenario *scenario, const struct link_setup *setup)
{
    scenario->link[0] = scenario->link[1] = *setup;
}

/* ---- opening and closing ---- */

static void make_handshake(struct scenario *scenario, struct random *random)
{
    struct conversation *c = talk(scenario, APP_FIN_AFTER_PEER, APP_FIN_AFTER_PEER);

    (void)random;
    c->expect = EXPECT_OPEN;
    scenario->stop_us = 100 * MS;
}

static void make_close(struct scenario *scenario, struct random *random)
{
    struct conversation *c = talk(scenario, APP_FIN_AFTER_PEER, APP_FIN_WHEN_SENT);

    (void)random;
    c->script[1].close_after_us = 20 * MS;
    c->script[0].close_after_us = 20 * MS; /* "let me get ready" */
}

static void make_client_close(struct scenario *scenario, struct random *random)
{
    struct conversation *c = talk(scenario, APP_FIN_WHEN_SENT, APP_FIN_AFTER_PEER);

    (void)random;
    c->script[0].close_after_us = 20 * MS;
    c->script[1].close_after_us = 20 * MS;
}

static void make_simultaneous_open(struct scenario *scenario, struct random *random)
{
    struct conversation *c = talk(scenario, APP_FIN_WHEN_SENT, APP_FIN_AFTER_PEER);

    (void)random;
    c->client_port = 4711;
    c->port = 4712;
    c->script[0].send_bytes = 100;
    c->script[0].close_after_us = 20 * MS;
    c->script[1].close_after_us = 20 * MS;
    c->script[1].connects = true;
    scenario->no_listener = true;
}

static void make_hasty(struct scenario *scenario, struct random *random)
{
    make_simultaneous_open(scenario, random);
    scenario->conversations[0].script[0] = (struct app_script){
        .send_bytes = 100,
        .eager = true,
        .hasty = true,
        .close_after_us = 3 * MS / 2, /* the SYNs have crossed, nothing is acknowledged */
    };
}

static void make_simultaneous_close(struct scenario *scenario, struct random *random)
{
    struct conversation *c = talk(scenario, APP_FIN_WHEN_SENT, APP_FIN_WHEN_SENT);

    (void)random;
    /* The server is up half a round trip after the client: both FINs leave at the same time. */
    c->script[0].close_after_us = 21 * MS;
    c->script[1].close_after_us = 20 * MS;
}

static void make_half_close(struct scenario *scenario, struct random *random)
{
    struct conversation *c = talk(scenario, APP_FIN_WHEN_SENT, APP_FIN_AFTER_PEER);

    (void)random;
    c->script[0].send_bytes = 1000;
    c->script[1].send_bytes = 5000;
    c->script[1].write_from_us = 50 * MS; /* long after the client's FIN */
}

static void make_reset(struct scenario *scenario, struct random *random)
{
    struct conversation *c = talk(scenario, APP_ABORT, APP_FIN_AFTER_PEER);

    (void)random;
    c->script[0].send_bytes = 20000;
    c->script[0].write_max = 5000;
    c->script[0].write_every_us = 5 * MS;
    c->script[0].abort_after = 10000;
    c->expect = EXPECT_RESET;
}

static void make_refused(struct scenario *scenario, struct random *random)
{
    (void)random;
    talk(scenario, APP_FIN_WHEN_SENT, APP_FIN_AFTER_PEER)->expect = EXPECT_REFUSED;
    scenario->no_listener = true;
}

/* The same port again while the server's end waits out its TIME-WAIT. [RFC 6191] */
static void make_reuse(struct scenario *scenario, struct random *random)
{
    (void)random;
    for (int i = 0; i < 3; i++) {
        struct conversation *c = talk(scenario, APP_FIN_AFTER_PEER, APP_FIN_WHEN_SENT);

        c->client_port = 4711;
        c->open_at_us = 2 * SECOND * i;
        c->script[0].send_bytes = c->script[1].send_bytes = 500;
    }
}

/* ---- data over a bad link ---- */

static struct conversation *bulk(struct scenario *scenario, uint32_t bytes)
{
    struct conversation *c = talk(scenario, APP_FIN_WHEN_SENT, APP_FIN_AFTER_PEER);

    c->script[0].send_bytes = bytes;
    return c;
}

static void make_bulk(struct scenario *scenario, struct random *random)
{
    struct conversation *c = bulk(scenario, 1000000);

    (void)random;
    c->script[1].spans = true;
    link_faults(scenario, &(struct link_setup){
                              .delay_us = 5 * MS, .bits_per_s = 100000000, .queue_bytes = 128000});
}

static void make_loss(struct scenario *scenario, struct random *random)
{
    (void)random;
    bulk(scenario, 500000);
    link_faults(scenario, &(struct link_setup){.loss = 30000, .delay_us = 5 * MS});
}

static void make_reorder(struct scenario *scenario, struct random *random)
{
    (void)random;
    bulk(scenario, 300000);
    link_faults(scenario,
                &(struct link_setup){
                    .reorder = 100000, .delay_us = 5 * MS, .jitter_us = 500, .reorder_us = 3 * MS});
}

static void make_duplicate(struct scenario *scenario, struct random *random)
{
    (void)random;
    bulk(scenario, 300000);
    link_faults(scenario, &(struct link_setup){.duplicate = 200000, .delay_us = 5 * MS});
}

static void make_corrupt(struct scenario *scenario, struct random *random)
{
    (void)random;
    bulk(scenario, 300000);
    link_faults(scenario,
                &(struct link_setup){.corrupt = 30000, .truncate = 10000, .delay_us = 5 * MS});
}

static void make_zero_window(struct scenario *scenario, struct random *random)
{
    struct conversation *c = bulk(scenario, 100000);

    (void)random;
    c->script[1].read_from_us = 20 * SECOND;
}

static void make_slow_reader(struct scenario *scenario, struct random *random)
{
    struct conversation *c = bulk(scenario, 60000);

    (void)random;
    c->script[1].read_max = 700;
    c->script[1].read_every_us = 5 * MS;
}

static void make_urgent(struct scenario *scenario, struct random *random)
{
    struct conversation *c = bulk(scenario, 5000);

    (void)random;
    c->script[0].urgent_at = 3000;
    c->script[1].read_from_us = 10 * MS; /* or all would be read before anybody hears of it */
}

static void make_many(struct scenario *scenario, struct random *random)
{
    for (int i = 0; i < 200; i++) {
        struct conversation *c = i & 1 ? talk(scenario, APP_FIN_WHEN_SENT, APP_FIN_AFTER_PEER)
                                       : talk(scenario, APP_FIN_AFTER_PEER, APP_FIN_WHEN_SENT);

        c->v6 = i & 2;
        c->open_at_us = i / 20 * MS;
        c->script[0].send_bytes = (uint32_t)random_scaled(random, 20000);
        c->script[1].send_bytes = (uint32_t)random_scaled(random, 20000);
    }
    for (unsigned node = 0; node < 2; node++) {
        scenario->config[node].link = HF_ETHERNET;
        scenario->config[node].max_connections = 256;
    }
    scenario->backlog = 256;
    link_faults(scenario, &(struct link_setup){.loss = 2000, .delay_us = MS});
}

/* A smaller MTU in between, once where IPv4 may still be told (path MTU discovery), once where it must be cut, and IPv6. */
static void make_fragments(struct scenario *scenario, struct random *random)
{
    (void)random;
    for (int i = 0; i < 2; i++) {
        struct conversation *c = bulk(scenario, 50000);

        c->v6 = i & 1;
        c->open_at_us = i * SECOND;
    }
    link_faults(scenario, &(struct link_setup){.delay_us = MS, .mtu = 1300});
    /* IPv6 has no smaller network than 1280; an IPv4 answer below 552 makes it give up DF. */
    struct conversation *c = talk(scenario, APP_FIN_AFTER_PEER, APP_FIN_WHEN_SENT);
    c->open_at_us = 3 * SECOND;
    c->script[1].send_bytes = 50000;
    scenario->link[1].mtu = 400;
}

/* ---- silence ---- */

static void make_keep_alive(struct scenario *scenario, struct random *random)
{
    struct conversation *c = talk(scenario, APP_FIN_WHEN_SENT, APP_FIN_AFTER_PEER);

    (void)random;
    c->script[0].keepalive_idle_ms = 1000;
    c->script[0].close_after_us = 10 * SECOND;
    scenario->config[0].keepalive_interval_ms = 1000;
}

static void make_timeout(struct scenario *scenario, struct random *random)
{
    (void)random;
    talk(scenario, APP_FIN_WHEN_SENT, APP_FIN_AFTER_PEER)->expect = EXPECT_TIMED_OUT;
    link_faults(scenario, &(struct link_setup){.loss = 1000000});
}

const struct scene sim_scenes[] = {
    {"handshake", "three segments open a connection", make_handshake},
    {"close", "the server closes first: four segments", make_close},
    {"client-close", "the client closes first", make_client_close},
    {"simultaneous-open", "two SYNs cross", make_simultaneous_open},
    {"hasty", "a CLOSE before the handshake is over", make_hasty},
    {"simultaneous-close", "two FINs cross", make_simultaneous_close},
    {"half-close", "the server still speaks after the client's FIN", make_half_close},
    {"reuse", "the same ports again, out of TIME-WAIT", make_reuse},
    {"reset", "the client aborts", make_reset},
    {"refused", "a SYN to a port that is not open", make_refused},
    {"timeout", "nobody answers", make_timeout},
    {"keep-alive", "probes on an idle connection", make_keep_alive},
    {"bulk", "a megabyte over a good link", make_bulk},
    {"urgent", "the urgent pointer", make_urgent},
    {"loss", "3 % of the frames are lost", make_loss},
    {"reorder", "frames overtake each other", make_reorder},
    {"duplicate", "frames come twice", make_duplicate},
    {"corrupt", "bits flip and frames are cut short", make_corrupt},
    {"zero-window", "a reader that does not begin", make_zero_window},
    {"slow-reader", "a reader that takes little at a time", make_slow_reader},
    {"many", "200 connections, IPv4 and IPv6", make_many},
    {"fragments", "a smaller MTU in between", make_fragments},
    {"chaos", "everything at once, drawn from the seed", chaos_make},
    {"cookies", "the same, and every SYN is answered by a cookie", chaos_make_cookies},
    {"signed", "either, and every segment is signed by TCP-AO or MD5", chaos_make_signed},
    {NULL, NULL, NULL},
};

const struct scene *scene_find(const char *name)
{
    for (const struct scene *scene = sim_scenes; scene->name; scene++)
        if (strcmp(scene->name, name) == 0)
            return scene;
    return NULL;
}

void scene_make(const struct scene *scene, uint64_t seed, struct scenario *scenario)
{
    struct random random;

    random_seed(&random, seed ^ 0x7363656e65u);
    memset(scenario, 0, sizeof *scenario);
    scenario->scene = scene->name;
    scenario->seed = seed;
    scenario->limit_us = 24 * 3600 * SECOND;
    scenario->limit_steps = 3000000;
    scenario->batch = 1;
    scenario->cookies = HF_COOKIES_OFF;
    scenario->start_us = (int64_t)random_below(&random, (uint64_t)1 << 40);
    for (unsigned node = 0; node < 2; node++) {
        scenario->config[node] = (struct hf_config)HF_CONFIG_DEFAULT;
        scenario->config[node].link = HF_RAW_IP;
        scenario->link[node].delay_us = MS;
    }
    scene->make(scenario, &random);
}
