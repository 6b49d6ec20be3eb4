/* --so_flags=key=value,...: what the scripts may ask of the stack. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#define FLAG_MAX 128
#define CONNECTIONS_AT_ONCE 8 /* that fill their queues */

/* A number in its range, or the end. */
static uint32_t number(const char *key, const char *value, uint32_t least, uint32_t most)
{
    char *end;
    unsigned long long result = strtoull(value, &end, 10);

    if (*value < '0' || *value > '9' || *end || result < least || result > most)
        world_die("flag %s=%s: a number from %u to %u is wanted", key, value, least, most);
    return (uint32_t)result;
}

static bool yes_no(const char *key, const char *value)
{
    return number(key, value, 0, 1) != 0;
}

/* 0: never, 1: asked for, 2: agreed to when the peer asks, as FreeBSD numbers them. With 2 the run goes on until one asks. */
static void read_ecn(struct flags *flags, const char *value)
{
    uint32_t ecn = number("ecn", value, 0, 2);

    if (ecn == 1)
        world_die("flag ecn=1: unsupported, ECN is never negotiated");
    flags->ecn_when_asked = ecn == 2;
}

static void read_local_ip(struct flags *flags, const char *value)
{
    flags->config.addresses[0] = (struct hf_prefix){0};
    if (hf_address_parse(&flags->config.addresses[0].address, value) != HF_OK)
        world_die("flag local_ip=%s: not an address", value);
    flags->local_known = true;
}

static void read_order(struct flags *flags, const char *value)
{
    if (strcmp(value, "linux") == 0)
        flags->order = ORDER_LINUX;
    else if (strcmp(value, "freebsd") == 0)
        flags->order = ORDER_FREEBSD;
    else
        world_die("flag order=%s: linux or freebsd is wanted", value);
}

static bool read_time(struct flags *flags, const char *key, const char *value)
{
    struct hf_config *config = &flags->config;
    const struct {
        const char *key;
        uint32_t *to, *also;
        uint32_t least, most;
    } rows[] = {
        {"delack_ms", &config->delayed_ack_ms, NULL, 0, 500},
        {"rto_initial_ms", &config->initial_rto_ms, NULL, 1, 60000},
        {"min_rto_ms", &config->min_rto_ms, NULL, 1, 60000},
        {"keepinit_ms", &config->syn_timeout_ms, &config->half_open_timeout_ms, 1, 3600000},
        {"keepidle_ms", &flags->keep_idle_ms, NULL, 1, 86400000},
        {"keepintvl_ms", &config->keepalive_interval_ms, NULL, 1, 3600000},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(key, rows[i].key) != 0)
            continue;
        *rows[i].to = number(key, value, rows[i].least, rows[i].most);
        if (rows[i].also)
            *rows[i].also = *rows[i].to;
        return true;
    }
    return false;
}

static bool read_switch(struct flags *flags, const char *key, const char *value)
{
    struct hf_config *config = &flags->config;

    if (strcmp(key, "sack") == 0)
        config->sack = yes_no(key, value);
    else if (strcmp(key, "rfc7323") == 0)
        config->timestamps = config->window_scaling = yes_no(key, value);
    else if (strcmp(key, "syncookies") == 0)
        flags->cookies_off = !yes_no(key, value);
    else if (strcmp(key, "syncookies_only") == 0)
        flags->cookies_only = yes_no(key, value);
    else if (strcmp(key, "ecn") == 0)
        read_ecn(flags, value);
    else if (strcmp(key, "insecure_rst") == 0)
        flags->old_rules.reset = yes_no(key, value);
    else if (strcmp(key, "insecure_syn") == 0)
        flags->old_rules.syn = yes_no(key, value);
    else if (strcmp(key, "drop_synfin") == 0)
        flags->old_rules.no_syn_fin = yes_no(key, value);
    else
        return false;
    return true;
}

static bool read_size(struct flags *flags, const char *key, const char *value)
{
    struct hf_config *config = &flags->config;

    if (strcmp(key, "rcvbuf") == 0) {
        flags->rcvbuf = config->receive_bytes = number(key, value, 1024, 1u << 26);
    } else if (strcmp(key, "sndbuf") == 0)
        config->send_bytes = number(key, value, 1024, 1u << 26);
    else if (strcmp(key, "mtu") == 0)
        config->mtu = (uint16_t)number(key, value, 576, 65535);
    else if (strcmp(key, "wscale") == 0)
        flags->wscale = (int)number(key, value, 0, 14);
    else if (strcmp(key, "iw") == 0)
        config->initial_window = (uint8_t)number(key, value, 1, 255);
    else if (strcmp(key, "keepcnt") == 0)
        config->keepalive_count = (uint8_t)number(key, value, 1, 255);
    else
        return false;
    return true;
}

static void read_flag(struct flags *flags, char *flag)
{
    char *value = strchr(flag, '=');

    if (!value || value == flag || !value[1])
        world_die("flag \"%s\": key=value is wanted", flag);
    *value++ = 0;
    if (strcmp(flag, "local_ip") == 0)
        read_local_ip(flags, value);
    else if (strcmp(flag, "order") == 0)
        read_order(flags, value);
    else if (!read_time(flags, flag, value) && !read_switch(flags, flag, value) &&
             !read_size(flags, flag, value))
        world_die("flag %s: unknown", flag);
}

/* The shift that is asked for. A window that it cannot express is not offered. */
static void agree_on_scale(struct flags *flags)
{
    struct hf_config *config = &flags->config;
    uint32_t most = 65535u << (flags->wscale < 0 ? 0 : flags->wscale);

    if (flags->wscale >= 0 && (flags->rcvbuf == 0 || flags->rcvbuf > most))
        config->receive_bytes = most;
    if (flags->wscale > 0)
        config->window_scale = (uint8_t)flags->wscale;
    if (flags->rcvbuf == 0)
        flags->rcvbuf = config->receive_bytes;
}

void flags_read(struct flags *flags, const char *text)
{
    char flag[FLAG_MAX];

    *flags = (struct flags){.config = HF_CONFIG_DEFAULT, .wscale = -1, .keep_idle_ms = 7200000};
    flags->config.link = HF_RAW_IP;
    flags->config.scan_ports = 0;
    while (text && *text) {
        size_t length = strcspn(text, ",");

        if (length >= sizeof flag)
            world_die("flag \"%.20s...\": too long", text);
        memcpy(flag, text, length);
        flag[length] = 0;
        read_flag(flags, flag);
        text += length;
        if (*text == ',' && !*++text)
            world_die("flags: nothing after the last comma");
    }
    if (flags->cookies_off && flags->cookies_only)
        world_die("flag syncookies_only=1: not with syncookies=0");
    agree_on_scale(flags);
    /* no script is to feel another connection's bytes */
    flags->config.pool_bytes =
        CONNECTIONS_AT_ONCE * (uint64_t)(flags->config.receive_bytes + flags->config.send_bytes);
}
