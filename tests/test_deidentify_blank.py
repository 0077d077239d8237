"""Regions become black in every arrangement of samples, and rules that say nonsense are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mediasvc.dicom.deidentify_blank import blanked, rule_for
from mediasvc.dicom.framing import read_framing
from mediasvc.errors import SettingsError, UnsupportedError
from mediasvc.standard.deidentification_blanking import BlankingRule, blanking_rules
from samples.synthesis import instance, to_bytes

RULE = BlankingRule("a corner", modality=("US", "CT"), regions=((2, 1, 5, 0), (0, 0, 0, 1)))


def expected_mask(rows: int, columns: int) -> np.ndarray:
    mask = np.zeros((rows, columns), bool)
    mask[1:, 2:7] = True
    mask[0, :] = True
    return mask


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize(("photometric", "black"), [
    ("RGB", (0, 0, 0)), ("YBR_FULL", (0, 128, 128))])
def test_colour_is_black_in_both_plane_orders(planar: int, photometric: str,
                                              black: tuple[int, ...]) -> None:
    rng = np.random.default_rng(7)
    pixels = rng.integers(1, 255, (3, 8, 10, 3), np.uint8)
    stored = pixels.transpose(0, 3, 1, 2) if planar else pixels
    ds = instance(1, modality="CT", Rows=8, Columns=10, SamplesPerPixel=3, BitsAllocated=8,
                  BitsStored=8, HighBit=7, PixelRepresentation=0, NumberOfFrames="3",
                  PhotometricInterpretation=photometric, PlanarConfiguration=planar)
    ds.PixelData = stored.tobytes()
    framing = read_framing(memoryview(to_bytes(ds)))
    assert rule_for(framing, [RULE]) is RULE
    new = np.frombuffer(blanked(framing, RULE), np.uint8).reshape(stored.shape)
    new = new.transpose(0, 2, 3, 1) if planar else new
    mask = expected_mask(8, 10)
    assert (new[:, mask] == black).all() and (new[:, ~mask] == pixels[:, ~mask]).all()


@pytest.mark.parametrize(("photometric", "signed", "black"), [
    ("MONOCHROME2", 0, 0), ("MONOCHROME1", 0, 4095), ("MONOCHROME1", 1, 2047)])
def test_grey_is_black_as_it_is_shown(photometric: str, signed: int, black: int) -> None:
    ds = instance(1, modality="CT", PhotometricInterpretation=photometric, BitsStored=12,
                  HighBit=11, PixelRepresentation=signed)
    framing = read_framing(memoryview(to_bytes(ds)))
    old = np.frombuffer(ds.PixelData, "<u2").reshape(ds.Rows, ds.Columns)
    new = np.frombuffer(blanked(framing, RULE), "<u2").reshape(old.shape)
    mask = expected_mask(*old.shape)
    assert (new[mask] == black).all() and (new[~mask] == old[~mask]).all()


def test_compressed_pixels_are_not_touched_here() -> None:
    framing = read_framing(memoryview(to_bytes(
        instance(1, transfer_syntax="1.2.840.10008.1.2.5"))))
    with pytest.raises(UnsupportedError):
        blanked(framing, RULE)


def test_a_rule_fits_only_what_it_names() -> None:
    framing = read_framing(memoryview(to_bytes(instance(1))))
    for other in (BlankingRule("", modality=("US",), regions=((0, 0, 1, 1),)),
                  BlankingRule("", manufacturer="nobody", regions=((0, 0, 1, 1),)),
                  BlankingRule("", rows=17, regions=((0, 0, 1, 1),)),
                  BlankingRule("", outside_ultrasound_regions=True)):
        assert rule_for(framing, [other]) is None
    wanted = BlankingRule("", manufacturer="SAMPLE", model="phantom", columns=16,
                          regions=((0, 0, 1, 1),))
    assert rule_for(framing, [wanted]) is wanted


@pytest.mark.parametrize("text", [
    '[[rule]]\nname = "x"', '[[rule]]\nregions = [[0, 0, 1, 1]]',
    '[[rule]]\nname = "x"\nregions = [[0, 0, 1]]',
    '[[rule]]\nname = "x"\nregions = [[-1, 0, 1, 1]]',
    '[[rule]]\nname = "x"\ncolour = 1\nregions = [[0, 0, 1, 1]]', "no toml"])
def test_a_wrong_rule_of_the_site_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "BLANKING.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"BLANKING\.toml"):
        blanking_rules(tmp_path)


def test_rules_of_the_site_come_before_ours(tmp_path: Path) -> None:
    (tmp_path / "BLANKING.toml").write_text(
        'kind = "blanking"\n[[rule]]\nname = "own"\nregions = [[0, 0, 0, 40]]\n')
    rules = blanking_rules(tmp_path)
    assert rules[0].name == "own" and len(rules) == 1 + len(blanking_rules())
    assert BlankingRule.from_json(rules[0].as_json()) == rules[0]
