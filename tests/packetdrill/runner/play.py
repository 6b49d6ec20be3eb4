"""A script is played: packets in and out, calls, time; as packetdrill plays it.

One socket at a time is under test: the one that socket() made last, then the child that the first packet to a listener makes.
Whatever comes in goes to it, and what leaves for another is not looked at. Numbers of packets with SYN are the script's, and the
peer's first number is what the script says; all others count from the first.
"""
import ctypes
import errno
import socket
import struct
import threading
import time

from . import wire
from .calls import Calls, Wrong, value_of
from .interface import Stack
from .language import ANY, Call, Code, Packet, ScriptError

TOLERANCE_US = 4000
TOLERANCE_PERCENT = 12.5  # of the time since the event before
EXACT_PERCENT = 2.5
SPIN_US = 20
START_US = 250
FIRST_PEER_PORT = 40001
ECN_BITS = {"noecn": 0, "ect1": 1, "ect0": 2, "ce": 3}
KNOWN_OPTIONS = {"so_flags", "ip_version", "local_ip", "remote_ip", "bind_port", "connect_port", "tolerance_usecs",
                 "tolerance_percent", "strict_segments", "tcp_ts_ecr_scaled", "tcp_ts_tick_usecs", "send_omit_free",
                 "mss"}  # of the device that is not there: packetdrill gives the stack each packet whole
FLAG_LETTERS = ((2, "S"), (1, "F"), (4, "R"), (8, "P"), (32, "U"), (64, "E"), (128, "W"), (16, "."))

INFO_LAYOUT = "=8B24I4Q2I4I4Q2I2Q4I"
INFO_NAMES = """state ca_state retransmits probes backoff options wscales flags rto ato snd_mss rcv_mss unacked sacked lost
    retrans fackets last_data_sent last_ack_sent last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh
    snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans pacing_rate max_pacing_rate bytes_acked bytes_received
    segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out delivery_rate busy_time rwnd_limited sndbuf_limited
    delivered delivered_ce bytes_sent bytes_retrans dsack_dups reord_seen rcv_ooopack snd_wnd""".split()
INFO_SYMBOLS = dict(zip(
    """TCP_ESTABLISHED TCP_SYN_SENT TCP_SYN_RECV TCP_FIN_WAIT1 TCP_FIN_WAIT2 TCP_TIME_WAIT TCP_CLOSE TCP_CLOSE_WAIT TCP_LAST_ACK
    TCP_LISTEN TCP_CLOSING""".split(), range(1, 12)), TCP_CA_Open=0, TCP_CA_Disorder=1, TCP_CA_CWR=2, TCP_CA_Recovery=3,
    TCP_CA_Loss=4, TCPI_OPT_TIMESTAMPS=1, TCPI_OPT_SACK=2, TCPI_OPT_WSCALE=4, TCPI_OPT_ECN=8)


class Endpoint:
    """A socket of the script: its addresses and first numbers, in the script and alive."""

    def __init__(self, fd, live, state):
        self.fd, self.live, self.state = fd, live, state
        self.local = self.remote = None
        self.port = self.peer_port = None
        self.isn = self.script_isn = self.peer_isn = 0
        self.stamps, self.first_stamp = {}, None

    def local_base(self, syn):
        """What is to be added to a number of ours in the script."""
        return self.isn - self.script_isn if syn else self.isn

    def peer_base(self, syn):
        return 0 if syn else self.peer_isn

    def is_of(self, segment):
        return (self.local, self.remote, self.port, self.peer_port) == (
            segment.source, segment.target, segment.sport, segment.dport)


class Blocked:
    """A call on a thread of its own, which waits for the instant at which it begins, too."""

    def __init__(self, event, stack, do):
        self.event, self.stack, self.outcome, self.problem, self.ended_at = event, stack, None, None, None
        self.begun = False
        self.thread = threading.Thread(target=self.run, args=(do,), daemon=True)
        self.thread.start()
        while self.thread.is_alive() and not (self.begun and stack.has_waiting()):
            time.sleep(0.0002)

    def run(self, do):
        try:
            self.outcome, self.ended_at = do(self)
        except (Wrong, ScriptError) as problem:
            self.problem = problem


