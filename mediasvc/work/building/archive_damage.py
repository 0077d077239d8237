"""What of the archive is to blame when a disc does not become what it should (FAULTS E05).

What goes as it is, is hashed once, on the finished disc. Only when an export fails are the files of
the archive themselves read for it: then each damaged one is named, and left out if that was
allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mediasvc.errors import PUT_BACK, DamagedError, MediasvcError, ProofError
from mediasvc.media.page.words import count
from mediasvc.model import Finding
from mediasvc.span import Span
from mediasvc.work.desk import Desk
from mediasvc.work.planning.export_conform import Report
from mediasvc.work.planning.export_order import ExportOrder
from mediasvc.work.planning.export_select import select

if TYPE_CHECKING:
    from mediasvc.work.export import Exported

Tell = Callable[[Finding], None]
Line = Callable[[Desk, ExportOrder, Tell, Report], "Exported"]
#: How a line ends when its bytes are wrong: exactly so. Other errors are of the order or of the
#: machine, and an `UnfitError` says that all bytes are right.
OF_BYTES = (MediasvcError, DamagedError, ProofError)
WITHOUT = "Or export without it by --allow-incomplete."


def without_damage(desk: Desk, order: ExportOrder, tell: Tell, report: Report,
                   line: Line) -> Exported:
    """``line``; when it fails, a finding for each instance of the order that is damaged. An order
    that may be incomplete is done again without these.

    Raises DamagedError when there are such instances and they may not be left out; otherwise what
    ``line`` raises.
    """
    once = _once(tell)
    try:
        return line(desk, order, once, report)
    except MediasvcError as error:
        if type(error) not in OF_BYTES:
            raise
        damaged = damaged_instances(desk, order, report)
        if not damaged:
            raise
        if not order.incomplete:
            for uid, words in damaged.items():
                tell(Finding("error", "damaged-in-archive", uid, words, "E05"))
            raise DamagedError(f"{count(len(damaged), 'instance')} of this order cannot be "
                               "exported, and nothing was: the findings above name them.",
                               f"{PUT_BACK} {WITHOUT}") from error
    return line(desk, replace(order, without=damaged), once, report)


def damaged_instances(desk: Desk, order: ExportOrder, report: Report) -> dict[str, str]:
    """SOP Instance UID → what is wrong with its file, of all in the order whose bytes are not those
    that were filed."""
    rows = select(desk, order)
    found = {}
    for done, row in enumerate(rows, 1):
        report(done, len(rows), "reading the archive for damage")
        path = desk.objects.path(row.instance.object_sha256)
        name = path.relative_to(desk.home.root)
        try:
            whole = Span.of_file(path).sha256() == row.instance.object_sha256
        except FileNotFoundError:
            found[row.instance.sop_instance_uid] = f"its file is missing from the archive: {name}"
        except (OSError, DamagedError):
            found[row.instance.sop_instance_uid] = f"its file cannot be read: {name}"
        else:
            if not whole:
                found[row.instance.sop_instance_uid] = (
                    f"its file is damaged, it is not what was filed: {name}")
    return found


def _once(tell: Tell) -> Tell:
    """A line that is done again finds the same again."""
    told: set[Finding] = set()

    def tell_new(finding: Finding) -> None:
        if finding not in told:
            told.add(finding)
            tell(finding)

    return tell_new
