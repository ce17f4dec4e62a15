"""One device: the real conductor, ledger and delivery on a card, a clock and lines of the simulator's."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.core.alarms import Alarms
from kiosk.core.conductor import Conductor
from kiosk.core.delivery import WINDOW
from kiosk.core.passing import Passing
from kiosk.core.ports import Link, LinkEvent, Message
from kiosk.core.progress import Excerpt, Progress, Standing
from kiosk.core.visit import Scene
from kiosk.errors import LedgerError
from kiosk.ledger.keeper import Keeper
from kiosk.workers.sync import Sync
from kiosk.workers.upward import reading
from wire import codec
from wire.codec import WireError
from wire.envelopes import MAX_ROWS, Health
from wire.events import ID_BYTES, DeviceId, Event, StreamId
from wire.topics import Leaf
from workbench.simulation import outage
from workbench.simulation.agenda import Agenda
from workbench.simulation.card import Card
from workbench.simulation.clocks import MINUTE, SECOND, Habit, LyingClock
from workbench.simulation.network import HttpsWay, MqttWay, Network
from workbench.simulation.truth import Fate, Key, Truth
from workbench.simulation.visitors import RULES, Person

LEDGER: Final = "ledger.sqlite3"
SOFTWARE: Final = "simulated"
DOOR: Final = "door"
LONG_MOVE: Final = 1_000
"""Rows that take the ledger several bites."""
REPORT_EVERY: Final = 8 * MINUTE
"""Rarer than in earnest: a report costs a run as much as a batch."""
SLOW: Final = 3 * SECOND
"""A commit that takes longer makes a card a slow one."""


class Signer:
    """The device's key, drawn from the seed."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, statement: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(statement)

    def verifies(self, statement: bytes, signature: bytes) -> bool:
        """No configuration is sent in this world."""
        return False


