"""The table of what we can encode and decode: every cell is tested or has a reason, and the README
and `doctor` say the same."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from mediasvc.codecs.capability import (
    HEAD,
    Capability,
    capabilities,
    kinds,
    markdown,
    never,
    words,
)
from mediasvc.codecs.codec import ONE_BIT, Encoder, general_refusal
from mediasvc.codecs.jpeg_lossless import PROCESS_14
from mediasvc.codecs.jpeg_xl import RECOMPRESSION, from_jpeg
from mediasvc.codecs.samples import code_bits, to_codes
from mediasvc.codecs.table import _CODECS, codec
from mediasvc.errors import BudgetError, UnsupportedError
from mediasvc.model import FrameSpec
from mediasvc.standard.photometric import PHOTOMETRIC
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES
from tests.codec_contract import GOLDEN, accepted, golden, samples_of, spec_of
from tests.conftest import Program

ROWS = {row.syntax.uid: row for row in capabilities()}
README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
ENCODERS = [(uid, encoder) for uid in _CODECS for encoder in (codec(uid).lossless, codec(uid).lossy)
            if encoder]
by_encoder = pytest.mark.parametrize(("uid", "encoder"), ENCODERS, ids=[
    TRANSFER_SYNTAXES[uid].label for uid, _ in ENCODERS])


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.syntax.label)
def test_every_cell_has_tested_kinds_or_a_reason(row: Capability) -> None:
    for cell in (row.decode, row.lossless, row.lossy):
        assert bool(cell.by) == bool(cell.takes) != bool(cell.reason)


def test_every_transfer_syntax_of_the_standard_has_a_row() -> None:
    assert set(ROWS) == set(TRANSFER_SYNTAXES)


def test_the_words_of_the_table_name_code_bases_and_pixels() -> None:
    row = dict(zip(HEAD, words(ROWS["1.2.840.10008.1.2.4.80"]), strict=True))
    assert row["decoded by"] == "mediasvc, CharLS" and row["lossless by"] == "mediasvc"
    assert "grey or palette 1–16 bits in 8/16, signed too" in row["pixels or reason"]
    assert "video" in words(ROWS["1.2.840.10008.1.2.4.102"])[-1]


def every_kind() -> Iterator[FrameSpec]:
    """The whole space of pixel attributes, tested or not."""
    for samples, allocated, signed, photometric in itertools.product(
            (1, 3, 4), (1, 8, 16, 32, 64), (0, 1), ["", *PHOTOMETRIC]):
        for stored in range(1, allocated + 1):
            yield spec_of(40, 50, samples=samples, allocated=allocated, stored=stored,
                          signed=signed, photometric=photometric)


@by_encoder
def test_what_is_in_no_list_is_refused_by_name(uid: str, encoder: Encoder) -> None:
    listed = {replace(spec, rows=40, columns=50) for spec in accepted(encoder)}
    for spec in every_kind():
        assert bool(encoder.refusal(spec)) != (spec in listed), spec


@by_encoder
def test_every_listed_kind_is_encoded_and_decoded(uid: str, encoder: Encoder) -> None:
    """The contract looks at the values; here it is the list that is looked at, lossy ones too."""
    done, dial = codec(uid), encoder.control.best if encoder.control else None
    for spec in accepted(encoder):
        spec = replace(spec, rows=40, columns=50)
        array = samples_of(spec, "phantom")
        if encoder.control:
            array //= 2  # away from the ends of the range
        stored = encoder.stored(spec)
        back = done.decode(encoder.encode(array, spec, dial), stored)
        assert back.shape == array.shape
        assert done.lossless is None or np.array_equal(back, array)


def test_every_listed_kind_of_process_14_is_decoded() -> None:
    """We do not write it; libjpeg-turbo does, with another predictor."""
    listed = [spec for takes in PROCESS_14.foreign
              for spec in accepted(Encoder("", (takes,), lambda *_: b"", lambda spec: spec))]
    for number, spec in enumerate(listed):
        if spec.photometric_interpretation == "YBR_FULL":
            continue  # libjpeg-turbo 3.1 writes wrong tables for it
        array = samples_of(spec)
        colour = "RGB" if spec.samples_per_pixel == 3 else None
        data = bytes(imagecodecs.jpeg8_encode(
            np.ascontiguousarray(to_codes(array, spec)), lossless=True, predictor=1 + number % 7,
            bitspersample=code_bits(spec), colorspace=colour, outcolorspace=colour))
        for which in ("first", "second"):
            assert np.array_equal(PROCESS_14.decode(data, spec, which), array), spec  # type: ignore[arg-type]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL"])
def test_every_listed_kind_of_jpeg_in_jpeg_xl_is_decoded(photometric: str) -> None:
    samples = 1 if photometric.startswith("MONO") else 3
    spec = spec_of(40, 50, samples=samples, allocated=8, stored=8, photometric=photometric)
    colours = {"RGB": "RGB", "YBR_FULL": "YCBCR"}
    jpeg = bytes(imagecodecs.jpeg8_encode(
        samples_of(spec), 90, colorspace="RGB" if samples == 3 else None,
        outcolorspace=colours.get(photometric)))
    assert RECOMPRESSION.decode(from_jpeg(jpeg), spec).shape == samples_of(spec).shape


@pytest.mark.parametrize("row", golden(), ids=lambda row: row["file"])
def test_golden_frames_decode_to_the_samples_of_then(row: dict[str, str]) -> None:
    """Also the syntaxes that only others write (dcmcjpeg wrote .53 and .55)."""
    chosen = codec(row["uid"])
    back = chosen.decode((GOLDEN / row["file"]).read_bytes(), FrameSpec(**row["spec"]))  # type: ignore[arg-type]
    data = back.astype(back.dtype.newbyteorder("<")).tobytes()
    assert hashlib.sha256(data).hexdigest() == row["sha256"]


def test_every_codec_has_a_golden_frame_or_is_decoded_above() -> None:
    have = {row["uid"] for row in golden()} | {PROCESS_14.uid}
    assert have == set(_CODECS)


@pytest.mark.parametrize("change", [
    {"bits_allocated": 1, "bits_stored": 1, "high_bit": 0}, {"high_bit": 15},
    {"bits_allocated": 64, "bits_stored": 64, "high_bit": 63}, {"columns": 70000},
    {"samples_per_pixel": 2}, {"pixel_representation": 2},
], ids=lambda change: next(iter(change)))
@pytest.mark.parametrize("uid", _CODECS)
def test_pixels_outside_every_list_are_never_decoded(uid: str, change: dict[str, int]) -> None:
    spec = replace(spec_of(stored=12), **change)
    assert general_refusal(spec)
    if codec(uid).one_bit and spec.bits_allocated == 1:
        spec = replace(spec, photometric_interpretation="PALETTE COLOR")
    with pytest.raises((UnsupportedError, BudgetError)):
        codec(uid).decode(b"", spec)


def test_the_readme_has_the_table_as_it_is() -> None:
    """After a change: ``python -m mediasvc.codecs.capability`` prints what belongs there."""
    section = README.split("<!-- capabilities -->")[1].split("<!-- capabilities end -->")[0]
    assert section.strip() == markdown()


def test_doctor_prints_the_table_and_gives_it_as_json(cli: Program) -> None:
    done = cli("doctor")
    found = {line["uid"]: line for line in done.of("codec")}
    assert set(found) == set(ROWS)
    jpll = found["1.2.840.10008.1.2.4.70"]
    assert jpll["lossless"]["by"] == ["mediasvc"] and jpll["lossy"]["reason"]
    assert {"samples": 3, "bits_allocated": [8], "bits_stored": [1, 8], "signed": False,
            "photometric": ["RGB", "YBR_FULL"]} in jpll["decode"]["pixels"]


def test_what_is_never_touched_is_said_in_words() -> None:
    assert "64 bits allocated" in list(never())
    assert [row.syntax.alias for row in ROWS.values() if ONE_BIT[0] in row.decode.takes] == [
        "j2k", "rle", "deflated-frame"]
    assert all(ONE_BIT[0] not in cell.takes for row in ROWS.values()
               for cell in (row.lossless, row.lossy))
    assert kinds(ROWS["1.2.840.10008.1.2.4.50"].decode.takes) == (
        "grey 8 bits in 8; RGB/YBR_FULL 8 bits in 8")
