"""numba's decorators with types, for the kernels beside this file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit, types

from mediasvc.codecs.quick_cache import quick_kernel

BYTES = types.Array(types.uint8, 1, "C", readonly=True)
SPACE = types.Array(types.uint8, 1, "C")
INTS = types.Array(types.int64, 1, "C")
TABLE = types.Array(types.int64, 2, "C")
PLANES = types.Array(types.uint16, 3, "C")
INT = types.int64

_Function = TypeVar("_Function", bound=Callable[..., Any])


#: Compile once per machine for exactly these argument types, without the interpreter lock.
kernel = quick_kernel


def part(function: _Function) -> _Function:
    """A piece of a kernel in the same file, compiled into it."""
    return cast("_Function", njit(function))
