/* Forged in Amily's name: resets, and what makes them fail. [RFC 5961 3.2; RFC 5925] */
#include "base/time.h"
#include "story/lines.h"
#include "story/stage.h"

#define NO_CUE         \
    {                  \
        .begins = NULL \
    }

static const struct cue guessed[] = {
    {"F.",
     false,
     STORY_KARMA,
     {{LINE_MARRY}},
     {{"Karma has closed too and waits for the last word: they are on the way to register.",
       "Karma 也已关闭，等待最后一句：他们在去登记的路上。"}}},
    {"R",
     true,
     STORY_IMPOSTOR,
     {{LINE_OVER}},
     {{"A guess outside the window: not even looked at further.",
       "猜的序号在窗口之外：直接忽略。"}}},
    {"R",
     true,
     STORY_IMPOSTOR,
     {{LINE_OVER}},
     {{"Inside the window, but not the very next number ...",
       "猜的序号在窗口之内，但不是准确的下一个……"}}},
    {".",
     false,
     STORY_KARMA,
     {{"Amily, was that you?", "Amily, 是你说的吗？"}},
     {{"... so Karma asks back: a challenge ACK. The true Amily would answer with the exact "
       "number.",
       "……于是 Karma 反问：challenge ACK。真正的 Amily 会用准确的序号回答。"}}},
    {".",
     true,
     STORY_AMILY,
     {{LINE_REGISTER}},
     {{"The true last word. Registered.", "真正的最后一句。登记完成。"}}},
    NO_CUE,
};

static const struct cue known[] = {
    {"F.",
     false,
     STORY_KARMA,
     {{LINE_MARRY}},
     {{"This letter is lost on the way; soon Karma would write it again.",
       "这封信在路上丢了；本来过一会儿 Karma 会再写一遍。"}}},
    {"R",
     true,
     STORY_IMPOSTOR,
     {{LINE_OVER}},
     {{"This impostor has read their letters, and knows the exact number. No check of numbers "
       "helps: "
       "Karma gives up.",
       "这个冒充者读过他们的信，知道准确的序号。只检查序号已经没有用：Karma 信以为真，放弃了。"}}},
    NO_CUE,
};

static const struct cue with_signature[] = {
    {"F.",
     false,
     STORY_KARMA,
     {{LINE_MARRY}},
     {{"Lost again; but now both have agreed on a password, and sign (ao).",
       "又丢了；但这一次双方约定了口令，每个报文都带签名（ao）。"}}},
    {"R",
     true,
     STORY_IMPOSTOR,
     {{LINE_OVER}},
     {{"The exact number, and no signature: silence.", "序号完全正确，却没有签名：不予理会。"}}},
    {"F.", false, STORY_KARMA, {{LINE_MARRY}}, {{"So she writes it again.", "于是她又写了一遍。"}}},
    {".", true, STORY_AMILY, {{LINE_REGISTER}}, {{"Registered.", "登记完成。"}}},
    NO_CUE,
};

static const struct cue right_password[] = {
    {"S ",
     false,
     STORY_KARMA,
     {{LINE_LIKE}},
     {{"16 bytes of each segment are its signature (ao): of addresses, ports, numbers, text and "
       "the "
       "password. Nobody can make it who does not know the password.",
       "每个报文带 16 "
       "字节的签名（ao），由地址、端口、序号、数据和口令算出；不知道口令的人做不出来。"}}},
    {"S.", true, STORY_AMILY, {{LINE_LIKE_TOO}}, {{LINE_NONE}}},
    {".", false, STORY_KARMA, {{LINE_TOGETHER}}, {{LINE_NONE}}},
    {"R",
     true,
     STORY_IMPOSTOR,
     {{LINE_OVER}},
     {{"The exact number, to Karma: not believed.", "发给 Karma，序号完全正确：不予采信。"}}},
    {"R",
     false,
     STORY_IMPOSTOR,
     {{"Amily, it is over. (Signed: Karma)", "Amily, 结束了。（署名：Karma）"}},
     {{"And to Amily: not believed.", "发给 Amily：不予采信。"}}},
    {"P",
     false,
     STORY_KARMA,
     {{LINE_NONE}},
     {{"They go on as if nothing had been said.", "他们继续交谈，就像什么也没有发生。"}}},
    NO_CUE,
};

static const struct cue wrong_password[] = {
    {"S ",
     false,
     STORY_IMPOSTOR,
     {{LINE_LIKE_FORGED}},
     {{"Signed with another password: silence.", "用另一个口令签名：不予理会。"}}},
    NO_CUE,
};

static const struct cue no_password[] = {
    {"S ",
     false,
     STORY_IMPOSTOR,
     {{LINE_LIKE_FORGED}},
     {{"Not signed at all: silence.", "完全没有签名：不予理会。"}}},
    NO_CUE,
};

