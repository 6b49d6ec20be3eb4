"""soak: mixed load through the guard for half an hour: memory, descriptors and buffers stay flat, every byte is accounted for."""

import argparse
import json
import random
import statistics
import subprocess
import sys
import time

import soak_peers
import yard

WHOLE, BROKEN = "whole", "broken"  # services: connections that end in order; those that are aborted
PORTS = {WHOLE: (7, 7007), BROKEN: (8, 7008)}
SLACK_BYTES = 2 << 20
ENDINGS = ("closed", "client_reset", "backend_reset", "backend_refused", "no_backend", "connect_timed_out",
           "idle_timed_out", "total_timed_out", "killed", "cut", "prefix_refused")


class Samples:
    def __init__(self, y, guard):
        self.y, self.guard = y, guard
        self.taken = []

    def take(self, what):
        stats = self.y.stats()
        sample = {"at": time.monotonic(), "what": what, "rss": yard.resident_bytes(self.guard),
                  "descriptors": yard.descriptors(self.guard), "pool": stats["gauges"]["pool_used_bytes"],
                  "slots": stats["gauges"]["connections_used"], "relays": stats["relays"]["active"]}
        self.taken.append(sample)
        return sample

    def quarter(self, number, key):
        """The median over a quarter of the time under load."""
        under = [sample for sample in self.taken if sample["what"] == "load"]
        start, end = len(under) * number // 4, len(under) * (number + 1) // 4
        return statistics.median(sample[key] for sample in under[start:max(end, start + 1)])


def say(text):
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


def totals(process):
    """What a child says about itself at its end, one JSON object."""
    out, err = process.communicate(timeout=240)
    if process.returncode != 0:
        raise SystemExit(f"bench: {err.decode().strip().splitlines()[-1:]}")
    return json.loads(out)


def service(stats, name):
    return next(one for one in stats["services"] if one["name"] == name)


def account(stats, clients, backends):
    """Sentences about what does not add up; none if all does."""
    wrong = []

    def same(what, *values):
        if len(set(values)) != 1:
            wrong.append(f"{what}: {' '.join(map(str, values))}")

    def ordered(what, *values):
        if list(values) != sorted(values):
            wrong.append(f"{what} should not fall: {' '.join(map(str, values))}")

    whole, broken = service(stats, WHOLE), service(stats, BROKEN)
    for name, one in ((WHOLE, whole), (BROKEN, broken)):
        same(f"{name}: accepted, ended", one["accepted"], sum(one.get(end, 0) for end in ENDINGS) + one["active"])
    # Who resets at once may be gone before the guard has seen him: the stack counts those.
    same("opened by clients, accepted or gone before", clients[WHOLE]["opened"] + clients[BROKEN]["opened"],
         whole["accepted"] + broken["accepted"] + stats["counters"]["accept_queue_left"]
         + stats["counters"]["syn_cache_reset"])
    same("whole: sent by clients, given to backends, received by backends",
         clients[WHOLE]["sent"], whole["bytes_in"], backends[WHOLE]["received"])
    same("whole: sent by backends, given to clients, received by clients",
         backends[WHOLE]["sent"], whole["bytes_out"], clients[WHOLE]["received"])
    same("whole: accepted, closed in order", whole["accepted"], whole["closed"])
    ordered("broken: received by backends, given to them, sent by clients",
            backends[BROKEN]["received"], broken["bytes_in"], clients[BROKEN]["sent"])
    ordered("broken: received by clients, given to them, sent by backends",
            clients[BROKEN]["received"], broken["bytes_out"], backends[BROKEN]["sent"])
    if clients["wrong"]:
        wrong.append(f"{clients['wrong']} connections got other bytes than they sent, or an error: {clients['why']}")
    return wrong


def flat(samples, before, after):
    """Sentences about what grew."""
    wrong = []
    early, late = samples.quarter(1, "rss"), samples.quarter(3, "rss")
    if late > early * 1.02 + SLACK_BYTES:
        wrong.append(f"memory grew from {early} to {late} bytes between the second and the last quarter")
    for key in ("descriptors", "pool", "slots", "relays"):
        if after[key] > before[key]:
            wrong.append(f"{key}: {before[key]} before the load, {after[key]} after it")
        early, late = samples.quarter(1, key), samples.quarter(3, key)
        if late > early * 1.5 + 64 and key != "pool":
            wrong.append(f"{key} grew from {early} to {late} between the second and the last quarter")
    return wrong


def settle(samples, before):
    """Waits until what the load held is given back, TIME-WAIT included."""
    deadline = time.monotonic() + 120
    while True:
        sample = samples.take("after")
        if all(sample[key] <= before[key] for key in ("descriptors", "pool", "slots", "relays")):
            return sample
        if time.monotonic() > deadline:
            return sample
        time.sleep(1)


def child(y, namespace, *words):
    return y.start(namespace, "/usr/bin/python3", "-B", soak_peers.__file__, *words, stdin=subprocess.PIPE)


def soak(y, seconds, rate, seed):
    guard = y.guard([(name, port, to, "idle_timeout = 10m") for name, (port, to) in PORTS.items()],
                    "max_connections = 4000 buffer_memory = 64m")
    backend = child(y, y.host, "backend", str(PORTS[WHOLE][1]), str(PORTS[BROKEN][1]))
    backend.stdout.readline()  # it listens
    samples = Samples(y, guard)
    before = samples.take("before")
    client = child(y, y.client, "client", yard.GUARD, str(PORTS[WHOLE][0]), str(PORTS[BROKEN][0]),
                   str(seconds), str(rate), str(seed))
    start = time.monotonic()
    every = min(10, max(1, seconds / 120))
    while client.poll() is None and time.monotonic() < start + seconds:
        time.sleep(every)
        sample = samples.take("load")
        say(f"\r{sample['at'] - start:5.0f} s  {sample['rss'] / 1e6:.1f} MB  {sample['descriptors']} descriptors  "
            f"{sample['relays']} relays  {sample['pool'] / 1e6:.1f} MB in queues")
    clients = totals(client)
    after = settle(samples, before)
    backend.stdin.close()
    backend.stdin = None
    backends = totals(backend)
    stats = y.stats()
    wrong = account(stats, clients, backends) + flat(samples, before, after)
    print(json.dumps({
        "bench": "soak", "value": 0 if wrong else 1, "unit": "verdict", "verdict": "failed" if wrong else "flat",
        "minutes": round(seconds / 60, 1), "seed": seed, "wrong": wrong,
        "connections": {kind: count for kind, count in clients["kinds"].items()},
        "bytes": clients[WHOLE]["sent"] + clients[WHOLE]["received"] + clients[BROKEN]["sent"] +
        clients[BROKEN]["received"],
        "rss_mb": [round(samples.quarter(number, "rss") / 1e6, 2) for number in range(4)],
        "descriptors": [before["descriptors"]] + [samples.quarter(number, "descriptors") for number in range(4)] +
        [after["descriptors"]],
        "pool_bytes": [before["pool"], max(sample["pool"] for sample in samples.taken), after["pool"]],
        "slots": [before["slots"], max(sample["slots"] for sample in samples.taken), after["slots"]],
    }), flush=True)
    return not wrong


def main():
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one minute: to see that it works")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=150, help="connections a second")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    why = yard.missing(("ip",))
    if why:
        return yard.skip("soak", why)
    with yard.Yard() as y:
        if not soak(y, 60 if options.quick else options.minutes * 60, options.rate, options.seed):
            sys.exit(1)


if __name__ == "__main__":
    main()
