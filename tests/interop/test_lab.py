"""handfast lab: it works, it says what is missing, and it leaves nothing behind, however it ends."""

import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

import world as w


def children(pid):
    """All descendants of a process."""
    found = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found  # it has ended since it was listed
    for task in tasks:
        try:
            own = [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
        except OSError:
            continue
        for child in own:
            found += [child, *children(child)]
    return found


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def outside():
    """What a lab could leave behind: interfaces, files."""
    return (sorted(os.listdir("/sys/class/net")), sorted(os.listdir("/run")), sorted(
        name for name in os.listdir("/tmp") if "handfast" in name))


def start_lab(*words):
    import kernel
    process = subprocess.Popen([w.HANDFAST, "lab", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               preexec_fn=kernel.die_with_parent)
    return process


@pytest.fixture
def running():
    """A lab in the middle of its work, and all processes in it."""
    before = outside()
    process = start_lab()
    w.until(lambda: "nginx" in map(name_of, children(process.pid)) and
            list(map(name_of, children(process.pid))).count("handfast") >= 2, "nginx and the guard run", 60)
    yield process, children(process.pid)
    if process.poll() is None:
        process.kill()
    process.communicate()
    w.until(lambda: outside() == before, "nothing is left")


def gone(pids):
    return all(not os.path.exists(f"/proc/{pid}") for pid in pids)


def test_scenes_as_json():
    before = outside()
    code, out, err = run_lab("--quick", "--json", "handshake", "close", "backend-down")
    assert code == 0, out + err
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["scene"] for row in rows] == ["handshake", "close", "backend-down"]
    assert all(row["ok"] and row["ipv4"]["ok"] and row["ipv6"]["ok"] for row in rows)
    assert rows[0]["ipv4"]["segments"] == 3 and rows[1]["ipv6"]["segments"] == 4
    assert outside() == before


def run_lab(*words):
    process = start_lab(*words)
    out, err = process.communicate(timeout=60)
    return process.returncode, out.decode(), err.decode()


def test_unknown_scene():
    code, out, err = run_lab("handshakes")
    assert code == 2 and out == ""
    assert "handshakes" in err and "handshake" in err


def test_without_root():
    process = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", w.HANDFAST, "lab"],
                             capture_output=True, text=True, timeout=10)
    assert process.returncode == 1 and process.stdout == ""
    assert "root" in process.stderr and len(process.stderr.splitlines()) == 1


def test_without_nginx(world):
    directory = world.directory / "bin"
    directory.mkdir()
    code, _, err = world.run("unshare", "-m", "sh", "-c", "mount --bind /dev/null $(command -v nginx) && exec \"$@\"",
                             "sh", w.HANDFAST, "lab", "handshake")
    assert code == 1
    assert "nginx" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ended_by_a_signal(running, number):
    process, inside = running
    process.send_signal(number)
    _, err = process.communicate(timeout=w.PATIENCE)
    assert process.returncode == 1
    assert b"nothing is left behind" in err
    w.until(lambda: gone(inside), "everything inside is gone")


def test_killed(running):
    process, inside = running
    process.kill()
    process.communicate(timeout=w.PATIENCE)
    w.until(lambda: gone(inside), "everything inside is gone")


def test_its_first_child_is_killed(running):
    process, inside = running
    os.kill(inside[0], signal.SIGKILL)
    _, err = process.communicate(timeout=w.PATIENCE)
    assert process.returncode == 1 and b"killed" in err
    w.until(lambda: gone(inside), "everything inside is gone")


def test_its_guard_is_killed():
    before = outside()
    process = start_lab("--quick", "short", "parallel")
    guard = w.until(lambda: next(filter(stopped_guard, children(process.pid)), None), "the guard runs", 60)
    os.kill(guard, signal.SIGKILL)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"FAILED" in out
    w.until(lambda: outside() == before, "nothing is left")


def is_guard(pid):
    try:
        return b"\0guard\0" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def stopped_guard(pid):
    """A guard stands still: it cannot end in order before it is killed."""
    if not is_guard(pid):
        return False
    try:
        os.kill(pid, signal.SIGSTOP)
        w.until(lambda: state_of(pid) not in "RSD", "it stands still")
        return state_of(pid) == "T"
    except OSError:
        return False  # it ended meanwhile: there will be another one


def state_of(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
