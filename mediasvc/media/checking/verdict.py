"""Findings held against the table of rules: what a disc passes and what it fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mediasvc.model import Finding
from mediasvc.standard.disc_rules import BY_ID, RULES, DiscRule
from mediasvc.standard.profiles import Profile

#: Findings kept of one rule; the rest is counted.
KEPT = 50


@dataclass(frozen=True, slots=True)
class RuleResult:
    """``findings``: at most `KEPT` of the ``count`` that speak against it."""

    rule: DiscRule
    count: int
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return not self.count

    @property
    def text(self) -> str:
        """The rule when it holds, otherwise what breaks it."""
        if self.passed:
            return self.rule.text
        subject = self.findings[0].subject
        return f"{subject}: {self.reason}" if subject else self.reason

    @property
    def reason(self) -> str:
        """What breaks the rule first, without the name of the file."""
        more = f" (and {self.count - 1} more)" if self.count > 1 else ""
        return self.findings[0].text + more


@dataclass(frozen=True, slots=True)
class Verdict:
    """``profile``: its name, empty when none fits. ``sha256``: of the whole image or zip, where
    it was asked for."""

    kind: str
    profile: str
    results: tuple[RuleResult, ...]
    instances: int
    files: int
    bytes: int
    file_set_id: str = ""
    sha256: str = ""

    @property
    def passed(self) -> bool:
        """Every rule that a disc must keep holds."""
        return all(result.passed for result in self.results if result.rule.level == "must")

    @property
    def failed(self) -> tuple[RuleResult, ...]:
        return tuple(result for result in self.results if not result.passed)


@dataclass(slots=True)
class Trial:
    """Collects what is found, and judges at the end."""

    counts: Counter[str] = field(default_factory=Counter)
    kept: dict[str, list[Finding]] = field(default_factory=dict)

    def add(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            assert finding.rule in BY_ID, finding.rule
            self.counts[finding.rule] += 1
            kept = self.kept.setdefault(finding.rule, [])
            if len(kept) < KEPT:
                kept.append(finding)

    def results(self, kind: str, skipped: frozenset[str]) -> tuple[RuleResult, ...]:
        """One result for every rule that is asked of this kind of package."""
        return tuple(
            RuleResult(rule, self.counts[rule.id], tuple(self.kept.get(rule.id, ())))
            for rule in RULES
            if self.counts[rule.id] or (kind in rule.kinds and rule.id not in skipped))


#: Which profile is tried first when several fit equally well.
_PREFERENCE = ("STD-GEN-CD", "STD-GEN-DVD-JPEG", "STD-GEN-DVD-J2K", "STD-GEN-USB-JPEG",
               "STD-GEN-USB-J2K", "ZIP")


def best_profile(candidates: Sequence[Profile], transfer_syntaxes: Iterable[str], kind: str,
                 length: int) -> Profile:
    """The profile that most files are in; among equals the one whose medium this is.

    What is for mail, encrypted or for some SOP classes only is never guessed.
    """
    used = Counter(transfer_syntaxes)
    candidates = [profile for profile in candidates
                  if not profile.sop_classes and not profile.secure
                  and profile.medium.kind not in ("mail", "mime")]

    def rank(profile: Profile) -> tuple[bool, int, bool, int]:
        foreign = sum(count for uid, count in used.items()
                      if uid not in profile.transfer_syntaxes)
        zipped = (profile.medium.kind == "zip") != (kind == "zip")
        too_big = profile.medium.kind == "cd" and length > 750 << 20
        place = (_PREFERENCE.index(profile.name) if profile.name in _PREFERENCE
                 else len(_PREFERENCE))
        return zipped, foreign, too_big, place

    return min(candidates, key=rank)
