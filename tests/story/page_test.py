#!/usr/bin/python3
"""The page of `handfast story --html` in a browser: page_test.py HANDFAST [DIRECTORY]

Steps through it at a phone's and at a desktop's width, in both languages, by keys, by buttons and with a finger. With a
DIRECTORY pictures of it are left there, to be looked at. Exit 77: there is no Chromium.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
from browser import Browser

HANDFAST = sys.argv[1]
PICTURES = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
PHONE = {"width": 360, "height": 740, "touch": True}
DESKTOP = {"width": 1280, "height": 800, "dark": True}
OUTSIDE = "performance.getEntriesByType('resource').length"


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="handfast-page-")
        cls.file = pathlib.Path(cls.directory.name) / "story.html"
        subprocess.run([HANDFAST, "story", "--html", cls.file], check=True, timeout=20)
        told = subprocess.run([HANDFAST, "story", "--json"], check=True, timeout=20, capture_output=True, text=True)
        cls.stories = {story["scene"]: story for story in map(json.loads, told.stdout.splitlines())}
        cls.browser = Browser(shutil.which("chromium"))

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.directory.cleanup()

    def setUp(self):
        self.browser.errors.clear()

    def tearDown(self):
        self.assertEqual(self.browser.errors, [])
        self.assertEqual(self.browser.ask(OUTSIDE), 0, "the page fetches something")

    def open(self, where, view):
        self.browser.view(**view)
        self.browser.open(f"{self.file.as_uri()}#{where}")

    def where(self):
        return self.browser.ask("location.hash.slice(1)")

    def said(self):
        return self.browser.ask("document.getElementById('said').textContent")

    def look(self):
        """Where the page is, what it says, and what of it does not fit into its window."""
        return self.browser.ask("""(() => ({
            where: location.hash.slice(1),
            said: document.getElementById('said').textContent,
            wide: document.documentElement.scrollWidth - innerWidth,
            outside: [...document.querySelectorAll('#ladder text')].filter((text) => {
                const box = text.getBoundingClientRect();
                return box.left < 0 || box.right > innerWidth; }).map((text) => text.textContent) }))()""")

    def picture(self, name):
        if PICTURES:
            self.browser.picture(PICTURES / f"{name}.png")

    def test_every_step_of_every_scene_fits(self):
        for view, name in ((PHONE, "phone"), (DESKTOP, "desktop")):
            for language in ("en", "zh"):
                self.open(f"{language}/handshake/1", view)
                seen, before, now = set(), None, self.look()
                while now["where"] != before:
                    before = now["where"]
                    seen.add(before.split("/")[1])
                    self.assertLessEqual(now["wide"], 0, f"{before} is wider than its window")
                    self.assertEqual(now["outside"], [], before)
                    self.assertNotIn("undefined", now["said"])
                    self.picture(f"{name}-{before.replace('/', '-')}")
                    self.browser.press("ArrowRight")
                    now = self.look()
                self.assertEqual(seen, set(self.stories))

    def test_the_handshake_step_by_step(self):
        steps = self.stories["handshake"]["steps"]
        for view in (PHONE, DESKTOP):
            for language in ("en", "zh"):
                self.open(f"{language}/handshake/1", view)
                for step in steps:
                    said = self.said()
                    for word in ("line", "why"):
                        if word in step:
                            self.assertIn(step[word][language], said)
                    if "segment" in step:
                        self.assertIn(step["segment"], said)
                        drawn = self.browser.ask("document.querySelector('#ladder .now .segment').textContent")
                        self.assertEqual(drawn.split(" <")[0], step["segment"].split(" <")[0])
                        states = self.browser.ask("[...document.querySelectorAll('#ladder .now .state')].map((s) => s.textContent)")
                        self.assertEqual(states, step["states"])
                    self.browser.press("ArrowRight")
                self.assertEqual(self.where(), f"{language}/close/1")

    def test_keys(self):
        self.open("en/close/1", DESKTOP)
        for key, to in (("Space", "close/2"), ("ArrowLeft", "close/1"), ("ArrowLeft", None), ("ArrowRight", "close/1"),
                        ("End", None), ("Home", "close/1"), ("PageDown", "two-way/1"), ("PageUp", "close/1")):
            self.browser.press(key)
            if to:
                self.assertEqual(self.where(), f"en/{to}", key)

    def test_buttons_and_the_list_of_scenes(self):
        self.open("en/close/1", DESKTOP)
        self.browser.ask("document.getElementById('forward').click()")
        self.assertEqual(self.where(), "en/close/2")
        self.browser.ask("document.getElementById('language').click()")
        self.assertEqual(self.where(), "zh/close/2")
        self.assertEqual(self.browser.ask("document.documentElement.lang"), "zh-CN")
        self.browser.ask("document.getElementById('back').click()")
        self.assertEqual(self.where(), "zh/close/1")
        self.browser.ask("""(() => { const list = document.getElementById('scene');
            list.value = [...list.options].findIndex((option) => option.text === '超时：发送 RST');
            list.dispatchEvent(new Event('change')); })()""")
        self.assertEqual(self.where(), "zh/timeout/1")

    def test_a_finger(self):
        self.open("zh/close/1", PHONE)
        self.browser.swipe(300, 60, 120)
        self.assertEqual(self.where(), "zh/close/2")
        self.browser.swipe(60, 300, 120)
        self.assertEqual(self.where(), "zh/close/1")
        small = self.browser.ask("""[...document.querySelectorAll('button, select')].filter((each) =>
            Math.min(each.offsetWidth, each.offsetHeight) < 44).length""")
        self.assertEqual(small, 0, "too small for a finger")

    def test_it_is_read_aloud_and_follows_the_scheme(self):
        self.open("en/cookie/2", PHONE)
        self.assertEqual(self.browser.ask("document.getElementById('said').getAttribute('aria-live')"), "polite")
        self.assertIn("honest clients served: none 0 %, SYN cookie 100 %", self.said())
        light = self.browser.ask("getComputedStyle(document.documentElement).backgroundColor")
        self.open("en/cookie/2", DESKTOP)
        dark = self.browser.ask("getComputedStyle(document.documentElement).backgroundColor")
        self.assertNotEqual(light, dark)

    def test_the_language_that_was_asked_for(self):
        for language in ("en", "zh"):
            subprocess.run([HANDFAST, "story", "refused", "--lang", language, "--html", self.file.with_name("one.html")],
                           check=True, timeout=20)
            self.browser.view(**PHONE)
            self.browser.open(self.file.with_name("one.html").as_uri())
            self.assertEqual(self.where(), f"{language}/refused/1")


if __name__ == "__main__":
    if shutil.which("chromium") is None:
        print("skipped: there is no chromium to read the story's page")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
