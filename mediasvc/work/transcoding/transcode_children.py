"""What the children of a transcoding load before they are forked. Needs little itself, so that
they begin early."""

from __future__ import annotations

import pkgutil

from mediasvc import codecs
from mediasvc.codecs.table import codec, missing
from mediasvc.standard import transfer_syntaxes as ts

MODULE = "mediasvc.work.transcoding.transcode_file"


def children_need(target: ts.TransferSyntax) -> list[str]:
    """What every child would load at its first file: once for all it is half a second less."""
    modules = [MODULE, "mediasvc.dicom.walk_kernel"]
    if target.form == "native" or missing(target.uid):  # what cannot be written is said later
        return modules
    stem = codec(target.uid).first.decode.__module__.rpartition(".")[2]
    names = [found.name for found in pkgutil.iter_modules(codecs.__path__)]
    return [*modules, "imagecodecs", *(f"{codecs.__name__}.{name}" for name in names
                                       if name == stem or name.startswith(f"{stem}_"))]
