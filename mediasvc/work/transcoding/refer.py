"""References of a lossy copy kept within the copy: the parent's side.

What was not copied because it has no pixels (KO, PR, SR, …) is copied when it names an image that
was, or names something that does; it is an instance of its own then, with a UID of its own. Copied
images that name others, their localizer for instance, name the copies.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediasvc.sandbox import Sandbox
from mediasvc.span import Span

_MODULE = "mediasvc.work.transcoding.references"


@dataclass(frozen=True, slots=True)
class Candidate:
    """``source`` is read, ``out`` written. ``image``: it is a copy already and keeps its UID."""

    path: Path
    source: Path
    out: Path
    image: bool


@dataclass(frozen=True, slots=True)
class Renamed:
    """``value`` is what `references.rename` answered; empty when nothing had to change, and then
    ``problem`` may say what went wrong."""

    candidate: Candidate
    value: dict[str, Any]
    problem: str = ""


def refer_to_copies(sandbox: Sandbox, candidates: Iterable[Candidate], copies: dict[str, str],
                    folder: Path) -> Iterator[Renamed]:
    """``copies``: original's SOP Instance UID → copy's. One answer for each candidate."""
    named: dict[Candidate, dict[str, Any]] = {}
    for candidate, answer in _asked(sandbox, "names", candidates):
        if answer.error:
            yield Renamed(candidate, {})
        else:
            named[candidate] = answer.value
    mapping = copies | _new_uids(named, copies)
    table = folder / f".{uuid.uuid4().hex}.part"
    try:
        table.write_text(json.dumps(mapping), "ascii")
        wanted = [one for one, value in named.items() if mapping.keys() & value["names"]]
        yield from (Renamed(one, {}) for one in named.keys() - set(wanted))
        yield from _renamed(sandbox, wanted, table)
    finally:
        table.unlink(missing_ok=True)


def _renamed(sandbox: Sandbox, wanted: list[Candidate], table: Path) -> Iterator[Renamed]:
    temps = {one: one.out.with_name(f".{uuid.uuid4().hex}.part") for one in wanted}
    try:
        for candidate, answer in _asked(sandbox, "rename", wanted, temps, mapping=str(table)):
            if answer.error:
                yield Renamed(candidate, {}, answer.text)
                continue
            temps[candidate].replace(candidate.out)
            yield Renamed(candidate, answer.value)
    finally:
        for temp in temps.values():
            temp.unlink(missing_ok=True)


def _asked(sandbox: Sandbox, function: str, candidates: Iterable[Candidate],
           temps: dict[Candidate, Path] | None = None, **common: Any) -> Iterator[tuple[Any, Any]]:
    def requests() -> Iterator[tuple[Candidate, dict[str, Any]]]:
        for one in candidates:
            one.out.parent.mkdir(parents=True, exist_ok=True)
            out = {"out": str(temps[one])} if temps else {}
            yield one, {"span": Span.of_file(one.source).as_json(), **out, **common}

    for answer in sandbox.map(f"{_MODULE}:{function}", requests()):
        yield answer.key, answer


def _new_uids(named: dict[Candidate, dict[str, Any]], copies: dict[str, str]) -> dict[str, str]:
    """For all that names a copied image or something of these; the same copies give the same."""
    told = hashlib.sha256(json.dumps(sorted(copies.items())).encode()).hexdigest()
    others = {value["uid"]: set(value["names"]) for one, value in named.items() if not one.image}
    known, new = set(copies), set[str]()
    while more := {uid for uid, names in others.items() if uid not in new and names & known}:
        new |= more
        known |= more
    return {uid: f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, uid + told).int}" for uid in new}
