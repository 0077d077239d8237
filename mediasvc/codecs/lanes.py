"""Numbers of 32 bits for loops that are to become vectors: numba widens shifts to 64 bits, which
halves what one instruction does, and has no bit counts. The rules of `machine` hold here too."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numpy.typing import NDArray

from mediasvc.codecs.machine import CHECKED, bare, instruction, place_in

#: Of 32 bits, side by side: as many as stores and loads pass on to each other at once.
LANES = 8

_I32 = types.int32
_BLOCK = ir.VectorType(ir.IntType(32), LANES)


@instruction
def left(typing_context: Any, value: Any, count: Any) -> Any:
    """``value << count``, 0 to 31."""
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.shl(*arguments)
    return _I32(_I32, _I32), generate


@instruction
def right(typing_context: Any, value: Any, count: Any) -> Any:
    """``value >> count``, 0 to 31; the sign comes in."""
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ashr(*arguments)
    return _I32(_I32, _I32), generate


@instruction
def zeros_before(typing_context: Any, value: Any) -> Any:
    """0 to 32."""
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], cgutils.false_bit)
    return _I32(_I32), generate


@instruction
def _copy(typing_context: Any, data: Any, at: Any, out: Any, to: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        places = [place_in(context, builder, kind, array, index, _BLOCK)
                  for kind, array, index in zip(signature.args[::2], arguments[::2],
                                                arguments[1::2], strict=True)]
        builder.store(builder.load(places[0], align=4), places[1], align=4)
        return context.get_dummy_value()
    return types.void(data, types.int64, out, types.int64), generate


@bare
def copy_lanes(data: NDArray[np.int32], at: int, out: NDArray[np.int32], to: int) -> None:
    """Copy `LANES` numbers by one load and one store."""
    if CHECKED and not (0 <= at <= len(data) - LANES and 0 <= to <= len(out) - LANES):
        raise IndexError("lanes outside of the array")
    _copy(data, at, out, to)
