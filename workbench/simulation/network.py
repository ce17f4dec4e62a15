"""What lies between: a broker as dumb as Mosquitto, HTTPS, and lines that delay, lose, repeat, reorder, cut off and garble.

TLS covers the lines, so what a device hears is mostly what was said or nothing. What is garbled is garbled on a machine at their
ends: on its way up in the broker or at the door, where nothing but signatures stand against it, and an answer of the door's into
mere nonsense.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from kiosk.core.ports import Delivered, LinkDown, LinkEvent, LinkUp, Message
from wire import codec
from wire.codec import WireError
from wire.envelopes import Ack, Batch, Bundle
from wire.events import DeviceId
from wire.topics import Leaf
from workbench.simulation.agenda import Agenda
from workbench.simulation.clocks import MINUTE, SECOND
from workbench.simulation.server import Server, ServerDied

NO_SUBSCRIBERS: Final = 0x10
UNSPECIFIED: Final = 0x80
NOT_AUTHORISED: Final = 0x87
NONSENSE: Final = b"\xc1" * 4
"""Bytes that MessagePack gives no meaning."""
REQUEST_PATIENCE: Final = 20 * SECOND
"""After which a request over HTTPS counts as failed."""
QUEUED: Final = 16
"""Requests that may wait for the one under way."""


@dataclass
class Weather:
    """Shares of messages that meet with each mishap, and how slow the lines are (ms)."""

    lost: float = 0.0
    repeated: float = 0.0
    delayed: float = 0.0
    garbled: float = 0.0
    slowest: int = 200


class Post(NamedTuple):
    """A request over HTTPS."""

    token: int
    leaf: Leaf
    content_type: str
    payload: bytes


class Answer(NamedTuple):
    """What the door says to a request: a reason, as MQTT counts them, 0 where it was taken, and then what it has to tell."""

    reason: int
    content_type: str
    data: bytes


class Way(Protocol):
    """One device's line to the server, as the network knows it."""

    device: DeviceId
    heard: Callable[[LinkEvent], None]


