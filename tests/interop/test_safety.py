"""A guard that was started by root serves as somebody else, behind its fences, whatever it is asked to do."""

import os
import pathlib
import pwd
import re
import signal

import pytest

import kernel
import world as w
from world import V4, service

USER = "nobody"


def echo(connection):
    while data := connection.recv(1 << 16):
        connection.sendall(data)


@pytest.fixture
def guard(world):
    """As nobody: the configuration is readable for him, the state is his."""
    os.chmod(world.directory, 0o755)
    state = world.directory / "state"
    state.mkdir()
    os.chown(state, pwd.getpwnam(USER).pw_uid, -1)
    world.serve(world.listen(V4, 7007, "127.0.0.1"), echo)
    path = world.config(service("echo", 7, "127.0.0.1:7007"))
    text = re.sub(r"(?m)^(user|state_directory) = .*$", "", path.read_text())
    path.write_text(f'user = "{USER}"\nstate_directory = "{state}"\nmetrics = "127.0.0.1:9648"\n{text}')
    log = open(world.directory / "guard.log", "wb")
    process = world.start(w.HANDFAST, "-i", world.name, "guard", path, stdout=log, stderr=log)
    log.close()
    w.until(lambda: world.stats(process) is not None, "the guard answers")
    return process


def status_of(process, thread=None):
    path = pathlib.Path(f"/proc/{process.pid}") / (f"task/{thread}/status" if thread else "status")
    return dict(line.split(":\t", 1) for line in path.read_text().splitlines())


def test_every_thread_is_behind_the_fences(world, guard):
    uid = str(pwd.getpwnam(USER).pw_uid)
    threads = os.listdir(f"/proc/{guard.pid}/task")
    assert len(threads) > 1, "log and state have threads of their own"
    for thread in threads:
        status = status_of(guard, thread)
        assert status["Uid"].split() == [uid] * 4
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(status[kind], 16) == 0, f"{kind} of thread {thread}"
        assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1"
    assert int(status_of(guard)["CapBnd"], 16) == 0
    with pytest.raises(PermissionError):
        # not dumpable: what it holds in memory is root's alone to look at
        os.seteuid(int(uid))
        try:
            pathlib.Path(f"/proc/{guard.pid}/environ").read_bytes()
        finally:
            os.seteuid(0)


COMMANDS = [
    "status", "status --json", "stats", "stats --json", "stats --prometheus", "connections", "connections half-open",
    "connections from 192.0.2.0/24 --json", "events", "events --json", "blocks", "block 198.51.100.0/24 --for 1h --reason x",
    "blocks --json", "unblock 198.51.100.0/24", "drain echo", "resume echo", "reload", "top --once --json",
    "kill from 198.51.100.7",
]


def test_nothing_that_it_is_asked_for_ends_it(world, guard):
    """A call that a file makes and does not declare would be death by SIGSYS."""
    client = world.connect(V4, 7)
    for words in COMMANDS:
        code, out, err = world.handfast("-i", world.name, *words.split())
        assert guard.poll() is None, f"{words}: the guard ended with {guard.returncode}: {world.guard_log()}"
        assert code == 0, f"{words}: {out.decode()}{err}"
    code, _, err = world.handfast("-i", world.name, "capture", world.directory / "packets", "--for", "1s")
    assert code == 0, err
    code, out, _ = world.run("curl", "-sS", "--max-time", "5", "http://127.0.0.1:9648/metrics")
    assert code == 0 and b"handfast" in out
    guard.send_signal(signal.SIGHUP)
    client.sendall(b"still here")
    assert w.receive(client, 10) == b"still here"
    other = world.connect(V4, 7)
    other.sendall(b"and so are others")
    assert w.receive(other, 17) == b"and so are others"
    client.close()
    other.close()
    assert world.stop(guard) == 0, world.guard_log()


def test_a_configuration_with_names_is_read_again(world, guard):
    path = world.directory / "guard.conf"
    path.write_text(path.read_text().replace('"127.0.0.1:7007"', '"localhost:7007"'))
    code, out, err = world.handfast("-i", world.name, "reload")
    assert guard.poll() is None, world.guard_log()
    assert code == 0, f"{out.decode()}{err}"
    path.write_text("nonsense = 1\n")
    assert world.handfast("-i", world.name, "reload")[0] == 1
    assert guard.poll() is None, world.guard_log()
    client = world.connect(V4, 7)
    client.sendall(b"served")
    assert w.receive(client, 6) == b"served"


def test_a_user_who_does_not_exist_is_named(world):
    path = world.config(service("echo", 7, "127.0.0.1:7007"))
    path.write_text('user = "nobody-of-this-name"\n' + re.sub(r"(?m)^user = .*$", "", path.read_text()))
    code, _, err = world.handfast("guard", path)
    assert code == 1 and '"nobody-of-this-name"' in err and "no such user" in err


def test_completion_knows_the_services(world, guard):
    script = w.ROOT / "packaging/completion/handfast.bash"
    code, out, err = world.run("bash", "-c", f'PATH={w.HANDFAST.parent}:$PATH; . {script}; '
                               f'COMP_WORDS=(handfast -i {world.name} drain ""); COMP_CWORD=4; _handfast; '
                               'echo "${COMPREPLY[@]}"')
    assert code == 0 and out.split() == [b"echo"], err


def test_a_sandbox_that_only_tells_says_so(world):
    world.serve(world.listen(V4, 7007, "127.0.0.1"), echo)
    guard = world.guard(service("echo", 7, "127.0.0.1:7007"), root="sandbox = log")
    w.until(lambda: "sandbox = log" in world.guard_log(), "the log says it")
    assert status_of(guard)["Seccomp"] == "2"
