"""The ledger: packages, items, groups, findings and the event chain, as functions on a connection.

The present state stands in one table each, what happened in the chain; both are written in the
same transaction, and only along the edges of `mediasvc.store.states`.
"""

from __future__ import annotations

from mediasvc.store.events import (
    Chain,
    Event,
    events,
    head,
    last_event,
    now,
    record,
    record_many,
    verify_chain,
)
from mediasvc.store.findings import add_findings, drop_findings, finding_counts, findings
from mediasvc.store.groups import (
    PatientGroup,
    change_group,
    decide,
    drop_groups,
    filed_alike,
    group,
    groups,
    propose,
    put_groups,
)
from mediasvc.store.items import (
    Counts,
    Item,
    Settled,
    came_since,
    counts,
    discarded_with_open,
    drop_items,
    has_open,
    hold_back,
    item,
    items,
    last_number,
    name_items,
    put_items,
    role_counts,
    settle,
    settle_all,
    settle_groups,
    twins,
    unsettled,
)
from mediasvc.store.packages import (
    Package,
    change_state,
    check_fence,
    claim,
    describe,
    live_with_digest,
    package,
    packages,
    set_digest,
    submit,
)

__all__ = [
    "Chain", "Counts", "Event", "Item", "Package", "PatientGroup", "Settled", "add_findings",
    "came_since", "change_group", "change_state", "check_fence", "claim", "counts", "decide",
    "describe", "discarded_with_open", "drop_findings", "drop_groups", "drop_items", "events",
    "filed_alike", "finding_counts", "findings", "group", "groups", "has_open", "head", "hold_back",
    "item", "items", "last_event", "last_number", "live_with_digest", "name_items", "now",
    "package", "packages", "propose", "put_groups", "put_items", "record", "record_many",
    "role_counts", "set_digest", "settle", "settle_all", "settle_groups", "submit", "twins",
    "unsettled", "verify_chain",
]
