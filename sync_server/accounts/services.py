"""Making people and giving roles. The only writer of this room's tables."""

from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from sync_server.accounts.models import Person, Role
from sync_server.courts.models import Court


@transaction.atomic
def create_person(*, username: str, password: str, full_name: str = "", email: str = "") -> Person:
    """Somebody who can sign in and sees nothing yet.

    Raises `ValidationError` for a name that is taken or malformed and for a password that the rules refuse.
    """
    first, _, last = full_name.strip().partition(" ")
    person = Person(username=username, first_name=first, last_name=last, email=email)
    validate_password(password, person)
    person.set_password(password)
    person.full_clean()
    person.save()
    return person


@transaction.atomic
def give_role(*, person: Person, kind: Role.Kind, court: Court | None = None) -> Role:
    """`person` is `kind` at `court`, or everywhere when `court` is none. Giving it twice changes nothing."""
    role, _ = Role.objects.get_or_create(person=person, kind=kind, court=court)
    return role


@transaction.atomic
def create_administrator(*, username: str, password: str, full_name: str = "") -> Person:
    """A person who administers every court. Raises `ValidationError` as `create_person` does."""
    person = create_person(username=username, password=password, full_name=full_name)
    give_role(person=person, kind=Role.Kind.ADMINISTRATOR)
    return person