class Network:
    """Broker, gateway and door of one server, and everybody's lines to them."""

    def __init__(self, agenda: Agenda, server: Server) -> None:
        self._agenda = agenda
        self._server = server
        self.weather = Weather()
        self.broker_up = True
        self.mqtt_blocked = False
        self.https_blocked = False
        self.cut_off: set[int] = set()
        """Cards (by the number of their device) that reach nobody."""
        self.sessions: dict[DeviceId, MqttWay] = {}
        self._inbox: list[tuple[DeviceId, str | None, bytes]] = []
        self._gathering = False
        self._patience = agenda.random.choice((150, 1_500, 4_000))
        self.crash_next: int | None = None
        """The statement at which the server dies while it deals with the next group; 0: after the commit."""

    # --- the broker --------------------------------------------------------------------------------------------------------

    def reaches_broker(self, number: int) -> bool:
        """Whether device number `number` could connect to the broker now."""
        return self.broker_up and not self._stands_in_the_way("MQTT blocked", self.mqtt_blocked, number)

    def reaches_door(self, number: int) -> bool:
        """Whether a request of device number `number` would come through now."""
        return self._server.up and not self._stands_in_the_way("HTTPS blocked", self.https_blocked, number)

    def _stands_in_the_way(self, kind: str, blocked: bool, number: int) -> bool:
        """Whether the lines of device `number` are cut, by what is counted now that it matters to somebody."""
        if blocked:
            self._agenda.happened[kind] += 1
        if number in self.cut_off:
            self._agenda.happened["cut off"] += 1
        return blocked or number in self.cut_off

    def connect(self, way: "MqttWay") -> None:
        """Whoever comes with a name that is there already takes its place."""
        before = self.sessions.get(way.device)
        self.sessions[way.device] = way
        if before is not None and before is not way:
            self._agenda.fault("taken over", way.device)
            before.broken("another device came with our name")

    def restart_broker(self, pause: int) -> None:
        """The broker dies, with all it had taken and not handed over, and comes back after `pause` ms."""
        self._agenda.fault("broker restart", "broker", f"{len(self._inbox)} messages gone")
        self.broker_up = False
        self._inbox.clear()
        for way in list(self.sessions.values()):
            way.broken("the broker is gone")
        self.sessions.clear()
        self._agenda.after(pause, self._broker_back)

    def _broker_back(self) -> None:
        self.broker_up = True

    def published(self, way: "MqttWay", leaf: Leaf, content_type: str, payload: bytes, token: int) -> None:
        """A message has reached the broker: acknowledged, whatever becomes of it."""
        if not self.broker_up or self.sessions.get(way.device) is not way:
            return
        way.answer(Delivered(token, 0 if self._server.up else NO_SUBSCRIBERS))
        if not self._server.up:
            return
        agenda, weather = self._agenda, self.weather
        if agenda.chance(weather.lost):
            agenda.fault("message lost", way.device, leaf)
            return
        copies = 1
        if agenda.chance(weather.repeated):
            agenda.fault("message repeated", way.device, leaf)
            copies = 2
        for _ in range(copies):
            data = payload
            if agenda.chance(weather.garbled):
                agenda.fault("message garbled", way.device, leaf)
                data = garbled(agenda, content_type, payload) if leaf == "up" else NONSENSE
            wait = agenda.random.randrange(1, 60)
            if agenda.chance(weather.delayed):
                agenda.fault("message delayed", way.device, leaf)  # others overtake it
                wait = agenda.random.randrange(SECOND, 40 * SECOND)
            agenda.after(wait, lambda data=data: self._arrive(way.device, leaf, content_type, data))  # type: ignore[misc]

    # --- the gateway -------------------------------------------------------------------------------------------------------

    def _arrive(self, device: DeviceId, leaf: Leaf, content_type: str, data: bytes) -> None:
        if not self._server.up or not self.broker_up:
            return
        if leaf == "health":
            self._server.note(device, content_type, data)
            return
        self._inbox.append((device, content_type, data))
        if not self._gathering:
            self._gathering = True
            self._agenda.after(self._agenda.random.randrange(5, self._patience), self._deal)

    def _deal(self) -> None:
        """The gateway takes whatever waits as one group."""
        self._gathering = False
        group, self._inbox = self._inbox, []
        if not group or not self._server.up:
            return
        for device, acks in self._take(group).items():
            for ack in acks:
                self._tell(device, ack)

    def _take(self, group: list[tuple[DeviceId, str | None, bytes]]) -> dict[DeviceId, list[Ack]]:
        crash, self.crash_next = self.crash_next, None
        if crash is None:
            return self._server.accept(group)
        try:
            with self._server.dying(crash or 1_000_000):
                self._server.accept(group)
            self._agenda.fault("server crash after commit", "server", f"{len(group)} messages")
        except ServerDied:
            self._agenda.fault("server crash before commit", "server", f"{len(group)} messages, statement {crash}")
        self.stop_server(self._agenda.random.randrange(SECOND, 30 * SECOND))
        return {}

    def stop_server(self, pause: int) -> None:
        """The server is away for `pause` ms; what it had in hand is gone."""
        self._server.up = False
        self._inbox.clear()
        self._agenda.after(pause, self.server_back)

    def server_back(self) -> None:
        """The server is there again and tells whoever is connected how things stand."""
        self._server.up = True
        self._agenda.note("server", "is there again")
        for device in list(self.sessions):
            ack = self._server.standing(device)
            if ack is not None:
                self._tell(device, ack)

    def _tell(self, device: DeviceId, ack: Ack) -> None:
        content_type, data = codec.encode(ack)
        agenda, weather = self._agenda, self.weather
        if agenda.chance(weather.lost):
            agenda.fault("acknowledgement lost", device)
            return
        wait = agenda.random.randrange(1, 100)
        if agenda.chance(weather.delayed):
            agenda.fault("acknowledgement delayed", device)
            wait = agenda.random.randrange(SECOND, 60 * SECOND)
        for _ in range(2 if agenda.chance(weather.repeated) else 1):
            agenda.after(wait, lambda: self._down(device, content_type, data))

    def _down(self, device: DeviceId, content_type: str, data: bytes) -> None:
        way = self.sessions.get(device)
        if way is not None and self.broker_up:
            way.answer(Message("down", content_type, data))

    # --- the door ----------------------------------------------------------------------------------------------------------

    def requested(self, way: "HttpsWay", leaf: Leaf, content_type: str, payload: bytes) -> Answer | None:
        """What a request that has come to the door is answered with; None where no answer comes."""
        if not self.reaches_door(way.number):
            return None
        if leaf == "health":
            self._server.note(way.device, content_type, payload)
            return Answer(0, *codec.encode(Bundle(1)))
        answers = self._take([(way.device, content_type, payload)]).get(way.device, [])
        return Answer(0, *codec.encode(answers[-1])) if answers else None

    def refused(self, way: "HttpsWay") -> Answer | None:
        """What a request is answered with whose bytes are not those that its device has signed: the door takes nothing of it."""
        if not self.reaches_door(way.number):
            return None
        self._agenda.fault("request garbled", way.device)
        return Answer(NOT_AUTHORISED, "", b"")


