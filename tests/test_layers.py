"""The layers of the program, read from the imports themselves."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "mediasvc"

#: From the floor up; a module may import its own layer's package and whatever stands below.
ORDER = [
    {"errors", "model", "medium", "span", "direct_write", "settings", "sandbox", "sandbox_child",
     "crew", "nursery", "step", "configuration", "configuration_text"},
    {"standard"},
    {"codecs"},
    {"dicom"},
    {"media", "identity", "store"},
    {"work"},
    {"service", "net", "report"},
    {"cli", "web"},
]
LEVEL = {name: level for level, names in enumerate(ORDER) for name in names}
#: Packages of one level that may not know each other.
APART = [{"media", "identity", "store"}, {"cli", "web"}]

FLOOR_UP_FROM_DICOM = {"dicom", "media", "identity", "store", "work", "service", "net", "report",
                       "cli", "web"}
#: Library → where it may be imported at all.
FENCES = {
    "numba": {"codecs", "dicom"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "fastapi": {"web"},
    "uvicorn": {"web"},
    "jinja2": {"web"},
    "pycdlib": {"media"},
    "watchdog": {"service"},
    "click": {"cli"},
    "rich": {"cli"},
    "pynetdicom": {"net"},
    "rapidfuzz": {"identity"},
    "anyascii": {"identity"},
    "matplotlib": {"report"},
    "reportlab": {"report"},
    "pydantic": {"settings", "configuration", "configuration_text"},
    "pydicom": FLOOR_UP_FROM_DICOM,
    # the floor's sandbox alone starts children
    "resource": {"sandbox_child"},
}
#: `standard` may look a UID up in pydicom, but only when a function is called.
LAZY_FENCES = {"pydicom": {"standard"}}
HEAVY = ("numpy", "pydicom", "numba", "sqlalchemy", "pydantic", "imagecodecs", "rich", "alembic")


@dataclass(frozen=True)
class Import:
    path: Path
    line: int
    home: str
    target: str
    lazy: bool

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.target}"


def _home(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "cli" if parts == ("__main__",) else "" if parts == ("__init__",) else parts[0]


def _imports(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lazy = {id(inner) for node in ast.walk(tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or _only_for_types(node)
            for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: imports are absolute here"
            base = str(node.module)
            targets = ([f"{base}.{alias.name}" for alias in node.names] if base == "mediasvc"
                       else [base])
        else:
            continue
        for target in targets:
            yield Import(path, node.lineno, _home(path), target, id(node) in lazy)


def _only_for_types(node: ast.AST) -> bool:
    return (isinstance(node, ast.If) and isinstance(node.test, ast.Name)
            and node.test.id == "TYPE_CHECKING")


ALL = [found for path in sorted(PACKAGE.rglob("*.py")) for found in _imports(path)]
OURS = [found for found in ALL if found.target.split(".")[0] == "mediasvc" and found.home]


def _below(found: Import) -> str:
    return [*found.target.split("."), ""][1]


def test_every_module_stands_in_a_known_layer() -> None:
    homes = {_home(path) for path in PACKAGE.rglob("*.py")} - {""}
    assert homes <= set(LEVEL)


def test_no_module_imports_a_layer_above_its_own() -> None:
    wrong = [str(found) for found in OURS
             if _below(found) in LEVEL and LEVEL[_below(found)] > LEVEL[found.home]]
    assert not wrong


@pytest.mark.parametrize("group", APART, ids=lambda group: "-".join(sorted(group)))
def test_siblings_do_not_import_each_other(group: set[str]) -> None:
    wrong = [str(found) for found in OURS
             if found.home in group and _below(found) in group - {found.home}]
    assert not wrong


@pytest.mark.parametrize("library", FENCES)
def test_a_library_stays_behind_its_fence(library: str) -> None:
    wrong = [str(found) for found in ALL
             if found.target.split(".")[0] == library and found.home not in FENCES[library]
             and not (found.lazy and found.home in LAZY_FENCES.get(library, ()))]
    assert not wrong


def test_samples_are_an_oracle_of_their_own() -> None:
    for path in (ROOT / "samples").rglob("*.py"):
        names = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                 if isinstance(node, (ast.Import, ast.ImportFrom))]
        assert not [node for node in names if "mediasvc" in ast.unparse(node)], path


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["no-such-command"]],
                         ids=lambda arguments: arguments[0])
def test_a_word_of_help_loads_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-X", "importtime", "-m", "mediasvc", *arguments],
                          capture_output=True, text=True, timeout=60, check=False)
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()
              if line.startswith("import time:")}
    assert "click" in loaded
    assert not loaded & set(HEAVY)


def test_every_command_answers_help_without_the_heavy_libraries() -> None:
    code = ("import sys, click.testing\n"
            "from mediasvc.cli.main import COMMANDS, cli\n"
            "for name in COMMANDS:\n"
            "    done = click.testing.CliRunner().invoke(cli, [name, '--help'])\n"
            "    assert done.exit_code == 0, (name, done.output, done.exception)\n"
            f"print(sorted(set({HEAVY!r}) & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
