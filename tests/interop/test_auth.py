"""Signed segments against the Linux kernel (TCP_MD5SIG) and a BGP daemon. [RFC 2385 2.0; R2385-IOP; R2385-03; R9235-06; R5926-07]"""

import json
import socket
import struct
import subprocess

import pytest

import kernel
import test_nc
import world as w

TCP_MD5SIG = 14
SECRET = "between the two of us"


def sockaddr(family, address, port=0):
    number = socket.inet_pton(family.number, address)
    if family.name == "v4":
        data = struct.pack("=HH4s", socket.AF_INET, socket.htons(port), number)
    else:
        data = struct.pack("=HHI16sI", socket.AF_INET6, socket.htons(port), 0, number, 0)
    return data.ljust(128, b"\0")


def sign(made, family, secret=SECRET, peer=None):
    """The kernel signs what it sends to our stack, and believes nothing else from it."""
    key = secret.encode()
    made.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG,
                    sockaddr(family, peer or family.guard) + struct.pack("=BBHi80s", 0, 0, len(key), 0, key))


def key_file(world, *lines, name="keys", mode=0o600):
    path = world.directory / name
    path.write_text("# one key a line\n" + "\n".join(lines) + "\n")
    path.chmod(mode)
    return path


def md5_line(peer, secret=SECRET):
    return f'peer {peer} algorithm md5 secret "{secret}"'


def signed_client(world, family, keys):
    listener = world.listen(family, 7)
    sign(listener, family)
    process = world.nc(family, "--keys", keys, family.host, 7)
    return process, world.accept(listener)


def signed_server(world, family, keys):
    process = world.nc(family, "--keys", keys, "-l", 7)
    w.read_until(process.stderr, b"listening")
    made = world.socket(family)
    sign(made, family)
    made.connect((family.guard, 7))
    return process, made


ROLES = {"client": signed_client, "server": signed_server}


@pytest.fixture(params=ROLES)
def signed_role(request):
    return ROLES[request.param]


# ---- the kernel ----

def test_md5_with_the_kernel_both_ways(world, family, signed_role):
    world.make_tap()
    process, connection = signed_role(world, family, key_file(world, md5_line(family.host)))
    test_nc.assert_exchange(process, connection, 1 << 20)


def test_md5_with_the_longest_key(world):
    world.make_tap()
    secret = "k" * 80
    keys = key_file(world, md5_line(w.V4.host, secret))
    listener = world.listen(w.V4, 7)
    sign(listener, w.V4, secret)
    process = world.nc(w.V4, "--keys", keys, w.V4.host, 7)
    test_nc.assert_exchange(process, world.accept(listener), 1 << 16)


def test_another_secret_meets_silence_at_the_kernel(world, family):
    world.make_tap()
    listener = world.listen(family, 7)
    sign(listener, family)
    process = world.nc(family, "-w", 2, "--keys", key_file(world, md5_line(family.host, "another")),
                       family.host, 7)
    assert process.wait(w.PATIENCE) == 1
    assert b"timed out" in process.stderr.read()


# ---- a guard ----

def echo(connection):
    while part := connection.recv(1 << 16):
        connection.sendall(part)


def serve_echo(world, port=8080):
    world.serve(world.listen(w.V4, port, "127.0.0.1"), echo)


def assert_echo(connection):
    connection.sendall(b"hello")
    assert w.receive(connection, 5) == b"hello"


def signed_connection(world, family=w.V4, secret=SECRET, port=80):
    made = world.socket(family)
    sign(made, family, secret)
    made.connect((family.guard, port))
    return made


def fails_to_connect(world, family=w.V4, secret=None, port=80):
    made = world.socket(family)
    if secret:
        sign(made, family, secret)
    made.settimeout(1.2)
    with pytest.raises(TimeoutError):
        made.connect((family.guard, port))


def counted(world, name):
    """All counters, once the guard has seen what this one counts: who gave up may have done so before."""
    w.until(lambda: world.stats()["counters"][name] > 0, f"{name} counts")
    return world.stats()["counters"]


def test_who_does_not_sign_meets_silence(world, family):
    serve_echo(world)
    keys = key_file(world, md5_line(family.host))
    guard = world.guard(w.service("echo", 80, "127.0.0.1:8080", key_file=f'"{keys}"'))
    fails_to_connect(world, family)
    fails_to_connect(world, family, "another")
    counted(world, "auth_syn_missing")
    stats = counted(world, "auth_wrong")
    assert stats["syn_received"] == 0 and stats["resets_sent"] == 0
    assert_echo(signed_connection(world, family))
    assert SECRET not in world.guard_log()
    w.until(lambda: "not signed" in world.guard_log(), "it is told")
    assert world.stop(guard) == 0


