"""mode = address: a bridge's port, an interface that outlives its guard, and what an operator makes by hand."""

import json
import os
import signal
import socket

import pytest

import kernel
import two_hosts as two
import world as w
from world import V4, V6

TAP = "hf0"


@pytest.fixture
def host():
    with two.two_hosts() as made:
        yield made


def write(host, uplink, port=80):
    path = host.directory / "guard.conf"
    path.write_text(f'''
control = "/run/handfast/{host.name}.sock"
user = "nobody"
uplink "{TAP}" {{
    mode = address
    addresses = {{ "192.0.2.10/24", "2001:db8:1::10/64" }}
    {uplink}
}}
service "web" {{
    listen = {{ "192.0.2.10:{port}", "[2001:db8:1::10]:{port}" }}
    backend "web" {{ to = "127.0.0.1:{port}" client_address = none }}
}}
''')
    return path


def ask(world, family, port=80):
    """What the server tells a client of this world; None if nobody answers."""
    with kernel.inside(world.namespace):
        made = socket.socket(family.number)
    with made:
        made.settimeout(w.PATIENCE)
        try:
            made.connect((family.guard, port))
            return w.receive_all(made).decode()
        except OSError:
            return None


def interfaces(host):
    return {link["ifname"]: link for link in json.loads(host.run("ip", "-j", "link")[1])}


def test_port_of_a_bridge(host, family):
    two.bridge(host)
    host.tell_who(80)
    host.start_guard(write(host, 'bridge = "br0"'))
    assert ask(host.client, family) == "127.0.0.1", "a neighbour of the bridge"
    assert ask(host, family) == "127.0.0.1", "the host itself"
    assert interfaces(host)[TAP]["master"] == "br0"


def test_bridge_that_is_not_there(host):
    code, _, err = host.run(w.HANDFAST, "guard", write(host, 'bridge = "br7"'))
    assert code == 1 and 'there is no bridge "br7"' in err and len(err.splitlines()) == 1, err
    assert TAP not in interfaces(host)


ROUTED = 'host_address = { "192.0.2.9/24", "2001:db8:1::9/64" }'


def unplug(host):
    """The networks are the TAP's alone."""
    host.ip("link", "del", "eth0")


@pytest.fixture
def open_tun():
    """/dev/net/tun as distributions have it, for everybody, within this process's own mounts."""
    if os.stat("/dev/net/tun").st_mode & 0o6 != 0o6:
        os.mknod("/run/tun", 0o20666, os.makedev(10, 200))
        os.chmod("/run/tun", 0o666)
        kernel.bind("/run/tun", "/dev/net/tun")


def test_guard_without_privileges_on_a_prepared_interface(host, family, open_tun):
    unplug(host)
    host.tell_who(80)
    path = write(host, ROUTED)
    code, _, err = host.handfast("guard", "--net", "up", path)
    assert code == 0, err
    before = interfaces(host)[TAP]["ifindex"]
    for turn in range(2):
        path.write_text(path.read_text().replace('user = "nobody"', 'user = ""'))
        path.chmod(0o644)
        (host.directory / "sock").mkdir(exist_ok=True)
        (host.directory / "sock").chmod(0o777)
        path.write_text(path.read_text().replace("/run/handfast", str(host.directory / "sock")))
        log = open(host.directory / "guard.log", "wb")
        guard = host.start("setpriv", "--reuid=nobody", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all",
                           w.HANDFAST, "guard", path, stdout=log, stderr=log)
        log.close()
        w.until(lambda: guard.poll() is not None or "serving" in host.guard_log(), "the guard serves")
        assert guard.poll() is None, host.guard_log()
        assert ask(host, family) == "127.0.0.1"
        assert host.stop(guard, signal.SIGKILL if turn else signal.SIGTERM) in (0, -9)
        assert interfaces(host)[TAP]["ifindex"] == before
    code, _, err = host.handfast("guard", "--net", "down", path)
    assert code == 0, err
    assert TAP not in interfaces(host)


def test_shown_commands_do_it(host, family):
    unplug(host)
    host.tell_who(80)
    path = write(host, ROUTED)
    code, out, err = host.handfast("guard", "--net", "show", path)
    assert code == 0, err
    code, _, err = host.run("sh", "-e", "-c", out.decode())
    assert code == 0, err
    host.start_guard(path)
    assert ask(host, family) == "127.0.0.1"


def test_interface_that_somebody_removes(host, family):
    """The guard's user may not make interfaces any more: it says so, and goes on once somebody has."""
    unplug(host)
    host.tell_who(80)
    path = write(host, ROUTED)
    guard = host.start_guard(path)
    assert ask(host, family) == "127.0.0.1"
    host.ip("link", "del", TAP)
    w.until(lambda: "cannot be made again" in host.guard_log(), "it is said")
    assert guard.poll() is None and host.stats() is not None
    shown = host.handfast("guard", "--net", "show", path)[1].decode()
    code, _, err = host.run("sh", "-e", "-c", shown)
    assert code == 0, err
    w.until(lambda: "was made again" in host.guard_log(), "it is said")
    assert ask(host, family) == "127.0.0.1"
