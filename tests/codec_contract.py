"""What every codec must do, whatever it is: one suite, each codec supplies itself.

A test file says ``class TestJpegLs(CodecContract): codec = jpeg_ls.LOSSLESS`` and gets it all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from mediasvc.codecs.codec import Array, Codec, Encoder, shape_of
from mediasvc.errors import DamagedError, MediasvcError, UnsupportedError
from mediasvc.model import FrameSpec
from tests.corners import samples_of

GOLDEN = Path(__file__).parent / "golden"
SIZES = [(1, 1), (1, 7), (9, 1), (5, 3), (17, 33), (64, 65)]
PATTERNS = ("phantom", "noise", "extremes", "constant", "wrap")


def spec_of(rows: int = 17, columns: int = 33, *, samples: int = 1, allocated: int = 16,
            stored: int = 12, signed: int = 0, photometric: str = "MONOCHROME2") -> FrameSpec:
    return FrameSpec(rows, columns, samples, allocated, stored, stored - 1, signed, photometric)


def accepted(encoder: Encoder) -> Iterator[FrameSpec]:
    """Every kind of pixels that the encoder says it takes, the sizes dealt out in turn."""
    number = 0
    for row in encoder.takes:
        for allocated in row.allocated:
            for stored in (bits for bits in row.stored if bits <= allocated):
                for signed in (0, 1)[:1 + row.signed]:
                    for photometric in sorted(row.photometric):
                        rows, columns = SIZES[number % len(SIZES)]
                        number += 1
                        yield spec_of(rows, columns, samples=row.samples, allocated=allocated,
                                      stored=stored, signed=signed, photometric=photometric)


def who_knows(codec: Codec, spec: FrameSpec) -> Iterator[Literal["first", "second"]]:
    """The decoders that say that they take such pixels."""
    yield "first"
    if codec.second and (codec.second.knows is None or codec.second.knows(spec)):
        yield "second"


class CodecContract:
    codec: Codec
    #: Damaged streams that are tried; fewer where a library takes seconds to notice.
    damaged = 60

    @property
    def encoder(self) -> Encoder:
        encoder = self.codec.lossless
        assert encoder is not None
        return encoder

    def both(self, data: bytes, stored: FrameSpec) -> list[Array]:
        return [self.codec.decode(data, stored, one) for one in who_knows(self.codec, stored)]

    @pytest.mark.parametrize("pattern", PATTERNS)
    def test_every_kind_of_pixels_comes_back_exactly(self, pattern: str) -> None:
        for spec in accepted(self.encoder):
            assert not self.encoder.refusal(spec)
            array = samples_of(spec, pattern, spec.bits_stored)
            try:
                data = self.encoder.encode(array, spec, None)
            except UnsupportedError:
                assert pattern == "noise", spec  # a refusal by name; never for real images
                continue
            for back in self.both(data, self.encoder.stored(spec)):
                assert back.dtype == array.dtype and np.array_equal(back, array), spec

    @pytest.mark.parametrize("size", [(4097, 3), (3, 4097), (512, 509)])
    def test_long_and_large_images_come_back_exactly(self, size: tuple[int, int]) -> None:
        spec = next(spec for spec in accepted(self.encoder) if spec.bits_stored == 8)
        spec = replace(spec, rows=size[0], columns=size[1])
        array = samples_of(spec)
        for back in self.both(self.encoder.encode(array, spec, None), self.encoder.stored(spec)):
            assert np.array_equal(back, array)

    def test_what_decoding_says_is_what_was_encoded(self) -> None:
        for spec in accepted(self.encoder):
            decoded = self.codec.decoded(self.encoder.stored(spec))
            assert replace(decoded, planar_configuration=0) == spec

    @pytest.mark.parametrize("change", [
        {"high_bit": 12}, {"bits_allocated": 1, "bits_stored": 1, "high_bit": 0},
        {"samples_per_pixel": 4}, {"rows": 0}, {"photometric_interpretation": ""},
        {"bits_stored": 17, "high_bit": 16}, {"photometric_interpretation": "HSV",
                                              "samples_per_pixel": 3},
    ], ids=lambda change: "-".join(map(str, change.values())))
    def test_what_is_not_on_the_list_is_refused_by_name(self, change: dict[str, object]) -> None:
        refusal = self.encoder.refusal(replace(spec_of(), **change))  # type: ignore[arg-type]
        assert refusal and refusal[0] != "'"

    def sample(self) -> tuple[FrameSpec, bytes]:
        spec = next(spec for spec in accepted(self.encoder) if spec.bits_stored == 8)
        spec = replace(spec, rows=40, columns=50)
        return self.encoder.stored(spec), self.encoder.encode(samples_of(spec), spec, None)

    @pytest.mark.parametrize("change", [
        {"rows": 41}, {"columns": 49}, {"rows": 30000, "columns": 30000},
    ], ids=["rows", "columns", "bomb"])
    def test_another_size_than_the_attributes_say_is_refused_before_decoding(
            self, change: dict[str, int]) -> None:
        stored, data = self.sample()
        for which in ("first", "second")[:1 + bool(self.codec.second)]:
            with pytest.raises(DamagedError):
                self.codec.decode(data, replace(stored, **change), which)

    def test_damaged_streams_end_in_our_errors_only(self) -> None:
        stored, data = self.sample()
        rng = np.random.default_rng(7)
        for _ in range(self.damaged):
            broken = bytearray(data)
            for _ in range(int(rng.integers(1, 4))):
                broken[int(rng.integers(len(broken)))] ^= 1 << int(rng.integers(8))
            self._decodes_or_refuses(bytes(broken[:int(rng.integers(1, len(broken) + 1))]), stored)
            self._decodes_or_refuses(bytes(broken), stored)

    def _decodes_or_refuses(self, data: bytes, stored: FrameSpec) -> None:
        for which in ("first", "second")[:1 + bool(self.codec.second)]:
            try:
                array = self.codec.decode(data, stored, which)
            except MediasvcError:
                continue
            assert array.shape == shape_of(self.codec.decoded(stored))

    def test_a_padded_frame_decodes_to_the_same(self) -> None:
        stored, data = self.sample()
        want = self.codec.decode(data, stored)
        for back in self.both(memoryview(data + b"\0" * (len(data) % 2)), stored):  # type: ignore[arg-type]
            assert np.array_equal(back, want)

    def test_frames_written_in_earlier_years_still_decode(self) -> None:
        rows = [row for row in golden() if row["uid"] == self.codec.uid]
        assert rows, f"add golden frames for {self.codec.name}"
        for row in rows:
            spec = FrameSpec(**row["spec"])
            for back in self.both((GOLDEN / row["file"]).read_bytes(), spec):
                digest = hashlib.sha256(back.astype(back.dtype.newbyteorder("<")).tobytes())
                assert digest.hexdigest() == row["sha256"], row["file"]


def golden() -> list[dict[str, object]]:
    """The list of golden frames; `tests/golden/README` says how one is added."""
    rows: list[dict[str, object]] = json.loads((GOLDEN / "frames.json").read_text())
    return rows
