"""The calls of a script, done through the interface."""
import ctypes
import errno
import fcntl
import select
import socket
import struct

from .interface import EpollEvent, Message, PollFd, Vector
from .language import ANY, ScriptError, Word

SYMBOLS = {"SIOCINQ": 0x541B, "SIOCOUTQ": 0x5411, "SIOCOUTQNSD": 0x894B, "FIONREAD": 0x541B,
           "SIOCATMARK": 0x8905, "TCP_INFO": 11, "NULL": 0, "EPOLL_CTL_ADD": 1, "EPOLL_CTL_DEL": 2,
           "EPOLL_CTL_MOD": 3, "EPOLLRDHUP": 0x2000, "POLLRDHUP": 0x2000, "EPOLLET": 1 << 31,
           "EPOLLONESHOT": 1 << 30, "SO_ZEROCOPY": 60, "MSG_ZEROCOPY": 0x4000000, "MSG_MORE": 0x8000,
           "O_RDWR": 2, "O_NONBLOCK": 0o4000, "F_GETFL": fcntl.F_GETFL, "F_SETFL": fcntl.F_SETFL,
           "F_GETFD": 1, "TCP_FASTOPEN": 23, "SHUT_RD": 0, "SHUT_WR": 1, "SHUT_RDWR": 2}


class Wrong(Exception):
    """Without its place, which play() knows."""


def value_of(expression):
    if isinstance(expression, tuple) and expression[0] == "or":
        return value_of(expression[1]) | value_of(expression[2])
    if not isinstance(expression, Word):
        return expression
    for module in (socket, select, errno):
        if hasattr(module, expression):
            return int(getattr(module, expression))
    if expression in SYMBOLS:
        return SYMBOLS[expression]
    raise Wrong("unknown symbol %s" % expression)


def address_bytes(address, port):
    if ":" in address:
        return struct.pack("=HHI16sI", socket.AF_INET6, socket.htons(port), 0,
                           socket.inet_pton(socket.AF_INET6, address), 0)
    return struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), socket.inet_pton(socket.AF_INET, address))


def address_text(data):
    family, port = struct.unpack("=HH", data[:4])
    if family == socket.AF_INET6:
        return socket.inet_ntop(socket.AF_INET6, data[8:24]), socket.ntohs(port)
    return socket.inet_ntop(socket.AF_INET, data[4:8]), socket.ntohs(port)


