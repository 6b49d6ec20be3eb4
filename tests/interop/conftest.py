"""Every test gets a network namespace of its own, and ends the processes it started.

Namespaces have no names and are held by descriptors; /run is private memory, so that nothing is left behind however the
run ends. Programs started by a test die with it (PR_SET_PDEATHSIG).
"""

import os
import shutil

import pytest

import kernel
import world as worlds

WHY_ROOT = "root is needed for network namespaces"
WHY_TUN = "there is no /dev/net/tun"


def pytest_configure(config):
    config.missing = why_not()
    if config.missing is None:
        kernel.private_run()


def why_not():
    if os.geteuid() != 0:
        return WHY_ROOT
    if not os.path.exists("/dev/net/tun"):
        return WHY_TUN
    for program in ("ip", "curl", "nginx", "iperf3", "setpriv"):
        if shutil.which(program, path=worlds.PATH) is None:
            return f"the program {program} is missing"
    if not os.access(worlds.HANDFAST, os.X_OK):
        return f"{worlds.HANDFAST} is not built"
    return None


@pytest.fixture(autouse=True)
def needs(request):
    if request.config.missing is not None:
        pytest.skip(request.config.missing)


@pytest.fixture
def world():
    made = worlds.World()
    yield made
    made.end()


@pytest.fixture(params=["v4", "v6"])
def family(request):
    return worlds.FAMILIES[request.param]
