"""docs/operating.md: each command on the page, in its order, in a fresh root on a host with nginx and one address."""

import re

import pytest

import fresh_root
import world as w

SERVER, CLIENT = "203.0.113.10", "203.0.113.77"
FENCE = re.compile(r"^```(sh|sh client)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = w.ROOT / "docs/operating.md"


@pytest.fixture
def client():
    made = w.World()
    yield made
    made.end()


@pytest.fixture
def root(world, client, tmp_path):
    """The server: eth0 with its address on a wire to the client, nginx from the distribution, the packages at hand."""
    anchor = client.start("sleep", "1000")
    world.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", str(anchor.pid))
    for host, address in ((world, SERVER), (client, CLIENT)):
        host.ip("addr", "add", f"{address}/24", "dev", "eth0")
        host.ip("link", "set", "eth0", "up")
    anchor.kill()
    packages = fresh_root.build(tmp_path / "packages")
    made = fresh_root.Root(world, packages, tmp_path / "root")
    made.bring(packages.values())
    nginx = made.world.start("chroot", made.path, "nginx", "-g", "daemon off;")
    w.until(lambda: b":80" in world.run("ss", "-ltnH")[1], "nginx listens")
    yield made
    print(made.read("journal"))  # shown if the test fails
    made.end()
    nginx.kill()


def on_server(root, text):
    """What it printed. In /tmp, where the packages are."""
    return root.run("sh", "-e", "-c", f"cd /tmp; export DEBIAN_FRONTEND=noninteractive; {apt_answers(text)}")


def apt_answers(text):
    """apt asks nobody, and fetches nothing: all that the packages need is there."""
    return re.sub(r"^apt (\w+)", r"apt-get -qq -y -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 \1", text, flags=re.MULTILINE)


def on_client(client, text):
    code, out, err = client.run("sh", "-e", "-c", text)
    assert code == 0, f"{text}: {err}"
    return out.decode()


CHECKS = {
    "handfast guard --check": lambda root, out: ": ok" in out,
    "handfast guard --net show": lambda root, out: "eth0" in out and "80" in out,
    "handfast status": lambda root, out: "web" in out and root.service() is not None,
    "tail -n 1 /var/log/nginx": lambda root, out: out.startswith(f"{CLIENT} "),
    "handfast blocks": lambda root, out: "198.51.100.0/24" in out and "scraping" in out,
    "handfast capture": lambda root, out: (root.path / "tmp/look.pcapng").stat().st_size > 0,
    "systemctl disable": lambda root, out: root.service() is None,
    "systemctl restart": lambda root, out: root.service() is not None,
    "apt remove": lambda root, out: root.service() is None and (root.path / "etc/handfast/guard.conf").exists(),
    "apt purge": lambda root, out: not (root.path / "etc/handfast/guard.conf").exists(),
}


def accepted(root):
    """Connections that came through the guard."""
    return int(re.search(r'"accepted": (\d+)', root.run("handfast", "stats", "--json")).group(1))


def requests(root):
    return (root.path / "var/log/nginx/access.log").read_text().count("\n")


def test_every_command_of_the_page(root, client):
    blocks = FENCE.findall(PAGE.read_text())
    assert len(blocks) > 10
    seen = set()
    for kind, text in blocks:
        if kind == "sh client":
            before = accepted(root) if root.service() else None
            logged = requests(root)
            on_client(client, text)
            w.until(lambda: requests(root) > logged, "nginx has logged the request")
            if before is not None:
                w.until(lambda: accepted(root) == before + 1, "the client came through the guard")
            continue
        out = on_server(root, text)
        for word, holds in CHECKS.items():
            if word in text:
                seen.add(word)
                assert holds(root, out), f"{text}\n{out}"
    assert seen == set(CHECKS), "the page has what the test looks for"
