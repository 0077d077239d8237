"""The sha256 of the files of an image, of two neighbours at once where both were read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise

from mediasvc.codecs.sha256 import sha256_of_two
from mediasvc.media.iso.image_reader import ImageReader
from mediasvc.span import Span


class Sums:
    """Of ``spans``, asked in this order."""

    def __init__(self, reader: ImageReader, spans: Sequence[Span]) -> None:
        self._reader, self._next = reader, dict(pairwise(spans))
        self._known: dict[Span, str] = {}

    def sha256(self, span: Span, view: memoryview) -> str:
        """``view``: what the reader has of ``span`` at this moment."""
        if found := self._known.pop(span, ""):
            return found
        other = self._next.get(span)
        beside = self._reader.beside(other) if other is not None else None
        if other is None or beside is None:
            return hashlib.sha256(view).hexdigest()
        found, self._known[other] = sha256_of_two(view, beside)
        return found
