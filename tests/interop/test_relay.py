"""handfast guard before several backends: who they see, what they lose, what they never notice."""

import os
import pathlib
import resource
import select
import signal
import socket
import struct
import sys
import threading

import pytest

import kernel
import world as w
from world import V4, V6

PORT = 7
SERVER = """
import socket, sys, threading
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(1024)
print("ready", flush=True)
def serve(connection):
    try:
        while data := connection.recv(65536):
            connection.sendall(sys.argv[1].encode() + b":" + data)
    except OSError:
        pass
    connection.close()
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
"""

MANY = """
import resource, select, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
listener = socket.socket()
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(4096)
poll, connections = select.epoll(), {}
poll.register(listener, select.EPOLLIN)
print("ready", flush=True)
while True:
    for fd, _ in poll.poll():
        if fd == listener.fileno():
            connection, _ = listener.accept()
            connections[connection.fileno()] = connection
            poll.register(connection, select.EPOLLIN)
        elif data := connections[fd].recv(100):
            connections[fd].sendall(data)
        else:
            poll.unregister(fd)
            connections.pop(fd).close()
"""


def backend(name, to, client_address="none", rest=""):
    return f'    backend "{name}" {{ to = "{to}" client_address = {client_address} {rest} }}\n'


def service(*backends, **keys):
    listen = ", ".join(f'"{family.endpoint(PORT)}"' for family in (V4, V6))
    keys.setdefault("check_interval", 0)
    lines = "".join(f"    {key} = {value}\n" for key, value in keys.items())
    return f'service "web" {{\n    listen = {{ {listen} }}\n{"".join(backends)}{lines}}}\n'


def count(world):
    return world.stats()["services"][0]


def said(world, *words):
    return any(all(word in line for word in words) for line in world.guard_log().splitlines())


def until_said(world, *words):
    w.until(lambda: said(world, *words), f"the log says {words}")


def echo(connection):
    while data := connection.recv(1 << 16):
        connection.sendall(data)


class Peers:
    """An echo server that remembers whom it saw."""

    def __init__(self, world, family, port, address):
        self.seen = []

        def handle(connection):
            self.seen.append(connection.getpeername()[:2])
            echo(connection)

        world.serve(world.listen(family, port, address, backlog=1024), handle)


def ask(connection, data=b"hello"):
    connection.sendall(data)
    assert w.receive(connection, len(data)) == data


def connect_from(world, port):
    """A client whose port is its own choice: the range of the kernel's choices is small in these tests."""
    client = world.socket(V4)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.bind((V4.host, port))
    client.connect((V4.guard, PORT))
    return client


# ---- who the backend sees ----

def test_a_transparent_backend_sees_the_client(world, family):
    peers = Peers(world, family, 7007, family.loopback)
    world.guard(service(backend("b", family.endpoint(7007, family.loopback), "transparent")))
    clients = [world.socket(family) for _ in range(5)]
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # its port has two users on this host
        client.connect((family.guard, PORT))
        ask(client)
    assert sorted(peers.seen) == sorted(client.getsockname()[:2] for client in clients)


def test_nginx_logs_the_client(world):
    world.nginx_access = world.directory / "access.log"
    root = world.nginx()
    (root / "data").write_bytes(b"x" * 100)
    path = world.directory / "nginx.conf"
    path.write_text(path.read_text().replace("access_log off;", f"access_log {world.nginx_access};")
                    .replace("127.0.0.1:8080", "127.0.0.1:8081").replace("nginx.pid", "nginx2.pid"))
    world.start("nginx", "-e", world.directory / "nginx.log", "-c", path)
    world.until_open(8081)
    world.guard(service(backend("nginx", "127.0.0.1:8081")).replace("client_address = none", ""))
    code, out, err = world.run("curl", "-sSf", V4.url("/data", PORT))
    assert code == 0 and len(out) == 100, err
    w.until(lambda: world.nginx_access.read_text().startswith(V4.host + " "), "nginx has logged the client")


def test_a_client_that_comes_again_from_its_port(world):
    peers = Peers(world, V4, 7007, "127.0.0.1")
    world.guard(service(backend("b", "127.0.0.1:7007", "transparent")))
    for _ in range(5):
        client = connect_from(world, 50000)
        ask(client)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, w.RESETS)
        client.close()
        w.until(lambda: count(world)["active"] == 0, "the relay has ended")
    assert {address for address, _ in peers.seen} == {V4.host}
    assert len(peers.seen) == 5


def test_clients_of_the_other_family_are_served_and_it_is_said(world):
    peers = Peers(world, V4, 7007, "127.0.0.1")
    world.guard(service(backend("b", "127.0.0.1:7007", "transparent")))
    ask(world.connect(V6, PORT))
    assert peers.seen[0][0] == "127.0.0.1"
    until_said(world, "backend b", "IPv6")


