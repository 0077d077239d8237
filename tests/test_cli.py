"""The command line as a whole: help, exit codes, one line for an error, doctor."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from mediasvc import __version__
from mediasvc.cli.main import COMMANDS
from mediasvc.cli.main import cli as program
from tests.conftest import Program


def test_version_is_said(cli: Program) -> None:
    assert __version__ in cli.text("--version").stdout


def test_help_names_every_command_and_exit_code(cli: Program) -> None:
    text = cli.text("--help").stdout
    for word in (*COMMANDS, "130", "11", "locked by another process"):
        assert word in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(cli: Program, name: str) -> None:
    done = cli.text(name, "--help")
    assert done.code == 0
    assert "Usage" in done.stdout


def test_every_option_says_what_it_does() -> None:
    silent = []

    def walk(command: click.Command, path: str) -> None:
        silent.extend(f"{path} {option.opts[-1]}" for option in command.params
                      if isinstance(option, click.Option) and not option.help)
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                below = command.get_command(context, name)
                assert below
                walk(below, f"{path} {name}")

    walk(program, "mediasvc")
    assert not silent


@pytest.mark.parametrize("arguments", [
    ["no-such-command"], ["--no-such-option"], ["config", "no-such"], ["ingest"],
    ["studies", "show"], ["manifest", "no-such-package"]], ids=" ".join)
def test_wrong_usage_is_exit_3_and_one_line(cli: Program, arguments: list[str]) -> None:
    done = cli.text(*arguments)
    assert done.code == 3
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_home_comes_from_the_environment_too(home: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "mediasvc", "--json", "config", "init"],
                          env={"MEDIASVC_HOME": str(home), "PATH": ""}, capture_output=True,
                          text=True, timeout=60, check=False)
    assert json.loads(done.stdout.splitlines()[-1])["path"] == str(home / "config.toml")


def test_a_reader_that_goes_away_is_no_traceback(cli: Program) -> None:
    done = subprocess.run(["bash", "-c", 'set -o pipefail; "$@" | head -n 1 >/dev/null', "-",
                           *cli.command("--json", "config", "show")],
                          capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr


def test_the_home_is_private(cli: Program, home: Path) -> None:
    cli("config", "init")
    assert home.stat().st_mode & 0o077 == 0


def test_doctor_finds_a_good_machine_good(cli: Program) -> None:
    done = cli("doctor")
    checks = {line["name"]: line for line in done.of("check")}
    assert checks["python"]["ok"]
    assert checks["library pydicom"]["ok"]
    assert checks["database"]["ok"]
    assert checks["folder archive"]["ok"]
    assert any(name.startswith("codec ") for name in checks)
    assert done.summary["failed"] == sum(not c["ok"] and c["needed"] for c in checks.values())


def test_doctor_misses_the_name_that_stands_on_every_disc(cli: Program, home: Path) -> None:
    def found() -> dict[str, object]:
        return next(row for row in cli("doctor").of("check") if row["name"] == "institution")

    assert (found()["ok"], found()["needed"]) == (False, False)
    (home / "config.toml").write_text('[site]\ninstitution = "General Hospital"\n')
    assert (found()["ok"], found()["text"]) == (True, "General Hospital")


def test_codecs_can_be_compiled_before_the_first_patient_waits(cli: Program) -> None:
    done = cli.text("doctor", "--compile")
    assert done.code == 0 and done.stdout.startswith("Compiling")


def test_doctor_goes_on_when_the_configuration_is_wrong(cli: Program, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("[site]\nx = 1\n")
    done = cli("doctor")
    assert done.code == 1
    checks = {line["name"]: line for line in done.of("check")}
    assert not checks["configuration"]["ok"]
    assert checks["database"]["ok"]


def test_doctor_names_a_database_that_cannot_be_reached(
        cli: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASVC_DATABASE", "oracle://me:secret@host/db")
    done = cli("doctor")
    assert done.code == 1
    assert not {line["name"]: line for line in done.of("check")}["database"]["ok"]
    assert "secret" not in done.stdout + done.stderr


def test_interrupt_is_exit_130_without_a_traceback(cli: Program, home: Path) -> None:
    with subprocess.Popen(cli.command("run"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        deadline = time.monotonic() + 60
        while not (home / "mediasvc.lock").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode in (0, 130)
    assert "Traceback" not in err