class Calls:
    """do(call) answers (result, errno); whatever else the script says of a call is compared here."""

    def __init__(self, world):
        self.world = world
        self.stack = world.stack

    def do(self, call):
        doer = getattr(self, "call_" + call.name, None)
        if not doer:
            raise Wrong("%s() is a call that is not supported" % call.name)
        return doer(call, [value_of(argument) if not isinstance(argument, (list, dict)) else argument
                           for argument in call.arguments])

    def count(self, arguments, wanted):
        if len(arguments) != wanted:
            raise Wrong("%d arguments wanted, %d given" % (wanted, len(arguments)))

    # opening

    def call_socket(self, call, arguments):
        self.count(arguments, 3)
        domain = self.world.domain if arguments[0] is ANY else arguments[0]
        return self.stack.call("socket", domain, arguments[1], arguments[2])

    def call_bind(self, call, arguments):
        self.count(arguments, 3)
        data = address_bytes(*self.world.bind_address)
        return self.stack.call("bind", self.world.live(arguments[0]), data, len(data))

    def call_listen(self, call, arguments):
        self.count(arguments, 2)
        return self.stack.call("listen", self.world.live(arguments[0]), arguments[1])

    def call_accept(self, call, arguments):
        self.count(arguments, 3)
        buffer = ctypes.create_string_buffer(28)
        length = ctypes.c_uint(28)
        result = self.stack.call("accept", self.world.live(arguments[0]), ctypes.addressof(buffer),
                                 ctypes.addressof(length))
        if result[0] >= 0:
            self.world.accepted_from = address_text(buffer.raw)
        return result

    def call_connect(self, call, arguments):
        self.count(arguments, 3)
        data = address_bytes(*self.world.connect_address)
        return self.stack.call("connect", self.world.live(arguments[0]), data, len(data))

    def call_close(self, call, arguments):
        self.count(arguments, 1)
        return self.stack.call("close", self.world.live(arguments[0]))

    def call_shutdown(self, call, arguments):
        self.count(arguments, 2)
        return self.stack.call("shutdown", self.world.live(arguments[0]), arguments[1])

    # bytes

    def one(self, name, arguments, *more):
        if not isinstance(arguments[2], int):
            raise Wrong("the third argument is a length")
        buffer = ctypes.create_string_buffer(max(arguments[2], 1))
        return self.stack.call(name, self.world.live(arguments[0]), ctypes.addressof(buffer), arguments[2], *more)

    def call_read(self, call, arguments):
        self.count(arguments, 3)
        return self.one("read", arguments)

    def call_write(self, call, arguments):
        self.count(arguments, 3)
        return self.one("write", arguments)

    def call_recv(self, call, arguments):
        self.count(arguments, 4)
        return self.one("recv", arguments, arguments[3])

    def call_send(self, call, arguments):
        self.count(arguments, 4)
        return self.one("send", arguments, arguments[3])

    def call_recvfrom(self, call, arguments):
        self.count(arguments, 6)
        return self.one("recvfrom", arguments, arguments[3], None, None)

    def call_sendto(self, call, arguments):
        self.count(arguments, 6)
        data = address_bytes(*self.world.connect_address) if arguments[4] is ANY else None
        return self.one("sendto", arguments, arguments[3], data, len(data) if data else 0)

    def vectors(self, listed):
        self.kept = [ctypes.create_string_buffer(max(entry[1], 1)) for entry in listed]
        return (Vector * len(listed))(*(Vector(ctypes.addressof(buffer), entry[1])
                                        for buffer, entry in zip(self.kept, listed)))

    def several(self, name, arguments):
        self.count(arguments, 3)
        vectors = self.vectors(arguments[1])
        return self.stack.call(name, self.world.live(arguments[0]), ctypes.addressof(vectors), arguments[2])

    def call_readv(self, call, arguments):
        return self.several("readv", arguments)

    def call_writev(self, call, arguments):
        return self.several("writev", arguments)

    def message(self, name, arguments):
        self.count(arguments, 3)
        vectors = self.vectors(arguments[1]["msg_iov"])
        message = Message(None, 0, vectors, len(vectors), None, 0, 0)
        return self.stack.call(name, self.world.live(arguments[0]), ctypes.addressof(message), arguments[2])

    def call_sendmsg(self, call, arguments):
        return self.message("sendmsg", arguments)

    def call_recvmsg(self, call, arguments):
        return self.message("recvmsg", arguments)

    # options

    def call_fcntl(self, call, arguments):
        return self.stack.call("fcntl", self.world.live(arguments[0]), arguments[1],
                               arguments[2] if len(arguments) > 2 else 0)

    def call_ioctl(self, call, arguments):
        self.count(arguments, 3)
        wanted = value_of(arguments[2][0]) if isinstance(arguments[2], list) else arguments[2]
        value = ctypes.c_int(wanted)
        result = self.stack.call("ioctl", self.world.live(arguments[0]), arguments[1], ctypes.addressof(value))
        self.same("the value", value.value, wanted)
        return result

    def same(self, what, found, wanted):
        if found != wanted:
            raise Wrong("%s is %d, not %d" % (what, found, wanted))

    def call_setsockopt(self, call, arguments):
        self.count(arguments, 5)
        value = arguments[3]
        if isinstance(value, dict):
            data = struct.pack("=ii", value_of(value["onoff"]), value_of(value["linger"]))
        else:
            data = struct.pack("=i", value_of(value[0]) if isinstance(value, list) else value)
        return self.stack.call("setsockopt", self.world.live(arguments[0]), arguments[1], arguments[2], data,
                               len(data))

    def call_getsockopt(self, call, arguments):
        self.count(arguments, 5)
        value, length = ctypes.c_int(0), ctypes.c_uint(value_of(arguments[4][0]))
        result = self.stack.call("getsockopt", self.world.live(arguments[0]), arguments[1], arguments[2],
                                 ctypes.addressof(value), ctypes.addressof(length))
        if result[0] == 0:
            self.same("the option's value", value.value, value_of(arguments[3][0]))
        return result

    # readiness

    def call_poll(self, call, arguments):
        self.count(arguments, 3)
        listed = arguments[0]
        fds = (PollFd * len(listed))(*(PollFd(self.world.live(entry["fd"]), value_of(entry["events"]), 0)
                                       for entry in listed))
        result = self.stack.call("poll", ctypes.addressof(fds), len(listed), arguments[2])
        for i, entry in enumerate(listed):
            self.same("revents", fds[i].revents, value_of(entry.get("revents", 0)))
        return result

    def call_epoll_create(self, call, arguments):
        self.count(arguments, 1)
        return self.stack.call("epoll_create", arguments[0])

    def call_epoll_ctl(self, call, arguments):
        self.count(arguments, 4)
        event = EpollEvent(value_of(arguments[3]["events"]), value_of(arguments[3].get("fd", 0)))
        return self.stack.call("epoll_ctl", self.world.live(arguments[0]), arguments[1],
                               self.world.live(arguments[2]), ctypes.addressof(event))

    def call_epoll_wait(self, call, arguments):
        self.count(arguments, 4)
        events = (EpollEvent * max(arguments[2], 1))()
        result = self.stack.call("epoll_wait", self.world.live(arguments[0]), ctypes.addressof(events),
                                 arguments[2], arguments[3])
        if result[0] > 0:
            self.same("events", events[0].events, value_of(arguments[1]["events"]))
            self.same("fd", events[0].data, value_of(arguments[1].get("fd", 0)))
        return result

    def call_pipe(self, call, arguments):
        return self.stack.call("pipe", ctypes.addressof((ctypes.c_int * 2)()))

    def call_splice(self, call, arguments):
        return self.stack.call("splice", arguments[0], None, arguments[2], None, arguments[4], arguments[5])


__all__ = ["Calls", "ScriptError", "Wrong", "value_of"]
