"""Courts and their exits: `add-court`, `set-court`, `show-court`, `add-exit`, `list-exits`."""

import argparse
import sys

from sync_server.commands.setting_up import init
from sync_server.project.config import ServerConfig


def add_court(options: argparse.Namespace, config: ServerConfig) -> int:
    """`add-court`: a court without exits yet."""
    init(options, config)
    from sync_server.courts.services import open_court

    open_court(slug=options.slug, name_uk=options.name_uk, name_en=options.name_en, timezone=options.timezone)
    print(f"Added {options.slug}. Now give it an exit: ./vidhuk server add-exit --court {options.slug} --name-uk …")
    return 0


def set_court(options: argparse.Namespace, config: ServerConfig) -> int:
    """`set-court`: a court's settings as a file says."""
    init(options, config)
    from sync_server.project.court_settings import change, court_called
    from sync_server.project.setup import studio

    change(court_called(options.slug), options.file, studio(config))
    print(f"{options.slug} is set. Its kiosks hear of it within two minutes; new speech may take some more.")
    return 0


def show_court(options: argparse.Namespace, config: ServerConfig) -> int:
    """`show-court`: a court's settings as such a file."""
    init(options, config)
    from sync_server.courts.files import CREST
    from sync_server.project.court_settings import court_called, save_crest, text_of
    from sync_server.project.setup import studio

    court = court_called(options.slug)
    if options.crest is not None:
        save_crest(court, options.crest)
    print(text_of(court, studio(config), crest_file=options.crest.name if options.crest is not None else CREST), end="")
    return 0


def add_exit(options: argparse.Namespace, config: ServerConfig) -> int:
    """`add-exit`: prints the number of the new exit."""
    init(options, config)
    from sync_server.courts.models import Court
    from sync_server.courts.services import open_exit

    court = Court.objects.filter(slug=options.court).first()
    if court is None:
        sys.stderr.write(f"There is no court {options.court!r}. See list-exits, or make one with add-court.\n")
        return 1
    print(open_exit(court=court, name_uk=options.name_uk, name_en=options.name_en).pk)
    return 0


def list_exits(options: argparse.Namespace, config: ServerConfig) -> int:
    """`list-exits`: every court, and under it its exits with their numbers."""
    init(options, config)
    from sync_server.courts.models import Court

    for court in Court.objects.prefetch_related("exits"):
        print(f"{court.slug}  {court.name_uk}")
        for exit in court.exits.all():
            print(f"  {exit.pk:>4}  {exit.name_uk}")
    return 0
