"""Transfer syntax → codec. A syntax without one has a row with the reason (PS3.5 annex A)."""

from __future__ import annotations

import importlib
from functools import cache

from mediasvc.codecs.codec import Codec
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
