"""The configuration as text: a commented template, and what is in force. Made from the models.

Nothing here states a setting again: names, defaults, limits and words come from
`mediasvc.settings`, so the template cannot drift from it.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from mediasvc import settings as models
from mediasvc.configuration import Loaded
from mediasvc.settings import GIB, MIB, Section, Settings

HEAD = """\
# Configuration of mediasvc. A line that begins with "# " and a name shows the default: take the
# "# " away to change it. The twin of a key in the environment is MEDIASVC_SECTION__KEY (it wins);
# MEDIASVC_SECTION__KEY_FILE names a file that holds the value.
"""


def template() -> str:
    """A TOML file with every setting, its words, limits and default, all commented out."""
    plain, tables = _parts(Settings)
    lines = [HEAD]
    for name, info in plain:
        lines += [*_comment(Settings, name, info), _default(name, info), ""]
    for name, model, many in tables:
        lines += [f"# {line}" for line in _words(model.__doc__)]
        lines.append(f"# [[{name}]]" if many else f"[{name}]")
        for key, info in model.model_fields.items():
            lines += [*_comment(model, key, info), _default(key, info)]
        lines.append("")
    return "\n".join(lines)


def effective(loaded: Loaded) -> Iterator[tuple[str, Any, str]]:
    """(dotted key, value with secrets masked, origin) of every setting in force, tables last."""
    yield from _values(loaded.settings, "", loaded.origins)


def toml(value: Any) -> str:
    """One value as TOML text."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(toml(part) for part in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(part)}" for key, part in value.items()) + "}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:_}"
    return json.dumps(value, ensure_ascii=False)


def masked(value: Any) -> Any:
    """Without passwords: in a URL, in its query, or as a secret of its own."""
    if isinstance(value, SecretStr):
        return "***"
    if not isinstance(value, str):
        return value
    value = re.sub(r"(://[^:/@]*):.*@", r"\1:***@", value)
    return re.sub(r"(?i)((?:password|passwd|secret|token)=)[^&\s]*", r"\1***", value)


def _values(section: Section, above: str,
            origins: dict[str, str]) -> Iterator[tuple[str, Any, str]]:
    names = type(section).model_fields
    for name in sorted(names, key=lambda name: isinstance(getattr(section, name), Section)):
        key, value = above + name, getattr(section, name)
        if isinstance(value, Section):
            yield from _values(value, f"{key}.", origins)
        elif isinstance(value, tuple):
            rows = [row.model_dump() if isinstance(row, Section) else row for row in value]
            yield key, [_masked_row(row) for row in rows], origins.get(key, "default")
        else:
            yield key, masked(value), origins.get(key, "default")


def _masked_row(row: Any) -> Any:
    if isinstance(row, dict):
        return {key: masked(value) for key, value in row.items()}
    return masked(row)


def _parts(model: type[Section]) -> tuple[list[tuple[str, FieldInfo]],
                                          list[tuple[str, type[Section], bool]]]:
    """Plain keys, which TOML wants first, and tables: (name, model, is it a list of tables)."""
    plain, tables, lists = [], [], []
    for name, info in model.model_fields.items():
        kind = info.annotation
        inner = next((part for part in get_args(kind) if _is_section(part)), None)
        if _is_section(kind):
            tables.append((name, kind, False))
        elif inner:
            lists.append((name, inner, True))
        else:
            plain.append((name, info))
    return plain, tables + lists


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def _comment(model: type[Section], name: str, info: FieldInfo) -> list[str]:
    limits = [f"{sign} {value}" for sign, value in _limits(info)]
    choices = [toml(choice) for choice in get_args(info.annotation) if isinstance(choice, str)]
    size = _size(info.default)
    notes = [", ".join(limits), " | ".join(choices), size and f"default {size}"]
    words = " ".join([*_words(_attribute_words().get((model.__name__, name), "")),
                      *(f"({note})" for note in notes if note)])
    return [f"# {words}"] if words else []


def _default(name: str, info: FieldInfo) -> str:
    return f"# {name} = {toml('NAME' if info.is_required() else info.default)}"


def _limits(info: FieldInfo) -> Iterator[tuple[str, Any]]:
    for limit in info.metadata:
        for attribute, sign in (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤")):
            if (value := getattr(limit, attribute, None)) is not None:
                yield sign, _size(value) or value


def _size(value: Any) -> str:
    for unit, name in ((GIB, "GiB"), (MIB, "MiB")):
        if isinstance(value, int) and value and value % unit == 0:
            return f"{value // unit} {name}"
    return ""


def _words(text: str | None) -> list[str]:
    """One line for a person: without the references that only developers look up."""
    plain = re.sub(r" \((?:FAULTS|DESIGN)[^)]*\)", "", " ".join((text or "").split()))
    return [plain.replace("``", "")] if plain else []


@cache
def _attribute_words() -> dict[tuple[str, str], str]:
    """(class, attribute) → the string that stands below the attribute in the source."""
    found = {}
    for node in ast.parse(inspect.getsource(models)).body:
        if isinstance(node, ast.ClassDef):
            for statement, below in zip(node.body, node.body[1:], strict=False):
                if (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
                        and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)):
                    found[node.name, statement.target.id] = str(below.value.value)
    return found
