"""The life of a guard: its supervisor, its end, and everything that may be full, slow, gone or wrong around it."""

import contextlib
import fcntl
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import threading
import time

import pytest

import kernel
import supervisor as s
import two_hosts as two
import world as w
from world import V4, service

HOUR_NS = 3600 * 10**9
F_SETPIPE_SZ = 1031


def echo(connection):
    while data := connection.recv(1 << 16):
        connection.sendall(data)


def echo_service(world, **keys):
    world.serve(world.listen(V4, 7007, "127.0.0.1", backlog=4096), echo)
    return service("echo", 7, "127.0.0.1:7007", (V4,), **keys)


def talks(world, connection=None):
    """An echo goes round; the connection stays open."""
    connection = connection or world.connect(V4, 7)
    connection.sendall(b"hello")
    assert w.receive(connection, 5) == b"hello"
    return connection


def alive(process):
    assert process.poll() is None, f"the guard ended: {process.returncode}"
    return True


def answers(world):
    return world.stats() is not None


def start(world, config, stderr, *before):
    """A guard whose stderr is the test's."""
    os.makedirs("/run/handfast", exist_ok=True)
    process = world.start(*before, w.HANDFAST, "guard", config, stderr=stderr)
    w.until(lambda: alive(process) and answers(world), "the guard answers")
    return process


def cpu_s(process):
    fields = open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- the supervisor ----

@pytest.fixture
def supervisor(world):
    made = s.Supervisor(world, watchdog_us=300000)
    yield made
    made.end()


def supervised(world, supervisor, config):
    os.makedirs("/run/handfast", exist_ok=True)
    with open(world.directory / "guard.log", "ab") as log:
        process = supervisor.start(w.HANDFAST, "guard", config, stdout=log, stderr=log)
    supervisor.wait_for("READY=1")
    return process


def test_a_supervisor_hears_of_every_step(world, supervisor):
    process = supervised(world, supervisor, world.config(echo_service(world)))
    assert supervisor.heard.index("FDNAME=tap") < supervisor.heard.index("READY=1")
    talks(world)
    for _ in range(3):
        supervisor.wait_for("WATCHDOG=1")
    process.send_signal(signal.SIGHUP)
    supervisor.wait_for("RELOADING=1")
    assert any(line.startswith("MONOTONIC_USEC=") for line in supervisor.heard)
    reloading = supervisor.heard.index("RELOADING=1")
    w.until(lambda: supervisor.listen(0.05) and "READY=1" in supervisor.heard[reloading:], "ready again")
    process.send_signal(signal.SIGTERM)
    supervisor.wait_for("STOPPING=1")
    assert process.wait(w.PATIENCE) == 0


def test_the_watchdog_is_fed_by_the_packet_loop_alone(world, supervisor):
    """A guard that stands still says nothing: it is the loop that feeds."""
    process = supervised(world, supervisor, world.config(echo_service(world)))
    supervisor.wait_for("WATCHDOG=1")
    process.send_signal(signal.SIGSTOP)
    w.until(lambda: stands_still(process), "it stands still")
    while supervisor.listen(0):
        pass
    before = supervisor.heard.count("WATCHDOG=1")
    supervisor.listen(1)
    assert supervisor.heard.count("WATCHDOG=1") == before
    process.send_signal(signal.SIGCONT)
    supervisor.wait_for("WATCHDOG=1")


def stands_still(process):
    states = [pathlib.Path(f"/proc/{process.pid}/task/{task}/stat").read_text().rsplit(")", 1)[1].split()[0]
              for task in os.listdir(f"/proc/{process.pid}/task")]
    return set(states) == {"T"}


def interface_index(world):
    with kernel.inside(world.namespace):
        return socket.if_nametoindex(w.TAP)


def test_killed_and_restarted_the_address_was_never_away(world, supervisor):
    config = world.config(echo_service(world))
    first = supervised(world, supervisor, config)
    old = talks(world)
    index = interface_index(world)
    assert set(supervisor.kept) >= {"tap"}

    first.kill()
    first.wait()
    assert interface_index(world) == index
    early, outcome = world.socket(V4), []  # somebody comes while nobody is there
    thread = threading.Thread(target=lambda: outcome.append(early.connect((V4.guard, 7))))
    thread.start()

    second = supervised(world, supervisor, config)
    assert interface_index(world) == index
    w.until(lambda: "was kept over the restart" in world.guard_log(), "it is told")
    thread.join(w.PATIENCE)
    assert outcome == [None]
    talks(world, early)
    talks(world)
    with pytest.raises(ConnectionResetError):  # what is lost: the connections of the first
        old.sendall(b"still there?")
        old.recv(1)
    assert world.stop(second) == 0


