"""mode = port: a guard on a few ports of its host's own addresses, everything else the kernel's."""

import hashlib
import json
import os
import signal
import socket
import threading

import pytest

import kernel
import two_hosts as two
import world as w
from two_hosts import OTHER, PORT, service
from world import V4, V6


@pytest.fixture
def host():
    with two.two_hosts() as made:
        yield made


def guarded(host, services=None, **keys):
    host.tell_who(PORT)
    return host.guard(services or service(), **keys)


# ---- what is the guard's and what is the kernel's ----

def test_listed_ports_are_served_through_the_guard(host, family):
    guarded(host)
    assert host.ask(family) == "127.0.0.1"
    assert host.stats()["counters"]["handshake_done"] == 1


def test_the_commands_of_net_show_can_be_run(host):
    """Each of those in JSON is a command for a shell, the ruleset too."""
    code, out, _ = host.handfast("guard", "--net", "show", host.config(service()), "--json")
    commands = json.loads(out)["commands"]
    [ruleset] = [command for command in commands if command.startswith("nft ")]
    assert code == 0 and ruleset.endswith("\nEND") and "chain outside" in ruleset
    for command in commands:
        done, _, err = host.run("sh", "-c", command)
        assert done == 0, f"{command}: {err}"
    assert host.has_interface("hf-eth0")


def test_status_knows_the_interface(host):
    """Its addresses, and when it is down."""
    guarded(host)

    def uplink():
        return json.loads(host.handfast("-i", host.name, "status", "--json")[1])["uplink"]

    w.until(lambda: uplink()["up"], "there is a carrier")
    assert uplink()["up"] is True and sorted(uplink()["addresses"])[0] == "192.0.2.1/24"
    host.client.ip("link", "set", "eth0", "down")  # the other end of the wire: no carrier
    w.until(lambda: not uplink()["up"], "the guard notices")
    assert b"uplink eth0 is down: nobody can be served" in host.handfast("-i", host.name, "status")[1]
    host.client.ip("link", "set", "eth0", "up")
    w.until(lambda: uplink()["up"], "and its end")


def test_other_ports_stay_with_the_kernel(host, family):
    host.tell_who(OTHER)
    guarded(host)
    assert host.ask(family, OTHER) == two.NEAR[family.name]


def test_clients_behind_the_gateway_are_served(host, family):
    host.far_addresses()
    guarded(host)
    assert host.ask(family, source=two.FAR[family.name]) == "127.0.0.1"


def test_clients_on_the_host_reach_the_server_itself(host, family):
    guarded(host)
    connection = host.socket(family)
    connection.connect((two.host_address(family), PORT))
    assert w.receive_all(connection).decode() == two.host_address(family)


def test_pings_are_answered_once(host, family):
    guarded(host)
    assert host.ask(family) == "127.0.0.1"
    v4 = family is V4
    with kernel.inside(host.client.namespace):
        raw = socket.socket(family.number, socket.SOCK_RAW, socket.IPPROTO_ICMP if v4 else socket.IPPROTO_ICMPV6)
    with raw:
        raw.settimeout(w.PATIENCE)
        for turn in range(3):
            body = b"who is it?" + bytes([turn, 0])
            raw.sendto(echo_request(8 if v4 else 128, body), (two.host_address(family), 0))
        answers = []
        while len([one for one in answers if one.endswith(bytes([2, 0]))]) == 0:
            answers.append(raw.recv(2048))
        raw.settimeout(0.3)
        while more := receive_or_none(raw):
            answers.append(more)
    replies = [one for one in answers if b"who is it?" in one and one[20 if v4 else 0] == (0 if v4 else 129)]
    assert len(replies) == 3


def echo_request(kind, body):
    def checksum(data):
        total = sum(int.from_bytes(data[i:i + 2], "big") for i in range(0, len(data), 2))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        return ~total & 0xffff

    header = bytes([kind, 0, 0, 0, 0, 7, 0, 1])
    return header[:2] + checksum(header + body).to_bytes(2, "big") + header[4:] + body  # the kernel does ICMPv6's


