"""The two stacks under comparison: ours behind a pipe, the kernel's behind a TUN in its own namespace."""

import ctypes
import errno
import fcntl
import os
import pathlib
import select
import socket
import struct
import subprocess
import time

import wire

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 1, 0x1000
PATIENCE = 5.0
KERNEL_STATES = ("-", "ESTABLISHED", "SYN-SENT", "SYN-RECEIVED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT",
                 "CLOSED", "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING")
# What calls answer, in words that both share.
OURS = {-1: "again", -4: "not-connected", -5: "closing", -6: "reset", -7: "refused", -8: "timed-out", -3: "no-socket"}
KERNELS = {errno.EAGAIN: "again", errno.ENOTCONN: "not-connected", errno.EPIPE: "closing",
           errno.ECONNRESET: "reset", errno.ECONNREFUSED: "refused", errno.ETIMEDOUT: "timed-out",
           errno.EINPROGRESS: "0", errno.EBADF: "no-socket"}
SETTINGS = {  # of the namespace: no throttles that count real time, no memory of earlier connections
    "tcp_invalid_ratelimit": "0", "tcp_challenge_ack_limit": "1000000", "tcp_no_metrics_save": "1",
    "tcp_fastopen": "0", "tcp_ecn": "0", "icmp_ratelimit": "0", "tcp_early_retrans": "0", "tcp_autocorking": "0",
}


class Ours:
    name = "ours"

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def end(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)

    def ask(self, line):
        """(result, state, packets)"""
        packets = []
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        for answer in self.process.stdout:
            words = answer.split()
            if words[0] == "done":
                return int(words[1]), words[2], packets
            packets.append(bytes.fromhex(words[1]))
        raise RuntimeError(f"our stack ended at: {line}")

    def begin(self, _ports):
        self.ask("begin")

    def packet(self, data):
        _, state, packets = self.ask("in " + data.hex())
        return "", state, packets

    def call(self, name, *numbers):
        result, state, packets = self.ask(" ".join([name, *map(str, numbers)]))
        return OURS.get(result, str(result)), state, packets


class Kernel:
    name = "kernel"

    def __init__(self):
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", b"hfd0", IFF_TUN | IFF_NO_PI))
        for name, value in SETTINGS.items():
            path = pathlib.Path("/proc/sys/net/ipv4", name)
            if path.exists():
                path.write_text(value)
        pathlib.Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1")
        for words in ("link set lo up", "link set hfd0 mtu 1500 up", f"address add {wire.STACK}/24 dev hfd0",
                      f"route add {wire.PEER}/32 dev hfd0 quickack 1 rto_min 10s"):
            subprocess.run(["ip", *words.split()], check=True)
        self.fences = 0
        self.listener = self.connection = None

    def end(self):
        os.close(self.tun)

    def begin(self, _ports):
        for made in (self.connection, self.listener):
            if made:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                made.close()
        self.connection = self.listener = None
        self.collect()

    def collect(self):
        """Everything sent so far: an echo request is answered after it."""
        self.fences += 1
        os.write(self.tun, wire.echo(self.fences))
        packets, deadline = [], time.monotonic() + PATIENCE
        while True:
            ready, _, _ = select.select([self.tun], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise RuntimeError("the kernel does not answer an echo request")
            data = os.read(self.tun, 65536)
            if data[0] >> 4 == 4 and wire.is_echo_reply(data, self.fences):
                return packets
            if data[0] >> 4 == 4 and data[9] == 6:
                packets.append(data)

    def state(self):
        if self.connection is None:
            return "-"
        return KERNEL_STATES[self.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]]

    def packet(self, data):
        os.write(self.tun, data)
        packets = self.collect()
        return "", self.state(), packets

    def call(self, name, *numbers):
        try:
            result = str(getattr(self, name)(*numbers))
        except OSError as error:
            result = KERNELS.get(error.errno, errno.errorcode[error.errno])
        packets = self.collect()
        return result, self.state(), packets

    # ---- the calls ----

    def _socket(self, port):
        made = socket.socket()
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
        made.bind((wire.STACK, port))
        return made

    def listen(self, port):
        self.listener = self._socket(port)
        self.listener.listen(16)
        return 0

    def connect(self, local_port, remote_port):
        self.connection = self._socket(local_port)
        self.connection.connect((wire.PEER, remote_port))
        return 0

    def accept(self):
        self.connection, _ = self.listener.accept()
        self.connection.setblocking(False)
        return 0

    def _given(self):
        if self.connection is None:
            raise OSError(errno.EBADF, "no connection")
        return self.connection

    def send(self, length):
        return self._given().send(bytes(length), socket.MSG_NOSIGNAL)

    def receive(self, length):
        return len(self._given().recv(length))

    def nodelay(self):
        self._given().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return 0

    def shutdown(self):
        self._given().shutdown(socket.SHUT_WR)
        return 0

    def close(self):
        given, self.connection = self._given(), None
        given.close()
        return 0
