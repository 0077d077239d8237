"""Media profiles as data: ours are right, a wrong one is refused with all its errors at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediasvc.errors import SettingsError
from mediasvc.media.checking.verdict import best_profile
from mediasvc.standard.disc_rules import RULES
from mediasvc.standard.profiles import CAPACITY, load_profile, profiles
from mediasvc.standard.profiles_not_offered import in_words

EXPLICIT, JPEG_SV1, J2K = (f"1.2.840.10008.1.2{tail}" for tail in (".1", ".4.70", ".4.90"))


def test_the_general_profiles_allow_what_ps3_11_lists() -> None:
    assert load_profile("STD-GEN-CD").transfer_syntaxes == (EXPLICIT,)
    for name in ("STD-GEN-DVD-JPEG", "STD-GEN-USB-JPEG"):
        assert set(load_profile(name).transfer_syntaxes) == {
            EXPLICIT, JPEG_SV1, "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"}
    for name in ("STD-GEN-DVD-J2K", "STD-GEN-USB-J2K"):
        assert set(load_profile(name).transfer_syntaxes) == {
            EXPLICIT, J2K, "1.2.840.10008.1.2.4.91"}


def test_no_general_profile_allows_what_readers_need_not_open() -> None:
    """R11-1: no JPEG-LS, RLE, HTJ2K, JPEG XL or HEVC."""
    foreign = {f"1.2.840.10008.1.2.{tail}" for tail in
               ("5", "4.80", "4.81", "4.201", "4.202", "4.203", "4.110", "4.111", "4.107")}
    for profile in profiles():
        if profile.name.startswith("STD-GEN-"):
            assert not foreign & set(profile.transfer_syntaxes), profile.name


@pytest.mark.parametrize("profile", profiles(), ids=lambda profile: profile.name)
def test_every_shipped_profile_can_be_built(profile: object) -> None:
    assert not profile.preferred or profile.preferred[-1] in (  # type: ignore[attr-defined]
        EXPLICIT, JPEG_SV1)
    assert profile.medium.discs[0] in CAPACITY  # type: ignore[attr-defined]


def test_a_misspelt_name_gets_a_suggestion() -> None:
    with pytest.raises(SettingsError, match="Did you mean STD-GEN-DVD-J2K"):
        load_profile("STD-GEN-DVD-JP2K")


def test_a_site_can_add_a_profile_and_replace_one_of_ours(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "profiles" / "STD-GEN-CD.toml").read_text()
    (tmp_path / "OUR-CD.toml").write_text(text.replace('"STD-GEN-CD"', '"OUR-CD"'))
    assert load_profile("OUR-CD", tmp_path).name == "OUR-CD"
    assert "OUR-CD" in {profile.name for profile in profiles(tmp_path)}
    (tmp_path / "STD-GEN-CD.toml").write_text(text.replace("General", "Changed"))
    assert load_profile("STD-GEN-CD", tmp_path).title.startswith("Changed")


def test_all_errors_of_a_profile_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "BAD.toml").write_text(
        'kind = "media"\nname = "BAD"\ntitle = 7\nclauze = ""\n[medium]\nkind = "cd"\n')
    with pytest.raises(SettingsError) as error:
        load_profile("BAD", tmp_path)
    for words in ("clauze is unknown", "title must be a text", "preferred is missing",
                  "medium.discs is missing"):
        assert words in str(error.value)


def test_a_preferred_syntax_that_is_not_allowed_is_refused(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "profiles" / "STD-GEN-CD.toml").read_text()
    (tmp_path / "ODD.toml").write_text(text.replace('"STD-GEN-CD"', '"ODD"').replace(
        f'preferred = ["{EXPLICIT}"]', f'preferred = ["{J2K}"]'))
    with pytest.raises(SettingsError, match="preferred"):
        load_profile("ODD", tmp_path)


def test_another_kind_of_file_in_the_folder_is_no_media_profile(tmp_path: Path) -> None:
    (tmp_path / "NIGHT.toml").write_text('kind = "recompression"\n')
    assert "NIGHT" not in {profile.name for profile in profiles(tmp_path)}
    with pytest.raises(SettingsError, match="not a media profile"):
        load_profile("NIGHT", tmp_path)


@pytest.mark.parametrize(("used", "kind", "length", "name"), [
    ([EXPLICIT], "iso", 1 << 20, "STD-GEN-CD"),
    ([EXPLICIT], "iso", 2 << 30, "STD-GEN-DVD-JPEG"),
    ([EXPLICIT, JPEG_SV1], "iso", 1 << 20, "STD-GEN-DVD-JPEG"),
    ([J2K], "folder", 1 << 20, "STD-GEN-DVD-J2K"),
    (["1.2.840.10008.1.2.5"], "zip", 1 << 20, "ZIP"),
])
def test_the_profile_of_a_foreign_disc_is_the_best_fit(used: list[str], kind: str, length: int,
                                                       name: str) -> None:
    assert best_profile(profiles(), used, kind, length).name == name


def test_rule_ids_are_unique() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_profiles_are_listed_and_shown(cli: object) -> None:
    from click.testing import CliRunner

    from mediasvc.cli.profiles import command
    from mediasvc.cli.session import Session

    session = Session(Path("unused"), None, False, False, False)
    listed = CliRunner().invoke(command, ["list"], obj=session)
    assert "STD-GEN-USB-J2K" in listed.output
    shown = CliRunner().invoke(command, ["show", "ZIP"], obj=session)
    assert "PS3.12 Annex V" in shown.output


@pytest.mark.parametrize(("name", "reason"), [
    ("STD-WVFM-ECG-FD", "for diskettes of 1.44 MB"), ("STD-US-SC-MF-MOD23-90", "no drive writes"),
    ("STD-CTMR-MOD41", "no drive writes")])
def test_a_profile_of_the_standard_that_is_not_offered_says_why(name: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is not offered: .*{reason}"):
        load_profile(name)
    assert any(reason in sentence for sentence in in_words())


# --- rules for single images ---------------------------------------------------------------------

CT, MR, SC, US, SR, XA = (f"1.2.840.10008.5.1.4.1.1.{tail}" for tail in
                          ("2", "4", "7", "6.1", "88.11", "12.1"))
PLAIN_CT = {"Modality": "CT", "PhotometricInterpretation": "MONOCHROME2"}


@pytest.mark.parametrize(("name", "sop_class", "syntax", "facts", "words"), [
    ("STD-CTMR-CD", CT, EXPLICIT, PLAIN_CT, ""),
    ("STD-CTMR-CD", CT, EXPLICIT, PLAIN_CT | {"PhotometricInterpretation": "MONOCHROME1"},
     "Photometric Interpretation must be MONOCHROME2"),
    ("STD-CTMR-DVD", MR, JPEG_SV1, {"Modality": "MR", "PhotometricInterpretation": "MONOCHROME2",
                                    "BitsStored": 12, "HighBit": 11}, ""),
    ("STD-CTMR-DVD", MR, JPEG_SV1, {"Modality": "MR", "PhotometricInterpretation": "MONOCHROME2",
                                    "BitsStored": 10, "HighBit": 9}, "Bits Stored must be 8 or 12"),
    ("STD-CTMR-CD", SC, EXPLICIT, {"SamplesPerPixel": 1, "BitsAllocated": 8, "BitsStored": 8,
                                   "HighBit": 7, "PhotometricInterpretation": "PALETTE COLOR"}, ""),
    ("STD-US-ID-SF-CDR", US, "1.2.840.10008.1.2.5", {"PhotometricInterpretation": "RGB"}, ""),
    ("STD-US-ID-SF-CDR", US, "1.2.840.10008.1.2.4.50", {"PhotometricInterpretation": "RGB"},
     "transfer syntax does not go"),
    ("STD-US-ID-SF-CDR", US, EXPLICIT, {"PhotometricInterpretation": "MONOCHROME1"}, "MONOCHROME2"),
    ("STD-US-SC-SF-CDR", US, EXPLICIT, {"PhotometricInterpretation": "RGB"},
     "no Sequence Of Ultrasound Regions"),
    ("STD-US-CC-SF-CDR", US, EXPLICIT, {"PhotometricInterpretation": "RGB",
                                        "SequenceOfUltrasoundRegions": "(items)"},
     "no Pixel Component Organization"),
    ("STD-XA1K-CD", XA, JPEG_SV1, {"Modality": "XA", "BitsStored": 10, "Rows": 1024}, ""),
    ("STD-XA1K-CD", XA, JPEG_SV1, {"Modality": "XA", "BitsStored": 10, "Rows": 1025},
     "Rows must be at most 1024"),
    ("STD-XABC-CD", XA, EXPLICIT, {"Modality": "XA", "BitsStored": 8, "BitsAllocated": 8}, ""),
    ("STD-DVD-MPEG2-MPML", US, "1.2.840.10008.1.2.4.100", {"NumberOfFrames": 1}, ""),
    ("STD-DVD-MPEG2-MPML", US, "1.2.840.10008.1.2.4.100", {}, "no Number Of Frames"),
    ("STD-GEN-CD", CT, EXPLICIT, {}, ""),
])
def test_an_image_keeps_a_rule_or_it_is_said_which_one_it_breaks(
        name: str, sop_class: str, syntax: str, facts: dict[str, object], words: str) -> None:
    said = load_profile(name).trouble(sop_class, syntax, facts)
    assert words in said and bool(said) == bool(words), said


def test_what_an_image_is_transcoded_to_goes_with_its_values() -> None:
    ultrasound = load_profile("STD-US-ID-SF-CDR")
    assert ultrasound.preferred_for(US, {"PhotometricInterpretation": "YBR_FULL"}) == (
        "1.2.840.10008.1.2.5",)
    assert ultrasound.preferred_for(US, {"PhotometricInterpretation": "YBR_FULL_422"}) == (
        EXPLICIT,)
    xa1k = load_profile("STD-XA1K-DVD")
    assert xa1k.preferred_for(SC, {"SamplesPerPixel": 1, "BitsAllocated": 8, "BitsStored": 8,
                                   "HighBit": 7, "PhotometricInterpretation": "MONOCHROME2"}) == (
        EXPLICIT,)


def test_all_general_profiles_of_ps3_11_are_there() -> None:
    """Tables D.1-1 to N.1-1 with A, B, C, E, K and L; not the optical disks that nobody reads any
    more (MOD), and not the waveform diskettes, which are retired."""
    media = [f"{medium}-{codec}" for medium in ("USB", "MMC", "CF", "SD", "DVD", "BD")
             for codec in ("JPEG", "J2K")]
    general = ["CD", "DVD-RAM", "BD", *media, *(f"BD-MPEG{tail}" for tail in (
        "2-MPML", "2-MPHL", "4-HPLV41", "4-HPLV41BD", "4-HPLV42-2D", "4-HPLV42-3D", "4-SHPLV42"))]
    wanted = {f"STD-GEN-{secure}{name}" for name in general for secure in ("", "SEC-")}
    wanted |= {"STD-GEN-MIME", "STD-GEN-ZIP-MAIL", "STD-GEN-SEC-ZIP-MAIL", "STD-DVD-MPEG2-MPML",
               "STD-DVD-SEC-MPEG2-MPML", "STD-XABC-CD", "STD-XA1K-CD", "STD-XA1K-DVD",
               "STD-CTMR-CD", "STD-CTMR-DVD-RAM", "STD-CTMR-DVD", "STD-DEN-CD",
               "STD-DTL-SEC-ZIP-MAIL"}
    wanted |= {f"STD-US-{kind}-{frames}-{medium}" for kind in ("ID", "SC", "CC")
               for frames in ("SF", "MF") for medium in ("CDR", "DVD-RAM", "DVD")}
    assert {profile.name for profile in profiles() if profile.name.startswith("STD-")} == wanted


def test_a_secure_profile_is_its_twin_with_every_file_wrapped() -> None:
    secure, plain = load_profile("STD-GEN-SEC-DVD-JPEG"), load_profile("STD-GEN-DVD-JPEG")
    assert secure.secure and not plain.secure
    assert secure.transfer_syntaxes == plain.transfer_syntaxes and secure.medium == plain.medium