def receive_or_none(raw):
    try:
        return raw.recv(2048)
    except TimeoutError:
        return None


def test_neighbours_hear_one_answer(host):
    """The kernel alone answers for the addresses, also after the client has forgotten them."""
    guarded(host)
    for _ in range(3):
        host.client.ip("neigh", "flush", "dev", "eth0")
        assert host.ask(V4) == "127.0.0.1" and host.ask(V6) == "127.0.0.1"
    _, out, _ = host.run("ip", "-j", "link", "show", "eth0")
    mac = json.loads(out)[0]["address"]
    _, out, _ = host.client.run("ip", "-j", "neigh", "show", "dev", "eth0")
    assert {entry["lladdr"] for entry in json.loads(out) if "lladdr" in entry} == {mac}


def test_the_log_warns_about_the_firewall(host):
    guarded(host)
    log = host.guard_log()
    assert log.count("firewall of this host no longer sees") == 1
    assert "192.0.2.1:80" in log and "[2001:db8:1::1]:80" in log


def test_every_address_is_served_if_none_is_named(host, family):
    host.tell_who(PORT)
    host.guard(f'service "web" {{ listen = {{ ":{PORT}" }} '
               f'backend "web" {{ to = "127.0.0.1:{PORT}" client_address = none }} }}')
    assert host.ask(family) == "127.0.0.1"


def test_named_addresses_alone_are_served(host):
    host.tell_who(PORT)
    host.guard(f'service "web" {{ listen = {{ ":{PORT}" }} '
               f'backend "web" {{ to = "127.0.0.1:{PORT}" client_address = none }} }}',
               uplink='addresses = { "192.0.2.1/24" }')
    assert host.ask(V4) == "127.0.0.1"
    assert host.ask(V6) == two.NEAR["v6"]


def test_address_that_comes_later(host):
    """As on the machine that waits to take over another's address."""
    host.tell_who(PORT)
    host.guard('service "web" { listen = { "192.0.2.77:80" } '
               'backend "web" { to = "127.0.0.1:80" client_address = none } }')
    assert "192.0.2.77 is no address of this host yet" in host.guard_log()
    host.ip("addr", "add", "192.0.2.77/32", "dev", "eth0")
    connection = host.client.socket(V4)
    connection.connect(("192.0.2.77", PORT))
    assert w.receive_all(connection) == b"127.0.0.1"


def test_gateway_that_is_named(host, family):
    """Another than the kernel's."""
    host.far_addresses()
    host.ip("route", "del", "default")
    host.ip("-6", "route", "del", "default")
    guarded(host, uplink='gateway = { "192.0.2.2", "2001:db8:1::2" }')
    assert host.ask(family, source=two.FAR[family.name]) == "127.0.0.1"
    assert "default route" not in host.guard_log()


def test_gateway_that_changes(host, family):
    """Connections go on by the new one."""
    host.far_addresses()
    host.client.sysctl("net/ipv4/conf/eth0/promote_secondaries", 1)
    for address in ("192.0.2.3/24", "2001:db8:1::3/64"):
        host.client.ip("addr", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []))
    echo_server(host)
    host.guard(service())
    connection = host.client.socket(family)
    connection.bind((two.FAR[family.name], 0))
    connection.connect((two.host_address(family), PORT))
    assert echoes(connection)
    host.ip("route", "replace", "default", "via", "192.0.2.3")
    host.ip("-6", "route", "replace", "default", "via", "2001:db8:1::3")
    w.until(lambda: "other routes" in host.guard_log(), "it is seen")
    assert echoes(connection, w.noise(100_000))
    gone = "192.0.2.2/24" if family is V4 else "2001:db8:1::2/64"
    host.client.ip("addr", "del", gone, "dev", "eth0")
    host.client.ip("neigh", "flush", "all")
    assert echoes(connection, w.noise(100_000))


