"""What became of each mutant: written as it comes, so that a run that was stopped can go on."""

import csv

from build import PLACE

RESULTS = PLACE / "results.csv"
FIELDS = ("mutant", "line", "outcome", "test", "how", "code", "file")


class Result:
    """killed by a test that failed or hangs; survived all (or is "not run" by any); waits for the slow tests; same code as
    another or the original; broken: does not compile."""

    def __init__(self, outcome, test="", how="", code=""):
        self.outcome, self.test, self.how, self.code = outcome, test, how, code


def read(mutants, texts, place=None):
    """{mutant: Result} of those whose file is what it was; of several rows the last counts."""
    place = place or RESULTS
    if not place.exists():
        return {}
    with open(place, newline="") as file:
        rows = {row["mutant"]: row for row in csv.DictReader(file) if row["file"]}
    return {m: Result(*(rows[m.name][field] for field in ("outcome", "test", "how", "code")))
            for m in mutants if m.name in rows and rows[m.name]["file"] == texts[m.path]}


class Writer:
    """Begins with what is known already; `texts` are the digests of the files, by their path."""

    def __init__(self, texts, known, place=None):
        self.texts = texts
        self.file = open(place or RESULTS, "w", newline="")
        self.rows = csv.writer(self.file)
        self.rows.writerow(FIELDS)
        for mutant, result in known.items():
            self.write(mutant, result)

    def write(self, m, result):
        self.rows.writerow([m.name, m.line, result.outcome, result.test, result.how, result.code, self.texts[m.path]])
        self.file.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
