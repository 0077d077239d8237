"""A letter to whoever made a disc: which of its files are missing or cannot be read.

It names files and SOP Instance UIDs, by which the sender finds the patient; no name, birth date or
identifier of a patient stands in it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from mediasvc.media.labels import display
from mediasvc.media.page.markup import Markup, element, page
from mediasvc.media.page.words import count
from mediasvc.report.import_report_style import STYLE
from mediasvc.settings import Site
from mediasvc.standard.finding_clauses import CLAUSES
from mediasvc.work.intake.lacking import Lacked, Lacking

WIDTH = 78
_PARTS = (
    ("missing", "Named by DICOMDIR and not on the disc"),
    ("unreadable", "On the disc, but the disc cannot be read there"),
    ("refused", "Read, but not usable as they are"),
)


def letter_text(facts: Lacking, site: Site, file_sets: Sequence[str], day: str) -> str:
    """Plain text, to be sent by mail."""
    lines = [*_address(facts, site, day), "", "Dear colleagues,", "", *_request(facts, file_sets),
             ""]
    for words, rows in _parts(facts):
        lines += [f"{words} ({len(rows)}{_shared(rows)}):", "", *_rows(rows), ""]
    if facts.general:
        lines += ["We also found:", "", *_general(facts), ""]
    lines += [_closing(), "", "With kind regards", site.institution,
              *([site.contact] if site.contact else []), ""]
    return "\n".join(_filled(line) for line in lines)


def letter_page(facts: Lacking, site: Site, file_sets: Sequence[str], day: str) -> bytes:
    """XHTML 1.0 Strict, UTF-8; prints on A4."""
    head = element("div", element("table", element("tr", element(
        "td", element("p", site.institution), element("h1", "Files that we could not read"),
        element("p", f"our package {facts.package.id}")), element(
            "td", element("p", day), class_="side"))), class_="head")
    body = [element("p", *_with_breaks(_address(facts, site, day)[:1])),
            element("p", "Dear colleagues,"),
            *(element("p", line, class_="lead") for line in _request(facts, file_sets))]
    for words, rows in _parts(facts):
        body += [element("h2", f"{words}: {count(len(rows), 'file')}{_shared(rows)}"),
                 _table(rows)]
    if facts.general:
        body += [element("h2", "We also found"),
                 element("ul", *(element("li", line[2:]) for line in _general(facts)))]
    body += [element("p", _closing()), element("p", *_with_breaks(
        ["With kind regards", site.institution, site.contact]), class_="keep")]
    style = STYLE.replace("Import report - confidential", "Files that we could not read")
    return page(f"Files of package {facts.package.id} that could not be read", style, element(
        "div", head, element("div", *body, class_="body"), class_="sheet"))


def _address(facts: Lacking, site: Site, day: str) -> list[str]:
    name = display(facts.sender.institution_name) or "(institution not named in the images)"
    return [f"To the radiology of {name}", f"{site.institution}, {day}, "
            f"our package {facts.package.id}"]


def _request(facts: Lacking, file_sets: Sequence[str]) -> list[str]:
    names = ", ".join(name for name in file_sets if name)
    system = " ".join(filter(None, (display(facts.sender.manufacturer),
                                    display(facts.sender.software_versions))))
    total = len(facts.missing) + len(facts.unreadable) + len(facts.refused)
    disc = f"a disc of yours (File-set ID {names})" if names else "a disc of yours"
    made = f" of {system}" if system else ""
    came = (f" {count(facts.came, 'further file')} came with another disc meanwhile."
            if facts.came else "")
    lines = [f"On {facts.package.arrived_at[:10]} a patient brought us {disc}. We found "
             f"{count(facts.instances, 'instance')}{made} on it, but "
             f"{count(total, 'file')} cannot be read or used.{came}"]
    lines.append("Please send us these files, or the whole disc, once more. You find the patient "
                 "by the SOP Instance UIDs.")
    return lines


def _parts(facts: Lacking) -> Iterator[tuple[str, tuple[Lacked, ...]]]:
    for name, words in _PARTS:
        rows: tuple[Lacked, ...] = getattr(facts, name)
        if rows:
            yield words, rows


def _alike(rows: Sequence[Lacked]) -> bool:
    """Whether the same is to be said of all of them, and so only once."""
    return len({(row.why, row.clause) for row in rows}) == 1


def _shared(rows: Sequence[Lacked]) -> str:
    return f", {rows[0].clause}" if _alike(rows) and rows[0].clause else ""


def _rows(rows: Sequence[Lacked]) -> Iterator[str]:
    alike = _alike(rows)
    for row in rows:
        yield f"- {display(row.name)}"
        yield f"  SOP Instance UID {row.sop_instance_uid or 'not known'}"
        if not alike or not row.clause:
            yield f"  {row.why}{f' ({row.clause})' if row.clause else ''}"


def _general(facts: Lacking) -> list[str]:
    seen = {one.code: one for one in facts.general}
    return [f"- {one.text.rstrip('.')} ({CLAUSES[code]})" for code, one in seen.items()]


def _closing() -> str:
    return ("The clauses name what your vendor will want to know. Thank you for your help; the "
            "patient is waiting for it.")


def _table(rows: Sequence[Lacked]) -> Markup:
    once = _alike(rows) and bool(rows[0].clause)
    names = ("File ID", "SOP Instance UID") + (() if once else ("What is wrong", "Clause"))
    lines = []
    for row in rows:
        cells = [element("td", display(row.name), class_="name"),
                 element("td", row.sop_instance_uid or "not known", class_="hash")]
        if not once:
            cells += [element("td", row.why), element("td", row.clause, class_="small")]
        lines.append(element("tr", *cells))
    return element("table", element("thead", element("tr", *(element("th", name)
                                                             for name in names))),
                   element("tbody", *lines), class_="files")


def _with_breaks(lines: Sequence[str]) -> Iterator[object]:
    for line in filter(None, lines):
        yield line
        yield element("br")


def _filled(line: str) -> str:
    if line.startswith("  ") or len(line) <= WIDTH:
        return line
    return textwrap.fill(line, WIDTH, subsequent_indent="  " if line[:1] == "-" else "",
                         break_long_words=False, break_on_hyphens=False)