def test_missing_default_route_is_told(host, family):
    host.ip("route", "del", "default")
    host.ip("-6", "route", "del", "default")
    guarded(host)
    assert host.guard_log().count("default route leads out of eth0") == 2
    assert host.ask(family) == "127.0.0.1"


def test_interface_that_is_a_bridge(host, family):
    """The bridge has the addresses: it is the uplink, not its port."""
    host.tell_who(PORT)
    two.bridge(host)
    path = host.config(service())
    path.write_text(path.read_text().replace('uplink "eth0"', 'uplink "br0"'))
    host.start_guard(path)
    assert host.ask(family) == "127.0.0.1"


# ---- without the guard ----

def test_killed_guard_leaves_clients_to_the_server(host, family):
    guard = guarded(host)
    assert host.ask(family) == "127.0.0.1"
    host.stop(guard, signal.SIGKILL)
    w.until(lambda: "handfast" not in host.tables(), "the table is gone")
    assert host.ask(family) == two.NEAR[family.name]


def test_ended_guard_leaves_clients_to_the_server(host, family):
    guard = guarded(host)
    assert host.stop(guard) == 0
    assert "handfast" not in host.tables() and not host.has_tap()
    assert host.ask(family) == two.NEAR[family.name]


def test_dropping_when_stopped(host, family):
    host.tell_who(OTHER)
    guard = guarded(host, uplink="when_stopped = drop")
    assert host.ask(family) == "127.0.0.1"
    host.stop(guard, signal.SIGKILL)
    w.until(lambda: not host.has_tap(), "the TAP is gone")
    assert host.ask(family, seconds=0.5) is None
    assert host.ask(family, OTHER) == two.NEAR[family.name]
    guard = host.guard(service(), uplink="when_stopped = drop")
    assert host.ask(family) == "127.0.0.1"
    host.stop(guard)
    assert host.ask(family, seconds=0.5) is None
    code, _, err = host.handfast("guard", "--net", "down", host.directory / "guard.conf")
    assert code == 0, err
    assert host.ask(family) == two.NEAR[family.name]


def test_passing_replaces_dropping_at_the_next_start(host):
    host.stop(guarded(host, uplink="when_stopped = drop"), signal.SIGKILL)
    guard = host.guard(service())
    assert "stopped" not in host.tables()
    host.stop(guard)
    assert host.ask(V4) == two.NEAR["v4"]


# ---- reload ----

def test_reload_changes_the_ports(host, family):
    host.tell_who(OTHER)
    guard = guarded(host)
    host.config(service("other", OTHER))
    guard.send_signal(signal.SIGHUP)
    w.until(lambda: host.ask(family, OTHER) == "127.0.0.1", "the new port is served")
    w.until(lambda: host.ask(family) == two.NEAR[family.name], "the old one is the server's again")
    assert host.stats() is not None


def echo(connection):
    while data := connection.recv(1 << 20):
        connection.sendall(data)


def echoes(connection, data=b"still there?"):
    connection.sendall(data)
    return w.receive(connection, len(data)) == data


def echo_server(host, port=PORT, address="::"):
    host.serve(host.listen(V4 if "." in address else V6, port, address), echo)


def open_echo(host, family, port=PORT):
    made = host.client.socket(family)
    made.connect((two.host_address(family), port))
    assert echoes(made)
    return made


def test_connections_outlive_a_reload_that_gives_up_their_port(host, family):
    host.tell_who(OTHER)
    echo_server(host)
    guard = host.guard(service())
    old = open_echo(host, family)
    host.config(service("other", OTHER))
    guard.send_signal(signal.SIGHUP)
    w.until(lambda: host.ask(family, OTHER) == "127.0.0.1", "the new port is served")
    assert echoes(old), "it is the guard's still"
    done = host.stats()["counters"]["handshake_done"]
    new = open_echo(host, family)
    assert host.stats()["counters"]["handshake_done"] == done, "a new one is the server's"
    assert echoes(old) and echoes(new)


