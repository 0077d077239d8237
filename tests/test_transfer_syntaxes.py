"""The table of transfer syntaxes against another library's, and the words people type."""

from __future__ import annotations

import pytest
from pydicom._uid_dict import UID_dictionary

from mediasvc.errors import SettingsError
from mediasvc.standard import transfer_syntaxes as ts

CONTRACT = ["implicit", "explicit", "deflated", "rle", "jpeg", "jpeg12", "jpll", "jls", "jls-near",
            "j2k", "j2k-lossy", "htj2k", "htj2k-rpcl", "htj2k-lossy", "jxl", "jxl-lossy",
            "jxl-jpeg"]


def test_names_and_keywords_are_those_of_the_standard() -> None:
    for uid, (name, kind, _, retired, keyword) in UID_dictionary.items():
        if kind == "Transfer Syntax":
            row = ts.TRANSFER_SYNTAXES[uid]
            assert (row.name, row.keyword, row.retired) == (name, keyword, retired == "Retired")


@pytest.mark.parametrize("alias", CONTRACT)
def test_every_alias_of_the_contract_is_known(alias: str) -> None:
    row = ts.transfer_syntax(alias)
    assert row.alias == alias
    assert ts.transfer_syntax(row.uid) is ts.transfer_syntax(row.keyword) is row


@pytest.mark.parametrize(("text", "uid"), [
    ("JPLL", ts.JPEG_LOSSLESS_SV1), (" explicit ", ts.EXPLICIT), ("jpeg2000", ts.J2K),
    ("htj2k", ts.HTJ2K_LOSSLESS), ("HTJ2K", ts.HTJ2K), ("Htj2k", ts.HTJ2K_LOSSLESS),
    ("rlelossless", ts.RLE), ("bigendian", ts.BIG_ENDIAN),
])
def test_words_are_found_in_any_case_and_the_alias_comes_first(text: str, uid: str) -> None:
    assert ts.transfer_syntax(text).uid == uid


def test_a_misspelt_word_is_answered_with_near_ones() -> None:
    with pytest.raises(SettingsError, match=r"Did you mean .*jpll"):
        ts.transfer_syntax("jpl")
    with pytest.raises(SettingsError, match="Known are: implicit explicit"):
        ts.transfer_syntax("zzzzzzzz")


def test_aliases_and_keywords_are_unique() -> None:
    rows = ts.TRANSFER_SYNTAXES.values()
    for words in ([row.alias for row in rows if row.alias], [row.keyword for row in rows]):
        assert len(words) == len(set(words))


def test_only_named_syntaxes_change_pixels() -> None:
    lossless = {row.alias for row in ts.TRANSFER_SYNTAXES.values()
                if row.alias and row.loss == "never"}
    assert lossless == {"implicit", "explicit", "encapsulated", "deflated", "bigendian", "jpll",
                        "jls",
                        "j2k", "jxl", "htj2k", "htj2k-rpcl", "rle", "deflated-frame"}
