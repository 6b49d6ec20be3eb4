"""Whether the mutation check does what it says: what it finds, what it remembers, what it asks, how it ends a test."""

import pathlib
import sys
import tempfile
import time

import find
from reach import Reach
from results import Result, Writer, read
from run import Order, asleep, limit_s, run

SOURCE = """static bool f(int a, int b)
{
    must(a < 1); /* a < 2 */
    if (__builtin_expect(a >= b, 0) &&
        b != 3)
        return true;
    return a + 1 < b;
}
"""
FOUND = ["ge", "and", "ne", "const", "bool", "negate", "remove", "plus", "const", "lt"]


def found(expect):
    mutants = find.mutants_of("src/x.c", SOURCE)
    expect("what is found", sorted(m.kind for m in mutants), sorted(FOUND))
    expect("names are unique", len({m.name for m in mutants}), len(mutants))
    by_name = {m.name: m for m in mutants}
    lines = by_name["src/x.c:f:lt.1"].apply(SOURCE).split("\n")
    expect("one place is changed", lines[6], "    return a + 1 <= b;")
    expect("and nothing else", lines[:6], SOURCE.split("\n")[:6])
    expect("the function's lines", by_name["src/x.c:f:ne.1"].body, (3, 8))
    return mutants


def reached(expect, mutants):
    by_name = {m.name: m for m in mutants}
    reach = Reach()
    reach.add("one", {"src/x.c": {4: True, 6: True, 7: False}})
    reach.add("two", {"src/x.c": {4: True, 6: False, 7: False}})
    reach.finish()
    expect("a line's tests", reach.of(by_name["src/x.c:f:ge.1"]), {"one", "two"})
    expect("a line that no test runs", reach.of(by_name["src/x.c:f:lt.1"]), set())
    expect("the middle of a statement", reach.of(by_name["src/x.c:f:ne.1"]), {"one", "two"})
    reach.everywhere.add("three")
    expect("of whom nothing is known", reach.of(by_name["src/x.c:f:lt.1"]), {"three"})


def remembered(expect, mutants):
    texts = {"src/x.c": "1234"}
    with tempfile.TemporaryDirectory() as directory:
        place = pathlib.Path(directory) / "results.csv"
        with Writer(texts, {}, place) as writer:
            writer.write(mutants[0], Result("waits"))
            writer.write(mutants[1], Result("killed", "a", "hangs", "77"))
            writer.write(mutants[0], Result("survived"))
        kept = read(mutants, texts, place)
        expect("the last row counts", kept[mutants[0]].outcome, "survived")
        expect("all of a row", vars(kept[mutants[1]]), vars(Result("killed", "a", "hangs", "77")))
        expect("the rest is left", len(kept), 2)
        expect("a file that has changed", read(mutants, {"src/x.c": "1235"}, place), {})
        place.write_text(place.read_text()[:-3])
        expect("half a row", mutants[0] in read(mutants, texts, place), False)


def ordered(expect):
    order = Order({"unit-tcp-x": 0.02, "quick": 0.01, "slow": 0.05})
    expect("the file's own test first", order.best("src/tcp/x.c", order.seconds), "unit-tcp-x")
    expect("else the quickest", order.best("src/tcp/y.c", order.seconds), "quick")
    for _ in range(200):
        order.note("src/tcp/y.c", "quick", False)
        order.note("src/tcp/y.c", "slow", True)
    expect("and what has killed", order.best("src/tcp/y.c", order.seconds), "slow")


def ended(expect):
    def script(directory, text):
        place = pathlib.Path(directory) / "program"
        place.write_text(f"#!/bin/sh\n{text}\n")
        place.chmod(0o755)
        return place

    with tempfile.TemporaryDirectory() as directory:
        for text, how in (("exit 0", "passed"), ("exit 77", "passed"), ("exit 1", "failed"),
                          ("kill -SEGV $$", "failed"), ("while :; do :; done", "hangs")):
            expect(text, run(script(directory, text), directory, 1, cwd=directory)[0], how)
    expect("a limit has room", limit_s(0.5) >= 5, True)
    expect("whoever runs is not asleep", asleep("self"), False)


def run_all():
    failed = 0
    begin = time.monotonic()

    def expect(what, got, wanted):
        nonlocal failed
        if got != wanted:
            failed += 1
            print(f"self-test: {what}: expected {wanted!r}, got {got!r}", file=sys.stderr)

    mutants = found(expect)
    reached(expect, mutants)
    remembered(expect, mutants)
    ordered(expect)
    ended(expect)
    print(f"self-test: {failed} failed, {time.monotonic() - begin:.1f} s")
    return 1 if failed else 0