def test_connections_of_the_server_outlive_the_guards_start(host, family):
    echo_server(host)
    before = open_echo(host, family)
    host.guard(service())
    assert echoes(before), "it stays with the server"
    assert "1 connections of before" in host.guard_log()
    done = host.stats()["counters"]["handshake_done"]
    after = open_echo(host, family)
    assert host.stats()["counters"]["handshake_done"] == done + 1
    assert echoes(before, w.noise(200_000)) and echoes(after)


def test_draining_guard_sends_new_clients_to_the_server(host, family):
    echo_server(host)
    host.tell_who(OTHER)
    guard = host.guard(service() + service("who", OTHER), root="drain_timeout = 60s")
    old = open_echo(host, family)
    assert host.ask(family, OTHER) == "127.0.0.1"
    guard.send_signal(signal.SIGTERM)
    w.until(lambda: host.ask(family, OTHER) == two.NEAR[family.name], "new ones are the server's")
    assert echoes(old) and guard.poll() is None
    old.close()
    assert guard.wait(w.PATIENCE) == 0
    assert "every connection was finished" in host.guard_log()


# ---- bytes ----

@pytest.mark.parametrize("size", [100_000, 30 << 20])
def test_bytes_both_ways(host, family, size):
    echo_server(host, PORT, "127.0.0.1")
    host.guard(service())
    connection = host.client.socket(family)
    connection.settimeout(30)
    connection.connect((two.host_address(family), PORT))
    data = w.noise(size)
    thread = two.pump(connection, data, {}, "sent")
    got = hashlib.md5(w.receive_all(connection)).hexdigest()
    thread.join()
    assert got == hashlib.md5(data).hexdigest()


@pytest.mark.parametrize("direction", ["up", "down"])
def test_iperf3(host, family, direction):
    """Frames of 64 KB with partial checksums, as veth has them, through both redirections."""
    host.start("iperf3", "-s", "-p", 5201, "-B", "127.0.0.1")
    w.until(lambda: host.is_open(5201), "iperf3 listens")  # not by connecting: it takes the first for its client
    host.guard(service("iperf", 5201))
    reverse = ["-R"] if direction == "down" else []
    code, out, err = host.client.run("iperf3", "-J", "-p", 5201, "-n", "200M", "-c", two.host_address(family),
                                     *reverse, seconds=40)
    report = json.loads(out)
    assert code == 0 and "error" not in report, report.get("error", err)
    assert report["end"]["sum_received"]["bytes"] >= 180 << 20
    print(direction, family.name, round(report["end"]["sum_received"]["bits_per_second"] / 1e9, 2), "Gbit/s")


@pytest.mark.parametrize("device", ["host", "client"])
def test_without_offloads(host, family, device):
    """Complete checksums and small frames, as a wire has them."""
    target = host if device == "host" else host.client
    for what in ("tx", "tso", "gso", "gro"):
        target.run("ethtool", "-K", "eth0", what, "off")
    test_bytes_both_ways(host, family, 5 << 20)


def through_a_narrow_hop(host, mtu):
    """The client behind a router whose wire to it is narrower than either end knows."""
    router, client = host.client, w.World()
    anchor = client.start("sleep", "1000")
    router.ip("link", "add", "eth1", "type", "veth", "peer", "name", "eth0", "netns", str(anchor.pid))
    router.ip("addr", "add", "203.0.113.1/24", "dev", "eth1")
    router.ip("addr", "add", "2001:db8:9::1/64", "dev", "eth1", "nodad")
    router.ip("link", "set", "eth1", "mtu", str(mtu), "up")
    router.sysctl("net/ipv4/ip_forward", 1)
    router.sysctl("net/ipv6/conf/all/forwarding", 1)
    client.ip("addr", "add", "203.0.113.2/24", "dev", "eth0")
    client.ip("addr", "add", "2001:db8:9::2/64", "dev", "eth0", "nodad")
    client.ip("link", "set", "eth0", "up")
    client.ip("route", "add", "default", "via", "203.0.113.1")
    client.ip("-6", "route", "add", "default", "via", "2001:db8:9::1")
    return client


