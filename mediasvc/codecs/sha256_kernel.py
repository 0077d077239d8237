"""SHA-256 (FIPS 180-4) of two messages at once with the processor's own instructions.

One message keeps these waiting: each needs the result of the one before and takes four cycles, but
another can begin after two. Two messages in turns take hardly longer than one.

The caller proves that the blocks lie in the arrays. A state is eight words as the instructions want
them: F E B A, H G D C.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs.compiled import BYTES, INT
from mediasvc.codecs.machine import CHECKED, instruction, place_in, processor_has
from mediasvc.codecs.quick_cache import quick_kernel

BLOCK = 64
STATE = types.Array(types.uint32, 1, "C")
START = (0x9B05688C, 0x510E527F, 0xBB67AE85, 0x6A09E667,
         0x5BE0CD19, 0x1F83D9AB, 0xA54FF53A, 0x3C6EF372)
#: Where A to H stand in a state.
ORDER = (3, 2, 7, 6, 1, 0, 5, 4)

_ROUNDS = (
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2)
_I32 = ir.IntType(32)
_FOUR = ir.VectorType(_I32, 4)


class _Message:
    """One of the messages, while the code for a block of it is written."""

    def __init__(self, builder: Any, state: Any, block: Any) -> None:
        self._builder, self._state = builder, state
        self._begun = [self._load(state, at) for at in range(2)]
        self._now = list(self._begun)
        self._words = [self._call("bswap.v4i32", self._load(block, at)) for at in range(4)]

    def four_rounds(self, group: int) -> None:
        """Rounds ``4 * group`` and the next three; to be called in order."""
        builder, now = self._builder, self._now
        if group > 3:
            self._words.append(self._next_words())
        sums = builder.add(self._words[group],
                           ir.Constant(_FOUR, list(_ROUNDS[4 * group:4 * group + 4])))
        now[1] = self._call("x86.sha256rnds2", now[1], now[0], sums)
        now[0] = self._call("x86.sha256rnds2", now[0], now[1],
                            self._shuffle(sums, sums, (2, 3, 0, 1)))

    def end(self) -> None:
        for at, (begun, now) in enumerate(zip(self._begun, self._now, strict=True)):
            self._builder.store(self._builder.add(begun, now), self._place(self._state, at),
                                align=4)

    def _next_words(self) -> Any:
        oldest, old, before, last = self._words[-4:]
        mixed = self._builder.add(self._call("x86.sha256msg1", oldest, old),
                                  self._shuffle(before, last, (1, 2, 3, 4)))
        return self._call("x86.sha256msg2", mixed, last)

    def _call(self, name: str, *operands: Any) -> Any:
        kind = ir.FunctionType(_FOUR, [_FOUR] * len(operands))
        module, full = self._builder.module, f"llvm.{name}"
        function = module.globals.get(full) or ir.Function(module, kind, full)
        return self._builder.call(function, operands)

    def _shuffle(self, first: Any, second: Any, places: tuple[int, ...]) -> Any:
        return self._builder.shuffle_vector(
            first, second, ir.Constant(ir.VectorType(_I32, 4), list(places)))

    def _place(self, start: Any, at: int) -> Any:
        return self._builder.gep(start, [ir.Constant(_I32, at)])

    def _load(self, start: Any, at: int) -> Any:
        return self._builder.load(self._place(start, at), align=1)


@instruction
def _two_blocks(typing_context: Any, one: Any, data: Any, at: Any, other: Any, others: Any,
                place: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def pointer(array: int, at: Any) -> Any:
            return place_in(context, builder, signature.args[array], arguments[array], at, _FOUR)

        none = ir.Constant(ir.IntType(64), 0)
        messages = [_Message(builder, pointer(array, none),
                             pointer(array + 1, arguments[array + 2])) for array in (0, 3)]
        for group in range(16):
            for message in messages:
                message.four_rounds(group)
        for message in messages:
            message.end()
        return context.get_dummy_value()
    return types.void(one, data, INT, other, others, INT), generate


def _two_messages(one: NDArray[np.uint32], data: NDArray[np.uint8], at: int,
                  other: NDArray[np.uint32], others: NDArray[np.uint8], place: int,
                  blocks: int) -> None:
    """Take ``blocks`` blocks of ``data`` from ``at`` into the state ``one``, and as many of
    ``others`` from ``place`` into the state ``other``."""
    for block in range(blocks):
        first, second = at + BLOCK * block, place + BLOCK * block
        if CHECKED and not (0 <= first <= len(data) - BLOCK and 0 <= second <= len(others) - BLOCK):
            raise IndexError("a block outside of the array")
        _two_blocks(one, data, first, other, others, second)


#: None where the processor lacks the instructions: nothing can be compiled then.
two_messages = (quick_kernel(STATE, BYTES, INT, STATE, BYTES, INT, INT)(_two_messages)
                if processor_has("sha") else None)
