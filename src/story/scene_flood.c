/* Attacks on the door and what each cure changes, counted: a flood beside honest clients in the simulator. [RFC 4987 2.1, 3] */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/must.h"
#include "base/time.h"
#include "gate/syn_cache.h"
#include "sim/attack_crowd.h"
#include "sim/attack_flood.h"
#include "sim/attack_peer.h"
#include "stack/connection.h"
#include "story/story.h"

#define SEED 0xf100du
#define CLIENTS 100u     /* honest ones, within a second                                  */
#define FLOOD_S 2u       /* the flood is there before them and after                      */
#define PATIENCE_S 3u    /* so long after the flood an honest client may still try          */
#define FEW 64u          /* half-opens of a server that gives each a whole connection      */
#define SLOW_FLOOD 2000u /* SYNs a second */
#define FAST_FLOOD 20000u

struct trial {
    struct hf_listen_options listen;
    uint32_t half_opens; /* room for so many */
    struct flood_setup flood;
};

struct outcome {
    int64_t syns, served_per_cent, turned_away, unheard, half_opens_most, kept_bytes, answers,
        repeats, resets, released, cookies, source_limited;
};

/* The textbook's server: a half-open costs a whole TCB, five repetitions, and when there is no room left, none is made. */
static struct trial textbook(uint32_t per_s)
{
    return (struct trial){
        .listen = {.cookies = HF_COOKIES_OFF,
                   .when_full = HF_DROP_NEW,
                   .syn_ack_retries = 5,
                   .half_open_timeout_ms = 63000,
                   .source_limit = FEW},
        .half_opens = FEW,
        .flood = {.kind = FLOOD_SYN, .frames = FLOOD_S * per_s, .per_s = per_s},
    };
}

static void read_counters(const struct field *field, struct outcome *outcome)
{
    const struct hf_stats *stats = field_stats(field);

    outcome->answers = (int64_t)stats->syn_ack_sent;
    outcome->repeats = (int64_t)stats->syn_ack_resent;
    outcome->released = (int64_t)(stats->syn_cache_evicted + stats->syn_cache_timeout);
    outcome->cookies = (int64_t)stats->syn_cookie_sent;
    outcome->source_limited = (int64_t)stats->syn_source_limited;
    outcome->unheard = (int64_t)(stats->syn_received - stats->syn_ack_sent - stats->syn_duplicate);
}

static void read_crowd(const struct crowd *crowd, struct outcome *outcome)
{
    outcome->served_per_cent = (int64_t)crowd->succeeded * 100 / CLIENTS;
    for (uint32_t i = 0; i < crowd->opened; i++)
        outcome->turned_away += crowd->clients[i].error == HF_RESET;
}

/* How many half-opens there are at most while the flood lasts. */
static void watch(struct field *field, struct outcome *outcome)
{
    struct hf_gauges gauges;

    hf_gauges(field->server.stack, &gauges);
    if (gauges.half_opens > outcome->half_opens_most)
        outcome->half_opens_most = gauges.half_opens;
}

static struct outcome play(const struct trial *trial)
{
    static const struct crowd_setup honest = {
        .clients = CLIENTS, .per_s = CLIENTS, .request = 300, .response = 3000};
    struct field_setup setup = field_setup_default(SEED);
    struct field *field = calloc(1, sizeof *field);
    struct outcome outcome = {0};
    struct crowd crowd;
    struct flood flood;

    must(field);
    setup.listen = trial->listen;
    setup.listen.backlog = 128;
    setup.listen.half_open_limit = trial->half_opens;
    setup.server.max_half_opens = trial->half_opens;
    setup.server.max_connections = 256;
    field_open(field, &setup);
    flood_enter(&flood, field, &trial->flood);
    field_pass(field, 500 * US_PER_MS);
    crowd_enter(&crowd, field, &honest);
    for (unsigned i = 0; i < 10 * (FLOOD_S + PATIENCE_S); i++) {
        field_pass(field, 100 * US_PER_MS);
        watch(field, &outcome);
    }
    outcome.syns = (int64_t)flood.attacker.frames;
    outcome.resets = (int64_t)flood.resets;
    read_crowd(&crowd, &outcome);
    read_counters(field, &outcome);
    crowd_leave(&crowd, field);
    field_close(field);
    free(field);
    return outcome;
}

