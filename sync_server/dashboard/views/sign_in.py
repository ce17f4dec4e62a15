"""Coming in and going out."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _


class SignInForm(AuthenticationForm):
    """Name and password, with words that help a person who mistyped."""

    error_messages = {
        "invalid_login": _(
            "This name and password do not belong together. Check the keyboard’s language and capital letters, then try again."
        ),
        "inactive": _("This account is closed. Ask your administrator."),
    }

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.fields["username"].label = _("Name")
        self.fields["password"].label = _("Password")
        for field in ("username", "password"):
            self.fields[field].widget.attrs.update({"class": "field", "aria-describedby": "sign-in-faults"})


@method_decorator(login_not_required, name="dispatch")
class SignIn(LoginView):
    """The one page that everybody may see."""

    template_name = "dashboard/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


class SignOut(LogoutView):
    """Only by POST, so that no picture or link can sign a person out."""

    http_method_names = ["post", "options"]
