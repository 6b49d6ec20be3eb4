"""What cannot work gets one clear message: configuration, permission, devices, addresses, nonsense frames."""

import json
import random
import re
import socket

import pytest

import kernel
import world as w
from world import V4, V6, service

GOOD = service("web", 80, "127.0.0.1:8080")


def one_message(err):
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    return lines[0]


# ---- configuration ----

@pytest.mark.parametrize("services, root, uplink, line, words", [
    (GOOD, "nonsense = 1", "", 3, "nonsense"),
    (GOOD, 'control = "/run/x"', "", 3, "control"),
    (GOOD, "drain_timeout = 5", "", 3, "drain_timeout"),
    (GOOD, "drain_timeout = soon", "", 3, "soon"),
    (GOOD, "", "mtu = 100", 7, "100"),
    (GOOD, "", "mtu = x", 7, "x"),
    (GOOD, "", 'gateway = { "198.51.100.1" }', 7, "198.51.100.1"),
    (GOOD, "", "mode = bridge", 7, "bridge"),
    (service("web", 0, "127.0.0.1:8080"), "", "", 10, ":0"),
    (service("web", 80, "127.0.0.1"), "", "", 11, "127.0.0.1"),
    (service("web", 80, "127.0.0.1:8080", on_timeout="wait"), "", "", 12, "wait"),
    (service("web", 80, "127.0.0.1:8080", client_address="always"), "", "", 11, "always"),
    (GOOD + GOOD, "", "", 14, "second"),
    (GOOD + GOOD.replace('"web"', '"other"'), "", "", 15, "again"),
])
def test_bad_configuration(world, services, root, uplink, line, words):
    path = world.config(services, root, uplink)
    for option in (["--check"], []):
        code, out, err = world.handfast("guard", *option, path)
        assert code in (1, 2) and out == b""
        message = one_message(err)
        assert message.startswith(f"{path}:"), message
        assert words in message and "accepted" in message, message
        if line:
            assert message.startswith(f"{path}:{line}:"), message


@pytest.mark.parametrize("key, root, keys", [
    ("cookie_key_file", 'cookie_key_file = "/nowhere/x"', {}),
    ("deny_files", 'filter { deny_files = { "/nowhere/x" } }', {}),
    ("rules", 'filter { rules = "/nowhere/x" }', {}),
    ("key_file", "", {"key_file": '"/nowhere/x"'}),
    ("include", 'include("/nowhere/x")', {}),
])
def test_a_file_that_is_not_there(world, key, root, keys):
    """The check finds it too, and names the line of the configuration that names it."""
    path = world.config(service("web", 80, "127.0.0.1:8080", **keys), root)
    for option in (["--check"], []):
        code, _, err = world.handfast("guard", *option, path)
        message = one_message(err).removeprefix("handfast guard: ")
        assert code == 1 and re.match(rf"{re.escape(str(path))}:\d+: .*/nowhere/x.*No such file.*accepted", message)


def test_a_rule_that_is_never_reached_is_no_mistake(world):
    (world.directory / "rules").write_text("deny in from 192.0.2.0/24\ndeny in from 192.0.2.0/25\n")
    path = world.config(GOOD, f'filter {{ rules = "{world.directory}/rules" }}')
    code, out, err = world.handfast("guard", "--check", path)
    assert code == 0 and b"ok" in out and f"{world.directory}/rules:2" in one_message(err)


def test_a_line_of_a_list(world):
    """The line is that of the list, and who names the list is said behind it."""
    (world.directory / "deny").write_text("192.0.2.0/24\nsomebody\n")
    path = world.config(GOOD, f'filter {{ deny_files = {{ "{world.directory}/deny" }} }}')
    code, _, err = world.handfast("guard", "--check", path)
    assert code == 1 and one_message(err).startswith(f"{world.directory}/deny:2: ")
    assert one_message(err).endswith(f"(it is named in {path}:3)")