#define ROW(unit, en, zh, what)                 \
    do {                                        \
        int64_t values[STORY_COLUMNS_MAX];      \
        for (unsigned at = 0; at < count; at++) \
            values[at] = outcomes[at].what;     \
        story_row(table, unit, en, zh, values); \
    } while (0)

/* The rows that every trial has, one column each. */
static struct story_table *compare(struct story *story, const struct story_text *columns,
                                   const struct outcome *outcomes, unsigned count)
{
    struct story_table *table = story_table(story, count, columns);

    ROW(STORY_COUNT, "forged SYNs", "伪造的 SYN", syns);
    ROW(STORY_PER_CENT, "honest clients served", "得到服务的正常客户", served_per_cent);
    ROW(STORY_COUNT, "honest clients reset by Amily", "被 Amily 复位的正常客户", turned_away);
    ROW(STORY_COUNT, "half-opens kept, at most", "同时保留的半开连接（最多）", half_opens_most);
    ROW(STORY_COUNT, "bytes kept for half-opens, at most", "半开连接占用的字节（最多）",
        kept_bytes);
    return table;
}

static void cost(struct outcome *outcome, uint32_t bytes_each)
{
    outcome->kept_bytes = outcome->half_opens_most * bytes_each;
}

/* What a half-open costs as a whole connection, and as an entry of the cache. */
#define TCB_BYTES ((uint32_t)sizeof(struct connection))
#define CACHE_ENTRY ((uint32_t)sizeof(struct half_open))

/* ---- the flood itself, and both kinds of owner ---- */

void scene_flood(struct story *story)
{
    static const struct story_text columns[] = {{{"owners are silent", "真实主机不回应"}},
                                                {{"owners answer RST", "真实主机回 RST"}}};
    struct trial silent = textbook(SLOW_FLOOD), resetting = silent;
    const unsigned count = 2;

    resetting.flood.owners_reset = true;
    struct outcome outcomes[] = {play(&silent), play(&resetting)};
    cost(&outcomes[0], TCB_BYTES);
    cost(&outcomes[1], TCB_BYTES);
    story_say(story, STORY_IMPOSTOR, "Amily, I like you. (Signed: Karma. And Karma. And Karma ...)",
              "Amily, 我喜欢你。（署名：Karma、Karma、Karma……）");
    story_remark(
        story,
        "Many pretend to be Karma, and nobody answers Amily, who keeps waiting for each. Her "
        "textbook server holds %u half-opens, says SYN+ACK up to five times again, and when "
        "there is no room it hears nobody.",
        "有很多人冒充 Karma，没有人回复 Amily，而 Amily 一直在等待。"
        "这台教科书式的 Server 只能容纳 %u 个半开连接，SYN+ACK 最多重试 5 "
        "次；队列满了以后，谁的话也听不见。",
        FEW);
    struct story_table *table = compare(story, columns, outcomes, count);
    ROW(STORY_COUNT, "SYN+ACKs sent again", "重发的 SYN+ACK", repeats);
    ROW(STORY_COUNT, "RSTs from owners", "真实主机发来的 RST", resets);
    ROW(STORY_COUNT, "SYNs not heard (no room)", "因队列已满而丢弃的 SYN", unheard);
    story_note(story, "served_silent", outcomes[0].served_per_cent);
    story_note(story, "served_resetting", outcomes[1].served_per_cent);
    story_note(story, "half_opens_silent", outcomes[0].half_opens_most);
    story_note(story, "repeats_silent", outcomes[0].repeats);
    story_remark(
        story,
        "The mark of it: very many SYNs, and the last ACK missing. Forged addresses of living "
        "hosts do the attacker no good, as these say RST; so he takes addresses of nobody.",
        "它的特征：大量 SYN 包，并且缺少最后一步的 ACK 回复。如果被伪造的地址上真有主机，"
        "它会回 RST，半开连接随即释放；所以攻击者专挑没有主机的地址。");
}

/* ---- the cures ---- */