class World:
    def __init__(self, adapter, script, how):
        self.script, self.exact, self.no_push = script, how == "exact", how == "no-push"
        options = script.options
        for name in options:
            if name not in KNOWN_OPTIONS:
                raise ScriptError("%s: option --%s is not supported" % (script.path, name))
        version = options.get("ip_version", "ipv4")
        if version not in ("ipv4", "ipv4-mapped-ipv6", "ipv6"):
            raise ScriptError("%s: --ip_version=%s is not supported" % (script.path, version))
        v6 = version == "ipv6"
        self.domain = socket.AF_INET if version == "ipv4" else socket.AF_INET6
        self.local = options.get("local_ip", "fd3d:fa7b:d17d::1" if v6 else "192.168.0.1")
        self.remote = options.get("remote_ip", "2001:db8::1" if v6 else "192.0.2.1").split("/")[0]
        mapped = "::ffff:" if version == "ipv4-mapped-ipv6" else ""
        self.bind_address = (mapped + self.local, int(options.get("bind_port", 8080)))
        self.connect_address = (mapped + self.remote, int(options.get("connect_port", 8080)))
        self.tolerance = int(options.get("tolerance_usecs", TOLERANCE_US))
        self.tolerance_part = float(options.get("tolerance_percent", EXACT_PERCENT if self.exact else TOLERANCE_PERCENT)) / 100
        self.whole_segments = self.exact or "strict_segments" in options
        self.stack = Stack(adapter, options.get("so_flags", ""))
        self.calls = Calls(self)
        self.fds = {}
        self.flows = []
        self.under_test = None
        self.accepted_from = None
        self.blocked = None
        self.names = dict(INFO_SYMBOLS)
        self.next_peer_port = FIRST_PEER_PORT
        self.started_at = self.stack.now() + START_US
        self.last = None

    def fail(self, event, text):
        raise ScriptError("%s:%d: %s" % (self.script.path, event.line, text))

    def live(self, fd):
        if fd not in self.fds:
            raise Wrong("no descriptor %s in this script" % fd)
        return self.fds[fd].live

    def elapsed(self):
        return self.stack.now() - self.started_at

    # time

    def set_time(self, event):
        if not event.relative:
            return
        inbound = isinstance(event.action, Packet) and event.action.inbound
        after = self.last and isinstance(self.last.action, Packet) and self.last.action.inbound
        offset = self.last.time if inbound and after else self.elapsed()
        event.time += offset
        if event.range_end is not None:
            event.range_end += offset
        if event.blocking_until is not None:
            event.blocking_until += offset

    def wait(self, event):
        since = self.last
        while True:
            left = event.time - self.elapsed()
            if left <= 0:
                break
            if left > SPIN_US and since:
                self.stack.call("usleep", left - SPIN_US)
        if since:
            self.check_time(event, self.elapsed(), "it", since)

    def check_time(self, event, at, what, since):
        if event.anytime:
            return
        end = event.time if event.range_end is None else event.range_end
        tolerance = max(self.tolerance, (event.time - since.time if since else 0) * self.tolerance_part)
        if not event.time - tolerance <= at <= end + tolerance:
            self.fail(event, "%s happened at %.6f s, not at %.6f s" % (what, at / 1e6, event.time / 1e6))

    # packets in

    def play_in(self, event, packet):
        flow = self.flow_of_script(event, packet)
        self.wait(event)
        if packet.icmp:
            self.stack.send(self.icmp(event, flow, packet.icmp))
            return
        if packet.window is None:
            self.fail(event, "what comes in must say its window")
        syn = bool(packet.flags & 2)
        if flow.state == "syn-ack sent" and packet.flags & 16:
            flow.state = "syn-ack acked"
        elif flow.state == "syn sent" and packet.flags & 18 == 18:
            flow.state, flow.peer_isn = "syn acked", packet.seq
        options = wire.write_options(packet.options, flow.local_base(syn), lambda echo: self.echo(event, flow, packet, echo))
        sport, dport = packet.ports or (flow.peer_port, flow.port)
        fields = {"sport": sport, "dport": dport, "seq": packet.seq + flow.peer_base(syn),
                  "ack": (packet.ack or 0) + (flow.local_base(syn) if packet.flags & 16 else 0),
                  "flags": packet.flags, "window": packet.window, "urgent": packet.urgent}
        self.stack.send(wire.tcp_segment(flow.remote, flow.local, fields, options, bytes(packet.length),
                                         ECN_BITS.get(packet.ecn, 0) if packet.tos is None else packet.tos))

    def echo(self, event, flow, packet, echo):
        if not packet.flags & 16:
            return echo
        if echo in flow.stamps:
            return flow.stamps[echo]
        if "tcp_ts_ecr_scaled" not in self.script.options or not flow.first_stamp:
            self.fail(event, "ecr %d is no TS val that went out before" % echo)
        return echo - flow.first_stamp[0] + flow.first_stamp[1] & 0xffffffff

    def flow_of_script(self, event, packet):
        """The socket under test, after what this packet makes of it."""
        tested = self.under_test
        if packet.icmp:
            pass
        elif packet.inbound and (not tested or tested.state == "listening"):
            tested = Endpoint(None, None, "passive")
            tested.local, tested.remote = self.local, self.remote
            tested.port, tested.peer_port = self.bind_address[1], self.next_peer_port
            tested.peer_isn = packet.seq
            self.next_peer_port += 1
            self.flows.append(tested)
            self.under_test = tested
        elif not packet.inbound and packet.flags & 18 == 2 and tested and tested.state == "connecting":
            tested.state, tested.script_isn = "syn sent", packet.seq
        if not tested:
            self.fail(event, "no socket for this packet")
        if packet.inbound and tested.port is None:
            self.fail(event, "this packet belongs to no connection of the script")
        return tested

    def icmp(self, event, flow, icmp):
        version = wire.family_of(self.remote)
        kind, code = wire.icmp_numbers(version, icmp["type"], icmp["code"])
        if kind is None or code is None:
            self.fail(event, "unknown ICMP %s" % ("type %s" % icmp["type"] if kind is None else "code %s" % icmp["code"]))
        first, length = icmp["quote"]
        quoted = struct.pack("!HHI", flow.port, flow.peer_port, first + flow.local_base(False) & 0xffffffff)
        header = wire.ip_packet(flow.local, self.remote, wire.TCP, quoted + bytes(12 + length))
        quote = header[:-(12 + length)] + bytes(length)
        return wire.icmp_packet(self.remote, flow.local, kind, code, icmp["mtu"] or 0, quote)

    # packets out

    def play_out(self, event, packet):
        flow = self.flow_of_script(event, packet)
        syn_ack = flow.state == "passive" and packet.flags & 18 == 18
        if syn_ack:
            flow.script_isn = packet.seq
        segment, at = self.sniff(event, flow, packet)
        if syn_ack:
            flow.state, flow.isn = "syn-ack sent", segment.seq
        while segment.length < packet.length and not self.whole_segments:
            more, at = self.sniff(event, flow, packet)
            if more.seq != segment.seq + segment.length & 0xffffffff or more.length == 0:
                break
            more.seq, more.length = segment.seq, segment.length + more.length
            segment = more
        if self.no_push:
            segment.flags, packet.flags = segment.flags & ~8, packet.flags & ~8
        found = self.text_of_segment(flow, segment, packet)
        wanted = self.text_of_script(packet)
        if found != wanted:
            self.fail(event, "sent at %.6f s:\n    %s\nwanted:\n    %s" % ((at - self.started_at) / 1e6, found, wanted))
        if not segment.zeros:
            self.fail(event, "the text that was sent is not what was written")
        self.check_time(event, at - self.started_at, found, self.last)
        for script_option, live_option in zip(packet.options, segment.options):
            if script_option[0] == "TS":
                flow.stamps[script_option[1]] = live_option[1]
                flow.first_stamp = flow.first_stamp or (script_option[1], live_option[1])

    def sniff(self, event, flow, packet):
        """The next segment of the socket under test."""
        while True:
            data, at = self.stack.receive()
            if not data:
                self.fail(event, "nothing is sent any more; wanted %s" % self.text_of_script(packet))
            segment = wire.parse(data)
            if segment is None and self.exact:
                self.fail(event, "something that is not TCP was sent")
            if segment is None:
                continue
            if flow.port is not None and flow.is_of(segment):
                return segment, at
            if flow.state == "syn sent" and segment.flags & 18 == 2 and (segment.target, segment.dport) == (
                    self.remote, self.connect_address[1]):
                flow.local, flow.remote = segment.source, segment.target
                flow.port, flow.peer_port, flow.isn = segment.sport, segment.dport, segment.seq
                return segment, at

    def text_of_segment(self, flow, segment, packet):
        syn = bool(segment.flags & 2)
        seq = segment.seq - flow.local_base(syn) & 0xffffffff
        base = flow.peer_base(syn)
        options = []
        wanted = iter(packet.options)
        for option in segment.options:
            other = next(wanted, None)
            if option[0] == "TS" and other and other[0] == "TS":
                option = ("TS", other[1], option[2] if self.exact else other[2])
            if option[0] == "sack":
                option = ("sack", [(first - base & 0xffffffff, end - base & 0xffffffff) for first, end in option[1]])
            options.append(option)
        return describe(segment.flags, seq, segment.length, segment.ack - base & 0xffffffff if segment.flags & 16 else None,
                        None if packet.window is None else segment.window, segment.urgent,
                        None if packet.any_options else options, self.ip_text(packet, segment.tos, segment.ttl))

    def ip_text(self, packet, tos, ttl):
        """What the script looks at of the IP header, as it was."""
        if packet.tos is not None:
            return "tos %#x" % tos
        if packet.ttl is not None:
            return "ttl %d" % ttl
        if packet.ecn == "ect01":
            return "ect01" if tos & 3 in (1, 2) else "noecn"
        return None if packet.ecn is None else [name for name, bits in ECN_BITS.items() if bits == tos & 3][0]

    def text_of_script(self, packet):
        tos = packet.tos if packet.tos is not None else 1 if packet.ecn == "ect01" else ECN_BITS.get(packet.ecn, 0)
        return describe(packet.flags, packet.seq, packet.length, packet.ack or 0 if packet.flags & 16 else None,
                        packet.window, packet.urgent, None if packet.any_options else packet.options,
                        self.ip_text(packet, tos, packet.ttl))

    # calls

    def play_call(self, event, call):
        if event.blocking_until is not None:
            self.let_blocked_end(event, True)
            self.blocked = Blocked(event, self.stack, lambda blocked: self.do_blocking(event, call, blocked))
            if self.blocked.problem:
                self.let_blocked_end(event, False)
            return
        self.let_blocked_end(event, False)
        self.wait(event)
        try:
            self.before(call)
            self.judge(event, call, self.calls.do(call))
        except Wrong as problem:
            self.fail(event, "%s: %s" % (call.name, problem))

    def do_blocking(self, event, call, blocked):
        self.wait(event)
        self.before(call)
        blocked.begun = True
        return self.calls.do(call), self.stack.now()

    def before(self, call):
        """What is known of a socket before its call is done."""
        if call.name not in ("connect", "sendto", "sendmsg") or call.arguments[0] not in self.fds:
            return
        tested = self.fds[call.arguments[0]]
        if call.name == "connect" and call.arguments[1] is not ANY:
            tested.state = "new"
        elif tested.state == "new":
            tested.state = "connecting"

    def let_blocked_end(self, event, must):
        """Waits for a call that need not wait any more; one that still waits goes on, unless it must not."""
        blocked = self.blocked
        while blocked and blocked.thread.is_alive() and not self.stack.has_waiting():
            blocked.thread.join(0.001)
        if not blocked or blocked.thread.is_alive() and not must:
            return
        call = blocked.event.action
        if blocked.thread.is_alive():
            self.fail(event, "%s() of line %d still waits" % (call.name, blocked.event.line))
        self.blocked = None
        if isinstance(blocked.problem, ScriptError):
            raise blocked.problem
        if blocked.problem:
            self.fail(blocked.event, "%s: %s" % (call.name, blocked.problem))
        ended = blocked.ended_at - self.started_at
        if abs(ended - blocked.event.blocking_until) > self.tolerance:
            self.fail(blocked.event, "%s() ended at %.6f s, not at %.6f s"
                      % (call.name, ended / 1e6, blocked.event.blocking_until / 1e6))
        self.judge(blocked.event, call, blocked.outcome)

    def judge(self, event, call, outcome):
        result, number = outcome
        wanted = value_of(call.result)
        gives_fd = call.name in ("socket", "accept", "epoll_create")
        if wanted is ANY:
            self.fail(event, "%s() must say its result" % call.name)
        if (result < 0 or wanted < 0 or not gives_fd) and result != wanted:
            self.fail(event, "%s() = %d%s, not %d" % (call.name, result, " (%s)" % name_of(number) if result < 0 else "", wanted))
        if call.error and number != value_of_errno(call.error):
            self.fail(event, "%s() gave %s, not %s" % (call.name, name_of(number), call.error))
        if gives_fd and result >= 0:
            self.remember(event, call, wanted, result)
        elif call.name == "listen":
            self.fds[call.arguments[0]].state = "listening"
        elif call.name == "close":
            del self.fds[call.arguments[0]]

    def remember(self, event, call, fd, live):
        if fd in self.fds:
            self.fail(event, "descriptor %d is in use" % fd)
        if call.name != "accept":
            self.fds[fd] = Endpoint(fd, live, "new")
            if call.name == "socket":
                self.under_test = self.fds[fd]
            return
        for flow in reversed(self.flows):
            if flow.state in ("syn-ack sent", "syn-ack acked"):
                if self.accepted_from != (self.remote, flow.peer_port):
                    self.fail(event, "accept() gave a connection from %s port %d, not of port %d"
                              % (*self.accepted_from, flow.peer_port))
                flow.fd, flow.live = fd, live
                self.fds[fd] = flow
                return
        self.fail(event, "accept() gave a connection from port %d, which is not in the script" % self.accepted_from[1])

    # assertions

    def play_code(self, event, code):
        self.wait(event)
        if not self.under_test or self.under_test.live is None:
            self.fail(event, "no connection to ask for TCP_INFO")
        buffer = ctypes.create_string_buffer(struct.calcsize(INFO_LAYOUT))
        length = ctypes.c_uint(len(buffer))
        self.stack.call("getsockopt", self.under_test.live, 6, 11, ctypes.addressof(buffer), ctypes.addressof(length))
        names = self.names  # one program for the whole script, as packetdrill runs it when all else is done
        names.update(("tcpi_" + name, value) for name, value in zip(INFO_NAMES, struct.unpack(INFO_LAYOUT, buffer.raw)))
        names["tcpi_snd_wscale"], names["tcpi_rcv_wscale"] = names["tcpi_wscales"] & 15, names["tcpi_wscales"] >> 4
        try:
            exec(code.text, names)  # the language has Python here
        except Exception as error:
            self.fail(event, "%s: %s %s" % (code.text, type(error).__name__, error))

    def play(self):
        for event in self.script.events:
            if not self.last and event.time != 0:
                self.fail(event, "the first event is at 0")
            if self.last and not (event.relative or event.anytime or self.last.relative) and event.time < self.last.time:
                self.fail(event, "time goes back")
            self.set_time(event)
            action = event.action
            if isinstance(action, Packet):
                (self.play_in if action.inbound else self.play_out)(event, action)
            elif isinstance(action, Call):
                self.play_call(event, action)
            elif isinstance(action, Code):
                self.play_code(event, action)
            self.last = event
        self.let_blocked_end(self.script.events[-1], True)
        self.clean_up()
        self.stack.free()

    def clean_up(self):
        """What packetdrill does at the end: each connection gets a RST, whatever became of it."""
        for flow in self.flows:
            fields = {"sport": flow.peer_port, "dport": flow.port, "seq": flow.peer_isn + 1, "ack": flow.isn + 1,
                      "flags": 4 | 16, "window": 0, "urgent": 0}
            self.stack.send(wire.tcp_segment(flow.remote, flow.local, fields, b"", b""))


def describe(flags, seq, length, ack, window, urgent, options, ip):
    text = "".join(letter for bit, letter in FLAG_LETTERS if flags & bit) or "-"
    text += " %d:%d(%d)" % (seq, seq + length, length)
    if ip is not None:
        text = "[%s] " % ip + text
    if ack is not None:
        text += " ack %d" % ack
    if window is not None:
        text += " win %d" % window
    if urgent:
        text += " urg %d" % urgent
    if options is None:
        return text + " <...>"
    return text + (" <%s>" % ",".join(map(describe_option, options)) if options else "")


def describe_option(option):
    if option[0] == "TS":
        return "TS val %d ecr %d" % option[1:]
    if option[0] == "sack":
        return "sack " + " ".join("%d:%d" % block for block in option[1])
    return " ".join(map(str, option))


def name_of(number):
    return errno.errorcode.get(number, str(number))


def value_of_errno(name):
    return getattr(errno, name, None)


def play(adapter, script, how):
    try:
        World(adapter, script, how).play()
    except Wrong as problem:
        raise ScriptError("%s: %s" % (script.path, problem)) from problem
