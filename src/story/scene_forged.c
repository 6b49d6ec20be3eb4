/* Forged in Amily's name: resets, and what makes them fail. [RFC 5961 3.2; RFC 5925] */
#include "base/time.h"
#include "story/stage.h"

#define NO_CUE         \
    {                  \
        .begins = NULL \
    }

static const struct cue guessed[] = {
    {"F.",
     false,
     STORY_KARMA,
     {{"Amily, let us get married.", "Amily, 我们结婚吧。"}},
     {{"Karma has closed too and waits for the last word: they are on the way to register.",
       "Karma 也已关闭，等待最后一句：他们在去登记的路上。"}}},
    {"R",
     true,
     STORY_IMPOSTOR,
     {{"Karma, it is over. (Signed: Amily)", "Karma, 结束了。（署名：Amily）"}},
     {{"A guess outside the window: not even looked at further.", "序号猜在窗口之外：直接忽略。"}}},
    {"R",
     true,
     STORY_IMPOSTOR,
     {{"Karma, it is over. (Signed: Amily)", "Karma, 结束了。（署名：Amily）"}},
     {{"Inside the window, but not the very next number ...", "猜在窗口之内，但不是下一个序号……"}}},
    {".",
     false,
     STORY_KARMA,
     {{"Amily, was that you?", "Amily, 是你说的吗？"}},
     {{"... so Karma asks back: a challenge ACK. The true Amily would answer with the exact "
       "number.",
       "……于是 Karma 反问：challenge ACK。真的 Amily 会用准确的序号回答。"}}},
    {".",
     true,
     STORY_AMILY,
     {{"OK, then let us go and register.", "OK, 那我们去登记。"}},
     {{"The true last word. Registered.", "真正的最后一句。登记完成。"}}},
    NO_CUE,
};

static const struct cue known[] = {
    {"F.",
     false,
     STORY_KARMA,
     {{"Amily, let us get married.", "Amily, 我们结婚吧。"}},
     {{"This letter is lost on the way; in a second Karma would write it again.",
       "这封信在路上丢失；一秒后 Karma 本会再写一遍。"}}},
    {"R",
     true,
     STORY_IMPOSTOR,
     {{"Karma, it is over. (Signed: Amily)", "Karma, 结束了。（署名：Amily）"}},
     {{"This impostor has read their letters, and knows the exact number. No check of numbers "
       "helps: "
       "Karma gives up.",
       "这个冒充者读过他们的信，知道准确的序号。检查序号已经没有用：Karma 放弃了。"}}},
    NO_CUE,
};

/* Up to Karma in CLOSE-WAIT, untold. */
static void to_register(struct stage *stage)
{
    stage->quiet = true;
    stage_together(stage);
    stage_shutdown(stage, STAGE_AMILY);
    stage_settle(stage);
    stage->quiet = false;
    stage->first = true;
}

static void forge_reset(struct stage *stage, uint32_t ahead)
{
    struct hf_status karma = stage_status(stage, STAGE_KARMA);

    stage_forge(stage, STAGE_KARMA,
                &(struct segment){.seq = seq_of(karma.rcv_nxt + ahead), .flags = TCP_RST});
}

static void tell_guesses(struct story *story)
{
    struct stage_setup setup = stage_setup_default();
    struct stage stage;
    const struct hf_stats *karma;

    stage_open(&stage, story, &setup);
    karma = stage_stats(&stage, STAGE_KARMA);
    to_register(&stage);
    stage_cues(&stage, guessed);
    stage_shutdown(&stage, STAGE_KARMA);
    stage_run(&stage, 2 * US_PER_MS);
    forge_reset(&stage, 0x40000000);
    stage_run(&stage, 2 * US_PER_MS);
    forge_reset(&stage, 100);
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

    stage_open(&stage, story, &setup);
    to_register(&stage);
    stage_cues(&stage, known);
    stage.losing = true;
    stage.lose_from = STAGE_KARMA;
    stage_shutdown(&stage, STAGE_KARMA);
    stage.losing = false;
    stage_run(&stage, 2 * US_PER_MS);
    forge_reset(&stage, 0);
    stage_run(&stage, 10 * US_PER_S);
    story_note(story, "ended", stage_is(&stage, STAGE_KARMA, HF_STATE_CLOSED));
    story_note(story, "amily_waits", stage_is(&stage, STAGE_AMILY, HF_STATE_FIN_WAIT_2));
    story_remark(story, "Ten seconds later Amily still waits (FIN-WAIT-2), and Karma is gone.",
                 "十秒之后，Amily 还在等（FIN-WAIT-2），而 Karma 已经走了。");
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
        "看不见信的冒充者，要在 4,294,967,296 个序号中猜中唯一的一个。但如果他看得见呢？");
    tell_exact(story);
}
