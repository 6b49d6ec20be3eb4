"""relay: the guard before nginx, beside nginx alone and HAProxy in TCP mode, all in the same run."""

import argparse
import json
import selectors
import socket
import statistics
import time

import yard
import kernel  # yard knows where it is

BODY = 200  # bytes
WAYS = {"guard": (yard.GUARD, 80), "direct": (yard.DIRECT, 8080), "haproxy": (yard.DIRECT, 8081)}
BULK = {"guard": (yard.GUARD, 5201), "direct": (yard.DIRECT, 5201), "haproxy": (yard.DIRECT, 5202)}
IDLE = 10000


def start_nginx(y):
    where = y.directory
    places = "".join(f"{what}_temp_path {where}/{what};\n"
                     for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    path = where / "nginx.conf"
    path.write_text(f'''
daemon off; user root; pid {where}/nginx.pid; error_log {where}/nginx.log;
worker_processes 1;
events {{ worker_connections {IDLE + 2000}; }}
http {{
    access_log off; {places} keepalive_requests 100000000; keepalive_timeout 600s;
    server {{ listen 8080 backlog=4096; return 200 "{"x" * BODY}"; }}
}}
''')
    y.serve(y.host, "nginx", "-e", where / "nginx.log", "-c", path, name="nginx.out")


def haproxy_most(y):
    """It needs two descriptors for each connection."""
    return min(IDLE + 2000, (y.descriptors - 200) // 2)


def start_haproxy(y):
    path = y.directory / "haproxy.conf"
    path.write_text(f'''
global
    nbthread 1
    maxconn {haproxy_most(y)}
defaults
    mode tcp
    timeout connect 5s
    timeout client 600s
    timeout server 600s
frontend web
    bind {yard.DIRECT}:8081
    default_backend nginx
backend nginx
    server b 127.0.0.1:8080
frontend bulk
    bind {yard.DIRECT}:5202
    default_backend iperf
backend iperf
    server b 127.0.0.1:5201
''')
    return y.serve(y.host, "haproxy", "-db", "-f", path, name="haproxy")


# ---- requests ----

def microseconds(text):
    for unit, factor in (("us", 1), ("ms", 1e3), ("s", 1e6), ("m", 6e7)):
        if text.endswith(unit) and text[:-len(unit)].replace(".", "").isdigit():
            return float(text[:-len(unit)]) * factor
    raise SystemExit(f"bench: wrk says {text}")


def wrk(y, way, clients, close, seconds):
    """(requests a second, p50 and p99 in microseconds, requests that failed)"""
    address, port = WAYS[way]
    words = ["-H", "Connection: close"] if close else []
    done = y.run(y.client, "wrk", "-t", 1, "-c", clients, "-d", f"{seconds}s", "--latency", *words,
                 f"http://{address}:{port}/", seconds=seconds + yard.PATIENCE_S)
    per_s, p50, p99, failed = 0.0, 0.0, 0.0, 0
    for line in done.stdout.decode().splitlines():
        words = line.split()
        if line.startswith("Requests/sec:"):
            per_s = float(words[1])
        elif words[:1] == ["50%"]:
            p50 = microseconds(words[1])
        elif words[:1] == ["99%"]:
            p99 = microseconds(words[1])
        elif line.strip().startswith("Socket errors:"):
            numbers = [int(word.strip(",")) for word in words if word.strip(",").isdigit()]
            failed += sum(numbers)
        elif line.strip().startswith("Non-2xx"):
            failed += int(words[-1])
    if per_s == 0:
        raise SystemExit(f"bench: wrk to {way}: {done.stdout.decode()}{done.stderr.decode()}")
    return per_s, p50, p99, failed


def requests(y, close, clients, runs, seconds):
    figures = {way: [] for way in WAYS}
    for _ in range(runs):  # in turn, so that what changes on the machine meets all three
        for way in WAYS:
            figures[way].append(wrk(y, way, clients, close, seconds))

    def middle(way, index):
        return round(statistics.median(figure[index] for figure in figures[way]), 1)

    more = {}
    for way in WAYS:
        if way != "guard":
            more[way] = middle(way, 0)
        more[f"{way}_p50_us"], more[f"{way}_p99_us"] = middle(way, 1), middle(way, 2)
        more[f"{way}_failed"] = sum(figure[3] for figure in figures[way])
    more["of_haproxy"] = round(middle("guard", 0) / middle("haproxy", 0), 3)
    yard.median_line(f"relay_{'close' if close else 'keep'}_{clients}",
                     [figure[0] for figure in figures["guard"]], "requests/s", **more)


def latency(y, close, runs, seconds):
    """One client, one request at a time: what the way itself adds, without a queue."""
    figures = {way: [wrk(y, way, 1, close, seconds) for _ in range(runs)] for way in WAYS}

    def middle(way, index):
        return statistics.median(figure[index] for figure in figures[way])

    for index, name in ((1, "p50"), (2, "p99")):
        added = [figure[index] - middle("direct", index) for figure in figures["guard"]]
        yard.median_line(f"relay_added_{'close' if close else 'keep'}_{name}", added, "us",
                         direct_us=round(middle("direct", index), 1), guard_us=round(middle("guard", index), 1),
                         haproxy_us=round(middle("haproxy", index), 1),
                         haproxy_added_us=round(middle("haproxy", index) - middle("direct", index), 1))


# ---- bulk ----

def iperf(y, way, reverse, seconds):
    address, port = BULK[way]
    words = ["-R"] if reverse else []
    done = y.run(y.client, "iperf3", "-J", "-c", address, "-p", port, "-t", seconds, *words,
                 seconds=seconds + yard.PATIENCE_S)
    report = json.loads(done.stdout)
    if done.returncode != 0:
        raise SystemExit(f"bench: iperf3 to {way}: {report.get('error')}")
    return report["end"]["sum_received"]["bits_per_second"] / 1e9


def bulk(y, runs, seconds):
    y.serve(y.host, "iperf3", "-s", "-p", 5201, name="iperf3")
    y.until_open(yard.DIRECT, 5201)
    for reverse, name in ((False, "up"), (True, "down")):
        figures = {way: [] for way in BULK}
        for _ in range(runs):
            for way in BULK:
                figures[way].append(iperf(y, way, reverse, seconds))
        yard.median_line(f"relay_bulk_{name}", figures["guard"], "Gbit/s",
                         **{way: round(statistics.median(figures[way]), 2) for way in ("direct", "haproxy")})


# ---- memory ----

def open_many(y, way, count):
    """Connections that have each had one answer and now wait."""
    request = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
    opened, waiting, selector = [], 0, selectors.DefaultSelector()
    deadline = time.monotonic() + 120
    answered = 0
    while answered < count:
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: {answered} of {count} connections to {way} were answered")
        while len(opened) < count and waiting < 200:
            made = socket.socket()
            made.setblocking(False)
            made.connect_ex(WAYS[way])
            selector.register(made, selectors.EVENT_WRITE)
            opened.append(made)
            waiting += 1
        for key, event in selector.select(1):
            if event & selectors.EVENT_WRITE:
                key.fileobj.send(request)
                selector.modify(key.fileobj, selectors.EVENT_READ)
            elif key.fileobj.recv(4096):
                selector.unregister(key.fileobj)
                answered, waiting = answered + 1, waiting - 1
            else:
                raise SystemExit(f"bench: a connection to {way} ended")
    return opened


def memory(y, guard, haproxy, count):
    figures = {}
    at_haproxy = min(count, haproxy_most(y) - 50)
    for way, process, number in (("guard", guard, count), ("haproxy", haproxy, at_haproxy)):
        before, start = yard.resident_bytes(process), time.monotonic()
        with kernel.inside(y.client):
            opened = open_many(y, way, number)
        took = time.monotonic() - start
        figures[way] = (before, yard.resident_bytes(process), took)
        if way == "guard":
            stats = y.stats()
        for made in opened:
            made.close()
    name = f"relay_memory_{count // 1000}k" if count >= 1000 else f"relay_memory_{count}"
    before, after, took = figures["guard"]
    yard.median_line(name, [after / 1e6], "MB", before_mb=round(before / 1e6, 2), connections=count,
                     bytes_each=round((after - before) / count), seconds=round(took, 2),
                     relays=stats["relays"]["active"], pool_used_bytes=stats["gauges"]["pool_used_bytes"],
                     haproxy_mb=round(figures["haproxy"][1] / 1e6, 2), haproxy_connections=at_haproxy,
                     haproxy_bytes_each=round((figures["haproxy"][1] - figures["haproxy"][0]) / at_haproxy))


def main():
    parser = argparse.ArgumentParser(prog="relay", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything: to see that it works")
    quick = parser.parse_args().quick
    why = yard.missing(("ip", "wrk", "haproxy", "nginx", "iperf3"))
    if why:
        return yard.skip("relay", why)
    runs, seconds, idle = (1, 1, 500) if quick else (3, 3, IDLE)
    with yard.Yard() as y:
        start_nginx(y)
        haproxy = start_haproxy(y)
        guard = y.guard([("web", 80, 8080, "idle_timeout = 10m backlog = 4096"),
                         ("bulk", 5201, 5201, "")], f"max_connections = {IDLE + 2000}")
        for address, port in WAYS.values():
            y.until_open(address, port)
        for close in (True, False):
            for clients in (16, 64):
                requests(y, close, clients, runs, seconds)
        for close in (True, False):
            latency(y, close, runs, seconds)
        bulk(y, runs, seconds)
        memory(y, guard, haproxy, idle)


if __name__ == "__main__":
    main()
