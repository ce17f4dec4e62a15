"""Django's own commands (`migrate`, `check`, `makemessages` …) for builders and administrators."""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sync_server.project.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