#define PASSWORD "the first day of spring"

/* Up to Karma in CLOSE-WAIT, untold. */
static void to_register(struct stage *stage, const char *password)
{
    if (password) {
        stage_password(stage, STAGE_KARMA, password);
        stage_password(stage, STAGE_AMILY, password);
    }
    stage_together(stage);
    stage_shutdown(stage, STAGE_AMILY);
    stage_settle(stage);
    stage->quiet = false;
    stage->first = true;
}

/* In the other end's name; ahead of what is expected next by so much. */
static void forge_reset(struct stage *stage, enum stage_node to, uint32_t ahead)
{
    struct hf_status status = stage_status(stage, to);

    stage_forge(stage, to,
                &(struct segment){.seq = seq_of(status.rcv_nxt + ahead), .flags = TCP_RST});
}

static void tell_guesses(struct story *story)
{
    struct stage_setup setup = stage_setup_default();
    struct stage stage;
    const struct hf_stats *karma;

    setup.quiet = true;
    stage_open(&stage, story, &setup);
    karma = stage_stats(&stage, STAGE_KARMA);
    to_register(&stage, NULL);
    stage_cues(&stage, guessed);
    stage_shutdown(&stage, STAGE_KARMA);
    stage_run(&stage, 2 * US_PER_MS);
    forge_reset(&stage, STAGE_KARMA, 0x40000000);
    stage_run(&stage, 2 * US_PER_MS);
    forge_reset(&stage, STAGE_KARMA, 100);
    story_note(story, "still_there", stage_is(&stage, STAGE_KARMA, HF_STATE_LAST_ACK));
    stage_settle(&stage);
    story_note(story, "outside", (int64_t)karma->rst_outside_window);
    story_note(story, "challenged", (int64_t)karma->rst_challenged);
    story_note(story, "registered",
               stage_is(&stage, STAGE_KARMA, HF_STATE_CLOSED) && karma->connections_reset == 0 &&
                   karma->connections_closed == 1);
    stage_close(&stage);
}

static void tell_exact(struct story *story)
{
    struct stage_setup setup = stage_setup_default();
    struct stage stage;

    setup.quiet = true;
    stage_open(&stage, story, &setup);
    to_register(&stage, NULL);
    stage_cues(&stage, known);
    stage.losing = true;
    stage.lose_from = STAGE_KARMA;
    stage_shutdown(&stage, STAGE_KARMA);
    stage.losing = false;
    stage_run(&stage, 2 * US_PER_MS);
    forge_reset(&stage, STAGE_KARMA, 0);
    stage_run(&stage, 10 * US_PER_S);
    story_note(story, "ended", stage_is(&stage, STAGE_KARMA, HF_STATE_CLOSED));
    story_note(story, "amily_waits", stage_is(&stage, STAGE_AMILY, HF_STATE_FIN_WAIT_2));
    story_remark(story, "Ten seconds later Amily still waits (FIN-WAIT-2), and Karma is gone.",
                 "十秒之后，Amily 还在等（FIN-WAIT-2），而 Karma 已经走了。");
    stage_close(&stage);
}

static void tell_signature(struct story *story)
{
    struct stage_setup setup = stage_setup_default();
    struct stage stage;
    const struct hf_stats *karma;

    setup.quiet = true;
    stage_open(&stage, story, &setup);
    karma = stage_stats(&stage, STAGE_KARMA);
    to_register(&stage, PASSWORD);
    stage_cues(&stage, with_signature);
    stage.losing = true;
    stage.lose_from = STAGE_KARMA;
    stage_shutdown(&stage, STAGE_KARMA);
    stage.losing = false;
    stage_run(&stage, 2 * US_PER_MS);
    forge_reset(&stage, STAGE_KARMA, 0);
    stage_run(&stage, 1500 * US_PER_MS);
    stage_settle(&stage);
    story_note(story, "not_believed", (int64_t)karma->auth_missing);
    story_note(story, "registered_signed",
               karma->connections_reset == 0 && karma->connections_closed == 1 &&
                   stage_is(&stage, STAGE_AMILY, HF_STATE_TIME_WAIT));
    stage_close(&stage);
}

void scene_forged_reset(struct story *story)
{
    story_remark(
        story,
        "Karma and Amily are on the way to register when somebody sends Karma a RST in Amily's "
        "name.",
        "在 Amily 和 Karma 去登记时，有人冒充 Amily 发送 RST 报文，想要终止他们的登记，"
        "那么 Karma 收到该报文后会怎么想呢？");
    tell_guesses(story);
    story_remark(
        story,
        "A blind impostor must hit one number in 4,294,967,296. But what if he is not blind?",
        "看不到信的冒充者，要在 4,294,967,296 个序号中猜中唯一的一个。但如果他看得到呢？");
    tell_exact(story);
    story_remark(
        story,
        "What helps is a password: only what is signed with it is believed. (And an ingress "
        "filter where the impostor lives, that lets nobody write in another's name.)",
        "解决方法：进行口令加密，仅当口令正确时才会接收报文；也可以采用鲁棒的交互协议，"
        "加上入口包过滤来保护网络。");
    tell_signature(story);
}

