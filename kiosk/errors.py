"""The one error family of the kiosk. Each says what is so and what to do; `retry` says whether trying again helps by itself."""


class KioskError(Exception):
    """Something that a person is told. `text` says what is so, `fix` what to do about it."""

    retry = False

    def __init__(self, text: str, fix: str = "") -> None:
        super().__init__(f"{text} {fix}".strip())
        self.text = text
        self.fix = fix


class ConfigError(KioskError):
    """The configuration file cannot be used as it is."""


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
