"""What a person may see. Reads only; every page that shows a court asks here first."""

from typing import Final

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from sync_server.accounts.models import Person, Role
from sync_server.courts.models import Court

KEEPERS: Final = (Role.Kind.ADMINISTRATOR, Role.Kind.FACILITY)
"""Who looks after devices."""


def courts_visible_to(person: Person | AnonymousUser) -> QuerySet[Court]:
    """The courts at which `person` holds any role; every court when one of their roles names none.

    Nobody who isn't signed in, or whose account is closed, sees a court. Being Django's superuser opens nothing: roles do.
    """
    return _courts_of(_roles(person))


def courts_kept_by(person: Person | AnonymousUser) -> QuerySet[Court]:
    """The courts whose devices `person` looks after, as facility staff or as administrator."""
    return _courts_of(_roles(person).filter(kind__in=KEEPERS))


def keeps_every_court(person: Person | AnonymousUser) -> bool:
    """Whether `person` looks after the devices of every court, and so of none too: those that stand nowhere, and strangers."""
    return _roles(person).filter(kind__in=KEEPERS, court__isnull=True).exists()


def _roles(person: Person | AnonymousUser) -> QuerySet[Role]:
    if not isinstance(person, Person) or not person.is_active:
        return Role.objects.none()
    return Role.objects.filter(person=person)


def _courts_of(roles: QuerySet[Role]) -> QuerySet[Court]:
    if roles.filter(court__isnull=True).exists():
        return Court.objects.all()
    return Court.objects.filter(id__in=roles.values("court_id"))
