"""`mediasvc wrap FILE…`: videos, photos, scans and documents become DICOM instances."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mediasvc.cli.session import Session
from mediasvc.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mediasvc.model import Patient
    from mediasvc.work.desk import Desk
    from mediasvc.work.wrapping.wrap_sides import Identities

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=_PATH)
@click.option("--identity", "identity_file", type=_PATH, metavar="FILE.json|.csv",
              help="Whose they are: patient_id issuer name birth_date sex, any DICOM keyword; as "
                   "a table a row for each file.")
@click.option("--patient", metavar="ID[@ISSUER]", help="Whose they are: a patient of the index.")
@click.option("--study", metavar="UID", help="The study that they belong to.")
@click.option("--modality", metavar="XX", default="",
              help="XC photo, ES endoscopy, GM microscopy, OT …; chosen by the file if unset.")
@click.option("--out", metavar="FILE|DIR/", help="Where to; beside the file if unset.")
@click.option("--file", "to_archive", is_flag=True, help="Into the archive instead.")
@click.option("--reencode", is_flag=True,
              help="What fits no transfer syntax is encoded anew by ffmpeg, and labelled lossy.")
@click.pass_obj
def command(session: Session, files: tuple[Path, ...], identity_file: Path | None,
            patient: str | None, study: str | None, modality: str, out: str | None,
            to_archive: bool, reencode: bool) -> int:
    """Wrap videos, photos, scans, PDF, CDA, text, STL, OBJ and MTL files as DICOM instances.

    Streams and documents are kept byte for byte (see mediasvc unwrap). What is known of one file
    alone stands beside it in FILE.json. Exit code 1 when a file was refused, or waits for a person
    after --file.
    """
    from mediasvc.work.wrap import WrapOrder

    if out is not None and to_archive:
        raise SettingsError("--out and --file exclude each other.")
    known = _identities(session, files, identity_file, patient, study)
    order = WrapOrder(files, known, _target(out, files), modality_of(modality), reencode)
    if to_archive:
        return _file(session, order)
    from mediasvc.work.wrap import wrap_files
    rows = [tell(session, row) for row in wrap_files(order, session.settings)]
    return summary(session, rows)


def _target(out: str | None, files: tuple[Path, ...]) -> Path | None:
    """A folder, made where it is not there, when it is written as one or there are several files.
    """
    if out is None:
        return None
    path = Path(out)
    if out.endswith("/") or len(files) > 1:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"the folder of --out cannot be made ({error.strerror})") from error
    return path


def modality_of(text: str) -> str:
    if text and not (text.isascii() and text.isalnum() and text.isupper() and len(text) <= 16):
        raise SettingsError("a modality is written in capitals, such as XC.")
    return text


def _identities(session: Session, files: tuple[Path, ...], path: Path | None,
                patient: str | None, study: str | None) -> Identities:
    from mediasvc.work.desk import open_desk
    from mediasvc.work.wrapping.wrap_sides import from_side_cars

    if path is not None and patient is not None:
        raise SettingsError("--identity and --patient exclude each other.")
    if path is None and patient is None:
        return from_side_cars(files)
    if patient is None:
        return identities_for(session, None, path, None, study)[0](list(files))
    with open_desk(session.home, session.settings) as desk:
        return identities_for(session, desk, path, patient, study)[0](list(files))


def identities_for(session: Session, desk: Desk | None, path: Path | None, patient: str | None,
                   study: str | None) -> tuple[Callable[[list[Path]], Identities], Patient | None]:
    """(what is known of given files, the patient of the index who was named). ``desk`` is needed
    for a ``patient``."""
    from mediasvc.model import PatientKey
    from mediasvc.work.wrapping import wrap_sides as sides
    from mediasvc.work.wrapping.wrap_identity import index_identity, read_identity, with_study
    from mediasvc.work.wrapping.wrap_table import read_table

    if path is not None and path.suffix.lower() == sides.TABLE:
        if study is not None:
            raise SettingsError("A table names the study of each file itself.")
        table = read_table(path)
        return (lambda files: sides.from_table(files, table)), None
    if path is not None or desk is None:
        side = with_study(read_identity(path or Path()), study)
        return (lambda files: sides.for_all(files, side)), None
    key = PatientKey.parse(patient or "", session.settings.site.issuer)
    with desk.store.read() as connection:
        known = index_identity(connection, key, study)
    return (lambda files: sides.for_all(files, known)), known.patient


def tell(session: Session, row: dict[str, Any]) -> dict[str, Any]:
    session.emit(row["type"], **{key: value for key, value in row.items() if key != "type"})
    if row["type"] == "refused":
        session.say(f"  refused {row['path']}: {row['reason']}")
        if row["advice"]:
            session.say(f"          {row['advice']}")
        return row
    session.say(f"  wrapped {row['path']} → {row['out'] or '(waits)'}")
    for note in row["notes"]:
        session.say(f"          {note}")
    return row


def summary(session: Session, rows: list[dict[str, Any]], **more: Any) -> int:
    refused = sum(row["type"] == "refused" for row in rows)
    session.say(f"{len(rows) - refused} wrapped, {refused} refused")
    session.summary(wrapped=len(rows) - refused, refused=refused, **more)
    return 1 if refused else 0


def _file(session: Session, order: Any) -> int:
    from mediasvc.cli.packages import show_package
    from mediasvc.work.wrapping.wrap_file import file_wrapped

    with file_wrapped(session.home, session.settings, order) as (desk, rows, packages):
        for row in rows:
            tell(session, row)
        clean = True
        for package in packages:
            clean = show_package(session, desk, package.id) and package.state in (
                "done", "duplicate") and clean
        one = packages[0] if len(packages) == 1 else None
        code = summary(session, rows, package=str(one.id) if one else "",
                        state=one.state if one else "",
                        packages=[str(package.id) for package in packages])
    return code if clean else 1