class MqttWay:
    """A `kiosk.core.ports.Link` over the broker. `number` tells the devices apart, for a clone has the same name."""

    def __init__(self, agenda: Agenda, network: Network, device: DeviceId, number: int) -> None:
        self.device = device
        self.number = number
        self.heard: Callable[[LinkEvent], None] = lambda event: None
        self._agenda = agenda
        self._network = network
        self._life = 0
        self._open = self._connected = False
        self._token = 0
        self._last_up = self._last_down = 0

    def open(self, heard: Callable[[LinkEvent], None]) -> None:
        """Goes on trying until `close`."""
        self.close()
        self.heard = heard
        self._open = True
        self._life += 1
        self._later(self._agenda.random.randrange(100, 2 * SECOND), self._try)

    def close(self) -> None:
        """Leaves."""
        self._life += 1
        self._open = False
        self._disconnect()

    def publish(self, leaf: Leaf, content_type: str, payload: bytes) -> int | None:
        """Hands a message to the line, which keeps its order while it lasts."""
        if not self._connected:
            return None
        self._token += 1
        token = self._token
        self._last_up = max(self._last_up + 1, self._agenda.now + self._slowness())
        self._later(self._last_up - self._agenda.now, lambda: self._sent(leaf, content_type, payload, token))
        return token

    def answer(self, event: LinkEvent) -> None:
        """Something comes down the line, unless it is cut on the way."""
        self._last_down = max(self._last_down + 1, self._agenda.now + self._slowness())
        self._later(self._last_down - self._agenda.now, lambda: self._hear(event))

    def broken(self, why: str) -> None:
        """The connection has ended, and the device notices."""
        if self._connected:
            self._connected = False
            self._later(self._agenda.random.randrange(1, 200), lambda: self.heard(LinkDown(why)))
            self._later(self._agenda.random.randrange(SECOND, 90 * SECOND), self._try)

    def _slowness(self) -> int:
        return self._agenda.random.randrange(2, self._network.weather.slowest)

    def _later(self, ms: float, call: Callable[[], None]) -> None:
        life = self._life
        self._agenda.after(ms, lambda: call() if life == self._life else None)

    def _try(self) -> None:
        if self._connected:
            return
        if self._network.reaches_broker(self.number):
            self._connected = True
            self._last_up = self._last_down = self._agenda.now
            self._network.connect(self)
            self._later(self._slowness(), lambda: self.heard(LinkUp()) if self._connected else None)
        else:
            self.heard(LinkDown("nobody answers"))
            self._later(self._agenda.random.randrange(5 * SECOND, MINUTE), self._try)

    def _sent(self, leaf: Leaf, content_type: str, payload: bytes, token: int) -> None:
        if self._connected and self._network.reaches_broker(self.number):
            self._network.published(self, leaf, content_type, payload, token)
        elif self._connected:
            self._notice()

    def _hear(self, event: LinkEvent) -> None:
        if self._connected and self._network.reaches_broker(self.number):
            self.heard(event)
        elif self._connected:
            self._notice()

    def _notice(self) -> None:
        """The line is cut. Mostly the keepalive says so in a while; a half-open socket says nothing at all."""
        if not self._agenda.chance(0.3):
            self._later(self._agenda.random.randrange(20 * SECOND, 40 * SECOND), self._missed)

    def _missed(self) -> None:
        if self._connected and not self._network.reaches_broker(self.number):
            self.broken("no answer to the keepalive")

    def _disconnect(self) -> None:
        self._connected = False
        if self._network.sessions.get(self.device) is self:
            del self._network.sessions[self.device]


