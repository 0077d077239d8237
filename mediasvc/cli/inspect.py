"""`mediasvc inspect PATH`: what is on it, what is wrong with it; nothing is changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mediasvc.cli.few_findings import few_findings
from mediasvc.cli.password import password_option, read_password
from mediasvc.cli.progress import progress
from mediasvc.cli.session import Session
from mediasvc.media.page.words import born, count, date, sex

if TYPE_CHECKING:
    from mediasvc.work.inspect import PatientSeen


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@password_option
@click.option("--repaired-dicomdir", "repaired", metavar="FILE",
              type=click.Path(path_type=Path, dir_okay=False),
              help="Write a correct DICOMDIR for it to a new file; the medium is not touched.")
@click.pass_obj
def command(session: Session, path: Path, password_file: Path | None, repaired: Path | None,
            ) -> int:
    """Look at a disc folder, ISO image, zip or single file. Read-only.

    Exit code 1 when there are errors or warnings.
    """
    from mediasvc.nursery import SCREEN

    with (session.children(SCREEN) as sandbox, few_findings(session) as tell,
          progress(session) as report):
        from mediasvc.work.inspect import inspect

        seen = inspect(path.resolve(), session.settings, sandbox, tell, report,
                       read_password(password_file), repaired)
    for patient in seen.patients.values():
        _tell(session, patient)
    summary = seen.summary()
    session.say(f"{summary['kind']}: {count(summary['instances'], 'instance')} of "
                f"{count(summary['patients'], 'patient')}, "
                f"{count(summary['missing'], 'file')} missing, {summary['refused']} refused, "
                f"{count(summary['non_dicom'], 'other file')}")
    if seen.repaired and seen.repaired.records:
        session.say(f"A correct DICOMDIR is in {seen.repaired.path}: "
                    f"{count(seen.repaired.named, 'file')} in "
                    f"{count(seen.repaired.records, 'record')}, {seen.repaired.left_out} left out")
    session.summary(**summary)
    return 1 if seen.severities["error"] or seen.severities["warning"] else 0


def _tell(session: Session, patient: PatientSeen) -> None:
    header = patient.header
    session.emit("patient", patient_id=header.patient_id, issuer=header.issuer_of_patient_id,
                 name=header.patient_name, birth_date=header.patient_birth_date,
                 sex=header.patient_sex, studies=[
                     {"study_instance_uid": uid, "date": study.date,
                      "description": study.description, "modalities": sorted(study.modalities),
                      "series": len(study.series), "instances": study.instances}
                     for uid, study in patient.studies.items()])
    session.say(f"  {header.patient_name or '(no name)'}  {header.patient_id or '(no ID)'}  "
                f"{born(header.patient_birth_date)}, {sex(header.patient_sex)}")
    for study in patient.studies.values():
        session.say(f"    {date(study.date) or '(no date)':<10} "
                    f"{'/'.join(sorted(study.modalities)):<8} "
                    f"{count(study.instances, 'instance'):>15}  {study.description}")
