#!/usr/bin/python3
"""`handfast story` as a command: languages, plainness, usage. command_test.py HANDFAST"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unicodedata
import unittest

HANDFAST = sys.argv[1]
SCENES = ["handshake", "close", "two-way", "flags", "refused", "dos", "ddos", "drdos", "flood", "release", "cache",
          "cookie", "timeout", "forged-reset", "signed", "glossary"]


def story(*words, **environment):
    clean = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run([HANDFAST, "story", *words], capture_output=True, text=True, timeout=20, env=clean,
                          encoding="utf-8", check=False)


def columns(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


class Command(unittest.TestCase):
    def test_every_scene_is_there_and_quick(self):
        listed = [line.split()[0] for line in story("--list").stdout.splitlines()]
        self.assertEqual(listed, SCENES)
        for scene in SCENES:
            start = time.monotonic()
            done = story(scene)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"({scene})", done.stdout)
            self.assertLess(time.monotonic() - start, 5)  # a tenth of a second; far above it something is stuck

    def test_no_line_is_wider_than_a_terminal(self):
        for language in ("en", "zh"):
            for line in story("--lang", language, LANG="C.UTF-8").stdout.splitlines():
                self.assertLessEqual(columns(line), 80, line)
                self.assertEqual(line, line.rstrip())

    def test_both_ends_stand_in_columns(self):
        for language in ("en", "zh"):
            rows = [line for line in story("handshake", "--lang", language, "--plain").stdout.splitlines()
                    if "--->" in line or "<---" in line.replace("<-- ", "<---")]
            self.assertEqual(len(rows), 3)
            self.assertEqual({line.rindex(" ") + 1 for line in rows}, {68})

    def test_the_language_is_that_of_the_locale(self):
        self.assertIn("我喜欢你", story("handshake", LANG="zh_CN.UTF-8").stdout)
        self.assertIn("I like you", story("handshake", LANG="de_DE.UTF-8").stdout)
        self.assertIn("I like you", story("handshake", LANG="zh_CN.GB18030").stdout)
        self.assertIn("I like you", story("handshake", LC_ALL="C", LANG="zh_CN.UTF-8").stdout)
        self.assertIn("我喜欢你", story("handshake", "--lang", "zh", LANG="C").stdout)

    def test_the_tale_is_told_in_its_own_words(self):
        told = story("--json").stdout
        for words in ("Amily, 我喜欢你。", "Karma, 我也喜欢你。", "你喜欢我, 我也喜欢你, 那我们在一起吧。", "TCP 连接 OK。", "Karma, 我们结婚吧。",
                      "Amily, 让我准备一下。", "Amily, 我们结婚吧。", "OK, 那我们去登记。", "TCP 连接 interrupt。", "自己已经传输结束",
                      "我已经知道了，但是我还没有确定是否收到所有的，还需要稍等一会", "自己已经收集完成，可以 interrupt", "若采用两次握手",
                      "那就没有 together 或者 marry 哦。", "因某种原因引起出现的错误连接", "拒绝非法数据和请求", "确认号被忽略",
                      "说白了就是单挑，是比谁的机器性能好、速度快。", "说白了就是群殴，用好多的机器对目标机器一起发动 DoS 攻击，但这不是很多黑客一起参与的，这种攻击只是由一名黑客来操作的。",
                      "不过 DRDoS 是可以在广域网上进行的，而 Smurf 攻击是在局域网进行的", "缺少最后一步的 ACK 回复", "伤敌一千，自损八百。",
                      "用一种特殊的算法生成 sequence number，算法考虑到对方的（IP、端口等）信息和己方信息，收到对方的 ACK 报文后，验证之后才决定是否生成 TCB",
                      "有人冒充 Amily 发送 RST 报文，想要终止他们的登记，那么 Karma 收到该报文后会怎么想呢？", "仅当口令正确时才会接收报文",
                      "采用鲁棒的交互协议，加上入口包过滤来保护网络。"):
            self.assertIn(words, told)

    def test_the_readmes_show_what_is_told(self):
        def shown(page, mark):
            text = (pathlib.Path(__file__).resolve().parents[2] / page).read_text(encoding="utf-8")
            return text.split(f"<!-- {mark} -->\n```\n")[1].split(f"```\n<!-- /{mark} -->")[0]

        self.assertEqual(shown("README.zh-CN.md", "story"), story("handshake", "--lang", "zh", LANG="C.UTF-8").stdout)
        ladder = subprocess.run([HANDFAST, "sim", "--seed", "8f3a", "--scene", "close", "--ladder"], text=True, timeout=20,
                                capture_output=True, env={"LANG": "C.UTF-8"}, encoding="utf-8", check=True).stdout
        self.assertEqual(shown("README.md", "ladder"), ladder)

    def test_plain_is_plain(self):
        text = story("--lang", "en", "--plain", LANG="en_US.UTF-8").stdout
        self.assertTrue(text.isascii())
        self.assertNotIn("\033", text)
        self.assertIn("─", story("close", LANG="en_US.UTF-8").stdout)

    def test_json_is_one_object_a_scene(self):
        told = [json.loads(line) for line in story("--json").stdout.splitlines()]
        self.assertEqual([each["scene"] for each in told], SCENES)
        self.assertTrue(all(each["told"] for each in told))
        self.assertEqual(told[SCENES.index("cookie")]["facts"]["kept_bytes"], 0)

    def test_usage(self):
        for words, said in ((["wedding"], "no scene wedding"), (["--lang", "fr"], "accepted are en and zh"),
                            (["--lang"], "accepted are en and zh"), (["--html"], "needs a file"),
                            (["--colour"], "no option --colour")):
            done = story(*words)
            self.assertEqual(done.returncode, 2)
            self.assertIn(said, done.stderr)
        for scene in SCENES:
            self.assertIn(f"  {scene}", story("wedding").stderr)
        self.assertEqual(story("--help").returncode, 0)

    def test_nobody_takes_it(self):
        """A full disk is named once; who reads no more, as head, knows that himself."""
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([HANDFAST, "story"], stdout=full, stderr=subprocess.PIPE, encoding="utf-8", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertIn("took not all of it", done.stderr)
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([HANDFAST, "story"], stdout=writer, stderr=subprocess.PIPE, encoding="utf-8", check=False)
        os.close(writer)
        self.assertEqual(done.stderr, "")

    def test_a_page_that_cannot_be_written(self):
        with tempfile.TemporaryDirectory(prefix="handfast-story-") as directory:
            done = story("close", "--html", f"{directory}/none/page.html")
            self.assertEqual(done.returncode, 1)
            self.assertIn("none/page.html", done.stderr)
            page = pathlib.Path(directory) / "page.html"
            self.assertEqual(story("close", "--html", str(page)).returncode, 0)
            self.assertNotRegex(page.read_text(encoding="utf-8"), r"(src|href)\s*=|@import|url\(|fetch\(")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
