"""The rules. Each takes a Source and the repository's tables, and yields (line, rule, message)."""

import re

import citations

CORE = "base crypto wire cookie tcp auth filter journal gate stack socket".split()
CORE_HEADERS = set("stddef stdint stdbool stdalign stdnoreturn stdarg limits string assert".split())
PUBLIC_HEADERS = set("stddef stdint stdbool limits".split())
CORE_BANNED = set(
    "malloc calloc realloc free alloca strdup printf fprintf sprintf snprintf vprintf vsnprintf "
    "puts fputs putchar time clock clock_gettime gettimeofday rand srand random getrandom exit "
    "abort assert setjmp longjmp sleep usleep nanosleep getenv strlen strcmp strncmp strchr "
    "qsort bsearch ioctl socket mmap syscall pthread_create".split())
BANNED = set("strcpy strcat sprintf gets atoi atol strtok system popen tmpnam alloca".split())
TEST_BANNED = set("sleep usleep nanosleep".split())
CALL = re.compile(r"(?<![\w.>])([A-Za-z_]\w*)\s*\(")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]', re.MULTILINE)
CONDITION = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif)\b[ \t]*((?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)

FILE_LINES, TEST_LINES, FUNCTION_LINES, PARAMETERS = 600, 1000, 70, 5
DICTATED = {("src/control/http.c", "on_request")} | {  # callbacks whose parameters a library chose
    ("tests/packetdrill/adapter.c", "adapter_" + name) for name in "recvfrom sendto getsockopt setsockopt splice".split()}


def load_layers(text):
    """{layer: (allowed layers and headers)}; raises ValueError(line, message) when out of order."""
    layers = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        name, _, allowed = line.partition(":")
        for other in allowed.split():
            if other.split("/")[0] not in layers:
                raise ValueError(number, f"{name} may name only layers above it, and {other} is not")
        layers[name.strip()] = set(allowed.split())
    return layers


def layers(source, tables):
    """src/<layer> includes its own headers, public ones, and what tools/layers.txt allows."""
    if source.top not in ("src", "include", "examples"):
        return
    for match in INCLUDE.finditer(source.text):
        quote, name = match.groups()
        line = source.line_of(match.start())
        if source.top == "src" and source.layer not in tables.layers:
            yield line, "layers", f"layer {source.layer} is not in tools/layers.txt"
            return
        if name.startswith("handfast/"):
            if name.endswith("/os.h") and source.layer in CORE:
                yield line, "layers", f"{name} is above the waterline"
            continue
        if quote == "<":
            continue
        if source.top != "src":
            yield line, "layers", f'public code includes <handfast/...> only, not "{name}"'
        elif "/" not in name:
            yield line, "layers", f'write the layer: "{source.layer}/{name}"'
        else:
            layer = name.split("/")[0]
            allowed = tables.layers[source.layer]
            if layer != source.layer and layer not in allowed and name not in allowed:
                yield line, "layers", f'{source.layer} may not include "{name}" (tools/layers.txt)'


def system_headers(source, tables):
    """Below the waterline and in its public headers only freestanding headers and string.h."""
    public = source.top == "include" and not source.path.endswith("/os.h")
    if not source.is_c or not (source.layer in CORE or public):
        return
    allowed = PUBLIC_HEADERS if public else CORE_HEADERS
    for match in INCLUDE.finditer(source.text):
        quote, name = match.groups()
        if quote == "<" and not name.startswith("handfast/") and name.removesuffix(".h") not in allowed:
            yield source.line_of(match.start()), "waterline", f"<{name}> is not for code below the waterline"


def calls(source, tables):
    """Banned everywhere, more of them below the waterline, and sleeping in tests."""
    if not source.is_c:
        return
    core = source.layer in CORE
    banned = BANNED | (CORE_BANNED if core else set())
    if source.top == "tests" and not source.path.startswith(("tests/lab/", "tests/interop/")):
        banned = banned | TEST_BANNED
    own = {function.name for function in source.functions}
    for match in CALL.finditer(source.code):
        name = match.group(1)
        if name in banned and name not in own:
            where = " below the waterline" if core and name not in BANNED else ""
            yield source.line_of(match.start()), "calls", f"{name}() is banned{where}"


def conditionals(source, tables):
    """No feature #if below the waterline: include guards, the compiler's own words, HF_CHECKS in base, the one copy."""
    if source.layer not in CORE:
        return
    for number, match in enumerate(CONDITION.finditer(source.uncommented)):
        kind, condition = match.groups()
        words = set(re.findall(r"[A-Za-z_]\w*", condition)) - {"defined", "__has_builtin", "__has_include"}
        guard = kind == "ifndef" and source.path.endswith(".h") and number == 0
        checks = source.layer == "base" and words == {"HF_CHECKS"}
        one_copy = words <= {"SHARED_HERE", "SHARED_ELSEWHERE", "SIPHASH_HERE", "SIPHASH_ELSEWHERE"}  # base/shared.h
        if not guard and not checks and not one_copy and any(not word.startswith("__") for word in words):
            yield source.line_of(match.start()), "conditionals", f"feature #{kind} {condition.strip()}"


def _is_constant(declarator):
    declarator = re.sub(r"__attribute__\s*\(\(.*?\)\)|_Alignas\s*\([^)]*\)", " ", declarator)
    after = declarator.rsplit("*", 1)[-1] if "*" in declarator else declarator
    return bool(re.search(r"\bconst\b", after))


def globals_(source, tables):
    """Below the waterline nothing at file scope, and no static, may change."""
    if not source.is_c or source.layer not in CORE:
        return
    for offset, text in source.declarations:
        typed = "{" in text.split("=")[0]
        while re.search(r"\{[^{}]*\}", text):
            text = re.sub(r"\{[^{}]*\}", " ", text)
        declarator, _, value = text.partition("=")
        plain = re.sub(r"__attribute__\s*\(\(.*?\)\)|_Alignas\s*\([^)]*\)", " ", declarator)
        words = plain.split()
        if not words or words[0] in ("typedef", "static_assert", "_Static_assert") or "extern" in words:
            continue
        if plain.lstrip().startswith(("static_assert", "_Static_assert")):
            continue
        if "(" in plain and not re.search(r"\(\s*\*", plain):
            continue
        if words[0] in ("struct", "union", "enum") and (typed or len(words) <= 2) and not value:
            continue
        if not _is_constant(plain):
            yield source.line_of(offset), "globals", f"mutable at file scope: {' '.join(words)[:60]}"
    for function in source.functions:
        for match in re.finditer(r"\b(static|_Thread_local)\b([^;={]*)", function.body):
            if match.group(1) == "_Thread_local" or not _is_constant(match.group(2)):
                line = source.line_of(function.opened + match.start())
                yield line, "globals", f"mutable static inside {function.name}()"


def sizes(source, tables):
    """Files and functions a reader can hold in mind."""
    code = source.is_c or source.path.endswith(".py") or source.path.startswith("tools/") and "." not in source.path
    if not code:
        return
    lines = source.text.count("\n")
    limit = TEST_LINES if source.top in ("tests", "bench") else FILE_LINES
    if lines > limit:
        yield limit + 1, "sizes", f"{lines} lines; a file has at most {limit}"
    for function in source.functions if source.is_c else ():
        length = function.last - function.line + 1
        if length > FUNCTION_LINES:
            yield function.line, "sizes", f"{function.name}() has {length} lines, at most {FUNCTION_LINES}"
        if function.parameters > PARAMETERS and (source.path, function.name) not in DICTATED:
            yield function.line, "sizes", f"{function.name}() takes {function.parameters} parameters, at most {PARAMETERS}"


def opening(source, tables):
    """A C file opens with a comment that says what it is."""
    if source.is_c and not source.text.startswith("/*"):
        yield 1, "opening", "the first line is a comment: what this file is, and the section it implements"


def citations_(source, tables):
    """Every citation names an RFC section or a requirement that exists."""
    if not (source.is_c or source.path.endswith((".py", ".pkt"))) or source.path.startswith("tools/"):
        return
    for offset, message in citations.complaints(source.text, tables.sections, tables.requirements):
        yield source.line_of(offset), "citations", message


def whitespace(source, tables):
    """No trailing blanks, no tabs in C, a newline at the end."""
    for match in re.finditer(r"[ \t\r]+$", source.text, re.MULTILINE):
        yield source.line_of(match.start()), "whitespace", "trailing whitespace"
    if source.is_c and "\t" in source.text:
        yield source.line_of(source.text.index("\t")), "whitespace", "a tab"
    if source.text and not source.text.endswith("\n"):
        yield source.text.count("\n") + 1, "whitespace", "no newline at the end"


SUITE = re.compile(r"\b(?:(unit|sim|conformance)/([a-z0-9_/]+)|(tests/interop/\w+\.py))")
TEST_NAME = re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b")


def named_tests(source, tables):
    """docs/attacks.md names tests, and each of them is there."""
    if source.path != "docs/attacks.md":
        return
    for number, line in enumerate(source.text.partition("\n## Odd packets")[0].splitlines(), 1):
        if not line.startswith("| "):
            continue
        for piece in line.rstrip("| ").rpartition("|")[2].split(";"):
            suite = SUITE.search(piece)
            if not suite:
                continue
            name = suite.group(3) or f"tests/{suite.group(1)}/{suite.group(2)}_test.c"
            path = tables.root / name
            if not path.is_file():
                yield number, "tests", f"there is no {name}"
                continue
            text = path.read_text(encoding="utf-8")
            for test in TEST_NAME.findall(piece[suite.end():]):
                if not re.search(rf"\b{test}\(", text):
                    yield number, "tests", f"there is no {test} in {name}"


ALL = (layers, system_headers, calls, conditionals, globals_, sizes, opening, citations_, whitespace, named_tests)
