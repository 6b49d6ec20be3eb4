"""handfast audit: ports in a namespace of the test, logs, and the command line. The practices are unit-tested one by one."""

import json
import socket
import subprocess
import sys

import pytest

from world import HANDFAST


def run(*words, netns=None):
    command = ["ip", "netns", "exec", netns] if netns else []
    done = subprocess.run([*command, HANDFAST, "audit", *words], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def netns(request):
    name = f"hfaudit{abs(hash(request.node.name)) % 100000}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
    yield name
    subprocess.run(["ip", "netns", "del", name], check=True)


def practices(netns, *words):
    """All twelve in a namespace whose host is up to date and unchanged: apt-get and dpkg answer nothing there, and at once."""
    command = "for p in apt-get dpkg; do mount --bind /bin/true $(command -v $p); done; exec \"$@\""
    done = subprocess.run(["ip", "netns", "exec", netns, "sh", "-c", command, "sh", HANDFAST, "audit", "--json", *words],
                          capture_output=True, text=True, timeout=120, check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["practice"] for row in rows] == list(range(11, 23)), done.stderr
    assert done.returncode == (1 if any(row["status"] == "fail" for row in rows) else 0)
    return {row["practice"]: row for row in rows}


LISTEN = """
import socket, sys
held = []
for family, address, port in ((socket.AF_INET, "0.0.0.0", 8022), (socket.AF_INET, "127.0.0.1", 99), (socket.AF_INET6, "::1", 7777)):
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    s.listen(2048)
    held.append(s)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def listening(netns):
    server = subprocess.Popen(["ip", "netns", "exec", netns, sys.executable, "-c", LISTEN],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout.readline() == "ready\n"
    yield netns, server.pid
    server.stdin.close()
    server.wait(10)


def test_rows_have_four_keys_and_three_words(netns):
    for row in practices(netns).values():
        assert set(row) == {"practice", "status", "finding", "fix"}
        assert row["status"] in ("pass", "warn", "fail") and row["finding"]
        assert (row["status"] == "pass") == (row["fix"] == "") or row["practice"] in (11, 21), row


FIREWALL = {
    "none": "",
    "accepts": "table inet filter { chain input { type filter hook input priority 0; policy accept; tcp dport 8022 accept; }; }",
    "ipv6 only": "table ip6 filter { chain INPUT { type filter hook input priority 0; policy accept; meta l4proto icmpv6 accept; }; }",
}


@pytest.mark.parametrize("before", FIREWALL)
def test_what_it_says_mends_it(listening, before):
    """Each command as it is printed, by a shell; then the row passes, and who listens is still reached."""
    netns, _ = listening
    inside = ["ip", "netns", "exec", netns]
    subprocess.run([*inside, "nft", "-f", "-"], input=FIREWALL[before], text=True, check=True)
    first = practices(netns)
    mended = [n for n in (13, 14, 15, 16, 17, 18, 19) if first[n]["status"] != "pass"]
    assert {13, 14, 16, 17, 18, 19} <= set(mended)
    for number in mended:
        done = subprocess.run([*inside, "sh", "-c", first[number]["fix"]], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (first[number], done.stderr)
    second = practices(netns)
    assert {n: second[n]["finding"] for n in mended if second[n]["status"] != "pass"} == {}
    assert subprocess.run([*inside, sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 8022), 5)"],
                          check=False).returncode == 0


def test_a_guard_without_limits(netns, tmp_path):
    """Its control socket is held by the test; the command that is printed leaves a configuration that is right."""
    conf = tmp_path / "guard.conf"
    conf.write_text(f"""
        control = "{tmp_path}/guard.sock"
        uplink "hf0" {{ mode = address  addresses = {{ "192.0.2.10/24" }}  host_address = {{ "192.0.2.1/24" }} }}
        service "web" {{ listen = {{ "192.0.2.10:80" }}  backend "b" {{ to = "127.0.0.1:8080" }} }}
    """)
    with socket.socket(socket.AF_UNIX) as held:
        held.bind(f"{tmp_path}/guard.sock")
        held.listen()
        row = practices(netns, "--config", str(conf))[18]
        assert row["status"] == "warn" and "no service limits the connections of one prefix" in row["finding"]
        sed, and_reload, rest = row["fix"].partition(" && handfast reload")
        assert and_reload and sed.endswith(str(conf))
        subprocess.run(["sh", "-c", sed], check=True)
        assert subprocess.run([HANDFAST, "guard", "--check", conf], check=False).returncode == 0
        assert "a guard answers floods and limits prefixes" in practices(netns, "--config", str(conf))[18]["finding"]


def test_the_guards_journal_is_verified(netns, tmp_path):
    (tmp_path / "guard.conf").write_text(f"""
        control = "{tmp_path}/nobody.sock"
        journal = "{tmp_path}/guard.journal"
        uplink "hf0" {{ mode = address  addresses = {{ "192.0.2.10/24" }}  host_address = {{ "192.0.2.1/24" }} }}
        service "web" {{ listen = {{ "192.0.2.10:80" }}  backend "b" {{ to = "127.0.0.1:8080" }} }}
    """)
    rows = practices(netns, "--config", str(tmp_path / "guard.conf"))
    assert rows[21]["status"] != "pass" and "guard.journal cannot be read" in rows[21]["finding"]
    assert "a guard is configured, and none is running" in rows[18]["finding"]
    (tmp_path / "guard.journal").write_text("{}\n")
    rows = practices(netns, "--config", str(tmp_path / "guard.conf"))
    assert rows[21]["status"] == "fail"
    assert f"{tmp_path}/guard.journal:1: altered: record 1 is not as it was written" in rows[21]["finding"]
    assert f"handfast journal verify {tmp_path}/guard.journal" in rows[21]["fix"]


def test_ports(listening):
    netns, pid = listening
    code, out, err = run("ports", "--json", "--declare", "8022", netns=netns)
    assert code == 0, err
    rows = {row["port"]: row for row in map(json.loads, out.splitlines())}
    assert set(rows) == {8022, 99, 7777}
    assert rows[8022]["open"] and rows[8022]["declared"] and not rows[8022]["privileged"]
    assert rows[99]["privileged"] and not rows[99]["open"] and not rows[99]["declared"]
    assert rows[7777]["local"] == "[::1]:7777" and rows[7777]["pid"] == pid


def test_scan(listening):
    netns, _ = listening
    code, out, err = run("ports", "--scan", netns=netns)
    assert code == 0, out + err
    assert "131070 ports of 2 addresses were tried: 3 answer, 0 hidden, 0 filtered" in out


def test_scan_finds_what_is_hidden_and_what_is_filtered(listening):
    netns, _ = listening
    subprocess.run(["ip", "netns", "exec", netns, "nft", "-f", "-"], text=True, check=True, input="""
        table ip t {
            chain turned { type nat hook output priority -100; tcp dport 4444 redirect to :8022; }
            chain refused { type filter hook input priority 0; tcp dport 99 drop; }
        }""")
    code, out, _ = run("ports", "--scan", "--json", netns=netns)
    found = [json.loads(line) for line in out.splitlines() if '"scan"' in line]
    assert code == 1
    assert {"scan": "hidden", "endpoint": "127.0.0.1:4444"} in found
    assert {"scan": "filtered", "endpoint": "127.0.0.1:99"} in found and len(found) == 2


def test_logs(tmp_path):
    good, bad, none = tmp_path / "good", tmp_path / "bad", tmp_path / "none"
    good.write_text("Nov 20 10:00:00 h a\nNov 20 10:00:01 h b\n")
    bad.write_text("2026-11-20T10:00:00Z h a\n2026-11-20T08:00:00Z h b\n")
    none.write_bytes(bytes(range(256)) * 100)
    assert run("logs", str(good)) == (0, f"{good}: 2 lines, 0 odd\n", "")
    code, out, _ = run("logs", str(good), str(bad))
    assert code == 1 and f"{bad}:2: the clock went back by 7200 s from 2026-11-20 10:00:00" in out
    code, out, _ = run("logs", "--json", str(bad))
    assert code == 1 and json.loads(out)["what"] == "clock went back"
    assert "no line begins with a time" in run("logs", str(none))[2]
    assert run("logs", str(tmp_path / "missing"))[0] == 1


@pytest.mark.parametrize("words, text", [
    (("logs",), "logs without a file"),
    (("everything",), "everything, accepted are ports"),
    (("--scan",), "--scan is not accepted here"),
    (("--declare", "22,x"), "--declare 22,x, accepted are ports"),
    (("--declare", "0"), "--declare 0"),
    (("ports", "--loud"), "--loud is not accepted here"),
])
def test_usage(words, text):
    code, _, err = run(*words)
    assert code == 2 and text in err


def test_a_bad_configuration(tmp_path):
    (tmp_path / "guard.conf").write_text("nonsense = 1\n")
    code, _, err = run("ports", "--config", str(tmp_path / "guard.conf"))
    assert code == 1 and err.startswith(f"{tmp_path / 'guard.conf'}:1: ")
