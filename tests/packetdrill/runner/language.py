"""packetdrill's script language, read: options, events at their times, packets, calls, assertions."""
import re

FLAG_BITS = {"F": 1, "S": 2, "R": 4, "P": 8, ".": 16, "U": 32, "E": 64, "W": 128}
INTERVAL = 1_000_000


class ScriptError(Exception):
    """What a script says that cannot be read, or that did not happen."""


class Event:
    """At `time` (microseconds; relative to the event before if `relative`) something is done or expected."""

    def __init__(self, line, time, relative, anytime):
        self.line, self.time, self.relative, self.anytime = line, time, relative, anytime
        self.range_end = None
        self.blocking_until = None
        self.action = None


class Packet:
    def __init__(self, inbound):
        self.inbound = inbound
        self.ports = None  # (source, target) if the script names them
        self.tos = self.ttl = None
        self.flags = self.seq = self.length = 0
        self.ack = self.window = None
        self.urgent = 0
        self.options = []
        self.any_options = False
        self.icmp = None
        self.ecn = None


class Call:
    def __init__(self, name, arguments, result, error):
        self.name, self.arguments, self.result, self.error = name, arguments, result, error


class Code:
    def __init__(self, text):
        self.text = text


class Word(str):
    """A symbol: AF_INET, SOL_SOCKET."""


class Any:
    """`...`"""

    def __repr__(self):
        return "..."


ANY = Any()


class Script:
    def __init__(self, path):
        self.path = path
        self.options = {}
        self.events = []


TOKEN = re.compile(r"""
    (?P<space>[ \t\r\n]+)
  | (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<code>%\{.*?\}%)
  | (?P<command>`[^`]*`)
  | (?P<option>--[a-zA-Z0-9_]+)
  | (?P<ellipsis>\.\.\.)
  | (?P<float>[0-9]*\.[0-9]+)
  | (?P<hex>0x[0-9a-fA-F]+)
  | (?P<integer>-?[0-9]+(?![a-zA-Z0-9_]))
  | (?P<word>[a-zA-Z0-9_]+)
  | (?P<string>"(?:\\.|[^"])*")
  | (?P<mark>[^ \t\n])
""", re.VERBOSE | re.DOTALL)


class Token:
    def __init__(self, kind, text, line):
        self.kind, self.text, self.line = kind, text, line

    def __repr__(self):
        return "'%s'" % self.text


def tokens_of(text):
    tokens, at, line = [], 0, 1
    while at < len(text):
        match = TOKEN.match(text, at)
        kind = match.lastgroup
        if kind not in ("space", "comment"):
            tokens.append(Token(kind, match.group(), line))
        line += match.group().count("\n")
        at = match.end()
    tokens.append(Token("end", "the end of the script", line))
    return tokens


