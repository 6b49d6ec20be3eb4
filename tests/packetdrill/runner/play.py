"""A script is played: packets in and out, calls, time; as packetdrill plays it."""
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
TOLERANCE_PART = 0.025  # of the time since the event before (packetdrill grants an eighth)
SPIN_US = 20
FIRST_PEER_PORT = 40001
PEER_ISN = 0xffffff00  # the peer's numbers wrap early
ECN_BITS = {"noecn": 0, "ect1": 1, "ect0": 2, "ce": 3}
KNOWN_OPTIONS = {"so_flags", "ip_version", "local_ip", "remote_ip", "bind_port", "connect_port", "tolerance_usecs"}
FLAG_LETTERS = ((2, "S"), (1, "F"), (4, "R"), (8, "P"), (32, "U"), (64, "E"), (128, "W"), (16, "."))

INFO_LAYOUT = "=8B24I4Q2I4I4Q2I2Q4I"
INFO_NAMES = """state ca_state retransmits probes backoff options wscales flags rto ato snd_mss rcv_mss unacked sacked lost
    retrans fackets last_data_sent last_ack_sent last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh
    snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans pacing_rate max_pacing_rate bytes_acked bytes_received
    segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out delivery_rate busy_time rwnd_limited sndbuf_limited
    delivered delivered_ce bytes_sent bytes_retrans dsack_dups reord_seen rcv_ooopack snd_wnd""".split()


class Endpoint:
    """A socket of the script and, once it speaks, its flow."""

    def __init__(self, fd, live):
        self.fd, self.live = fd, live
        self.state = "new"
        self.port = self.peer_port = self.isn = None
        self.local = None
        self.script_isn, self.script_peer_isn = 0, None
        self.stamps = {}


class Blocked:
    """A call on a thread of its own."""

    def __init__(self, event, stack, do):
        self.event, self.outcome, self.problem, self.ended_at = event, None, None, None
        self.thread = threading.Thread(target=self.run, args=(do,), daemon=True)
        self.thread.start()
        while self.thread.is_alive() and not stack.has_waiting():
            time.sleep(0.0005)

    def run(self, do):
        try:
            self.outcome, self.ended_at = do()
        except Wrong as problem:
            self.problem = problem