static void tell_right(struct story *story)
{
    struct stage_setup setup = stage_setup_default();
    struct stage stage;

    stage_open(&stage, story, &setup);
    stage_password(&stage, STAGE_KARMA, PASSWORD);
    stage_password(&stage, STAGE_AMILY, PASSWORD);
    stage_cues(&stage, right_password);
    stage_connect(&stage, STAGE_PORT);
    stage_settle(&stage);
    forge_reset(&stage, STAGE_KARMA, 0);
    forge_reset(&stage, STAGE_AMILY, 0);
    stage_send(&stage, STAGE_KARMA, "where were we?");
    stage_run(&stage, 100 * US_PER_MS);
    story_note(story, "together",
               stage_is(&stage, STAGE_KARMA, HF_STATE_ESTABLISHED) &&
                   stage_is(&stage, STAGE_AMILY, HF_STATE_ESTABLISHED));
    story_note(story, "not_believed",
               (int64_t)(stage_stats(&stage, STAGE_KARMA)->auth_missing +
                         stage_stats(&stage, STAGE_AMILY)->auth_missing));
    story_note(story, "opened_right", (int64_t)stage_stats(&stage, STAGE_AMILY)->handshake_done);
    story_note(story, "answers_right", (int64_t)stage_stats(&stage, STAGE_AMILY)->syn_ack_sent);
    stage_close(&stage);
}

struct stranger {
    const char *password; /* NULL: none */
    const struct cue *cues;
    const char *opened, *refused, *answers; /* names of what is counted */
};

/* The impostor's stack stands where Karma's stood. */
static void tell_stranger(struct story *story, const struct stranger *stranger)
{
    struct stage_setup setup = stage_setup_default();
    struct stage stage;
    const struct hf_stats *amily;

    setup.opening = (struct story_text){
        {"Somebody else tries, in Karma's place.", "另一个人站到 Karma 的位置上来试探。"}};
    stage_open(&stage, story, &setup);
    amily = stage_stats(&stage, STAGE_AMILY);
    if (stranger->password)
        stage_password(&stage, STAGE_KARMA, stranger->password);
    stage_password(&stage, STAGE_AMILY, PASSWORD);
    stage_cues(&stage, stranger->cues);
    stage_connect(&stage, STAGE_PORT);
    stage_settle(&stage);
    story_note(story, stranger->opened, (int64_t)amily->handshake_done);
    story_note(story, stranger->refused, (int64_t)(amily->auth_wrong + amily->auth_syn_missing));
    story_note(story, stranger->answers, (int64_t)amily->segments_out);
    stage_close(&stage);
}

void scene_signed(struct story *story)
{
    static const struct stranger wrong = {"the last day of winter", wrong_password, "opened_wrong",
                                          "refused_wrong", "answers_wrong"};
    static const struct stranger none = {NULL, no_password, "opened_none", "refused_none",
                                         "answers_none"};
    static const struct story_text columns[] = {
        {{"right password", "口令正确"}}, {{"another", "口令错误"}}, {{"none", "没有口令"}}};

    story_remark(
        story,
        "Karma and Amily have agreed on a password beforehand (TCP-AO, RFC 5925). It never goes "
        "over the wire, and only what is signed with it is believed.",
        "Karma 和 Amily 事先约定了口令（TCP-AO, RFC 5925）。口令本身从不在网络上传输，"
        "仅当口令正确时才会接收报文。");
    tell_right(story);
    tell_stranger(story, &wrong);
    tell_stranger(story, &none);
    struct story_table *table = story_table(story, 3, columns);
    story_row(table, STORY_COUNT, "connections opened", "建立的连接",
              (int64_t[]){story_fact(story, "opened_right"), story_fact(story, "opened_wrong"),
                          story_fact(story, "opened_none")});
    story_row(
        table, STORY_COUNT, "SYNs refused for their signature", "因签名被拒的 SYN",
        (int64_t[]){0, story_fact(story, "refused_wrong"), story_fact(story, "refused_none")});
    story_row(table, STORY_COUNT, "answers to a SYN", "对 SYN 的回答",
              (int64_t[]){story_fact(story, "answers_right"), story_fact(story, "answers_wrong"),
                          story_fact(story, "answers_none")});
    story_remark(
        story,
        "What it costs: 16 bytes and a MAC for each segment, and a password that both must be "
        "given in secret.",
        "代价：每个报文多 16 字节和一次 MAC 计算，而且口令必须事先秘密地交给双方。");
}
