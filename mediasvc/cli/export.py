"""`mediasvc export`: certified discs out of the archive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mediasvc.cli.export_offers import show_offers
from mediasvc.cli.few_findings import few_findings
from mediasvc.cli.lossy_options import Loss, lossy_options
from mediasvc.cli.person import by_option
from mediasvc.cli.private_options import Wishes, private_options
from mediasvc.cli.progress import progress
from mediasvc.cli.session import Session
from mediasvc.errors import SettingsError
from mediasvc.media.page.words import count

if TYPE_CHECKING:
    from mediasvc.settings import Recipient
    from mediasvc.standard.profiles import Profile
    from mediasvc.work.desk import Desk
    from mediasvc.work.export import Exported, Tell
    from mediasvc.work.planning.export_conform import Report
    from mediasvc.work.planning.export_order import Container, ExportOrder

#: What children load while we load our own libraries: to look at files, to draw pictures and to
#: judge the disc; later each of them would have to. What few orders need they load then. Children
#: that look at files are forked between two of these, so what takes long is named in parts.
CHILDREN = ("mediasvc.work.planning.conform", "mediasvc.work.building.directory_file", "numpy",
            "mediasvc.dicom.compiled", "mediasvc.dicom.walk_kernel", "mediasvc.dicom.header_kernel",
            "mediasvc.work.building.export_ready", "mediasvc.work.building.draw_frames",
            "mediasvc.media.checking.check_instance", "mediasvc.media.iso.iso_surface",
            "mediasvc.media.package", "mediasvc.work.checking.check_members",
            "mediasvc.codecs.sha256_kernel")
#: Of these so many look at files and write DICOMDIR, which needs nothing of the others.
FIRST = 2
#: With a viewer also this.
VIEWER = "mediasvc.work.building.viewer_chunks"


@click.command()
@click.option("--patient", metavar="ID[@ISSUER]", help="All studies of this patient.")
@click.option("--study", "studies", metavar="UID", multiple=True, help="This study; repeatable.")
@click.option("--not-exported", is_flag=True, help="Of these only studies that nobody got yet.")
@click.option("--last", type=click.IntRange(1), default=None, metavar="N",
              help="Of these only the N newest studies.")
@click.option("--profile", default="", help="What the disc must conform to (profiles list).")
@click.option("--to", required=True, metavar="PATH", help="PATH.iso, PATH.zip, PATH.eml or DIR/.")
@click.option("--recipient", default="", metavar="NAME",
              help="Who gets it: printed on the disc; [[recipients]] say what they can open.")
@click.option("--disc", default="",
              help="cd, dvd, dvd-dl, bd, bd-re, usb, mail or unlimited: its capacity.")
@click.option("--compress/--no-compress", default=None,
              help="Compress native images without loss; otherwise only when it saves a disc.")
@click.option("--no-split", is_flag=True, help="Rather no disc than more than one.")
@click.option("--dry-run", is_flag=True, help="Only show the plan: sizes, discs, other media.")
@click.option("--replace", is_flag=True, help="Replace what stands at PATH.")
@click.option("--allow-several-patients", is_flag=True, help="Studies of several patients.")
@click.option("--allow-incomplete", is_flag=True,
              help="Leave out what the archive cannot give, and say so on the disc.")
@click.option("--icons", is_flag=True, help="A small picture of every image in DICOMDIR.")
@click.option("--no-viewer", is_flag=True, help="No viewer on the disc, only DICOM and pages.")
@lossy_options
@private_options
@by_option
@click.pass_obj
def command(session: Session, private: Wishes, loss: Loss, patient: str | None,
            studies: tuple[str, ...], not_exported: bool,
            last: int | None, profile: str, to: str, recipient: str, disc: str,
            compress: bool | None, no_split: bool, dry_run: bool, replace: bool,
            allow_several_patients: bool, allow_incomplete: bool, icons: bool,
            no_viewer: bool, by: str,
            ) -> int:
    """Make disc images, zips or folders that were read back and passed every rule.

    Exit code 1 when instances could not go on the disc.
    """
    if (patient is None) == (not studies):
        raise SettingsError("Say whose images: either --patient or --study.")
    with session.children(*CHILDREN, *(() if no_viewer else (VIEWER,)), first=FIRST) as sandbox:
        from dataclasses import replace as with_

        from mediasvc.model import PatientKey
        from mediasvc.work.planning.export_order import ExportOrder, capacity_of, container_of

        container = container_of(to)
        chosen, disc, known = _profile(session, container, profile, recipient, disc)
        order = ExportOrder(
            to=Path(to).absolute(), container=container, profile=chosen.on(disc),
            capacity=capacity_of(chosen, disc, container, session.settings.export.mail_bytes),
            studies=studies,
            patient=PatientKey.parse(patient, session.settings.site.issuer) if patient else None,
            several_patients=allow_several_patients, incomplete=allow_incomplete, replace=replace,
            recipient=known.name if known else recipient, splitting=not no_split, compress=compress,
            icons=icons, viewer="none" if no_viewer else session.settings.export.viewer,
            videos=session.settings.export.videos,
            site_viewer=(Path(session.settings.export.viewer_dir)
                         if session.settings.export.viewer_dir else None), by=by)
        order = loss.applied(session, private.applied(session, order))
        from mediasvc.work.desk import open_desk

        with open_desk(session.home, session.settings, sandbox) as desk:
            if not_exported or last:
                from mediasvc.work.planning.export_presets import chosen as chosen_studies

                order = chosen_studies(desk, order, not_exported=not_exported, last=last or 0)
                if not order.studies:
                    session.say("Nothing is left to export: every study was handed out already.")
                    session.summary(discs=0, instances=0, transcoded=0, excluded=0,
                                    dry_run=dry_run)
                    return 0
            with few_findings(session) as tell, progress(session) as report:
                done = _line(dry_run)(desk, order, tell, report)
            _show(session, order, done, dry_run)
            if dry_run:
                show_offers(session, desk, with_(order, incomplete=True), known)
    session.summary(discs=len(done.discs), instances=done.instances, transcoded=done.transcoded,
                    excluded=done.excluded, dry_run=dry_run)
    return 1 if done.excluded else 0


def _line(dry_run: bool) -> Callable[[Desk, ExportOrder, Tell, Report], Exported]:
    if dry_run:
        from mediasvc.work.plan import rehearse

        return rehearse
    from mediasvc.work.export import export

    return export


def _profile(session: Session, container: Container, name: str, recipient: str, disc: str,
             ) -> tuple[Profile, str, Recipient | None]:
    """The profile, the disc and the known recipient: as said, as the recipient wants, or as set."""
    from mediasvc.standard.profiles import load_profile
    from mediasvc.work.planning.recipients import narrowed, recipient_of, warnings

    known = recipient_of(session.settings.recipients, recipient)
    default = "STD-GEN-ZIP-MAIL" if container == "mail" else session.settings.export.profile
    name = name or (known.profile if known and container != "mail" else "") or default
    profile = load_profile(name, session.site_profiles)
    if known is None:
        return profile, disc, None
    if not disc and known.disc in profile.medium.discs:
        disc = known.disc
    for finding in warnings(profile, known, disc or profile.medium.discs[0]):
        session.finding(finding)
    return narrowed(profile, known), disc, known


def _show(session: Session, order: ExportOrder, done: Exported, dry_run: bool) -> None:
    for disc in done.discs:
        passed = "pass" if disc.verdict and disc.verdict.passed else ""
        session.emit("disc", path=str(disc.path), sha256=disc.sha256, bytes=disc.bytes,
                     instances=disc.instances, studies=disc.studies,
                     file_set_id=disc.file_set_id, verdict=passed, exact=True,
                     number=disc.number, profile=order.profile.name,
                     certificate=str(disc.certificate or ""))
        size = f"{disc.bytes / 1e6:,.1f} MB"
        content = (f"{count(disc.instances, 'instance')} of "
                   f"{count(disc.studies, 'study', 'studies')}")
        if dry_run:
            session.say(f"would make {disc.path}: {content}, {disc.bytes:,} bytes ({size})")
            continue
        kept = len(disc.verdict.results) - len(disc.verdict.failed) if disc.verdict else 0
        session.say(f"{disc.path}: {content}, {size}, {order.profile.name}, "
                    f"read back: {kept} rules kept")
        session.say(f"  disc {disc.number}, certificate {disc.certificate}")
    if done.transcoded or done.excluded:
        session.say(f"{count(done.transcoded, 'instance')} transcoded, "
                    f"{done.excluded} not on the disc")
