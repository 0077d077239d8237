"""``mediasvc patients``: the local patient index."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mediasvc.cli.packages import candidate_row
from mediasvc.cli.person import by_option
from mediasvc.cli.progress import progress
from mediasvc.cli.session import Session
from mediasvc.cli.table import table
from mediasvc.media.page import words

if TYPE_CHECKING:
    from mediasvc.identity.match import Candidate, Rule
    from mediasvc.model import Patient, PatientKey
    from mediasvc.store.db import Connection

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def command() -> None:
    """The local patient index: whose images they may be.

    ID@ISSUER names a patient; without @ISSUER the site's own issuer is meant.
    """


@command.command()
@click.argument("file", type=_FILE)
@click.option("--by", default="", help="Who loads it, for the ledger.")
@click.pass_obj
def load(session: Session, file: Path, by: str) -> int:
    """Load a CSV list or HL7 v2 ADT messages; the same again changes nothing.

    Columns: patient_id, issuer, name (DICOM PN), birth_date (YYYYMMDD), sex; optional other_ids
    (ID@ISSUER, separated by |), address, postcode, phone. Good rows go in even when others are
    refused; exit 1 then. A file may hold any number of messages, framed as for MLLP or not.
    """
    from mediasvc.identity.load import is_hl7
    from mediasvc.work.index import patient_list

    if is_hl7(file):
        return load_messages(session, file)
    with session.store() as store, progress(session) as report:
        loaded = patient_list.load(store, file, report, by=by)
    for finding in loaded.findings:
        session.finding(finding)
    refused = loaded.rows - loaded.added - loaded.updated - loaded.unchanged
    session.say(f"{loaded.added} added, {loaded.updated} updated, {loaded.unchanged} unchanged, "
                f"{refused} refused")
    session.summary(rows=loaded.rows, added=loaded.added, updated=loaded.updated,
                    unchanged=loaded.unchanged, refused=refused)
    return 1 if refused else 0


def load_messages(session: Session, file: Path) -> int:
    """HL7 messages of a file, whatever they are about."""
    from mediasvc.work.index import adt

    with session.store() as store, progress(session) as report:
        fed = adt.load_messages(store, session.settings, file, report)
    for finding in fed.findings:
        session.finding(finding)
    count = fed.counts
    unchanged = fed.messages - count["added"] - count["updated"] - fed.refused
    session.say(f"{words.count(fed.messages, 'message')}: {count['added']} added, "
                f"{count['updated']} "
                f"updated or merged, {unchanged} without effect, {fed.refused} not taken")
    session.summary(rows=fed.messages, added=count["added"], updated=count["updated"],
                    unchanged=unchanged, refused=fed.refused, waiting=count["waiting"],
                    stale=count["stale"], held=count["held"], repeated=count["repeated"])
    return 1 if fed.refused else 0


@command.command()
@click.argument("prior")
@click.argument("survivor")
@by_option
@click.pass_obj
def merge(session: Session, prior: str, survivor: str, by: str) -> int:
    """Two identifiers are one person: from now on PRIOR means SURVIVOR. Moves no image.

    A provisional patient is replaced in this way by the real one.
    """
    from mediasvc.work.index.merge import merge_by_hand

    old, new = _key(session, prior), _key(session, survivor)
    with session.store() as store, store.transaction() as connection:
        _require(connection, new)
        done = merge_by_hand(connection, old, new, by)
    session.say(f"{old} is {new} from now on." if done == "merged" else "That was so already.")
    session.summary(prior=str(old), survivor=str(new), done=done)
    return 0


@command.command()
@click.argument("prior")
@by_option
@click.pass_obj
def unmerge(session: Session, prior: str, by: str) -> int:
    """End the merge of PRIOR; everything is as it was before."""
    from mediasvc.work.index.merge import unmerge_by_hand

    old = _key(session, prior)
    with session.store() as store, store.transaction() as connection:
        ended = unmerge_by_hand(connection, old, by)
    session.say(f"{old} is no longer {ended.survivor}.")
    session.summary(prior=str(old), survivor=str(ended.survivor), done="ended")
    return 0


def _key(session: Session, text: str) -> PatientKey:
    from mediasvc.model import PatientKey

    return PatientKey.parse(text, session.settings.site.issuer)


def _require(connection: Connection, key: PatientKey) -> None:
    """Raises NotFoundError; a person merges only into somebody who is there."""
    from mediasvc.store.patients import patient

    patient(connection, key)


@command.command()
@click.argument("text")
@click.pass_obj
def find(session: Session, text: str) -> int:
    """Find patients by ID, ID@ISSUER, birth date, or beginnings of names."""
    from mediasvc.work.index import patients

    with session.store() as store, store.read() as connection:
        found = patients.find(connection, text)
    for one in found:
        session.emit("patient", **_patient(one))
    if found:
        session.say(table(("Patient ID", "Issuer", "Name", "Birth date", "Sex", ""),
                          map(_patient_row, found)))
    session.say(f"{len(found)} found" + (", more not shown" if len(found) == patients.FOUND_LIMIT
                                         else ""))
    session.summary(patients=len(found))
    return 0


@command.command()
@click.argument("patient")
@click.pass_obj
def show(session: Session, patient: str) -> int:
    """Show a patient: demographics, every identifier with its history, studies."""
    from mediasvc.store import index, patients

    key = _key(session, patient)
    with session.store() as store, store.read() as connection:
        one = patients.patient(connection, key)
        studies = [{"study_instance_uid": study.study_instance_uid, "date": study.study_date,
                    "description": study.study_description, "modalities": list(study.modalities),
                    "series": study.series, "instances": study.instances}
                   for study in index.studies(connection, patient=one.row)]
    session.emit("patient", **_patient(one), studies=studies)
    _say_patient(session, one, studies)
    session.summary(patients=1, studies=len(studies))
    return 0


@command.command()
@click.option("--name", default="", help="DICOM PN form: FAMILY^GIVEN.")
@click.option("--birth-date", default="", help="YYYYMMDD.")
@click.option("--sex", default="", help="M, F or O.")
@click.option("--id", "patient_id", default="", help="Foreign Patient ID.")
@click.option("--issuer", default="", help="Its issuer.")
@click.option("--address", default="", help="Street and house number.")
@click.option("--postcode", default="", help="Postal code.")
@click.option("--phone", default="", help="Its last nine digits count.")
@click.option("--batch", type=_FILE, help="Match every row of a CSV with the columns of load.")
@click.pass_obj
def match(session: Session, /, batch: Path | None, **asked: str) -> int:
    """Rank the patients that somebody may be, with reasons; links nobody.

    "auto" in --json is the link that a rule would make by itself, or null.
    """
    from mediasvc.identity.match import Query
    from mediasvc.model import Demographics, PatientKey
    from mediasvc.work.index import patients

    if batch:
        return _match_batch(session, batch)
    if not any(asked.values()):
        raise click.UsageError("Say whom to match: --name, --birth-date, --id …, or --batch FILE.")
    ids = (PatientKey(asked["patient_id"], asked["issuer"]),) if asked["patient_id"] else ()
    who = Demographics(asked["name"], asked["birth_date"].replace("-", ""), asked["sex"].upper(),
                       asked["address"], asked["postcode"], asked["phone"])
    with session.store() as store, store.read() as connection:
        matched = patients.match(connection, Query(ids, who), limit=10)
    for one in matched.candidates:
        session.emit("candidate", **candidate_row(one))
    _say_candidates(session, matched.candidates, matched.auto)
    session.summary(candidates=len(matched.candidates), auto=_auto(matched.auto))
    return 0


def _match_batch(session: Session, file: Path) -> int:
    from mediasvc.work.index import patients

    rows = linked = 0
    with session.store() as store, store.read() as connection, progress(session) as report:
        for row, matched in patients.match_file(connection, file):
            rows += 1
            linked += matched.auto is not None
            session.emit("match", row=row.number, auto=_auto(matched.auto),
                         candidates=[candidate_row(one) for one in matched.candidates[:5]])
            best = matched.candidates[0] if matched.candidates else None
            session.say(f"row {row.number}: " + (
                f"{best.patient.key} {best.score:g} {best.recommendation}" if best else "nobody")
                + (", certain by rule" if matched.auto else ""))
            if not session.as_json:
                report(rows, 0, "matched")
    session.summary(rows=rows, auto=linked)
    return 0


def _patient(one: Patient) -> dict[str, Any]:
    who = one.demographics
    return {"patient_id": one.key.patient_id, "issuer": one.key.issuer, "name": who.patient_name,
            "birth_date": who.patient_birth_date, "sex": who.patient_sex, "address": who.address,
            "postcode": who.postcode, "phone": who.phone, "provisional": one.provisional,
            "other_ids": [{"patient_id": other.patient_id, "issuer": other.issuer,
                           "provenance": other.provenance, "valid_from": other.valid_from,
                           "valid_to": other.valid_to} for other in one.identifiers]}


def _auto(rule: Rule | None) -> dict[str, str] | None:
    if rule is None:
        return None
    return {"patient_id": rule.key.patient_id, "issuer": rule.key.issuer, "rule": rule.rule}


def _patient_row(one: Patient) -> tuple[str, ...]:
    who = one.demographics
    return (one.key.patient_id, one.key.issuer, who.patient_name,
            words.date(who.patient_birth_date),
            who.patient_sex, "provisional" if one.provisional else "")


def _say_patient(session: Session, one: Patient, studies: list[dict[str, Any]]) -> None:
    who = one.demographics
    session.say(table((), (
        ("Patient ID", str(one.key) + (" (provisional)" if one.provisional else "")),
        ("Name", who.patient_name), ("Birth date", words.date(who.patient_birth_date)),
        ("Sex", who.patient_sex), ("Address", f"{who.address} {who.postcode}".strip()),
        ("Phone", who.phone))))
    if one.identifiers:
        session.say("\nAlso known as")
        session.say(table(("Patient ID", "Issuer", "From", "Valid since", "Until"), (
            (other.patient_id, other.issuer, other.provenance, other.valid_from[:10],
             other.valid_to[:10]) for other in one.identifiers)))
    if studies:
        session.say("\nStudies")
        session.say(table(("Date", "Modalities", "Series", "Instances", "Description"), (
            (words.date(study["date"]), " ".join(study["modalities"]), str(study["series"]),
             str(study["instances"]), study["description"]) for study in studies)))


def _say_candidates(session: Session, found: Iterable[Candidate], auto: Rule | None) -> None:
    rows = [(one.patient_id, one.issuer, one.patient.demographics.patient_name,
             words.date(one.patient.demographics.patient_birth_date), f"{one.score:.1f}",
             one.recommendation, "; ".join(one.reasons)) for one in found]
    if rows:
        session.say(table(("Patient ID", "Issuer", "Name", "Birth date", "Score", "", "Why"),
                          rows))
    session.say(f"Certain by rule {auto.rule}: {auto.key}" if auto else
                "A person must decide." if rows else "Nobody in the index is like that.")