def test_an_interface_of_another_configuration_is_let_go(world, supervisor):
    text = echo_service(world)
    first = supervised(world, supervisor, world.config(text))
    first.kill()
    first.wait()
    other = world.config(text)
    other.write_text(other.read_text().replace(f'"{w.TAP}"', '"hf1"').replace("192.0.2.1/", "192.0.2.2/"))
    supervised(world, supervisor, other)
    w.until(lambda: "is let go" in world.guard_log(), "it is told")
    assert world.has_interface("hf1")


def test_without_a_supervisor_a_persistent_interface_holds_the_address(world):
    config = world.config(echo_service(world))
    code, _, err = world.handfast("guard", "--net", "up", config)
    assert code == 0, err
    index = interface_index(world)
    for _ in range(2):
        process = start(world, config, subprocess.DEVNULL)
        talks(world)
        process.kill()
        process.wait()
        assert interface_index(world) == index
    code, _, err = world.handfast("guard", "--net", "down", config)
    assert code == 0, err
    assert not world.has_interface()


# ---- the end ----

def test_signals_of_other_servers_are_no_death(world):
    """logrotate sends SIGUSR1 to nginx, and to whom a template was copied."""
    process = world.guard(echo_service(world))
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        process.send_signal(number)
        w.until(lambda: f"SIG{signal.Signals(number).name[3:]} means nothing here" in world.guard_log(), "a line")
    assert world.stats(process) is not None and world.stop(process) == 0


def test_a_drain_says_whom_it_cut(world):
    process = world.guard(echo_service(world), 'drain_timeout = 200ms')
    clients = [talks(world) for _ in range(11)]
    assert world.stop(process) == 0
    log = world.guard_log()
    named = [f"{V4.host}:{client.getsockname()[1]}" for client in clients]
    line = next(line for line in log.splitlines() if "connections cut" in line)
    assert "service echo: 11 connections cut: " in line and line.endswith(" and 3 more")
    assert sum(f"{name}," in line or f"{name} and" in line for name in named) == 8
    assert "ended, 11 connections were cut and 0 more not finished" in log
    for client in clients:
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_drain_waits_for_those_who_finish(world):
    process = world.guard(echo_service(world), 'drain_timeout = 10s')
    client = talks(world)
    process.send_signal(signal.SIGTERM)
    w.until(lambda: "ending: 1 connection gets" in world.guard_log(), "it drains")
    refused = world.socket(V4)
    with pytest.raises(ConnectionRefusedError):
        refused.connect((V4.guard, 7))
    talks(world, client)
    client.close()
    assert process.wait(w.PATIENCE) == 0
    assert "ended, every connection was finished" in world.guard_log()


def test_it_starts_before_its_backend(world):
    process = world.guard(service("echo", 7, "127.0.0.1:7007", (V4,), check_interval="50ms"))
    world.serve(world.listen(V4, 7007, "127.0.0.1"), echo)

    def served():
        try:
            with world.connect(V4, 7) as late:
                late.sendall(b"x")
                return late.recv(1) == b"x"
        except OSError:
            return False

    w.until(served, "the backend that came late is used")
    alive(process)


def test_started_without_standard_descriptors(world):
    """Nothing of the guard's own lands where somebody writes lines."""
    config = world.config(echo_service(world))
    process = start(world, config, subprocess.DEVNULL, "sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")
    assert [os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in range(3)] == ["/dev/null"] * 3
    talks(world)
    process.send_signal(signal.SIGHUP)
    talks(world)
    alive(process)


# ---- the log ----

def test_nobody_reads_the_log(world):
    """A full pipe holds up neither packets nor the end; what waited comes when somebody reads."""
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, F_SETPIPE_SZ, 4096)
    os.write(theirs, b"." * 4096)
    process = start(world, world.config(echo_service(world)), theirs)
    os.close(theirs)
    for _ in range(20):
        talks(world)
        process.send_signal(signal.SIGHUP)
    assert os.read(ours, 4096) == b"." * 4096
    text = b""
    while b"serving on" not in text:
        text += os.read(ours, 65536)
    talks(world)
    assert world.stop(process) == 0
    os.close(ours)


