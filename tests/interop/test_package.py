"""The Debian packages in a fresh root: installed, checked, run, upgraded, removed and purged without a trace.

The root is made by debootstrap once and kept as a tarball under build/debootstrap; HANDFAST_MIRROR names another mirror.
systemctl is a stand-in that notes what it is asked for: no service of this machine is touched.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import kernel
import world as w
from world import V4

CACHE = w.ROOT / "build/debootstrap"
NAMES = ("libhandfast0", "libhandfast-dev", "handfast")
NEXT = "99.0.1"
UNIT = "handfast-guard.service"

# What dpkg, ldconfig and the tools for users write for themselves.
NOT_OURS = re.compile(r"^(var/lib/dpkg/|var/log/|var/cache/ldconfig/|etc/(passwd|group|shadow|gshadow|subuid|subgid)-$"
                      r"|etc/\.pwd\.lock$|etc/ld\.so\.cache$|run/|proc/|dev/|sys/|tmp/)")

SYSTEMCTL = """#!/bin/sh
# Notes what it is asked for. A service is running if /running is there, and never enabled.
echo "$*" >>/systemctl.log
case "$*" in
*is-enabled*) echo disabled; exit 1 ;;
*is-active*) [ -e /running ] ;;
*show*) echo loaded ;;
esac
"""


def call(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                          env={"PATH": w.PATH, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}, **options)
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def build(output, *version):
    for program in ("dh", "scdoc", "debootstrap"):
        assert shutil.which(program, path=w.PATH), f"{program} is missing: tools/install_packages package"
    call(w.ROOT / "tools/package", w.HANDFAST.parent, output, *version, timeout=100)
    packages = {path.name.split("_")[0]: path for path in pathlib.Path(output).glob("*.deb")}
    assert sorted(packages) == sorted(NAMES)
    return packages


# ---- the root ----

def needed(packages):
    """What the packages need of others, the smaller alternative where there is one."""
    names = set()
    for package in packages.values():
        for one in call("dpkg-deb", "-f", package, "Depends").strip().split(","):
            ways = [way.split("(")[0].strip() for way in one.split("|")]
            names.add(next((way for way in ways if "standalone" in way), ways[0]))
    return sorted(names - set(NAMES) - {""})


def mirror():
    """One that is named, or the one that this machine uses; debootstrap knows one itself."""
    if "HANDFAST_MIRROR" in os.environ:
        return [os.environ["HANDFAST_MIRROR"]]
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages"],
                            capture_output=True, text=True, check=False).stdout
    return [line.split()[0] for line in listed.splitlines() if line.endswith(f" {codename()}")][:1]


def codename():
    return re.search(r"^VERSION_CODENAME=(\w+)", pathlib.Path("/etc/os-release").read_text(), re.MULTILINE).group(1)


def tarball(packages):
    names = needed(packages)
    key = hashlib.sha256(" ".join(names).encode()).hexdigest()[:12]
    kept = CACHE / f"{codename()}-{key}.tar"
    if kept.exists():
        return kept
    CACHE.mkdir(parents=True, exist_ok=True)
    making = CACHE / f"making-{os.getpid()}"
    try:
        done = subprocess.run(["debootstrap", "--variant=minbase", f"--include={','.join(names)}", codename(),
                               making, *mirror()], capture_output=True, text=True, timeout=300, check=False,
                              env={"PATH": w.PATH, "LC_ALL": "C"})
        assert done.returncode == 0, f"debootstrap cannot make a root (is a mirror reached?): {done.stdout[-2000:]}"
        new = kept.with_suffix(f".{os.getpid()}")
        call("tar", "-C", making, "--exclude=./var/cache/apt/*", "--exclude=./var/lib/apt/lists/*",
             "--exclude=./dev/*", "-cf", new, ".")
        new.rename(kept)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return kept


class Root:
    def __init__(self, path, base):
        self.path = path
        path.mkdir()
        call("tar", "-C", path, "-xpf", base)
        call("mount", "-t", "proc", "proc", path / "proc")
        (path / "dev/net").mkdir(parents=True, exist_ok=True)
        for device in ("dev/null", "dev/urandom", "dev/net/tun"):
            (path / device).touch()
            call("mount", "--bind", f"/{device}", path / device)
        (path / "usr/bin/systemctl").write_text(SYSTEMCTL)
        (path / "usr/bin/systemctl").chmod(0o755)
        (path / "run/systemd/system").mkdir(parents=True)

    def end(self):
        for place in ("dev/net/tun", "dev/urandom", "dev/null", "proc"):
            subprocess.run(["umount", "-l", self.path / place], capture_output=True, check=False)
        shutil.rmtree(self.path, ignore_errors=True)

    def run(self, *command):
        return call("chroot", self.path, *command, timeout=60)

    def dpkg(self, *packages, how="-i"):
        """How dpkg did, and what systemctl was asked for meanwhile."""
        log = self.path / "systemctl.log"
        log.write_text("")
        (self.path / "tmp").mkdir(exist_ok=True)
        for index, package in enumerate(packages):
            if how == "-i":
                shutil.copy(package, self.path / f"tmp/{index}.deb")
        names = [f"/tmp/{index}.deb" for index in range(len(packages))] if how == "-i" else packages
        said = self.run("dpkg", how, *names)
        for name in names if how == "-i" else ():
            (self.path / name.lstrip("/")).unlink()
        asked = log.read_text().splitlines()
        log.unlink()
        return said, asked

    def files(self):
        found = set()
        for directory, directories, files in os.walk(self.path):
            inside = pathlib.Path(directory).relative_to(self.path)
            directories[:] = [name for name in directories if not NOT_OURS.match(f"{inside}/{name}/".removeprefix("./"))]
            found.update(str(inside / name) for name in [*directories, *files])
        return {name for name in found if not NOT_OURS.match(name)}

    def version(self, package):
        return self.run("dpkg-query", "-W", "-f", "${Version}", package)

    def read(self, name):
        return (self.path / name).read_text()


@pytest.fixture(scope="module")
def packages(request, tmp_path_factory):
    if request.config.missing is not None:
        pytest.skip(request.config.missing)
    return build(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def root(packages, tmp_path):
    made = Root(tmp_path / "root", tarball(packages))
    yield made
    made.end()


# ---- steps ----

def starts(asked):
    return [line for line in asked if UNIT in line and re.search(r"\b(re)?start\b", line)]


def stops(asked):
    return [line for line in asked if UNIT in line and re.search(r"\bstop\b", line)]


def check_installed(root):
    version = root.version("handfast")
    assert root.run("handfast", "--version").strip() == f"handfast {version}"
    assert ": ok" in root.run("handfast", "guard", "--check", "/etc/handfast/guard.conf")
    assert re.search(r"^handfast:x:\d+:\d+:", root.read("etc/passwd"), re.MULTILINE)
    state = root.run("stat", "-c", "%U:%G %a", "/var/lib/handfast", "/run/handfast").split("\n")
    assert state[:2] == ["handfast:handfast 750", "handfast:handfast 755"]
    assert root.run("dpkg-query", "-W", "-f", "${Conffiles}", "handfast").split()[0] == "/etc/handfast/guard.conf"
    assert root.run("dpkg", "--verify", *NAMES) == ""
    for name in ("usr/share/man/man1/handfast-guard.1.gz", "usr/share/man/man5/handfast-guard.conf.5.gz",
                 "usr/share/bash-completion/completions/handfast", f"lib/systemd/system/{UNIT}"):
        assert (root.path / name).is_file(), name


def check_library(root, directory):
    """A program is compiled with the headers and pkg-config files of the packages, and runs with their libraries."""
    libraries = next(root.path.glob("usr/lib/*-linux-gnu"))
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "handfast-os"], capture_output=True, text=True, check=True,
                           env={"PATH": w.PATH, "PKG_CONFIG_LIBDIR": str(libraries / "pkgconfig"),
                                "PKG_CONFIG_SYSROOT_DIR": str(root.path)}).stdout.split()
    program = directory / "echo"
    call("cc", w.ROOT / "examples/echo.c", *flags, "-o", program)
    assert "libhandfast-os.so.0" in call("readelf", "-d", program)
    shutil.copy(program, root.path / "echo")
    listed = root.run("ldd", "/echo")
    assert "not found" not in listed and "libhandfast.so.0" in listed
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


def smoke(world, root):
    """The guard of the package serves, as its own user, behind its fences."""
    (root.path / "etc/handfast/guard.conf").write_text(CONFIG)
    world.serve(world.listen(V4, 7007, "127.0.0.1"), lambda one: one.sendall(one.recv(100)))
    log = root.path / "guard.log"
    with open(log, "wb") as out:
        guard = world.start("chroot", root.path, "handfast", "guard", "/etc/handfast/guard.conf", stdout=out, stderr=out)

    def answers():
        assert guard.poll() is None, log.read_text()
        return world.run("chroot", root.path, "handfast", "stats", "--json")[0] == 0

    w.until(answers, "the guard answers")
    client = world.connect(V4, 7)
    client.sendall(b"hello")
    assert w.receive(client, 5) == b"hello"
    client.close()
    status = pathlib.Path(f"/proc/{guard.pid}/status").read_text()
    user = re.search(r"^handfast:x:(\d+):", root.read("etc/passwd"), re.MULTILINE).group(1)
    assert re.search(rf"^Uid:\t{user}\t{user}\t{user}\t{user}$", status, re.MULTILINE), status
    assert "CapEff:\t0000000000000000" in status and "CapPrm:\t0000000000000000" in status
    assert "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status
    code, out, _ = world.run("chroot", root.path, "handfast", "stats", "--json")
    assert code == 0 and json.loads(out)["services"][0]["accepted"] == 1
    assert world.stop(guard) == 0, log.read_text()
    log.unlink()


def test_packages_install_run_upgrade_and_leave_nothing(world, root, packages, tmp_path):
    before = root.files()

    _, asked = root.dpkg(*(packages[name] for name in NAMES))
    assert not starts(asked), "it is not started before it is configured"
    check_installed(root)
    check_library(root, tmp_path)
    with kernel.inside(world.namespace):
        smoke(world, root)

    (root.path / "running").touch()
    newer = build(tmp_path / "newer", NEXT)
    _, asked = root.dpkg(*(newer[name] for name in NAMES))
    assert root.version("handfast") == NEXT and root.version("libhandfast0") == NEXT
    assert starts(asked), f"an upgrade restarts what was running: {asked}"
    assert root.read("etc/handfast/guard.conf") == CONFIG, "what was configured stays"

    _, asked = root.dpkg("handfast", "libhandfast-dev", "libhandfast0", how="-r")
    assert stops(asked), f"removal stops the service: {asked}"
    assert not (root.path / "usr/bin/handfast").exists()
    assert root.read("etc/handfast/guard.conf") == CONFIG and (root.path / "var/lib/handfast").is_dir()

    root.dpkg("handfast", how="-P")
    (root.path / "running").unlink()
    assert root.files() - before == set()
    assert before - root.files() == set()
    for name in ("passwd", "group"):
        assert "handfast" not in root.read(f"etc/{name}")
    assert not (root.path / "run/handfast").exists()
