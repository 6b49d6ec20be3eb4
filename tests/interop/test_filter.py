"""Who may speak and what may be opened, by a real client: lists, blocks, rules and egress of a serving guard."""

import json
import signal
import socket

import pytest

import world as w
from world import V4, V6, service

PREFIXES = 200_000


def echo(connection):
    while data := connection.recv(1 << 16):
        connection.sendall(data)


@pytest.fixture
def served(world):
    world.serve(world.listen(V4, 7007, "127.0.0.1"), echo)
    return world


def talk(connection, data=b"hello"):
    connection.sendall(data)
    return w.receive(connection, len(data)) == data


def counted(world, name):
    return world.stats()["counters"][name]


def is_served(world, family, port=7):
    with world.connect(family, port) as connection:
        return talk(connection)


def meets_silence(world, family, counter, port=7):
    """A SYN is counted as refused, and nothing comes back: no handshake, no reset."""
    before, resets = counted(world, counter), counted(world, "resets_sent")
    with world.socket(family) as client:
        client.setblocking(False)
        client.connect_ex((family.guard, port))
        w.until(lambda: counted(world, counter) > before, f"{counter} counts")
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        with pytest.raises(OSError):
            client.getpeername()
    return counted(world, "resets_sent") == resets


def reload(world, code=0):
    result, _, err = world.handfast("-i", world.name, "reload")
    assert result == code, err
    return err


def many_prefixes(path, more=""):
    path.write_text("# not this network\n" + "".join(
        f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}\n" for n in range(PREFIXES)) + more)
    return path


def test_a_long_list_comes_and_goes_while_clients_are_served(served):
    deny = many_prefixes(served.directory / "deny.list")
    keys = f'filter {{ deny_files = {{ "{deny}" }} }}\n'
    process = served.guard(service("echo", 7, "127.0.0.1:7007"), keys)
    stays = served.connect(V4, 7)
    assert talk(stays)

    many_prefixes(deny, f"{V4.host}\n")
    reload(served)
    assert meets_silence(served, V4, "filter_denied")
    assert is_served(served, V6)
    filtered = served.stats()["filter"]
    assert filtered["prefixes"] == PREFIXES + 1 and filtered["lists"][0]["packets"] > 0
    assert talk(stays)  # who was there before the list goes on
    assert counted(served, "filter_established") > 0

    many_prefixes(deny, "0.0.0.0/0\n")
    assert f'{deny}:{PREFIXES + 2}: 0.0.0.0/0 would deny everybody' in reload(served, code=1)
    assert meets_silence(served, V4, "filter_denied")  # nothing has changed

    deny.write_text("")
    reload(served)
    assert is_served(served, V4)
    assert served.stop(process) == 0


def test_services_allow_whom_they_name(served):
    process = served.guard(service("echo", 7, "127.0.0.1:7007") +
                           service("few", 8, "127.0.0.1:7007", allow=f'{{ "{V6.host}/64" }}'))
    assert is_served(served, V4) and is_served(served, V6, 8)
    assert meets_silence(served, V4, "filter_not_allowed", 8)
    assert served.stop(process) == 0


def test_blocks_outlive_the_guard(served):
    text = service("echo", 7, "127.0.0.1:7007")
    process = served.guard(text)
    stays = served.connect(V4, 7)
    assert talk(stays)
    for words in (("block", V4.host, "--for", "1h", "--reason", "a test"), ("block", "198.51.100.0/24")):
        code, _, err = served.handfast("-i", served.name, *words)
        assert code == 0, err
    assert meets_silence(served, V4, "filter_blocked")
    assert talk(stays)
    kept = served.directory / "blocks"
    w.until(lambda: kept.exists() and len(json.loads(kept.read_text())["blocks"]) == 2, "both are kept")
    served.stop(process, signal.SIGKILL)

    process = served.guard(text)
    code, out, _ = served.handfast("-i", served.name, "blocks", "--json")
    assert code == 0 and [block["prefix"] for block in json.loads(out)["blocks"]] == [V4.host + "/32", "198.51.100.0/24"]
    assert meets_silence(served, V4, "filter_blocked")
    assert is_served(served, V6)
    assert served.handfast("-i", served.name, "unblock", V4.host)[0] == 0
    assert is_served(served, V4)
    assert served.stop(process) == 0


def test_rules_decide(served):
    rules = served.directory / "rules"
    rules.write_text(f"default deny in\nallow in tcp from {V6.host}\ndeny in tcp from {V4.host} port 7\n")
    text = service("echo", 7, "127.0.0.1:7007") + service("other", 8, "127.0.0.1:7007")
    process = served.guard(text, f'filter {{ rules = "{rules}" }}\n')
    assert is_served(served, V6) and is_served(served, V4, 8)
    assert meets_silence(served, V4, "filter_rule")
    assert meets_silence(served, V4, "filter_default", 9)  # a closed port says nothing any more

    decided = {rule["line"]: rule["packets"] for rule in served.stats()["filter"]["rules"]}
    assert sorted(decided) == [2, 3] and min(decided.values()) > 0

    rules.write_text(f"deny in tcp\nallow in tcp from {V6.host}\n")
    assert f"{rules}:2: a rule that contradicts line 1" in reload(served, code=1)
    rules.write_text("deny in\nallow inwards\n")
    assert f'{rules}:2: "inwards", accepted is in or out' in reload(served, code=1)
    assert is_served(served, V6)
    rules.write_text("# none\n")
    reload(served)
    assert is_served(served, V4)
    assert served.stop(process) == 0


def test_only_what_egress_lists_is_opened(served):
    text = service("echo", 7, "127.0.0.1:7007")
    process = served.guard(text, 'filter { egress = { "127.0.0.1:7007" } }\n')
    assert is_served(served, V4)
    path = served.config(service("echo", 7, "127.0.0.1:7008"), 'filter { egress = { "127.0.0.1:7007" } }\n')
    err = reload(served, code=1)
    assert f"{path}:" in err and 'backend "echo" goes to 127.0.0.1:7008, accepted is what egress lists' in err
    code, _, said = served.handfast("guard", "--check", path)
    assert code == 1 and "accepted is what egress lists" in said
    assert is_served(served, V4)
    assert served.stop(process) == 0
