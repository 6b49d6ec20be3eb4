/* Everything at once: configurations, links and conversations drawn from the seed. */
#include "sim/scene.h"

#include "base/bytes.h"
#include "base/time.h"
#include "sim/random.h"

#define BYTES_MOST 300000u

static uint32_t draw(struct random *random, uint32_t low, uint32_t high)
{
    return (uint32_t)random_between(random, low, high);
}

/* One in so many. */
static bool one_in(struct random *random, uint32_t count)
{
    return random_below(random, count) == 0;
}

static uint32_t pick(struct random *random, const uint32_t *values, uint32_t count)
{
    return values[random_below(random, count)];
}

#define PICK(random, ...)                         \
    pick(random, (const uint32_t[]){__VA_ARGS__}, \
         sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* Patience: with so many tries, what does not arrive is a fault of the stack and not of the dice. */
static void draw_times(struct hf_config *config, struct random *random)
{
    config->min_rto_ms = PICK(random, 10, 200, 1000);
    config->initial_rto_ms = 1000;
    config->max_rto_ms = draw(random, 4000, 10000);
    config->delayed_ack_ms = PICK(random, 0, 40, 200, 500);
    config->user_timeout_ms = 3600000;
    config->syn_timeout_ms = 3600000;
    config->fin_wait_2_ms = 3600000;
    config->half_open_timeout_ms = 600000;
    config->keepalive_interval_ms = 2000;
    config->keepalive_count = 50; /* a live peer that is hard to reach is not dead */
    config->syn_ack_retries = 10;
    config->msl_ms = 60000;
    config->stall_timeout_ms = 24 * 3600000; /* nor has it stalled for good */
}

static void draw_config(struct hf_config *config, struct random *random, uint32_t connections)
{
    static const uint32_t windows[] = {1024, 2048, 4096, 8192, 20000, 32768, 65535, 262144};
    bool tiny = one_in(random, 4);

    draw_times(config, random);
    config->max_connections = connections + draw(random, 0, 4);
    config->max_half_opens = 2 * connections + draw(random, 0, 8); /* never strained */
    config->max_reassemblies = draw(random, 4, 32);
    config->receive_bytes = tiny ? draw(random, 1024, 4096) : pick(random, windows, 8);
    config->send_bytes = tiny ? draw(random, 1024, 4096) : pick(random, windows, 8);
    config->promise_bytes = PICK(random, 2048, 4096, 4096, 8192);
    if (one_in(random, 4))
        config->pool_bytes = (uint64_t)config->promise_bytes * config->max_connections;
    config->initial_window = (uint8_t)draw(random, 1, 10);
    config->timestamps = !one_in(random, 3);
    config->window_scaling = !one_in(random, 3);
    config->sack = !one_in(random, 3);
    config->nagle = !one_in(random, 3);
    config->checksum_offload = one_in(random, 3);
    if (config->checksum_offload && one_in(random, 2))
        config->segmentation_bytes = draw(random, 1000, 65535);
}

/* Both ends of a link have the same kind of link, but not the same MTU. */
static bool draw_links(struct scenario *scenario, struct random *random)
{
    static const uint32_t mtus[] = {1280, 1280, 1400, 1500, 1500, 1500, 9000};
    bool only_v4 = one_in(random, 6);
    enum hf_link kind = one_in(random, 3) ? HF_RAW_IP : HF_ETHERNET;
    uint16_t vlan = kind == HF_ETHERNET && one_in(random, 4) ? (uint16_t)draw(random, 1, 4094) : 0;

    for (unsigned node = 0; node < 2; node++) {
        struct hf_config *config = &scenario->config[node];

        config->link = kind;
        config->vlan = vlan;
        config->mtu = (uint16_t)(only_v4 ? draw(random, 576, 1279) : pick(random, mtus, 7));
    }
    return only_v4;
}

static void draw_faults(struct link_setup *link, struct random *random, bool only_v4)
{
    /* chances in a million, at most: none, a little, some, a lot */
    static const uint32_t most[] = {0, 10000, 50000, 150000};
    uint32_t high = pick(random, most, 4);

    *link = (struct link_setup){
        .loss = draw(random, 0, high),
        .duplicate = draw(random, 0, high),
        .reorder = draw(random, 0, 2 * high),
        .corrupt = draw(random, 0, high / 2),
        .truncate = draw(random, 0, high / 4),
        .delay_us = (int64_t)random_scaled(random, 200000),
    };
    link->jitter_us = (int64_t)random_scaled(random, (uint64_t)link->delay_us);
    link->reorder_us = 1000 + (int64_t)random_scaled(random, 3 * (uint64_t)link->delay_us);
    if (one_in(random, 3)) {
        link->bits_per_s = draw(random, 500000, 100000000);
        link->queue_bytes = draw(random, 30000, 300000);
    }
    if (one_in(random, 6))
        link->mtu = only_v4 ? draw(random, 300, 1200) : draw(random, 1280, 1480);
}

static uint32_t draw_bytes(struct random *random, uint32_t most)
{
    if (one_in(random, 8))
        return 0;
    return one_in(random, 3) ? draw(random, 0, most) : (uint32_t)random_scaled(random, most);
}

static void draw_script(struct app_script *script, struct random *random, uint32_t most)
{
    script->send_bytes = draw_bytes(random, most);
    script->spans = one_in(random, 2);
    script->nodelay = one_in(random, 4);
    script->quick_ack = one_in(random, 6);
    if (one_in(random, 4))
        script->write_max = 1 + (uint32_t)random_scaled(random, 8000);
    if (one_in(random, 4))
        script->read_max = 1 + (uint32_t)random_scaled(random, 8000);
    if (one_in(random, 6)) {
        script->write_every_us = (int64_t)random_scaled(random, 20000);
        script->write_max = max_u32(script->write_max, 200);
    }
    if (one_in(random, 6)) {
        script->read_every_us = (int64_t)random_scaled(random, 20000);
        script->read_max = max_u32(script->read_max, 200);
    }
    if (one_in(random, 10))
        script->read_from_us = (int64_t)random_scaled(random, 30000000);
    if (one_in(random, 10))
        script->write_from_us = (int64_t)random_scaled(random, 30000000);
    if (one_in(random, 3))
        script->close_after_us = (int64_t)random_scaled(random, 5000000);
    if (one_in(random, 10) && script->send_bytes > 1)
        script->urgent_at = draw(random, 1, script->send_bytes);
    script->eager = one_in(random, 4);
    if (one_in(random, 10))
        script->keepalive_idle_ms = draw(random, 100, 5000);
}

/* Mostly orderly ends in every order; sometimes one end is rude. */
static void draw_ending(struct conversation *conversation, struct random *random)
{
    struct app_script *client = &conversation->script[0], *server = &conversation->script[1];

    switch (random_below(random, 8)) {
    case 0:
    case 1: server->ending = APP_FIN_AFTER_PEER; break;
    case 2:
    case 3: client->ending = APP_FIN_AFTER_PEER; break;
    case 4:
    case 5: break; /* both when all is sent */
    case 6: (one_in(random, 2) ? client : server)->ending = APP_CLOSE_WHEN_SENT; break;
    case 7: {
        struct app_script *rude = one_in(random, 2) ? client : server;

        rude->ending = one_in(random, 2) ? APP_ABORT : APP_CLOSE_EARLY;
        rude->abort_after = draw(random, 0, client->send_bytes + server->send_bytes);
        conversation->expect = EXPECT_ANY;
        /* The RST may be lost: who waits must ask whether anybody is there. */
        client->keepalive_idle_ms = server->keepalive_idle_ms = 20000;
        break;
    }
    }
}

void chaos_make(struct scenario *scenario, struct random *random)
{
    /* the 32-bit milliseconds of a clock that runs for 49 days, and the seconds of one that runs for 136 years */
    static const int64_t wraps_us[] = {INT64_C(4294967296000), INT64_C(2147483648000),
                                       INT64_C(4294967296000000)};
    uint32_t count = 1 + (uint32_t)random_scaled(random, 7);
    uint32_t most = BYTES_MOST / (count > 3 ? 4u : 1u);
    bool only_v4 = draw_links(scenario, random);
    int64_t open_at_us = 0;

    if (one_in(random, 4))
        scenario->start_us =
            wraps_us[random_below(random, 3)] - (int64_t)random_scaled(random, 20000000);
    for (unsigned node = 0; node < 2; node++) {
        draw_config(&scenario->config[node], random, count);
        draw_faults(&scenario->link[node], random, only_v4);
        if (min_u32(scenario->config[node].receive_bytes, scenario->config[!node].send_bytes) <
            8192)
            most = min_u32(most, 40000);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct conversation *conversation = &scenario->conversations[scenario->count++];

        conversation->v6 = !only_v4 && one_in(random, 2);
        conversation->open_at_us = open_at_us;
        open_at_us += (int64_t)random_scaled(random, 2000000);
        draw_script(&conversation->script[0], random, most);
        draw_script(&conversation->script[1], random, most);
        draw_ending(conversation, random);
    }
    scenario->batch = one_in(random, 2) ? 1 : draw(random, 2, 16);
    scenario->backlog = one_in(random, 4) ? 1 + draw(random, 0, count) : 0;
    if (one_in(random, 4))
        scenario->accept_every_us = (int64_t)random_scaled(random, 500000);
}

/* A client who only listens would wait for ever if the ACK that returns a cookie is lost, as nothing is sent again
 * [RFC 4987 3.6]: here every client has something to say, and says it while its cookie is good. */
void chaos_make_cookies(struct scenario *scenario, struct random *random)
{
    chaos_make(scenario, random);
    scenario->cookies = HF_COOKIES_ALWAYS;
    scenario->config[1].max_connections +=
        scenario->count; /* no cookie grows old for want of room */
    for (unsigned i = 0; i < scenario->count; i++) {
        struct app_script *client = &scenario->conversations[i].script[0];

        if (scenario->conversations[i].expect == EXPECT_WHOLE)
            scenario->conversations[i].expect = EXPECT_WHOLE_OR_UNBORN;
        client->send_bytes = max_u32(client->send_bytes, 1);
        client->write_from_us = 0;
    }
}

/* What is signed cannot be cut by a router: one that wants it smaller says so by ICMP, which is not signed. */
static void sign(struct scenario *scenario, struct random *random)
{
    struct keys_plan *keys = &scenario->keys;

    keys->algorithm = (enum hf_key_algorithm)draw(random, HF_KEY_HMAC_SHA_1_96, HF_KEY_MD5);
    keys->next_algorithm =
        (enum hf_key_algorithm)draw(random, HF_KEY_HMAC_SHA_1_96, HF_KEY_HMAC_SHA_256_128);
    keys->options_excluded = one_in(random, 4);
    if (keys->algorithm != HF_KEY_MD5 && one_in(random, 2)) {
        keys->next_key_us[0] = 1 + (int64_t)random_scaled(random, 5000000);
        keys->next_key_us[1] = 1 + (int64_t)random_scaled(random, 5000000);
        if (one_in(random, 2))
            keys->drop_key_us = time_max(keys->next_key_us[0], keys->next_key_us[1]) + 1000000 +
                                (int64_t)random_scaled(random, 20000000);
    }
    for (unsigned node = 0; node < 2; node++) {
        scenario->config[node].max_keys = 2;
        scenario->link[node].mtu = 0;
    }
}

/* A client whose cookie grew old is not told: so it holds its socket until the server has spoken. */
static void wait_for_word(struct scenario *scenario)
{
    for (unsigned i = 0; i < scenario->count; i++) {
        struct conversation *conversation = &scenario->conversations[i];

        if (conversation->expect != EXPECT_WHOLE_OR_UNBORN)
            continue;
        conversation->script[0].ending = APP_FIN_AFTER_PEER;
        conversation->script[1].ending = APP_FIN_WHEN_SENT;
    }
}

void chaos_make_signed(struct scenario *scenario, struct random *random)
{
    if (one_in(random, 3)) {
        chaos_make_cookies(scenario, random);
        wait_for_word(scenario);
    } else {
        chaos_make(scenario, random);
    }
    sign(scenario, random);
}
