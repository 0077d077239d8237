"""The import report on files: is everything here, what was odd, what happened, and each file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from mediasvc.media.page.markup import Markup, element, flow
from mediasvc.media.page.words import count
from mediasvc.report.import_report import Facts
from mediasvc.report.import_report_words import (
    ACTIONS,
    REASONS,
    ROLES,
    SEVERITIES,
    STATES,
    moment,
)
from mediasvc.store.ledger import Event
from mediasvc.work.intake.discover import MEDIUM_ERROR
from mediasvc.work.manifest import Line

#: States whose reason says more than the state; others have it elsewhere in the report.
EXPLAINED = ("quarantined", "rejected", "duplicate", "")

#: Errors in DICOMDIR after which nobody knows what else it named.
LIST_LOST = ("directory-truncated", "directory-damaged", "directory-too-large")
#: Only of these packages may it be said that nothing is missing.
COMPLETE = ("done", "duplicate")


def completeness(facts: Facts) -> Iterator[Markup]:
    """The three-way comparison, then by name whatever is missing or was not stored."""
    seen, counts = facts.totals, facts.counts
    yield element("h2", "Is everything here?")
    rows = [("top", "DICOMDIR (the disc's own table of contents) names", seen["named"], "file"),
            ("sub", "of them not on the disc", seen["missing"], "file"),
            ("top", "The disc holds", seen["files"], "file"),
            ("sub", "DICOM instances among them", counts.instances, "instance"),
            ("sub", "instances that DICOMDIR does not name", seen["unnamed"], "instance"),
            ("sub", "no DICOM: viewers, texts, pictures", seen["other"], "file"),
            ("top", "We stored", counts.archived, "instance"),
            ("sub", "and had them before", counts.duplicate, "instance")]
    yield element("table", *(element("tr", element("td", words, class_=kind), element(
        "td", count(number, unit), class_="n")) for kind, words, number, unit in rows),
        class_="count")
    if seen["missing"]:
        yield from _missing(facts, seen["missing"])
    refused = sum(map(_not_filed, facts.files))
    if refused:
        yield element("div", element("b", f"{count(refused, 'file')} on the medium not filed."),
                      class_="note")
        yield from _named(filter(_not_filed, facts.files), _why(facts), facts.package.id)
    doubts = [one.text.rstrip(".") for one in facts.findings if one.severity == "error"
              and (not one.subject or one.code in LIST_LOST)]
    if doubts:
        yield element("div", element("b", "It cannot be said that all of it is here: "),
                      "; ".join(doubts), ".", class_="note alert")
    elif not seen["missing"] and not refused and facts.package.state in COMPLETE:
        yield element("div", "Nothing is missing, and no instance of the medium was left out.",
                      class_="note fine")


def _missing(facts: Facts, number: int) -> Iterator[Markup]:
    lost = sum(line.role == "missing" and not line.came_with for line in facts.files)
    rest = "Ask the sender for these:" if lost == number else (
        f"Ask the sender for {lost} of them; the others are here:" if lost else
        "All of it came with other packages:")
    yield element("div", element("b", f"{count(number, 'file')} missing. "), rest,
                  class_="note alert" if lost else "note")
    yield from _named((line for line in facts.files if line.role == "missing"), {},
                      facts.package.id)


def _not_filed(line: Line) -> bool:
    return (line.role == "refused" or line.state in ("quarantined", "rejected", "held")
            or _lost_its_twin(line))


def _named(lines: Iterable[Line], why: Mapping[str, str], package: int) -> Iterator[Markup]:
    return _table("files", ("File", "What became of it", "SOP Instance UID"), (element(
        "tr", element("td", line.label or line.file_id, class_="name"),
        element("td", _fate(line, why, package)),
        element("td", line.sop_instance_uid, class_="hash"))
        for line in lines))


def _table(class_: str, names: Iterable[str], rows: Iterable[Markup]) -> Iterator[Markup]:
    """Row by row; ``class_`` may be empty."""
    head = element("thead", element("tr", *(element("th", name) for name in names)))
    more = {"class_": class_} if class_ else {}
    return flow("table", chain((head,), flow("tbody", rows)), **more)


def _lost_its_twin(line: Line) -> bool:
    """The content came before, but that is not in the archive (any more)."""
    return line.state == "duplicate" and not line.stored


def _fate(line: Line, why: Mapping[str, str], package: int) -> str:
    """``why``: by label what was found wrong with a file of ``package``."""
    if _lost_its_twin(line):
        return "not filed: the same came before and is not in the archive"
    if line.filed_with is not None:
        return f"made into DICOM and filed, with package {line.filed_with}"
    came = f"; it came {line.came(package)}" if line.came_with else ""
    fate = STATES.get(line.state) or ROLES.get(line.role, line.role)
    if line.reason == MEDIUM_ERROR:
        fate = ROLES["refused"]
    reason = ""
    if line.reason and line.state in EXPLAINED:
        reason = REASONS.get(line.reason, why.get(line.label, line.reason))
    return f"{fate}{': ' if reason else ''}{reason}{came}"


def _why(facts: Facts) -> dict[str, str]:
    """The first error of each file, in the words of its finding."""
    found: dict[str, str] = {}
    for one in facts.findings:
        if one.severity == "error" and one.subject:
            found.setdefault(one.subject, one.text.rstrip("."))
    return found


def remarks(facts: Facts) -> Iterator[Markup]:
    yield element("h2", "Remarks")
    if not facts.findings:
        yield element("p", "Nothing odd was found.")
        return
    found = (one for severity in SEVERITIES for one in facts.findings if one.severity == severity)
    yield from _table("", ("", "What was found", "Where", "Rule"), (element(
        "tr", element("td", SEVERITIES[one.severity], class_=one.severity),
        element("td", one.text), element("td", one.subject or "the whole package",
                                         class_="wrap small"),
        element("td", one.rule, class_="small")) for one in found))


def history(facts: Facts) -> Iterator[Markup]:
    yield element("h2", "What happened")
    yield element("table", element("thead", element("tr", *(element("th", name) for name in (
        "When", "What", "Who", "Event")))), element("tbody", *(element(
            "tr", element("td", moment(event.at), class_="small date"),
            element("td", _told(event)), element("td", event.by or "the service"),
            element("td", f"{event.seq}, {event.hash[:16]}", class_="hash"))
            for event in facts.events)))


def _told(event: Event) -> str:
    words = ACTIONS.get(event.action, event.action)
    if event.action == "receiving":
        words = "sent to the line again" if "from" in event.data else "arrived"
    group, reason = event.data.get("group"), event.data.get("reason")
    if group is not None:
        words += f" (patient {group} on the medium)"
    if reason:
        words += f" ({reason})"
    return words


def every_file(facts: Facts) -> Iterator[Markup]:
    """The whole manifest; last, because it is long."""
    why = _why(facts)
    yield element("h2", "Every file", class_="appendix")
    yield element("p", "SHA-256 is of the bytes on the medium.", class_="small")
    yield from _table("files", ("File", "DICOMDIR", "on the disc", "stored", "SHA-256"), (element(
        "tr", element("td", line.label or line.file_id, class_="name"),
        element("td", "names it" if line.file_id else "-"),
        element("td", "MISSING" if line.role == "missing" else f"{line.length:,} bytes",
                class_="date"),
        element("td", _fate(line, why, facts.package.id)),
        element("td", line.sha256, class_="hash"))
        for line in facts.files))
