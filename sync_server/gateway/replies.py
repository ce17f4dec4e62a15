"""How the door says no: one stable word for programs, one sentence for people."""

from typing import Final

from django.http import HttpRequest, JsonResponse

COME_BACK_S: Final = 20
"""When whoever was told that we are busy or unwell may try again."""
_PIECE: Final = 16 * 1024


def refusal(reason: str, text: str, status: int) -> JsonResponse:
    """A refusal with its HTTP status; one that will pass says when to come back."""
    response = JsonResponse({"error": reason, "text": text}, status=status)
    if status == 503:
        response["Retry-After"] = str(COME_BACK_S)
    return response


def read_out(request: HttpRequest) -> None:
    """Takes in what is still coming, within reason: who is cut off while sending never hears why."""
    for _ in range(64):
        if not request.read(_PIECE):
            return
