"""How the devices are, as lines for whoever asks on the server itself."""

from collections.abc import Iterable, Iterator, Mapping

from sync_server.fleet.selectors import DeviceReport


def lines(devices: Iterable[DeviceReport], strangers: Mapping[str, int]) -> Iterator[str]:
    """One line for each device, indented ones for what is wrong with it; then what came in names that no device has."""
    for device in devices:
        heard = f"heard {device.heard_at}" if device.heard_at else "never heard"
        presence = "present" if device.present else "away"
        yield f"{device.name}  {presence}, {heard}; {device.stored} rows stored, {device.missing} missing"
        if device.revoked:
            yield "    revoked"
        if device.forked_at is not None:
            yield f"    FORKED at row {device.forked_at}: another card with its name has sent rows; replace the device's identity"
        for reason, times in sorted(device.set_aside.items()):
            yield f"    set aside {times} times: {reason}"
        for note in device.notes:
            yield f"    {note}"
    for reason, times in sorted(strangers.items()):
        yield f"from strangers, set aside {times} times: {reason}"