def test_each_family_goes_to_its_own_transparent_backend(world):
    four, six = Peers(world, V4, 7007, "127.0.0.1"), Peers(world, V6, 7007, "::1")
    world.guard(service(backend("four", "127.0.0.1:7007", "transparent"),
                        backend("six", "[::1]:7007", "transparent")))
    for _ in range(3):
        ask(world.connect(V4, PORT))
        ask(world.connect(V6, PORT))
    assert {address for address, _ in four.seen} == {V4.host}
    assert {address for address, _ in six.seen} == {V6.host}


def test_a_server_that_speaks_first_knows_its_client(world, family):
    """The PROXY header comes at connect, before the client has said a word."""
    def greet(connection):
        head = w.receive(connection, 16)
        rest = w.receive(connection, struct.unpack("!H", head[14:])[0])
        length = 4 if head[13] == 0x11 else 16
        address = socket.inet_ntop(family.number, rest[:length])
        port = struct.unpack("!H", rest[2 * length:2 * length + 2])[0]
        connection.sendall(f"{address} {port}\n".encode())
        echo(connection)

    world.serve(world.listen(V4, 7007, "127.0.0.1"), greet)
    world.guard(service(backend("b", "127.0.0.1:7007", "proxy-v2")))
    client = world.connect(family, PORT)
    expected = "{} {}\n".format(*client.getsockname()[:2]).encode()
    assert w.receive(client, len(expected)) == expected
    ask(client)


# ---- ports ----

def few_ports(world):
    """Ten for each address."""
    world.sysctl("net/ipv4/ip_local_port_range", "40000 40009")


def test_ports_of_one_address_are_no_limit(world):
    peers = Peers(world, V4, 7007, "127.0.0.1")
    world.guard(service(backend("b", "127.0.0.1:7007")))
    few_ports(world)
    clients = [connect_from(world, 50000 + i) for i in range(45)]
    for client in clients:
        ask(client)
    assert len(set(peers.seen)) == 45
    assert {address for address, _ in peers.seen} >= {"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"}


def test_sources_take_turns(world):
    peers = Peers(world, V4, 7007, "127.0.0.1")
    world.guard(service(backend("b", "127.0.0.1:7007", rest='source = { "127.0.0.5", "127.0.0.6" }')))
    for _ in range(6):
        ask(world.connect(V4, PORT))
    assert [address for address, _ in peers.seen] == ["127.0.0.5", "127.0.0.6"] * 3


def test_without_a_port_clients_wait_and_it_is_said(world):
    Peers(world, V4, 7007, "127.0.0.1")
    world.guard(service(backend("b", "127.0.0.1:7007", rest='source = { "127.0.0.5" }')))
    few_ports(world)
    clients = [connect_from(world, 50000 + i) for i in range(15)]
    for client in clients:
        client.sendall(b"x")
    w.until(lambda: count(world)["bytes_out"] == 10, "ten are served")
    until_said(world, "backend b", "Cannot assign requested address")

    def answered():
        return [client for client in clients if select.select([client], [], [], 0)[0]]

    w.until(lambda: len(answered()) == 10, "the ten have their answers")
    served = answered()
    for client in served[:5]:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, w.RESETS)
        client.close()  # no TIME-WAIT: the port is free at once
    for client in clients:
        if client not in served[:5]:
            assert w.receive(client, 1) == b"x"
    until_said(world, "can be opened again")


# ---- descriptors ----

def test_without_descriptors_clients_wait_and_it_is_said(world):
    Peers(world, V4, 7007, "127.0.0.1")
    process = world.guard(service(backend("b", "127.0.0.1:7007")))
    first = world.connect(V4, PORT)
    ask(first)
    limit = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    used = max(int(name) for name in os.listdir(f"/proc/{process.pid}/fd")) + 1
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used + 4, limit[1]))
    clients = [world.connect(V4, PORT) for _ in range(12)]
    for client in clients:
        client.sendall(b"x")
    until_said(world, "Too many open files")
    ask(first)
    assert sum(bool(select.select([client], [], [], 0)[0]) for client in clients) < 12
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limit)
    for client in clients:
        assert w.receive(client, 1) == b"x"
    until_said(world, "can be opened again")
    assert count(world)["accepted"] == 13


# ---- backends that die and come back ----

class Server:
    """A server in a process of its own, to be killed."""

    def __init__(self, world, port):
        self.world, self.port = world, port
        self.start()

    def start(self):
        self.process = self.world.start(sys.executable, "-c", SERVER, self.port)
        w.read_until(self.process.stdout, b"ready")

    def kill(self):
        self.process.kill()
        self.process.wait()


class Load:
    """Clients that connect, ask once and leave, again and again; each failure is kept with its time."""

    def __init__(self, world, clients=8):
        self.world, self.stop = world, threading.Event()
        self.answers, self.failures = [], []
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.stop.is_set():
            try:
                with kernel.inside(self.world.namespace):
                    client = socket.socket()
                with client:
                    client.settimeout(w.PATIENCE)
                    client.connect((V4.guard, PORT))
                    client.sendall(b"x")
                    answer = client.recv(100)
                    if not answer:
                        raise ConnectionError("closed without an answer")
                    self.answers.append(answer)
            except OSError as error:
                self.failures.append(error)
                self.stop.wait(0.001)

    def until_more(self, number=50, of=b""):
        """Until so many answers more have come, from this server."""
        def answered():
            return sum(answer.startswith(of) for answer in self.answers)

        before = answered()
        w.until(lambda: answered() >= before + number, f"{number} answers of {of}")

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(w.PATIENCE)


