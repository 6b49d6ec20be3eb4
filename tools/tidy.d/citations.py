"""Citations a machine can read: [RFC 9293 MUST-66], [RFC 9293 3.10.7.4; RFC 5961 3.2], [R5961-08]."""

import csv
import re

CITATION = re.compile(r"\[(RFC[ -]?\d+[^\]\[]*|R\d{3,4}-[^\]\[]*)\](?!\()")
ITEM = re.compile(r"RFC[ -]?(\d+)\s*(.*)", re.DOTALL)
REQUIREMENT = re.compile(r"(?:MUST|SHLD|MAY|REC|X|S|IOP|EID)-?[0-9]*[a-z]?$|#\d+$")
SECTION = re.compile(r"(?:\d+|[A-Z])(?:\.\d+)*$")
RANGE = re.compile(r"(MUST|SHLD|MAY|X)-(\d+)\.\.(\d+)$")
WORDS = set("section sections appendix and to figure table errata page step steps rule check event "
            "first second third fourth fifth sixth seventh eighth".split())
STEP = re.compile(r"\((\d+|[a-zA-Z])\)$|R\d$") # a numbered step inside a section: (4), R1


def load_sections(text):
    known = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            number, _, names = line.partition(":")
            known[int(number)] = set(names.split())
    return known


def load_requirements(text):
    return {row["id"]: row for row in csv.DictReader(text.splitlines())}


def _clean(text):
    """One line of it: comment stars and line breaks gone."""
    return re.sub(r"\s*\n[ \t]*(?:\*|//|#)?[ \t]*", " ", text).strip()


def _expand(rfc, token):
    match = RANGE.match(token)
    if match:
        return [f"R{rfc}-{match.group(1)}-{n}" for n in range(int(match.group(2)), int(match.group(3)) + 1)]
    return [f"R{rfc}-{token.lstrip('#')}"]


def read(source_text):
    """Yield (offset, kind, rfc, reference): kind is "section", "requirement", "rfc" or "unreadable"."""
    for match in CITATION.finditer(source_text):
        rfc = None
        for item in re.split(r";|,?\s+(?=RFC)|,(?=RFC)", _clean(match.group(1))):
            item = item.strip()
            if re.match(r"R\d{3,4}-", item):
                for token in re.split(r"[,\s]+", item):
                    yield match.start(), "requirement", int(re.match(r"R(\d+)", token + "0").group(1)), token
                continue
            named = ITEM.match(item)
            if named:
                rfc, item = int(named.group(1)), named.group(2)
            if rfc is None:
                yield match.start(), "unreadable", 0, item
                continue
            tokens = [t for t in re.split(r"[,\s]+", item) if t and t.lower() not in WORDS and not STEP.match(t)]
            if not tokens:
                yield match.start(), "rfc", rfc, ""
            for place, token in enumerate(tokens):
                if place == 0 or re.search(r"\d", token): # words after a reference say what it is about
                    yield from _token(match.start(), rfc, token)


def _token(offset, rfc, token):
    if SECTION.match(token):
        yield offset, "section", rfc, token
    elif token.startswith("EID"):
        yield offset, "rfc", rfc, ""
    elif REQUIREMENT.match(token) or RANGE.match(token):
        for identifier in _expand(rfc, token):
            yield offset, "requirement", rfc, identifier
    else:
        yield offset, "unreadable", rfc, token


def complaints(source_text, sections, requirements):
    """Yield (offset, message) for every citation that does not resolve."""
    for offset, kind, rfc, reference in read(source_text):
        if kind == "unreadable":
            yield offset, f'cannot read "{reference}" in a citation: [RFC n section] or [RFC n MUST-n]'
        elif kind == "requirement":
            if reference not in requirements:
                yield offset, f"no requirement {reference} in docs/requirements.csv"
        elif rfc not in sections:
            yield offset, f"RFC {rfc} is not in tools/rfc_sections.txt"
        elif kind == "section" and "*" not in sections[rfc] and reference not in sections[rfc]:
            yield offset, f"RFC {rfc} has no section {reference}"
