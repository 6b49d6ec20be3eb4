"""The journal of a guard that serves behind its fences: what is in it, what it survives, and which lies are found.

`read_by_documentation` is a second verifier: the program that docs/journal.md prints, with nothing but a hash and a MAC.
"""

import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

import world as w
from test_life import compile_shim
from world import V4, service

USER = "nobody"
SEAL_NOW = 'journal_seal = 1s'


def echo(connection):
    while data := connection.recv(1 << 16):
        connection.sendall(data)


@pytest.fixture
def place(world):
    """A directory of the guard's user."""
    os.chmod(world.directory, 0o755)
    path = world.directory / "log"
    path.mkdir()
    os.chown(path, pwd.getpwnam(USER).pw_uid, -1)
    return path


def init(world, place):
    """The key, as an operator gets it from the machine."""
    code, out, err = world.handfast("journal", "init", place / "guard.journal")
    assert code == 0, err
    key = world.directory / "elsewhere.key"
    key.write_bytes(out)
    return key


def start(world, place, *root):
    if not world.threads:
        world.serve(world.listen(V4, 7007, "127.0.0.1"), echo)
    root = (f'user = "{USER}"', f'state_directory = "{place}"', f'journal = "{place}/guard.journal"', *root)
    return world.guard(service("echo", 7, "127.0.0.1:7007", (V4,)), "\n".join(root))


def talk(world, times=1):
    for _ in range(times):
        with world.connect(V4, 7) as client:
            client.sendall(b"hello")
            assert w.receive(client, 5) == b"hello"
            client.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b""


def verify(world, *words):
    code, out, err = world.handfast("journal", "verify", "--json", *words)
    assert code in (0, 1), err
    answer = json.loads(out)
    assert answer["honest"] == (code == 0)
    return answer


def records(world, *words):
    code, out, err = world.handfast("journal", "show", *words, "--json")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


PROGRAM = re.search(r"```python\n(.*?)```", (w.ROOT / "docs/journal.md").read_text(), re.DOTALL).group(1)


def read_by_documentation(paths, key_file):
    """The kinds of all records, if the program of docs/journal.md, "Checking it yourself", is content."""
    data = b"".join(path.read_bytes() for path in paths)
    key = key_file.read_text().splitlines()[2].split()[1]
    done = subprocess.run([sys.executable, "-c", PROGRAM, key], input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line)["kind"] for line in data.splitlines()]


# ---- what is in it ----

def test_a_life_is_written_behind_the_fences(world, place):
    key = init(world, place)
    state = place / "guard.journal.state"
    assert state.stat().st_mode & 0o777 == 0o600
    assert state.stat().st_uid == pwd.getpwnam(USER).pw_uid
    process = start(world, place, SEAL_NOW)
    for thread in os.listdir(f"/proc/{process.pid}/task"):
        status = pathlib.Path(f"/proc/{process.pid}/task/{thread}/status").read_text()
        assert "Seccomp:\t2" in status and "CapEff:\t0000000000000000" in status
    talk(world, 5)
    idle = world.connect(V4, 7)
    idle.sendall(b"hello")
    assert w.receive(idle, 5) == b"hello"
    for words in ("block 198.51.100.0/24 --for 1h --reason nuisance", "unblock 198.51.100.0/24",
                  f"kill from {V4.host}", "drain echo", "resume echo", "reload"):
        code, _, err = world.handfast("-i", world.name, *words.split())
        assert code == 0, err

    journal = place / "guard.journal"
    w.until(lambda: any(r["kind"] == "seal" for r in records(world, journal)), "a seal by time")
    answer = verify(world, journal, "--key", key)
    assert answer["honest"] and answer["open"]  # while it is written
    assert world.stop(process) == 0
    answer = verify(world, journal, "--key", key)
    assert answer["honest"] and not answer["open"] and answer["seals_checked"] and answer["unsealed"] == 0

    kinds = read_by_documentation([journal], key)
    assert kinds[0] == "start" and kinds[-2:] == ["stop", "seal"]
    assert {"serving", "relay-end", "block", "unblock", "reload", "ended"} <= set(kinds), kinds
    ends = records(world, journal, "kind", "relay-end")
    assert sorted(r["value"] for r in ends) == ["closed"] * 5 + ["killed"]
    assert all(r["service"] == "echo" and r["client"].startswith(V4.host + ":") for r in ends)
    assert {(r["bytes_in"], r["bytes_out"]) for r in ends} == {(5, 5)}


