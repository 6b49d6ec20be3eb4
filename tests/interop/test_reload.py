"""Configurations that take each other's place under load: nobody who is served notices."""

import itertools
import os
import pathlib
import re
import signal
import threading
import time

import pytest

import world as w
from world import V4, service

RELOADS = 200


def echo(connection):
    while data := connection.recv(1 << 16):
        connection.sendall(data)


def backend(world, port):
    world.serve(world.listen(V4, port, "127.0.0.1", backlog=1024), echo)


def services(turn):
    """A file that differs in something each turn, and always serves port 7."""
    ports = (7007, 7008)
    keys = {"half_open_timeout": f"{3 + turn % 7}s", "max_per_prefix": 500 + turn, "backlog": 256 + turn,
            "idle_timeout": "10m"}
    text = service(("echo", "relay")[turn // 5 % 2], 7, f"127.0.0.1:{ports[turn % 2]}", (V4,), **keys)
    if turn % 3 == 0:
        text += service(f"more{turn % 9}", 70 + turn % 9, "127.0.0.1:7008", (V4,), allow='{ "192.0.2.0/24" }')
    return text


def limits(turn):
    return f"limits {{ reset_budget = {500 + turn} icmp_budget = {turn} scan_ports = {turn % 48} }}\n"


def reload(world):
    return world.handfast("-i", world.name, "reload")


def assert_reloads(world):
    code, _, err = reload(world)
    assert code == 0, err


def memory_and_descriptors(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]), len(os.listdir(f"/proc/{process.pid}/fd"))


class Load:
    """Connections that stay and connections that come and go; every byte is compared."""

    def __init__(self, world, lasting, brief):
        self.world, self.ended, self.errors = world, threading.Event(), []
        self.rounds = itertools.count()
        self.threads = [threading.Thread(target=self._run, args=(target,))
                        for target, number in ((self._lasting, lasting), (self._brief, brief))
                        for _ in range(number)]
        for thread in self.threads:
            thread.start()

    def _run(self, target):
        try:
            target()
        except (OSError, AssertionError) as error:
            self.errors.append(f"{target.__name__}: {error!r}")

    def _talk(self, connection):
        data = w.noise(2000, next(self.rounds))
        connection.sendall(data)
        assert w.receive(connection, len(data)) == data

    def _lasting(self):
        with self.world.connect(V4, 7) as connection:
            while not self.ended.is_set():
                self._talk(connection)
                self.ended.wait(0.01)

    def _brief(self):
        while not self.ended.is_set():
            with self.world.connect(V4, 7) as connection:
                self._talk(connection)

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join(w.PATIENCE)
        assert self.errors == []
        return next(self.rounds)


def test_two_hundred_reloads_under_load(world):
    for port in (7007, 7008):
        backend(world, port)
    process = world.guard(services(0), limits(0))
    load = Load(world, lasting=20, brief=4)
    try:
        for turn in range(1, 21):  # what the first ones need is no growth
            world.config(services(turn), limits(turn))
            assert_reloads(world)
        before = memory_and_descriptors(process)
        for turn in range(21, RELOADS + 1):
            world.config(services(turn), limits(turn))
            assert_reloads(world)
            assert load.errors == [], f"in reload {turn}"
    finally:
        rounds = load.end()
    assert rounds > RELOADS
    stats = world.stats()
    assert all(one["backend_reset"] == one["client_reset"] == one["backend_refused"] == 0 for one in stats["services"])
    w.until(lambda: world.stats()["relays"]["active"] == 0, "all relays end")
    after = memory_and_descriptors(process)
    assert after[0] < before[0] + 8192, f"{before[0]} KB became {after[0]} KB"
    assert after[1] <= before[1] + 2, f"{before[1]} descriptors became {after[1]}"
    assert world.stop(process) == 0


def test_a_bad_file_changes_nothing_and_says_why(world):
    backend(world, 7007)
    process = world.guard(service("echo", 7, "127.0.0.1:7007"))
    connection = world.connect(V4, 7)
    path = world.config(service("echo", 7, "127.0.0.1:7007") + "frog = 1\n")
    line = 1 + path.read_text().split("frog")[0].count("\n")
    code, _, err = reload(world)
    assert code == 1
    assert f'{path}:{line}: "frog" is no key here' in err
    world.config(service("echo", 7, "127.0.0.1:7007"), "limits { receive_buffer = 64k }\n")
    code, _, err = reload(world)
    assert code == 1
    assert "receive_buffer is another than 256k, accepted is that after a restart" in err
    path.unlink()
    code, _, err = reload(world)
    assert code == 1 and "No such file or directory" in err
    for one in (connection, world.connect(V4, 7)):
        one.sendall(b"still here")
        assert w.receive(one, 10) == b"still here"
    assert world.stop(process) == 0


def test_sighup_reloads(world):
    backend(world, 7007)
    process = world.guard(service("echo", 7, "127.0.0.1:7007"))
    world.config(service("echo", 8, "127.0.0.1:7007"))
    process.send_signal(signal.SIGHUP)
    w.until(lambda: "was read again and is in force" in world.guard_log(), "the log says so")
    connection = world.connect(V4, 8)
    connection.sendall(b"here")
    assert w.receive(connection, 4) == b"here"
    world.config(service("echo", 8, "127.0.0.1:7007") + "}\n")
    process.send_signal(signal.SIGHUP)
    w.until(lambda: 'a "}" that closes nothing' in world.guard_log(), "the log says why not")
    connection.sendall(b"still")
    assert w.receive(connection, 5) == b"still"
    assert world.stop(process) == 0


def test_names_are_looked_up_beside_the_packets(world):
    """While a name is asked for, which may take seconds, echoes go round; one that means nothing is named."""
    backend(world, 7007)
    process = world.guard(service("echo", 7, "localhost:7007"))
    connection = world.connect(V4, 7)
    world.config(service("echo", 7, "localhost:7007") + service("more", 8, "no-such-host.invalid:1"))
    asking = threading.Thread(target=lambda: answers.append(reload(world)))
    answers = []
    asking.start()
    slowest = 0.0
    while asking.is_alive():
        began = time.monotonic()
        connection.sendall(b"x")
        assert w.receive(connection, 1) == b"x"
        slowest = max(slowest, time.monotonic() - began)
    asking.join()
    code, _, err = answers[0]
    assert code == 1 and 'backend "more" to "no-such-host.invalid:1"' in err
    assert slowest < 4, "packets waited for a name"  # a resolver that has no answer waits five seconds for it
    world.config(service("echo", 7, "localhost:7007") + service("more", 8, "localhost:7007"))
    assert_reloads(world)
    assert world.stop(process) == 0


def test_lists_change_and_who_is_in_stays(world):
    backend(world, 7007)
    world.guard(service("echo", 7, "127.0.0.1:7007", (V4,)))
    connection = world.connect(V4, 7)
    deny = world.directory / "deny.list"
    deny.write_text("192.0.2.0/28\n")
    rest = f'filter {{ deny_files = {{ "{deny}" }} }}\n'
    world.config(service("echo", 7, "127.0.0.1:7007", (V4,)) + rest)
    assert_reloads(world)
    connection.sendall(b"in already")
    assert w.receive(connection, 10) == b"in already"
    refused = world.socket(V4)
    refused.settimeout(1)
    with pytest.raises(TimeoutError):
        refused.connect((V4.guard, 7))
    deny.write_text("198.51.100.0/24\n")
    assert_reloads(world)
    world.connect(V4, 7)
    deny.write_text("198.51.100.0/99\n")
    code, _, err = reload(world)
    assert code == 1 and f"{deny}:1: " in err


def test_the_first_transparent_backend_needs_a_restart(world):
    """A guard that began without any has given up the right to make its rule."""
    backend(world, 7007)
    world.guard(service("echo", 7, "127.0.0.1:7007", (V4,)))
    world.config(service("echo", 7, "127.0.0.1:7007", (V4,), client_address="transparent"))
    code, _, err = reload(world)
    assert code == 1 and "accepted is the first of them after a restart" in err
    connection = world.connect(V4, 7)
    connection.sendall(b"as before")
    assert w.receive(connection, 9) == b"as before"


def test_transparent_backends_come_and_go(world):
    """With one from the start the others may come later, each with its rule."""
    seen = []

    def tell(connection):
        seen.append(connection.getpeername()[0])
        echo(connection)

    for port in (7007, 7008):
        world.serve(world.listen(V4, port, "127.0.0.1"), tell)
    world.guard(service("one", 7, "127.0.0.1:7007", (V4,), client_address="transparent"))
    both = service("one", 7, "127.0.0.1:7007", (V4,), client_address="transparent") \
        + service("two", 8, "127.0.0.1:7008", (V4,), client_address="transparent")
    for text, ports in ((both, (7, 8)), (service("two", 8, "127.0.0.1:7008", (V4,)), (8,))):
        world.config(text)
        assert_reloads(world)
        for port in ports:
            with world.connect(V4, port) as connection:
                connection.sendall(b"who")
                assert w.receive(connection, 3) == b"who"
    assert seen == [V4.host, V4.host, "127.0.0.1"]


@pytest.mark.parametrize("example", sorted((w.ROOT / "packaging/examples").glob("*.conf")), ids=lambda path: path.stem)
def test_each_example_is_checked(world, example):
    code, out, err = world.handfast("guard", "--check", example)
    assert code == 0 and ": ok, " in out.decode(), err
