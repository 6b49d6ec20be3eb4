"""The system calls that Python 3.11 does not have: namespaces, private mounts, death with the parent."""

import contextlib
import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
PR_SET_PDEATHSIG = 1
SIGKILL = 9


def _check(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)


def private_run():
    """From now on /run is this process's own memory, and gone when it ends."""
    _check(_libc.unshare(CLONE_NEWNS))
    _check(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    _check(_libc.mount(b"handfast-tests", b"/run", b"tmpfs", 0, b"mode=0755"))


def bind(what, where):
    """After private_run: nobody else sees it."""
    _check(_libc.mount(str(what).encode(), str(where).encode(), None, MS_BIND, None))


def _current():
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def enter(namespace):
    _check(_libc.setns(namespace, CLONE_NEWNET))


def new_namespace():
    """A descriptor of a new network namespace; the caller stays where it is."""
    before = _current()
    try:
        _check(_libc.unshare(CLONE_NEWNET))
        made = _current()
        enter(before)
    finally:
        os.close(before)
    return made


@contextlib.contextmanager
def inside(namespace):
    """Sockets made in here belong to the namespace."""
    before = _current()
    enter(namespace)
    try:
        yield
    finally:
        enter(before)
        os.close(before)