# [R8201-IOP]
def test_path_mtu_is_learned(host, family):
    """The router's "too big" quotes our port: it is for the guard. [RFC 1191; RFC 8201]"""
    data = w.noise(3 << 20)
    host.serve(host.listen(V4, PORT, "127.0.0.1"), lambda connection: connection.sendall(data))
    client = through_a_narrow_hop(host, 1400)
    try:
        host.guard(service())
        before = host.stats()["counters"]["icmp_in"]
        connection = client.socket(family)
        connection.connect((two.host_address(family), PORT))
        assert w.digest(w.receive_all(connection)) == w.digest(data)
        assert host.stats()["counters"]["icmp_in"] > before
    finally:
        client.end()


def test_fragments_reach_the_guard(host):
    """Segments that a router cut: the first fragment says the port, the others do not."""
    got = {}

    def take(connection):
        got["data"] = w.receive_all(connection)
        connection.sendall(b"done")

    host.serve(host.listen(V4, PORT, "127.0.0.1"), take)
    client = through_a_narrow_hop(host, 1500)
    host.client.ip("link", "set", "eth0", "mtu", "1000")
    try:
        host.guard(service())
        connection = client.socket(V4)
        connection.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER, IP_PMTUDISC_DONT
        connection.connect((two.host_address(V4), PORT))
        data = w.noise(200_000)
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        assert w.receive_all(connection) == b"done"
        assert w.digest(got["data"]) == w.digest(data)
        assert host.stats()["counters"]["ip_reassembled"] > 0
    finally:
        client.end()


# ---- transparent backends ----

@pytest.mark.parametrize("target", ["127.0.0.1", "::1"])
def test_servers_see_the_clients_own_address(host, target):
    family = V4 if target == "127.0.0.1" else V6
    host.far_addresses()
    host.tell_who(8080, target)
    host.guard(service(to=family.endpoint(8080, target), families=(family,), client_address="transparent"))
    assert host.ask(family) == two.NEAR[family.name]
    assert host.ask(family, source=two.FAR[family.name]) == two.FAR[family.name]
    rules = host.run("ip", "-4" if family is V4 else "-6", "rule", "show")[1].decode()
    assert f"from {target} iif lo ipproto tcp sport 8080" in rules


def test_nginx_logs_the_clients_own_address(host):
    host.far_addresses()
    root = host.nginx_with_log()
    data = w.noise(5 << 20)
    (root / "data").write_bytes(data)
    host.guard(service(to="127.0.0.1:8080", families=(V4,), client_address="transparent"))
    code, out, err = host.client.run("curl", "-sSf", "--interface", two.FAR["v4"], "http://192.0.2.1/data")
    assert code == 0, err
    assert w.digest(out) == w.digest(data)
    w.until(lambda: (host.directory / "access.log").read_text().startswith(two.FAR["v4"]), "nginx has logged the client")


def test_rules_of_transparent_backends_end_with_the_guard(host):
    host.tell_who(8080, "127.0.0.1")
    services = service(to="127.0.0.1:8080", families=(V4,), client_address="transparent")
    before = host.run("ip", "rule", "show")[1]
    guard = host.guard(services)
    assert host.run("ip", "rule", "show")[1] != before
    host.stop(guard)
    assert host.run("ip", "rule", "show")[1] == before
    host.stop(host.guard(services), signal.SIGKILL)
    assert host.run("ip", "rule", "show")[1] != before
    host.tell_who(8081, "127.0.0.1")
    guard = host.guard(service(to="127.0.0.1:8081", families=(V4,), client_address="transparent"))
    rules = host.run("ip", "rule", "show")[1]
    assert b"sport 8081" in rules and b"sport 8080" not in rules, "what a dead guard left is replaced"
    assert host.ask(V4) == two.NEAR["v4"]
    host.stop(guard)
    assert host.run("ip", "rule", "show")[1] == before


