"""What a header probe says of a foreign file: plain values that go through the sandbox pipe."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import Any, Self

#: (position, length) of bytes of the source that become the payload, in this order.
Place = tuple[int, int]


class _Facts:
    """JSON both ways. A child answers these, so types and signs are checked, never trusted."""

    __slots__ = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload,no-any-return]

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        """Raises TypeError for what is no such row."""
        known = {one.name: one.type for one in fields(cls)}  # type: ignore[arg-type]
        values = {name: _checked(value, str(known[name])) for name, value in row.items()}
        return cls(**values)


def _checked(value: Any, kind: str) -> Any:
    if kind == "int" and type(value) is int and value >= 0:
        return value
    if kind in ("str", "bool") and type(value).__name__ == kind:
        return value
    if kind == "tuple[str, ...]" and all(isinstance(one, str) for one in value):
        return tuple(value)
    if kind == "tuple[Place, ...]":
        return tuple((_checked(at, "int"), _checked(length, "int")) for at, length in value)
    if kind == "tuple[Audio, ...]":
        return tuple(Audio.from_json(one) for one in value)
    raise TypeError(f"a fact that is no {kind}")


@dataclass(frozen=True, slots=True)
class PictureFacts(_Facts):
    """A photo or scan. ``places`` are the source's bytes that are kept as they are; where there
    are none, ``rows × columns × samples`` samples of each frame were written decoded.

    ``lossy_method`` is empty where nothing was lost, ``icc`` base64, ``taken`` a DT value or empty.
    """

    kind: str
    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    photometric: str
    transfer_syntax_uid: str
    places: tuple[Place, ...] = ()
    lossy_method: str = ""
    encoded_bytes: int = 0
    icc: str = ""
    taken: str = ""
    notes: tuple[str, ...] = ()

    @property
    def native_bytes(self) -> int:
        return self.rows * self.columns * self.samples * self.frames * (self.bits_allocated // 8)


@dataclass(frozen=True, slots=True)
class DocumentFacts(_Facts):
    """A document that is kept whole; ``kind`` is one of `standard.wrap_iods.DOCUMENTS`.

    ``libraries`` are the material libraries that a model names. A clinical document says its
    ``identifier`` (root^extension), a LOINC ``code`` with its ``meaning``, and the media ``types``
    inside of it.
    """

    kind: str
    notes: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    taken: str = ""
    title: str = ""
    identifier: str = ""
    code: str = ""
    meaning: str = ""
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextFacts(_Facts):
    """A plain text; its parts were written by the probe. ``language`` is a tag of RFC 5646, empty
    where it is not clear."""

    kind: str
    encoding: str
    language: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Audio(_Facts):
    """``format`` in the words of `standard.video_profiles`, ``rate`` in Hz or 0."""

    format: str
    rate: int = 0


@dataclass(frozen=True, slots=True)
class VideoFacts(_Facts):
    """A video file that is kept whole.

    ``profile``, ``level`` as the stream writes them; ``rate_*`` frames per second as a fraction;
    ``aspect_*`` the shape of a pixel, width : height; ``chroma`` is chroma_format_idc, 1 = 4:2:0.
    """

    container: str
    codec: str
    profile: int
    level: int
    rows: int
    columns: int
    frames: int
    rate_numerator: int
    rate_denominator: int
    chroma: int = 1
    bits: int = 8
    aspect_width: int = 1
    aspect_height: int = 1
    interlaced: bool = False
    stereo: bool = False
    high_tier: bool = False
    dar: int = 0
    audio: tuple[Audio, ...] = ()
    taken: str = ""
    notes: tuple[str, ...] = ()

    @property
    def rate(self) -> Fraction:
        """Frames per second; 0 where nobody knows."""
        if not self.rate_denominator:
            return Fraction(0)
        return Fraction(self.rate_numerator, self.rate_denominator)


@dataclass(frozen=True, slots=True)
class OtherFacts(_Facts):
    """A file that is recognised, and that must be made into something else first."""

    kind: str


Facts = PictureFacts | DocumentFacts | TextFacts | VideoFacts | OtherFacts
_KINDS: dict[str, type[PictureFacts | DocumentFacts | TextFacts | VideoFacts | OtherFacts]] = {
    "picture": PictureFacts, "document": DocumentFacts, "text": TextFacts, "video": VideoFacts,
    "other": OtherFacts}


def to_json(facts: Facts) -> dict[str, Any]:
    name = next(name for name, kind in _KINDS.items() if isinstance(facts, kind))
    return {"what": name, **facts.as_json()}


def facts_from_json(row: dict[str, Any]) -> Facts:
    """What a child answered. Raises TypeError or KeyError when it is no such thing."""
    rest = {name: value for name, value in row.items() if name != "what"}
    return _KINDS[row["what"]].from_json(rest)
