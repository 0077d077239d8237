"""`mediasvc film FILE… -t h264|hevc`: cine loops as video instances, labelled as lossy."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from mediasvc.cli.progress import progress
from mediasvc.cli.session import Session
from mediasvc.errors import StorageError

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=_PATH)
@click.option("--to", "out", required=True, metavar="FILE|DIR/", help="Where to.")
@click.option("-t", "--codec", type=click.Choice(["h264", "hevc"]), default="h264",
              show_default=True, help="The video syntax; its level is the one that fits.")
@click.option("--quality", type=click.FloatRange(1, 51), metavar="CRF",
              help="The encoder's dial, smaller is better; 18 (H.264) or 20 (HEVC) if unset.")
@click.option("--rate", type=click.FloatRange(0.01, 1000), metavar="N",
              help="Frames in a second; as the cine says if unset.")
@click.option("--policy", metavar="NAME",
              help="Caps by modality; LOSSY-DRG, LOSSY-CAR or one in HOME/profiles.")
@click.option("--allow-lossy-on-lossy", is_flag=True,
              help="Also what was compressed with loss before.")
@click.option("--allow-mammography", is_flag=True, help="Also mammography.")
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@click.pass_obj
def command(session: Session, /, files: tuple[Path, ...], out: str, codec: str,
            quality: float | None, rate: float | None, force: bool, **wishes: Any) -> int:
    """Make video instances of multi-frame ones (US, XA, RF, secondary captures).

    A lossy copy: a new SOP Instance UID, labelled, naming its source; the ratio, PSNR and SSIM are
    measured. Exit code 1 when a file was skipped or failed.
    """
    from mediasvc.work.film import FilmOrder, film

    order = FilmOrder(files, _target(out), codec, _options(session, **wishes), quality or 0.0,
                      rate or 0.0, force)
    counts: Counter[str] = Counter(filmed=0, skipped=0, failed=0)
    native = encoded = 0
    with progress(session) as report:
        for row in film(order, session.settings, report):
            counts[row["type"]] += 1
            native += row.get("native_bytes", 0)
            encoded += row.get("encoded_bytes", 0)
            _tell(session, row)
    session.say(f"{counts['filmed']} filmed, {counts['skipped']} skipped, "
                f"{counts['failed']} failed")
    session.summary(**counts, native_bytes=native, encoded_bytes=encoded,
                    ratio=round(native / encoded, 4) if encoded else None)
    if counts["failed"] and not counts["filmed"]:
        return 2
    return 1 if counts["skipped"] or counts["failed"] else 0


def _target(out: str) -> Path:
    """A folder, made where it is not there, when it is written as one."""
    path = Path(out)
    if out.endswith("/"):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"OUT cannot be made ({error.strerror}).") from error
    return path


def _options(session: Session, policy: str | None, allow_lossy_on_lossy: bool,
             allow_mammography: bool) -> Any:
    from mediasvc.standard.lossy_policy import load_lossy_policy
    from mediasvc.work.transcoding.transcode_row import Options

    site = session.config_path.parent / "profiles"
    return Options(allow_lossy_on_lossy=allow_lossy_on_lossy, allow_mammography=allow_mammography,
                   policy=load_lossy_policy(policy, site) if policy else None)


def _tell(session: Session, row: dict[str, Any]) -> None:
    session.emit(row["type"], **{key: value for key, value in row.items() if key != "type"})
    if "reason" in row:
        session.say(f"  {row['type']:<8}{row['path']}: {row['reason']}")
        return
    quality = "equal" if row["psnr"] is None else f"PSNR {row['psnr']:.1f} dB"
    session.say(f"  {row['out']}: {row['frames']} frames at {row['rate']} a second, "
                f"{row['ratio']:.1f} : 1, {quality}, SSIM {row['ssim']:.4f}")
    for note in row["notes"]:
        session.say(f"          {note}")
