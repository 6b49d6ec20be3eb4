/* The glossary. */
#include "story/glossary.h"

#include <string.h>

#include "base/must.h"

/* clang-format off */
const struct story_term story_glossary[] = {
    {"TCP", {{"Transmission Control Protocol: a reliable, ordered stream of bytes between two ends. Defined by RFC 9293 (2022), which replaced RFC 793 (1981).",
              "传输控制协议：两端之间面向连接的、可靠的、基于字节流的传输层通信协议。由 RFC 9293（2022）定义，它取代了 RFC 793（1981）。"}}},
    {"IETF", {{"Internet Engineering Task Force: those who write the standards of the Internet.",
               "互联网工程任务组：负责互联网相关技术规范的研发和制定。"}}},
    {"RFC", {{"Request for Comments: the numbered documents in which these standards stand.",
              "Request For Comments：以编号排定的文件，互联网的标准写在其中。"}}},
    {"SYN", {{"Synchronize: the flag that opens, and carries the sender's first number. SYN=1, ACK=0 asks; SYN=1, ACK=1 accepts.",
              "同步：用来建立连接的标志，带有发送方的初始序号。SYN=1, ACK=0 是请求；SYN=1, ACK=1 是响应。"}}},
    {"ACK", {{"Acknowledgment: the number in the field is the next one expected. With ACK=0 the number is ignored.",
              "确认：置 1 时确认号合法，表示期待的下一个序号；为 0 时确认号被忽略。"}}},
    {"FIN", {{"Finish: the sender has nothing more to send. It still receives.",
              "结束：发送方不再发送数据，但仍然接收。"}}},
    {"RST", {{"Reset: the connection is at an end, or was refused; nothing is answered to it.",
              "复位：用于复位因某种原因引起出现的错误连接，也用来拒绝非法数据和请求；对 RST 不作回答。"}}},
    {"sequence number", {{"Each byte has one of 4,294,967,296 numbers; SYN and FIN have one too. The first is chosen so that nobody can guess it.",
              "序号：每个字节都有一个编号，共 4,294,967,296 个；SYN 和 FIN 也各占一个。初始序号的选法使人无从猜测。"}}},
    {"three-way handshake", {{"SYN, SYN+ACK, ACK: after it both know that both have heard.",
              "三次握手：SYN、SYN+ACK、ACK。此后双方都知道，对方听到了自己。"}}},
    {"four-way close", {{"FIN, ACK, FIN, ACK: each direction is closed by itself, by either side first.",
              "四次挥手：FIN、ACK、FIN、ACK。两个方向分别关闭，任何一方都可以先开始。"}}},
    {"LISTEN", {{"A server's open door.", "Server 开着的门。"}}},
    {"SYN-RECEIVED", {{"SYN heard, SYN+ACK said, the last ACK not there yet.", "收到 SYN，发出 SYN+ACK，最后的 ACK 还没有到。"}}},
    {"ESTABLISHED", {{"Both ways are open.", "连接已建立，两个方向都可以传数据。"}}},
    {"CLOSE-WAIT", {{"The other has finished, this end has not.", "对方已经结束，自己还没有。"}}},
    {"TIME-WAIT", {{"Who closed first waits twice the life of a segment, so that nothing old meets a new connection.",
              "先关闭的一方再等两倍的报文最大生存时间，使旧报文不会闯进新连接。"}}},
    {"TCB", {{"Transmission control block: all that an end remembers of a connection.",
              "传输控制模块：一端为一个连接记住的全部内容。"}}},
    {"half-open", {{"A handshake without its last ACK.", "半开连接：缺少最后一个 ACK 的握手。"}}},
    {"SYN flood", {{"Very many SYNs from forged addresses; a server that remembers each of them is soon full.",
              "用大量伪造源地址的 SYN 占满 Server 的半开连接队列，阻止其他用户访问。"}}},
    {"SYN cache", {{"A small table for half-opens; the TCB comes with the right ACK.",
              "用一个小的 HASH 表保存半开连接，收到正确的 ACK 才分配 TCB。"}}},
    {"SYN cookie", {{"The server's first number is computed from the question under a secret key, so that nothing need be kept.",
              "用密钥从对方和己方的信息算出 Server 的初始序号，因此什么也不用保存。"}}},
    {"DoS", {{"Denial of service: one attacker against one server.", "拒绝服务：一台机器对一台机器，说白了就是单挑。"}}},
    {"DDoS", {{"Distributed denial of service: many machines in one attacker's hand.",
              "分布式拒绝服务：用好多的机器一起攻击，说白了就是群殴，但只由一名黑客来操作。"}}},
    {"DRDoS", {{"Distributed reflection: honest servers are made to answer the victim. (Smurf does it to everybody in a local network.)",
              "分布反射式拒绝服务：让许多无辜的 Server 都去回答受害者。（Smurf 与它相近，在局域网进行。）"}}},
    {"challenge ACK", {{"Who gets a RST that might be forged asks back; the true sender then knows the exact number (RFC 5961).",
              "收到可能是伪造的 RST 时反问一句；真正的发送方随后能给出准确的序号（RFC 5961）。"}}},
    {"TCP-AO", {{"A signature in each segment, by a password that both ends have (RFC 5925).",
              "每个报文都带有用双方口令算出的签名（RFC 5925）。"}}},
    {"ingress filtering", {{"A network lets no packet out whose source is not in it; then nobody can write in another's name (RFC 2827).",
              "入口包过滤：网络不放行源地址不属于自己的报文，于是谁也不能以他人的名义寄信（RFC 2827）。"}}},
    {NULL, {{NULL, NULL}}},
};

const struct story_text story_limits = {{
    "What no defence can do: within TCP/IP, a full uplink and a flood of real connections from real hosts cannot be stopped at the server.",
    "任何防御都做不到的：除非不用 TCP/IP，否则带宽被占满，以及大量真实主机建立的真实连接，都无法在 Server 上阻止。"}};
/* clang-format on */

static void put(struct story *story, const char *term, const struct story_text *text)
{
    struct story_beat *beat = story_add(story);

    beat->term = term;
    for (unsigned language = 0; language < STORY_LANGUAGES; language++) {
        beat->why[language] = strdup(text->in[language]);
        must(beat->why[language]);
    }
}

void scene_glossary(struct story *story)
{
    for (const struct story_term *entry = story_glossary; entry->term; entry++)
        put(story, entry->term, &entry->means);
    put(story, NULL, &story_limits);
}
