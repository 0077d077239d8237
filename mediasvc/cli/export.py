"""`mediasvc export`: certified discs out of the archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mediasvc.cli.progress import progress
from mediasvc.cli.session import Session
from mediasvc.errors import SettingsError

if TYPE_CHECKING:
    from mediasvc.work.export import Exported
    from mediasvc.work.export_order import ExportOrder

#: What the first child loads while we load our own libraries.
CHILDREN = ("mediasvc.work.conform_rewrite", "mediasvc.work.draw_frames",
            "mediasvc.work.check_members")


@click.command()
@click.option("--patient", metavar="ID[@ISSUER]", help="All studies of this patient.")
@click.option("--study", "studies", metavar="UID", multiple=True, help="This study; repeatable.")
@click.option("--profile", default="", help="What the disc must conform to (profiles list).")
@click.option("--to", required=True, metavar="PATH", help="PATH.iso, PATH.zip or DIR/.")
@click.option("--recipient", default="", metavar="NAME", help="Who gets it: printed on the disc.")
@click.option("--disc", default="", help="cd, dvd, dvd-dl, bd, usb or unlimited: its capacity.")
@click.option("--dry-run", is_flag=True, help="Only show the plan.")
@click.option("--replace", is_flag=True, help="Replace what stands at PATH.")
@click.option("--allow-several-patients", is_flag=True, help="Studies of several patients.")
@click.option("--allow-incomplete", is_flag=True,
              help="Leave out what the archive cannot give, and say so on the disc.")
@click.pass_obj
def command(session: Session, patient: str | None, studies: tuple[str, ...], profile: str, to: str,
            recipient: str, disc: str, dry_run: bool, replace: bool, allow_several_patients: bool,
            allow_incomplete: bool) -> int:
    """Make disc images, zips or folders that were read back and passed every rule.

    Exit code 1 when instances could not go on the disc.
    """
    from mediasvc.model import PatientKey
    from mediasvc.standard.profiles import load_profile
    from mediasvc.work.children import open_sandbox
    from mediasvc.work.export_order import ExportOrder, capacity_of, container_of

    if (patient is None) == (not studies):
        raise SettingsError("Say whose images: either --patient or --study.")
    chosen = load_profile(profile or session.settings.export.profile)
    container = container_of(to)
    order = ExportOrder(
        to=Path(to).absolute(), container=container, profile=chosen,
        capacity=capacity_of(chosen, disc, container), studies=studies,
        patient=PatientKey.parse(patient, session.settings.site.issuer) if patient else None,
        several_patients=allow_several_patients, incomplete=allow_incomplete, replace=replace,
        recipient=recipient, by="command line")
    with open_sandbox(session.settings, *CHILDREN) as sandbox:
        from mediasvc.work.desk import open_desk
        from mediasvc.work.export import export, preview

        with (open_desk(session.home, session.settings, sandbox) as desk,
              progress(session) as report):
            done = (preview if dry_run else export)(desk, order, session.finding, report)
    _show(session, order, done, dry_run)
    return 1 if done.excluded else 0


def _show(session: Session, order: ExportOrder, done: Exported, dry_run: bool) -> None:
    for disc in done.discs:
        passed = "pass" if disc.verdict and disc.verdict.passed else ""
        session.emit("disc", path=str(disc.path), sha256=disc.sha256, bytes=disc.bytes,
                     instances=disc.instances, studies=disc.studies,
                     file_set_id=disc.file_set_id, verdict=passed, profile=order.profile.name,
                     certificate=str(disc.certificate or ""))
        size = f"{disc.bytes / 1e6:,.1f} MB"
        if dry_run:
            session.say(f"would make {disc.path}: {disc.instances} instances of {disc.studies} "
                        f"studies, at most {size}")
            continue
        kept = len(disc.verdict.results) - len(disc.verdict.failed) if disc.verdict else 0
        session.say(f"{disc.path}: {disc.instances} instances of {disc.studies} studies, {size}, "
                    f"{order.profile.name}, read back: {kept} rules kept")
        session.say(f"  certificate {disc.certificate}")
    if done.transcoded or done.excluded:
        session.say(f"{done.transcoded} instances transcoded, {done.excluded} not on the disc")
    session.summary(discs=len(done.discs), instances=done.instances, transcoded=done.transcoded,
                    excluded=done.excluded, dry_run=dry_run)
