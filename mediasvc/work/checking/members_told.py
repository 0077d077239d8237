"""Where the files of a disc lie, between the child that listed them and those that look at them.

Opening an image means reading all of its tables, as much work as looking at a tenth of its files.
One child does it; the others go by what it found, for every byte is hashed and judged anyway.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from mediasvc.media.member import Member

#: In the scratch folder, of a disc whose files lie `Package.in_place`.
MEMBERS = "members.jsonl"


def note_members(page: Iterable[Member], target: Path, first: bool) -> None:
    """Behind the page before; ``first``: there was none."""
    with target.open("w" if first else "a", encoding="utf-8") as lines:
        lines.writelines(json.dumps(member.as_json()) + "\n" for member in page)


def noted_members(target: Path) -> Iterator[Member]:
    with target.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            yield Member.from_json(number, json.loads(line))
