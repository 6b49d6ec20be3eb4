"""Every rule can fail: a small tree with one fault each, and the same tree without."""

import pathlib
import tempfile

HEAD = "/* A file. */\n"
LONG = "".join(f"    x += {n};\n" for n in range(80))

# (rule, path, text that breaks it, text that does not)
CASES = [
    ("layers", "src/tcp/a.c", '#include "gate/gate.h"\n', '#include "wire/packet.h"\n'),
    ("layers", "src/gate/a.c", '#include "tcp/tcb.h"\n', '#include "tcp/handshake.h"\n'),
    ("layers", "src/base/a.c", '#include "seq.h"\n', '#include "base/seq.h"\n'),
    ("layers", "src/base/a.c", "#include <handfast/os.h>\n", "#include <handfast/handfast.h>\n"),
    ("layers", "src/nowhere/a.c", '#include "base/seq.h"\n', ""),
    ("layers", "examples/a.c", '#include "base/seq.h"\n', "#include <handfast/socket.h>\n"),
    ("waterline", "src/tcp/a.c", "#include <stdio.h>\n", "#include <string.h>\n"),
    ("waterline", "src/wire/a.h", "#include <pthread.h>\n", "#include <stdint.h>\n"),
    ("waterline", "include/handfast/a.h", "#include <time.h>\n", "#include <stddef.h>\n"),
    ("calls", "src/wire/a.c", "int f(void)\n{\n    return time(0);\n}\n", "int f(void)\n{\n    return 0; /* time(0) */\n}\n"),
    ("calls", "src/gate/a.c", "void *f(void)\n{\n    return malloc(1);\n}\n", "void *f(struct a *b)\n{\n    return b->malloc(1);\n}\n"),
    ("calls", "src/app/a.c", "void f(char *a)\n{\n    strcpy(a, a);\n}\n", "void f(char *a)\n{\n    malloc(1);\n}\n"),
    ("calls", "tests/unit/tcp/a_test.c", "void f(void)\n{\n    usleep(1);\n}\n", "void f(void)\n{\n}\n"),
    ("conditionals", "src/tcp/a.c", "#ifdef HF_WITH_SACK\n#endif\n", "#ifdef __x86_64__\n#endif\n"),
    ("conditionals", "src/tcp/a.h", "#ifndef A_H\n#define A_H\n#if HF_SMALL\n#endif\n#endif\n", "#ifndef A_H\n#define A_H\n#endif\n"),
    ("globals", "src/tcp/a.c", "static int counter;\n", "static const int limit = 3;\n"),
    ("globals", "src/tcp/a.c", "static const char *name = \"x\";\n", "static const char *const name = \"x\";\n"),
    ("globals", "src/tcp/a.c", "static int table[] = {1, 2};\n", "static const struct x table[] = {{1}, {2}};\n"),
    ("globals", "src/tcp/a.c", "int f(void)\n{\n    static int n;\n    return n++;\n}\n", "int f(void)\n{\n    static const int n[] = {1};\n    return n[0];\n}\n"),
    ("globals", "src/tcp/a.c", "struct x shared;\n", "struct x {\n    int a;\n};\nstruct y;\nenum z { A = 1, B = 2 };\nint f(int a);\n"),
    ("globals", "src/tcp/a.c", "struct x {\n    int a;\n} shared = {1};\n", "enum x { A };\n"),
    ("sizes", "src/app/a.c", "\n" * 601, "\n" * 590),
    ("sizes", "tests/unit/tcp/a_test.c", "\n" * 1001, "\n" * 900),
    ("sizes", "src/tcp/a.c", f"int f(int x)\n{{\n{LONG}    return x;\n}}\n", "int f(int x)\n{\n    return x;\n}\n"),
    ("sizes", "src/tcp/a.c", "int f(int a, int b, int c, int d, int e, int g)\n{\n    return a;\n}\n",
     "int f(int a, int b, int c, int d, int (*e)(int, int))\n{\n    return a;\n}\n"),
    ("citations", "src/tcp/a.c", "/* [RFC 9293 3.99] */\n", "/* [RFC 9293 3.10.7.4; RFC 5961 3.2] */\n"),
    ("citations", "src/tcp/a.c", "/* [RFC 9293 MUST-999] */\n", "/* [RFC 9293 MUST-66, SHLD-3] */\n"),
    ("citations", "src/tcp/a.c", "/* [RFC 65001 2] */\n", "/* [RFC 826, RFC 9293 3.1] */\n"),
    ("citations", "tests/unit/tcp/a_test.c", "/* [RFC 9293 the\n * window] */\n", "/* [RFC 9293\n * MUST-51..53, source routes] */\n"),
    ("whitespace", "src/tcp/a.c", "int a(void); \n", "int a(void);\n"),
    ("whitespace", "README.md", "text", "text\n"),
    ("tests", "docs/attacks.md", "| 1 | attack | sim/nowhere |\n", "| 1 | attack | by hand |\n"),
]


def run(check_tree, root):
    failed = 0

    def expect(wanted, path, text, bare=False):
        nonlocal failed
        with tempfile.TemporaryDirectory() as directory:
            top = pathlib.Path(directory)
            for table in ("tools/layers.txt", "tools/rfc_sections.txt", "docs/requirements.csv"):
                (top / table).parent.mkdir(exist_ok=True)
                (top / table).write_text((root / table).read_text(encoding="utf-8"), encoding="utf-8")
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            head = "" if bare or not path.endswith((".c", ".h")) else HEAD
            (top / path).write_text(head + text, encoding="utf-8")
            found = {rule for name, _, rule, _ in check_tree(top) if name == path}
        if found != wanted:
            failed += 1
            print(f"self-test: {path} {text[:60]!r}: expected {wanted or 'nothing'}, found {found or 'nothing'}")

    for rule, path, bad, good in CASES:
        expect({rule}, path, bad)
        expect(set(), path, good)
    expect({"opening"}, "src/tcp/a.c", "int f(void);\n", bare=True)
    expect({"layers"}, "tools/layers.txt", "base: crypto\ncrypto:\n")
    print(f"self-test: {2 * len(CASES) + 2 - failed} passed, {failed} failed")
    return 1 if failed else 0
