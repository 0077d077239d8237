"""The child's side of unwrap: the text of a Basic Text SR that was wrapped, put together again."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.media.foreign.text_probe import rebuilt
from mediasvc.work.wrapping.wrap_text import CREATOR, CREATOR_TAG, RECIPE_TAG

if TYPE_CHECKING:
    from pydicom import Dataset


def text_of(view: memoryview) -> bytes:
    """Raises UnsupportedError where the recipe is not ours or the content was changed since,
    DamagedError."""
    import pydicom

    try:
        made = pydicom.dcmread(io.BytesIO(view))
        if str(made[CREATOR_TAG].value) != CREATOR:
            raise UnsupportedError("it holds neither a stream nor a document")
        recipe = json.loads(bytes(made[RECIPE_TAG].value))
        data = rebuilt(list(_texts(made, 0)), recipe)
        digest = recipe["sha256"]
    except (ValueError, TypeError, KeyError, AttributeError, LookupError) as error:
        raise DamagedError("the text and what is needed to give it back do not fit") from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise UnsupportedError("the text was changed since it was wrapped, so it does not come "
                               "back as it was")
    return data


def _texts(within: Dataset, depth: int) -> Iterator[str]:
    """Text values in the order of the document; sections are one level deep."""
    for item in within.get("ContentSequence", ()):
        value: Any = item.get("TextValue")
        if value is not None:
            yield str(value)
        if depth < 1:
            yield from _texts(item, depth + 1)
