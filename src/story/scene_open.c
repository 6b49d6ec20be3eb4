/* Opening and closing: three, four, why not two, flags, a refusal, and the textbook's time limit. [RFC 9293 3.5, 3.6] */
#include "base/must.h"
#include "base/time.h"
#include "story/lines.h"
#include "story/stage.h"

#define NO_CUE         \
    {                  \
        .begins = NULL \
    }

static const struct cue three[] = {
    {"S ",
     false,
     STORY_KARMA,
     {{LINE_LIKE}},
     {{"SYN: may we? It carries the first of Karma's numbers.",
       "SYN：请求连接，带上 Karma 的初始序号。"}}},
    {"S.",
     true,
     STORY_AMILY,
     {{LINE_LIKE_TOO}},
     {{"SYN+ACK: yes, I heard number 0 of yours (ack 1), and here is mine.",
       "SYN+ACK：用 ACK 确认 Karma 的序号（ack 1），同时发出自己的 SYN。"}}},
    {".",
     false,
     STORY_KARMA,
     {{LINE_TOGETHER}},
     {{"ACK: I heard yours too. Now both know that both have heard.",
       "ACK：我也收到了你的回应。至此双方都知道，对方听到了自己。"}}},
    NO_CUE,
};

void scene_handshake(struct story *story)
{
    struct stage_setup setup = stage_setup_default();
    struct stage stage;

    stage_open(&stage, story, &setup);
    stage_cues(&stage, three);
    stage_connect(&stage, STAGE_PORT);
    stage_settle(&stage);
    story_note(story, "together",
               stage_is(&stage, STAGE_KARMA, HF_STATE_ESTABLISHED) &&
                   stage_is(&stage, STAGE_AMILY, HF_STATE_ESTABLISHED));
    story_note(story, "segments", (int64_t)stage.world.frames);
    story_remark(story, "TCP connection OK: three segments, and Karma and Amily are together.",
                 "TCP 连接 OK。三个报文之后, Karma and Amily together。");
    stage_close(&stage);
}

static const struct cue four[] = {
    {"F.",
     true,
     STORY_AMILY,
     {{"Karma, let us get married.", "Karma, 我们结婚吧。"}},
     {{"FIN: Amily has nothing more to send. The server closes first here; either side may.",
       "FIN：Amily 表示自己已经传输结束。这里由 Server 主动发起；Client 或 Server "
       "均可主动发起挥手动作。"}}},
    {".",
     false,
     STORY_KARMA,
     {{"Amily, let me get ready.", "Amily, 让我准备一下。"}},
     {{"ACK: I heard you, and I am not done yet. That is CLOSE-WAIT.",
       "ACK：我已经知道了，但是我还没有确定是否收到所有的，还需要稍等一会。这就是 CLOSE-WAIT。"}}},
    {"P",
     false,
     STORY_KARMA,
     {{LINE_NONE}},
     {{"Data may still flow this way: half of the connection is open.",
       "这个方向仍然可以传数据：连接只关闭了一半。"}}},
    {".",
     true,
     STORY_AMILY,
     {{LINE_NONE}},
     {{"Amily, who says nothing more herself, still acknowledges.",
       "Amily 自己不再发送数据，但仍然确认收到的数据。"}}},
    {"F.",
     false,
     STORY_KARMA,
     {{LINE_MARRY}},
     {{"FIN: Karma is done too.", "FIN：Karma 自己已经收集完成，可以 interrupt。"}}},
    {".",
     true,
     STORY_AMILY,
     {{LINE_REGISTER}},
     {{"ACK: heard. Karma's end is closed; Amily waits twice the life of a segment (TIME-WAIT), in "
       "case this last word was lost.",
       "ACK：收到，会 interrupt。Karma 一端就此关闭；Amily "
       "再等两倍的报文最大生存时间（TIME-WAIT），"
       "以防这最后一句丢失。"}}},
    NO_CUE,
};

void scene_close(struct story *story)
{
    struct stage_setup setup = stage_setup_default();
    struct stage stage;

    setup.quiet = true;
    stage_open(&stage, story, &setup);
    stage_together(&stage);
    stage.quiet = false;
    stage_cues(&stage, four);
    stage_shutdown(&stage, STAGE_AMILY);
    stage_settle(&stage);
    story_note(story, "close_wait", stage_is(&stage, STAGE_KARMA, HF_STATE_CLOSE_WAIT));
    stage_send(&stage, STAGE_KARMA, "the ring, the book, the shoes");
    stage_settle(&stage);
    stage_read(&stage, STAGE_AMILY);
    stage_run(&stage, 100 * US_PER_MS);
    story_note(story, "late_bytes", (int64_t)stage_stats(&stage, STAGE_AMILY)->bytes_received);
    stage_shutdown(&stage, STAGE_KARMA);
    stage_settle(&stage);
    story_note(story, "time_wait", stage_is(&stage, STAGE_AMILY, HF_STATE_TIME_WAIT));
    stage_run(&stage, 10 * US_PER_S);
    story_why(story, "The wait is over. Her door never closed: she listens for the next.",
              "等待结束。她的门一直开着：继续 LISTEN。");
    story_note(story, "closed",
               stage_is(&stage, STAGE_KARMA, HF_STATE_CLOSED) &&
                   stage_is(&stage, STAGE_AMILY, HF_STATE_LISTEN));
    story_remark(story,
                 "TCP connection ended. Four segments end it because each direction is closed by "
                 "itself.",
                 "TCP 连接 interrupt。之所以要四次，是因为两个方向要分别关闭。");
    stage_close(&stage);
}

