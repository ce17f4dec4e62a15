"""What the server holds of a device's streams. Reads only."""

from sync_server.ingest.entering import Book, gaps, installation, make_ack
from sync_server.ingest.models import Stream
from wire.envelopes import Ack


def standing(device: str, server_wall: int) -> Ack | None:
    """The acknowledgement that `device` would get now for its newest stream; none before its first greeting."""
    stream = Stream.objects.filter(device__name=device, device__revoked_at=None).order_by("-id").first()
    if stream is None:
        return None
    return make_ack(Book(stream, missing=gaps(stream)), bytes(installation().epoch), server_wall)
