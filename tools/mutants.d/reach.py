"""Which test runs which line: each test once, with the counters of gcov in the code."""

import bisect
import json
import os
import pathlib
import shutil
import subprocess

from build import PLACE, ROOT
from run import run

COUNTED = ["-O0", "--coverage"]


class Reach:
    def __init__(self):
        self.tests = {}  # (path, line): the tests that run it; none where no test does
        self.lines = {}  # path: the lines that have code, sorted
        self.everywhere = set()  # tests of which nothing is known

    def add(self, test, files):
        """`files`: {path: {line: whether it ran}}"""
        for path, lines in files.items():
            for line, ran in lines.items():
                self.tests.setdefault((path, int(line)), set()).update({test} if ran else ())

    def finish(self):
        for path, line in sorted(self.tests):
            self.lines.setdefault(path, []).append(line)

    def of(self, mutant):
        """The tests that run the mutant's line; where the line is the middle of something, that around it."""
        if (mutant.path, mutant.line) in self.tests:
            return self.tests[mutant.path, mutant.line] | self.everywhere
        lines = self.lines.get(mutant.path, [])
        at = bisect.bisect(lines, mutant.line)
        near = [line for line in lines[max(at - 1, 0):at + 1] if mutant.body[0] - 1 <= line <= mutant.body[1]]
        return self.everywhere.union(*(self.tests[mutant.path, line] for line in near))


def gcov(files, place):
    """What gcov tells of these notes or counters, one by one."""
    for start in range(0, len(files), 50):
        told = subprocess.run(["gcov", "--json-format", "--stdout", *files[start:start + 50]], cwd=place,
                              capture_output=True, text=True, check=True).stdout
        for text in told.splitlines():
            if text.startswith("{"):
                yield json.loads(text)


def name_of(file):
    return os.path.relpath(os.path.join(ROOT, file["file"]), ROOT)


def counted(data, paths):
    """{path: {line: whether it ran}} of the counters that one test has left in `data`."""
    counters = sorted(data.rglob("*.gcda"))
    for counter in counters:
        note = counter.with_suffix(".gcno")
        note.symlink_to("/" / note.relative_to(data))
    files = {path: {} for path in paths}
    for told in gcov(counters, data):
        for file in told["files"]:
            lines = files.get(name_of(file), {})
            for line in file["lines"]:
                number = line["line_number"]
                lines[number] = lines.get(number, False) or line["count"] > 0
    return files


def holders(build, paths):
    """{path: the objects with code of it, by their place in a build}: of a header's functions, who calls none has none."""
    notes = sorted({made.with_suffix(".gcno") for path in paths for made in build.users(path)})
    found = {path: set() for path in paths}
    for told in gcov(notes, build.place):
        made = pathlib.Path(told["data_file"]).with_suffix(".o").relative_to(build.place)
        for file in told["files"]:
            if file["lines"] and name_of(file) in found:
                found[name_of(file)].add(made)
    return found


def measure(build, test, paths):
    """What that test runs; kept beside the program, until one of them is younger."""
    kept = build.place / "reach" / f"{test}.json"
    program, library = build.program(test), build.place / "libcore.so"
    if kept.exists() and kept.stat().st_mtime > max(program.stat().st_mtime, library.stat().st_mtime):
        return json.loads(kept.read_text())
    data = PLACE / "counters" / test
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    how, _ = run(program, build.place, 600, {"GCOV_PREFIX": str(data)})
    if how != "passed":
        return None
    # Only what holds code of the files in question: reading the counters is most of the work.
    wanted = {made.with_suffix(".gcda") for path in paths for made in build.users(path)}
    for counters in data.rglob("*.gcda"):
        if "/" / counters.relative_to(data) not in wanted:
            counters.unlink()
    files = counted(data, paths)
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(files))
    shutil.rmtree(data)
    return files


def reach_of(build, pool, paths):
    reach = Reach()
    tests = sorted(build.tests)
    for test, files in zip(tests, pool.map(lambda name: measure(build, name, paths), tests)):
        if files is None:
            print(f"fails while its lines are counted: {test}", flush=True)
            reach.everywhere.add(test)
        else:
            reach.add(test, files)
    reach.finish()
    return reach
