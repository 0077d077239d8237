"""The budgets of a package as a child is given them: checked where they were read. Loading their
classes to check them again would take each child a tenth of a second."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from mediasvc.settings import Limits


def limits_given(values: dict[str, Any]) -> Limits:
    """``values``: `Limits` as `model_dump` has it."""
    return cast("Limits", SimpleNamespace(**values))
