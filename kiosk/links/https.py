"""The same messages over HTTPS, by requests, for where MQTT is blocked: each is signed, posted to the server's door, and answered.

There is no connection to be up or down: a message that brought no answer is reported as not delivered, and the delivery decides.
"""

import base64
import math
import queue
import ssl
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import requests
import structlog
import urllib3
from requests.adapters import HTTPAdapter

from kiosk.core.delivery import REFUSALS
from kiosk.core.ports import Delivered, LinkEvent, LinkUp, Message, Signer
from kiosk.links.tls import CERTIFICATE_FAULTS, NO_CHECK_TIME
from wire import chain
from wire.codec import WireError, decode_bundle
from wire.envelopes import MAX_BYTES
from wire.events import DeviceId
from wire.topics import SIGNATURE, Leaf, door_path

log = structlog.get_logger("https")

QUEUED: Final = 16
"""Messages that may wait here: the delivery's window and what is said beside it. The ledger is the queue."""
PATIENCE_S: Final = (5.0, 15.0)
"""Seconds to connect, and for an answer, all of it: both together less than a line waits for a sign of life."""
NOT_DELIVERED: Final = REFUSALS
"""MQTT 5's "unspecified error", for what nobody answered."""
NOT_AUTHORISED: Final = 0x87
"""MQTT 5's "not authorized", for what the door refused."""


class Refusal(msgspec.Struct, frozen=True):
    """The door's no."""

    error: str = "refused"
    text: str = ""


class _Post(NamedTuple):
    token: int
    leaf: Leaf
    content_type: str
    payload: bytes


class HttpsLink:
    """As `kiosk.core.ports.Link`, to `door` (`https://host:port`). `ca` is the PEM file of the installation's CA; `clock_vouched`
    says whether the wall clock can be held against a certificate; `report` hears, once each, why the door refuses this device.
    """

    def __init__(
        self,
        door: str,
        device: DeviceId,
        *,
        signer: Signer,
        ca: Path,
        clock_vouched: Callable[[], bool] = lambda: True,
        report: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self._door = door.rstrip("/")
        self._device = device
        self._signer = signer
        self._ca = ca
        self._clock_vouched = clock_vouched
        self._report = report
        self._tokens = count(1)
        self._poster: _Poster | None = None

    def open(self, heard: Callable[[LinkEvent], None]) -> None:
        """Is up at once: whether the door answers, each message shows."""
        self.close()
        self._poster = _Poster(self._ask, self._session, heard)
        heard(LinkUp())

    def close(self) -> None:
        """What waits is not sent; what is being sent is not heard of any more."""
        poster, self._poster = self._poster, None
        if poster is not None:
            poster.end()

    def publish(self, leaf: Leaf, content_type: str, payload: bytes) -> int | None:
        """Hands a message over to be posted. None when it is closed, full, or the message is too large."""
        poster = self._poster
        if poster is None or poster.waiting >= QUEUED:
            return None
        if len(payload) > MAX_BYTES:
            log.error("message-too-large", leaf=leaf, size=len(payload))
            return None
        token = next(self._tokens)
        poster.post(_Post(token, leaf, content_type, payload))
        return token

    # --- on the poster's thread ---------------------------------------------------------------------------------------------

    def _session(self) -> requests.Session:
        """A connection that trusts the installation's CA and nothing of the environment. Raises `OSError` for an unusable file."""
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self._ca)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslsocket_class = _Bounded
        context.load_verify_locations(self._ca)
        if not self._clock_vouched():
            context.verify_flags |= NO_CHECK_TIME
        session.mount("https://", _Adapter(context))
        return session

    def _ask(self, session: requests.Session, post: _Post) -> list[LinkEvent]:
        """Posts one message. Returns what came of it. Raises what requests raises, and `WireError`."""
        url = f"{self._door}/{door_path(self._device, post.leaf)}"
        statement = chain.request_statement(self._device, post.leaf, post.content_type, post.payload)
        headers = {"Content-Type": post.content_type, SIGNATURE: base64.b64encode(self._signer.sign(statement)).decode()}
        with session.post(
            url, data=post.payload, headers=headers, timeout=PATIENCE_S, allow_redirects=False, stream=True
        ) as response:
            body = response.raw.read(MAX_BYTES + 1, decode_content=True)
            status, content_type = response.status_code, response.headers.get("Content-Type")
        if status != 200:
            return [self._refused(post, status, body)]
        if post.leaf == "up":
            return [Message("down", content_type, body), Delivered(post.token, 0)]
        waiting = decode_bundle(content_type, body).messages
        return [*(Message(each.leaf, each.content_type, each.payload) for each in waiting), Delivered(post.token, 0)]

    def _refused(self, post: _Post, status: int, body: bytes) -> Delivered:
        try:
            refusal = msgspec.json.decode(body, type=Refusal)
        except msgspec.MsgspecError:
            refusal = Refusal(f"HTTP {status}", "What answers at the door's address is no Vidhuk server.")
        log.warning("not-taken", leaf=post.leaf, status=status, error=refusal.error, text=refusal.text)
        if 400 <= status < 500:
            self._report(f"The server's door refuses this device ({refusal.error}). {refusal.text}")
            return Delivered(post.token, NOT_AUTHORISED)
        return Delivered(post.token, NOT_DELIVERED)


