"""Policies: how far each modality may be compressed with loss, as data in profiles/."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import FileDataset

from mediasvc.codecs.codec import Control
from mediasvc.codecs.search import Goal, Trial
from mediasvc.errors import SettingsError, UnsupportedError
from mediasvc.standard.lossy_policy import Cap, LossyPolicy, load_lossy_policy
from mediasvc.standard.profiles import profiles
from mediasvc.work.planning.lossy_caps import encode_within
from mediasvc.work.transcode import transcode_instance
from mediasvc.work.transcoding.transcode_row import Options, RatioRow
from samples.synthesis import instance, to_bytes
from tests.conftest import Program

SITE = """
kind = "lossy"
name = "SITE"
title = "Ours"
source = "a meeting"
lossy_on_lossy = true
[caps]
MG = 15
US = { ratio = 12, max_error = 9 }
others = 4
"""


def policy(*caps: Cap, lossy_on_lossy: bool = False) -> LossyPolicy:
    return LossyPolicy("SITE", "Ours", "a meeting", caps, lossy_on_lossy)


def picture(modality: str, **keywords: str) -> FileDataset:
    return instance(modality=modality, rows=128, columns=128, **keywords)


def lossy(ds: FileDataset, chosen: LossyPolicy, target: str = "j2k-lossy",
          goal: Goal = Goal()) -> RatioRow:  # noqa: B008
    options = Options(goal, policy=chosen)
    return transcode_instance(memoryview(to_bytes(ds)), target,
                              Options.from_json(options.as_json())).row


@pytest.mark.parametrize("name", ["LOSSY-DRG", "LOSSY-CAR"])
def test_shipped_policies_name_their_source_and_leave_mammography_out(name: str) -> None:
    shipped = load_lossy_policy(name)
    assert shipped.source and shipped.cap("CT", mammography=False)
    assert shipped.cap("MG", mammography=True) is None
    assert shipped.cap("OT", mammography=False) is None and not shipped.lossy_on_lossy
    assert name not in {profile.name for profile in profiles()}


def test_a_site_has_policies_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "SITE.toml").write_text(SITE)
    own = load_lossy_policy("SITE", tmp_path)
    assert own.cap("US", mammography=False) == Cap("US", 12, 9)
    assert own.cap("XA", mammography=False) == Cap("others", 4)
    assert own.cap("CR", mammography=True) == Cap("MG", 15) and own.lossy_on_lossy
    assert LossyPolicy.from_json(own.as_json()) == own


def test_an_unknown_policy_gets_the_nearest_name() -> None:
    with pytest.raises(SettingsError, match="Did you mean LOSSY-DRG"):
        load_lossy_policy("LOSSY-DGR")
    with pytest.raises(SettingsError, match="LOSSY-CAR"):
        load_lossy_policy("nothing")


@pytest.mark.parametrize(("change", "words"), [
    (("MG = 15", "MG = 0.5"), "caps.MG: ratio must be a number of 1 or more"),
    (("MG = 15", 'MG = "15"'), "caps.MG: ratio"),
    (("max_error = 9", "max_error = 0"), "caps.US: max_error"),
    (("max_error = 9", "quality = 9"), "quality is unknown"),
    (('name = "SITE"', 'name = "OTHER"'), "the file says 'SITE'"),
    (("lossy_on_lossy = true", "lossy_on_lossy = 1"), "true or false"),
    (('title = "Ours"', "colour = 3"), "colour is unknown; title must be a text"),
    (("[caps]", "[caps.x]"), "ratio"),
])
def test_all_that_is_wrong_with_a_policy_is_told_at_once(tmp_path: Path, change: tuple[str, str],
                                                         words: str) -> None:
    (tmp_path / "SITE.toml").write_text(SITE.replace(*change))
    with pytest.raises(SettingsError, match=r"SITE\.toml") as caught:
        load_lossy_policy("SITE", tmp_path)
    assert words in caught.value.text


@pytest.mark.parametrize("target", ["j2k-lossy", "htj2k-lossy", "jls-near"])
def test_a_cap_is_what_is_aimed_at_and_never_passed(target: str) -> None:
    ratio = lossy(picture("CT"), policy(Cap("CT", 5)), target).ratio
    assert ratio is not None and 3 < ratio <= 5


@pytest.mark.parametrize("goal", [Goal(ratio=20), Goal(max_error=2000), Goal(quality=25)])
def test_whoever_wishes_more_than_the_cap_gets_the_cap(goal: Goal) -> None:
    ratio = lossy(picture("CT"), policy(Cap("CT", 5)), goal=goal).ratio
    assert ratio is not None and 3 < ratio <= 5


def test_whoever_wishes_less_than_the_cap_gets_less() -> None:
    ratio = lossy(picture("CT"), policy(Cap("CT", 12)), goal=Goal(ratio=4)).ratio
    assert ratio is not None and 4 <= ratio < 6


def test_an_error_may_be_capped_too() -> None:
    row = lossy(picture("CT"), policy(Cap("CT", 50, max_error=6)), "jls-near")
    assert row.max_error is not None and 0 < row.max_error <= 6


def test_a_modality_without_a_row_is_not_compressed_with_loss() -> None:
    with pytest.raises(UnsupportedError, match="SITE does not let MR be compressed"):
        lossy(picture("MR"), policy(Cap("CT", 5)))


def test_mammography_and_lossy_on_lossy_only_where_the_policy_names_them() -> None:
    mammogram = picture("CR", Modality="MG")
    with pytest.raises(UnsupportedError, match="mammography"):
        lossy(mammogram, policy(Cap("others", 15), Cap("CR", 10)))
    assert lossy(mammogram, policy(Cap("MG", 15))).max_error
    twice = picture("CT", LossyImageCompression="01")
    with pytest.raises(UnsupportedError, match="already compressed with loss"):
        lossy(twice, policy(Cap("CT", 5)))
    assert lossy(twice, policy(Cap("CT", 5), lossy_on_lossy=True)).max_error


def test_an_image_that_is_small_at_its_finest_goes_to_a_lossless_syntax() -> None:
    control = Control(worst=255, best=1, default=2, whole=True)
    with pytest.raises(UnsupportedError, match="take a lossless syntax"):
        encode_within(Goal(), Cap("CT", 5), control, lambda dial: Trial(b"x", 30.0, lambda: 1))


def test_the_policy_is_named_on_the_command_line(cli: Program, tmp_path: Path) -> None:
    for modality in ("CT", "US"):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / modality).write_bytes(to_bytes(picture(modality)))
    done = cli("transcode", tmp_path / "in", tmp_path / "out", "-t", "htj2k-lossy", "--policy",
               "LOSSY-DRG")
    (row,), (skipped,) = done.of("instance"), done.of("skipped")
    assert row["modality"] == "CT" and 3 < row["ratio"] <= 5
    assert "LOSSY-DRG does not let US" in skipped["reason"]
    assert cli("transcode", tmp_path / "in", tmp_path / "o", "-t", "j2k-lossy", "--policy",
               "LOSSY").code == 3


def test_a_policy_in_the_home_of_the_site_is_found(cli: Program, tmp_path: Path) -> None:
    (tmp_path / "us").write_bytes(to_bytes(picture("US")))
    (cli.home / "profiles").mkdir(parents=True)
    (cli.home / "profiles" / "SITE.toml").write_text(SITE)
    done = cli("transcode", tmp_path / "us", tmp_path / "out", "-t", "jls-near", "--policy", "SITE")
    assert done.code == 0 and 0 < done.of("instance")[0]["max_error"] <= 9
