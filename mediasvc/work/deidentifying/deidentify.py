"""The child's side of de-identification: one file in, one without its patient out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from mediasvc.dicom.deidentify import Deidentified, deidentify
from mediasvc.dicom.deidentify_blank import blanked, rule_for
from mediasvc.dicom.deidentify_keys import Keys
from mediasvc.dicom.framing import read_framing
from mediasvc.dicom.header import read_header
from mediasvc.dicom.pieces import assemble
from mediasvc.direct_write import write_new
from mediasvc.errors import ProofError
from mediasvc.span import Span
from mediasvc.standard.deidentification import Policy
from mediasvc.standard.deidentification_blanking import BlankingRule
from mediasvc.standard.encodings import EXPLICIT_VR_LITTLE_ENDIAN
from mediasvc.work.transcode import DEFAULT
from mediasvc.work.transcoding.transcode_file import transcode_file
from mediasvc.work.turns.batches import Item, each


def deidentify_items(items: list[Item]) -> list[Any]:
    """For each ``{"span", "privacy", "out"}`` (``privacy`` of `Privacy.as_json`): headers before
    and after, findings and days of the file written at ``out``; see `deidentify_span`."""
    return each(_item, items)


def _item(item: Item) -> dict[str, Any]:
    source = Span.from_json(item["span"])
    row = deidentify_span(source, Path(item["out"]), item["privacy"])
    with source.view() as view:
        row["before"] = read_header(read_framing(view)).as_json()
    with Span.from_json(row["span"]).view() as view:
        framing = read_framing(view)
        if framing.damaged:
            raise ProofError("the de-identified instance is not right")
        row["header"] = read_header(framing).as_json()
    return row


def deidentify_span(source: Span, target: Path, privacy: dict[str, Any]) -> dict[str, Any]:
    """Write ``target``: span, findings, days. Raises UnsupportedError for what cannot be
    de-identified; then nothing is there."""
    policy = Policy(frozenset(privacy["options"]))
    rules = [BlankingRule.from_json(row) for row in privacy["rules"]]
    plain = target.with_name(target.name + ".plain")
    try:
        with source.view() as view:
            rule = _rule(view, rules)
        if rule is not None and _must_decode(source):
            transcode_file(source.as_json(), str(plain), EXPLICIT_VR_LITTLE_ENDIAN,
                           DEFAULT.as_json())
            source = Span.of_file(plain)
        with source.view() as view:
            return _written(view, target, policy, privacy, rule)
    finally:
        plain.unlink(missing_ok=True)


def _written(view: memoryview, target: Path, policy: Policy, privacy: dict[str, Any],
             rule: BlankingRule | None) -> dict[str, Any]:
    framing = read_framing(view)
    pixels = blanked(framing, rule) if rule is not None else None
    done = deidentify(view, policy, Keys(bytes.fromhex(privacy["secret"])),
                      subject=privacy["subject"], also=privacy["also"], pixels=pixels,
                      framing=framing)
    _, length = write_new(target, assemble(view, done.pieces))
    return _row(done, Span(str(target), 0, length))


def _row(done: Deidentified, span: Span) -> dict[str, Any]:
    return {"span": span.as_json(), "days": done.days,
            "findings": [asdict(finding) for finding in done.findings]}


def _rule(view: memoryview, rules: list[BlankingRule]) -> BlankingRule | None:
    framing = read_framing(view)
    if not rules or framing.damaged or framing.pixel is None:
        return None
    return rule_for(framing, rules)


def _must_decode(source: Span) -> bool:
    with source.view() as view:
        framing = read_framing(view)
        return bool(framing.pixel and (framing.pixel.encapsulated or framing.big_endian))


