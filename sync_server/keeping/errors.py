"""What goes wrong with backups, in words for whoever looks after the server."""


class KeepingError(Exception):
    """A backup was not made, retired or restored. The text says why and what to do; nothing was changed."""


class Damaged(KeepingError):
    """The database itself is not whole: it cannot be backed up as it is."""


class InUse(KeepingError):
    """Somebody else has the database open. Trying again helps when they have just been stopped."""
