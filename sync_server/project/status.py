"""How the devices are, as lines for whoever asks on the server itself."""

from collections.abc import Iterable, Iterator, Mapping

from sync_server.fleet.selectors import DeviceReport


def lines(devices: Iterable[DeviceReport], strangers: Mapping[str, int], warnings: Iterable[str] = ()) -> Iterator[str]:
    """One line for each device, indented ones for what is wrong with it; then what came in names that no device has, and
    `warnings` about the installation as a whole."""
    for device in devices:
        heard = f"heard {device.heard_at}" if device.heard_at else "never heard"
        presence = "present" if device.present else "away"
        yield (
            f"{device.name}  {presence}, {heard};"
            f" {device.stored} rows stored, {device.backed} in a backup, {device.waiting} waiting on the device"
        )
        yield from (f"    {told}" for told in _troubles(device))
    for reason, times in sorted(strangers.items()):
        yield f"from strangers, set aside {times} times: {reason}"
    for warning in warnings:
        yield f"WARNING: {warning}"


def _troubles(device: DeviceReport) -> Iterator[str]:
    if device.revoked:
        yield "revoked"
    if device.forked_at is not None:
        yield (
            f"TWO CARDS from row {device.forked_at} on: its card was copied or set back. Take the copy out;"
            " the device goes on by itself with a new stream"
        )
    elif device.was_copied:
        yield "its card was copied or set back once; it goes on with a new stream. Make sure that no copy of the card is in use"
    if device.missing:
        yield f"{device.missing} rows are asked for again"
    if device.gone:
        yield f"{device.gone} rows are LOST: neither the device nor this server has them"
    if device.at_risk:
        yield f"{device.at_risk} rows MAY BE LOST: a backup restored by force did not hold them; the device's page names them"
    for reason, things in sorted(device.set_aside.items()):
        yield f"set aside {things}: {reason}"
    yield from device.notes
