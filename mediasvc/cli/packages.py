"""How a package is told: one JSON line, or a few lines that a clerk understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

from mediasvc.cli.session import Session
from mediasvc.media.page import words
from mediasvc.model import Finding

if TYPE_CHECKING:
    from mediasvc.identity.match import Candidate
    from mediasvc.store.ledger import PatientGroup
    from mediasvc.work.desk import Desk
    from mediasvc.work.waiting.queue_view import GroupView

#: Findings of one kind shown to a person before the rest is only counted.
SHOWN = 5
#: Nothing is left to do about such a package.
FINISHED = ("done", "duplicate")
WORDS = {
    "done": "is in the archive",
    "waiting": "waits for a person",
    "failed": "could not be taken in",
    "duplicate": "was here before",
    "receiving": "is being taken in",
    "discarded": "was discarded",
}


def show_package(session: Session, desk: Desk, number: int) -> bool:
    """Tell the package's state and findings; True when there is nothing to look after."""
    from mediasvc.work.waiting.queue_view import findings, view

    seen = view(desk, number)
    row = seen.as_json()
    session.emit("package", **row)
    session.say(f"Package {number} {WORDS[seen.package.state]}: {seen.package.path}")
    session.say("  " + sentence(row))
    show_findings(session, findings(desk, number))
    if seen.package.state == "waiting":
        session.say(f"  See: mediasvc queue show {number}")
    return not (seen.findings["error"] or seen.findings["warning"])


def exit_code(state: str) -> int:
    """Of what a person answered about a package. Its findings are no findings of the answer: they
    were told, and counted, when it came in."""
    if state == "failed":
        return 2
    return 0 if state in FINISHED else 1


def sentence(row: Mapping[str, Any]) -> str:
    """Where the instances are, in words; only what is not zero."""
    parts = [f"{row[key]} {done}" for key, done in (
        ("archived", "filed"), ("duplicate", "already here"), ("held", "waiting"),
        ("quarantined", "refused"), ("rejected", "rejected")) if row[key]]
    gone = row["missing"]
    missing = (f"; {words.count(gone, 'file')} named by DICOMDIR {'is' if gone == 1 else 'are'} "
               "missing") if gone else ""
    going = "; being taken back" if row["reason"] == "taking-back" else ""
    return (f"{words.count(row['instances'], 'instance')}: "
            f"{', '.join(parts) or 'none'}{missing}{going}")


def show_groups(session: Session, package: int, views: list[GroupView]) -> None:
    """The patients of a package; why all of them wait is said once."""
    waiting = [_reasons(view.group) for view in views if view.group.state == "waiting"]
    common = [reason["text"] for reason in waiting[0] if all(
        reason in other for other in waiting)] if len(waiting) > 1 else []
    for text in common:
        session.say(f"  all wait: {text}")
    for view in views:
        _show_group(session, package, view, common)


def _reasons(group: PatientGroup) -> list[dict[str, str]]:
    from mediasvc.work.decide import waits

    return list(waits(group)) if group.state == "waiting" else []


