/* Mirrors: an attacker who lets others answer his victim, and what they say. [RFC 4987 2.1; RFC 1122 3.2.2.6] */
#include <stdlib.h>

#include "base/must.h"
#include "base/time.h"
#include "sim/attack_flood.h"
#include "story/story.h"

#define SEED 0xd7d05u

struct ratio {
    int64_t frames, answers, packets, bytes; /* the ratios in thousandths */
};

static struct field *open_mirror(struct field_setup setup)
{
    struct field *field = calloc(1, sizeof *field);

    must(field);
    field_open(field, &setup);
    return field;
}

static void close_mirror(struct field *field)
{
    field_close(field);
    free(field);
}

/* SYNs in the victim's name, and all that they bring him for so long after. */
static struct ratio reflect(struct field *field, const struct flood_setup *setup)
{
    struct flood flood;

    flood_enter(&flood, field, setup);
    field_pass(field, (int64_t)(setup->frames * US_PER_S / setup->per_s) + 70 * US_PER_S);
    return (struct ratio){
        .frames = (int64_t)flood.attacker.frames,
        .answers = (int64_t)flood.answers,
        .packets = (int64_t)(flood.answers * 1000 / flood.attacker.frames),
        .bytes = (int64_t)(flood.answer_bytes * 1000 / flood.attacker.bytes),
    };
}

static struct ratio mirror(bool textbook, bool flooded)
{
    struct field_setup setup = field_setup_default(SEED);
    struct flood_setup few = {
        .kind = FLOOD_SYN, .source = FLOOD_FROM_ONE, .frames = 50, .per_s = 10};
    struct ratio ratio;

    if (textbook) {
        setup.listen.cookies = HF_COOKIES_OFF;
        setup.listen.syn_ack_retries = 5;
        setup.listen.half_open_timeout_ms = 63000;
        setup.listen.source_limit = setup.server.max_half_opens;
    }
    if (flooded) {
        few.frames = 20000;
        few.per_s = 20000;
    }
    struct field *field = open_mirror(setup);
    if (flooded) { /* the cache is full of others already */
        struct flood others;

        flood_enter(&others, field,
                    &(struct flood_setup){.kind = FLOOD_SYN, .frames = 2000, .per_s = 1000000});
        field_pass(field, 3 * US_PER_MS);
        field->attacker_count = 0;
    }
    ratio = reflect(field, &few);
    close_mirror(field);
    return ratio;
}

/* Smurf: echo requests and SYNs to the network's broadcast address, in the victim's name. */
static struct ratio smurf(void)
{
    struct field *field = open_mirror(field_setup_default(SEED));
    struct hf_address victim = attack_address(&field->random, false),
                      everybody = field_server(field);
    struct flow flow = {.remote = victim, .remote_port = 4711, .local_port = FIELD_PORT};
    struct segment syn = {.seq = seq_of(1), .flags = TCP_SYN, .window = 1000};
    struct ratio ratio = {.frames = 200};
    uint8_t frame[ATTACK_FRAME_MAX];

    everybody.bytes[15] = 255; /* 192.0.2.255 of 192.0.2.0/24 */
    flow.local = everybody;
    for (int64_t i = 0; i < ratio.frames; i++) {
        bool echo = i % 2 == 0;

        field_give(field, frame,
                   echo ? attack_frame_echo(frame, &victim, &everybody, 56)
                        : attack_frame_segment(frame, &flow, &syn));
    }
    field_pass(field, 10 * US_PER_S);
    ratio.answers = (int64_t)field->to_others.frames;
    close_mirror(field);
    return ratio;
}

void scene_drdos(struct story *story)
{
    static const struct story_text columns[] = {{{"textbook", "教科书"}},
                                                {{"calm", "平静时"}},
                                                {{"flooded", "洪水中"}},
                                                {{"broadcast", "广播地址"}}};
    struct ratio r[] = {mirror(true, false), mirror(false, false), mirror(false, true), smurf()};

    story_remark(
        story,
        "Distributed Reflection Denial of Service: the impostor writes to many honest servers in "
        "the victim's name, and their answers crush the victim. Is Amily a good mirror?",
        "DRDoS 就是 Distributed Reflection Denial of Service 的简写，这是分布反射式拒绝服务的意思。"
        "冒充者以受害者的名义给许多无辜的 Server 写信，让回信全都涌向受害者。Amily "
        "会成为这样的镜子吗？");
    struct story_table *table = story_table(story, 4, columns);
    story_row(table, STORY_COUNT, "packets in the victim's name", "冒用受害者名义的报文",
              (int64_t[]){r[0].frames, r[1].frames, r[2].frames, r[3].frames});
    story_row(table, STORY_COUNT, "answers to the victim", "发往受害者的回答",
              (int64_t[]){r[0].answers, r[1].answers, r[2].answers, r[3].answers});
    story_row(table, STORY_RATIO, "packets out for one in", "每收一个包，发出几个",
              (int64_t[]){r[0].packets, r[1].packets, r[2].packets, r[3].packets});
    story_row(table, STORY_RATIO, "bytes out for one in", "每收一字节，发出几字节",
              (int64_t[]){r[0].bytes, r[1].bytes, r[2].bytes, r[3].bytes});
    story_note(story, "textbook_packets", r[0].packets);
    story_note(story, "calm_packets", r[1].packets);
    story_note(story, "flooded_packets", r[2].packets);
    story_note(story, "flooded_bytes", r[2].bytes);
    story_note(story, "broadcast_answers", r[3].answers);
    story_note(story, "broadcast_frames", r[3].frames);
    story_remark(
        story,
        "The textbook's server sends six for one. In a flood Handfast sends one answer, never "
        "larger than the question. Smurf does the same in a local network, with a question to "
        "everybody at once: such questions meet silence.",
        "教科书式的 Server 收一个，发六个。洪水中 Handfast 只回答一次，而且绝不比来信长。"
        "DRDoS 的攻击原理和 Smurf 攻击原理相近，不过 DRDoS 是可以在广域网上进行的，而 Smurf "
        "攻击是在局域网进行的："
        "向所有人同时发问。这样的问题得不到任何回答。");
}
