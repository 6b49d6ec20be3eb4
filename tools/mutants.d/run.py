"""Running a test program within limits, and choosing which one to run next."""

import collections
import math
import os
import pathlib
import signal
import subprocess
import time

from build import ROOT

PASSED = (0, 77)  # 77: left out, as something it needs is not there
BLOCKED_S = 10    # asleep for so long, all in all: it waits for what never comes
SEEDS = "1000"    # of each chaos simulation: a tenth


def limit_s(usual_s):
    """Seconds of the processor after which a test hangs. Its own time is what counts: a busy machine kills nothing."""
    return max(2, math.ceil(10 * usual_s))


def asleep(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "S"


def run(program, library, cpu_s, more=None, cwd=ROOT):
    """(how it ended, seconds of the processor): passed, failed or hangs. Who is stopped meanwhile has not slept."""
    environment = {**os.environ, "HF_SIM_SEEDS": SEEDS, "LD_LIBRARY_PATH": str(library), **(more or {})}
    process = subprocess.Popen(["prlimit", "--core=0", f"--cpu={cpu_s}", f"--as={4 << 30}", program],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               cwd=cwd, env=environment)
    pause, slept, hangs = 0.001, 0.0, False
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(pause)
        slept += pause if pause == 0.05 and asleep(process.pid) else 0
        pause = min(1.5 * pause, 0.05)
        if slept > BLOCKED_S and not hangs:
            hangs = True
            process.kill()
    process.returncode = os.waitstatus_to_exitcode(status)
    if hangs or process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        how = "hangs"
    else:
        how = "passed" if process.returncode in PASSED else "failed"
    return how, usage.ru_utime + usage.ru_stime


class Order:
    """First what killed most mutants of that file for the least time."""

    def __init__(self, seconds):
        self.seconds = seconds  # {test: of the processor}
        self.kills = collections.Counter()
        self.runs = collections.Counter()

    def note(self, path, test, killed):
        self.runs[path, test] += 1
        self.kills[path, test] += killed

    def worth(self, path, test):
        layer_and_file = "-".join(pathlib.Path(path).with_suffix("").parts[1:])
        own = 5 if test.endswith(layer_and_file) else 0
        rate = (self.kills[path, test] + 0.3 + own) / (self.runs[path, test] + 1 + own)
        return rate / (self.seconds[test] + 0.005)

    def best(self, path, tests):
        return max(sorted(tests), key=lambda test: self.worth(path, test))