def test_only_peers_with_a_key(world):
    serve_echo(world)
    keys = key_file(world, md5_line("192.0.2.77"))
    guard = world.guard(w.service("echo", 80, "127.0.0.1:8080", key_file=f'"{keys}"', require_key="yes") +
                        w.service("open", 81, "127.0.0.1:8080"))
    fails_to_connect(world)
    counted(world, "auth_syn_missing")
    assert_echo(world.connect(w.V4, 81))  # the other service asks for nothing
    assert world.stop(guard) == 0


def test_keys_change_with_a_reload(world):
    serve_echo(world)
    keys = key_file(world, md5_line(w.V4.host))
    guard = world.guard(w.service("echo", 80, "127.0.0.1:8080", key_file=f'"{keys}"'))
    before = signed_connection(world)
    assert_echo(before)
    assert b"signed md5\n" in world.handfast("-i", world.name, "connections")[1]
    key_file(world, md5_line(w.V4.host, "the next one"))
    assert world.handfast("-i", world.name, "reload")[0] == 0
    assert_echo(signed_connection(world, secret="the next one"))
    fails_to_connect(world, secret=SECRET)
    key_file(world, "peer everybody secret x")
    code, _, err = world.handfast("-i", world.name, "reload")
    assert code == 1 and "keys:2:" in err
    assert_echo(signed_connection(world, secret="the next one"))  # what is in force stays
    assert world.stop(guard) == 0


# ---- TCP-AO between two of ours: nc on a link of its own, the kernel routes ----

ALGORITHMS = ("hmac-sha-1-96", "aes-128-cmac-96", "hmac-sha-256-128")


def far_link(world):
    """Another TAP: 192.0.3.1 is the kernel, 192.0.3.10 will be nc."""
    world.ip("tuntap", "add", "dev", "hf1", "mode", "tap", "vnet_hdr")
    world.ip("addr", "add", "192.0.3.1/24", "dev", "hf1")
    world.ip("link", "set", "hf1", "up")
    world.sysctl("net/ipv4/ip_forward", 1)


def far_nc(world, *words):
    return world.start(w.HANDFAST, "nc", "-i", "hf1", "-a", "192.0.3.10/24", "-g", "192.0.3.1", *words,
                       w.V4.guard, 80, stdin=subprocess.PIPE)


def ao_line(peer, algorithm, send, receive, secret=SECRET):
    return f'peer {peer} algorithm {algorithm} send {send} receive {receive} secret "{secret}"'


def ao_guard(world, *lines):
    keys = key_file(world, *lines, name="guard.keys")
    return world.guard(w.service("echo", 80, "127.0.0.1:8080", families=(w.V4,), key_file=f'"{keys}"'),
                       uplink=f'gateway = {{ "{w.V4.host}" }}')


def reload_keys(world, *lines):
    key_file(world, *lines, name="guard.keys")
    assert world.handfast("-i", world.name, "reload")[0] == 0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_ao_through_a_guard(world, algorithm):
    """And a key that takes over under way; the guard is in its sandbox all the time."""
    first, second = ao_line("192.0.3.0/24", algorithm, 61, 84), ao_line("192.0.3.0/24", algorithm, 2, 2, "new")
    serve_echo(world)
    far_link(world)
    guard = ao_guard(world, first)
    process = far_nc(world, "--keys", key_file(world, ao_line(w.V4.guard, algorithm, 84, 61),
                                               ao_line(w.V4.guard, algorithm, 2, 2, "new")))
    text = w.noise(200000)

    def round_trip(part):
        process.stdin.write(part)
        process.stdin.flush()
        assert process.stdout.read(len(part)) == part

    def signing():
        code, out, _ = world.handfast("-i", world.name, "connections", "--json")
        [row] = json.loads(out)["connections"]
        return row["signed"]

    round_trip(b"hello")
    assert signing() == {"algorithm": algorithm, "send_id": 61, "next_id": 84, "received_id": 84,
                         "received_next_id": 2}  # the peer has the new key already and asks for it
    assert f"signed {algorithm} 61/84\n".encode() in world.handfast("-i", world.name, "connections")[1]
    reload_keys(world, first, second)
    round_trip(text[:50000])
    w.until(lambda: signing()["send_id"] == signing()["received_id"] == 2, "both have gone over to the new key")
    reload_keys(world, second)
    round_trip(text[50000:])
    process.stdin.close()
    assert process.stdout.read() == b""
    assert process.wait(w.PATIENCE) == 0
    counters = world.stats()["counters"]
    assert counters["auth_verified"] > 50 and counters["auth_wrong"] == counters["auth_no_key"] == 0
    assert world.stop(guard) == 0


