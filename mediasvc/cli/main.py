"""The command line: each command in a file of its own, loaded only when it is called."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from mediasvc import __version__
from mediasvc.cli.session import Session
from mediasvc.errors import MediasvcError, SettingsError

#: command → (module, one line for --help). Kept here so that --help imports nothing.
COMMANDS = {
    "inspect": ("inspect", "Look at a disc folder, ISO, zip or file; changes nothing."),
    "ingest": ("ingest", "Bring packages into the archive now and wait."),
    "queue": ("queue", "Packages that wait for a person: list, show, decide, retry, discard."),
    "manifest": ("manifest", "DICOMDIR says / disc holds / we stored, per file."),
    "report": ("report", "Printable pages: the legal record of an import."),
    "patients": ("patients", "The local patient index: load, find, show, match."),
    "expect": ("expect", "Who will bring a disc: add, list, cancel."),
    "studies": ("studies", "What the archive holds: list, show, files, restore, undo."),
    "export": ("export", "Make a certified disc image or zip."),
    "burn": ("burn", "Released discs onto a medium or to a robot, read back."),
    "label": ("label", "What is printed on a released disc or put into its case, as PDF."),
    "check-disc": ("check_disc", "An independent verdict on any disc, rule by rule."),
    "profiles": ("profiles", "What may stand on which medium: list, show, conformance."),
    "deidentify": ("deidentify", "DICOM files without their patient (PS3.15 Annex E)."),
    "transcode": ("transcode", "Rewrite instances in another transfer syntax, with proof."),
    "wrap": ("wrap", "Make DICOM of videos, photos, scans and documents."),
    "unwrap": ("unwrap", "Give the stream or document of an instance back, byte for byte."),
    "render": ("render", "Ordinary files for people: PNG, JPEG, TIFF, MP4, PDF, HTML, JSON."),
    "join": ("join", "A series of single-frame images becomes one multi-frame object."),
    "split": ("split", "Give the single-frame files of a multi-frame object back."),
    "film": ("film", "Cine loops as H.264 or HEVC video instances, labelled as lossy."),
    "codecs": ("codecs", "Which lossless syntax suits your own images: compare."),
    "run": ("run", "The service: watch the inbox until SIGTERM."),
    "config": ("config", "Write, check or show the configuration."),
    "doctor": ("doctor", "What is installed, what it can encode and decode, free space."),
}

EPILOG = """\b
Exit codes:
  0    done
  1    done with findings, or something waits for a person
  2    failed, nothing half-done
  3    usage or configuration
  11   locked by another process
  130  interrupted"""


class LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"mediasvc.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=click.Path(path_type=Path), envvar="MEDIASVC_HOME",
              default=Path("~/.local/share/mediasvc"), help="Data directory; made on first use.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), envvar="MEDIASVC_CONFIG",
              help="Configuration file; HOME/config.toml unless given.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout, the last a summary.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors.")
@click.option("-v", "--verbose", is_flag=True, help="More; with an error also the traceback.")
@click.version_option(__version__, prog_name="mediasvc")
@click.pass_context
def cli(ctx: click.Context, home: Path, config_file: Path | None, as_json: bool, quiet: bool,
        verbose: bool) -> None:
    """Import and export desk for patient discs, night shift for imaging archives."""
    ctx.obj = Session(home.expanduser(), config_file, as_json, quiet, verbose)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: the only place where errors become exit codes."""
    gc.set_threshold(20_000, 20, 20)  # collecting while libraries load is an eighth of that time
    code = _run(arguments)
    gc.freeze()  # nothing of a process that ends is worth looking through
    if arguments is None and threading.active_count() == 1:
        _leave(code)
    sys.exit(code)


def _leave(code: int) -> None:
    """As the interpreter ends, without taking libraries apart: a twentieth of a second. Returns
    where something said could not be written: the interpreter itself makes a failure of that."""
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(arguments: list[str] | None) -> int:
    verbose = bool({"-v", "--verbose"} & set(arguments if arguments is not None else sys.argv[1:]))
    try:
        result: Any = cli.main(args=arguments, standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except MediasvcError as error:
        return _fail(str(error), error.exit_code, verbose)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        return _fail("interrupted", 130, False)
    except click.ClickException as error:
        return _fail(error.format_message(), SettingsError.exit_code, False)
    except KeyboardInterrupt:
        return _fail("interrupted", 130, False)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except Exception as error:
        # Foreign words may quote patient data: only the class is shown, the trace only with -v.
        return _fail(f"internal error ({type(error).__name__}); run again with -v and report it",
                     2, verbose)


def _fail(text: str, code: int, verbose: bool) -> int:
    if verbose:
        import traceback
        traceback.print_exc()
    print(f"mediasvc: {text}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
