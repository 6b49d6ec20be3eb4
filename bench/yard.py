"""Where relay and soak measure: two network namespaces, and programs in them that end with the benchmark.

    client                           host
    wrk, iperf3, clients             router (kernel)         handfast guard    backends
    198.51.100.2   eth0 ---- up0     198.51.100.1            on a TAP
                                     192.0.2.1   hf0 ------- 192.0.2.10 ------ 127.0.0.1

The direct way and HAProxy's are 198.51.100.1, the guard's is 192.0.2.10, one routed hop further as on a server.
"""

import json
import os
import pathlib
import resource
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/interop"))
sys.dont_write_bytecode = True

import kernel

HANDFAST = pathlib.Path(os.environ.get("HANDFAST_BUILD", ROOT / "build/release")) / "handfast"
PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
DIRECT, GUARD = "198.51.100.1", "192.0.2.10"
DESCRIPTORS = 65536
PATIENCE_S = 20


def missing(programs):
    """Why nothing can be measured here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in programs:
        if not shutil.which(program, path=PATH):
            return f"the program {program} is missing"
    return None if os.access(HANDFAST, os.X_OK) else "handfast is not built"


def skip(name, why):
    print(json.dumps({"bench": name, "skipped": why}), flush=True)


def until(condition, what, seconds=PATIENCE_S):
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise SystemExit(f"bench: {what}: not within {seconds} s")
        select.select([], [], [], 0.02)


def median_line(name, values, unit, **more):
    print(json.dumps({"bench": name, "value": round(statistics.median(values), 2), "unit": unit,
                      "min": round(min(values), 2), "max": round(max(values), 2), "runs": len(values), **more}),
          flush=True)


def raise_descriptors():
    """As many as this container allows."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    soft = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


class Yard:
    def __init__(self):
        self.descriptors = raise_descriptors()
        kernel.private_run()
        os.makedirs("/run/handfast")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir="/run"))
        self.processes = []
        self.host, self.client = kernel.new_namespace(), kernel.new_namespace()
        there = f"/proc/{os.getpid()}/fd/{self.client}"
        self.ip(self.host, "link set lo up", f"link add up0 type veth peer name eth0 netns {there}",
                f"addr add {DIRECT}/24 dev up0", "link set up0 up")
        self.ip(self.client, "link set lo up", "addr add 198.51.100.2/24 dev eth0", "link set eth0 up",
                f"route add default via {DIRECT}")
        for namespace, device in ((self.host, "up0"), (self.client, "eth0")):
            self.write(namespace, "net/ipv4/ip_local_port_range", "1024 65535")
            self.write(namespace, "net/ipv4/ip_forward", "1")
            self.keep_order(namespace, device)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            self.end(process)

    def ip(self, namespace, *commands):
        for command in commands:
            done = self.run(namespace, "ip", *command.split())
            if done.returncode != 0:
                raise SystemExit(f"bench: ip {command}: {done.stderr.decode().strip()}")

    def write(self, namespace, key, value):
        with kernel.inside(namespace):
            pathlib.Path("/proc/sys", key).write_text(value)

    def keep_order(self, namespace, device):
        """A veth works on the CPU of its sender, who moves; receive packet steering keeps each flow on one."""
        where = self.directory / "sys"
        where.mkdir(exist_ok=True)
        with kernel.inside(namespace):
            subprocess.run(["mount", "-t", "sysfs", "none", where], check=True)
            mask = f"{(1 << min(os.cpu_count(), 16)) - 1:x}"
            (where / f"class/net/{device}/queues/rx-0/rps_cpus").write_text(mask)
            subprocess.run(["umount", "-l", where], check=True)

    # ---- programs ----

    def start(self, namespace, *command, **options):
        def child():
            kernel.die_with_parent()
            kernel.enter(namespace)

        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen([str(word) for word in command], preexec_fn=child,
                                   env={**os.environ, "PATH": PATH, "LC_ALL": "C"}, **options)
        self.processes.append(process)
        return process

    def end(self, process):
        if process in self.processes:
            self.processes.remove(process)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()

    def run(self, namespace, *command, seconds=PATIENCE_S):
        process = self.start(namespace, *command)
        try:
            out, err = process.communicate(timeout=seconds)
        finally:
            self.end(process)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def serve(self, namespace, *command, name="server"):
        """A program that stays; what it says goes to a file."""
        with open(self.directory / f"{name}.log", "wb") as log:
            return self.start(namespace, *command, stdout=log, stderr=log)

    def until_open(self, address, port):
        def ask():
            with kernel.inside(self.client):
                import socket
                probe = socket.socket()
            with probe:
                probe.settimeout(1)
                return probe.connect_ex((address, port)) == 0

        until(ask, f"{address} port {port} is open")

    # ---- the guard ----

    def guard(self, services, limits=""):
        """Services: (name, port, port of the backend on 127.0.0.1, more keys)."""
        text = f'''
control = "/run/handfast/bench.sock"
user = ""
uplink "hf0" {{
    mode = address
    addresses = {{ "{GUARD}/24" }}
    host_address = {{ "192.0.2.1/24" }}
    gateway = {{ "192.0.2.1" }}
}}
limits {{ {limits} }}
'''
        for name, port, to, keys in services:
            text += f'service "{name}" {{ listen = {{ "{GUARD}:{port}" }} {keys}\n' \
                    f'    backend "b" {{ to = "127.0.0.1:{to}" client_address = none }} }}\n'
        path = self.directory / "guard.conf"
        path.write_text(text)
        process = self.serve(self.host, HANDFAST, "-i", "bench", "guard", path, name="guard")

        def answers():
            if process.poll() is not None:
                raise SystemExit(f"bench: the guard ended: {(self.directory / 'guard.log').read_text()}")
            return self.stats()

        until(answers, "the guard answers")
        return process

    def stats(self):
        done = self.run(self.host, HANDFAST, "-i", "bench", "stats", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else None


def resident_bytes(process):
    """What it holds of memory, its children included."""
    pids = {process.pid}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rsplit(")", 1)[1].split()[1]) in pids:
                pids.add(int(path.parent.name))
        except (OSError, ValueError):
            continue
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total


def descriptors(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))
