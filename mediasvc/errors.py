"""The few errors that reach a person. Each knows its exit code; the CLI maps them once."""

from __future__ import annotations

#: What helps when files of the archive are missing or damaged.
PUT_BACK = "Put the archive's files back from the backup (see docs/operations.md)."


class MediasvcError(Exception):
    """The work failed; nothing was left half-done."""

    exit_code = 2

    def __init__(self, text: str = "", advice: str = "") -> None:
        self.text = text or (type(self).__doc__ or "").strip()
        self.advice = advice
        super().__init__(f"{self.text} {advice}".strip())


class SettingsError(MediasvcError):
    """The configuration or the command line cannot be used."""

    exit_code = 3


class LockedError(MediasvcError):
    """Another process works on this home."""

    exit_code = 11


class NotFoundError(MediasvcError):
    """There is no such package, patient, study or file."""

    exit_code = 3


class StateError(MediasvcError):
    """That step is not possible in the present state."""


class UnsupportedError(MediasvcError):
    """This kind of data is not on the tested list; it is skipped, never guessed."""


class DamagedError(MediasvcError):
    """The bytes contradict themselves or end too early."""


class MediumError(DamagedError):
    """The drive or disk could not read the medium there, however often it was asked."""


class BudgetError(MediasvcError):
    """The item would need more bytes, entries or time than the settings allow."""


class ProofError(MediasvcError):
    """A result did not match what it was made from; it was thrown away."""


class UnfitError(ProofError):
    """Every byte of a result is what it was made from, and it may not go out all the same."""


class PasswordNeeded(MediasvcError):  # noqa: N818 - not a failure: a question to the person
    """The zip is encrypted and needs its password."""


class StorageError(MediasvcError):
    """The disk refused to keep the data; nothing was acknowledged."""