def test_the_end_does_not_wait_for_the_log(world):
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, F_SETPIPE_SZ, 4096)
    os.write(theirs, b"." * 4096)
    process = start(world, world.config(echo_service(world)), theirs)
    os.close(theirs)
    talks(world).close()
    assert world.stop(process) == 0
    os.close(ours)


def test_the_reader_of_the_log_is_gone(world):
    ours, theirs = os.pipe()
    process = start(world, world.config(echo_service(world)), theirs)
    os.close(theirs)
    os.close(ours)
    process.send_signal(signal.SIGHUP)
    for _ in range(5):
        talks(world)
    alive(process)
    assert world.stop(process) == 0


def test_the_log_fills_its_disk(world, small_disk):
    with open(small_disk / "log", "ab") as log:
        log.write(b"." * (1 << 20))
        process = start(world, world.config(echo_service(world)), log)
    talks(world)
    process.send_signal(signal.SIGHUP)
    talks(world)
    alive(process)
    (small_disk / "log").write_bytes(b"")  # room again: the next line is written, and says so

    def said():
        process.send_signal(signal.SIGHUP)
        return b"lines of this log were lost" in (small_disk / "log").read_bytes()

    w.until(said, "the loss is told")
    assert world.stop(process) == 0


def test_json_lines(world):
    process = world.guard(echo_service(world), "log = json\ndrain_timeout = 100ms")
    client = talks(world)
    process.send_signal(signal.SIGHUP)
    w.until(lambda: "reload" in world.guard_log(), "the reload is told")
    assert world.stop(process) == 0
    lines = [json.loads(line) for line in world.guard_log().splitlines()]
    assert all({"time", "level", "message"} <= line.keys() for line in lines)
    events = {line.get("event"): line for line in lines}
    assert {"serving", "reload", "cut", "ended"} <= events.keys()
    assert events["cut"]["service"] == "echo" and events["cut"]["count"] == 1
    client.close()


def test_the_journal_comes_and_goes(world):
    path = "/run/systemd/journal/socket"
    os.makedirs(os.path.dirname(path), exist_ok=True)

    def journal():
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        made.bind(path)
        made.settimeout(w.PATIENCE)
        world.sockets.append(made)
        return made

    def fields(made):
        return dict(line.split("=", 1) for line in made.recv(65536).decode().splitlines())

    first = journal()
    process = start(world, world.config(echo_service(world), "log = journald"), subprocess.DEVNULL)
    try:
        line = fields(first)
        while line.get("EVENT") != "serving":
            line = fields(first)
        assert line["PRIORITY"] == "5" and "serving on hf0" in line["MESSAGE"]
        first.close()
        os.unlink(path)
        assert world.handfast("-i", world.name, "reload")[0] == 0  # said to nobody
        second = journal()
        process.send_signal(signal.SIGHUP)
        while line.get("EVENT") != "log-lost":
            line = fields(second)
        assert int(line["COUNT"]) >= 1
        for _ in range(2000):  # nobody reads: its queue fills
            process.send_signal(signal.SIGHUP)
            if fcntl_pending(second) and _ > 50:
                break
        talks(world)
        alive(process)
        second.close()
    finally:
        os.unlink(path)


def fcntl_pending(made):
    return struct.unpack("i", fcntl.ioctl(made, 0x541B, b"\0" * 4))[0] > 0  # FIONREAD


# ---- disks ----

@pytest.fixture
def small_disk(world):
    """A megabyte, in this process's own mounts."""
    path = world.directory / "disk"
    path.mkdir()
    code, _, err = world.run("mount", "-t", "tmpfs", "-o", "size=1m", "handfast-test", path)
    assert code == 0, err
    yield path
    world.run("umount", "-l", path)


def blocks(data):
    """The types of a capture's blocks; each must be whole."""
    found, at = [], 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert at + length <= len(data), "a block was cut"
        assert struct.unpack_from("<I", data, at + length - 4)[0] == length
        found.append(kind)
        at += length
    return found


