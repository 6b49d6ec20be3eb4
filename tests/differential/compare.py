"""Runs one script against both stacks and names the first thing in which they differ."""

import csv
import dataclasses
import fnmatch
import itertools
import pathlib
import re

import script
import wire

EXPECTED = pathlib.Path(__file__).resolve().parent / "expected.csv"
HALF = 1 << 31


def signed(number):
    return (number + HALF) % (1 << 32) - HALF


class Peer:
    """What the other end of one stack knows."""

    def __init__(self, ports):
        self.ports = ports  # (the peer's, the stack's)
        self.rcv_nxt = wire.PEER_ISS + 1  # the stack's, in the peer's numbers
        self.snd_nxt = 0  # the stack's own
        self.stamp = wire.PEER_TS
        self.echo, self.stamps, self.scale, self.edge = 0, False, 0, None
        self.offers_scale = False
        self.problems = []

    def build(self, step):
        self.stamp += 1
        flags, options = step.flags, b""
        if step.options:
            self.offers_scale = step.options["scale"] is not None
            agreed = step.options["ts"] and ("A" not in flags or self.stamps)
            options = wire.options(step.options["mss"], step.options["scale"], step.options["sack"],
                                   (self.stamp, self.echo) if agreed else None)
        elif self.stamps and step.ts is not None:
            options = wire.options(ts=(self.stamp + min(step.ts, 0), self.echo))
        ack = self.snd_nxt + step.ack if "A" in flags else 0
        window = 30000 if step.window is None else step.window
        return wire.tcp(self.ports, flags, self.rcv_nxt + step.seq, ack, window, options, step.length, step.urgent)

    def read(self, packets):
        """The packets in words, numbers relative to what was known before them."""
        base, words = (self.snd_nxt, self.rcv_nxt), []
        segments = [wire.Segment(data) for data in packets]
        for segment in segments:
            if len(segments) > 1:  # which of several segments pushes is the sender's business
                segment.flags = segment.flags.replace("P", "")
            words.append(self.describe(segment, *base))
            self.learn(segment)
        return " ".join(words) or "nothing"

    def describe(self, segment, snd_nxt, rcv_nxt):
        if "S" in segment.flags:
            place = "iss"
        elif segment.seq == 0 and "R" in segment.flags:
            place = "0"
        else:
            place = f"{signed(segment.seq - snd_nxt):+d}"
        text = f"{segment.flags}:{place}({segment.length})"
        if "A" in segment.flags:
            text += f"ack{signed(segment.ack - rcv_nxt):+d}"
        if segment.urgent:
            text += f"urg{segment.urgent}"
        return text + self.describe_options(segment, rcv_nxt)

    def describe_options(self, segment, rcv_nxt):
        words = []
        if 2 in segment.options:
            words.append(f"mss{int.from_bytes(segment.options[2], 'big')}")
        if 3 in segment.options:
            words.append("scale")
        if 4 in segment.options:
            words.append("sackok")
        if segment.ts:
            words.append("ts" if segment.ts[1] else "ts0")
            if segment.ts[1]:
                words[-1] += f"{signed(segment.ts[1] - self.stamp):+d}"
        words += [f"sack{signed(left - rcv_nxt):+d}{signed(right - rcv_nxt):+d}" for left, right in segment.sack]
        words += [f"option{kind}" for kind in segment.options if kind not in (2, 3, 4, 5, 8)]
        return f"<{','.join(words)}>" if words else ""

    def learn(self, segment):
        if "R" in segment.flags:
            return
        if "S" in segment.flags:
            self.snd_nxt = segment.seq
            self.stamps = segment.ts is not None
            self.scale = segment.options.get(3, b"\0")[0]
        end = (segment.seq + segment.extent) & 0xFFFFFFFF
        if signed(end - self.snd_nxt) > 0:
            self.snd_nxt = end
        if segment.ts:
            self.echo = segment.ts[0]
        if "A" in segment.flags:
            if signed(segment.ack - self.rcv_nxt) > 0:
                self.rcv_nxt = segment.ack
            self.check_window(segment)

    def check_window(self, segment):
        """The right edge never moves back. [RFC 9293 SHLD-14]"""
        edge = segment.ack + (segment.window << (self.scale if self.offers_scale and "S" not in segment.flags else 0))
        if self.edge is not None and signed(edge - self.edge) <= -(1 << self.scale):  # less is the field's rounding
            self.problems.append(f"the window's right edge moved back by {-signed(edge - self.edge)}")
        self.edge = edge if self.edge is None else max(edge, self.edge)


@dataclasses.dataclass
class Difference:
    seed: int
    number: int
    stimulus: str
    state: str
    ours: str
    kernel: str


class Side:
    def __init__(self, stack, ports):
        self.stack, self.ports = stack, ports
        self.peer = Peer((ports["remote"], ports["local"]))
        self.state = "-"
        stack.begin(ports)

    def take(self, step):
        """(what the call answered and was sent, the state)"""
        if step.call:
            numbers = [self.ports.get(number, number) for number in step.numbers]
            result, state, packets = self.stack.call(step.call, *numbers)
            answer = f"{result}; " + self.peer.read(packets)
        else:
            _, state, packets = self.stack.packet(self.peer.build(step))
            answer = self.peer.read(packets)
        self.state = state
        return answer, state


_runs = itertools.count()


def run(seed, ours, kernel, expected=(), tell=None):
    """(what differs and is expected, by reason; the first Difference that is not, or None; steps taken)"""
    turn = next(_runs)  # no two share a port: what the kernel remembers of one must not meet another
    ports = {"local": 10000 + turn % 20000, "remote": 40000 + turn % 20000}
    sides = Side(ours, ports), Side(kernel, ports)
    reasons = []
    for number, step in enumerate(script.make(seed)):
        difference = take(seed, number, step, sides, tell)
        if difference is None:
            continue
        row = find(expected, difference)
        if row is None:
            return reasons, difference, number + 1
        reasons.append(row["reason"])
        if row["then"] == "end":
            break
    return reasons, None, number + 1


def take(seed, number, step, sides, tell):
    """One step on both sides."""
    before = sides[0].state
    (one, state_one), (two, state_two) = [side.take(step) for side in sides]
    if tell:
        tell(f"{step.label:24} {before:13} ours {one} {state_one} | kernel {two} {state_two}")
    if sides[0].peer.problems:
        one += "; " + sides[0].peer.problems.pop(0)
    if (state_one, state_two) == ("TIME-WAIT", "CLOSED"):  # the kernel's is no longer the socket's
        state_two = state_one
    if "-" not in (state_one, state_two) and state_one != state_two:
        one, two = f"{one}; {state_one}", f"{two}; {state_two}"
    return Difference(seed, number, step.label, before, one, two) if one != two else None


def load(path=EXPECTED):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows, 2):
        if None in row.values() or None in row or not row["reason"] or row["then"] not in ("on", "end"):
            raise ValueError(f"{path} line {number}: a row has seven columns, `then` is on or end, the reason is given")
    return rows


def strip(text, pattern):
    return re.sub(pattern, "", text)


def find(expected, difference):
    """The row that explains the difference, or None. Alternatives of a pattern stand between bars; `but` is a
    regular expression: without what it matches both must be equal."""
    for row in expected:
        if all(any(fnmatch.fnmatchcase(getattr(difference, key), pattern) for pattern in row[key].split("|"))
               for key in ("stimulus", "state", "ours", "kernel")):
            if row["but"] == "" or strip(difference.ours, row["but"]) == strip(difference.kernel, row["but"]):
                return row
    return None