@pytest.mark.parametrize("what", ["guard.conf", "deny"])
def test_what_only_root_may_read(world, what):
    """The guard becomes its user, who reads everything again with each reload: root's check is his."""
    world.directory.chmod(0o755)
    (world.directory / "deny").write_text("192.0.2.0/24\n")
    path = world.config(GOOD, f'user = "nobody"\nfilter {{ deny_files = {{ "{world.directory}/deny" }} }}')
    assert world.handfast("guard", "--check", path)[0] == 0
    (world.directory / what).chmod(0o600)
    code, _, err = world.handfast("guard", "--check", path)
    assert code == 1 and f"{world.directory}/{what}: Permission denied" in one_message(err)
    assert one_message(err).endswith("(read as the user nobody)")
    assert world.handfast("guard", "--dump", path)[0] == 0


def test_a_user_that_is_not_there(world):
    path = world.config(GOOD, 'user = "nosuchuser"')
    code, _, err = world.handfast("guard", "--check", path)
    assert code == 1 and one_message(err).startswith(f'{path}:3: user = "nosuchuser", accepted is')


def test_configuration_for_machines(world):
    path = world.config(service("web", 80, "127.0.0.1:8080", max_connections=20000, idle_timeout="90s"))
    code, out, err = world.handfast("guard", "--dump", "--json", path)
    dumped = json.loads(out)
    assert (code, err) == (0, "") and dumped["limits"]["max_connections"] == 20000
    assert dumped["uplink"]["name"] == w.TAP and dumped["services"][0]["backends"][0]["to"] == "127.0.0.1:8080"
    assert dumped["services"][0]["idle_timeout"] == "90s" and dumped["limits"]["receive_buffer"] == 262144
    code, out, _ = world.handfast("guard", "--check", "--json", path)
    assert code == 0 and json.loads(out) == {"file": str(path), "ok": True, "services": 1}
    code, out, _ = world.handfast("guard", "--net", "show", path, "--json")
    assert code == 0 and any(line.startswith("ip ") for line in json.loads(out)["commands"])
    path.write_text("frog = 1\n")
    code, out, err = world.handfast("guard", "--check", "--json", path)
    assert code == 1 and err == "" and json.loads(out)["error"].startswith(f"{path}:1: \"frog\"")
    assert world.handfast("guard", "--json", path)[0] == 2


def test_the_standard_output_is_full(world):
    path = world.config(GOOD)
    code, _, err = world.run("sh", "-c", '"$@" >/dev/full', "sh", w.HANDFAST, "guard", "--dump", path)
    assert code == 1 and "No space left on device" in one_message(err)
    code, _, err = world.run("sh", "-c", '"$@" | true', "sh", w.HANDFAST, "guard", "--dump", path)
    assert (code, err) == (0, "")


def test_good_configuration(world):
    path = world.config(GOOD)
    code, out, err = world.handfast("guard", "--check", path)
    assert (code, err) == (0, "") and b"ok" in out
    code, dumped, err = world.handfast("guard", "--dump", path)
    assert (code, err) == (0, "")
    path.write_bytes(dumped)
    assert world.handfast("guard", "--dump", path)[1] == dumped


def test_missing_file(world):
    code, _, err = world.handfast("guard", "/run/none.conf")
    assert code in (1, 2)
    assert "/run/none.conf" in one_message(err)


# ---- devices and permission ----

NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all", "--inh-caps", "-all"]


def test_no_permission(world):
    (world.directory / "open").mkdir()
    world.directory.chmod(0o755)
    path = world.config(GOOD, name="open/guard.conf")
    path.write_text(path.read_text().replace(f'control = "/run/handfast/{world.name}.sock"', 'control = ""'))
    for command in (["guard", path], ["nc", "-i", w.TAP, "-a", "192.0.2.10/24", "-l", "7"]):
        code, _, err = world.run(*NOBODY, w.HANDFAST, *command)
        assert code == 1
        message = one_message(err)
        assert "permi" in message or "CAP_NET_ADMIN" in message, message


def test_no_tun_device(world):
    code, _, err = world.run("unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev/net && exec \"$@\"", "sh",
                             w.HANDFAST, "guard", world.config(GOOD, root="", name="none.conf"))
    assert code == 1
    assert "/dev/net/tun" in one_message(err) or "TUN" in err


