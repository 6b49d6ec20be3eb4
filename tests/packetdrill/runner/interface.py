"""struct packetdrill_interface, by ctypes. (tests/packetdrill/interface.h)"""
import ctypes
import os
from ctypes import CFUNCTYPE, POINTER, Structure, c_int, c_longlong, c_size_t, c_ssize_t, c_uint, c_ulong, c_void_p

INT, SIZE, SSIZE, POINT = c_int, c_size_t, c_ssize_t, c_void_p

FUNCTIONS = [
    ("free", None, []),
    ("socket", INT, [INT, INT, INT]),
    ("bind", INT, [INT, POINT, c_uint]),
    ("listen", INT, [INT, INT]),
    ("accept", INT, [INT, POINT, POINT]),
    ("connect", INT, [INT, POINT, c_uint]),
    ("read", SSIZE, [INT, POINT, SIZE]),
    ("readv", SSIZE, [INT, POINT, INT]),
    ("recv", SSIZE, [INT, POINT, SIZE, INT]),
    ("recvfrom", SSIZE, [INT, POINT, SIZE, INT, POINT, POINT]),
    ("recvmsg", SSIZE, [INT, POINT, INT]),
    ("write", SSIZE, [INT, POINT, SIZE]),
    ("writev", SSIZE, [INT, POINT, INT]),
    ("send", SSIZE, [INT, POINT, SIZE, INT]),
    ("sendto", SSIZE, [INT, POINT, SIZE, INT, POINT, c_uint]),
    ("sendmsg", SSIZE, [INT, POINT, INT]),
    ("fcntl", INT, [INT, INT, INT]),
    ("ioctl", INT, [INT, c_ulong, POINT]),
    ("close", INT, [INT]),
    ("shutdown", INT, [INT, INT]),
    ("getsockopt", INT, [INT, INT, INT, POINT, POINT]),
    ("setsockopt", INT, [INT, INT, INT, POINT, c_uint]),
    ("poll", INT, [POINT, c_ulong, INT]),
    ("netdev_send", INT, [POINT, SIZE]),
    ("netdev_receive", INT, [POINT, POINTER(SIZE), POINTER(c_longlong)]),
    ("usleep", INT, [c_uint]),
    ("gettimeofday", INT, [POINT, POINT]),
    ("epoll_create", INT, [INT]),
    ("epoll_ctl", INT, [INT, INT, INT, POINT]),
    ("epoll_wait", INT, [INT, POINT, INT, INT]),
    ("pipe", INT, [POINT]),
    ("splice", INT, [INT, POINT, INT, POINT, SIZE, c_uint]),
]


class Interface(Structure):
    _fields_ = [("userdata", c_void_p)] + [
        (name, CFUNCTYPE(result, c_void_p, *arguments, use_errno=True)) for name, result, arguments in FUNCTIONS]


class TimeValue(Structure):
    _fields_ = [("seconds", c_longlong), ("microseconds", c_longlong)]


class Vector(Structure):
    _fields_ = [("base", c_void_p), ("length", c_size_t)]


class Message(Structure):
    _fields_ = [("name", c_void_p), ("name_length", c_uint), ("vectors", POINTER(Vector)), ("count", c_size_t),
                ("control", c_void_p), ("control_length", c_size_t), ("flags", c_int)]


class PollFd(Structure):
    _fields_ = [("fd", c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short)]


class EpollEvent(Structure):
    _pack_ = 1
    _fields_ = [("events", c_uint), ("data", ctypes.c_uint64)]


class Stack:
    """The shared object under test."""

    def __init__(self, path, flags):
        self.library = ctypes.CDLL(path, mode=os.RTLD_NOW | os.RTLD_LOCAL)
        self.interface = Interface()
        self.library.packetdrill_interface_init(flags.encode(), ctypes.byref(self.interface))
        for name, _, _ in FUNCTIONS:
            if not getattr(self.interface, name):
                raise AssertionError("%s: %s is not set" % (path, name))

    def call(self, name, *arguments):
        """(result, errno)"""
        ctypes.set_errno(0)
        result = getattr(self.interface, name)(self.interface.userdata, *arguments)
        return result, ctypes.get_errno()

    def now(self):
        time = TimeValue()
        self.call("gettimeofday", ctypes.addressof(time), None)
        return time.seconds * 1_000_000 + time.microseconds

    def has_waiting(self):
        """Whether a call of another thread waits."""
        return bool(self.library.adapter_has_waiting(ctypes.c_void_p(self.interface.userdata)))

    def send(self, packet):
        self.call("netdev_send", packet, len(packet))

    def receive(self):
        """(packet, instant); an empty packet: none will ever come."""
        buffer = ctypes.create_string_buffer(65536)
        count, instant = c_size_t(len(buffer)), c_longlong()
        self.call("netdev_receive", ctypes.addressof(buffer), ctypes.byref(count), ctypes.byref(instant))
        return buffer.raw[:count.value], instant.value

    def free(self):
        self.call("free")
