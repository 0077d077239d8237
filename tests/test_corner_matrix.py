"""The corner matrix: 1 to 32 bits, signed, colour by plane, odd sizes, several frames, in every
lossless syntax: exactly the same or refused by name. `scripts/campaign_corners` does all of it."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread

from mediasvc.codecs.codec import Codec
from mediasvc.codecs.jpeg_lossless import SV1
from mediasvc.codecs.jpeg_ls import LOSSLESS as JPEG_LS
from mediasvc.codecs.jpeg_stream import read_jpeg_header
from mediasvc.codecs.table import _CODECS, codec
from mediasvc.dicom.pieces import assemble
from mediasvc.errors import UnsupportedError
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES
from mediasvc.work.transcode import transcode_instance
from samples.synthesis import to_bytes
from tests.codec_contract import spec_of, who_knows
from tests.corners import PATTERNS, SIZES, Corner, corners, kinds, samples_of

ROOT = Path(__file__).resolve().parent.parent
LOSSLESS = [uid for uid in _CODECS if codec(uid).lossless]
#: Every so manieth image; both are prime to the sizes and patterns that are dealt out.
FRAMES_SHARE, FILES_SHARE, OUTSIDE_SHARE = 11, 101, 173
OUTSIDE = {"rle": [["dcmdrle"]], "jpll": [["dcmdjpeg", "+cn"]],
           "jls": [["dcmdjpls"]]}


def test_the_matrix_is_as_large_as_was_promised() -> None:
    everything = list(corners())
    assert len(everything) >= 2000
    specs = {corner.spec for corner in everything}
    for samples, most in ((1, 32), (3, 32)):
        assert {s.bits_stored for s in specs if s.samples_per_pixel == samples} == set(
            range(1, most + 1))
    assert {s.bits_allocated for s in specs} == {8, 16, 32}
    assert {(s.rows, s.columns) for s in specs} == set(SIZES)
    assert {(corner.frames > 1, corner.spec.planar_configuration) for corner in everything} == {
        (False, 0), (False, 1), (True, 0), (True, 1)}
    assert {corner.pattern for corner in everything} == set(PATTERNS)
    assert len(list(kinds())) == len(set(kinds()))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("uid", LOSSLESS, ids=lambda uid: TRANSFER_SYNTAXES[uid].label)
def test_frames_come_back_exactly_from_every_decoder_or_are_refused_by_name(uid: str) -> None:
    chosen, exact = codec(uid), 0
    encoder = chosen.lossless
    assert encoder is not None
    for corner in corners(FRAMES_SHARE):
        reason = encoder.refusal(corner.spec)
        for array in corner.arrays()[:0 if reason else None]:
            try:
                data = encoder.encode(array, corner.spec, None)
            except UnsupportedError as error:
                assert corner.pattern in ("noise", "extremes", "wrap") and str(error), corner
                continue
            stored = encoder.stored(corner.spec)
            for which in who_knows(chosen, stored):
                back = chosen.decode(data, stored, which)
                assert back.dtype == array.dtype and np.array_equal(back, array), corner
            exact += 1
    assert exact > 50


def transcoded(data: bytes, target: str) -> bytes:
    view = memoryview(data)
    return b"".join(assemble(view, transcode_instance(view, target).pieces))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("uid", LOSSLESS, ids=lambda uid: TRANSFER_SYNTAXES[uid].label)
def test_files_come_back_exactly_or_are_refused_by_name(uid: str) -> None:
    for corner in corners(FILES_SHARE, start=5):
        data = to_bytes(corner.dataset())
        try:
            there = transcoded(data, uid)
        except UnsupportedError as error:
            assert str(error)
            continue
        assert same_pixels(corner, transcoded(there, "explicit")), corner


def same_pixels(corner: Corner, data: bytes) -> bool:
    return corner.is_in(dcmread(io.BytesIO(data)))


@pytest.mark.parametrize(("alias", "program"), [
    (alias, program) for alias, programs in OUTSIDE.items() for program in programs],
    ids=lambda value: value if isinstance(value, str) else value[0])
def test_outside_programs_see_the_same_pixels(alias: str, program: list[str],
                                              tmp_path: Path) -> None:
    if not shutil.which(program[0]):
        pytest.skip(f"{program[0]} is not installed")
    looked = 0
    for corner in corners(OUTSIDE_SHARE, start=3):
        if corner.spec.bits_allocated > 16:
            continue  # neither program knows these
        try:
            (tmp_path / "in").write_bytes(transcoded(to_bytes(corner.dataset()), alias))
        except UnsupportedError:
            continue
        done = subprocess.run([*program, "in", "out"], cwd=tmp_path, capture_output=True,
                              timeout=60, check=False)
        if done.returncode == 0:
            assert same_pixels(corner, (tmp_path / "out").read_bytes()), corner
            looked += 1
    assert looked > 3


def test_differences_modulo_65536_are_decoded_by_everybody_here() -> None:
    """FAULTS X01: pylibjpeg-libjpeg issue 90 gave 255 for 128 in valid ultrasound images."""
    array = samples_of(spec_of(16, 16, stored=16), "wrap")
    array[0, :4] = (0, 0x8000, 0, 0xFFFF)
    spec = spec_of(16, 16, stored=16)
    data = SV1.lossless.encode(array, spec, None)  # type: ignore[union-attr]
    assert np.array_equal(SV1.decode(data, spec), array)
    assert np.array_equal(SV1.decode(data, spec, "second"), array)
    assert np.array_equal(imagecodecs.jpegsof3_decode(data), array)


@pytest.mark.parametrize("stored", [13, 14])
def test_jpeg_xl_of_rgb_with_13_and_14_bits_does_not_end_the_program(stored: int) -> None:
    """libjxl's effort 1 wrote beyond its buffer; in a child, so that a relapse is one failure."""
    code = (f"from tests.corners import samples_of; from mediasvc.model import FrameSpec\n"
            f"from mediasvc.codecs.jpeg_xl import LOSSLESS\n"
            f"spec = FrameSpec(64, 65, 3, 16, {stored}, {stored - 1}, 0, 'RGB')\n"
            f"for seed in range(40):\n"
            f"    array = samples_of(spec, 'wrap', seed)\n"
            f"    data = LOSSLESS.lossless.encode(array, spec, None)\n"
            f"    assert (LOSSLESS.decode(data, spec) == array).all()\n")
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