class Kiosk:
    """A device while it has power, and its card while it has none. `number` tells it from its clones, which share its name."""

    def __init__(
        self, agenda: Agenda, network: Network, truth: Truth, *, number: int, device: DeviceId, signer: Signer, folder: Path
    ) -> None:
        self.number = number
        self.device = device
        self.signer = signer
        self.card = Card(folder)
        self.clock = LyingClock(agenda)
        self.on = False
        self.slow = False
        self.after_thanks: Callable[[], None] | None = None
        """What happens within two seconds of the next commit that is reported."""
        self.gone = False
        self.safe_before: dict[bytes, int] = {}
        """By stream, how far it had forgotten rows when the backups were last looked at."""
        self.keeper: Keeper | None = None
        self.sync: Sync | None = None
        self.person: Person | None = None
        self._agenda = agenda
        self._network = network
        self._truth = truth
        self._life = 0
        self._conductor: Conductor | None = None
        self._passing: Passing | None = None
        self._note: Mapping[str, int] = {}
        """What it has counted at its door and not recorded yet. No cut of the power takes this along."""
        self._free_at = 0
        self._pumping = False
        self._biting = False
        self._alarm = 0
        self._doubtful: list[Key] = []
        self._refused = self.card.refusals
        self._last: Scene | None = None
        self._ways: list[MqttWay | HttpsWay] = []

    @property
    def name(self) -> str:
        """What the trace calls it."""
        return f"{self.device}#{self.number}"

    def stock(self) -> None:
        """Its card is full of rows from a long outage, before it is switched on for the first time."""
        start, commits = outage.visits(self._agenda.random, self._agenda.now)
        keeper = self._ledger()
        keeper.open()
        if not all(keeper.record(commits)):
            raise RuntimeError("a new card does not take rows")
        keeper.close()
        self._truth.boots[start.id] = start
        for rows in commits:
            self._truth.wrote(self.number, self.device, rows, Fate.KEPT)
        outage.promised(self._truth, self.device, commits)
        self._agenda.fault("long outage", self.name, f"{len(commits)} rows")

    def _ledger(self) -> Keeper:
        agenda = self._agenda
        return Keeper(
            self.card.folder / LEDGER,
            now=lambda: agenda.now / 1000,
            birth=lambda: agenda.random.randbytes(ID_BYTES),
            connect=self.card.connect,
        )

    # --- power -------------------------------------------------------------------------------------------------------------

    def power_on(self, habit: Habit) -> None:
        """Starts the kernel and the kiosk."""
        agenda = self._agenda
        boot = self.clock.start(habit)
        self._truth.boots[boot.id] = boot
        agenda.note(self.name, f"on, clock {habit}")
        self._start()

    def _start(self) -> None:
        agenda = self._agenda
        self._truth.meetings.started_afresh(self.clock.boot.id)
        self._life += 1
        self.on = True
        self._free_at = agenda.now
        self._pumping = self._biting = False
        self.keeper = self._ledger()
        try:
            self.keeper.open()
        except LedgerError as fault:
            agenda.note(self.name, f"ledger not opened: {type(fault).__name__}")
        if self._power_gone():
            return
        loop = _Loop(self)
        alarms = Alarms(loop)
        self._conductor = Conductor(
            RULES, clock=self.clock, loop=loop, alarms=alarms, recorder=_Recorder(self), screens=[_Screen(self)],
            alarm=lambda name, text: None,
        )  # fmt: skip
        self._passing = Passing(
            [DOOR], clock=self.clock, loop=loop, alarms=alarms, recorder=_Recorder(self), keep=self._keep_note, kept=self._note
        )
        mqtt = MqttWay(agenda, self._network, self.device, self.number)
        https = HttpsWay(agenda, self._network, self.device, self.number)
        self._ways = [mqtt, https]
        self.sync = Sync(
            device=self.device,
            shelf=_Shelf(self),
            link=_Heard(self, mqtt),
            fallback=lambda: _Heard(self, https),
            signer=self.signer,
            verifier=self.signer,
            clock=self.clock,
            draw=agenda.random.random,
            software=SOFTWARE,
            config_version=1,
            on_config=lambda signed, config: None,
        )
        self._conductor.start()
        self._passing.start()
        self.sync.open()
        self.pump_soon()
        self.bite_soon()
        self.later(agenda.random.randrange(SECOND, REPORT_EVERY), self._report)

    def power_off(self, *, lossy: bool) -> None:
        """The power is cut, or the kernel ends in good order (`lossy` false); then what was written is written."""
        if not self.on:
            return
        self._agenda.note(self.name, "power cut" if lossy else "process killed")
        self.on = False
        self._life += 1
        for way in self._ways:
            way.close()
        if self.person is not None:
            self.person.interrupted()
            self.person = None
        self.card.cut()
        assert self.keeper is not None
        try:
            self.keeper.close()
        except Exception as fault:
            self._agenda.note(self.name, f"closing without power: {type(fault).__name__}")
        self._truth.doubt(self._doubtful)
        self._truth.died(self.device, self.clock.boot.id)
        self._doubtful = []
        self.keeper = self.sync = self._conductor = self._passing = None
        self.card.restart(lossy=lossy, seed=self._agenda.random.getrandbits(64))

    def restart_process(self) -> None:
        """kill -9, and started again within the same boot."""
        self.power_off(lossy=False)
        self._start()

    def _power_gone(self) -> bool:
        """Whether the card died under what has just been done; then the device is dark from now on."""
        refused, before = self.card.refusals, self._refused
        self._refused = refused
        if refused.full > before.full:
            self._agenda.fault("card full", self.name)
        if refused.syncs > before.syncs:
            self._agenda.fault("sync fails", self.name)
        if not self.card.dead or not self.on:
            return not self.on
        self._agenda.fault("power cut while writing", self.name)
        self.power_off(lossy=True)
        return True

    # --- visitors ----------------------------------------------------------------------------------------------------------

    def arrive(self) -> None:
        """Somebody comes through the door, and to the device, if it works and nobody is in front."""
        if self._passing is not None:
            self._truth.passed[self.device] += 1
            self._passing.passed(DOOR, self.clock.stamp())
        if not self.on or self._conductor is None or self.person is not None:
            return
        self.person = Person(self._agenda, self.clock, self._conductor, self._truth, self.device)
        if self._last is not None:
            self.person.see(self._last)
        self._go_on(self.person)

    def show(self, scene: Scene) -> None:
        """The screen has changed."""
        self._last = scene
        if self.person is not None:
            self.person.see(scene)

    def _go_on(self, person: Person) -> None:
        if self.person is not person or not self.on:
            return
        wait = person.act()
        if wait and self.on:
            self.later(wait, lambda: self._go_on(person))
        elif self.person is person:
            self.person = None

    def _keep_note(self, note: Mapping[str, int]) -> None:
        self._note = dict(note)

    # --- the card ----------------------------------------------------------------------------------------------------------

    def record(self, rows: Sequence[Event], done: Callable[[bool], None]) -> None:
        """A commit, which takes its time, behind those before it."""
        random = self._agenda.random
        self._truth.asked(self.device, rows)
        if self.person is not None:
            self.person.caused(rows)
        self._free_at = max(self._free_at, self._agenda.now) + random.randrange(2, 40)
        if self.slow and (wait := random.randrange(0, 9_000)):
            self._free_at += wait
            if wait > SLOW:
                self._agenda.fault("slow card", self.name)
        self.later(self._free_at - self._agenda.now, lambda: self._commit(tuple(rows), done))

    def _commit(self, rows: tuple[Event, ...], done: Callable[[bool], None]) -> None:
        assert self.keeper is not None
        (kept,) = self.keeper.record([rows])
        fate = Fate.KEPT if kept else Fate.UNKNOWN if self.card.dead else Fate.REFUSED
        keys = self._truth.wrote(self.number, self.device, rows, fate)
        self._agenda.note(self.name, f"{len(rows)} rows {fate}")
        if kept:
            self._doubtful = []
        elif fate is Fate.REFUSED:
            self._doubtful += keys
            self._agenda.happened["not recorded"] += 1
        if self._power_gone():
            return
        done(kept)
        if kept and self.sync is not None:
            self.sync.wake()
            self.pump_soon()
        if kept and self.after_thanks is not None:
            self.later(self._agenda.random.randrange(1, 2 * SECOND), self.after_thanks)
            self.after_thanks = None
        self.bite_soon()

    def hears(self, event: LinkEvent) -> None:
        """Something has come over one of its lines; an acknowledgement tells the server's time."""
        if isinstance(event, Message) and event.leaf == "down":
            with suppress(WireError):
                ack = codec.decode_ack(event.content_type, event.payload)
                self._truth.meetings.heard(self.clock.boot.id, ack.server_wall, self._agenda.now)
                self._credited(ack.credit)
        self.pump_soon()

    def _credited(self, batches: int) -> None:
        """It may have so many batches under way. Fewer than it could fill make it wait."""
        if batches < WINDOW and self.keeper is not None:
            with suppress(LedgerError):
                if self.keeper.standing().undelivered > batches * MAX_ROWS:
                    self._agenda.happened["credit narrowed"] += 1

    def speaks_of(self, stream: StreamId) -> None:
        """It is about to tell the server of `stream`."""
        self._truth.streams.add((self.device, stream))

    def sends(self, rows: int) -> None:
        """So many rows are to go into a batch."""
        if rows == MAX_ROWS:
            self._agenda.happened["full batch"] += 1

    def begun_anew(self, standing: Standing) -> None:
        """Its rows are being brought over to another stream."""
        self._agenda.fault("stream begun anew", self.name, f"{standing.moving} rows to move")
        if standing.moving > LONG_MOVE:
            self._agenda.happened["many rows taken over"] += 1
        self.bite_soon()

    def bite_soon(self) -> None:
        """Whatever the ledger has put off is done when it is due and nobody waits."""
        if self.on and not self._biting and self.keeper is not None and (due := self.keeper.due) is not None:
            self._biting = True
            self.later(max(1, due * 1000 - self._agenda.now), self._bite)

    def _bite(self) -> None:
        self._biting = False
        assert self.keeper is not None
        due = self.keeper.due
        if due is not None and due * 1000 <= self._agenda.now:
            came = self.keeper.bite()
            if self._power_gone():
                return
            if came and self.sync is not None:
                self.sync.wake()
                self.pump_soon()
        self.bite_soon()

    def prune(self, older_than: int) -> int:
        """Deletes what may be deleted."""
        assert self.keeper is not None
        gone = 0
        try:
            while count := self.keeper.prune(older_than=older_than):
                gone += count
        except LedgerError as fault:
            self._agenda.note(self.name, f"not pruned: {fault}")
        self._power_gone()
        return gone

    # --- delivery ----------------------------------------------------------------------------------------------------------

    def pump_soon(self) -> None:
        """The delivery has news to look at."""
        if self.on and not self._pumping:
            self._pumping = True
            self.later(1, self._pump)

    def _pump(self) -> None:
        self._pumping = False
        if self.sync is None:
            return
        pause = self.sync.turn()
        if self._power_gone():
            return
        self.bite_soon()
        self._alarm += 1
        alarm = self._alarm
        self.later(max(1.0, pause * 1000), lambda: self._pump() if alarm == self._alarm else None)

    def _report(self) -> None:
        """How the device is, by whichever way is in use."""
        if self.sync is None or self.keeper is None:
            return
        try:
            standing = self.keeper.standing()
        except LedgerError:
            standing = None
        if standing is not None:
            outlook = self.sync.outlook
            self.sync.report(
                Health(
                    v=1,
                    clock=reading(self.clock),
                    uptime_s=0,
                    recorded=standing.next - 1,
                    stored_through=standing.progress.stored_through,
                    free_bytes=0,
                    software=SOFTWARE,
                    config=1,
                    stream=standing.stream,
                    backed_through=standing.progress.backed_through,
                    moving=standing.moving,
                    way=outlook.way.value,
                    echo=outlook.echo,
                    moved_through=standing.moved,
                )
            )
            self.pump_soon()
        self.later(REPORT_EVERY, self._report)

    def later(self, ms: float, call: Callable[[], None]) -> None:
        """Calls `call` in `ms`, unless the device has lost its power by then."""
        life = self._life
        self._agenda.after(ms, lambda: call() if life == self._life and self.on else None)

    def shelf(self, call: Callable[[Keeper], object]) -> object:
        """What the ledger answers. Raises `LedgerError`."""
        if self.keeper is None or self.card.dead:
            raise LedgerError("The power is gone.")
        return call(self.keeper)


