"""Settings from a TOML file, then the environment, then secrets in files; all errors at once.

``MEDIASVC_SECTION__KEY`` is the twin of ``key`` in ``[section]`` and wins over the file;
``MEDIASVC_SECTION__KEY_FILE`` names a file whose content is the value. Values of the environment
are plain text; lists are written as in TOML.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from mediasvc.errors import SettingsError
from mediasvc.settings import Section, Settings

PREFIX = "MEDIASVC_"
SECRET_LIMIT = 1 << 16
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that cannot be used: the dotted key, what is wrong, and where it was written."""

    key: str
    text: str
    origin: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.origin, self.key, self.text) if part)


class ConfigurationError(SettingsError):
    """All problems of a configuration at once."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in problems]
        many = f"{len(lines)} settings cannot be used:"
        super().__init__(lines[0] if len(lines) == 1 else "\n  ".join([many, *lines]))


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and for each key that was set the place that set it (``config.toml line 3``)."""

    settings: Settings
    origins: dict[str, str]


@dataclass
class _Sources:
    """What was read so far, merged, with its origins and its problems."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def set(self, key: Key, value: Any, origin: str) -> None:
        place = self.values
        for part in key[:-1]:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):  # the file's own mistake is reported by the model
                return
        place[key[-1]] = value
        self.origins[".".join(key)] = origin

    def problem(self, key: str, text: str, origin: str) -> None:
        self.problems.append(Problem(key, text, origin))


def load_settings(path: Path, environ: Mapping[str, str] = os.environ, *,
                  required: bool = False) -> Settings:
    """The settings in force. Raises ConfigurationError (exit 3), which names every problem.

    A file that is not there leaves the defaults, unless it is ``required`` (``--config``).
    """
    return read_configuration(path, environ, required=required).settings


def read_configuration(path: Path, environ: Mapping[str, str] = os.environ, *,
                       required: bool = False) -> Loaded:
    """`load_settings` with the origin of each value."""
    sources = _Sources()
    _read_file(path, required, sources)
    _read_environment(environ, sources)
    try:
        settings = Settings.model_validate(sources.values)
    except ValidationError as error:
        for row in error.errors(include_url=False, include_context=True, include_input=False):
            sources.problems.append(_problem(row, sources.origins))
    if sources.problems:
        raise ConfigurationError(sources.problems)
    _refuse_twins(settings, sources.origins)
    return Loaded(settings, sources.origins)


def settings_fields(model: type[Section] = Settings,
                    above: Key = ()) -> Iterator[tuple[Key, FieldInfo]]:
    """Every setting with its key, in the order in which the models state them."""
    for name, info in model.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from settings_fields(kind, (*above, name))
        else:
            yield (*above, name), info


def environment_name(key: Key) -> str:
    return PREFIX + "__".join(key).upper()


# --- the file -----------------------------------------------------------------------------------

def _read_file(path: Path, required: bool, sources: _Sources) -> None:
    try:
        text = path.read_bytes().decode("utf-8")
        table = tomllib.loads(text)
    except FileNotFoundError:
        if required:
            sources.problem("", "there is no such file", str(path))
    except OSError as error:
        sources.problem("", f"cannot be read ({error.strerror})", str(path))
    except UnicodeDecodeError:
        sources.problem("", "is not UTF-8 text", str(path))
    except tomllib.TOMLDecodeError as error:
        sources.problem("", f"is not TOML: {error}", str(path))
    else:
        lines = _line_numbers(text)
        sources.values = table
        for key in _written(table):
            line = lines.get(key)
            sources.origins[key] = f"{path} line {line}" if line else str(path)


def _written(table: dict[str, Any], above: str = "") -> Iterator[str]:
    for name, value in table.items():
        yield above + name
        if isinstance(value, dict):
            yield from _written(value, f"{above}{name}.")
        elif isinstance(value, list):
            for number, row in enumerate(value):
                if isinstance(row, dict):
                    yield f"{above}{name}[{number}]"
                    yield from _written(row, f"{above}{name}[{number}].")


def _line_numbers(text: str) -> dict[str, int]:
    """Dotted key → line of its first statement; good enough for words to a person."""
    lines: dict[str, int] = {}
    rows: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[(\[?)\s*([\w.-]+)\s*\]", line):
            section = name = header[2]
            lines.setdefault(name, number)
            if header[1]:
                section = f"{name}[{rows.setdefault(name, 0)}]"
                rows[name] += 1
                lines[section] = number
        elif statement := re.match(r"\s*([\w.-]+)\s*=", line):
            lines.setdefault(f"{section}.{statement[1]}" if section else statement[1], number)
    return lines


# --- the environment ----------------------------------------------------------------------------

def _read_environment(environ: Mapping[str, str], sources: _Sources) -> None:
    known = {environment_name(key): (key, info) for key, info in settings_fields()}
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX):
            continue
        plain = name.removesuffix("_FILE")
        if name in known:
            sources.set(known[name][0], _value(text, known[name][1]), name)
        elif plain in known and plain in environ:
            sources.problem(".".join(known[plain][0]), f"is also set by {plain}; use one", name)
        elif plain in known:
            _read_secret(known[plain], Path(text), name, sources)
        elif "__" in name or difflib.get_close_matches(plain, known, 1, 0.9):
            sources.problem("", "no such setting" + _did_you_mean(plain, known), name)


def _read_secret(target: tuple[Key, FieldInfo], path: Path, name: str, sources: _Sources) -> None:
    key, info = target
    try:
        with path.open("rb") as stream:
            text = stream.read(SECRET_LIMIT).decode("utf-8").rstrip("\r\n")
    except OSError as error:
        sources.problem(".".join(key), f"its file cannot be read ({error.strerror})", name)
    except UnicodeDecodeError:
        sources.problem(".".join(key), "its file is not UTF-8 text", name)
    else:
        sources.set(key, _value(text, info), f"{name} ({path})")


def _value(text: str, info: FieldInfo) -> Any:
    """Lists and tables as in TOML; all else is text that the model converts."""
    if "tuple[" not in str(info.annotation):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


# --- words --------------------------------------------------------------------------------------

WORDS = {
    "string_type": "must be text in quotes",
    "tuple_type": "must be a list",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "missing": "is missing",
    "model_type": "must be a table",
}


def _problem(row: Any, origins: dict[str, str]) -> Problem:
    """A pydantic error row in our words; the value itself is never repeated (it may be secret)."""
    places = [""]
    for part in row["loc"]:
        step = f"[{part}]" if isinstance(part, int) else f".{part}" if places[-1] else part
        places.append(places[-1] + step)
    origin = next((origins[place] for place in reversed(places) if place in origins), "")
    names = [part for part in row["loc"] if not isinstance(part, int)]
    if row["type"] == "extra_forbidden":
        text = "no such setting" + _did_you_mean(names[-1], _names(names[:-1]))
    else:
        text = WORDS.get(row["type"]) or row["msg"].replace("Input should be", "must be")
    return Problem(places[-1], text, origin)


def _names(above: list[str]) -> list[str]:
    """The names that are allowed there."""
    model: Any = Settings
    for part in above:
        kind = model.model_fields[part].annotation
        model = kind if isinstance(kind, type) and issubclass(kind, Section) else kind.__args__[0]
    return list(model.model_fields)


def _did_you_mean(name: str, names: Mapping[str, Any] | list[str]) -> str:
    close = difflib.get_close_matches(name, names, 1, 0.6)
    return f"; did you mean {close[0]}?" if close else ""


def _refuse_twins(settings: Settings, origins: dict[str, str]) -> None:
    names = [source.name for source in settings.sources]
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise ConfigurationError([Problem(
            "sources", f"more than one is called {name}", origins.get("sources", ""))
            for name in twins])
