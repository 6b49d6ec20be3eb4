"""A supervisor in a few lines: NOTIFY_SOCKET, WATCHDOG_USEC, and descriptors kept over a restart, as systemd does it."""

import array
import os
import socket
import sys

import world as w

# Runs in the child: descriptors to 3, 4 ..., their names, whose they are.
TAKE_OVER = """
import fcntl, os, sys
fds = [int(word) for word in sys.argv[1].split(',') if word]
high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 50) for fd in fds]
for place, fd in enumerate(high):
    os.dup2(fd, 3 + place, inheritable=True)
    os.close(fd)
os.environ['LISTEN_PID'] = str(os.getpid())
os.environ['LISTEN_FDS'] = str(len(fds))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Supervisor:
    def __init__(self, world, watchdog_us=0):
        self.world, self.watchdog_us = world, watchdog_us
        self.path = world.directory / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        world.sockets.append(self.socket)
        self.kept = {}  # name: descriptor
        self.heard = []  # every assignment, in order

    def start(self, *command, **options):
        words = ["env", f"NOTIFY_SOCKET={self.path}"]
        if self.watchdog_us:
            words += [f"WATCHDOG_USEC={self.watchdog_us}"]
        if self.kept:
            words += [f"LISTEN_FDNAMES={':'.join(self.kept)}", sys.executable, "-c", TAKE_OVER,
                      ",".join(str(fd) for fd in self.kept.values())]
        return self.world.start(*words, *command, pass_fds=tuple(self.kept.values()), **options)

    def listen(self, seconds):
        """One message; False if there is none in time."""
        self.socket.settimeout(seconds)
        try:
            text, control, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(16))
        except (TimeoutError, BlockingIOError):
            return False
        lines = text.decode().splitlines()
        self.heard += lines
        words = dict(line.split("=", 1) for line in lines)
        fds = array.array("i")
        for _, _, data in control:
            fds.frombytes(data[:len(data) // fds.itemsize * fds.itemsize])
        if "FDSTOREREMOVE" in words and words["FDNAME"] in self.kept:
            os.close(self.kept.pop(words["FDNAME"]))
        if "FDSTORE" in words:
            assert len(fds) == 1
            self.kept[words["FDNAME"]] = fds[0]
        return True

    def wait_for(self, line, seconds=w.PATIENCE):
        """Until it was said, from now on."""
        begin = len(self.heard)
        w.until(lambda: self.listen(0.05) and any(word.startswith(line) for word in self.heard[begin:]), line, seconds)

    def end(self):
        for fd in self.kept.values():
            os.close(fd)
        self.kept = {}