def test_ao_with_another_secret_meets_silence(world):
    serve_echo(world)
    far_link(world)
    guard = ao_guard(world, ao_line("192.0.3.0/24", "hmac-sha-1-96", 61, 84))
    theirs = key_file(world, ao_line(w.V4.guard, "hmac-sha-1-96", 84, 61, "another"))
    assert far_nc(world, "-w", 2, "--keys", theirs).wait(w.PATIENCE) == 1
    assert counted(world, "auth_wrong")["resets_sent"] == 0
    assert world.stop(guard) == 0


# ---- what is wrong with a key file ----

WRONG = {
    "mode": (md5_line("192.0.2.1"), 0o640, "chmod 600"),
    "algorithm": ('peer 192.0.2.1 algorithm sha-512 send 1 receive 1 secret "x"', 0o600,
                  "hmac-sha-1-96, aes-128-cmac-96, hmac-sha-256-128 and md5"),
    "ids": ('peer 192.0.2.1 algorithm hmac-sha-1-96 secret "x"', 0o600, "without send and receive"),
    "id": ('peer 192.0.2.1 send 256 receive 1 secret "x"', 0o600, "0 to 255"),
    "published": ('peer 192.0.2.1 send 1 receive 1 secret "testvector"', 0o600, "RFC 9235"),
    "hex": ("peer 192.0.2.1 send 1 receive 1 hex 0g", 0o600, "hexadecimal"),
    "peer": ('peer 192.0.2.256 send 1 receive 1 secret "x"', 0o600, "an address, a prefix or any"),
    "quotes": ('peer 192.0.2.1 send 1 receive 1 secret "x', 0o600, "quotes"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_key_file_is_named(world, what):
    line, mode, accepted = WRONG[what]
    path = key_file(world, line, mode=mode)
    config = world.config(w.service("echo", 80, "127.0.0.1:8080", key_file=f'"{path}"'))
    code, _, err = world.handfast("guard", "--check", config)
    assert code == 1
    assert accepted in err and str(path) in err
    assert SECRET not in err


# ---- a BGP session of bird, through a guard that signs for a server which cannot ----

CLIENT = """
router id 192.0.2.1;
log "{log}" all;
protocol device {{ }}
protocol static {{ ipv4; route 198.51.100.0/24 blackhole; }}
protocol bgp peer {{
    local 192.0.2.1 as 65001;
    neighbor {guard} as 65002;
    multihop; strict bind yes; connect delay time 1; connect retry time 1; error wait time 1, 2;
    {password}
    ipv4 {{ import all; export all; }};
}}
"""

SERVER = """
router id 127.0.0.1;
log "{log}" all;
protocol device {{ }}
protocol bgp peer {{
    local 127.0.0.1 port 1790 as 65002;
    neighbor 127.0.0.2 as 65001;
    multihop; passive yes; strict bind yes;
    ipv4 {{ import keep filtered; import all; export all; }};
}}
"""


def bird(world, name, text, **fields):
    config, control = world.directory / f"{name}.conf", world.directory / f"{name}.ctl"
    config.write_text(text.format(log=world.directory / f"{name}.log", guard=w.V4.guard, **fields))
    world.start("bird", "-f", "-c", config, "-s", control, "-P", world.directory / f"{name}.pid")
    w.until(lambda: world.run("birdc", "-s", control, "show", "status")[0] == 0, f"bird {name} answers")
    return control


def birdc(world, control, *words):
    code, out, err = world.run("birdc", "-s", control, *words)
    assert code == 0, err
    return out.decode()


def test_bgp_session_of_bird(world):
    keys = key_file(world, md5_line(w.V4.host))
    guard = world.guard(w.service("bgp", 179, "127.0.0.1:1790", families=(w.V4,),
                                  key_file=f'"{keys}"', require_key="yes")
                        .replace("client_address = none", 'client_address = none source = { "127.0.0.2" }'))
    server = bird(world, "server", SERVER)
    client = bird(world, "client", CLIENT, password=f'password "{SECRET}";')
    w.until(lambda: "Established" in birdc(world, client, "show protocols"), "the session is up", 30)
    w.until(lambda: "198.51.100.0/24" in birdc(world, server, "show route all filtered") +
            birdc(world, server, "show route all"), "the route has come", 20)
    counters = world.stats()["counters"]
    assert counters["auth_verified"] >= 3, "a SYN, its ACK, text"
    assert counters["auth_signed"] >= 2, "a SYN+ACK, text: how many segments carry it is a matter of timing"
    assert counters["auth_wrong"] == counters["auth_syn_missing"] == 0
    assert world.stop(guard) == 0
