"""The children that this machine may have, started early: loading their libraries takes a while."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from mediasvc import codecs, dicom
from mediasvc.errors import MediasvcError
from mediasvc.nursery import Nursery
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Limits, Settings


@contextmanager
def open_sandbox(settings: Settings, nursery: Nursery | None = None, more: int = 0,
                 ) -> Iterator[Sandbox]:
    """As many children as the settings allow, from a nursery that may be loading already; ``more``
    than that where children wait for the disk now and then, unless somebody set their number."""
    workers = settings.work.workers or settings.work.count() + more
    with Sandbox(workers, settings.limits.child_memory, settings.limits.item_seconds,
                 nursery) as sandbox:
        yield sandbox


def compile_kernels() -> None:
    """Compile every kernel for this machine and user now, instead of at its first use.

    It takes a minute of two cores, once; what is compiled is kept. Raises MediasvcError.
    """
    names = [f"{package.__name__}.{found.name}" for package in (codecs, dicom)
             for found in pkgutil.iter_modules(package.__path__)]
    with ThreadPoolExecutor(2) as pool:
        for error in pool.map(_load, (names[::2], names[1::2])):
            if error:
                raise MediasvcError(f"The kernels could not be compiled: {error}.")


def _load(modules: list[str]) -> str:
    limits = Limits()
    with Sandbox(1, limits.child_memory, limits.item_seconds, Nursery(*modules)) as sandbox:
        return sandbox.call("mediasvc.configuration_text:masked", value="").error
