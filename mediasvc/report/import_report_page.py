"""The import report as a page: its head, the story in short, and the order of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import PurePath

from mediasvc import __version__
from mediasvc.media.labels import display
from mediasvc.media.page.markup import Markup, element, flow, page_flow
from mediasvc.media.page.words import count
from mediasvc.report.import_report import Facts
from mediasvc.report.import_report_files import completeness, every_file, history, remarks
from mediasvc.report.import_report_people import changed_attributes, patients
from mediasvc.report.import_report_style import STYLE
from mediasvc.report.import_report_words import KINDS, PACKAGE, moment


def import_page(facts: Facts) -> Iterator[bytes]:
    """XHTML 1.0 Strict, UTF-8, piece by piece; prints on A4."""
    title = f"Import report, package {facts.package.id}"
    body = flow("div", chain(
        _in_short(facts), _arrived(facts), patients(facts), changed_attributes(facts),
        completeness(facts), remarks(facts), history(facts), _proof(facts), every_file(facts)),
        class_="body")
    return page_flow(title, STYLE, flow("div", chain((_head(facts),), body), class_="sheet"))


def _head(facts: Facts) -> Markup:
    word, _, look = PACKAGE[facts.package.state]
    left = element("td", element("p", facts.institution), element("h1", "Import report"),
                   element("p", f"Package {facts.package.id}, {display(_name(facts))}"))
    right = element("td", element("span", word, class_=f"pill {look}"),
                    element("p", f"made {moment(facts.made_at)}"),
                    element("p", f"by {facts.made_by}"), class_="side")
    return element("div", element("table", element("tr", left, right)), class_="head")


def _name(facts: Facts) -> str:
    return PurePath(facts.package.path).name


def _in_short(facts: Facts) -> Iterator[Markup]:
    counts, seen = facts.counts, facts.totals
    yield element("p", " ".join(_story(facts)), class_="lead")
    tiles = [("instances on the medium", counts.instances, False),
             ("filed", counts.archived, False), ("here already", counts.duplicate, False),
             ("waiting", counts.held + counts.pending, counts.held > 0),
             ("refused or rejected", counts.quarantined + counts.rejected,
              counts.quarantined + counts.rejected > 0),
             ("missing", seen["missing"], seen["missing"] > 0)]
    yield element("table", element("tr", *(
        element("td", element("b", f"{number:,}"), element("span", words),
                **({"class_": "alert"} if alert else {})) for words, number, alert in tiles)),
        class_="tiles")
    yield element("p", "Every instance is counted exactly once: "
                  f"{counts.instances} = {counts.archived} filed + {counts.duplicate} here already "
                  f"+ {counts.held + counts.pending} waiting + {counts.quarantined} refused + "
                  f"{counts.rejected} rejected.", class_="small")


def _story(facts: Facts) -> Iterator[str]:
    package, counts, seen = facts.package, facts.counts, facts.totals
    source = f" from {package.source}" if package.source else ""
    patients = f" of {count(len(facts.people), 'patient')}" if facts.people else ""
    files = "No file of it could be listed." if not seen["files"] else (
        f"It holds {count(seen['files'], 'file')}, among them "
        f"{count(counts.instances, 'DICOM instance')}{patients}.")
    yield f"On {moment(package.arrived_at)} {KINDS[package.kind]}{source} arrived. {files}"
    if counts.duplicate:
        yield f"{count(counts.duplicate, 'instance')} {_were(counts.duplicate)} here already."
    if counts.archived:
        yield f"{count(counts.archived, 'instance')} {_were(counts.archived)} filed."
    if counts.quarantined:
        yield f"{count(counts.quarantined, 'instance')} could not be taken in."
    if counts.rejected:
        yield f"{count(counts.rejected, 'instance')} {_were(counts.rejected)} rejected by a person."
    if seen["missing"]:
        yield (f"The disc's own table of contents names {count(seen['missing'], 'file')} that "
               f"{_were(seen['missing'])} not on it: the disc is incomplete.")
    elif seen["named"]:
        yield "Every file that the disc's own table of contents names is on it."
    yield PACKAGE[package.state][1]


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _arrived(facts: Facts) -> Iterator[Markup]:
    package, names = facts.package, facts.labels
    rows = [
        ("Delivered as", f"{KINDS[package.kind]}, {display(package.path)}"),
        ("Sender", package.source or "not named"),
        ("Arrived", moment(package.arrived_at)),
        ("Last change", moment(package.changed_at)),
        ("Label of the disc", names.volume or "none, or no longer readable"),
        ("File-set ID (DICOMDIR)", ", ".join(
            dict.fromkeys(one or "(empty)" for one in names.file_sets))
         or "no DICOMDIR, or no longer readable"),
    ]
    if names.readme:
        rows.append(("Its readme says", element("span", *_lines(names.readme))))
    if package.duplicate_of:
        rows.append(("Same content as", f"package {package.duplicate_of}"))
    yield element("h2", "What arrived")
    digest = element("tr", element("td", "Content (SHA-256)", class_="key"),
                     element("td", package.digest or "not known", class_="hash"))
    yield element("table", *(element("tr", element("td", name, class_="key"),
                                     element("td", value, class_="wrap"))
                             for name, value in rows), digest, class_="facts")


def _lines(text: str) -> Iterator[Markup]:
    for line in text.splitlines():
        yield element("span", line)
        yield element("br")


def _proof(facts: Facts) -> Iterator[Markup]:
    seq, head = facts.head
    yield element("h2", "How to check this report")
    yield element(
        "p", "This file was not changed if its SHA-256 is the one that the ledger keeps: run "
        "'mediasvc report check FILE'. The ledger is a chain; each event's hash covers the one "
        "before it. When this report was made, the chain ended with event "
        f"{seq}, whose hash was")
    yield element("p", head, class_="hash")
    yield element("p", f"Made by mediasvc {__version__}. Names and dates are shown as the medium "
                  "and the index write them. This page holds patients' data; keep it like a "
                  "medical record.", class_="small")
    yield element("table", element("tr", *(element("td", element("span", words)) for words in (
        "Date", "Name", "Signature"))), class_="sign")
