"""What every command gets: home, settings, and the way to speak (text or JSON lines)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediasvc.model import Finding

if TYPE_CHECKING:
    from mediasvc.sandbox import Sandbox
    from mediasvc.settings import Home, Settings
    from mediasvc.store.db import Store


class Session:
    """One call of the program. A command returns its exit code (0 done, 1 with findings)."""

    def __init__(self, home: Path, config_file: Path | None, as_json: bool, quiet: bool,
                 verbose: bool) -> None:
        self._home, self._config_file = home, config_file
        self.as_json, self.quiet, self.verbose = as_json, quiet, verbose

    @cached_property
    def home(self) -> Home:
        """The data directory, created on first use."""
        from mediasvc.settings import Home
        home = Home(self._home)
        home.create()
        return home

    @property
    def site_profiles(self) -> Path:
        """Media profiles of the site's own; asking for them makes no home."""
        return self._home / "profiles"

    @property
    def config_path(self) -> Path:
        return self._config_file or self._home / "config.toml"

    @property
    def config_is_required(self) -> bool:
        """A file that was named must be there; the default one need not."""
        return self._config_file is not None

    @cached_property
    def settings(self) -> Settings:
        from mediasvc.configuration import load_settings
        return load_settings(self.config_path, required=self.config_is_required)

    def reload_settings(self) -> Settings:
        """Read the configuration again (SIGHUP). Raises SettingsError; the old ones then stay."""
        from mediasvc.configuration import load_settings
        self.settings = load_settings(self.config_path, required=self.config_is_required)
        return self.settings

    def store(self) -> Store:
        """The database alone, for commands that touch no file of the archive."""
        from mediasvc.store.db import open_store
        return open_store(self.home, self.settings)

    @contextmanager
    def children(self, *modules: str, more: int = 0, first: int = 0) -> Iterator[Sandbox]:
        """Children that begin to load ``modules`` before the settings are even read; ``more`` as
        `open_sandbox` has it, ``first`` as `Nursery` has."""
        from mediasvc.nursery import Nursery

        with closing(Nursery(*modules, first=first)) as nursery:
            from mediasvc.work.turns.children import open_sandbox
            with open_sandbox(self.settings, nursery, more) as sandbox:
                yield sandbox

    def emit(self, kind: str, /, **fields: Any) -> None:
        """One JSON line when --json, nothing otherwise."""
        if self.as_json:
            print(_text(json.dumps({"type": kind, **fields}, ensure_ascii=False)), flush=True)

    def say(self, text: str = "") -> None:
        """One line for a person; nothing when --json or -q."""
        if not self.as_json and not self.quiet:
            print(_text(text), flush=True)

    def finding(self, finding: Finding) -> None:
        self.emit("finding", **asdict(finding))
        if not self.as_json and not (self.quiet and finding.severity != "error"):
            rule = f"  [{finding.rule}]" if finding.rule else ""
            where = f"{finding.subject}: " if finding.subject else ""
            print(f"  {finding.severity:<7} {where}{finding.text}{rule}")

    def summary(self, **fields: Any) -> None:
        """Always the last line of --json."""
        self.emit("summary", **fields)

    @property
    def on_terminal(self) -> bool:
        return sys.stderr.isatty() and not self.as_json and not self.quiet

    def status(self, **fields: Any) -> None:
        """A progress line for scripts; the bar for people is `mediasvc.cli.progress`."""
        self.emit("status", **fields)


def _text(text: str) -> str:
    """Names of files may hold bytes that are no text; what is printed is UTF-8 in any locale."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
