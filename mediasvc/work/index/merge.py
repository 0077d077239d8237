"""Two identifiers are one person, or are not: aliases that move no image and can be ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mediasvc.errors import StateError
from mediasvc.model import PatientKey
from mediasvc.store import ledger, merges
from mediasvc.store.merges import Merge

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

#: ``waiting``: recorded, the survivor is not in the index yet · ``known``: it was so already ·
#: ``stale``: something newer was said of the two.
Done = Literal["merged", "waiting", "ended", "known", "stale"]


class MergeHeldError(StateError):
    """The merge contradicts an earlier one; a person must see to it. Nothing was changed."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def merge(connection: Connection, prior: PatientKey, survivor: PatientKey, *, at: str,
          by: str) -> Done:
    """From now on ``prior`` means ``survivor``; what is filed under either is shown as one.

    ``at`` is when it was said: older than the newest end of the same merge, it is stale. Raises
    MergeHeldError for a circle and for a prior identifier that is somebody else's already.
    """
    if prior == survivor:
        raise MergeHeldError("merge-self", "The identifier would be merged into itself.")
    rows = merges.merges_between(connection, prior, survivor)
    if any(row.ended_at > at for row in rows):
        return "stale"
    lasting = next((row for row in rows if not row.ended_at and row.prior == prior), None)
    if lasting:
        merges.confirm_merge(connection, lasting.id, at)
        return "known"
    above, beyond = merges.ways_up(connection, [prior, survivor])
    if prior in beyond:
        raise MergeHeldError("merge-cycle", "The survivor is merged into the prior identifier "
                             "already; the two may be exchanged.")
    if len(above) > 1:
        if above[-1] == beyond[-1]:
            return "known"
        raise MergeHeldError("merge-elsewhere", "The prior identifier is merged into somebody "
                             "else already.")
    merges.add_merge(connection, prior, survivor, merged_at=at, merged_by=by)
    return "merged" if merges.rows_of(connection, beyond) else "waiting"


def unmerge(connection: Connection, a: PatientKey, b: PatientKey, *, at: str, by: str) -> Done:
    """The two are not one person; everything is as before the merge.

    An end that comes before its merge is remembered. Raises MergeHeldError when they are one only
    by way of a third identifier.
    """
    rows = merges.merges_between(connection, a, b)
    lasting = next((row for row in rows if not row.ended_at), None)
    if lasting:
        if lasting.merged_at > at:
            return "stale"
        merges.end_merge(connection, lasting.id, at, by)
        return "ended"
    one, other = merges.ways_up(connection, [a, b])
    if one[-1] == other[-1]:
        raise MergeHeldError("unmerge-indirect", "The two are one person by way of another "
                             "identifier; say which of the merges ends.")
    if rows:
        merges.end_merge(connection, rows[-1].id, at, by)
    else:
        merges.add_merge(connection, b, a, ended_at=at, ended_by=by)
    return "known"


def merge_by_hand(connection: Connection, prior: PatientKey, survivor: PatientKey,
                  by: str) -> Done:
    """A person merges, as `merge`; with an event in the ledger."""
    done = merge(connection, prior, survivor, at=ledger.now(), by=by)
    _record(connection, survivor, "merged", done, by)
    return done


def unmerge_by_hand(connection: Connection, prior: PatientKey, by: str) -> Merge:
    """A person ends the lasting merge of ``prior``. Raises StateError when there is none."""
    found = [row for row in merges.history(connection, [prior])
             if row.prior == prior and not row.ended_at]
    if not found:
        raise StateError("This identifier is not merged into another one.")
    merges.end_merge(connection, found[0].id, ledger.now(), by)
    _record(connection, found[0].survivor, "unmerged", "ended", by)
    return found[0]


def _record(connection: Connection, survivor: PatientKey, action: str, done: Done,
            by: str) -> None:
    row = merges.survivor_row(connection, survivor)
    kind, subject = ("patient", row) if row is not None else ("service", "merge")
    ledger.record(connection, kind, subject, action, by=by, data={"done": done})
