"""What granian serves."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

from sync_server.project.serving import notice_the_vanished

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sync_server.project.settings")
_django = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Django's, once granian listens as it should."""
    notice_the_vanished()
    return _django(environ, start_response)
