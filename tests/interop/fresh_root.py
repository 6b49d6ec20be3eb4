"""A fresh Debian root for the packages: made by debootstrap once, kept as a tarball under build/debootstrap.

HANDFAST_MIRROR names a mirror; without it the one that this machine uses. In the root, systemctl is a stand-in that does what
the unit file says: no service of this machine is touched.
"""

import hashlib
import os
import pathlib
import re
import shutil
import stat
import subprocess

import world as w

CACHE = w.ROOT / "build/debootstrap"
NAMES = ("libhandfast0", "libhandfast-dev", "handfast")
BESIDE = ("iproute2", "nginx-light")  # what there is to be guarded
UNIT = "handfast-guard.service"

# What dpkg, ldconfig and the tools for users write for themselves, and where tests keep their notes.
NOT_OURS = re.compile(r"^(var/lib/dpkg/|var/log/|var/cache/ldconfig/|etc/(passwd|group|shadow|gshadow|subuid|subgid)-$"
                      r"|etc/\.pwd\.lock$|etc/ld\.so\.cache$|run/|proc/|dev/|sys/|tmp/|systemctl\.log$|journal$)")


def call(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                          env={"PATH": w.PATH, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}, **options)
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def build(output, *version):
    """{name: file} of the packages of the build under test."""
    for program in ("dh", "scdoc", "debootstrap"):
        assert shutil.which(program, path=w.PATH), f"{program} is missing: tools/install_packages package"
    call(w.ROOT / "tools/package", w.HANDFAST.parent, output, *version, timeout=600)
    packages = {path.name.split("_")[0]: path for path in pathlib.Path(output).glob("*.deb")}
    assert sorted(packages) == sorted(NAMES)
    return packages


# ---- what there is before ----

def needed(packages):
    """What the packages need of others, the smaller alternative where there is one."""
    names = set(BESIDE)
    for package in packages.values():
        for one in call("dpkg-deb", "-f", package, "Depends").strip().split(","):
            ways = [way.split("(")[0].strip() for way in one.split("|")]
            names.add(next((way for way in ways if "standalone" in way), ways[0]))
    return sorted(names - set(NAMES) - {""})


def codename():
    return re.search(r"^VERSION_CODENAME=(\w+)", pathlib.Path("/etc/os-release").read_text(), re.MULTILINE).group(1)


def mirror():
    if "HANDFAST_MIRROR" in os.environ:
        return [os.environ["HANDFAST_MIRROR"]]
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages"],
                            capture_output=True, text=True, check=False).stdout
    return [line.split()[0] for line in listed.splitlines() if line.endswith(f" {codename()}")][:1]


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
                               making, *mirror()], capture_output=True, text=True, timeout=1200, check=False,
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
    """Everything in it runs in the network namespace of a world."""

    def __init__(self, world, packages, path):
        self.world, self.path = world, path
        path.mkdir()
        call("tar", "-C", path, "-xpf", tarball(packages))
        path.chmod(0o755)
        call("mount", "-t", "proc", "proc", path / "proc")
        (path / "dev/net").mkdir(parents=True, exist_ok=True)
        for device in ("dev/null", "dev/urandom", "dev/net/tun"):  # for everyone, as udev would make them
            os.mknod(path / device, 0o600 | stat.S_IFCHR, os.stat(f"/{device}").st_rdev)
            (path / device).chmod(0o666)
        for name in ("systemctl", "journalctl"):
            shutil.copy(w.ROOT / "tests/interop/systemctl", path / "usr/bin" / name)
        (path / "run/systemd/system").mkdir(parents=True)
        (path / "journal").touch()

    def end(self):
        kept = self.path / f"run/{UNIT}.pid"
        if kept.exists():
            subprocess.run(["kill", "-KILL", kept.read_text().strip()], capture_output=True, check=False)
        subprocess.run(["umount", "-l", self.path / "proc"], capture_output=True, check=False)
        shutil.rmtree(self.path, ignore_errors=True)

    def try_run(self, *command, seconds=300):
        """(exit code, what it printed)"""
        process = self.world.start("chroot", self.path, *command, stderr=subprocess.STDOUT)
        out, _ = process.communicate(timeout=seconds)
        return process.returncode, out.decode()

    def run(self, *command, seconds=300):
        code, out = self.try_run(*command, seconds=seconds)
        assert code == 0, f"{command}: {code}: {out[-3000:]}\n{self.read('journal')[-3000:]}"
        return out

    def bring(self, packages):
        """The names in the root of files that are put there."""
        (self.path / "tmp").mkdir(exist_ok=True)
        for package in packages:
            shutil.copy(package, self.path / "tmp" / package.name)
        return [f"/tmp/{package.name}" for package in packages]

    def asked(self):
        """What systemctl was asked for since the last time."""
        log = self.path / "systemctl.log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.write_text("")
        return lines

    def service(self):
        """The process of the service, or None."""
        kept = self.path / f"run/{UNIT}.pid"
        if not kept.exists():
            return None
        pid = int(kept.read_text())
        return pid if os.path.exists(f"/proc/{pid}") else None

    def files(self):
        found = set()
        for directory, directories, files in os.walk(self.path):
            inside = pathlib.Path(directory).relative_to(self.path)
            directories[:] = [name for name in directories if not NOT_OURS.match(f"{inside}/{name}/".removeprefix("./"))]
            found.update(str(inside / name) for name in [*directories, *files])
        return {name for name in found if not NOT_OURS.match(name)}

    def read(self, name):
        return (self.path / name).read_text()
