"""Work that children do item by item: whose fault it is when it fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from mediasvc.errors import StorageError
from mediasvc.work.turns.batches import each, single


def failing(code: int) -> Any:
    def work(item: dict[str, Any]) -> None:
        raise OSError(code, os.strerror(code), str(Path("/somebody's/name")))
    return work


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_full_disk_is_no_fault_of_an_image(code: int) -> None:
    """It would be quarantined, sound as it is."""
    [answer] = each(failing(code), [{}])
    with pytest.raises(StorageError) as caught:
        single(answer)
    assert "full" in str(caught.value) or "quota" in str(caught.value) or "read-only" in str(
        caught.value)
    assert "name" not in str(caught.value)


def test_file_that_cannot_be_read_is_the_only_one_that_suffers() -> None:
    [answer] = each(failing(errno.EACCES), [{}])
    told = single(answer)
    assert (told.error, told.text) == ("PermissionError", "could not be read (PermissionError)")
