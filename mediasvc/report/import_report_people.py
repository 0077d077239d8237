"""The import report on patients: whose images they are said to be, who decided, what changed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from mediasvc.identity.match import Candidate
from mediasvc.media.labels import display
from mediasvc.media.page import words
from mediasvc.media.page.markup import Markup, element
from mediasvc.model import Patient
from mediasvc.report.import_report import Facts, Move, Person, StudySeen
from mediasvc.report.import_report_words import DECISIONS, moment, rule_sentence
from mediasvc.store.ledger import PatientGroup

#: Where pixel data stand (PS3.5 8.1).
PIXEL_GROUP = "(7FE0,"


def patients(facts: Facts) -> Iterator[Markup]:
    yield element("h2", "Whose images")
    if not facts.people:
        yield element("p", "Nobody's: no image was found on the medium." if not
                      facts.counts.instances else "Every instance of this medium is accounted for "
                      "without a new decision: none of them was filed with this package.")
    for person in facts.people:
        yield element("div", *_person(person), class_="card")


def _person(person: Person) -> Iterator[Markup]:
    group = person.group
    yield element("h3", f"Patient {group.number} on the medium: "
                  f"{display(words.person_name(group.patient_name))}, "
                  f"{words.count(group.instances, 'instance')}")
    yield _compared(person)
    if group.variants:
        yield element("p", f"{words.count(len(group.variants), 'other spelling')} of this identity "
                      f"on the medium: {_spellings(group)}.", class_="small")
    yield from _decision(person)
    yield from _studies(person.studies)


def _compared(person: Person) -> Markup:
    group, patient = person.group, person.patient
    said = patient.demographics if patient else None
    rows = [
        ("Name", words.person_name(group.patient_name),
         words.person_name(said.patient_name) if said else ""),
        ("Birth date", words.date(group.patient_birth_date),
         words.date(said.patient_birth_date) if said else ""),
        ("Sex", words.SEX.get(group.patient_sex, group.patient_sex),
         words.SEX.get(said.patient_sex, said.patient_sex) if said else ""),
        ("Patient ID", group.patient_id, patient.key.patient_id if patient else ""),
        ("given out by", words.issuer(group.issuer),
         words.issuer(patient.key.issuer) if patient else "")]
    head = ("", "on the medium", "in our index", "") if patient else ("", "on the medium")
    return element(
        "table", element("thead", element("tr", *(element("th", name) for name in head))),
        element("tbody", *(_row(*row, patient is not None) for row in rows)), class_="two")


def _row(name: str, theirs: str, ours: str, both: bool) -> Markup:
    cells = [element("td", name, class_="small"),
             element("td", display(theirs) or "not said", class_="wrap")]
    if both:
        verdict = "same" if theirs == ours else "differs" if theirs and ours else "unknown"
        cells += [element("td", display(ours) or "not known", class_="wrap"),
                  element("td", verdict, class_=f"mark {verdict}")]
    return element("tr", *cells)


def _spellings(group: PatientGroup) -> str:
    return "; ".join(display(", ".join(str(value) for value in one.values() if value))
                     for one in group.variants or ())


def _decision(person: Person) -> Iterator[Markup]:
    group, evidence = person.group, person.group.evidence or {}
    waits = [str(one.get("text", "")) for one in evidence.get("waits", ())]
    if group.state == "waiting":
        yield element("div", element("b", "Not decided."), " ", " ".join(waits), class_="note")
        yield from _candidates(person.candidates)
        return
    who = f"by rule: {rule_sentence(group.rule, evidence)}" if group.rule else f"by {group.by}"
    words_ = DECISIONS.get(group.decision, group.decision)
    new = " (provisional, until a local identifier is known)" if (
        person.patient and person.patient.provisional) else ""
    yield element("div", element("b", f"Decision: {words_}{new}"), f", {who}, "
                  f"{moment(group.decided_at)}.",
                  class_="note alert" if group.decision == "reject" else "note fine")
    if person.order and (told := person.order.accession_number
                         or person.order.requested_procedure_id):
        yield element("p", f"It answers our order {display(told)}.", class_="small")
    if waits:
        yield element("p", f"Why a person was asked: {' '.join(waits)}", class_="small")
    for move in person.moves:
        yield element("p", _moved(move), class_="small")
    if reason := evidence.get("reason"):
        yield element("p", f"Reason: {reason}", class_="small")
    if first := evidence.get("first"):
        yield element("p", f"Proposed by {first}, confirmed by {group.by}.", class_="small")
    chosen = [one for one in person.candidates
              if person.patient and one.patient.row == person.patient.row]
    for one in chosen[:1]:
        yield element("p", f"How alike both are, computed today: {one.score:.0f} of 100 "
                      f"({one.recommendation}); {'; '.join(one.reasons)}.", class_="small")


def _moved(move: Move) -> str:
    one = move.refile
    studies = "A study of it was" if len(one.studies) == 1 else f"{len(one.studies)} studies were"
    reason = f" Reason: {one.reason}." if one.reason else ""
    agreed = f", proposed by {one.first}" if one.first else ""
    return (f"{studies} filed under {_called(move.came_from)} first and moved to "
            f"{_called(move.went_to)} by {one.by}{agreed}, {moment(one.at)}.{reason} The table of "
            "changes shows what is in the archive now; what was filed first stands in each image.")


def _called(patient: Patient) -> str:
    name = display(words.person_name(patient.demographics.patient_name))
    return f"{name} ({display(str(patient.key))})"


def _candidates(candidates: tuple[Candidate, ...]) -> Iterator[Markup]:
    if not candidates:
        yield element("p", "Nobody in the index resembles this patient.", class_="small")
        return
    yield element("table", element("thead", element("tr", *(element("th", name) for name in (
        "It may be", "born", "ID", "alike", "because")))), element("tbody", *(
            element("tr", element("td", display(words.person_name(
                one.patient.demographics.patient_name))),
                element("td", words.date(one.patient.demographics.patient_birth_date),
                        class_="date"),
                element("td", display(str(one.patient.key))),
                element("td", f"{one.score:.0f} of 100, {one.recommendation}"),
                element("td", "; ".join(one.reasons))) for one in candidates)))


def _studies(studies: tuple[StudySeen, ...]) -> Iterator[Markup]:
    rows = [element(
        "tr", element("td", words.date(one.study_date) or "no date", class_="date"),
        element("td", display(one.description) or "no description",
                element("br"), element("span", one.study_instance_uid, class_="hash")),
        element("td", display(one.institution)),
        element("td", ", ".join(sorted(one.modalities))),
        element("td", len(one.series), class_="n"),
        element("td", one.instances, class_="n")) for one in studies]
    if rows:
        yield element("table", element("thead", element("tr", *(element("th", name) for name in (
            "Study", "Description", "Made at", "Kind")), *(element("th", name, class_="n")
            for name in ("Series", "Instances")))), element("tbody", *rows))


def changed_attributes(facts: Facts) -> Iterator[Markup]:
    yield element("h2", "What was changed in the images")
    yield from _broken(facts)
    if not facts.changes:
        if not facts.broken:
            yield element("p", "Nothing: no image of this package was filed with changes.")
        return
    if not any(row.tag.startswith(PIXEL_GROUP) for row in facts.changes):
        every = "every other" if facts.broken else "every"
        yield element("div", f"No pixel was touched: the pixel data of {every} filed instance were "
                      "compared with those received and are the same bit for bit.",
                      class_="note fine")
    yield element("p", "These attributes of the header were given local values. The previous ones "
                  "stand in each image (Original Attributes). For this report the bytes as "
                  "received were rebuilt from the archive and proven by their SHA-256.")
    for number, rows in groupby(facts.changes, key=lambda one: one.group):
        if len(facts.people) > 1:
            yield element("h3", f"Patient {number}")
        yield element("table", element("thead", element("tr", *(element("th", name) for name in (
            "Attribute", "as received", "as filed")), element("th", "in", class_="n"))), element(
            "tbody", *(element(
                "tr", element("td", row.name, element("br"),
                              element("span", row.tag, class_="hash")),
                element("td", "absent" if row.old is None else row.old or "empty", class_="old"),
                element("td", row.new or "empty", class_="new"),
                element("td", f"{row.instances:,}", class_="n")) for row in rows)))


def _broken(facts: Facts) -> Iterator[Markup]:
    if not facts.broken:
        return
    yield element("div", element(
        "b", f"{words.count(len(facts.broken), 'filed instance')} could not be compared with what "
        "was received: the archive is damaged. "), "This report proves nothing about the "
        "instances below. Put the archive's files back from the backup and make it again.",
        class_="note alert")
    uids = {one.sop_instance_uid for one in facts.broken}
    labels = {line.sop_instance_uid: line.label for line in facts.files
              if line.state == "archived" and line.sop_instance_uid in uids}
    yield element("table", element("thead", element("tr", *(element("th", name) for name in (
        "File", "Why", "SOP Instance UID")))), element("tbody", *(element(
            "tr", element("td", labels.get(one.sop_instance_uid, ""), class_="name"),
            element("td", one.why), element("td", one.sop_instance_uid, class_="hash"))
            for one in facts.broken)), class_="files")
