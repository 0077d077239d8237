"""A study goes out: the whole line (DESIGN §3).

select → conform → plan → build under a temporary name → verdict by an independent reader → publish.
Until the last step nothing stands where the disc was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mediasvc.errors import StateError
from mediasvc.model import Finding
from mediasvc.work.building.archive_damage import without_damage
from mediasvc.work.desk import Desk
from mediasvc.work.handing_out import release
from mediasvc.work.planning.export_conform import Conformed, Report, conform
from mediasvc.work.planning.export_order import ExportOrder
from mediasvc.work.planning.export_select import fingerprint, fingerprint_now, select
from mediasvc.work.planning.one_pass import one_pass
from mediasvc.work.turns.later import load_later

if TYPE_CHECKING:
    from mediasvc.work.building.export_disc import DiscDone, Draft

Tell = Callable[[Finding], None]


@dataclass(frozen=True, slots=True)
class Exported:
    discs: tuple[DiscDone, ...]
    instances: int
    transcoded: int
    excluded: int


def export(desk: Desk, order: ExportOrder, tell: Tell, report: Report) -> Exported:
    """Make the disc or discs of ``order``; each `Finding` goes to ``tell``.

    Raises NotFoundError, SettingsError, StateError, BudgetError, DamagedError or ProofError; then
    nothing stands at the paths of the order.
    """
    return without_damage(desk, order, tell, report, _export)


def _export(desk: Desk, order: ExportOrder, tell: Tell, report: Report) -> Exported:
    release.require_free(order.to, order.replace)
    order.to.parent.mkdir(parents=True, exist_ok=True)
    with release.workspace(desk) as scratch, one_pass(order, scratch) as growing:
        selected = select(desk, order)
        seen = fingerprint(selected)
        load_later("mediasvc.work.planning.exact_plan")
        conformed = conform(desk, order, selected, scratch, report, growing)
        del selected  # a large order is kept in memory once
        tell_of(conformed, tell)
        from mediasvc.work.building import export_disc as line
        from mediasvc.work.planning.exact_plan import exact_plans

        plans = exact_plans(desk, order, conformed, scratch, report)
        drafts: list[Draft] = []
        try:
            for number, plan in enumerate(plans, 1):
                drafts.append(line.begin(desk, order, conformed, plan, number, len(plans)))
                line.build(desk, order, drafts[-1], scratch / str(number), tell, report, growing)
                line.verify(desk, order, drafts[-1], tell, report)
            if fingerprint_now(desk, order) != seen:
                raise StateError("The patient or the studies changed while the disc was made.",
                                 "Export again.")
            done = tuple(line.hand_out(desk, order, draft, conformed) for draft in drafts)
        except BaseException:
            line.give_up(desk, drafts)
            raise
    if order.privacy and order.privacy.mapping:
        from mediasvc.work.deidentifying.deidentify_order import write_mapping

        write_mapping(desk.home, done[0].file_set_id, conformed.renamed)
    return Exported(done, len(conformed.instances), conformed.transcoded, len(conformed.excluded))


def tell_of(conformed: Conformed, tell: Tell) -> None:
    for finding in conformed.findings:
        tell(finding)
    if not conformed.instances:
        raise StateError("Nothing is left to export: no instance may go on such a disc.")
