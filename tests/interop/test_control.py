"""What is asked of a running guard: every command, and a control socket that withstands whoever may open it."""

import json
import os
import random
import re
import socket
import struct
import subprocess
import threading
import time

import pytest

import kernel
import world as w
from world import V4, V6, service

HALF_OPENS = 100  # fewer than one prefix may have


def echo(connection):
    while data := connection.recv(1 << 16):
        connection.sendall(data)


def echo_guard(world, root="", **keys):
    world.serve(world.listen(V4, 7007, "127.0.0.1", backlog=1024), echo)
    return world.guard(service("echo", 7, "127.0.0.1:7007", **keys), f'state_directory = ""\n{root}')


def ask(world, *words, code=0):
    """What a command prints with --json."""
    got, out, err = world.handfast("-i", world.name, *words, "--json")
    assert got == code, f"{words}: {got}: {err}"
    return json.loads(out) if out else None


def talk(world, *words, code=0):
    """What a command says to people: (stdout, stderr)."""
    got, out, err = world.handfast("-i", world.name, *words)
    assert got == code, f"{words}: {got}: {out!r} {err}"
    return out.decode(), err


def talk_any(world, *words):
    """What a command says on standard error, whatever its exit code."""
    return world.handfast("-i", world.name, *words)[2]


def connected(world, count, family=V4):
    made = [world.connect(family, 7) for _ in range(count)]
    for connection in made:
        connection.sendall(b"x")
        assert w.receive(connection, 1) == b"x"
    return made


def dial(world):
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(w.PATIENCE)
    world.sockets.append(made)
    w.until(lambda: connects(made, f"/run/handfast/{world.name}.sock"), "there is room at the door")
    return made


def connects(made, path):
    try:
        made.connect(path)
    except BlockingIOError:
        return False  # many wait already
    return True


def lines(connection):
    return connection.makefile("rb")


