"""How many discs an order takes where upper limits cannot tell: by making what would stand on them.

`plan_discs` counts pages and pictures before they are drawn, so at the border it plans a disc too
many. Where fewer could be enough, they are drawn and measured to the byte.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from mediasvc.errors import BudgetError
from mediasvc.media.disc.disc_plan import DiscPlan, plan_discs
from mediasvc.work.building.certificate_kept import disc_signer
from mediasvc.work.building.disc_build import prepare_disc
from mediasvc.work.building.export_disc import describe, plans_of, wanted_of
from mediasvc.work.desk import Desk
from mediasvc.work.plan import image_bytes
from mediasvc.work.planning.export_conform import Conformed, Report
from mediasvc.work.planning.export_order import ExportOrder

#: No medium is smaller, and pages of less are not drawn twice.
WORTH_IT = 16 << 20


def exact_plans(desk: Desk, order: ExportOrder, conformed: Conformed, scratch: Path,
                report: Report) -> list[DiscPlan]:
    """`plans_of`, with fewer discs where they are enough. Raises what that raises."""
    plans: list[DiscPlan] = []
    trouble = None
    try:
        plans = plans_of(order, conformed)
    except BudgetError as error:
        trouble = error
    if len(plans) == 1 or order.room is None or order.room < WORTH_IT:
        if trouble is not None:
            raise trouble
        return plans
    fewer = _fewer(order, conformed, len(plans))
    if fewer and all(_fits(desk, order, conformed, plan, (number, len(fewer)), scratch, report)
                     for number, plan in enumerate(fewer, 1)):
        return fewer
    if trouble is not None:
        raise trouble
    return plans


def _fewer(order: ExportOrder, conformed: Conformed, than: int) -> list[DiscPlan]:
    """The discs that it would take if nothing but the instances took room; empty when those are
    not fewer. They leave no room for videos."""
    try:
        plans = plan_discs(conformed.instances, order.room,
                           with_udf=order.container == "iso" and order.profile.medium.udf,
                           least=True)
    except BudgetError:
        return []
    if (than and len(plans) >= than) or (len(plans) > 1 and not order.splitting):
        return []
    for plan in plans:
        plan.bytes = order.room or plan.bytes
    return plans


def _fits(desk: Desk, order: ExportOrder, conformed: Conformed, plan: DiscPlan,
          place: tuple[int, int], scratch: Path, report: Report) -> bool:
    file_set, facts = describe(desk, order, conformed, plan, *place)
    folder = Path(tempfile.mkdtemp(dir=scratch))
    try:
        prepared = prepare_disc(desk.sandbox, plan.instances, order.profile, file_set, facts,
                                scratch=folder, report=report, wanted=wanted_of(order, plan),
                                seal=order.seal, signer=disc_signer(desk, order))
        size = image_bytes(order, prepared.files, file_set, facts)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return order.capacity is None or size <= order.capacity
