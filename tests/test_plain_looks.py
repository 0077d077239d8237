"""What decides how a frame looks is the same, straight from the framing and by pydicom."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from mediasvc.dicom.framing import read_framing
from mediasvc.media.page.display import pixel_aspect, to_picture
from mediasvc.media.page.plain_looks import plain_looks
from samples.synthesis import instance, to_bytes


def _looks(**keywords: Any) -> tuple[Dataset, Dataset | None]:
    data = to_bytes(instance(**keywords))
    return dcmread(BytesIO(data)), plain_looks(read_framing(memoryview(data)))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("keywords", [
    {}, {"WindowCenter": [40, 300], "WindowWidth": [400, 1500]},
    {"RescaleSlope": 2.5, "RescaleIntercept": -1024, "PixelPaddingValue": 0},
    {"PhotometricInterpretation": "MONOCHROME1", "PixelSpacing": [0.5, 0.25]},
    {"WindowCenter": 100, "WindowWidth": 200, "VOILUTFunction": "SIGMOID"},
    {"PixelRepresentation": 1, "PixelPaddingValue": -5, "InstitutionName": "x" * 2000}])
def test_a_frame_looks_the_same(syntax: str, keywords: dict[str, Any]) -> None:
    for _ in range(2):  # what was kept of the first one serves the second
        header, looks = _looks(transfer_syntax=syntax, **keywords)
        assert looks is not None
        samples = header.pixel_array
        assert np.array_equal(to_picture(samples, looks), to_picture(samples, header))
        assert pixel_aspect(looks) == pixel_aspect(header)


@pytest.mark.parametrize("keywords", [
    {"VOILUTSequence": Sequence([Dataset()])}, {"ModalityLUTSequence": Sequence([Dataset()])},
    {"SharedFunctionalGroupsSequence": Sequence([Dataset()])},
    {"RedPaletteColorLookupTableData": bytes(8)},
    {"SegmentedRedPaletteColorLookupTableData": bytes(8)},
    {"transfer_syntax": ExplicitVRBigEndian}])
def test_tables_and_groups_are_for_pydicom(keywords: dict[str, Any]) -> None:
    assert _looks(**keywords)[1] is None


def test_who_looks_otherwise_is_seen_otherwise() -> None:
    wide, narrow = (_looks(WindowCenter=40, WindowWidth=width)[1] for width in (400, 80))
    assert wide is not None and narrow is not None
    assert (wide.WindowWidth, narrow.WindowWidth) == (400, 80)
