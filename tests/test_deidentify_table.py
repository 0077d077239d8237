"""Every row of table E.1-1, alone and inside a sequence, under every option; pydicom judges."""

from __future__ import annotations

import io
import warnings

import pydicom
import pytest
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from mediasvc.dicom.deidentify import deidentify
from mediasvc.dicom.deidentify_keys import Keys
from mediasvc.dicom.deidentify_words import DEVICE, IDENTIFIERS, INSTITUTION
from mediasvc.dicom.pieces import assemble
from mediasvc.standard.deidentification import CLEAN, RETAIN, Policy, action_of, table
from samples.synthesis import instance, to_bytes

KEYS = Keys(b"a secret of the tests, not of use")
WORDS = ("QUOKKA", "Walter", "471100", "WOMBAT", "NUMBAT")
VALUES = {"PN": "Walter^Quentin",
          "AE": "QUOKKA", "AS": "041Y", "CS": "QUOKKA", "DA": "20010203", "DS": "41.5",
          "DT": "20010203040506", "IS": "41", "TM": "040506",
          "UR": "http://quokka", "OB": b"QUOKKA", "UN": b"QUOKKA", "OW": b"QUOKKA", "FD": 41.5,
          "FL": 41.5, "US": 41, "SL": 41, "UL": 41, "SS": 41, "AT": 0x00100010, "OD": bytes(8),
          "OF": bytes(4), "OL": bytes(4), "OV": bytes(8), "SV": 41, "UV": 41}
#: Set by us afterwards, or needed for the file to be one.
OURS = {0x00100010, 0x00100020, 0x00080018, 0x00020003, 0x00280303}
#: Selector UN Value: what nobody can read goes, whatever the table says.
SELECTOR_UN = 0x0072006D
ROWS = {int(tag, 16): row for tag, row in table().items() if "X" not in tag and tag != "PRIVATE"}
POLICIES = [Policy(), *(Policy.of([option]) for option in RETAIN),
            *(Policy.of(clean=[option]) for option in CLEAN)]


def value_of(tag: int, vr: str) -> object:
    """Who a thing belongs to has another word than what options keep of others."""
    if tag in INSTITUTION:
        return "WOMBAT"
    if tag in DEVICE:
        return "NUMBAT"
    if vr == "UI":
        return f"1.2.3.{tag}"
    return "471100" if tag in IDENTIFIERS else VALUES.get(vr, "QUOKKA")


def filled(tags: list[int]) -> Dataset:
    ds = Dataset()
    for tag in tags:
        vr = dictionary_VR(tag)
        if vr == "SQ":
            inner = Dataset()
            inner.CodeValue, inner.ReferencedSOPInstanceUID = "QUOKKA", "1.2.3.4.5.6.7"
            ds.add_new(tag, vr, Sequence([inner]))
        else:
            ds.add_new(tag, vr, value_of(tag, vr))
    return ds


@pytest.fixture(scope="module")
def raw() -> bytes:
    """A CT with every attribute of the table, and again in one item."""
    warnings.simplefilter("ignore")
    tags = [tag for tag in ROWS if tag >> 16 >= 8 and tag not in OURS and tag != 0x00420011]
    ds = instance(1)
    for element in filled(tags):
        ds.add(element)
    ds.AnatomicRegionSequence = Sequence([filled([tag for tag in tags if tag != 0xFFFAFFFA])])
    return to_bytes(ds)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: "-".join(policy.options) or "basic")
@pytest.mark.filterwarnings("ignore")
def test_each_attribute_has_its_action(raw: bytes, policy: Policy) -> None:
    view = memoryview(raw)
    new = pydicom.dcmread(io.BytesIO(b"".join(assemble(
        view, deidentify(view, policy, KEYS).pieces))))
    old = pydicom.dcmread(io.BytesIO(raw))
    levels = [(old, new, False),
              (old.AnatomicRegionSequence[0], new.AnatomicRegionSequence[0], True)]
    for before, after, nested in levels:
        for tag in ROWS:
            if tag not in before or (not nested and tag in OURS) or tag == SELECTOR_UN:
                continue
            vr = dictionary_VR(tag)
            action = action_of(tag, vr, policy, old.SOPClassUID, nested=nested)
            judge(tag, vr, action, before, after)


def judge(tag: int, vr: str, action: str, before: Dataset, after: Dataset) -> None:
    there = tag in after
    value = after[tag].value if there else None
    if action == "X":
        assert not there, f"{tag:08X}"
    elif action == "Z":
        assert there and not value, f"{tag:08X}"
    elif action in ("D", "U"):
        assert (there and value and value != before[tag].value) or tag == 0x00700001, f"{tag:08X}"
    elif action == "K" and vr != "SQ":
        assert there and value == before[tag].value, f"{tag:08X}"
    if action != "K":
        assert all(word not in str(after.get(tag, "")) for word in WORDS)


def test_options_change_what_they_name_and_nothing_else() -> None:
    basic = POLICIES[0]
    for policy in POLICIES[1:]:
        [option] = policy.options
        for tag, row in ROWS.items():
            vr = dictionary_VR(tag)
            changed = action_of(tag, vr, policy, "", nested=False) != action_of(
                tag, vr, basic, "", nested=False)
            if changed:
                assert option in row.options, f"{tag:08X} {option}"
