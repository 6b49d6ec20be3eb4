"""The library as one shared object that is linked anew for each mutant, and the tests that use it."""

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
    def __init__(self):
        self.place = PLACE
        self.overlay = PLACE / "overlay"
        self.core, self.rest, self.tests = {}, {}, {}
        self.flags = [*FLAGS, f"-I{ROOT}/include", f"-I{ROOT}/src", f"-I{ROOT}/tests",
                      f'-DHF_SOURCE_DIR="{ROOT}"']

    # ---- the build of what is not changed: ninja does it ----

    def object(self, source):
        return self.place / "obj" / source.relative_to(ROOT).with_suffix(".o")

    def objects(self, pattern):
        return [self.object(source) for source in sorted(ROOT.glob(pattern))]

    def make(self):
        self.place.mkdir(parents=True, exist_ok=True)
        rules = ["rule cc", f"  command = gcc {' '.join(self.quoted())} -MD -MF $out.d -c $in -o $out",
                 "  depfile = $out.d", "  deps = gcc",
                 "rule so", "  command = gcc -shared -Wl,-Bsymbolic-functions -o $out $in $libs",
                 "rule exe", "  command = gcc -Wl,--gc-sections -o $out $in $libs -Wl,-rpath,$$PWD"]
        compiled = set()

        def compile_all(objects):
            for made in objects:
                if made not in compiled:
                    compiled.add(made)
                    source = ROOT / made.relative_to(self.place / "obj").with_suffix(".c")
                    rules.append(f"build {made}: cc {source}")

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
            link("exe", self.place / "tests" / name, objects + ([] if name.startswith("sim") else panic),
                 links, libraries)
            self.tests[name] = objects
        (self.place / "build.ninja").write_text("\n".join(rules) + "\n")
        built = subprocess.run(["ninja", "-j1", "--quiet", "-k0"], cwd=self.place, capture_output=True, text=True)
        if not (self.place / "libcore.so").exists():
            sys.exit(built.stdout)
        if built.returncode:
            broken = set(re.findall(r"FAILED: \S*/(\S+)", built.stdout))
            print("left out, as they do not build:", *sorted(broken), flush=True)
            self.tests = {name: objects for name, objects in self.tests.items()
                          if name not in broken and (self.place / "tests" / name).exists()}

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

    # ---- one mutant ----

    def compile(self, source, made, overlay=False):
        made.parent.mkdir(parents=True, exist_ok=True)
        first = [f"-I{self.overlay}"] if overlay else []
        return subprocess.run(["gcc", *first, *self.flags, "-c", source, "-o", made],
                              capture_output=True).returncode == 0

    def dependents(self, header):
        """The objects of the core, and of that layer's own tests, that include a header."""
        listed = subprocess.run(["ninja", "-t", "deps"], cwd=self.place, capture_output=True, text=True,
                                check=True).stdout
        made = None
        for line in listed.splitlines():
            if re.match(r"\S+: #deps", line):
                made = pathlib.Path(line.split(":")[0])
            elif line.strip() == str(header):
                own = f"tests/unit/{header.parent.name}/" in str(made)
                if made in self.core or own:
                    yield made

    def changed(self, path, text):
        """{object: its mutant} or None if it does not compile."""
        origin = ROOT / path
        marked = f'#line 1 "{origin}"\n{text}'
        if path.endswith(".c"):
            source = self.place / "mutant" / path
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(marked)
            made = source.with_suffix(".o")
            return {self.object(origin): made} if self.compile(source, made) else None
        header = self.overlay / pathlib.Path(path).relative_to("src")
        header.parent.mkdir(parents=True, exist_ok=True)
        header.write_text(marked)
        changes = {}
        try:
            for made in self.dependents(origin):
                source = ROOT / made.relative_to(self.place / "obj").with_suffix(".c")
                mutant = self.place / "mutant" / source.relative_to(ROOT).with_suffix(".o")
                if not self.compile(source, mutant, overlay=True):
                    return None
                changes[made] = mutant
        finally:
            header.unlink()
        return changes

    @staticmethod
    def digest(objects):
        whole = hashlib.sha256()
        for made in sorted(map(str, objects)):
            whole.update(pathlib.Path(made).read_bytes())
        return whole.hexdigest()

    def link(self, changes):
        """The mutated library in mutant/, and the tests that must be linked anew."""
        place = self.place / "mutant"
        objects = [changes.get(made, made) for made in self.core]
        subprocess.run(["gcc", "-shared", "-Wl,-Bsymbolic-functions", "-o", place / "libcore.so", *objects],
                       check=True)
        relinked = {}
        for name, objects in self.tests.items():
            if any(made in changes for made in objects):
                made = place / name
                panic = [] if name.startswith("sim") else self.objects("tests/support/*.c")
                subprocess.run(["gcc", "-Wl,--gc-sections", "-o", made, *[changes.get(o, o) for o in objects], *panic,
                                f"-L{self.place}", "-lrest", "-lcore", "-lcmocka", "-lcrypto", "-lm",
                                f"-Wl,-rpath,{self.place}"], check=True)
                relinked[name] = made
        return relinked
