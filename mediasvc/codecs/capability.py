"""What we can do: transfer syntax × (decode, encode lossless, encode lossy) × kinds of pixels.

One table for `doctor`, the README and the tests. A cell lists the kinds that are tested, or has the
reason why there are none; whatever is in no list is refused by that name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mediasvc.codecs.codec import Codec, Encoder, Takes, general_refusal
from mediasvc.codecs.table import codec, missing
from mediasvc.model import FrameSpec
from mediasvc.standard.photometric import GREY, MONOCHROME
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES, TransferSyntax


@dataclass(frozen=True, slots=True)
class Cell:
    """``by`` are the code bases, ``takes`` the tested kinds; ``reason`` why there are none."""

    by: tuple[str, ...] = ()
    takes: tuple[Takes, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Capability:
    syntax: TransferSyntax
    decode: Cell
    lossless: Cell
    lossy: Cell


def capabilities() -> tuple[Capability, ...]:
    """One row for each transfer syntax of the standard, in its order."""
    return tuple(_capability(row) for row in TRANSFER_SYNTAXES.values())


def _capability(row: TransferSyntax) -> Capability:
    if row.form == "native":
        from mediasvc.codecs.native import TAKES

        ours = Cell(("mediasvc",), TAKES)
        return Capability(row, ours, ours if row.alias else Cell(reason="never written"),
                          Cell(reason=_EXACT))
    if missing(row.uid):
        cell = Cell(reason=missing(row.uid))
        return Capability(row, cell, cell, cell)
    found = codec(row.uid)
    bases = tuple(decoder.code_base + (" (in part)" if decoder.knows else "")
                  for decoder in (found.first, found.second) if decoder)
    return Capability(row, Cell(bases, found.reads),
                      _encode(found, found.lossless, _LOSSY if found.lossy else _EXACT),
                      _encode(found, found.lossy, _EXACT if found.lossless else ""))


_EXACT, _LOSSY = "it keeps every value", "only with loss"


def _encode(found: Codec, encoder: Encoder | None, reason: str) -> Cell:
    if encoder is None:
        return Cell(reason=found.unwritten or reason)
    return Cell((encoder.code_base,), encoder.takes)


def kinds(takes: tuple[Takes, ...]) -> str:
    """``grey or palette 1–16 bits in 8/16, signed too; RGB 1–8 in 8``."""
    return "; ".join(map(_kind, takes))


def _kind(row: Takes) -> str:
    few, most = row.stored.start, min(row.stored.stop - 1, max(row.allocated))
    bits = f"{few}–{most}" if few < most else str(few)
    if row.allocated == (1,):
        return "grey of one bit"
    name = {MONOCHROME: "grey", GREY: "grey or palette"}.get(row.photometric) or "/".join(
        sorted(row.photometric))
    sign = ", signed too" if row.signed else ""
    return f"{name} {bits} bits in {'/'.join(map(str, row.allocated))}{sign}"


HEAD = ("transfer syntax", "word", "decoded by", "lossless by", "lossy by", "pixels or reason")


def words(row: Capability) -> tuple[str, ...]:
    """A row of text under `HEAD`."""
    cells = (row.decode, row.lossless, row.lossy)
    takes = next((cell.takes for cell in cells[1:] if cell.takes), row.decode.takes)
    only_read = [kind for kind in row.decode.takes if kind not in takes]
    reasons = [f"only decoded: {kinds(tuple(only_read))}"] if only_read else []
    reasons += [row.decode.reason or row.lossless.reason] if not any(
        cell.takes for cell in cells[1:]) else []
    return (row.syntax.name, row.syntax.alias, *(", ".join(cell.by) for cell in cells),
            "; ".join([*filter(None, [kinds(takes)]), *reasons]))


def record(row: Capability) -> dict[str, Any]:
    """The row as JSON."""
    return {"uid": row.syntax.uid, "name": row.syntax.name, "alias": row.syntax.alias} | {
        name: {"by": list(cell.by), "reason": cell.reason, "pixels": [
            {"samples": takes.samples, "bits_allocated": list(takes.allocated),
             "bits_stored": [takes.stored.start, takes.stored.stop - 1], "signed": takes.signed,
             "photometric": sorted(takes.photometric)} for takes in cell.takes]}
        for name, cell in (("decode", row.decode), ("lossless", row.lossless),
                           ("lossy", row.lossy))}


#: Pixels that no codec of ours touches, one of each kind; the reason is what refuses them.
_NEVER = (
    FrameSpec(16, 16, 1, 64, 64, 63, 0, "MONOCHROME2"),
    FrameSpec(16, 16, 1, 16, 12, 15, 0, "MONOCHROME2"),
    FrameSpec(16, 16, 4, 8, 8, 7, 0, "CMYK"),
    FrameSpec(16, 16, 3, 8, 8, 7, 0, "MONOCHROME2"),
)


def never() -> Iterator[str]:
    """What is refused in every transfer syntax, in the words of the refusal."""
    return map(general_refusal, _NEVER)


def markdown() -> str:
    """The table of the README: syntaxes that we can do something with, then the others' reasons."""
    rows = [words(row) for row in capabilities() if row.decode.by]
    others: dict[str, list[str]] = {}
    for row in capabilities():
        if not row.decode.by:
            others.setdefault(row.decode.reason, []).append(row.syntax.name)
    lines = [f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    lines += ["", f"Refused in every one of them: {'; '.join(never())}.", "",
              "Pixels of one bit are decoded where the table says so, stay as they are between the "
              "native syntaxes, and are refused everywhere else.", "", "Not at all:", ""]
    lines += [f"- {reason}: {', '.join(names)}" for reason, names in others.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown())
