"""What an order would become, to the byte, and nothing of it stays (FIELD N9).

A rehearsal does everything that an export does but write, check and publish: what is transcoded is
transcoded, pictures are drawn, DICOMDIR and pages are made. Only so their sizes are known and not
guessed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mediasvc.media.disc.disc_file import DiscFile
from mediasvc.media.disc.disc_plan import DiscPlan
from mediasvc.media.iso.image_size import Counter, folder_bytes, zip_bytes
from mediasvc.media.iso.iso_grow import grown_bytes
from mediasvc.media.page.page_content import DiscFacts
from mediasvc.work.building.archive_damage import without_damage
from mediasvc.work.building.certificate_kept import disc_signer
from mediasvc.work.building.disc_build import FileSetName, prepare_disc, write_mail
from mediasvc.work.building.export_disc import DiscDone, describe, wanted_of
from mediasvc.work.desk import Desk
from mediasvc.work.export import Exported, Tell, tell_of
from mediasvc.work.handing_out import release
from mediasvc.work.planning.export_conform import Conformed, Report, conform
from mediasvc.work.planning.export_order import ExportOrder
from mediasvc.work.planning.export_select import select
from mediasvc.work.planning.one_pass import OnePass


def rehearse(desk: Desk, order: ExportOrder, tell: Tell, report: Report) -> Exported:
    """The discs of ``order`` with their exact sizes. Raises what `export` raises before it writes
    a disc; nothing is left on the disk."""
    return without_damage(desk, order, tell, report, _rehearse)


def _rehearse(desk: Desk, order: ExportOrder, tell: Tell, report: Report) -> Exported:
    from mediasvc.work.planning.exact_plan import exact_plans  # which measures as this does

    with release.workspace(desk) as scratch:
        growing = OnePass(order, scratch, rehearsal=True)
        conformed = conform(desk, order, select(desk, order), scratch, report, growing)
        tell_of(conformed, tell)
        plans = exact_plans(desk, order, conformed, scratch, report)
        first = growing.first if len(plans) == 1 else 0
        done = tuple(_measured(desk, order, conformed, plan, (number, len(plans)), scratch, report,
                               first)
                     for number, plan in enumerate(plans, 1))
    return Exported(done, len(conformed.instances), conformed.transcoded, len(conformed.excluded))


def _measured(desk: Desk, order: ExportOrder, conformed: Conformed, plan: DiscPlan,
              place: tuple[int, int], scratch: Path, report: Report, first: int) -> DiscDone:
    file_set, facts = describe(desk, order, conformed, plan, *place)
    folder = Path(tempfile.mkdtemp(dir=scratch))
    prepared = prepare_disc(desk.sandbox, plan.instances, order.profile, file_set, facts,
                            scratch=folder, report=report, wanted=wanted_of(order, plan),
                            seal=order.seal, signer=disc_signer(desk, order))
    size = (grown_bytes(prepared.files, first=first, with_udf=order.profile.medium.udf) if first
            else image_bytes(order, prepared.files, file_set, facts))
    shutil.rmtree(folder, ignore_errors=True)
    studies = len({instance.header.study_instance_uid for instance in plan.instances})
    return DiscDone(order.path(*place), len(plan.instances), studies, size)


def image_bytes(order: ExportOrder, files: Sequence[DiscFile], file_set: FileSetName,
                facts: DiscFacts) -> int:
    """How long the image, zip or message of these files will be; of a folder all files together."""
    if order.container == "folder":
        return folder_bytes(files)
    if order.container == "iso":
        from mediasvc.media.iso.iso_write import iso_bytes
        return iso_bytes(files, with_udf=order.profile.medium.udf)
    if order.container == "mail":
        sink = Counter()
        write_mail(sink, files, order.profile, file_set, facts,  # type: ignore[arg-type]
                   order.seal)
        return sink.length
    if order.seal is not None and order.seal.kind == "zip":
        from mediasvc.media.secure.secure_zip_write import write_secure_zip
        sink = Counter()
        write_secure_zip(sink, files, order.seal.password,  # type: ignore[arg-type]
                         moment=facts.created)
        return sink.length
    return zip_bytes(files, facts.created)