def _show_group(session: Session, package: int, view: GroupView, common: list[str]) -> None:
    """A patient of a package as received, why it waits, and who it may be."""
    from mediasvc.media.labels import display

    group = view.group
    reasons = _reasons(group)
    session.emit("group", package=str(package), group=group.number, state=group.state,
                 patient_id=group.patient_id, issuer=group.issuer, name=group.patient_name,
                 birth_date=group.patient_birth_date, sex=group.patient_sex,
                 variants=group.variants, instances=group.instances, decision=group.decision,
                 rule=group.rule, by=group.by, waits=reasons,
                 hold=asdict(view.hold) if view.hold else None,
                 evidence=(group.evidence or {}) if group.decision else {},
                 studies=[one._asdict() for one in view.studies],
                 candidates=[candidate_row(one) | {"expected": announced.id if (
                     announced := view.awaited.get(one.patient.row)) else None}
                     for one in view.candidates])
    decision = f" ({group.decision} {_decided_by(group)})" if group.decision else ""
    session.say(f"\n  Patient {group.number} on the package: {group.patient_name or '(no name)'}, "
                f"{_identifier(group)}, "
                f"{words.born(group.patient_birth_date)}, {words.sex(group.patient_sex)}; "
                f"{words.count(group.instances, 'instance')}, {group.state}{decision}")
    for study in view.studies[:SHOWN]:
        session.say(f"    study:  {words.date(study.study_date) or 'no date'}  "
                    f"{', '.join(study.modalities) or '?'}  "
                    f"{display(study.study_description) or '(no description)'}, "
                    f"{words.count(study.instances, 'instance')}"
                    + (f", made at {display(', '.join(study.institutions))}"
                       if study.institutions else ""))
    if len(view.studies) > SHOWN:
        more = words.count(len(view.studies) - SHOWN, "more study", "more studies")
        session.say(f"    … and {more}")
    if why := (group.evidence or {}).get("reason"):
        session.say(f"    reason: {display(why)}")
    if view.hold:
        session.say(f"    put aside by {view.hold.by} on {view.hold.at[:10]}: {view.hold.reason}")
    for reason in reasons:
        if reason["text"] not in common:
            session.say(f"    waits: {reason['text']}")
    _say_candidates(session, view)
    if group.state == "waiting" and not view.candidates:
        session.say("    no candidate in the index")


def _identifier(group: PatientGroup) -> str:
    if not group.patient_id:
        return "no ID"
    return f"ID {group.patient_id} of {words.issuer(group.issuer) or 'nobody named'}"


def _say_candidates(session: Session, view: GroupView) -> None:
    from mediasvc.media.labels import display

    for one in view.candidates:
        say_candidate(session, one)
        if announced := view.awaited.get(one.patient.row):
            told = announced.procedure.accession_number
            session.say(f"                    a disc was announced (expected import {announced.id}"
                        f"{f', order {display(told)}' if told else ''})")


def say_candidate(session: Session, one: Candidate) -> None:
    from mediasvc.media.labels import display

    who = one.patient.demographics
    session.say(f"    {one.recommendation:<7} {one.score:6.1f}  {one.patient.key}  "
                f"{display(who.patient_name) or '(no name)'}, "
                f"{words.born(who.patient_birth_date)}, {words.sex(who.patient_sex)}")
    session.say(f"                    {'; '.join(one.reasons)}")


def candidate_row(one: Candidate) -> dict[str, Any]:
    """Somebody of the index whom a patient resembles, for JSON."""
    who = one.patient.demographics
    return {"patient_id": one.patient_id, "issuer": one.issuer, "score": one.score,
            "recommendation": one.recommendation, "reasons": list(one.reasons),
            "name": who.patient_name, "birth_date": who.patient_birth_date,
            "sex": who.patient_sex}


def _decided_by(group: PatientGroup) -> str:
    """The person, or the rule and what it rests on."""
    from mediasvc.report.import_report_words import rule_sentence

    return (f"by rule: {rule_sentence(group.rule, group.evidence or {})}" if group.rule else
            f"by {group.by}")


def show_findings(session: Session, findings: list[Finding]) -> None:
    """All of them as JSON; to a person errors first, and of many of one kind only the first."""
    if session.as_json:
        for finding in findings:
            session.finding(finding)
        return
    order = {"error": 0, "warning": 1, "info": 2}
    ranked = sorted(findings, key=lambda f: (order[f.severity], f.code))
    for (severity, _), group in groupby(ranked, key=lambda f: (f.severity, f.code)):
        same = list(group)
        for finding in same[:SHOWN]:
            session.finding(finding)
        if len(same) > SHOWN:
            session.say(f"  {severity:<7} … and {len(same) - SHOWN} more of this kind")