/* ---- why not two ---- */

static const struct cue unheard[] = {
    {"S ", false, STORY_KARMA, {{LINE_LIKE}}, {{LINE_NONE}}},
    {"S.",
     true,
     STORY_AMILY,
     {{LINE_LIKE_TOO}},
     {{"With two steps this would have to be the end. But does Amily know that she was heard?",
       "如果只有两次握手，到这里就结束了。但 Amily 怎么知道 Karma 听到了呢？"}}},
    {".",
     false,
     STORY_KARMA,
     {{LINE_NONE}},
     {{"The third is lost: Amily stays in SYN-RECEIVED. She cannot tell this from a Karma who "
       "never "
       "heard her.",
       "第三个报文丢失：Amily 停在 SYN-RECEIVED。她分不清这是丢失，还是 Karma 根本没有听到。"}}},
    {"S.",
     true,
     STORY_AMILY,
     {{LINE_LIKE_TOO}},
     {{"So she says it again ...", "于是她再说一遍……"}}},
    {".",
     false,
     STORY_KARMA,
     {{LINE_NONE}},
     {{"... and only this tells her. Together.", "……直到这一句到达，她才知道。Together。"}}},
    NO_CUE,
};

static const struct cue ghost[] = {
    {"S ",
     false,
     STORY_NETWORK,
     {{LINE_LIKE}},
     {{"An old letter: the very bytes of Karma's first SYN, which the network delivers once more "
       "long after all was over.",
       "一封旧信：Karma 第一个 SYN 的副本，在一切结束很久以后，才又被网络送到。"}}},
    {"S.",
     true,
     STORY_AMILY,
     {{LINE_LIKE_TOO}},
     {{"With two steps Amily would be together now - with a ghost, and wait for it with all she "
       "has. "
       "With three this is only a question.",
       "若采用两次握手，Amily 此刻就已经“在一起”了——和一个幽灵，并为它一直占着资源。"
       "而在三次握手里，这只不过是一句问话。"}}},
    {"R",
     false,
     STORY_KARMA,
     {{LINE_NONE}},
     {{"RST: Karma never said that. Amily forgets it, and listens again.",
       "RST：这不是我说的。Amily 把它忘掉，回到 LISTEN。"}}},
    NO_CUE,
};

static void tell_unheard(struct stage *stage)
{
    stage_cues(stage, unheard);
    stage_connect(stage, STAGE_PORT);
    stage_arrival(stage);
    stage->losing = true;
    stage->lose_from = STAGE_KARMA;
    stage_settle(stage);
    stage->losing = false;
    story_note(stage->story, "amily_does_not_know",
               stage_is(stage, STAGE_AMILY, HF_STATE_SYN_RECEIVED) &&
                   stage_is(stage, STAGE_KARMA, HF_STATE_ESTABLISHED));
    stage_run(stage, 3 * US_PER_S);
    stage_settle(stage);
    story_note(stage->story, "amily_knows", stage_is(stage, STAGE_AMILY, HF_STATE_ESTABLISHED));
}

static void tell_ghost(struct stage *stage)
{
    const struct hf_stats *stats = stage_stats(stage, STAGE_AMILY);
    uint64_t opened, asked;

    stage->quiet = true;
    stage_shutdown(stage, STAGE_KARMA);
    stage_settle(stage);
    stage_shutdown(stage, STAGE_AMILY);
    stage_run(stage, 60 * US_PER_S);
    stage->quiet = false;
    stage->first = true;
    opened = stats->handshake_done;
    asked = stats->syn_ack_sent;
    stage_cues(stage, ghost);
    world_inject(&stage->world, STAGE_AMILY, stage->first_syn, stage->first_syn_length);
    stage_settle(stage);
    story_note(stage->story, "ghosts_under_two", (int64_t)(stats->syn_ack_sent - asked));
    story_note(stage->story, "ghosts_under_three", (int64_t)(stats->handshake_done - opened));
    story_note(stage->story, "listens_again", stage_is(stage, STAGE_AMILY, HF_STATE_LISTEN));
}

