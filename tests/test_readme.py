"""README, documents and NOTICE say what is true of this tree."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click
import pytest

from mediasvc.cli.main import COMMANDS, cli
from mediasvc.configuration import environment_name, settings_fields

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = {path.name: path.read_text(encoding="utf-8")
             for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]}


def shell_lines() -> Iterator[str]:
    for text in DOCUMENTS.values():
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            yield from (line for line in block.splitlines() if line.strip())


def find(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words name, and the words that are left."""
    command: click.Command = cli
    while isinstance(command, click.Group) and words:
        below = command.get_command(click.Context(command), words[0])
        assert below, f"no command {words[0]}"
        command, words = below, words[1:]
    return command, words


OURS = [shlex.split(line, comments=True)[1:] for line in shell_lines()
        if line.startswith("mediasvc ")]


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_a_command_in_the_documents_exists_with_its_options(words: list[str]) -> None:
    command, rest = find(words)
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in rest if word.startswith("-")} <= options


def test_every_command_stands_in_the_readme() -> None:
    missing = [name for name in COMMANDS if f"`{name}" not in README]
    assert not missing


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_names_every_subcommand(name: str) -> None:
    command, _ = find([name])
    if isinstance(command, click.Group):
        row = next(line for line in README.splitlines() if line.startswith(f"| `{name} "))
        assert set(command.list_commands(click.Context(command))) <= set(re.findall(r"\w+", row))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_is_there(document: str) -> None:
    text = DOCUMENTS[document]
    base = ROOT if document == "README.md" else ROOT / "docs"
    linked = [base / name for name in re.findall(r"\]\(([^)#:]+)\)", text)]
    named = [ROOT / name for name in re.findall(
        r"(?<![\w/])((?:scripts|docs|tests|samples|profiles|mediasvc)/[\w./-]*\w)", text)]
    assert [str(path) for path in linked + named if not path.exists()] == []


def test_the_two_set_up_commands_come_first_and_can_be_run() -> None:
    first = re.search(r"```sh\n(.*?)```", README, re.DOTALL)
    assert first
    scripts = [line.split()[0] for line in first[1].splitlines()]
    assert scripts == ["scripts/quickstart", "scripts/test"]
    for script in (*scripts, ".ci/run", "scripts/make_samples"):
        assert (ROOT / script).stat().st_mode & 0o111, script


def test_the_steps_of_the_quickstart_are_the_ones_shown() -> None:
    steps = re.findall(r'^title "(\d\. .*)"$', (ROOT / "scripts" / "quickstart").read_text(),
                       re.MULTILINE)
    assert len(steps) == 6
    assert [step for step in steps if step not in README] == []


def test_every_variable_in_the_documents_is_a_setting() -> None:
    known = {environment_name(key) for key, _ in settings_fields()} | {"MEDIASVC_HOME"}
    texts = [*DOCUMENTS.values(), (ROOT / "docs" / "mediasvc.service").read_text()]
    named = {name.removesuffix("_FILE") for text in texts
             for name in re.findall(r"MEDIASVC_[A-Z_]+", text)}
    assert named <= known


def test_every_setting_in_the_documents_exists() -> None:
    known = {".".join(key) for key, _ in settings_fields()}
    sections = {name.split(".")[0] for name in known if "." in name}
    named = {name for text in DOCUMENTS.values() for name in re.findall(r"`([a-z]+\.[a-z_]+)", text)
             if name.split(".")[0] in sections}
    assert named <= known


def test_the_changelog_has_its_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert text.startswith("# Changelog\n")
    assert "## [Unreleased]" in text
    assert set(re.findall(r"^### (\w+)$", text, re.MULTILINE)) <= {
        "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def notice_rows() -> dict[str, str]:
    text = (ROOT / "NOTICE").read_text(encoding="utf-8")
    rows = re.findall(r"^  (?:\w+ {2,})?([\w.-]+) {2,}(\S.*)$", text, re.MULTILINE)
    rows += re.findall(r"^ {12}([\w.-]+) {2,}(\S.*)$", text, re.MULTILINE)
    return {normal(name): licence for name, licence in rows}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(name: str, extras: frozenset[str] = frozenset()) -> Iterator[str]:
    for text in metadata.requires(name) or []:
        extra = re.search(r"extra == ['\"](\w+)['\"]", text)
        if not extra or extra[1] in extras:
            yield re.split(r"[^\w.-]", text, maxsplit=1)[0]


def installed(names: Iterator[str], seen: set[str]) -> set[str]:
    for name in names:
        if normal(name) not in seen:
            try:
                metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
            seen.add(normal(name))
            installed(requirements(name), seen)
    return seen


def test_notice_names_everything_that_is_installed_with_us() -> None:
    assert installed(requirements("mediasvc"), set()) - set(notice_rows()) == set()


def test_notice_names_every_optional_library() -> None:
    extras = frozenset(metadata.metadata("mediasvc").get_all("Provides-Extra") or [])
    named = {normal(name) for name in requirements("mediasvc", extras)}
    assert named - set(notice_rows()) - {"mediasvc"} == set()


#: How packages that state no SPDX expression word their licence.
WORDINGS = {"OSI Approved :: MIT License": "MIT", "OSI Approved :: ISC License (ISCL)": "ISC",
            "OSI Approved :: BSD License": "BSD",
            "OSI Approved :: Apache Software License": "Apache"}


def test_notice_states_the_licence_that_the_package_states() -> None:
    wrong = {}
    for name, stated in notice_rows().items():
        try:
            data = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue
        expression = data.get("License-Expression") or ""
        words = [WORDINGS.get(row.removeprefix("License :: "), "")
                 for row in data.get_all("Classifier") or [] if row.startswith("License ::")]
        first = re.split(r" (?:AND|OR|WITH) ", expression)[0] or next(filter(None, words), "")
        if first and first not in stated:
            wrong[name] = (stated, expression or words)
    assert not wrong


def test_no_copyleft_library_is_required_but_the_named_one() -> None:
    required = (ROOT / "NOTICE").read_text(encoding="utf-8").split("\nCarried inside")[0]
    rows = [line for line in required.splitlines() if re.search(r"\bL?GPL", line)]
    assert [line.split()[0] for line in rows if "Exception" not in line] == ["pycdlib"]
