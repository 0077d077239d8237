"""Every command that an advice, a finding or a document names can be typed as it stands there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import mediasvc
from mediasvc.cli.main import COMMANDS, cli

ROOT = Path(mediasvc.__file__).parent
DOCUMENTS = sorted((ROOT.parent / "docs").glob("*.md"))
#: A command line: our name, words, and what follows in the same sentence or code span.
CALL = re.compile(r"(?<![\w/.-])mediasvc((?: +--?[a-z-]+)*(?: +[a-z][a-z0-9-]*)+)([^`'.;\n]*)")
#: Commands are also named without it.
BARE = re.compile(r"\b(?:[Rr]un|[Ss]ee|[Uu]se|[Tt]ry) +([a-z-]+(?: [a-z-]+)?)([^`'.;\n]*)")
#: Names that stand in CONTRACT.md and may not be there yet.
PLANNED = ("archive",)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
#: Our name as a word of a sentence.
PROSE = ("mediasvc works on", "mediasvc disc manifest")


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """All texts of a module but docstrings; what is filled in stands as X."""
    tree = ast.parse(path.read_text("utf-8"))
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
             for part in node.values}
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(part.value) if isinstance(part, ast.Constant) else "X"
                                       for part in node.values)
        elif (isinstance(node, ast.Constant) and isinstance(node.value, str)
                and id(node) not in silent | parts):
            yield node.lineno, node.value


def calls(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """(words, options) of each command that the text names."""
    for found in CALL.finditer(text):
        if not any(found[0].startswith(prose) for prose in PROSE):
            yield ([word for word in found[1].split() if not word.startswith("-")],
                   OPTION.findall(found[0]))
    for found in BARE.finditer(text):
        words = found[1].split()
        if words[0] in PLANNED or (words[0] in COMMANDS and len(words) > 1 and isinstance(
                command([words[0]])[0], click.Group)):
            yield words, OPTION.findall(found[2])


def command(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words lead to, and those that lead nowhere in a group."""
    found: click.Command = cli
    context = click.Context(cli)
    rest = list(words)
    while isinstance(found, click.Group) and rest:
        below = found.get_command(context, rest[0])
        if below is None:
            return found, rest
        found = below
        rest.pop(0)
    return found, []


def trouble(text: str) -> list[str]:
    wrong = []
    for words, options in calls(text):
        found, lost = command(words)
        if (lost and found is cli) or (lost and isinstance(found, click.Group)
                                     and lost[0] not in ("and", "or", "lists")):
            wrong.append(f"no command {' '.join(words)!r}")
            continue
        known = {one for each in (found, cli) for parameter in each.params
                 for one in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
        if isinstance(found, click.Group):
            known |= {one for each in found.commands.values() for parameter in each.params
                      for one in parameter.opts}
        wrong += [f"{' '.join(words)!r} has no {option}" for option in options
                  if option not in known]
    return wrong


@pytest.mark.parametrize("text", [
    "Run archive verify.", "See mediasvc queue shwo 7.", "Type mediasvc instudies list.",
    "Answer with: mediasvc queue retry 7 --pasword-file FILE", "Use queue undo first."])
def test_a_command_that_is_not_there_is_found_out(text: str) -> None:
    assert trouble(text)


@pytest.mark.parametrize("text", [
    "See mediasvc queue show X.", "mediasvc --home X -q ingest X --source Y", "use the bag",
    "Another mediasvc works on this home.", "run again with -v", "See mediasvc queue."])
def test_what_is_right_passes(text: str) -> None:
    assert trouble(text) == []


def test_every_command_in_a_text_of_ours_exists() -> None:
    wrong = [f"{path.relative_to(ROOT)}:{line}: {one}" for path in sorted(ROOT.rglob("*.py"))
             for line, text in strings(path) for one in trouble(text)]
    assert wrong == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_in_the_documents_exists(document: Path) -> None:
    text = document.read_text("utf-8").replace("\\\n", " ")
    spans = [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^mediasvc.*$", text, re.MULTILINE)]
    assert [one for span in spans for one in trouble(span)] == []


def test_every_command_in_the_help_exists() -> None:
    context = click.Context(cli)
    for name in COMMANDS:
        found = cli.get_command(context, name)
        assert found is not None
        groups = list(found.commands.values()) if isinstance(found, click.Group) else []
        for one in (found, *groups):
            assert trouble(one.help or "") == []
