"""A file and what can be read from it without a compiler: code without comments, functions, names."""

import functools
import re

BLANK = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", re.DOTALL)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
TOKEN = re.compile(r"[{};]")
NOT_NAMES = {"if", "for", "while", "switch", "return", "sizeof", "__attribute__", "_Alignas",
             "static_assert", "_Static_assert", "typeof", "__typeof__"}


def _blank(match):
    text = match.group(0)
    kept = "".join(c if c == "\n" else " " for c in text)
    if text[0] in "\"'":
        return text[0] + kept[1:-1] + text[0]
    return kept


def _spaces(match):
    return "".join(c if c == "\n" else " " for c in match.group(0))


class Function:
    def __init__(self, name, parameters, lines, opened, body):
        self.name, self.parameters, self.opened, self.body = name, parameters, opened, body
        self.line, self.last = lines


class Source:
    """One file of the repository. Paths are relative to its root, with forward slashes."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.is_c = path.endswith((".c", ".h"))
        parts = path.split("/")
        self.top = parts[0] if len(parts) > 1 else ""
        self.layer = parts[1] if parts[0] == "src" and len(parts) > 2 else None

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    @functools.cached_property
    def uncommented(self):
        """Directives and code; comments and the inside of strings blanked, offsets kept."""
        return BLANK.sub(_blank, self.text)

    @functools.cached_property
    def code(self):
        """The same without preprocessor directives."""
        return DIRECTIVE.sub(_spaces, self.uncommented)

    @functools.cached_property
    def _parsed(self):
        """(functions, declarations at file scope as (offset, text))."""
        code = re.sub(r'extern\s+"\s*"\s*\{', _spaces, self.code)
        functions, declarations = [], []
        depth, start, opened, head = 0, 0, 0, ""
        for token in TOKEN.finditer(code):
            char, at = token.group(0), token.start()
            if char == "{":
                if depth == 0:
                    head, opened = code[start:at], at
                depth += 1
            elif char == "}":
                if depth == 0:
                    start = at + 1
                    continue
                depth -= 1
                if depth == 0 and _is_function(head):
                    functions.append(self._function(head, start, opened, at, code))
                    start = at + 1
            elif depth == 0:
                declarations.append((start + _lead(code[start:at]), code[start:at].strip()))
                start = at + 1
        return functions, declarations

    def _function(self, head, start, opened, closed, code):
        name, parameters = _name_and_parameters(head)
        first = self.line_of(start + _lead(head))
        return Function(name, parameters, (first, self.line_of(closed)), opened, code[opened:closed])

    @property
    def functions(self):
        return self._parsed[0]

    @property
    def declarations(self):
        return self._parsed[1]


def _lead(text):
    return len(text) - len(text.lstrip())


def _is_function(head):
    return "(" in head and "=" not in re.sub(r"\([^()]*\)", "", head) and head.rstrip().endswith(")")


def _name_and_parameters(head):
    for match in re.finditer(r"([A-Za-z_]\w*)\s*\(", head):
        if match.group(1) in NOT_NAMES:
            continue
        depth, count, text, seen = 0, 1, "", False
        for char in head[match.end() - 1:]:
            if char == "(":
                depth += 1
            elif char == ")":
                depth -= 1
                if depth == 0:
                    break
            elif char == "," and depth == 1:
                count += 1
            if depth >= 1 and not char.isspace() and char != "(":
                seen = True
            text += char
        inside = text[1:].strip()
        return match.group(1), 0 if inside in ("", "void") or not seen else count
    return "?", 0
