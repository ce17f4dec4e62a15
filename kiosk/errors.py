"""The one error family of the kiosk. Each says what is so and what to do; `retry` says whether trying again helps by itself."""

from collections.abc import Callable


class KioskError(Exception):
    """Something that a person is told. `text` says what is so, `fix` what to do about it; both may have `{places}` for `values`.

    Logs have it in English; `told` says it in another language, where the catalogues have the two sentences.
    """

    retry = False

    def __init__(self, text: str, fix: str = "", **values: object) -> None:
        self._sentences = tuple(sentence for sentence in (text, fix) if sentence)
        self._values = values
        self.text, self.fix = (sentence.format_map(values) if values else sentence for sentence in (text, fix))
        super().__init__(f"{self.text} {self.fix}".strip())

    def told(self, say: Callable[..., str]) -> str:
        """The same by `say(sentence, **values)`."""
        return " ".join(say(sentence, **self._values) for sentence in self._sentences)


class ConfigError(KioskError):
    """The configuration cannot be used as it is: `field` is what is wrong, `text` why, `fix` what to write instead."""

    def __init__(self, field: str, text: str, fix: str = "", *, file: str = "") -> None:
        super().__init__(f"{file + ': ' if file else ''}{field}: {text}", fix)
        self.field = field
        self.reason = text

    def within(self, file: str) -> "ConfigError":
        """The same, naming the file it was found in."""
        return ConfigError(self.field, self.reason, self.fix, file=file)


class IdentityError(KioskError):
    """The device has no usable identity: it was never enrolled, or its files are damaged."""


class EnrolmentError(KioskError):
    """The server would not, or could not, give an identity."""


class ServerUnreachable(EnrolmentError):
    """Nobody answered there."""

    retry = True


class LedgerError(KioskError):
    """The ledger cannot be read or written now."""

    retry = True


class LedgerInUse(LedgerError):
    """Another process holds the ledger."""

    retry = False


class LedgerTooNew(LedgerError):
    """A newer program wrote the ledger, and this one must not touch it."""

    retry = False
