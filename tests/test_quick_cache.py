"""Kernels from the cache work in a process that fetched nothing for compiling, and it still can."""

from __future__ import annotations

import subprocess
import sys

_USE = """
import sys
import numpy as np
from mediasvc.codecs.rle_frame import encode
from mediasvc.dicom.walk import walk
data = b"\\x08\\x00\\x16\\x00UI\\x02\\x001\\x00"
assert walk(data, 0, len(data), implicit=False, big_endian=False).count == 1
assert len(encode(np.zeros((8, 8), np.uint16))) == 64 + 2 * 16
cached = "numba.core.optional" not in sys.modules
from numba import njit
assert njit(lambda number: number + 1)(1) == 2
print(cached)
"""


def test_a_cached_kernel_runs_and_others_can_be_compiled_after_it() -> None:
    for _ in range(2):  # at first it may have to be compiled
        done = subprocess.run([sys.executable, "-c", _USE], capture_output=True, text=True,
                              check=True)
    assert done.stdout == "True\n"
