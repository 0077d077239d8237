"""`mediasvc deidentify IN OUT`: files that name nobody, by PS3.15 Annex E."""

from __future__ import annotations

from pathlib import Path

import click

from mediasvc.cli.private_options import CLEAN_HELP, RETAIN_HELP, words
from mediasvc.cli.progress import progress
from mediasvc.cli.session import Session

CHILD = "mediasvc.work.deidentifying.deidentify"


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--retain", default="", metavar="WORDS", help=RETAIN_HELP)
@click.option("--clean", default="", metavar="WORDS", help=CLEAN_HELP)
@click.option("--project", default="", metavar="NAME",
              help="The same patient is the same in everything of NAME; its key is in the home.")
@click.option("--keep-mapping", "mapping", is_flag=True,
              help="Write into the home who became who.")
@click.pass_obj
def command(session: Session, source: Path, out: Path, retain: str, clean: str, project: str,
            mapping: bool) -> int:
    """De-identify DICOM files outside of the archive. OUT must be empty; names of files are new.

    Exit code 1 when a file could not be de-identified and was left out.
    """
    from mediasvc.work.deidentify_tree import deidentify_tree
    from mediasvc.work.deidentifying.deidentify_order import privacy, write_mapping

    chosen = privacy(session.home, words(retain), words(clean), project=project, mapping=mapping,
                     site=session.home.profiles)
    renamed, left = [], 0
    with session.children(CHILD) as sandbox, progress(session) as report:
        for done in deidentify_tree(sandbox, source, out, chosen, report):
            if done.out is None:
                left += 1
                session.emit("skipped", path=str(done.source), reason=done.reason)
                session.say(f"  left out: {done.source}: {done.reason}")
                continue
            session.emit("instance", path=str(done.source), out=str(done.out),
                         findings=[finding.code for finding in done.findings])
            for finding in done.findings:
                session.say(f"  {finding.severity} {done.out.name}: {finding.text}")
            renamed.append(done.renamed)
    if mapping:
        path = write_mapping(session.home, project or "files", filter(None, renamed))
        session.say(f"who became who: {path}")
    session.say(f"{len(renamed)} instances de-identified, {left} files left out")
    session.summary(instances=len(renamed), skipped=left)
    return 2 if left and not renamed else 1 if left else 0
