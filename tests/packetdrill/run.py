#!/usr/bin/python3
"""Runs packetdrill scripts against the adapter: a small reader of packetdrill's language, by ctypes.

    run.py [--so FILE] [--exact | --no-push] [--packetdrill FILE] SCRIPT_OR_DIRECTORY...
    run.py [--so FILE] --bad SCRIPT_OR_DIRECTORY...    each must fail, and say what its line "// error: TEXT" says

--exact looks more closely than packetdrill does: at each segment alone, at TS ecr, at a fortieth of the time. --no-push
does not compare the flag P, which each system sets in its own way. With PACKETDRILL=path (or --packetdrill) the scripts are given
to the real packetdrill instead, with the same flags. The language is the part of packetdrill's that our scripts use; what is not
read is an error, never a pass. docs/packetdrill.md.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from runner.language import ScriptError, read_script  # noqa: E402
from runner.play import play  # noqa: E402

PASSED, FAILED = 0, 1


def run_here(adapter, path, how, errors_to=None):
    """Each script in a process of its own: the adapter ends the process when a script asks for what it cannot do."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = FAILED
        if errors_to is not None:
            os.dup2(errors_to, 2)
        try:
            play(adapter, read_script(path), how)
            status = PASSED
        except ScriptError as error:
            print(error, file=sys.stderr)
        except BaseException:  # a fault of ours: show where
            import traceback
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    _, wait_status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(wait_status)


def run_there(packetdrill, adapter, path, how):
    """The real one. It asks for TCP_INFO with the process's own getsockopt: the adapter has one, if it is preloaded. Where a
    script does not say, it takes the machine's version of IP, and its command line is stronger than a script's."""
    options = ["--so_filename=" + adapter] + (["--strict_segments"] if how == "exact" else [])
    with open(path, encoding="utf-8") as file:
        if not re.search(r"^--ip_version", file.read(), re.MULTILINE):
            options.append("--ip_version=ipv4")
    return subprocess.run([packetdrill, *options, path], check=False, env={**os.environ, "LD_PRELOAD": adapter}).returncode


def run_bad(adapter, path):
    """A bad script passes if it fails, with the sentence that it names, and not by a fault of ours."""
    with open(path, encoding="utf-8") as file:
        wanted = re.search(r"^// error: (.*)$", file.read(), re.MULTILINE)
    if not wanted:
        print("%s: no line \"// error: ...\"" % path, file=sys.stderr)
        return FAILED
    with tempfile.TemporaryFile() as errors:
        status = run_here(adapter, path, "exact", errors.fileno())
        errors.seek(0)
        found = errors.read().decode()
    if status == FAILED and wanted.group(1) in found and "Traceback" not in found:
        return PASSED
    print("%s: status %d, said: %s\nwanted: %s" % (path, status, found.strip(), wanted.group(1)), file=sys.stderr)
    return FAILED


def scripts_of(arguments):
    for argument in arguments:
        if not os.path.isdir(argument):
            yield argument
            continue
        for directory, below, files in os.walk(argument):
            below.sort()
            for name in sorted(files):
                if name.endswith(".pkt"):
                    yield os.path.join(directory, name)


def take_option(arguments, name, otherwise):
    if name in arguments:
        at = arguments.index(name)
        value = arguments[at + 1]
        del arguments[at:at + 2]
        return value
    return otherwise


def main(arguments):
    here = os.path.dirname(os.path.abspath(__file__))
    adapter = take_option(arguments, "--so", os.path.join(here, "packetdrill_adapter.so"))
    packetdrill = take_option(arguments, "--packetdrill", os.environ.get("PACKETDRILL"))
    bad = "--bad" in arguments
    how = "exact" if "--exact" in arguments else "no-push" if "--no-push" in arguments else ""
    failed, count = [], 0
    for path in scripts_of(argument for argument in arguments if argument not in ("--bad", "--exact", "--no-push")):
        count += 1
        if bad:
            status = run_bad(adapter, path)
        elif packetdrill:
            status = run_there(packetdrill, os.path.abspath(adapter), path, how)
        else:
            status = run_here(adapter, path, how)
        if status != 0:
            failed.append(path)
            print("FAIL %s" % path)
        else:
            print("ok   %s" % path)
    if count == 0:
        print("no scripts", file=sys.stderr)
        return FAILED
    print("%d scripts, %d failed" % (count, len(failed)))
    return FAILED if failed else PASSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
