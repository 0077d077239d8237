"""numba's decorators with types, and the array types of the kernels beside this file.

A compiled kernel is kept until its own file changes: who changes a constant that it takes from
another file must touch the kernel's file too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import from_dtype, njit, types

from mediasvc.codecs.quick_cache import quick_kernel
from mediasvc.dicom import walk_codes as codes

BYTES = types.Array(types.uint8, 1, "C", readonly=True)
TEXT = types.Array(types.uint8, 1, "C")
NUMBERS = types.Array(types.int64, 1, "C")
CONSTANTS = types.Array(types.int64, 1, "C", readonly=True)
TABLE = types.Array(types.int64, 2, "C")
ROWS = types.Array(from_dtype(codes.KERNEL_ROW), 1, "C")
INT = types.int64

_Function = TypeVar("_Function", bound=Callable[..., Any])

#: Compile once per machine for exactly these argument types, without the interpreter lock.
kernel = quick_kernel


def part(function: _Function) -> _Function:
    """A piece of a kernel in the same file, compiled into it."""
    options: Any = {"_nrt": False, "forceinline": True}  # no allocation, no reference counts
    return cast("_Function", njit(**options)(function))
