"""What a test works with: a namespace, handfast in it, and the Linux kernel as its peer.

    kernel: 192.0.2.1, 2001:db8:1::1      hf0 (TAP)      our stack: 192.0.2.10, 2001:db8:1::10
"""

import array
import fcntl
import hashlib
import itertools
import json
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import kernel

ROOT = pathlib.Path(__file__).resolve().parents[2]
HANDFAST = pathlib.Path(os.environ.get("HANDFAST_BUILD", ROOT / "build/dev")) / "handfast"
PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
TAP = "hf0"
PATIENCE = 10.0
RESETS = struct.pack("ii", 1, 0)  # SO_LINGER: close() resets
_numbers = itertools.count()


class Family:
    def __init__(self, name, number, host, guard, length):
        self.name, self.number, self.length = name, number, length
        self.host, self.guard = host, guard
        self.loopback = "127.0.0.1" if name == "v4" else "::1"

    def endpoint(self, port, address=None):
        address = address or self.guard
        return f"{address}:{port}" if self.name == "v4" else f"[{address}]:{port}"

    def url(self, path, port=80):
        return f"http://{self.endpoint(port)}{path}"


FAMILIES = {
    "v4": Family("v4", socket.AF_INET, "192.0.2.1", "192.0.2.10", 24),
    "v6": Family("v6", socket.AF_INET6, "2001:db8:1::1", "2001:db8:1::10", 64),
}
V4, V6 = FAMILIES["v4"], FAMILIES["v6"]


