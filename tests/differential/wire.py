"""Packets of the comparison: IPv4 and TCP, built and read by the peer of both stacks."""

import socket
import struct

PEER, STACK = "192.0.2.9", "192.0.2.10"
LETTERS = "FSRPAUEW"
PEER_ISS = 0x10000000
PEER_TS = 1000


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ip(payload, protocol):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0x4000, 64, protocol, 0,
                       socket.inet_aton(PEER), socket.inet_aton(STACK))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def echo(number):
    head = struct.pack("!BBHHH", 8, 0, 0, 7, number & 0xFFFF)
    return ip(head[:2] + struct.pack("!H", checksum(head)) + head[4:], 1)


def is_echo_reply(packet, number):
    return (packet[9] == 1 and packet[20] == 0
            and struct.unpack_from("!HH", packet, 24) == (7, number & 0xFFFF))


def options(mss=None, scale=None, sack=False, ts=None):
    made = b""
    if mss is not None:
        made += struct.pack("!BBH", 2, 4, mss)
    if scale is not None:
        made += struct.pack("!BBBB", 1, 3, 3, scale)
    if sack:
        made += b"\x01\x01\x04\x02"
    if ts is not None:
        made += struct.pack("!BBBBII", 1, 1, 8, 10, *(number & 0xFFFFFFFF for number in ts))
    return made


def tcp(ports, flags, seq, ack, window, opts=b"", length=0, urgent=0):
    bits = sum(1 << LETTERS.index(letter) for letter in flags)
    text = bytes((seq + i) & 0x7F for i in range(length))
    head = struct.pack("!HHIIBBHHH", *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF,
                       (20 + len(opts)) // 4 << 4, bits, window, 0, urgent) + opts
    pseudo = socket.inet_aton(PEER) + socket.inet_aton(STACK) + struct.pack("!HH", 6, len(head) + length)
    return ip(head[:16] + struct.pack("!H", checksum(pseudo + head + text)) + head[18:] + text, 6)


class Segment:
    """What a stack has sent."""

    def __init__(self, packet):
        start = (packet[0] & 15) * 4
        segment = packet[start:struct.unpack_from("!H", packet, 2)[0]]
        pseudo = packet[12:20] + struct.pack("!HH", 6, len(segment))
        if checksum(packet[:start]) or checksum(pseudo + segment):
            raise ValueError("a stack sent a wrong checksum")
        (self.from_port, self.to_port, self.seq, self.ack, offset, bits, self.window, _,
         self.urgent) = struct.unpack_from("!HHIIBBHHH", segment)
        self.flags = "".join(letter for i, letter in enumerate(LETTERS) if bits >> i & 1)
        self.length = len(segment) - (offset >> 4) * 4
        self.options = {}
        self._read(segment[20:(offset >> 4) * 4])

    def _read(self, rest):
        while rest and rest[0] != 0:
            if rest[0] == 1:
                rest = rest[1:]
                continue
            self.options[rest[0]] = rest[2:rest[1]]
            rest = rest[rest[1]:]

    @property
    def extent(self):
        return self.length + ("S" in self.flags) + ("F" in self.flags)

    @property
    def ts(self):
        return struct.unpack("!II", self.options[8]) if 8 in self.options else None

    @property
    def sack(self):
        data = self.options.get(5, b"")
        return [struct.unpack_from("!II", data, at) for at in range(0, len(data), 8)]
