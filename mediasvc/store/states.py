"""Which state may follow which. A change that is not listed here is refused (invariant 16)."""

from __future__ import annotations

from mediasvc.errors import StateError

#: receiving: the line runs or will run · waiting: a person must decide · done: all of it is filed
#: failed: nothing of it was filed, retry is possible · duplicate: an earlier package has the same
#: content · discarded: a person gave it up, or took the import back.
PACKAGE = {
    "receiving": ("waiting", "done", "failed", "duplicate", "discarded"),
    "waiting": ("receiving", "done", "failed", "discarded"),
    "done": ("receiving", "waiting", "discarded"),
    "failed": ("receiving", "discarded"),
    "duplicate": ("discarded",),
    "discarded": ("receiving",),
}

#: pending: the line has not come to it · archived: an instance row points at it · duplicate: the
#: same content is here already · quarantined: may not enter, its bytes are kept · held: a person
#: must decide · rejected: a person or the group's decision refused it.
#: ``""`` is what is only listed (not an instance) and has no edges.
ITEM = {
    "pending": ("archived", "duplicate", "quarantined", "held", "rejected"),
    "held": ("pending", "archived", "duplicate", "quarantined", "rejected"),
    "archived": ("pending", "held", "rejected"),  # undo
    "duplicate": ("pending", "held", "rejected"),  # the earlier one was taken back
    "quarantined": ("pending", "held", "rejected"),
    "rejected": ("pending", "held"),
}

#: waiting: no decision · decided: to be filed · filed: its instances are in the index · rejected.
GROUP = {
    "waiting": ("decided", "rejected"),
    "decided": ("waiting", "filed", "rejected"),
    "filed": ("waiting", "decided"),  # undo; more of the same disc came late
    "rejected": ("waiting", "decided"),
}

#: planned: rows are reserved · built: the image is written · verified: re-read by an independent
#: reader · released: renamed into the outbox, never changed again.
DISC = {
    "planned": ("built", "failed"),
    "built": ("verified", "failed"),
    "verified": ("released", "failed"),
    "released": (),
    "failed": (),
}

#: A disc on its way onto a medium. planned: the order is written down · built: the writer says it
#: is done · verified: the medium was read again and is the image · released: it may be handed out.
BURN = DISC

Machine = dict[str, tuple[str, ...]]


def require_edge(machine: Machine, subject: str, old: str, new: str) -> None:
    """Raise StateError unless ``old`` may become ``new``."""
    if new not in machine.get(old, ()):
        raise StateError(f"{subject} is {old or 'not an instance'} and cannot become {new}.")


def may_become(machine: Machine, new: str) -> tuple[str, ...]:
    """The states from which ``new`` is reached."""
    return tuple(old for old, following in machine.items() if new in following)
