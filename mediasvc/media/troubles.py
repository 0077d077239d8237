"""What was found wrong while a package was listed."""

from __future__ import annotations

from dataclasses import dataclass

from mediasvc.errors import BudgetError
from mediasvc.media.page.words import Many
from mediasvc.model import Finding, Severity

#: A package with more refused files than this is refused as a whole, with words.
FINDINGS_LIMIT = 10_000


@dataclass(slots=True)
class _Tally:
    severity: Severity
    subject: str
    text: str
    rule: str
    count: int = 1


class Troubles:
    """Collects findings; those of a kind that may hit every file are counted into one.

    ``prefix`` stands before each subject: the label of the container inside the package.
    """

    def __init__(self, findings: list[Finding], prefix: str = "") -> None:
        self._findings, self._prefix = findings, prefix
        self._tallies: dict[tuple[str, str], _Tally] = {}

    def inside(self, subject: str) -> Troubles:
        """For a container in the package: the same list, its label before each subject."""
        return Troubles(self._findings, f"{self._prefix}{subject}!/")

    def add(self, severity: Severity, code: str, subject: str, text: str, rule: str) -> None:
        """One finding of its own. Raises BudgetError when there are too many."""
        if len(self._findings) >= FINDINGS_LIMIT:
            raise BudgetError(f"more than {FINDINGS_LIMIT} files of this package had to be refused")
        self._findings.append(Finding(severity, code, self._subject(subject), text, rule))

    def refuse(self, code: str, subject: str, text: str, rule: str) -> None:
        """The file ``subject`` does not become a member."""
        self.add("error", code, subject, text, rule)

    def tally(self, severity: Severity, code: str, subject: str, text: str, rule: str) -> None:
        """Count one more; `close` reports all with this text at once, the first by name."""
        known = self._tallies.get((code, text))
        if known:
            known.count += 1
        else:
            self._tallies[code, text] = _Tally(severity, subject, text, rule)

    def close(self) -> None:
        """Turn the tallies into findings. ``{n:file is|files are}`` in a text is the count."""
        for (code, _), tally in self._tallies.items():
            self.add(tally.severity, code, tally.subject,
                     tally.text.format(n=Many(tally.count)), tally.rule)
        self._tallies.clear()

    def _subject(self, subject: str) -> str:
        if not subject:
            return self._prefix.removesuffix("!/")
        return self._prefix + subject