# ---- what goes wrong ----

def test_interface_that_goes_and_comes_back(host, family):
    guard = guarded(host)
    assert host.ask(family) == "127.0.0.1"
    host.ip("link", "del", "eth0")
    w.until(lambda: "eth0 was removed" in host.guard_log(), "it is said")
    assert guard.poll() is None
    host.wire()
    w.until(lambda: "eth0 is back" in host.guard_log(), "it is said")
    assert w.until(lambda: host.ask(family, seconds=2), "served again") == "127.0.0.1"
    assert host.stats() is not None


def test_tap_that_somebody_removes(host, family):
    guard = guarded(host)
    host.ip("link", "del", "hf-eth0")
    w.until(lambda: "was made again" in host.guard_log(), "it is said")
    assert host.ask(family) == "127.0.0.1"
    assert guard.poll() is None


def refused(host, text=None, **keys):
    path = text or host.config(service(), **keys)
    code, _, err = host.run(w.HANDFAST, "guard", path)
    assert code == 1, err
    assert len(err.splitlines()) == 1, err
    return err


def test_second_guard_of_an_interface(host):
    guarded(host)
    path = host.config(service(), name="second.conf")
    path.write_text(path.read_text().replace(f"{host.name}.sock", "second.sock"))
    assert "hf-eth0" in refused(host, path) and host.ask(V4) == "127.0.0.1"
    path.write_text(path.read_text().replace("mode = port", 'mode = port tap = "hf-second"'))
    assert "one guard an interface" in refused(host, path) and host.ask(V4) == "127.0.0.1"


def test_second_guard_takes_nothing_from_the_first(host):
    """Its start fails, and the rules by which the first one's servers answer stay."""
    host.tell_who(8080, "127.0.0.1")
    services = service(to="127.0.0.1:8080", families=(V4,), client_address="transparent")
    host.guard(services)
    rules = host.run("ip", "rule", "show")[1]
    path = host.config(services, name="second.conf")
    mine = path.read_text().replace(f"{host.name}.sock", "second.sock")
    for second in (mine, mine.replace("mode = port", 'mode = port tap = "hf-second"')):
        path.write_text(second)
        refused(host, path)
        assert host.run("ip", "rule", "show")[1] == rules
        assert host.ask(V4) == two.NEAR["v4"]


def test_interface_that_is_not_there(host):
    path = host.config(service())
    path.write_text(path.read_text().replace('uplink "eth0"', 'uplink "eth7"'))
    assert '"eth7": there is no interface of this name' in refused(host, path)


def test_interface_without_link_addresses(host):
    path = host.config(service())
    path.write_text(path.read_text().replace('uplink "eth0"', 'uplink "lo"'))
    assert '"lo": the loopback interface' in refused(host, path)


def test_tap_that_is_something_else(host):
    host.ip("link", "add", "hf-eth0", "type", "veth", "peer", "name", "other")
    assert "no TAP" in refused(host)


def test_without_permission(host):
    path = host.config(service())
    code, _, err = host.run("setpriv", "--bounding-set=-all", "--inh-caps=-all", w.HANDFAST, "guard", path)
    assert code == 1 and "ermi" in err and len(err.splitlines()) == 1, err


# ---- handfast guard --net ----

def net(host, verb):
    code, out, err = host.handfast("guard", "--net", verb, host.directory / "guard.conf")
    assert code == 0, err
    return out.decode()


def test_shown_commands_do_it(host, family):
    """A shell that runs what --net show prints makes the same redirection, without `flags owner`."""
    host.config(service(to="127.0.0.1:80", client_address="transparent"), uplink="when_stopped = drop")
    shown = net(host, "show")
    code, _, err = host.run("sh", "-e", "-c", shown)
    assert code == 0, err
    assert host.has_tap()
    assert "handfast-eth0" in host.tables() and "handfast-eth0-stopped" in host.tables()
    _, out, _ = host.run("ip", "rule", "show")
    assert b"sport 80" in out