class Reader:
    def __init__(self, path, text):
        self.path = path
        self.tokens = tokens_of(text)
        self.at = 0

    # tokens

    def peek(self, ahead=0):
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def wrong(self, what):
        token = self.peek()
        raise ScriptError("%s:%d: %s wanted, not %r" % (self.path, token.line, what, token))

    def next(self, kind=None, what=None):
        token = self.peek()
        if kind and token.kind != kind:
            self.wrong(what or kind)
        self.at += 1
        return token

    def take(self, text):
        if self.peek().text == text:
            self.at += 1
            return True
        return False

    def expect(self, text):
        if not self.take(text):
            self.wrong("'%s'" % text)

    def number(self, what="a number"):
        token = self.peek()
        if token.kind not in ("integer", "hex"):
            self.wrong(what)
        self.at += 1
        return int(token.text, 0)

    # the script

    def script(self):
        script = Script(self.path)
        while self.peek().kind == "option":
            name = self.next().text[2:]
            value = ""
            if self.take("="):
                token = self.next()
                value = token.text.strip('"')
                while token.kind not in ("string",) and self.peek().text in (".", ":") or \
                        (script_word(self.peek()) and self.tokens[self.at - 1].text in (".", ":")):
                    value += self.next().text
            script.options[name] = value
        while self.peek().kind != "end":
            script.events.append(self.event())
        if not script.events:
            self.wrong("an event")
        return script

    def time(self):
        token = self.peek()
        if token.kind not in ("float", "integer") or token.text.startswith("-"):
            self.wrong("a time in seconds")
        self.at += 1
        return round(float(token.text) * INTERVAL)

    def event(self):
        line = self.peek().line
        if self.take("*"):
            event = Event(line, 0, False, True)
        else:
            relative = self.take("+")
            event = Event(line, self.time(), relative, False)
            if self.take("~"):
                if relative:
                    self.expect("+")
                event.range_end = self.time()
        if self.take("..."):
            event.blocking_until = self.time()
        event.action = self.action()
        outbound = isinstance(event.action, Packet) and not event.action.inbound
        if (event.anytime or event.range_end is not None) and not outbound:
            self.wrong("an outbound packet at such a time")
        return event

    def action(self):
        token = self.peek()
        if token.text in ("<", ">"):
            return self.packet()
        if token.kind == "code":
            self.at += 1
            return Code(token.text[2:-2].strip())
        if token.kind == "word":
            return self.call()
        return self.wrong("a packet, a call or %{ code }%")

    # packets

    def packet(self):
        packet = Packet(self.next().text == "<")
        for start, end in (("[", "]"), ("(", ")")):
            if self.take(start):
                self.ip_info(packet)
                self.expect(end)
        if self.take("icmp"):
            packet.icmp = self.icmp()
            return packet
        if self.peek().kind == "integer":
            packet.ports = (self.number(), None)
            self.expect(">")
            packet.ports = (packet.ports[0], self.number("a port"))
        self.flags(packet)
        self.sequence(packet)
        if self.take("ack"):
            packet.ack = self.number()
        if self.take("win"):
            packet.window = self.number()
        if self.take("urg"):
            packet.urgent = self.number()
        if self.take("<"):
            self.options(packet)
        return packet

    def ip_info(self, packet):
        word = self.next("word", "noecn, ect0, ect1, ce, tos or ttl").text
        if word in ("noecn", "ect0", "ect1", "ce") or word == "ect01" and not packet.inbound:
            packet.ecn = word
        elif word == "tos":
            packet.tos = self.number()
        elif word == "ttl":
            packet.ttl = self.number()
        else:
            self.at -= 1
            self.wrong("noecn, ect0, ect1, ce, tos or ttl")

    def flags(self, packet):
        text = ""
        if self.take("-"):
            return
        if self.peek().kind == "word":
            text = self.next().text
        if self.take("."):
            text += "."
        if not text or any(letter not in FLAG_BITS for letter in text):
            self.at -= 1
            self.wrong("TCP flags")
        for letter in text:
            packet.flags |= FLAG_BITS[letter]

    def sequence(self, packet):
        packet.seq = self.number("first:end(length)")
        self.expect(":")
        end = self.number()
        self.expect("(")
        packet.length = self.number()
        if end != packet.seq + packet.length:
            self.wrong("first:end(length) that agree")
        self.expect(")")

    def options(self, packet):
        if self.take("..."):
            if packet.inbound:
                self.wrong("the options of what comes in")
            packet.any_options = True
            self.expect(">")
            return
        while True:
            packet.options.append(self.option())
            if self.take(">"):
                break
            self.expect(",")
        if sum(map(bytes_of_option, packet.options)) % 4:
            self.at -= 1
            self.wrong("options that fill words of four bytes")

    def option(self):
        name = self.next("word", "a TCP option").text
        if name in ("nop", "eol", "sackOK"):
            return (name,)
        if name in ("mss", "wscale"):
            return (name, self.number())
        if name == "sack":
            blocks = []
            while self.peek().kind == "integer":
                first = self.number()
                self.expect(":")
                blocks.append((first, self.number()))
            return (name, blocks)
        if name == "TS":
            self.expect("val")
            value = self.number()
            self.expect("ecr")
            return (name, value, self.number())
        if name == "md5":
            return (name, self.next().text)
        self.at -= 1
        return self.wrong("a TCP option")

    def icmp(self):
        icmp = {"type": self.next("word", "an ICMP type").text, "code": None, "mtu": None, "quote": (0, 0)}
        if self.peek().kind == "word" and self.peek().text != "mtu":
            icmp["code"] = self.next().text
        if self.take("mtu"):
            icmp["mtu"] = self.number()
        if self.take("["):
            quoted = Packet(False)
            self.sequence(quoted)
            icmp["quote"] = (quoted.seq, quoted.length)
            self.expect("]")
        return icmp

    # calls

    def call(self):
        name = self.next("word", "a call").text
        self.expect("(")
        arguments = []
        if not self.take(")"):
            while True:
                arguments.append(self.expression())
                if self.take(")"):
                    break
                self.expect(",")
        self.expect("=")
        result = self.expression()
        error = None
        if self.peek().kind == "word" and self.peek().text.startswith("E"):
            error = self.next().text
            if self.peek().text != "(":
                self.wrong("what %s means, in parentheses" % error)
        if self.take("("):
            while not self.take(")"):
                if self.peek().kind != "word":
                    self.wrong("words and ')'")
                self.next()
        return Call(name, arguments, result, error)

    def expression(self):
        value = self.simple()
        while self.take("|"):
            value = ("or", value, self.simple())
        return value

    def simple(self):
        token = self.peek()
        if self.take("..."):
            return ANY
        if token.kind in ("integer", "hex"):
            return self.number()
        if token.kind == "string":
            self.at += 1
            self.take("...")
            return token.text[1:-1].encode()
        if self.take("["):
            return self.several("]")
        if self.take("{"):
            return self.structure()
        if token.kind == "word":
            self.at += 1
            if self.take("("):  # htons(8080), inet_addr("192.0.2.1")
                inner = self.expression()
                self.expect(")")
                return inner
            return Word(token.text)
        return self.wrong("a value")

    def several(self, end):
        values = []
        while not self.take(end):
            values.append(self.expression())
            if not self.take(","):
                self.expect(end)
                break
        return values

    def structure(self):
        """{a=1, b=2}, {..., 10} or {msg_iov(1)=[...]}."""
        fields, order = {}, []
        while not self.take("}"):
            if self.peek().kind == "word" and self.peek(1).text in ("=", "("):
                name = self.next().text
                if self.take("("):
                    self.expression()
                    self.expect(")")
                self.expect("=")
                fields[name] = self.expression()
            else:
                order.append(self.expression())
            if not self.take(","):
                self.expect("}")
                break
        return fields if fields else order


def bytes_of_option(option):
    sizes = {"nop": 1, "eol": 1, "mss": 4, "wscale": 3, "sackOK": 2, "TS": 10, "md5": 18}
    return 2 + 8 * len(option[1]) if option[0] == "sack" else sizes[option[0]]


def script_word(token):
    return token.kind in ("word", "integer", "float")


def read_script(path):
    try:
        with open(path, encoding="utf-8") as file:
            return Reader(path, file.read()).script()
    except OSError as error:
        raise ScriptError("%s: %s" % (path, error.strerror)) from error
