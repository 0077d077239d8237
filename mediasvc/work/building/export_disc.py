"""One disc of an export: planned, built under a temporary name, judged by readers that share
nothing with the writers, and published (DESIGN §3)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mediasvc import __version__
from mediasvc.errors import BudgetError, ProofError, UnfitError
from mediasvc.media.checking.verdict import Verdict
from mediasvc.media.disc.disc_plan import DiscPlan, plan_discs
from mediasvc.media.iso.arrival import Arrival
from mediasvc.media.page.page_content import DiscFacts
from mediasvc.media.page.words import count
from mediasvc.model import Finding
from mediasvc.store import discs
from mediasvc.store.discs import Disc
from mediasvc.work.building.certificate import as_json, as_page, certificate
from mediasvc.work.building.certificate_kept import (
    desk_signer,
    disc_signer,
    keep_certificate,
    private_note,
)
from mediasvc.work.building.disc_build import Built, FileSetName, build_disc, name_file_set
from mediasvc.work.building.disc_content import PAGES_ONLY, Wanted
from mediasvc.work.building.site_viewer import site_bytes, site_viewer
from mediasvc.work.checking.judging import Judging
from mediasvc.work.desk import Desk
from mediasvc.work.handing_out import release
from mediasvc.work.planning.export_conform import Conformed, Report
from mediasvc.work.planning.export_order import ExportOrder
from mediasvc.work.planning.one_pass import OnePass

Tell = Callable[[Finding], None]
#: Rules that a file of the archive breaks on the disc when its bytes are not those that were filed.
OF_FILES = {"M00", "N7"}


@dataclass(frozen=True, slots=True)
class DiscDone:
    """One disc; of a dry run with an upper limit of ``bytes``, and without what comes later."""

    path: Path
    instances: int
    studies: int
    bytes: int
    sha256: str = ""
    file_set_id: str = ""
    verdict: Verdict | None = None
    certificate: Path | None = None
    number: int = 0
    """Of its row in the ledger, by which it is burnt and labelled."""


@dataclass(slots=True)
class Draft:
    """A disc between plan and release."""

    row: Disc
    facts: DiscFacts
    file_set: FileSetName
    plan: DiscPlan
    built: Built | None = None
    judging: Judging | None = None
    verdict: Verdict | None = field(default=None)


def plans_of(order: ExportOrder, conformed: Conformed) -> list[DiscPlan]:
    """Raises BudgetError when an instance is larger than a disc, or splitting was not allowed."""
    udf = order.container == "iso" and order.profile.medium.udf
    room = order.room
    if room is not None and order.site_viewer:
        room -= site_bytes(site_viewer(order.site_viewer), udf)
    plans = plan_discs(conformed.instances, room, with_udf=udf)
    if len(plans) > 1 and not order.splitting:
        raise BudgetError(f"It would take {len(plans)} discs, and --no-split was said.",
                          "Choose a larger disc with --disc, or --compress.")
    return plans


def _studies(plan: DiscPlan) -> int:
    return len({instance.header.study_instance_uid for instance in plan.instances})


def begin(desk: Desk, order: ExportOrder, conformed: Conformed, plan: DiscPlan, number: int,
           of: int) -> Draft:
    path = order.path(number, of)
    release.require_free(path, order.replace)
    release.require_room(path, plan.bytes)
    file_set, facts = describe(desk, order, conformed, plan, number, of)
    row = release.reserve(desk, path.absolute(), profile=order.profile.name,
                          file_set_id=file_set.id, by=order.by, recipient=order.recipient,
                          part=facts.part, whose=conformed.whose)
    return Draft(row, facts, file_set, plan)


def describe(desk: Desk, order: ExportOrder, conformed: Conformed, plan: DiscPlan, number: int,
             of: int) -> tuple[FileSetName, DiscFacts]:
    """What disc ``number`` of an order is called and says of itself. Only names and dates in it
    depend on the moment, no length does."""
    moment = datetime.now(UTC).replace(microsecond=0)
    file_set = name_file_set(plan.instances,
                             f"{order.profile.name} {order.container} {number}/{of} {moment}")
    site = order.privacy.site(desk.settings.site) if order.privacy else desk.settings.site
    return file_set, DiscFacts(
        institution=site.institution, contact=site.contact, recipient=order.recipient,
        creator=f"{desk.settings.export.creator_name} {__version__}",
        file_set_id=file_set.id, profile=order.profile.name, created=moment,
        part=f"{number} of {of}" if of > 1 else "", remarks=_remarks(conformed),
        excluded=tuple(conformed.excluded))


def _remarks(conformed: Conformed) -> tuple[str, ...]:
    """What a reader of the disc must know of it."""
    remarks = []
    if conformed.excluded:
        remarks.append(f"{count(len(conformed.excluded), 'object')} of these studies could not be "
                       "put on this disc. Ask the institution for them.")
    if conformed.copies:
        remarks.append(f"{count(len(conformed.copies), 'image')} of these studies are copies that "
                       "were compressed with loss. Ask the institution for the originals.")
    return tuple(remarks)


def wanted_of(order: ExportOrder, plan: DiscPlan) -> Wanted:
    """What is made for people; the same for a disc and for its rehearsal."""
    site = site_viewer(order.site_viewer) if order.site_viewer else ()
    if order.viewer == "none":
        return replace(PAGES_ONLY, site_viewer=site, icons=order.icon_side)
    udf = order.container == "iso" and order.profile.medium.udf
    taken = plan.bytes + site_bytes(site, udf)
    return Wanted(least_factor=2 if order.viewer == "reduced" else 1, udf=udf, site_viewer=site,
                  videos=order.videos, icons=order.icon_side,
                  room=None if order.room is None else order.room - taken)


def build(desk: Desk, order: ExportOrder, draft: Draft, scratch: Path, tell: Tell,
           report: Report, growing: OnePass) -> None:
    scratch.mkdir()
    target = release.temporary(draft.row)
    if order.container == "folder":
        target.mkdir(mode=0o755)
    draft.judging = _judging(desk, order, target)
    draft.built = build_disc(
        desk.sandbox, draft.plan.instances, order.profile, draft.file_set, draft.facts,
        target=target, container=order.container, scratch=scratch, report=report,
        wanted=wanted_of(order, draft.plan), seal=order.seal,
        signer=disc_signer(desk, order), growing=growing, spent=scratch.parent,
        arrival=draft.judging.arrival)
    draft.judging.arrival.finish(draft.built.sha256)
    for finding in draft.built.findings:
        tell(replace(finding, subject=finding.subject or Path(draft.row.path).name))
    with desk.store.transaction() as connection:
        draft.row = discs.change_disc(connection, draft.row.id, expect="planned", to="built")
        discs.put_disc_instances(connection, draft.row.id, (
            ("/".join(file_id), instance.header.sop_instance_uid, instance.sha256)
            for file_id, instance in draft.built.layout.placed()))


def _judging(desk: Desk, order: ExportOrder, target: Path) -> Judging:
    """By readers that share nothing with the writers."""
    signer = disc_signer(desk, order)

    def judge(arrival: Arrival, report: Report) -> Verdict:
        return check_disc(target, desk.sandbox, desk.settings.limits,
                          profile=order.profile.name, report=report,
                          site_profiles=desk.home.profiles,
                          password=order.seal.opening if order.seal else None,
                          signer=signer.public if signer else b"", arrival=arrival)

    return Judging(judge)


def verify(desk: Desk, order: ExportOrder, draft: Draft, tell: Tell, report: Report) -> None:
    """Nothing is released without a verdict. Raises UnfitError when every file is what the list of
    hashes says, so that no file of the archive is to blame, otherwise ProofError."""
    assert draft.judging
    draft.verdict = verdict = draft.judging.verdict(report)
    for result in verdict.failed:
        if result.rule.level == "must" or result.rule.id != "E03" or not order.several_patients:
            tell(Finding("error" if result.rule.level == "must" else "info", "disc-rule-broken",
                         result.findings[0].subject, result.reason, result.rule.id))
    too_large = order.capacity is not None and verdict.bytes > order.capacity
    if not verdict.passed or verdict.instances != len(draft.plan.instances) or too_large:
        kept = {result.rule.id for result in verdict.results if result.passed}
        kind = UnfitError if kept >= OF_FILES else ProofError
        raise kind("The finished disc did not pass its check and was thrown away.",
                   "The findings above name the rules.")
    with desk.store.transaction() as connection:
        draft.row = discs.change_disc(
            connection, draft.row.id, expect="built", to="verified", sha256=verdict.sha256,
            bytes=verdict.bytes, certificate=str(release.certificates(Path(draft.row.path))[0]))


def hand_out(desk: Desk, order: ExportOrder, draft: Draft, conformed: Conformed) -> DiscDone:
    assert draft.built and draft.verdict
    row = certificate(draft.facts, draft.file_set.uid, draft.verdict, conformed.excluded)
    signer, readable = desk_signer(desk), as_page(row, len(draft.plan.instances))
    with as_json(row, draft.built.layout, desk.home.staging) as data:
        release.publish(draft.row, data, readable, order.replace, signer)
        keep_certificate(desk, draft.file_set.id, data, signer)
        sha256 = hashlib.sha256(data).hexdigest()
    with desk.store.transaction() as connection:
        draft.row = discs.change_disc(
            connection, draft.row.id, expect="verified", to="released",
            note={"certificate_sha256": sha256, **private_note(order),
                  **_folder_note(order, Path(draft.row.path))})
    return DiscDone(Path(draft.row.path), len(draft.plan.instances), _studies(draft.plan),
                    draft.row.bytes, draft.row.sha256, draft.file_set.id, draft.verdict,
                    Path(draft.row.certificate), draft.row.id)


def _folder_note(order: ExportOrder, folder: Path) -> dict[str, str]:
    """What `burn --usb` knows an encrypted folder by."""
    if order.seal is None or not folder.is_dir():
        return {}
    from mediasvc.work.handing_out.folder_sum import NOTED, file_sums, folder_sum

    return {NOTED: folder_sum(file_sums(folder))}


def check_disc(path: Path, *arguments: Any, **more: Any) -> Verdict:
    """`check_disc.check_disc`, whose readers are loaded while the small files are made."""
    from mediasvc.work import check_disc as judge

    return judge.check_disc(path, *arguments, **more)


def give_up(desk: Desk, drafts: Sequence[Draft]) -> None:
    for draft in drafts:
        if draft.judging is not None:
            draft.judging.give_up()
        if draft.row.state != "released":
            release.give_up(desk, draft.row)
