"""Start-up check: every questionnaire file can be used."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from sync_server.surveys.files import QUESTIONNAIRES, QuestionnaireFileError, load


@register("surveys")
def questionnaire_files(**_: Any) -> list[CheckMessage]:
    """surveys.E001: a file is faulty. surveys.E002: there is none."""
    faults: list[CheckMessage] = []
    paths = sorted(QUESTIONNAIRES.glob("*.toml"))
    if not paths:
        faults.append(Error("There is no questionnaire.", hint="Put exit.toml back into assets/questionnaires.", id="surveys.E002"))
    for path in paths:
        try:
            load(path)
        except QuestionnaireFileError as error:
            faults.append(
                Error(
                    f"{error.place}: {error.reason}.",
                    hint=error.fix,
                    id="surveys.E001",
                )
            )
    return faults
