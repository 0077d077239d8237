"""What tests share: a home, the program called in process or as a process, the real data."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mediasvc.store.db import Connection, Store

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Result:
    """What one call of the program said."""

    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Every JSON line of stdout; a line that is not JSON fails the test."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["type"] == kind]

    @property
    def summary(self) -> dict[str, Any]:
        last = self.lines[-1]
        assert last["type"] == "summary", last
        return last


class Program:
    """``cli("ingest", path)`` calls ``mediasvc --home HOME --json ingest path`` in this process."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *arguments: object) -> Result:
        return self.text("--json", *arguments)

    def text(self, *arguments: object) -> Result:
        """Without ``--json``, as a person sees it (no terminal)."""
        from mediasvc.cli.main import main
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main(["--home", str(self.home), *map(str, arguments)])
            except SystemExit as stop:
                code = stop.code
        assert isinstance(code, int)
        return Result(code, out.getvalue(), err.getvalue())

    def command(self, *arguments: object) -> list[str]:
        """The argument list of a process of its own."""
        return [sys.executable, "-m", "mediasvc", "--home", str(self.home), *map(str, arguments)]

    def process(self, *arguments: object, env: dict[str, str] | None = None) -> Result:
        """The same as `__call__` (with ``--json``), in a process of its own."""
        done = subprocess.run(self.command("--json", *arguments), capture_output=True, text=True,
                              env={**os.environ, **(env or {})}, timeout=240, check=False)
        return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own MEDIASVC_ variables do not change what tests see."""
    for name in list(os.environ):
        if name.startswith("MEDIASVC_") and name not in ("MEDIASVC_TEST_DATA", "MEDIASVC_DEBUG"):
            monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data directory that does not exist yet."""
    return tmp_path / "home"


@pytest.fixture
def cli(home: Path) -> Program:
    return Program(home)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store in a new home."""
    from tests.store_things import new_store
    with new_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    """A transaction that is committed at the end."""
    with store.transaction() as opened:
        yield opened


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the development data (media/, broken/, …); skips where there is none."""
    for place in _places():
        if (place / "MANIFEST.csv").is_file():
            return place
    unpack = ROOT.parent / "shared" / "data" / "unpack"
    if not unpack.exists():
        pytest.skip("the real development data are not on this machine")
    lock = Path(tempfile.gettempdir()) / f"mediasvc-test-data-{os.getuid()}.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = subprocess.run([str(unpack)], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def _places() -> list[Path]:
    base = os.environ.get("MEDIASVC_TEST_DATA")
    parent = Path(base) if base else Path.home() / ".cache" / "mediasvc-test-data"
    return [parent / "dev", parent]