def test_a_backend_killed_under_load_costs_what_it_had_in_hand(world):
    servers = [Server(world, 7007), Server(world, 7008)]
    world.guard(service(backend("a", "127.0.0.1:7007"), backend("b", "127.0.0.1:7008"),
                        check_interval="100ms", check_fall=2, check_rise=2))
    load = Load(world)
    try:
        load.until_more(of=b"7007")
        load.until_more(of=b"7008")
        assert not load.failures
        servers[0].kill()
        until_said(world, "backend a", "is down")
        load.until_more(100, of=b"7008")
        assert len(load.failures) <= 8, load.failures  # whoever had asked it
        lost = len(load.failures)
        load.until_more(100, of=b"7008")
        assert len(load.failures) == lost, load.failures
        servers[0].start()
        until_said(world, "backend a", "is up")
        load.until_more(of=b"7007")
        assert len(load.failures) == lost, load.failures
    finally:
        load.end()
    stats = count(world)
    assert stats["backend_refused"] == stats["no_backend"] == stats["connect_timed_out"] == 0
    assert stats["backend_reset"] <= lost  # who was read but not answered met a FIN


def test_all_backends_down_and_one_back(world):
    servers = [Server(world, 7007), Server(world, 7008)]
    world.guard(service(backend("a", "127.0.0.1:7007"), backend("b", "127.0.0.1:7008"),
                        check_interval="100ms", check_fall=1, connect_timeout=f'"{6 * w.PATIENCE:.0f}s"'))
    for server in servers:
        server.kill()
    until_said(world, "is down", "0 of 2")
    with pytest.raises(ConnectionResetError):
        world.connect(V4, PORT).recv(1)  # at once: the timeout is longer than our patience
    servers[1].start()
    client = world.connect(V4, PORT)  # no check needs to have seen it
    client.sendall(b"x")
    assert w.receive(client, 6) == b"7008:x"
    until_said(world, "backend b", "is up; 1 of 2")


def test_a_guard_that_starts_before_its_backends(world):
    world.guard(service(backend("a", "127.0.0.1:7007"), check_interval="100ms", check_rise=1))
    until_said(world, "backend a", "is down")
    Server(world, 7007)
    until_said(world, "backend a", "is up")
    client = world.connect(V4, PORT)
    client.sendall(b"x")
    assert w.receive(client, 6) == b"7007:x"


# ---- memory ----

def resident(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) << 10
    raise AssertionError("the guard has no memory")


def test_slow_readers_do_not_grow_the_guard(world):
    """Forty clients who never read, before a server that would send for ever."""
    stop = threading.Event()

    def pour(connection):
        connection.setblocking(False)
        while not stop.is_set():
            try:
                connection.send(bytes(1 << 16))
            except BlockingIOError:
                stop.wait(0.01)

    world.serve(world.listen(V4, 7007, "127.0.0.1"), pour)
    process = world.guard(service(backend("b", "127.0.0.1:7007")),
                          root="limits { receive_buffer = 64k send_buffer = 64k }")
    try:
        clients = [world.socket(V4) for _ in range(40)]
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        before = resident(process)
        for client in clients:
            client.connect((V4.guard, PORT))

        def flow():
            return count(world)["bytes_out"]

        w.until(lambda: flow() > 40 * 4096, "they are served")
        last, quiet = flow(), 0
        while quiet < 20:  # 20 looks without a byte: everything is full
            stop.wait(0.02)
            now = flow()
            last, quiet = now, quiet + 1 if now == last else 0
        assert resident(process) - before < 40 * (64 << 10) + (4 << 20)
    finally:
        stop.set()


def test_ten_thousand_connections_at_once(world):
    """Bounded memory, and each of them still answers."""
    number = 10000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < number + 500:
        pytest.skip(f"{hard} descriptors are not enough")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = world.start(sys.executable, "-c", MANY, 7007)
    w.read_until(server.stdout, b"ready")
    process = world.guard(service(backend("b", "127.0.0.1:7007"), backlog=4096),
                          root=f"limits {{ max_connections = {number} }}")
    before, clients = resident(process), []
    for _ in range(number):
        client = world.socket(V4)
        client.connect((V4.guard, PORT))
        clients.append(client)
    w.until(lambda: count(world)["active"] == number, "all are relayed", seconds=30)
    idle = resident(process) - before
    for client in clients:
        client.sendall(b"x")
    for client in clients:
        assert w.receive(client, 1) == b"x"
    used = resident(process) - before
    print(f"{number} connections: {idle / number:.0f} bytes each, after a byte each way {used / number:.0f}")
    assert used < number * 8192