class _Poster:
    """One thread that posts what waits, one after the other. A door that does not answer holds up nobody but this thread, which is
    left to itself when the link is closed."""

    def __init__(
        self,
        ask: Callable[[requests.Session, _Post], list[LinkEvent]],
        connect: Callable[[], requests.Session],
        heard: Callable[[LinkEvent], None],
    ) -> None:
        self._ask = ask
        self._connect = connect
        self._heard = heard
        self._posts: queue.SimpleQueue[_Post | None] = queue.SimpleQueue()
        self._ended = False
        self._session: requests.Session | None = None
        self._why = ""
        threading.Thread(target=self._run, name="https", daemon=True).start()

    @property
    def waiting(self) -> int:
        """Messages that wait."""
        return self._posts.qsize()

    def post(self, post: _Post) -> None:
        """`post` is sent soon."""
        self._posts.put(post)

    def end(self) -> None:
        """Sends nothing more and says nothing more."""
        self._ended = True
        self._posts.put(None)

    def _run(self) -> None:
        while (post := self._posts.get()) is not None and not self._ended:
            events = self._outcome(post)
            for event in events:
                if not self._ended:
                    self._heard(event)
        self._hang_up()

    def _outcome(self, post: _Post) -> list[LinkEvent]:
        """What came of `post`. The thread must live whatever happens: each message is answered."""
        try:
            if self._session is None:
                self._session = self._connect()
            events = self._ask(self._session, post)
        except (OSError, requests.RequestException, urllib3.exceptions.HTTPError, WireError) as fault:
            self._complain(_why(fault))
        except Exception:
            log.exception("https-failed")
        else:
            self._why = ""
            return events
        self._hang_up()  # the next one connects afresh, by the clock as it is then
        return [Delivered(post.token, NOT_DELIVERED)]

    def _complain(self, why: str) -> None:
        if why != self._why:
            log.warning("door-not-reached", why=why)
        self._why = why

    def _hang_up(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()


class _Bounded(ssl.SSLSocket):
    """Has for a whole answer the patience that a usual socket has for each piece: a door that trickles would never be given up."""

    _until = math.inf

    def sendall(self, data: Any, flags: int = 0) -> None:
        """As `ssl.SSLSocket`. From now on the answer is waited for."""
        self._until = time.monotonic() + PATIENCE_S[1]
        super().sendall(data, flags)

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """As `ssl.SSLSocket`. Raises `TimeoutError` when the whole answer should have been there."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer does not come to an end")
        self.settimeout(min(left, PATIENCE_S[1]))
        return super().recv_into(buffer, nbytes, flags)


class _Adapter(HTTPAdapter):
    """Lends requests our own TLS context: its own could not leave dates out of the check."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """As `HTTPAdapter`, with the context."""
        super().init_poolmanager(*args, **more, ssl_context=self._context)


def _why(fault: BaseException) -> str:
    """Why a message was not delivered, in words: requests wraps the cause several times."""
    seen: BaseException | None = fault
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            said = f"the server's certificate is not accepted: {seen.verify_message}"
            return CERTIFICATE_FAULTS.get(seen.verify_code, said).format(host="the door")
        causes = (getattr(seen, "reason", None), *seen.args, seen.__cause__)
        seen = next((cause for cause in causes if isinstance(cause, BaseException)), None)
    return str(fault) or type(fault).__name__