def test_the_capture_fills_its_disk(world, small_disk):
    capture = small_disk / "all.pcapng"
    process = world.guard(echo_service(world), f'capture = "{capture}"')
    client = world.connect(V4, 7)
    data = w.noise(3 << 20)
    sender = threading.Thread(target=client.sendall, args=(data,))
    sender.start()
    assert w.receive(client, len(data)) == data
    sender.join()
    w.until(lambda: "which does not take them: No space left on device" in world.guard_log(), "it is told")
    talks(world)
    assert world.stop(process) == 0  # while it writes, a block that does not fit is there for a moment
    assert "the capture misses" in world.guard_log()
    found = blocks(capture.read_bytes())
    assert found[:2] == [0x0A0D0D0A, 1] and set(found[2:]) <= {6}


def test_a_full_disk_at_the_start_is_said(world, small_disk):
    (small_disk / "rest").write_bytes(b"." * (1 << 20))
    code, _, err = world.handfast("guard", world.config(echo_service(world), f'capture = "{small_disk}/all.pcapng"'))
    assert code == 1 and "No space left on device" in err and len(err.strip().splitlines()) == 1


# ---- descriptors ----

def test_few_descriptors_are_said_and_lived_with(world):
    config = world.config(echo_service(world))
    with open(world.directory / "guard.log", "wb") as log:
        process = start(world, config, log, "prlimit", "--nofile=150:150")
    w.until(lambda: "the limit of open files allows 22 connections, not the 10000" in world.guard_log(), "it is told")
    clients = [talks(world) for _ in range(22)]
    waiting = world.connect(V4, 7)  # admitted, and kept until one of them ends
    waiting.sendall(b"hello")
    waiting.settimeout(0.3)
    with pytest.raises(TimeoutError):
        waiting.recv(1)
    assert answers(world)
    clients.pop().close()
    waiting.settimeout(w.PATIENCE)
    assert w.receive(waiting, 5) == b"hello"
    alive(process)


def test_no_descriptor_at_all(world):
    process = world.guard(echo_service(world))
    old = talks(world)
    used = len(os.listdir(f"/proc/{process.pid}/fd"))
    limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used, limits[1]))
    before, begin = cpu_s(process), time.monotonic()
    late = world.connect(V4, 7)
    with contextlib.suppress(ConnectionResetError):  # it was told at once ...
        late.sendall(b"hello")
    talks(world, old)
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(0.5)
        control.connect(f"/run/handfast/{world.name}.sock")
        control.sendall(b"stats\n")
        try:
            control.recv(1)
        except TimeoutError:
            pass  # there was none for it
    talks(world, old)
    assert cpu_s(process) - before < 0.5 * (time.monotonic() - begin) + 0.1, "it spins"
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)
    try:
        assert w.receive(late, 5) == b"hello"  # ... or waited
    except (ConnectionResetError, BrokenPipeError):
        pass
    talks(world)
    alive(process)


# ---- memory ----

CAGED = """
set -e
mount -t tmpfs none /sys/fs/cgroup
group=$(sed -n 's/^0:://p' /proc/self/cgroup)
mkdir -p "/sys/fs/cgroup$group"
echo $1 > "/sys/fs/cgroup$group/memory.max"
shift
exec "$@"
"""


