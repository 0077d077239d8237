"""The members of a package, in order of number: there may be hundreds of thousands of them."""

from __future__ import annotations

from pathlib import Path

from mediasvc.media.long_list import LongList
from mediasvc.media.member import Member


def member_list(folder: Path) -> LongList[Member]:
    """An empty one; ``folder``: where a long one waits."""
    return LongList(lambda one: (one.number, one.as_json()), lambda row: Member.from_json(*row),
                    folder)
