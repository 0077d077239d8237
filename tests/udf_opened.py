"""UDF test discs opened as packages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from udf_images import UdfImage

from mediasvc.media.package import Package, open_package
from mediasvc.settings import Limits

LIMITS = Limits()
Opener = Callable[..., Package]
FILES = {"DICOMDIR": b"directory", "DICOM/IM1": bytes(range(256)) * 40, "DICOM/IM2": b"two",
         "DICOM/DEEP/ER/IM3": b"three" * 2000, "EMPTY": b""}


def opener(folder: Path) -> Opener:
    """A function that opens an image or its bytes as a package."""

    def open_it(data: UdfImage | bytes, limits: Limits = LIMITS) -> Package:
        path = folder / "drop.iso"
        path.write_bytes(data if isinstance(data, bytes) else data.bytes())
        return open_package(path, limits, scratch=folder / "scratch")

    return open_it


def contents(package: Package) -> dict[str, bytes]:
    return {m.label: b"".join(package.span(m).chunks()) for m in package.members()}