class World:
    def __init__(self, adapter, script):
        self.script = script
        options = script.options
        for name in options:
            if name not in KNOWN_OPTIONS:
                raise ScriptError("%s: option --%s is not supported" % (script.path, name))
        version = options.get("ip_version", "ipv4")
        if version not in ("ipv4", "ipv6"):
            raise ScriptError("%s: --ip_version=%s is not supported" % (script.path, version))
        v6 = version == "ipv6"
        self.domain = socket.AF_INET6 if v6 else socket.AF_INET
        self.local = options.get("local_ip", "fd3d:fa7b:d17d::1" if v6 else "192.168.0.1")
        self.remote = options.get("remote_ip", "2001:db8::1" if v6 else "192.0.2.1")
        self.bind_address = (self.local, int(options.get("bind_port", 8080)))
        self.connect_address = (self.remote, int(options.get("connect_port", 8080)))
        self.tolerance = int(options.get("tolerance_usecs", TOLERANCE_US))
        self.stack = Stack(adapter, options.get("so_flags", ""))
        self.calls = Calls(self)
        self.fds = {}
        self.flows = []
        self.under_test = None
        self.accepted_from = None
        self.blocked = None
        self.next_peer_port = FIRST_PEER_PORT
        self.started_at = self.stack.now()
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
        while True:
            left = event.time - self.elapsed()
            if left <= 0:
                break
            if left > SPIN_US:
                self.stack.call("usleep", left - SPIN_US)
        self.check_time(event, self.elapsed(), "it")

    def check_time(self, event, at, what):
        if event.anytime:
            return
        end = event.time if event.range_end is None else event.range_end
        since = event.time - self.last.time if self.last else 0
        tolerance = max(self.tolerance, since * TOLERANCE_PART)
        if not event.time - tolerance <= at <= end + tolerance:
            self.fail(event, "%s happened at %.6f s, not at %.6f s" % (what, at / 1e6, event.time / 1e6))

    # packets in

    def play_in(self, event, packet):
        self.wait(event)
        if packet.icmp:
            self.stack.send(self.icmp(event, packet.icmp))
            return
        if packet.window is None:
            self.fail(event, "what comes in must say its window")
        flow = self.flow_in(event, packet)
        if packet.flags & 2 and flow.script_peer_isn is None:
            flow.script_peer_isn = packet.seq
        options = wire.write_options(packet.options, self.local_base(flow), lambda echo: self.echo(event, flow, packet, echo))
        fields = {"sport": flow.peer_port, "dport": flow.port, "seq": packet.seq + self.peer_base(flow),
                  "ack": packet.ack + self.local_base(flow) if packet.flags & 16 and packet.ack is not None else 0,
                  "flags": packet.flags, "window": packet.window, "urgent": packet.urgent}
        self.stack.send(wire.tcp_segment(self.remote, flow.local, fields, options, bytes(packet.length),
                                         ECN_BITS.get(packet.ecn, 0)))

    def peer_base(self, flow):
        return PEER_ISN - (flow.script_peer_isn or 0)

    def local_base(self, flow):
        return (flow.isn or 0) - flow.script_isn

    def echo(self, event, flow, packet, echo):
        if not packet.flags & 16 or packet.flags & 4:
            return echo
        if echo not in flow.stamps:
            self.fail(event, "ecr %d is no TS val that went out before" % echo)
        return flow.stamps[echo]

    def flow_in(self, event, packet):
        """A SYN to a listener begins a flow of its own; everything else belongs to the flow at hand."""
        if packet.flags & (2 | 16 | 4) == 2:
            for endpoint in self.fds.values():
                if endpoint.state == "listening":
                    flow = Endpoint(None, None)
                    flow.state, flow.local = "passive", self.bind_address[0]
                    flow.port, flow.peer_port = self.bind_address[1], self.next_peer_port
                    self.next_peer_port += 1
                    self.flows.append(flow)
                    self.under_test = flow
                    return flow
        if not self.under_test or self.under_test.port is None:
            self.fail(event, "this packet belongs to no connection of the script")
        return self.under_test

    def icmp(self, event, icmp):
        version = wire.family_of(self.remote)
        flow = self.under_test
        if icmp["type"] not in wire.ICMP_TYPES[version]:
            self.fail(event, "unknown ICMP type %s" % icmp["type"])
        kind, codes = wire.ICMP_TYPES[version][icmp["type"]]
        if icmp["code"] is not None and icmp["code"] not in codes:
            self.fail(event, "unknown ICMP code %s" % icmp["code"])
        if not icmp["quote"] or not flow or flow.port is None:
            self.fail(event, "an ICMP message quotes a packet of a connection: [first:end(length)]")
        first, length = icmp["quote"]
        quoted = struct.pack("!HHI", flow.port, flow.peer_port, first + self.local_base(flow) & 0xffffffff)
        header = wire.ip_packet(flow.local, self.remote, wire.TCP, quoted + bytes(12 + length))
        quote = header[:-(12 + length)] + bytes(length)
        return wire.icmp_packet(self.remote, flow.local, kind, codes.get(icmp["code"], 0), icmp["mtu"] or 0, quote)

    # packets out

    def play_out(self, event, packet):
        data, at = self.stack.receive()
        if not data:
            self.fail(event, "nothing is sent any more; wanted %s" % self.text_of_script(packet))
        segment = wire.parse(data)
        if segment is None:
            self.fail(event, "something that is not TCP was sent")
        flow = self.flow_out(event, segment, packet)
        found = self.text_of_segment(flow, segment, packet)
        wanted = self.text_of_script(packet)
        if found != wanted:
            self.fail(event, "sent at %.6f s:\n    %s\nwanted:\n    %s" % ((at - self.started_at) / 1e6, found, wanted))
        self.check_time(event, at - self.started_at, found)
        for script_option, live_option in zip(packet.options, segment.options):
            if script_option[0] == "TS":
                flow.stamps[script_option[1]] = live_option[1]

    def flow_out(self, event, segment, packet):
        for flow in self.flows:
            if (flow.port, flow.peer_port) == (segment.sport, segment.dport):
                if segment.flags & 2:
                    flow.isn, flow.script_isn = segment.seq, packet.seq
                elif flow.isn is None:
                    flow.isn = segment.seq
                return flow
        for flow in self.fds.values():
            if flow.state == "connecting" and segment.flags & 2 and segment.dport == self.connect_address[1]:
                flow.local, flow.port, flow.peer_port = segment.source, segment.sport, segment.dport
                flow.isn, flow.script_isn = segment.seq, packet.seq
                flow.state = "active"
                self.flows.append(flow)
                self.under_test = flow
                return flow
        return self.fail(event, "a packet of no connection of this script was sent: ports %d > %d"
                         % (segment.sport, segment.dport))

    def text_of_segment(self, flow, segment, packet):
        seq = segment.seq - self.local_base(flow) & 0xffffffff
        ack = segment.ack - self.peer_base(flow) & 0xffffffff
        options = []
        wanted = iter(packet.options)
        for option in segment.options:
            other = next(wanted, None)
            if option[0] == "TS":
                same = other and other[0] == "TS"
                option = ("TS", other[1] if same else option[1], option[2])
            if option[0] == "sack":
                base = self.peer_base(flow)
                option = ("sack", [(first - base & 0xffffffff, end - base & 0xffffffff) for first, end in option[1]])
            options.append(option)
        return describe(segment.flags, seq, segment.length, ack if segment.flags & 16 else None,
                        None if packet.window is None else segment.window, segment.urgent,
                        None if packet.any_options else options,
                        None if packet.ecn is None else segment.ecn)

    def text_of_script(self, packet):
        return describe(packet.flags, packet.seq, packet.length, packet.ack or 0 if packet.flags & 16 else None,
                        packet.window, packet.urgent, None if packet.any_options else packet.options,
                        None if packet.ecn is None else ECN_BITS[packet.ecn])

    # calls

    def play_call(self, event, call):
        self.wait(event)
        self.let_blocked_end(event)
        if event.blocking_until is None:
            try:
                self.judge(event, call, self.calls.do(call))
            except Wrong as problem:
                self.fail(event, "%s: %s" % (call.name, problem))
            return
        if call.name == "connect":
            self.fds[call.arguments[0]].state = "connecting"
        self.blocked = Blocked(event, self.stack, lambda: (self.calls.do(call), self.stack.now()))

    def let_blocked_end(self, event):
        blocked = self.blocked
        if not blocked:
            return
        blocked.thread.join(5)
        call = blocked.event.action
        if blocked.thread.is_alive():
            self.fail(event, "%s() of line %d still waits" % (call.name, blocked.event.line))
        self.blocked = None
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
        if wanted is not ANY and (result < 0 or wanted < 0 or not gives_fd) and result != wanted:
            self.fail(event, "%s() = %d%s, not %d" % (call.name, result, " (%s)" % name_of(number) if result < 0 else "", wanted))
        if call.error and number != value_of_errno(call.error):
            self.fail(event, "%s() gave %s, not %s" % (call.name, name_of(number), call.error))
        if gives_fd and result >= 0:
            self.remember(event, call, wanted, result)
        elif call.name == "listen" and result == 0:
            self.fds[call.arguments[0]].state = "listening"
        elif call.name == "connect" and number == errno.EINPROGRESS:
            self.fds[call.arguments[0]].state = "connecting"
        elif call.name == "close" and result == 0:
            del self.fds[call.arguments[0]]

    def remember(self, event, call, fd, live):
        if fd in self.fds:
            self.fail(event, "descriptor %d is in use" % fd)
        if call.name != "accept":
            self.fds[fd] = Endpoint(fd, live)
            return
        for flow in self.flows:
            if flow.state == "passive" and flow.live is None and flow.peer_port == self.accepted_from[1]:
                if self.accepted_from[0] != self.remote:
                    self.fail(event, "accept() said that %s connects" % self.accepted_from[0])
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
        names = {"tcpi_" + name: value for name, value in zip(INFO_NAMES, struct.unpack(INFO_LAYOUT, buffer.raw))}
        names["tcpi_snd_wscale"], names["tcpi_rcv_wscale"] = names["tcpi_wscales"] & 15, names["tcpi_wscales"] >> 4
        try:
            exec(code.text, names)  # the language has Python here
        except Exception as error:
            self.fail(event, "%s: %s" % (code.text, error))

    def play(self):
        for event in self.script.events:
            if not self.last and (event.time != 0 or event.relative):
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
        self.let_blocked_end(self.script.events[-1])
        self.stack.free()


def describe(flags, seq, length, ack, window, urgent, options, ecn):
    text = "".join(letter for bit, letter in FLAG_LETTERS if flags & bit) or "-"
    text += " %d:%d(%d)" % (seq, seq + length, length)
    if ecn is not None:
        text = "[%s] " % [name for name, bits in ECN_BITS.items() if bits == ecn][0] + text
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


def play(adapter, script):
    try:
        World(adapter, script).play()
    except Wrong as problem:
        raise ScriptError("%s: %s" % (script.path, problem)) from problem
