"""The corner matrix: every combination of bits, sign, samples and planes in awkward sizes, as
frames and as files. The same number gives the same image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset

from mediasvc.codecs.codec import dtype_of, shape_of
from mediasvc.codecs.samples import array_to_native
from mediasvc.model import FrameSpec
from samples.synthesis import instance

SIZES = ((1, 1), (1, 7), (9, 1), (5, 3), (17, 33), (64, 65), (4097, 3), (3, 4097), (129, 257))
PATTERNS = ("phantom", "noise", "extremes", "constant", "wrap")
FRAMES = (1, 1, 2, 1, 1, 3, 1)
GREY = ("MONOCHROME2", "MONOCHROME1", "PALETTE COLOR")
COLOUR = ("RGB", "YBR_FULL")


class Corner(NamedTuple):
    """``spec`` is one frame of ``frames``."""

    number: int
    spec: FrameSpec
    frames: int
    pattern: str

    def arrays(self) -> list[NDArray[np.generic]]:
        """The frames, by pixel."""
        return [samples_of(self.spec, self.pattern, 1000 * self.number + frame)
                for frame in range(self.frames)]

    def dataset(self) -> FileDataset:
        """A Computed Radiography image of these frames, Explicit VR Little Endian."""
        spec = self.spec
        ds = instance(instance=self.number + 1, modality="CR", rows=1, columns=1)
        for keyword, value in (
                ("Rows", spec.rows), ("Columns", spec.columns),
                ("SamplesPerPixel", spec.samples_per_pixel), ("BitsStored", spec.bits_stored),
                ("BitsAllocated", spec.bits_allocated), ("HighBit", spec.high_bit),
                ("PixelRepresentation", spec.pixel_representation),
                ("PhotometricInterpretation", spec.photometric_interpretation)):
            setattr(ds, keyword, value)
        if spec.samples_per_pixel > 1:
            ds.PlanarConfiguration = spec.planar_configuration
        if self.frames > 1:
            ds.NumberOfFrames = self.frames
        data = b"".join(array_to_native(array, spec.planar_configuration)
                        for array in self.arrays())
        ds.PixelData = data + b"\0" * (len(data) % 2)
        ds["PixelData"].VR = "OB" if spec.bits_allocated == 8 else "OW"
        if spec.photometric_interpretation == "PALETTE COLOR":
            for colour in ("Red", "Green", "Blue"):
                setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
                setattr(ds, f"{colour}PaletteColorLookupTableData", bytes(512))
        return ds

    def is_in(self, ds: Dataset) -> bool:
        """Whether native Pixel Data are these frames, whatever the planes and the allocated bits
        are now; bits above the stored ones do not count."""
        want = np.concatenate([array.reshape(-1) for array in self.arrays()]).astype(np.int64)
        cells = np.frombuffer(ds.PixelData, f"<u{ds.BitsAllocated // 8}")[:len(want)]
        if len(cells) != len(want):
            return False
        if self.spec.samples_per_pixel == 3 and ds.PlanarConfiguration:
            pixels = self.spec.rows * self.spec.columns
            cells = cells.reshape(self.frames, 3, pixels).transpose(0, 2, 1)
        unused = 64 - self.spec.bits_stored
        return bool(np.array_equal(cells.astype(np.int64).reshape(-1) << unused, want << unused))


def kinds() -> Iterator[FrameSpec]:
    """All pixels of 1 to 32 stored bits; signed colour too, which is refused by name."""
    number = 0
    for allocated in (8, 16, 32):
        for stored in range(1, allocated + 1):
            number += 1
            spec = FrameSpec(1, 1, 1, allocated, stored, stored - 1, 0, GREY[number % 3])
            yield spec
            yield replace(spec, pixel_representation=1, photometric_interpretation="MONOCHROME2")
            colour = replace(spec, samples_per_pixel=3,
                             photometric_interpretation=COLOUR[number % 2])
            yield colour
            yield replace(colour, planar_configuration=1)
    for allocated, stored in ((8, 8), (16, 12), (16, 16)):
        for planar in (0, 1):
            yield FrameSpec(1, 1, 3, allocated, stored, stored - 1, 1, "RGB", planar)


def corners(step: int = 1, start: int = 0) -> Iterator[Corner]:
    """Every ``step``-th image of the matrix from ``start`` on."""
    number = 0
    for spec in kinds():
        for rows, columns in SIZES:
            if number % step == start:
                yield Corner(number, replace(spec, rows=rows, columns=columns),
                             FRAMES[number % len(FRAMES)], PATTERNS[number % len(PATTERNS)])
            number += 1


def samples_of(spec: FrameSpec, pattern: str = "phantom", seed: int = 1) -> NDArray[Any]:
    """A frame that fits Bits Stored and reaches both ends of its range. ``wrap``: neighbours that
    differ by half of the range, where differences modulo 2^16 turn over."""
    rng = np.random.default_rng(seed)
    shape, top = shape_of(spec), (1 << spec.bits_stored) - 1
    low = -(1 << (spec.bits_stored - 1)) if spec.pixel_representation else 0
    if pattern == "noise":
        cells = rng.integers(0, top + 1, shape)
    elif pattern == "extremes":
        cells = rng.integers(0, 2, shape) * top
    elif pattern == "constant":
        cells = np.full(shape, top // 2)
    elif pattern == "wrap":
        cells = np.arange(np.prod(shape)).reshape(shape) * ((top + 1) // 2 or 1) & top
    else:
        y, x = np.mgrid[0:spec.rows, 0:spec.columns]
        wave = np.sin(y / 5) * np.cos(x / 7) * top / 2.2 + top / 2
        cells = np.broadcast_to(wave.reshape(shape[:2] + (1,) * (len(shape) - 2)), shape)
        cells = np.clip(cells + rng.integers(-2, 3, shape), 0, top)
    return (cells.astype(np.int64) + low).astype(dtype_of(spec))
