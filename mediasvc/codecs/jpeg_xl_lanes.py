"""Two samples of 32 bits side by side in a word, for kernels: one instruction for both. See
`machine`, whose rules hold here too."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from mediasvc.codecs.machine import instruction

_WORD = types.int64
_I32, _I64 = ir.IntType(32), ir.IntType(64)
_LANES = ir.VectorType(_I32, 2)


def _both(builder: Any, low: Any, high: Any) -> Any:
    one = builder.insert_element(ir.Constant(_LANES, ir.Undefined), builder.trunc(low, _I32),
                                 ir.Constant(_I32, 0))
    return builder.insert_element(one, builder.trunc(high, _I32), ir.Constant(_I32, 1))


@instruction
def add_both(typing_context: Any, word: Any, low: Any, high: Any) -> Any:
    """``low`` and ``high`` to the two samples of ``word``."""
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word, low, high = arguments
        sums = builder.add(builder.bitcast(word, _LANES), _both(builder, low, high))
        return builder.bitcast(sums, _I64)
    return _WORD(_WORD, _WORD, _WORD), generate


@instruction
def gradients(typing_context: Any, left: Any, top: Any, corner: Any, low: Any, high: Any) -> Any:
    """left + top - corner, not beyond either (H.3, predictor 5), and ``low`` or ``high`` more."""
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left, top, corner = (builder.bitcast(word, _LANES) for word in arguments[:3])
        less = builder.icmp_signed("<", left, top)
        least, most = builder.select(less, left, top), builder.select(less, top, left)
        guess = builder.sub(builder.add(left, top), corner)
        guess = builder.select(builder.icmp_signed(">", guess, least), guess, least)
        guess = builder.select(builder.icmp_signed("<", guess, most), guess, most)
        return builder.bitcast(builder.add(guess, _both(builder, *arguments[3:])), _I64)
    return _WORD(_WORD, _WORD, _WORD, _WORD, _WORD), generate