def is_reset(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


# ---- status, stats ----

def test_status_is_one_screen(world):
    echo_guard(world)
    connected(world, 3)
    status = ask(world, "status")
    assert status["life"] == "serving" and status["alarms"] == [] and status["blocks"] == 0
    assert status["load"]["relayed"] == 3
    one = status["services"][0]
    assert one["name"] == "echo" and one["active"] == 3 and one["life"] == "open"
    assert {listener["pressure"] for listener in one["listeners"]} == {"calm"}
    assert one["backends"][0]["active"] == 3 and one["backends"][0]["connected"] == 3
    out, _ = talk(world, "status")
    assert len(out.splitlines()) < 24 and "\033" not in out
    assert re.search(r"echo +3 of [0-9.k ]+ connections", out) and "alarms       none" in out


def test_status_says_that_nobody_can_come(world):
    """The TAP was taken down: an operator who only looks at the guard sees why it is so quiet."""
    echo_guard(world)
    assert ask(world, "status")["uplink"]["up"] is True
    world.ip("link", "set", w.TAP, "down")
    w.until(lambda: not ask(world, "status")["uplink"]["up"], "the guard notices")
    assert f"the TAP {w.TAP} is down: nobody can be served" in ask(world, "status")["alarms"]
    assert ", down)" in talk(world, "status")[0]
    assert "handfast_uplink_up 0\n" in talk(world, "stats", "--prometheus")[0]
    world.ip("link", "set", w.TAP, "up")
    w.until(lambda: ask(world, "status")["uplink"]["up"], "and its end")
    assert ask(world, "status")["alarms"] == []
    out, _ = talk(world, "events")
    assert out.index("uplink-down") < out.index("uplink-up")


def test_status_says_what_is_wrong_now(world):
    """A backend that is down and a drained service, in words."""
    world.guard(service("echo", 7, "127.0.0.1:7007", check_interval="50ms", check_fall=1), 'state_directory = ""')
    w.until(lambda: ask(world, "status")["services"][0]["backends"][0]["health"] == "down", "the check says down")
    status = ask(world, "status")
    assert any("no backend is up" in alarm for alarm in status["alarms"])
    assert "refused" in status["services"][0]["backends"][0]["error"]
    talk(world, "drain", "echo")
    assert any("drained" in alarm for alarm in ask(world, "status")["alarms"])


def test_prometheus_page(world):
    """Every line parses; counters end in _total; labels are there; the numbers are those of --json."""
    echo_guard(world)
    connected(world, 2)
    page, _ = talk(world, "stats", "--prometheus")
    kinds, values = {}, {}
    for line in page.splitlines():
        if line.startswith("# HELP "):
            assert len(line.split(" ", 3)[3]) > 5
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in kinds, f"{name} twice"
            kinds[name] = kind
            assert (kind == "counter") == name.endswith("_total"), line
        else:
            match = re.fullmatch(r'(handfast_[a-z0-9_]+)(\{[^}]*\})? (-?[0-9.e+]+)', line)
            assert match and match[1] in kinds, line
            assert (match[1], match[2]) not in values
            values[match[1], match[2]] = float(match[3])
    assert values["handfast_service_accepted_total", '{service="echo"}'] == 2
    assert values["handfast_backend_connected_total", '{service="echo",backend="echo"}'] == 2
    assert values["handfast_listener_pressure", '{service="echo",listener="192.0.2.10:7"}'] == 0
    stats = world.stats()
    missing = [name for name in stats["counters"] if (f"handfast_{name}_total", None) not in values]
    assert missing == []
    assert values["handfast_handshake_done_total", None] == stats["counters"]["handshake_done"] == 2


# ---- events ----

def test_events_are_kept_and_followed(world):
    echo_guard(world)
    talk(world, "block", "203.0.113.0/24", "--reason", "a test")
    rows = [json.loads(line) for line in talk(world, "events", "--json")[0].splitlines()]
    assert rows[-1]["kind"] == "block" and "203.0.113.0/24" in rows[-1]["text"] and "a test" in rows[-1]["text"]
    assert [row["number"] for row in rows] == list(range(rows[0]["number"], rows[0]["number"] + len(rows)))
    assert talk(world, "events", "--last", "0") == ("", "")
    follower = world.start(w.HANDFAST, "-i", world.name, "events", "--follow", "--last", "1", "--json")
    heard = w.read_until(follower.stdout, b"}\n")  # it has asked
    talk(world, "unblock", "203.0.113.0/24")
    heard += w.read_until(follower.stdout, b"}\n")
    assert [json.loads(line)["kind"] for line in heard.splitlines()] == ["block", "unblock"]
    assert follower.poll() is None
    follower.terminate()
    out, _ = talk(world, "events", "--last", "1")
    assert len(out.splitlines()) == 1 and "unblock" in out


# ---- connections, kill ----

def test_connections_as_ss_would_show_them(world, family):
    echo_guard(world)
    made = connected(world, 2, family)
    rows = ask(world, "connections")["connections"]
    assert len(rows) == 2
    assert {row["peer"] for row in rows} == {family.endpoint(c.getsockname()[1], family.host) for c in made}
    assert {(row["state"], row["relay"], row["service"], row["backend"]) for row in rows} == {
        ("ESTABLISHED", "open", "echo", "echo")}
    assert all(row["bytes_in"] == row["bytes_out"] == 1 for row in rows)
    assert ask(world, "connections", "service", "echo", "from", family.host, "state", "established")["connections"]
    assert ask(world, "connections", "from", "198.51.100.0/24")["connections"] == []
    assert ask(world, "connections", "state", "close-wait")["connections"] == []
    out, _ = talk(world, "connections")
    assert out.splitlines()[0].startswith("State") and len(out.splitlines()) == 3


def test_half_opens_are_listed(world):
    """SYNs whose last ACK never comes."""
    echo_guard(world, half_open_timeout="1m")
    somebody = "192.0.2.77"  # the kernel is not, so nobody answers the SYN-ACKs
    with kernel.inside(world.namespace):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with raw:
        for port in range(HALF_OPENS):
            raw.sendto(syn(somebody, V4.guard, 20000 + port, 7), (V4.guard, 0))
    w.until(lambda: world.stats()["gauges"]["half_opens"] == HALF_OPENS, "half-opens")
    rows = ask(world, "connections", "half-open")["connections"]
    assert {row["peer"] for row in rows} == {f"{somebody}:{20000 + port}" for port in range(HALF_OPENS)}
    assert {(row["state"], row["service"], row["local"]) for row in rows} == {("SYN-RECEIVED", "echo", "192.0.2.10:7")}
    assert ask(world, "connections", "state", "syn-received")["connections"]
    assert ask(world, "connections", "half-open", "from", "198.51.100.0/24")["connections"] == []
    assert talk(world, "connections", "half-open")[0].startswith("State")


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(source, destination, source_port, destination_port):
    """A bare SYN in an IPv4 packet; the kernel fills in length and checksum of the IP header."""
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    header = struct.pack("!HHIIBBHHH", source_port, destination_port, 1000, 0, 5 << 4, 2, 64240, 0, 0)
    sum_ = checksum(addresses + struct.pack("!BBH", 0, 6, len(header)) + header)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + addresses
    return ip + header[:16] + struct.pack("!H", sum_) + header[18:]


def test_a_thousand_connections_page_by_page(world):
    echo_guard(world, "limits { max_connections = 2000 }")
    made = connected(world, 1000)
    rows = ask(world, "connections")["connections"]
    assert len(rows) == 1000 and len({row["id"] for row in rows}) == 1000
    assert ask(world, "kill", "from", V4.host)["killed"] == 1000
    assert all(is_reset(connection) for connection in made)
    w.until(lambda: ask(world, "status")["load"]["relayed"] == 0, "all are gone")


def test_kill_says_how_many(world):
    echo_guard(world)
    v4, v6 = connected(world, 3), connected(world, 2, V6)
    assert talk(world, "kill", "from", "2001:db8::/32")[0] == "2 connections killed\n"
    assert all(is_reset(connection) for connection in v6)
    v4[0].sendall(b"y")
    assert w.receive(v4[0], 1) == b"y"
    assert ask(world, "kill", "service", "echo", "state", "established")["killed"] == 3
    assert all(is_reset(connection) for connection in v4)
    assert ask(world, "kill", "service", "echo")["killed"] == 0


# ---- block, drain, reload ----

def test_block_and_unblock(world):
    echo_guard(world)
    connected(world, 1)
    assert ask(world, "blocks")["blocks"] == []
    out, _ = talk(world, "block", f"{V4.host}/32", "--for", "1h", "--reason", "too many words")
    assert re.fullmatch(r"192.0.2.1/32 is blocked for (1h00m|59m\d\ds)\n", out)
    rows = ask(world, "blocks")["blocks"]
    assert [(row["prefix"], row["reason"]) for row in rows] == [("192.0.2.1/32", "too many words")]
    assert 3590 < rows[0]["left_s"] <= 3600
    late = world.socket(V4)
    late.settimeout(0.5)
    with pytest.raises((TimeoutError, ConnectionRefusedError)):
        late.connect((V4.guard, 7))
    connected(world, 1, V6)  # others are not blocked
    talk(world, "unblock", V4.host)
    connected(world, 1)
    _, err = talk(world, "unblock", V4.host, code=1)
    assert "not blocked" in err


def test_guards_of_one_host_keep_their_own_blocks(world):
    """Neither names a place: what one remembers is not the other's."""
    kept = world.directory / "lib/handfast" / world.name / "blocks"
    (world.directory / "lib").mkdir()
    path = world.config(service("echo", 7, "127.0.0.1:7007"))
    path.write_text(re.sub("state_directory.*\n", "", path.read_text()))
    private = ("unshare", "-m", "sh", "-c", f'mount --bind {world.directory}/lib /var/lib && exec "$@"', "sh")
    guard = world.start(*private, w.HANDFAST, "-i", world.name, "guard", path)
    w.until(lambda: world.handfast("-i", world.name, "status")[0] == 0, "the guard answers")
    ask(world, "block", "203.0.113.0/24")
    w.until(kept.exists, "its block is kept")
    assert ask(world, "reload")["reloaded"] is True
    assert world.stop(guard) == 0


def test_blocks_that_cannot_be_kept(world):
    """They are in force; that a restart will forget them is said until they are kept."""
    state = world.directory / "state"
    state.mkdir()
    world.serve(world.listen(V4, 7007, "127.0.0.1"), echo)
    world.directory.chmod(0o755)
    world.guard(service("echo", 7, "127.0.0.1:7007"), f'user = "nobody"\nstate_directory = "{state}"\n')
    ask(world, "block", "203.0.113.0/24")
    w.until(lambda: any("blocks cannot be kept" in alarm for alarm in ask(world, "status")["alarms"]), "an alarm")
    state.chmod(0o777)
    ask(world, "block", "203.0.113.0/25")
    w.until(lambda: ask(world, "status")["alarms"] == [], "they are kept")
    assert (state / "blocks").exists()


def test_a_removed_service_is_known_until_it_is_empty(world):
    """What connections lists can be killed."""
    echo_guard(world)
    connected(world, 1)
    path = world.directory / "guard.conf"
    path.write_text(path.read_text().replace('service "echo"', 'service "other"'))
    ask(world, "reload")
    [row] = ask(world, "connections", "service", "echo")["connections"]
    assert row["service"] == "echo"
    assert ask(world, "kill", "service", "echo")["killed"] == 1
    w.until(lambda: "no service" in talk_any(world, "kill", "service", "echo"), "it is gone")


def test_drain_and_resume(world):
    echo_guard(world)
    [there] = connected(world, 1)
    assert ask(world, "drain", "echo") == {"drained": "echo", "active": 1}
    there.sendall(b"z")
    assert w.receive(there, 1) == b"z"
    with pytest.raises((TimeoutError, ConnectionRefusedError)):
        late = world.socket(V4)
        late.settimeout(1)
        late.connect((V4.guard, 7))
    talk(world, "resume", "echo")
    connected(world, 1)
    _, err = talk(world, "drain", "nobody", code=1)
    assert "there is no service nobody" in err


def test_reload_says_why_not(world):
    echo_guard(world)
    [there] = connected(world, 1)
    path = world.directory / "guard.conf"
    good = path.read_text()
    path.write_text(good + "\nnonsense = 1\n")
    _, err = talk(world, "reload", code=1)
    assert err.startswith(f"{path}:{len(good.splitlines()) + 2}:") and "nothing has changed" in err
    path.write_text(good.replace('service "echo" {', 'service "echo" {\n    idle_timeout = 9m\n'))
    assert ask(world, "reload")["reloaded"] is True
    there.sendall(b"z")
    assert w.receive(there, 1) == b"z"


# ---- capture ----

def test_capture_writes_what_the_caller_may(world):
    echo_guard(world)
    path = world.directory / "capture.pcapng"
    capture = world.start(w.HANDFAST, "-i", world.name, "capture", path, "--for", "5m", "service", "echo")
    w.until(lambda: path.exists(), "the file is there")
    w.until(lambda: connected(world, 1) and path.stat().st_size > 2000, "packets arrive")
    capture.send_signal(2)
    out, err = capture.communicate(timeout=w.PATIENCE)
    assert capture.returncode == 0, err
    assert path.stat().st_mode & 0o777 == 0o600
    packets = int(re.match(rb"(\d+) packets in ", out)[1])
    shown = subprocess.run(["tshark", "-r", path, "-T", "fields", "-e", "frame.comment"], capture_output=True,
                           env={**os.environ, "PATH": w.PATH})
    comments = shown.stdout.decode().splitlines()
    assert shown.returncode == 0 and len(comments) == packets, shown.stderr
    assert any(comment.startswith("delivered") for comment in comments) and "sent" in comments
    code, _, err = world.handfast("-i", world.name, "capture", "/nowhere/x.pcapng")
    assert code == 1 and "/nowhere/x.pcapng" in err


# ---- words and exit codes ----

@pytest.mark.parametrize("words, code, says", [
    (["kill"], 2, "service NAME, from PREFIX, state STATE"),
    (["kill", "from", "nowhere"], 2, "prefix"),
    (["kill", "service"], 2, "nothing after it"),
    (["kill", "--all"], 2, "--all is not understood"),
    (["kill", "state", "SYN-RECEIVED"], 2, "half_open_timeout"),
    (["kill", "service", "nobody"], 1, "there is no service nobody"),
    (["connections", "state", "asleep"], 2, "ESTABLISHED"),
    (["connections", "sideways"], 2, "sideways"),
    (["block"], 2, "prefix"),
    (["block", "192.0.2.0/24", "--for", "ever"], 2, "ms, s, m, h or d"),
    (["block", "0.0.0.0/0"], 1, "0"),
    (["unblock", "all"], 2, "prefix"),
    (["blocks", "now"], 2, "--json"),
    (["drain"], 2, "service"),
    (["drain", "--all"], 2, "--all is not understood"),
    (["unblock", "--all"], 2, "--all is not understood"),
    (["block", "192.0.2.1", "--reason", "caf\udce9"], 2, "UTF-8"),
    (["block", "192.0.2.1", "--for", "99999d"], 2, "3650d"),
    (["reload", "x"], 2, "x"),
    (["capture"], 2, "file"),
    (["capture", "x", "state", "established"], 2, "state"),
    (["capture", "--now"], 2, "--now is not understood"),
    (["capture", "x", "--for", "2d"], 2, "at most 1d"),
    (["events", "--sometimes"], 2, "--follow"),
    (["events", "--last", "few"], 2, "--last few"),
    (["events", "--last"], 2, "--last"),
    (["status", "now"], 2, "--json"),
    (["stats", "--json", "--prometheus"], 2, "one of"),
])
def test_wrong_words(world, words, code, says):
    echo_guard(world)
    _, err = talk(world, *words, code=code)
    assert says in err


@pytest.mark.parametrize("command", ["status", "stats", "events", "connections", "blocks", "reload"])
def test_no_guard_is_three(world, command):
    code, out, err = world.handfast("-i", "nobody", command)
    assert (code, out) == (3, b"") and "no guard is running" in err


def test_other_guards_are_named(world):
    echo_guard(world)
    _, _, err = world.handfast("-i", "nobody", "status")
    assert "(-i NAME chooses another: " in err and world.name in err


def test_failures_in_json(world):
    """Whoever asked for JSON gets an object, whatever the answer; the sentence and the exit code are as ever."""
    code, out, err = world.handfast("-i", "nobody", "connections", "--json")
    assert code == 3 and "no guard is running" in json.loads(out)["error"] and "no guard is running" in err
    echo_guard(world)
    for words in (["drain", "nobody"], ["kill", "service", "nobody"], ["unblock", "192.0.2.0/24"], ["block", "::/0"]):
        assert ask(world, *words, code=1)["error"], words


def test_a_capture_shows_progress_on_a_terminal_only(world):
    echo_guard(world)
    command = (w.HANDFAST, "-i", world.name, "capture", world.directory / "c.pcapng", "--for", "300ms")
    assert world.run(*command)[2] == ""
    ours, theirs = os.openpty()
    capture = world.start(*command, stderr=theirs)
    os.close(theirs)
    seen = b""
    while b"Ctrl-C" not in seen:
        seen += os.read(ours, 4096)
    assert capture.wait(w.PATIENCE) == 0 and b"capturing for 0.3s" in seen
    assert b"packets in" in capture.stdout.read()
    os.close(ours)


def test_a_capture_without_a_guard_keeps_the_one_before(world):
    path = world.directory / "precious.pcapng"
    path.write_text("precious")
    assert world.handfast("-i", "nobody", "capture", path)[0] == 3
    assert path.read_text() == "precious"


def test_a_socket_of_another_name(world):
    """A control socket may lie anywhere: then its path is the guard's name."""
    elsewhere = world.directory / "elsewhere.sock"
    path = world.config(service("echo", 7, "127.0.0.1:7007"))
    path.write_text(path.read_text().replace(f"/run/handfast/{world.name}.sock", str(elsewhere)))
    world.start(w.HANDFAST, "guard", path)
    w.until(elsewhere.exists, "the guard listens")
    world.name = elsewhere
    w.until(lambda: world.handfast("-i", elsewhere, "status")[0] == 0, "the guard answers at its path")
    assert ask(world, "drain", "echo")["drained"] == "echo"
    assert world.handfast("-i", "else/where", "status")[0] == 2


def test_as_many_services_as_a_configuration_may_have(world):
    """Nothing that a full configuration makes the guard say is too long for it."""
    backends = " ".join(f'backend "a-backend-with-a-long-name-{i}" {{ to = "127.0.0.1:{7000 + i}" }}' for i in range(8))
    services = ""
    for i in range(64):
        listen = ", ".join(f'"{V4.guard}:{1000 + 64 * i + j}"' for j in range(64))
        services += (f'service "a-service-with-a-long-name-{i}" {{ listen = {{ {listen} }} {backends} '
                     f"check_interval = 0 half_open_limit = 64 }}\n")
    world.guard(services, 'metrics = "127.0.0.1:9648"\n')
    assert len(ask(world, "status")["services"]) == 64
    assert talk(world, "stats", "--prometheus")[0].count("\nhandfast_listener_pressure{") == 4096
    assert world.run("curl", "-sf", "-o", "/dev/null", "http://127.0.0.1:9648/metrics")[0] == 0
    assert ask(world, "top")["services"] and "reloaded" in ask(world, "reload")
    code, dumped, _ = world.handfast("guard", "--dump", world.directory / "guard.conf")
    (world.directory / "dumped.conf").write_bytes(dumped)
    assert code == 0 and world.handfast("guard", "--dump", world.directory / "dumped.conf")[1] == dumped


# ---- whoever may open the socket ----

def test_a_socket_flooded_with_nonsense(world):
    """Clients, served connections and memory are as they were."""
    guard = echo_guard(world)
    [there] = connected(world, 1)
    ask(world, "status")
    before = rss(guard)
    stop = threading.Event()
    seed = random.Random(7)
    errors = []

    def flood(make):
        while not stop.is_set():
            try:
                with socket.socket(socket.AF_UNIX) as made:
                    made.settimeout(1)
                    made.connect(f"/run/handfast/{world.name}.sock")
                    for _ in range(20):
                        made.sendall(make())
            except OSError:
                pass  # hung up on, as it should be
            except Exception as error:  # pragma: no cover
                errors.append(error)
                raise

    makers = [lambda: seed.randbytes(3000), lambda: b"x" * 8192, lambda: b"stats\n" * 600,
              lambda: b'{"command": "kill", "arguments": [' + b'"a",' * 500 + b'"a"]}\n',
              lambda: b"[" * 4000 + b"\n", lambda: b"connections\nevents follow\n"]
    threads = [threading.Thread(target=flood, args=(make,), daemon=True) for make in makers]
    for thread in threads:
        thread.start()
    slowest = 0.0
    for i in range(200):  # the packets go first
        began = time.monotonic()
        there.sendall(b"%d" % (i % 10))
        assert w.receive(there, 1) == b"%d" % (i % 10)
        slowest = max(slowest, time.monotonic() - began)
    connected(world, 3)
    stop.set()
    for thread in threads:
        thread.join(w.PATIENCE)
    assert errors == []
    print(f"the slowest of 200 echoes took {1000 * slowest:.1f} ms")
    status = w.until(lambda: ask(world, "status"), "it answers")
    assert status["load"]["relayed"] == 4
    assert rss(guard) - before < 16 << 20, "memory grew"


def rss(process):
    with open(f"/proc/{process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def test_clients_that_never_read(world):
    """They cost a bounded piece of memory, hold up nobody, and are hung up on."""
    guard = echo_guard(world)
    connected(world, 200)
    ask(world, "connections")
    before = rss(guard)
    silent = [dial(world) for _ in range(8)]
    for made in silent:
        made.sendall(b"connections\n" * 300)
    more = [dial(world) for _ in range(16)]
    for made in more:
        made.sendall(b"stats\n" * 600)
    connected(world, 5)
    assert ask(world, "status")["load"]["relayed"] == 205
    assert rss(guard) - before < 32 << 20, "memory grew"
    w.until(lambda: all(is_over(made) for made in silent), "they are hung up on", seconds=30)


def is_over(made):
    """Whether the other end has closed, without reading what lies there."""
    try:
        made.send(b"\n", socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return False


def test_huge_lines_and_too_many_clients(world):
    echo_guard(world)
    huge = dial(world)
    try:
        huge.sendall(b"x" * 100000)
    except OSError:
        pass  # hung up on after 4096
    try:
        answer = huge.recv(4096)
    except ConnectionResetError:
        answer = b"at most 4096 bytes"
    assert b"at most 4096 bytes" in answer
    many = [dial(world) for _ in range(100)]
    assert ask(world, "status")["life"] == "serving"
    last = many[-1]
    last.sendall(b"status\n")
    assert json.loads(lines(last).readline())["life"] == "serving"


def test_words_by_hand(world):
    """A person with a unix socket and no handfast."""
    echo_guard(world)
    made = dial(world)
    made.sendall(b"block 203.0.113.0/24 for 10m reason because of a test\nblocks\nunblock 203.0.113.0/24\nnonsense\n")
    said = lines(made)
    assert json.loads(said.readline())["blocked"]["reason"] == "because of a test"
    assert json.loads(said.readline())["rows"][0]["prefix"] == "203.0.113.0/24"