void scene_release(struct story *story)
{
    static const struct story_text columns[] = {
        {{"none", "无防御"}}, {{"release", "监视释放"}}, {{"10 x the flood", "十倍洪水"}}};
    struct trial none = textbook(SLOW_FLOOD), release = none, fast;
    const unsigned count = 3;

    release.listen.when_full = HF_EVICT_OLDEST;
    release.listen.half_open_timeout_ms = 1000;
    release.listen.syn_ack_retries = -1;
    fast = release;
    fast.flood.per_s = FAST_FLOOD;
    fast.flood.frames = (uint64_t)FLOOD_S * FAST_FLOOD;
    struct outcome outcomes[] = {play(&none), play(&release), play(&fast)};
    for (unsigned i = 0; i < count; i++)
        cost(&outcomes[i], TCB_BYTES);
    story_remark(
        story,
        "First cure: watch the half-open and the idle, and release them when there are too "
        "many: here the oldest gives way, and none waits longer than a second.",
        "解决方法一：无效连接监视释放。不停监视半开连接和不活动连接，达到一定值时就释放："
        "这里由最旧的让位，每个最多等一秒。");
    struct story_table *table = compare(story, columns, outcomes, count);
    ROW(STORY_COUNT, "half-opens released", "被释放的半开连接", released);
    story_note(story, "served_none", outcomes[0].served_per_cent);
    story_note(story, "served_release", outcomes[1].served_per_cent);
    story_note(story, "served_fast", outcomes[2].served_per_cent);
    story_note(story, "turned_away_release", outcomes[1].turned_away);
    story_note(story, "turned_away_fast", outcomes[2].turned_away);
    story_note(story, "released", outcomes[1].released);
    story_remark(
        story,
        "Hurt a thousand of the enemy, lose eight hundred of your own: an honest client farther "
        "away than the time that a half-open lives is released with the rest.",
        "《孙子兵法》的谋攻引申出来的一句话：伤敌一千，自损八百。"
        "往返时间比半开连接的寿命还长的正常客户，也一起被释放了。");
}

void scene_cache(struct story *story)
{
    static const struct story_text columns[] = {{{"none: TCBs", "无防御：TCB"}},
                                                {{"SYN cache", "SYN cache"}},
                                                {{"10 x the flood", "十倍洪水"}}};
    const uint32_t entries = FEW * TCB_BYTES / CACHE_ENTRY;
    struct trial none = textbook(SLOW_FLOOD), cache = none, fast;
    const unsigned count = 3;

    cache.listen.when_full = HF_EVICT_OLDEST;
    cache.listen.half_open_timeout_ms = 0;
    cache.listen.syn_ack_retries = 0;
    cache.half_opens = entries;
    cache.listen.source_limit = entries;
    fast = cache;
    fast.flood.per_s = FAST_FLOOD;
    fast.flood.frames = (uint64_t)FLOOD_S * FAST_FLOOD;
    struct outcome outcomes[] = {play(&none), play(&cache), play(&fast)};
    cost(&outcomes[0], TCB_BYTES);
    cost(&outcomes[1], CACHE_ENTRY);
    cost(&outcomes[2], CACHE_ENTRY);
    story_remark(
        story,
        "Second cure: no TCB for a SYN. A hash table keeps %u bytes of it, and only the right "
        "ACK makes a connection of %u. In the same memory wait %u instead of %u.",
        "解决方法二：SYN cache。收到 SYN 时不急着分配 TCB，先在专用的 HASH 表中只记 %u 字节，"
        "直到收到正确的 ACK 才分配 %u 字节的连接。同样的内存可以同时等待 %u 个，而不是 %u 个。",
        CACHE_ENTRY, TCB_BYTES, entries, FEW);
    struct story_table *table = compare(story, columns, outcomes, count);
    ROW(STORY_COUNT, "half-opens that gave way", "被挤出的半开连接", released);
    story_note(story, "entries", entries);
    story_note(story, "served_none", outcomes[0].served_per_cent);
    story_note(story, "served_cache", outcomes[1].served_per_cent);
    story_note(story, "turned_away_cache", outcomes[1].turned_away);
    story_note(story, "turned_away_fast", outcomes[2].turned_away);
    story_note(story, "bytes_none", outcomes[0].kept_bytes);
    story_note(story, "bytes_cache", outcomes[1].kept_bytes);
    story_remark(
        story,
        "Honest clients pay nothing until the flood is faster than the table is large; then "
        "the oldest give way, the honest among them.",
        "只要表够大，正常客户不付任何代价；洪水超出表的容量时，最旧的被挤出，"
        "其中也有正常客户的。");
}

