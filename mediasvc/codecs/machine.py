"""Machine words for kernels: eight bytes at once out of an array of bytes, and counted zeros.

numba has no loads across element boundaries, no unsigned shift of its usual integers and no bit
counts, so these are LLVM instructions on int64. They check nothing: the kernel proves that ``at``
… ``at + 7`` lie in the array, and under ``NUMBA_BOUNDSCHECK=1`` (how the fuzz is run once) every
access is checked here too. numba does not see a change of this file in the caches of other files:
change it, clear the caches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import binding, ir
from numba import config, njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from mediasvc.codecs.quick_cache import quick_kernels

CHECKED = bool(cast("Any", config).BOUNDSCHECK)

_Function = TypeVar("_Function", bound=Callable[..., Any])
_WORD = types.int64
_I32, _I64 = ir.IntType(32), ir.IntType(64)
_BLOCK = ir.VectorType(ir.IntType(8), 32)


#: numba gives the first argument, its typing context, itself.
instruction = cast("Callable[[Any], Callable[..., Any]]", intrinsic)
_njit = cast("Any", njit)


def processor_has(feature: str) -> bool:
    """By LLVM's name; False also where numba is told which instructions to use."""
    return (cast("Any", config).CPU_FEATURES is None
            and bool(binding.get_host_cpu_features().get(feature)))


def kernels(*signatures: Any) -> Callable[[_Function], _Function]:
    """Like `compiled.kernel`, for several signatures (numba types: ``result(argument, …)``)."""
    return quick_kernels(*signatures)


def inline(function: _Function) -> _Function:
    """A piece of a kernel that costs no call."""
    return cast("_Function", _njit(forceinline=True)(function))


def bare_kernels(*signatures: Any) -> Callable[[_Function], _Function]:
    """As `kernels`, for one that is given all its space: nobody counts who holds an array, which
    costs a fifth where small parts hand them on sample by sample."""
    return quick_kernels(*signatures, _nrt=False)


def bare(function: _Function) -> _Function:
    """As `inline`, for `bare_kernels`."""
    return cast("_Function", _njit(forceinline=True, _nrt=False)(function))


def bare_part(function: _Function) -> _Function:
    """As `bare`, for what is called rarely and does much: by itself it gets all registers."""
    return cast("_Function", _njit(_nrt=False)(function))


def place_in(context: Any, builder: Any, array_type: Any, array: Any, at: Any,
             kind: Any) -> Any:
    """Pointer to a ``kind`` that begins at element ``at``, for an `instruction`."""
    proxy = cast("Any", cgutils).create_struct_proxy
    data = proxy(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), kind.as_pointer())


@instruction
def _load(typing_context: Any, array: Any, at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = place_in(context, builder, signature.args[0], arguments[0], arguments[1], _I64)
        return builder.load(place, align=1)
    return _WORD(array, types.int64), generate


@instruction
def _store(typing_context: Any, array: Any, at: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = place_in(context, builder, signature.args[0], arguments[0], arguments[1], _I64)
        builder.store(arguments[2], place, align=1)
        return context.get_dummy_value()
    return types.void(array, types.int64, _WORD), generate


@instruction
def big_endian(typing_context: Any, value: Any) -> Any:
    """The word with its eight bytes in the other order."""
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bswap(arguments[0])
    return _WORD(_WORD), generate


@instruction
def shift_right(typing_context: Any, value: Any, count: Any) -> Any:
    """Zeros come in from the left; ``count`` 0 to 63."""
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.lshr(*arguments)
    return _WORD(_WORD, _WORD), generate


@instruction
def leading_zeros(typing_context: Any, value: Any) -> Any:
    """0 to 64."""
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], cgutils.false_bit)
    return _WORD(_WORD), generate


@instruction
def trailing_zeros(typing_context: Any, value: Any) -> Any:
    """0 to 64."""
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], cgutils.false_bit)
    return _WORD(_WORD), generate


@instruction
def _copy(typing_context: Any, data: Any, at: Any, out: Any, to: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        there = place_in(context, builder, signature.args[0], arguments[0], arguments[1], _BLOCK)
        here = place_in(context, builder, signature.args[2], arguments[2], arguments[3], _BLOCK)
        block = builder.load(there, align=1)
        builder.store(block, here, align=1)
        ones = ir.Constant(_BLOCK, [0xFF] * 32)
        found = builder.bitcast(builder.icmp_unsigned("==", block, ones), ir.IntType(32))
        return builder.zext(found, _I64)
    return _WORD(data, types.int64, out, types.int64), generate


@instruction
def _fill(typing_context: Any, data: Any, at: Any, out: Any, to: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        there = place_in(context, builder, signature.args[0], arguments[0], arguments[1],
                         ir.IntType(8))
        none = ir.Constant(_BLOCK, ir.Undefined)
        one = builder.insert_element(none, builder.load(there), ir.Constant(_I32, 0))
        first = ir.Constant(ir.VectorType(_I32, 32), [0] * 32)
        here = place_in(context, builder, signature.args[2], arguments[2], arguments[3], _BLOCK)
        builder.store(builder.shuffle_vector(one, none, first), here, align=1)
        return context.get_dummy_value()
    return types.void(data, types.int64, out, types.int64), generate


@inline
def load(data: NDArray[np.uint8], at: int) -> int:
    """Bytes ``at`` to ``at + 7``, the first one lowest."""
    if CHECKED and not 0 <= at <= len(data) - 8:
        raise IndexError("eight bytes outside of the array")
    word: int = _load(data, at)
    return word


@inline
def store(out: NDArray[np.uint8], at: int, value: int) -> None:
    """The inverse of `load`."""
    if CHECKED and not 0 <= at <= len(out) - 8:
        raise IndexError("eight bytes outside of the array")
    _store(out, at, value)


@inline
def copy_block(data: NDArray[np.uint8], at: int, out: NDArray[np.uint8], to: int) -> int:
    """Copy 32 bytes; a bit for each of them that is FF, the first one lowest."""
    if CHECKED and not (0 <= at <= len(data) - 32 and 0 <= to <= len(out) - 32):
        raise IndexError("32 bytes outside of the array")
    found: int = _copy(data, at, out, to)
    return found


@inline
def fill_block(data: NDArray[np.uint8], at: int, out: NDArray[np.uint8], to: int) -> None:
    """Write byte ``at`` 32 times."""
    if CHECKED and not (0 <= at < len(data) and 0 <= to <= len(out) - 32):
        raise IndexError("32 bytes outside of the array")
    _fill(data, at, out, to)