def noise(length, seed=1):
    return random.Random(seed).randbytes(length)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def until(condition, what, seconds=3 * PATIENCE):
    """Asks until the answer is true; the test fails if it never is."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        select.select([], [], [], 0.002)


def receive_all(connection):
    parts = []
    while part := connection.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)


def receive(connection, length):
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        assert part, f"the stream ended after {len(data)} of {length} bytes"
        data += part
    return data


class World:
    def __init__(self):
        self.namespace = kernel.new_namespace()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="hf-", dir="/run"))
        self.processes, self.sockets, self.threads = [], [], []
        self.name = f"t{next(_numbers)}"  # of the guard: handfast -i NAME
        for key in ("all/disable_ipv6", "default/disable_ipv6", "all/accept_dad", "default/accept_dad"):
            self.sysctl(f"net/ipv6/conf/{key}", 0)
        self.ip("link", "set", "lo", "up")

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        for made in self.sockets:
            made.close()
        for thread in self.threads:
            thread.join(PATIENCE)
        os.close(self.namespace)
        shutil.rmtree(self.directory, ignore_errors=True)

    # ---- programs ----

    def _child(self):
        kernel.die_with_parent()
        kernel.enter(self.namespace)

    def start(self, *command, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen([str(word) for word in command], preexec_fn=self._child,
                                   env={**os.environ, "PATH": PATH, "LC_ALL": "C"}, **options)
        self.processes.append(process)
        return process

    def run(self, *command, data=None, seconds=PATIENCE):
        """(exit code, stdout, stderr as text)"""
        process = self.start(*command, stdin=subprocess.PIPE if data is not None else subprocess.DEVNULL)
        out, err = process.communicate(data, timeout=seconds)
        return process.returncode, out, err.decode()

    def ip(self, *words):
        code, _, err = self.run("ip", *words)
        assert code == 0, f"ip {' '.join(words)}: {err}"

    def sysctl(self, key, value):
        with kernel.inside(self.namespace):
            pathlib.Path("/proc/sys", key).write_text(str(value))

    # ---- the interface ----

    def make_tap(self, mtu=1500):
        """The TAP with the kernel's addresses, ready before handfast opens it."""
        self.ip("tuntap", "add", "dev", TAP, "mode", "tap", "vnet_hdr")
        self.ip("addr", "add", f"{V4.host}/{V4.length}", "dev", TAP)
        self.ip("addr", "add", f"{V6.host}/{V6.length}", "dev", TAP, "nodad")
        self.ip("link", "set", TAP, "mtu", str(mtu), "up")

    def has_interface(self, name=TAP):
        return self.run("ip", "link", "show", name)[0] == 0

    def kernel_completes(self):
        """Checksums and segmentation are done in software before packets reach the TAP."""
        with kernel.inside(self.namespace), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            for command in (0x1F, 0x17):  # ETHTOOL_STSO, ETHTOOL_STXCSUM
                value = array.array("I", [command, 0])
                request = struct.pack("16sP16x", TAP.encode(), value.buffer_info()[0])
                fcntl.ioctl(control, 0x8946, request)  # SIOCETHTOOL

    # ---- sockets of the kernel ----

    def socket(self, family, kind=socket.SOCK_STREAM):
        with kernel.inside(self.namespace):
            made = socket.socket(family.number if isinstance(family, Family) else family, kind)
        made.settimeout(PATIENCE)
        self.sockets.append(made)
        return made

    def connect(self, family, port):
        made = self.socket(family)
        made.connect((family.guard, port))
        return made

    def listen(self, family, port, address=None, backlog=128):
        made = self.socket(family)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address or family.host, port))
        made.listen(backlog)
        return made

    def accept(self, listener):
        made, _ = listener.accept()
        made.settimeout(PATIENCE)
        self.sockets.append(made)
        return made

    def serve(self, listener, handle):
        """Answers each connection in a thread of its own, until the listener is closed."""

        def one(connection):
            with connection:
                try:
                    handle(connection)
                except OSError:
                    pass  # the client saw it

        def loop():
            while True:
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                except OSError:
                    return
                connection.settimeout(6 * PATIENCE)  # clients that think for long are no reason to leave
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        listener.settimeout(0.2)
        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        self.threads.append(thread)

    # ---- handfast ----

    def handfast(self, *words, **options):
        return self.run(HANDFAST, *words, **options)

    def nc(self, family, *words, **options):
        """handfast nc in the background; stdin is a pipe."""
        options.setdefault("stdin", subprocess.PIPE)
        return self.start(HANDFAST, "nc", "-v", "-i", TAP, "-a", f"{family.guard}/{family.length}",
                          *words, **options)

    def nc_listen(self, family, port, **options):
        process = self.nc(family, "-l", port, **options)
        read_until(process.stderr, b"listening")
        return process

    def config(self, services, root="", uplink="", name="guard.conf"):
        path = self.directory / name
        ours = "".join(f'{key} = "{value}"\n' for key, value in (("user", ""), ("state_directory", self.directory))
                       if not re.search(rf"^{key}\b", root, re.MULTILINE))
        path.write_text(f'''
control = "/run/handfast/{self.name}.sock"
{root}
uplink "{TAP}" {{
    addresses = {{ "{V4.guard}/{V4.length}", "{V6.guard}/{V6.length}" }}
    host_address = {{ "{V4.host}/{V4.length}", "{V6.host}/{V6.length}" }}
    {uplink}
}}
{services}
{ours}''')
        return path

    def guard(self, services, root="", uplink=""):
        os.makedirs("/run/handfast", exist_ok=True)
        log = open(self.directory / "guard.log", "wb")
        process = self.start(HANDFAST, "guard", self.config(services, root, uplink),
                             stdout=log, stderr=log)
        log.close()
        until(lambda: self.stats(process) is not None, "the guard answers")
        return process

    def guard_log(self):
        return (self.directory / "guard.log").read_text()

    def stats(self, process=None):
        """What the guard counts; None if it does not answer."""
        if process is not None and process.poll() is not None:
            raise AssertionError(f"the guard ended: {self.guard_log()}")
        code, out, _ = self.handfast("-i", self.name, "stats", "--json")
        return json.loads(out) if code == 0 else None

    def stop(self, process, number=signal.SIGTERM):
        process.send_signal(number)
        return process.wait(PATIENCE)

    def nginx(self, port=8080):
        root = self.directory / "www"
        (root / "put").mkdir(parents=True)
        path = self.directory / "nginx.conf"
        places = "".join(f"{what}_temp_path {self.directory}/{what};\n"
                         for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        path.write_text(f'''
daemon off; master_process off; user root; pid {self.directory}/nginx.pid;
error_log {self.directory}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; client_max_body_size 0; {places}
    server {{ listen 127.0.0.1:{port}; root {root}; location /put/ {{ dav_methods PUT; }} }}
}}
''')
        self.start("nginx", "-e", self.directory / "nginx.log", "-c", path)
        self.until_open(port)
        return root

    def until_open(self, port):
        def ask():
            with kernel.inside(self.namespace), socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        until(ask, f"port {port} is open")


def read_until(stream, word, seconds=PATIENCE):
    """Reads a pipe until the word was there; returns all of it."""
    deadline, text = time.monotonic() + seconds, b""
    while word not in text:
        ready, _, _ = select.select([stream], [], [], max(0, deadline - time.monotonic()))
        part = os.read(stream.fileno(), 4096) if ready else b""
        assert part, f"no {word!r} in {text!r}"
        text += part
    return text


def service(name, port, to, families=(V4, V6), **keys):
    listen = ", ".join(f'"{family.endpoint(port)}"' for family in families)
    backend = f'backend "{name}" {{ to = "{to}" client_address = {keys.pop("client_address", "none")} }}'
    keys.setdefault("check_interval", 0)  # servers under test see clients only
    lines = "\n".join(f"    {key} = {value}" for key, value in keys.items())
    return f'service "{name}" {{\n    listen = {{ {listen} }}\n    {backend}\n{lines}\n}}\n'
