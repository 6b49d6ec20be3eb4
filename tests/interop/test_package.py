"""The Debian packages in a fresh root: installed, checked, run, upgraded, removed and purged without a trace."""

import json
import pathlib
import re
import shutil
import subprocess

import pytest

import fresh_root
import world as w
from fresh_root import NAMES, UNIT
from world import V4

NEXT = "99.0.1"


@pytest.fixture
def packages(tmp_path):
    return fresh_root.build(tmp_path / "packages")


@pytest.fixture
def root(world, packages, tmp_path):
    made = fresh_root.Root(world, packages, tmp_path / "root")
    yield made
    print(made.read("journal"))  # shown if the test fails
    made.end()


def install(root, packages):
    root.run("dpkg", "-i", *root.bring([packages[name] for name in NAMES]))


def version(root, package):
    return root.run("dpkg-query", "-W", "-f", "${Version}", package)


def check_installed(root):
    assert root.run("handfast", "--version").strip() == f"handfast {version(root, 'handfast')}"
    assert ": ok" in root.run("handfast", "guard", "--check", "/etc/handfast/guard.conf")
    assert re.search(r"^handfast:x:\d+:\d+:", root.read("etc/passwd"), re.MULTILINE)
    state = root.run("stat", "-c", "%U:%G %a", "/var/lib/handfast", "/run/handfast").split("\n")
    assert state[:2] == ["handfast:handfast 750", "handfast:handfast 755"]
    assert root.run("dpkg-query", "-W", "-f", "${Conffiles}", "handfast").split()[0] == "/etc/handfast/guard.conf"
    assert root.run("dpkg", "--verify", *NAMES) == ""
    for name in ("usr/share/man/man1/handfast-guard.1.gz", "usr/share/man/man5/handfast-guard.conf.5.gz",
                 "usr/share/bash-completion/completions/handfast", f"lib/systemd/system/{UNIT}"):
        assert (root.path / name).is_file(), name
    for example in (root.path / "usr/share/doc/handfast/examples").glob("*.conf"):
        assert example.stat().st_size > 0


def check_library(root, directory):
    """A program is compiled with the headers and pkg-config files of the packages, and finds their libraries."""
    libraries = next(root.path.glob("usr/lib/*-linux-gnu"))
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "handfast-os"], capture_output=True, text=True, check=True,
                           env={"PATH": w.PATH, "PKG_CONFIG_LIBDIR": str(libraries / "pkgconfig"),
                                "PKG_CONFIG_SYSROOT_DIR": str(root.path)}).stdout.split()
    fresh_root.call("cc", w.ROOT / "examples/echo.c", *flags, "-o", directory / "echo")
    shutil.copy(directory / "echo", root.path / "echo")
    listed = root.run("ldd", "/echo")
    assert "not found" not in listed and "libhandfast-os.so.0" in listed
    (root.path / "echo").unlink()


CONFIG = f'''
uplink "{w.TAP}" {{
    mode = address
    addresses = {{ "{V4.guard}/{V4.length}" }}
    host_address = {{ "{V4.host}/{V4.length}" }}
}}
service "echo" {{
    listen = {{ "{V4.guard}:7" }}
    backend "echo" {{ to = "127.0.0.1:7007" client_address = none }}
}}
'''


def answers(world):
    client = world.connect(V4, 7)
    client.sendall(b"hello")
    assert w.receive(client, 5) == b"hello"
    client.close()


def smoke(world, root):
    """Enabled, the guard of the package serves, as its own user, behind its fences."""
    root.run("systemctl", "enable", "--now", "handfast-guard")
    answers(world)
    status = pathlib.Path(f"/proc/{root.service()}/status").read_text()
    user = re.search(r"^handfast:x:(\d+):", root.read("etc/passwd"), re.MULTILINE).group(1)
    assert re.search(rf"^Uid:\t{user}\t{user}\t{user}\t{user}$", status, re.MULTILINE), status
    assert "CapEff:\t0000000000000000" in status and "CapPrm:\t0000000000000000" in status
    assert "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status
    assert json.loads(root.run("handfast", "stats", "--json"))["services"][0]["accepted"] == 1


def as_root(world, root):
    """Started by root it becomes the user by itself."""
    guard = world.start("chroot", root.path, "handfast", "guard", "/etc/handfast/guard.conf")

    def serves():
        assert guard.poll() is None, guard.stderr.read()
        return root.try_run("handfast", "stats")[0] == 0

    w.until(serves, "the guard answers")
    answers(world)
    status = pathlib.Path(f"/proc/{guard.pid}/status").read_text()
    assert not re.search(r"^Uid:\t0", status, re.MULTILINE) and "CapPrm:\t0000000000000000" in status
    assert world.stop(guard) == 0


def test_packages_install_run_upgrade_and_leave_nothing(world, root, packages, tmp_path):
    before = root.files()
    install(root, packages)
    assert root.service() is None and not any("start" in line for line in root.asked())
    check_installed(root)
    check_library(root, tmp_path)
    world.serve(world.listen(V4, 7007, "127.0.0.1"), lambda one: one.sendall(one.recv(100)))
    (root.path / "etc/handfast/guard.conf").write_text(CONFIG)
    as_root(world, root)
    smoke(world, root)

    first = root.service()
    install(root, fresh_root.build(tmp_path / "newer", NEXT))
    assert version(root, "handfast") == NEXT and version(root, "libhandfast0") == NEXT
    assert root.service() not in (None, first), "an upgrade restarts what was running"
    assert root.read("etc/handfast/guard.conf") == CONFIG, "what was configured stays"
    answers(world)

    root.run("dpkg", "-r", *NAMES)
    assert root.service() is None, "removal stops the service"
    assert not (root.path / "usr/bin/handfast").exists()
    assert root.read("etc/handfast/guard.conf") == CONFIG and (root.path / "var/lib/handfast").is_dir()

    root.run("dpkg", "-P", "handfast")
    assert root.files() - before == set()
    assert before - root.files() == set()
    for name in ("passwd", "group"):
        assert "handfast" not in root.read(f"etc/{name}")
    assert not (root.path / "run/handfast").exists()
