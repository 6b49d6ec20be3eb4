"""The library as one shared object, the tests that use it, and the places where mutants of it are made."""

import hashlib
import io
import pathlib
import re
import subprocess
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parents[2]
PLACE = HERE / "build/mutants"
ROOT = PLACE / "tree"  # the last commit's: whoever edits meanwhile changes nothing
COPIED = ("include", "src", "tests", "docs")
CORE = "base crypto wire cookie tcp auth filter journal gate stack socket".split()
REST = "os driver sim".split()
UNIT = "cookie tcp gate stack socket".split()
FLAGS = ("-std=gnu17 -O1 -fPIC -w -DHF_CHECKS=1 -DHF_HAS_LIBCRYPTO=1 -D_GNU_SOURCE= -fno-semantic-interposition "
         "-ffunction-sections -fno-ident").split()


def committed():
    """(path, bytes) of the files of the last commit; of the working tree where there is no git."""
    if not (HERE / ".git").exists():
        for directory in COPIED:
            for path in sorted((HERE / directory).rglob("*")):
                if path.is_file():
                    yield path.relative_to(HERE), path.read_bytes()
        return
    packed = subprocess.run(["git", "-c", "safe.directory=*", "archive", "HEAD", *COPIED], cwd=HERE,
                            capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            if member.isfile():
                yield pathlib.Path(member.name), archive.extractfile(member).read()


def snapshot():
    """The last commit's files in ROOT; what has not changed keeps its time, so that it is not compiled again."""
    there = set()
    for path, data in committed():
        copy = ROOT / path
        there.add(copy)
        if not copy.exists() or copy.read_bytes() != data:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(data)
    for copy in ROOT.rglob("*"):
        if copy.is_file() and copy not in there:
            copy.unlink()


class Build:
    """What is not changed; `more` are flags that the compiler gets besides."""

    def __init__(self, name, more=()):
        self.place = PLACE / name
        self.core, self.tests, self.include = {}, {}, None
        self.holders = None  # {path: the objects that have code of it}, where it is known
        self.more = list(more)
        self.flags = [*FLAGS, *more, f"-I{ROOT}/include", f"-I{ROOT}/src", f"-I{ROOT}/tests",
                      f'-DHF_SOURCE_DIR="{ROOT}"']

    def object(self, source):
        return self.place / "obj" / source.relative_to(ROOT).with_suffix(".o")

    def source(self, made):
        return ROOT / made.relative_to(self.place / "obj").with_suffix(".c")

    def program(self, name):
        return self.place / "tests" / name

    def objects(self, pattern):
        return [self.object(source) for source in sorted(ROOT.glob(pattern))]

    def make(self, jobs):
        self.place.mkdir(parents=True, exist_ok=True)
        more = " ".join(self.more)
        rules = ["rule cc", f"  command = gcc {' '.join(self.quoted())} -MD -MF $out.d -c $in -o $out",
                 "  depfile = $out.d", "  deps = gcc",
                 "rule so", f"  command = gcc {more} -shared -Wl,-Bsymbolic-functions -o $out $in $libs",
                 "rule exe", f"  command = gcc {more} -Wl,--gc-sections -o $out $in $libs -Wl,-rpath,$$PWD"]
        compiled = set()

        def compile_all(objects):
            for made in objects:
                if made not in compiled:
                    compiled.add(made)
                    rules.append(f"build {made}: cc {self.source(made)}")

        def link(rule, target, objects, libs="", needs=()):
            compile_all(objects)
            rules.append(f"build {target}: {rule} {' '.join(map(str, objects))}"
                         + (f" | {' '.join(map(str, needs))}" if needs else ""))
            rules.append(f"  libs = {libs}")

        for layer in CORE:
            for made in self.objects(f"src/{layer}/*.c"):
                self.core[made] = layer
        link("so", self.place / "libcore.so", list(self.core))
        rest = [made for layer in REST for made in self.objects(f"src/{layer}/*.c")]
        link("so", self.place / "librest.so", rest, "-lcrypto")
        panic = self.objects("tests/support/*.c")
        libraries = [self.place / "librest.so", self.place / "libcore.so"]
        for name, objects in self.programs():
            links = "-L. -lrest -lcore -lcmocka -lcrypto -lm"
            link("exe", self.program(name), objects + ([] if name.startswith("sim") else panic),
                 links, libraries)
            self.tests[name] = objects
        (self.place / "build.ninja").write_text("\n".join(rules) + "\n")
        built = subprocess.run(["ninja", f"-j{jobs}", "--quiet", "-k0"], cwd=self.place, capture_output=True, text=True)
        if not (self.place / "libcore.so").exists():
            sys.exit(built.stdout)
        if built.returncode:
            broken = set(re.findall(r"FAILED: \S*/(\S+)", built.stdout))
            print("left out, as they do not build:", *sorted(broken), flush=True)
            self.tests = {name: objects for name, objects in self.tests.items()
                          if name not in broken and self.program(name).exists()}

    def quoted(self):
        return [f"'{flag}'" for flag in self.flags]

    def programs(self):
        for layer in UNIT:
            for made in self.objects(f"tests/unit/{layer}/*_test.c"):
                yield f"unit-{layer}-{made.stem[:-5]}", [made]
        for suite in ("conformance", "sim"):
            objects = self.objects(f"tests/{suite}/*.c")
            helpers = [made for made in objects if not made.stem.endswith("_test")]
            for made in objects:
                if made.stem.endswith("_test"):
                    yield f"{suite}-{made.stem[:-5]}", [made, *helpers]

    def users(self, path):
        """The objects of the core, and of that layer's own tests, that a file is compiled into."""
        if self.include is None:
            self.include = self.read_dependencies()
        own = f"tests/unit/{pathlib.Path(path).parent.name}/"
        made = [made for made in self.include.get(ROOT / path, ()) if made in self.core or own in str(made)]
        return made if self.holders is None else [m for m in made if m.relative_to(self.place) in self.holders[path]]

    def read_dependencies(self):
        listed = subprocess.run(["ninja", "-t", "deps"], cwd=self.place, capture_output=True, text=True,
                                check=True).stdout
        include, made = {}, None
        for line in listed.splitlines():
            if re.match(r"\S+: #deps", line):
                made = pathlib.Path(line.split(":")[0])
            elif line.strip():
                include.setdefault(pathlib.Path(line.strip()), []).append(made)
        return include


class Bench:
    """Where mutants are made, one after the other: each worker has its own."""

    def __init__(self, build, number):
        self.build = build
        self.place = PLACE / "bench" / str(number)
        self.overlay = self.place / "overlay"
        self.changed = {}  # object of the build: the mutant's
        self.relinked = {}

    def compile(self, path, text):
        """The digest of the objects that the file goes into, compiled from `text`; None if that is no C."""
        marked = f'#line 1 "{ROOT / path}"\n{text}'
        self.changed = {}
        if path.endswith(".c"):
            source = self.place / path
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(marked)
            return self.compile_each({self.build.object(ROOT / path): source}, [])
        header = self.overlay / pathlib.Path(path).relative_to("src")
        header.parent.mkdir(parents=True, exist_ok=True)
        header.write_text(marked)
        try:
            return self.compile_each({made: self.build.source(made) for made in self.build.users(path)},
                                     [f"-I{self.overlay}"])
        finally:
            header.unlink()

    def compile_each(self, sources, first):
        for made, source in sources.items():
            mutant = self.place / made.relative_to(self.build.place)
            mutant.parent.mkdir(parents=True, exist_ok=True)
            command = ["gcc", *first, *self.build.flags, "-c", source, "-o", mutant]
            if subprocess.run(command, capture_output=True).returncode != 0:
                return None
            self.changed[made] = mutant
        whole = hashlib.sha256()
        for made in sorted(self.changed.values()):
            whole.update(made.read_bytes())
        return whole.hexdigest()[:16]

    def link(self):
        """The library with what was compiled last, and the tests that must be linked anew for it."""
        build = self.build
        objects = [self.changed.get(made, made) for made in build.core]
        subprocess.run(["gcc", "-shared", "-Wl,-Bsymbolic-functions", "-o", self.place / "libcore.so", *objects],
                       check=True)
        self.relinked = {}
        for name, objects in build.tests.items():
            if any(made in self.changed for made in objects):
                made = self.place / name
                panic = [] if name.startswith("sim") else build.objects("tests/support/*.c")
                subprocess.run(["gcc", "-Wl,--gc-sections", "-o", made, *[self.changed.get(o, o) for o in objects],
                                *panic, f"-L{build.place}", "-lrest", "-lcore", "-lcmocka", "-lcrypto", "-lm",
                                f"-Wl,-rpath,{build.place}"], check=True)
                self.relinked[name] = made

    def program(self, name):
        return self.relinked.get(name, self.build.program(name))