def test_tap_is_busy(world):
    world.make_tap()
    world.nc_listen(V4, 7)
    code, _, err = world.handfast("nc", "-i", w.TAP, "-a", "192.0.2.11/24", "-l", "7")
    assert code == 1
    assert w.TAP in one_message(err) and ("use" in err or "busy" in err)


def test_interface_that_is_no_tap(world):
    world.ip("link", "add", w.TAP, "type", "veth", "peer", "name", "other")
    code, _, err = world.handfast("nc", "-i", w.TAP, "-a", "192.0.2.11/24", "-l", "7")
    assert code in (1, 2)
    assert w.TAP in err


def test_control_socket_in_use(world):
    world.guard(GOOD)
    code, _, err = world.handfast("guard", world.config(GOOD, name="second.conf"))
    assert code == 1
    assert f"{world.name}.sock" in one_message(err)


def test_control_path_is_taken(world):
    """By a file: it stays, and the message says what is wrong."""
    taken = world.directory / "taken"
    taken.write_text("precious")
    path = world.config(GOOD)
    path.write_text(path.read_text().replace(f"/run/handfast/{world.name}.sock", str(taken)))
    code, _, err = world.handfast("guard", path)
    assert code == 1 and "no socket" in one_message(err) and taken.read_text() == "precious"


def test_host_address_in_use(world):
    """The kernel's end has the guard's own address: refused before anything is opened."""
    path = world.config(GOOD)
    path.write_text(path.read_text().replace('host_address = { "192.0.2.1/24"', 'host_address = { "192.0.2.10/24"'))
    code, _, err = world.handfast("guard", path)
    assert code in (1, 2)
    assert "192.0.2.10" in one_message(err)
    assert not world.has_interface()


# ---- nonsense on the wire ----

def frames(random_):
    """Frames of every kind of nonsense, most of them near to something true."""
    ethernet = b"\xff" * 6 + b"\x02\0\0\0\0\1"
    for _ in range(1000):
        kind = random_.choice([b"\x08\x00", b"\x86\xdd", b"\x08\x06", random_.randbytes(2)])
        body = bytearray(random_.randbytes(random_.choice([0, 1, 19, 20, 39, 40, 54, 60, 100, 1400])))
        if kind == b"\x08\x00" and len(body) >= 20:
            body[0] = random_.choice([0x45, 0x45, 0x4F, 0x40])
            body[9] = random_.choice([6, 1, 17])
            body[16:20] = socket.inet_aton(V4.guard)
        if kind == b"\x86\xdd" and len(body) >= 40:
            body[0] = 0x60
            body[6] = random_.choice([6, 58, 0, 43, 44, 60])
            body[24:40] = socket.inet_pton(socket.AF_INET6, V6.guard)
        yield ethernet + kind + bytes(body)


def test_nonsense_frames_are_counted_and_harmless(world):
    world.nginx()
    process = world.guard(service("web", 80, "127.0.0.1:8080"))
    before = world.stats()["counters"]["frames_in"]
    with kernel.inside(world.namespace), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((w.TAP, 0))
        sent = 0
        for frame in frames(random.Random(20)):
            try:
                raw.send(frame)
                sent += 1
            except OSError:
                pass  # the kernel's own limits
    w.until(lambda: world.stats()["counters"]["frames_in"] >= before + sent // 2, "frames arrive")

    def refused():
        counters = world.stats()["counters"]
        return sum(counters[name] for name in ("ip_truncated", "ip_bad_header", "ip_bad_checksum", "frame_foreign",
                                               "arp_malformed", "ip_bad_extension", "ip_bad_source",
                                               "ip_source_unspecified", "ip_source_multicast", "ip_source_broadcast"))

    w.until(lambda: refused() > 100, "they are counted")
    assert world.run("curl", "-sg", "-o", "/dev/null", V4.url("/"))[0] == 0
    assert world.stop(process) == 0
