"""handfast nc, our stack as a client and as a server, against the Linux kernel's TCP."""

import signal
import socket
import struct
import threading

import pytest

import kernel
import world as w

TIMESTAMPS, SACK, WINDOW_SCALING = 1, 2, 4  # tcpi_options


def tcp_info(connection):
    data = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return {"state": data[0], "options": data[5] & 7, "unanswered_probes": data[3],
            "snd_mss": struct.unpack_from("I", data, 16)[0], "rcv_mss": struct.unpack_from("I", data, 20)[0],
            "retransmits": struct.unpack_from("I", data, 100)[0]}


def exchange(process, connection, to_us, to_peer):
    """Bytes both ways at once, each side closing its half after its own; returns what each side got."""

    def feed():
        process.stdin.write(to_peer)
        process.stdin.close()

    def send():
        connection.sendall(to_us)
        connection.shutdown(socket.SHUT_WR)

    got = {}
    threads = [threading.Thread(target=feed), threading.Thread(target=send),
               threading.Thread(target=lambda: got.update(peer=w.receive_all(connection)))]
    for thread in threads:
        thread.start()
    got["us"] = process.stdout.read()
    for thread in threads:
        thread.join(w.PATIENCE)
    return got


def assert_exchange(process, connection, size=1 << 20):
    to_us, to_peer = w.noise(size, 1), w.noise(size, 2)
    got = exchange(process, connection, to_us, to_peer)
    assert w.digest(got["us"]) == w.digest(to_us)
    assert w.digest(got["peer"]) == w.digest(to_peer)
    assert process.wait(w.PATIENCE) == 0


def client(world, family, port=7):
    """Our stack connected to the kernel."""
    listener = world.listen(family, port)
    process = world.nc(family, family.host, port)
    return process, world.accept(listener)


def server(world, family, port=7):
    """The kernel connected to our stack."""
    process = world.nc_listen(family, port)
    return process, world.connect(family, port)


ROLES = {"client": client, "server": server}


@pytest.fixture(params=ROLES)
def role(request):
    return ROLES[request.param]


# ---- bytes and closing ----

# [RFC 9293 IOP; R826-IOP]
def test_bytes_both_ways(world, family, role):
    world.make_tap()
    process, connection = role(world, family)
    assert_exchange(process, connection, 4 << 20)


def test_without_offload_checksums_are_computed(world, family, role):
    world.make_tap()
    world.kernel_completes()
    process, connection = role(world, family)
    assert_exchange(process, connection)


def test_peer_half_closes_and_still_hears(world, family, role):
    world.make_tap()
    process, connection = role(world, family)
    connection.sendall(b"the last words")
    connection.shutdown(socket.SHUT_WR)
    assert process.stdout.read() == b"the last words"
    process.stdin.write(b"heard")
    process.stdin.close()
    assert w.receive_all(connection) == b"heard"
    assert process.wait(w.PATIENCE) == 0


# [RFC 9293 IOP]
def test_we_half_close_and_still_hear(world, family, role):
    world.make_tap()
    process, connection = role(world, family)
    process.stdin.write(b"the last words")
    process.stdin.close()
    assert w.receive_all(connection) == b"the last words"
    connection.sendall(b"heard")
    connection.close()
    assert process.stdout.read() == b"heard"
    assert process.wait(w.PATIENCE) == 0


# ---- resets and refusals ----

# [RFC 9293 IOP]
def test_reset_by_peer_is_an_error(world, family, role):
    world.make_tap()
    process, connection = role(world, family)
    connection.sendall(b"x")
    assert process.stdout.read(1) == b"x"
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, w.RESETS)
    connection.close()
    assert process.wait(w.PATIENCE) == 1
    assert b"reset" in process.stderr.read()


def test_our_end_by_signal_resets_the_peer(world, family, role):
    world.make_tap()
    process, connection = role(world, family)
    connection.sendall(b"x")
    assert process.stdout.read(1) == b"x"
    assert world.stop(process, signal.SIGINT) == 1
    with pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_closed_port_of_the_kernel_refuses_us(world, family):
    world.make_tap()
    code, _, err = world.handfast("nc", "-i", w.TAP, "-a", f"{family.guard}/{family.length}", family.host, "9")
    assert code == 1
    assert "refused" in err


def test_closed_port_of_ours_refuses_the_kernel(world, family):
    world.make_tap()
    world.nc_listen(family, 7)
    with pytest.raises(ConnectionRefusedError):
        world.connect(family, 8)


def test_nobody_answers(world, family):
    world.make_tap()
    nobody = family.host.rsplit("1", 1)[0] + "77"
    code, _, err = world.handfast("nc", "-w", "1", "-i", w.TAP, "-a", f"{family.guard}/{family.length}", nobody, "9")
    assert code == 1
    assert len(err.strip().splitlines()) == 1


# ---- what peers may or may not be able to do ----

@pytest.mark.parametrize("off, left", [
    ("tcp_timestamps", SACK | WINDOW_SCALING),
    ("tcp_sack", TIMESTAMPS | WINDOW_SCALING),
    ("tcp_window_scaling", TIMESTAMPS | SACK),
])
def test_an_option_that_the_kernel_does_not_have(world, family, role, off, left):
    world.sysctl(f"net/ipv4/{off}", 0)
    world.make_tap()
    process, connection = role(world, family)
    assert tcp_info(connection)["options"] == left
    assert_exchange(process, connection)


