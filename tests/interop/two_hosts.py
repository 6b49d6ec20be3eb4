"""Two hosts on a wire, and a router between them where a test wants one: handfast guards ports of the first one's kernel.

    client 192.0.2.2, 2001:db8:1::2   eth0 ---- eth0   host 192.0.2.1, 2001:db8:1::1
    (and behind it 198.51.100.7, 2001:db8:7::7: whoever reaches them goes by the client)
"""

import contextlib
import os
import socket
import threading

import kernel
import world as w
from world import V4, V6

NEAR = {"v4": "192.0.2.2", "v6": "2001:db8:1::2"}
FAR = {"v4": "198.51.100.7", "v6": "2001:db8:7::7"}
PORT, OTHER = 80, 2222


def plain(address):
    """::ffff:192.0.2.1 is 192.0.2.1 on a socket of both families."""
    return address.removeprefix("::ffff:")


class Host(w.World):
    """The machine whose ports are guarded."""

    def __init__(self, client, mtu=1500):
        super().__init__()
        self.directory.chmod(0o755)  # the guard is nobody when it reloads
        self.client = client
        self.heard = []  # who connected, as the servers saw it
        self.wire(mtu)

    def wire(self, mtu=1500):
        anchor = self.client.start("sleep", "1000")
        self.ip("link", "add", "eth0", "mtu", str(mtu), "type", "veth", "peer", "name", "eth0", "mtu", str(mtu),
                "netns", str(anchor.pid))
        self.ip("addr", "add", "192.0.2.1/24", "dev", "eth0")
        self.ip("addr", "add", "2001:db8:1::1/64", "dev", "eth0", "nodad")
        self.client.ip("addr", "add", "192.0.2.2/24", "dev", "eth0")
        self.client.ip("addr", "add", "2001:db8:1::2/64", "dev", "eth0", "nodad")
        self.client.ip("link", "set", "eth0", "up")
        self.ip("link", "set", "eth0", "up")
        self.ip("route", "add", "default", "via", "192.0.2.2")
        self.ip("-6", "route", "add", "default", "via", "2001:db8:1::2")
        anchor.kill()

    def far_addresses(self):
        self.client.ip("addr", "add", f"{FAR['v4']}/32", "dev", "lo")
        self.client.ip("addr", "add", f"{FAR['v6']}/128", "dev", "lo", "nodad")

    # ---- servers ----

    def tell_who(self, port, address="::"):
        """A server that tells each client who it is, as the server sees it."""

        def answer(connection):
            who = plain(connection.getpeername()[0])
            self.heard.append(who)
            connection.sendall(who.encode())

        family = V4 if "." in address else V6
        self.serve(self.listen(family, port, address), answer)

    def nginx_with_log(self):
        """nginx as it comes, with its usual log."""
        (self.directory / "www").mkdir()
        path = self.directory / "nginx.conf"
        places = "".join(f"{what}_temp_path {self.directory}/{what};\n"
                         for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        path.write_text(f'''
daemon off; master_process off; user root; pid {self.directory}/nginx.pid;
error_log {self.directory}/nginx.log;
events {{ worker_connections 64; }}
http {{
    access_log {self.directory}/access.log; {places}
    server {{ listen 127.0.0.1:8080; root {self.directory}/www; }}
}}
''')
        self.start("nginx", "-e", self.directory / "nginx.log", "-c", path)
        w.until(lambda: (self.directory / "nginx.pid").exists() and self.is_open(8080), "nginx listens")
        return self.directory / "www"

    def is_open(self, port):
        return f"127.0.0.1:{port} " in self.run("ss", "-ltnH")[1].decode()

    # ---- the guard ----

    def config(self, services, root="", uplink="", name="guard.conf"):
        path = self.directory / name
        path.write_text(f'''
control = "/run/handfast/{self.name}.sock"
user = "nobody"
{root}
uplink "eth0" {{
    mode = port
    {uplink}
}}
{services}
''')
        return path

    def guard(self, services, root="", uplink=""):
        return self.start_guard(self.config(services, root, uplink))

    def start_guard(self, path):
        os.makedirs("/run/handfast", exist_ok=True)
        log = open(self.directory / "guard.log", "wb")
        process = self.start(w.HANDFAST, "guard", path, stdout=log, stderr=log)
        log.close()
        w.until(lambda: self.stats(process) is not None, "the guard answers")
        w.until(lambda: "serving on " in self.guard_log(), "its log, a thread's, has come as far")
        return process

    def ask(self, family, port=PORT, source=None, seconds=w.PATIENCE):
        """What a server tells the client, who it is; None if nobody answers."""
        with kernel.inside(self.client.namespace):
            made = socket.socket(family.number)
        with made:
            made.settimeout(seconds)
            try:
                if source:
                    made.bind((source, 0))
                made.connect((host_address(family), port))
                return w.receive_all(made).decode()
            except OSError:
                return None

    def tables(self):
        code, out, err = self.run("nft", "list", "tables")
        assert code == 0, err
        return out.decode()

    def has_tap(self):
        return self.has_interface("hf-eth0")


def bridge(host):
    host.ip("link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0")
    host.ip("link", "set", "br0", "up")
    for family, length in ((4, "192.0.2.1/24"), (6, "2001:db8:1::1/64")):
        host.ip("addr", "del", length, "dev", "eth0")
        host.ip("addr", "add", length, "dev", "br0", *(["nodad"] if family == 6 else []))
    host.ip("link", "set", "eth0", "master", "br0")


def host_address(family):
    return "192.0.2.1" if family.name == "v4" else "2001:db8:1::1"


def endpoint(family, port):
    return family.endpoint(port, host_address(family))


def service(name="web", port=PORT, to=None, families=(V4, V6), **keys):
    listen = ", ".join(f'"{endpoint(family, port)}"' for family in families)
    backend = f'backend "{name}" {{ to = "{to or f"127.0.0.1:{port}"}" client_address = ' \
              f'{keys.pop("client_address", "none")} }}'
    lines = "\n".join(f"    {key} = {value}" for key, value in keys.items())
    return f'service "{name}" {{\n    listen = {{ {listen} }}\n    {backend}\n{lines}\n}}\n'


@contextlib.contextmanager
def two_hosts(**keys):
    client = w.World()
    host = Host(client, **keys)
    try:
        yield host
    finally:
        host.end()
        client.end()


def pump(connection, data, results, name):
    """Sends in a thread of its own, so that both directions are full at once."""

    def send():
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        results[name] = True

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread
