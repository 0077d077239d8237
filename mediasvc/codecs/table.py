"""Transfer syntax → codec. A syntax without one has a row with the reason (PS3.5 annex A)."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from mediasvc.codecs.codec import Codec, Encoder
from mediasvc.errors import UnsupportedError
from mediasvc.standard import transfer_syntaxes as ts

#: UID → module and name of its codec, loaded when it is asked for.
_CODECS = {
    ts.ENCAPSULATED_UNCOMPRESSED: ("native", "UNCOMPRESSED"),
    ts.DEFLATED_FRAME: ("native", "DEFLATED"),
    ts.RLE: ("rle", "CODEC"),
    ts.JPEG_BASELINE: ("jpeg", "BASELINE"),
    ts.JPEG_EXTENDED: ("jpeg", "EXTENDED"),
    ts.JPEG_SPECTRAL: ("jpeg", "SPECTRAL"),
    ts.JPEG_PROGRESSIVE: ("jpeg", "PROGRESSIVE"),
    ts.JPEG_LOSSLESS: ("jpeg_lossless", "PROCESS_14"),
    ts.JPEG_LOSSLESS_SV1: ("jpeg_lossless", "SV1"),
    ts.JPEG_LS: ("jpeg_ls", "LOSSLESS"),
    ts.JPEG_LS_NEAR: ("jpeg_ls", "NEAR_LOSSLESS"),
    ts.J2K_LOSSLESS: ("jpeg2000", "LOSSLESS"),
    ts.J2K: ("jpeg2000", "LOSSY"),
    ts.JPEG_XL_LOSSLESS: ("jpeg_xl", "LOSSLESS"),
    ts.JPEG_XL_JPEG: ("jpeg_xl", "RECOMPRESSION"),
    ts.JPEG_XL: ("jpeg_xl", "LOSSY"),
    ts.HTJ2K_LOSSLESS: ("htj2k", "LOSSLESS"),
    ts.HTJ2K_RPCL: ("htj2k", "RPCL"),
    ts.HTJ2K: ("htj2k", "LOSSY"),
}

#: Why a form has no codec here.
_REASONS = {
    "video": "video streams are kept as they are, never decoded",
    "referenced": "its pixels are behind a URL, not in the file",
    "none": "it is never the syntax of a stored image",
}
_UNTESTED = "no tested decoder is at hand"


@cache
def codec(uid: str) -> Codec:
    """The codec of an encapsulated transfer syntax. Raises UnsupportedError with the reason."""
    if uid not in _CODECS:
        raise UnsupportedError(f"{ts.name_of(uid)}: {missing(uid)}")
    module, name = _CODECS[uid]
    found: Codec = getattr(importlib.import_module(f"mediasvc.codecs.{module}"), name)
    return found


def missing(uid: str) -> str:
    """Why there is no codec; empty when there is one or none is needed (native pixel data)."""
    row = ts.TRANSFER_SYNTAXES.get(uid)
    if row is None:
        return "the standard does not know this transfer syntax"
    if uid in _CODECS or row.form == "native":
        return ""
    return _REASONS.get(row.form, _UNTESTED)


def codecs_table() -> list[dict[str, Any]]:
    """One row per transfer syntax: what decodes it, what encodes it, which pixels, or why not."""
    return [_row(row) for row in ts.TRANSFER_SYNTAXES.values()]


def _row(row: ts.TransferSyntax) -> dict[str, Any]:
    out: dict[str, Any] = {
        "uid": row.uid, "name": row.name, "alias": row.alias, "decode": [], "lossless": "",
        "lossy": "", "pixels": "", "reason": missing(row.uid)}
    if row.form == "native":
        return out | {"decode": ["mediasvc"], "lossless": "mediasvc",
                      "pixels": "any that we transcode"}
    if out["reason"]:
        return out
    found = codec(row.uid)
    encoder = found.lossless or found.lossy
    return out | {
        "decode": [d.code_base for d in (found.first, found.second) if d],
        "lossless": found.lossless.code_base if found.lossless else "",
        "lossy": found.lossy.code_base if found.lossy else "",
        "pixels": _pixels(encoder) if encoder else "", "reason": found.unwritten}


def _pixels(encoder: Encoder) -> str:
    """The positive list in a few words: ``grey 1-16 in 8/16 signed; colour 1-8 in 8``."""
    words = []
    for row in encoder.takes:
        kind = "grey" if row.samples == 1 else "RGB" if len(row.photometric) == 1 else "RGB/YBR"
        few, most = row.stored.start, row.stored.stop - 1
        bits = f"{few}-{most}" if few < most else few
        words.append(f"{kind} {bits} in {'/'.join(map(str, row.allocated))}"
                     f"{' signed too' if row.signed else ''}")
    return "; ".join(words)
