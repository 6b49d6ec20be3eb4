"""The calls of a script, done through the interface."""
import ctypes
import errno
import fcntl
import select
import socket
import struct

from .interface import EpollEvent, Message, PollFd, Vector
from .language import ANY, ScriptError, Word

# What Python's modules do not have. packetdrill knows neither NULL nor SIOCOUTQ: those are numbers in a script.
SYMBOLS = {"SIOCINQ": 0x541B, "FIONREAD": 0x541B, "TCP_INFO": 11, "EPOLL_CTL_ADD": 1, "EPOLL_CTL_DEL": 2,
           "EPOLL_CTL_MOD": 3, "EPOLLRDHUP": 0x2000, "POLLRDHUP": 0x2000, "EPOLLET": 1 << 31,
           "EPOLLONESHOT": 1 << 30, "SO_ZEROCOPY": 60, "MSG_ZEROCOPY": 0x4000000, "MSG_MORE": 0x8000,
           "O_RDWR": 2, "O_NONBLOCK": 0o4000, "F_GETFL": fcntl.F_GETFL, "F_SETFL": fcntl.F_SETFL,
           "F_GETFD": 1, "TCP_FASTOPEN": 23, "SHUT_RD": 0, "SHUT_WR": 1, "SHUT_RDWR": 2, "TCP_INQ": 36,
           "TCP_CM_INQ": 36, "TCP_NOTSENT_LOWAT": 25, "SO_MAX_PACING_RATE": 47, "MSG_FASTOPEN": 0x20000000,
           "SOL_IPV6": 41, "TCP_TIMESTAMP": 24, "TCP_MD5SIG": 14, "SO_TIMESTAMPING": 37, "SO_PRIORITY": 12,
           "IP_MTU_DISCOVER": 10, "IP_PMTUDISC_DONT": 0, "IP_PMTUDISC_WANT": 1, "IP_PMTUDISC_DO": 2,
           "IPV6_MTU_DISCOVER": 23, "IP_PMTUDISC_PROBE": 3, "SO_MARK": 36, "TCP_DEFER_ACCEPT": 9}
KNOWN_PREFIXES = ("AF_", "PF_", "SOCK_", "IPPROTO_", "SOL_", "SO_", "IP_", "IPV6_", "TCP_", "MSG_", "SHUT_", "POLL", "EPOLL", "E")
UNSET = 0x5a5a5a5a  # what an answer is before the call


class Wrong(Exception):
    """Without its place, which play() knows."""