class _Screen:
    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk

    def show(self, scene: Scene) -> None:
        self._kiosk.show(scene)


class _Recorder:
    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk

    def append(self, rows: Sequence[Event], done: Callable[[bool], None]) -> None:
        self._kiosk.record(rows, done)


class _Loop:
    """The main thread's loop: turns of the agenda."""

    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk
        self._armed = 0

    def post(self, call: Callable[[], None]) -> None:
        self._kiosk.later(0, call)

    def at(self, deadline_ms: int | None, call: Callable[[], None]) -> None:
        self._armed += 1
        armed = self._armed
        if deadline_ms is not None:
            wait = deadline_ms - self._kiosk.clock.stamp().monotonic + 1
            self._kiosk.later(max(1, wait), lambda: call() if armed == self._armed else None)


class _Shelf:
    """The keeper as the delivery sees it."""

    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk

    def standing(self) -> Standing:
        found = self._kiosk.shelf(lambda keeper: keeper.standing())
        assert isinstance(found, Standing)
        self._kiosk.speaks_of(found.stream)
        return found

    def read(self, stream: StreamId, first: int, count: int) -> Excerpt:
        found = self._kiosk.shelf(lambda keeper: keeper.read(stream, first, count))
        assert isinstance(found, Excerpt)
        self._kiosk.sends(len(found.rows))
        return found

    def remember(self, stream: StreamId, progress: Progress, *, now: bool = False) -> None:
        self._kiosk.shelf(lambda keeper: keeper.remember(stream, progress, now=now))

    def prune(self, *, older_than: int) -> int:
        return self._kiosk.prune(older_than)

    def begin_anew(self, stream: StreamId, progress: Progress) -> Standing:
        found = self._kiosk.shelf(lambda keeper: keeper.begin_anew(stream, progress))
        assert isinstance(found, Standing)
        self._kiosk.speaks_of(found.stream)
        self._kiosk.begun_anew(found)
        return found


class _Heard:
    """A link that wakes the device's delivery whenever it has something to say."""

    def __init__(self, kiosk: Kiosk, way: MqttWay | HttpsWay) -> None:
        self._kiosk = kiosk
        self._way: Link = way

    def open(self, heard: Callable[[LinkEvent], None]) -> None:
        def and_wake(event: LinkEvent) -> None:
            heard(event)
            self._kiosk.hears(event)

        self._way.open(and_wake)

    def close(self) -> None:
        self._way.close()

    def publish(self, leaf: Leaf, content_type: str, payload: bytes) -> int | None:
        return self._way.publish(leaf, content_type, payload)
