"""Two digests in one go are those of hashlib, wherever blocks and heads end."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasvc.codecs import sha256
from mediasvc.codecs.machine import processor_has
from mediasvc.codecs.sha256 import FROM, sha256_of_both, sha256_of_two

BYTES = random.Random(256).randbytes(FROM + 300)


def by_hashlib(*parts: bytes | memoryview) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


@settings(deadline=None)  # the first call may compile
@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(0, 300))
def test_two_files_that_end_alike_are_hashed_as_by_themselves(first, second, more):
    tail = memoryview(BYTES)[more % 7:FROM + more]
    assert sha256_of_both(first, second, tail) == (by_hashlib(first, tail),
                                                   by_hashlib(second, tail))


@pytest.mark.parametrize("head", [0, 1, 54, 55, 56, 63, 64, 65, 119, 128, 40_000])
@pytest.mark.parametrize("more", [0, 1, 55, 56, 63])
def test_no_length_of_head_or_tail_is_special(head, more):
    first, tail = BYTES[:head], memoryview(BYTES)[:FROM + more]
    assert sha256_of_both(first, b"", tail) == (by_hashlib(first, tail), by_hashlib(tail))


def test_short_files_and_other_processors_hash_one_after_the_other(monkeypatch):
    assert sha256_of_both(b"a", b"b", b"c") == (by_hashlib(b"ac"), by_hashlib(b"bc"))
    monkeypatch.setattr(sha256, "_kernel", lambda: None)
    assert sha256_of_both(b"a", b"", BYTES) == (by_hashlib(b"a", BYTES), by_hashlib(BYTES))


def test_whoever_tells_numba_which_instructions_to_use_is_heard(monkeypatch):
    monkeypatch.setattr("mediasvc.codecs.machine.config.CPU_FEATURES", "")
    assert not processor_has("sha")


@pytest.mark.parametrize("fewer", [0, 1, 55, 56, 63, 64, 65, 40_000])
@pytest.mark.parametrize("more", [0, 1, 55, 56, 63, 64])
def test_two_files_with_nothing_in_common_are_hashed_as_by_themselves(fewer, more):
    first = memoryview(BYTES)[more:]
    second = memoryview(BYTES)[:len(BYTES) - fewer]
    assert sha256_of_two(first, second) == (by_hashlib(first), by_hashlib(second))
    assert sha256_of_two(second, BYTES * 2) == (by_hashlib(second), by_hashlib(BYTES * 2))
    assert sha256_of_two(b"a", b"bc") == (by_hashlib(b"a"), by_hashlib(b"bc"))
