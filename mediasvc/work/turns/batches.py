"""Work for the sandbox in batches: cheap when all is well, one item lost when a child dies."""

from __future__ import annotations

import errno
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from mediasvc.errors import MediasvcError, StorageError
from mediasvc.sandbox import Answer, Sandbox

Item = dict[str, Any]
_Given = TypeVar("_Given")
#: What a disk says that takes nothing more; reading never ends so.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def run_batches(sandbox: Sandbox, function: str, items: Iterable[Item], size: int,
                **common: Any) -> Generator[tuple[Item, Answer], None, None]:
    """Call ``function(items=[…], **common)`` which answers a list as long as its ``items``.

    A batch whose child dies, runs out of memory or of time is tried again item by item, so that
    exactly the culprits get an error. Yields ``(item, Answer)`` in order of completion. Raises
    StorageError when a child cannot write: no item is to blame for a full disk.
    """
    suspects: list[Item] = []
    for answer in sandbox.map(function, _requests(items, size, common)):
        batch: list[Item] = answer.key
        if answer.error:
            suspects.extend(batch)
            continue
        for item, value in zip(batch, answer.value, strict=True):
            yield item, single(value)
    for answer in sandbox.map(function, _requests(suspects, 1, common)):
        value = None if answer.error else answer.value[0]
        yield answer.key[0], single(value) if value is not None else answer


def _requests(items: Iterable[Item], size: int, common: dict[str, Any],
              ) -> Iterator[tuple[list[Item], dict[str, Any]]]:
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch, {"items": batch, **common}


def single(value: Any) -> Answer:
    """What the child's `each` answered for one item. Raises StorageError."""
    if isinstance(value, dict) and value.get("error"):
        if value["error"] == StorageError.__name__:
            raise StorageError(value.get("text", ""), "Nothing was acknowledged; try again.")
        return Answer(None, None, value["error"], value.get("text", ""))
    return Answer(None, value)


def each(function: Callable[[Item], Any], items: list[Item], *, threads: int = 1) -> list[Any]:
    """The child's side: one item's error is its own answer and not the batch's.

    With two ``threads`` one item is written to the disk while the next is computed.
    """
    if threads == 1:
        return [tried(function, item) for item in items]
    return list(_pool(threads).map(lambda item: tried(function, item), items))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Kept for the next batch of the same child."""
    return ThreadPoolExecutor(threads)


def tried(function: Callable[[_Given], Any], item: _Given) -> Any:
    """What the function answers, or what is told of its error."""
    try:
        return function(item)
    except MediasvcError as error:
        return {"error": type(error).__name__, "text": error.text}
    except (MemoryError, RecursionError):
        raise
    except OSError as error:
        if error.errno in NO_ROOM:
            from mediasvc.store.file_operations import storage_error

            return {"error": StorageError.__name__, "text": storage_error(error).text}
        return _failed(error)
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> dict[str, str]:
    """A library's words may quote the data: only the class goes out."""
    kind = type(error).__name__
    return {"error": kind, "text": f"could not be read ({kind})"}
