"""Compiled kernels are taken from their cache without all that compiling needs.

numba fetches its whole catalogue of types and functions before it looks into the cache: 0.3 s, a
third of the time in which children begin. Whoever has to compile fetches it then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit
from numba.core.caching import FunctionCache
from numba.core.runtime.nrt import rtsys

_Function = TypeVar("_Function", bound=Callable[..., Any])


class _QuickCache(cast("type[Any]", FunctionCache)):  # type: ignore[misc]
    def load_overload(self, sig: Any, target_context: Any) -> Any:
        rtsys.initialize(target_context)  # what a kernel that is there may call
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)


def quick_kernel(*arguments: Any) -> Callable[[_Function], _Function]:
    """As ``njit((*arguments), nogil=True, cache=True)``."""
    return quick_kernels(arguments)


def quick_kernels(*signatures: Any, **options: Any) -> Callable[[_Function], _Function]:
    """As ``njit([*signatures], nogil=True, cache=True, **options)``."""
    def compiled(function: _Function) -> _Function:
        made: Any = cast("Any", njit)(nogil=True, **options)(function)
        if hasattr(made, "_cache"):  # not where numba is switched off
            made._cache = _QuickCache(function)
            for signature in signatures:
                made.compile(signature)
            made.disable_compile()
        return cast("_Function", made)
    return compiled
