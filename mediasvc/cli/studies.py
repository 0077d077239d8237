"""`mediasvc studies`: what the archive holds, and the ways back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mediasvc.cli.discs_out import tell_discs
from mediasvc.cli.person import by_option
from mediasvc.cli.refile import refile, refiles
from mediasvc.cli.session import Session
from mediasvc.errors import NotFoundError
from mediasvc.media.page import words

if TYPE_CHECKING:
    from mediasvc.store.index import StudySummary


@click.group()
def command() -> None:
    """Studies of the archive."""


command.add_command(refile)
command.add_command(refiles)


@command.command("list")
@click.option("--patient", metavar="ID[@ISSUER]", help="Only of this patient.")
@click.pass_obj
def list_(session: Session, patient: str | None) -> int:
    """Studies, newest first."""
    from mediasvc.model import PatientKey
    from mediasvc.store import index, patients
    from mediasvc.work.desk import open_desk

    count = 0
    with open_desk(session.home, session.settings) as desk, desk.store.read() as connection:
        row = None
        if patient is not None:
            key = PatientKey.parse(patient, session.settings.site.issuer)
            row = patients.patient(connection, key).row
        for study in index.studies(connection, patient=row):
            count += 1
            _tell(session, study)
    session.summary(studies=count)
    return 0


@command.command()
@click.argument("uid")
@click.pass_obj
def show(session: Session, uid: str) -> int:
    """One study."""
    from mediasvc.store import index
    from mediasvc.work.desk import open_desk

    with open_desk(session.home, session.settings) as desk, desk.store.read() as connection:
        found = list(index.studies(connection, uids=[uid]))
    if not found:
        raise NotFoundError("There is no such study in the archive.", "See mediasvc studies list.")
    _tell(session, found[0])
    session.summary(studies=1)
    return 0


@command.command()
@click.argument("uid")
@click.pass_obj
def files(session: Session, uid: str) -> int:
    """The objects of a study: plain DICOM files that any tool reads."""
    from mediasvc.store import index
    from mediasvc.work.desk import open_desk

    count = 0
    with open_desk(session.home, session.settings) as desk, desk.store.read() as connection:
        for one in index.study_instances(connection, uid):
            count += 1
            path = str(desk.objects.path(one.object_sha256))
            session.emit("file", sop_instance_uid=one.sop_instance_uid, path=path,
                         transfer_syntax_uid=one.transfer_syntax_uid, sha256=one.object_sha256)
            session.say(path)
    session.summary(files=count)
    return 0


@command.command()
@click.argument("uid")
@click.option("--to", "folder", type=click.Path(path_type=Path), required=True,
              help="Folder, new or empty.")
@click.pass_obj
def restore(session: Session, uid: str, folder: Path) -> int:
    """Write the study's instances exactly as they were received, each proven by its sha256."""
    from mediasvc.work.desk import open_desk
    from mediasvc.work.restore import restore_study

    count = 0
    with open_desk(session.home, session.settings) as desk:
        for one in restore_study(desk, uid, folder.absolute()):
            count += 1
            session.emit("file", sop_instance_uid=one.instance.sop_instance_uid,
                         path=str(one.path), sha256=one.instance.received_sha256)
    session.say(f"{words.count(count, 'instance')} as received in {folder}")
    session.summary(files=count)
    return 0


@command.command()
@click.argument("package", type=int)
@by_option
@click.pass_obj
def undo(session: Session, package: int, by: str) -> int:
    """Take a whole import back; the package then waits for a decision again."""
    from mediasvc.work.desk import open_desk
    from mediasvc.work.undo import undo as work

    with open_desk(session.home, session.settings) as desk:
        removed = work(desk, package, by)
        session.say(f"Package {package}: {words.count(removed.instances, 'instance')} of "
                    f"{words.count(removed.studies, 'study', 'studies')} taken back; "
                    "it waits for a decision again.")
        tell_discs(session, desk, removed.discs)
    for other in removed.dependents:
        session.say(f"  Package {other} had some of the same instances and counted on these.")
    session.summary(package=str(package), instances=removed.instances, studies=removed.studies,
                    series=removed.series, patients=removed.patients, discs=list(removed.discs),
                    dependents=list(removed.dependents))
    return 0


def _tell(session: Session, study: StudySummary) -> None:
    person = study.patient
    session.emit("study", study_instance_uid=study.study_instance_uid,
                 patient_id=person.key.patient_id, issuer=person.key.issuer,
                 name=person.demographics.patient_name, date=study.study_date,
                 time=study.study_time, study_id=study.study_id,
                 accession_number=study.accession_number, description=study.study_description,
                 modalities=list(study.modalities), series=study.series,
                 instances=study.instances)
    session.say(f"{words.date(study.study_date) or '(no date)':<10} "
                f"{'/'.join(study.modalities):<8} "
                f"{study.instances:>5}  {person.key}  {person.demographics.patient_name}  "
                f"{study.study_description}\n           {study.study_instance_uid}")
