/* The table of scenes, in the order of telling. */
#include "story/story.h"

const struct story_scene story_scenes[] = {
    {"handshake", {{"Three-way handshake", "三次握手"}}, scene_handshake},
    {"close", {{"Four-way close", "四次挥手"}}, scene_close},
    {"two-way", {{"Why two steps are not enough", "若采用两次握手"}}, scene_two_way},
    {"flags", {{"SYN, ACK and RST", "SYN、ACK 与 RST"}}, scene_flags},
    {"refused", {{"A door that is not open", "没开的门"}}, scene_refused},
    {"dos", {{"DoS: one against one", "DoS：单挑"}}, scene_dos},
    {"ddos", {{"DDoS: many hands of one attacker", "DDoS：群殴"}}, scene_ddos},
    {"drdos", {{"DRDoS: mirrors", "DRDoS：反射"}}, scene_drdos},
    {"flood", {{"SYN flood", "SYN Flood 攻击"}}, scene_flood},
    {"release", {{"First cure: release", "解决方法一：监视释放"}}, scene_release},
    {"cache", {{"Second cure: SYN cache", "解决方法二：SYN cache"}}, scene_cache},
    {"cookie", {{"Third cure: SYN cookie", "解决方法三：SYN Cookie"}}, scene_cookie},
    {"timeout", {{"The textbook's time limit", "超时：发送 RST"}}, scene_timeout},
    {"forged-reset", {{"A RST in Amily's name", "冒充 Amily 的 RST"}}, scene_forged_reset},
    {"signed", {{"The right password", "口令正确"}}, scene_signed},
    {"glossary", {{"Terms", "术语"}}, scene_glossary},
    {NULL, {{NULL, NULL}}, NULL},
};
