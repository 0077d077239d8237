"""`mediasvc check-disc PATH`: an independent verdict, rule by rule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mediasvc.cli.password import password_option, read_password
from mediasvc.cli.progress import progress
from mediasvc.cli.session import Session
from mediasvc.media.page.words import count

if TYPE_CHECKING:
    from mediasvc.media.checking.verdict import RuleResult, Verdict

SHOWN = 5
CHILD = "mediasvc.work.checking.check_members"


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--profile", default="", help="Judge by this profile; otherwise the best fitting.")
@click.option("--certificate", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Certificate of the image; PATH.json is used when it is there.")
@click.option("--signer", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Public key (PEM) that certificate and list of hashes must be signed with.")
@password_option
@click.pass_obj
def command(session: Session, path: Path, profile: str, certificate: Path | None,
            signer: Path | None, password_file: Path | None) -> int:
    """Judge any disc image, folder or zip by the rules of DICOM media and IHE PDI. Read-only.

    Exit code 1 when a rule that a disc must keep is broken.
    """
    with session.children(CHILD) as sandbox:
        from mediasvc.work.check_disc import check_disc

        with progress(session) as report:
            verdict = check_disc(path, sandbox, session.settings.limits, profile=profile,
                                 site_profiles=session.site_profiles, certificate=certificate,
                                 report=report,
                                 password=read_password(password_file),
                                 signer=signer.read_bytes() if signer else b"")
    show(session, verdict)
    return 0 if verdict.passed else 1


def show(session: Session, verdict: Verdict) -> None:
    """The verdict for scripts and for people."""
    for result in verdict.results:
        session.emit("rule", id=result.rule.id, level=result.rule.level, **{"pass": result.passed},
                     text=result.text)
        if not result.passed:
            _show_failure(session, result)
    name = verdict.profile or "no profile"
    session.say(f"{'PASS' if verdict.passed else 'FAIL'}  {verdict.kind}, {name}: "
                f"{count(verdict.instances, 'DICOM file')}, {count(verdict.files, 'file')} in all, "
                f"{len(verdict.results)} rules, {len(verdict.failed)} not kept")
    session.summary(verdict="pass" if verdict.passed else "fail", profile=verdict.profile,
                    kind=verdict.kind, file_set_id=verdict.file_set_id,
                    instances=verdict.instances, files=verdict.files, bytes=verdict.bytes,
                    sha256=verdict.sha256, rules=len(verdict.results),
                    failed=[result.rule.id for result in verdict.failed])


def _show_failure(session: Session, result: RuleResult) -> None:
    word = "broken" if result.rule.level == "must" else "advice"
    session.say(f"{word:<7}{result.rule.id:<8}{result.rule.text}")
    for finding in result.findings[:SHOWN]:
        where = f"{finding.subject}: " if finding.subject else ""
        session.say(f"               {where}{finding.text}")
    if result.count > SHOWN:
        session.say(f"               and {result.count - SHOWN} more")
