"""Frames to measure codecs with: the NEMA WG04 originals where the real data are, and phantoms."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread

from mediasvc.model import FrameSpec
from samples import phantom

ROOT = Path(__file__).resolve().parent.parent
ORIGINALS = Path("media/wg04/IMAGES/REF")


class Image(NamedTuple):
    name: str
    array: NDArray[np.generic]
    spec: FrameSpec


def real_data() -> Path | None:
    """The folder of the development data, unpacked when it can be; None where there is none."""
    base = os.environ.get("MEDIASVC_TEST_DATA")
    parent = Path(base) if base else Path.home() / ".cache" / "mediasvc-test-data"
    for place in (parent / "dev", parent):
        if (place / "MANIFEST.csv").is_file():
            return place
    unpack = ROOT.parent / "shared" / "data" / "unpack"
    if not unpack.exists():
        return None
    done = subprocess.run([str(unpack)], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def original_files() -> list[Path]:
    """The uncompressed WG04 files; none where the real data are not."""
    folder = real_data()
    return sorted((folder / ORIGINALS).iterdir()) if folder else []


def originals() -> Iterator[Image]:
    """Their pixels, read by pydicom."""
    for path in original_files():
        ds = dcmread(path)
        spec = FrameSpec(ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.BitsAllocated, ds.BitsStored,
                         ds.HighBit, ds.PixelRepresentation, ds.PhotometricInterpretation)
        yield Image(path.name, np.ascontiguousarray(ds.pixel_array), spec)


def phantoms(rows: int = 512, columns: int = 512) -> Iterator[Image]:
    """Grey of 8, 10, 12 and 16 bits, signed and not, and colour."""
    for seed, bits in enumerate((8, 10, 12, 16)):
        cells = phantom.grey(rows, columns, seed, bits=bits)
        array = cells.astype(np.uint8) if bits == 8 else cells
        yield Image(f"grey {bits} bits", array, _spec(array, bits))
    signed = phantom.grey(rows, columns, 5).astype(np.int16) - 2048
    yield Image("grey 12 bits signed", signed, _spec(signed, 12, signed=1))
    picture = phantom.colour(rows, columns, 6)
    yield Image("colour", picture, _spec(picture, 8))


def _spec(array: NDArray[np.generic], stored: int, signed: int = 0) -> FrameSpec:
    samples = array.shape[2] if array.ndim == 3 else 1
    return FrameSpec(array.shape[0], array.shape[1], samples, array.itemsize * 8, stored,
                     stored - 1, signed, "RGB" if samples == 3 else "MONOCHROME2")
