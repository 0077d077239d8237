"""A worklist is loaded: each item is somebody who will bring a disc."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from mediasvc.errors import DamagedError, SettingsError
from mediasvc.identity.hl7 import RefusedError
from mediasvc.identity.worklist import WorklistItem, looks_like_item, read_item, read_list
from mediasvc.model import Finding
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Settings
from mediasvc.span import Span
from mediasvc.store import expected, ledger
from mediasvc.store.db import Connection, Store
from mediasvc.store.expected import Procedure
from mediasvc.work.index.expect import procedure_code
from mediasvc.work.index.orders import Done, Registered, register
from mediasvc.work.turns.batches import Item, each, run_batches

BATCH = 64


@dataclass(frozen=True, slots=True)
class LoadedWorklist:
    """``counts`` by what was done, and ``refused``; ``findings`` name every item that was not."""

    items: int
    counts: Counter[str]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """For all items that do not say it themselves."""

    by: str
    source: str = ""
    until: str = ""


def load_worklist(store: Store, settings: Settings, sandbox: Sandbox, path: Path, terms: Terms,
                  ) -> LoadedWorklist:
    """Register every item of a CSV list, a DICOM file, or a folder of those; the same again changes
    nothing. Raises SettingsError or DamagedError when ``path`` as a whole cannot be read."""
    counts: Counter[str] = Counter()
    findings: list[Finding] = []
    read = list(_read(settings, sandbox, path, findings))
    counts["refused"] = len(findings)
    with store.transaction() as connection:
        for subject, item in read:
            try:
                if item.troubles:
                    raise RefusedError("worklist-item", "; ".join(item.troubles))
                counts[_register(connection, settings, item, terms)] += 1
            except RefusedError as error:
                counts["refused"] += 1
                findings.append(Finding("error", error.code, subject, error.text, "expect load"))
        digest = Span.of_file(path).sha256() if path.is_file() else "folder"
        ledger.record(connection, "service", digest, "worklist-loaded", by=terms.by,
                      data=dict(counts))
    return LoadedWorklist(sum(counts.values()), counts, tuple(findings))


def read_items(items: list[Item], home: str) -> list[Any]:
    """The child's side: for each ``{"span"}`` a worklist item."""
    return each(lambda item: _read_span(Span.from_json(item["span"]), home), items)


def _read_span(span: Span, home: str) -> dict[str, Any]:
    with span.view() as view:
        return read_item(view, home).as_json()


def _read(settings: Settings, sandbox: Sandbox, path: Path, findings: list[Finding],
          ) -> Iterator[tuple[str, WorklistItem]]:
    home = settings.site.issuer
    if path.is_file() and not _is_item(path):
        yield from read_list(path, home)
        return
    files = [path] if path.is_file() else [one for one in sorted(path.rglob("*")) if
                                           one.is_file() and not one.is_symlink()
                                           and _is_item(one)]
    if not files:
        raise SettingsError("There is no worklist item in that folder.")
    requests = ({"label": file.name, "span": Span.of_file(file).as_json()} for file in files)
    for item, answer in run_batches(sandbox, "mediasvc.work.index.worklist:read_items", requests,
                                    BATCH, home=home):
        if answer.error:
            findings.append(Finding("error", "unreadable", str(item["label"]),
                                    f"This file {answer.text}.", "expect load"))
        else:
            yield str(item["label"]), WorklistItem.from_json(answer.value)


def _is_item(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return looks_like_item(file.read(132))
    except OSError as error:
        raise DamagedError("The worklist cannot be opened.") from error


def _register(connection: Connection, settings: Settings, item: WorklistItem, terms: Terms,
              ) -> Done:
    known = expected.by_order(connection, item.order_key)
    at = ledger.now()
    if item.ended:
        if known is None or not known.is_open:
            return "ignored"
        expected.end_order(connection, known.id, at, terms.by)
        return "ended"
    wanted = Registered(item.order_key, at, Procedure(
        item.accession_number, item.procedure_id, item.description, item.step_id,
        *procedure_code(item.code)), item.source or terms.source,
        item.until or terms.until or _until(item.planned, settings.hl7.order_days), terms.by)
    if known is not None and not (item.until or terms.until or item.planned):
        wanted = replace(wanted, until=known.valid_until)
    return register(connection, item.key, item.demographics, (), wanted)


def _until(planned: str, days: int) -> str:
    day = date.fromisoformat(planned) if planned else date.today()
    try:
        return (day + timedelta(days)).isoformat()
    except OverflowError:
        return ""
