"""A script from a seed: socket calls and packets whose numbers are relative to what the stack has said."""

import random

LENGTHS = (1, 100, 536, 1000)
SENDS = (1, 100, 1000, 3000)


class Step:
    """Either a call with its numbers, or a packet: flags, and offsets of SEQ from the stack's RCV.NXT and of ACK from its
    SND.NXT."""

    def __init__(self, label, call=None, numbers=(), flags="", seq=0, ack=0, length=0, window=None,
                 options=None, ts=1, urgent=0):
        self.label, self.call, self.numbers = label, call, numbers
        self.flags, self.seq, self.ack, self.length, self.window = flags, seq, ack, length, window
        self.options, self.ts, self.urgent = options, ts, urgent


def syn_options(draw):
    return {
        "mss": draw.choice([None, 536, 1000, 1220] + [1460] * 12 + [64]),
        "scale": draw.choice([None, 0, 7, 14, 15]),
        "sack": draw.random() < 0.6,
        "ts": draw.random() < 0.6,
    }


def packets(draw):
    """One packet for a synchronized connection."""
    length = draw.choice(LENGTHS)
    gap = draw.choice((1, 100, 1000))
    return draw.choice([
        Step("data", flags="PA", length=length),
        Step("data", flags="PA", length=length),
        Step("data-gap", flags="PA", seq=gap, length=length),
        Step("data-old", flags="PA", seq=-100, length=100),
        Step("data-overlap", flags="PA", seq=-50, length=150),
        Step("data-far", flags="PA", seq=1 << 30, length=length),
        Step("data-no-ack", flags="P", length=length),
        Step("data-future-ack", flags="PA", ack=1000, length=length),
        Step("data-old-ack", flags="PA", ack=-1, length=length),
        Step("data-ancient-ack", flags="PA", ack=-(1 << 30), length=length),
        Step("data-urgent", flags="PAU", length=length, urgent=1),
        Step("ack", flags="A"),
        Step("ack", flags="A"),
        Step("ack-again", flags="A"),
        Step("ack-future", flags="A", ack=1000),
        Step("ack-ancient", flags="A", ack=-(1 << 30)),
        Step("ack-ahead", flags="A", seq=gap),
        Step("ack-far", flags="A", seq=1 << 30),
        Step("window-zero", flags="A", window=0),
        Step("window-open", flags="A", window=40000),
        Step("keepalive", flags="A", seq=-1),
        Step("keepalive-text", flags="A", seq=-1, length=1),
        Step("rst-exact", flags="R"),
        Step("rst-ack-exact", flags="RA"),
        Step("rst-inside", flags="R", seq=100),
        Step("rst-ack-inside", flags="RA", seq=100),
        Step("rst-outside", flags="R", seq=1 << 30),
        Step("rst-before", flags="R", seq=-1),
        Step("syn-exact", flags="S"),
        Step("syn-inside", flags="S", seq=100),
        Step("syn-outside", flags="S", seq=1 << 30),
        Step("syn-before", flags="S", seq=-1),
        Step("syn-ack-before", flags="SA", seq=-1),
        Step("syn-ack-inside", flags="SA", seq=100),
        Step("syn-fin", flags="SF"),
        Step("syn-rst", flags="SR", seq=100),
        Step("fin", flags="FA"),
        Step("fin-data", flags="FPA", length=length),
        Step("fin-gap", flags="FA", seq=100),
        Step("fin-no-ack", flags="F"),
        Step("fin-far", flags="FA", seq=1 << 30),
        Step("fin-old", flags="FA", seq=-1),
        Step("no-flags", flags=""),
        Step("stamp-old", flags="PA", length=length, ts=-100),
        Step("stamp-old-ack", flags="A", ts=-100),
        Step("stamp-missing", flags="PA", length=length, ts=None),
        Step("stamp-old-rst", flags="R", ts=-100),
    ])


def calls(draw):
    return draw.choice([
        Step("send", "send", (draw.choice(SENDS),)),
        Step("send", "send", (draw.choice(SENDS),)),
        Step("receive", "receive", (draw.choice((100, 65536)),)),
        Step("receive", "receive", (65536,)),
        Step("shutdown", "shutdown"),
        Step("close", "close"),
    ])


def early(draw):
    """One packet for a half-open connection."""
    return draw.choice([
        Step("half-open-ack-future", flags="A", ack=1000),
        Step("half-open-ack-old", flags="A", ack=-1),
        Step("half-open-rst-exact", flags="R"),
        Step("half-open-rst-inside", flags="R", seq=100),
        Step("half-open-rst-outside", flags="R", seq=1 << 30),
        Step("half-open-syn-again", flags="S", seq=-1),
        Step("half-open-syn-other", flags="S", seq=100),
        Step("half-open-syn-ack", flags="SA"),
        Step("half-open-no-flags", flags=""),
        Step("half-open-fin-no-ack", flags="F"),
        Step("half-open-ack-ahead", flags="A", seq=100),
        Step("half-open-ack-far", flags="A", seq=1 << 30),
    ])


def passive(draw, options):
    steps = [Step("listen", "listen", ("local",))]
    if draw.random() < 0.15:
        steps.append(draw.choice([
            Step("listen-ack", flags="A"), Step("listen-rst", flags="R"), Step("listen-fin", flags="F"),
            Step("listen-syn-ack", flags="SA"), Step("listen-no-flags", flags=""),
            Step("listen-syn-fin", flags="SF"), Step("listen-data", flags="PA", length=10)]))
    steps.append(Step("syn", flags="S", options=options, length=draw.choice((0, 0, 0, 0, 10)), seq=-1))
    if draw.random() < 0.3:
        steps.append(early(draw))
    final = draw.choice([Step("handshake-ack", flags="A"), Step("handshake-ack", flags="A"),
                         Step("handshake-data", flags="PA", length=100), Step("handshake-fin", flags="FA")])
    return [*steps, final, Step("accept", "accept")]


def active(draw, options):
    steps = [Step("connect", "connect", ("local", "remote"))]
    if draw.random() < 0.4:
        steps.append(draw.choice([
            Step("syn-sent-ack-future", flags="A", ack=1000), Step("syn-sent-ack-old", flags="A", ack=-1),
            Step("syn-sent-rst", flags="R"), Step("syn-sent-rst-ack-future", flags="RA", ack=1000),
            Step("syn-sent-fin", flags="F"), Step("syn-sent-data", flags="PA", length=10),
            Step("syn-sent-syn-ack-future", flags="SA", ack=1000), Step("syn-sent-no-flags", flags=""),
            Step("syn-sent-receive", "receive", (100,)), Step("syn-sent-syn-fin-ack-bad", flags="SFA", ack=5)]))
    final = draw.choice([Step("syn-ack", flags="SA", options=options, seq=-1),
                         Step("syn-ack", flags="SA", options=options, seq=-1),
                         Step("syn-ack", flags="SA", options=options, seq=-1),
                         Step("syn-sent-rst-ack", flags="RA"),
                         Step("simultaneous-syn", flags="S", options=options, seq=-1)])
    steps.append(final)
    if final.label == "simultaneous-syn":
        steps.append(Step("simultaneous-ack", flags="A"))
    return steps


def make(seed):
    """(the steps, the options of the peer's SYN)"""
    draw = random.Random(seed)
    options = syn_options(draw)
    steps = active(draw, options) if draw.random() < 0.3 else passive(draw, options)
    if draw.random() < 0.8:
        steps.append(Step("nodelay", "nodelay"))
    for _ in range(draw.randint(3, 12)):
        steps.append(packets(draw) if draw.random() < 0.65 else calls(draw))
    return steps