class HttpsWay:
    """A `kiosk.core.ports.Link` of requests, one after the other. What has been sent arrives, whatever has become of its device."""

    def __init__(self, agenda: Agenda, network: Network, device: DeviceId, number: int) -> None:
        self.device = device
        self.number = number
        self.heard: Callable[[LinkEvent], None] = lambda event: None
        self._agenda = agenda
        self._network = network
        self._life = 0
        self._open = False
        self._token = 0
        self._posts: deque[Post] = deque()
        self._asking: int | None = None

    def open(self, heard: Callable[[LinkEvent], None]) -> None:
        """Requests need no connection, so it is up at once."""
        self.close()
        self.heard = heard
        self._open = True
        self._later(1, lambda: heard(LinkUp()))

    def close(self) -> None:
        """Asks nothing any more."""
        self._life += 1
        self._open = False
        self._posts.clear()
        self._asking = None

    def publish(self, leaf: Leaf, content_type: str, payload: bytes) -> int | None:
        """Queues a request."""
        if not self._open or len(self._posts) >= QUEUED:
            return None
        self._token += 1
        self._posts.append(Post(self._token, leaf, content_type, payload))
        self._ask()
        return self._token

    def _later(self, ms: float, call: Callable[[], None]) -> None:
        life = self._life
        self._agenda.after(ms, lambda: call() if life == self._life else None)

    def _ask(self) -> None:
        """The next request is on its way, if none is. It has its time to be answered, all of it."""
        if self._asking is not None or not self._posts:
            return
        agenda, weather = self._agenda, self._network.weather
        post = self._posts.popleft()
        self._asking = post.token
        self._later(REQUEST_PATIENCE, lambda: self._end(post.token, UNSPECIFIED))
        delayed, repeated, garbled = (agenda.chance(share) for share in (weather.delayed, weather.repeated, weather.garbled))
        wait = agenda.random.randrange(10, 200) + (agenda.random.randrange(SECOND, 40 * SECOND) if delayed else 0)
        life = self._life
        agenda.after(
            wait, lambda: self._arrive(post, life, garbled=garbled and agenda.chance(0.5), mishap="request delayed" * delayed)
        )
        if repeated:
            again = wait + agenda.random.randrange(1, MINUTE)
            agenda.after(again, lambda: self._arrive(post, None, garbled=False, mishap="request repeated"))

    def _arrive(self, post: Post, life: int | None, *, garbled: bool, mishap: str) -> None:
        """A request has come to the door, after what `mishap` says. Nobody waits for its answer where `life` is none."""
        agenda, network = self._agenda, self._network
        answer = network.refused(self) if garbled else network.requested(self, *post[1:])
        if answer is None:
            return
        if mishap:
            agenda.fault(mishap, self.device, post.leaf)
        if life is None or agenda.chance(network.weather.lost):
            return
        wait = agenda.random.randrange(10, 200)
        if agenda.chance(network.weather.delayed):
            wait = agenda.random.randrange(SECOND, 40 * SECOND)
        if not garbled and agenda.chance(network.weather.garbled):
            answer = answer._replace(data=NONSENSE)
        agenda.after(wait, lambda: self._answered(post, answer, life))

    def _answered(self, post: Post, answer: Answer, life: int) -> None:
        if life != self._life or not self._network.reaches_door(self.number):
            return
        if self._asking != post.token:
            self._agenda.fault("answered late", self.device, post.leaf)  # it has given up waiting
            return
        if answer.reason == 0:
            self._agenda.happened["carried by HTTPS"] += 1
        if answer.data is NONSENSE:
            self._agenda.fault("answer garbled", self.device, post.leaf)
        if post.leaf == "up" and answer.reason == 0:
            self.heard(Message("down", answer.content_type, answer.data))
        self._end(post.token, answer.reason)

    def _end(self, token: int, reason: int) -> None:
        """It is settled what has become of a request, and the next one goes."""
        if self._asking == token:
            self._asking = None
            self.heard(Delivered(token, reason))
            self._ask()


def garbled(agenda: Agenda, content_type: str, payload: bytes) -> bytes:
    """`payload` with some bytes changed, cut or added. What is not signed never becomes something else that is well formed."""
    random = agenda.random
    data = bytearray(payload)
    match random.randrange(3):
        case 0:
            for _ in range(random.randrange(1, 4)):
                data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        case 1:
            del data[random.randrange(len(data)) :]
        case _:
            data += random.randbytes(random.randrange(1, 20))
    try:
        if not isinstance(codec.decode_upward(content_type, bytes(data)), Batch):
            return NONSENSE
    except WireError:
        pass
    return bytes(data)