# [R7323-IOP]
def test_all_options_are_agreed(world, family, role):
    world.make_tap()
    process, connection = role(world, family)
    assert tcp_info(connection)["options"] == TIMESTAMPS | SACK | WINDOW_SCALING
    assert_exchange(process, connection, 1000)


@pytest.mark.parametrize("mtu", [1280, 9000])
# [R1122-38]
def test_mtu(world, family, role, mtu):
    world.make_tap(mtu)
    process, connection = role(world, family)
    headers = (20 if family is w.V4 else 40) + 20 + 12  # with timestamps
    assert tcp_info(connection)["snd_mss"] == mtu - headers
    assert_exchange(process, connection)


def test_lossless_means_no_retransmission(world, family, role):
    """Timers are not asked here: a machine that stands still for a moment has lost nothing."""
    world.make_tap()
    world.sysctl("net/ipv4/tcp_early_retrans", 0)  # no probe for a lost tail
    length = "32" if family is w.V4 else "128"
    world.ip("route", "add", f"{family.guard}/{length}", "dev", w.TAP, "rto_min", "30s")
    process, connection = role(world, family)
    before = tcp_info(connection)["retransmits"]
    connection.sendall(w.noise(1 << 20))
    assert len(process.stdout.read(1 << 20)) == 1 << 20
    assert tcp_info(connection)["retransmits"] == before


def test_a_queue_that_overflows_loses_segments(world, family, role):
    """Real loss between the kernel and us: the TAP holds two packets, the rest is dropped and sent again."""
    world.make_tap()
    world.ip("link", "set", w.TAP, "txqueuelen", "2")
    process, connection = role(world, family)
    data = w.noise(8 << 20)
    sender = threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR)))
    sender.start()
    assert w.digest(process.stdout.read()) == w.digest(data)
    sender.join(w.PATIENCE)
    assert tcp_info(connection)["retransmits"] > 0, "nothing was lost"


def test_an_interface_that_is_down_for_a_while(world, role):
    """What is sent meanwhile is lost, both ways; retransmission timeouts repair it."""
    world.make_tap()
    process, connection = role(world, w.V4)
    to_us, to_peer = w.noise(16 << 20, 1), w.noise(16 << 20, 2)
    got = {}
    both = threading.Thread(target=lambda: got.update(exchange(process, connection, to_us, to_peer)))
    both.start()
    world.ip("link", "set", w.TAP, "down")
    threading.Event().wait(0.1)  # the fault itself
    world.ip("link", "set", w.TAP, "up")
    both.join(6 * w.PATIENCE)
    assert w.digest(got["us"]) == w.digest(to_us)
    assert w.digest(got["peer"]) == w.digest(to_peer)


# ---- unusual writers ----

def test_tiny_writes(world, family, role):
    world.make_tap()
    process, connection = role(world, family)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = w.noise(500)
    for index in range(len(data)):
        connection.send(data[index:index + 1])
    connection.shutdown(socket.SHUT_WR)
    assert process.stdout.read() == data


def test_large_writes(world, family, role):
    world.make_tap()
    process, connection = role(world, family)
    data = w.noise(64 * 1024)
    for _ in range(16):
        process.stdin.write(data)
    process.stdin.close()
    assert w.receive_all(connection) == data * 16


def test_a_reader_that_waits_closes_the_window(world, family, role):
    world.make_tap()
    process, connection = role(world, family)
    data = w.noise(8 << 20)
    connection.setblocking(False)
    sent = 0
    try:
        while sent < len(data):
            sent += connection.send(data[sent:])
    except BlockingIOError:
        pass
    assert 0 < sent < len(data), "nobody reads, and everything fits"
    connection.setblocking(True)
    rest = threading.Thread(target=lambda: (connection.sendall(data[sent:]), connection.shutdown(socket.SHUT_WR)))
    rest.start()
    assert w.digest(process.stdout.read()) == w.digest(data)
    rest.join(w.PATIENCE)


def test_urgent_data_stays_in_its_place(world, family, role):
    """RFC 6093: there is no out-of-band data, the byte is read where it was written."""
    world.make_tap()
    process, connection = role(world, family)
    connection.sendall(b"before")
    connection.send(b"!", socket.MSG_OOB)
    connection.sendall(b"after")
    connection.shutdown(socket.SHUT_WR)
    assert process.stdout.read() == b"before!after"


@pytest.mark.parametrize("family, role", [("v4", "server"), ("v6", "client")])
def test_keepalive_of_the_kernel_is_answered(world, family, role):
    world.make_tap()
    process, connection = ROLES[role](world, w.FAMILIES[family])
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 9)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    connection.settimeout(3.2)  # long enough for two probes
    with pytest.raises(TimeoutError):
        connection.recv(1)
    w.until(lambda: tcp_info(connection)["unanswered_probes"] == 0, "the probes are answered", 5)  # else it only grows
    connection.sendall(b"still here")
    assert process.stdout.read(10) == b"still here"


# [R1122-26, R4443-12]
def test_ping(world):
    world.make_tap()
    world.nc_listen(w.V4, 7)
    with kernel.inside(world.namespace):
        ping = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    ping.settimeout(w.PATIENCE)
    body = struct.pack("!BBHHH", 8, 0, 0, 0x4846, 1) + b"handfast"
    total = sum(struct.unpack(f"!{len(body) // 2}H", body))
    total = (total & 0xFFFF) + (total >> 16)
    ping.sendto(body[:2] + struct.pack("!H", ~total & 0xFFFF) + body[4:], (w.V4.guard, 0))
    with ping:
        assert ping.recv(100)[20:21] == b"\0"  # echo reply
