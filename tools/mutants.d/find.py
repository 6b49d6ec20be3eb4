"""Where a C file can be changed by one small step, and how: the list of its mutants."""

import re

BLANK = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|^[ \t]*#(?:\\\n|[^\n])*',
                   re.S | re.M)
OPERATOR = re.compile(r"<<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||\+=|-=|[*/%&|^]=|[<>+\-=!]")
SWAPS = {"<": ("lt", "<="), "<=": ("le", "<"), ">": ("gt", ">="), ">=": ("ge", ">"),
         "==": ("eq", "!="), "!=": ("ne", "=="), "&&": ("and", "||"), "||": ("or", "&&"),
         "+": ("plus", "-"), "-": ("minus", "+"), "+=": ("add", "-="), "-=": ("sub", "+=")}
WORDS = {"seq_lt": "seq_leq", "seq_leq": "seq_lt", "seq_gt": "seq_geq", "seq_geq": "seq_gt"}
# What asserts is no behaviour: weakening it changes nothing while the rest is right.
ASSERTIONS = re.compile(r"\b(?:must|static_assert|_Static_assert|x_check)\s*\(")
# Nor is what the compiler is told to expect.
HINTS = re.compile(r"\b__builtin_expect\s*\(")
CHECKERS = re.compile(r"(?:^|_)check$|^check_(?:sending|receiving|state)$")
LEAVES = re.compile(r"\s*(?:return|continue|break|goto)\b")


class Mutant:
    def __init__(self, path, function, line, kind, start, end, text):
        self.path, self.function, self.line, self.kind = path, function, line, kind
        self.start, self.end, self.text = start, end, text
        self.number = 0
        self.body = (line, line)  # the function's first and last line

    @property
    def name(self):
        return f"{self.path}:{self.function}:{self.kind}.{self.number}"

    def apply(self, source):
        return source[:self.start] + self.text + source[self.end:]


def spaces(text):
    return re.sub(r"[^\n]", " ", text)


def closing(text, opening):
    """The place of the parenthesis or brace that closes the one at `opening`."""
    depth = 0
    for at in range(opening, len(text)):
        if text[at] in "({":
            depth += 1
        elif text[at] in ")}":
            depth -= 1
            if depth == 0:
                return at
    return len(text) - 1


def without_assertions(text):
    for found in reversed(list(ASSERTIONS.finditer(text))):
        end = closing(text, found.end() - 1) + 1
        text = text[:found.start()] + spaces(text[found.start():end]) + text[end:]
    for found in HINTS.finditer(text):
        end = closing(text, found.end() - 1)
        comma = text.rindex(",", 0, end)
        text = text[:comma] + spaces(text[comma:end]) + text[end:]
    return text


def functions(text):
    """(name, start, end) of each body: clang-format puts its braces into column 0."""
    for found in re.finditer(r"^\{\n(.*?)^\}", text, re.S | re.M):
        head = re.split(r"[;}]|\n[ \t]*\n", text[:found.start()])[-1]
        name = re.search(r"(\w+)\s*\(", head)
        if name:
            yield name.group(1), found.start(1), found.end(1)


def operators(body):
    for found in OPERATOR.finditer(body):
        word = found.group()
        before = body[:found.start()].rstrip()
        if word in "+-" and (not re.search(r"[\w)\]]$", before) or re.search(r"\b(?:return|case)$", before)):
            continue  # a sign
        if word in SWAPS:
            kind, text = SWAPS[word]
            yield kind, found.start(), found.end(), text
    for found in re.finditer(r"\b(?:seq_(?:lt|leq|gt|geq))\b(?=\()", body):
        yield found.group(), found.start(), found.end(), WORDS[found.group()]


def constants(body):
    for found in re.finditer(r"(?<![\w.])(\d+|0x[0-9a-fA-F]+)([uUlL]*)\b(?![.\w])", body):
        if body[:found.start()].rstrip().endswith("{") or re.search(r"\bcase\s*$", body[:found.start()]):
            continue
        yield "const", found.start(), found.end(), f"({found.group()} + 1)"
    for found in re.finditer(r"\breturn (true|false);", body):
        other = "false" if found.group(1) == "true" else "true"
        yield "bool", found.start(1), found.end(1), other


def refuses(body, after):
    """Whether the statement at `after` leaves the function or the loop."""
    if LEAVES.match(body, after):
        return True
    brace = re.compile(r"\s*\{").match(body, after)
    if not brace:
        return False
    block = body[brace.end():closing(body, brace.end() - 1)]
    last = [part for part in re.split(r"[;{}]", block) if part.strip()]
    return bool(last) and bool(LEAVES.match(last[-1]))


def conditions(body):
    for found in re.finditer(r"\b(if|while)\s*(\()", body):
        end = closing(body, found.start(2))
        inner = body[found.start(2) + 1:end]
        if not inner.strip():
            continue
        compares = re.fullmatch(r"[^()&|]*(==|!=)[^()&|]*", inner)  # its flip is the same mutant
        if found.group(1) == "if" and not compares:
            yield "negate", found.start(2), end + 1, f"(!({inner}))"
        if found.group(1) == "if" and refuses(body, end + 1):
            yield "remove", found.start(2), end + 1, f"(0 && ({inner}))"


def mutants_of(path, source):
    """All of a file, in its order; line and function are for people, the number counts a kind in its function."""
    blanked = BLANK.sub(lambda found: spaces(found.group()), source)
    blanked = without_assertions(blanked)
    made = []
    for function, start, end in functions(blanked):
        if CHECKERS.search(function):
            continue
        body = blanked[start:end]
        lines = source.count("\n", 0, start) + 1, source.count("\n", 0, end) + 1
        for kind, first, last, text in [*operators(body), *constants(body), *conditions(body)]:
            if kind in ("negate", "remove"):  # the original's text: comments and strings are in it
                inner = source[start + first + 1:start + last - 1]
                text = f"(!({inner}))" if kind == "negate" else f"(0 && ({inner}))"
            line = source.count("\n", 0, start + first) + 1
            made.append(Mutant(path, function, line, kind, start + first, start + last, text))
            made[-1].body = lines
    made.sort(key=lambda m: (m.start, m.kind))
    count = {}
    for mutant in made:
        key = mutant.function, mutant.kind
        count[key] = mutant.number = count.get(key, 0) + 1
    return made
