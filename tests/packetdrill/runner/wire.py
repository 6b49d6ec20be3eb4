"""Raw IP packets, written and read."""
import socket
import struct

TCP, ICMP, ICMPV6 = 6, 1, 58

ICMP_TYPES = {
    4: {"unreachable": (3, {"net_unreachable": 0, "host_unreachable": 1, "protocol_unreachable": 2,
                            "port_unreachable": 3, "frag_needed": 4, "source_route_failed": 5,
                            "net_unknown": 6, "host_unknown": 7, "source_host_isolated": 8, "net_prohibited": 9,
                            "host_prohibited": 10, "net_unreachable_for_tos": 11, "host_unreachable_for_tos": 12,
                            "packet_filtered": 13, "precedence_violation": 14, "precedence_cutoff": 15}),
        "source_quench": (4, {}), "redirect": (5, {}), "time_exceeded": (11, {}), "parameter_problem": (12, {}),
        "echo_reply": (0, {}), "echo_request": (8, {}), "timestamp_request": (13, {}), "timestamp_reply": (14, {}),
        "information_request": (15, {}), "information_reply": (16, {}), "address_mask_request": (17, {}),
        "address_mask_reply": (18, {})},
    6: {"unreachable": (1, {"no_route": 0, "admin_prohibited": 1, "not_neighbour": 2, "address_unreachable": 3,
                            "port_unreachable": 4}),
        "packet_too_big": (2, {}), "time_exceeded": (3, {"exceeded_hop_limit": 0, "exceeded_frag_time": 1}),
        "parameter_problem": (4, {"header_field": 0, "unknown_next_header": 1, "unknown_option": 2}),
        "echo_request": (128, {}), "echo_reply": (129, {})},
}


def icmp_numbers(version, kind, code):
    """(type, code) as numbers; None: unknown. type_N and code_N are what they say."""
    number, codes = ICMP_TYPES[version].get(kind, (None, {}))
    if kind.startswith("type_"):
        number = int(kind[5:])
    if code is None:
        return number, 0
    return number, int(code[5:]) if code.startswith("code_") else codes.get(code)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def family_of(address):
    return 6 if ":" in address else 4


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def ip_packet(source, target, protocol, payload, tos=0):
    if family_of(source) == 6:
        return struct.pack("!IHBB", 6 << 28 | tos << 20, len(payload), protocol, 64) + packed(source) + packed(target) + payload
    header = struct.pack("!BBHHHBBH", 0x45, tos, 20 + len(payload), 0, 0x4000, 64, protocol, 0) + packed(source) + packed(target)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def pseudo_sum(source, target, protocol, payload):
    if family_of(source) == 6:
        return checksum(packed(source) + packed(target) + struct.pack("!IxxxB", len(payload), protocol) + payload)
    return checksum(packed(source) + packed(target) + struct.pack("!xBH", protocol, len(payload)) + payload)


def tcp_segment(source, target, fields, options, text, tos=0):
    """fields: source port, target port, seq, ack, flags, window, urgent."""
    header = struct.pack("!HHIIBBHHH", fields["sport"], fields["dport"], fields["seq"] & 0xffffffff,
                         fields["ack"] & 0xffffffff, (20 + len(options)) // 4 << 4, fields["flags"],
                         fields["window"], 0, fields["urgent"])
    segment = header + options + text
    segment = segment[:16] + struct.pack("!H", pseudo_sum(source, target, TCP, segment)) + segment[18:]
    return ip_packet(source, target, TCP, segment, tos)


def icmp_packet(source, target, kind, code, word, quote):
    protocol = ICMPV6 if family_of(source) == 6 else ICMP
    message = struct.pack("!BBHI", kind, code, 0, word) + quote
    total = pseudo_sum(source, target, protocol, message) if protocol == ICMPV6 else checksum(message)
    return ip_packet(source, target, protocol, message[:2] + struct.pack("!H", total) + message[4:])


class Segment:
    """A TCP segment that left, or None from parse() if it is something else."""


def parse(data):
    segment = Segment()
    if data[0] >> 4 == 4:
        offset, protocol, segment.tos, segment.ttl = (data[0] & 15) * 4, data[9], data[1], data[8]
        segment.source, segment.target = (socket.inet_ntop(socket.AF_INET, data[at:at + 4]) for at in (12, 16))
    else:
        offset, protocol, segment.ttl = 40, data[6], data[7]
        segment.tos = (data[0] << 8 | data[1]) >> 4 & 255
        segment.source, segment.target = (socket.inet_ntop(socket.AF_INET6, data[at:at + 16]) for at in (8, 24))
    if protocol != TCP:
        return None
    (segment.sport, segment.dport, segment.seq, segment.ack, words, segment.flags, segment.window, _,
     segment.urgent) = struct.unpack("!HHIIBBHHH", data[offset:offset + 20])
    header = (words >> 4) * 4
    segment.options = read_options(data[offset + 20:offset + header])
    segment.length = len(data) - offset - header
    segment.zeros = not any(data[offset + header:])
    return segment


def write_options(options, sack_base, echo_of):
    data = b""  # the reader has seen that they fill words
    for option in options:
        if option[0] == "nop":
            data += b"\1"
        elif option[0] == "eol":
            data += b"\0"
        elif option[0] == "mss":
            data += struct.pack("!BBH", 2, 4, option[1])
        elif option[0] == "wscale":
            data += struct.pack("!BBB", 3, 3, option[1])
        elif option[0] == "sackOK":
            data += b"\4\2"
        elif option[0] == "sack":
            data += struct.pack("!BB", 5, 2 + 8 * len(option[1]))
            for first, end in option[1]:
                data += struct.pack("!II", first + sack_base & 0xffffffff, end + sack_base & 0xffffffff)
        elif option[0] == "TS":
            data += struct.pack("!BBII", 8, 10, option[1], echo_of(option[2]))
        elif option[0] == "md5":
            data += struct.pack("!BB", 19, 18) + bytes.fromhex(option[1]).ljust(16, b"\0")[:16]
    return data


def read_options(data):
    options, at = [], 0
    while at < len(data):
        kind = data[at]
        if kind in (0, 1):
            options.append(("eol" if kind == 0 else "nop",))
            at += 1
            continue
        length = data[at + 1] if at + 1 < len(data) else 0
        body = data[at + 2:at + length]
        if length < 2:
            options.append(("malformed",))
            break
        if kind == 2:
            options.append(("mss", struct.unpack("!H", body)[0]))
        elif kind == 3:
            options.append(("wscale", body[0]))
        elif kind == 4:
            options.append(("sackOK",))
        elif kind == 5:
            words = struct.unpack("!%dI" % (len(body) // 4), body)
            options.append(("sack", list(zip(words[::2], words[1::2]))))
        elif kind == 8:
            options.append(("TS",) + struct.unpack("!II", body))
        else:
            options.append(("kind %d" % kind, body.hex()))
        at += length
    return options
