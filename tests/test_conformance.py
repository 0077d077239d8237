"""The conformance statement claims what is proven here and in the tests that it names."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import imagecodecs
import pytest
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLosslessSV1

from mediasvc.report.conformance import is_standard, roles, statement
from mediasvc.report.conformance_claims import CHAPTERS, CLAIMS
from mediasvc.report.conformance_text import as_page, as_text
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Limits
from mediasvc.standard.disc_rules import RULES
from mediasvc.standard.profiles import Profile, profiles
from mediasvc.work.building.disc_build import Container, build_disc, name_file_set
from mediasvc.work.check_disc import check_disc
from samples.synthesis import instance
from tests.conftest import Program
from tests.disc_kinds import region
from tests.disc_things import disc_instances, facts, new_sandbox

TESTS = Path(__file__).parent
PASSWORD = "correct horse battery"
EXPLICIT = "1.2.840.10008.1.2.1"
STORAGE = "1.2.840.10008.5.1.4.1.1."


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with new_sandbox() as sandbox:
        yield sandbox


# --- what is claimed of profiles -----------------------------------------------------------------

def same_rules(profile: Profile) -> str:
    """Profiles that differ only in what their medium is called are made alike."""
    return repr((profile.medium.kind in ("usb", "mmc", "cf", "sd"), profile.medium.udf,
                 profile.medium.kind in ("mail", "mime"), profile.transfer_syntaxes,
                 profile.directory_keys, profile.sop_classes, profile.images, profile.secure))


CLAIMED = {same_rules(profile): profile for profile in profiles() if not profile.reads_only}


def fitting(profile: Profile) -> list[FileDataset]:
    """An instance that the profile is for."""
    syntax = profile.transfer_syntaxes[-1]
    if syntax > "1.2.840.10008.1.2.4.1" and len(syntax) == len("1.2.840.10008.1.2.4.100"):
        return [video(syntax)]
    if profile.name.startswith("STD-US"):
        item = region()
        item[0].PixelComponentOrganization = 0
        item[0].PixelComponentMask = 255
        return [instance(1, 1, modality="US", SequenceOfUltrasoundRegions=item)]
    if profile.name in ("STD-DEN-CD", "STD-DTL-SEC-ZIP-MAIL"):
        return [instance(1, 1, modality="CR", SOPClassUID=STORAGE + "1.1", Modality="DX",
                         DetectorID="7", DetectorManufacturerName="",
                         DetectorManufacturerModelName="")]
    if profile.name.startswith("STD-XA"):
        return [angiogram(8 if profile.name == "STD-XABC-CD" else 12)]
    return [instance(1, 1)]


def angiogram(bits: int) -> FileDataset:
    xa = instance(1, 1, modality="CR")
    pixels = (xa.pixel_array >> (12 - bits)).astype("uint8" if bits == 8 else "uint16")
    xa.SOPClassUID = xa.file_meta.MediaStorageSOPClassUID = STORAGE + "12.1"
    xa.Modality, xa.ImageType = "XA", ["ORIGINAL", "PRIMARY", "SINGLE PLANE"]
    xa.BitsAllocated, xa.BitsStored, xa.HighBit = (8 if bits == 8 else 16), bits, bits - 1
    coded = imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=1, bitspersample=bits)
    xa.PixelData = encapsulate([bytes(coded)], has_bot=False)
    xa["PixelData"].VR, xa["PixelData"].is_undefined_length = "OB", True
    xa.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    return xa


def video(syntax: str) -> FileDataset:
    ds = instance(1, 1, modality="CINE")
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = STORAGE + "77.1.1.1"
    ds.PixelData = encapsulate([b"\0\0\1\xb3 a stream ".ljust(64, b"\0")], has_bot=False)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = syntax
    return ds


def container_of(profile: Profile) -> Container:
    kinds: dict[str, Container] = {"cd": "iso", "dvd": "iso", "bd": "iso", "zip": "zip",
                                   "mail": "mail", "mime": "mail"}
    return kinds.get(profile.medium.kind, "folder")


@pytest.mark.parametrize("profile", CLAIMED.values(), ids=lambda profile: profile.name)
def test_a_file_set_of_every_claimed_profile_is_made_and_judged(sandbox: Sandbox, tmp_path: Path,
                                                                profile: Profile) -> None:
    files = disc_instances(tmp_path / "in", fitting(profile))
    container, target, scratch = container_of(profile), tmp_path / "out", tmp_path / "scratch"
    scratch.mkdir()
    if container == "folder":
        target.mkdir()
    seal = None
    if profile.secure:
        pytest.importorskip("asn1crypto")
        from mediasvc.work.building.seal import seal_for
        from tests.mail_identities import identity
        mail = container == "mail"
        seal = seal_for(profile, container, "" if mail else PASSWORD,
                        (identity("Clinic").certificate,) if mail else (), identity("Desk").both)
    name = name_file_set(files, "test")
    build_disc(sandbox, files, profile, name, facts(profile.name, name.id), target=target,
               container=container, scratch=scratch, report=lambda *_: None, seal=seal)
    verdict = check_disc(target, sandbox, Limits(), profile=profile.name,
                         password=seal.opening if seal else None)
    assert verdict.passed and verdict.instances == 1, [
        (result.rule.id, result.reason) for result in verdict.failed]
    assert verdict.profile == profile.name


def test_the_statement_claims_neither_more_nor_less_than_the_profiles() -> None:
    known = {profile.name: profile for profile in profiles()}
    made = statement(profiles())
    claimed = {role["profile"]: role for role in (*made["profiles"], *made["private_profiles"])}
    assert claimed.keys() == known.keys()
    for name, role in claimed.items():
        assert tuple(role["transfer_syntaxes"]) == known[name].transfer_syntaxes
        assert role["creator"] == (not known[name].reads_only)
        assert bool(role["why"]) == bool(known[name].reads_only)
    assert {role["profile"] for role in made["private_profiles"]} == {
        name for name, profile in known.items() if not is_standard(profile)}
    assert {rule["id"] for rule in made["rules"]} == {rule.id for rule in RULES}


def test_a_profile_of_the_sites_own_is_declared_as_private(tmp_path: Path) -> None:
    text = (TESTS.parent / "profiles" / "STD-GEN-CD.toml").read_text()
    (tmp_path / "OUR-CD.toml").write_text(text.replace('"STD-GEN-CD"', '"OUR-CD"').replace(
        'secure_twin = "STD-GEN-SEC-CD"\n', ""))
    made = statement(profiles(tmp_path))
    assert "OUR-CD" in {role["profile"] for role in made["private_profiles"]}
    assert len(roles(profiles(tmp_path))) == len(profiles()) + 1


# --- what is claimed in words --------------------------------------------------------------------

def named_tests() -> dict[str, set[str]]:
    return {path.name: {node.name for node in ast.walk(ast.parse(path.read_text("utf-8")))
                        if isinstance(node, ast.FunctionDef)}
            for path in TESTS.glob("test_*.py")}


def test_every_claim_names_tests_that_are_there() -> None:
    there = named_tests()
    made = statement(profiles())
    proofs = [proof for claim in CLAIMS for proof in claim.proofs]
    proofs += [proof for role in made["profiles"] for proof in role["proofs"]]
    proofs += [rule["proof"] for rule in made["rules"]]
    assert all(claim.proofs for claim in CLAIMS)
    for proof in proofs:
        file, _, name = proof.partition("::")
        assert name in there.get(file, ()), proof
    assert {claim.chapter for claim in CLAIMS} <= {number for number, _ in CHAPTERS}


def test_every_rule_of_the_list_is_named_by_a_test() -> None:
    """Shown to be able to fail, that is: by its id in a test of damaged discs."""
    text = "".join(path.read_text("utf-8") for path in TESTS.glob("test_*.py")
                   if path.name != Path(__file__).name)
    assert [rule.id for rule in RULES if f'"{rule.id}"' not in text] == []


# --- how it is given -----------------------------------------------------------------------------

def test_the_statement_comes_as_text_page_and_data(cli: Program, tmp_path: Path) -> None:
    said = cli.text("profiles", "conformance").stdout
    assert "PS3.10 7.5" in said and "STD-GEN-DVD-J2K" in said and "R10-3" in said
    for suffix in ("html", "json", "txt"):
        done = cli("profiles", "conformance", "--to", tmp_path / f"a.{suffix}")
        assert done.code == 0 and done.summary["creator"] > 40
    assert (tmp_path / "a.txt").read_text() == as_text(statement(profiles()))
    assert json.loads((tmp_path / "a.json").read_text())["rules"]
    ElementTree.fromstring((tmp_path / "a.html").read_bytes().partition(b">\n")[2])
    assert cli("profiles", "conformance", "--to", tmp_path / "a.pdf").code == 3
    assert as_page(statement(profiles())) == (tmp_path / "a.html").read_bytes()


def test_every_page_of_the_statement_says_how_it_is_proven() -> None:
    page = as_page(statement(profiles())).decode()
    for claim in CLAIMS:
        assert claim.proofs[0] in page


