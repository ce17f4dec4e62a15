"""Releasing questionnaires. The only writer of this room's table."""

from datetime import datetime

import msgspec
from django.db import transaction
from django.db.models import Max

from sync_server.surveys.files import Sheet
from sync_server.surveys.models import Questionnaire


@transaction.atomic
def release(sheet: Sheet, *, released_at: datetime) -> Questionnaire:
    """`sheet` as the next version; the version in force when nothing in it has changed. `released_at` is aware.

    Versions count up over all questionnaires, so that a version alone names what a visitor saw.
    """
    current = Questionnaire.objects.select_for_update().filter(key=sheet.key).order_by("-version").first()
    if current is not None and current.document == _document(sheet, current.version):
        return current
    newest: int = Questionnaire.objects.aggregate(newest=Max("version"))["newest"] or 0
    version = newest + 1
    return Questionnaire.objects.create(version=version, key=sheet.key, document=_document(sheet, version), released_at=released_at)


def _document(sheet: Sheet, version: int) -> object:
    return msgspec.to_builtins(sheet.questionnaire(version))