def test_show_filters(world, place):
    process = start(world, place)
    talk(world, 3)
    world.handfast("-i", world.name, "block", "198.51.100.0/24", "--for", "1h", "--reason", "x")
    assert world.stop(process) == 0
    journal = place / "guard.journal"
    everything = records(world, journal)
    assert len(records(world, journal, "service", "echo", "kind", "relay-end")) == 3
    assert len(records(world, journal, "from", f"{V4.host}/32", "kind", "relay-end")) == 3
    assert {r["kind"] for r in records(world, journal, "from", "198.51.100.0/23")} == {"block"}
    assert records(world, journal, "from", "203.0.113.0/24") == []
    assert records(world, journal, "service", "none") == []
    assert records(world, journal, "since", "10m") == everything
    assert records(world, journal, "until", "10m") == []
    middle = everything[len(everything) // 2]["wall"]
    since, until = records(world, journal, "since", middle), records(world, journal, "until", middle)
    assert since + until != [] and len(since) + len(until) >= len(everything)
    assert all(r["wall"] >= middle for r in since) and all(r["wall"] <= middle for r in until)
    assert records(world, journal, "since", everything[0]["wall"][:10]) == everything
    code, out, _ = world.handfast("journal", "show", journal, "kind", "relay-end")
    assert code == 0 and out.count(b"value=closed") == 3
    for words in (["since", "yesterday"], ["from", "nowhere"], ["frog", "x"], []):
        code, _, err = world.handfast("journal", "show", *([journal] if words else []), *words)
        assert code == 2 and "accepted" in err


# ---- which lies are found ----

LIES = {
    "altered": lambda lines: lines[:4] + [lines[4].replace(b"echo", b"Echo")] + lines[5:],
    "removed": lambda lines: lines[:4] + lines[6:],
    "reordered": lambda lines: lines[:4] + [lines[5], lines[4]] + lines[6:],
    "truncated": lambda lines: lines[:-2],
}


def test_lies_are_named(world, place):
    key = init(world, place)
    process = start(world, place)
    talk(world, 10)
    assert world.stop(process) == 0
    journal = place / "guard.journal"
    copy = world.directory / "copy.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    for lie, change in LIES.items():
        changed = change(lines)
        assert changed != lines
        copy.write_bytes(b"".join(changed))
        answer = verify(world, copy, "--key", key)
        assert answer["verdict"] == lie, answer
        code, out, _ = world.handfast("journal", "verify", copy)
        assert code == 1 and f": {lie}: ".encode() in out
    copy.write_bytes(b"".join(lines))
    assert verify(world, copy, "--key", key)["honest"]
    whole = b"".join(lines)
    for cut in range(1, len(whole), 97):
        copy.write_bytes(whole[:cut])
        assert verify(world, copy, "--key", key)["verdict"] == "truncated"

    # Cut back to an earlier end in order, which only the machine's own state knows better.
    first_end = len(whole)
    assert world.stop(start(world, place)) == 0
    assert verify(world, journal, "--key", key)["honest"]
    os.truncate(journal, first_end)
    assert verify(world, journal, "--key", key)["verdict"] == "truncated"
    assert world.stop(start(world, place)) == 0  # and the next guard's chain keeps the hole
    assert verify(world, journal, "--key", key)["verdict"] == "removed"


def test_one_who_takes_the_machine_over_cannot_write_its_past(world, place):
    """With the state file of now, the whole journal is chained and sealed anew: ours says so, and so does the documentation."""
    key = init(world, place)
    process = start(world, place, SEAL_NOW)
    talk(world, 3)
    journal = place / "guard.journal"
    w.until(lambda: sum(r["kind"] == "seal" for r in records(world, journal)) > 0, "a seal by time")
    assert world.stop(process) == 0
    stolen = dict(line.rsplit(" ", 1) for line in (place / "guard.journal.state").read_text().splitlines())
    secret, last, forged = bytes.fromhex(stolen["key"]), None, []
    for line in journal.read_bytes().splitlines(keepends=True):
        record = json.loads(line)
        line = line.replace(V4.host.encode(), b"203.0.113.77")  # it was somebody else
        line = line.replace(record["prev"].encode(), (hashlib.sha256(last).hexdigest() if last else "0" * 64).encode())
        if record["kind"] == "seal":
            signed = line[:line.index(b',"mac":')]
            seal_key = hmac.new(secret, b"handfast journal: seal", hashlib.sha256).digest()
            line = signed + b',"mac":"' + hmac.new(seal_key, signed, hashlib.sha256).hexdigest().encode() + b'"}\n'
        forged.append(line)
        last = line
    copy = world.directory / "forged.journal"
    copy.write_bytes(b"".join(forged))
    assert verify(world, copy)["honest"]  # the chain is perfect
    answer = verify(world, copy, "--key", key)
    assert answer["verdict"] == "rewritten" and answer["first"] == 1
    with pytest.raises(AssertionError):
        read_by_documentation([copy], key)


# ---- what it survives ----

def test_logrotate_moves_it_and_the_chain_goes_on(world, place):
    key = init(world, place)
    process = start(world, place)
    journal = place / "guard.journal"
    follower = world.start(w.HANDFAST, "journal", "show", journal, "kind", "relay-end", "--follow", "--json")
    seen = b""
    for turn in range(2):
        talk(world, 2)
        w.until(lambda: len(records(world, journal, "kind", "relay-end")) == 2, "both ends are written")
        while seen.count(b"\n") < 2 * (turn + 1):  # it may begin late: then it must not miss the file that is moved
            seen += w.read_until(follower.stdout, b"\n")
        if turn == 0:
            os.rename(journal, place / "guard.journal.1")
            process.send_signal(signal.SIGHUP)
            w.until(journal.exists, "another file")
    assert world.stop(process) == 0
    assert read_by_documentation([place / "guard.journal.1", journal], key).count("relay-end") == 4
    assert verify(world, journal, "--all", "--key", key)["honest"]
    assert verify(world, journal, "--key", key)["first_record"] > 1
    assert verify(world, place / "guard.journal.1", "--key", key)["honest"]
    assert len(records(world, journal, "--all", "kind", "relay-end")) == 4
    middle = place / "guard.journal.2"  # a file between two others, and then it is gone
    os.rename(place / "guard.journal.1", middle)
    lines = middle.read_bytes().splitlines(keepends=True)
    (place / "guard.journal.3").write_bytes(b"".join(lines[:2]))
    (place / "guard.journal.1").write_bytes(b"".join(lines[-2:]))
    middle.unlink()
    answer = verify(world, journal, "--all", "--key", key)
    assert (answer["verdict"], answer["first"], answer["last"]) == ("removed", 3, len(lines) - 2)
    numbers = [json.loads(line)["seq"] for line in seen.splitlines()]
    assert len(numbers) == 4 and numbers == sorted(numbers)


def test_killed_and_started_again(world, place):
    key = init(world, place)
    process = start(world, place)
    talk(world, 3)
    journal = place / "guard.journal"
    w.until(lambda: len(records(world, journal, "kind", "relay-end")) == 3, "they are written")
    process.kill()
    process.wait()
    assert verify(world, journal)["verdict"] == "truncated"
    assert verify(world, journal, "--open", "--state", place / "guard.journal.state")["honest"]
    assert world.stop(start(world, place)) == 0
    answer = verify(world, journal, "--key", key)
    assert answer["honest"] and answer["starts"] == 2
    assert any("did not end in order" in r.get("text", "") for r in records(world, journal, "kind", "start"))


def test_a_clock_that_is_set_is_written_down(world, place):
    """Forward and back by an hour: each is a record, and no lie."""
    key = init(world, place)
    shim, step = compile_shim(world), world.directory / "step"
    step.write_bytes(struct.pack("q", 0))
    os.makedirs("/run/handfast", exist_ok=True)
    world.serve(world.listen(V4, 7007, "127.0.0.1"), echo)
    config = world.config(service("echo", 7, "127.0.0.1:7007", (V4,)), f'user = "{USER}"\njournal = "{place}/guard.journal"')
    with open(world.directory / "guard.log", "wb") as log:
        process = world.start("env", f"LD_PRELOAD={shim}", f"CLOCK_STEP={step}", w.HANDFAST, "guard", config,
                              stdout=log, stderr=log)
    w.until(lambda: world.stats(process) is not None, "the guard answers")
    journal = place / "guard.journal"

    def steps():
        talk(world)
        return records(world, journal, "kind", "clock")

    for count, hours in ((1, 1), (2, 0)):
        with open(step, "r+b") as file:
            file.write(struct.pack("q", hours * 3600 * 10**9))
        w.until(lambda count=count: len(steps()) == count, "the step is a record")
    assert world.stop(process) == 0
    forward, back = records(world, journal, "kind", "clock")
    assert abs(forward["forward_us"] - 3600 * 10**6) < 10**6 > abs(back["back_us"] - 3600 * 10**6)
    answer = verify(world, journal, "--key", key)
    assert answer["honest"] and answer["clock_steps"] == 2
    lines = [line for line in journal.read_bytes().splitlines(keepends=True) if b'"clock"' not in line]
    journal.write_bytes(b"".join(lines))
    assert verify(world, journal)["verdict"] == "removed"


@pytest.fixture
def small_disk(world, place):
    code, _, err = world.run("mount", "-t", "tmpfs", "-o", f"size=1m,mode=0755,uid={pwd.getpwnam(USER).pw_uid}",
                             "handfast-test", place)
    assert code == 0, err
    yield place
    world.run("umount", "-l", place)


def whole(journal):
    """Its bytes; none while half a record is tried once more."""
    data = journal.read_bytes()
    return data if data.endswith(b"\n") else b""


def test_a_full_disk_stops_nobody_and_loses_what_it_says(world, small_disk):
    key = init(world, small_disk)
    process = start(world, small_disk, SEAL_NOW)
    journal = small_disk / "guard.journal"
    talk(world)
    filler = small_disk / "filler"
    with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"." * 512)
    for _ in range(40):
        talk(world, 10)
        if "cannot be written: No space left on device" in world.guard_log():
            break
    w.until(lambda: "cannot be written: No space left on device" in world.guard_log(), "it is told")
    code, out, _ = world.handfast("-i", world.name, "status")
    assert code == 0 and b"the journal cannot be written: No space left on device" in out
    talk(world, 50)
    held = w.until(lambda: whole(journal), "what did not fit was taken back whole")
    talk(world, 50)
    w.until(lambda: whole(journal) == held, "and so was what came later")
    filler.unlink()
    w.until(lambda: "is written again" in world.guard_log(), "it goes on")
    talk(world)
    assert world.stop(process) == 0
    answer = verify(world, journal, "--key", key)
    assert answer["honest"], answer
    ends = len(records(world, journal, "kind", "relay-end"))
    assert ends >= 102 and answer["dropped"] == 0  # memory was enough for so few
    read_by_documentation([journal], key)