def test_guard_replaces_what_an_operator_typed(host):
    host.tell_who(PORT)
    host.config(service())
    shown = net(host, "show")
    code, _, err = host.run("sh", "-e", "-c", shown)
    assert code == 0, err
    guard = host.guard(service())
    assert host.ask(V4) == "127.0.0.1"
    assert "flags owner" in host.run("nft", "list", "ruleset")[1].decode()
    host.stop(guard)
    assert host.ask(V4) == two.NEAR["v4"]


def test_up_and_down(host, family):
    before = host.run("ip", "-j", "link")[1], host.run("ip", "rule")[1], host.tables()
    host.tell_who(PORT)
    host.config(service(client_address="transparent", families=(V4,)), uplink="when_stopped = drop")
    net(host, "up")
    net(host, "up")
    assert host.has_tap() and "handfast-eth0-stopped" in host.tables()
    assert host.ask(V4, seconds=0.5) is None
    guard = host.guard(service(client_address="transparent", families=(V4,)), uplink="when_stopped = drop")
    assert host.ask(V4) == two.NEAR["v4"] and host.heard
    code, _, err = host.handfast("guard", "--net", "down", host.directory / "guard.conf")
    assert code == 1 and "held by a guard" in err
    host.stop(guard)
    assert host.has_tap() and b"sport 80" in host.run("ip", "rule")[1]
    net(host, "down")
    net(host, "down")
    after = host.run("ip", "-j", "link")[1], host.run("ip", "rule")[1], host.tables()
    names = [[link["ifname"] for link in json.loads(links)] for links in (before[0], after[0])]
    assert names[0] == names[1] and before[1:] == after[1:]


# ---- all of it under load ----

def test_reloads_lose_no_byte(host, family):
    """The table is replaced fifty times while bytes run both ways; a port comes and goes."""
    echo_server(host, PORT, "127.0.0.1")
    host.tell_who(OTHER)
    guard = host.guard(service())
    connection = host.client.socket(family)
    connection.settimeout(30)
    connection.connect((two.host_address(family), PORT))
    data, got, stop = w.noise(1 << 20), hashlib.md5(), threading.Event()
    sent = hashlib.md5()

    def send():
        while not stop.is_set():
            connection.sendall(data)
            sent.update(data)
        connection.shutdown(socket.SHUT_WR)

    def take():
        while part := connection.recv(1 << 20):
            got.update(part)

    threads = [threading.Thread(target=run, daemon=True) for run in (send, take)]
    for thread in threads:
        thread.start()
    for turn in range(50):
        host.config(service() + (service("other", OTHER) if turn % 2 == 0 else ""))
        code, _, err = host.handfast("-i", host.name, "reload")
        assert code == 0, err
        assert host.ask(family, OTHER) == ("127.0.0.1" if turn % 2 == 0 else two.NEAR[family.name])
    stop.set()
    for thread in threads:
        thread.join(30)
    assert got.hexdigest() == sent.hexdigest() and guard.poll() is None
    assert host.stats()["counters"]["handshake_done"] == 1 + 25


def test_killed_and_started_again(host, family):
    """Clients are served all the time, and only what the killed guard had is lost."""
    echo_server(host)
    guard = host.guard(service())
    lost = open_echo(host, family)
    host.stop(guard, signal.SIGKILL)
    w.until(lambda: "handfast" not in host.tables(), "the table is gone")
    meanwhile = open_echo(host, family)
    host.guard(service())
    assert echoes(meanwhile), "it stays with the server"
    after = open_echo(host, family)
    assert host.stats()["counters"]["handshake_done"] == 1
    assert echoes(after) and echoes(meanwhile)
    with pytest.raises((OSError, AssertionError)):
        echoes(lost)
