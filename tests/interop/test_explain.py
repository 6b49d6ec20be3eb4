"""handfast explain: real captures, cut captures, what is no capture. No root is needed."""

import json
import struct
import subprocess

import pytest

from world import HANDFAST


def run(*words, stdin=None):
    done = subprocess.run([HANDFAST, *words], input=stdin, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module")
def captured(tmp_path_factory):
    directory = tmp_path_factory.mktemp("captures")

    def make(scene, seed=5):
        path = directory / f"{scene}.pcapng"
        if not path.exists():
            code, out, err = run("sim", "--scene", scene, "--seed", str(seed), "--capture", str(path))
            assert code == 0, out + err
        return path

    return make


def rows_of(path, *options):
    code, out, err = run("explain", "--json", *options, str(path))
    assert code == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    return rows[:-1], rows[-1]["summary"]


def test_states_of_a_close(captured):
    rows, summary = rows_of(captured("close"))
    assert [row["states"] for row in rows] == [
        ["SYN-SENT", "SYN-RECEIVED"], ["ESTABLISHED", "SYN-RECEIVED"], ["ESTABLISHED", "ESTABLISHED"],
        ["CLOSE-WAIT", "FIN-WAIT-1"], ["CLOSE-WAIT", "FIN-WAIT-2"], ["LAST-ACK", "TIME-WAIT"],
        ["CLOSED", "TIME-WAIT"]]
    assert summary["conversations"] == 1 and summary["odd"] == {}


def test_what_crosses(captured):
    rows, summary = rows_of(captured("simultaneous-close"))
    assert [row["states"] for row in rows][-4:] == [
        ["CLOSE-WAIT", "FIN-WAIT-1"], ["CLOSING", "CLOSING"], ["TIME-WAIT", "CLOSING"], ["TIME-WAIT", "TIME-WAIT"]]
    rows, summary = rows_of(captured("simultaneous-open"))
    assert ["SYN-RECEIVED", "SYN-RECEIVED"] in [row["states"] for row in rows]
    assert "half-open left" not in summary["odd"]


def test_zero_window_and_losses_are_named(captured):
    _, summary = rows_of(captured("zero-window"))
    assert summary["odd"]["zero window"] == summary["odd"]["window opens"] == 1
    _, summary = rows_of(captured("loss"))
    assert summary["odd"]["retransmission"] > 0 and summary["bytes"] >= 500000


def test_every_end_is_closed_in_chaos(captured):
    """What an onlooker concludes must agree with what the stacks said: all of them ended."""
    rows, summary = rows_of(captured("many"))
    last = {row["conversation"]: row["states"] for row in rows}
    assert summary["conversations"] == len(last) == 200
    assert all(set(states) <= {"CLOSED", "TIME-WAIT"} for states in last.values())


def test_text(captured):
    code, out, _ = run("explain", "--plain", str(captured("reset")))
    assert code == 0 and "1 conversations\nnothing odd\n" in out
    assert "CLOSED       --- R. 8193:8193(0) ack 1 win 0" in out and out.isascii()
    code, out, _ = run("explain", "--odd", "--plain", str(captured("zero-window")))
    assert code == 0 and "zero window" in out and " S 0:0(0)" not in out
    code, out, _ = run("explain", "--conversation", "2", "--plain", str(captured("many")))
    assert code == 0 and "\n#2  " in out and "\n#3  " not in out


def test_standard_input(captured):
    code, out, _ = run("explain", "-", stdin=captured("close").read_bytes())
    assert code == 0 and "7 packets of TCP" in out


def test_cut_at_every_byte(captured):
    whole = captured("close").read_bytes()
    for cut in range(0, len(whole), 7):
        code, out, err = run("explain", "--summary", "-", stdin=whole[:cut])
        assert code in (0, 1), cut
        assert code == 0 or err.startswith("handfast explain: "), (cut, err)
    assert "what stands before it was told" in run("explain", "-", stdin=whole[:-9])[2]


def pcap(link, *packets):
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    return head + b"".join(struct.pack("<IIII", 1, n, len(p), len(p)) + p for n, p in enumerate(packets))


def block(kind, body):
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def test_interfaces_of_several_kinds():
    """As Wireshark writes what it captured on a tunnel and on an Ethernet interface: libpcap reads none of it."""
    packets = [bytes(12) + b"\x08\x00" + syn(0x0A000001, 7), syn(0x0A000002, 7)]
    file = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    file += block(1, struct.pack("<HHI", 1, 0, 0)) + block(1, struct.pack("<HHI", 101, 0, 0))
    for i, packet in enumerate(packets):
        head = struct.pack("<IIIII", i, 0, i, len(packet), len(packet))
        file += block(6, head + packet + bytes(-len(packet) % 4))
    code, out, err = run("explain", "--plain", "-", stdin=file)
    assert code == 0, err
    assert "2 packets of TCP" in out and "10.0.0.1:" in out and "10.0.0.2:" in out


def test_not_tcp_and_other_links():
    code, out, _ = run("explain", "-", stdin=pcap(1, b"\xff" * 12 + b"\x08\x06" + bytes(28), b"short"))
    assert code == 0 and "0 packets of TCP" in out
    assert "1 packets of something else; 1 of which too little was captured" in out
    code, _, err = run("explain", "-", stdin=pcap(105, b""))
    assert code == 1 and "IEEE802_11" in err and "accepted are EN10MB" in err


def test_refusals(tmp_path):
    nonsense = tmp_path / "nonsense"
    nonsense.write_bytes(b"no capture at all\n" * 10)
    for words, code, text in (
            ((str(nonsense),), 1, "accepted is a capture file"),
            ((str(tmp_path / "missing"),), 1, "missing"),
            ((str(tmp_path),), 1, "a directory"),
            ((), 2, "accepted is a capture FILE"),
            (("a", "b"), 2, "a second file b"),
            (("--loud", "a"), 2, "--loud, accepted are"),
            (("--conversation", "0", "a"), 2, "--conversation 0"),
    ):
        done = run("explain", *words)
        assert done[0] == code and text in done[2], (words, done)
        assert len(done[2].splitlines()) <= 2


def syn(source, number):
    tcp = struct.pack("!HHIIBBHHH", 1024 + number % 60000, 80, number, 0, 0x50, 2, 1000, 0, 0)
    ip = struct.pack("!BBHHHBBHII", 0x45, 0, 40, 0, 0x4000, 64, 6, 0, source, 0xC0000201)
    return ip + tcp


def test_a_flood_is_folded_and_told():
    flood = pcap(101, *[syn(0x0A000000 + n * 7919 % 65536, n) for n in range(3000)])
    code, out, _ = run("explain", "--plain", "-", stdin=flood)
    assert code == 0 and "SYN flood of 192.0.2.1:80" in out and "3000 half-opens left" in out
    assert "packets of half-opens in the flood" in out and len(out.splitlines()) < 1000
    code, out, _ = run("explain", "--plain", "--all", "-", stdin=flood)
    assert out.count(" S 0:0(0)") == 3000