WRK = 32  # its connections


def requests(world, seconds):
    """Handled by the guard, a connection each; whoever fails is an error of wrk's."""
    code, out, err = world.run("wrk", "-c", str(WRK), "-t", "1", "--timeout", "20s", "-d", str(seconds), "-H", "Connection: close",
                               V4.url("/x"), seconds=60)
    assert code == 0 and b"Socket errors" not in out and b"Non-2xx" not in out, out.decode() + err
    return int(re.search(rb"(\d+) requests in", out).group(1))


@pytest.mark.skipif(shutil.which("wrk", path=w.PATH) is None, reason="the program wrk is missing")
def test_more_than_memory_keeps_is_dropped_and_said(world, small_disk):
    """Connections by the ten thousand while the disk is full: the least important facts go, and a record says how many."""
    key = init(world, small_disk)
    (world.nginx() / "x").write_text("hello")
    process = world.guard(service("web", 80, "127.0.0.1:8080", (V4,)),
                          f'user = "{USER}"\nstate_directory = "{small_disk}"\njournal = "{small_disk}/guard.journal"')
    journal = small_disk / "guard.journal"
    w.until(lambda: any(r["kind"] == "serving" for r in records(world, journal)), "it is written")
    done, runs, deadline = 0, 0, time.monotonic() + 120
    while done < 25000 and time.monotonic() < deadline:  # 150 bytes each, and half of 4 MB is theirs
        done, runs = done + requests(world, 2), runs + 1
    w.until(lambda: "cannot be written: No space left on device" in world.guard_log(), "it is told")
    world.run("mount", "-o", "remount,size=16m", small_disk)
    w.until(lambda: "is written again" in world.guard_log(), "it goes on")
    w.until(lambda: any(r["kind"] == "dropped" for r in records(world, journal)), "what was dropped is said")
    assert world.stop(process) == 0
    answer = verify(world, journal, "--key", key)
    assert answer["honest"], answer
    told = records(world, journal, "kind", "dropped")
    assert answer["dropped"] == sum(r["count"] for r in told) > 0
    assert sum(r["high"] for r in told) == 0
    ends = len(records(world, journal, "kind", "relay-end"))
    assert done <= ends + answer["dropped"] <= done + runs * 2 * WRK  # those under way when a wrk left