@pytest.mark.parametrize(("allocated", "stored", "precision"), [
    (8, 1, 8), (8, 6, 8), (8, 7, 8), (16, 1, 9), (16, 7, 9), (16, 8, 9), (16, 10, 10)])
@pytest.mark.parametrize("chosen", [SV1, JPEG_LS], ids=lambda chosen: chosen.name)
def test_few_bits_are_written_so_that_others_live(chosen: Codec, allocated: int, stored: int,
                                                  precision: int) -> None:
    """FAULTS X01: gdcm ends the program at JPEG-LS of 6 and 7 bits, and at 8 in cells of 16, which
    dcmtk refuses; nobody minds a bit more."""
    spec = spec_of(9, 7, allocated=allocated, stored=stored)
    assert chosen.lossless is not None
    data = chosen.lossless.encode(samples_of(spec), spec, None)
    assert read_jpeg_header(data).precision == precision


@pytest.mark.parametrize(("target", "allocated", "stored"), [
    ("jls", 8, 6), ("jls", 8, 7), ("jls", 16, 8), ("jls", 16, 10), ("jpll", 16, 8),
    ("jpll", 16, 10)])
def test_gdcm_reads_ours_where_it_is_known_to_fail_at_others(
        target: str, allocated: int, stored: int, tmp_path: Path) -> None:
    if not shutil.which("gdcmconv"):
        pytest.skip("gdcmconv is not installed")
    corner = Corner(1, spec_of(9, 7, allocated=allocated, stored=stored), 1, "phantom")
    (tmp_path / "in").write_bytes(transcoded(to_bytes(corner.dataset()), target))
    subprocess.run(["gdcmconv", "--raw", "in", "out"], cwd=tmp_path, check=True,
                   capture_output=True, timeout=60)
    assert same_pixels(corner, (tmp_path / "out").read_bytes())
