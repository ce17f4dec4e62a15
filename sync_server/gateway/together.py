"""Has messages that several threads hold at the same time taken in one transaction: a commit is what costs, not a message."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sync_server.ingest.services import Outcome, Received


class NotTaken(RuntimeError):
    """The server could not take a message now. Whatever became of it, it may be offered again."""


@dataclass(slots=True)
class _Ticket:
    message: Received
    outcome: Outcome | None = None
    fault: Exception | None = None
    served: bool = False


class Together:
    """Whoever finds nobody at work takes all that wait, its own message among them; the others are told when that is done.

    `take` is called by one thread at a time, and returns an outcome, or none, for each message.
    """

    def __init__(self, take: Callable[[Sequence[Received]], Sequence[Outcome | None]]) -> None:
        self._take = take
        self._waiting: list[_Ticket] = []
        self._guard = threading.Lock()
        self._turn = threading.Lock()

    def take(self, message: Received) -> Outcome | None:
        """What came of `message`. Raises `NotTaken`."""
        ticket = _Ticket(message)
        with self._guard:
            self._waiting.append(ticket)
        with self._turn:
            if not ticket.served:
                self._serve()
        if ticket.fault is not None:
            raise NotTaken(str(ticket.fault)) from ticket.fault
        return ticket.outcome

    def _serve(self) -> None:
        with self._guard:
            group, self._waiting = self._waiting, []
        try:
            outcomes = self._take([ticket.message for ticket in group])
            for ticket, outcome in zip(group, outcomes, strict=True):
                ticket.outcome = outcome
        except Exception as fault:
            for ticket in group:
                ticket.fault = fault
        finally:
            for ticket in group:
                ticket.served = True
