"""Parts of native pixel data made black (PS3.15 E.3.1, Clean Pixel Data)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasvc.dicom.frames import frame_spec, number_of_frames, words
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.nested import Source, elements, item_at, length_at
from mediasvc.errors import UnsupportedError
from mediasvc.model import FrameSpec
from mediasvc.standard.deidentification_blanking import BlankingRule, Region

REGIONS = 0x00186011
X0, Y0, X1, Y1 = 0x00186018, 0x0018601A, 0x0018601C, 0x0018601E


def rule_for(framing: Framing, rules: Sequence[BlankingRule]) -> BlankingRule | None:
    """The first rule that fits the instance and can be used on it."""
    facts = {"modality": words(framing, 0x00080060), "sop_class": words(framing, 0x00080016),
             "manufacturer": words(framing, 0x00080070), "model": words(framing, 0x00081090),
             "software": words(framing, 0x00181020)}
    spec = frame_spec(framing)
    facts |= {"rows": str(spec.rows), "columns": str(spec.columns)}
    for rule in rules:
        if rule.fits(facts) and (rule.regions or ultrasound_regions(framing)):
            return rule
    return None


def ultrasound_regions(framing: Framing) -> list[Region]:
    """Where the picture proper is (C.8.5.5.1.1): left, top, width, height."""
    source = Source(framing.body, framing.implicit, framing.big_endian)
    found: list[Region] = []
    stop = framing.pixel.start if framing.pixel else framing.end
    for row in elements(source, framing.dataset_start, stop):
        at = row.value
        while row.tag == REGIONS and at < row.end:
            start, end, at = item_at(source, at, row.end)
            inner = {one.tag: length_at(source, one.value, 4)
                     for one in elements(source, start, end) if one.tag in (X0, Y0, X1, Y1)}
            if len(inner) == 4 and inner[X1] > inner[X0] and inner[Y1] > inner[Y0]:
                found.append((inner[X0], inner[Y0], inner[X1] - inner[X0] + 1,
                              inner[Y1] - inner[Y0] + 1))
    return found


def blanked(framing: Framing, rule: BlankingRule) -> bytes:
    """The native pixel data with the rule's regions made black.

    Raises UnsupportedError for what is not native little endian of 8 or 16 bits.
    """
    spec, place = frame_spec(framing), framing.pixel
    if place is None or place.encapsulated or framing.big_endian or spec.bits_allocated not in (
            8, 16) or spec.photometric_interpretation == "YBR_FULL_422":
        raise UnsupportedError("its pixels are written in a way that cannot be blanked")
    raw = bytes(framing.body[place.value:place.end])
    count = number_of_frames(framing)
    if len(raw) not in (spec.native_bytes * count, spec.native_bytes * count + 1):
        raise UnsupportedError("its pixel data are not as long as they should be")
    kind = np.dtype(f"<u{spec.bits_allocated // 8}")
    samples = np.frombuffer(raw[:spec.native_bytes * count], kind).copy()
    mask = _mask(spec, framing, rule)
    for sample in range(spec.samples_per_pixel):
        plane = _plane(samples, spec, count, sample)
        plane[:, mask] = _black(spec, sample)
    return samples.tobytes() + raw[spec.native_bytes * count:]


def _plane(samples: NDArray[Any], spec: FrameSpec, count: int, sample: int) -> NDArray[Any]:
    """(frames, rows, columns) of one sample, a view."""
    if spec.planar_configuration and spec.samples_per_pixel > 1:
        shaped = samples.reshape(count, spec.samples_per_pixel, spec.rows, spec.columns)
        return shaped[:, sample]
    return samples.reshape(count, spec.rows, spec.columns, spec.samples_per_pixel)[..., sample]


def _mask(spec: FrameSpec, framing: Framing, rule: BlankingRule) -> NDArray[np.bool_]:
    """(rows, columns), True where it becomes black."""
    mask = np.zeros((spec.rows, spec.columns), np.bool_)
    if rule.outside_ultrasound_regions:
        mask[:] = True
        for left, top, width, height in ultrasound_regions(framing):
            mask[top:top + height, left:left + width] = False
    for left, top, width, height in rule.regions:
        mask[top:top + height if height else None, left:left + width if width else None] = True
    return mask


def _black(spec: FrameSpec, sample: int) -> int:
    if spec.photometric_interpretation == "MONOCHROME1":
        return (1 << spec.bits_stored) - 1 if not spec.pixel_representation else (
            1 << (spec.bits_stored - 1)) - 1
    if spec.photometric_interpretation.startswith("YBR") and sample:
        return 1 << (spec.bits_stored - 1)
    return 0
