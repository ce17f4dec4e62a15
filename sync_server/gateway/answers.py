"""What becomes of a message, whatever brought it: taken or set aside with its reason, and what is to be told its sender.

MQTT and its HTTPS twin share this, so that a device is treated the same on both. Nothing a device sends raises here; what does is a
database that is away, which each of them meets in its own way: `insist`.
"""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, InternalError, NotSupportedError, ProgrammingError

from sync_server.courts.models import Device
from sync_server.fleet import services as fleet
from sync_server.fleet.authority import Authority
from sync_server.ingest.selectors import knows, standing
from sync_server.ingest.services import Outcome, Received, accept, hear, put_aside
from wire import codec
from wire.codec import WireError
from wire.envelopes import Ack, SignedConfig

log = logging.getLogger(__name__)
T = TypeVar("T")


class Insist(Protocol):
    """Does some work, or does it again while that may help, and returns what it gave."""

    def __call__(self, work: Callable[[], T]) -> T: ...


def once(work: Callable[[], T]) -> T:
    """Does `work` and does not insist: whoever asked can ask again."""
    return work()


class Reported(NamedTuple):
    """What a report calls for: the configuration to send, none where the device holds it; and the stream that it told of."""

    signed: SignedConfig | None = None
    stream: bytes = b""


class Clerk:
    """Takes messages and says what to answer. Raises only passing faults of the database, when `insist` lets them through."""

    def __init__(self, *, authority: Authority, places: fleet.Places = fleet.NOWHERE, insist: Insist = once) -> None:
        self._authority = authority
        self._places = places
        self._insist = insist
        self._said: set[str] = set()

    def take(self, messages: Sequence[Received]) -> list[Outcome | None]:
        """Has batches and greetings accepted, together where that goes. None stands for one at which the server itself failed:
        it is set aside, and there is nothing to tell."""
        try:
            return list(self._insist(lambda: accept(messages)))
        except Exception as fault:
            if is_passing(fault):
                raise
            if len(messages) > 1:
                # One of them is at fault, and the others must not suffer for it.
                return [outcome for message in messages for outcome in self.take([message])]
            self._give_up(messages[0])
            return [None]

    def isolate(self, message: Received, work: Callable[[], None]) -> None:
        """Does `work` on a message that concerns nobody else; one at which it fails is set aside."""
        try:
            self._insist(work)
        except Exception as fault:
            if is_passing(fault):
                raise
            self._give_up(message)

    def note_health(self, message: Received) -> Reported:
        """Keeps a report."""
        try:
            health = codec.decode_health(message.content_type, message.data)
        except WireError as fault:
            self.put_aside(message, fault.reason, str(fault))
            return Reported()
        self.isolate(message, lambda: fleet.record_health(message.device, health))
        self.isolate(message, lambda: hear(message.device, health, message.at))
        # What staff have changed since is on its way within a minute.
        return Reported(self.configuration(message.device, health.config), bytes(health.stream))

    def standing(self, device: str, server_wall: int, *, stream: bytes = b"") -> Ack | None:
        """How `stream` of a device stands, or its newest: an idle device learns so within a minute that this server was restored
        from a backup, even one that does not know the stream."""
        return self._insist(lambda: standing(device, server_wall, stream=stream))

    def is_unheard(self, device: str, stream: bytes) -> bool:
        """Whether a device goes on with a stream of which this server knows nothing."""
        return bool(stream) and not self._insist(lambda: knows(device, stream))

    def note_result(self, message: Received) -> None:
        """Sets aside what came of a command: this server gives none yet, so it is an answer that nobody waits for."""
        try:
            result = codec.decode_result(message.content_type, message.data)
        except WireError as fault:
            self.put_aside(message, fault.reason, str(fault))
        else:
            self.put_aside(message, "unasked", f"the result of {result.id!r}, a command that was not given here")

    def configuration(self, name: str, held: int) -> SignedConfig | None:
        """The configuration in force for a device that holds version `held`, if that is another."""
        try:
            return self._insist(lambda: self._configure(name, held))
        except Exception as fault:
            if is_passing(fault):
                raise
            log.exception("%s could not be given its configuration; it asks again by itself", name)
            return None

    def put_aside(self, message: Received, reason: str, text: str) -> None:
        """Keeps a message that cannot be taken."""
        self._insist(lambda: put_aside(message, reason, text))

    def _configure(self, name: str, held: int) -> SignedConfig | None:
        device = Device.objects.filter(name=name, revoked_at=None).first()
        if device is None:
            return None
        try:
            signed = fleet.configure(device, authority=self._authority, places=self._places, held=held)
        except fleet.EnrolmentRefused as refusal:
            if str(refusal) not in self._said:  # it asks again every minute
                self._said.add(str(refusal))
                log.warning("%s", refusal)
            return None
        return signed if codec.decode_config(signed.document).version != held else None

    def _give_up(self, message: Received) -> None:
        log.exception("a message of %s could not be taken and is set aside", message.device)
        self.put_aside(message, "internal", "the server failed at this message; its log says how")


def is_passing(fault: Exception) -> bool:
    """Whether trying again may help: the database is away, busy or full, not offended by what it was given."""
    lasting = DataError | IntegrityError | InternalError | NotSupportedError | ProgrammingError
    return isinstance(fault, DatabaseError | InterfaceError) and not isinstance(fault, lasting)