struct agreed {
    int64_t mss, scale, sack;
};

/* What an honest client who offers 1460, 7 and SACK ends up with. */
static struct agreed agree(uint8_t cookies, bool timestamps)
{
    struct field_setup setup = field_setup_default(SEED);
    struct field *field = calloc(1, sizeof *field);
    struct hf_status status = {0};
    struct attack_peer peer;
    hf_socket socket;

    must(field);
    setup.listen.cookies = cookies;
    field_open(field, &setup);
    attack_peer_init(&peer, field, attack_address(&field->random, false), 4711, FIELD_PORT);
    peer.timestamps = timestamps;
    must(attack_peer_open(&peer, field));
    must(hf_accept(field->server.stack, field->listener, &socket) == HF_OK);
    must(hf_status(field->server.stack, socket, &status) == HF_OK);
    field_close(field);
    free(field);
    return (struct agreed){status.mss, status.window_scaling ? status.send_scale : 0, status.sack};
}

static void tell_agreed(struct story *story)
{
    static const struct story_text columns[] = {{{"SYN cache", "SYN cache"}},
                                                {{"cookie", "cookie"}},
                                                {{"without timestamps", "没有时间戳"}}};
    struct agreed a[] = {agree(HF_COOKIES_OFF, true), agree(HF_COOKIES_ALWAYS, true),
                         agree(HF_COOKIES_ALWAYS, false)};
    struct story_table *table = story_table(story, 3, columns);

    story_row(table, STORY_COUNT, "largest segment, of 1,460 offered", "最大报文段（提议 1,460）",
              (int64_t[]){a[0].mss, a[1].mss, a[2].mss});
    story_row(table, STORY_COUNT, "window scale, of 7 offered", "窗口扩大因子（提议 7）",
              (int64_t[]){a[0].scale, a[1].scale, a[2].scale});
    story_row(table, STORY_YES, "SACK", "SACK", (int64_t[]){a[0].sack, a[1].sack, a[2].sack});
    story_note(story, "mss_cache", a[0].mss);
    story_note(story, "mss_cookie", a[1].mss);
    story_note(story, "mss_plain", a[2].mss);
    story_note(story, "scale_cookie", a[1].scale);
    story_note(story, "scale_plain", a[2].scale);
}

void scene_cookie(struct story *story)
{
    static const struct story_text columns[] = {
        {{"none", "无防御"}}, {{"SYN cookie", "SYN cookie"}}, {{"10 x the flood", "十倍洪水"}}};
    struct trial none = textbook(SLOW_FLOOD), cookie = none, fast;
    const unsigned count = 3;

    cookie.listen = (struct hf_listen_options){.cookies = HF_COOKIES_ALWAYS};
    fast = cookie;
    fast.flood.per_s = FAST_FLOOD;
    fast.flood.frames = (uint64_t)FLOOD_S * FAST_FLOOD;
    struct outcome outcomes[] = {play(&none), play(&cookie), play(&fast)};
    cost(&outcomes[0], TCB_BYTES);
    cost(&outcomes[1], CACHE_ENTRY);
    cost(&outcomes[2], CACHE_ENTRY);
    story_remark(
        story,
        "Third cure: Amily's first number is a keyed hash of both addresses and ports, the time "
        "and Karma's number. She keeps nothing; whoever brings the number back plus one was "
        "there to read it.",
        "解决方法三：SYN Cookie。用一种特殊的算法生成 sequence number，"
        "算法考虑到对方的（IP、端口等）信息和己方信息，收到对方的 ACK "
        "报文后，验证之后才决定是否生成 TCB："
        "能带回这个序号加一的人，一定收到过它。在此之前 Amily 什么也不保存。");
    struct story_table *table = compare(story, columns, outcomes, count);
    ROW(STORY_COUNT, "SYN+ACKs that kept nothing", "不留状态的 SYN+ACK", cookies);
    story_note(story, "served_none", outcomes[0].served_per_cent);
    story_note(story, "served_cookie", outcomes[1].served_per_cent);
    story_note(story, "served_fast", outcomes[2].served_per_cent);
    story_note(story, "kept_bytes", outcomes[1].kept_bytes + outcomes[2].kept_bytes);
    story_note(story, "half_opens", outcomes[1].half_opens_most + outcomes[2].half_opens_most);
    story_note(story, "cookies", outcomes[2].cookies);
    story_note(story, "syns_fast", outcomes[2].syns);
    story_note(story, "turned_away", outcomes[1].turned_away + outcomes[2].turned_away);
    story_remark(
        story,
        "What it costs honest clients: a SYN+ACK that is lost is not repeated, as nobody "
        "remembers it; and a client without timestamps gets a coarser agreement, for want of bits "
        "to remember it in. So Handfast uses cookies only under pressure.",
        "正常客户的代价：丢失的 SYN+ACK 不会重发，因为没有人记得它；没有时间戳选项的客户"
        "只能得到近似的参数，因为没有足够的位来记住它们。所以 Handfast 只在有压力时使用 cookie。");
    tell_agreed(story);
}

