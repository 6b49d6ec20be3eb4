"""Scenes under attack, quickly; and the attacker, which works nowhere but in a network of the lab."""

import json
import os
import signal
import subprocess

import pytest

import world as w
from test_lab import children, gone, name_of, outside, start_lab

ATTACKER = w.HANDFAST.parent / "tests/lab/attacker"
SYN = ("syn", "--from", "10.0.0.0/8", "--to", "192.0.2.10:7", "--to-mac", "02:00:00:00:00:0a", "--seconds", "1")


@pytest.fixture(autouse=True)
def needs_attacker():
    if not os.access(ATTACKER, os.X_OK):
        pytest.skip(f"{ATTACKER} is not built")


def run_scene(*words):
    """The rows of one scene."""
    before = outside()
    process = start_lab("--quick", "--json", *words)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out.decode() + err.decode()
    scene = json.loads(out)
    assert scene["scene"] == words[0] and scene["ok"]
    assert outside() == before
    return scene["rows"]


def of(rows, server):
    return [row for row in rows if row["server"] == server]


def all_succeeded(row):
    """Every honest client, but for those whose packets a busy machine lost before the stack could see them."""
    return row["share"] == 1 or (row["dropped_before"] > 0 and row["succeeded"] + row["timed_out"] == row["honest"])


# ---- scenes ----


# [R4987-IOP]
def test_flood():
    rows = run_scene("flood", "--defence", "all")
    attacked = [row for row in of(rows, "handfast") if row["rate"] != "calm"]
    assert {(row["rate"], row["owners"]) for row in attacked} == {
        ("100000", "silent"), ("unpaced", "silent"), ("100000", "answer")}
    assert all(all_succeeded(row) for row in attacked if row["rate"] == "100000")
    assert all(row["honest_accepted"] >= row["honest_syns"] > 0 for row in attacked)
    assert len(of(rows, "linux, cookies off")) == len(of(rows, "linux, cookies on")) == 4


@pytest.mark.parametrize("scene", ["dos", "ddos"])
def test_open_flood(scene):
    calm, attacked = of(run_scene(scene), "handfast")
    assert all_succeeded(calm) and all_succeeded(attacked)
    assert attacked["honest_accepted"] >= attacked["honest_syns"] > calm["honest_syns"] > 0


def test_drdos():
    rows = of(run_scene("drdos"), "handfast")
    assert rows[0]["packets_each"] <= 3
    assert all(row["packets_each"] <= 1 and row["bytes_each"] <= 1 for row in rows[1:3])
    assert [row["packets_out"] for row in rows[3:]] == [0, 0, 0, 0]


def test_forge_reset():
    rows = run_scene("forge-reset")
    assert all(row["survived"] == row["connections"] == 2 for row in rows)
    assert of(rows, "handfast")[0]["rst_challenged"] > 0


def test_hold():
    row = of(run_scene("hold"), "handfast")[0]
    assert all_succeeded(row)
    assert row["pool_peak_bytes"] <= row["pool_bytes"]
    assert row["connections_peak"] <= row["max_connections"]


def test_ackflood():
    row = of(run_scene("ackflood"), "handfast")[0]
    assert all_succeeded(row) and row["answers_each"] <= 0.1


def test_killed_in_the_middle():
    before = outside()
    process = start_lab("flood", "--quick", "--defence", "all")
    inside = w.until(lambda: "attacker" in map(name_of, children(process.pid)) and children(process.pid),
                     "the attacker runs", 60)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=w.PATIENCE)
    w.until(lambda: gone(inside), "everything inside is gone")
    w.until(lambda: outside() == before, "nothing is left")


def test_without_attacker(tmp_path):
    program = tmp_path / "handfast"
    program.write_bytes(w.HANDFAST.read_bytes())
    program.chmod(0o755)
    done = subprocess.run([program, "lab", "flood"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and done.stdout == ""
    assert "attacker" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_defence_that_there_is_not():
    done = subprocess.run([w.HANDFAST, "lab", "flood", "--defence", "prayer"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 2 and "cookie" in done.stderr


# ---- the attacker refuses ----


def refusal(*words, before=()):
    done = subprocess.run([*before, ATTACKER, *words], capture_output=True, text=True, timeout=10)
    assert done.stdout == "" and len(done.stderr.splitlines()) == 1
    return done.returncode, done.stderr


def test_attacker_needs_an_order():
    assert refusal()[0] == 2
    assert refusal("syn")[0] == 2
    assert refusal("story", *SYN[1:])[0] == 2


@pytest.mark.parametrize("where", [(), ("unshare", "-n"), ("unshare", "-n", "-p", "-f"),
                                   ("unshare", "-n", "-p", "-f", "--mount-proc")],
                         ids=["outside", "own network", "own network and processes", "own proc"])
def test_attacker_outside_of_a_lab(where):
    code, why = refusal(*SYN, "--lab-fd", "5", before=where)
    assert code == 3 and "refused" in why and "lab" in why


def test_attacker_with_a_marker_of_someone_else(world):
    """A network that looks like a lab's, and a marker in a pipe: but nobody made that the interface's alias."""
    world.ip("link", "add", "at0", "type", "veth", "peer", "name", "other")
    reading, writing = os.pipe()
    os.write(writing, b"0123456789abcdef" * 2)
    process = subprocess.run(["unshare", "-p", "-f", ATTACKER, *SYN, "--lab-fd", str(reading)], capture_output=True,
                             text=True, timeout=10, pass_fds=[reading], preexec_fn=world._child)
    os.close(reading)
    os.close(writing)
    assert process.returncode == 3 and "refused" in process.stderr


@pytest.mark.parametrize("words, says", [
    (("--to", "198.51.100.1:80"), "192.0.2.0/24"),
    (("--to", "127.0.0.1:80"), "192.0.2.0/24"),
    (("--seconds", "3600"), "seconds"),
    (("--seconds", "0"), "seconds"),
    (("--count", "1000000000000"), "frames"),
])
def test_attacker_has_caps(words, says):
    code, why = refusal(*SYN, *words, "--lab-fd", "5")
    assert code == 3 and says in why


def test_attacker_is_not_installed(tmp_path):
    done = subprocess.run(["cmake", "--install", w.HANDFAST.parent, "--prefix", tmp_path], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    assert not [path for path in tmp_path.rglob("*") if "attacker" in path.name]
