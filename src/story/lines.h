/* Lines that are said in several scenes, each once, in both languages; the Chinese is that of the tale. */
#ifndef STORY_LINES_H
#define STORY_LINES_H

#define LINE_LIKE "Amily, I like you.", "Amily, 我喜欢你。"
#define LINE_LIKE_TOO "Karma, I like you too.", "Karma, 我也喜欢你。"
#define LINE_TOGETHER \
    "You like me and I like you: let us be together.", "你喜欢我, 我也喜欢你, 那我们在一起吧。"
#define LINE_MARRY "Amily, let us get married.", "Amily, 我们结婚吧。"
#define LINE_REGISTER "OK, then let us go and register.", "OK, 那我们去登记。"
#define LINE_OVER "Karma, it is over. (Signed: Amily)", "Karma, 结束了。（署名：Amily）"
#define LINE_LIKE_FORGED "Amily, I like you. (Signed: Karma)", "Amily, 我喜欢你。（署名：Karma）"
#define LINE_NONE NULL, NULL

#endif