def resident_bytes(process):
    for line in open(f"/proc/{process.pid}/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


@pytest.mark.skipif(not os.path.exists("/proc/self/cgroup") or "\n0::" not in "\n" + open("/proc/self/cgroup").read(),
                    reason="there are no control groups of version 2")
def test_the_memory_that_is_allowed_is_enough(world):
    """memory.max lowers the limits, and with every connection stuck the guard stays below it."""
    allowed = 96 << 20
    sink = world.listen(V4, 7007, "127.0.0.1", backlog=4096)  # nobody accepts, and its windows are small
    sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    with open(world.directory / "guard.log", "wb") as log:
        process = start(world, world.config(service("sink", 7, "127.0.0.1:7007", (V4,))), log, "unshare", "-m", "sh", "-c",
                        CAGED, "sh", allowed)
    w.until(lambda: "memory.max of the control group is 96 MiB: buffer_memory is" in world.guard_log(), "it is told")
    assert 0 < world.stats()["relays"]["limit"] <= 10000
    clients = [world.connect(V4, 7) for _ in range(300)]
    for client in clients:
        client.setblocking(False)

    def is_in_use():  # they send what is taken of them, and all of it is stuck
        for client in clients:
            with contextlib.suppress(BlockingIOError):
                client.send(b"\0" * 65536)
        return world.stats()["gauges"]["pool_used_bytes"] > 8 << 20

    w.until(is_in_use, "the pool is in use")
    assert resident_bytes(process) < allowed
    alive(process)


# ---- the wall clock ----

def compile_shim(world):
    made = world.directory / "clock_shim.so"
    source = w.ROOT / "tests/interop/clock_shim.c"
    code, _, err = world.run("cc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", made, source, seconds=60)
    assert code == 0, err
    return made


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Flood:
    """SYNs from addresses that nobody has, as fast as Python can."""

    def __init__(self, world, port):
        self.stopped, self.sent = threading.Event(), 0
        with kernel.inside(world.namespace):
            self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        world.sockets.append(self.raw)
        self.packets = [self.packet(port, number) for number in range(2048)]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    @staticmethod
    def packet(port, number):
        source, target = struct.pack(">I", 0xC6330000 + number), socket.inet_aton(V4.guard)  # 198.51.0.0/16
        tcp = struct.pack(">HHIIBBHHH", 1024 + number, port, number * 7919, 0, 5 << 4, 2, 65535, 0, 0)
        tcp = tcp[:16] + struct.pack(">H", checksum(source + target + struct.pack(">HH", 6, 20) + tcp)) + tcp[18:]
        return struct.pack(">BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + source + target + tcp

    def run(self):
        while not self.stopped.is_set():
            for packet in self.packets:
                try:
                    self.raw.sendto(packet, (V4.guard, 0))
                    self.sent += 1
                except OSError:
                    pass

    def end(self):
        self.stopped.set()
        self.thread.join(w.PATIENCE)


def test_the_wall_clock_is_stepped_during_a_flood(world):
    """By an hour ahead, back, and an hour behind: cookies, timeouts and those who are connected do not notice."""
    shim, step = compile_shim(world), world.directory / "step"
    step.write_bytes(struct.pack("q", 0))
    config = world.config(echo_service(world, half_open_limit=64), "log = json")
    with open(world.directory / "guard.log", "wb") as log:
        process = start(world, config, log, "env", f"LD_PRELOAD={shim}", f"CLOCK_STEP={step}")
    old = talks(world)
    world.sysctl("net/ipv4/ip_nonlocal_bind", 1)
    flood = Flood(world, 7)
    try:
        w.until(lambda: world.stats()["counters"]["syn_cookie_sent"] > 1000, "cookies are sent")
        for hours in (1, 0, -1, 0):
            with open(step, "r+b") as file:
                file.write(struct.pack("q", hours * HOUR_NS))
            opened = world.stats()["counters"]["cookie_opened"]
            for _ in range(5):
                talks(world).close()
            talks(world, old)

            def a_cookie_was_good():  # while the flood takes a breath, clients are served without one
                talks(world).close()
                return world.stats()["counters"]["cookie_opened"] > opened

            w.until(a_cookie_was_good, f"{hours} hours: a cookie is good")
    finally:
        flood.end()
    alive(process)
    process.send_signal(signal.SIGHUP)
    assert world.stop(process) == 0
    times = [json.loads(line)["time"] for line in world.guard_log().splitlines()]
    assert len(times) > 2


def test_the_log_says_what_the_wall_clock_says(world):
    """The step is seen where it should be: in the date of a line."""
    shim, step = compile_shim(world), world.directory / "step"
    step.write_bytes(struct.pack("q", 0))
    with open(world.directory / "guard.log", "wb") as log:
        process = start(world, world.config(echo_service(world), "log = json"), log, "env", f"LD_PRELOAD={shim}",
                        f"CLOCK_STEP={step}")
    with open(step, "r+b") as file:
        file.write(struct.pack("q", 1000 * 24 * HOUR_NS))
    process.send_signal(signal.SIGHUP)
    w.until(lambda: "reload" in world.guard_log(), "the reload is told")
    lines = [json.loads(line) for line in world.guard_log().splitlines()]
    assert lines[-1]["time"] > lines[0]["time"][:4] and int(lines[-1]["time"][:4]) >= int(lines[0]["time"][:4]) + 2


# ---- as the unit of packaging/systemd runs it ----

def unit():
    text = (w.ROOT / "packaging/systemd/handfast-guard.service").read_text()
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] not in "#[")


