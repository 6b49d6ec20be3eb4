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

/* What this stack does in one way only. */
static void only(const char *key, const char *value, bool ours, const char *why)
{
    if (yes_no(key, value) != ours)
        world_die("flag %s=%s: unsupported, %s", key, value, why);
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
        only(key, value, false, "ECN is never negotiated");
    else if (strcmp(key, "insecure_rst") == 0)
        only(key, value, false, "RFC 5961 3 is always in force");
    else if (strcmp(key, "insecure_syn") == 0)
        only(key, value, false, "RFC 5961 4 is always in force");
    else if (strcmp(key, "drop_synfin") == 0)
        only(key, value, false, "the FIN of a SYN+FIN is ignored and the SYN answered");
    else
        return false;
    return true;
}

static bool read_size(struct flags *flags, const char *key, const char *value)
{
    struct hf_config *config = &flags->config;

    if (strcmp(key, "rcvbuf") == 0) {
        config->receive_bytes = number(key, value, 1024, 1u << 26);
        flags->rcvbuf_given = true;
    } else if (strcmp(key, "sndbuf") == 0)
        config->send_bytes = number(key, value, 1024, 1u << 26);
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

/* The shift follows from the receive queue: the smallest that can express it. */
static void agree_on_scale(struct flags *flags)
{
    int shift = 0;

    if (flags->wscale < 0)
        return;
    if (!flags->rcvbuf_given) {
        flags->config.receive_bytes = 65535u << flags->wscale;
        return;
    }
    while (flags->config.receive_bytes >> shift > 65535)
        shift++;
    if (shift != flags->wscale)
        world_die("flag wscale=%d: rcvbuf=%u needs %d", flags->wscale, flags->config.receive_bytes,
                  shift);
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