/* ---- who attacks ---- */

/* Handfast as it comes. */
static struct trial usual(enum flood_source source)
{
    return (struct trial){
        .half_opens = 1024,
        .flood = {.kind = FLOOD_SYN,
                  .source = source,
                  .frames = (uint64_t)FLOOD_S * FAST_FLOOD,
                  .per_s = FAST_FLOOD},
    };
}

static void tell_crowd(struct story *story, enum flood_source source)
{
    static const struct story_text columns[] = {{{"textbook", "教科书"}},
                                                {{"Handfast", "Handfast"}}};
    struct trial none = textbook(FAST_FLOOD), ours = usual(source);
    const unsigned count = 2;

    none.flood.source = source;
    struct outcome outcomes[] = {play(&none), play(&ours)};
    cost(&outcomes[0], TCB_BYTES);
    cost(&outcomes[1], CACHE_ENTRY);
    struct story_table *table = compare(story, columns, outcomes, count);
    ROW(STORY_COUNT, "SYNs not heard (no room)", "因队列已满而丢弃的 SYN", unheard);
    ROW(STORY_COUNT, "SYN+ACKs that kept nothing (cookies)", "不留状态的 SYN+ACK（cookie）",
        cookies);
    story_note(story, "served_textbook", outcomes[0].served_per_cent);
    story_note(story, "served", outcomes[1].served_per_cent);
    story_note(story, "half_opens", outcomes[1].half_opens_most);
    story_note(story, "source_limited", outcomes[1].source_limited);
    story_note(story, "cookies", outcomes[1].cookies);
    story_note(story, "syns", outcomes[1].syns);
}

void scene_dos(struct story *story)
{
    story_remark(story, "Denial of Service: a duel, one machine against one. Whose is faster?",
                 "DoS 是 Denial of Service 的简写，就是拒绝服务。它的攻击方法说白了就是单挑，"
                 "是比谁的机器性能好、速度快。");
    tell_crowd(story, FLOOD_FROM_ONE);
    story_remark(
        story,
        "One source has a sixteenth of the cache, and no more; beyond it is answered without a "
        "memory, not refused: else a forger could lock out whom he imitates.",
        "单一来源最多占缓存的十六分之一；超出的部分不会被拒绝，只是回答时不留状态："
        "否则伪造者就能把他冒充的人锁在门外。");
}

void scene_ddos(struct story *story)
{
    story_remark(
        story,
        "Distributed Denial of Service: a brawl. Many machines at once, all in the hand of one "
        "attacker.",
        "DDoS 是 Distributed Denial of Service 的简写，就是分布式拒绝服务。它的原理说白了就是群殴，"
        "用好多的机器对目标机器一起发动 DoS "
        "攻击，但这不是很多黑客一起参与的，这种攻击只是由一名黑客来操作的。");
    tell_crowd(story, FLOOD_FROM_ANYWHERE);
    story_remark(
        story,
        "No source stands out here, so no limit of one helps: what helps is that a SYN costs "
        "nothing. A full uplink, and a flood of real connections from many real hosts, cannot "
        "be stopped at the server within TCP/IP.",
        "这里没有哪个来源特别突出，限制单一来源没有用；有用的是让一个 SYN 不占用任何资源。"
        "带宽被占满，或者大量真实主机建立真实连接，在 TCP/IP 之内，Server 自己是挡不住的。");
}