def setpriv(capabilities):
    words = "-all" + "".join(f",+{word.removeprefix('CAP_').lower()}" for word in capabilities)
    return ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", f"--inh-caps={words}",
            f"--ambient-caps={words}", f"--bounding-set={words}")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")
@pytest.mark.parametrize("name", ["handfast-guard.service", "handfast-guard@.service"])
def test_systemd_understands_the_units(world, name):
    text = (w.ROOT / "packaging/systemd" / name).read_text().replace("/usr/bin/handfast", str(w.HANDFAST.resolve()))
    path = world.directory / name.replace("@", "@web")
    path.write_text(text)
    code, out, err = world.run("systemd-analyze", "verify", "--man=no", path)
    assert code == 0 and str(path) not in err and name not in err, err
    code, out, err = world.run("systemd-analyze", "security", "--offline=true", "--threshold=30", path)
    assert code == 0, out.decode()[-200:] + err


@pytest.fixture
def open_tun(world):
    """/dev/net/tun as udev makes it, for everybody: some containers keep it to root."""
    node = world.directory / "tun"
    os.mknod(node, 0o666 | stat.S_IFCHR, os.stat("/dev/net/tun").st_rdev)
    node.chmod(0o666)
    code, _, err = world.run("mount", "--bind", node, "/dev/net/tun")
    assert code == 0, err
    yield
    world.run("umount", "-l", "/dev/net/tun")


@pytest.mark.parametrize("client_address", ["none", "transparent"])
def test_nobody_is_root(world, open_tun, client_address):
    """What the unit leaves to its user is enough, and of that the guard keeps only what serving needs."""
    world.directory.chmod(0o777)
    text = echo_service(world, client_address=client_address)
    config = world.config(text, "drain_timeout = 100ms").read_text().replace(f"/run/handfast/{world.name}.sock", f"{world.directory}/sock")
    (world.directory / "guard.conf").write_text(config)
    with open(world.directory / "guard.log", "wb") as log:
        process = world.start(*setpriv(unit()["AmbientCapabilities"].split()), w.HANDFAST, "guard",
                              world.directory / "guard.conf", stdout=log, stderr=log)
    w.until(lambda: alive(process) and "serving on" in world.guard_log(), "it serves")
    talks(world)
    status = dict(line.split(":\t", 1) for line in open(f"/proc/{process.pid}/status").read().splitlines() if ":\t" in line)
    needed = {"none": 0, "transparent": 1 << 12 | 1 << 13}[client_address]  # NET_ADMIN, NET_RAW
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == needed and int(status["CapAmb"], 16) == 0
    assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1"
    for task in os.listdir(f"/proc/{process.pid}/task"):
        lines = open(f"/proc/{process.pid}/task/{task}/status").read().splitlines()
        assert "Seccomp:\t2" in lines
    assert world.stop(process) == 0


def test_nobody_is_root_in_port_mode(world, open_tun):
    """The same with nftables: the unit's three capabilities are enough, and one of them is kept for reloads."""
    with two.two_hosts() as host:
        host.directory.chmod(0o777)
        host.tell_who(two.PORT)
        config = host.config(two.service(), "drain_timeout = 100ms")
        config.write_text(config.read_text().replace(f"/run/handfast/{host.name}.sock", f"{host.directory}/sock"))
        with open(host.directory / "guard.log", "wb") as log:
            process = host.start(*setpriv(unit()["AmbientCapabilities"].split()), w.HANDFAST, "guard", config,
                                 stdout=log, stderr=log)
        w.until(lambda: alive(process) and "serving on" in host.guard_log(), "it serves")
        assert host.ask(V4) == "127.0.0.1"
        assert "\nCapEff:\t0000000000001000\n" in open(f"/proc/{process.pid}/status").read()  # NET_ADMIN
        process.send_signal(signal.SIGHUP)
        w.until(lambda: "is in force" in host.guard_log(), "it reloads")
        assert host.ask(V4) == "127.0.0.1"
        assert host.stop(process) == 0
        assert host.ask(V4) == two.NEAR["v4"]  # and now the server sees its client itself