void scene_two_way(struct story *story)
{
    static const struct story_text columns[] = {{{"two steps", "两次握手"}},
                                                {{"three steps", "三次握手"}}};
    struct stage_setup setup = stage_setup_default();
    struct stage stage;

    stage_open(&stage, story, &setup);
    tell_unheard(&stage);
    tell_ghost(&stage);
    stage_close(&stage);
    struct story_table *table = story_table(story, 2, columns);
    story_row(table, STORY_COUNT, "connections opened by the old letter", "旧信打开的连接",
              (int64_t[]){story_fact(story, "ghosts_under_two"),
                          story_fact(story, "ghosts_under_three")});
    story_row(table, STORY_YES, "Amily knows that she was heard", "Amily 知道 Karma 听到了",
              (int64_t[]){false, story_fact(story, "amily_knows")});
    story_remark(story, "With two steps there is neither together nor married.",
                 "若采用两次握手，那就没有 together 或者 marry 哦。");
}

/* ---- flags ---- */

static const struct cue flags_open[] = {
    {"S ",
     false,
     STORY_KARMA,
     {{LINE_NONE}},
     {{"SYN=1, ACK=0: a connection request.", "SYN=1, ACK=0：连接请求（Connection Request）。"}}},
    {"S.",
     true,
     STORY_AMILY,
     {{LINE_NONE}},
     {{"SYN=1, ACK=1: the connection is accepted.",
       "SYN=1, ACK=1：连接响应（Connection Accepted）。"}}},
    {".",
     false,
     STORY_KARMA,
     {{LINE_NONE}},
     {{"SYN=0, ACK=1: from here on every segment acknowledges.",
       "SYN=0, ACK=1：此后每个报文都带确认。"}}},
    NO_CUE,
};

static const struct cue flags_ignored[] = {
    {"S ",
     false,
     STORY_IMPOSTOR,
     {{LINE_NONE}},
     {{"SYN=1, ACK=0, and in the acknowledgment field a number that acknowledges nothing.",
       "SYN=1, ACK=0，但确认号字段里填了一个毫无意义的数。"}}},
    {"S.",
     true,
     STORY_AMILY,
     {{LINE_NONE}},
     {{"Answered like any request: with ACK=0 the number is ignored.",
       "仍然按普通请求回答：ACK 为 0 时，确认号被忽略。"}}},
    {"R",
     false,
     STORY_KARMA,
     {{LINE_NONE}},
     {{"RST: Karma asked for nothing. A connection that is an error is reset.",
       "RST：Karma 并没有发出过请求。RST 用于复位因某种原因引起出现的错误连接。"}}},
    {".",
     false,
     STORY_IMPOSTOR,
     {{LINE_NONE}},
     {{"SYN=0, ACK=1 with the same number: now it counts, and it is wrong.",
       "SYN=0, ACK=1，还是那个确认号：这一次它有效，而且是错的。"}}},
    {"R", true, STORY_AMILY, {{LINE_NONE}}, {{"RST: refused.", "RST：也用来拒绝非法数据和请求。"}}},
    NO_CUE,
};

static void tell_number(struct stage *stage, seq iss)
{
    const struct hf_stats *stats = stage_stats(stage, STAGE_AMILY);
    struct segment seg = {.seq = iss, .ack = seq_of(0xdeadbeef), .flags = TCP_SYN, .window = 1000};
    uint64_t answered = stats->syn_ack_sent, resets = stats->resets_sent;

    stage->first = true;
    stage_cues(stage, flags_ignored);
    stage_forge(stage, STAGE_AMILY, &seg);
    stage_settle(stage);
    story_note(stage->story, "answered_without_ack", (int64_t)(stats->syn_ack_sent - answered));
    seg.flags = TCP_ACK;
    stage_forge(stage, STAGE_AMILY, &seg);
    stage_settle(stage);
    story_note(stage->story, "refused_with_ack", (int64_t)(stats->resets_sent - resets));
}

void scene_flags(struct story *story)
{
    struct stage_setup setup = stage_setup_default();
    struct stage stage;
    seq iss;

    stage_open(&stage, story, &setup);
    stage_cues(&stage, flags_open);
    stage_connect(&stage, STAGE_PORT);
    stage_settle(&stage);
    iss = seq_of(stage_status(&stage, STAGE_KARMA).iss);
    stage.quiet = true;
    stage_shutdown(&stage, STAGE_KARMA);
    stage_settle(&stage);
    stage_shutdown(&stage, STAGE_AMILY);
    stage_run(&stage, 60 * US_PER_S);
    stage.quiet = false;
    tell_number(&stage, iss);
    story_remark(story,
                 "In the notation S is SYN, F is FIN, R is RST, P is PSH and the dot is ACK; "
                 "\"S. 0:0(0) ack 1\" is SYN+ACK, number 0, no text, 1 expected next.",
                 "记法：S 是 SYN，F 是 FIN，R 是 RST，P 是 PSH，点（.）是 ACK；"
                 "“S. 0:0(0) ack 1”即 SYN+ACK，序号为 0，不带数据，期待对方的序号 1。");
    stage_close(&stage);
}

