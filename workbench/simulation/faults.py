"""What can go wrong, each kind with a switch: a run draws some kinds, and for each of them some moments."""

from collections.abc import Callable, Container
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from workbench.simulation.clocks import HOUR, MINUTE, SECOND
from workbench.simulation.kiosk import LEDGER, Kiosk
from workbench.simulation.network import Weather

if TYPE_CHECKING:
    from workbench.simulation.world import World

SHARE: Final = 0.22
"""Of all kinds, drawn for one run: enough to meet one another, few enough that something is left to go wrong with."""

CUT_SHORT: Final = 0.2
"""Of all places that are damaged on a card, those from which on everything is gone."""
MOST_CARDS: Final = 5
"""So many or, of many devices, two more, are no longer cloned."""


def plan(world: "World", surely: Container[str] = ()) -> None:
    """Draws kinds and moments for this run; those of `surely` are drawn always."""
    random, agenda = world.agenda.random, world.agenda
    span = world.busy_until - agenda.now
    for name, fault in KINDS.items():
        if random.random() < SHARE or name in surely:
            for _ in range(random.randrange(1, 4)):
                agenda.at(agenda.now + random.randrange(span // 20, span), _at_its_time(world, name, fault))


def _at_its_time(world: "World", name: str, fault: Callable[["World"], None]) -> Callable[[], None]:
    def happen() -> None:
        if world.agenda.now < world.busy_until:
            fault(world)

    return happen


def _some(world: "World", *, on: bool = True) -> Kiosk | None:
    kiosks = [kiosk for kiosk in world.kiosks if kiosk.on is on and not kiosk.gone]
    return world.agenda.random.choice(kiosks) if kiosks else None


# --- lines ------------------------------------------------------------------------------------------------------------------


def _weather(world: "World") -> None:
    random = world.agenda.random
    weather = Weather(slowest=random.choice((50, 400, 4_000)))
    mishaps = ("lost", "repeated", "delayed", "garbled")
    one = random.choice(mishaps)
    for name in [name for name in mishaps if name == one or random.random() < 0.5]:
        setattr(weather, name, random.choice((0.05, 0.2, 0.5)))
    world.network.weather = weather
    world.agenda.fault("bad weather", "network", str(weather))
    world.agenda.after(random.randrange(2 * MINUTE, 30 * MINUTE), lambda: setattr(world.network, "weather", Weather()))


def _partition(world: "World") -> None:
    kiosk = _some(world)
    if kiosk is None:
        return
    number = kiosk.number
    world.network.cut_off.add(number)
    world.agenda.note(kiosk.name, "cut off")
    world.agenda.after(world.agenda.random.randrange(10 * SECOND, 40 * MINUTE), lambda: world.network.cut_off.discard(number))


def _broker_restart(world: "World") -> None:
    world.network.restart_broker(world.agenda.random.randrange(SECOND, 2 * MINUTE))


def _mqtt_blocked(world: "World") -> None:
    world.network.mqtt_blocked = True
    world.agenda.note("network", "MQTT blocked")
    pause = world.agenda.random.randrange(2 * MINUTE, 60 * MINUTE)
    world.agenda.after(pause, lambda: setattr(world.network, "mqtt_blocked", False))


def _https_blocked(world: "World") -> None:
    world.network.https_blocked = True
    world.agenda.note("network", "HTTPS blocked")
    pause = world.agenda.random.randrange(2 * MINUTE, 60 * MINUTE)
    world.agenda.after(pause, lambda: setattr(world.network, "https_blocked", False))


# --- the server -------------------------------------------------------------------------------------------------------------


def _server_crash(world: "World") -> None:
    random = world.agenda.random
    world.network.crash_next = 0 if random.random() < 0.4 else random.randrange(1, 25)


def _server_away(world: "World") -> None:
    if world.server.up:
        world.agenda.fault("server away", "server")
        world.network.stop_server(world.agenda.random.randrange(SECOND, 15 * MINUTE))


def _little_credit(world: "World") -> None:
    """The server has no time for more than a batch or two of a device, or for none at all."""
    world.server.credit = world.agenda.random.choice((0, 0, 1, 2))
    world.agenda.note("server", f"grants {world.server.credit} batches")
    pause = world.agenda.random.randrange(2 * MINUTE, 40 * MINUTE)
    world.agenda.after(pause, lambda: setattr(world.server, "credit", None))


def _old_server(world: "World") -> None:
    """The server cannot read some of what devices write, until it is brought up to date."""
    random, server = world.agenda.random, world.server
    server.unread = random.choice((0.1, 0.5, 1.0))
    world.agenda.note("server", f"cannot read {server.unread:.0%} of all rows")
    world.agenda.after(random.randrange(2 * MINUTE, 40 * MINUTE), lambda: server.mend() if server.up else None)


def _backup(world: "World") -> None:
    if world.server.up:
        backup = world.server.back_up()
        world.agenda.fault("backup", "server", backup.name)


def _retire(world: "World") -> None:
    server = world.server
    if server.up and len(server.backups) > 1:
        backup = world.agenda.random.choice(server.backups)
        server.retire(backup)
        world.agenda.fault("backup retired", "server", backup.name)


def _restore(world: "World") -> None:
    server, agenda = world.server, world.agenda
    if not server.up:
        return
    if not server.backups:
        _backup(world)
        return
    backup = agenda.random.choice(server.backups)
    before = world.stored()
    server.restore(backup)
    after = world.stored()
    lost = world.truth.forgotten(sorted(before - after))
    agenda.fault("server restored", "server", f"{backup.name}: {len(before - after)} rows gone, {lost} of them for good")
    world.network.stop_server(agenda.random.randrange(SECOND, MINUTE))


def _late_move(world: "World") -> None:
    """Staff write down too late that a device was moved."""
    from sync_server.courts import services as courts
    from sync_server.courts.models import Device

    random, agenda = world.agenda.random, world.agenda
    kiosk = random.choice(world.kiosks)
    since = datetime.fromtimestamp((agenda.now - random.choice((0, random.randrange(3 * HOUR)))) / 1000, UTC)
    device, exit = Device.objects.get(name=kiosk.device), random.choice(world.exits)
    before = device.placements.filter(starts_at__lte=since).order_by("starts_at").last()
    courts.place_device(device=device, exit=exit, starts_at=since)
    if before is None or before.exit_id != exit.pk:
        agenda.fault("late move", kiosk.name)


# --- cards ------------------------------------------------------------------------------------------------------------------


def _dark_for(world: "World", kiosk: Kiosk) -> None:
    agenda = world.agenda
    pause = agenda.random.randrange(2 * SECOND, 20 * MINUTE)
    agenda.after(pause, lambda: kiosk.power_on(world.habit()) if not kiosk.on and not kiosk.gone else None)


def _power_cut(world: "World") -> None:
    """At any moment, or, because that is mostly a quiet one, just after somebody has been thanked."""
    kiosk = _some(world)
    if kiosk is None:
        return

    def cut() -> None:
        world.agenda.fault("power cut", kiosk.name)
        kiosk.power_off(lossy=True)
        _dark_for(world, kiosk)

    if world.agenda.chance(0.3):
        cut()
    else:
        kiosk.after_thanks = cut


def _cut_while_writing(world: "World") -> None:
    """The power goes in the middle of some write, sync or renaming to come."""
    kiosk = _some(world)
    if kiosk is not None:
        kiosk.card.cut(world.agenda.random.randrange(1, 60))
        _look_for_dark(world, kiosk)


def _look_for_dark(world: "World", kiosk: Kiosk) -> None:
    if not kiosk.on and not kiosk.gone:
        _dark_for(world, kiosk)
    elif world.agenda.now < world.busy_until:
        world.agenda.after(30 * SECOND, lambda: _look_for_dark(world, kiosk))


def _reboot(world: "World") -> None:
    kiosk = _some(world)
    if kiosk is not None:
        world.agenda.fault("kernel reboot", kiosk.name)
        kiosk.power_off(lossy=False)
        _dark_for(world, kiosk)


def _kill(world: "World") -> None:
    kiosk = _some(world)
    if kiosk is not None:
        world.agenda.fault("process killed", kiosk.name)
        kiosk.restart_process()


def _card_full(world: "World") -> None:
    kiosk = _some(world)
    if kiosk is not None:
        kiosk.card.fill(True)
        world.agenda.note(kiosk.name, "the card is full")
        world.agenda.after(world.agenda.random.randrange(10 * SECOND, 20 * MINUTE), lambda: kiosk.card.fill(False))


def _sync_fails(world: "World") -> None:
    kiosk = _some(world)
    if kiosk is not None:
        random = world.agenda.random
        kiosk.card.fail_syncs(random.randrange(1, 12), random.choice((1, 1, 2, 5)))
        world.agenda.note(kiosk.name, "syncs are going to fail")


def _slow_card(world: "World") -> None:
    kiosk = _some(world)
    if kiosk is not None:
        kiosk.slow = True
        world.agenda.note(kiosk.name, "the card is slow")
        world.agenda.after(world.agenda.random.randrange(MINUTE, 15 * MINUTE), lambda: setattr(kiosk, "slow", False))


def _image(world: "World", kiosk: Kiosk) -> Path:
    """An image of the card, for which the device is switched off for a moment."""
    world.images_made += 1
    folder = world.folder / f"image-{world.images_made}"
    kiosk.power_off(lossy=False)
    kiosk.card.copy(folder)
    return folder


def _cloned(world: "World") -> None:
    """Somebody copies a card, and both go on."""
    kiosk = _some(world)
    if kiosk is None or len(world.kiosks) >= max(MOST_CARDS, world.devices + 2):
        return
    image = _image(world, kiosk)
    twin = world.clone(kiosk, image)
    world.truth.holds[twin.number] = set(world.truth.holds.get(kiosk.number, ()))
    world.agenda.fault("card cloned", kiosk.name, f"as {twin.name}")
    kiosk.power_on(world.habit())
    twin.power_on(world.habit())
    world.expect_visitors(twin)


def _rolled_back(world: "World") -> None:
    """A card is set back to an image that was made of it some time before."""
    kiosk = _some(world)
    if kiosk is None:
        return
    image = _image(world, kiosk)
    held = set(world.truth.holds.get(kiosk.number, ()))
    kiosk.power_on(world.habit())

    def back() -> None:
        if kiosk.gone or world.agenda.now >= world.busy_until:
            return
        kiosk.power_off(lossy=False)
        kiosk.card.write(image)
        now = world.truth.holds.setdefault(kiosk.number, set())
        lost = world.truth.destroyed(kiosk.number, sorted(now - held), world.stored())
        world.agenda.fault("card rolled back", kiosk.name, f"{len(now - held)} rows off it, {lost} of them for good")
        kiosk.power_on(world.habit())

    world.agenda.after(world.agenda.random.randrange(2 * MINUTE, 40 * MINUTE), back)


def _destroyed(world: "World") -> None:
    """A card dies for good, with what it holds."""
    kiosk = _some(world)
    if kiosk is None or sum(not other.gone for other in world.kiosks) < 2:
        return
    kiosk.power_off(lossy=True)
    kiosk.gone = True
    held = world.truth.holds.get(kiosk.number, set())
    lost = world.truth.destroyed(kiosk.number, sorted(held), world.stored())
    world.agenda.fault("card destroyed", kiosk.name, f"{lost} rows for good")


def _damaged(world: "World") -> None:
    """Bytes of the ledger's files are changed or cut off while the device is off."""
    kiosk = _some(world)
    if kiosk is None:
        return
    kiosk.power_off(lossy=False)
    lost = damage(world, kiosk, kiosk.card.folder / LEDGER)
    world.agenda.fault("ledger damaged", kiosk.name, f"{lost} rows for good")
    kiosk.power_on(world.habit())


def damage(world: "World", kiosk: Kiosk, path: Path) -> int:
    """Changes some bytes of the ledger at `path` or of its log, or cuts them short, and strikes what nobody could read any more off
    the card's account.
    """
    from workbench.simulation.reading import Survey

    random, agenda = world.agenda.random, world.agenda
    log = path.with_name(path.name + "-wal")
    parts = [part for part in (path, log) if part.exists() and part.stat().st_size]
    if not parts:
        return 0
    survey = Survey(path, kiosk.device)
    for _ in range(random.randrange(1, 4)):
        part = random.choice(parts)
        data = bytearray(part.read_bytes())
        at = random.randrange(len(data))
        if random.random() < CUT_SHORT:
            del data[max(1, at) :]
            agenda.fault("ledger cut short", kiosk.name, part.name)
        else:
            width = random.choice((1, 16, 512))
            data[at : at + width] = random.randbytes(len(data[at : at + width]))
        if part == log:
            agenda.fault("log damaged", kiosk.name)
        part.write_bytes(data)  # while it is in no device
    held = world.truth.holds.get(kiosk.number, set())
    gone = held - survey.readable()
    return world.truth.destroyed(kiosk.number, sorted(gone), world.stored())


KINDS: Final[dict[str, Callable[["World"], None]]] = {
    "weather": _weather,
    "partition": _partition,
    "broker restart": _broker_restart,
    "mqtt blocked": _mqtt_blocked,
    "https blocked": _https_blocked,
    "server crash": _server_crash,
    "server away": _server_away,
    "little credit": _little_credit,
    "old server": _old_server,
    "backup": _backup,
    "backup again": _backup,
    "retire": _retire,
    "restore": _restore,
    "late move": _late_move,
    "power cut": _power_cut,
    "cut while writing": _cut_while_writing,
    "reboot": _reboot,
    "kill": _kill,
    "card full": _card_full,
    "sync fails": _sync_fails,
    "slow card": _slow_card,
    "cloned": _cloned,
    "rolled back": _rolled_back,
    "destroyed": _destroyed,
    "damaged": _damaged,
}

MET: Final = (
    "bad weather", "message lost", "message repeated", "message delayed", "message garbled", "acknowledgement lost",
    "acknowledgement delayed", "cut off", "broker restart", "taken over", "MQTT blocked", "HTTPS blocked", "carried by HTTPS",
    "server crash before commit", "server crash after commit", "server away", "backup", "backup retired", "server restored",
    "late move", "power cut", "power cut while writing", "kernel reboot", "process killed", "card full", "sync fails", "slow card",
    "not recorded", "long outage", "full batch", "newest before oldest", "gap asked for again", "several gaps", "card cloned",
    "card rolled back", "card destroyed", "ledger damaged", "stream begun anew", "many rows taken over", "pruned", "clock late",
    "clock never set", "clock years off", "clock jumped", "many kiosks", "credit narrowed", "row set aside",
    "request delayed", "request repeated", "request garbled", "answered late", "answer garbled", "log damaged",
    "ledger cut short", "clock follows a wrong time server", "clock jumped while synchronised",
    "counted at a door",
)  # fmt: skip
"""What a run counts when it has really happened, not merely been drawn."""
