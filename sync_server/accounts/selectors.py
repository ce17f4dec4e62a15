"""What a person may see. Reads only; every page that shows a court asks here first."""

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from sync_server.accounts.models import Person, Role
from sync_server.courts.models import Court


def courts_visible_to(person: Person | AnonymousUser) -> QuerySet[Court]:
    """The courts at which `person` holds any role; every court when one of their roles names none.

    Nobody who isn't signed in, or whose account is closed, sees a court. Being Django's superuser opens nothing: roles do.
    """
    if not isinstance(person, Person) or not person.is_active:
        return Court.objects.none()
    roles = Role.objects.filter(person=person)
    if roles.filter(court__isnull=True).exists():
        return Court.objects.all()
    return Court.objects.filter(id__in=roles.values("court_id"))
