"""handfast top on a terminal of its own, in a pipe and as JSON; /metrics for Prometheus."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import pytest

import kernel
import world as w
from world import V4, V6, service


def echo(connection):
    while data := connection.recv(1 << 16):
        connection.sendall(data)


@pytest.fixture
def served(world):
    """A guard before an echo server, and three clients, the second of which has moved most."""
    world.serve(world.listen(V4, 7007, "127.0.0.1"), echo)
    world.guard(service("echo", 7, "127.0.0.1:7007"), root='metrics = "127.0.0.1:9648"')
    world.clients = [world.connect(V4, 7), world.connect(V6, 7), world.connect(V4, 7)]
    for client, size in zip(world.clients, (10, 50000, 300)):
        data = w.noise(size)
        client.sendall(data)
        assert w.receive(client, size) == data
    return world


def port_of(client):
    return client.getsockname()[1]


class Terminal:
    """A program on a pseudo terminal, and the screen that it draws there: enough of a terminal to see what stands where."""

    CONTROL = re.compile(rb"\x1b\[([?>]?)([0-9;]*)([A-Za-z@`])|\x1b[()][0-9A-B]|\x1b[=>78M]")

    def __init__(self, world, *words, rows=24, columns=80, **environment):
        self.master, slave = pty.openpty()
        self.colored = False
        self.resize(rows, columns, tell=False, slave=slave)

        def child():
            kernel.die_with_parent()
            kernel.enter(world.namespace)
            os.setsid()
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored, and inherited, where tests run in the background
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        import subprocess
        env = {**os.environ, "PATH": w.PATH, "TERM": "linux", "LC_ALL": "C.UTF-8", **environment}
        self.process = subprocess.Popen([str(word) for word in words], stdin=slave, stdout=slave, stderr=slave,
                                        preexec_fn=child, env=env)
        os.close(slave)
        world.processes.append(self.process)

    def resize(self, rows, columns, tell=True, slave=None):
        self.rows, self.columns, self.pending = rows, columns, b""
        self.cells, self.row, self.column = [[" "] * columns for _ in range(rows)], 0, 0
        fcntl.ioctl(slave if slave is not None else self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            self.process.send_signal(signal.SIGWINCH)

    def press(self, keys):
        os.write(self.master, keys)

    def hear(self, seconds=0.05):
        ready, _, _ = select.select([self.master], [], [], seconds)
        try:
            self.pending += os.read(self.master, 1 << 16) if ready else b""
        except OSError:  # the program has ended
            return
        self.obey()

    def obey(self):
        at = 0
        while at < len(self.pending):
            byte = self.pending[at:at + 1]
            if byte == b"\x1b":
                match = self.CONTROL.match(self.pending, at)
                if not match:
                    if len(self.pending) - at < 20:
                        break  # the rest of it is still to come
                    at += 1
                    continue
                if match.group(3):
                    self.control(match)
                at = match.end()
                continue
            at += 1
            if byte == b"\r":
                self.column = 0
            elif byte == b"\n":
                self.row = min(self.row + 1, self.rows - 1)
            elif byte == b"\b":
                self.column = max(0, self.column - 1)
            elif b" " <= byte <= b"~" and self.column < self.columns:
                self.cells[self.row][self.column] = byte.decode()
                self.column += 1
        self.pending = self.pending[at:]

    def control(self, match):
        private, text, letter = match.groups()
        numbers = [int(number or 0) for number in text.split(b";")]
        first = max(1, numbers[0])
        if letter == b"H":
            self.row = min(first, self.rows) - 1
            self.column = min(max(1, numbers[1] if len(numbers) > 1 else 1), self.columns) - 1
        elif letter == b"d":
            self.row = min(first, self.rows) - 1
        elif letter in b"G`":
            self.column = min(first, self.columns) - 1
        elif letter == b"A":
            self.row = max(0, self.row - first)
        elif letter == b"B":
            self.row = min(self.rows - 1, self.row + first)
        elif letter == b"C":
            self.column = min(self.columns - 1, self.column + first)
        elif letter == b"D":
            self.column = max(0, self.column - first)
        elif letter == b"J":
            start = 0 if numbers[0] == 2 else self.row
            for row in range(start, self.rows):
                self.cells[row][0 if row > self.row or numbers[0] == 2 else self.column:] = \
                    " " * (self.columns - (0 if row > self.row or numbers[0] == 2 else self.column))
        elif letter == b"K":
            here = self.cells[self.row]
            if numbers[0] == 0:
                here[self.column:] = " " * (self.columns - self.column)
            elif numbers[0] == 1:
                here[:self.column + 1] = " " * (self.column + 1)
        elif letter == b"X":
            for column in range(self.column, min(self.columns, self.column + first)):
                self.cells[self.row][column] = " "
        elif letter == b"P":
            here = self.cells[self.row]
            del here[self.column:self.column + first]
            here += " " * (self.columns - len(here))
        elif letter == b"@":
            here = self.cells[self.row]
            here[self.column:self.column] = " " * first
            del here[self.columns:]
        elif letter == b"m" and not private:
            self.colored |= any(30 <= number <= 37 for number in numbers)

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)

    def until(self, *words, seconds=w.PATIENCE):
        deadline = time.monotonic() + seconds
        while not all(word in self.text() for word in words):
            assert time.monotonic() < deadline, f"{words} not on the screen:\n{self.text()}"
            self.hear()
        return self.text()

    def until_last_line(self, word):
        """What the program drew before it knew its new size may come first."""
        w.until(lambda: self.hear() or word in "".join(self.cells[-1]), f"{word} is below all else")

    def end(self):
        deadline = time.monotonic() + w.PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "it does not end"
            self.hear()
        os.close(self.master)
        return self.process.returncode


def top(world, *words, **options):
    return Terminal(world, w.HANDFAST, "-i", world.name, "top", "--every", "100ms", *words, **options)


# ---- in a pipe ----

def test_once_prints_one_screen(served):
    code, out, err = served.handfast("-i", served.name, "top", "--once", "--every", "500ms")
    assert not out.endswith(b"\n\n")
    assert (code, err) == (0, "")
    text = out.decode()
    for word in ("SYN/s", "accepted/s", V4.endpoint(7), V6.endpoint(7), "calm", "2001:db8:1::/64", "192.0.2.1/32",
                 f":{port_of(served.clients[0])}", "ESTABLISHED"):
        assert word in text, text
    assert "\x1b" not in text and "quit" not in text


@pytest.mark.parametrize("order, key", [("bytes", None), ("rtt", "srtt_us"), ("age", "age_us")])
def test_json_has_rates_and_connections_in_order(served, order, key):
    code, out, err = served.handfast("-i", served.name, "top", "--json", "--every", "500ms", "--order", order)
    assert (code, err) == (0, "")
    frame = json.loads(out)
    assert frame["rates"]["seconds"] > 0.4 and frame["rates"]["syns"] == 0
    assert frame["seen"] == 3 and len(frame["top"]) == 3
    keys = [one["bytes_in"] + one["bytes_out"] if key is None else one[key] for one in frame["top"]]
    assert keys == sorted(keys, reverse=True) or order == "age"  # asked at slightly different instants
    if order == "bytes":
        assert keys == [100000, 600, 20]
    assert {one["service"] for one in frame["top"]} == {"echo"}
    assert sum(prefix["connections"] for prefix in frame["prefixes"]) == 3


def test_rates_are_seen(served):
    process = served.start(w.HANDFAST, "-i", served.name, "top", "--json", "--every", "1s")
    while process.poll() is None:
        served.clients[0].sendall(b"x" * 1000)
        w.receive(served.clients[0], 1000)
        served.connect(V4, 7).close()
    rates = json.loads(process.stdout.read())["rates"]
    assert rates["syns"] > 0 and rates["accepted"] > 0
    assert rates["bits_in"] > 8000 and rates["packets_out"] > 1
    assert rates["refused"] == 0


def test_usage_and_no_guard(world):
    assert world.handfast("-i", "nobody", "top", "--once")[0] == 3
    for words in (["--every", "1"], ["--every", "50ms"], ["--every"], ["--order", "x"], ["x"]):
        code, _, err = world.handfast("-i", "nobody", "top", *words)
        assert code == 2 and "accepted" in err


def test_a_pipe_needs_once(served):
    code, _, err = served.handfast("-i", served.name, "top")
    assert code == 1 and "--once" in err


# ---- on a terminal ----

def test_keys_on_a_small_terminal(served):
    screen = top(served)
    screen.until("handfast top: " + served.name, "q quit", "SYN/s", "calm", f":{port_of(served.clients[1])}", "OUT*")
    screen.press(b"r")
    screen.until("RTT*")
    screen.press(b"b")
    ports = [f":{port_of(client)}" for client in served.clients[:2]]
    screen.until("OUT*", "50.0k", *ports)

    def largest_is_first():
        """A page may come in pieces: its head, then its rows."""
        screen.hear()
        places = [next((index for index, line in enumerate(screen.text().splitlines()) if port in line), -1)
                  for port in ports]
        return -1 < places[1] < places[0]

    w.until(largest_is_first, "the rows are in the order of bytes")
    screen.press(b"\r")
    screen.until("ONE CONNECTION", "congestion window", f"]:{port_of(served.clients[1])}", "client's window")
    screen.press(b"\r")
    screen.until("PREFIX")
    screen.press(b"h")
    screen.until("KEYS AND WORDS")
    screen.press(b"h")
    screen.until("PREFIX")
    screen.press(b"p")
    screen.until("PAUSED")
    screen.press(b" ")
    screen.until("LISTENER")
    screen.press(b"q")
    assert screen.end() == 0


def test_a_detail_says_that_its_connection_ended(served):
    screen = top(served)
    screen.until(f":{port_of(served.clients[1])}", "50.0k")
    screen.press(b"\r")
    screen.until("ONE CONNECTION", "congestion window")
    served.clients[1].close()
    screen.until("it has ended")
    screen.press(b"\x1b")
    screen.until("PREFIX")
    screen.press(b"q")
    assert screen.end() == 0


def test_resize(served):
    screen = top(served)
    screen.until("q quit", "LISTENER")
    screen.resize(50, 132)
    screen.until("q quit", "LISTENER", "PREFIX")
    screen.until_last_line("q quit")
    screen.resize(8, 40)
    screen.until("too small")
    screen.resize(24, 80)
    screen.until("q quit", "LISTENER")
    screen.until_last_line("q quit")
    screen.press(b"q")
    assert screen.end() == 0


def test_colors_only_if_wanted(served):
    screen = top(served)
    screen.until("calm")
    w.until(lambda: screen.hear() or screen.colored, "it is coloured")
    screen.press(b"q")
    assert screen.end() == 0
    screen = top(served, NO_COLOR="1")
    screen.until("calm")
    screen.press(b"q")
    assert screen.end() == 0 and not screen.colored


def test_what_does_not_change_is_not_drawn_again(served):
    """No flicker: a screen of 80 x 24 is 1,920 characters; most of it stays."""
    screen = top(served)
    screen.until("calm", f":{port_of(served.clients[1])}")
    start, drawn = time.monotonic(), 0
    while time.monotonic() < start + 1:  # ten looks
        ready, _, _ = select.select([screen.master], [], [], 0.05)
        if ready:
            drawn += len(os.read(screen.master, 1 << 16))
    assert drawn < 10 * 600
    screen.press(b"q")
    assert screen.end() == 0


def test_a_guard_that_goes_is_said(world):
    world.serve(world.listen(V4, 7007, "127.0.0.1"), echo)
    guard = world.guard(service("echo", 7, "127.0.0.1:7007"))
    screen = top(world)
    screen.until("calm")
    assert world.stop(guard) == 0
    screen.until("no guard is running")
    screen.press(b"q")
    assert screen.end() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_give_the_terminal_back(served, number):
    screen = top(served)
    screen.until("calm")
    before = termios.tcgetattr(screen.master)[3]
    assert not before & termios.ECHO
    screen.process.send_signal(number)
    w.until(lambda: screen.hear() or screen.process.poll() is not None, "it ends")
    assert termios.tcgetattr(screen.master)[3] & termios.ECHO


# ---- for Prometheus ----

def test_metrics_over_http(served):
    code, out, err = served.run("curl", "-sSf", "http://127.0.0.1:9648/metrics")
    assert code == 0, err
    lines = out.decode().splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    assert values['handfast_service_accepted_total{service="echo"}'] == "3"
    assert float(values["handfast_bytes_in_total"]) > 50000
    assert values['handfast_connections{state="ESTABLISHED"}'] == "3"
    helped = {line.split()[2] for line in lines if line.startswith("# HELP")}
    assert all(name.split("{")[0] in helped for name in values)


def test_metrics_and_nothing_else(served):
    for path, answer in (("/", "404"), ("/metrics/x", "404"), ("/metrics", "200")):
        _, out, _ = served.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:9648{path}")
        assert out.decode() == answer
    _, out, _ = served.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-d", "x=1",
                           "http://127.0.0.1:9648/metrics")
    assert out.decode() == "405"


def test_metrics_only_on_loopback(world):
    path = world.config(service("echo", 7, "127.0.0.1:7007"), root='metrics = "192.0.2.1:9648"')
    code, _, err = world.handfast("guard", "--check", path)
    assert code != 0 and "loopback" in err


def test_metrics_under_nonsense(served):
    """Many at once, silent, slow or wrong, under the sandbox of a serving guard: it goes on, and answers who asks rightly."""
    made = []
    for number in range(60):
        probe = served.socket(V4)
        probe.connect(("127.0.0.1", 9648))
        probe.settimeout(0.01)
        kind = number % 5
        data = (b"", w.noise(500, number), b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 5, b"GET /metrics HT",
                b"POST /metrics HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + bytes(5000))[kind]
        try:
            probe.sendall(data)
        except OSError:
            pass  # it was shown the door
        made.append(probe)
    for probe in made:
        probe.close()
    w.until(lambda: b"handfast_build_info" in served.run("curl", "-sSf", "http://127.0.0.1:9648/metrics")[1],
            "it has seen that they are gone")
    served.clients[0].sendall(b"still there")
    assert w.receive(served.clients[0], 11) == b"still there"
