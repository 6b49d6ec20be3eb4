"""The same scripts against our stack and the Linux kernel; what differs stands in tests/differential/expected.csv."""

import os
import subprocess
import sys

import pytest

import world as w

PROGRAM = w.HANDFAST.parent / "tests/differential_ours"
RUN = w.ROOT / "tests/differential/run"


@pytest.fixture(autouse=True)
def program():
    if not os.access(PROGRAM, os.X_OK):
        pytest.skip(f"{PROGRAM} is not built")


def run(*words):
    done = subprocess.run([sys.executable, RUN, *map(str, words), PROGRAM], capture_output=True, text=True,
                          timeout=120, env={**os.environ, "PATH": w.PATH})
    return done.returncode, done.stdout + done.stderr


def test_nothing_differs_that_is_not_explained():
    code, said = run()
    assert code == 0, said


def test_a_difference_without_a_reason_fails(tmp_path):
    empty = tmp_path / "expected.csv"
    empty.write_text("stimulus,state,ours,kernel,but,then,reason\n")
    code, said = run("--seeds", 20, "--expected", empty)
    assert code == 1 and " new" in said, said


def test_a_reason_that_is_missing_is_named(tmp_path):
    bad = tmp_path / "expected.csv"
    bad.write_text("stimulus,state,ours,kernel,but,then,reason\n*,*,*,*,,end,\n")
    code, said = run("--seeds", 1, "--expected", bad)
    assert code == 2 and "line 2" in said, said