def value_of(expression):
    if isinstance(expression, tuple) and expression[0] == "or":
        return value_of(expression[1]) | value_of(expression[2])
    if not isinstance(expression, Word):
        return expression
    for module in (socket, select, errno):
        if hasattr(module, expression) and expression.startswith(KNOWN_PREFIXES):
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
        return socket.inet_ntop(socket.AF_INET6, data[8:24]).replace("::ffff:", ""), socket.ntohs(port)
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
        if arguments[1] is not ANY:
            data = struct.pack("=H26x", arguments[1])
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
        if arguments[1] is not ANY and arguments[1] != 0:
            raise Wrong("a buffer is ... or 0")
        buffer = ctypes.create_string_buffer(max(arguments[2], 1))
        return self.stack.call(name, self.world.live(arguments[0]), ctypes.addressof(buffer) if arguments[1] is ANY else None,
                               arguments[2], *more)

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
        if len(arguments[1]) != arguments[2]:
            raise Wrong("%d pieces given, %d said" % (len(arguments[1]), arguments[2]))
        vectors = self.vectors(arguments[1])
        return self.stack.call(name, self.world.live(arguments[0]), ctypes.addressof(vectors), arguments[2])

    def call_readv(self, call, arguments):
        return self.several("readv", arguments)

    def call_writev(self, call, arguments):
        return self.several("writev", arguments)

    def message(self, name, arguments):
        self.count(arguments, 3)
        if list(arguments[1])[:3] != ["msg_name", "msg_iov", "msg_flags"]:
            raise Wrong("msg_name(...)=..., msg_iov(N)=[...], msg_flags=... wanted, in this order")
        vectors = self.vectors(arguments[1]["msg_iov"])
        wanted = b"".join(map(self.control, arguments[1].get("msg_control", [])))
        control = ctypes.create_string_buffer(wanted, max(len(wanted), 1))
        name_room = ctypes.create_string_buffer(128)
        message = Message(ctypes.addressof(name_room), 128, vectors, len(vectors), ctypes.addressof(control), len(wanted), 0)
        result = self.stack.call(name, self.world.live(arguments[0]), ctypes.addressof(message), arguments[2])
        if name == "recvmsg" and result[0] >= 0:
            self.same("msg_flags", message.flags, value_of(arguments[1]["msg_flags"]))
            found = control.raw[:message.control_length]
            if found != wanted:
                raise Wrong("control data %s, not %s" % (found.hex(), wanted.hex()))
        return result

    def control(self, entry):
        data = struct.pack("=i", value_of(entry["cmsg_data"]))
        head = struct.pack("=Qii", 16 + len(data), value_of(entry["cmsg_level"]), value_of(entry["cmsg_type"]))
        return head + data + bytes(-len(data) % 8)

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
        wanted = self.bracketed(arguments[2])
        value = ctypes.c_int(UNSET)
        result = self.stack.call("ioctl", self.world.live(arguments[0]), arguments[1], ctypes.addressof(value))
        self.same("the value", value.value, wanted)
        return result

    def same(self, what, found, wanted):
        if found != wanted:
            raise Wrong("%s is %d, not %d" % (what, found, wanted))

    def bracketed(self, value):
        if not isinstance(value, list) or len(value) != 1:
            raise Wrong("[number] wanted")
        return value_of(value[0])

    def call_setsockopt(self, call, arguments):
        self.count(arguments, 5)
        value = arguments[3]
        if isinstance(value, dict):
            data = struct.pack("=ii", value_of(value["onoff"]), value_of(value["linger"]))
        elif isinstance(value, bytes):
            data = value.ljust(arguments[4], b"\0")
        else:
            data = struct.pack("=i", self.bracketed(value) & 0x7fffffff)
        return self.stack.call("setsockopt", self.world.live(arguments[0]), arguments[1], arguments[2], data,
                               arguments[4])

    def call_getsockopt(self, call, arguments):
        self.count(arguments, 5)
        wanted_length = self.bracketed(arguments[4])
        value, length = ctypes.create_string_buffer(wanted_length + 1), ctypes.c_uint(wanted_length)
        result = self.stack.call("getsockopt", self.world.live(arguments[0]), arguments[1], arguments[2],
                                 ctypes.addressof(value), ctypes.addressof(length))
        if result[0] != 0:
            return result
        self.same("the option's length", length.value, wanted_length)
        if isinstance(arguments[3], bytes):
            if value.raw[:wanted_length] != arguments[3]:
                raise Wrong("the option's value is %s" % value.raw[:wanted_length])
        else:
            self.same("the option's value", struct.unpack_from("=i", value.raw.ljust(4, b"\0"))[0], self.bracketed(arguments[3]))
        return result

    # readiness

    def call_poll(self, call, arguments):
        self.count(arguments, 3)
        listed = arguments[0]
        if len(listed) != arguments[1]:
            raise Wrong("%d descriptors given, %d said" % (len(listed), arguments[1]))
        fds = (PollFd * len(listed))(*(PollFd(self.world.live(entry["fd"]), value_of(entry["events"]), 0)
                                       for entry in listed))
        result = self.stack.call("poll", ctypes.addressof(fds), len(listed), arguments[2])
        for i, entry in enumerate(listed):
            self.same("revents", fds[i].revents, value_of(entry.get("revents", 0)))
        return result

    def call_epoll_create(self, call, arguments):
        self.count(arguments, 1)
        return self.stack.call("epoll_create", arguments[0])

    def epoll_data(self, entry):
        """What stands beside the events: fd is a live descriptor, ptr, u32 and u64 are what they are."""
        if list(entry)[1:] not in (["fd"], ["ptr"], ["u32"], ["u64"]):
            raise Wrong("{events=..., fd=...} wanted, or ptr, u32, u64")
        return self.world.live(entry["fd"]) if "fd" in entry else value_of(list(entry.values())[1])

    def call_epoll_ctl(self, call, arguments):
        self.count(arguments, 4)
        event = EpollEvent(value_of(arguments[3]["events"]), self.epoll_data(arguments[3]))
        return self.stack.call("epoll_ctl", self.world.live(arguments[0]), arguments[1],
                               self.world.live(arguments[2]), ctypes.addressof(event))

    def call_epoll_wait(self, call, arguments):
        self.count(arguments, 4)
        events = (EpollEvent * max(arguments[2], 1))()
        result = self.stack.call("epoll_wait", self.world.live(arguments[0]), ctypes.addressof(events),
                                 arguments[2], arguments[3])
        self.same("events", events[0].events, value_of(arguments[1]["events"]))
        self.same("data", events[0].data, self.epoll_data(arguments[1]))
        return result

    def call_pipe(self, call, arguments):
        return self.stack.call("pipe", ctypes.addressof((ctypes.c_int * 2)()))

    def call_splice(self, call, arguments):
        return self.stack.call("splice", arguments[0], None, arguments[2], None, arguments[4], arguments[5])


__all__ = ["Calls", "ScriptError", "Wrong", "value_of"]