/* ---- refused ---- */

static const struct cue closed_door[] = {
    {"S ",
     false,
     STORY_KARMA,
     {{LINE_LIKE}},
     {{"SYN to port 81, a door that is not open.", "发给 81 端口的 SYN：这扇门没开。"}}},
    {"R.",
     true,
     STORY_AMILY,
     {{LINE_NONE}},
     {{"RST+ACK: refused, at once. Nothing is kept on either side.",
       "RST+ACK：当场拒绝，双方都不留下任何状态。"}}},
    NO_CUE,
};

void scene_refused(struct story *story)
{
    struct stage_setup setup = stage_setup_default();
    struct stage stage;

    stage_open(&stage, story, &setup);
    stage_cues(&stage, closed_door);
    stage_connect(&stage, STAGE_PORT + 1);
    stage_settle(&stage);
    story_note(story, "refused", stage_status(&stage, STAGE_KARMA).error == HF_REFUSED);
    story_note(story, "resets", (int64_t)stage_stats(&stage, STAGE_AMILY)->resets_sent);
    story_note(story, "budget", setup.config[STAGE_AMILY].reset_budget_per_s);
    story_remark(
        story,
        "Such answers have a budget (%u a second here): who knocks at every door soon meets "
        "silence.",
        "这种回答有限额（此处每秒 %u 个）：挨个敲门试探的人，很快就得不到任何回答。",
        setup.config[STAGE_AMILY].reset_budget_per_s);
    stage_close(&stage);
}

/* ---- the textbook's time limit ---- */

static const struct cue no_third[] = {
    {"S ", false, STORY_KARMA, {{LINE_LIKE}}, {{LINE_NONE}}},
    {"S.",
     true,
     STORY_AMILY,
     {{LINE_LIKE_TOO}},
     {{"Said once. The textbook's server says it no second time.",
       "只说一遍。教科书上的 Server 不会再说第二遍。"}}},
    {".",
     false,
     STORY_KARMA,
     {{LINE_TOGETHER}},
     {{"The third segment is lost. Karma believes that they are together.",
       "第三个报文丢失。Karma 以为已经在一起了。"}}},
    {"R",
     true,
     STORY_AMILY,
     {{LINE_NONE}},
     {{"The time is over: RST, and the half-open is CLOSED. The door itself still listens.",
       "超时：发送 RST，半开连接进入 CLOSED。门本身仍在 LISTEN。"}}},
    NO_CUE,
};

void scene_timeout(struct story *story)
{
    struct stage_setup setup = stage_setup_default();
    struct stage stage;
    const struct hf_stats *stats;

    setup.listen.syn_ack_retries = -1;
    setup.listen.on_timeout = 1;
    setup.listen.half_open_timeout_ms = 3000;
    stage_open(&stage, story, &setup);
    stats = stage_stats(&stage, STAGE_AMILY);
    stage_cues(&stage, no_third);
    stage_connect(&stage, STAGE_PORT);
    stage_arrival(&stage);
    stage.losing = true;
    stage.lose_from = STAGE_KARMA;
    stage_run(&stage, 10 * US_PER_S);
    stage_settle(&stage);
    story_note(story, "syn_acks", (int64_t)stats->syn_ack_sent);
    story_note(story, "resent", (int64_t)stats->syn_ack_resent);
    story_note(story, "resets", (int64_t)stats->resets_sent);
    story_note(story, "listens", stage_is(&stage, STAGE_AMILY, HF_STATE_LISTEN));
    story_note(story, "karma_reset", stage_status(&stage, STAGE_KARMA).error == HF_RESET);
    story_remark(
        story,
        "It saves memory and bandwidth in a flood, and it costs an honest Karma whose one ACK "
        "was lost: she is reset. So Handfast's default repeats the SYN+ACK twice while all is "
        "calm, and does this only where it is asked to (syn_ack_retries = 0, on_timeout = "
        "reset).",
        "这样做在 SYN Flood 时节省内存和带宽，代价却落在真正的 Karma 身上："
        "只丢了一个 ACK，就被复位了。所以 Handfast 默认在平静时重发两次 SYN+ACK，"
        "只有明确配置（syn_ack_retries = 0, on_timeout = reset）才照教科书行事。");
    stage_close(&stage);
}