# ---- bad input ----

def test_init_is_careful(world, place):
    journal = place / "guard.journal"
    process = start(world, place)
    code, out, err = world.handfast("journal", "init", journal)
    assert code == 1 and b"key" not in out and "stop it first" in err
    assert world.stop(process) == 0
    key = init(world, place)  # what was only chained is sealed from now on, with all before it
    code, out, err = world.handfast("journal", "init", journal)
    assert code == 1 and out == b"" and "has a key already" in err
    assert world.stop(start(world, place)) == 0
    answer = verify(world, journal, "--key", key)
    assert answer["honest"] and answer["starts"] == 2 and answer["first_record"] == 1
    assert world.handfast("journal", "init", world.directory / "no" / "such")[0] == 1


def test_what_is_no_journal(world):
    path = world.directory / "x"
    for data, code in ((b"", 1), (b"frog\n", 1), (b"\0" * 100000, 1), (b"{}\n" * 3, 1), (os.urandom(5000), 1)):
        path.write_bytes(data)
        got, out, err = world.handfast("journal", "verify", path)
        assert got == code and (out or err)
    assert world.handfast("journal", "verify", world.directory)[0] == 2
    assert world.handfast("journal", "verify", world.directory / "none")[0] == 2
    assert world.handfast("journal", "verify", path, "--key", path)[0] == 2
    assert world.handfast("journal", "frog")[0] == 2


def test_a_state_that_others_may_read_stops_the_start(world, place):
    init(world, place)
    (place / "guard.journal.state").chmod(0o644)
    config = world.config(service("echo", 7, "127.0.0.1:7007", (V4,)),
                          f'user = "{USER}"\nstate_directory = "{place}"\njournal = "{place}/guard.journal"')
    code, _, err = world.handfast("guard", config)
    assert code == 1 and "chmod 0600" in err and len(err.strip().splitlines()) == 1
