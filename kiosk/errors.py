"""The one error family of the kiosk. Each says what is so and what to do; `retry` says whether trying again helps by itself."""


class KioskError(Exception):
    """Something that a person is told. `text` says what is so, `fix` what to do about it."""

    retry = False

    def __init__(self, text: str, fix: str = "") -> None:
        super().__init__(f"{text} {fix}".strip())
        self.text = text
        self.fix = fix


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
